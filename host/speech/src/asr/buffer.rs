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

/// A chunk of the audio of an utterance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// Mono samples at 16 kHz.
    pub pcm: Vec<i16>,
    /// Nothing follows; the chunk may be empty.
    pub last: bool,
}

/// Bound on the samples that all utterances of a server buffer together. Once it is reached, utterances that buffer
/// more than `limits::BUFFERED_AUDIO_RESERVE` get no more: a flood of long ones must not starve the short ones.
pub struct AudioBudget {
    used: AtomicUsize,
    capacity: usize,
}

impl AudioBudget {
    /// A budget of this many samples.
    pub fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { used: AtomicUsize::new(0), capacity })
    }

    /// The budget of a machine with this many cores.
    pub fn of_cores(cores: usize) -> Arc<Self> {
        Self::new(cores.saturating_mul(limits::BUFFERED_AUDIO_BYTES) / size_of::<i16>())
    }

    fn try_reserve(&self, buffered: usize, more: usize) -> bool {
        if buffered >= limits::BUFFERED_AUDIO_RESERVE && self.used.load(Ordering::Relaxed) >= self.capacity {
            return false;
        }
        self.used.fetch_add(more, Ordering::Relaxed);
        true
    }

    fn release(&self, samples: usize) {
        self.used.fetch_sub(samples, Ordering::Relaxed);
    }
}

/// Shared by the utterance and its attempts.
pub(super) struct AudioBuffer {
    state: Mutex<State>,
    changed: Notify,
    /// Maximum length, in samples.
    max: u64,
    budget: Arc<AudioBudget>,
}

#[derive(Default)]
struct State {
    samples: VecDeque<i16>,
    /// Index of the first buffered sample.
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
        Self { state: Mutex::default(), changed: Notify::new(), max, budget }
    }

    pub(super) fn push(&self, pcm: &[i16]) {
        let mut state = self.state.lock();
        if state.ended.is_some() {
            return;
        }
        // The last packet may exceed the maximum.
        if state.pushed() > self.max || !self.budget.try_reserve(state.samples.len(), pcm.len()) {
            metrics::counter!("modehost_audio_packets_dropped_total").increment(1);
            return;
        }
        state.samples.extend(pcm);
        drop(state);
        self.changed.notify_one();
    }

    pub(super) fn end(&self) {
        self.state.lock().ended.get_or_insert_with(Instant::now);
        self.changed.notify_one();
    }

    pub(super) fn add_voice(&self, voice: Voice) {
        let mut state = self.state.lock();
        if state.ended.is_none() {
            state.voice += voice;
        }
        drop(state);
        self.changed.notify_one();
    }

    /// Amount of voice so far, and whether the utterance has ended.
    pub(super) fn voice(&self) -> (Voice, bool) {
        let state = self.state.lock();
        (state.voice, state.ended.is_some())
    }

    /// Waits for the first trace of voice. False where the utterance ended without one.
    pub(super) async fn wait_for_voice(&self) -> bool {
        loop {
            match self.voice() {
                (voice, _) if duration(voice.faint) >= limits::MIN_FAINT_VOICE => return true,
                (_, true) => return false,
                _ => self.changed.notified().await,
            }
        }
    }

    /// Waits until the utterance has ended.
    pub(super) async fn wait_end(&self) {
        while self.ended().is_none() {
            self.changed.notified().await;
        }
    }

    pub(super) fn ended(&self) -> Option<Instant> {
        self.state.lock().ended
    }

    /// Index of the first sample that has not been acknowledged.
    pub(super) fn base(&self) -> u64 {
        self.state.lock().base
    }

    /// Frees the samples before `index`: they will not be read again.
    pub(super) fn acknowledge(&self, index: u64) {
        let mut state = self.state.lock();
        let count = index.min(state.pushed()).saturating_sub(state.base);
        state.base += count;
        let count = usize::try_from(count).unwrap_or(usize::MAX).min(state.samples.len());
        state.samples.drain(..count);
        self.budget.release(count);
    }
}

impl Drop for AudioBuffer {
    fn drop(&mut self) {
        self.budget.release(self.state.get_mut().samples.len());
    }
}

/// Reads the audio of an utterance from the first unacknowledged sample.
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

    /// The next `samples` samples, or the rest where the utterance has ended, with `last`. Waits for them; cancel safe.
    /// Empty chunks follow the last one.
    pub async fn next(&mut self, samples: usize) -> Chunk {
        loop {
            if let Some(chunk) = self.try_next(samples.max(1)) {
                return chunk;
            }
            self.buffer.changed.notified().await;
        }
    }

    /// All of the audio, once the utterance has ended.
    pub async fn read_to_end(&mut self) -> Vec<i16> {
        let mut whole = Vec::new();
        loop {
            let chunk = self.next(RATE as usize).await;
            whole.extend(chunk.pcm);
            if chunk.last {
                return whole;
            }
        }
    }

    fn try_next(&mut self, samples: usize) -> Option<Chunk> {
        let state = self.buffer.state.lock();
        // A provider may acknowledge more than was read, since it counts differently.
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
        let mut retry = AudioReader::new(buffer.clone());
        assert_eq!(retry.next(5).await, Chunk { pcm: vec![3, 4, 5, 6, 7], last: true });
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
        let budget = AudioBudget::new(limits::BUFFERED_AUDIO_RESERVE * 2);
        let long: Vec<AudioBuffer> =
            (0..2).map(|_| AudioBuffer::new(Duration::from_secs(30), budget.clone())).collect();
        let second = vec![1; 16_000];
        for _ in 0..30 {
            long.iter().for_each(|buffer| buffer.push(&second));
        }
        let buffered = |buffer: &AudioBuffer| buffer.state.lock().samples.len();
        assert_eq!(long.iter().map(buffered).sum::<usize>(), limits::BUFFERED_AUDIO_RESERVE * 2);
        let short = AudioBuffer::new(Duration::from_secs(30), budget.clone());
        short.push(&second);
        assert_eq!(buffered(&short), 16_000);
        // Acknowledged and dropped samples are returned to the budget.
        long[0].acknowledge(32_000);
        long[1].push(&second);
        assert_eq!(buffered(&long[1]), limits::BUFFERED_AUDIO_RESERVE + 16_000);
        drop((long, short));
        assert_eq!(budget.used.load(Ordering::Relaxed), 0);
    }
}
