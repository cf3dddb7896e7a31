//! Audio of every format, generated from one tone. Rule: the output has the pitch, the length and the level of the
//! tone, however it was encoded and split.

use super::samples::Sample;
use super::*;
use crate::fault::FaultKind;

/// A second of a tone.
fn tone(rate: u32) -> Vec<f64> {
    (0..rate).map(|at| (f64::from(at) / f64::from(rate) * 440.0 * std::f64::consts::TAU).sin() * 0.4).collect()
}

/// Samples encoded in this format, the same in each channel.
fn bytes(sound: &[f64], sample: Sample, channels: u16) -> Vec<u8> {
    let encode = |value: f64| match sample {
        Sample::U8 => vec![(value * 127.0 + 128.0) as u8],
        Sample::S16 => ((value * 32_767.0) as i16).to_le_bytes().to_vec(),
        Sample::S24 => ((value * 8_388_607.0) as i32).to_le_bytes()[..3].to_vec(),
        Sample::S32 => ((value * 2_147_483_647.0) as i32).to_le_bytes().to_vec(),
        Sample::F32 => (value as f32).to_le_bytes().to_vec(),
        Sample::F64 => value.to_le_bytes().to_vec(),
    };
    sound.iter().flat_map(|value| encode(*value).repeat(channels.into())).collect()
}

/// A WAV header: chunks before the format, and the declared length.
fn head(before: &[u8], format: Format, extensible: bool, length: u32) -> Vec<u8> {
    let (size, float) = match format.sample {
        Sample::U8 => (1, false),
        Sample::S16 => (2, false),
        Sample::S24 => (3, false),
        Sample::S32 => (4, false),
        Sample::F32 => (4, true),
        Sample::F64 => (8, true),
    };
    let tag: u16 = if float { 3 } else { 1 };
    let mut head = [b"RIFF\xff\xff\xff\xffWAVE".as_slice(), before, b"fmt "].concat();
    head.extend(if extensible { 40_u32 } else { 16 }.to_le_bytes());
    head.extend([if extensible { 0xfffe } else { tag }, format.channels].iter().flat_map(|short| short.to_le_bytes()));
    head.extend(format.rate.to_le_bytes());
    head.extend((format.rate * u32::from(format.channels) * size).to_le_bytes());
    head.extend([size as u16 * format.channels, size as u16 * 8].iter().flat_map(|short| short.to_le_bytes()));
    if extensible {
        head.extend([22_u16, size as u16 * 8, 3, 0, tag].iter().flat_map(|short| short.to_le_bytes()));
        head.extend(b"\0\0\0\0\x10\0\x80\0\0\xaa\0\x38\x9b\x71");
    }
    head.extend(b"data");
    head.extend(length.to_le_bytes());
    head
}

/// Decodes a response in chunks of this length to 24 kHz.
fn play(response: &[u8], content_type: &str, chunk: usize) -> Result<Vec<i16>, Fault> {
    let (mut sound, mut pcm) = (AudioDecoder::new("x", content_type, Format::mono(24_000)), Vec::new());
    for chunk in response.chunks(chunk) {
        pcm.extend(sound.push(chunk)?);
    }
    pcm.extend(sound.end()?);
    Ok(pcm)
}

/// Fails the test where this is not a second of the tone at 24 kHz.
fn assert_tone(pcm: &[i16], shown: &str) {
    // The delay of an encoder is trimmed at the start.
    assert!((23_800..=24_001).contains(&pcm.len()), "{shown}: {} samples", pcm.len());
    let crossings = pcm.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    assert!((435..=443).contains(&crossings), "{shown}: {crossings} Hz");
    let loudest = pcm[2_000..22_000].iter().map(|sample| sample.unsigned_abs()).max();
    assert!(loudest.is_some_and(|loudest| (12_000..14_500).contains(&loudest)), "{shown}: {loudest:?}");
}

const SAMPLES: [Sample; 6] = [Sample::U8, Sample::S16, Sample::S24, Sample::S32, Sample::F32, Sample::F64];

#[test]
fn a8_wav_files_of_every_rate_and_format_are_played_at_their_pitch() {
    for rate in [8_000, 11_025, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000] {
        for sample in SAMPLES {
            for channels in [1, 2] {
                let format = Format { rate, channels, sample };
                let sound = bytes(&tone(rate), sample, channels);
                let lengths = [(false, sound.len() as u32), (true, 0), (false, u32::MAX)];
                // One length per rate, in turn.
                let (extensible, length) = lengths[(rate / 25 + u32::from(channels)) as usize % 3];
                let file = [head(&[], format, extensible, length), sound].concat();
                assert_tone(&play(&file, "audio/wav", 4_801).expect("sound"), &format!("{format:?}, {length}"));
            }
        }
    }
}

#[test]
fn a8_the_cuts_the_label_and_chunks_around_the_sound_make_no_difference() {
    let format = Format { rate: 16_000, channels: 2, sample: Sample::S16 };
    let sound = bytes(&tone(16_000), Sample::S16, 2);
    let large = [b"LIST\x01\x40\x01\0".as_slice(), &[7; 0x14001], b"\0"].concat();
    let named = b"LIST\x05\0\0\0abcde\0".as_slice();
    for before in [&[][..], named, &large] {
        let file = [&head(before, format, false, sound.len() as u32)[..], &sound, named, b"junk"].concat();
        for chunk in [1, 3, 63, 5_000, 1_000_000] {
            for label in ["audio/wav", "audio/pcm", "", "application/json", "audio/mpeg", "text/plain; charset=utf-8"] {
                if chunk < 63 && !label.is_empty() {
                    continue;
                }
                assert_tone(&play(&file, label, chunk).expect("sound"), &format!("{label}, {chunk}"));
            }
        }
    }
    // One file per sentence, concatenated.
    let half = sound.len() / 2;
    let file_of = |sound: &[u8]| [&head(named, format, false, sound.len() as u32)[..], sound].concat();
    let files = [file_of(&sound[..half]), file_of(&sound[half..])].concat();
    assert_tone(&play(&files, "audio/wav", 999).expect("sound"), "two files");
}

#[test]
fn a8_samples_are_what_their_content_type_says() {
    for (label, rate, channels, sample) in [
        ("audio/pcm", 24_000, 1, Sample::S16),
        ("", 24_000, 1, Sample::S16),
        ("audio/wav", 24_000, 1, Sample::S16),
        ("audio/pcm;rate=16000", 16_000, 1, Sample::S16),
        ("audio/pcm; rate=48000; channels=2", 48_000, 2, Sample::S16),
        ("Audio/L16; codec=pcm; Rate=\"8000\"", 8_000, 1, Sample::S16),
        ("audio/x-raw, format=F32LE, rate=44100, channels=1", 44_100, 1, Sample::F32),
        ("audio/pcm;sample_rate=22050;bits=32", 22_050, 1, Sample::S32),
        ("audio/l24;rate=32000;channels=2", 32_000, 2, Sample::S24),
        ("audio/pcm;rate=fast", 24_000, 1, Sample::S16),
    ] {
        let sound = bytes(&tone(rate), sample, channels);
        for chunk in [7, 3_333] {
            assert_tone(&play(&sound, label, chunk).expect(label), label);
        }
    }
    // A signal in one channel of two: half the level.
    let left: Vec<u8> =
        tone(24_000).iter().flat_map(|value| [bytes(&[*value], Sample::S16, 1), vec![0, 0]].concat()).collect();
    let pcm = play(&left, "audio/pcm;channels=2", 1000).expect("sound");
    assert!(pcm.iter().max().is_some_and(|loudest| (6_000..7_000).contains(loudest)));
}

fn mp3() -> Vec<u8> {
    std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/recordings/mark-done.mp3")).expect("a recording")
}

fn ogg(channels: u8) -> Vec<u8> {
    let mut encoder =
        opus_pure::OpusEncoder::new(48_000, channels.into(), opus_pure::Application::Audio).expect("an encoder");
    encoder.bitrate_bps = 96_000;
    let head = opus_pure::OpusHead::for_encoder(&encoder, 48_000);
    let mut writer = opus_pure::OggOpusWriter::new(Vec::new(), head).expect("a writer");
    let sound: Vec<f32> = tone(48_000).iter().flat_map(|value| vec![*value as f32; channels.into()]).collect();
    for frame in sound.chunks_exact(960 * usize::from(channels)) {
        let mut packet = vec![0; opus_pure::MAX_PACKET_BYTES];
        let length = encoder.encode(frame, 960, &mut packet).expect("encodes");
        writer.write_packet(&packet[..length]).expect("writes");
    }
    writer.finish().expect("a file")
}

#[test]
fn a8_mp3_is_played() {
    let tag = [b"ID3\x04\0\0\0\0\x10\x05".as_slice(), &[0xff; 0x805]].concat();
    for (file, label) in [
        (mp3(), "audio/mpeg"),
        (mp3(), "audio/mp3"),
        (mp3(), "application/octet-stream"),
        (mp3(), "audio/pcm"),
        ([tag.clone(), mp3()].concat(), "audio/mpeg"),
        ([tag, mp3()].concat(), ""),
        // From the middle of a frame, and damaged.
        (mp3()[100..].to_vec(), "audio/mpeg"),
    ] {
        for chunk in [1, 500, 100_000] {
            let pcm = play(&file, label, chunk).expect(label);
            // 827 ms, and the padding of encoder and decoder.
            assert!((19_000..24_000).contains(&pcm.len()), "{label}, {chunk}: {} samples", pcm.len());
            let loud = pcm.iter().filter(|sample| sample.unsigned_abs() > 1000).count();
            assert!(loud * 5 > pcm.len(), "{label}, {chunk}: {loud} of {} samples are loud", pcm.len());
        }
    }
}

#[test]
fn a8_opus_in_ogg_is_played() {
    for channels in [1, 2] {
        for (label, chunk) in
            [("audio/ogg; codecs=opus", 1), ("audio/ogg", 777), ("audio/pcm", 100_000), ("audio/opus", 50)]
        {
            assert_tone(
                &play(&ogg(channels), label, chunk).expect(label),
                &format!("{channels} channels, {label}, {chunk}"),
            );
        }
    }
}

#[test]
fn a8_sound_comes_before_the_answer_has_ended() {
    let wav = head(&[], Format::mono(48_000), false, 0);
    let long_mp3 = mp3().repeat(8);
    for (file, most) in
        [([wav, bytes(&tone(48_000), Sample::S16, 1)].concat(), 8_000), (ogg(1), 60_000), (long_mp3, 8_000)]
    {
        let mut sound = AudioDecoder::new("x", "", Format::mono(24_000));
        let mut consumed = 0;
        for chunk in file.chunks(500) {
            consumed += chunk.len();
            if !sound.push(chunk).expect("sound").is_empty() {
                break;
            }
        }
        assert!(consumed <= most && consumed < file.len(), "{consumed} of {} bytes", file.len());
    }
}

#[test]
fn a8_what_cannot_be_played_is_refused_with_what_it_is() {
    let mono = Format::mono(24_000);
    let of = |rate, channels, tag: u16, bits: u16| {
        let mut head = head(&[], Format { rate, channels, ..mono }, false, 100);
        head[20..22].copy_from_slice(&tag.to_le_bytes());
        head[32..34].copy_from_slice(&(bits.div_ceil(8) * channels).to_le_bytes());
        head[34..36].copy_from_slice(&bits.to_le_bytes());
        [head, vec![0; 100]].concat()
    };
    let noise: Vec<u8> = (0..100_000_u32).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8 & 0xfe).collect();
    let long = [b"RIFFxxxxWAVEJUNK\xff\xff\xff\x7f".as_slice(), &[0; 5000]].concat();
    for (response, label, word) in [
        (of(24_000, 1, 7, 8), "audio/wav", "format 7 with 8 bits"),
        (of(24_000, 1, 0x55, 0), "audio/wav", "format 85"),
        (of(100, 1, 1, 16), "audio/wav", "100 Hz"),
        (of(24_000, 99, 1, 16), "audio/wav", "99 channels"),
        (of(24_000, 0, 1, 16), "audio/wav", "channels"),
        (b"RIFFxxxxWAVEdata\0\0\0\0".to_vec(), "audio/wav", "format chunk"),
        (long, "audio/wav", "does not begin"),
        (head(&[], mono, false, 100)[..30].to_vec(), "audio/wav", "half of a WAV"),
        ([b"fLaC", &[0; 200][..]].concat(), "audio/pcm", "audio/flac"),
        ([b"\0\0\0\x20ftypM4A ", &[0; 200][..]].concat(), "", "audio/mp4"),
        ([b"\x1a\x45\xdf\xa3", &[0; 200][..]].concat(), "audio/pcm", "audio/webm"),
        ([b"OggS\0\x02", &[0; 20][..], b"\x01\x1e", b"\x01vorbis", &[0; 23][..], b"OggS"].concat(), "", "audio/ogg"),
        (noise.clone(), "audio/aac", "audio/aac"),
        (noise.clone(), "audio/flac", "audio/flac"),
        (noise, "audio/mpeg", "audio/mpeg"),
        (b"{\"error\":{\"message\":\"no such voice\"}}".to_vec(), "audio/pcm", "text"),
        (b"{\"error\":1}".to_vec(), "application/json", "text"),
        (b"<!DOCTYPE html><html>".to_vec(), "audio/mpeg", "text"),
        (b"event: error\ndata: {}\n\n".to_vec(), "", "text"),
        (vec![7; 500], "text/html", "text"),
    ] {
        for chunk in [1, 1000] {
            let fault = play(&response, label, chunk).expect_err(word);
            assert_eq!((fault.kind, fault.transient), (FaultKind::Malformed, false), "{word}: {fault}");
            assert!(fault.message.contains(word), "{word}: {fault}");
        }
    }
    // A response without audio may be a transient failure.
    for response in [vec![], head(&[], mono, false, 0)] {
        let fault = play(&response, "audio/wav", 10).expect_err("nothing");
        assert!(fault.transient, "{fault}");
    }
}

#[test]
fn a8_samples_that_look_like_something_else_are_played() {
    // Like the first sample of an MP3 frame, and like a bracket.
    for first in [[0xff, 0xfb], [0xff, 0xf3], [b'{', b'"'], [b'<', b'h'], [b'I', b'D']] {
        let mut sound = bytes(&tone(24_000), Sample::S16, 1);
        sound[..2].copy_from_slice(&first);
        sound[2..4].copy_from_slice(&[0x90, 0x64]);
        for chunk in [1, 100_000] {
            assert_tone(&play(&sound, "audio/pcm", chunk).expect("sound"), &format!("{first:02x?}"));
        }
    }
}

#[test]
fn a8_arbitrary_answers_do_no_harm() {
    let mut random = fastrand::Rng::with_seed(3);
    let format = Format { rate: 44_100, channels: 2, sample: Sample::S24 };
    let wav = [head(b"LIST\x04\0\0\0abcd", format, true, 50), vec![1; 60]].concat();
    for seed in [wav, ogg(1)[..2000].to_vec(), mp3()] {
        for _ in 0..150 {
            let mut file = seed.clone();
            for _ in 0..random.usize(1..8) {
                let at = random.usize(..file.len());
                file[at] = random.u8(..);
            }
            file.truncate(random.usize(..=file.len()));
            let _ = play(&file, "", random.usize(1..500));
        }
    }
}

#[test]
fn a8_sound_without_end_is_bounded() {
    let mut sound = AudioDecoder::new("x", "audio/pcm", Format::mono(24_000));
    let mut samples = 0;
    for _ in 0..950 {
        samples += sound.push(&[1; 16 * 1024]).expect("sound").len();
    }
    assert!(sound.is_full() && samples * 2 <= limits::SENTENCE_AUDIO_BYTES + 16 * 1024, "{samples}");
}
