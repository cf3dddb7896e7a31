//! What is said to the device, in turns. Rule: what a connection sees is balanced: no `start`
//! within a turn, and no `stop` outside one but as the answer that `abort` must always get.
//!
//! A turn belongs to one plugin and to one connection. It begins with the first speech and ends
//! with a speech that has nothing to follow it, with silence, with the end, the fault
//! or the removal of the plugin, with a change of mode, with speech of another plugin, or when nothing has
//! followed for `SPEECH_GAP`. It does not begin while the person has the floor.
//!
//! Where a speech synthesiser is configured, a [`Playback`] says the turn: it keeps the device in its speaking
//! state until all has been heard, and whoever speaks next meanwhile is said behind it. Where none
//! is, sentences are captions. A turn does not move to another connection: what the old one has not
//! heard is kept as text, as is what is said while nobody is connected, and is shown on return.
//!
//! Methods also in `output/`: [`silence`] (speech that ends before its time), [`floor`] (speech that waits).

mod floor;
mod silence;

use std::sync::Arc;

use crate::limits;
use modehost_ids::{PluginId, SessionId};
use modehost_outbox::Text;
use modehost_protocol::{Codec, Hello, reply};
use modehost_speech::{Downlink, DownlinkCodec, Playback, PlaybackTarget};
use tokio::time::Instant;

use self::floor::{Floor, Waiting};
pub(crate) use self::silence::Silenced;
use crate::boundary::Boundary;
use crate::environment::Environment;
use crate::event::Control;
use crate::link::{Held, Link};
use crate::turns::Turns;

/// The output of a session.
#[derive(Default)]
pub(crate) struct Output {
    /// What is being said to the device.
    turn: Option<SpeechTurn>,
    /// The voice that says it, or that is saying the rest of the turn before.
    voice: Option<Playback>,
    /// What waits to be said until the person has ended.
    floor: Floor,
    /// What the device was told that it is sent; none before its hello.
    downlink: Option<Downlink>,
    /// Somebody speaks over the voice, which waits until it is known whether anything was said.
    spoken_over: bool,
    /// A mode hangs up: the connection closes once all has been said.
    closing: bool,
}

/// A plugin is speaking; the device has been told so.
struct SpeechTurn {
    plugin: PluginId,
    /// It is over then, if nothing more is said.
    until: Instant,
    /// A voice says it, and ends it on the wire.
    voiced: bool,
    /// What was shown of it, where no voice says it: that counts as heard.
    shown: String,
}

/// What speech goes through: lent by the actor for one call.
pub(crate) struct Channel<'a> {
    pub(crate) env: &'a Environment,
    /// The way to the device.
    pub(crate) link: &'a mut Link,
    /// Keeps what becomes of the person's turns.
    pub(crate) turns: &'a mut Turns,
}

/// A sentence of a plugin.
pub(crate) struct Sentence<'a> {
    pub(crate) plugin: &'a PluginId,
    /// Without text it ends what the plugin is saying, where nothing is to follow.
    pub(crate) text: &'a str,
    /// More is to follow.
    pub(crate) more: bool,
}

impl Sentence<'_> {
    fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }
}

impl Output {
    /// Says a sentence: now, behind what waits to be said, or on return of the device. `at_once`: the person has gone on
    /// so often that the answer comes whoever speaks. True if an answer has begun.
    pub(crate) fn say(&mut self, channel: &mut Channel<'_>, sentence: &Sentence<'_>, at_once: bool) -> bool {
        let Sentence { plugin, text, more } = *sentence;
        if !channel.link.is_ready() {
            if !sentence.is_empty() {
                channel.link.hold_speech(text.to_owned());
            }
            return false;
        }
        let begins = self.turn.is_none() && self.voice.as_ref().is_none_or(Playback::is_over);
        let may_speak = || at_once || may_speak(channel.env, Instant::now());
        if self.floor.is_waiting() || (begins && !sentence.is_empty() && !may_speak()) {
            self.floor.wait(Waiting::Say { plugin: plugin.clone(), text: text.to_owned(), more });
            return false;
        }
        self.say_now(channel, sentence)
    }

    /// Says it, whoever has the floor. True if there was something to say.
    fn say_now(&mut self, channel: &mut Channel<'_>, sentence: &Sentence<'_>) -> bool {
        let Sentence { plugin, text, more } = *sentence;
        let until = Instant::now() + limits::SPEECH_GAP;
        if sentence.is_empty() {
            match &mut self.turn {
                Some(turn) if more && turn.plugin == *plugin => turn.until = until,
                _ if more => {}
                _ => self.end_turn_of(channel, plugin),
            }
            return false;
        }
        if self.turn.as_ref().is_some_and(|turn| turn.plugin != *plugin) {
            self.end_turn(channel);
        }
        let captioned = self.turn.as_ref().is_some_and(|turn| !turn.voiced);
        let voiced = !captioned && self.utter(channel, plugin, text);
        let mut shown = self.turn.take().map(|turn| turn.shown).unwrap_or_default();
        if !voiced {
            if !captioned {
                channel.send_tts("start", None);
            }
            channel.caption(text);
            shown.push_str(text);
        }
        self.turn = Some(SpeechTurn { plugin: plugin.clone(), until, voiced, shown });
        if !more {
            self.end_turn(channel);
        }
        true
    }

    /// Has a sentence spoken. False where no voice speaks.
    fn utter(&mut self, channel: &mut Channel<'_>, plugin: &PluginId, text: &str) -> bool {
        let who = plugin.shared();
        let is_first = channel.turns.begin_to_sound();
        if let Some(voice) = &self.voice
            && !voice.is_over()
        {
            if is_first {
                voice.await_sound();
            }
            // It takes no more than a device could listen to; what is beyond is dropped and counted there.
            // Where it has ended this very moment, another says it.
            if voice.sentence(&who, text).is_ok() || !voice.is_over() {
                return true;
            }
        }
        let Some(outbox) = channel.link.outbox().cloned() else { return false };
        let env = channel.env;
        let speech = &env.services().speech;
        let downlink = self.downlink.unwrap_or_else(|| speech.parts().downlink);
        let target = PlaybackTarget { outbox, session_id: env.id.as_str().to_owned(), downlink };
        let handle = Arc::downgrade(&env.handle);
        let over = move || {
            if let Some(handle) = handle.upgrade() {
                handle.inbox.control(Control::Spoken);
            }
        };
        let span = channel.turns.work_span(env.labels());
        let Some(voice) = span.in_scope(|| speech.speak(target, over)) else { return false };
        if is_first {
            voice.await_sound();
        }
        let _ = voice.sentence(&who, text);
        self.voice = Some(voice);
        env.handle.audio.speaking(true);
        true
    }

    /// A message that goes with what is being said: behind what waits to be said, with the first sound of
    /// what is about to be heard, else at once.
    pub(crate) fn accompany(&mut self, link: &mut Link, text: Text) {
        if self.floor.is_waiting() {
            return self.floor.wait(Waiting::Show(text));
        }
        self.show(link, text);
    }

    fn show(&mut self, link: &mut Link, text: Text) {
        match &self.voice {
            Some(voice) if self.turn.is_some() => {
                let text: Arc<str> = match text {
                    Text::Own(text) => text.into(),
                    Text::Shared(text) => text,
                };
                if let Some(text) = voice.accompany(text) {
                    link.send(text);
                }
            }
            _ => link.send(text),
        }
    }

    /// The answer to a hello. From now on the device is sent what this says, whatever the settings say
    /// later.
    pub(crate) fn on_hello(&mut self, env: &Environment, hello: &Hello) -> String {
        let (codec, format) = match hello.audio.codec {
            Codec::Opus => (DownlinkCodec::Opus, "opus"),
            Codec::Pcm => (DownlinkCodec::Pcm, "pcm"),
        };
        let downlink = Downlink { codec, ..env.services().speech.parts().downlink };
        self.downlink = Some(downlink);
        reply::hello(env.id.as_str(), (format, downlink.sample_rate, downlink.frame_ms))
    }

    /// Whoever speaks has said all; a voice speaks on until that has been heard.
    pub(crate) fn end_turn(&mut self, channel: &mut Channel<'_>) {
        let Some(turn) = self.turn.take() else { return };
        match &self.voice {
            Some(voice) if turn.voiced => voice.finish(),
            _ if turn.voiced => {}
            _ => channel.send_tts("stop", None),
        }
    }

    /// This plugin has said all, if it was speaking.
    pub(crate) fn end_turn_of(&mut self, channel: &mut Channel<'_>, plugin: &PluginId) {
        if self.turn.as_ref().is_some_and(|turn| turn.plugin == *plugin) {
            self.end_turn(channel);
        }
    }

    /// Ends the turn of a plugin that is no more, or that has said nothing for too long.
    pub(crate) fn expire_turn(
        &mut self,
        channel: &mut Channel<'_>,
        now: Instant,
        is_there: impl Fn(&PluginId) -> bool,
    ) {
        let playing = self.voice.as_ref().is_some_and(Playback::is_playing);
        let Some(turn) = &mut self.turn else { return };
        if turn.until <= now && turn.voiced && playing {
            // The gap begins when there is nothing left to hear.
            turn.until = now + limits::SPEECH_GAP;
        }
        if turn.until <= now || !is_there(&turn.plugin) {
            self.end_turn(channel);
        }
    }

    /// The connection is lost: what it has not heard waits for the next.
    pub(crate) fn keep_unheard(&mut self, channel: &mut Channel<'_>) {
        self.closing = false;
        self.turn = None;
        if let Some(voice) = self.voice.take() {
            channel.turns.sound(voice.first_sound());
            if !voice.is_over() {
                channel.turns.interrupt(Boundary::Loss.reason());
            }
            let (unsaid, _) = voice.abandon();
            for sentence in unsaid {
                channel.link.hold_speech(sentence);
            }
            channel.env.handle.audio.speaking(false);
            self.spoken_over = false;
        }
        for waiting in self.floor.take() {
            if let Waiting::Say { text, .. } = waiting {
                channel.link.hold_speech(text);
            }
        }
    }

    /// The device has come back and has been answered: the messages that were kept for it, in order. Sentences
    /// are shown once it makes no utterance: they answer what was said before the connection was lost.
    pub(crate) fn release_held(&mut self, channel: &mut Channel<'_>) {
        let waits = channel.env.handle.activity.is_making();
        let mut sentences = Vec::new();
        for held in channel.link.open() {
            match held {
                Held::Speech(text) if waits => sentences.push(text),
                Held::Speech(text) => channel.caption(&text),
                Held::Message(text) => channel.link.send(text),
            }
        }
        self.floor.keep(sentences, Instant::now() + limits::KEPT_SPEECH);
    }

    /// The person may have ended: says what waits, if so. `at_once` as in [`Self::say`]. True if an answer has begun.
    pub(crate) fn release_waiting(&mut self, channel: &mut Channel<'_>, now: Instant, at_once: bool) -> bool {
        if channel.link.is_ready() {
            for sentence in self.floor.take_kept(channel.env.handle.activity.is_making(), now) {
                // A caption and nothing more: `tts` `start` would take the microphone from a new question.
                channel.caption(&sentence);
            }
        }
        if !self.floor.is_waiting() || !channel.link.is_ready() || !(at_once || may_speak(channel.env, now)) {
            return false;
        }
        let mut answers = false;
        for waiting in self.floor.take() {
            match waiting {
                Waiting::Say { plugin, text, more } => {
                    answers |= self.say_now(channel, &Sentence { plugin: &plugin, text: &text, more });
                }
                Waiting::Show(text) => self.show(channel.link, text),
            }
        }
        answers
    }

    /// True while something is being said or waits to be said.
    pub(crate) fn is_busy(&self) -> bool {
        let speaks = self.voice.as_ref().is_some_and(|voice| !voice.is_over());
        self.turn.is_some() || self.floor.is_waiting() || speaks
    }

    /// True while something is being said.
    pub(crate) fn is_answering(&self) -> bool {
        self.turn.is_some() || self.voice.is_some()
    }

    /// True while something waits to be said.
    pub(crate) fn is_waiting(&self) -> bool {
        self.floor.is_waiting()
    }

    /// When the first sound of what is being said was sent.
    pub(crate) fn first_sound(&self) -> Option<Instant> {
        self.voice.as_ref().and_then(Playback::first_sound)
    }

    /// A mode hangs up.
    pub(crate) fn hang_up(&mut self) {
        self.closing = true;
    }

    /// The person goes on talking: nobody hangs up.
    pub(crate) fn stay(&mut self) {
        self.closing = false;
    }

    /// Whether a mode has hung up and all has been said and heard: the connection closes now.
    pub(crate) fn take_hang_up(&mut self) -> bool {
        let closes = self.closing && !self.is_busy();
        self.closing &= !closes;
        closes
    }

    /// When something that is said or waits is to be looked at again.
    pub(crate) fn next_deadline(&self, env: &Environment, link: &Link) -> Option<Instant> {
        let turn = self.turn.as_ref().map(|turn| turn.until);
        let making = env.handle.activity.is_making();
        let answer = (self.floor.is_waiting() && !making).then(|| env.handle.activity.answer_from());
        let kept = self.floor.kept_until().filter(|_| link.is_ready());
        [turn, answer, kept].into_iter().flatten().min()
    }
}

impl Channel<'_> {
    /// Shows a sentence.
    fn caption(&mut self, text: &str) {
        self.send_tts("sentence_start", Some(text));
        self.send_tts("sentence_end", Some(text));
    }

    fn send_tts(&mut self, state: &str, text: Option<&str>) {
        self.link.send(tts(&self.env.id, state, text));
    }
}

/// A `tts` message.
pub(crate) fn tts(session: &SessionId, state: &str, text: Option<&str>) -> String {
    reply::tts(state, text, session.as_str())
}

/// True if an answer may begin: the person does not speak, and would not just have paused.
fn may_speak(env: &Environment, now: Instant) -> bool {
    let activity = &env.handle.activity;
    !activity.is_making() && activity.answer_from() <= now
}
