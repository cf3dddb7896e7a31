//! Where somebody speaks. Rule: time is counted in samples, so that a device that sends late or in
//! bursts is judged by what it heard and not by when it came.

use std::ops::{AddAssign, Sub};
use std::time::Duration;

use crate::config::VadConfig;

/// Samples that are looked at together: 16 ms.
pub const LOOK: usize = 256;
/// Samples of a second.
pub const RATE: u32 = 16_000;
/// Within speech, less is enough to count as speech: voices sink at the end of a word.
const STAYS: f32 = 0.15;
/// But what is this much softer than the loudest of it is something else: 26 dB.
const FAINTER: f32 = 20.0;
/// Of the score that counts as speech, what counts as a faint voice: a person who whispers into a device
/// whose button is held.
const FAINT: f32 = 0.6;
/// How the loudest is forgotten, for each look: half in 2 s.
const FADES: f32 = 0.995;

/// Says how sure it is that a look of 256 samples holds speech, 0 to 1. It may remember looks before.
pub trait VoiceDetector: Send {
    /// Of this look.
    fn score(&mut self, look: &[i16; LOOK]) -> f32;
    /// Forgets what was before.
    fn forget(&mut self);
}

/// The detector that is built in; 8 KiB.
pub struct Earshot(Box<earshot::Detector>);

impl Default for Earshot {
    fn default() -> Self {
        Self(earshot::Detector::default_boxed())
    }
}

impl VoiceDetector for Earshot {
    fn score(&mut self, look: &[i16; LOOK]) -> f32 {
        self.0.predict_i16(look)
    }

    fn forget(&mut self) {
        self.0.reset();
    }
}

/// How much voice there is in a sound, in samples.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Voice {
    /// In which somebody speaks.
    pub clear: u64,
    /// In which somebody may speak, those among them; some are counted late.
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

/// A boundary.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// Somebody speaks, and has since this sample.
    Began(u64),
    /// Nobody speaks any more, and has not since this sample.
    Ended(u64),
}

/// What counts as a boundary, in samples.
#[derive(Clone, Copy, Debug)]
pub struct Bounds {
    threshold: f32,
    start: u64,
    end: u64,
}

impl From<&VadConfig> for Bounds {
    fn from(config: &VadConfig) -> Self {
        let samples = |ms: u64| ms * u64::from(RATE) / 1000;
        Self { threshold: config.threshold, start: samples(config.start_ms), end: samples(config.end_silence_ms) }
    }
}

impl Bounds {
    /// The same, with another silence that ends speech.
    pub fn with_end(config: &VadConfig, end: Duration) -> Self {
        let samples = u64::try_from(end.as_millis()).unwrap_or(u64::MAX).saturating_mul(u64::from(RATE)) / 1000;
        Self { end: samples, ..Self::from(config) }
    }
}

/// Follows the sound of one session.
pub struct Vad {
    detector: Box<dyn VoiceDetector>,
    /// What does not fill a look yet.
    rest: Vec<i16>,
    /// Samples that have been looked at.
    position: u64,
    speaking: bool,
    /// Where the speech that may become an utterance began, and how much of it there was.
    rising: (u64, u64),
    /// Where the last look with speech ended.
    silent_since: u64,
    /// Samples with speech since the last `Began`.
    voiced: u64,
    /// The loudest look of the speech, fading; root mean square.
    loudest: f32,
    /// Of all that was looked at.
    voice: Voice,
    /// What may become a faint voice, in samples.
    rising_faint: u64,
}

impl Vad {
    /// At the beginning of a sound.
    pub fn new(detector: Box<dyn VoiceDetector>) -> Self {
        let rest = Vec::with_capacity(LOOK);
        Self {
            detector,
            rest,
            position: 0,
            speaking: false,
            rising: (0, 0),
            silent_since: 0,
            voiced: 0,
            loudest: 0.0,
            voice: Voice::default(),
            rising_faint: 0,
        }
    }

    /// Looks at what comes next, and tells each boundary.
    pub fn hear(&mut self, mut pcm: &[i16], bounds: &Bounds, mut tell: impl FnMut(Change)) {
        if !self.rest.is_empty() {
            let (head, tail) = pcm.split_at(pcm.len().min(LOOK - self.rest.len()));
            self.rest.extend_from_slice(head);
            pcm = tail;
            if self.rest.len() < LOOK {
                return;
            }
            let mut look = [0; LOOK];
            look.copy_from_slice(&self.rest);
            self.rest.clear();
            self.look(&look, bounds, &mut tell);
        }
        let (looks, rest) = pcm.as_chunks::<LOOK>();
        for look in looks {
            self.look(look, bounds, &mut tell);
        }
        self.rest.extend_from_slice(rest);
    }

    fn look(&mut self, look: &[i16; LOOK], bounds: &Bounds, tell: &mut impl FnMut(Change)) {
        let length = LOOK as u64;
        let begins_at = self.position;
        self.position += length;
        let score = self.detector.score(look);
        let loud = loudness(look);
        self.faint(score, bounds);
        if self.speaking {
            self.loudest *= FADES;
            if score >= bounds.threshold - STAYS && loud * FAINTER >= self.loudest {
                self.loudest = self.loudest.max(loud);
                self.silent_since = self.position;
                self.voiced += length;
                self.voice.clear += length;
            } else if self.position - self.silent_since >= bounds.end {
                self.speaking = false;
                self.rising = (self.position, 0);
                tell(Change::Ended(self.silent_since));
            }
            return;
        }
        let (since, so_far) = self.rising;
        if score >= bounds.threshold {
            self.loudest = if so_far == 0 { loud } else { self.loudest.max(loud) };
            self.rising = (if so_far == 0 { begins_at } else { since }, so_far + length);
            self.silent_since = self.position;
            if self.rising.1 >= bounds.start {
                self.speaking = true;
                self.voiced = self.rising.1;
                self.voice.clear += self.rising.1;
                tell(Change::Began(self.rising.0));
            }
        } else {
            // One look without speech takes one with speech back: a word may crackle.
            self.rising = (since, so_far.saturating_sub(length));
        }
    }

    /// As speech begins, by a lower threshold: noise reaches that, too, but not for long.
    fn faint(&mut self, score: f32, bounds: &Bounds) {
        let length = LOOK as u64;
        if score < bounds.threshold * FAINT {
            self.rising_faint = self.rising_faint.saturating_sub(length);
            return;
        }
        self.rising_faint = (self.rising_faint + length).min(bounds.start);
        if self.rising_faint >= bounds.start {
            self.voice.faint += length;
        }
    }

    /// Whether somebody speaks.
    pub fn is_speaking(&self) -> bool {
        self.speaking
    }

    /// How much speech there has been since somebody began to speak.
    pub fn voiced(&self) -> Duration {
        duration(self.voiced)
    }

    /// How much voice there was in all that was looked at; only grows.
    pub fn voice(&self) -> Voice {
        self.voice
    }

    /// How long nobody has spoken: now less the beginning of the silence (A.5).
    pub fn silence(&self) -> Duration {
        duration(self.position - self.silent_since)
    }

    /// Samples that have been looked at.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// What comes next has nothing to do with what was before.
    pub fn forget(&mut self) {
        self.detector.forget();
        self.rest.clear();
        (self.speaking, self.rising, self.voiced, self.rising_faint) = (false, (self.position, 0), 0, 0);
        self.silent_since = self.position;
    }
}

/// Root mean square.
fn loudness(look: &[i16; LOOK]) -> f32 {
    let sum: f32 = look.iter().map(|sample| f32::from(*sample) * f32::from(*sample)).sum();
    (sum / LOOK as f32).sqrt()
}

/// The length of this many samples.
pub fn duration(samples: u64) -> Duration {
    Duration::from_micros(samples * 1_000_000 / u64::from(RATE))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes the first sample of a look for the score, in hundredths; they are equally loud, nearly.
    struct Scripted;

    impl VoiceDetector for Scripted {
        fn score(&mut self, look: &[i16; LOOK]) -> f32 {
            f32::from(look[0]) / 100.0
        }

        fn forget(&mut self) {}
    }

    /// 48 ms begin, 64 ms end.
    const BOUNDS: Bounds = Bounds { threshold: 0.6, start: 768, end: 1024 };

    fn activity() -> Vad {
        Vad::new(Box::new(Scripted))
    }

    /// Changes with their place in looks.
    fn changes(scores: &[i16], piece: usize) -> Vec<Change> {
        let pcm: Vec<i16> = scores.iter().flat_map(|score| [*score; LOOK]).collect();
        let (mut activity, mut told) = (activity(), Vec::new());
        for piece in pcm.chunks(piece) {
            activity.hear(piece, &BOUNDS, |change| told.push(change));
        }
        told.iter()
            .map(|change| match change {
                Change::Began(at) => Change::Began(at / LOOK as u64),
                Change::Ended(at) => Change::Ended(at / LOOK as u64),
            })
            .collect()
    }

    #[test]
    fn speech_begins_and_ends_wherever_the_packets_are_cut() {
        let scores = [0, 0, 90, 90, 90, 50, 0, 90, 0, 0, 0, 0, 0];
        for piece in [1, 255, 256, 257, 320, 960, 100_000] {
            let expected = [Change::Began(2), Change::Ended(8)];
            assert_eq!(changes(&scores, piece), expected, "packets of {piece}");
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
        let mut hear = |score: i16, looks: usize| {
            let pcm = vec![score; LOOK * looks];
            activity.hear(&pcm, &BOUNDS, |_| {});
            activity.silence()
        };
        assert_eq!(hear(0, 10), Duration::from_millis(160));
        assert_eq!(hear(90, 5), Duration::ZERO);
        assert_eq!(hear(0, 3), Duration::from_millis(48));
        assert_eq!(hear(0, 100), Duration::from_millis(1648));
        activity.forget();
        assert_eq!((activity.silence(), activity.is_speaking()), (Duration::ZERO, false));
    }
}
