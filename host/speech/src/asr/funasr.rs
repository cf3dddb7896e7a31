//! A FunASR runtime's WebSocket service. Rule: `is_final` means different things in different builds
//! and is not trusted alone: what ends an utterance is the offline result after our end marker behind
//! which nothing is missing, the end of the connection, or that nothing comes any more. A runtime that
//! has never said anything has failed; one that has said an empty text has heard nothing.

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

use super::socket::{Address, Said};
use super::{AsrResults, AudioReader, Recogniser, breaker, filter};
use crate::config::{FunAsrConfig, FunAsrMode};
use crate::fault::{Fault, FaultKind};
use crate::vad::RATE;

const NAME: &str = "funasr";
/// Sound behind the last word of a sentence in which there is no other, in ms: its voice detector parts
/// sentences by 800 ms of silence, and a stamp ends with the word, a little before the voice does.
const NO_SENTENCE_MS: u64 = 1100;

/// The service.
pub(super) struct FunAsr {
    breaker: Arc<Breaker>,
    address: Address,
    mode: FunAsrMode,
    /// JSON in a text, as the service wants it; empty for none.
    hotwords: String,
}

#[derive(Deserialize)]
struct Answer {
    #[serde(default)]
    mode: String,
    #[serde(default)]
    text: String,
    #[serde(default)]
    is_final: bool,
    /// Tells a sentence from one with the same words.
    timestamp: Option<Value>,
}

impl FunAsr {
    pub(super) fn new(config: &FunAsrConfig) -> Self {
        let words = |words: &BTreeMap<String, u32>| json!(words).to_string();
        let hotwords = if config.hotwords.is_empty() { String::new() } else { words(&config.hotwords) };
        let address = Address::new(NAME, &config.url, config.accept_invalid_certificates);
        Self { breaker: breaker(NAME), address, mode: config.mode, hotwords }
    }

    async fn converse(&self, sound: &mut AudioReader, results: &AsrResults) -> Result<(), Fault> {
        let mut socket = self.address.connect(HeaderMap::new(), Some("binary")).await?;
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
        let mut talk = Talk {
            results,
            held: String::new(),
            draft: String::new(),
            last: None,
            sent: 0,
            answered: false,
            settled_after_end: false,
        };
        // Once we have said the end: until when something more may come, and at the most.
        let (mut ends, mut bound): (Option<Instant>, Option<Instant>) = (None, None);
        loop {
            let quiet = ends.unwrap_or_else(|| Instant::now() + limits::RECOGNITION);
            tokio::select! {
                biased;
                said = socket.next() => match said {
                    Ok(Said::Text(text)) => {
                        match talk.take(&text, bound.is_some())? {
                            // It does not keep us waiting.
                            Next::Perhaps => ends = bound.map(|_| Instant::now() + limits::FUNASR_NEXT),
                            Next::Missing => ends = bound,
                            Next::Unchanged => {}
                        }
                    }
                    Ok(Said::Binary(_)) => {}
                    // It closes once it has said all, and some builds do so without a word of farewell.
                    Ok(Said::Closed) if ends.is_some() && talk.answered => break,
                    Err(_) if talk.settled_after_end => break,
                    Ok(Said::Closed) => {
                        return Err(Fault::passing(FaultKind::Connection, format!("{NAME} closed without a result")));
                    }
                    Err(fault) => return Err(fault),
                },
                () = sleep_until(quiet), if ends.is_some() => {
                    if talk.answered {
                        break;
                    }
                    return Err(Fault::passing(FaultKind::TimedOut, format!("{NAME} never answered")));
                }
                chunk = sound.next(limits::FUNASR_PACKET), if ends.is_none() => {
                    if !chunk.pcm.is_empty() {
                        let bytes: Vec<u8> = chunk.pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                        socket.send(Message::binary(bytes)).await?;
                        talk.sent += chunk.pcm.len() as u64;
                    }
                    if chunk.last {
                        socket.send(Message::text(r#"{"is_speaking":false}"#)).await?;
                        bound = Some(Instant::now() + limits::FUNASR_QUIET);
                        ends = bound;
                    }
                }
            }
        }
        talk.end();
        Ok(())
    }
}

/// What has been said so far in one attempt.
struct Talk<'a> {
    results: &'a AsrResults,
    /// Sentences whose end nobody told: they are settled at the end of the attempt, since another one
    /// would hear them again.
    held: String,
    draft: String,
    /// The sentence that was settled last.
    last: Option<(String, Value)>,
    /// Samples that it was sent.
    sent: u64,
    /// It has said something, if only that it heard nothing.
    answered: bool,
    settled_after_end: bool,
}

/// What a message says of the next one.
enum Next {
    /// Nothing.
    Unchanged,
    /// All may have been said; where not, the next sentence is sent in one go with this one.
    Perhaps,
    /// There is a draft that waits for its second pass or, where a stamp says so, sound enough for a
    /// sentence behind this one.
    Missing,
}

impl Talk<'_> {
    /// Takes a message.
    fn take(&mut self, text: &str, after_end: bool) -> Result<Next, Fault> {
        let answer: Answer = serde_json::from_str(text)
            .map_err(|_| Fault::passing(FaultKind::Garbled, format!("{NAME} sent a message that makes no sense")))?;
        self.answered = true;
        let words = filter::without_tags(&answer.text);
        if answer.mode == "2pass-online" || answer.mode == "online" {
            self.draft.push_str(&words);
            self.show();
            return Ok(match (answer.mode.as_str(), answer.is_final, words.is_empty()) {
                ("online", true, _) => Next::Perhaps,
                // More follows, if only its second pass.
                (_, _, false) => Next::Missing,
                (_, _, true) => Next::Unchanged,
            });
        }
        self.settled_after_end |= after_end;
        let stamp = answer.timestamp.filter(|stamp| !stamp.is_null());
        let end_ms = stamp.as_ref().and_then(end_of);
        let sent_ms = self.sent / u64::from(RATE / 1000);
        // Where all is recognised at once, there is one result, however long the silence behind it is.
        let missing = answer.mode == "2pass-offline"
            && end_ms.is_some_and(|end_ms| end_ms.saturating_add(NO_SENTENCE_MS) < sent_ms);
        let next = if missing { Next::Missing } else { Next::Perhaps };
        if let Some(stamp) = stamp {
            let sentence = (words.clone(), stamp);
            if self.last.as_ref() == Some(&sentence) {
                // A draft that came in between is of the next, which is awaited already.
                return Ok(if self.draft.is_empty() { next } else { Next::Unchanged });
            }
            self.last = Some(sentence);
        }
        self.draft.clear();
        match end_ms {
            Some(_) => {
                let before = std::mem::take(&mut self.held);
                self.results.confirm(&before, None);
                self.results.confirm(&words, end_ms);
            }
            None => {
                self.held.push_str(&words);
                self.show();
            }
        }
        Ok(next)
    }

    fn show(&mut self) {
        if self.held.len() + self.draft.len() > limits::TEXT_BYTES {
            self.draft.clear();
            self.held.truncate(self.held.floor_char_boundary(limits::TEXT_BYTES));
        }
        self.results.partial(&format!("{}{}", self.held, self.draft));
    }

    /// Drafts that no second pass has replaced were said, too.
    fn end(&mut self) {
        let rest = format!("{}{}", self.held, self.draft);
        (self.held, self.draft) = (String::new(), String::new());
        self.results.confirm(&rest, None);
    }
}

/// Where a sentence ends, in ms of the attempt: the last number of `[[0,380],[380,620]]`, which comes
/// as JSON in a text.
fn end_of(stamp: &Value) -> Option<u64> {
    let parsed = stamp.as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
    let stamp = parsed.as_ref().unwrap_or(stamp);
    stamp.as_array()?.last()?.as_array()?.last()?.as_u64()
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
        sound: &'a mut AudioReader,
        results: &'a mut AsrResults,
    ) -> BoxFuture<'a, Result<(), Fault>> {
        self.converse(sound, results).boxed()
    }
}
