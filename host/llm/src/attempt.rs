//! One HTTP exchange with a provider. Rule: each wait in it has a deadline, each buffer a bound,
//! and dropping it closes the connection.

use std::time::Duration;

use crate::limits;
use bytes::Bytes;
use modehost_contract::service::ModelPart;
use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::{Answer, Assembly};
use crate::client::Client;
use crate::fault::Fault;
use crate::frame::{Frame, Frames};
use crate::meter::Meter;
use crate::packet::Packet;
use crate::question::Question;
use crate::refusal::{Advice, Refusal};
use crate::remedy::Plan;

/// What is needed for a try.
pub(crate) struct Attempt<'a> {
    pub client: &'a Client,
    pub question: &'a Question,
    pub plan: &'a Plan,
    /// The end of the question in all.
    pub deadline: Instant,
    pub parts: &'a mpsc::Sender<ModelPart>,
    pub meter: &'a mut Meter,
    /// Whether the one who asked has got a piece: then there is no further try.
    pub given: &'a mut bool,
}

/// Why a try has failed, and what may help.
pub(crate) struct Trouble {
    pub fault: Fault,
    pub advice: Option<Advice>,
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self { fault, advice: None }
    }
}

/// An answer that is being read.
struct Reading {
    frames: Frames,
    assembly: Assembly,
    /// The service has said that it is over, or what follows the end makes no sense.
    over: bool,
    /// Words came that are no part of an answer.
    odd: bool,
    /// Text came behind the end: then its ends are not to be believed.
    early: bool,
}

impl Attempt<'_> {
    /// Asks and gives pieces on as they come, if they are wanted.
    ///
    /// # Errors
    /// Whatever goes wrong; pieces may have been given on by then.
    pub(crate) async fn run(mut self) -> Result<Answer, Trouble> {
        let terms = &self.client.terms;
        let http = self.client.endpoint.http.as_ref().ok_or(Fault::NoTls)?;
        let streams = self.question.streams(self.plan);
        let accepted = if streams { "text/event-stream" } else { "application/json" };
        let mut request = http
            .post(&terms.address)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, accepted)
            .body(self.question.body(terms, self.plan));
        if let Some(key) = &terms.authorization {
            request = request.header(AUTHORIZATION, key.clone());
        }
        // A whole answer has no first piece: it may take as long as there is.
        let started = Instant::now();
        let silence = if streams { started + terms.first_token_timeout } else { self.deadline };
        let response = match timeout_at(silence.min(self.deadline), request.send()).await {
            Ok(sent) => sent.map_err(|error| if error.is_connect() { Fault::Unreachable } else { Fault::Closed })?,
            Err(_) => return Err(self.overdue(silence, Fault::Silent(terms.first_token_timeout)).into()),
        };
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        self.read(response, silence).await
    }

    /// Which of two deadlines has passed.
    fn overdue(&self, inner: Instant, fault: Fault) -> Fault {
        if inner < self.deadline { fault } else { Fault::Slow(self.client.terms.timeout) }
    }

    async fn refusal(&self, mut response: Response) -> Trouble {
        let status = response.status().as_u16();
        let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        // Longer than anybody waits here is long enough; a time beyond all clocks has no end.
        let wait = wait.map(|seconds| Duration::from_secs(seconds).min(self.client.terms.timeout.saturating_mul(2)));
        let mut said = Vec::new();
        let read = async {
            while let Ok(Some(bytes)) = response.chunk().await {
                said.extend_from_slice(&bytes);
                if said.len() > limits::MODEL_ERROR_BYTES {
                    return;
                }
            }
        };
        // The status alone tells most of it.
        let _ = timeout_at(self.deadline.min(Instant::now() + limits::MODEL_TAIL), read).await;
        said.truncate(limits::MODEL_ERROR_BYTES);
        let advice = self.advice(&Refusal::of_status(status, &said));
        Trouble { fault: Fault::of_status(status, wait, &said), advice }
    }

    /// An error in place of an answer, or of a piece of it.
    fn reported(&self, error: &Value) -> Trouble {
        Trouble { fault: Fault::reported(error), advice: self.advice(&Refusal::reported(error)) }
    }

    fn advice(&self, refusal: &Refusal) -> Option<Advice> {
        refusal.advice(self.question, &self.client.terms, self.plan)
    }

    /// Reads an answer, streamed or not, whatever it is called.
    async fn read(&mut self, mut response: Response, mut silence: Instant) -> Result<Answer, Trouble> {
        let terms = &self.client.terms;
        let offer = self.question.offer.clone().filter(|_| self.question.offers_tools(self.plan));
        let mut reading = Reading {
            frames: Frames::default(),
            assembly: Assembly::new(offer, self.client.model.opens_in_thought()),
            over: false,
            odd: false,
            early: false,
        };
        let gap = limits::MODEL_TOKEN_GAP.min(terms.first_token_timeout);
        let (mut read, mut begun, mut ended) = (0, false, false);
        while !reading.over && !ended {
            let bytes: Option<Bytes> = match timeout_at(silence.min(self.deadline), response.chunk()).await {
                Ok(Ok(bytes)) => bytes,
                // All is said but the usage.
                Ok(Err(_)) if reading.assembly.is_finished() => None,
                Err(_) if reading.assembly.says_end() => None,
                Ok(Err(_)) => return Err(Fault::Cut.into()),
                Err(_) if begun => return Err(self.overdue(silence, Fault::Stalled(gap)).into()),
                Err(_) => return Err(self.overdue(silence, Fault::Silent(terms.first_token_timeout)).into()),
            };
            ended = bytes.is_none();
            read += bytes.as_ref().map_or(0, Bytes::len);
            if read > limits::MODEL_BODY_BYTES {
                return Err(Fault::TooLong.into());
            }
            let gave = self.handle(&mut reading, bytes.as_deref())?;
            // Whoever hears thoughts breaks the answer off: what is known by then must not be lost.
            if reading.assembly.has_unopened() {
                self.client.model.record_habits(reading.assembly.habits());
            }
            if gave {
                begun = true;
                self.meter.count_token();
            }
            if let Some(fresh) = reading.assembly.drain_fresh() {
                self.send(fresh).await?;
            }
            // The time that the one who asked took for a piece is not the provider's.
            if reading.assembly.is_finished() && !reading.early {
                silence = Instant::now() + limits::MODEL_TAIL;
            } else if gave {
                silence = Instant::now() + gap;
            }
        }
        if reading.over {
            let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
            let _ = timeout(limits::MODEL_DRAIN, rest).await;
        }
        self.complete(reading).await
    }

    /// Takes bytes, or the end of them. Says whether the model gave anything.
    fn handle(&self, reading: &mut Reading, bytes: Option<&[u8]>) -> Result<bool, Trouble> {
        let mut found = Vec::new();
        let pushed = match bytes {
            Some(bytes) => reading.frames.push(bytes, &mut found),
            None => reading.frames.finish(&mut found),
        };
        let mut gave = false;
        for frame in found {
            let finished = reading.assembly.is_finished();
            let packet = match frame {
                Frame::Done => {
                    reading.over = true;
                    return Ok(gave);
                }
                Frame::Words => {
                    reading.odd = true;
                    continue;
                }
                Frame::Broken => Err(Fault::Garbled("half an event")),
                Frame::Error(json) => Ok(Packet::read_error(&json)),
                Frame::Object(json) => Packet::read(&json),
            };
            let taken = match packet {
                Ok(Packet { error: Some(error), .. }) => Err(self.reported(&error)),
                Ok(packet) => reading.assembly.push(packet).map_err(Trouble::from),
                Err(fault) => Err(fault.into()),
            };
            match taken {
                Ok(one) => {
                    gave |= one;
                    reading.early |= one && finished;
                }
                // All is said but the usage, and that can be done without.
                Err(_) if finished => {
                    reading.over = true;
                    return Ok(gave);
                }
                Err(trouble) => return Err(trouble),
            }
        }
        // Behind the events before it, one of which may have been the end.
        match pushed {
            Err(_) if reading.assembly.is_finished() => reading.over = true,
            pushed => pushed.map_err(Fault::from)?,
        }
        Ok(gave)
    }

    async fn complete(&mut self, mut reading: Reading) -> Result<Answer, Trouble> {
        let assembly = &mut reading.assembly;
        let said_so = reading.over || assembly.says_end();
        if !said_so {
            // The transfer has ended as it should, which is an end, too; unless something is missing.
            if !assembly.has_begun() {
                return Err(Fault::Garbled("no answer").into());
            }
            if reading.odd || !assembly.has_whole_calls() {
                return Err(Fault::Cut.into());
            }
        }
        assembly.close(said_so)?;
        if let Some(fresh) = assembly.drain_fresh() {
            self.send(fresh).await?;
        }
        self.client.model.record_habits(assembly.habits());
        Ok(reading.assembly.complete()?)
    }

    /// Gives a piece on, as soon as there is room.
    async fn send(&mut self, text: String) -> Result<(), Fault> {
        if !self.question.chunks {
            return Ok(());
        }
        *self.given = true;
        match timeout_at(self.deadline, self.parts.send(ModelPart::Chunk(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Fault::Unwanted),
            Err(_) => Err(Fault::Slow(self.client.terms.timeout)),
        }
    }
}
