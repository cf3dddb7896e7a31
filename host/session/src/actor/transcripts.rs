//! Typed and recognised text, to the mode that it is for. Rule: a final transcript ends current speech and questions,
//! unless the running mode records; a transcript goes to one mode.

use std::sync::Arc;

use modehost_contract::Event;
use modehost_contract::event::Transcript;
use modehost_ids::PluginId;
use modehost_protocol::Codec;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_speech::{AsrResult, Fault, FaultKind, InputEvent};
use tokio::time::Instant;

use super::Session;
use crate::alerts::Alert;
use crate::boundary::Boundary;
use crate::clock::unix_ms;
use crate::input::{Recognised, Utterance};
use crate::roles::find_mode;
use crate::roles::handler::Delivered;
use crate::turns::TurnKind;
use crate::wake_word::wake_word;
use crate::work::Work;

/// Abort reason for modes: the user spoke over the speech.
const BARGE_IN: &str = "barge_in";
/// Abort reason for modes: the user continued before anything was answered.
const CONTINUED: &str = "continued";
/// Abort reason for modes: a new transcript arrived.
const SUPERSEDED: &str = "superseded";

impl Session {
    /// Handles an ASR event. Results from before a boundary go only to a mode that records (C.16).
    pub(super) fn handle_asr_event(&mut self, epoch: u64, report: InputEvent) {
        let is_old = epoch != self.env.handle.epoch();
        match report {
            InputEvent::Idle => self.release_deferred(Instant::now()),
            InputEvent::Unreadable(codec) => self.on_undecodable_audio(codec),
            InputEvent::Transcript(words) if is_old => {
                if words.is_final && self.roles.records(&self.env) {
                    self.on_late_asr_result(words);
                }
            }
            _ if is_old => {}
            InputEvent::SilentPress => self.apply_boundary(Boundary::SilentPress),
            InputEvent::BargeIn => self.output.pause_for_barge_in(),
            InputEvent::Transcript(words) => self.on_asr_result(words),
            InputEvent::Failed(fault) => self.on_asr_failed(&fault),
        }
    }

    /// Typed text: a wake word is echoed and may be greeted, anything else is a turn. Earlier output has been dropped
    /// already (C.16).
    pub(super) fn on_typed(&mut self, text: String) {
        let config = self.config();
        if config.wake_words.contains(&wake_word(&text)) {
            self.begin_turn(TurnKind::WakeWord, None);
            self.presence.link.send(reply::stt(&text, self.env.id.as_str()));
            if let Some(greeting) = &config.greeting {
                self.say_as_host(greeting);
            }
            return;
        }
        self.supersede_output();
        self.begin_turn(TurnKind::Typed, None);
        let transcript = self.input.on_typed(text);
        self.send_transcript(None, transcript);
    }

    /// A result of the recogniser. Speech over speech pauses the playback; text stops it, and an empty result resumes
    /// it.
    fn on_asr_result(&mut self, words: AsrResult) {
        let empty = words.text.trim().is_empty();
        self.input.on_asr_works(empty);
        if empty && words.is_final {
            self.output.resume_speech();
        } else if !empty && self.output.take_barge_in() {
            self.abort(BARGE_IN);
        }
        let records = self.roles.records(&self.env);
        let (roles, waits) = (&self.roles, self.output.is_waiting());
        let is_awaited = |serial| waits || roles.has_request_since(serial);
        let serial = roles.requests.serial();
        let Some(recognised) = self.input.on_recognised(words, records, serial, is_awaited) else { return };
        let Recognised { transcript, latest, utterance, latency } = recognised;
        match utterance {
            Utterance::Draft => {}
            Utterance::Recorded => self.begin_turn(TurnKind::Utterance, latency),
            Utterance::New => {
                self.supersede_output();
                self.begin_turn(TurnKind::Utterance, latency);
            }
            Utterance::Continued => {
                self.cancel_output(CONTINUED);
                if !self.turns.continue_open(latency) {
                    self.begin_turn(TurnKind::Utterance, latency);
                }
            }
        }
        self.send_transcript(Some(&latest), transcript);
    }

    /// A result from before a boundary, for the mode that records: for its record, and for no other use.
    fn on_late_asr_result(&mut self, words: AsrResult) {
        if let Some(transcript) = self.input.on_late_result(words) {
            self.send_transcript(None, transcript);
        }
    }

    /// A new transcript ends current speech and questions.
    fn supersede_output(&mut self) {
        self.output.cancel_hang_up();
        self.cancel_output(SUPERSEDED);
    }

    /// Echoes a transcript to the device, and passes it to a mode. Only final text is sent as `stt`: firmware would
    /// show each partial as a separate message. `latest`: the newest text alone, where the transcript includes earlier
    /// text.
    fn send_transcript(&mut self, latest: Option<&str>, transcript: Transcript) {
        let (link, id) = (&mut self.presence.link, self.env.id.as_str());
        if transcript.is_final {
            link.send(reply::stt(&transcript.text, id));
        }
        link.send(reply::transcription(latest.unwrap_or(&transcript.text), unix_ms(), id));
        self.work.push_back(Work::Transcript { transcript, declined: false });
    }

    /// Delivers a transcript to the current mode, by its voice policy, or to the default mode; to none after the
    /// session has expired, since every role has ended.
    pub(super) async fn handle_transcript(&mut self, transcript: Transcript, declined: bool) {
        if self.presence.link.is_expired() {
            return;
        }
        let current = self.roles.listening_mode(&self.env, declined);
        let is_default = current.is_none();
        let default = || self.config().default_mode.as_deref().and_then(|mode| find_mode(&self.env, mode));
        let Some((plugin, mode)) = current.or_else(default) else {
            if transcript.is_final {
                let message = "no mode receives transcripts; set session.default_mode or start a mode";
                let error = reply::error(ErrorCode::NotReady.as_str(), message, &Reference::default());
                self.presence.link.send(error);
                self.alert_user(Alert::NoMode);
                self.turns.fail("no mode");
            }
            return;
        };
        if is_default && !self.start_default_mode(&plugin, &mode).await {
            return;
        }
        let event = Event::Transcript(transcript.clone());
        let delivered = self.deliver(&plugin, event).await;
        if transcript.is_final {
            self.record_served_by(&plugin);
        }
        match delivered {
            Delivered::Effects(effects) => {
                // The default mode cannot decline.
                let declinable = (!is_default).then_some(&transcript);
                self.apply(&plugin, effects, declinable).await;
            }
            other => self.on_delivery_failed(&plugin, other, transcript.is_final),
        }
    }

    /// A transcript could not be handled.
    fn on_delivery_failed(&mut self, plugin: &PluginId, delivered: Delivered, is_final: bool) {
        if is_final {
            match &delivered {
                Delivered::Effects(_) => {}
                Delivered::Rejected(_) => self.turns.fail_by_mode(None),
                Delivered::Skipped(fault) | Delivered::Lost(fault, _) => {
                    self.turns.fail_by_mode(Some(fault));
                    self.alert_user(Alert::Mode);
                }
            }
        }
        self.send_delivery_error(plugin, delivered, None);
    }

    /// Starts the default mode with the first transcript for it; from then on it runs below all others.
    async fn start_default_mode(&mut self, plugin: &PluginId, mode: &Arc<str>) -> bool {
        if self.roles.handler_mut(plugin).is_some_and(|handler| handler.role.mode.is_some()) {
            return true;
        }
        let started = Event::Started(self.env.start(Some(mode.clone()), self.language()));
        match self.deliver(plugin, started).await {
            Delivered::Effects(effects) => {
                self.roles.begin_mode(plugin, mode);
                self.apply(plugin, effects, None).await;
                true
            }
            other => {
                self.on_delivery_failed(plugin, other, true);
                false
            }
        }
    }

    /// The frames of the device are valid, but their audio cannot be decoded.
    fn on_undecodable_audio(&mut self, codec: Codec) {
        tracing::warn!(device = %self.env.handle.device, ?codec, "the audio of a device cannot be decoded");
        let message = "audio packets cannot be decoded; check audio_params of hello and Protocol-Version";
        let error = reply::error(ErrorCode::AudioUnreadable.as_str(), message, &Reference::to_audio());
        self.presence.link.send(error);
    }

    /// The recognition of an utterance failed. Current speech goes on.
    fn on_asr_failed(&mut self, fault: &Fault) {
        self.output.resume_speech();
        self.input.drop_draft();
        let records = self.roles.records(&self.env);
        let record = self.turns.record_unrecognised(self.env.labels(), fault, records);
        self.publish_turn(record);
        self.alert_user(Alert::Asr);
        // Behind an open breaker nothing was attempted, so there is nothing new to report.
        if self.input.on_asr_failed(fault.kind == FaultKind::BreakerOpen) {
            let kind = fault.kind.label();
            let message = format!("what was said could not be recognised ({kind}); please say it again");
            let error = reply::error(ErrorCode::AsrUnavailable.as_str(), &message, &Reference::default());
            self.presence.link.send(error);
        }
    }

    /// Audio came and no recogniser is configured: reported once each time the device starts listening.
    pub(super) fn on_audio_without_asr(&mut self) {
        if self.input.on_audio_without_asr() {
            self.alert_user(Alert::NoAsr);
            let message = "no speech recogniser is configured; typed turns work";
            let error = reply::error(ErrorCode::AsrUnavailable.as_str(), message, &Reference::default());
            self.presence.link.send(error);
        }
    }
}
