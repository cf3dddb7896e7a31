//! A turn with a scripted speaker, and the connection that receives it. Rule: everything behind the speaker is real.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use modehost_outbox::{Frame, OutboxReader, Text, outbox};
use modehost_speech::tts::Speaker;
use modehost_speech::{Downlink, DownlinkCodec, Fault, FaultKind, Playback, PlaybackTarget, Providers, Speech};
use modehost_task::WorkThreads;
use opus_pure::OpusDecoder;
use serde_json::Value;
use tokio::time::Instant;

pub const DEADLINE: Duration = Duration::from_secs(20);
pub const FRAME: Duration = Duration::from_millis(60);

/// Test speaker: 440 Hz, 60 ms per character, at another rate than the device's. Texts with `fails` fail after their
/// first half, texts with `hangs` stall after it.
pub struct Tone;

impl Speaker for Tone {
    fn name(&self) -> &'static str {
        "tone"
    }

    fn sample_rate(&self) -> u32 {
        22_050
    }

    fn speak(&self, text: &str) -> BoxStream<'static, Result<Vec<i16>, Fault>> {
        let samples = text.chars().count() * 1323;
        let tone: Vec<i16> = (0..samples)
            .map(|at| ((at as f64 / 22_050.0 * 440.0 * std::f64::consts::TAU).sin() * 12_000.0) as i16)
            .collect();
        let mut chunks: Vec<Result<Vec<i16>, Fault>> = tone.chunks(777).map(|chunk| Ok(chunk.to_vec())).collect();
        if text.contains("fails") {
            chunks.truncate(chunks.len() / 2);
            chunks.push(Err(Fault::transient(FaultKind::Connection, "as the script says")));
        }
        let chunks = stream::iter(chunks);
        if text.contains("hangs") { chunks.chain(stream::pending()).boxed() } else { chunks.boxed() }
    }
}

/// What a connection received.
#[derive(Debug, PartialEq)]
pub enum Received {
    /// State and text.
    Tts(String, String),
    Error(String),
    Audio(Vec<u8>, u32),
}

pub struct Connection {
    pub speech: Arc<Speech>,
    outbox: modehost_outbox::Outbox,
    reader: OutboxReader,
    queued: VecDeque<Frame>,
    pub downlink: Downlink,
    pub ended: Arc<AtomicUsize>,
    pub started: Instant,
}

impl Connection {
    pub fn new() -> Self {
        let threads = WorkThreads::start("sound", 1, &tokio::runtime::Handle::current()).expect("threads");
        let speech =
            Speech::new(Arc::new(threads), Providers { synthesiser: Some(Arc::new(Tone)), ..Providers::none() });
        let (outbox, reader) = outbox();
        let downlink = Downlink { codec: DownlinkCodec::Opus, sample_rate: 24_000, frame_ms: 60, bitrate: 24_000 };
        Self {
            speech,
            outbox,
            reader,
            queued: VecDeque::new(),
            downlink,
            ended: Arc::default(),
            started: Instant::now(),
        }
    }

    pub fn begin(&self) -> Playback {
        let target =
            PlaybackTarget { outbox: self.outbox.clone(), session_id: "s".to_owned(), downlink: self.downlink };
        let ended = self.ended.clone();
        let ended = move || {
            ended.fetch_add(1, Ordering::SeqCst);
        };
        self.speech.begin_turn(target, ended).expect("a speaker")
    }

    /// The next item; fails the test where none arrives.
    pub async fn next(&mut self) -> Received {
        loop {
            if let Some(frame) = self.queued.pop_front() {
                return received(frame);
            }
            let mut batch = VecDeque::new();
            tokio::time::timeout(DEADLINE, self.reader.recv_batch(&mut batch)).await.expect("something comes");
            self.queued = batch;
        }
    }

    /// The items that are queued already.
    pub fn now(&mut self) -> Vec<Received> {
        let mut batch = std::mem::take(&mut self.queued);
        self.reader.try_recv_batch(&mut batch);
        batch.into_iter().map(received).collect()
    }

    /// Everything up to the next `stop`, with the time of each item.
    pub async fn turn(&mut self) -> Vec<(Duration, Received)> {
        let mut all = Vec::new();
        loop {
            let next = self.next().await;
            let last = matches!(&next, Received::Tts(state, _) if state == "stop");
            all.push((self.started.elapsed(), next));
            if last {
                return all;
            }
        }
    }
}

fn received(frame: Frame) -> Received {
    let text = match frame {
        Frame::Audio { packet, timestamp_ms } => return Received::Audio(packet, timestamp_ms),
        Frame::Text(Text::Owned(text)) => text,
        Frame::Text(Text::Shared(text)) => text.to_string(),
        other => panic!("{other:?}"),
    };
    let message: Value = serde_json::from_str(&text).expect("JSON");
    let member = |name: &str| message[name].as_str().unwrap_or_default().to_owned();
    if message["type"] == "error" {
        Received::Error(member("code"))
    } else {
        Received::Tts(member("state"), member("text"))
    }
}

/// A compact notation of a turn without its audio, such as `start`, `+a`, `-a`, `stop`; consecutive frames become `♪`.
pub fn sequence<'a>(received: impl IntoIterator<Item = &'a Received>) -> Vec<String> {
    let mut sequence: Vec<String> = Vec::new();
    for received in received {
        let word = match received {
            Received::Tts(state, text) if state == "sentence_start" => format!("+{text}"),
            Received::Tts(state, text) if state == "sentence_end" => format!("-{text}"),
            Received::Tts(state, _) => state.clone(),
            Received::Error(code) => code.clone(),
            Received::Audio(..) if sequence.last().is_some_and(|last| last == "♪") => continue,
            Received::Audio(..) => "♪".to_owned(),
        };
        sequence.push(word);
    }
    sequence
}

/// Fails the test where the sequence is not balanced.
pub fn assert_balanced(sequence: &[String]) {
    let (mut playback, mut sentence) = (false, None::<&str>);
    for (index, word) in sequence.iter().enumerate() {
        let fault = || format!("{index}: {word} in {sequence:?}");
        match word.as_str() {
            "start" => assert!(!std::mem::replace(&mut playback, true), "{}", fault()),
            "stop" => assert!(std::mem::replace(&mut playback, false) && sentence.is_none(), "{}", fault()),
            "♪" => assert!(sentence.is_some(), "{}", fault()),
            word if word.starts_with('+') => assert!(playback && sentence.replace(&word[1..]).is_none(), "{}", fault()),
            word if word.starts_with('-') => assert_eq!(sentence.take(), Some(&word[1..]), "{}", fault()),
            _ => assert!(playback, "{}", fault()),
        }
    }
    assert!(!playback, "{sequence:?}");
}

/// The decoded audio of the packets, at 24 kHz.
pub fn decode<'a>(received: impl IntoIterator<Item = &'a Received>) -> Vec<i16> {
    let mut decoder = OpusDecoder::new(24_000, 1).expect("a decoder");
    let mut all = Vec::new();
    for received in received {
        if let Received::Audio(packet, _) = received {
            let mut pcm = vec![0; 2880];
            let samples = decoder.decode_s16(packet, 2880, &mut pcm).expect("Opus");
            all.extend(&pcm[..samples]);
        }
    }
    all
}
