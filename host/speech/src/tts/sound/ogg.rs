//! Opus in Ogg, as it comes. Rule: only whole pages are handed on, so that the reader never sees an end
//! that is none.

use std::collections::VecDeque;
use std::io::{ErrorKind, Read};
use std::sync::Arc;

use opus_pure::{Error, MAX_PACKET_SAMPLES, OggOpusReader, OpusDecoder, Trim};
use parking_lot::Mutex;

use super::{Decode, Flaw, Output};

/// Length of a page's header, without its table of segments.
const HEADER: usize = 27;
/// Bytes before the sound: comments may hold a picture.
const BEFORE: usize = 1024 * 1024;
/// Rates that Opus is decoded to, in Hz.
const RATES: [u32; 5] = [8_000, 12_000, 16_000, 24_000, 48_000];

/// One stream.
pub(super) struct Ogg {
    /// In Hz.
    rate: u32,
    /// What has come and is no whole page yet; before the stream has begun, all of it.
    waiting: Vec<u8>,
    stream: Option<Box<Stream>>,
}

struct Stream {
    pages: Pages,
    reader: OggOpusReader<Pages>,
    decoder: OpusDecoder,
    trim: Trim,
}

/// Whole pages, shared by whoever gives and whoever reads them.
#[derive(Clone, Default)]
struct Pages(Arc<Mutex<VecDeque<u8>>>);

impl Read for Pages {
    fn read(&mut self, into: &mut [u8]) -> std::io::Result<usize> {
        let mut bytes = self.0.lock();
        if bytes.is_empty() { Err(ErrorKind::WouldBlock.into()) } else { bytes.read(into) }
    }
}

impl Ogg {
    /// To be given at this rate, as near as Opus knows one.
    pub(super) fn new(rate: u32) -> Self {
        let rate = if RATES.contains(&rate) { rate } else { 48_000 };
        Self { rate, waiting: Vec::new(), stream: None }
    }

    /// Begins the stream once its headers are there.
    fn begin(&mut self, pages: usize) -> Result<bool, Flaw> {
        if self.stream.is_some() {
            return Ok(true);
        }
        let fed = Pages::default();
        fed.0.lock().extend(&self.waiting[..pages]);
        let reader = match OggOpusReader::new(fed.clone()) {
            Ok(reader) => reader,
            Err(error) if is_end(&error) && self.waiting.len() < BEFORE => return Ok(false),
            Err(_) => return Err(unknown()),
        };
        let begun = || -> opus_pure::Result<(OpusDecoder, Trim)> {
            let rate = self.rate as i32;
            let mut decoder = OpusDecoder::new(rate, 1)?;
            decoder.gain_q8 = reader.head().output_gain_q8.into();
            Ok((decoder, Trim::new(reader.head(), rate, 1)?))
        };
        let (decoder, trim) = begun().map_err(|_| unknown())?;
        self.stream = Some(Box::new(Stream { pages: fed, reader, decoder, trim }));
        self.waiting.drain(..pages);
        Ok(true)
    }
}

fn unknown() -> Flaw {
    "audio/ogg without Opus that can be played; response_format may be pcm, wav, mp3 or opus".to_owned()
}

fn is_end(error: &Error) -> bool {
    matches!(error, Error::Io(error) if error.kind() == ErrorKind::WouldBlock)
}

/// The length of the whole pages at the beginning.
fn whole_pages(bytes: &[u8]) -> Result<usize, Flaw> {
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
    fn take(&mut self, bytes: &[u8], output: &mut Output) -> Result<(), Flaw> {
        self.waiting.extend_from_slice(bytes);
        let pages = whole_pages(&self.waiting)?;
        let fresh = self.stream.is_none();
        if !self.begin(pages)? {
            return Ok(());
        }
        let Some(stream) = &mut self.stream else { return Ok(()) };
        if !fresh {
            stream.pages.0.lock().extend(self.waiting.drain(..pages));
        }
        stream.decode(self.rate, output)
    }

    fn end(&mut self, _: &mut Output) -> Result<(), Flaw> {
        if self.stream.is_some() { Ok(()) } else { Err(unknown()) }
    }
}

impl Stream {
    fn decode(&mut self, rate: u32, output: &mut Output) -> Result<(), Flaw> {
        let mut pcm = vec![0_i16; MAX_PACKET_SAMPLES];
        while !output.is_full() {
            let packet = match self.reader.read_packet() {
                Ok(Some(packet)) => packet,
                Ok(None) => return Ok(()),
                Err(error) if is_end(&error) => return Ok(()),
                Err(_) => return Err("audio/ogg that is damaged".to_owned()),
            };
            // A packet that is damaged is passed over, as from a device.
            if let Ok(samples) = self.decoder.decode_s16(&packet.data, MAX_PACKET_SAMPLES, &mut pcm) {
                output.push(rate, self.trim.keep(&packet, &pcm[..samples]));
            }
        }
        Ok(())
    }
}
