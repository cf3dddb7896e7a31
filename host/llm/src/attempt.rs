//! One HTTP exchange with a provider. Rule: each wait in it has a deadline, each buffer a bound, and dropping it closes
//! the connection.

use std::time::Duration;

use crate::limits;
use bytes::Bytes;
use modehost_contract::service::ModelPart;
use reqwest::Response;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use crate::answer::{Answer, AnswerBuilder};
use crate::client::Client;
use crate::fault::Fault;
use crate::frame::{Frame, Frames};
use crate::packet::Packet;
use crate::question::Question;
use crate::rejection::{Advice, Rejection};
use crate::remedy::Plan;
use crate::request_metrics::RequestMetrics;

/// The context of one attempt.
pub(crate) struct Attempt<'a> {
    pub client: &'a Client,
    pub question: &'a Question,
    pub plan: &'a Plan,
    /// Deadline of the whole question.
    pub deadline: Instant,
    pub parts: &'a mpsc::Sender<ModelPart>,
    pub metrics: &'a mut RequestMetrics,
    /// Whether a chunk has been sent to the caller: then there are no retries.
    pub chunk_sent: &'a mut bool,
}

/// Why an attempt has failed, and which change of the request may help.
pub(crate) struct AttemptError {
    pub fault: Fault,
    pub advice: Option<Advice>,
}

impl From<Fault> for AttemptError {
    fn from(fault: Fault) -> Self {
        Self { fault, advice: None }
    }
}

/// State of a response that is being read.
struct ResponseState {
    frames: Frames,
    builder: AnswerBuilder,
    /// The service has reported the end, or data after the end is invalid.
    done: bool,
    /// Text arrived that is not part of any answer.
    has_garbage: bool,
    /// Output arrived after a finish reason: then its finish reasons are unreliable.
    has_late_output: bool,
}

impl Attempt<'_> {
    /// Sends the request and, if the caller wants chunks, forwards them as they arrive.
    ///
    /// # Errors
    /// Any failure; chunks may have been sent by then.
    pub(crate) async fn run(mut self) -> Result<Answer, AttemptError> {
        let settings = &self.client.settings;
        let http = self.client.endpoint.http.as_ref().ok_or(Fault::NoTls)?;
        let is_streamed = self.question.is_streamed(self.plan);
        let accepted = if is_streamed { "text/event-stream" } else { "application/json" };
        let mut request = http
            .post(&settings.address)
            .header(CONTENT_TYPE, "application/json")
            .header(ACCEPT, accepted)
            .body(self.question.body(settings, self.plan));
        if let Some(key) = &settings.authorization {
            request = request.header(AUTHORIZATION, key.clone());
        }
        // A non-streamed answer has no first token: it may take the whole time.
        let started = Instant::now();
        let idle_deadline = if is_streamed { started + settings.first_token_timeout } else { self.deadline };
        let response = match timeout_at(idle_deadline.min(self.deadline), request.send()).await {
            Ok(sent) => {
                sent.map_err(|error| if error.is_connect() { Fault::Unreachable } else { Fault::ConnectionClosed })?
            }
            Err(_) => {
                return Err(self.expired(idle_deadline, Fault::NoFirstToken(settings.first_token_timeout)).into());
            }
        };
        if !response.status().is_success() {
            return Err(self.rejection(response).await);
        }
        self.read(response, idle_deadline).await
    }

    /// The fault of whichever deadline has passed.
    fn expired(&self, inner: Instant, fault: Fault) -> Fault {
        if inner < self.deadline { fault } else { Fault::TimedOut(self.client.settings.timeout) }
    }

    async fn rejection(&self, mut response: Response) -> AttemptError {
        let status = response.status().as_u16();
        let retry_after =
            response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok());
        // Capped: a longer wait exceeds the deadline anyway, and a huge value would overflow the clock.
        let retry_after =
            retry_after.map(|seconds| Duration::from_secs(seconds).min(self.client.settings.timeout.saturating_mul(2)));
        let mut body = Vec::new();
        let read = async {
            while let Ok(Some(bytes)) = response.chunk().await {
                body.extend_from_slice(&bytes);
                if body.len() > limits::MODEL_ERROR_BYTES {
                    return;
                }
            }
        };
        // The status alone is usually enough, so a failed read is ignored.
        let _ = timeout_at(self.deadline.min(Instant::now() + limits::MODEL_TAIL), read).await;
        body.truncate(limits::MODEL_ERROR_BYTES);
        let advice = self.advice(&Rejection::of_status(status, &body));
        AttemptError { fault: Fault::of_status(status, retry_after, &body), advice }
    }

    /// An error object in place of an answer or of a packet.
    fn reported(&self, error: &Value) -> AttemptError {
        AttemptError { fault: Fault::reported(error), advice: self.advice(&Rejection::reported(error)) }
    }

    fn advice(&self, rejection: &Rejection) -> Option<Advice> {
        rejection.advice(self.question, &self.client.settings, self.plan)
    }

    /// Reads an answer, streamed or not, whatever its content type.
    async fn read(&mut self, mut response: Response, mut idle_deadline: Instant) -> Result<Answer, AttemptError> {
        let settings = &self.client.settings;
        let tool_list = self.question.tool_list.clone().filter(|_| self.question.offers_tools(self.plan));
        let mut state = ResponseState {
            frames: Frames::default(),
            builder: AnswerBuilder::new(tool_list, self.client.model.starts_in_reasoning()),
            done: false,
            has_garbage: false,
            has_late_output: false,
        };
        let gap = limits::MODEL_TOKEN_GAP.min(settings.first_token_timeout);
        let (mut read, mut started_output, mut ended) = (0, false, false);
        while !state.done && !ended {
            let bytes: Option<Bytes> = match timeout_at(idle_deadline.min(self.deadline), response.chunk()).await {
                Ok(Ok(bytes)) => bytes,
                // Only the usage is missing.
                Ok(Err(_)) if state.builder.is_finished() => None,
                Err(_) if state.builder.has_finish_reason() => None,
                Ok(Err(_)) => return Err(Fault::Truncated.into()),
                Err(_) if started_output => return Err(self.expired(idle_deadline, Fault::Stalled(gap)).into()),
                Err(_) => {
                    return Err(self.expired(idle_deadline, Fault::NoFirstToken(settings.first_token_timeout)).into());
                }
            };
            ended = bytes.is_none();
            read += bytes.as_ref().map_or(0, Bytes::len);
            if read > limits::MODEL_BODY_BYTES {
                return Err(Fault::TooLong.into());
            }
            let has_output = self.handle(&mut state, bytes.as_deref())?;
            // A caller may cancel when it hears reasoning: record what is known before sending.
            if state.builder.has_unopened_reasoning() {
                self.client.model.record_traits(state.builder.traits());
            }
            if has_output {
                started_output = true;
                self.metrics.record_first_token();
            }
            if let Some(unsent) = state.builder.take_unsent() {
                self.send(unsent).await?;
            }
            // Restart the timeout here, since the time that the caller took for a chunk is not the provider's.
            if state.builder.is_finished() && !state.has_late_output {
                idle_deadline = Instant::now() + limits::MODEL_TAIL;
            } else if has_output {
                idle_deadline = Instant::now() + gap;
            }
        }
        if state.done {
            let rest = async { while let Ok(Some(_)) = response.chunk().await {} };
            let _ = timeout(limits::MODEL_DRAIN, rest).await;
        }
        self.complete(state).await
    }

    /// Handles bytes, or the end of the body. Returns whether the model produced anything.
    fn handle(&self, state: &mut ResponseState, bytes: Option<&[u8]>) -> Result<bool, AttemptError> {
        let mut found = Vec::new();
        let pushed = match bytes {
            Some(bytes) => state.frames.push(bytes, &mut found),
            None => state.frames.finish(&mut found),
        };
        let mut has_output = false;
        for frame in found {
            let finished = state.builder.is_finished();
            let packet = match frame {
                Frame::Done => {
                    state.done = true;
                    return Ok(has_output);
                }
                Frame::Unknown => {
                    state.has_garbage = true;
                    continue;
                }
                Frame::Truncated => Err(Fault::Malformed("half an event")),
                Frame::Error(json) => Ok(Packet::read_error(&json)),
                Frame::Object(json) => Packet::read(&json),
            };
            let pushed_packet = match packet {
                Ok(Packet { error: Some(error), .. }) => Err(self.reported(&error)),
                Ok(packet) => state.builder.push(packet).map_err(AttemptError::from),
                Err(fault) => Err(fault.into()),
            };
            match pushed_packet {
                Ok(one) => {
                    has_output |= one;
                    state.has_late_output |= one && finished;
                }
                // Only the usage is missing, which is optional.
                Err(_) if finished => {
                    state.done = true;
                    return Ok(has_output);
                }
                Err(error) => return Err(error),
            }
        }
        // Checked after the events before it, one of which may have been the end.
        match pushed {
            Err(_) if state.builder.is_finished() => state.done = true,
            pushed => pushed.map_err(Fault::from)?,
        }
        Ok(has_output)
    }

    async fn complete(&mut self, mut state: ResponseState) -> Result<Answer, AttemptError> {
        let builder = &mut state.builder;
        let ended = state.done || builder.has_finish_reason();
        if !ended {
            // The body has ended regularly, which is an end as well, unless something is missing.
            if !builder.has_started() {
                return Err(Fault::Malformed("no answer").into());
            }
            if state.has_garbage || !builder.has_complete_calls() {
                return Err(Fault::Truncated.into());
            }
        }
        builder.close(ended)?;
        if let Some(unsent) = builder.take_unsent() {
            self.send(unsent).await?;
        }
        self.client.model.record_traits(builder.traits());
        Ok(state.builder.complete()?)
    }

    /// Sends a chunk to the caller, as soon as the channel has capacity.
    async fn send(&mut self, text: String) -> Result<(), Fault> {
        if !self.question.chunks {
            return Ok(());
        }
        *self.chunk_sent = true;
        match timeout_at(self.deadline, self.parts.send(ModelPart::Chunk(text.into()))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Fault::Cancelled),
            Err(_) => Err(Fault::TimedOut(self.client.settings.timeout)),
        }
    }
}
