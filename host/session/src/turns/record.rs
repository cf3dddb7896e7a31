//! The record of a turn, its log line, and the last few records of a session. Rule: times, names and outcomes; never
//! the text of the dialogue. A device that floods the server with turns gets a bounded number of lines.

use std::collections::VecDeque;
use std::time::Duration;

use crate::limits;
use modehost_ids::{DeviceId, GenerationId, PluginId, SessionId, TurnId};
use serde::Serialize;
use tokio::time::Instant;

/// What started a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnKind {
    /// Speech.
    Utterance,
    /// Typed text.
    Typed,
    /// A wake word.
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

/// The outcome of a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TurnOutcome {
    /// Something was spoken or sent.
    Answered,
    /// The user, or a lost connection, cut the answer off.
    Interrupted,
    /// A recogniser, a model or a mode has failed.
    Failed,
    /// There was no answer, and none was expected.
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

/// One turn that has ended. All times count from the end of what the user said or sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TurnRecord {
    /// The session.
    pub session: SessionId,
    /// Number of the turn within its session.
    pub turn: TurnId,
    /// Unix ms of its start.
    pub at: u64,
    /// What started it.
    pub kind: TurnKind,
    /// The plugin that received it; none if none did.
    pub plugin: Option<PluginId>,
    /// The generation of that plugin.
    pub generation: Option<GenerationId>,
    /// Until the text was known; none where nothing was recognised.
    pub recognition_ms: Option<u64>,
    /// From the first question to a model to the first token of its answer; none where answers are not streamed.
    pub model_first_ms: Option<u64>,
    /// Sum over all questions to models, each from its start to its end.
    pub model_ms: Option<u64>,
    /// Until the first audio frame was sent.
    pub first_sound_ms: Option<u64>,
    /// Until all of it was over.
    pub total_ms: u64,
    /// How it ended.
    pub outcome: TurnOutcome,
    /// What interrupted it, or what failed.
    pub why: Option<String>,
}

/// The last turns of a session, oldest first.
#[derive(Debug, Default)]
pub struct RecentTurns(VecDeque<TurnRecord>);

impl RecentTurns {
    /// Appends a record; drops the oldest beyond the limit.
    pub(crate) fn push(&mut self, record: TurnRecord) {
        if self.0.len() == limits::RECENT_TURNS {
            self.0.pop_front();
        }
        self.0.push_back(record);
    }

    /// All of them.
    pub(crate) fn records(&self) -> Vec<TurnRecord> {
        self.0.iter().cloned().collect()
    }
}

/// Limits the log lines of one session.
#[derive(Debug, Default)]
pub(crate) struct TurnLog {
    since: Option<Instant>,
    written: u32,
    left_out: u32,
}

impl TurnLog {
    /// Writes the line of a turn. A mode that records produces one turn for each sentence: those without an answer, as
    /// intended, are logged at `debug` only.
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
        let (mut log, now) = (TurnLog::default(), Instant::now());
        let admitted = (0..100).filter(|_| log.admit(now)).count();
        assert_eq!((admitted as u32, log.left_out), (limits::TURN_LOG_LINES, 100 - limits::TURN_LOG_LINES));
        assert!(log.admit(now + Duration::from_secs(1)));
    }
}
