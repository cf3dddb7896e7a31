//! A turn of speech on one connection. Rule: on the wire it is `start`, then for each sentence its
//! start, its frames and its end, then `stop`, balanced however it ends; and once it has been cut, not
//! one frame of it follows, since every word and every frame goes out under the lock that `cut` takes.
//!
//! Two tasks work hand in hand: [`produce`] has sentences spoken, resampled and encoded on the threads
//! for sound, a few seconds ahead; [`play`] sends what is ready at the pace at which it is heard.

mod heard;
mod play;
mod produce;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use modehost_limits::sound as limits;
use modehost_outbox::Outbox;
use modehost_protocol::reply;
use modehost_task::{IoTask, WorkTask, WorkThreads, spawn_io};
use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc};
use tokio::time::Instant;

use self::heard::Account;
pub use self::heard::Heard;
use crate::encode::Downlink;
use crate::speak::Speaker;

/// The turn has ended, or takes no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Over;

/// A turn that is being said. Dropping it cuts it.
pub struct Speaking {
    shared: Arc<Shared>,
    _producing: WorkTask,
    _playing: IoTask<()>,
}

struct Shared {
    state: Mutex<State>,
    /// Something has changed for whoever produces, or for whoever plays.
    produce: Notify,
    play: Notify,
    outbox: Outbox,
    session_id: String,
    downlink: Downlink,
}

struct State {
    /// Sentences that have not been wholly sent, in order; the first `taken` are being worked on.
    sentences: VecDeque<Sentence>,
    taken: usize,
    bytes: usize,
    /// Nothing more is to follow.
    finishing: bool,
    /// Whoever plays knows that.
    done_told: bool,
    paused: bool,
    /// `stop` has not been sent.
    open: bool,
    /// The device has been told of the first sentence.
    in_sentence: bool,
    /// `TTS_UNAVAILABLE` has been told.
    told: bool,
    /// What was sent, and when it is heard.
    account: Account,
    /// The device has been told that the turn begins.
    began: Instant,
    /// Messages that go with the first sound.
    with_sound: Vec<Arc<str>>,
    /// There has been sound.
    sounded: bool,
}

#[derive(Clone)]
struct Sentence {
    text: Arc<str>,
    /// Who says it.
    who: Arc<str>,
    queued: Instant,
}

/// Where a turn takes place.
pub struct Stage {
    pub outbox: Outbox,
    pub session_id: String,
    pub downlink: Downlink,
}

impl Speaking {
    /// Begins a turn: the device is told at once. `over` is called once, when the turn has ended by
    /// itself; not where it was cut or abandoned. Must be called within the runtime or on a work thread.
    pub fn begin(
        speaker: Arc<dyn Speaker>,
        threads: &WorkThreads,
        stage: Stage,
        over: impl FnOnce() + Send + 'static,
    ) -> Self {
        let Stage { outbox, session_id, downlink } = stage;
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
        let producing = threads.spawn(produce::run(shared.clone(), speaker.clone(), pieces));
        let playing = spawn_io(play::run(shared.clone(), speaker.name(), ready, over));
        Self { shared, _producing: producing, _playing: playing }
    }

    /// Adds a sentence of somebody's. A turn that was told to finish goes on, if it has not ended.
    ///
    /// # Errors
    /// If it has ended, or more waits than anybody would listen to; then the sentence is dropped, and
    /// counted where the turn goes on.
    pub fn sentence(&self, who: &Arc<str>, text: &str) -> Result<(), Over> {
        let mut state = self.shared.state.lock();
        if !state.open {
            return Err(Over);
        }
        if state.sentences.len() >= limits::SPEECH_SENTENCES || state.bytes + text.len() > limits::SPEECH_BYTES {
            metrics::counter!("modehost_speech_dropped_total").increment(1);
            return Err(Over);
        }
        state.bytes += text.len();
        (state.finishing, state.done_told) = (false, false);
        state.sentences.push_back(Sentence { text: text.into(), who: who.clone(), queued: Instant::now() });
        drop(state);
        self.shared.produce.notify_one();
        Ok(())
    }

    /// Nothing more follows: when all has been heard, the turn ends.
    pub fn finish(&self) {
        self.shared.state.lock().finishing = true;
        self.shared.produce.notify_one();
        self.shared.play.notify_one();
    }

    /// A message that goes with the first sound of the turn (A.12). Given back where it can be sent at once:
    /// there has been sound, or the turn has ended.
    pub fn accompany(&self, message: Arc<str>) -> Option<Arc<str>> {
        let mut state = self.shared.state.lock();
        if !state.open || state.sounded || state.with_sound.len() >= limits::SPEECH_SENTENCES {
            return Some(message);
        }
        state.with_sound.push(message);
        None
    }

    /// Silence: what has not been written is dropped, and the device is told that the turn is over. Gives what
    /// has been heard of it; none if it was over already.
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

    /// Holds the frames back.
    pub fn pause(&self) {
        self.shared.state.lock().paused = true;
    }

    /// Goes on where it was.
    pub fn resume(&self) {
        self.shared.state.lock().paused = false;
        self.shared.play.notify_one();
    }

    /// The sentences that have not been wholly sent, in order.
    pub fn unsaid(&self) -> Vec<String> {
        self.shared.state.lock().sentences.iter().map(|sentence| sentence.text.to_string()).collect()
    }

    /// The connection is gone: nothing more is sent, and the device is told nothing. Gives what has not been
    /// wholly sent, in order, and what has been heard.
    pub fn abandon(&self) -> (Vec<String>, Vec<Heard>) {
        let unsaid = self.unsaid();
        let mut state = self.shared.state.lock();
        let heard = if state.open { self.shared.heard(&state) } else { Vec::new() };
        state.open = false;
        (unsaid, heard)
    }

    /// Whether a sentence could not be said aloud.
    pub fn has_failed(&self) -> bool {
        self.shared.state.lock().told
    }

    /// Whether the turn has ended.
    pub fn is_over(&self) -> bool {
        !self.shared.state.lock().open
    }

    /// Whether something is being said, or is about to be.
    pub fn is_playing(&self) -> bool {
        let state = self.shared.state.lock();
        let is_heard = || state.account.heard_until().is_some_and(|until| until > Instant::now());
        state.open && (!state.sentences.is_empty() || is_heard())
    }
}

impl Drop for Speaking {
    fn drop(&mut self) {
        let _ = self.cut();
    }
}

impl Shared {
    /// What has been heard of the turn by now.
    fn heard(&self, state: &State) -> Vec<Heard> {
        let frame = Duration::from_millis(u64::from(self.downlink.frame_ms));
        // The first of those that wait is the one that is being sent.
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
