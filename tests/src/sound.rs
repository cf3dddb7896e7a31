//! Device audio: recordings as microphone packets, received packets as PCM.
//! Rule: the framing is implemented here from the protocol's description, independently of the server's code.

use std::time::Duration;

use opus_pure::{Application, MAX_PACKET_BYTES, OpusDecoder, OpusEncoder};
use tokio::time::Instant;
use tokio_tungstenite::tungstenite::Message;

use crate::{Device, Seen, server};

/// A recording, 16 kHz mono.
///
/// # Panics
/// If there is no recording of this name.
pub fn recording(name: &str) -> Vec<i16> {
    let path = server::workspace_root().join(format!("tests/recordings/{name}.wav"));
    let mut reader = hound::WavReader::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    reader.samples().map(|sample| sample.expect("a sample")).collect()
}

/// A WAV file: mono, 16 bit.
///
/// # Panics
/// If it would be too large.
pub fn wav(pcm: &[i16], sample_rate: u32) -> Vec<u8> {
    let spec =
        hound::WavSpec { channels: 1, sample_rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).expect("a writer");
    pcm.iter().for_each(|sample| writer.write_sample(*sample).expect("written"));
    writer.finalize().expect("written");
    file.into_inner()
}

/// The length of a WAV file in samples.
///
/// # Panics
/// If it is none.
pub fn wav_length(file: &[u8]) -> u32 {
    hound::WavReader::new(file).expect("a WAV file").duration()
}

/// A tone of 440 Hz as a WAV file.
pub fn tone(seconds: u32, sample_rate: u32) -> Vec<u8> {
    let value = |at: u32| f64::from(at) * 440.0 * std::f64::consts::TAU / f64::from(sample_rate);
    let pcm: Vec<i16> = (0..seconds * sample_rate).map(|at| (value(at).sin() * 9_000.0) as i16).collect();
    wav(&pcm, sample_rate)
}

/// Silence of `ms` milliseconds, 16 kHz.
pub fn silence(ms: usize) -> Vec<i16> {
    vec![0; ms * 16]
}

/// Encodes PCM (16 kHz) as firmware does: Opus frames of 60 ms, the last one padded.
///
/// # Panics
/// If the encoder fails.
pub fn opus(pcm: &[i16]) -> Vec<Vec<u8>> {
    let mut encoder = OpusEncoder::new(16_000, 1, Application::Voip).expect("an encoder");
    let mut pcm = pcm.to_vec();
    pcm.resize(pcm.len().next_multiple_of(960), 0);
    let encode = |block: &[i16]| {
        let mut packet = vec![0; MAX_PACKET_BYTES];
        let length = encoder.encode_s16(block, 960, &mut packet).expect("encodes");
        packet.truncate(length);
        packet
    };
    pcm.chunks_exact(960).map(encode).collect()
}

/// An audio packet in the binary framing of protocol version `version`.
///
/// # Panics
/// If there is no such version.
pub fn framed(version: u8, packet: &[u8]) -> Vec<u8> {
    let length = packet.len() as u32;
    let header = match version {
        1 => Vec::new(),
        2 => [&[0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &length.to_be_bytes()].concat(),
        3 => [&[0, 0][..], &(length as u16).to_be_bytes()].concat(),
        other => panic!("no version {other}"),
    };
    [header, packet.to_vec()].concat()
}

/// The audio packet inside a frame of protocol version `version`.
///
/// # Panics
/// If the frame is malformed.
pub fn unframed(version: u8, frame: &[u8]) -> Vec<u8> {
    let header = match version {
        1 => 0,
        2 => {
            assert_eq!(frame[..4], [0, 2, 0, 0]);
            assert_eq!(u32::from_be_bytes(frame[12..16].try_into().expect("four")) as usize, frame.len() - 16);
            16
        }
        3 => {
            assert_eq!(frame[..2], [0, 0]);
            assert_eq!(usize::from(u16::from_be_bytes([frame[2], frame[3]])), frame.len() - 4);
            4
        }
        other => panic!("no version {other}"),
    };
    frame[header..].to_vec()
}

/// The audio that the device received, decoded at 24 kHz.
///
/// # Panics
/// If a packet is not Opus.
pub fn played(version: u8, seen: &[Seen]) -> Vec<i16> {
    let mut decoder = OpusDecoder::new(24_000, 1).expect("a decoder");
    let mut all = Vec::new();
    for seen in seen {
        if let Seen::Binary(frame) = seen {
            let mut pcm = vec![0; 2880];
            let samples = decoder.decode_s16(&unframed(version, frame), 2880, &mut pcm).expect("Opus");
            all.extend(&pcm[..samples]);
        }
    }
    all
}

impl Device {
    /// Sends microphone audio, all at once.
    pub async fn speaks(&mut self, pcm: &[i16]) {
        self.speaks_framed(1, pcm).await;
    }

    /// As [`Device::speaks`], in the framing of protocol version `version`.
    pub async fn speaks_framed(&mut self, version: u8, pcm: &[i16]) {
        for packet in opus(pcm) {
            self.send_message(Message::binary(framed(version, &packet))).await;
        }
    }

    /// Sends microphone audio in real time, one packet every 60 ms.
    pub async fn speaks_in_real_time(&mut self, pcm: &[i16]) {
        let mut due = Instant::now();
        for packet in opus(pcm) {
            tokio::time::sleep_until(due).await;
            self.send_message(Message::binary(packet)).await;
            due += Duration::from_millis(60);
        }
    }
}
