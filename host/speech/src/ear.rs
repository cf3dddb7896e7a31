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
    /// Unix ms of the first sound.
    pub start_ms: u64,
    /// Unix ms of the last sound.
    pub end_ms: u64,
    /// Which recogniser.
    pub source: Arc<str>,
}

/// What an ear tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// Of each utterance: drafts, then the confirmed text, which is empty where nothing was said.
    Words(Words),
    /// In realtime listening somebody speaks while the session does, and means it.
    SpeechOverSpeech,
    /// An utterance could not be recognised.
    Failed(Fault),
    /// No packet of the connection can be decoded as this; told once a connection.
    Unreadable(Codec),
}

/// Whom an ear tells.
pub trait Listener: Send + Sync + 'static {
    /// Waits while the session is busy.
    fn tell(&self, report: Report) -> BoxFuture<'_, ()>;
    /// A report that may be lost where the session is busy.
    fn hint(&self, report: Report);
}

/// What comes to an ear, from the connection of this number or from the session.
#[derive(Debug)]
pub enum Sound {
    /// What the connection's packets are.
    Format(u64, AudioFormat),
    Packet(u64, Box<[u8]>),
    /// A boundary of the device: a start, or a stop where there is no mode.
    Boundary(u64, Option<ListenMode>),
    /// What was heard is of no use any more: a wake word, the end of a mode.
    Forget,
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
}

#[derive(Default)]
struct Queue {
    /// With the time at which it came: the ear may be late, and a button is not to blame for it.
    waiting: VecDeque<(Instant, Sound)>,
    /// Of the packets that wait.
    bytes: usize,
    /// What the packets are that come next.
    format: (u64, AudioFormat),
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
        let (queue, filled, speaking) = (Mutex::default(), Notify::new(), AtomicBool::new(false));
        Self(Arc::new(Shared { speech, listener, queue, filled, speaking }))
    }

    /// Whether anybody could make words of sound.
    pub fn can_hear(&self) -> bool {
        self.0.speech.parts().recogniser.is_some()
    }

    /// Takes what comes next. Packets that come faster than they are heard are dropped and counted.
    /// Must be called within the runtime or on a mode thread.
    pub fn put(&self, sound: Sound) {
        let mut queue = self.0.queue.lock();
        if let Sound::Format(connection, format) = sound {
            queue.format = (connection, format);
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
            queue.task = Some(self.0.speech.threads().spawn(hearing::run(self.0.clone(), queue.format)));
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
