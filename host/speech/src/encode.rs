//! Encodes PCM to packets for a device. Rule: a frame has the length and the rate that the device was told in `hello`;
//! the last frame of a sentence is padded with silence.

use crate::limits;
use opus_pure::{Application, MAX_PACKET_BYTES, OpusEncoder};

/// Codec of the audio for a device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DownlinkCodec {
    /// Opus in VoIP mode, one packet per frame.
    Opus,
    /// Signed 16 bit, little-endian.
    Pcm,
}

/// Audio format that a device receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Downlink {
    /// Codec of the frames.
    pub codec: DownlinkCodec,
    /// In Hz.
    pub sample_rate: u32,
    /// Length of a frame, in ms.
    pub frame_ms: u32,
    /// Bit rate of Opus, in bit/s.
    pub bitrate: u32,
}

impl Downlink {
    /// Samples per frame.
    pub fn frame(&self) -> usize {
        (self.sample_rate * self.frame_ms / 1000) as usize
    }
}

/// Encodes frames of one length; keeps the encoder state of one stream.
pub trait Encode: Send {
    /// Encodes a frame to a packet; `None` if the encoder rejects it.
    fn encode(&mut self, frame: &[i16]) -> Option<Vec<u8>>;
}

/// An encoder for this format; `None` where the format is not supported.
pub fn encoder(downlink: Downlink) -> Option<Box<dyn Encode>> {
    match downlink.codec {
        DownlinkCodec::Pcm => Some(Box::new(Pcm)),
        DownlinkCodec::Opus => {
            let rate = i32::try_from(downlink.sample_rate).ok()?;
            let mut encoder = Box::new(OpusEncoder::new(rate, 1, Application::Voip).ok()?);
            encoder.bitrate_bps = i32::try_from(downlink.bitrate).ok()?;
            encoder.complexity = limits::OPUS_COMPLEXITY;
            Some(Box::new(Opus { encoder, packet: vec![0; MAX_PACKET_BYTES] }))
        }
    }
}

struct Opus {
    encoder: Box<OpusEncoder>,
    packet: Vec<u8>,
}

impl Encode for Opus {
    fn encode(&mut self, frame: &[i16]) -> Option<Vec<u8>> {
        let length = self.encoder.encode_s16(frame, frame.len(), &mut self.packet).ok()?;
        Some(self.packet.get(..length)?.to_vec())
    }
}

struct Pcm;

impl Encode for Pcm {
    fn encode(&mut self, frame: &[i16]) -> Option<Vec<u8>> {
        Some(frame.iter().flat_map(|sample| sample.to_le_bytes()).collect())
    }
}
