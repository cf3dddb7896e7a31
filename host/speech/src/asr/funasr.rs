//! Client of a FunASR runtime's WebSocket service. Rule: `is_final` differs between builds and is not trusted alone: an
//! utterance ends with the offline result after our end marker if nothing is missing behind it, with the end of the
//! connection, or with a timeout. A runtime that never answered has failed; one that answered an empty text has
//! recognised silence.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::limits;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use modehost_breaker::Breaker;
use reqwest::header::HeaderMap;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use super::socket::{ProviderMessage, WsEndpoint};
use super::{AsrResults, AudioReader, Recogniser, breaker, filter};
use crate::config::{FunAsrConfig, FunAsrMode};
use crate::fault::{Fault, FaultKind};
use crate::vad::RATE;

const NAME: &str = "funasr";
/// Audio behind the last word of a sentence that cannot contain another sentence, in ms: FunASR splits sentences at 800
/// ms of silence, and a timestamp ends with the word, slightly before the voice does.
const NO_SENTENCE_MS: u64 = 1100;

/// The service.
pub(super) struct FunAsr {
    breaker: Arc<Breaker>,
    endpoint: WsEndpoint,
    mode: FunAsrMode,
    /// JSON encoded as a string, as the protocol requires; empty for none.
    hotwords: String,
}

#[derive(Deserialize)]
struct ResultMessage {
    #[serde(default)]
    mode: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    is_final: bool,
    /// Distinguishes a sentence from an earlier one with the same words.
    timestamp: Option<Value>,
}

impl FunAsr {
    pub(super) fn new(config: &FunAsrConfig) -> Self {
        let words = |words: &BTreeMap<String, u32>| json!(words).to_string();
        let hotwords = if config.hotwords.is_empty() { String::new() } else { words(&config.hotwords) };
        let endpoint = WsEndpoint::new(NAME, &config.url, config.accept_invalid_certificates);
        Self { breaker: breaker(NAME), endpoint, mode: config.mode, hotwords }
    }

    async fn stream(&self, audio: &mut AudioReader, results: &AsrResults) -> Result<(), Fault> {
        let mut socket = self.endpoint.connect(HeaderMap::new(), Some("binary")).await?;
        let mode = match self.mode {
            FunAsrMode::TwoPass => "2pass",
            FunAsrMode::Online => "online",
            FunAsrMode::Offline => "offline",
        };
        let begin = json!({
            "mode": mode,
            "chunk_size": [5, 10, 5],
            "chunk_interval": 10,
            "wav_name": uuid::Uuid::new_v4().to_string(),
            "wav_format": "pcm",
            "audio_fs": RATE,
            "is_speaking": true,
            "hotwords": self.hotwords,
            "itn": true,
        });
        socket.send(Message::text(begin.to_string())).await?;
        let mut state = AttemptState {
            results,
            pending: String::new(),
            partial: String::new(),
            last: None,
            sent: 0,
            answered: false,
            confirmed_after_end: false,
        };
        // After our end marker: the deadline for the next message, and the latest deadline.
        let (mut deadline, mut max_deadline): (Option<Instant>, Option<Instant>) = (None, None);
        loop {
            let wake_at = deadline.unwrap_or_else(|| Instant::now() + limits::RECOGNITION);
            tokio::select! {
                biased;
                message = socket.next() => match message {
                    Ok(ProviderMessage::Text(text)) => {
                        match state.handle(&text, max_deadline.is_some())? {
                            // The deadline is short from here on.
                            Expectation::MaybeDone => deadline = max_deadline.map(|_| Instant::now() + limits::FUNASR_NEXT_SENTENCE),
                            Expectation::MoreExpected => deadline = max_deadline,
                            Expectation::Unchanged => {}
                        }
                    }
                    Ok(ProviderMessage::Binary(_)) => {}
                    // FunASR closes after its last result, some builds without a close frame.
                    Ok(ProviderMessage::Closed) if deadline.is_some() && state.answered => break,
                    Err(_) if state.confirmed_after_end => break,
                    Ok(ProviderMessage::Closed) => {
                        return Err(Fault::transient(FaultKind::Connection, format!("{NAME} closed without a result")));
                    }
                    Err(fault) => return Err(fault),
                },
                () = sleep_until(wake_at), if deadline.is_some() => {
                    if state.answered {
                        break;
                    }
                    return Err(Fault::transient(FaultKind::TimedOut, format!("{NAME} never answered")));
                }
                chunk = audio.next(limits::FUNASR_PACKET), if deadline.is_none() => {
                    if !chunk.pcm.is_empty() {
                        let bytes: Vec<u8> = chunk.pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                        socket.send(Message::binary(bytes)).await?;
                        state.sent += chunk.pcm.len() as u64;
                    }
                    if chunk.last {
                        socket.send(Message::text(r#"{"is_speaking":false}"#)).await?;
                        max_deadline = Some(Instant::now() + limits::FUNASR_END_TIMEOUT);
                        deadline = max_deadline;
                    }
                }
            }
        }
        state.end();
        Ok(())
    }
}

/// Results of one attempt.
struct AttemptState<'a> {
    results: &'a AsrResults,
    /// Sentences without an end time: they are confirmed only at the end of the attempt, since a retry would recognise
    /// them again.
    pending: String,
    partial: String,
    /// The last confirmed sentence, with its timestamp.
    last: Option<(String, Value)>,
    /// Samples sent to the service.
    sent: u64,
    /// It has answered, even if only with an empty text.
    answered: bool,
    confirmed_after_end: bool,
}

/// Whether a further message is expected.
enum Expectation {
    /// As before.
    Unchanged,
    /// Everything may have been received; otherwise the next sentence follows at once.
    MaybeDone,
    /// A partial text waits for its second pass, or the timestamp shows enough audio behind this sentence for another
    /// one.
    MoreExpected,
}

impl AttemptState<'_> {
    /// Handles a message.
    fn handle(&mut self, text: &str, after_end: bool) -> Result<Expectation, Fault> {
        let message: ResultMessage = serde_json::from_str(text).map_err(|_| {
            Fault::transient(FaultKind::Malformed, format!("{NAME} sent a message that makes no sense"))
        })?;
        self.answered = true;
        let words = filter::strip_tags(&message.text);
        if message.mode == "2pass-online" || message.mode == "online" {
            self.partial.push_str(&words);
            self.publish_partial();
            return Ok(match (message.mode.as_str(), message.is_final, words.is_empty()) {
                ("online", true, _) => Expectation::MaybeDone,
                // More follows, at least the second pass.
                (_, _, false) => Expectation::MoreExpected,
                (_, _, true) => Expectation::Unchanged,
            });
        }
        self.confirmed_after_end |= after_end;
        let timestamp = message.timestamp.filter(|timestamp| !timestamp.is_null());
        let end_ms = timestamp.as_ref().and_then(end_ms_of);
        let sent_ms = self.sent / u64::from(RATE / 1000);
        // In offline mode there is one result, however long the silence behind it is.
        let more_expected = message.mode == "2pass-offline"
            && end_ms.is_some_and(|end_ms| end_ms.saturating_add(NO_SENTENCE_MS) < sent_ms);
        let next = if more_expected { Expectation::MoreExpected } else { Expectation::MaybeDone };
        if let Some(timestamp) = timestamp {
            let sentence = (words.clone(), timestamp);
            if self.last.as_ref() == Some(&sentence) {
                // A partial text received in between belongs to the next sentence, which is expected already.
                return Ok(if self.partial.is_empty() { next } else { Expectation::Unchanged });
            }
            self.last = Some(sentence);
        }
        self.partial.clear();
        match end_ms {
            Some(_) => {
                let before = std::mem::take(&mut self.pending);
                self.results.confirm(&before, None);
                self.results.confirm(&words, end_ms);
            }
            None => {
                self.pending.push_str(&words);
                self.publish_partial();
            }
        }
        Ok(next)
    }

    fn publish_partial(&mut self) {
        if self.pending.len() + self.partial.len() > limits::TEXT_BYTES {
            self.partial.clear();
            self.pending.truncate(self.pending.floor_char_boundary(limits::TEXT_BYTES));
        }
        self.results.partial(&format!("{}{}", self.pending, self.partial));
    }

    /// Partial texts without a second pass count as spoken.
    fn end(&mut self) {
        let rest = format!("{}{}", self.pending, self.partial);
        (self.pending, self.partial) = (String::new(), String::new());
        self.results.confirm(&rest, None);
    }
}

/// End of a sentence, in ms from the start of the attempt: the last number of `[[0,380],[380,620]]`, which is sent as
/// JSON in a string.
fn end_ms_of(timestamp: &Value) -> Option<u64> {
    let parsed = timestamp.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let timestamp = parsed.as_ref().unwrap_or(timestamp);
    timestamp.as_array()?.last()?.as_array()?.last()?.as_u64()
}

impl Recogniser for FunAsr {
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
