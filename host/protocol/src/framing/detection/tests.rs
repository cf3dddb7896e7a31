//! Frames of every framing, with and without a version in the handshake. Rule: the detector never concludes more than
//! the frames show.

use super::*;

/// A packet as firmware sends it: wideband, 60 ms, of varying length.
fn packet(number: u8) -> Vec<u8> {
    [&[0x58][..], &vec![number.wrapping_mul(37); 60 + usize::from(number % 50)]].concat()
}

/// The payloads parsed from frames; `None` for a malformed one.
fn payloads(evidence: &mut FramingDetector, frames: &[Vec<u8>]) -> Vec<Option<Vec<u8>>> {
    let payload = |unwrapped| match unwrapped {
        Ok(Payload::Audio(packet) | Payload::Text(packet)) => Some(packet.to_vec()),
        Err(_) => None,
    };
    frames.iter().map(|frame| payload(evidence.unwrap(frame))).collect()
}

#[test]
fn a11_without_a_header_the_frames_decide_from_the_first_on() {
    for framing in [Framing::Bare, Framing::Timestamped, Framing::Short] {
        for hello in [None, Some(1), Some(2), Some(3), Some(9)] {
            let mut evidence = FramingDetector::new(None);
            assert_eq!(evidence.on_hello(hello, Codec::Opus), None);
            assert_eq!(evidence.framing(), Framing::Bare, "before the first frame");
            let packets: Vec<Vec<u8>> = (0..30).map(packet).collect();
            let frames: Vec<Vec<u8>> = packets.iter().map(|packet| framing.frame(packet.clone(), 7)).collect();
            let expected: Vec<_> = packets.into_iter().map(Some).collect();
            assert_eq!(payloads(&mut evidence, &frames), expected, "{framing:?}, hello says {hello:?}");
            assert_eq!(evidence.framing(), framing);
            assert!(!evidence.take_unreadable());
        }
    }
}

#[test]
fn a11_a_bare_packet_that_looks_wrapped_by_chance_misleads_nobody() {
    // Narrowband of 10 ms whose next bytes happen to match its length.
    let chance = |length: u8| [&[0, 0, 0, length][..], &vec![0x55; length.into()]].concat();
    let bare = |number: u8| [&[0][..], &[number | 1; 20]].concat();
    for begin in 0..3 {
        let mut evidence = FramingDetector::new(None);
        for number in 0..begin {
            let _ = evidence.unwrap(&bare(number));
        }
        let _ = evidence.unwrap(&chance(9));
        let rest: Vec<Vec<u8>> = (0..10).map(bare).collect();
        let expected: Vec<_> = rest.iter().cloned().map(Some).collect();
        assert_eq!(payloads(&mut evidence, &rest), expected, "after {begin} packets");
        assert_eq!(evidence.framing(), Framing::Bare);
        // By now a single frame changes nothing.
        assert_eq!(evidence.unwrap(&chance(9)), Ok(Payload::Audio(&chance(9))));
    }
}

#[test]
fn a11_damaged_frames_do_not_change_a_framing_that_is_settled() {
    let mut evidence = FramingDetector::new(None);
    let good = |number| Framing::Short.frame(packet(number), 0);
    for number in 0..5 {
        assert!(evidence.unwrap(&good(number)).is_ok());
    }
    for bad in [vec![], vec![0], vec![0, 0, 9, 9, 1], vec![9, 0, 0, 1, 1], vec![0xff; 3000]] {
        assert!(evidence.unwrap(&bad).is_err(), "{bad:02x?}");
        assert!(evidence.unwrap(&good(7)).is_ok());
    }
}

#[test]
fn a11_what_the_handshake_names_holds_and_what_cannot_be_read_is_told_once() {
    for (version, sent) in [
        (1, Framing::Short),
        (1, Framing::Timestamped),
        (2, Framing::Bare),
        (3, Framing::Bare),
        (3, Framing::Timestamped),
    ] {
        let mut evidence = FramingDetector::new(Some(version));
        let mut reported = Vec::new();
        for number in 0..60 {
            let _ = evidence.unwrap(&sent.frame(packet(number), 5));
            if evidence.take_unreadable() {
                reported.push(number);
            }
        }
        assert_eq!(reported.len(), 1, "version {version}, sent {sent:?}");
        assert!((19..=22).contains(&reported[0]), "{reported:?}");
        assert_eq!(Some(evidence.framing()), Framing::of_version(version));
    }
}

#[test]
fn a11_one_frame_that_can_be_read_is_enough() {
    let mut evidence = FramingDetector::new(Some(3));
    for number in 0..100 {
        let frame = if number % 19 == 0 { Framing::Short.frame(packet(number), 0) } else { packet(number) };
        let _ = evidence.unwrap(&frame);
        assert!(!evidence.take_unreadable(), "{number}");
    }
}

#[test]
fn a11_a_hello_that_contradicts_the_handshake_is_noticed() {
    let mut evidence = FramingDetector::new(Some(2));
    assert_eq!(evidence.on_hello(Some(3), Codec::Opus), Some(Framing::Timestamped));
    assert_eq!(evidence.on_hello(Some(2), Codec::Pcm), None);
    assert_eq!((evidence.codec(), evidence.framing()), (Codec::Pcm, Framing::Timestamped));
}

#[test]
fn a11_bare_pcm_is_no_header() {
    for level in [0_i16, 1, 300, -300] {
        let mut random = fastrand::Rng::with_seed(4);
        let mut evidence = FramingDetector::new(None);
        evidence.on_hello(Some(3), Codec::Pcm);
        for _ in 0..500 {
            let noise = |_| random.i16(-level.abs()..=level.abs());
            let frame: Vec<u8> = (0..960).map(noise).flat_map(i16::to_le_bytes).collect();
            assert_eq!(evidence.unwrap(&frame), Ok(Payload::Audio(&frame)), "level {level}");
        }
        assert_eq!(evidence.framing(), Framing::Bare);
    }
}
