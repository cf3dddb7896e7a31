//! What is left of a turn: a record, its line in the log, and the last few of a session. Rule: times, names and outcomes;
//! never what was said. A device that floods the server with turns gets a bounded number of lines.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits;
use modehost_ids::{DeviceId, GenerationId, PluginId, SessionId, TurnId};
use serde::Serialize;
use tokio::time::Instant;

/// What a turn began with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnKind {
    /// Words that were spoken.
    Utterance,
    /// Words that were typed.
    Typed,
    /// The word that wakes the device.
    WakeWord,
    /// A message of another type.
    Message,
}

impl TurnKind {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Utterance => "utterance",
            Self::Typed => "typed",
            Self::WakeWord => "wake_word",
            Self::Message => "message",
        }
    }
}

/// What a turn came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnOutcome {
    /// Something was said or sent.
    Answered,
    /// The person, or a lost connection, ended the answer before its end.
    Interrupted,
    /// A recogniser, a model or a mode has failed.
    Failed,
    /// No answer was made, and none was missing.
    Nothing,
}

impl TurnOutcome {
    /// Its name in the log.
    pub fn name(self) -> &'static str {
        match self {
            Self::Answered => "answered",
            Self::Interrupted => "interrupted",
            Self::Failed => "failed",
            Self::Nothing => "nothing",
        }
    }
}

/// One turn that is over. All times count from the end of what the person said or sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TurnRecord {
    pub session: SessionId,
    pub turn: TurnId,
    /// Unix ms of its beginning.
    pub at: u64,
    pub kind: TurnKind,
    /// Who was given it; none where nobody was.
    pub plugin: Option<PluginId>,
    pub generation: Option<GenerationId>,
    /// Until the text was known; none where nothing was recognised.
    pub recognition_ms: Option<u64>,
    /// From the first question to a model to the first piece of its answer; none where answers come whole.
    pub model_first_ms: Option<u64>,
    /// Of all questions to models, each from its beginning to its end.
    pub model_ms: Option<u64>,
    /// Until the first frame of speech was sent.
    pub first_sound_ms: Option<u64>,
    /// Until all of it was over.
    pub total_ms: u64,
    pub outcome: TurnOutcome,
    /// What interrupted it, or what failed.
    pub why: Option<String>,
}

/// The last turns of a session, oldest first.
#[derive(Debug, Default)]
pub struct Ring(VecDeque<TurnRecord>);

impl Ring {
    /// Adds one; the oldest goes where there are too many.
    pub(crate) fn push(&mut self, record: TurnRecord) {
        if self.0.len() == limits::TURNS_KEPT {
            self.0.pop_front();
        }
        self.0.push_back(record);
    }

    /// All of them.
    pub(crate) fn records(&self) -> Vec<TurnRecord> {
        self.0.iter().cloned().collect()
    }
}

/// Bounds the lines of one session.
#[derive(Debug, Default)]
pub(crate) struct Lines {
    since: Option<Instant>,
    written: u32,
    left_out: u32,
}

impl Lines {
    /// Writes the line of a turn. Where a mode only keeps what is said, there is one for each sentence: of
    /// those that came to nothing, as they should, only at `debug`.
    pub(super) fn write(&mut self, device: &DeviceId, record: &TurnRecord, records: bool) {
        if !self.admit(Instant::now()) {
            return;
        }
        if records && record.outcome == TurnOutcome::Nothing {
            tracing::debug!(
                device = device.as_str(),
                session = record.session.as_str(),
                turn = record.turn.0,
                recognition_ms = record.recognition_ms,
                "a turn was recorded"
            );
            return;
        }
        let left_out = std::mem::take(&mut self.left_out);
        tracing::info!(
            device = device.as_str(),
            session = record.session.as_str(),
            turn = record.turn.0,
            kind = record.kind.name(),
            plugin = record.plugin.as_ref().map(PluginId::as_str),
            generation = record.generation.map(|generation| generation.0),
            recognition_ms = record.recognition_ms,
            model_first_ms = record.model_first_ms,
            model_ms = record.model_ms,
            first_sound_ms = record.first_sound_ms,
            total_ms = record.total_ms,
            outcome = record.outcome.name(),
            why = record.why.as_deref(),
            left_out = (left_out > 0).then_some(left_out),
            "a turn has ended"
        );
    }

    fn admit(&mut self, now: Instant) -> bool {
        let since = self.since.get_or_insert(now);
        if now.saturating_duration_since(*since) >= Duration::from_secs(1) {
            (*since, self.written) = (now, 0);
        }
        let admitted = self.written < limits::TURN_LOG_LINES;
        match admitted {
            true => self.written += 1,
            false => self.left_out += 1,
        }
        admitted
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_turns_is_a_number() {
        let (mut lines, now) = (Lines::default(), Instant::now());
        let admitted = (0..100).filter(|_| lines.admit(now)).count();
        assert_eq!((admitted as u32, lines.left_out), (limits::TURN_LOG_LINES, 100 - limits::TURN_LOG_LINES));
        assert!(lines.admit(now + Duration::from_secs(1)));
    }
}
