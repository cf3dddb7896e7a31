//! Results of recognition attempts. Rule: confirmed text stays whatever becomes of the attempt; a partial
//! result is replaced by the next one; every text of a recogniser passes the filter here, so that only
//! what a person said counts (A.9).

use std::sync::Arc;

use crate::limits;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::buffer::AudioBuffer;
use super::{AsrEvent, filter};
use crate::fault::Fault;
use crate::join::join;
use crate::vad::{RATE, Voice};

/// Shared by the utterance and its attempts.
#[derive(Default)]
pub(super) struct ResultSink {
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    confirmed: String,
    partial: String,
    /// The partial result has not been delivered.
    unread: bool,
    outcome: Option<Option<Fault>>,
    delivered: bool,
}

impl ResultSink {
    pub(super) async fn next(&self) -> AsrEvent {
        loop {
            if let Some(event) = self.try_next() {
                return event;
            }
            self.changed.notified().await;
        }
    }

    fn try_next(&self) -> Option<AsrEvent> {
        let state = &mut *self.state.lock();
        match &state.outcome {
            Some(_) if state.delivered => None,
            Some(outcome) => {
                let event = match outcome {
                    // Confirmed text is worth more than the failure of the rest.
                    Some(fault) if state.confirmed.is_empty() => AsrEvent::Failed(fault.clone()),
                    _ => AsrEvent::Final(state.confirmed.as_str().into()),
                };
                state.delivered = true;
                Some(event)
            }
            None if std::mem::take(&mut state.unread) => {
                Some(AsrEvent::Partial(join(&state.confirmed, &state.partial).into()))
            }
            None => None,
        }
    }

    /// The failure; none before the outcome, or without one.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.state.lock().outcome.clone().flatten()
    }

    /// Whether some text is confirmed.
    pub(super) fn has_text(&self) -> bool {
        !self.state.lock().confirmed.is_empty()
    }

    /// Sets the outcome, given the voice in the utterance. Returns the length of the text in bytes.
    pub(super) fn finish(&self, fault: Option<Fault>, voice: Voice) -> usize {
        let mut state = self.state.lock();
        state.outcome.get_or_insert(fault);
        if filter::is_hallucination(&state.confirmed, voice) {
            state.confirmed.clear();
        }
        let length = state.confirmed.len();
        drop(state);
        self.changed.notify_one();
        length
    }
}

/// Where a recogniser writes the results of one attempt.
pub struct AsrResults {
    sink: Arc<ResultSink>,
    buffer: Arc<AudioBuffer>,
    /// Index of the first sample of the attempt.
    origin: u64,
}

impl AsrResults {
    pub(super) fn new(sink: Arc<ResultSink>, buffer: Arc<AudioBuffer>, origin: u64) -> Self {
        let results = Self { sink, buffer, origin };
        results.partial("");
        results
    }

    /// A partial result: the text after the confirmed text.
    pub fn partial(&self, text: &str) {
        if text.len() > limits::TEXT_BYTES {
            return;
        }
        let text = filter::spoken(text);
        let mut state = self.sink.state.lock();
        if state.partial == text || state.confirmed.len() + text.len() > limits::TEXT_BYTES {
            return;
        }
        state.partial = text;
        state.unread = true;
        drop(state);
        self.sink.changed.notify_one();
    }

    /// Appends confirmed text. `end_ms`, from the start of the attempt, is where its audio ends: audio before that is
    /// freed. Texts beyond `limits::TEXT_BYTES` are dropped.
    pub fn confirm(&self, text: &str, end_ms: Option<u64>) {
        if let Some(end_ms) = end_ms {
            self.buffer.acknowledge(self.origin.saturating_add(end_ms.saturating_mul(u64::from(RATE / 1000))));
        }
        let text = if text.len() > limits::TEXT_BYTES { String::new() } else { filter::spoken(text) };
        let mut state = self.sink.state.lock();
        let was_shown = !std::mem::take(&mut state.partial).is_empty();
        if text.is_empty() || state.confirmed.len() + text.len() > limits::TEXT_BYTES {
            // A delivered partial result is withdrawn.
            state.unread |= was_shown;
            return;
        }
        state.confirmed = join(&state.confirmed, &text);
        state.unread = true;
        drop(state);
        self.sink.changed.notify_one();
    }
}
