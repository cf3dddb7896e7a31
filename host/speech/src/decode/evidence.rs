//! Whether packets are of the codec that was announced. Rule: the other codec is taken only where the
//! packets cannot be what was said: PCM comes in even pieces of a few lengths, and no Opus is as long as
//! the PCM of the same time.

use modehost_protocol::opus::is_opus;
use modehost_protocol::{AudioFormat, Codec};

/// Packets in a row that contradict what was announced.
const SURE: u32 = 5;
/// Lengths of frames of PCM, in ms.
const FRAMES: [u32; 8] = [10, 20, 30, 40, 60, 80, 100, 120];
/// PCM that is shorter than this is sent by nobody, in ms.
const SHORT: usize = 5;

/// What the packets of one stream looked like.
#[derive(Default)]
pub(super) struct Evidence {
    against: u32,
    /// Length and first byte of the last packet.
    last: Option<(usize, u8)>,
}

impl Evidence {
    /// Looks at the next packet. Gives the other codec once it is plain that it is that.
    pub(super) fn weigh(&mut self, format: AudioFormat, packet: &[u8]) -> Option<Codec> {
        let first = packet.first()?;
        let last = self.last.replace((packet.len(), *first));
        let contradicts = match format.codec {
            Codec::Pcm => is_no_pcm(packet, format.sample_rate),
            Codec::Opus => last.and_then(|last| is_no_opus(packet, last, format.sample_rate)),
        };
        match contradicts {
            Some(true) => self.against += 1,
            Some(false) => self.against = 0,
            None => {}
        }
        if self.against < SURE {
            return None;
        }
        self.against = 0;
        Some(if format.codec == Codec::Pcm { Codec::Opus } else { Codec::Pcm })
    }
}

/// None where it may be either.
fn is_no_pcm(packet: &[u8], rate: u32) -> Option<bool> {
    let short = packet.len() * 1000 < SHORT * 2 * rate as usize;
    match is_opus(packet) {
        true if short || packet.len() % 2 == 1 => Some(true),
        true => None,
        false => Some(false),
    }
}

fn is_no_opus(packet: &[u8], (length, first): (usize, u8), rate: u32) -> Option<bool> {
    let has_length = |ms: &u32| (rate * ms / 1000 * 2) as usize == packet.len();
    // An encoder seldom changes its mode; the lowest byte of a sample is another each time.
    let same_mode = is_opus(packet) && packet.first().is_some_and(|byte| byte >> 3 == first >> 3);
    match packet.len() == length && FRAMES.iter().any(has_length) {
        true if !same_mode => Some(true),
        // So is silence in PCM.
        true if first == 0 => None,
        _ => Some(false),
    }
}
