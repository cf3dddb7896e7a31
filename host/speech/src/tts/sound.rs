//! The sound of an answer, whatever it is: samples, a WAV file, MP3, or Opus in Ogg. Rule: its first bytes
//! say what it is before its content type does, and its header how fast it is, before the settings do; it
//! is decoded as it comes, mixed to one channel and brought to one rate. What is not known, or is no sound,
//! is refused and not played.

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

/// Rates that are taken, in Hz.
const RATES: std::ops::RangeInclusive<u32> = 8_000..=96_000;

/// The most that a sentence has.
const SAMPLES: f64 = (limits::SPEECH_SOUND_BYTES / 2) as f64;

/// What is wrong with an answer; ends a sentence that says what was sent.
type Flaw = String;

/// Takes the sound of one answer, however it is cut.
pub(super) struct Sound {
    service: &'static str,
    content_type: String,
    /// Of samples that come without a header.
    format: Format,
    /// What has come, while it is not clear what it is.
    head: Vec<u8>,
    decode: Option<Box<dyn Decode>>,
    output: Output,
}

/// Decodes one kind of sound.
trait Decode: Send {
    /// Takes what comes next.
    ///
    /// # Errors
    /// If it is not what it seemed to be.
    fn take(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), Flaw>;

    /// Nothing more comes.
    ///
    /// # Errors
    /// If it has ended before it began.
    fn end(&mut self, output: &mut Output) -> Result<(), Flaw>;
}

/// Sound of one channel at one rate.
struct Output {
    /// In Hz.
    rate: u32,
    /// From this rate.
    resample: (u32, Resample),
    pcm: Vec<i16>,
    /// Samples that have been given to it, as it gives them.
    given: f64,
}

impl Output {
    fn new(rate: u32) -> Self {
        Self { rate, resample: (rate, Resample::new(rate, rate)), pcm: Vec::new(), given: 0.0 }
    }

    /// Sound of one channel at any rate.
    fn push(&mut self, rate: u32, pcm: &[i16]) {
        if rate != self.resample.0 {
            self.resample.1.finish(&mut self.pcm);
            self.resample = (rate, Resample::new(rate, self.rate));
        }
        let ratio = f64::from(self.rate) / f64::from(rate.max(1));
        let room = (SAMPLES - self.given) / ratio;
        let pcm = &pcm[..pcm.len().min(room.max(0.0) as usize)];
        self.given += pcm.len() as f64 * ratio;
        self.resample.1.push(pcm, &mut self.pcm);
    }

    /// There is more than one sentence can be; nothing more is taken.
    fn is_full(&self) -> bool {
        self.given + 1.0 > SAMPLES
    }
}

impl Sound {
    /// Of an answer with this content type, to be given at the rate of `format`, which is that of samples
    /// without a header.
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

    /// The sound in what comes next.
    ///
    /// # Errors
    /// If it is no sound, or of a kind that is not known.
    pub(super) fn take(&mut self, bytes: &[u8]) -> Result<Vec<i16>, Fault> {
        let outcome = self.decode(bytes, false);
        outcome.map_err(|flaw| self.fault(&flaw))?;
        Ok(std::mem::take(&mut self.output.pcm))
    }

    /// The sound that is left, once nothing more comes.
    ///
    /// # Errors
    /// If there was no sound at all.
    pub(super) fn end(&mut self) -> Result<Vec<i16>, Fault> {
        let mut outcome = self.decode(&[], true);
        if let (Ok(()), Some(decode)) = (&outcome, &mut self.decode) {
            outcome = decode.end(&mut self.output);
        }
        outcome.map_err(|flaw| self.fault(&flaw))?;
        let (rate, output) = (self.output.rate, &mut self.output);
        output.resample.1.finish(&mut output.pcm);
        output.resample = (rate, Resample::new(rate, rate));
        if output.given == 0.0 {
            return Err(Fault::passing(FaultKind::Garbled, format!("{} sent no sound", self.service)));
        }
        Ok(std::mem::take(&mut output.pcm))
    }

    /// There is more than one sentence can be; nothing more is taken.
    pub(super) fn is_full(&self) -> bool {
        self.output.is_full()
    }

    fn decode(&mut self, bytes: &[u8], is_all: bool) -> Result<(), Flaw> {
        if let Some(decode) = &mut self.decode {
            return decode.take(bytes, &mut self.output);
        }
        self.head.extend_from_slice(bytes);
        let decode: Box<dyn Decode> = match kind::of(&self.head, &self.content_type, is_all) {
            Kind::Unclear => return Ok(()),
            Kind::Wav => Box::new(Wav::default()),
            Kind::Mp3 => Box::new(Mp3::default()),
            Kind::Ogg => Box::new(Ogg::new(self.output.rate)),
            Kind::Samples => {
                let format = self.format.or(&self.content_type);
                Box::new(Raw::new(Samples::new(format.checked()?)))
            }
            Kind::Text => return Err("text in place of sound".to_owned()),
            Kind::Other(name) => {
                return Err(format!(
                    "{name:.60}, which cannot be played; response_format may be pcm, wav, mp3 or opus"
                ));
            }
        };
        let head = std::mem::take(&mut self.head);
        self.decode.insert(decode).take(&head, &mut self.output)
    }

    fn fault(&self, flaw: &str) -> Fault {
        Fault::lasting(FaultKind::Garbled, format!("{} sent {flaw}", self.service))
    }
}

#[cfg(test)]
mod tests;
