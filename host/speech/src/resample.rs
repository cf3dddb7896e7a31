//! Sound at another rate: mono, signed 16 bit, as a stream. Rule: what goes in comes out whole, in
//! its length to a sample and without delay; nothing is copied where both rates are the same.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

/// Input that is worked on at once, in s: short enough not to be waited for.
const PIECES_PER_SECOND: usize = 50;

/// A stream that changes its rate. Rates that cannot be joined leave the sound as it is.
pub struct Resample {
    inner: Option<Inner>,
}

struct Inner {
    resampler: Box<Fft<f32>>,
    waiting: Vec<f32>,
    made: Vec<f32>,
    /// Samples of its own delay that are still to be dropped.
    delay: usize,
    taken: u64,
    given: u64,
    ratio: f64,
}

impl Resample {
    /// From one rate to another, in Hz.
    pub fn new(from: u32, to: u32) -> Self {
        if from == to {
            return Self { inner: None };
        }
        let (from, to) = (from.max(1) as usize, to.max(1) as usize);
        let made = Fft::new(from, to, (from / PIECES_PER_SECOND).max(1), 1, FixedSync::Both);
        let inner = made.ok().map(|resampler| Inner {
            delay: resampler.output_delay(),
            made: vec![0.0; resampler.output_frames_max()],
            resampler: Box::new(resampler),
            waiting: Vec::new(),
            taken: 0,
            given: 0,
            ratio: to as f64 / from as f64,
        });
        Self { inner }
    }

    /// Takes sound, and appends to `out` what comes of it so far.
    pub fn push(&mut self, pcm: &[i16], out: &mut Vec<i16>) {
        let Some(inner) = &mut self.inner else { return out.extend_from_slice(pcm) };
        inner.taken += pcm.len() as u64;
        inner.waiting.extend(pcm.iter().map(|sample| f32::from(*sample)));
        inner.work(out, u64::MAX);
    }

    /// Appends the rest to `out`; what is pushed then is another sound.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        let Some(inner) = &mut self.inner else { return };
        let whole = (inner.taken as f64 * inner.ratio).round() as u64;
        while inner.given < whole {
            let next = inner.resampler.input_frames_next();
            let missing = next - inner.waiting.len() % next.max(1);
            inner.waiting.resize(inner.waiting.len() + missing, 0.0);
            inner.work(out, whole);
        }
        inner.resampler.reset();
        inner.waiting.clear();
        (inner.delay, inner.taken, inner.given) = (inner.resampler.output_delay(), 0, 0);
    }
}

impl Inner {
    /// Works off whole pieces, giving `most` samples in all.
    fn work(&mut self, out: &mut Vec<i16>, most: u64) {
        let mut done = 0;
        loop {
            let next = self.resampler.input_frames_next();
            let Some(piece) = self.waiting.get(done..done + next) else { break };
            let room = self.made.len();
            let (Ok(input), Ok(mut output)) =
                (InterleavedSlice::new(piece, 1, next), InterleavedSlice::new_mut(&mut self.made, 1, room))
            else {
                break;
            };
            let Ok((_, made)) = self.resampler.process_into_buffer(&input, &mut output, None) else { break };
            done += next;
            let skipped = self.delay.min(made);
            self.delay -= skipped;
            let left = usize::try_from(most.saturating_sub(self.given)).unwrap_or(usize::MAX);
            let made = &self.made[skipped..made];
            let made = &made[..made.len().min(left)];
            self.given += made.len() as u64;
            out.extend(made.iter().map(|sample| sample.round().clamp(-32768.0, 32767.0) as i16));
        }
        self.waiting.drain(..done);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tone(rate: u32, hertz: f64, seconds: f64) -> Vec<i16> {
        let samples = (f64::from(rate) * seconds) as u32;
        let value = |at: u32| (f64::from(at) / f64::from(rate) * hertz * std::f64::consts::TAU).sin() * 12_000.0;
        (0..samples).map(|at| value(at) as i16).collect()
    }

    #[test]
    fn a_tone_stays_that_tone_at_every_rate_however_it_is_cut() {
        for (from, to) in [(22_050, 24_000), (48_000, 16_000), (8_000, 16_000), (44_100, 16_000), (16_000, 48_000)] {
            let pcm = tone(from, 440.0, 1.0);
            for piece in [1, 441, 5000, 100_000] {
                let (mut resample, mut out) = (Resample::new(from, to), Vec::new());
                for piece in pcm.chunks(piece) {
                    resample.push(piece, &mut out);
                }
                resample.finish(&mut out);
                assert_eq!(out.len(), to as usize, "{from} to {to} by {piece}");
                // Not at the very ends, where there is nothing beside the sound to reckon with.
                let inner = to as usize / 20..to as usize * 19 / 20;
                let expected = tone(to, 440.0, 1.0);
                let far = inner.map(|at| (i32::from(out[at]) - i32::from(expected[at])).abs()).max();
                // As far as the tone moves within a sample: the delay is no whole number of them.
                let step = 12_000.0 * 440.0 * std::f64::consts::TAU / f64::from(to);
                assert!(far < Some(step as i32), "{from} to {to} by {piece}: off by {far:?}");
            }
        }
    }

    #[test]
    fn a_sound_follows_another() {
        let mut resample = Resample::new(22_050, 24_000);
        for _ in 0..3 {
            let mut out = Vec::new();
            resample.push(&tone(22_050, 300.0, 0.5), &mut out);
            resample.finish(&mut out);
            assert_eq!(out.len(), 12_000);
        }
        let (mut same, mut out) = (Resample::new(24_000, 24_000), Vec::new());
        same.push(&[1, -2, 3], &mut out);
        same.finish(&mut out);
        assert_eq!(out, [1, -2, 3]);
    }
}
