//! Speech output to the device, in turns. Rule: a connection sees a balanced sequence: no `start` within a turn, and no
//! `stop` outside one, except as the reply that `abort` must always get.
//!
//! A turn belongs to one plugin and to one connection. It starts with the first sentence and ends with a sentence that
//! nothing follows, on interruption, with the end, a fault or the removal of the plugin, with a change of mode, with
//! speech of another plugin, or when nothing has followed for `SPEECH_GAP`. It does not start while the user is
//! speaking.
//!
//! Where a speech synthesiser is configured, a [`Playback`] speaks the turn: it keeps the device in its speaking state
//! until all has been played, and speech of the next plugin is queued behind it. Without one, sentences are shown as
//! captions. A turn does not move to another connection: what the old one has not played is kept as text, as are
//! sentences spoken while no connection is served, and is shown after the reconnect.
//!
//! Further methods in `output/`: [`interruption`] (speech that is cut off), [`deferred`] (speech that waits),
//! [`sounds`] (what operators play).

mod deferred;
mod interruption;
mod sounds;

use std::sync::Arc;

use crate::limits;
use modehost_ids::{PluginId, SessionId};
use modehost_outbox::Text;
use modehost_protocol::{Codec, Hello, reply};
use modehost_speech::{Downlink, DownlinkCodec, Playback, PlaybackTarget};
use tokio::time::Instant;

use self::deferred::{Deferred, DeferredSpeech};
pub(crate) use self::interruption::Silenced;
pub(crate) use self::sounds::HOST_SPEAKER;
use crate::boundary::Boundary;
use crate::environment::Environment;
use crate::event::Control;
use crate::link::{Link, PendingOutput};
use crate::turns::Turns;

/// The output of a session.
#[derive(Default)]
pub(crate) struct Output {
    /// The turn in progress.
    turn: Option<SpeechTurn>,
    /// The playback of this turn, or of the rest of the previous one.
    playback: Option<Playback>,
    /// Speech that waits until the user has finished.
    deferred: DeferredSpeech,
    /// The audio format announced to the device; none before its hello.
    downlink: Option<Downlink>,
    /// The user speaks over the playback, which is paused until it is known whether they said anything.
    barged_in: bool,
    /// A mode hangs up: the connection closes once all speech has been played.
    hanging_up: bool,
}

/// A plugin is speaking, and the device has got `start`.
struct SpeechTurn {
    plugin: PluginId,
    /// The turn ends then, if nothing more follows.
    until: Instant,
    /// It is synthesised; the playback sends its `stop`.
    synthesised: bool,
    /// The captions shown, where it is not synthesised: they count as played.
    captions: String,
}

/// What speech needs to be sent; created by the actor for one call.
pub(crate) struct Channel<'a> {
    pub(crate) env: &'a Environment,
    /// The connection to the device.
    pub(crate) link: &'a mut Link,
    /// Records the progress of the user's turns.
    pub(crate) turns: &'a mut Turns,
}

/// A sentence of a plugin.
pub(crate) struct Sentence<'a> {
    pub(crate) plugin: &'a PluginId,
    /// Empty text without `more` ends the plugin's speech.
    pub(crate) text: &'a str,
    /// More follows.
    pub(crate) more: bool,
}

impl Sentence<'_> {
    fn is_empty(&self) -> bool {
        self.text.trim().is_empty()
    }
}

impl Output {
    /// Speaks a sentence: now, behind deferred ones, or after the reconnect. `at_once`: do not wait for the user to
    /// finish. True if an answer has started.
    pub(crate) fn say(&mut self, channel: &mut Channel<'_>, sentence: &Sentence<'_>, at_once: bool) -> bool {
        let Sentence { plugin, text, more } = *sentence;
        if !channel.link.is_ready() {
            if !sentence.is_empty() {
                channel.link.push_pending_speech(text.to_owned());
            }
            return false;
        }
        let begins = self.turn.is_none() && self.playback.as_ref().is_none_or(Playback::has_ended);
        let may_speak = || at_once || may_speak(channel.env, Instant::now());
        if self.deferred.is_waiting() || (begins && !sentence.is_empty() && !may_speak()) {
            self.deferred.push(Deferred::Say { plugin: plugin.clone(), text: text.to_owned(), more });
            return false;
        }
        self.say_now(channel, sentence)
    }

    /// Speaks it without waiting for the user. True if there was anything to speak.
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
        let captioned = self.turn.as_ref().is_some_and(|turn| !turn.synthesised);
        let synthesised = !captioned && self.synthesise(channel, plugin, text);
        let mut captions = self.turn.take().map(|turn| turn.captions).unwrap_or_default();
        if !synthesised {
            if !captioned {
                channel.send_tts("start", None);
            }
            channel.caption(text);
            captions.push_str(text);
        }
        self.turn = Some(SpeechTurn { plugin: plugin.clone(), until, synthesised, captions });
        if !more {
            self.end_turn(channel);
        }
        true
    }

    /// Synthesises a sentence. False where no synthesiser is configured.
    fn synthesise(&mut self, channel: &mut Channel<'_>, plugin: &PluginId, text: &str) -> bool {
        let who = plugin.shared();
        let is_first = channel.turns.watch_first_audio();
        if let Some(playback) = &self.playback
            && !playback.has_ended()
        {
            if is_first {
                playback.await_first_frame();
            }
            // The playback's queue is bounded; overflow is dropped and counted there. If it has ended this very moment,
            // a new playback takes over.
            if playback.sentence(&who, text).is_ok() || !playback.has_ended() {
                return true;
            }
        }
        let Some(target) = self.target(channel) else { return false };
        let env = channel.env;
        let span = channel.turns.work_span(env.labels());
        let begin = || env.services().speech.begin_turn(target, on_end(env));
        let Some(playback) = span.in_scope(begin) else { return false };
        if is_first {
            playback.await_first_frame();
        }
        let _ = playback.sentence(&who, text);
        self.playback = Some(playback);
        env.handle.audio.set_playing(true);
        true
    }

    /// Where a playback sends; none without a connection.
    fn target(&self, channel: &Channel<'_>) -> Option<PlaybackTarget> {
        let outbox = channel.link.outbox()?.clone();
        let downlink = self.downlink.unwrap_or_else(|| channel.env.services().speech.providers().downlink);
        Some(PlaybackTarget { outbox, session_id: channel.env.id.as_str().to_owned(), downlink })
    }

    /// Sends a message that goes with the speech: behind deferred sentences, with the first audio of the sentence that
    /// follows, or at once if nothing is being spoken.
    pub(crate) fn send_with_speech(&mut self, link: &mut Link, text: Text) {
        if self.deferred.is_waiting() {
            return self.deferred.push(Deferred::Attach(text));
        }
        self.attach_or_send(link, text);
    }

    fn attach_or_send(&mut self, link: &mut Link, text: Text) {
        match &self.playback {
            Some(playback) if self.turn.is_some() => {
                let text: Arc<str> = match text {
                    Text::Owned(text) => text.into(),
                    Text::Shared(text) => text,
                };
                if let Some(text) = playback.send_with_first_frame(text) {
                    link.send(text);
                }
            }
            _ => link.send(text),
        }
    }

    /// The answer to a hello. Fixes the audio format for this connection, whatever the settings say later.
    pub(crate) fn on_hello(&mut self, env: &Environment, hello: &Hello) -> String {
        let (codec, format) = match hello.audio.codec {
            Codec::Opus => (DownlinkCodec::Opus, "opus"),
            Codec::Pcm => (DownlinkCodec::Pcm, "pcm"),
        };
        let downlink = Downlink { codec, ..env.services().speech.providers().downlink };
        self.downlink = Some(downlink);
        reply::hello(env.id.as_str(), (format, downlink.sample_rate, downlink.frame_ms))
    }

    /// Ends the current turn; a playback continues until all has been played.
    pub(crate) fn end_turn(&mut self, channel: &mut Channel<'_>) {
        let Some(turn) = self.turn.take() else { return };
        match &self.playback {
            Some(playback) if turn.synthesised => playback.finish(),
            _ if turn.synthesised => {}
            _ => channel.send_tts("stop", None),
        }
    }

    /// Ends the turn of this plugin, if it is speaking.
    pub(crate) fn end_turn_of(&mut self, channel: &mut Channel<'_>, plugin: &PluginId) {
        if self.turn.as_ref().is_some_and(|turn| turn.plugin == *plugin) {
            self.end_turn(channel);
        }
    }

    /// Ends the turn of a plugin that was removed or has been silent for too long.
    pub(crate) fn expire_turn(
        &mut self,
        channel: &mut Channel<'_>,
        now: Instant,
        is_there: impl Fn(&PluginId) -> bool,
    ) {
        let playing = self.playback.as_ref().is_some_and(Playback::is_playing);
        let Some(turn) = &mut self.turn else { return };
        if turn.until <= now && turn.synthesised && playing {
            // The gap starts when nothing is left to play.
            turn.until = now + limits::SPEECH_GAP;
        }
        if turn.until <= now || !is_there(&turn.plugin) {
            self.end_turn(channel);
        }
    }

    /// The connection is lost: keeps what has not been played for the next one.
    pub(crate) fn keep_unplayed(&mut self, channel: &mut Channel<'_>) {
        self.hanging_up = false;
        self.turn = None;
        if let Some(playback) = self.playback.take() {
            channel.turns.record_first_audio(playback.first_frame_at());
            if !playback.has_ended() {
                channel.turns.interrupt(Boundary::Loss.reason());
            }
            let (unsaid, _) = playback.abandon();
            for sentence in unsaid {
                channel.link.push_pending_speech(sentence);
            }
            channel.env.handle.audio.set_playing(false);
            self.barged_in = false;
        }
        for waiting in self.deferred.take() {
            if let Deferred::Say { text, .. } = waiting {
                channel.link.push_pending_speech(text);
            }
        }
    }

    /// The device has reconnected: sends what was kept for it, in order. Sentences wait until no utterance is open:
    /// they answer what was said before the connection was lost.
    pub(crate) fn release_pending(&mut self, channel: &mut Channel<'_>) {
        let waits = channel.env.handle.activity.is_utterance_open();
        let mut sentences = Vec::new();
        for output in channel.link.mark_ready() {
            match output {
                PendingOutput::Speech(text) if waits => sentences.push(text),
                PendingOutput::Speech(text) => channel.caption(&text),
                PendingOutput::Message(text) => channel.link.send(text),
            }
        }
        self.deferred.keep_missed(sentences, Instant::now() + limits::MISSED_SPEECH);
    }

    /// The user may have finished: speaks deferred sentences, if so. `at_once` as in [`Self::say`]. True if an answer
    /// has started.
    pub(crate) fn release_deferred(&mut self, channel: &mut Channel<'_>, now: Instant, at_once: bool) -> bool {
        if channel.link.is_ready() {
            for sentence in self.deferred.take_missed(channel.env.handle.activity.is_utterance_open(), now) {
                // A caption only: `tts` `start` would take the microphone from a new question.
                channel.caption(&sentence);
            }
        }
        if !self.deferred.is_waiting() || !channel.link.is_ready() || !(at_once || may_speak(channel.env, now)) {
            return false;
        }
        let mut answers = false;
        for waiting in self.deferred.take() {
            match waiting {
                Deferred::Say { plugin, text, more } => {
                    answers |= self.say_now(channel, &Sentence { plugin: &plugin, text: &text, more });
                }
                Deferred::Play(sound) => drop(self.play_now(channel, sound)),
                Deferred::Attach(text) => self.attach_or_send(channel.link, text),
            }
        }
        answers
    }

    /// True while something is being spoken or deferred.
    pub(crate) fn is_busy(&self) -> bool {
        let speaks = self.playback.as_ref().is_some_and(|playback| !playback.has_ended());
        self.turn.is_some() || self.deferred.is_waiting() || speaks
    }

    /// True while something is being spoken.
    pub(crate) fn is_answering(&self) -> bool {
        self.turn.is_some() || self.playback.is_some()
    }

    /// True while something is deferred.
    pub(crate) fn is_waiting(&self) -> bool {
        self.deferred.is_waiting()
    }

    /// When the first audio frame of the current speech was sent.
    pub(crate) fn first_audio(&self) -> Option<Instant> {
        self.playback.as_ref().and_then(Playback::first_frame_at)
    }

    /// A mode hangs up.
    pub(crate) fn hang_up(&mut self) {
        self.hanging_up = true;
    }

    /// Cancels a hang-up: the session continues.
    pub(crate) fn cancel_hang_up(&mut self) {
        self.hanging_up = false;
    }

    /// Whether a mode has hung up and all speech has been played: the connection closes now.
    pub(crate) fn take_hang_up(&mut self) -> bool {
        let closes = self.hanging_up && !self.is_busy();
        self.hanging_up &= !closes;
        closes
    }

    /// The next deadline of the current turn or of deferred speech.
    pub(crate) fn next_deadline(&self, env: &Environment, link: &Link) -> Option<Instant> {
        let turn = self.turn.as_ref().map(|turn| turn.until);
        let utterance_open = env.handle.activity.is_utterance_open();
        let answer = (self.deferred.is_waiting() && !utterance_open).then(|| env.handle.activity.answer_not_before());
        let missed = self.deferred.missed_deadline().filter(|_| link.is_ready());
        [turn, answer, missed].into_iter().flatten().min()
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

/// Tells the session that a playback has ended.
fn on_end(env: &Environment) -> impl FnOnce() + Send + 'static {
    let handle = Arc::downgrade(&env.handle);
    move || {
        if let Some(handle) = handle.upgrade() {
            handle.inbox.push_control(Control::PlaybackEnded);
        }
    }
}

/// A `tts` message.
pub(crate) fn tts(session: &SessionId, state: &str, text: Option<&str>) -> String {
    reply::tts(state, text, session.as_str())
}

/// True if an answer may start: no utterance is open, and the user has not just paused.
fn may_speak(env: &Environment, now: Instant) -> bool {
    let activity = &env.handle.activity;
    !activity.is_utterance_open() && activity.answer_not_before() <= now
}
