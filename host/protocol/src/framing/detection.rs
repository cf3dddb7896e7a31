//! Detects the framing of a connection. Rule: the version in the handshake is authoritative; without one (browsers
//! cannot set the header) the frames themselves decide, regardless of the version in a hello.
//!
//! A header whose every field matches its frame is no coincidence: of bare packets, only one that begins with
//! narrowband of 10 ms can be mistaken for version 3 at all, and one in 2^24 of those is. So the first frame is parsed
//! as what it looks like, and [`SETTLED_AFTER`] consecutive frames that look different change the framing.

use super::{FrameError, Framing, Payload};
use crate::hello::Codec;
use crate::opus::is_opus;

/// Consecutive frames of one framing after which it is settled.
const SETTLED_AFTER: u8 = 3;
/// Consecutive unreadable frames after which this is reported.
const UNREADABLE_AFTER: u8 = 20;
/// Value of `unreadable` once it has been reported.
const REPORTED: u8 = u8::MAX;
/// Minimum size of a PCM frame, in bytes: 5 ms at 16 kHz.
const MIN_PCM_BYTES: usize = 160;

/// The detected framing of one connection, and whether its frames are readable. A few bytes, since each connection has
/// one.
#[derive(Clone, Copy, Debug)]
pub struct FramingDetector {
    framing: Framing,
    basis: Basis,
    codec: Codec,
    /// What the last frames look like, and how many consecutive ones.
    candidate: Option<Framing>,
    streak: u8,
    /// Consecutive unreadable frames, or `REPORTED`.
    unreadable: u8,
}

/// What the framing is based on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Basis {
    /// The version in the handshake.
    Header,
    /// Consecutive frames.
    Settled,
    /// A single frame, or the default.
    Guess,
}

impl FramingDetector {
    /// `version` is that of the handshake, if it has one.
    pub fn new(version: Option<u64>) -> Self {
        let announced = version.and_then(Framing::of_version);
        Self {
            framing: announced.unwrap_or_default(),
            basis: if announced.is_some() { Basis::Header } else { Basis::Guess },
            codec: Codec::default(),
            candidate: None,
            streak: 0,
            unreadable: 0,
        }
    }

    /// The framing, in both directions.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// The codec that the device has announced.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Applies a hello. Returns the framing of the handshake if `version` contradicts it.
    pub fn on_hello(&mut self, version: Option<u64>, codec: Codec) -> Option<Framing> {
        self.codec = codec;
        let announced = version.and_then(Framing::of_version)?;
        (self.basis == Basis::Header && announced != self.framing).then_some(self.framing)
    }

    /// Parses the next frame.
    ///
    /// # Errors
    /// If the frame is malformed.
    pub fn unwrap<'a>(&mut self, frame: &'a [u8]) -> Result<Payload<'a>, FrameError> {
        self.observe(frame);
        let outcome = match self.framing.parse(frame) {
            // With framing 1 any bytes are a bare packet; these clearly have headers.
            Ok(_) if self.basis == Basis::Header && self.framing == Framing::Bare && self.has_headers() => {
                Err(FrameError::Version)
            }
            outcome => outcome,
        };
        if self.unreadable != REPORTED {
            self.unreadable = if outcome.is_err() { (self.unreadable + 1).min(UNREADABLE_AFTER) } else { 0 };
        }
        outcome
    }

    /// True once: when so many consecutive frames were unreadable that none is expected to be readable.
    pub fn take_unreadable(&mut self) -> bool {
        let is_due = self.unreadable == UNREADABLE_AFTER;
        if is_due {
            self.unreadable = REPORTED;
        }
        is_due
    }

    fn observe(&mut self, frame: &[u8]) {
        let candidate = classify(frame);
        if candidate.is_none() {
            return;
        }
        self.streak = if candidate == self.candidate { self.streak.saturating_add(1) } else { 1 };
        self.candidate = candidate;
        let is_settled = self.streak >= SETTLED_AFTER;
        if let Some(candidate) =
            candidate.filter(|_| self.basis == Basis::Guess || (self.basis == Basis::Settled && is_settled))
        {
            self.framing = candidate;
            self.basis = if is_settled { Basis::Settled } else { Basis::Guess };
        }
    }

    /// Whether frames that should be bare packets have headers.
    fn has_headers(&self) -> bool {
        self.streak >= SETTLED_AFTER && self.candidate.is_some_and(|candidate| candidate != Framing::Bare)
    }
}

/// The framing that a frame looks like; `None` if it matches none.
fn classify(frame: &[u8]) -> Option<Framing> {
    let matches_framing = |framing: Framing| match framing.parse(frame) {
        Ok(Payload::Audio(packet)) => {
            is_opus(packet) || (packet.len() >= MIN_PCM_BYTES && packet.len().is_multiple_of(2))
        }
        Ok(Payload::Text(text)) => text.starts_with(b"{"),
        Err(_) => false,
    };
    if matches_framing(Framing::Timestamped) {
        return Some(Framing::Timestamped);
    }
    // The reserved byte is 0 in all firmware.
    if frame.get(1) == Some(&0) && matches_framing(Framing::Short) {
        return Some(Framing::Short);
    }
    is_opus(frame).then_some(Framing::Bare)
}

#[cfg(test)]
mod tests;
