//! Who has the floor (A.10): speech waits while the person speaks, or may still go on. Rule: what waits
//! keeps its order and is said as if it had come only now; it waits for a bounded time, and only before an
//! answer has begun: one that is being said is interrupted or not, by other rules.

use std::collections::VecDeque;
use std::sync::Arc;

use modehost_ids::PluginId;
use modehost_limits as limits;
use modehost_outbox::Text;
use tokio::time::Instant;

use crate::actor::Session;

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
        if self.waiting.len() >= limits::sound::SPEECH_SENTENCES || self.bytes + bytes > limits::sound::SPEECH_BYTES {
            metrics::counter!("modehost_speech_dropped_total").increment(1);
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

    /// Drops them.
    pub(crate) fn drop_kept(&mut self) {
        self.kept.clear();
        self.kept_until = None;
    }
}

impl Session {
    /// True if an answer may begin: the person does not speak, and would not just have paused; or has gone on
    /// so often that it is not the answer that they wait for (a television).
    pub(crate) fn may_speak(&self, now: Instant) -> bool {
        let presence = &self.handle.presence;
        self.person.has_gone_on() || (!presence.is_making() && presence.answer_from() <= now)
    }

    /// The person may have ended: says what waits, if so.
    pub(crate) fn release_floor(&mut self, now: Instant) {
        let making = self.handle.presence.is_making();
        if self.link.is_ready() && self.floor.kept_until.is_some_and(|until| !making || until <= now) {
            self.floor.kept_until = None;
            for sentence in std::mem::take(&mut self.floor.kept) {
                // A caption and nothing more: `tts` `start` would take the microphone from a new question.
                self.caption(&sentence);
            }
        }
        if !self.floor.is_waiting() || !self.link.is_ready() || !self.may_speak(now) {
            return;
        }
        for waiting in self.floor.take() {
            match waiting {
                Waiting::Say { plugin, text, more } => self.say_now(&plugin, &text, more),
                Waiting::Show(text) => self.show(text),
            }
        }
    }

    /// When something that waits is to be looked at again, whoever speaks.
    pub(crate) fn floor_deadline(&self) -> Option<Instant> {
        let making = self.handle.presence.is_making();
        let answer = (self.floor.is_waiting() && !making).then(|| self.handle.presence.answer_from());
        [answer, self.floor.kept_until.filter(|_| self.link.is_ready())].into_iter().flatten().min()
    }

    /// A message that goes with what is being said: behind what waits to be said, with the first sound of
    /// what is about to be heard, else at once.
    pub(crate) fn accompany(&mut self, text: Text) {
        if self.floor.is_waiting() {
            return self.floor.wait(Waiting::Show(text));
        }
        self.show(text);
    }

    fn show(&mut self, text: Text) {
        match &self.voice {
            Some(voice) if self.turn.is_some() => {
                let text: Arc<str> = match text {
                    Text::Own(text) => text.into(),
                    Text::Shared(text) => text,
                };
                if let Some(text) = voice.accompany(text) {
                    self.link.send(text);
                }
            }
            _ => self.link.send(text),
        }
    }
}
