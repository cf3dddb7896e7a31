//! Streaming MP3 decoder. Rule: damaged frames are skipped; a response without any frame is rejected.

use nanomp3_core::{DecodeError, Decoder, MAX_SAMPLES_PER_FRAME};

use super::{Decode, FormatError, Output};

/// Bytes held back while more may arrive: a frame is recognised by the one behind it, and the longest has 1,729 bytes.
const HOLD_BACK: usize = 4096;
/// Bytes without a frame after which the stream is rejected.
const MAX_GARBAGE: usize = 64 * 1024;
/// Length of a frame header.
const FRAME_HEADER: usize = 4;
/// Length of a tag header.
const TAG_HEADER: usize = 10;

/// One stream.
#[derive(Default)]
pub(super) struct Mp3 {
    decoder: Box<Decoder>,
    buffer: Vec<u8>,
    /// Bytes of the ID3 tag at the start that are still to be skipped; none before it is detected.
    tag: Option<usize>,
    skipped: usize,
    has_frames: bool,
}

impl Mp3 {
    /// Skips the tag at the start. False while its length is unknown or more of it follows.
    fn skip_tag(&mut self) -> bool {
        let left = match (self.tag, &self.buffer[..]) {
            (Some(left), _) => left,
            (None, [b'I', b'D', b'3', _, _, flags, a, b, c, d, ..]) => {
                let length = [a, b, c, d].iter().fold(0, |length, byte| length << 7 | usize::from(**byte & 0x7f));
                // A footer is as long as the header.
                TAG_HEADER + length + if flags & 0x10 != 0 { TAG_HEADER } else { 0 }
            }
            (None, buffer) if buffer.starts_with(b"ID3") => return false,
            _ => 0,
        };
        let skipped = left.min(self.buffer.len());
        self.buffer.drain(..skipped);
        self.tag = Some(left - skipped);
        left == skipped
    }

    fn decode_frames(&mut self, min_remaining: usize, output: &mut Output) -> Result<(), FormatError> {
        let mut pcm = vec![0_i16; MAX_SAMPLES_PER_FRAME];
        let mut done = 0;
        while self.buffer.len() - done > min_remaining && !output.is_full() {
            let (consumed, outcome) = self.decoder.decode(&self.buffer[done..], &mut pcm);
            done += consumed;
            match outcome {
                Ok(frame) => {
                    let channels = usize::from(frame.channels.num());
                    let frames = pcm[..frame.samples_produced * channels].chunks_exact(channels);
                    let mix =
                        |frame: &[i16]| (frame.iter().map(|one| i32::from(*one)).sum::<i32>() / channels as i32) as i16;
                    let mono: Vec<i16> = frames.map(mix).collect();
                    output.push(frame.sample_rate, &mono);
                    self.has_frames |= !mono.is_empty();
                }
                Err(DecodeError::NoFrame) => self.skipped += consumed,
                Err(_) => {}
            }
            if consumed == 0 {
                break;
            }
        }
        self.buffer.drain(..done);
        if !self.has_frames && self.skipped > MAX_GARBAGE { Err(no_frames()) } else { Ok(()) }
    }
}

fn no_frames() -> FormatError {
    "audio/mpeg without a frame that can be played; response_format may be pcm, wav, mp3 or opus".to_owned()
}

impl Decode for Mp3 {
    fn push(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), FormatError> {
        self.buffer.extend_from_slice(bytes);
        if self.skip_tag() { self.decode_frames(HOLD_BACK, output) } else { Ok(()) }
    }

    fn end(&mut self, output: &mut Output) -> Result<(), FormatError> {
        self.decode_frames(0, output)?;
        if self.has_frames { Ok(()) } else { Err(no_frames()) }
    }
}

/// Whether the bytes start with a valid frame header.
pub(super) fn is_frame(head: &[u8]) -> bool {
    let Some(&[0xff, second, third, _]) = head.first_chunk::<FRAME_HEADER>() else { return false };
    // Sync, a version, layer III, a bit rate and a sample rate.
    second & 0xe6 == 0xe2 && second & 0x18 != 0x08 && !matches!(third >> 4, 0 | 15) && third & 0x0c != 0x0c
}

/// Whether the bytes are consecutive frames; none while there are too few.
pub(super) fn is_stream(head: &[u8]) -> Option<bool> {
    let (consumed, outcome) = Decoder::new().decode(head, &mut [0_i16; MAX_SAMPLES_PER_FRAME]);
    let found = outcome.as_ref().map_or_else(|error| error.frame_info().copied(), |frame| Some(*frame));
    match found {
        // Another frame must follow.
        Some(_) if consumed + FRAME_HEADER <= head.len() => Some(is_frame(&head[consumed..])),
        _ if head.len() < HOLD_BACK => None,
        _ => Some(false),
    }
}
