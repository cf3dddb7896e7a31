//! MP3, as it comes. Rule: frames that are damaged are passed over; an answer without any is none.

use nanomp3_core::{DecodeError, Decoder, MAX_SAMPLES_PER_FRAME};

use super::{Decode, Flaw, Output};

/// Bytes that are kept while more may come: a frame is known by the one behind it, and the longest has
/// 1,729.
const AHEAD: usize = 4096;
/// Bytes without a frame, after which there is none.
const NOTHING: usize = 64 * 1024;
/// Length of a frame's header.
const LEAST: usize = 4;
/// Length of a tag's header.
const TAG: usize = 10;

/// One stream.
#[derive(Default)]
pub(super) struct Mp3 {
    decoder: Box<Decoder>,
    waiting: Vec<u8>,
    /// Of a tag at the beginning, to be passed over.
    tag: Option<usize>,
    passed: usize,
    any: bool,
}

impl Mp3 {
    /// Passes over the tag at the beginning. False while it is not clear how long it is, or it goes on.
    fn pass_tag(&mut self) -> bool {
        let left = match (self.tag, &self.waiting[..]) {
            (Some(left), _) => left,
            (None, [b'I', b'D', b'3', _, _, flags, a, b, c, d, ..]) => {
                let length = [a, b, c, d].iter().fold(0, |length, byte| length << 7 | usize::from(**byte & 0x7f));
                // A footer is as long as the header.
                TAG + length + if flags & 0x10 != 0 { TAG } else { 0 }
            }
            (None, waiting) if waiting.starts_with(b"ID3") => return false,
            _ => 0,
        };
        let passed = left.min(self.waiting.len());
        self.waiting.drain(..passed);
        self.tag = Some(left - passed);
        left == passed
    }

    fn work(&mut self, least: usize, output: &mut Output) -> Result<(), Flaw> {
        let mut pcm = vec![0_i16; MAX_SAMPLES_PER_FRAME];
        let mut done = 0;
        while self.waiting.len() - done > least && !output.is_full() {
            let (consumed, outcome) = self.decoder.decode(&self.waiting[done..], &mut pcm);
            done += consumed;
            match outcome {
                Ok(frame) => {
                    let channels = usize::from(frame.channels.num());
                    let frames = pcm[..frame.samples_produced * channels].chunks_exact(channels);
                    let mix =
                        |frame: &[i16]| (frame.iter().map(|one| i32::from(*one)).sum::<i32>() / channels as i32) as i16;
                    let mono: Vec<i16> = frames.map(mix).collect();
                    output.push(frame.sample_rate, &mono);
                    self.any |= !mono.is_empty();
                }
                Err(DecodeError::NoFrame) => self.passed += consumed,
                Err(_) => {}
            }
            if consumed == 0 {
                break;
            }
        }
        self.waiting.drain(..done);
        if !self.any && self.passed > NOTHING { Err(nothing()) } else { Ok(()) }
    }
}

fn nothing() -> Flaw {
    "audio/mpeg without a frame that can be played; response_format may be pcm, wav, mp3 or opus".to_owned()
}

impl Decode for Mp3 {
    fn take(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), Flaw> {
        self.waiting.extend_from_slice(bytes);
        if self.pass_tag() { self.work(AHEAD, output) } else { Ok(()) }
    }

    fn end(&mut self, output: &mut Output) -> Result<(), Flaw> {
        self.work(0, output)?;
        if self.any { Ok(()) } else { Err(nothing()) }
    }
}

/// Whether bytes begin as a frame does.
pub(super) fn is_frame(head: &[u8]) -> bool {
    let Some(&[0xff, second, third, _]) = head.first_chunk::<LEAST>() else { return false };
    // Sync, a version, layer III, a bit rate and a sample rate.
    second & 0xe6 == 0xe2 && second & 0x18 != 0x08 && !matches!(third >> 4, 0 | 15) && third & 0x0c != 0x0c
}

/// Whether bytes are frames on end; none while too few have come.
pub(super) fn is_stream(head: &[u8]) -> Option<bool> {
    let (consumed, outcome) = Decoder::new().decode(head, &mut [0_i16; MAX_SAMPLES_PER_FRAME]);
    let found = outcome.as_ref().map_or_else(|error| error.frame_info().copied(), |frame| Some(*frame));
    match found {
        // Behind it stands the next one.
        Some(_) if consumed + LEAST <= head.len() => Some(is_frame(&head[consumed..])),
        _ if head.len() < AHEAD => None,
        _ => Some(false),
    }
}
