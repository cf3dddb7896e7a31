//! The task of an ear: packets to PCM, PCM to voice activity, both to the state machine, and its
//! steps to utterances. Rule: one thing at a time, in the order in which it came; nothing here waits
//! but for the next thing, and for the session where it has to be told something.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use modehost_limits::sound as limits;
use modehost_protocol::{AudioFormat, ListenMode};
use tokio::time::{Instant, sleep_until};

use super::utterances::{Told, Utterances};
use super::{Report, Shared, Sound};
use crate::config::VadConfig;
use crate::decode::Decoder;
use crate::listen::{Input, Listening, Ruler, State, Step};
use crate::voice_activity::{Bounds, Change, RATE, VoiceActivity};

/// Samples that are heard together, 60 ms as in a packet of firmware. A longer packet is heard as if it
/// were several, so that sound comes to the utterance that it belongs to.
const PIECE: usize = RATE as usize * 60 / 1000;

/// Runs until nothing has come for a while and nothing is awaited.
pub(super) async fn run(shared: Arc<Shared>, format: (u64, AudioFormat)) {
    let _counted = Counted::new();
    let mut hearing = Hearing::new(shared.clone(), format);
    let mut burst = 0;
    loop {
        if burst >= limits::EAR_BURST {
            burst = 0;
            // Others hear too.
            tokio::task::yield_now().await;
        }
        let alarm = hearing.next_alarm();
        tokio::select! {
            biased;
            told = hearing.utterances.next(), if hearing.utterances.are_open() => {
                hearing.found(told).await;
            }
            (at, sound) = shared.next() => {
                burst += 1;
                hearing.take(at, sound).await;
            }
            () = sleep_until(alarm) => {
                if hearing.ring(Instant::now()).await && shared.may_end() {
                    return;
                }
            }
        }
    }
}

/// Ears that hear something.
struct Counted(metrics::Gauge);

impl Counted {
    fn new() -> Self {
        let gauge = metrics::gauge!("modehost_ears");
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

struct Hearing {
    shared: Arc<Shared>,
    /// The newest connection that has sent anything; older ones are not heard any more.
    connection: u64,
    format: AudioFormat,
    decoder: Decoder,
    /// Of the packet that is being taken.
    pcm: Vec<i16>,
    activity: VoiceActivity,
    listening: Listening,
    utterances: Utterances,
    /// Speech over speech has been told in this utterance.
    over: bool,
    last_packet: Instant,
    last_input: Instant,
}

impl Hearing {
    fn new(shared: Arc<Shared>, (connection, format): (u64, AudioFormat)) -> Self {
        let now = Instant::now();
        Self {
            connection,
            format,
            decoder: Decoder::new(format),
            pcm: Vec::new(),
            activity: VoiceActivity::new(shared.speech.detector()),
            listening: Listening::default(),
            utterances: Utterances::new(shared.speech.clone()),
            over: false,
            last_packet: now,
            last_input: now,
            shared,
        }
    }

    /// `at` is when it came.
    async fn take(&mut self, at: Instant, sound: Sound) {
        let now = Instant::now();
        self.last_input = now;
        match sound {
            Sound::Format(connection, format) => {
                if self.is_current(connection) && format != self.format {
                    self.format = format;
                    self.decoder = Decoder::new(format);
                }
            }
            Sound::Packet(connection, packet) => {
                if self.is_current(connection) {
                    self.packet(&packet, now).await;
                }
            }
            Sound::Boundary(connection, start) => {
                if self.is_current(connection) {
                    // From here on it counts as sound that is awaited.
                    self.last_packet = now;
                    if self.listening.state() != State::Listening {
                        // Speech that the device cut off is not going on.
                        self.activity.forget();
                    }
                    let step = self.listening.boundary(start, at);
                    self.step(step).await;
                }
            }
            Sound::Forget => {
                let step = self.listening.apply(Input::Reset);
                self.step(step).await;
            }
            Sound::Gone(connection) => {
                if connection == self.connection {
                    // What was said is not lost with the connection (C.3).
                    let step = self.listening.apply(Input::Gone);
                    self.step(step).await;
                    // Whoever speaks on the next one begins to.
                    self.activity.forget();
                }
            }
        }
    }

    /// Takes the place of an older connection with the first thing that a newer one sends.
    fn is_current(&mut self, connection: u64) -> bool {
        if connection > self.connection {
            self.connection = connection;
            // Another stream: the decoder must not join it to the one before.
            self.decoder = Decoder::new(self.format);
        }
        connection == self.connection
    }

    async fn packet(&mut self, packet: &[u8], now: Instant) {
        self.pcm.clear();
        if let Err(skipped) = self.decoder.decode(packet, &mut self.pcm) {
            metrics::counter!("modehost_audio_packets_skipped_total", "reason" => skipped.label()).increment(1);
            if let Some(codec) = self.decoder.is_unreadable() {
                self.shared.listener.tell(Report::Unreadable(codec)).await;
            }
            return;
        }
        let speaking = self.shared.speaking.load(Ordering::Relaxed);
        if speaking && self.listening.mode() != Some(ListenMode::Realtime) && self.listening.ruler() == Ruler::Voice {
            // It would hear itself: a device that listens while it is spoken to says so (realtime).
            return;
        }
        self.last_packet = now;
        let parts = self.shared.speech.parts();
        let pcm = std::mem::take(&mut self.pcm);
        for piece in pcm.chunks(PIECE) {
            self.piece(piece, &parts.vad, speaking).await;
        }
        self.pcm = pcm;
    }

    async fn piece(&mut self, piece: &[i16], vad: &VadConfig, speaking: bool) {
        // More than one where speech is awaited for less than a piece; mostly none, which allocates nothing.
        let mut changes = Vec::new();
        let before = self.activity.voice();
        self.activity.hear(piece, &Bounds::from(vad), |change| changes.push(change));
        self.utterances.hear(piece, vad);
        if self.lapsed(vad) {
            let step = self.listening.apply(Input::Lapse);
            self.step(step).await;
        }
        for change in changes {
            let input = match change {
                Change::Began(_) => Input::VoiceBegan,
                Change::Ended(_) => self.silent(),
            };
            let step = self.listening.apply(input);
            self.step(step).await;
            if matches!(change, Change::Began(_)) {
                self.utterances.voiced();
            }
        }
        if self.activity.is_speaking() {
            self.utterances.voiced();
        }
        self.utterances.voice(self.activity.voice() - before);
        if self.utterances.is_too_long(vad) {
            let step = self.listening.apply(Input::TooLong);
            self.step(step).await;
        }
        let over = speaking && self.listening.state() == State::Listening && self.activity.is_speaking();
        let enough = std::time::Duration::from_millis(vad.barge_in_ms);
        if over && !self.over && self.activity.voiced() >= enough {
            self.over = true;
            self.shared.listener.tell(Report::SpeechOverSpeech).await;
        }
    }

    /// What silence means for the utterance that is open.
    fn silent(&self) -> Input {
        if self.utterances.has_voice() { Input::VoiceEnded } else { Input::Unvoiced }
    }

    fn lapsed(&self, vad: &VadConfig) -> bool {
        let fallback = std::time::Duration::from_millis(vad.manual_fallback_ms);
        self.listening.lapses_at(fallback).is_some_and(|at| at <= Instant::now())
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Open => self.open(),
            Step::Close => self.close(),
            Step::Cut => {
                self.close();
                self.utterances.open(false);
                if self.activity.is_speaking() {
                    self.utterances.voiced();
                }
            }
            Step::Discard => self.utterances.discard(),
            Step::Forget => {
                self.utterances.forget();
                self.activity.forget();
                self.over = false;
            }
            Step::Review => {
                let parts = self.shared.speech.parts();
                let end = std::time::Duration::from_millis(parts.vad.end_silence_ms);
                let quiet = !self.activity.is_speaking() || self.activity.silence() >= end;
                let input = match (self.listening.state(), quiet) {
                    (State::Listening, true) => self.silent(),
                    (State::Idle | State::Finalizing, false) => Input::VoiceBegan,
                    _ => return,
                };
                let step = self.listening.apply(input);
                // Voice rules now, so that it is no review once more.
                Box::pin(self.step(step)).await;
            }
        }
    }

    fn open(&mut self) {
        self.over = false;
        // Where voice has begun, or a device says so: with what came just before.
        self.utterances.open(true);
    }

    fn close(&mut self) {
        if !self.utterances.close() {
            // Nobody is there to hear any more.
            self.listening.apply(Input::Settled);
        }
    }

    /// Something is known of an utterance.
    async fn found(&mut self, told: Told) {
        let listener = &self.shared.listener;
        match told {
            Told::Draft(words) => listener.hint(Report::Words(words)),
            Told::Final(words) => {
                listener.tell(Report::Words(words)).await;
                self.listening.apply(Input::Settled);
            }
            Told::Failed(fault) => {
                listener.tell(Report::Failed(fault)).await;
                self.listening.apply(Input::Settled);
            }
            Told::Broken { said, fault } => {
                if let Some(words) = said {
                    listener.tell(Report::Words(words)).await;
                }
                listener.tell(Report::Failed(fault)).await;
                // What follows begins another: by voice, which has to be told anew that somebody speaks.
                self.activity.forget();
                let step = self.listening.apply(Input::Broken);
                self.step(step).await;
            }
        }
    }

    /// When something may be due although nothing comes.
    fn next_alarm(&self) -> Instant {
        let parts = self.shared.speech.parts();
        if self.listening.state() != State::Listening {
            let since = if self.utterances.are_open() { Instant::now() } else { self.last_input };
            return since + limits::EAR_IDLE;
        }
        let fallback = std::time::Duration::from_millis(parts.vad.manual_fallback_ms);
        let end = std::time::Duration::from_millis(parts.vad.end_silence_ms);
        match self.listening.lapses_at(fallback) {
            Some(at) => at,
            None => self.last_packet + end,
        }
    }

    /// True if the ear may go to sleep.
    async fn ring(&mut self, now: Instant) -> bool {
        if self.listening.state() != State::Listening {
            return !self.utterances.are_open() && now >= self.last_input + limits::EAR_IDLE;
        }
        let parts = self.shared.speech.parts();
        if self.lapsed(&parts.vad) {
            let step = self.listening.apply(Input::Lapse);
            self.step(step).await;
        } else if now >= self.last_packet + std::time::Duration::from_millis(parts.vad.end_silence_ms) {
            // A device that sends nothing is as silent as one that sends silence.
            let step = self.listening.apply(self.silent());
            self.activity.forget();
            self.step(step).await;
        }
        false
    }
}
