//! Speech output, interruption, and tracking of the user's turns. Rule: whatever ends speech or questions early goes
//! through here, so that modes always learn how much was played.

use std::time::Duration;

use modehost_contract::Event;
use modehost_ids::PluginId;
use modehost_protocol::reply;
use modehost_speech::{AudioEvent, Sound, speakable};
use tokio::time::Instant;

use super::Session;
use crate::alerts::{Alert, EMOTION, notice};
use crate::boundary::{Boundary, Fate};
use crate::event::NotPlayed;
use crate::output::{Channel, HOST_SPEAKER, Sentence, Silenced, tts};
use crate::turns::{TurnKind, TurnRecord};

impl Session {
    /// Speaks a sentence; with empty `text` and without `more`, ends the plugin's speech.
    pub(super) fn say(&mut self, plugin: &PluginId, text: &str, interrupt: bool, more: bool) {
        // Every text passes this filter before synthesis (L.7). Text without speakable characters is silent.
        let text = &speakable(text).unwrap_or_default();
        if !text.trim().is_empty() {
            self.turns.mark_answering(self.env.labels(), true);
        }
        if interrupt {
            let silenced = self.silence();
            // The interrupting plugin knows; the interrupted ones do not.
            let others = silenced.played.into_iter().filter(|(who, _)| who != plugin).collect();
            self.notify_interrupted("superseded", others);
        }
        let at_once = self.input.continuations_exhausted();
        let (output, mut channel) = self.output();
        if output.say(&mut channel, &Sentence { plugin, text, more }, at_once) {
            self.input.on_answered();
        }
    }

    /// Speaks a sentence of the host itself, after what is being spoken.
    pub(super) fn say_as_host(&mut self, text: &str) {
        self.say(&PluginId::from(HOST_SPEAKER), text, false, false);
    }

    /// An operator has the device say this, after what it is speaking, or show it as a notice.
    pub(super) fn tell(&mut self, text: &str, spoken: bool) {
        if spoken {
            self.say_as_host(text);
            self.end_speech_of(&PluginId::from(HOST_SPEAKER));
        } else {
            self.presence.link.send(notice(text));
        }
    }

    /// An operator has the device play a sound, after what it is speaking.
    pub(super) fn play(&mut self, sound: Sound) -> Result<(), NotPlayed> {
        let (output, mut channel) = self.output();
        output.play(&mut channel, sound)
    }

    /// The user may have finished: speaks deferred sentences, if so.
    pub(super) fn release_deferred(&mut self, now: Instant) {
        let at_once = self.input.continuations_exhausted();
        let (output, mut channel) = self.output();
        if output.release_deferred(&mut channel, now, at_once) {
            self.input.on_answered();
        }
    }

    /// Ends the current speech turn.
    pub(super) fn end_speech(&mut self) {
        let (output, mut channel) = self.output();
        output.end_turn(&mut channel);
    }

    /// Ends the speech turn of this plugin, if it is speaking.
    pub(super) fn end_speech_of(&mut self, plugin: &PluginId) {
        let (output, mut channel) = self.output();
        output.end_turn_of(&mut channel, plugin);
    }

    /// Ends the speech turn of a plugin that was removed or has been silent for too long.
    pub(super) fn expire_turn(&mut self, now: Instant) {
        let Self { env, presence, turns, output, roles, .. } = self;
        let mut channel = Channel { env, link: &mut presence.link, turns };
        output.expire_turn(&mut channel, now, |plugin| roles.index_of(plugin).is_some());
    }

    /// The playback may have ended.
    pub(super) fn on_playback_ended(&mut self) {
        let (output, mut channel) = self.output();
        if output.on_playback_ended(&mut channel) {
            self.alert_user(Alert::Tts);
        }
    }

    /// Stops all speech that has not been played, including sentences kept for the next connection.
    pub(super) fn silence(&mut self) -> Silenced {
        let (output, mut channel) = self.output();
        let silenced = output.silence(&mut channel);
        self.alert_if_tts_failed(silenced)
    }

    /// As `silence`, except for what a lost connection has left.
    fn silence_current(&mut self) -> Silenced {
        let (output, mut channel) = self.output();
        let silenced = output.silence_current(&mut channel);
        self.alert_if_tts_failed(silenced)
    }

    fn alert_if_tts_failed(&mut self, silenced: Silenced) -> Silenced {
        if silenced.tts_failed {
            self.alert_user(Alert::Tts);
        }
        silenced
    }

    /// Handles `abort`: the device wants silence, and waits for its `stop` whether or not anything is being spoken.
    /// Notifies the modes of the session and whoever was speaking; wakes nobody who has nothing open.
    pub(super) fn abort(&mut self, reason: &str) {
        self.input.drop_draft();
        self.output.cancel_hang_up();
        self.input.on_answered();
        let silenced = self.silence();
        if !silenced.stop_sent {
            self.presence.link.answer(tts(&self.env.id, "stop", None));
        }
        self.cancel_spoken(reason, silenced.played, true);
    }

    /// Applies a dialogue boundary (C.16). The connection has already applied it to the audio.
    pub(super) fn apply_boundary(&mut self, boundary: Boundary) {
        self.output.cancel_hang_up();
        if boundary != Boundary::Loss {
            self.input.on_answered();
        }
        let fates = boundary.fates(self.roles.records(&self.env));
        if fates.settling_utterances != Fate::Continues {
            self.input.drop_draft();
        }
        let played = match fates.unsaid_sentences {
            Fate::Dropped if matches!(boundary, Boundary::HangUp | Boundary::TakenOver | Boundary::ModeChange) => {
                self.silence().played
            }
            // Sentences that a lost connection has left are shown nevertheless: the press is a new question.
            Fate::Dropped => self.silence_current().played,
            Fate::Continues | Fate::Recorded => Vec::new(),
        };
        if matches!(boundary, Boundary::HangUp | Boundary::TakenOver) {
            self.presence.link.mark_superseded();
        }
        if fates.spoken_questions == Fate::Dropped {
            self.cancel_spoken(boundary.reason(), played, false);
        }
    }

    /// Cancels current speech and questions. Plugins that have none are not notified.
    pub(super) fn cancel_output(&mut self, reason: &str) {
        let played = self.silence_current().played;
        self.cancel_spoken(reason, played, false);
    }

    /// The user has moved on: cancels questions whose answers would be spoken. Notifies their plugins and those that
    /// were speaking; with `all`, every mode that is live or waits for something.
    fn cancel_spoken(&mut self, reason: &str, played: Vec<(PluginId, String)>, all: bool) {
        let is_notified = |plugin: &PluginId| played.iter().any(|(who, _)| who == plugin);
        let dropped = self.roles.drop_spoken(reason, all, is_notified, &mut self.work);
        if dropped || !played.is_empty() {
            self.turns.interrupt(reason);
        }
        self.notify_interrupted(reason, played);
    }

    /// Tells the interrupted plugins how much of their speech was played.
    fn notify_interrupted(&mut self, reason: &str, played: Vec<(PluginId, String)>) {
        for (plugin, text) in played {
            if self.roles.index_of(&plugin).is_some() {
                let event = Event::Aborted { reason: reason.into(), heard: Some(text.into()) };
                self.work.push_event(plugin, event);
            }
        }
    }

    /// Drops speech that is being recognised; a playback that was paused for it resumes.
    pub(super) fn drop_audio(&mut self) {
        self.env.handle.audio.push(AudioEvent::Reset(self.env.handle.next_epoch()));
        self.input.drop_draft();
        self.output.resume_speech();
    }

    /// Alerts the user to a fault, unless they have been alerted recently.
    pub(super) fn alert_user(&mut self, alert: Alert) {
        let device = &self.env.handle.device;
        if !self.env.shared.alert_throttle.admit(device, alert, Instant::now()) {
            return;
        }
        tracing::warn!(%device, "user alerted to a fault: {}", alert.label());
        let (status, message) = alert.text(self.language());
        self.presence.link.send(reply::alert(status, message, EMOTION));
    }

    /// Starts a turn of the user; `took`: how long the recognition took.
    pub(super) fn begin_turn(&mut self, kind: TurnKind, took: Option<Duration>) {
        self.close_turn();
        let records = self.roles.records(&self.env);
        self.turns.begin(self.env.labels(), kind, took, records);
    }

    /// Records that the plugin has received the input of the turn.
    pub(super) fn record_served_by(&mut self, plugin: &PluginId) {
        if let Some(handler) = self.roles.handler_mut(plugin) {
            self.turns.served_by(plugin, handler.generation.id());
        }
    }

    /// Closes the open turn, if nothing of it is left.
    pub(super) fn close_finished_turn(&mut self) {
        let Some(tag) = self.turns.open_tag() else { return };
        let speaks = self.turns.is_answered() && self.output.is_busy();
        if !speaks && !self.roles.has_request_where(|turn_link| turn_link.belongs_to(tag)) {
            self.close_turn();
        }
    }

    /// Closes the open turn.
    pub(super) fn close_turn(&mut self) {
        self.turns.record_first_audio(self.output.first_audio());
        let record = self.turns.close(self.env.labels());
        self.publish_turn(record);
    }

    pub(super) fn publish_turn(&self, record: Option<TurnRecord>) {
        if let Some(record) = record {
            self.env.shared.observers.show_turn(&self.env.handle.device, &record);
            self.env.handle.published.turns.lock().push(record);
        }
    }
}
