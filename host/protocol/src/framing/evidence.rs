//! Which framing a connection has. Rule: what the handshake names holds; where it names none, as no page
//! in a browser can, the frames themselves are the evidence, whatever a hello says of a version.
//!
//! A header whose every field fits its frame is no chance: of bare packets, only one that begins with
//! narrowband of 10 ms can look like version 3 at all, and one in 2^24 of those does. So the first frame
//! is read as what it looks like, and [`SURE`] frames in a row that look otherwise change the framing.

use super::{BadFrame, Framing, Unwrapped};
use crate::hello::Codec;
use crate::opus::is_opus;

/// Frames in a row that look like one framing and settle it.
const SURE: u8 = 3;
/// Frames in a row of which none can be read, before somebody is told.
const UNREADABLE: u8 = 20;
/// Stands for: it was told.
const TOLD: u8 = u8::MAX;
/// Least samples of a frame of PCM, in bytes: 5 ms at 16 kHz.
const PCM: usize = 160;

/// The framing of one connection, and whether anything can be read at all. A few bytes, since each
/// connection has one.
#[derive(Clone, Copy, Debug)]
pub struct Evidence {
    framing: Framing,
    by: By,
    codec: Codec,
    /// What the last frames looked like, and how many of them in a row.
    look: Option<Framing>,
    run: u8,
    /// Frames in a row that could not be read, or `TOLD`.
    unreadable: u8,
}

/// What a framing is known by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    /// The handshake names it.
    Header,
    /// Frames in a row.
    Frames,
    /// A frame, or nothing yet.
    Guess,
}

impl Evidence {
    /// `version` is that of the handshake, where it names one.
    pub fn new(version: Option<u64>) -> Self {
        let named = version.and_then(Framing::of_version);
        Self {
            framing: named.unwrap_or_default(),
            by: if named.is_some() { By::Header } else { By::Guess },
            codec: Codec::default(),
            look: None,
            run: 0,
            unreadable: 0,
        }
    }

    /// How sound is wrapped, both ways.
    pub fn framing(&self) -> Framing {
        self.framing
    }

    /// What the device says it sends.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// The device has said so in its hello. Gives the framing of the handshake where `version` names
    /// another one.
    pub fn said_hello(&mut self, version: Option<u64>, codec: Codec) -> Option<Framing> {
        self.codec = codec;
        let said = version.and_then(Framing::of_version)?;
        (self.by == By::Header && said != self.framing).then_some(self.framing)
    }

    /// What is in the next frame.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn unwrap<'a>(&mut self, frame: &'a [u8]) -> Result<Unwrapped<'a>, BadFrame> {
        self.weigh(frame);
        let outcome = match self.framing.unwrap(frame) {
            // Every frame is a bare packet; these are none.
            Ok(_) if self.by == By::Header && self.framing == Framing::Bare && self.is_wrapped() => {
                Err(BadFrame::Version)
            }
            outcome => outcome,
        };
        if self.unreadable != TOLD {
            self.unreadable = if outcome.is_err() { (self.unreadable + 1).min(UNREADABLE) } else { 0 };
        }
        outcome
    }

    /// True once: when so many frames in a row could not be read that none will be.
    pub fn is_unreadable(&mut self) -> bool {
        let now = self.unreadable == UNREADABLE;
        if now {
            self.unreadable = TOLD;
        }
        now
    }

    fn weigh(&mut self, frame: &[u8]) {
        let look = looks_like(frame);
        if look.is_none() {
            return;
        }
        self.run = if look == self.look { self.run.saturating_add(1) } else { 1 };
        self.look = look;
        let is_sure = self.run >= SURE;
        if let Some(look) = look.filter(|_| self.by == By::Guess || (self.by == By::Frames && is_sure)) {
            self.framing = look;
            self.by = if is_sure { By::Frames } else { By::Guess };
        }
    }

    /// Headers stand before what should be bare packets.
    fn is_wrapped(&self) -> bool {
        self.run >= SURE && self.look.is_some_and(|look| look != Framing::Bare)
    }
}

/// What a frame looks like by itself; none where it looks like nothing.
fn looks_like(frame: &[u8]) -> Option<Framing> {
    let fits = |framing: Framing| match framing.unwrap(frame) {
        Ok(Unwrapped::Sound(packet)) => is_opus(packet) || (packet.len() >= PCM && packet.len().is_multiple_of(2)),
        Ok(Unwrapped::Text(text)) => text.starts_with(b"{"),
        Err(_) => false,
    };
    if fits(Framing::Timed) {
        return Some(Framing::Timed);
    }
    // The reserved byte is 0 in all firmware.
    if frame.get(1) == Some(&0) && fits(Framing::Short) {
        return Some(Framing::Short);
    }
    is_opus(frame).then_some(Framing::Bare)
}

#[cfg(test)]
mod tests;
