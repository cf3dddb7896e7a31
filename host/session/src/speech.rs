//! What is said to the device, in turns. Rule: what a connection sees is balanced: no `start`
//! within a turn, and no `stop` outside one but as the answer that `abort` must always get.
//!
//! A turn belongs to one plugin and to one connection. It begins with the first speech and ends
//! with a speech that has nothing to follow it, with silence (see `silence`), with the end, the fault
//! or the removal of the plugin, with a change of mode, with speech of another plugin, or when nothing has
//! followed for `SPEECH_GAP`. It does not begin while the person has the floor.
//!
//! Where somebody speaks (`tts`), a [`Speaking`] says the turn: it keeps the device in its speaking
//! state until all has been heard, and whoever speaks next meanwhile is said behind it. Where nobody
//! does, sentences are captions. A turn does not move to another connection: what the old one has not
//! heard is kept as text, as is what is said while nobody is connected, and is shown on return.

use modehost_ids::PluginId;
use modehost_limits as limits;
use modehost_protocol::{Codec, Hello, reply};
use modehost_speech::{Downlink, DownlinkCodec, Speaking, Stage, speakable};
use tokio::time::Instant;

use crate::actor::Session;
use crate::floor::Waiting;
use crate::inbox::Control;
use crate::link::Held;

/// Who says what the host has to say itself. No plugin can have this id: it is the server's name.
const OWN: &str = "modehost";

/// Somebody is speaking; the device has been told so.
pub(crate) struct Turn {
    pub(crate) plugin: PluginId,
    /// It is over then, if nothing more is said.
    pub(crate) until: Instant,
    /// A voice says it, and ends it on the wire.
    pub(crate) voiced: bool,
    /// What was shown of it, where no voice says it: that counts as heard.
    pub(crate) shown: String,
}

impl Session {
    /// Says a sentence, or ends what the plugin is saying where `text` is empty and nothing is to
    /// follow.
    pub(crate) fn say(&mut self, plugin: &PluginId, text: &str, interrupt: bool, more: bool) {
        // The one gate before the voice (L.7). What has no words says nothing.
        let text = &speakable(text).unwrap_or_default();
        if interrupt {
            let silenced = self.silence();
            // Whoever interrupts knows; whom they interrupt does not.
            let others = silenced.heard.into_iter().filter(|(who, _)| who != plugin).collect();
            self.tell_silenced("superseded", others);
        }
        if !self.link.is_ready() {
            if !text.trim().is_empty() {
                self.link.hold_speech(text.to_owned());
            }
            return;
        }
        let begins = self.turn.is_none() && self.voice.as_ref().is_none_or(Speaking::is_over);
        if self.floor.is_waiting() || (begins && !text.trim().is_empty() && !self.may_speak(Instant::now())) {
            self.floor.wait(Waiting::Say { plugin: plugin.clone(), text: text.to_owned(), more });
            return;
        }
        self.say_now(plugin, text, more);
    }

    /// Something that the host has to say itself, behind what is being said.
    pub(crate) fn say_own(&mut self, text: &str) {
        self.say(&PluginId::from(OWN), text, false, false);
    }

    /// Says it, whoever has the floor.
    pub(crate) fn say_now(&mut self, plugin: &PluginId, text: &str, more: bool) {
        let until = Instant::now() + limits::SPEECH_GAP;
        if text.trim().is_empty() {
            match &mut self.turn {
                Some(turn) if more && turn.plugin == *plugin => turn.until = until,
                _ if more => {}
                _ => self.end_turn_of(plugin),
            }
            return;
        }
        // From here on it is answered: words that come are a new turn.
        self.person.is_answered();
        if self.turn.as_ref().is_some_and(|turn| turn.plugin != *plugin) {
            self.end_turn();
        }
        let captioned = self.turn.as_ref().is_some_and(|turn| !turn.voiced);
        let voiced = !captioned && self.utter(plugin, text);
        let mut shown = self.turn.take().map(|turn| turn.shown).unwrap_or_default();
        if !voiced {
            if !captioned {
                self.send_tts("start", None);
            }
            self.caption(text);
            shown.push_str(text);
        }
        self.turn = Some(Turn { plugin: plugin.clone(), until, voiced, shown });
        if !more {
            self.end_turn();
        }
    }

    /// Has a sentence spoken. False where nobody speaks.
    fn utter(&mut self, plugin: &PluginId, text: &str) -> bool {
        let who = plugin.shared();
        if let Some(voice) = &self.voice
            && !voice.is_over()
        {
            // It takes no more than a device could listen to; what is beyond is dropped and counted there.
            // Where it has ended this very moment, another says it.
            if voice.sentence(&who, text).is_ok() || !voice.is_over() {
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
        let _ = voice.sentence(&who, text);
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

    /// The connection is lost: what it has not heard waits for the next.
    pub(crate) fn keep_speech(&mut self) {
        self.turn = None;
        if let Some(voice) = self.voice.take() {
            let (unsaid, _) = voice.abandon();
            for sentence in unsaid {
                self.link.hold_speech(sentence);
            }
            self.handle.ear.speaking(false);
            self.spoken_over = false;
        }
        for waiting in self.floor.take() {
            if let Waiting::Say { text, .. } = waiting {
                self.link.hold_speech(text);
            }
        }
    }

    /// The device has come back and has been answered: the messages that were kept for it, in order. Sentences
    /// are shown once it makes no utterance: they answer what was said before the connection was lost.
    pub(crate) fn release_held(&mut self) {
        let waits = self.handle.presence.is_making();
        let mut sentences = Vec::new();
        for held in self.link.open() {
            match held {
                Held::Speech(text) if waits => sentences.push(text),
                Held::Speech(text) => self.caption(&text),
                Held::Message(text) => self.link.send(text),
            }
        }
        self.floor.keep(sentences, Instant::now() + limits::KEPT_SPEECH);
    }

    /// Shows a sentence.
    pub(crate) fn caption(&mut self, text: &str) {
        self.send_tts("sentence_start", Some(text));
        self.send_tts("sentence_end", Some(text));
    }

    pub(crate) fn send_tts(&mut self, state: &str, text: Option<&str>) {
        self.link.send(reply::tts(state, text, self.id.as_str()));
    }
}
