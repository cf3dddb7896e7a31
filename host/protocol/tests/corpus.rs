//! Corpus inputs and mutations of them for the parsers of device frames. Rule: any input yields a message or an error,
//! neither of which is larger than the input.

use modehost_corpus::Corpus;
use modehost_protocol::{Codec, Framing, FramingDetector, Hello, Payload};

#[path = "promise/messages.rs"]
mod messages;

fn open(reader: &str) -> Corpus {
    Corpus::open(env!("CARGO_MANIFEST_DIR"), reader)
}

#[test]
fn c10_messages_are_taken_or_refused() {
    open("messages").keeps(messages::keeps);
}

#[test]
fn c10_a_hello_is_always_read() {
    open("hello").keeps(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let hello = Hello::parse(&text);
        assert_eq!(*hello.body, *text);
        assert!((8_000..=48_000).contains(&hello.audio.sample_rate), "{:?}", hello.audio);
        assert!(hello.audio_error.is_none_or(|text| (1..1024).contains(&text.len())));
    });
}

#[test]
fn a6_frames_are_unwrapped_within_themselves() {
    open("framing").keeps(|bytes| {
        for framing in [Framing::Bare, Framing::Timestamped, Framing::Short] {
            let Ok(unwrapped) = framing.parse(bytes) else { continue };
            let (Payload::Audio(payload) | Payload::Text(payload)) = unwrapped;
            assert!(bytes.ends_with(payload));
            if let Payload::Audio(packet) = unwrapped {
                let again = framing.frame(packet.to_vec(), 7);
                assert_eq!(framing.parse(&again), Ok(unwrapped), "{framing:?}");
            }
        }
        // The same bytes as many short frames of one connection.
        for version in [None, Some(1), Some(2), Some(3), Some(u64::MAX)] {
            let mut evidence = FramingDetector::new(version);
            evidence.on_hello(Some(2), Codec::Opus);
            let mut reported = 0;
            for frame in bytes.chunks(bytes.first().map_or(1, |first| usize::from(*first % 40) + 1)) {
                if let Ok(Payload::Audio(payload) | Payload::Text(payload)) = evidence.unwrap(frame) {
                    assert!(frame.ends_with(payload));
                }
                reported += usize::from(evidence.take_unreadable());
            }
            assert!(reported <= 1, "it is reported once");
        }
    });
}
