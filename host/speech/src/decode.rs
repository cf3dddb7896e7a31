//! Decodes packets of a device to PCM: 16 kHz, mono, signed 16 bit. Rule: a packet that cannot be decoded is skipped
//! with a reason and counted; it ends nothing, and the next packet is decoded as usual.

mod evidence;

use crate::limits;
use modehost_protocol::{AudioFormat, Codec};
use opus_pure::OpusDecoder;

use self::evidence::Evidence;
use crate::resample::Resample;
use crate::vad::RATE;

/// Why a packet was skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It has no bytes.
    Empty,
    /// Larger than the codec allows.
    TooLarge,
    /// Not a packet of the announced codec.
    Damaged,
    /// The decoder could not be allocated: out of memory.
    NoDecoder,
}

impl SkipReason {
    /// The label in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Empty => "empty",
            Self::TooLarge => "too_large",
            Self::Damaged => "damaged",
            Self::NoDecoder => "no_decoder",
        }
    }
}

/// Decodes packets of one codec; keeps the decoder state of one stream.
trait Decode: Send {
    /// Appends the audio of a packet to `pcm`, at most a second.
    ///
    /// # Errors
    /// If the packet is skipped; then nothing is appended.
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<(), SkipReason>;
}

/// Decodes the packets of one connection with the announced codec, unless they are clearly of the other one.
pub struct Decoder {
    format: AudioFormat,
    decode: Box<dyn Decode>,
    evidence: Evidence,
    /// Consecutive skipped packets.
    skipped: u32,
    reported: bool,
}

impl Decoder {
    /// A decoder for a new stream of this format.
    pub fn new(format: AudioFormat) -> Self {
        Self { format, decode: decoder_for(format), evidence: Evidence::default(), skipped: 0, reported: false }
    }

    /// Appends the audio of a packet to `pcm`, at most a second.
    ///
    /// # Errors
    /// If the packet is skipped; then nothing is appended.
    pub fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<(), SkipReason> {
        if let Some(codec) = self.evidence.observe(self.format, packet) {
            self.format.codec = codec;
            self.decode = decoder_for(self.format);
        }
        let outcome = self.decode.decode(packet, pcm);
        self.skipped = if outcome.is_err() { self.skipped.saturating_add(1) } else { 0 };
        outcome
    }

    /// The codec, once per stream: after so many consecutive skipped packets that none is expected to be decoded.
    pub fn take_unreadable(&mut self) -> Option<Codec> {
        let now = self.skipped >= limits::UNREADABLE_PACKETS && !std::mem::replace(&mut self.reported, true);
        now.then_some(self.format.codec)
    }
}

fn decoder_for(format: AudioFormat) -> Box<dyn Decode> {
    match format.codec {
        Codec::Opus => Box::new(Opus(None)),
        Codec::Pcm => {
            let rate = format.sample_rate;
            Box::new(Pcm { rate, resample: Resample::new(rate, RATE), samples: Vec::new() })
        }
    }
}

/// An Opus packet carries its own rate and length; it is decoded to 16 kHz.
struct Opus(Option<Box<OpusDecoder>>);

impl Decode for Opus {
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<(), SkipReason> {
        if packet.is_empty() {
            return Err(SkipReason::Empty);
        }
        if packet.len() > limits::MAX_PACKET_BYTES {
            return Err(SkipReason::TooLarge);
        }
        let decoder = match &mut self.0 {
            Some(decoder) => decoder,
            empty => empty.insert(Box::new(OpusDecoder::new(RATE as i32, 1).map_err(|_| SkipReason::NoDecoder)?)),
        };
        let begin = pcm.len();
        pcm.resize(begin + limits::MAX_PACKET_SAMPLES, 0);
        let decoded = decoder.decode_s16(packet, limits::MAX_PACKET_SAMPLES, &mut pcm[begin..]);
        match decoded {
            Ok(samples) => {
                pcm.truncate(begin + samples);
                Ok(())
            }
            Err(_) => {
                pcm.truncate(begin);
                Err(SkipReason::Damaged)
            }
        }
    }
}

/// Raw samples, little-endian.
struct Pcm {
    rate: u32,
    resample: Resample,
    /// Samples of the current packet; kept to reuse the allocation.
    samples: Vec<i16>,
}

impl Decode for Pcm {
    fn decode(&mut self, packet: &[u8], pcm: &mut Vec<i16>) -> Result<(), SkipReason> {
        if packet.is_empty() {
            return Err(SkipReason::Empty);
        }
        let (samples, rest) = packet.as_chunks::<2>();
        if !rest.is_empty() {
            return Err(SkipReason::Damaged);
        }
        // A frame is shorter than a second.
        if samples.len() > self.rate as usize {
            return Err(SkipReason::TooLarge);
        }
        self.samples.clear();
        self.samples.extend(samples.iter().map(|sample| i16::from_le_bytes(*sample)));
        self.resample.push(&self.samples, pcm);
        Ok(())
    }
}
