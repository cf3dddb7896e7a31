//! Validates a model file before whisper.cpp reads it. Rule: whisper.cpp trusts every number in a file, and aborts the
//! process or worse where one is wrong; so it only gets files that were checked from the first byte to the last.
//!
//! The format, little-endian: magic, eleven hyperparameters, mel filters, vocabulary, tensors up to the end.

use std::fs::{self, File};
use std::io::{self, BufReader, ErrorKind, Read};
use std::path::Path;

const MAGIC: u32 = 0x6767_6d6c;
/// English only, multilingual, and with Cantonese: whisper.cpp derives the special tokens from the size.
const VOCABULARY: std::ops::RangeInclusive<u32> = 51_864..=51_866;
/// Spectrum bins that whisper.cpp computes from 400 samples.
const BINS: u32 = 201;

/// Why a file is not a usable model.
#[derive(Debug, thiserror::Error)]
pub(super) enum ModelError {
    #[error("it cannot be read ({0})")]
    Unreadable(ErrorKind),
    #[error("it is no file")]
    NotAFile,
    #[error("it is no model in ggml format")]
    NotAModel,
    #[error("it is truncated")]
    Truncated,
    #[error("its {0} are invalid")]
    Invalid(&'static str),
}

impl From<io::Error> for ModelError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            ErrorKind::UnexpectedEof => Self::Truncated,
            kind => Self::Unreadable(kind),
        }
    }
}

/// Validates a file. Blocks; reads little besides the vocabulary.
///
/// # Errors
/// If whisper.cpp must not read the file.
pub(super) fn validate(path: &Path) -> Result<(), ModelError> {
    // Before opening it: opening a pipe would block.
    let metadata = fs::metadata(path)?;
    if !metadata.is_file() {
        return Err(ModelError::NotAFile);
    }
    let mut reader = ModelReader { file: BufReader::new(File::open(path)?), remaining: metadata.len() };
    if metadata.len() < 4 || reader.read_u32()? != MAGIC {
        return Err(ModelError::NotAModel);
    }
    let params = Hyperparameters::read(&mut reader)?;
    filters(&mut reader, &params)?;
    vocabulary(&mut reader, &params)?;
    tensors(&mut reader, &params)
}

struct ModelReader {
    file: BufReader<File>,
    /// Bytes left in the file.
    remaining: u64,
}

impl ModelReader {
    fn read_bytes<const N: usize>(&mut self) -> Result<[u8; N], ModelError> {
        self.remaining = self.remaining.checked_sub(N as u64).ok_or(ModelError::Truncated)?;
        let mut bytes = [0; N];
        self.file.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn read_byte(&mut self) -> Result<u8, ModelError> {
        self.read_bytes::<1>().map(|[byte]| byte)
    }

    fn read_u32(&mut self) -> Result<u32, ModelError> {
        self.read_bytes().map(u32::from_le_bytes)
    }

    fn skip(&mut self, bytes: u64) -> Result<(), ModelError> {
        self.remaining = self.remaining.checked_sub(bytes).ok_or(ModelError::Truncated)?;
        let bytes = i64::try_from(bytes).map_err(|_| ModelError::Truncated)?;
        Ok(self.file.seek_relative(bytes)?)
    }
}

/// The sizes of everything.
struct Hyperparameters {
    vocabulary: u32,
    audio_context: u32,
    state: u32,
    audio_layers: u32,
    text_context: u32,
    text_layers: u32,
    mels: u32,
}

impl Hyperparameters {
    fn read(reader: &mut ModelReader) -> Result<Self, ModelError> {
        let mut numbers = [0; 11];
        for number in &mut numbers {
            *number = reader.read_u32()?;
        }
        let [vocabulary, audio_context, state, audio_heads, audio_layers, rest @ ..] = numbers;
        let [text_context, text_state, text_heads, text_layers, mels, format] = rest;
        // The largest existing model has 1280 states and 32 layers.
        let valid = VOCABULARY.contains(&vocabulary)
            && (1..=4096).contains(&audio_context)
            && (64..=4096).contains(&text_context)
            && (1..=4096).contains(&state)
            && text_state == state
            && [audio_heads, text_heads].iter().all(|&heads| heads > 0 && state.is_multiple_of(heads))
            && [audio_layers, text_layers].iter().all(|layers| (1..=64).contains(layers))
            && (1..=1024).contains(&mels)
            && block_of_format(format % 1000).is_some_and(|block| state.is_multiple_of(block));
        let params = Self { vocabulary, audio_context, state, audio_layers, text_context, text_layers, mels };
        if valid { Ok(params) } else { Err(ModelError::Invalid("figures")) }
    }

    fn tensors(&self) -> u64 {
        11 + 15 * u64::from(self.audio_layers) + 24 * u64::from(self.text_layers)
    }

    /// Elements of all tensors: whisper.cpp allocates memory for them before it reads them.
    fn elements(&self) -> u64 {
        let state = u64::from(self.state);
        let square = state * state;
        let front = state * (u64::from(self.audio_context) + 3 * u64::from(self.mels)) + 3 * square + 4 * state;
        let encoder = u64::from(self.audio_layers) * (12 * square + 12 * state);
        let embeddings = state * (u64::from(self.text_context) + u64::from(self.vocabulary)) + 2 * state;
        let decoder = u64::from(self.text_layers) * (16 * square + 17 * state);
        front + encoder + embeddings + decoder
    }
}

fn filters(reader: &mut ModelReader, params: &Hyperparameters) -> Result<(), ModelError> {
    let (mels, bins) = (reader.read_u32()?, reader.read_u32()?);
    if (mels, bins) != (params.mels, BINS) {
        return Err(ModelError::Invalid("filters"));
    }
    reader.skip(4 * u64::from(mels) * u64::from(bins))
}

fn vocabulary(reader: &mut ModelReader, params: &Hyperparameters) -> Result<(), ModelError> {
    let tokens = reader.read_u32()?;
    if tokens > params.vocabulary {
        return Err(ModelError::Invalid("words"));
    }
    let mut blank = false;
    for _ in 0..tokens {
        let length = reader.read_u32()?;
        // The longest in use has 128 bytes.
        if length > 1024 {
            return Err(ModelError::Invalid("words"));
        }
        if length == 1 {
            blank |= reader.read_byte()? == b' ';
        } else {
            reader.skip(length.into())?;
        }
    }
    // whisper.cpp looks up this token for each utterance, and aborts the process without it.
    if blank { Ok(()) } else { Err(ModelError::Invalid("words")) }
}

fn tensors(reader: &mut ModelReader, params: &Hyperparameters) -> Result<(), ModelError> {
    let (mut count, mut all) = (0, 0);
    while reader.remaining > 0 {
        let (dimensions, name, kind) = (reader.read_u32()?, reader.read_u32()?, reader.read_u32()?);
        let (block, bytes) = layout(kind).ok_or(ModelError::Invalid("tensors"))?;
        if !(1..=4).contains(&dimensions) || !(1..=128).contains(&name) {
            return Err(ModelError::Invalid("tensors"));
        }
        let mut elements: u64 = 1;
        for _ in 0..dimensions {
            elements = elements.saturating_mul(reader.read_u32()?.into());
        }
        if i32::try_from(elements).is_err() || !elements.is_multiple_of(block) {
            return Err(ModelError::Invalid("tensors"));
        }
        reader.skip(u64::from(name) + elements / block * bytes)?;
        count += 1;
        all += elements;
    }
    match count.cmp(&params.tensors()) {
        std::cmp::Ordering::Less => Err(ModelError::Truncated),
        std::cmp::Ordering::Equal if all == params.elements() => Ok(()),
        _ => Err(ModelError::Invalid("tensors")),
    }
}

/// Elements and bytes of a block of a ggml type.
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

/// Elements of a block in a file of this format: 1, 32 or 256.
fn block_of_format(format: u32) -> Option<u32> {
    match format {
        0 | 1 => Some(1),
        2 | 3 | 7..=9 => Some(32),
        10..=14 => Some(256),
        _ => None,
    }
}
