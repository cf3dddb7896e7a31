//! The task of an ear: packets to PCM, PCM to voice activity, both to the state machine, and its
//! steps to utterances. Rule: one thing at a time, in the order in which it came; nothing here waits
//! but for the next thing, and for the session where it has to be told something.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use modehost_limits::sound as limits;
use modehost_protocol::{AudioFormat, ListenMode};
use tokio::time::{Instant, sleep_until};

use super::utterances::{Told, Utterances};
use super::{Note, Report, Shared, Sound};
use crate::config::VadConfig;
use crate::decode::Decoder;
use crate::listen::{Input, Listening, Ruler, State, Step};
use crate::voice_activity::{Bounds, Change, RATE, VoiceActivity};

/// Samples that are heard together, 60 ms as in a packet of firmware. A longer packet is heard as if it
/// were several, so that sound comes to the utterance that it belongs to.
const PIECE: usize = RATE as usize * 60 / 1000;

/// Runs until nothing has come for a while and nothing is awaited.
pub(super) async fn run(shared: Arc<Shared>, format: (u64, AudioFormat), epoch: u64) {
    let _counted = Counted::new();
    let mut hearing = Hearing::new(shared.clone(), format, epoch);
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
                hearing.look_around().await;
            }
            (at, sound) = shared.next() => {
                burst += 1;
                hearing.take(at, sound).await;
                hearing.look_around().await;
            }
            () = sleep_until(alarm) => {
                let may_end = hearing.ring(Instant::now()).await;
                hearing.look_around().await;
                if may_end && shared.may_end() {
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
    /// Of the sound that comes now.
    epoch: u64,
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
    /// The session knows that the device is making an utterance.
    making: bool,
    last_packet: Instant,
    last_input: Instant,
}

impl Hearing {
    fn new(shared: Arc<Shared>, (connection, format): (u64, AudioFormat), epoch: u64) -> Self {
        let now = Instant::now();
        let mut listening = Listening::default();
        if shared.trusts.load(Ordering::Relaxed) {
            listening.trust();
        }
        Self {
            epoch,
            connection,
            format,
            decoder: Decoder::new(format),
            pcm: Vec::new(),
            activity: VoiceActivity::new(shared.speech.detector()),
            listening,
            utterances: Utterances::new(shared.speech.clone()),
            over: false,
            making: false,
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
                    if start.is_none() && !self.shared.trusts.swap(true, Ordering::Relaxed) {
                        self.shared.listener.note(Note::SendsStop);
                    }
                    let silent = start.is_none() && self.is_silent_press();
                    let step = self.listening.boundary(start, at);
                    if silent && step == Step::Close {
                        // Nobody is asked about a press in which nobody spoke (A.9).
                        self.utterances.drop_press();
                        self.listening.apply(Input::Settled);
                        self.tell(Report::SilentPress).await;
                    } else {
                        self.step(step).await;
                    }
                }
            }
            Sound::Forget(epoch) => {
                self.epoch = epoch;
                let step = self.listening.apply(Input::Reset);
                self.step(step).await;
            }
            Sound::Discard => {
                let step = self.listening.apply(Input::Broken);
                self.step(step).await;
                self.activity.forget();
            }
            Sound::Divide(epoch) => {
                let step = self.listening.apply(Input::Gone);
                self.step(step).await;
                self.activity.forget();
                self.epoch = epoch;
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
                self.tell(Report::Unreadable(codec)).await;
            }
            return;
        }
        let speaking = self.shared.speaking.load(Ordering::Relaxed);
        let is_deaf = self.listening.mode() != Some(ListenMode::Realtime) && self.listening.ruler() == Ruler::Voice;
        if speaking && (is_deaf || self.shared.records.load(Ordering::Relaxed)) {
            // It would hear itself: a device that listens while it is spoken to says so (realtime). And nothing
            // that the server says itself belongs into a record.
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
        self.activity.hear(piece, &self.bounds(vad), |change| changes.push(change));
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
            self.shared.listener.note(Note::Voice);
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
            self.tell(Report::SpeechOverSpeech).await;
        }
    }

    /// In manual listening a pause is longer: whoever holds a button thinks, too.
    fn bounds(&self, vad: &VadConfig) -> Bounds {
        match self.listening.mode() {
            Some(ListenMode::Manual) => Bounds::with_end(vad, limits::MANUAL_SILENCE),
            _ => Bounds::from(vad),
        }
    }

    /// Whether a press that ends now held no voice.
    fn is_silent_press(&self) -> bool {
        self.listening.state() == State::Listening
            && self.listening.ruler() == Ruler::Device
            && self.utterances.is_silent()
    }

    async fn tell(&mut self, report: Report) {
        self.shared.listener.tell(self.epoch, report).await;
    }

    /// Tells the session whether the device is making an utterance, when that has changed.
    async fn look_around(&mut self) {
        let held = self.listening.ruler() == Ruler::Device;
        let making = match self.listening.state() {
            State::Idle => false,
            State::Listening => held || self.utterances.has_voice(),
            State::Finalizing => true,
        };
        if making == self.making {
            return;
        }
        self.making = making;
        self.shared.listener.note(Note::Making(making));
        if !making {
            // Behind the words that it ended with.
            self.tell(Report::Quiet).await;
        }
    }

    /// From when on an answer to what has just ended may begin.
    fn answer_from(&self, ended_by: Ruler) -> Instant {
        let now = Instant::now();
        if ended_by == Ruler::Device {
            return now;
        }
        let parts = self.shared.speech.parts();
        let quiet = self.activity.silence().max(now.saturating_duration_since(self.last_packet));
        now + std::time::Duration::from_millis(parts.vad.answer_after_ms).saturating_sub(quiet)
    }

    /// What silence means for the utterance that is open.
    fn silent(&self) -> Input {
        if self.utterances.has_voice() { Input::VoiceEnded } else { Input::Unvoiced }
    }

    fn lapsed(&self, vad: &VadConfig) -> bool {
        let fallback = std::time::Duration::from_millis(vad.manual_fallback_ms);
        self.listening.lapses_at(fallback, self.last_packet).is_some_and(|at| at <= Instant::now())
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Open => self.open(),
            Step::Close => self.close(),
            Step::Cut => {
                self.utterances.cut();
                self.close();
                self.utterances.open(false, self.epoch);
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
                let end = self.end_silence(&parts.vad);
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
        self.utterances.open(true, self.epoch);
    }

    fn close(&mut self) {
        let from = self.answer_from(self.listening.ruler());
        self.shared.listener.note(Note::AnswerFrom(from));
        if !self.utterances.close() {
            // Nobody is there to hear any more.
            self.listening.apply(Input::Settled);
        }
    }

    /// Something is known of an utterance, whose sound had this epoch.
    async fn found(&mut self, (epoch, told): (u64, Told)) {
        let listener = &self.shared.listener;
        match told {
            Told::Draft(words) => listener.hint(epoch, Report::Words(words)),
            Told::Final(words) => {
                listener.tell(epoch, Report::Words(words)).await;
                self.listening.apply(Input::Settled);
            }
            Told::Failed(fault) => {
                listener.tell(epoch, Report::Failed(fault)).await;
                self.listening.apply(Input::Settled);
            }
            Told::Broken { said, fault } => {
                if let Some(words) = said {
                    listener.tell(epoch, Report::Words(words)).await;
                }
                listener.tell(epoch, Report::Failed(fault)).await;
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
        let silent = self.ends_by_silence().then(|| self.last_packet + self.end_silence(&parts.vad));
        let lapses = self.listening.lapses_at(fallback, self.last_packet);
        [silent, lapses].into_iter().flatten().min().unwrap_or_else(|| Instant::now() + limits::EAR_IDLE)
    }

    /// Whether silence ends the utterance that is open.
    fn ends_by_silence(&self) -> bool {
        match self.listening.ruler() {
            Ruler::Voice => true,
            Ruler::Device => !self.listening.is_trusted() && self.utterances.has_voice(),
        }
    }

    /// Silence that ends an utterance.
    fn end_silence(&self, vad: &VadConfig) -> std::time::Duration {
        match self.listening.mode() {
            Some(ListenMode::Manual) => limits::MANUAL_SILENCE,
            _ => std::time::Duration::from_millis(vad.end_silence_ms),
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
        } else if self.ends_by_silence() && now >= self.last_packet + self.end_silence(&parts.vad) {
            // A device that sends nothing is as silent as one that sends silence.
            let step = self.listening.apply(self.silent());
            self.activity.forget();
            self.step(step).await;
        }
        false
    }
}
