//! The audio input of a session: takes the packets and listen messages of a device in order, and reports transcripts.
//! Rule: pushing never waits; decoding runs on the audio threads, so that it delays no pong. An idle input costs a few
//! words of memory: its task, with decoder and VAD, starts with the first packet and ends after `limits::INPUT_IDLE`
//! without audio.

mod pipeline;
mod utterances;

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::limits;
use futures_util::future::BoxFuture;
use modehost_protocol::{AudioFormat, Codec, ListenMode};
use modehost_task::WorkTask;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::fault::Fault;
use crate::service::Speech;

/// A transcript of an utterance, or a typed line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsrResult {
    /// Empty where a partial transcript is withdrawn.
    pub text: Arc<str>,
    /// False for a partial transcript: the next one replaces it.
    pub is_final: bool,
    /// The utterance reached the maximum length and was split: the person goes on.
    pub split: bool,
    /// Start of the audio, Unix ms.
    pub start_ms: u64,
    /// End of the audio, Unix ms.
    pub end_ms: u64,
    /// From the end of the audio to the final text; none for partial transcripts, and where the text was known earlier.
    pub latency: Option<Duration>,
    /// Name of the recogniser.
    pub source: Arc<str>,
}

/// Events of an input, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InputEvent {
    /// Per utterance: partial transcripts, then the final one, which is empty where nothing was said.
    Transcript(AsrResult),
    /// Barge-in: in realtime mode somebody speaks during playback for longer than `vad.barge_in_ms`.
    BargeIn,
    /// Recognition of an utterance failed.
    Failed(Fault),
    /// A push-to-talk press without speech.
    SilentPress,
    /// No utterance is open, and no transcript is pending.
    Idle,
    /// No packet of the connection can be decoded with this codec; reported once per connection.
    Unreadable(Codec),
}

/// Events that bypass the queue of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InputState {
    /// The VAD detects speech.
    VoiceActive,
    /// An utterance is open or its transcript is pending (true), or neither (false).
    UtteranceActive(bool),
    /// An answer should not start earlier: a person who only pauses may go on until then.
    EarliestAnswer(Instant),
    /// The device has sent `listen stop` for the first time.
    DeviceSendsStop,
}

/// Receiver of the events of an input. The epoch of a report is that of its audio.
pub trait InputListener: Send + Sync + 'static {
    /// Waits while the queue of the session is full.
    fn send(&self, epoch: u64, report: InputEvent) -> BoxFuture<'_, ()>;
    /// Drops the report where the queue of the session is full.
    fn try_send(&self, epoch: u64, report: InputEvent);
    /// Never waits.
    fn on_state(&self, note: InputState);
}

/// Events pushed to an input, from the connection of this number or from the session.
#[derive(Debug)]
pub enum AudioEvent {
    /// Audio format of the packets of this connection.
    Format(u64, AudioFormat),
    /// One packet, as it came and in its order.
    Packet(u64, Box<[u8]>),
    /// An endpoint of the device: `listen start` with its mode, or `listen stop` without.
    Endpoint(u64, Option<ListenMode>),
    /// Drop all utterances so far: the person interrupted, or the mode ended. Audio that follows has this
    /// epoch.
    Reset(u64),
    /// Drop the open utterance.
    Discard,
    /// End the open utterance and recognise it. Audio that follows has this epoch.
    StartEpoch(u64),
    /// The connection is closed: the open utterance ends.
    Disconnected(u64),
}

/// The audio input of one session. Dropping it ends its recognition streams.
pub struct AudioInput(Arc<Shared>);

struct Shared {
    speech: Arc<Speech>,
    listener: Box<dyn InputListener>,
    queue: Mutex<Queue>,
    filled: Notify,
    /// Playback is running.
    playing: AtomicBool,
    /// The mode records: audio during playback is ignored.
    recording: AtomicBool,
    /// The device is known to send `listen stop`.
    sends_stop: AtomicBool,
}

#[derive(Default)]
struct Queue {
    /// With the time of arrival: endpoints are judged by it, however late they are processed.
    events: VecDeque<(Instant, AudioEvent)>,
    /// Size of the queued packets.
    bytes: usize,
    /// Format of the packets that follow.
    format: (u64, AudioFormat),
    /// Epoch of the audio that follows.
    epoch: u64,
    /// The pipeline; also after it has ended by itself.
    task: Option<WorkTask>,
    running: bool,
}

impl Queue {
    fn pop(&mut self) -> Option<(Instant, AudioEvent)> {
        let next = self.events.pop_front()?;
        if let AudioEvent::Packet(_, packet) = &next.1 {
            self.bytes -= packet.len();
        }
        Some(next)
    }
}

impl AudioInput {
    /// An idle input.
    pub fn new(speech: Arc<Speech>, listener: Box<dyn InputListener>) -> Self {
        let (queue, filled) = (Mutex::default(), Notify::new());
        let [playing, recording, sends_stop] = [(); 3].map(|()| AtomicBool::new(false));
        Self(Arc::new(Shared { speech, listener, queue, filled, playing, recording, sends_stop }))
    }

    /// Whether a recogniser is configured.
    pub fn has_recogniser(&self) -> bool {
        self.0.speech.providers().recogniser.is_some()
    }

    /// Queues an event. Packets beyond the bounds of the queue are dropped and counted.
    /// Must be called within the runtime or on a mode thread.
    pub fn push(&self, event: AudioEvent) {
        let mut queue = self.0.queue.lock();
        let epoch = queue.epoch;
        match event {
            AudioEvent::Format(connection, format) => queue.format = (connection, format),
            AudioEvent::Reset(epoch) | AudioEvent::StartEpoch(epoch) => queue.epoch = epoch,
            _ => {}
        }
        if !queue.running && (!starts_task(&event) || !self.has_recogniser()) {
            return;
        }
        if let AudioEvent::Packet(_, packet) = &event {
            if queue.events.len() >= limits::INPUT_QUEUE_PACKETS
                || queue.bytes + packet.len() > limits::INPUT_QUEUE_BYTES
            {
                metrics::counter!("modehost_audio_packets_dropped_total").increment(1);
                return;
            }
            queue.bytes += packet.len();
        } else if queue.events.len() >= 2 * limits::INPUT_QUEUE_PACKETS {
            // A flood of endpoints: the oldest are the least relevant.
            queue.pop();
        }
        queue.events.push_back((Instant::now(), event));
        if !queue.running {
            queue.running = true;
            let pipeline = pipeline::run(self.0.clone(), queue.format, epoch);
            queue.task = Some(self.0.speech.threads().spawn(pipeline));
        }
        drop(queue);
        self.0.filled.notify_one();
    }

    /// Whether the queue is empty.
    pub fn is_idle(&self) -> bool {
        self.0.queue.lock().events.is_empty()
    }

    /// Playback starts or ends.
    pub fn set_playing(&self, speaking: bool) {
        self.0.playing.store(speaking, Ordering::Relaxed);
    }

    /// The mode records from now on, or no longer.
    pub fn set_recording(&self, records: bool) {
        self.0.recording.store(records, Ordering::Relaxed);
    }

    /// The device is known to send `listen stop`, from an earlier session.
    pub fn set_sends_stop(&self) {
        self.0.sends_stop.store(true, Ordering::Relaxed);
    }
}

/// Whether this event starts the task of an idle input: most devices say hello and nothing more.
fn starts_task(event: &AudioEvent) -> bool {
    matches!(event, AudioEvent::Packet(..) | AudioEvent::Endpoint(..))
}

impl Drop for AudioInput {
    fn drop(&mut self) {
        // The task holds the shared state too and would never end.
        let task = self.0.queue.lock().task.take();
        drop(task);
    }
}

impl Shared {
    /// The next event. Cancel safe.
    async fn next(&self) -> (Instant, AudioEvent) {
        loop {
            if let Some(next) = self.try_next() {
                return next;
            }
            self.filled.notified().await;
        }
    }

    fn try_next(&self) -> Option<(Instant, AudioEvent)> {
        self.queue.lock().pop()
    }

    /// Called when the task is about to end. False if the queue is not empty.
    fn try_stop(&self) -> bool {
        let mut queue = self.queue.lock();
        queue.running = !queue.events.is_empty();
        if !queue.running {
            queue.events = VecDeque::new();
        }
        !queue.running
    }
}
