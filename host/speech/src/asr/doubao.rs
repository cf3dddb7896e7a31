//! Volcengine (Doubao) streaming recognition, API v3 (`/api/v3/sauc/…`). Rule: one connection for each
//! attempt; sound goes out while results come in, and the last packet is marked at once, since the
//! service waits for it.

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
use super::socket::{Address, Said, Socket, hidden};
use super::{AsrResults, AudioReader, Recogniser, breaker};
use crate::config::{DoubaoConfig, Key};
use crate::fault::{Fault, FaultKind};
use crate::vad::RATE;

const NAME: &str = "doubao";

/// Nothing was heard in the sound.
const EMPTY_SOUND: u32 = 45_000_002;
/// It waited for a packet for too long.
const WAITED: u32 = 45_000_081;
const BUSY: u32 = 55_000_031;

/// The service.
pub(super) struct Doubao {
    breaker: Arc<Breaker>,
    address: Address,
    app_key: Key,
    access_key: Key,
    resource_id: String,
    language: Option<String>,
    end_window_ms: u64,
}

#[derive(Deserialize)]
struct Answer {
    result: Option<Found>,
}

#[derive(Deserialize)]
struct Found {
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
            address: Address::new(NAME, &config.url, false),
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
        hidden(&mut headers, "x-api-app-key", self.app_key.expose());
        hidden(&mut headers, "x-api-access-key", self.access_key.expose());
        hidden(&mut headers, "x-api-resource-id", &self.resource_id);
        hidden(&mut headers, "x-api-connect-id", &connect_id);
        let mut socket = self.address.connect(headers, None).await?;
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

    async fn converse(&self, sound: &mut AudioReader, results: &AsrResults) -> Result<(), Fault> {
        let mut socket = self.open().await?;
        let mut talk = Talk { results, settled_to: -1, draft: String::new(), answered: false };
        let mut ended = false;
        loop {
            tokio::select! {
                biased;
                said = socket.next() => match said? {
                    Said::Binary(bytes) => {
                        if talk.take(&bytes)? {
                            return Ok(());
                        }
                    }
                    Said::Text(_) => {}
                    // Without the last result, but not without any.
                    Said::Closed if ended && talk.answered => {
                        talk.end();
                        return Ok(());
                    }
                    Said::Closed => {
                        return Err(Fault::passing(FaultKind::Connection, format!("{NAME} closed before the end")));
                    }
                },
                chunk = sound.next(limits::DOUBAO_PACKET), if !ended => {
                    ended = chunk.last;
                    socket.send(Message::binary(frame::audio(&chunk.pcm, chunk.last))).await?;
                }
            }
        }
    }
}

/// What has been said so far in one attempt.
struct Talk<'a> {
    results: &'a AsrResults,
    /// Where the last definite sentence ended, in ms; what ends before has been taken.
    settled_to: i64,
    draft: String,
    /// A result has come.
    answered: bool,
}

impl Talk<'_> {
    /// True at the end.
    fn take(&mut self, bytes: &[u8]) -> Result<bool, Fault> {
        let garbled = || Fault::passing(FaultKind::Garbled, format!("{NAME} sent a frame that makes no sense"));
        let (json, last) = match frame::reply(bytes).map_err(|_| garbled())? {
            Reply::Ack => return Ok(false),
            Reply::Error(EMPTY_SOUND) => return Ok(true),
            Reply::Error(code) => return Err(failure(code)),
            Reply::Result(json, last) => (json, last),
        };
        self.answered = true;
        if !json.is_empty() {
            let answer: Answer = serde_json::from_slice(&json).map_err(|_| garbled())?;
            if let Some(found) = answer.result {
                self.find(found);
            }
        }
        if last {
            self.end();
        }
        Ok(last)
    }

    fn find(&mut self, found: Found) {
        if found.utterances.is_empty() {
            self.draft(found.text);
            return;
        }
        let mut draft = String::new();
        for sentence in found.utterances {
            if !sentence.definite {
                draft.push_str(&sentence.text);
            } else if sentence.end_time > self.settled_to {
                self.settled_to = sentence.end_time;
                self.results.confirm(&sentence.text, u64::try_from(sentence.end_time).ok());
                self.draft.clear();
            }
        }
        self.draft(draft);
    }

    fn draft(&mut self, text: String) {
        self.draft = text;
        self.results.partial(&self.draft);
    }

    /// What is a draft at the end was said, too.
    fn end(&mut self) {
        let rest = std::mem::take(&mut self.draft);
        self.results.confirm(&rest, None);
    }
}

fn failure(code: u32) -> Fault {
    match code {
        WAITED => Fault::passing(FaultKind::TimedOut, format!("{NAME} waited too long for sound ({code})")),
        BUSY => Fault::passing(FaultKind::Busy, format!("{NAME} takes no more now ({code})")),
        45_000_000..=45_999_999 => Fault::lasting(FaultKind::Refused, format!("{NAME} refused the request ({code})")),
        _ => Fault::passing(FaultKind::Connection, format!("{NAME} failed ({code})")),
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
        sound: &'a mut AudioReader,
        results: &'a mut AsrResults,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        self.converse(sound, results).boxed()
    }
}
