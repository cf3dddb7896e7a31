//! Streaming resampler: mono, signed 16 bit. Rule: the output has the exact length of the input in time and no delay;
//! equal rates are a plain copy.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{Fft, FixedSync, Resampler};

/// Chunks per second of input: short enough that nobody waits for one to fill.
const CHUNKS_PER_SECOND: usize = 50;

/// A stream that changes its sample rate. Where a pair of rates is not supported, samples pass unchanged.
pub struct Resample {
    inner: Option<Inner>,
}

struct Inner {
    resampler: Box<Fft<f32>>,
    pending: Vec<f32>,
    scratch: Vec<f32>,
    /// Samples of the filter delay that are still to be dropped.
    delay: usize,
    consumed: u64,
    emitted: u64,
    ratio: f64,
}

impl Resample {
    /// Resamples from one rate to another, in Hz.
    pub fn new(from: u32, to: u32) -> Self {
        if from == to {
            return Self { inner: None };
        }
        let (from, to) = (from.max(1) as usize, to.max(1) as usize);
        let resampler = Fft::new(from, to, (from / CHUNKS_PER_SECOND).max(1), 1, FixedSync::Both);
        let inner = resampler.ok().map(|resampler| Inner {
            delay: resampler.output_delay(),
            scratch: vec![0.0; resampler.output_frames_max()],
            resampler: Box::new(resampler),
            pending: Vec::new(),
            consumed: 0,
            emitted: 0,
            ratio: to as f64 / from as f64,
        });
        Self { inner }
    }

    /// Adds input, and appends the output that is ready to `out`.
    pub fn push(&mut self, pcm: &[i16], out: &mut Vec<i16>) {
        let Some(inner) = &mut self.inner else { return out.extend_from_slice(pcm) };
        inner.consumed += pcm.len() as u64;
        inner.pending.extend(pcm.iter().map(|sample| f32::from(*sample)));
        inner.process(out, u64::MAX);
    }

    /// Flushes the rest to `out` and resets the stream for the next audio.
    pub fn finish(&mut self, out: &mut Vec<i16>) {
        let Some(inner) = &mut self.inner else { return };
        let expected = (inner.consumed as f64 * inner.ratio).round() as u64;
        while inner.emitted < expected {
            let next = inner.resampler.input_frames_next();
            let missing = next - inner.pending.len() % next.max(1);
            inner.pending.resize(inner.pending.len() + missing, 0.0);
            inner.process(out, expected);
        }
        inner.resampler.reset();
        inner.pending.clear();
        (inner.delay, inner.consumed, inner.emitted) = (inner.resampler.output_delay(), 0, 0);
    }
}

impl Inner {
    /// Processes whole chunks, up to `max` output samples in all.
    fn process(&mut self, out: &mut Vec<i16>, max: u64) {
        let mut done = 0;
        loop {
            let next = self.resampler.input_frames_next();
            let Some(chunk) = self.pending.get(done..done + next) else { break };
            let capacity = self.scratch.len();
            let (Ok(input), Ok(mut output)) =
                (InterleavedSlice::new(chunk, 1, next), InterleavedSlice::new_mut(&mut self.scratch, 1, capacity))
            else {
                break;
            };
            let Ok((_, produced)) = self.resampler.process_into_buffer(&input, &mut output, None) else { break };
            done += next;
            let skipped = self.delay.min(produced);
            self.delay -= skipped;
            let left = usize::try_from(max.saturating_sub(self.emitted)).unwrap_or(usize::MAX);
            let produced = &self.scratch[skipped..produced];
            let produced = &produced[..produced.len().min(left)];
            self.emitted += produced.len() as u64;
            out.extend(produced.iter().map(|sample| sample.round().clamp(-32768.0, 32767.0) as i16));
        }
        self.pending.drain(..done);
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
            for chunk in [1, 441, 5000, 100_000] {
                let (mut resample, mut out) = (Resample::new(from, to), Vec::new());
                for chunk in pcm.chunks(chunk) {
                    resample.push(chunk, &mut out);
                }
                resample.finish(&mut out);
                assert_eq!(out.len(), to as usize, "{from} to {to} by {chunk}");
                // Not near the ends, where the filter lacks neighbouring samples.
                let inner = to as usize / 20..to as usize * 19 / 20;
                let expected = tone(to, 440.0, 1.0);
                let far = inner.map(|at| (i32::from(out[at]) - i32::from(expected[at])).abs()).max();
                // Allows the slope of the tone over one sample: the delay is not a whole number of samples.
                let step = 12_000.0 * 440.0 * std::f64::consts::TAU / f64::from(to);
                assert!(far < Some(step as i32), "{from} to {to} by {chunk}: off by {far:?}");
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
