//! WAV files, as they come. Rule: chunks that are about the sound and no part of it are passed over, in
//! whatever number and order up to a bound; lengths that nobody can have known are not believed.

use super::samples::{Format, Sample, Samples};
use super::{Decode, Flaw, Output};

/// Bytes before the sound that are passed over: programs write their names, and pictures.
const BEFORE: u64 = 1024 * 1024;
/// Lengths from here on are written by who does not know the length yet, and so is 0.
const UNKNOWN: u32 = 0x7fff_0000;
/// Bytes of a format that are looked at.
const FORMAT: usize = 26;
/// Format tags: PCM, floating point, and the one where the true tag stands further behind.
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

/// One file, or several on end.
pub(super) struct Wav {
    step: Step,
    /// The beginning of what is read next.
    head: Vec<u8>,
    samples: Option<Samples>,
    /// Bytes that were passed over since the last sound.
    passed: u64,
    /// There was sound, and what follows may be anything.
    any: bool,
}

/// What comes next.
enum Step {
    /// A chunk's name and length.
    Chunk,
    /// The kind of a file: `WAVE`.
    Form,
    /// What the sound is, in a chunk of this length.
    Format(u32),
    /// Something that is passed over.
    Pass(u64),
    /// Sound, of this length where that is known.
    Sound(Option<u64>),
}

impl Default for Wav {
    fn default() -> Self {
        Self { step: Step::Chunk, head: Vec::new(), samples: None, passed: 0, any: false }
    }
}

impl Wav {
    /// The next so many bytes, once they have come; takes them from `bytes`.
    fn next<const COUNT: usize>(&mut self, bytes: &mut &[u8], count: usize) -> Option<[u8; COUNT]> {
        let missing = count.saturating_sub(self.head.len()).min(bytes.len());
        let (head, rest) = bytes.split_at(missing);
        self.head.extend_from_slice(head);
        *bytes = rest;
        if self.head.len() < count {
            return None;
        }
        let mut next = [0; COUNT];
        next[..count].copy_from_slice(&self.head);
        self.head.clear();
        Some(next)
    }

    /// A chunk begins.
    fn chunk(&mut self, [a, b, c, d, length @ ..]: [u8; 8]) -> Result<Step, Flaw> {
        let length = u32::from_le_bytes(length);
        Ok(match &[a, b, c, d] {
            b"RIFF" | b"RF64" => Step::Form,
            b"fmt " => Step::Format(length),
            b"data" if self.samples.is_some() => {
                self.passed = 0;
                Step::Sound((1..UNKNOWN).contains(&length).then_some(length.into()))
            }
            b"data" => return Err("a WAV file that does not say what its sound is".to_owned()),
            // A chunk begins at an even byte.
            _ => Step::Pass(u64::from(length) + u64::from(length % 2)),
        })
    }

    /// Passes over what it may. Gives the step behind it.
    fn pass(&mut self, count: u64, bytes: &mut &[u8]) -> Result<Step, Flaw> {
        let passed = bytes.len().min(usize::try_from(count).unwrap_or(usize::MAX));
        *bytes = &bytes[passed..];
        self.passed += passed as u64;
        if !self.any && (self.passed > BEFORE || count > BEFORE) {
            return Err("a WAV file whose sound does not begin".to_owned());
        }
        let left = count - passed as u64;
        Ok(if left == 0 { Step::Chunk } else { Step::Pass(left) })
    }
}

impl Decode for Wav {
    fn take(&mut self, mut bytes: &[u8], output: &mut Output) -> Result<(), Flaw> {
        while !bytes.is_empty() {
            self.step = match self.step {
                Step::Chunk => match self.next::<8>(&mut bytes, 8) {
                    Some(chunk) => self.chunk(chunk)?,
                    None => return Ok(()),
                },
                Step::Form => match self.next::<4>(&mut bytes, 4) {
                    Some(form) if &form == b"WAVE" || self.any => Step::Chunk,
                    Some(_) => return Err("a file that is none of sound".to_owned()),
                    None => return Ok(()),
                },
                Step::Format(length) => {
                    let count = FORMAT.min(length as usize).max(16);
                    match self.next::<FORMAT>(&mut bytes, count) {
                        Some(format) => {
                            self.samples = Some(Samples::new(read(&format)?));
                            let behind = u64::from(length).saturating_sub(count as u64) + u64::from(length % 2);
                            if behind == 0 { Step::Chunk } else { Step::Pass(behind) }
                        }
                        None => return Ok(()),
                    }
                }
                Step::Pass(count) => self.pass(count, &mut bytes)?,
                Step::Sound(left) => {
                    let length =
                        left.map_or(bytes.len(), |left| bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
                    let (sound, behind) = bytes.split_at(length);
                    if let Some(samples) = &mut self.samples {
                        samples.take(sound, output);
                    }
                    self.any = true;
                    bytes = behind;
                    match left.map(|left| left - length as u64) {
                        Some(0) => Step::Chunk,
                        left => Step::Sound(left),
                    }
                }
            };
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Output) -> Result<(), Flaw> {
        if self.any || matches!(self.step, Step::Sound(_)) {
            Ok(())
        } else {
            Err("half of a WAV file's header".to_owned())
        }
    }
}

/// What the sound is.
fn read(format: &[u8; FORMAT]) -> Result<Format, Flaw> {
    let short = |at: usize| u16::from_le_bytes([format[at], format[at + 1]]);
    let tag = if short(0) == EXTENSIBLE { short(24) } else { short(0) };
    let (channels, rate, block, bits) =
        (short(2), u32::from(short(4)) | u32::from(short(6)) << 16, short(12), short(14));
    // Where a block makes no sense, the bits of a sample tell how long it is.
    let of_bits = bits.div_ceil(8);
    let length = block.checked_div(channels).filter(|length| (of_bits..=8).contains(length)).unwrap_or(of_bits);
    let sample = match (tag, length) {
        (PCM, 1) => Sample::U8,
        (PCM, 2) => Sample::S16,
        (PCM, 3) => Sample::S24,
        (PCM, 4) => Sample::S32,
        (FLOAT, 4) => Sample::F32,
        (FLOAT, 8) => Sample::F64,
        _ => {
            return Err(format!(
                "a WAV file of format {tag} with {bits} bits, which cannot be played; response_format may be pcm"
            ));
        }
    };
    Format { rate, channels, sample }.checked()
}
