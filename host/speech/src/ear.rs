//! The ear of a session: takes what a device sends in the order in which it was sent, and tells what
//! was heard. Rule: giving it something never waits, and decoding happens on threads of its own, so
//! that no pong waits for it. An ear that nothing comes to costs a few words of memory: its task, with
//! decoder and detector, begins with the first sound and ends after `limits::EAR_IDLE` of silence.

mod hearing;
mod utterances;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use futures_util::future::BoxFuture;
use modehost_limits::sound as limits;
use modehost_protocol::{AudioFormat, Codec, ListenMode};
use modehost_task::WorkTask;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::fault::Fault;
use crate::service::Speech;

/// Words that a recogniser made of sound, or that somebody typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Empty where a draft has come to nothing.
    pub text: Arc<str>,
    /// False for a draft: the next words of the recogniser are about the same sound.
    pub confirmed: bool,
    /// The utterance was cut since it was as long as may be: the person goes on.
    pub cut: bool,
    /// Unix ms of the first sound.
    pub start_ms: u64,
    /// Unix ms of the last sound.
    pub end_ms: u64,
    /// Which recogniser.
    pub source: Arc<str>,
}

/// What an ear tells, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Of each utterance: drafts, then the confirmed text, which is empty where nothing was said.
    Words(Words),
    /// In realtime listening somebody speaks while the session does, and means it.
    SpeechOverSpeech,
    /// An utterance could not be recognised.
    Failed(Fault),
    /// A button was pressed and let go, and nothing was said.
    SilentPress,
    /// The device is making no utterance any more, and no text is awaited.
    Quiet,
    /// No packet of the connection can be decoded as this; told once a connection.
    Unreadable(Codec),
}

/// What an ear tells at once, whatever waits to be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Note {
    /// Somebody is speaking.
    Voice,
    /// The device is making an utterance, or its text is awaited; or not any more.
    Making(bool),
    /// An answer should not begin before: whoever only pauses may go on until then.
    AnswerFrom(Instant),
    /// The device sends `stop`.
    SendsStop,
}

/// Whom an ear tells. The epoch of a report is that of the sound that it is about.
pub trait Listener: Send + Sync + 'static {
    /// Waits while the session is busy.
    fn tell(&self, epoch: u64, report: Report) -> BoxFuture<'_, ()>;
    /// A report that may be lost where the session is busy.
    fn hint(&self, epoch: u64, report: Report);
    /// Never waits.
    fn note(&self, note: Note);
}

/// What comes to an ear, from the connection of this number or from the session.
#[derive(Debug)]
pub enum Sound {
    /// What the connection's packets are.
    Format(u64, AudioFormat),
    Packet(u64, Box<[u8]>),
    /// A boundary of the device: a start, or a stop where there is no mode.
    Boundary(u64, Option<ListenMode>),
    /// What was heard so far is of no use any more: a boundary of the person, the end of a mode. What
    /// follows has this epoch.
    Forget(u64),
    /// The utterance that is being made is of no use.
    Discard,
    /// What was heard so far is recognised to its end. What follows has this epoch.
    Divide(u64),
    /// The connection is gone: what it said last is all that it says.
    Gone(u64),
}

/// The ear of one session. Dropping it ends the streams of its recogniser.
pub struct Ear(Arc<Shared>);

struct Shared {
    speech: Arc<Speech>,
    listener: Box<dyn Listener>,
    queue: Mutex<Queue>,
    filled: Notify,
    /// The session is speaking.
    speaking: AtomicBool,
    /// What is said is recorded: nothing of what the session says itself may be heard.
    records: AtomicBool,
    /// The device is known to send `stop`.
    trusts: AtomicBool,
}

#[derive(Default)]
struct Queue {
    /// With the time at which it came: the ear may be late, and a button is not to blame for it.
    waiting: VecDeque<(Instant, Sound)>,
    /// Of the packets that wait.
    bytes: usize,
    /// What the packets are that come next.
    format: (u64, AudioFormat),
    /// Of the sound that comes next.
    epoch: u64,
    /// Runs, or has ended by itself.
    task: Option<WorkTask>,
    running: bool,
}

impl Queue {
    fn pop(&mut self) -> Option<(Instant, Sound)> {
        let next = self.waiting.pop_front()?;
        if let Sound::Packet(_, packet) = &next.1 {
            self.bytes -= packet.len();
        }
        Some(next)
    }
}

impl Ear {
    /// An ear that has heard nothing yet.
    pub fn new(speech: Arc<Speech>, listener: Box<dyn Listener>) -> Self {
        let (queue, filled) = (Mutex::default(), Notify::new());
        let [speaking, records, trusts] = [(); 3].map(|()| AtomicBool::new(false));
        Self(Arc::new(Shared { speech, listener, queue, filled, speaking, records, trusts }))
    }

    /// Whether anybody could make words of sound.
    pub fn can_hear(&self) -> bool {
        self.0.speech.parts().recogniser.is_some()
    }

    /// Takes what comes next. Packets that come faster than they are heard are dropped and counted.
    /// Must be called within the runtime or on a mode thread.
    pub fn put(&self, sound: Sound) {
        let mut queue = self.0.queue.lock();
        let epoch = queue.epoch;
        match sound {
            Sound::Format(connection, format) => queue.format = (connection, format),
            Sound::Forget(epoch) | Sound::Divide(epoch) => queue.epoch = epoch,
            _ => {}
        }
        if !queue.running && (!wakes(&sound) || !self.can_hear()) {
            return;
        }
        if let Sound::Packet(_, packet) = &sound {
            if queue.waiting.len() >= limits::EAR_PACKETS || queue.bytes + packet.len() > limits::EAR_BYTES {
                metrics::counter!("modehost_audio_packets_dropped_total").increment(1);
                return;
            }
            queue.bytes += packet.len();
        } else if queue.waiting.len() >= 2 * limits::EAR_PACKETS {
            // A flood of boundaries: the oldest are the least true.
            queue.pop();
        }
        queue.waiting.push_back((Instant::now(), sound));
        if !queue.running {
            queue.running = true;
            let hearing = hearing::run(self.0.clone(), queue.format, epoch);
            queue.task = Some(self.0.speech.threads().spawn(hearing));
        }
        drop(queue);
        self.0.filled.notify_one();
    }

    /// Whether all that was put has been taken.
    pub fn is_idle(&self) -> bool {
        self.0.queue.lock().waiting.is_empty()
    }

    /// The session begins or ends to speak.
    pub fn speaking(&self, speaking: bool) {
        self.0.speaking.store(speaking, Ordering::Relaxed);
    }

    /// What is said is recorded from now on, or not any more.
    pub fn records(&self, records: bool) {
        self.0.records.store(records, Ordering::Relaxed);
    }

    /// The device is known to send `stop`, from an earlier session.
    pub fn trust(&self) {
        self.0.trusts.store(true, Ordering::Relaxed);
    }
}

/// Whether an ear that sleeps wakes for it: most devices say hello and nothing more.
fn wakes(sound: &Sound) -> bool {
    matches!(sound, Sound::Packet(..) | Sound::Boundary(..))
}

impl Drop for Ear {
    fn drop(&mut self) {
        // The task holds what the ear holds, and would never end.
        let task = self.0.queue.lock().task.take();
        drop(task);
    }
}

impl Shared {
    /// What comes next; waits for it. Cancelling loses nothing.
    async fn next(&self) -> (Instant, Sound) {
        loop {
            if let Some(next) = self.take() {
                return next;
            }
            self.filled.notified().await;
        }
    }

    fn take(&self) -> Option<(Instant, Sound)> {
        self.queue.lock().pop()
    }

    /// The task wants to end. False if something has come.
    fn may_end(&self) -> bool {
        let mut queue = self.queue.lock();
        queue.running = !queue.waiting.is_empty();
        if !queue.running {
            queue.waiting = VecDeque::new();
        }
        !queue.running
    }
}
