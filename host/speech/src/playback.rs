//! TTS playback: one turn of speech on one connection. Rule: on the wire it is `start`, then per sentence its start,
//! frames and end, then `stop`, balanced however it ends. After `cut` no frame follows: every message and frame is sent
//! under the lock that `cut` takes.
//!
//! Two tasks per turn: [`produce`] synthesises, resamples and encodes sentences on the audio threads, a few
//! seconds ahead; [`play`] sends the packets at the pace of playback. `sentence_queue`, `first_frame` and `progress` are
//! the parts of what they share.

mod first_frame;
mod play;
mod produce;
mod progress;
mod sentence_queue;

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use modehost_outbox::Outbox;
use modehost_protocol::reply;
use modehost_task::{IoTask, WorkTask, WorkThreads, spawn_io};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;
use tracing::Instrument;

use self::first_frame::FirstFrame;
use self::progress::PlaybackProgress;
pub use self::progress::PlayedText;
use self::sentence_queue::{Sentence, SentenceQueue};
use crate::encode::Downlink;
use crate::sound::Sound;
use crate::tts::Speaker;

/// The turn has ended, or its queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotQueued;

/// A turn of speech in progress. Dropping it cuts it.
pub struct Playback {
    shared: Arc<Shared>,
    _producing: WorkTask,
    _playing: IoTask<()>,
}

struct Shared {
    state: Mutex<State>,
    /// Wake the producer, and the player.
    produce: Notify,
    play: Notify,
    outbox: Outbox,
    session_id: String,
    downlink: Downlink,
}

struct State {
    sentences: SentenceQueue,
    /// No further sentence follows.
    finishing: bool,
    /// The player has received `Done`.
    done_sent: bool,
    paused: bool,
    /// `stop` has not been sent.
    open: bool,
    /// `sentence_start` of the front sentence has been sent, and its end has not.
    in_sentence: bool,
    /// `TTS_UNAVAILABLE` has been sent.
    error_sent: bool,
    /// What was sent, and when it is played.
    progress: PlaybackProgress,
    /// When `start` was sent.
    began: Instant,
    first_frame: FirstFrame,
}

/// Destination of a turn.
pub struct PlaybackTarget {
    /// The outbox of the connection.
    pub outbox: Outbox,
    /// `session_id` of the messages of the turn.
    pub session_id: String,
    /// Audio format of the device.
    pub downlink: Downlink,
}

impl Playback {
    /// Starts a turn and sends `start` at once. `on_end` is called once, when the turn has ended by itself; not where
    /// it was cut or abandoned. Must be called within the runtime or on a work thread.
    pub fn begin(
        speaker: Arc<dyn Speaker>,
        threads: &WorkThreads,
        target: PlaybackTarget,
        on_end: impl FnOnce() + Send + 'static,
    ) -> Self {
        let PlaybackTarget { outbox, session_id, downlink } = target;
        let _ = outbox.text(reply::tts("start", None, &session_id));
        let state = State {
            sentences: SentenceQueue::default(),
            finishing: false,
            done_sent: false,
            paused: false,
            open: true,
            in_sentence: false,
            error_sent: false,
            progress: PlaybackProgress::default(),
            began: Instant::now(),
            first_frame: FirstFrame::default(),
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            produce: Notify::new(),
            play: Notify::new(),
            outbox,
            session_id,
            downlink,
        });
        let (items, ready) = mpsc::channel(limits::PLAYBACK_AHEAD);
        let producing = threads.spawn(produce::run(shared.clone(), speaker.clone(), items).in_current_span());
        let playing = spawn_io(play::run(shared.clone(), speaker.name(), ready, on_end).in_current_span());
        Self { shared, _producing: producing, _playing: playing }
    }

    /// Queues a sentence. A turn that was told to finish continues if it has not ended.
    ///
    /// # Errors
    /// If the turn has ended, or its queue is full; a sentence dropped from a running turn is counted.
    pub fn sentence(&self, plugin: &Arc<str>, text: &str) -> Result<(), NotQueued> {
        self.queue(Sentence { text: text.into(), plugin: plugin.clone(), queued: Instant::now(), sound: None })
    }

    /// Queues a sound. It has no caption.
    ///
    /// # Errors
    /// As for a sentence; sounds of more than [`limits::QUEUED_SOUND`] do not wait.
    pub fn sound(&self, plugin: &Arc<str>, sound: Sound) -> Result<(), NotQueued> {
        self.queue(Sentence { text: "".into(), plugin: plugin.clone(), queued: Instant::now(), sound: Some(sound) })
    }

    fn queue(&self, sentence: Sentence) -> Result<(), NotQueued> {
        let mut state = self.shared.state.lock();
        if !state.open {
            return Err(NotQueued);
        }
        if !state.sentences.push(sentence) {
            metrics::counter!("modehost_tts_dropped_total").increment(1);
            return Err(NotQueued);
        }
        (state.finishing, state.done_sent) = (false, false);
        drop(state);
        self.shared.produce.notify_one();
        Ok(())
    }

    /// No further sentence follows: the turn ends when all has been played.
    pub fn finish(&self) {
        self.shared.state.lock().finishing = true;
        self.shared.produce.notify_one();
        self.shared.play.notify_one();
    }

    /// Sends a message with the first frame of the turn (A.12). Returned where the caller can send it at once: a frame
    /// has been sent, or the turn has ended.
    pub fn send_with_first_frame(&self, message: Arc<str>) -> Option<Arc<str>> {
        let mut state = self.shared.state.lock();
        if state.open { state.first_frame.hold(message) } else { Some(message) }
    }

    /// Starts waiting for the first frame of sentences that are queued from now on.
    pub fn await_first_frame(&self) {
        self.shared.state.lock().first_frame.start_waiting();
    }

    /// When that frame was sent; none before.
    pub fn first_frame_at(&self) -> Option<Instant> {
        self.shared.state.lock().first_frame.sent_at()
    }

    /// Cuts the turn: frames not yet written are dropped, and `stop` is sent. Returns what has been played; none if the
    /// turn had ended already.
    pub fn cut(&self) -> Option<Vec<PlayedText>> {
        let mut state = self.shared.state.lock();
        if !state.open {
            return None;
        }
        let heard = self.shared.played_text(&state);
        self.shared.outbox.drop_audio();
        self.shared.stop(&mut state);
        Some(heard)
    }

    /// Pauses sending.
    pub fn pause(&self) {
        self.shared.state.lock().paused = true;
    }

    /// Resumes sending where it was paused.
    pub fn resume(&self) {
        self.shared.state.lock().paused = false;
        self.shared.play.notify_one();
    }

    /// The sentences not yet sent completely, in order, without sounds.
    pub fn pending_sentences(&self) -> Vec<String> {
        let state = self.shared.state.lock();
        let sentences = state.sentences.iter().filter(|sentence| sentence.sound.is_none());
        sentences.map(|sentence| sentence.text.to_string()).collect()
    }

    /// The connection is closed: nothing more is sent. Returns the sentences not yet sent completely, in order, and
    /// what has been played.
    pub fn abandon(&self) -> (Vec<String>, Vec<PlayedText>) {
        let unsaid = self.pending_sentences();
        let mut state = self.shared.state.lock();
        let heard = if state.open { self.shared.played_text(&state) } else { Vec::new() };
        state.open = false;
        (unsaid, heard)
    }

    /// Whether the synthesis of a sentence failed.
    pub fn has_failed(&self) -> bool {
        self.shared.state.lock().error_sent
    }

    /// Whether the turn has ended.
    pub fn has_ended(&self) -> bool {
        !self.shared.state.lock().open
    }

    /// Whether frames are being played, or sentences are queued.
    pub fn is_playing(&self) -> bool {
        let state = self.shared.state.lock();
        let is_audible = || state.progress.played_until().is_some_and(|until| until > Instant::now());
        state.open && (!state.sentences.is_empty() || is_audible())
    }
}

impl Drop for Playback {
    fn drop(&mut self) {
        let _ = self.cut();
    }
}

impl Shared {
    /// Sends the start or the end of a sentence; a sound has neither, since it has no text.
    fn send_sentence(&self, state: &str, sentence: &Sentence) {
        if sentence.sound.is_none() {
            let _ = self.outbox.text(reply::tts(state, Some(&sentence.text), &self.session_id));
        }
    }

    /// What has been played of the turn by now.
    fn played_text(&self, state: &State) -> Vec<PlayedText> {
        let frame = Duration::from_millis(u64::from(self.downlink.frame_ms));
        // The front of the queue is being sent.
        let begun = usize::from(state.in_sentence);
        let queued_plugins = state.sentences.iter().skip(begun).map(|sentence| sentence.plugin.clone());
        state.progress.played_text(Instant::now(), frame, queued_plugins)
    }

    /// Ends the turn on the wire.
    fn stop(&self, state: &mut State) {
        if std::mem::take(&mut state.in_sentence)
            && let Some(sentence) = state.sentences.front()
        {
            self.send_sentence("sentence_end", sentence);
        }
        let _ = self.outbox.text(reply::tts("stop", None, &self.session_id));
        state.open = false;
        state.sentences.clear();
    }
}
