//! The task of an audio input: decode packets, run the VAD, feed both to the endpointing state machine and
//! apply its steps to utterances. Rule: events are processed one at a time in order of arrival; the task
//! waits for the next event and for the queue of the session, and for nothing else.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::limits;
use modehost_protocol::{AudioFormat, ListenMode};
use tokio::time::{Instant, sleep_until};

use super::utterances::{UtteranceEvent, Utterances};
use super::{Note, Report, Shared, Sound};
use crate::config::VadConfig;
use crate::decode::Decoder;
use crate::endpointing::{EndpointSource, Endpointer, Input, State, Step};
use crate::vad::{Bounds, Change, RATE, Vad};

/// Samples that are processed together: 60 ms, a packet of stock firmware. A longer packet is split, so that
/// its samples reach the utterance that they belong to.
const PIECE: usize = RATE as usize * 60 / 1000;

/// Runs until no event has come for `limits::EAR_IDLE` and no transcript is pending.
pub(super) async fn run(shared: Arc<Shared>, format: (u64, AudioFormat), epoch: u64) {
    let _counted = Counted::new();
    let mut pipeline = Pipeline::new(shared.clone(), format, epoch);
    let mut burst = 0;
    loop {
        if burst >= limits::EAR_BURST {
            burst = 0;
            // Other sessions share this thread.
            tokio::task::yield_now().await;
        }
        let alarm = pipeline.next_alarm();
        tokio::select! {
            biased;
            told = pipeline.utterances.next(), if pipeline.utterances.are_open() => {
                pipeline.found(told).await;
                pipeline.look_around().await;
            }
            (at, sound) = shared.next() => {
                burst += 1;
                pipeline.take(at, sound).await;
                pipeline.look_around().await;
            }
            () = sleep_until(alarm) => {
                let may_end = pipeline.ring(Instant::now()).await;
                pipeline.look_around().await;
                if may_end && shared.may_end() {
                    return;
                }
            }
        }
    }
}

/// Counts running pipelines.
struct Counted(metrics::Gauge);

impl Counted {
    fn new() -> Self {
        let gauge = metrics::gauge!("modehost_asr_pipelines");
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// What the session has been told.
#[derive(Default)]
struct Reported {
    /// Barge-in, in the open utterance.
    over: bool,
    /// The last `Note::Making`.
    making: bool,
}

struct Pipeline {
    shared: Arc<Shared>,
    /// Epoch of the audio that comes now.
    epoch: u64,
    /// The newest connection that has sent anything; events of older ones are ignored.
    connection: u64,
    format: AudioFormat,
    decoder: Decoder,
    /// Samples of the packet that is being processed; kept to reuse the allocation.
    pcm: Vec<i16>,
    activity: Vad,
    endpointer: Endpointer,
    utterances: Utterances,
    reported: Reported,
    last_packet: Instant,
    last_input: Instant,
}

impl Pipeline {
    fn new(shared: Arc<Shared>, (connection, format): (u64, AudioFormat), epoch: u64) -> Self {
        let now = Instant::now();
        let mut endpointer = Endpointer::default();
        if shared.trusts.load(Ordering::Relaxed) {
            endpointer.trust();
        }
        Self {
            epoch,
            connection,
            format,
            decoder: Decoder::new(format),
            pcm: Vec::new(),
            activity: Vad::new(shared.speech.detector()),
            endpointer,
            utterances: Utterances::new(shared.speech.clone()),
            reported: Reported::default(),
            last_packet: now,
            last_input: now,
            shared,
        }
    }

    /// `at` is the time of arrival.
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
                    // Packets are expected from here on.
                    self.last_packet = now;
                    if self.endpointer.state() != State::Listening {
                        // Speech before the endpoint does not continue.
                        self.activity.forget();
                    }
                    if start.is_none() && !self.shared.trusts.swap(true, Ordering::Relaxed) {
                        self.shared.listener.note(Note::SendsStop);
                    }
                    let silent = start.is_none() && self.is_silent_press();
                    let step = self.endpointer.device_endpoint(start, at);
                    if silent && step == Step::Close {
                        // A press without voice is never sent to a provider (A.9).
                        self.utterances.drop_press();
                        self.endpointer.apply(Input::Settled);
                        self.tell(Report::SilentPress).await;
                    } else {
                        self.step(step).await;
                    }
                }
            }
            Sound::Forget(epoch) => {
                self.epoch = epoch;
                let step = self.endpointer.apply(Input::Reset);
                self.step(step).await;
            }
            Sound::Discard => {
                let step = self.endpointer.apply(Input::Broken);
                self.step(step).await;
                self.activity.forget();
            }
            Sound::Divide(epoch) => {
                let step = self.endpointer.apply(Input::Gone);
                self.step(step).await;
                self.activity.forget();
                self.epoch = epoch;
            }
            Sound::Gone(connection) => {
                if connection == self.connection {
                    // The utterance survives the connection (C.3).
                    let step = self.endpointer.apply(Input::Gone);
                    self.step(step).await;
                    // Speech on the next connection is a new onset.
                    self.activity.forget();
                }
            }
        }
    }

    /// Whether events of this connection count; a newer connection replaces the older one with its first event.
    fn is_current(&mut self, connection: u64) -> bool {
        if connection > self.connection {
            self.connection = connection;
            // A new stream: decoder state must not carry over.
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
        let is_deaf =
            self.endpointer.mode() != Some(ListenMode::Realtime) && self.endpointer.source() == EndpointSource::Vad;
        if speaking && (is_deaf || self.shared.records.load(Ordering::Relaxed)) {
            // Without echo cancellation the device hears its own playback; one that has it says so (realtime).
            // And nothing of the playback belongs into a recording.
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
        // More than one only where onset and end fall into one piece; mostly empty, which does not allocate.
        let mut changes = Vec::new();
        let before = self.activity.voice();
        self.activity.hear(piece, &self.bounds(vad), |change| changes.push(change));
        self.utterances.hear(piece, vad);
        if self.lapsed(vad) {
            let step = self.endpointer.apply(Input::Lapse);
            self.step(step).await;
        }
        for change in changes {
            let input = match change {
                Change::Began(_) => Input::VoiceBegan,
                Change::Ended(_) => self.silent(),
            };
            let step = self.endpointer.apply(input);
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
            let step = self.endpointer.apply(Input::TooLong);
            self.step(step).await;
        }
        let over = speaking && self.endpointer.state() == State::Listening && self.activity.is_speaking();
        let enough = std::time::Duration::from_millis(vad.barge_in_ms);
        if over && !self.reported.over && self.activity.voiced() >= enough {
            self.reported.over = true;
            self.tell(Report::SpeechOverSpeech).await;
        }
    }

    /// In manual mode the end silence is longer: a person who holds a button pauses to think.
    fn bounds(&self, vad: &VadConfig) -> Bounds {
        match self.endpointer.mode() {
            Some(ListenMode::Manual) => Bounds::with_end(vad, limits::MANUAL_SILENCE),
            _ => Bounds::from(vad),
        }
    }

    /// Whether a press that ends now contains no voice.
    fn is_silent_press(&self) -> bool {
        self.endpointer.state() == State::Listening
            && self.endpointer.source() == EndpointSource::Device
            && self.utterances.is_silent()
    }

    async fn tell(&mut self, report: Report) {
        self.shared.listener.tell(self.epoch, report).await;
    }

    /// Reports to the session whether an utterance is open or pending, on change.
    async fn look_around(&mut self) {
        let held = self.endpointer.source() == EndpointSource::Device;
        let making = match self.endpointer.state() {
            State::Idle => false,
            State::Listening => held || self.utterances.has_voice(),
            State::Finalizing => true,
        };
        if making == self.reported.making {
            return;
        }
        self.reported.making = making;
        self.shared.listener.note(Note::Making(making));
        if !making {
            // Queued behind the transcript of that utterance.
            self.tell(Report::Quiet).await;
        }
    }

    /// Earliest time of an answer to the utterance that has just ended.
    fn answer_from(&self, ended_by: EndpointSource) -> Instant {
        let now = Instant::now();
        if ended_by == EndpointSource::Device {
            return now;
        }
        let parts = self.shared.speech.parts();
        let quiet = self.activity.silence().max(now.saturating_duration_since(self.last_packet));
        now + std::time::Duration::from_millis(parts.vad.answer_after_ms).saturating_sub(quiet)
    }

    /// The input that end silence is for the open utterance.
    fn silent(&self) -> Input {
        if self.utterances.has_voice() { Input::VoiceEnded } else { Input::Unvoiced }
    }

    fn lapsed(&self, vad: &VadConfig) -> bool {
        let fallback = std::time::Duration::from_millis(vad.manual_fallback_ms);
        self.endpointer.lapses_at(fallback, self.last_packet).is_some_and(|at| at <= Instant::now())
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
                self.reported.over = false;
            }
            Step::Review => {
                let parts = self.shared.speech.parts();
                let end = self.end_silence(&parts.vad);
                let quiet = !self.activity.is_speaking() || self.activity.silence() >= end;
                let input = match (self.endpointer.state(), quiet) {
                    (State::Listening, true) => self.silent(),
                    (State::Idle | State::Finalizing, false) => Input::VoiceBegan,
                    _ => return,
                };
                let step = self.endpointer.apply(input);
                // The VAD is the endpointing source now, so this does not recurse again.
                Box::pin(self.step(step)).await;
            }
        }
    }

    fn open(&mut self) {
        self.reported.over = false;
        // Both a VAD onset and a device endpoint include the pre-roll.
        self.utterances.open(true, self.epoch);
    }

    fn close(&mut self) {
        let from = self.answer_from(self.endpointer.source());
        self.shared.listener.note(Note::AnswerFrom(from));
        if !self.utterances.close() {
            // No recogniser is configured any more.
            self.endpointer.apply(Input::Settled);
        }
    }

    /// Handles an event of an utterance whose audio has this epoch.
    async fn found(&mut self, (epoch, told): (u64, UtteranceEvent)) {
        let listener = &self.shared.listener;
        match told {
            UtteranceEvent::Partial(words) => listener.hint(epoch, Report::Words(words)),
            UtteranceEvent::Final(words) => {
                listener.tell(epoch, Report::Words(words)).await;
                self.endpointer.apply(Input::Settled);
            }
            UtteranceEvent::Failed(fault) => {
                listener.tell(epoch, Report::Failed(fault)).await;
                self.endpointer.apply(Input::Settled);
            }
            UtteranceEvent::Broken { said, fault } => {
                if let Some(words) = said {
                    listener.tell(epoch, Report::Words(words)).await;
                }
                listener.tell(epoch, Report::Failed(fault)).await;
                // The rest of the speech becomes a new utterance: reset the VAD, so that it reports a new onset.
                self.activity.forget();
                let step = self.endpointer.apply(Input::Broken);
                self.step(step).await;
            }
        }
    }

    /// The next deadline.
    fn next_alarm(&self) -> Instant {
        let parts = self.shared.speech.parts();
        if self.endpointer.state() != State::Listening {
            let since = if self.utterances.are_open() { Instant::now() } else { self.last_input };
            return since + limits::EAR_IDLE;
        }
        let fallback = std::time::Duration::from_millis(parts.vad.manual_fallback_ms);
        let silent = self.ends_by_silence().then(|| self.last_packet + self.end_silence(&parts.vad));
        let lapses = self.endpointer.lapses_at(fallback, self.last_packet);
        [silent, lapses].into_iter().flatten().min().unwrap_or_else(|| Instant::now() + limits::EAR_IDLE)
    }

    /// Whether end silence closes the open utterance.
    fn ends_by_silence(&self) -> bool {
        match self.endpointer.source() {
            EndpointSource::Vad => true,
            EndpointSource::Device => !self.endpointer.is_trusted() && self.utterances.has_voice(),
        }
    }

    /// The end silence.
    fn end_silence(&self, vad: &VadConfig) -> std::time::Duration {
        match self.endpointer.mode() {
            Some(ListenMode::Manual) => limits::MANUAL_SILENCE,
            _ => std::time::Duration::from_millis(vad.end_silence_ms),
        }
    }

    /// Handles a deadline. True if the task may end.
    async fn ring(&mut self, now: Instant) -> bool {
        if self.endpointer.state() != State::Listening {
            return !self.utterances.are_open() && now >= self.last_input + limits::EAR_IDLE;
        }
        let parts = self.shared.speech.parts();
        if self.lapsed(&parts.vad) {
            let step = self.endpointer.apply(Input::Lapse);
            self.step(step).await;
        } else if self.ends_by_silence() && now >= self.last_packet + self.end_silence(&parts.vad) {
            // No packets count as silence.
            let step = self.endpointer.apply(self.silent());
            self.activity.forget();
            self.step(step).await;
        }
        false
    }
}
