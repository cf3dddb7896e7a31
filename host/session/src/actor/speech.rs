//! What the device is told: speech, silence, and the person's turns as they are followed. Rule: whatever ends speech and
//! questions before their time goes through here, so that modes always learn what was heard.

use std::time::Duration;

use modehost_contract::Event;
use modehost_ids::PluginId;
use modehost_protocol::reply;
use modehost_speech::{Sound, speakable};
use tokio::time::Instant;

use super::Session;
use crate::boundary::{Boundary, Fate};
use crate::output::{Channel, Sentence, Silenced, tts};
use crate::trouble::{FACE, Trouble};
use crate::turns::{TurnKind, TurnRecord};

/// Who says what the host has to say itself. No plugin can have this id: it is the server's name.
const OWN: &str = "modehost";

impl Session {
    /// Says a sentence, or ends what the plugin is saying where `text` is empty and nothing is to
    /// follow.
    pub(super) fn say(&mut self, plugin: &PluginId, text: &str, interrupt: bool, more: bool) {
        // The one gate before the voice (L.7). What has no words says nothing.
        let text = &speakable(text).unwrap_or_default();
        if !text.trim().is_empty() {
            self.turns.works_for_answer(self.env.labels(), true);
        }
        if interrupt {
            let silenced = self.silence();
            // Whoever interrupts knows; whom they interrupt does not.
            let others = silenced.heard.into_iter().filter(|(who, _)| who != plugin).collect();
            self.tell_silenced("superseded", others);
        }
        let at_once = self.input.has_gone_on();
        let (output, mut channel) = self.output();
        if output.say(&mut channel, &Sentence { plugin, text, more }, at_once) {
            self.input.on_answered();
        }
    }

    /// Something that the host has to say itself, behind what is being said.
    pub(super) fn say_own(&mut self, text: &str) {
        self.say(&PluginId::from(OWN), text, false, false);
    }

    /// The person may have ended: says what waits, if so.
    pub(super) fn release_waiting(&mut self, now: Instant) {
        let at_once = self.input.has_gone_on();
        let (output, mut channel) = self.output();
        if output.release_waiting(&mut channel, now, at_once) {
            self.input.on_answered();
        }
    }

    /// Whoever speaks has said all.
    pub(super) fn end_speech(&mut self) {
        let (output, mut channel) = self.output();
        output.end_turn(&mut channel);
    }

    /// This plugin has said all, if it was speaking.
    pub(super) fn end_speech_of(&mut self, plugin: &PluginId) {
        let (output, mut channel) = self.output();
        output.end_turn_of(&mut channel, plugin);
    }

    /// Ends the speech of a plugin that is no more, or that has said nothing for too long.
    pub(super) fn expire_turn(&mut self, now: Instant) {
        let Self { env, presence, turns, output, roles, .. } = self;
        let mut channel = Channel { env, link: &mut presence.link, turns };
        output.expire_turn(&mut channel, now, |plugin| roles.place(plugin).is_some());
    }

    /// The voice may be over.
    pub(super) fn on_spoken(&mut self) {
        let (output, mut channel) = self.output();
        if output.on_spoken(&mut channel) {
            self.alert_person(Trouble::Voice);
        }
    }

    /// Nothing that has been said and not yet been heard will be.
    pub(super) fn silence(&mut self) -> Silenced {
        let (output, mut channel) = self.output();
        let silenced = output.silence(&mut channel);
        self.alert_if_voice_failed(silenced)
    }

    /// The same, but for what a lost connection has left.
    fn silence_turns(&mut self) -> Silenced {
        let (output, mut channel) = self.output();
        let silenced = output.silence_turns(&mut channel);
        self.alert_if_voice_failed(silenced)
    }

    fn alert_if_voice_failed(&mut self, silenced: Silenced) -> Silenced {
        if silenced.voice_failed {
            self.alert_person(Trouble::Voice);
        }
        silenced
    }

    /// The device wants silence, and waits for its `stop` whether or not anything is being said.
    /// The modes of the session are told, and whoever was speaking; nobody is woken for it who has
    /// nothing open.
    pub(super) fn abort(&mut self, reason: &str) {
        self.input.drop_draft();
        self.output.stay();
        self.input.on_answered();
        let silenced = self.silence();
        if !silenced.told {
            self.presence.link.answer(tts(&self.env.id, "stop", None));
        }
        self.move_on(reason, silenced.heard, true);
    }

    /// A boundary of the person (C.16). What it does to sound, the connection has seen to.
    pub(super) fn pass(&mut self, boundary: Boundary) {
        self.output.stay();
        if boundary != Boundary::Loss {
            self.input.on_answered();
        }
        let fates = boundary.fates(self.roles.records(&self.env));
        if fates.settling_utterances != Fate::GoesOn {
            self.input.drop_draft();
        }
        let heard = match fates.unsaid_sentences {
            Fate::Dropped if matches!(boundary, Boundary::HangUp | Boundary::TakenOver | Boundary::ModeChange) => {
                self.silence().heard
            }
            // What a lost connection has left is shown all the same: the press is a new question.
            Fate::Dropped => self.silence_turns().heard,
            Fate::GoesOn | Fate::Recorded => Vec::new(),
        };
        if matches!(boundary, Boundary::HangUp | Boundary::TakenOver) {
            self.presence.link.move_on();
        }
        if fates.spoken_questions == Fate::Dropped {
            self.move_on(boundary.reason(), heard, false);
        }
    }

    /// What is being said and asked is not wanted any more. Nobody is told who had nothing of it.
    pub(super) fn take_back(&mut self, reason: &str) {
        let heard = self.silence_turns().heard;
        self.move_on(reason, heard, false);
    }

    /// The person has moved on: questions whose answers would be spoken are dropped. Told are those who had
    /// one or were speaking, and with `all` every mode that is awake or waits for something.
    fn move_on(&mut self, reason: &str, heard: Vec<(PluginId, String)>, all: bool) {
        let know = |plugin: &PluginId| heard.iter().any(|(who, _)| who == plugin);
        let dropped = self.roles.drop_spoken(reason, all, know, &mut self.work);
        if dropped || !heard.is_empty() {
            self.turns.interrupt(reason);
        }
        self.tell_silenced(reason, heard);
    }

    /// Tells whoever was speaking what was heard of it.
    fn tell_silenced(&mut self, reason: &str, heard: Vec<(PluginId, String)>) {
        for (plugin, text) in heard {
            if self.roles.place(&plugin).is_some() {
                let event = Event::Aborted { reason: reason.into(), heard: Some(text.into()) };
                self.work.push_event(plugin, event);
            }
        }
    }

    /// What was heard and not yet given to a mode is for nobody; a voice that waited for it goes on.
    pub(super) fn drop_sound(&mut self) {
        self.env.handle.audio.put(Sound::Forget(self.env.handle.next_epoch()));
        self.input.drop_draft();
        self.output.speak_on();
    }

    /// The person notices a fault: they are told what it is, unless they know.
    pub(super) fn alert_person(&mut self, trouble: Trouble) {
        let device = &self.env.handle.device;
        if !self.env.shared.told.is_due(device, trouble, Instant::now()) {
            return;
        }
        tracing::warn!(%device, "a person is told of a fault: {}", trouble.label());
        let (status, message) = trouble.words(self.language());
        self.presence.link.send(reply::alert(status, message, FACE));
    }

    /// A turn of the person begins; `took` is how long its words took to be recognised.
    pub(super) fn begin_turn(&mut self, kind: TurnKind, took: Option<Duration>) {
        self.close_turn();
        let records = self.roles.records(&self.env);
        self.turns.begin(self.env.labels(), kind, took, records);
    }

    /// The plugin has been given what the turn is about.
    pub(super) fn record_server(&mut self, plugin: &PluginId) {
        if let Some(handler) = self.roles.handler_mut(plugin) {
            self.turns.served_by(plugin, handler.generation.id());
        }
    }

    /// Ends the turn that is open, if nothing of it is left.
    pub(super) fn close_finished_turn(&mut self) {
        let Some(tag) = self.turns.open_tag() else { return };
        let speaks = self.turns.is_answered() && self.output.is_busy();
        if !speaks && !self.roles.asks_with(|tie| tie.is_of(tag)) {
            self.close_turn();
        }
    }

    /// The turn that is open is over.
    pub(super) fn close_turn(&mut self) {
        self.turns.sound(self.output.first_sound());
        let record = self.turns.close(self.env.labels());
        self.publish_turn(record);
    }

    pub(super) fn publish_turn(&self, record: Option<TurnRecord>) {
        if let Some(record) = record {
            self.env.handle.published.turns.lock().push(record);
        }
    }
}
