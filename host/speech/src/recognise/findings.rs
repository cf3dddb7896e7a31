//! What an attempt finds. Rule: what is settled stays, whatever becomes of the attempt; a draft is
//! only worth anything until the next one; and whatever a recogniser writes goes through the filter here,
//! so that only what a person said is found (A.9).

use std::sync::Arc;

use modehost_limits::sound as limits;
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::tape::Tape;
use super::{Heard, filter};
use crate::fault::Fault;
use crate::join::join;
use crate::voice_activity::{RATE, Voice};

/// What the utterance and its attempts share.
#[derive(Default)]
pub(super) struct Slot {
    state: Mutex<State>,
    moved: Notify,
}

#[derive(Default)]
struct State {
    settled: String,
    draft: String,
    /// The draft has not been told.
    fresh: bool,
    outcome: Option<Option<Fault>>,
    told: bool,
}

impl Slot {
    pub(super) async fn next(&self) -> Heard {
        loop {
            if let Some(heard) = self.take() {
                return heard;
            }
            self.moved.notified().await;
        }
    }

    fn take(&self) -> Option<Heard> {
        let state = &mut *self.state.lock();
        match &state.outcome {
            Some(_) if state.told => None,
            Some(outcome) => {
                let heard = match outcome {
                    // What was settled is worth more than the failure of the rest.
                    Some(fault) if state.settled.is_empty() => Heard::Failed(fault.clone()),
                    _ => Heard::Final(state.settled.as_str().into()),
                };
                state.told = true;
                Some(heard)
            }
            None if std::mem::take(&mut state.fresh) => Some(Heard::Draft(join(&state.settled, &state.draft).into())),
            None => None,
        }
    }

    /// What it failed of, where it has.
    pub(super) fn fault(&self) -> Option<Fault> {
        self.state.lock().outcome.clone().flatten()
    }

    /// Something has been settled.
    pub(super) fn has_text(&self) -> bool {
        !self.state.lock().settled.is_empty()
    }

    /// It is over, with so much voice in the utterance. Gives the length of the text in bytes.
    pub(super) fn conclude(&self, fault: Option<Fault>, voice: Voice) -> usize {
        let mut state = self.state.lock();
        state.outcome.get_or_insert(fault);
        if filter::is_invented(&state.settled, voice) {
            state.settled.clear();
        }
        let length = state.settled.len();
        drop(state);
        self.moved.notify_one();
        length
    }
}

/// Takes what an attempt finds.
pub struct Findings {
    slot: Arc<Slot>,
    tape: Arc<Tape>,
    /// Place of the first sample of the attempt.
    origin: u64,
}

impl Findings {
    pub(super) fn new(slot: Arc<Slot>, tape: Arc<Tape>, origin: u64) -> Self {
        let findings = Self { slot, tape, origin };
        findings.draft("");
        findings
    }

    /// What seems to have been said since what is settled.
    pub fn draft(&self, text: &str) {
        if text.len() > limits::TEXT_BYTES {
            return;
        }
        let text = filter::spoken(text);
        let mut state = self.slot.state.lock();
        if state.draft == text || state.settled.len() + text.len() > limits::TEXT_BYTES {
            return;
        }
        state.draft = text;
        state.fresh = true;
        drop(state);
        self.slot.moved.notify_one();
    }

    /// What has been said next, for good; `end_ms`, counted from the beginning of the attempt, is where
    /// it ends: the sound before that will not be needed again. Texts beyond a bound are dropped.
    pub fn settled(&self, text: &str, end_ms: Option<u64>) {
        if let Some(end_ms) = end_ms {
            self.tape.acknowledge(self.origin.saturating_add(end_ms.saturating_mul(u64::from(RATE / 1000))));
        }
        let text = if text.len() > limits::TEXT_BYTES { String::new() } else { filter::spoken(text) };
        let mut state = self.slot.state.lock();
        let shown = !std::mem::take(&mut state.draft).is_empty();
        if text.is_empty() || state.settled.len() + text.len() > limits::TEXT_BYTES {
            // A draft that was shown has come to nothing.
            state.fresh |= shown;
            return;
        }
        state.settled = join(&state.settled, &text);
        state.fresh = true;
        drop(state);
        self.slot.moved.notify_one();
    }
}
