//! Decodes the audio of a response, whatever its format: samples, a WAV file, MP3, or Opus in Ogg. Rule: its first
//! bytes take precedence over its content type, and the sample rate of its header over the settings; it is decoded as
//! it arrives, mixed to one channel and resampled to one rate. An unknown format, or one that is not audio, is rejected
//! and not played.

mod kind;
mod mp3;
mod ogg;
mod samples;
mod wav;

use crate::limits;

use self::kind::Kind;
use self::mp3::Mp3;
use self::ogg::Ogg;
use self::samples::{Raw, Samples};
use self::wav::Wav;
use crate::fault::{Fault, FaultKind};
use crate::resample::Resample;

pub(super) use self::samples::Format;

/// Accepted sample rates, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=96_000;

/// Maximum samples of a sentence.
const SAMPLES: f64 = (limits::SENTENCE_AUDIO_BYTES / 2) as f64;

/// What is wrong with a response; completes the sentence "<service> sent …".
type FormatError = String;

/// Decodes the audio of one response, in chunks of any length.
pub(super) struct AudioDecoder {
    service: &'static str,
    content_type: String,
    /// Format of samples without a header.
    format: Format,
    /// Bytes received before the format is detected.
    head: Vec<u8>,
    decode: Option<Box<dyn Decode>>,
    output: Output,
}

/// Decoder of one format.
trait Decode: Send {
    /// Decodes the next bytes.
    ///
    /// # Errors
    /// If they are not of the detected format.
    fn push(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), FormatError>;

    /// Nothing follows.
    ///
    /// # Errors
    /// If the response ended before its audio began.
    fn end(&mut self, output: &mut Output) -> Result<(), FormatError>;
}

/// Decoded audio: one channel at one rate.
struct Output {
    /// In Hz.
    rate: u32,
    /// The sample rate of the input, and its resampler.
    resample: (u32, Resample),
    pcm: Vec<i16>,
    /// Samples accepted so far, at the output rate.
    accepted: f64,
}

impl Output {
    fn new(rate: u32) -> Self {
        Self { rate, resample: (rate, Resample::new(rate, rate)), pcm: Vec::new(), accepted: 0.0 }
    }

    /// Adds audio of one channel at any rate.
    fn push(&mut self, rate: u32, pcm: &[i16]) {
        if rate != self.resample.0 {
            self.resample.1.finish(&mut self.pcm);
            self.resample = (rate, Resample::new(rate, self.rate));
        }
        let ratio = f64::from(self.rate) / f64::from(rate.max(1));
        let remaining = (SAMPLES - self.accepted) / ratio;
        let pcm = &pcm[..pcm.len().min(remaining.max(0.0) as usize)];
        self.accepted += pcm.len() as f64 * ratio;
        self.resample.1.push(pcm, &mut self.pcm);
    }

    /// The maximum of a sentence is reached; further audio is dropped.
    fn is_full(&self) -> bool {
        self.accepted + 1.0 > SAMPLES
    }
}

impl AudioDecoder {
    /// For a response with this content type. `format` gives the output rate, and the format of samples without a
    /// header.
    pub(super) fn new(service: &'static str, content_type: &str, format: Format) -> Self {
        Self {
            service,
            content_type: content_type.to_ascii_lowercase(),
            format,
            head: Vec::new(),
            decode: None,
            output: Output::new(format.rate),
        }
    }

    /// Decodes the next bytes of the response.
    ///
    /// # Errors
    /// If they are not audio, or of an unknown format.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<i16>, Fault> {
        let outcome = self.decode(bytes, false);
        outcome.map_err(|error| self.fault(&error))?;
        Ok(std::mem::take(&mut self.output.pcm))
    }

    /// Flushes the remaining audio after the end of the response.
    ///
    /// # Errors
    /// If there was no audio at all.
    pub(super) fn end(&mut self) -> Result<Vec<i16>, Fault> {
        let mut outcome = self.decode(&[], true);
        if let (Ok(()), Some(decode)) = (&outcome, &mut self.decode) {
            outcome = decode.end(&mut self.output);
        }
        outcome.map_err(|error| self.fault(&error))?;
        let (rate, output) = (self.output.rate, &mut self.output);
        output.resample.1.finish(&mut output.pcm);
        output.resample = (rate, Resample::new(rate, rate));
        if output.accepted == 0.0 {
            return Err(Fault::transient(FaultKind::Malformed, format!("{} sent no audio", self.service)));
        }
        Ok(std::mem::take(&mut output.pcm))
    }

    /// The maximum of a sentence is reached; further audio is dropped.
    pub(super) fn is_full(&self) -> bool {
        self.output.is_full()
    }

    fn decode(&mut self, bytes: &[u8], is_all: bool) -> Result<(), FormatError> {
        if let Some(decode) = &mut self.decode {
            return decode.push(bytes, &mut self.output);
        }
        self.head.extend_from_slice(bytes);
        let decode: Box<dyn Decode> = match kind::detect(&self.head, &self.content_type, is_all) {
            Kind::Undetermined => return Ok(()),
            Kind::Wav => Box::new(Wav::default()),
            Kind::Mp3 => Box::new(Mp3::default()),
            Kind::Ogg => Box::new(Ogg::new(self.output.rate)),
            Kind::Samples => {
                let format = self.format.with_parameters(&self.content_type);
                Box::new(Raw::new(Samples::new(format.validated()?)))
            }
            Kind::Text => return Err("text in place of sound".to_owned()),
            Kind::Other(name) => {
                return Err(format!(
                    "{name:.60}, which cannot be played; response_format may be pcm, wav, mp3 or opus"
                ));
            }
        };
        let head = std::mem::take(&mut self.head);
        self.decode.insert(decode).push(&head, &mut self.output)
    }

    fn fault(&self, error: &str) -> Fault {
        Fault::permanent(FaultKind::Malformed, format!("{} sent {error}", self.service))
    }
}

#[cfg(test)]
mod tests;
