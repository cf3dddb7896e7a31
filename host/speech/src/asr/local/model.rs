//! What a file must be like before whisper.cpp may read it. Rule: whisper.cpp believes every number in
//! a file and ends the process, or worse, where one is wrong; so nothing gets to it that has not been
//! walked from the first byte to the last.
//!
//! The format, little-endian: magic, eleven figures, mel filters, vocabulary, tensors up to the end.

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

const MAGIC: u32 = 0x6767_6d6c;
/// Without and with other languages, and with Cantonese: whisper.cpp derives the special tokens from it.
const VOCABULARY: std::ops::RangeInclusive<u32> = 51_864..=51_866;
/// Bins of the spectrum that whisper.cpp makes of 400 samples.
const BINS: u32 = 201;

/// What is wrong with a file.
#[derive(Debug, thiserror::Error)]
pub(super) enum Flaw {
    #[error("it cannot be read ({0})")]
    Unreadable(ErrorKind),
    #[error("it is no file")]
    NoFile,
    #[error("it is no model in ggml format")]
    NoModel,
    #[error("it breaks off before its end")]
    Truncated,
    #[error("its {0} make no sense")]
    Odd(&'static str),
}

impl From<io::Error> for Flaw {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Truncated,
            kind => Self::Unreadable(kind),
        }
    }
}

/// Walks a file. Blocks; reads little beside the vocabulary.
///
/// # Errors
/// If whisper.cpp must not read it.
pub(super) fn check(path: &Path) -> Result<(), Flaw> {
    // Before it is opened: a pipe would be waited for.
    let about = fs::metadata(path)?;
    if !about.is_file() {
        return Err(Flaw::NoFile);
    }
    let mut walk = Walk { file: BufReader::new(File::open(path)?), left: about.len() };
    if about.len() < 4 || walk.number()? != MAGIC {
        return Err(Flaw::NoModel);
    }
    let figures = Figures::read(&mut walk)?;
    filters(&mut walk, &figures)?;
    vocabulary(&mut walk, &figures)?;
    tensors(&mut walk, &figures)
}

struct Walk {
    file: BufReader<File>,
    /// Bytes up to the end.
    left: u64,
}

impl Walk {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], Flaw> {
        self.left = self.left.checked_sub(N as u64).ok_or(Flaw::Truncated)?;
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn byte(&mut self) -> Result<u8, Flaw> {
        self.take::<1>().map(|[byte]| byte)
    }

    fn number(&mut self) -> Result<u32, Flaw> {
        self.take().map(u32::from_le_bytes)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), Flaw> {
        self.left = self.left.checked_sub(bytes).ok_or(Flaw::Truncated)?;
        let bytes = i64::try_from(bytes).map_err(|_| Flaw::Truncated)?;
        Ok(self.file.seek_relative(bytes)?)
    }
}

/// The size of everything.
struct Figures {
    vocabulary: u32,
    audio_context: u32,
    state: u32,
    audio_layers: u32,
    text_context: u32,
    text_layers: u32,
    mels: u32,
}

impl Figures {
    fn read(walk: &mut Walk) -> Result<Self, Flaw> {
        let mut figures = [0; 11];
        for figure in &mut figures {
            *figure = walk.number()?;
        }
        let [vocabulary, audio_context, state, audio_heads, audio_layers, rest @ ..] = figures;
        let [text_context, text_state, text_heads, text_layers, mels, format] = rest;
        // The largest model there is has 1280 states and 32 layers.
        let sensible = VOCABULARY.contains(&vocabulary)
            && (1..=4096).contains(&audio_context)
            && (64..=4096).contains(&text_context)
            && (1..=4096).contains(&state)
            && text_state == state
            && [audio_heads, text_heads].iter().all(|&heads| heads > 0 && state.is_multiple_of(heads))
            && [audio_layers, text_layers].iter().all(|layers| (1..=64).contains(layers))
            && (1..=1024).contains(&mels)
            && block_of_format(format % 1000).is_some_and(|block| state.is_multiple_of(block));
        let figures = Self { vocabulary, audio_context, state, audio_layers, text_context, text_layers, mels };
        if sensible { Ok(figures) } else { Err(Flaw::Odd("figures")) }
    }

    fn tensors(&self) -> u64 {
        11 + 15 * u64::from(self.audio_layers) + 24 * u64::from(self.text_layers)
    }

    /// Numbers in all tensors: whisper.cpp asks for their memory before it looks for them.
    fn elements(&self) -> u64 {
        let state = u64::from(self.state);
        let square = state * state;
        let front = state * (u64::from(self.audio_context) + 3 * u64::from(self.mels)) + 3 * square + 4 * state;
        let hearing = u64::from(self.audio_layers) * (12 * square + 12 * state);
        let words = state * (u64::from(self.text_context) + u64::from(self.vocabulary)) + 2 * state;
        let writing = u64::from(self.text_layers) * (16 * square + 17 * state);
        front + hearing + words + writing
    }
}

fn filters(walk: &mut Walk, figures: &Figures) -> Result<(), Flaw> {
    let (mels, bins) = (walk.number()?, walk.number()?);
    if (mels, bins) != (figures.mels, BINS) {
        return Err(Flaw::Odd("filters"));
    }
    walk.skip(4 * u64::from(mels) * u64::from(bins))
}

fn vocabulary(walk: &mut Walk, figures: &Figures) -> Result<(), Flaw> {
    let words = walk.number()?;
    if words > figures.vocabulary {
        return Err(Flaw::Odd("words"));
    }
    let mut blank = false;
    for _ in 0..words {
        let length = walk.number()?;
        // The longest in use has 128 bytes.
        if length > 1024 {
            return Err(Flaw::Odd("words"));
        }
        if length == 1 {
            blank |= walk.byte()? == b' ';
        } else {
            walk.skip(length.into())?;
        }
    }
    // whisper.cpp looks for it with each utterance, and ends the process where it is not.
    if blank { Ok(()) } else { Err(Flaw::Odd("words")) }
}

fn tensors(walk: &mut Walk, figures: &Figures) -> Result<(), Flaw> {
    let (mut count, mut all) = (0, 0);
    while walk.left > 0 {
        let (dimensions, name, kind) = (walk.number()?, walk.number()?, walk.number()?);
        let (block, bytes) = layout(kind).ok_or(Flaw::Odd("tensors"))?;
        if !(1..=4).contains(&dimensions) || !(1..=128).contains(&name) {
            return Err(Flaw::Odd("tensors"));
        }
        let mut elements: u64 = 1;
        for _ in 0..dimensions {
            elements = elements.saturating_mul(walk.number()?.into());
        }
        if i32::try_from(elements).is_err() || !elements.is_multiple_of(block) {
            return Err(Flaw::Odd("tensors"));
        }
        walk.skip(u64::from(name) + elements / block * bytes)?;
        count += 1;
        all += elements;
    }
    match count.cmp(&figures.tensors()) {
        std::cmp::Ordering::Less => Err(Flaw::Truncated),
        std::cmp::Ordering::Equal if all == figures.elements() => Ok(()),
        _ => Err(Flaw::Odd("tensors")),
    }
}

/// Numbers and bytes of a block of a ggml type.
fn layout(kind: u32) -> Option<(u64, u64)> {
    Some(match kind {
        0 => (1, 4),
        1 => (1, 2),
        2 => (32, 18),
        3 => (32, 20),
        6 => (32, 22),
        7 => (32, 24),
        8 => (32, 34),
        10 => (256, 84),
        11 => (256, 110),
        12 => (256, 144),
        13 => (256, 176),
        14 => (256, 210),
        _ => return None,
    })
}

/// Numbers of a block in a file of a format: plain ones, blocks of 32, blocks of 256.
fn block_of_format(format: u32) -> Option<u32> {
    match format {
        0 | 1 => Some(1),
        2 | 3 | 7..=9 => Some(32),
        10..=14 => Some(256),
        _ => None,
    }
}
