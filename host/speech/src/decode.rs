//! Packets of a device to PCM: 16 kHz, mono, signed 16 bit. Rule: a packet that cannot be decoded is
//! skipped with a reason and counted; it never ends anything, and the next one is taken as if
//! nothing had been.

mod evidence;

use crate::limits;
use modehost_protocol::{AudioFormat, Codec};
use opus_pure::OpusDecoder;

use self::evidence::Evidence;
use crate::resample::Resample;
use crate::vad::RATE;

/// Why a packet was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Skipped {
    /// There is nothing in it.
    Empty,
    /// Larger than any packet may be.
    TooLarge,
    /// No packet of the codec that was announced.
    Damaged,
    /// The decoder could not be made; the machine is out of memory.
    NoDecoder,
}

impl Skipped {
    /// For metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::Damaged => "damaged",
            Self::NoDecoder => "no_decoder",
        }
    }
}

/// Decodes packets of one codec; has whatever state that takes.
trait Decode: Send {
    /// Appends the sound of a packet to `pcm`, at the most a second.
    ///
    /// # Errors
    /// If the packet is skipped; then nothing is appended.
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<(), Skipped>;
}

/// Decodes what one connection sends: as it has announced, unless the packets are plainly of the other
/// codec.
pub struct Decoder {
    format: AudioFormat,
    decode: Box<dyn Decode>,
    evidence: Evidence,
    /// Packets in a row that were skipped.
    skipped: u32,
    told: bool,
}

impl Decoder {
    /// At the beginning of a stream of this format.
    pub fn new(format: AudioFormat) -> Self {
        Self { format, decode: of(format), evidence: Evidence::default(), skipped: 0, told: false }
    }

    /// Appends the sound of a packet to `pcm`, at the most a second.
    ///
    /// # Errors
    /// If the packet is skipped; then nothing is appended.
    pub fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<(), Skipped> {
        if let Some(codec) = self.evidence.weigh(self.format, packet) {
            self.format.codec = codec;
            self.decode = of(self.format);
        }
        let outcome = self.decode.decode(packet, pcm);
        self.skipped = if outcome.is_err() { self.skipped.saturating_add(1) } else { 0 };
        outcome
    }

    /// The codec, once: when so many packets in a row were skipped that none will be decoded.
    pub fn is_unreadable(&mut self) -> Option<Codec> {
        let now = self.skipped >= limits::UNREADABLE && !std::mem::replace(&mut self.told, true);
        now.then_some(self.format.codec)
    }
}

fn of(format: AudioFormat) -> Box<dyn Decode> {
    match format.codec {
        Codec::Opus => Box::new(Opus(None)),
        Codec::Pcm => {
            let rate = format.sample_rate;
            Box::new(Pcm { rate, resample: Resample::new(rate, RATE), samples: Vec::new() })
        }
    }
}

/// Opus says rate and length in each packet, and is decoded to ours.
struct Opus(Option<Box<OpusDecoder>>);

impl Decode for Opus {
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<(), Skipped> {
        if packet.is_empty() {
            return Err(Skipped::Empty);
        }
        if packet.len() > limits::PACKET_BYTES {
            return Err(Skipped::TooLarge);
        }
        let decoder = match &mut self.0 {
            Some(decoder) => decoder,
            empty => empty.insert(Box::new(OpusDecoder::new(RATE as i32, 1).map_err(|_| Skipped::NoDecoder)?)),
        };
        let begin = pcm.len();
        pcm.resize(begin + limits::PACKET_SAMPLES, 0);
        let decoded = decoder.decode_s16(packet, limits::PACKET_SAMPLES, &mut pcm[begin..]);
        match decoded {
            Ok(samples) => {
                pcm.truncate(begin + samples);
                Ok(())
            }
            Err(_) => {
                pcm.truncate(begin);
                Err(Skipped::Damaged)
            }
        }
    }
}

/// Raw samples, little-endian.
struct Pcm {
    rate: u32,
    resample: Resample,
    /// Of the packet.
    samples: Vec<i16>,
}

impl Decode for Pcm {
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<(), Skipped> {
        if packet.is_empty() {
            return Err(Skipped::Empty);
        }
        let (samples, rest) = packet.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(Skipped::Damaged);
        }
        // A second at once is no frame.
        if samples.len() > self.rate as usize {
            return Err(Skipped::TooLarge);
        }
        self.samples.clear();
        self.samples.extend(samples.iter().map(|sample| i16::from_le_bytes(*sample)));
        self.resample.push(&self.samples, pcm);
        Ok(())
    }
}
