//! Audio of a device at a terminal: a WAV file as microphone audio, and received speech as a WAV file. Rule: audio is
//! sent as firmware does, Opus in frames of 60 ms in real time, and received in the server's
//! format.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use opus_pure::{Application, MAX_PACKET_BYTES, OpusDecoder, OpusEncoder};
use serde_json::{Value, json};
use tokio::time::Instant;

/// Length of a frame, in ms.
const FRAME_MS: u64 = 60;
/// Silence after the speech, in frames, by which the server detects the end of the utterance.
const SILENCE_FRAMES: usize = 25;
/// Sample rate of the received speech, in Hz.
const OUTPUT_SAMPLE_RATE: u32 = 24_000;

/// Listening mode of the device.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Listening {
    Auto,
    Manual,
    Realtime,
}

impl Listening {
    fn as_str(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Manual => "manual",
            Self::Realtime => "realtime",
        }
    }
}

/// The next item to send.
pub enum Outgoing {
    Message(Value),
    Packet(Vec<u8>),
}

/// A WAV file that is sent as microphone audio.
pub struct SpokenFile {
    frames: VecDeque<Outgoing>,
    next: Instant,
}

impl SpokenFile {
    /// Reads a WAV file.
    ///
    /// # Errors
    /// If it cannot be read, or is not mono with a rate that Opus supports.
    pub fn file(path: &Path, listening: Listening) -> anyhow::Result<Self> {
        let path_text = path.display();
        let mut reader = hound::WavReader::open(path).with_context(|| format!("cannot read {path_text}"))?;
        let spec = reader.spec();
        let known = [8_000, 12_000, 16_000, 24_000, 48_000].contains(&spec.sample_rate);
        if spec.channels != 1 || spec.bits_per_sample != 16 || spec.sample_format != hound::SampleFormat::Int || !known
        {
            bail!(
                "{path_text} must be mono, 16 bit, at 8000, 12000, 16000, 24000 or 48000 Hz; try: sox {path_text} -r 16000 -c 1 -b 16 out.wav"
            );
        }
        let mut pcm = reader
            .samples::<i16>()
            .collect::<Result<Vec<_>, _>>()
            .with_context(|| format!("{path_text} is damaged"))?;
        let frame = spec.sample_rate as usize * FRAME_MS as usize / 1000;
        let silence = if listening == Listening::Manual { 0 } else { SILENCE_FRAMES * frame };
        pcm.resize((pcm.len() + silence).next_multiple_of(frame), 0);
        let message = |state: &str| json!({ "type": "listen", "state": state, "mode": listening.as_str() });
        let mut frames = VecDeque::from([Outgoing::Message(message("start"))]);
        let mut encoder = OpusEncoder::new(spec.sample_rate as i32, 1, Application::Voip)?;
        encoder.bitrate_bps = 24_000;
        for block in pcm.chunks_exact(frame) {
            let mut packet = vec![0; MAX_PACKET_BYTES];
            let length = encoder.encode_s16(block, frame, &mut packet)?;
            packet.truncate(length);
            frames.push_back(Outgoing::Packet(packet));
        }
        if listening == Listening::Manual {
            frames.push_back(Outgoing::Message(json!({ "type": "listen", "state": "stop" })));
        }
        Ok(Self { frames, next: Instant::now() })
    }

    /// The next item, when it is due; `None` at the end. Cancel safe.
    pub async fn next(&mut self) -> Option<Outgoing> {
        tokio::time::sleep_until(self.next).await;
        let next = self.frames.pop_front()?;
        if matches!(next, Outgoing::Packet(_)) {
            self.next += Duration::from_millis(FRAME_MS);
        }
        Some(next)
    }
}

/// Decodes received speech.
pub struct Loudspeaker {
    decoder: OpusDecoder,
    played: Vec<i16>,
    file: Option<PathBuf>,
}

impl Loudspeaker {
    /// Writes to this file, if one is given.
    ///
    /// # Errors
    /// If there is no memory for a decoder.
    pub fn new(file: Option<PathBuf>) -> anyhow::Result<Self> {
        Ok(Self { decoder: OpusDecoder::new(OUTPUT_SAMPLE_RATE as i32, 1)?, played: Vec::new(), file })
    }

    /// Decodes a packet; an invalid one becomes silence.
    pub fn play(&mut self, packet: &[u8]) {
        let begin = self.played.len();
        let most = OUTPUT_SAMPLE_RATE as usize * 120 / 1000;
        self.played.resize(begin + most, 0);
        let length = self.decoder.decode_s16(packet, most, &mut self.played[begin..]).unwrap_or(0);
        self.played.truncate(begin + length);
    }

    /// Writes the speech so far, and returns its length; `None` without a file.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn save(&self) -> anyhow::Result<Option<Duration>> {
        let Some(file) = &self.file else { return Ok(None) };
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: OUTPUT_SAMPLE_RATE,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer =
            hound::WavWriter::create(file, spec).with_context(|| format!("cannot write {}", file.display()))?;
        for sample in &self.played {
            writer.write_sample(*sample)?;
        }
        writer.finalize()?;
        Ok(Some(Duration::from_millis(self.played.len() as u64 * 1000 / u64::from(OUTPUT_SAMPLE_RATE))))
    }
}
