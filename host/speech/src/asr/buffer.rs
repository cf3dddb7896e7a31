//! The audio buffer of an utterance. Rule: unacknowledged samples are kept, so a retry can read them
//! again; acknowledged samples are freed; samples beyond the longest utterance are dropped.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::limits;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::vad::{RATE, Voice, duration};

/// The next sound of an utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Mono samples at 16 kHz.
    pub pcm: Vec<i16>,
    /// Nothing follows; the chunk may be empty.
    pub last: bool,
}

/// Bound on the samples that all utterances of a server buffer together. Once it is reached, utterances that hold
/// more than `limits::HELD_SOUND_SPARE` get no more: a flood of long ones must not starve the short ones.
pub struct AudioBudget {
    held: AtomicUsize,
    most: usize,
}

impl AudioBudget {
    /// For so many samples.
    pub fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { held: AtomicUsize::new(0), most })
    }

    /// The budget of a machine with this many cores.
    pub fn of_cores(cores: usize) -> Arc<Self> {
        Self::new(cores.saturating_mul(limits::HELD_SOUND_BYTES) / size_of::<i16>())
    }

    fn admits(&self, kept: usize, more: usize) -> bool {
        if kept >= limits::HELD_SOUND_SPARE && self.held.load(Ordering::Relaxed) >= self.most {
            return false;
        }
        self.held.fetch_add(more, Ordering::Relaxed);
        true
    }

    fn give_back(&self, samples: usize) {
        self.held.fetch_sub(samples, Ordering::Relaxed);
    }
}

/// Shared by the utterance and its attempts.
pub(super) struct AudioBuffer {
    state: Mutex<State>,
    moved: Notify,
    /// Samples.
    max: u64,
    budget: Arc<AudioBudget>,
}

#[derive(Default)]
struct State {
    samples: VecDeque<i16>,
    /// Index of the first sample that is kept.
    base: u64,
    ended: Option<Instant>,
    voice: Voice,
}

impl State {
    fn pushed(&self) -> u64 {
        self.base + self.samples.len() as u64
    }
}

impl AudioBuffer {
    pub(super) fn new(max: Duration, budget: Arc<AudioBudget>) -> Self {
        let max = u64::try_from(max.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(RATE / 1000));
        Self { state: Mutex::default(), moved: Notify::new(), max, budget }
    }

    pub(super) fn push(&self, pcm: &[i16]) {
        let mut state = self.state.lock();
        if state.ended.is_some() {
            return;
        }
        // A packet may go over by its own length.
        if state.pushed() > self.max || !self.budget.admits(state.samples.len(), pcm.len()) {
            metrics::counter!("modehost_audio_packets_dropped_total").increment(1);
            return;
        }
        state.samples.extend(pcm);
        drop(state);
        self.moved.notify_one();
    }

    pub(super) fn end(&self) {
        self.state.lock().ended.get_or_insert_with(Instant::now);
        self.moved.notify_one();
    }

    pub(super) fn voice(&self, voice: Voice) {
        let mut state = self.state.lock();
        if state.ended.is_none() {
            state.voice += voice;
        }
        drop(state);
        self.moved.notify_one();
    }

    /// How much voice there is in it so far, and whether it has ended.
    pub(super) fn voice_so_far(&self) -> (Voice, bool) {
        let state = self.state.lock();
        (state.voice, state.ended.is_some())
    }

    /// Waits for the first trace of a voice. False where the utterance ended without one.
    pub(super) async fn has_voice(&self) -> bool {
        loop {
            match self.voice_so_far() {
                (voice, _) if duration(voice.faint) >= limits::FAINT_VOICE => return true,
                (_, true) => return false,
                _ => self.moved.notified().await,
            }
        }
    }

    /// Waits until the utterance has ended.
    pub(super) async fn end_of_sound(&self) {
        while self.ended().is_none() {
            self.moved.notified().await;
        }
    }

    pub(super) fn ended(&self) -> Option<Instant> {
        self.state.lock().ended
    }

    /// Index of the first sample that has not been acknowledged.
    pub(super) fn base(&self) -> u64 {
        self.state.lock().base
    }

    /// Samples before `index` will not be read again.
    pub(super) fn acknowledge(&self, index: u64) {
        let mut state = self.state.lock();
        let count = index.min(state.pushed()).saturating_sub(state.base);
        state.base += count;
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(state.samples.len());
        state.samples.drain(..count);
        self.budget.give_back(count);
    }
}

impl Drop for AudioBuffer {
    fn drop(&mut self) {
        self.budget.give_back(self.state.get_mut().samples.len());
    }
}

/// Reads the sound of an utterance from what has not been acknowledged.
pub struct AudioReader {
    buffer: Arc<AudioBuffer>,
    index: u64,
    finished: bool,
}

impl AudioReader {
    pub(super) fn new(buffer: Arc<AudioBuffer>) -> Self {
        let index = buffer.base();
        Self { buffer, index, finished: false }
    }

    /// Index of the next sample.
    pub(super) fn index(&self) -> u64 {
        self.index
    }

    /// The last chunk has been read.
    pub(super) fn is_finished(&self) -> bool {
        self.finished
    }

    /// The next `samples` samples, or what is left where the utterance has ended, with `last`. Waits
    /// for them; cancelling loses nothing. After the last chunk it gives empty ones.
    pub async fn next(&mut self, samples: usize) -> Chunk {
        loop {
            if let Some(chunk) = self.take(samples.max(1)) {
                return chunk;
            }
            self.buffer.moved.notified().await;
        }
    }

    /// All of it, once the utterance has ended.
    pub async fn whole(&mut self) -> Vec<i16> {
        let mut whole = Vec::new();
        loop {
            let chunk = self.next(RATE as usize).await;
            whole.extend(chunk.pcm);
            if chunk.last {
                return whole;
            }
        }
    }

    fn take(&mut self, samples: usize) -> Option<Chunk> {
        let state = self.buffer.state.lock();
        // Acknowledged beyond what was read: a provider that counts otherwise.
        self.index = self.index.max(state.base);
        let from = usize::try_from(self.index - state.base).unwrap_or(usize::MAX).min(state.samples.len());
        let left = state.samples.len() - from;
        let ended = state.ended.is_some();
        if left < samples && !ended {
            return None;
        }
        let pcm: Vec<i16> = state.samples.range(from..from + left.min(samples)).copied().collect();
        let last = ended && left <= samples;
        self.index += pcm.len() as u64;
        self.finished |= last;
        Some(Chunk { pcm, last })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_not_acknowledged_is_read_again() {
        let buffer = Arc::new(AudioBuffer::new(Duration::from_secs(1), AudioBudget::new(usize::MAX)));
        buffer.push(&[1, 2, 3, 4, 5, 6, 7]);
        let mut reader = AudioReader::new(buffer.clone());
        assert_eq!(reader.next(3).await, Chunk { pcm: vec![1, 2, 3], last: false });
        buffer.acknowledge(2);
        assert_eq!(reader.next(3).await, Chunk { pcm: vec![4, 5, 6], last: false });
        buffer.end();
        buffer.push(&[9]);
        assert_eq!(reader.next(3).await, Chunk { pcm: vec![7], last: true });
        assert_eq!(reader.next(3).await, Chunk { pcm: vec![], last: true });
        let mut again = AudioReader::new(buffer.clone());
        assert_eq!(again.next(5).await, Chunk { pcm: vec![3, 4, 5, 6, 7], last: true });
        buffer.acknowledge(100);
        assert_eq!(AudioReader::new(buffer).next(5).await, Chunk { pcm: vec![], last: true });
    }

    #[test]
    fn the_tape_is_bounded() {
        let buffer = AudioBuffer::new(Duration::from_millis(100), AudioBudget::new(usize::MAX));
        for _ in 0..1000 {
            buffer.push(&[0; 960]);
        }
        assert!(buffer.state.lock().samples.len() <= 1600 + 960);
    }

    #[test]
    fn where_all_hold_too_much_the_long_ones_get_no_more_and_the_short_ones_do() {
        let budget = AudioBudget::new(limits::HELD_SOUND_SPARE * 2);
        let long: Vec<AudioBuffer> =
            (0..2).map(|_| AudioBuffer::new(Duration::from_secs(30), budget.clone())).collect();
        let second = vec![1; 16_000];
        for _ in 0..30 {
            long.iter().for_each(|buffer| buffer.push(&second));
        }
        let kept = |buffer: &AudioBuffer| buffer.state.lock().samples.len();
        assert_eq!(long.iter().map(kept).sum::<usize>(), limits::HELD_SOUND_SPARE * 2);
        let short = AudioBuffer::new(Duration::from_secs(30), budget.clone());
        short.push(&second);
        assert_eq!(kept(&short), 16_000);
        // Acknowledged and dropped samples are given back.
        long[0].acknowledge(32_000);
        long[1].push(&second);
        assert_eq!(kept(&long[1]), limits::HELD_SOUND_SPARE + 16_000);
        drop((long, short));
        assert_eq!(budget.held.load(Ordering::Relaxed), 0);
    }
}
