//! One HTTP exchange with a provider. Rule: each wait in it has a deadline, each buffer a bound,
//! and dropping it closes the connection.

use bytes::Bytes;
use modehost_contract::service::ModelPart;
use modehost_limits as limits;
use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::{Answer, Assembly, Packet};
use crate::client::Client;
use crate::fault::Fault;
use crate::meter::Meter;
use crate::question::Question;
use crate::sse::Events;

/// What is needed for a try.
pub(crate) struct Attempt<'a> {
    pub client: &'a Client,
    pub question: &'a Question,
    /// The end of the question in all.
    pub deadline: Instant,
    pub parts: &'a mpsc::Sender<ModelPart>,
    pub meter: &'a mut Meter,
    /// Whether the one who asked has got a piece: then there is no further try.
    pub given: &'a mut bool,
}

impl Attempt<'_> {
    /// Asks and gives pieces on as they come, if they are wanted.
    ///
    /// # Errors
    /// Whatever goes wrong; pieces may have been given on by then.
    pub(crate) async fn run(mut self) -> Result<Answer, Fault> {
        let terms = &self.client.terms;
        let http = self.client.endpoint.http.as_ref().ok_or(Fault::NoTls)?;
        let body = self.question.body(terms, &self.client.quirks);
        let accepted = if self.question.chunks { "text/event-stream" } else { "application/json" };
        let mut request =
            http.post(&terms.address).header(CONTENT_TYPE, "application/json").header(ACCEPT, accepted).body(body);
        if let Some(key) = &terms.authorization {
            request = request.header(AUTHORIZATION, key.clone());
        }
        // A whole answer has no first piece: it may take as long as there is.
        let started = Instant::now();
        let silence = if self.question.chunks { started + terms.first_token_timeout } else { self.deadline };
        let response = match timeout_at(silence.min(self.deadline), request.send()).await {
            Ok(sent) => sent.map_err(|error| if error.is_connect() { Fault::Unreachable } else { Fault::Closed })?,
            Err(_) => return Err(self.overdue(silence, Fault::Silent(terms.first_token_timeout))),
        };
        if !response.status().is_success() {
            return Err(self.refusal(response).await);
        }
        if is_stream(&response, self.question.chunks) {
            self.read_stream(response, silence).await
        } else {
            self.read_whole(response).await
        }
    }

    /// Which of two deadlines has passed.
    fn overdue(&self, inner: Instant, fault: Fault) -> Fault {
        if inner < self.deadline { fault } else { Fault::Slow(self.client.terms.timeout) }
    }

    async fn refusal(&self, mut response: Response) -> Fault {
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
        Fault::of_status(status, wait, &said)
    }

    async fn read_whole(&mut self, mut response: Response) -> Result<Answer, Fault> {
        let mut body = Vec::new();
        loop {
            match timeout_at(self.deadline, response.chunk()).await {
                Ok(Ok(Some(bytes))) => {
                    // With room for what stands around the answer, and for thoughts.
                    if body.len() + bytes.len() > limits::MODEL_EVENT_BYTES {
                        return Err(Fault::TooLong);
                    }
                    body.extend_from_slice(&bytes);
                }
                Ok(Ok(None)) => break,
                Ok(Err(_)) => return Err(Fault::Cut),
                Err(_) => return Err(Fault::Slow(self.client.terms.timeout)),
            }
        }
        self.meter.count_token();
        let (mut assembly, mut fresh) = (Assembly::default(), String::new());
        assembly.take(Packet::read(&body)?, &mut fresh)?;
        assembly.append(&fresh);
        let answer = assembly.complete()?;
        if !answer.text.is_empty() {
            self.give(answer.text.clone()).await?;
        }
        Ok(answer)
    }

    async fn read_stream(&mut self, mut response: Response, mut silence: Instant) -> Result<Answer, Fault> {
        let (mut events, mut complete) = (Events::default(), Vec::new());
        let mut assembly = Assembly::default();
        let gap = limits::MODEL_TOKEN_GAP.min(self.client.terms.first_token_timeout);
        let (mut read, mut begun, mut over) = (0, false, false);
        while !over {
            let bytes: Option<Bytes> = match timeout_at(silence.min(self.deadline), response.chunk()).await {
                Ok(Ok(bytes)) => bytes,
                Ok(Err(_)) if assembly.is_finished() => None,
                Ok(Err(_)) => return Err(Fault::Cut),
                // All is said but the usage.
                Err(_) if assembly.is_finished() => None,
                Err(_) => {
                    let terms = &self.client.terms;
                    let fault = if begun { Fault::Stalled(gap) } else { Fault::Silent(terms.first_token_timeout) };
                    return Err(self.overdue(silence, fault));
                }
            };
            let pushed = match &bytes {
                Some(bytes) => {
                    read += bytes.len();
                    if read > limits::MODEL_BODY_BYTES {
                        return Err(Fault::TooLong);
                    }
                    events.push(bytes, &mut complete)
                }
                None => events.finish(&mut complete),
            };
            let (mut fresh, mut gave) = (String::new(), false);
            for data in complete.drain(..) {
                if data.trim() == "[DONE]" {
                    over = true;
                    break;
                }
                let taken = Packet::read(data.as_bytes()).and_then(|packet| assembly.take(packet, &mut fresh));
                match taken {
                    Ok(one) => gave |= one,
                    // All is said but the usage, and that can be done without.
                    Err(_) if assembly.is_finished() => {
                        over = true;
                        break;
                    }
                    Err(fault) => return Err(fault),
                }
            }
            // Behind the events before it, one of which may have been the end.
            if let Err(fault) = pushed {
                if !over && !assembly.is_finished() {
                    return Err(fault.into());
                }
                over = true;
            }
            if gave {
                begun = true;
                self.meter.count_token();
            }
            if !fresh.is_empty() {
                assembly.append(&fresh);
                self.give(fresh).await?;
            }
            // The time that the one who asked took for a piece is not the provider's.
            if assembly.is_finished() {
                silence = Instant::now() + limits::MODEL_TAIL;
            } else if gave {
                silence = Instant::now() + gap;
            }
            if bytes.is_none() {
                break;
            }
        }
        if over {
            let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
            let _ = timeout(limits::MODEL_DRAIN, rest).await;
        } else if !assembly.is_finished() {
            return Err(if begun { Fault::Cut } else { Fault::Garbled("a stream without an answer") });
        }
        assembly.complete()
    }

    /// Gives a piece on, as soon as there is room.
    async fn give(&mut self, text: String) -> Result<(), Fault> {
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

/// Whether the body is to be read as events. Some services stream whatever was asked for, some
/// never do, some do not say.
fn is_stream(response: &Response, asked: bool) -> bool {
    let kind = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "text/event-stream" => true,
        "application/json" => false,
        _ => asked,
    }
}
