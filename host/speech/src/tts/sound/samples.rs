//! Converts samples of any usual format to one channel of 16 bit. Rule: chunks may end anywhere; channels are mixed
//! evenly.

use super::{Decode, FormatError, Output, RATES};

/// Format of samples.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) struct Format {
    /// In Hz.
    pub(in super::super) rate: u32,
    pub(super) channels: u16,
    pub(super) sample: Sample,
}

/// Encoding of one sample, little-endian.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sample {
    U8,
    S16,
    S24,
    S32,
    F32,
    F64,
}

impl Sample {
    /// In bytes.
    fn length(self) -> usize {
        match self {
            Self::U8 => 1,
            Self::S16 => 2,
            Self::S24 => 3,
            Self::S32 | Self::F32 => 4,
            Self::F64 => 8,
        }
    }

    fn read(self, bytes: &[u8]) -> i32 {
        match (self, bytes) {
            (Self::U8, [one]) => (i32::from(*one) - 128) << 8,
            (Self::S16, [low, high]) | (Self::S24, [_, low, high]) | (Self::S32, [_, _, low, high]) => {
                i32::from(i16::from_le_bytes([*low, *high]))
            }
            (Self::F32, [a, b, c, d]) => from_float(f64::from(f32::from_le_bytes([*a, *b, *c, *d]))),
            (Self::F64, [a, b, c, d, e, f, g, h]) => from_float(f64::from_le_bytes([*a, *b, *c, *d, *e, *f, *g, *h])),
            _ => 0,
        }
    }
}

fn from_float(value: f64) -> i32 {
    // NaN becomes 0.
    (value * 32_768.0).clamp(-32_768.0, 32_767.0) as i32
}

impl Format {
    /// One channel of 16 bit.
    pub(in super::super) fn mono(rate: u32) -> Self {
        Self { rate, channels: 1, sample: Sample::S16 }
    }

    /// Overrides the format with the parameters of a content type, such as `audio/pcm;rate=16000;channels=2`.
    pub(super) fn with_parameters(mut self, content_type: &str) -> Self {
        match content_type.split([';', ',']).next().unwrap_or_default().trim() {
            "audio/l8" => self.sample = Sample::U8,
            "audio/l24" => self.sample = Sample::S24,
            _ => {}
        }
        for parameter in content_type.split([';', ',']).skip(1) {
            let Some((name, value)) = parameter.split_once('=') else { continue };
            let name: String = name.chars().filter(char::is_ascii_alphanumeric).collect();
            let value = value.trim().trim_matches('"');
            match (name.as_str(), value, value.parse()) {
                ("rate" | "samplerate" | "samplingrate" | "frequency", _, Ok(rate)) => self.rate = rate,
                ("channels" | "channel", _, Ok(count)) => self.channels = u16::try_from(count).unwrap_or(u16::MAX),
                ("bits" | "bitspersample" | "bitdepth" | "samplewidth", bits, _) => {
                    self.sample = sample_of_bits(bits, self.sample)
                }
                ("format" | "encoding", name, _) => self.sample = sample_of_name(name, self.sample),
                _ => {}
            }
        }
        self
    }

    pub(super) fn validated(self) -> Result<Self, FormatError> {
        if !RATES.contains(&self.rate) {
            return Err(format!("sound of {} Hz; from {} to {} can be played", self.rate, RATES.start(), RATES.end()));
        }
        if !(1..=8).contains(&self.channels) {
            return Err(format!("sound of {} channels; 1 to 8 can be played", self.channels));
        }
        Ok(self)
    }
}

fn sample_of_bits(bits: &str, otherwise: Sample) -> Sample {
    match bits {
        "8" => Sample::U8,
        "16" => Sample::S16,
        "24" => Sample::S24,
        "32" if otherwise != Sample::F32 => Sample::S32,
        _ => otherwise,
    }
}

fn sample_of_name(name: &str, otherwise: Sample) -> Sample {
    match name {
        "f32le" | "f32" | "float" | "float32" | "pcm_f32le" => Sample::F32,
        "s32le" | "s32" | "pcm_s32le" => Sample::S32,
        "s24le" | "s24" | "pcm_s24le" => Sample::S24,
        "u8" | "pcm_u8" => Sample::U8,
        _ => otherwise,
    }
}

/// Converter of samples of one format, in chunks of any length.
pub(super) struct Samples {
    format: Format,
    /// Less than one sample of each channel.
    rest: Vec<u8>,
}

impl Samples {
    pub(super) fn new(format: Format) -> Self {
        Self { format, rest: Vec::new() }
    }

    pub(super) fn push(&mut self, bytes: &[u8], output: &mut Output) {
        let Format { rate, channels, sample } = self.format;
        let frame = sample.length() * usize::from(channels);
        let mut pcm = Vec::with_capacity(bytes.len() / frame + 1);
        let mix = |frame: &[u8]| {
            let sum: i32 = frame.chunks_exact(sample.length()).map(|bytes| sample.read(bytes)).sum();
            (sum / i32::from(channels)) as i16
        };
        let (head, tail) =
            bytes.split_at(if self.rest.is_empty() { 0 } else { bytes.len().min(frame - self.rest.len()) });
        self.rest.extend_from_slice(head);
        if self.rest.len() == frame {
            pcm.push(mix(&self.rest));
            self.rest.clear();
        }
        let frames = tail.chunks_exact(frame);
        self.rest.extend_from_slice(frames.remainder());
        pcm.extend(frames.map(mix));
        output.push(rate, &pcm);
    }
}

/// Samples without a header.
pub(super) struct Raw(Samples);

impl Raw {
    pub(super) fn new(samples: Samples) -> Self {
        Self(samples)
    }
}

impl Decode for Raw {
    fn push(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), FormatError> {
        self.0.push(bytes, output);
        Ok(())
    }

    fn end(&mut self, _: &mut Output) -> Result<(), FormatError> {
        Ok(())
    }
}
