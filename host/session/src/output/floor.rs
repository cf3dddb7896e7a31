//! Who has the floor (A.10): speech waits while the person speaks, or may still go on. Rule: what waits
//! keeps its order and is said as if it had come only now; it waits for a bounded time, and only before an
//! answer has begun: one that is being said is interrupted or not, by other rules.

use crate::limits;
use modehost_ids::PluginId;
use modehost_outbox::Text;
use std::collections::VecDeque;
use tokio::time::Instant;

/// Something that waits to be said or shown.
#[derive(Debug)]
pub(crate) enum Waiting {
    Say {
        plugin: PluginId,
        text: String,
        more: bool,
    },
    /// A face, or another message that goes with the speech behind it.
    Show(Text),
}

/// What waits for the person to end.
#[derive(Debug, Default)]
pub(crate) struct Floor {
    waiting: VecDeque<Waiting>,
    bytes: usize,
    /// Sentences that a lost connection has left; they are shown, and by then at the latest.
    kept: Vec<String>,
    kept_until: Option<Instant>,
}

impl Floor {
    /// True while something waits to be said.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Puts something behind what waits. What is beyond the bounds is dropped and counted.
    pub(crate) fn wait(&mut self, waiting: Waiting) {
        let bytes = match &waiting {
            Waiting::Say { text, .. } => text.len(),
            Waiting::Show(text) => text.len(),
        };
        if self.waiting.len() >= limits::SPEECH_SENTENCES || self.bytes + bytes > limits::SPEECH_BYTES {
            metrics::counter!("modehost_tts_dropped_total").increment(1);
            return;
        }
        self.bytes += bytes;
        self.waiting.push_back(waiting);
    }

    /// Takes all that waits to be said.
    pub(crate) fn take(&mut self) -> VecDeque<Waiting> {
        self.bytes = 0;
        std::mem::take(&mut self.waiting)
    }

    /// Drops what waits to be said. Gives the plugins that wanted to say it.
    pub(crate) fn drop_waiting(&mut self) -> Vec<PluginId> {
        let speakers = self.take().into_iter().filter_map(|waiting| match waiting {
            Waiting::Say { plugin, .. } => Some(plugin),
            Waiting::Show(_) => None,
        });
        let mut speakers: Vec<PluginId> = speakers.collect();
        speakers.sort();
        speakers.dedup();
        speakers
    }

    /// Keeps sentences that a lost connection has left, until `until` at the latest.
    pub(crate) fn keep(&mut self, sentences: Vec<String>, until: Instant) {
        if !sentences.is_empty() {
            self.kept.extend(sentences);
            self.kept_until = Some(until);
        }
    }

    /// By when the sentences that a lost connection has left are shown.
    pub(crate) fn kept_until(&self) -> Option<Instant> {
        self.kept_until
    }

    /// Takes the sentences that a lost connection has left, where the person has ended (`making` is false) or has had long enough.
    pub(crate) fn take_kept(&mut self, making: bool, now: Instant) -> Vec<String> {
        if !self.kept_until.is_some_and(|until| !making || until <= now) {
            return Vec::new();
        }
        self.kept_until = None;
        std::mem::take(&mut self.kept)
    }

    /// Drops the sentences that a lost connection has left.
    pub(crate) fn drop_kept(&mut self) {
        self.kept.clear();
        self.kept_until = None;
    }
}
