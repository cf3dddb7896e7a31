//! Streaming decoder of Opus in Ogg. Rule: only whole pages are passed on, so that the reader never sees a false end of
//! stream.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::sync::Arc;

use opus_pure::{Error, MAX_PACKET_SAMPLES, OggOpusReader, OpusDecoder, Trim};
use parking_lot::Mutex;

use super::{Decode, FormatError, Output};

/// Length of a page header without its segment table.
const HEADER: usize = 27;
/// Maximum of bytes before the audio: comments may contain a picture.
const MAX_PREAMBLE: usize = 1024 * 1024;
/// Output rates of Opus, in Hz.
const RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

/// One stream.
pub(super) struct Ogg {
    /// In Hz.
    rate: u32,
    /// Bytes that are no whole page yet; all bytes while the stream has not started.
    buffer: Vec<u8>,
    stream: Option<Box<Stream>>,
}

struct Stream {
    pages: Pages,
    reader: OggOpusReader<Pages>,
    decoder: OpusDecoder,
    trim: Trim,
}

/// A queue of whole pages, shared by the decoder and its reader.
#[derive(Clone, Default)]
struct Pages(Arc<Mutex<VecDeque<u8>>>);

impl Read for Pages {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let mut bytes = self.0.lock();
        if bytes.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { bytes.read(into) }
    }
}

impl Ogg {
    /// Decodes to this rate, or to 48 kHz where Opus does not support it.
    pub(super) fn new(rate: u32) -> Self {
        let rate = if RATES.contains(&rate) { rate } else { 48_000 };
        Self { rate, buffer: Vec::new(), stream: None }
    }

    /// Starts the stream once its headers are complete.
    fn begin(&mut self, pages: usize) -> Result<bool, FormatError> {
        if self.stream.is_some() {
            return Ok(true);
        }
        let queue = Pages::default();
        queue.0.lock().extend(&self.buffer[..pages]);
        let reader = match OggOpusReader::new(queue.clone()) {
            Ok(reader) => reader,
            Err(error) if is_end(&error) && self.buffer.len() < MAX_PREAMBLE => return Ok(false),
            Err(_) => return Err(unsupported()),
        };
        let codec = || -> opus_pure::Result<(OpusDecoder, Trim)> {
            let rate = self.rate as i32;
            let mut decoder = OpusDecoder::new(rate, 1)?;
            decoder.gain_q8 = reader.head().output_gain_q8.into();
            Ok((decoder, Trim::new(reader.head(), rate, 1)?))
        };
        let (decoder, trim) = codec().map_err(|_| unsupported())?;
        self.stream = Some(Box::new(Stream { pages: queue, reader, decoder, trim }));
        self.buffer.drain(..pages);
        Ok(true)
    }
}

fn unsupported() -> FormatError {
    "audio/ogg without Opus that can be played; response_format may be pcm, wav, mp3 or opus".to_owned()
}

fn is_end(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == ErrorKind::WouldBlock)
}

/// Length of the whole pages at the start.
fn whole_pages(bytes: &[u8]) -> Result<usize, FormatError> {
    let mut length = 0;
    loop {
        let page = &bytes[length..];
        if !page.iter().zip(b"OggS").all(|(one, other)| one == other) {
            return Err("audio/ogg that is damaged".to_owned());
        }
        let Some(segments) = page.get(HEADER - 1).and_then(|count| page.get(HEADER..HEADER + usize::from(*count)))
        else {
            return Ok(length);
        };
        let whole = HEADER + segments.len() + segments.iter().map(|segment| usize::from(*segment)).sum::<usize>();
        if page.len() < whole {
            return Ok(length);
        }
        length += whole;
    }
}

impl Decode for Ogg {
    fn push(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), FormatError> {
        self.buffer.extend_from_slice(bytes);
        let pages = whole_pages(&self.buffer)?;
        let starting = self.stream.is_none();
        if !self.begin(pages)? {
            return Ok(());
        }
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if !starting {
            stream.pages.0.lock().extend(self.buffer.drain(..pages));
        }
        stream.decode(self.rate, output)
    }

    fn end(&mut self, _: &mut Output) -> Result<(), FormatError> {
        if self.stream.is_some() { Ok(()) } else { Err(unsupported()) }
    }
}

impl Stream {
    fn decode(&mut self, rate: u32, output: &mut Output) -> Result<(), FormatError> {
        let mut pcm = vec![0_i16; MAX_PACKET_SAMPLES];
        while !output.is_full() {
            let packet = match self.reader.read_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(()),
                Err(error) if is_end(&error) => return Ok(()),
                Err(_) => return Err("audio/ogg that is damaged".to_owned()),
            };
            // A damaged packet is skipped, as one from a device is.
            if let Ok(samples) = self.decoder.decode_s16(&packet.data, MAX_PACKET_SAMPLES, &mut pcm) {
                output.push(rate, self.trim.keep(&packet, &pcm[..samples]));
            }
        }
        Ok(())
    }
}
