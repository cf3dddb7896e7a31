//! Binary frames: audio and its framing. All numbers are big-endian. Rule: a length in a header is never trusted; a
//! malformed frame is rejected without affecting the frames around it.
//!
//! A device uses one of three framings in both directions: 1 is the bare packet, 2 has a header of 16 bytes (`u16`
//! version, `u16` kind, `u32` reserved, `u32` timestamp in ms, `u32` length), 3 one of 4 bytes (`u8` kind, `u8`
//! reserved, `u16` length). Kind 0 is audio, 1 is JSON.

mod detection;

pub use self::detection::FramingDetector;

/// The framing of audio on a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Framing {
    /// Version 1: no header.
    #[default]
    Bare,
    /// Version 2: a header with a timestamp.
    Timestamped,
    /// Version 3: a short header.
    Short,
}

/// The payload of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Payload<'a> {
    /// One audio packet.
    Audio(&'a [u8]),
    /// A text message, not validated yet.
    Text(&'a [u8]),
}

/// Why a frame is rejected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Shorter than its header, or without payload.
    TooShort,
    /// A header of another version than the connection's.
    Version,
    /// An unknown kind.
    Kind,
    /// The length in the header does not match the frame.
    Length,
}

impl FrameError {
    /// Label of the metric.
    pub fn label(self) -> &'static str {
        match self {
            Self::TooShort => "too_short",
            Self::Version => "version",
            Self::Kind => "kind",
            Self::Length => "length",
        }
    }
}

const TIMED_HEADER: usize = 16;
const SHORT_HEADER: usize = 4;

impl Framing {
    /// The framing of this protocol version; `None` for an unknown version.
    pub fn of_version(version: u64) -> Option<Self> {
        match version {
            1 => Some(Self::Bare),
            2 => Some(Self::Timestamped),
            3 => Some(Self::Short),
            _ => None,
        }
    }

    /// The protocol version.
    pub fn version(self) -> u8 {
        match self {
            Self::Bare => 1,
            Self::Timestamped => 2,
            Self::Short => 3,
        }
    }

    /// Parses a frame.
    ///
    /// # Errors
    /// If the header does not match the frame.
    pub fn parse(self, frame: &[u8]) -> Result<Payload<'_>, FrameError> {
        let (kind, length, payload) = match self {
            Self::Bare if frame.is_empty() => return Err(FrameError::TooShort),
            Self::Bare => return Ok(Payload::Audio(frame)),
            Self::Timestamped => {
                let (header, payload) = frame.split_first_chunk::<TIMED_HEADER>().ok_or(FrameError::TooShort)?;
                if header[..2] != [0, 2] {
                    return Err(FrameError::Version);
                }
                let length = u32::from_be_bytes([header[12], header[13], header[14], header[15]]);
                (u16::from_be_bytes([header[2], header[3]]), length as usize, payload)
            }
            Self::Short => {
                let (header, payload) = frame.split_first_chunk::<SHORT_HEADER>().ok_or(FrameError::TooShort)?;
                let length = u16::from_be_bytes([header[2], header[3]]);
                (u16::from(header[0]), usize::from(length), payload)
            }
        };
        if length != payload.len() {
            return Err(FrameError::Length);
        }
        match kind {
            0 if payload.is_empty() => Err(FrameError::TooShort),
            0 => Ok(Payload::Audio(payload)),
            1 => Ok(Payload::Text(payload)),
            _ => Err(FrameError::Kind),
        }
    }

    /// Frames an audio packet. `timestamp_ms` is that of its first sample, from an arbitrary origin; only version 2
    /// carries it. A packet longer than the length field (more than 65,535 bytes in version 3) is truncated; no encoder
    /// here produces one.
    pub fn frame(self, mut packet: Vec<u8>, timestamp_ms: u32) -> Vec<u8> {
        let mut frame = match self {
            Self::Bare => return packet,
            Self::Timestamped => {
                let mut frame = Vec::with_capacity(TIMED_HEADER + packet.len());
                frame.extend([0, 2, 0, 0, 0, 0, 0, 0]);
                frame.extend(timestamp_ms.to_be_bytes());
                frame.extend(u32::try_from(packet.len()).unwrap_or(u32::MAX).to_be_bytes());
                frame
            }
            Self::Short => {
                packet.truncate(usize::from(u16::MAX));
                let mut frame = Vec::with_capacity(SHORT_HEADER + packet.len());
                frame.extend([0, 0]);
                frame.extend(u16::try_from(packet.len()).unwrap_or(u16::MAX).to_be_bytes());
                frame
            }
        };
        frame.append(&mut packet);
        frame
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a6_frames_of_all_versions_byte_for_byte() {
        assert_eq!(Framing::Bare.frame(vec![7, 8], 60), [7, 8]);
        let timed = [0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 2, 7, 8];
        assert_eq!(Framing::Timestamped.frame(vec![7, 8], 60), timed);
        assert_eq!(Framing::Short.frame(vec![7, 8], 60), [0, 0, 0, 2, 7, 8]);
        for framing in [Framing::Bare, Framing::Timestamped, Framing::Short] {
            let frame = framing.frame(vec![7, 8], 60);
            assert_eq!(framing.parse(&frame), Ok(Payload::Audio(&[7, 8])), "{framing:?}");
            assert_eq!(Framing::of_version(framing.version().into()), Some(framing));
        }
        assert_eq!(Framing::Short.parse(&[1, 0, 0, 2, b'{', b'}']), Ok(Payload::Text(b"{}")));
    }

    #[test]
    fn a6_lying_frames_are_refused() {
        let timed = Framing::Timestamped.frame(vec![7, 8], 0);
        for cut in 0..timed.len() {
            let expected = if cut < TIMED_HEADER { FrameError::TooShort } else { FrameError::Length };
            assert_eq!(Framing::Timestamped.parse(&timed[..cut]), Err(expected), "{cut} bytes");
        }
        let mut other = timed.clone();
        other[1] = 3;
        assert_eq!(Framing::Timestamped.parse(&other), Err(FrameError::Version));
        let mut huge = timed.clone();
        huge[12..16].fill(0xff);
        assert_eq!(Framing::Timestamped.parse(&huge), Err(FrameError::Length));
        assert_eq!(Framing::Short.parse(&[9, 0, 0, 1, 7]), Err(FrameError::Kind));
        assert_eq!(Framing::Short.parse(&[0, 0, 0xff, 0xff, 7]), Err(FrameError::Length));
        assert_eq!(Framing::Short.parse(&[0, 0, 0, 0]), Err(FrameError::TooShort));
        assert_eq!(Framing::Bare.parse(&[]), Err(FrameError::TooShort));
        assert_eq!(Framing::of_version(4), None);
    }
}
