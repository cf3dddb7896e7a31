//! Packets of every Opus mode, and packets of another codec than announced. Rule: the packets are produced by a real
//! encoder from real speech; each is decoded to its length or skipped, and the next packet is decoded as usual.

use modehost_protocol::{AudioFormat, Codec, Framing, FramingDetector, Payload, opus::is_opus};
use modehost_speech::decode::{Decoder, SkipReason};
use modehost_speech::resample::Resample;
use opus_pure::{Application, MAX_PACKET_BYTES, OpusEncoder, Repacketizer};

const OPUS: AudioFormat = AudioFormat { codec: Codec::Opus, sample_rate: 16_000 };
/// Packet lengths, in tenths of a ms.
const LENGTHS: [usize; 8] = [25, 50, 100, 200, 400, 600, 800, 1200];

/// Speech with a pause before and behind it.
fn speech(rate: u32) -> Vec<i16> {
    let path = format!("{}/../../tests/recordings/mark-done.wav", env!("CARGO_MANIFEST_DIR"));
    let mut reader = hound::WavReader::open(&path).expect("a recording");
    let pcm: Vec<i16> = reader.samples().map(|sample| sample.expect("a sample")).collect();
    let (mut resample, mut out) = (Resample::new(16_000, rate), Vec::new());
    resample.push(&[&[0; 4800][..], &pcm, &[0; 9600]].concat(), &mut out);
    resample.finish(&mut out);
    out
}

/// Packets of speech with pauses, encoded with these settings.
fn encode(rate: u32, channels: usize, tenths: usize, application: Application, dtx: bool) -> Vec<Vec<u8>> {
    let mut encoder = OpusEncoder::new(rate as i32, channels, application).expect("an encoder");
    encoder.use_dtx = dtx;
    encoder.complexity = 1;
    encoder.bitrate_bps = 24_000 * channels as i32;
    let frame = rate as usize * tenths / 10_000;
    let pcm: Vec<i16> = speech(rate).iter().flat_map(|sample| vec![*sample; channels]).collect();
    let packet = |block: &[i16]| {
        let mut packet = vec![0; MAX_PACKET_BYTES];
        let length = encoder.encode_s16(block, frame, &mut packet).expect("encodes");
        packet.truncate(length);
        packet
    };
    pcm.chunks_exact(frame * channels).map(packet).filter(|packet| !packet.is_empty()).collect()
}

/// Packets that a device may send: a description, the length of a packet in tenths of a ms, and the packets.
fn kinds() -> Vec<(String, usize, Vec<Vec<u8>>)> {
    let mut kinds = Vec::new();
    for rate in [8_000, 16_000, 48_000] {
        for channels in [1, 2] {
            for tenths in LENGTHS {
                for (application, dtx) in [(Application::Voip, true), (Application::Audio, false)] {
                    let name = format!("{rate} Hz, {channels} channels, {tenths}/10 ms, {application:?}, dtx {dtx}");
                    kinds.push((name, tenths, encode(rate, channels, tenths, application, dtx)));
                }
            }
        }
    }
    kinds
}

#[test]
fn a6_packets_of_every_kind_are_decoded_to_their_length_and_none_misleads_about_the_framing() {
    for (name, tenths, packets) in kinds() {
        let mut decoder = Decoder::new(OPUS);
        for (number, packet) in packets.iter().enumerate() {
            assert!(is_opus(packet), "{name}, {number}: {packet:02x?}");
            let mut pcm = Vec::new();
            assert_eq!(decoder.decode(packet, &mut pcm), Ok(()), "{name}, {number}");
            assert_eq!(pcm.len(), 16 * tenths / 10, "{name}, {number}");
        }
        assert_eq!(decoder.take_unreadable(), None, "{name}");
        for framing in [Framing::Bare, Framing::Timestamped, Framing::Short] {
            let mut evidence = FramingDetector::new(None);
            evidence.on_hello(Some(3), Codec::Opus);
            for (number, packet) in packets.iter().enumerate() {
                let frame = framing.frame(packet.clone(), 60);
                assert_eq!(evidence.unwrap(&frame), Ok(Payload::Audio(packet)), "{name}, {framing:?}, {number}");
                assert_eq!(evidence.framing(), framing, "{name}, {framing:?}, {number}");
            }
        }
    }
}

#[test]
fn a6_several_frames_in_one_packet_are_decoded() {
    for (rate, tenths, count) in
        [(16_000, 200, 2), (16_000, 200, 3), (16_000, 200, 6), (48_000, 25, 48), (48_000, 100, 5)]
    {
        let packets = encode(rate, 1, tenths, Application::Voip, false);
        let (mut alone, mut joined) = (Vec::new(), Vec::new());
        let (mut one, mut other) = (Decoder::new(OPUS), Decoder::new(OPUS));
        for group in packets.chunks_exact(count) {
            let mut repacketizer = Repacketizer::new();
            if group.iter().any(|packet| repacketizer.cat(packet).is_err()) {
                // The encoder has changed its mode, and one packet cannot contain two modes.
                continue;
            }
            let packet = repacketizer.out().expect("a packet");
            assert!(is_opus(&packet));
            let (before, code) = (joined.len(), packet[0] & 3);
            assert_eq!(other.decode(&packet, &mut joined), Ok(()), "{count} of {tenths}/10 ms, code {code}");
            assert_eq!(joined.len() - before, 16 * tenths * count / 10);
            group.iter().for_each(|packet| one.decode(packet, &mut alone).expect("decodes"));
        }
        assert!(joined.len() > 8_000 && joined == alone, "{count} of {tenths}/10 ms: the same sound");
    }
}

#[test]
fn a6_what_is_no_packet_is_skipped_and_the_next_one_is_decoded() {
    let packets = encode(16_000, 1, 600, Application::Voip, false);
    let mut decoder = Decoder::new(OPUS);
    for (bad, why) in [
        (vec![], SkipReason::Empty),
        (vec![0x5b], SkipReason::Damaged),
        (vec![0x5a], SkipReason::Damaged),
        (vec![0x59, 1], SkipReason::Damaged),
        (vec![0x5b, 0], SkipReason::Damaged),
        (vec![0x5b, 3, 1, 2, 3], SkipReason::Damaged),
        (vec![0x58; 1277], SkipReason::Damaged),
        (vec![0xff; 9000], SkipReason::TooLarge),
    ] {
        let mut pcm = Vec::new();
        assert_eq!(decoder.decode(&bad, &mut pcm), Err(why), "{:02x?}", &bad[..bad.len().min(8)]);
        assert!(pcm.is_empty());
        for packet in &packets[..3] {
            assert_eq!(decoder.decode(packet, &mut pcm), Ok(()));
        }
        assert_eq!(pcm.len(), 3 * 960);
    }
    // A single byte represents a frame that was not sent, in any mode.
    for toc in (0..=255_u8).filter(|toc| toc & 3 == 0) {
        let mut pcm = Vec::new();
        assert_eq!(decoder.decode(&[toc], &mut pcm), Ok(()), "{toc:02x}");
        assert!((40..=960).contains(&pcm.len()), "{toc:02x}");
    }
}

#[test]
fn a11_what_cannot_be_decoded_is_noticed_once() {
    let mut decoder = Decoder::new(OPUS);
    let mut reported = Vec::new();
    for number in 0..60 {
        let _ = decoder.decode(&[0x5b, 0, number], &mut Vec::new());
        reported.extend(decoder.take_unreadable().map(|codec| (number, codec)));
    }
    assert_eq!(reported, [(19, Codec::Opus)]);
    let good = encode(16_000, 1, 600, Application::Voip, false);
    let mut decoder = Decoder::new(OPUS);
    for number in 0..200 {
        let packet = if number % 20 == 19 { &good[0][..] } else { &[0x5b, 0] };
        let _ = decoder.decode(packet, &mut Vec::new());
        assert_eq!(decoder.take_unreadable(), None, "one in twenty is enough");
    }
}

/// Duration of the decoded audio in ms, where a device announces `format` and sends these packets.
fn decoded(format: AudioFormat, packets: &[Vec<u8>]) -> usize {
    let (mut decoder, mut pcm) = (Decoder::new(format), Vec::new());
    for packet in packets {
        let _ = decoder.decode(packet, &mut pcm);
    }
    pcm.len() / 16
}

#[test]
fn a11_pcm_that_is_opus_and_opus_that_is_pcm_are_found_out() {
    for rate in [16_000, 24_000, 48_000] {
        let ms = speech(rate).len() * 1000 / rate as usize;
        for frame in [20, 60] {
            let pcm: Vec<Vec<u8>> = speech(rate)
                .chunks_exact(rate as usize * frame / 1000)
                .map(|frame| frame.iter().flat_map(|sample| sample.to_le_bytes()).collect())
                .collect();
            let decoded_ms = decoded(AudioFormat { codec: Codec::Opus, sample_rate: rate }, &pcm);
            // Its pauses are silence in both codecs, and need not be exact.
            assert!(decoded_ms.abs_diff(ms) < 1000, "{rate} Hz, {frame} ms as Opus: {decoded_ms} of {ms} ms");
            let opus = encode(rate, 1, frame * 10, Application::Voip, false);
            let decoded_ms = decoded(AudioFormat { codec: Codec::Pcm, sample_rate: rate }, &opus);
            assert!(decoded_ms.abs_diff(ms) < 1000, "Opus of {rate} Hz, {frame} ms as PCM: {decoded_ms} of {ms} ms");
            // Correctly announced packets keep their codec.
            let right = decoded(AudioFormat { codec: Codec::Pcm, sample_rate: rate }, &pcm);
            assert!(right.abs_diff(ms) < 60, "{right} of {ms} ms");
        }
    }
}

#[test]
fn a11_opus_at_the_rate_of_pcm_stays_opus() {
    for (rate, ms, bitrate) in [(16_000, 20, 128_000), (16_000, 60, 128_000), (48_000, 20, 256_000)] {
        let mut encoder = OpusEncoder::new(rate, 1, Application::Audio).expect("an encoder");
        encoder.bitrate_bps = bitrate;
        encoder.rate_control = opus_pure::RateControl::Cbr;
        let (mut decoder, mut pcm) =
            (Decoder::new(AudioFormat { codec: Codec::Opus, sample_rate: rate as u32 }), Vec::new());
        let speech = speech(rate as u32);
        let frame = rate as usize * ms / 1000;
        for block in speech.chunks_exact(frame) {
            let mut packet = vec![0; MAX_PACKET_BYTES];
            let length = encoder.encode_s16(block, frame, &mut packet).expect("encodes");
            assert_eq!(decoder.decode(&packet[..length], &mut pcm), Ok(()), "{rate} Hz, {ms} ms");
        }
        assert_eq!(pcm.len(), speech.len() / frame * ms * 16, "{rate} Hz, {ms} ms, {bitrate} bit/s");
    }
}
