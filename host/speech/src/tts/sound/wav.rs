//! Streaming WAV parser. Rule: chunks other than format and data are skipped, in any number and order up to a bound; a
//! length that a streaming writer cannot have known is ignored.

use super::samples::{Format, Sample, Samples};
use super::{Decode, FormatError, Output};

/// Maximum of skipped bytes before the audio: programs add their names, and pictures.
const MAX_PREAMBLE: u64 = 1024 * 1024;
/// Lengths from here on, and 0, are placeholders of writers that do not know the length yet.
const UNKNOWN_LENGTH: u32 = 0x7fff_0000;
/// Bytes of the format chunk that are parsed.
const FORMAT: usize = 26;
/// Format tags: PCM, floating point, and the extension that stores the tag further behind.
const PCM: u16 = 1;
const FLOAT: u16 = 3;
const EXTENSIBLE: u16 = 0xfffe;

/// One file, or several concatenated ones.
pub(super) struct Wav {
    step: Step,
    /// Partial input of the current step.
    head: Vec<u8>,
    samples: Option<Samples>,
    /// Bytes skipped since the last audio.
    skipped: u64,
    /// There was audio; from then on unknown data is tolerated.
    has_audio: bool,
}

/// State of the parser: what is read next.
enum Step {
    /// Name and length of a chunk.
    Chunk,
    /// The RIFF form type: `WAVE`.
    Form,
    /// A format chunk of this length.
    Format(u32),
    /// Bytes to skip.
    Skip(u64),
    /// Audio, of this length if it is known.
    Sound(Option<u64>),
}

impl Default for Wav {
    fn default() -> Self {
        Self { step: Step::Chunk, head: Vec::new(), samples: None, skipped: 0, has_audio: false }
    }
}

impl Wav {
    /// The next `count` bytes once they have arrived; consumes them from `bytes`.
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

    /// Handles a chunk header.
    fn chunk(&mut self, [a, b, c, d, length @ ..]: [u8; 8]) -> Result<Step, FormatError> {
        let length = u32::from_le_bytes(length);
        Ok(match &[a, b, c, d] {
            b"RIFF" | b"RF64" => Step::Form,
            b"fmt " => Step::Format(length),
            b"data" if self.samples.is_some() => {
                self.skipped = 0;
                Step::Sound((1..UNKNOWN_LENGTH).contains(&length).then_some(length.into()))
            }
            b"data" => return Err("a WAV file without a format chunk".to_owned()),
            // Chunks are aligned to even offsets.
            _ => Step::Skip(u64::from(length) + u64::from(length % 2)),
        })
    }

    /// Skips bytes within the bound. Returns the next step.
    fn skip(&mut self, count: u64, bytes: &mut &[u8]) -> Result<Step, FormatError> {
        let skipped = bytes.len().min(usize::try_from(count).unwrap_or(usize::MAX));
        *bytes = &bytes[skipped..];
        self.skipped += skipped as u64;
        if !self.has_audio && (self.skipped > MAX_PREAMBLE || count > MAX_PREAMBLE) {
            return Err("a WAV file whose sound does not begin".to_owned());
        }
        let left = count - skipped as u64;
        Ok(if left == 0 { Step::Chunk } else { Step::Skip(left) })
    }
}

impl Decode for Wav {
    fn push(&mut self, mut bytes: &[u8], output: &mut Output) -> Result<(), FormatError> {
        while !bytes.is_empty() {
            self.step = match self.step {
                Step::Chunk => match self.next::<8>(&mut bytes, 8) {
                    Some(chunk) => self.chunk(chunk)?,
                    None => return Ok(()),
                },
                Step::Form => match self.next::<4>(&mut bytes, 4) {
                    Some(form) if &form == b"WAVE" || self.has_audio => Step::Chunk,
                    Some(_) => return Err("a RIFF file that is not audio".to_owned()),
                    None => return Ok(()),
                },
                Step::Format(length) => {
                    let count = FORMAT.min(length as usize).max(16);
                    match self.next::<FORMAT>(&mut bytes, count) {
                        Some(format) => {
                            self.samples = Some(Samples::new(parse_format(&format)?));
                            let rest = u64::from(length).saturating_sub(count as u64) + u64::from(length % 2);
                            if rest == 0 { Step::Chunk } else { Step::Skip(rest) }
                        }
                        None => return Ok(()),
                    }
                }
                Step::Skip(count) => self.skip(count, &mut bytes)?,
                Step::Sound(left) => {
                    let length =
                        left.map_or(bytes.len(), |left| bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
                    let (sound, rest) = bytes.split_at(length);
                    if let Some(samples) = &mut self.samples {
                        samples.push(sound, output);
                    }
                    self.has_audio = true;
                    bytes = rest;
                    match left.map(|left| left - length as u64) {
                        Some(0) => Step::Chunk,
                        left => Step::Sound(left),
                    }
                }
            };
        }
        Ok(())
    }

    fn end(&mut self, _: &mut Output) -> Result<(), FormatError> {
        if self.has_audio || matches!(self.step, Step::Sound(_)) {
            Ok(())
        } else {
            Err("half of a WAV file's header".to_owned())
        }
    }
}

/// Parses the format chunk.
fn parse_format(format: &[u8; FORMAT]) -> Result<Format, FormatError> {
    let short = |at: usize| u16::from_le_bytes([format[at], format[at + 1]]);
    let tag = if short(0) == EXTENSIBLE { short(24) } else { short(0) };
    let (channels, rate, block, bits) =
        (short(2), u32::from(short(4)) | u32::from(short(6)) << 16, short(12), short(14));
    // Where the block size makes no sense, the sample length follows from the bits.
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
    Format { rate, channels, sample }.validated()
}
