//! The sentences of a turn that are not sent completely. Rule: bounded in number, bytes and length of sounds; a sentence
//! leaves when it has been sent, not when it is synthesised.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::limits;
use crate::sound::Sound;

#[derive(Clone)]
pub(super) struct Sentence {
    pub text: Arc<str>,
    /// The plugin of the sentence.
    pub plugin: Arc<str>,
    pub queued: Instant,
    /// Played in place of the text, which is empty.
    pub sound: Option<Sound>,
}

impl Sentence {
    fn sound_length(&self) -> Duration {
        self.sound.as_ref().map_or(Duration::ZERO, Sound::duration)
    }
}

/// In the order of queueing; the first `started` are being synthesised.
#[derive(Default)]
pub(super) struct SentenceQueue {
    sentences: VecDeque<Sentence>,
    started: usize,
    bytes: usize,
}

impl SentenceQueue {
    /// False if there is no room for it.
    pub fn push(&mut self, sentence: Sentence) -> bool {
        let queued_sound = || -> Duration { self.sentences.iter().map(Sentence::sound_length).sum() };
        if self.sentences.len() >= limits::SPEECH_SENTENCES
            || self.bytes + sentence.text.len() > limits::SPEECH_BYTES
            || (sentence.sound.is_some() && queued_sound() + sentence.sound_length() > limits::QUEUED_SOUND)
        {
            return false;
        }
        self.bytes += sentence.text.len();
        self.sentences.push_back(sentence);
        true
    }

    /// The next sentence to synthesise.
    pub fn start_next(&mut self) -> Option<Sentence> {
        let sentence = self.sentences.get(self.started).cloned()?;
        self.started += 1;
        Some(sentence)
    }

    /// Removes the first sentence, which has been sent.
    pub fn pop(&mut self) -> Option<Sentence> {
        let sentence = self.sentences.pop_front()?;
        self.bytes -= sentence.text.len();
        self.started = self.started.saturating_sub(1);
        Some(sentence)
    }

    pub fn front(&self) -> Option<&Sentence> {
        self.sentences.front()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Sentence> {
        self.sentences.iter()
    }

    pub fn is_empty(&self) -> bool {
        self.sentences.is_empty()
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
