//! The task of an audio input: decode packets, run the VAD, feed both to the endpointing state machine and
//! apply its steps to utterances. Rule: events are processed one at a time in order of arrival; the task
//! waits for the next event and for the queue of the session, and for nothing else.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::limits;
use modehost_protocol::{AudioFormat, ListenMode};
use tokio::time::{Instant, sleep_until};

use super::utterances::{UtteranceEvent, Utterances};
use super::{AudioEvent, InputEvent, InputState, Shared};
use crate::config::VadConfig;
use crate::decode::Decoder;
use crate::endpointing::{EndpointSource, Endpointer, Input, State, Step};
use crate::vad::{Change, RATE, Thresholds, Vad};

/// Samples that are processed together: 60 ms, a packet of stock firmware. A longer packet is split, so that its
/// samples reach the utterance that they belong to.
const CHUNK_SAMPLES: usize = RATE as usize * 60 / 1000;

/// Runs until no event has come for `limits::INPUT_IDLE` and no transcript is pending.
pub(super) async fn run(shared: Arc<Shared>, format: (u64, AudioFormat), epoch: u64) {
    let _running = RunningGauge::new();
    let mut pipeline = Pipeline::new(shared.clone(), format, epoch);
    let mut burst = 0;
    loop {
        if burst >= limits::INPUT_BURST {
            burst = 0;
            // Other sessions share this thread.
            tokio::task::yield_now().await;
        }
        let deadline = pipeline.next_deadline();
        tokio::select! {
            biased;
            event = pipeline.utterances.next(), if pipeline.utterances.is_active() => {
                pipeline.handle_utterance_event(event).await;
                pipeline.report_activity().await;
            }
            (at, event) = shared.next() => {
                burst += 1;
                pipeline.handle(at, event).await;
                pipeline.report_activity().await;
            }
            () = sleep_until(deadline) => {
                let may_stop = pipeline.handle_deadline(Instant::now()).await;
                pipeline.report_activity().await;
                if may_stop && shared.try_stop() {
                    return;
                }
            }
        }
    }
}

/// Counts running pipelines.
struct RunningGauge(metrics::Gauge);

impl RunningGauge {
    fn new() -> Self {
        let gauge = metrics::gauge!("modehost_asr_pipelines");
        gauge.increment(1.0);
        Self(gauge)
    }
}

impl Drop for RunningGauge {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// What has been reported to the session.
#[derive(Default)]
struct Reported {
    /// Barge-in, in the open utterance.
    barge_in: bool,
    /// The last `InputState::Making`.
    active: bool,
}

struct Pipeline {
    shared: Arc<Shared>,
    /// Epoch of the current audio.
    epoch: u64,
    /// The newest connection that has sent anything; events of older ones are ignored.
    connection: u64,
    format: AudioFormat,
    decoder: Decoder,
    /// Samples of the current packet; kept to reuse the allocation.
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
        if shared.sends_stop.load(Ordering::Relaxed) {
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
    async fn handle(&mut self, at: Instant, event: AudioEvent) {
        let now = Instant::now();
        self.last_input = now;
        match event {
            AudioEvent::Format(connection, format) => {
                if self.is_current(connection) && format != self.format {
                    self.format = format;
                    self.decoder = Decoder::new(format);
                }
            }
            AudioEvent::Packet(connection, packet) => {
                if self.is_current(connection) {
                    self.handle_packet(&packet, now).await;
                }
            }
            AudioEvent::Endpoint(connection, start) => {
                if self.is_current(connection) {
                    // Packets are expected from here on.
                    self.last_packet = now;
                    if self.endpointer.state() != State::Listening {
                        // Speech from before the endpoint does not count as an onset.
                        self.activity.reset();
                    }
                    if start.is_none() && !self.shared.sends_stop.swap(true, Ordering::Relaxed) {
                        self.shared.listener.on_state(InputState::DeviceSendsStop);
                    }
                    let silent = start.is_none() && self.is_silent_press();
                    let step = self.endpointer.device_endpoint(start, at);
                    if silent && step == Step::Close {
                        // A press without voice is never sent to a provider (A.9).
                        self.utterances.drop_silent_press();
                        self.endpointer.apply(Input::Resolved);
                        self.send(InputEvent::SilentPress).await;
                    } else {
                        self.apply_step(step).await;
                    }
                }
            }
            AudioEvent::Reset(epoch) => {
                self.epoch = epoch;
                let step = self.endpointer.apply(Input::Reset);
                self.apply_step(step).await;
            }
            AudioEvent::Discard => {
                let step = self.endpointer.apply(Input::RecogniserFailed);
                self.apply_step(step).await;
                self.activity.reset();
            }
            AudioEvent::StartEpoch(epoch) => {
                let step = self.endpointer.apply(Input::Disconnected);
                self.apply_step(step).await;
                self.activity.reset();
                self.epoch = epoch;
            }
            AudioEvent::Disconnected(connection) => {
                if connection == self.connection {
                    // The utterance survives the connection (C.3).
                    let step = self.endpointer.apply(Input::Disconnected);
                    self.apply_step(step).await;
                    // Speech on the next connection is a new onset.
                    self.activity.reset();
                }
            }
        }
    }

    /// Whether events of this connection count. A newer connection replaces the older one with its first event.
    fn is_current(&mut self, connection: u64) -> bool {
        if connection > self.connection {
            self.connection = connection;
            // A new stream: no decoder state carries over.
            self.decoder = Decoder::new(self.format);
        }
        connection == self.connection
    }

    async fn handle_packet(&mut self, packet: &[u8], now: Instant) {
        self.pcm.clear();
        if let Err(skipped) = self.decoder.decode(packet, &mut self.pcm) {
            metrics::counter!("modehost_audio_packets_skipped_total", "reason" => skipped.label()).increment(1);
            if let Some(codec) = self.decoder.take_unreadable() {
                self.send(InputEvent::Unreadable(codec)).await;
            }
            return;
        }
        let speaking = self.shared.playing.load(Ordering::Relaxed);
        let is_half_duplex =
            self.endpointer.mode() != Some(ListenMode::Realtime) && self.endpointer.source() == EndpointSource::Vad;
        if speaking && (is_half_duplex || self.shared.recording.load(Ordering::Relaxed)) {
            // Without echo cancellation the device records its own playback; a device with it uses realtime mode. A
            // recording must not contain playback either.
            return;
        }
        self.last_packet = now;
        let parts = self.shared.speech.providers();
        let pcm = std::mem::take(&mut self.pcm);
        for chunk in pcm.chunks(CHUNK_SAMPLES) {
            self.process(chunk, &parts.vad, speaking).await;
        }
        self.pcm = pcm;
    }

    async fn process(&mut self, chunk: &[i16], vad: &VadConfig, speaking: bool) {
        // More than one only where onset and end fall into one chunk; usually empty, which does not allocate.
        let mut changes = Vec::new();
        let before = self.activity.voice();
        self.activity.push(chunk, &self.thresholds(vad), |change| changes.push(change));
        self.utterances.push(chunk, vad);
        if self.source_expired(vad) {
            let step = self.endpointer.apply(Input::SourceExpired);
            self.apply_step(step).await;
        }
        for change in changes {
            let input = match change {
                Change::Began(_) => Input::VoiceBegan,
                Change::Ended(_) => self.silence_input(),
            };
            let step = self.endpointer.apply(input);
            self.apply_step(step).await;
            if matches!(change, Change::Began(_)) {
                self.utterances.mark_voiced();
            }
        }
        if self.activity.is_speaking() {
            self.utterances.mark_voiced();
            self.shared.listener.on_state(InputState::VoiceActive);
        }
        self.utterances.add_voice(self.activity.voice() - before);
        if self.utterances.is_too_long(vad) {
            let step = self.endpointer.apply(Input::TooLong);
            self.apply_step(step).await;
        }
        let overlaps = speaking && self.endpointer.state() == State::Listening && self.activity.is_speaking();
        let enough = std::time::Duration::from_millis(vad.barge_in_ms);
        if overlaps && !self.reported.barge_in && self.activity.voiced() >= enough {
            self.reported.barge_in = true;
            self.send(InputEvent::BargeIn).await;
        }
    }

    /// In manual mode the end silence is longer: a person who holds a button pauses to think.
    fn thresholds(&self, vad: &VadConfig) -> Thresholds {
        match self.endpointer.mode() {
            Some(ListenMode::Manual) => Thresholds::with_end(vad, limits::MANUAL_SILENCE),
            _ => Thresholds::from(vad),
        }
    }

    /// Whether a press that ends now contains no voice.
    fn is_silent_press(&self) -> bool {
        self.endpointer.state() == State::Listening
            && self.endpointer.source() == EndpointSource::Device
            && self.utterances.is_silent()
    }

    async fn send(&mut self, report: InputEvent) {
        self.shared.listener.send(self.epoch, report).await;
    }

    /// Notifies the session when an utterance becomes open or pending, or no longer is.
    async fn report_activity(&mut self) {
        let by_device = self.endpointer.source() == EndpointSource::Device;
        let active = match self.endpointer.state() {
            State::Idle => false,
            State::Listening => by_device || self.utterances.has_voice(),
            State::Finalizing => true,
        };
        if active == self.reported.active {
            return;
        }
        self.reported.active = active;
        self.shared.listener.on_state(InputState::UtteranceActive(active));
        if !active {
            // Sent after the transcript of that utterance.
            self.send(InputEvent::Idle).await;
        }
    }

    /// Earliest start of an answer to the utterance that has just ended.
    fn answer_from(&self, ended_by: EndpointSource) -> Instant {
        let now = Instant::now();
        if ended_by == EndpointSource::Device {
            return now;
        }
        let parts = self.shared.speech.providers();
        let quiet = self.activity.silence().max(now.saturating_duration_since(self.last_packet));
        now + std::time::Duration::from_millis(parts.vad.answer_after_ms).saturating_sub(quiet)
    }

    /// The input that end silence stands for, depending on voice in the open utterance.
    fn silence_input(&self) -> Input {
        if self.utterances.has_voice() { Input::VoiceEnded } else { Input::Unvoiced }
    }

    fn source_expired(&self, vad: &VadConfig) -> bool {
        let fallback = std::time::Duration::from_millis(vad.manual_fallback_ms);
        self.endpointer.source_expires_at(fallback, self.last_packet).is_some_and(|at| at <= Instant::now())
    }

    async fn apply_step(&mut self, step: Step) {
        match step {
            Step::Nothing => {}
            Step::Open => self.open(),
            Step::Close => self.close(),
            Step::Split => {
                self.utterances.mark_split();
                self.close();
                self.utterances.open(false, self.epoch);
                if self.activity.is_speaking() {
                    self.utterances.mark_voiced();
                }
            }
            Step::Discard => self.utterances.discard(),
            Step::Reset => {
                self.utterances.clear();
                self.activity.reset();
                self.reported.barge_in = false;
            }
            Step::Review => {
                let parts = self.shared.speech.providers();
                let end = self.end_silence(&parts.vad);
                let quiet = !self.activity.is_speaking() || self.activity.silence() >= end;
                let input = match (self.endpointer.state(), quiet) {
                    (State::Listening, true) => self.silence_input(),
                    (State::Idle | State::Finalizing, false) => Input::VoiceBegan,
                    _ => return,
                };
                let step = self.endpointer.apply(input);
                // The VAD is the source now, so this recurses once at most.
                Box::pin(self.apply_step(step)).await;
            }
        }
    }

    fn open(&mut self) {
        self.reported.barge_in = false;
        // Both a VAD onset and a device endpoint include the pre-roll.
        self.utterances.open(true, self.epoch);
    }

    fn close(&mut self) {
        let from = self.answer_from(self.endpointer.source());
        self.shared.listener.on_state(InputState::EarliestAnswer(from));
        if !self.utterances.close() {
            // The recogniser was removed from the configuration.
            self.endpointer.apply(Input::Resolved);
        }
    }

    /// Handles an event of an utterance whose audio has this epoch.
    async fn handle_utterance_event(&mut self, (epoch, event): (u64, UtteranceEvent)) {
        let listener = &self.shared.listener;
        match event {
            UtteranceEvent::Partial(transcript) => listener.try_send(epoch, InputEvent::Transcript(transcript)),
            UtteranceEvent::Final(transcript) => {
                listener.send(epoch, InputEvent::Transcript(transcript)).await;
                self.endpointer.apply(Input::Resolved);
            }
            UtteranceEvent::Failed(fault) => {
                listener.send(epoch, InputEvent::Failed(fault)).await;
                self.endpointer.apply(Input::Resolved);
            }
            UtteranceEvent::RecogniserFailed { transcript, fault } => {
                if let Some(transcript) = transcript {
                    listener.send(epoch, InputEvent::Transcript(transcript)).await;
                }
                listener.send(epoch, InputEvent::Failed(fault)).await;
                // The rest of the speech becomes a new utterance: reset the VAD, so that it reports a new onset.
                self.activity.reset();
                let step = self.endpointer.apply(Input::RecogniserFailed);
                self.apply_step(step).await;
            }
        }
    }

    /// The next deadline.
    fn next_deadline(&self) -> Instant {
        let parts = self.shared.speech.providers();
        if self.endpointer.state() != State::Listening {
            let since = if self.utterances.is_active() { Instant::now() } else { self.last_input };
            return since + limits::INPUT_IDLE;
        }
        let fallback = std::time::Duration::from_millis(parts.vad.manual_fallback_ms);
        let silent = self.ends_by_silence().then(|| self.last_packet + self.end_silence(&parts.vad));
        let expires = self.endpointer.source_expires_at(fallback, self.last_packet);
        [silent, expires].into_iter().flatten().min().unwrap_or_else(|| Instant::now() + limits::INPUT_IDLE)
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

    /// Handles a deadline. Returns true if the task may end.
    async fn handle_deadline(&mut self, now: Instant) -> bool {
        if self.endpointer.state() != State::Listening {
            return !self.utterances.is_active() && now >= self.last_input + limits::INPUT_IDLE;
        }
        let parts = self.shared.speech.providers();
        if self.source_expired(&parts.vad) {
            let step = self.endpointer.apply(Input::SourceExpired);
            self.apply_step(step).await;
        } else if self.ends_by_silence() && now >= self.last_packet + self.end_silence(&parts.vad) {
            // Missing packets count as silence.
            let step = self.endpointer.apply(self.silence_input());
            self.activity.reset();
            self.apply_step(step).await;
        }
        false
    }
}
