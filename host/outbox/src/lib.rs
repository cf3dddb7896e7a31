//! The outbox of a connection: a bounded queue between a session and the connection that writes it.
//!
//! Rule: enqueueing never waits and never fails the sender's flow. For a device that reads too slowly, stale audio and
//! superseded messages are dropped first; if that is not enough, the queue becomes one close frame with a reason, and
//! later messages are rejected. A sender that needs to know what has arrived adds ack markers.

#![warn(missing_docs)]

mod metrics;

use std::collections::VecDeque;
use std::sync::Arc;

use ::metrics::{Gauge, gauge};
use modehost_limits::{OUTBOX_BYTES, OUTBOX_FRAMES};
use parking_lot::Mutex;
use tokio::sync::{Notify, watch};

pub use self::metrics::describe_metrics;

/// WebSocket close codes that this server uses, each with its one meaning.
pub mod close {
    /// The device or the server ended the session in order.
    pub const NORMAL: u16 = 1000;
    /// The server is draining.
    pub const GOING_AWAY: u16 = 1001;
    /// The device violated the WebSocket protocol.
    pub const PROTOCOL: u16 = 1002;
    /// An unsupported kind of frame.
    pub const UNSUPPORTED: u16 = 1003;
    /// Text that is not UTF-8.
    pub const NOT_UTF8: u16 = 1007;
    /// The device reads too slowly, or another connection has replaced this one.
    pub const POLICY: u16 = 1008;
    /// A frame or message over the limit.
    pub const TOO_LARGE: u16 = 1009;
    /// An internal error of the server.
    pub const INTERNAL: u16 = 1011;
    /// The server restarts.
    pub const RESTART: u16 = 1012;
    /// More devices than the server accepts.
    pub const TRY_LATER: u16 = 1013;
    /// Another node of the cluster serves the device.
    pub const MOVED: u16 = 4001;
}

/// Text for a device: owned, or shared by all recipients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Text {
    /// For this device alone.
    Owned(String),
    /// The same for all recipients, stored once.
    Shared(Arc<str>),
}

impl Text {
    /// Bytes.
    pub fn len(&self) -> usize {
        match self {
            Self::Owned(text) => text.len(),
            Self::Shared(text) => text.len(),
        }
    }

    /// True if the text is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}

impl From<Arc<str>> for Text {
    fn from(text: Arc<str>) -> Self {
        Self::Shared(text)
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Owned(text.to_owned())
    }
}

/// An ack marker: a position in the stream of frames. Its watcher learns that everything before it has reached the
/// device; once all markers are dropped, nothing more can be acknowledged.
#[derive(Clone, Debug)]
pub struct AckMarker {
    progress: watch::Sender<u64>,
    number: u64,
}

impl AckMarker {
    /// Everything before the marker has been written and, as far as the system can tell, received.
    pub fn acknowledge(self) {
        self.progress.send_if_modified(|reached| {
            let further = self.number > *reached;
            *reached = self.number.max(*reached);
            further
        });
    }
}

impl PartialEq for AckMarker {
    fn eq(&self, other: &Self) -> bool {
        self.number == other.number && self.progress.same_channel(&other.progress)
    }
}

impl Eq for AckMarker {}

/// A frame for the connection to write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Frame {
    /// One WebSocket text frame.
    Text(Text),
    /// Writes nothing; acknowledged once everything before it has been received.
    AckMarker(AckMarker),
    /// One Opus packet or PCM frame, without framing.
    Audio {
        /// The packet's bytes, without the device's framing, which the connection adds.
        packet: Vec<u8>,
        /// Of its first sample, from the start of the speech.
        timestamp_ms: u32,
    },
    /// The last frame of a connection.
    Close {
        /// A WebSocket close code: see [`close`].
        code: u16,
        /// One short sentence for the device; truncated to 123 bytes.
        reason: String,
    },
}

/// The message is rejected: the connection has ended, or is about to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutboxClosed;

struct Item {
    frame: Frame,
    /// Messages with the same key replace each other.
    key: Option<Arc<str>>,
    /// Follows the frame.
    mark: Option<AckMarker>,
}

#[derive(Default)]
struct Queue {
    items: VecDeque<Item>,
    bytes: usize,
    /// Items as last reported to the gauge.
    counted: usize,
    /// A close frame is in the queue or has been taken: nothing follows it.
    closing: bool,
    /// The reading half is gone.
    abandoned: bool,
}

struct Shared {
    queue: Mutex<Queue>,
    filled: Notify,
    /// The gauge over all queues.
    waiting: Gauge,
}

impl Shared {
    /// Updates the gauge.
    fn count(&self, queue: &mut Queue) {
        let now = queue.items.len();
        if now != queue.counted {
            self.waiting.increment(now as f64 - queue.counted as f64);
            queue.counted = now;
        }
    }
}

/// The sending half; cheap to clone.
#[derive(Clone)]
pub struct Outbox(Arc<Shared>);

/// The reading half, owned by the connection.
pub struct OutboxReader(Arc<Shared>);

/// Creates a queue for one connection.
pub fn outbox() -> (Outbox, OutboxReader) {
    let shared = Arc::new(Shared {
        queue: Mutex::default(),
        filled: Notify::new(),
        waiting: gauge!("modehost_outbox_waiting_messages"),
    });
    (Outbox(shared.clone()), OutboxReader(shared))
}

impl Outbox {
    /// Queues a text message.
    ///
    /// # Errors
    /// If the connection has ended.
    pub fn text(&self, text: impl Into<Text>) -> Result<(), OutboxClosed> {
        self.enqueue(Frame::Text(text.into()), None, None)
    }

    /// Queues a text message followed by an ack marker: once the message has been written and received, `progress` has
    /// the value `number`. When every marker of a `progress` has been dropped, so are its senders, and watchers see the
    /// channel close: messages not acknowledged by then may not have arrived. Numbers must increase.
    ///
    /// # Errors
    /// If the connection has ended.
    pub fn text_with_marker(
        &self,
        text: impl Into<Text>,
        progress: &watch::Sender<u64>,
        number: u64,
    ) -> Result<(), OutboxClosed> {
        self.enqueue(Frame::Text(text.into()), None, Some(AckMarker { progress: progress.clone(), number }))
    }

    /// Queues a text message, replacing a queued one with the same key.
    ///
    /// # Errors
    /// If the connection has ended.
    pub fn text_superseding(&self, key: Arc<str>, text: impl Into<Text>) -> Result<(), OutboxClosed> {
        self.enqueue(Frame::Text(text.into()), Some(key), None)
    }

    /// Queues one audio packet. `timestamp_ms`: of its first sample, from the start of the speech.
    ///
    /// # Errors
    /// If the connection has ended.
    pub fn audio(&self, packet: Vec<u8>, timestamp_ms: u32) -> Result<(), OutboxClosed> {
        self.enqueue(Frame::Audio { packet, timestamp_ms }, None, None)
    }

    /// Drops audio that has not been written: silence within one frame.
    pub fn drop_audio(&self) {
        let mut queue = self.0.queue.lock();
        drop_audio(&mut queue);
        self.0.count(&mut queue);
    }

    /// Closes the connection once everything queued before has been written. Only the first close counts.
    pub fn close(&self, code: u16, reason: impl Into<String>) {
        let _ = self.enqueue(Frame::Close { code, reason: reason.into() }, None, None);
    }

    /// True once a close has been queued or the connection is gone.
    pub fn is_closed(&self) -> bool {
        let queue = self.0.queue.lock();
        queue.closing || queue.abandoned
    }

    /// Frames queued, and their bytes.
    pub fn pending(&self) -> (usize, usize) {
        let queue = self.0.queue.lock();
        (queue.items.len(), queue.bytes)
    }

    /// True if both are the same queue.
    pub fn is_same_queue(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    fn enqueue(&self, frame: Frame, key: Option<Arc<str>>, mark: Option<AckMarker>) -> Result<(), OutboxClosed> {
        let mut queue = self.0.queue.lock();
        if queue.closing || queue.abandoned {
            return Err(OutboxClosed);
        }
        if let Some(key) = &key {
            supersede(&mut queue, key);
        }
        queue.closing = matches!(frame, Frame::Close { .. });
        queue.bytes += weight(&frame);
        queue.items.push_back(Item { frame, key, mark });
        // A close frame ends the queue with its own code, however full it is.
        if !queue.closing && (queue.items.len() > OUTBOX_FRAMES || queue.bytes > OUTBOX_BYTES) {
            shed_load(&mut queue);
        }
        self.0.count(&mut queue);
        drop(queue);
        self.0.filled.notify_one();
        Ok(())
    }
}

fn weight(frame: &Frame) -> usize {
    match frame {
        Frame::Text(text) => text.len(),
        Frame::Audio { packet, .. } => packet.len(),
        Frame::AckMarker(_) => 0,
        Frame::Close { reason, .. } => reason.len(),
    }
}

fn supersede(queue: &mut Queue, key: &Arc<str>) {
    if let Some(index) = queue.items.iter().position(|item| item.key.as_ref() == Some(key))
        && let Some(old) = queue.items.remove(index)
    {
        queue.bytes -= weight(&old.frame);
        ::metrics::counter!("modehost_outbox_dropped_total", "reason" => "superseded").increment(1);
    }
}

fn drop_audio(queue: &mut Queue) -> usize {
    let (before, mut bytes) = (queue.items.len(), 0);
    queue.items.retain(|item| match &item.frame {
        Frame::Audio { packet, .. } => {
            bytes += packet.len();
            false
        }
        _ => true,
    });
    queue.bytes -= bytes;
    before - queue.items.len()
}

/// The queue is full: drops audio and, if that is not enough, everything.
fn shed_load(queue: &mut Queue) {
    let dropped = drop_audio(queue);
    ::metrics::counter!("modehost_outbox_dropped_total", "reason" => "stale_audio").increment(dropped as u64);
    if queue.items.len() <= OUTBOX_FRAMES && queue.bytes <= OUTBOX_BYTES {
        return;
    }
    ::metrics::counter!("modehost_outbox_dropped_total", "reason" => "too_slow").increment(queue.items.len() as u64);
    queue.items.clear();
    queue.bytes = 0;
    queue.closing = true;
    let reason = "this device reads too slowly: its queue is full".to_owned();
    queue.items.push_back(Item { frame: Frame::Close { code: close::POLICY, reason }, key: None, mark: None });
}

impl OutboxReader {
    /// Waits until something is queued, then moves all of it to `batch`. Cancelling loses nothing.
    pub async fn recv_batch(&mut self, batch: &mut VecDeque<Frame>) {
        loop {
            if self.try_recv_batch(batch) {
                return;
            }
            self.0.filled.notified().await;
        }
    }

    /// Moves everything queued to `batch`, without waiting; false if there was nothing.
    pub fn try_recv_batch(&mut self, batch: &mut VecDeque<Frame>) -> bool {
        let mut queue = self.0.queue.lock();
        if queue.items.is_empty() {
            return false;
        }
        queue.bytes = 0;
        for item in queue.items.drain(..) {
            batch.push_back(item.frame);
            batch.extend(item.mark.map(Frame::AckMarker));
        }
        // An idle connection keeps no buffer of its peak size.
        if queue.items.capacity() > 16 {
            queue.items = VecDeque::new();
        }
        self.0.count(&mut queue);
        true
    }
}

impl Drop for OutboxReader {
    fn drop(&mut self) {
        let mut queue = self.0.queue.lock();
        queue.abandoned = true;
        queue.items = VecDeque::new();
        self.0.count(&mut queue);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(reader: &mut OutboxReader) -> Vec<Frame> {
        let mut batch = VecDeque::new();
        reader.try_recv_batch(&mut batch);
        batch.into()
    }

    #[test]
    fn c8_superseded_messages_give_way() {
        let (outbox, mut reader) = outbox();
        for number in 0..1000 {
            outbox.text_superseding("board".into(), format!("{number}")).expect("open");
        }
        assert_eq!(drain(&mut reader), [Frame::Text(Text::Owned("999".into()))]);
    }

    #[test]
    fn c8_stale_audio_goes_first_and_text_stays() {
        let (outbox, mut reader) = outbox();
        outbox.text("keep").expect("open");
        for _ in 0..OUTBOX_FRAMES {
            outbox.audio(vec![0; 10], 0).expect("open");
        }
        assert_eq!(drain(&mut reader), [Frame::Text(Text::Owned("keep".into()))]);
    }

    #[test]
    fn c8_a_reader_that_stays_too_slow_is_closed_with_a_reason() {
        let (outbox, mut reader) = outbox();
        for number in 0..=OUTBOX_FRAMES {
            let _ = outbox.text(format!("{number}"));
        }
        assert_eq!(outbox.text("late"), Err(OutboxClosed));
        assert!(matches!(drain(&mut reader)[..], [Frame::Close { code: close::POLICY, .. }]));
    }

    #[test]
    fn c8_a_full_queue_is_closed_with_the_code_that_it_is_given() {
        let (outbox, mut reader) = outbox();
        for number in 0..OUTBOX_FRAMES {
            outbox.text(format!("{number}")).expect("open");
        }
        outbox.close(close::GOING_AWAY, "the server is stopping");
        let frames = drain(&mut reader);
        assert_eq!(frames.len(), OUTBOX_FRAMES + 1, "nothing that was queued is dropped for it");
        assert!(matches!(frames.last(), Some(Frame::Close { code: close::GOING_AWAY, .. })), "{:?}", frames.last());
    }

    #[test]
    fn p4_marks_are_reached_in_order_and_their_end_is_told() {
        let (outbox, mut reader) = outbox();
        let (progress, watched) = watch::channel(0);
        for (number, text) in (1..).zip(["one", "two", "three"]) {
            outbox.text_with_marker(text, &progress, number).expect("open");
        }
        drop(progress);
        let mut frames = VecDeque::new();
        reader.try_recv_batch(&mut frames);
        let order: Vec<bool> = frames.iter().map(|frame| matches!(frame, Frame::AckMarker(_))).collect();
        assert_eq!(order, [false, true, false, true, false, true], "each mark stands behind its frame");
        let mut marks = frames.into_iter().filter_map(|frame| match frame {
            Frame::AckMarker(mark) => Some(mark),
            _ => None,
        });
        let (first, second) = (marks.next().expect("a mark"), marks.next().expect("a mark"));
        second.acknowledge();
        assert_eq!(*watched.borrow(), 2);
        first.acknowledge();
        assert_eq!(*watched.borrow(), 2, "never decreases");
        assert!(watched.has_changed().is_ok(), "one is still in flight");
        drop(marks);
        assert!(watched.has_changed().is_err(), "nothing more will be acknowledged");
    }

    #[test]
    fn a_queue_that_overflows_lets_go_of_its_marks() {
        let (outbox, _reader) = outbox();
        let (progress, watched) = watch::channel(0);
        outbox.text_with_marker("one", &progress, 1).expect("open");
        drop(progress);
        for _ in 0..=OUTBOX_FRAMES {
            let _ = outbox.text("x");
        }
        assert!(watched.has_changed().is_err());
        assert_eq!(*watched.borrow(), 0);
    }

    #[test]
    fn a_gone_reader_refuses() {
        let (outbox, reader) = outbox();
        drop(reader);
        assert_eq!(outbox.text("x"), Err(OutboxClosed));
    }
}
