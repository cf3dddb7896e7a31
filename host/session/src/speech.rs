//! What is said to the device, in turns. Rule: what a connection sees is balanced: no `start`
//! within a turn, and no `stop` outside one but as the answer that `abort` must always get.
//!
//! A turn belongs to one plugin and to one connection. It begins with the first speech and ends
//! with a speech that has nothing to follow it, with silence (an abort, an interrupting speech, a
//! wake word), with the end, the fault or the removal of the plugin, with a change of mode, with
//! speech of another plugin, or when nothing has followed for `SPEECH_GAP`.
//!
//! Where somebody speaks (`tts`), a [`Speaking`] says the turn: it keeps the device in its speaking
//! state until all has been heard, and whoever speaks next meanwhile is said behind it. Where nobody
//! does, sentences are captions. A turn does not move to another connection: what the old one has not
//! heard is kept as text, and makes one turn on return, as does what is said while nobody is connected.

use modehost_contract::Event;
use modehost_ids::PluginId;
use modehost_limits as limits;
use modehost_protocol::{Codec, Hello, reply};
use modehost_speech::{Downlink, DownlinkCodec, Speaking, Stage};
use tokio::time::Instant;

use crate::actor::{Session, Work};
use crate::inbox::Control;
use crate::link::Held;

/// Somebody is speaking; the device has been told so.
pub(crate) struct Turn {
    plugin: PluginId,
    /// It is over then, if nothing more is said.
    pub(crate) until: Instant,
    /// A voice says it, and ends it on the wire.
    voiced: bool,
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
        let captioned = self.turn.as_ref().is_some_and(|turn| !turn.voiced);
        let voiced = !captioned && self.utter(text);
        if !voiced {
            if !captioned {
                self.send_tts("start", None);
            }
            self.send_sentence(text);
        }
        self.turn = Some(Turn { plugin: plugin.clone(), until, voiced });
        if !more {
            self.end_turn();
        }
    }

    /// Has a sentence spoken. False where nobody speaks.
    fn utter(&mut self, text: &str) -> bool {
        if let Some(voice) = &self.voice
            && !voice.is_over()
        {
            // It takes no more than a device could listen to; what is beyond is dropped and counted there.
            // Where it has ended this very moment, another says it.
            if voice.sentence(text).is_ok() || !voice.is_over() {
                return true;
            }
        }
        let Some(outbox) = self.link.outbox().cloned() else { return false };
        let downlink = self.downlink.unwrap_or_else(|| self.shared.services.speech.parts().downlink);
        let stage = Stage { outbox, session_id: self.id.as_str().to_owned(), downlink };
        let handle = std::sync::Arc::downgrade(&self.handle);
        let over = move || {
            if let Some(handle) = handle.upgrade() {
                handle.inbox.control(Control::Spoken);
            }
        };
        let Some(voice) = self.shared.services.speech.speak(stage, over) else { return false };
        let _ = voice.sentence(text);
        self.voice = Some(voice);
        self.handle.ear.speaking(true);
        true
    }

    /// The answer to a hello. From now on the device is sent what this says, whatever the settings say
    /// later.
    pub(crate) fn hello_answer(&mut self, hello: &Hello) -> String {
        let (codec, format) = match hello.audio.codec {
            Codec::Opus => (DownlinkCodec::Opus, "opus"),
            Codec::Pcm => (DownlinkCodec::Pcm, "pcm"),
        };
        let downlink = Downlink { codec, ..self.shared.services.speech.parts().downlink };
        self.downlink = Some(downlink);
        reply::hello(self.id.as_str(), (format, downlink.sample_rate, downlink.frame_ms))
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
                let event = Event::Aborted { reason: reason.into(), heard: None };
                self.work.push_back(Work::Tell { plugin: handler.plugin.clone(), event, body: None });
            }
        }
    }

    /// Silence, and one `stop` in any case.
    pub(crate) fn stop_speaking(&mut self) {
        if !self.silence() {
            self.link.answer(reply::tts("stop", None, self.id.as_str()));
        }
    }

    /// Nothing that has been said and not yet been heard will be. True if the device has been told so.
    pub(crate) fn silence(&mut self) -> bool {
        self.link.forget_speech();
        self.break_off()
    }

    /// The turn is over in the middle. True if the device has been told so.
    fn break_off(&mut self) -> bool {
        let captioned = self.turn.take().is_some_and(|turn| !turn.voiced);
        if captioned {
            self.send_tts("stop", None);
        }
        let voiced = self.voice.as_ref().is_some_and(Speaking::cut);
        self.fall_silent();
        captioned || voiced
    }

    /// The voice is over, or has been cut.
    pub(crate) fn fall_silent(&mut self) {
        if self.voice.take_if(|voice| voice.is_over()).is_some() {
            self.handle.ear.speaking(false);
            self.spoken_over = false;
        }
    }

    /// Whoever speaks has said all; a voice speaks on until that has been heard.
    pub(crate) fn end_turn(&mut self) {
        let Some(turn) = self.turn.take() else { return };
        match &self.voice {
            Some(voice) if turn.voiced => voice.finish(),
            _ if turn.voiced => {}
            _ => self.send_tts("stop", None),
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
        let playing = self.voice.as_ref().is_some_and(Speaking::is_playing);
        let Some(turn) = &mut self.turn else { return };
        if turn.until <= now && turn.voiced && playing {
            // The gap begins when there is nothing left to hear.
            turn.until = now + limits::SPEECH_GAP;
        }
        let (until, plugin) = (turn.until, turn.plugin.clone());
        if until <= now || self.place(&plugin).is_none() {
            self.end_turn();
        }
    }

    /// The connection is gone: what it has not heard waits for the next.
    pub(crate) fn keep_speech(&mut self) {
        self.turn = None;
        if let Some(voice) = self.voice.take() {
            for sentence in voice.abandon() {
                self.link.hold_speech(sentence);
            }
            self.handle.ear.speaking(false);
            self.spoken_over = false;
        }
    }

    /// Another connection takes the place of this one, which is told that the turn is over.
    pub(crate) fn hand_speech_on(&mut self) {
        let left = self.voice.as_ref().map(Speaking::unsaid).unwrap_or_default();
        self.break_off();
        for sentence in left {
            self.link.hold_speech(sentence);
        }
    }

    /// The device has come back and has been answered: what was kept for it, in order.
    pub(crate) fn release_held(&mut self) {
        let mut captioned = false;
        let mut voiced = false;
        for held in self.link.open() {
            match held {
                Held::Speech(text) if !captioned && self.utter(&text) => voiced = true,
                Held::Speech(text) => {
                    if !captioned {
                        self.send_tts("start", None);
                        captioned = true;
                    }
                    self.send_sentence(&text);
                }
                Held::Message(text) => {
                    if std::mem::take(&mut captioned) {
                        self.send_tts("stop", None);
                    }
                    self.link.send(text);
                }
            }
        }
        if captioned {
            self.send_tts("stop", None);
        }
        if let Some(voice) = self.voice.as_ref().filter(|_| voiced) {
            voice.finish();
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
