//! What is said to the device, in turns. Rule: what a connection sees is balanced: no `start`
//! within a turn, and no `stop` outside one but as the answer that `abort` must always get.
//!
//! A turn belongs to one plugin and to one connection. It begins with the first speech and ends
//! with a speech that has nothing to follow it, with silence (an abort, an interrupting speech, a
//! wake word), with the end, the fault or the removal of the plugin, with a change of mode, with
//! speech of another plugin, or when nothing has followed for `SPEECH_GAP`. A turn does not move to
//! another connection: the old one is told that it is over, and what is said from then on begins a
//! new one. What is said while nobody is connected waits as text, and makes one turn on return.
//!
//! Sentences are captions so far; a voice comes in here, between their start and their end.

use modehost_contract::Event;
use modehost_ids::PluginId;
use modehost_limits as limits;
use modehost_protocol::reply;
use tokio::time::Instant;

use crate::actor::{Session, Work};
use crate::link::Held;

/// Somebody is speaking; the device has been told so.
pub(crate) struct Turn {
    plugin: PluginId,
    /// It is over then, if nothing more is said.
    pub(crate) until: Instant,
}

impl Session {
    /// Says a sentence, or ends what the plugin is saying where `text` is empty and nothing is to
    /// follow.
    pub(crate) fn say(&mut self, plugin: &PluginId, text: &str, interrupt: bool, more: bool) {
        if interrupt {
            self.silence();
        }
        let until = Instant::now() + limits::SPEECH_GAP;
        if text.trim().is_empty() {
            match &mut self.turn {
                Some(turn) if more && turn.plugin == *plugin => turn.until = until,
                _ if more => {}
                _ => self.end_turn_of(plugin),
            }
            return;
        }
        if !self.link.is_ready() {
            return self.link.hold_speech(text.to_owned());
        }
        if self.turn.as_ref().is_some_and(|turn| turn.plugin != *plugin) {
            self.end_turn();
        }
        if self.turn.is_none() {
            self.send_tts("start", None);
        }
        self.turn = Some(Turn { plugin: plugin.clone(), until });
        self.send_sentence(text);
        if !more {
            self.end_turn();
        }
    }

    /// The device wants silence, and waits for its `stop` whether or not anything is being said.
    /// The modes of the session are told, and whoever was speaking; nobody is woken for it who has
    /// nothing open.
    pub(crate) fn abort(&mut self, reason: &str) {
        let speaker = self.turn.as_ref().map(|turn| turn.plugin.clone());
        self.stop_speaking();
        for handler in &self.handlers {
            let concerned = handler.mode.is_some() && (handler.is_live() || !handler.is_idle());
            if concerned || speaker.as_ref() == Some(&handler.plugin) {
                let event = Event::Aborted { reason: reason.into() };
                self.work.push_back(Work::Tell { plugin: handler.plugin.clone(), event, body: None });
            }
        }
    }

    /// Silence, and one `stop` in any case.
    pub(crate) fn stop_speaking(&mut self) {
        let speaking = self.turn.is_some();
        self.silence();
        if !speaking {
            self.link.answer(reply::tts("stop", None, self.id.as_str()));
        }
    }

    /// Nothing that has been said and not yet been heard will be.
    fn silence(&mut self) {
        if let Some(outbox) = self.link.outbox() {
            outbox.drop_audio();
        }
        self.link.forget_speech();
        self.end_turn();
    }

    /// Whoever speaks has said all.
    pub(crate) fn end_turn(&mut self) {
        if self.turn.take().is_some() {
            self.send_tts("stop", None);
        }
    }

    /// This plugin has said all, if it was speaking.
    pub(crate) fn end_turn_of(&mut self, plugin: &PluginId) {
        if self.turn.as_ref().is_some_and(|turn| turn.plugin == *plugin) {
            self.end_turn();
        }
    }

    /// Ends the turn of a plugin that is no more, or that has said nothing for too long.
    pub(crate) fn check_turn(&mut self, now: Instant) {
        let over = match &self.turn {
            Some(turn) => turn.until <= now || self.place(&turn.plugin).is_none(),
            None => false,
        };
        if over {
            self.end_turn();
        }
    }

    /// The device has come back and has been answered: what was kept for it, in order.
    pub(crate) fn release_held(&mut self) {
        let mut speaking = false;
        for held in self.link.open() {
            let speech = matches!(held, Held::Speech(_));
            if speech != speaking {
                self.send_tts(if speech { "start" } else { "stop" }, None);
                speaking = speech;
            }
            match held {
                Held::Speech(text) => self.send_sentence(&text),
                Held::Message(text) => self.link.send(text),
            }
        }
        if speaking {
            self.send_tts("stop", None);
        }
    }

    fn send_sentence(&mut self, text: &str) {
        self.send_tts("sentence_start", Some(text));
        self.send_tts("sentence_end", Some(text));
    }

    fn send_tts(&mut self, state: &str, text: Option<&str>) {
        self.link.send(reply::tts(state, text, self.id.as_str()));
    }
}
