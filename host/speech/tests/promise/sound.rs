//! Properties of the audio readers for arbitrary bytes: binary frames of a device, Opus and PCM packets, and frames of
//! a recogniser; used by the corpus test and by the fuzz target `sound`. Rule: an unwrapped payload lies within its
//! frame, decoded audio is bounded, and a decoder still works after malformed input.

use modehost_protocol::{AudioFormat, Codec, Framing, Payload};
use modehost_speech::asr::doubao::frame;
use modehost_speech::decode::Decoder;

/// 120 ms at 16 kHz.
const LONGEST: usize = 1920;
/// Maximum of a decompressed response.
const UNPACKED: usize = 1024 * 1024;

/// # Panics
/// If a property does not hold.
pub fn keeps(bytes: &[u8]) {
    for framing in [Framing::Bare, Framing::Timestamped, Framing::Short] {
        if let Ok(Payload::Audio(packet) | Payload::Text(packet)) = framing.parse(bytes) {
            assert!(packet.len() <= bytes.len());
        }
        let wrapped = framing.frame(bytes.to_vec(), 7);
        if !bytes.is_empty() && bytes.len() <= usize::from(u16::MAX) {
            assert_eq!(framing.parse(&wrapped), Ok(Payload::Audio(bytes)));
        }
    }
    if let Ok(frame::Reply::Result(json, _)) = frame::reply(bytes) {
        assert!(json.len() <= UNPACKED.max(bytes.len()));
    }
    // Packets of a few bytes each, for one decoder.
    let mut opus = Decoder::new(AudioFormat::default());
    let mut pcm = Decoder::new(AudioFormat { codec: Codec::Pcm, sample_rate: 44_100 });
    let length = bytes.first().map_or(1, |first| usize::from(*first) + 1);
    for packet in bytes.chunks(length) {
        let mut sound = Vec::new();
        let _ = opus.decode(packet, &mut sound);
        assert!(sound.len() <= LONGEST);
        let _ = pcm.decode(packet, &mut sound);
    }
}
