//! Deferred speech (A.10): an answer waits while the user speaks or may continue. Rule: deferred speech keeps its order
//! and is spoken as if it had come only now; it waits for a bounded time, and only before an answer has started:
//! interrupting one that is being spoken follows other rules.

use crate::limits;
use modehost_ids::PluginId;
use modehost_outbox::Text;
use modehost_speech::Sound;
use std::collections::VecDeque;
use tokio::time::Instant;

/// Deferred output.
#[derive(Debug)]
pub(crate) enum Deferred {
    Say {
        plugin: PluginId,
        text: String,
        more: bool,
    },
    /// A sound of an operator.
    Play(Sound),
    /// A face, or another message that goes with the speech behind it.
    Attach(Text),
}

/// Output that waits for the user to finish.
#[derive(Debug, Default)]
pub(crate) struct DeferredSpeech {
    waiting: VecDeque<Deferred>,
    bytes: usize,
    /// Sentences left by a lost connection, shown at `missed_deadline` at the latest.
    missed: Vec<String>,
    missed_deadline: Option<Instant>,
}

impl DeferredSpeech {
    /// True while something is deferred.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Appends output. Overflow is dropped and counted.
    pub(crate) fn push(&mut self, waiting: Deferred) {
        let bytes = match &waiting {
            Deferred::Say { text, .. } => text.len(),
            Deferred::Attach(text) => text.len(),
            // Admitted by its length, see `Output::play`.
            Deferred::Play(_) => 0,
        };
        if self.waiting.len() >= limits::SPEECH_SENTENCES || self.bytes + bytes > limits::SPEECH_BYTES {
            metrics::counter!("modehost_tts_dropped_total").increment(1);
            return;
        }
        self.bytes += bytes;
        self.waiting.push_back(waiting);
    }

    /// Whether a sound waits: one at a time, since each is large.
    pub(crate) fn has_sound(&self) -> bool {
        self.waiting.iter().any(|waiting| matches!(waiting, Deferred::Play(_)))
    }

    /// Takes all deferred output.
    pub(crate) fn take(&mut self) -> VecDeque<Deferred> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }

    /// Drops all deferred output. Returns the plugins that it came from.
    pub(crate) fn drop_waiting(&mut self) -> Vec<PluginId> {
        let speakers = self.take().into_iter().filter_map(|waiting| match waiting {
            Deferred::Say { plugin, .. } => Some(plugin),
            Deferred::Play(_) | Deferred::Attach(_) => None,
        });
        let mut speakers: Vec<PluginId> = speakers.collect();
        speakers.sort();
        speakers.dedup();
        speakers
    }

    /// Keeps sentences left by a lost connection, until `deadline` at the latest.
    pub(crate) fn keep_missed(&mut self, sentences: Vec<String>, deadline: Instant) {
        if !sentences.is_empty() {
            self.missed.extend(sentences);
            self.missed_deadline = Some(deadline);
        }
    }

    /// When the sentences left by a lost connection are shown at the latest.
    pub(crate) fn missed_deadline(&self) -> Option<Instant> {
        self.missed_deadline
    }

    /// Takes the sentences left by a lost connection, if no utterance is open or their deadline is over.
    pub(crate) fn take_missed(&mut self, utterance_open: bool, now: Instant) -> Vec<String> {
        if !self.missed_deadline.is_some_and(|until| !utterance_open || until <= now) {
            return Vec::new();
        }
        self.missed_deadline = None;
        std::mem::take(&mut self.missed)
    }

    /// Drops the sentences left by a lost connection.
    pub(crate) fn drop_missed(&mut self) {
        self.missed.clear();
        self.missed_deadline = None;
    }
}
