//! Client of Volcengine (Doubao) streaming recognition, API v3 (`/api/v3/sauc/…`). Rule: one connection per attempt;
//! audio is sent while results are received, and the last packet is marked at once, since the service waits for the
//! marker.

pub mod frame;

use std::sync::Arc;

use crate::limits;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use modehost_breaker::Breaker;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::json;
use tokio_tungstenite::tungstenite::Message;

use self::frame::Reply;
use super::socket::{ProviderMessage, Socket, WsEndpoint, insert_sensitive};
use super::{AsrResults, AudioReader, Recogniser, breaker};
use crate::config::{DoubaoConfig, Key};
use crate::fault::{Fault, FaultKind};
use crate::vad::RATE;

const NAME: &str = "doubao";

/// Error code: no speech in the audio.
const NO_SPEECH: u32 = 45_000_002;
/// Error code: the service timed out waiting for a packet.
const PACKET_TIMEOUT: u32 = 45_000_081;
const BUSY: u32 = 55_000_031;

/// The service.
pub(super) struct Doubao {
    breaker: Arc<Breaker>,
    endpoint: WsEndpoint,
    app_key: Key,
    access_key: Key,
    resource_id: String,
    language: Option<String>,
    end_window_ms: u64,
}

#[derive(Deserialize)]
struct ResultMessage {
    result: Option<RecognitionResult>,
}

#[derive(Deserialize)]
struct RecognitionResult {
    #[serde(default)]
    text: String,
    #[serde(default)]
    utterances: Vec<Sentence>,
}

#[derive(Deserialize)]
struct Sentence {
    #[serde(default)]
    text: String,
    #[serde(default)]
    end_time: i64,
    #[serde(default)]
    definite: bool,
}

impl Doubao {
    pub(super) fn new(config: &DoubaoConfig) -> Self {
        Self {
            breaker: breaker(NAME),
            endpoint: WsEndpoint::new(NAME, &config.url, false),
            app_key: config.app_key.clone(),
            access_key: config.access_key.clone(),
            resource_id: config.resource_id.clone(),
            language: config.language.clone(),
            end_window_ms: config.end_window_ms,
        }
    }

    async fn open(&self) -> Result<Socket, Fault> {
        let connect_id = uuid::Uuid::new_v4().to_string();
        let mut headers = HeaderMap::new();
        insert_sensitive(&mut headers, "x-api-app-key", self.app_key.expose());
        insert_sensitive(&mut headers, "x-api-access-key", self.access_key.expose());
        insert_sensitive(&mut headers, "x-api-resource-id", &self.resource_id);
        insert_sensitive(&mut headers, "x-api-connect-id", &connect_id);
        let mut socket = self.endpoint.connect(headers, None).await?;
        let mut audio = json!({ "format": "pcm", "codec": "raw", "rate": RATE, "bits": 16, "channel": 1 });
        if let Some(language) = &self.language {
            audio["language"] = json!(language);
        }
        let request = json!({
            "user": { "uid": connect_id },
            "audio": audio,
            "request": {
                "model_name": "bigmodel",
                "enable_itn": true,
                "enable_punc": true,
                "enable_ddc": false,
                "show_utterances": true,
                "result_type": "single",
                "end_window_size": self.end_window_ms,
            },
        });
        socket.send(Message::binary(frame::request(request.to_string().as_bytes()))).await?;
        Ok(socket)
    }

    async fn stream(&self, audio: &mut AudioReader, results: &AsrResults) -> Result<(), Fault> {
        let mut socket = self.open().await?;
        let mut state = AttemptState { results, confirmed_until: -1, partial: String::new(), answered: false };
        let mut ended = false;
        loop {
            tokio::select! {
                biased;
                message = socket.next() => match message? {
                    ProviderMessage::Binary(bytes) => {
                        if state.handle(&bytes)? {
                            return Ok(());
                        }
                    }
                    ProviderMessage::Text(_) => {}
                    // Without the last result, but with an earlier one.
                    ProviderMessage::Closed if ended && state.answered => {
                        state.end();
                        return Ok(());
                    }
                    ProviderMessage::Closed => {
                        return Err(Fault::transient(FaultKind::Connection, format!("{NAME} closed before the end")));
                    }
                },
                chunk = audio.next(limits::DOUBAO_PACKET), if !ended => {
                    ended = chunk.last;
                    socket.send(Message::binary(frame::audio(&chunk.pcm, chunk.last))).await?;
                }
            }
        }
    }
}

/// Results of one attempt.
struct AttemptState<'a> {
    results: &'a AsrResults,
    /// End of the last definite sentence, in ms; sentences up to it are confirmed already.
    confirmed_until: i64,
    partial: String,
    /// A result was received.
    answered: bool,
}

impl AttemptState<'_> {
    /// Handles a frame. Returns true at the end of the stream.
    fn handle(&mut self, bytes: &[u8]) -> Result<bool, Fault> {
        let malformed = || Fault::transient(FaultKind::Malformed, format!("{NAME} sent a frame that makes no sense"));
        let (json, last) = match frame::reply(bytes).map_err(|_| malformed())? {
            Reply::Ack => return Ok(false),
            Reply::Error(NO_SPEECH) => return Ok(true),
            Reply::Error(code) => return Err(failure(code)),
            Reply::Result(json, last) => (json, last),
        };
        self.answered = true;
        if !json.is_empty() {
            let message: ResultMessage = serde_json::from_slice(&json).map_err(|_| malformed())?;
            if let Some(result) = message.result {
                self.apply_result(result);
            }
        }
        if last {
            self.end();
        }
        Ok(last)
    }

    fn apply_result(&mut self, result: RecognitionResult) {
        if result.utterances.is_empty() {
            self.set_partial(result.text);
            return;
        }
        let mut partial = String::new();
        for sentence in result.utterances {
            if !sentence.definite {
                partial.push_str(&sentence.text);
            } else if sentence.end_time > self.confirmed_until {
                self.confirmed_until = sentence.end_time;
                self.results.confirm(&sentence.text, u64::try_from(sentence.end_time).ok());
                self.partial.clear();
            }
        }
        self.set_partial(partial);
    }

    fn set_partial(&mut self, text: String) {
        self.partial = text;
        self.results.partial(&self.partial);
    }

    /// Text that is still partial at the end counts as spoken.
    fn end(&mut self) {
        let rest = std::mem::take(&mut self.partial);
        self.results.confirm(&rest, None);
    }
}

fn failure(code: u32) -> Fault {
    match code {
        PACKET_TIMEOUT => Fault::transient(FaultKind::TimedOut, format!("{NAME} timed out waiting for audio ({code})")),
        BUSY => Fault::transient(FaultKind::Busy, format!("{NAME} is overloaded ({code})")),
        45_000_000..=45_999_999 => {
            Fault::permanent(FaultKind::Rejected, format!("{NAME} refused the request ({code})"))
        }
        _ => Fault::transient(FaultKind::Connection, format!("{NAME} failed ({code})")),
    }
}

impl Recogniser for Doubao {
    fn name(&self) -> &'static str {
        NAME
    }

    fn breaker(&self) -> Option<&Arc<Breaker>> {
        Some(&self.breaker)
    }

    fn attempt<'a>(
        &'a self,
        audio: &'a mut AudioReader,
        results: &'a mut AsrResults,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        self.stream(audio, results).boxed()
    }
}
