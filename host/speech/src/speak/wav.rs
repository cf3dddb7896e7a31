//! The header of a WAV file in front of samples, from a service that was asked for samples alone. Rule:
//! what does not begin as a WAV file is sound from its first byte on; a header is bounded, and sound that
//! would be noise, or speech at a wrong pitch, is refused and not played.

use std::borrow::Cow;

use crate::fault::{Fault, FaultKind};

/// Bytes before the samples: 44, and a few hundred where a program writes its name.
const HEADER: usize = 4096;
/// Lengths from here on are written by who does not know the length yet, and so is 0.
const UNKNOWN: u32 = 0x7fff_0000;
/// Format tags: PCM, and the one where the true tag stands further behind.
const PCM: u16 = 1;
const EXTENSIBLE: u16 = 0xfffe;

/// Takes the sound of one answer, however it is cut.
pub(super) struct Unwrapped {
    service: &'static str,
    /// The samples' rate that is configured, in Hz.
    rate: u32,
    state: State,
}

enum State {
    /// What has come, while it may be a header.
    Head(Vec<u8>),
    /// All that comes is sound, up to so many bytes where that is known.
    Sound(Option<usize>),
}

/// What a beginning is.
#[derive(Debug, PartialEq, Eq)]
enum Beginning {
    /// A header, or none: more must come.
    Unclear,
    Sound,
    /// A header of so many bytes, and after it so many bytes of sound where that is known.
    Header(usize, Option<usize>),
}

impl Unwrapped {
    pub(super) fn new(service: &'static str, rate: u32) -> Self {
        Self { service, rate, state: State::Head(Vec::new()) }
    }

    /// The sound in what comes next.
    ///
    /// # Errors
    /// If it is a WAV file of another kind than the one that was asked for.
    pub(super) fn take<'a>(&mut self, bytes: &'a [u8]) -> Result<Cow<'a, [u8]>, Fault> {
        let head = match &mut self.state {
            State::Sound(left) => {
                let sound = &bytes[..left.unwrap_or(bytes.len()).min(bytes.len())];
                // What stands behind the sound of a file is about it and no part of it.
                *left = left.map(|left| left - sound.len());
                return Ok(sound.into());
            }
            State::Head(head) => head,
        };
        head.extend_from_slice(bytes);
        let begin = match beginning(head, self.rate) {
            Ok(Beginning::Unclear) => return Ok(Cow::default()),
            Ok(Beginning::Sound) => (0, None),
            Ok(Beginning::Header(length, sound)) => (length, sound),
            Err(wrong) => {
                return Err(Fault::lasting(FaultKind::Garbled, format!("{} sent a WAV file {wrong}", self.service)));
            }
        };
        let mut sound = head.split_off(begin.0);
        sound.truncate(begin.1.unwrap_or(sound.len()));
        self.state = State::Sound(begin.1.map(|length| length - sound.len()));
        Ok(sound.into())
    }

    /// Nothing more comes.
    ///
    /// # Errors
    /// If it ended before the sound began.
    pub(super) fn end(&self) -> Result<(), Fault> {
        match &self.state {
            State::Head(head) if !head.is_empty() => {
                Err(Fault::passing(FaultKind::Garbled, format!("{} ended before the sound began", self.service)))
            }
            _ => Ok(()),
        }
    }
}

/// Looks at the first bytes of an answer. An error says of a WAV file what is wrong with it.
fn beginning(head: &[u8], rate: u32) -> Result<Beginning, String> {
    let begins = |at: usize, word: &[u8; 4]| head.iter().skip(at).zip(word).all(|(one, other)| one == other);
    if !begins(0, b"RIFF") || !begins(8, b"WAVE") {
        return Ok(Beginning::Sound);
    }
    let (mut at, mut known) = (12, false);
    while at + 8 <= HEADER {
        let Some((&[a, b, c, d, e, f, g, h], chunk)) = head.get(at..).and_then(<[u8]>::split_first_chunk) else {
            return Ok(Beginning::Unclear);
        };
        let length = u32::from_le_bytes([e, f, g, h]);
        at += 8;
        match &[a, b, c, d] {
            b"fmt " => {
                let need = if length < 26 { 16 } else { 26 };
                let Some(format) = chunk.get(..need) else { return Ok(Beginning::Unclear) };
                check(format, rate)?;
                known = true;
            }
            b"data" if known => {
                let sound = (1..UNKNOWN).contains(&length).then_some(length as usize);
                return Ok(Beginning::Header(at, sound));
            }
            b"data" => return Err("that does not say what its sound is".to_owned()),
            _ => {}
        }
        // A chunk begins at an even place.
        at = at.saturating_add(length as usize).saturating_add(length as usize % 2);
    }
    Err("whose sound does not begin".to_owned())
}

/// The format of its samples.
fn check(format: &[u8], wanted: u32) -> Result<(), String> {
    let short = |at: usize| format.get(at..at + 2).map_or(0, |two| u16::from_le_bytes([two[0], two[1]]));
    let tag = if short(0) == EXTENSIBLE { short(24) } else { short(0) };
    let (channels, rate, bits) = (short(2), u32::from(short(4)) | u32::from(short(6)) << 16, short(14));
    if (tag, channels, bits) != (PCM, 1, 16) {
        return Err("that is not mono PCM of 16 bit".to_owned());
    }
    if rate != wanted {
        return Err(format!("of {rate} Hz, but tts.openai.pcm_rate is {wanted}"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file's beginning: chunks in front of the format, and a length of the sound.
    fn head(before: &[u8], tag: u16, channels: u16, rate: u32, bits: u16, length: u32) -> Vec<u8> {
        let mut head = [b"RIFF\xff\xff\xff\xffWAVE".as_slice(), before, b"fmt \x10\0\0\0"].concat();
        head.extend([tag, channels].iter().flat_map(|short| short.to_le_bytes()));
        head.extend([rate, rate * 2].iter().flat_map(|long| long.to_le_bytes()));
        head.extend([2, bits].iter().flat_map(|short: &u16| short.to_le_bytes()));
        head.extend(b"data");
        head.extend(length.to_le_bytes());
        head
    }

    /// All the sound of an answer that comes in pieces of this length.
    fn unwrap(answer: &[u8], piece: usize) -> Result<Vec<u8>, Fault> {
        let (mut unwrapped, mut sound) = (Unwrapped::new("x", 24_000), Vec::new());
        for piece in answer.chunks(piece) {
            sound.extend_from_slice(&unwrapped.take(piece)?);
        }
        unwrapped.end()?;
        Ok(sound)
    }

    #[test]
    fn a8_sound_is_the_same_with_a_header_and_without() {
        let sound: Vec<u8> = (0..200).collect();
        let named = b"LIST\x05\0\0\0abcde\0".as_slice();
        for piece in [1, 3, 44, 50, 1000] {
            assert_eq!(unwrap(&sound, piece).as_ref(), Ok(&sound), "{piece}");
            for (before, length) in [(&[][..], 200), (named, 200), (named, 0), (&[], u32::MAX)] {
                let file = [head(before, PCM, 1, 24_000, 16, length), sound.clone()].concat();
                assert_eq!(unwrap(&file, piece).as_ref(), Ok(&sound), "{piece}, {length}");
            }
            let file = [head(&[], PCM, 1, 24_000, 16, 200), sound.clone(), named.to_vec()].concat();
            assert_eq!(unwrap(&file, piece).as_ref(), Ok(&sound), "{piece}, with a chunk behind the sound");
        }
        assert_eq!(unwrap(b"RIFFxxxxWAV no, sound", 1), Ok(b"RIFFxxxxWAV no, sound".to_vec()));
    }

    #[test]
    fn a8_files_that_cannot_be_played_are_refused() {
        let of = |tag, channels, rate, bits| head(&[], tag, channels, rate, bits, 100);
        let long = [&b"RIFFxxxxWAVEJUNK\xff\xff\xff\x7f"[..], &[0; HEADER]].concat();
        for (file, kind) in [
            (of(7, 1, 24_000, 16), "mu-law"),
            (of(PCM, 2, 24_000, 16), "stereo"),
            (of(PCM, 1, 24_000, 8), "8 bit"),
            (of(PCM, 1, 16_000, 16), "another rate"),
            (of(EXTENSIBLE, 1, 24_000, 16), "no true tag"),
            (b"RIFFxxxxWAVEdata\0\0\0\0".to_vec(), "no format"),
            (long, "a chunk without end"),
            (head(&[], PCM, 1, 24_000, 16, 100)[..30].to_vec(), "half a header"),
        ] {
            for piece in [1, 1000] {
                assert_eq!(unwrap(&file, piece).map_err(|fault| fault.kind), Err(FaultKind::Garbled), "{kind}");
            }
        }
    }

    #[test]
    fn a8_arbitrary_beginnings_do_no_harm() {
        let mut random = fastrand::Rng::with_seed(3);
        for _ in 0..20_000 {
            let mut file = head(b"LIST\x04\0\0\0abcd", PCM, 1, 24_000, 16, 50);
            file.extend([1; 60]);
            for _ in 0..random.usize(1..5) {
                let at = random.usize(12..file.len());
                file[at] = random.u8(..);
            }
            file.truncate(random.usize(..=file.len()));
            let _ = unwrap(&file, random.usize(1..100));
        }
    }
}
