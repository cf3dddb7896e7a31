//! Detects packets of a codec other than the announced one. Rule: the codec changes only where the packets cannot be of
//! the announced one: PCM has an even length out of a few, and no Opus packet is as long as PCM of the same duration.

use modehost_protocol::opus::is_opus;
use modehost_protocol::{AudioFormat, Codec};

/// Consecutive packets that contradict the announced codec before it is changed.
const REQUIRED: u32 = 5;
/// Usual lengths of PCM frames, in ms.
const FRAMES_MS: [u32; 8] = [10, 20, 30, 40, 60, 80, 100, 120];
/// No device sends PCM frames shorter than this, in ms.
const MIN_PCM_MS: usize = 5;

/// Statistics of the packets of one stream.
#[derive(Default)]
pub(super) struct Evidence {
    contradictions: u32,
    /// Length and first byte of the last packet.
    last: Option<(usize, u8)>,
}

impl Evidence {
    /// Records a packet. Returns the other codec once the packets prove it.
    pub(super) fn observe(&mut self, format: AudioFormat, packet: &[u8]) -> Option<Codec> {
        let first = packet.first()?;
        let last = self.last.replace((packet.len(), *first));
        let contradicts = match format.codec {
            Codec::Pcm => contradicts_pcm(packet, format.sample_rate),
            Codec::Opus => last.and_then(|last| contradicts_opus(packet, last, format.sample_rate)),
        };
        match contradicts {
            Some(true) => self.contradictions += 1,
            Some(false) => self.contradictions = 0,
            None => {}
        }
        if self.contradictions < REQUIRED {
            return None;
        }
        self.contradictions = 0;
        Some(if format.codec == Codec::Pcm { Codec::Opus } else { Codec::Pcm })
    }
}

/// None where the packet fits both codecs.
fn contradicts_pcm(packet: &[u8], rate: u32) -> Option<bool> {
    let short = packet.len() * 1000 < MIN_PCM_MS * 2 * rate as usize;
    match is_opus(packet) {
        true if short || packet.len() % 2 == 1 => Some(true),
        true => None,
        false => Some(false),
    }
}

fn contradicts_opus(packet: &[u8], (length, first): (usize, u8), rate: u32) -> Option<bool> {
    let has_length = |ms: &u32| (rate * ms / 1000 * 2) as usize == packet.len();
    // An encoder seldom changes its mode, while the low byte of a sample varies.
    let same_mode = is_opus(packet) && packet.first().is_some_and(|byte| byte >> 3 == first >> 3);
    match packet.len() == length && FRAMES_MS.iter().any(has_length) {
        true if !same_mode => Some(true),
        // Also true of silence in PCM.
        true if first == 0 => None,
        _ => Some(false),
    }
}
