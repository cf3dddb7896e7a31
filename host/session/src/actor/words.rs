//! What the person says, typed or spoken, to the mode that it is for. Rule: words that are final end what is being said
//! and asked, unless a mode keeps what is said; a transcript goes to one mode.

use std::sync::Arc;

use modehost_contract::Event;
use modehost_contract::event::Transcript;
use modehost_ids::PluginId;
use modehost_protocol::Codec;
use modehost_protocol::reply::{self, ErrorCode, Reference};
use modehost_speech::{Fault, FaultKind, Report, Words};
use tokio::time::Instant;

use super::Session;
use crate::boundary::Boundary;
use crate::clock::unix_ms;
use crate::input::{Recognised, Utterance};
use crate::roles::find_mode;
use crate::roles::handler::Delivered;
use crate::trouble::Trouble;
use crate::turns::TurnKind;
use crate::wake_word::wake_word;
use crate::work::Work;

/// What modes are told of an abort that somebody caused by speaking.
const BARGE_IN: &str = "barge_in";
/// What modes are told where the person went on speaking before anything was answered.
const CONTINUED: &str = "continued";
/// What modes are told where other words came.
const SUPERSEDED: &str = "superseded";

impl Session {
    /// Of sound from before a boundary only a mode that records hears (C.16).
    pub(super) fn handle_report(&mut self, epoch: u64, report: Report) {
        let is_old = epoch != self.env.handle.epoch();
        match report {
            Report::Quiet => self.release_waiting(Instant::now()),
            Report::Unreadable(codec) => self.on_unreadable_sound(codec),
            Report::Words(words) if is_old => {
                if words.is_final && self.roles.records(&self.env) {
                    self.on_words_of_old_sound(words);
                }
            }
            _ if is_old => {}
            Report::SilentPress => self.pass(Boundary::SilentPress),
            Report::SpeechOverSpeech => self.output.hold_back(),
            Report::Words(words) => self.on_words(words),
            Report::Failed(fault) => self.on_recogniser_fault(&fault),
        }
    }

    /// Typed words: a wake word is shown and may be greeted, anything else is a turn. What came before has been
    /// dropped already (C.16).
    pub(super) fn on_typed(&mut self, text: String) {
        let config = self.config();
        if config.wake_words.contains(&wake_word(&text)) {
            self.begin_turn(TurnKind::WakeWord, None);
            self.presence.link.send(reply::stt(&text, self.env.id.as_str()));
            if let Some(greeting) = &config.greeting {
                self.say_own(greeting);
            }
            return;
        }
        self.end_by_new_words();
        self.begin_turn(TurnKind::Typed, None);
        let transcript = self.input.on_typed(text);
        self.send_transcript(None, transcript);
    }

    /// Words of the recogniser. Speech over speech holds the voice back; words silence it, and without any it goes on.
    fn on_words(&mut self, words: Words) {
        let empty = words.text.trim().is_empty();
        self.input.on_recogniser_works(empty);
        if empty && words.is_final {
            self.output.speak_on();
        } else if !empty && self.output.take_spoken_over() {
            self.abort(BARGE_IN);
        }
        let records = self.roles.records(&self.env);
        let (roles, waits) = (&self.roles, self.output.is_waiting());
        let is_awaited = |serial| waits || roles.asks_since(serial);
        let serial = roles.requests.serial();
        let Some(recognised) = self.input.on_recognised(words, records, serial, is_awaited) else { return };
        let Recognised { transcript, heard, utterance, took } = recognised;
        match utterance {
            Utterance::Draft => {}
            Utterance::Recorded => self.begin_turn(TurnKind::Utterance, took),
            Utterance::New => {
                self.end_by_new_words();
                self.begin_turn(TurnKind::Utterance, took);
            }
            Utterance::Continued => {
                self.take_back(CONTINUED);
                if !self.turns.go_on(took) {
                    self.begin_turn(TurnKind::Utterance, took);
                }
            }
        }
        self.send_transcript(Some(&heard), transcript);
    }

    /// Words that were said before a boundary, for the mode that records: into its record, and to nobody else.
    fn on_words_of_old_sound(&mut self, words: Words) {
        if let Some(transcript) = self.input.on_recorded_late(words) {
            self.send_transcript(None, transcript);
        }
    }

    /// New words end what is being said and asked: they are what the person wants to hear of now.
    fn end_by_new_words(&mut self) {
        self.output.stay();
        self.take_back(SUPERSEDED);
    }

    /// Shows words to the device, and sends them on their way to a mode. A caption is given to final words only: firmware
    /// would show each draft as something said. `heard`: the newest words, where the transcript has more.
    fn send_transcript(&mut self, heard: Option<&str>, transcript: Transcript) {
        let (link, id) = (&mut self.presence.link, self.env.id.as_str());
        if transcript.is_final {
            link.send(reply::stt(&transcript.text, id));
        }
        link.send(reply::transcription(heard.unwrap_or(&transcript.text), unix_ms(), id));
        self.work.push_back(Work::Transcript { transcript, declined: false });
    }

    /// Words go to the current mode, by its voice policy, or to the default mode; to nobody where the
    /// device has been given up, since every role has ended.
    pub(super) async fn handle_transcript(&mut self, transcript: Transcript, declined: bool) {
        if self.presence.link.is_over() {
            return;
        }
        let current = self.roles.listening_mode(&self.env, declined);
        let is_default = current.is_none();
        let default = || self.config().default_mode.as_deref().and_then(|mode| find_mode(&self.env, mode));
        let Some((plugin, mode)) = current.or_else(default) else {
            if transcript.is_final {
                let message = "no mode takes what is said; set session.default_mode or start a mode";
                let error = reply::error(ErrorCode::NotReady.as_str(), message, &Reference::default());
                self.presence.link.send(error);
                self.alert_person(Trouble::NoMode);
                self.turns.fail("no mode");
            }
            return;
        };
        if is_default && !self.begin_default(&plugin, &mode).await {
            return;
        }
        let event = Event::Transcript(transcript.clone());
        let delivered = self.deliver(&plugin, event).await;
        if transcript.is_final {
            self.record_server(&plugin);
        }
        match delivered {
            Delivered::Effects(effects) => {
                // The default mode has nobody to decline to.
                let declinable = (!is_default).then_some(&transcript);
                self.apply(&plugin, effects, declinable).await;
            }
            other => self.on_spoilt(&plugin, other, transcript.is_final),
        }
    }

    /// What was said has come to nothing.
    fn on_spoilt(&mut self, plugin: &PluginId, delivered: Delivered, is_final: bool) {
        if is_final {
            match &delivered {
                Delivered::Effects(_) => {}
                Delivered::Rejected(_) => self.turns.fail_by_mode(None),
                Delivered::Skipped(fault) | Delivered::Lost(fault, _) => {
                    self.turns.fail_by_mode(Some(fault));
                    self.alert_person(Trouble::Mode);
                }
            }
        }
        self.complain(plugin, delivered, None);
    }

    /// The default mode begins with the first words for it, and lies under all others from then on.
    async fn begin_default(&mut self, plugin: &PluginId, mode: &Arc<str>) -> bool {
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
                self.on_spoilt(plugin, other, true);
                false
            }
        }
    }

    /// The frames of the device are understood, and what is in them is not.
    fn on_unreadable_sound(&mut self, codec: Codec) {
        tracing::warn!(device = %self.env.handle.device, ?codec, "the sound of a device cannot be decoded");
        let message = "audio packets cannot be decoded; check audio_params of hello and Protocol-Version";
        let error = reply::error(ErrorCode::AudioUnreadable.as_str(), message, &Reference::to_sound());
        self.presence.link.send(error);
    }

    /// An utterance was not recognised. What is being said goes on.
    fn on_recogniser_fault(&mut self, fault: &Fault) {
        self.output.speak_on();
        self.input.drop_draft();
        let records = self.roles.records(&self.env);
        let record = self.turns.record_unrecognised(self.env.labels(), fault, records);
        self.publish_turn(record);
        self.alert_person(Trouble::Recogniser);
        // Behind an open breaker nothing was tried, and nothing is new.
        if self.input.on_recogniser_failed(fault.kind == FaultKind::BreakerOpen) {
            let kind = fault.kind.label();
            let message = format!("what was said could not be recognised ({kind}); please say it again");
            let error = reply::error(ErrorCode::AsrUnavailable.as_str(), &message, &Reference::default());
            self.presence.link.send(error);
        }
    }

    /// Sound came and there is no recogniser: said once for each time the device starts listening.
    pub(super) fn on_unheard_sound(&mut self) {
        if self.input.on_unheard_sound() {
            self.alert_person(Trouble::NoRecogniser);
            let message = "no speech recogniser is configured; typed turns work";
            let error = reply::error(ErrorCode::AsrUnavailable.as_str(), message, &Reference::default());
            self.presence.link.send(error);
        }
    }
}
