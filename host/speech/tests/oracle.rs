//! Our Opus codec against libopus, with real speech: each decodes the packets of the other to the same samples, and
//! both agree on which damaged packets are errors. Rule: libopus is the reference.
//!
//! `cargo test -p modehost-speech --features oracle --test oracle`; needs cmake.

use opus_pure::{MAX_PACKET_BYTES, OpusDecoder, OpusEncoder};

/// Maximum difference of a sample from libopus, of 65,536 steps: rounding of the last step, and more where an encoder
/// changes its mode, as libopus does now and then at 64 kbit/s (3 observed there, else 1).
const ROUNDING: i32 = 4;

fn recording(name: &str) -> Vec<i16> {
    let path = format!("{}/../../tests/recordings/{name}.wav", env!("CARGO_MANIFEST_DIR"));
    let mut reader = hound::WavReader::open(&path).expect("a recording");
    reader.samples().map(|sample| sample.expect("a sample")).collect()
}

/// All recordings, at this rate.
fn speech(rate: u32) -> Vec<i16> {
    let all: Vec<i16> =
        ["refresh-tasks", "weather", "two-sentences", "mark-done"].into_iter().flat_map(recording).collect();
    let mut resample = modehost_speech::resample::Resample::new(16_000, rate);
    let mut out = Vec::new();
    resample.push(&all, &mut out);
    resample.finish(&mut out);
    out
}

fn encode_with_ours(pcm: &[i16], rate: u32, frame: usize, bitrate: i32) -> Vec<Vec<u8>> {
    let mut encoder = OpusEncoder::new(rate as i32, 1, opus_pure::Application::Voip).expect("an encoder");
    encoder.bitrate_bps = bitrate;
    encoder.complexity = 1;
    let encode = |block: &[i16]| {
        let mut packet = vec![0; MAX_PACKET_BYTES];
        let length = encoder.encode_s16(block, frame, &mut packet).expect("encodes");
        packet.truncate(length);
        packet
    };
    pcm.chunks_exact(frame).map(encode).collect()
}

fn encode_with_libopus(pcm: &[i16], rate: u32, frame: usize, bitrate: i32) -> Vec<Vec<u8>> {
    let mut encoder = opus::Encoder::new(rate, opus::Channels::Mono, opus::Application::Voip).expect("an encoder");
    encoder.set_bitrate(opus::Bitrate::Bits(bitrate)).expect("a bit rate");
    pcm.chunks_exact(frame).map(|block| encoder.encode_vec(block, 4000).expect("encodes")).collect()
}

/// Samples, or none where the decoder rejected the packet.
type Sound = Option<Vec<i16>>;

/// The output of both decoders: ours and theirs.
fn decoded(packets: &[Vec<u8>], rate: u32) -> Vec<(Sound, Sound)> {
    let longest = (rate as usize) * 120 / 1000;
    let mut ours = OpusDecoder::new(rate as i32, 1).expect("a decoder");
    let mut theirs = opus::Decoder::new(rate, opus::Channels::Mono).expect("a decoder");
    let one = |packet: &Vec<u8>| {
        let (mut one, mut other) = (vec![0; longest], vec![0; longest]);
        let ours = ours.decode_s16(packet, longest, &mut one).ok().map(|samples| one[..samples].to_vec());
        let theirs = theirs.decode(packet, &mut other, false).ok().map(|samples| other[..samples].to_vec());
        (ours, theirs)
    };
    packets.iter().map(one).collect()
}

#[test]
fn speech_sounds_the_same_by_both_ways_and_both_decoders() {
    for rate in [16_000, 24_000, 48_000] {
        let pcm = speech(rate);
        for ms in [20, 40, 60] {
            let frame = rate as usize * ms / 1000;
            for bitrate in [12_000, 24_000, 64_000] {
                for (who, packets) in [
                    ("ours", encode_with_ours(&pcm, rate, frame, bitrate)),
                    ("theirs", encode_with_libopus(&pcm, rate, frame, bitrate)),
                ] {
                    let shown = format!("{who} at {rate} Hz, {ms} ms, {bitrate} bit/s");
                    for (number, (ours, theirs)) in decoded(&packets, rate).into_iter().enumerate() {
                        let (ours, theirs) = (ours.expect("ours"), theirs.expect("theirs"));
                        assert_eq!(ours.len(), theirs.len(), "{shown}, packet {number}");
                        let far =
                            ours.iter().zip(&theirs).map(|(one, other)| (i32::from(*one) - i32::from(*other)).abs());
                        assert!(far.max() <= Some(ROUNDING), "{shown}, packet {number}");
                    }
                }
            }
        }
    }
}

#[test]
fn damaged_packets_are_an_error_to_both_or_to_none() {
    let mut random = fastrand::Rng::with_seed(17);
    let good = encode_with_libopus(&speech(16_000), 16_000, 960, 24_000);
    let mut errors = 0;
    for round in 0..200 {
        let mut packets = good.clone();
        for packet in &mut packets {
            match random.u8(..4) {
                0 => packet.truncate(random.usize(..packet.len())),
                1 => {
                    let at = random.usize(..packet.len());
                    packet[at] = random.u8(..);
                }
                2 => *packet = (0..random.usize(1..60)).map(|_| random.u8(..)).collect(),
                _ => {}
            }
        }
        for (number, (ours, theirs)) in decoded(&packets, 16_000).into_iter().enumerate() {
            // An empty packet means packet loss to libopus; our decoder skips it earlier.
            if packets[number].is_empty() {
                continue;
            }
            errors += usize::from(theirs.is_none());
            assert_eq!(ours.is_some(), theirs.is_some(), "round {round}, packet {number}: {:02x?}", packets[number]);
        }
    }
    assert!(errors > 100, "{errors} errors are too few for a conclusion");
}
