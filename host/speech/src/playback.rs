//! TTS playback: one turn of speech on one connection. Rule: on the wire it is `start`, then per sentence its
//! start, frames and end, then `stop`, balanced however it ends. After `cut` no frame follows: every message
//! and frame is sent under the lock that `cut` takes.
//!
//! Two tasks per turn: [`produce`] synthesises, resamples and encodes sentences on the audio threads, a few
//! seconds ahead; [`play`] sends the packets at the pace of playback.

mod account;
mod play;
mod produce;

use std::collections::VecDeque;
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

use self::account::Account;
pub use self::account::Heard;
use crate::encode::Downlink;
use crate::tts::Speaker;

/// The turn has ended, or its queue is full.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over;

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
    /// Sentences not yet sent completely, in order; the first `taken` are being synthesised.
    sentences: VecDeque<Sentence>,
    taken: usize,
    bytes: usize,
    /// No further sentence follows.
    finishing: bool,
    /// The player has been told so.
    done_told: bool,
    paused: bool,
    /// `stop` has not been sent.
    open: bool,
    /// The device has been told of the first sentence.
    in_sentence: bool,
    /// `TTS_UNAVAILABLE` has been sent.
    told: bool,
    /// What was sent, and when it is played.
    account: Account,
    /// When `start` was sent.
    began: Instant,
    /// Messages to send with the first frame.
    with_sound: Vec<Arc<str>>,
    /// A frame has been sent.
    sounded: bool,
    /// The first frame of a sentence queued after this is awaited.
    awaited: Option<Instant>,
    /// When it was sent.
    first_sound: Option<Instant>,
}

#[derive(Clone)]
struct Sentence {
    text: Arc<str>,
    /// The plugin that said it.
    who: Arc<str>,
    queued: Instant,
}

/// Where a turn is sent to.
pub struct PlaybackTarget {
    /// The queue of the connection.
    pub outbox: Outbox,
    /// What messages of the turn carry as `session_id`.
    pub session_id: String,
    /// How this device takes sound.
    pub downlink: Downlink,
}

impl Playback {
    /// Begins a turn and sends `start` at once. `over` is called once, when the turn has ended by itself; not
    /// where it was cut or abandoned. Must be called within the runtime or on a work thread.
    pub fn begin(
        speaker: Arc<dyn Speaker>,
        threads: &WorkThreads,
        stage: PlaybackTarget,
        over: impl FnOnce() + Send + 'static,
    ) -> Self {
        let PlaybackTarget { outbox, session_id, downlink } = stage;
        let _ = outbox.text(reply::tts("start", None, &session_id));
        let state = State {
            sentences: VecDeque::new(),
            taken: 0,
            bytes: 0,
            finishing: false,
            done_told: false,
            paused: false,
            open: true,
            in_sentence: false,
            told: false,
            account: Account::default(),
            began: Instant::now(),
            with_sound: Vec::new(),
            sounded: false,
            awaited: None,
            first_sound: None,
        };
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            produce: Notify::new(),
            play: Notify::new(),
            outbox,
            session_id,
            downlink,
        });
        let (pieces, ready) = mpsc::channel(limits::SPEECH_AHEAD);
        let producing = threads.spawn(produce::run(shared.clone(), speaker.clone(), pieces).in_current_span());
        let playing = spawn_io(play::run(shared.clone(), speaker.name(), ready, over).in_current_span());
        Self { shared, _producing: producing, _playing: playing }
    }

    /// Queues a sentence. A turn that was told to finish goes on, if it has not ended.
    ///
    /// # Errors
    /// If the turn has ended, or its queue is full; a sentence dropped from a running turn is counted.
    pub fn sentence(&self, who: &Arc<str>, text: &str) -> Result<(), Over> {
        let mut state = self.shared.state.lock();
        if !state.open {
            return Err(Over);
        }
        if state.sentences.len() >= limits::SPEECH_SENTENCES || state.bytes + text.len() > limits::SPEECH_BYTES {
            metrics::counter!("modehost_tts_dropped_total").increment(1);
            return Err(Over);
        }
        state.bytes += text.len();
        (state.finishing, state.done_told) = (false, false);
        state.sentences.push_back(Sentence { text: text.into(), who: who.clone(), queued: Instant::now() });
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

    /// Sends a message with the first frame of the turn (A.12). Returned where it can be sent at once: a frame has
    /// been sent, or the turn has ended.
    pub fn accompany(&self, message: Arc<str>) -> Option<Arc<str>> {
        let mut state = self.shared.state.lock();
        if !state.open || state.sounded || state.with_sound.len() >= limits::SPEECH_SENTENCES {
            return Some(message);
        }
        state.with_sound.push(message);
        None
    }

    /// Awaits the first frame of sentences that are queued from now on.
    pub fn await_sound(&self) {
        let mut state = self.shared.state.lock();
        (state.awaited, state.first_sound) = (Some(Instant::now()), None);
    }

    /// When that frame was sent; none before.
    pub fn first_sound(&self) -> Option<Instant> {
        self.shared.state.lock().first_sound
    }

    /// Cuts the turn: frames not yet written are dropped, and `stop` is sent. Returns what has been played; none if
    /// the turn was over already.
    pub fn cut(&self) -> Option<Vec<Heard>> {
        let mut state = self.shared.state.lock();
        if !state.open {
            return None;
        }
        let heard = self.shared.heard(&state);
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

    /// The sentences not yet sent completely, in order.
    pub fn unsaid(&self) -> Vec<String> {
        self.shared.state.lock().sentences.iter().map(|sentence| sentence.text.to_string()).collect()
    }

    /// The connection is closed: nothing more is sent. Returns the sentences not yet sent completely, in order, and
    /// what has been played.
    pub fn abandon(&self) -> (Vec<String>, Vec<Heard>) {
        let unsaid = self.unsaid();
        let mut state = self.shared.state.lock();
        let heard = if state.open { self.shared.heard(&state) } else { Vec::new() };
        state.open = false;
        (unsaid, heard)
    }

    /// Whether the synthesis of a sentence failed.
    pub fn has_failed(&self) -> bool {
        self.shared.state.lock().told
    }

    /// Whether the turn has ended.
    pub fn is_over(&self) -> bool {
        !self.shared.state.lock().open
    }

    /// Whether something is being played, or is queued.
    pub fn is_playing(&self) -> bool {
        let state = self.shared.state.lock();
        let is_heard = || state.account.heard_until().is_some_and(|until| until > Instant::now());
        state.open && (!state.sentences.is_empty() || is_heard())
    }
}

impl Drop for Playback {
    fn drop(&mut self) {
        let _ = self.cut();
    }
}

impl Shared {
    /// What of the turn has been played by now.
    fn heard(&self, state: &State) -> Vec<Heard> {
        let frame = Duration::from_millis(u64::from(self.downlink.frame_ms));
        // The first of the queue is being sent.
        let begun = usize::from(state.in_sentence);
        let waiting = state.sentences.iter().skip(begun).map(|sentence| sentence.who.clone());
        state.account.heard(Instant::now(), frame, waiting)
    }

    /// Ends the turn on the wire.
    fn stop(&self, state: &mut State) {
        if std::mem::take(&mut state.in_sentence)
            && let Some(sentence) = state.sentences.front()
        {
            let _ = self.outbox.text(reply::tts("sentence_end", Some(&sentence.text), &self.session_id));
        }
        let _ = self.outbox.text(reply::tts("stop", None, &self.session_id));
        state.open = false;
        state.sentences.clear();
        (state.taken, state.bytes) = (0, 0);
    }
}
