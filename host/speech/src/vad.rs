//! Voice activity detection (VAD). Rule: time is counted in samples, so that late or bursty packets of a device do not
//! change the result.

use std::ops::{AddAssign, Sub};
use std::time::Duration;

use crate::config::VadConfig;

/// Samples of a detector window: 16 ms.
pub const WINDOW: usize = 256;
/// Sample rate, in Hz.
pub const RATE: u32 = 16_000;
/// Hysteresis: within speech, the threshold is lower by this much, since voices sink at the end of a word.
const HYSTERESIS: f32 = 0.15;
/// Within speech, a window that is this factor softer than the loudest one is not speech: 26 dB.
const MAX_LEVEL_DROP: f32 = 20.0;
/// Factor of the threshold for faint voice, such as a whisper into a device whose button is held.
const FAINT_FACTOR: f32 = 0.6;
/// Decay of the loudest level per window: half in 2 s.
const LEVEL_DECAY: f32 = 0.995;

/// Scores a window of 256 samples, 0 to 1: how likely it contains speech. May keep state between windows.
pub trait VoiceDetector: Send {
    /// Scores this window.
    fn score(&mut self, window: &[i16; WINDOW]) -> f32;
    /// Resets the state.
    fn reset(&mut self);
}

/// The built-in detector; takes 8 KiB.
pub struct Earshot(Box<earshot::Detector>);

impl Default for Earshot {
    fn default() -> Self {
        Self(earshot::Detector::default_boxed())
    }
}

impl VoiceDetector for Earshot {
    fn score(&mut self, window: &[i16; WINDOW]) -> f32 {
        self.0.predict_i16(window)
    }

    fn reset(&mut self) {
        self.0.reset();
    }
}

/// Amount of voice in audio, in samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// Samples classified as speech.
    pub clear: u64,
    /// Samples that may be speech, including the clear ones; some are counted late.
    pub faint: u64,
}

impl AddAssign for Voice {
    fn add_assign(&mut self, other: Self) {
        self.clear += other.clear;
        self.faint += other.faint;
    }
}

impl Sub for Voice {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self { clear: self.clear.saturating_sub(other.clear), faint: self.faint.saturating_sub(other.faint) }
    }
}

/// A change of voice activity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Onset: speech since this sample.
    Began(u64),
    /// End: silence since this sample.
    Ended(u64),
}

/// Thresholds of the detection, in samples.
#[derive(Clone, Copy, Debug)]
pub struct Thresholds {
    threshold: f32,
    start: u64,
    end: u64,
}

impl From<&VadConfig> for Thresholds {
    fn from(config: &VadConfig) -> Self {
        let samples = |ms: u64| ms * u64::from(RATE) / 1000;
        Self { threshold: config.threshold, start: samples(config.start_ms), end: samples(config.end_silence_ms) }
    }
}

impl Thresholds {
    /// The configured thresholds with another end silence.
    pub fn with_end(config: &VadConfig, end: Duration) -> Self {
        let samples = u64::try_from(end.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(RATE)) / 1000;
        Self { end: samples, ..Self::from(config) }
    }
}

/// Tracks the voice activity of one session.
pub struct Vad {
    detector: Box<dyn VoiceDetector>,
    /// Samples that do not fill a window yet.
    remainder: Vec<i16>,
    /// Samples analysed so far.
    position: u64,
    speaking: bool,
    /// Start of a possible onset, and samples of speech since then.
    onset: (u64, u64),
    /// End of the last window with speech.
    silent_since: u64,
    /// Samples of speech since the last `Began`.
    voiced: u64,
    /// Level of the loudest window of the speech, decaying; root mean square.
    loudest: f32,
    /// Voice in all audio so far.
    voice: Voice,
    /// Samples of a possible faint voice.
    faint_onset: u64,
}

impl Vad {
    /// A detector at the start of a stream.
    pub fn new(detector: Box<dyn VoiceDetector>) -> Self {
        let remainder = Vec::with_capacity(WINDOW);
        Self {
            detector,
            remainder,
            position: 0,
            speaking: false,
            onset: (0, 0),
            silent_since: 0,
            voiced: 0,
            loudest: 0.0,
            voice: Voice::default(),
            faint_onset: 0,
        }
    }

    /// Analyses the next samples and reports each onset and end.
    pub fn push(&mut self, mut pcm: &[i16], thresholds: &Thresholds, mut on_change: impl FnMut(Change)) {
        if !self.remainder.is_empty() {
            let (head, tail) = pcm.split_at(pcm.len().min(WINDOW - self.remainder.len()));
            self.remainder.extend_from_slice(head);
            pcm = tail;
            if self.remainder.len() < WINDOW {
                return;
            }
            let mut window = [0; WINDOW];
            window.copy_from_slice(&self.remainder);
            self.remainder.clear();
            self.analyse(&window, thresholds, &mut on_change);
        }
        let (windows, remainder) = pcm.as_chunks::<WINDOW>();
        for window in windows {
            self.analyse(window, thresholds, &mut on_change);
        }
        self.remainder.extend_from_slice(remainder);
    }

    fn analyse(&mut self, window: &[i16; WINDOW], thresholds: &Thresholds, on_change: &mut impl FnMut(Change)) {
        let length = WINDOW as u64;
        let begins_at = self.position;
        self.position += length;
        let score = self.detector.score(window);
        let level = rms(window);
        self.count_faint(score, thresholds);
        if self.speaking {
            self.loudest *= LEVEL_DECAY;
            if score >= thresholds.threshold - HYSTERESIS && level * MAX_LEVEL_DROP >= self.loudest {
                self.loudest = self.loudest.max(level);
                self.silent_since = self.position;
                self.voiced += length;
                self.voice.clear += length;
            } else if self.position - self.silent_since >= thresholds.end {
                self.speaking = false;
                self.onset = (self.position, 0);
                on_change(Change::Ended(self.silent_since));
            }
            return;
        }
        let (since, amount) = self.onset;
        if score >= thresholds.threshold {
            self.loudest = if amount == 0 { level } else { self.loudest.max(level) };
            self.onset = (if amount == 0 { begins_at } else { since }, amount + length);
            self.silent_since = self.position;
            if self.onset.1 >= thresholds.start {
                self.speaking = true;
                self.voiced = self.onset.1;
                self.voice.clear += self.onset.1;
                on_change(Change::Began(self.onset.0));
            }
        } else {
            // A window without speech cancels one with speech, and no more: a word may crackle.
            self.onset = (since, amount.saturating_sub(length));
        }
    }

    /// Counts faint voice, with a lower threshold: noise reaches it, too, but not for long.
    fn count_faint(&mut self, score: f32, thresholds: &Thresholds) {
        let length = WINDOW as u64;
        if score < thresholds.threshold * FAINT_FACTOR {
            self.faint_onset = self.faint_onset.saturating_sub(length);
            return;
        }
        self.faint_onset = (self.faint_onset + length).min(thresholds.start);
        if self.faint_onset >= thresholds.start {
            self.voice.faint += length;
        }
    }

    /// Whether there is speech now.
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// Length of the speech since its onset.
    pub fn voiced(&self) -> Duration {
        duration(self.voiced)
    }

    /// Amount of voice in all audio so far; monotonic.
    pub fn voice(&self) -> Voice {
        self.voice
    }

    /// Length of the silence since the end of speech (A.5).
    pub fn silence(&self) -> Duration {
        duration(self.position - self.silent_since)
    }

    /// Samples analysed so far.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Starts a new stream: earlier audio has no influence on what follows.
    pub fn reset(&mut self) {
        self.detector.reset();
        self.remainder.clear();
        (self.speaking, self.onset, self.voiced, self.faint_onset) = (false, (self.position, 0), 0, 0);
        self.silent_since = self.position;
    }
}

/// Root mean square.
fn rms(window: &[i16; WINDOW]) -> f32 {
    let sum: f32 = window.iter().map(|sample| f32::from(*sample) * f32::from(*sample)).sum();
    (sum / WINDOW as f32).sqrt()
}

/// The duration of this many samples.
pub fn duration(samples: u64) -> Duration {
    Duration::from_micros(samples * 1_000_000 / u64::from(RATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Scores a window by its first sample, in hundredths; all windows have nearly the same level.
    struct Scripted;

    impl VoiceDetector for Scripted {
        fn score(&mut self, window: &[i16; WINDOW]) -> f32 {
            f32::from(window[0]) / 100.0
        }

        fn reset(&mut self) {}
    }

    /// Onset after 48 ms, end after 64 ms.
    const THRESHOLDS: Thresholds = Thresholds { threshold: 0.6, start: 768, end: 1024 };

    fn activity() -> Vad {
        Vad::new(Box::new(Scripted))
    }

    /// Changes of activity, with their positions in windows.
    fn changes(scores: &[i16], chunk: usize) -> Vec<Change> {
        let pcm: Vec<i16> = scores.iter().flat_map(|score| [*score; WINDOW]).collect();
        let (mut activity, mut changes) = (activity(), Vec::new());
        for chunk in pcm.chunks(chunk) {
            activity.push(chunk, &THRESHOLDS, |change| changes.push(change));
        }
        changes
            .iter()
            .map(|change| match change {
                Change::Began(at) => Change::Began(at / WINDOW as u64),
                Change::Ended(at) => Change::Ended(at / WINDOW as u64),
            })
            .collect()
    }

    #[test]
    fn speech_begins_and_ends_wherever_the_packets_are_cut() {
        let scores = [0, 0, 90, 90, 90, 50, 0, 90, 0, 0, 0, 0, 0];
        for chunk in [1, 255, 256, 257, 320, 960, 100_000] {
            let expected = [Change::Began(2), Change::Ended(8)];
            assert_eq!(changes(&scores, chunk), expected, "packets of {chunk}");
        }
    }

    #[test]
    fn a_click_is_no_speech_and_a_pause_no_end() {
        assert_eq!(changes(&[0, 90, 90, 0, 0, 90, 90, 0, 0], 960), []);
        let crackling = [90, 90, 0, 90, 90, 0, 0, 0, 90, 0, 0, 0];
        assert_eq!(changes(&crackling, 960), [Change::Began(0)]);
    }

    #[test]
    fn a5_silence_is_now_less_its_beginning() {
        let mut activity = activity();
        let mut feed = |score: i16, windows: usize| {
            let pcm = vec![score; WINDOW * windows];
            activity.push(&pcm, &THRESHOLDS, |_| {});
            activity.silence()
        };
        assert_eq!(feed(0, 10), Duration::from_millis(160));
        assert_eq!(feed(90, 5), Duration::ZERO);
        assert_eq!(feed(0, 3), Duration::from_millis(48));
        assert_eq!(feed(0, 100), Duration::from_millis(1648));
        activity.reset();
        assert_eq!((activity.silence(), activity.is_speaking()), (Duration::ZERO, false));
    }
}
