//! The outgoing frames of a WebSocket. Rule: frames of one batch are flushed together, except where an ack marker
//! stands between them; nothing follows a close frame, and nothing is written after a write error.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use crate::limits;
use futures_util::SinkExt;
use modehost_outbox::AckMarker;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::traffic::Traffic;

/// Longest reason of a close frame: a control frame carries 125 bytes, two of them the code.
const REASON_BYTES: usize = 123;

/// Queued frames and the progress of writing.
pub(super) struct SendQueue {
    frames: VecDeque<Outgoing>,
    /// Frames have been handed to the socket and not flushed.
    unflushed: bool,
    ack_markers: AckMarkers,
    /// The code of the close frame that is queued last or has been written.
    closing: Option<u16>,
    /// Received pings whose pongs may not have been written: the socket answers them itself.
    pending_pongs: u32,
    /// Time of the last write progress, while writing is blocked.
    blocked: Option<Instant>,
    last_sent: Instant,
    /// A write has failed: the device has disconnected, and only what it sent before is still read.
    write_failed: bool,
}

/// A queued item.
enum Outgoing {
    Message(Message),
    AckMarker(AckMarker),
}

/// Ack markers behind flushed frames, and the flushed bytes. Counted in payload bytes: framing and encryption are not
/// counted, so that a marker completes late rather than early.
#[derive(Default)]
struct AckMarkers {
    /// Handed to the socket since the last flush.
    unflushed_bytes: u64,
    /// Total flushed.
    flushed_bytes: u64,
    /// Markers behind which all preceding frames are flushed.
    waiting: VecDeque<FlushedMarker>,
}

/// A marker whose preceding frames are flushed.
struct FlushedMarker {
    /// Total flushed at that point.
    bytes: u64,
    marker: AckMarker,
}

impl SendQueue {
    /// An empty queue.
    pub(super) fn new() -> Self {
        Self {
            frames: VecDeque::new(),
            unflushed: false,
            ack_markers: AckMarkers::default(),
            closing: None,
            pending_pongs: 0,
            blocked: None,
            last_sent: Instant::now(),
            write_failed: false,
        }
    }

    /// Queues a message, unless the connection is closing or a write has failed.
    pub(super) fn message(&mut self, message: Message) {
        if self.is_open() {
            self.frames.push_back(Outgoing::Message(message));
        }
    }

    /// Queues an ack marker; dropping it reports that the acknowledgement will never be known.
    pub(super) fn ack_marker(&mut self, marker: AckMarker) {
        if self.is_open() {
            self.frames.push_back(Outgoing::AckMarker(marker));
        }
    }

    /// Queues a static text.
    pub(super) fn fixed(&mut self, text: &'static str) {
        self.message(Message::Text(Utf8Bytes::from_static(text)));
    }

    /// Queues a text.
    pub(super) fn text(&mut self, text: String) {
        self.message(Message::Text(text.into()));
    }

    /// Queues a WebSocket ping.
    pub(super) fn ping(&mut self) {
        self.message(Message::Ping(bytes::Bytes::new()));
    }

    /// Queues the close frame, which is the last frame. Later calls have no effect.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        let reason = &reason[..reason.floor_char_boundary(REASON_BYTES)];
        self.message(Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() })));
        self.closing.get_or_insert(code);
    }

    fn is_open(&self) -> bool {
        self.closing.is_none() && !self.write_failed
    }

    /// The code of the close frame, once there is one.
    pub(super) fn closing(&self) -> Option<u16> {
        self.closing
    }

    /// True if writing is possible and nothing is queued.
    pub(super) fn is_idle(&self) -> bool {
        !self.write_failed && self.is_flushed()
    }

    /// True if everything has been written and flushed.
    pub(super) fn is_flushed(&self) -> bool {
        self.frames.is_empty() && !self.unflushed
    }

    /// False while so many replies are unread that reading from the device must pause.
    pub(super) fn has_capacity(&self) -> bool {
        self.frames.len() < limits::OUTBOX_FRAMES && (self.pending_pongs as usize) < limits::READ_BURST
    }

    /// Time of the last write progress, while writing is blocked.
    pub(super) fn blocked(&self) -> Option<Instant> {
        self.blocked
    }

    /// When a message was last written; control frames do not count.
    pub(super) fn last_sent(&self) -> Instant {
        self.last_sent
    }

    /// True while ack markers wait for acknowledgement.
    pub(super) fn has_ack_markers(&self) -> bool {
        !self.ack_markers.waiting.is_empty()
    }

    /// Completes the markers before which none of the last `unacknowledged` bytes lie.
    pub(super) fn complete_ack_markers(&mut self, unacknowledged: u64) {
        let AckMarkers { flushed_bytes, waiting, .. } = &mut self.ack_markers;
        while let Some(FlushedMarker { marker, .. }) =
            waiting.pop_front_if(|next| next.bytes + unacknowledged <= *flushed_bytes)
        {
            marker.acknowledge();
        }
    }

    /// A ping was received: the socket has a pong to write, and only a flush shows that it has been written.
    pub(super) fn on_ping(&mut self) {
        if !self.write_failed {
            self.pending_pongs += 1;
            self.unflushed = true;
        }
    }

    /// Records that writing is blocked; true if it was not before.
    pub(super) fn set_blocked(&mut self) -> bool {
        let was_unblocked = self.blocked.is_none();
        self.blocked.get_or_insert_with(Instant::now);
        was_unblocked
    }

    /// Discards all queued frames.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
    }

    /// Stops writing after a write error; what the device sent before may still be unread.
    pub(super) fn stop_writing(&mut self) {
        self.write_failed = true;
        self.unflushed = false;
        self.pending_pongs = 0;
        self.frames = VecDeque::new();
        // If reading does not end by itself, the write timeout ends the connection.
        self.blocked = Some(Instant::now());
    }

    /// Writes and flushes all queued frames. Cancel-safe.
    pub(super) fn poll_write<T: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        socket: &mut WebSocketStream<T>,
        traffic: &Traffic<'_>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        while let Some(next) = self.frames.front() {
            match next {
                Outgoing::Message(_) => ready!(socket.poll_ready_unpin(context))?,
                Outgoing::AckMarker(_) => ready!(self.poll_flush(socket, context))?,
            }
            let message = match self.frames.pop_front() {
                Some(Outgoing::Message(message)) => message,
                Some(Outgoing::AckMarker(marker)) => {
                    self.ack_markers.waiting.push_back(FlushedMarker { bytes: self.ack_markers.flushed_bytes, marker });
                    continue;
                }
                None => break,
            };
            traffic.record_sent(&message);
            self.unflushed = true;
            self.ack_markers.unflushed_bytes += message.len() as u64;
            let now = Instant::now();
            // Control frames do not count: the firmware's own silence timeout ignores them, too.
            if message.is_text() || message.is_binary() {
                self.last_sent = now;
            }
            if let Some(blocked) = &mut self.blocked {
                *blocked = now;
            }
            socket.start_send_unpin(message)?;
        }
        ready!(self.poll_flush(socket, context))?;
        self.blocked = None;
        // Free the memory of the peak: an idle connection keeps no queue.
        if self.frames.capacity() > 16 {
            self.frames = VecDeque::new();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush<T: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        socket: &mut WebSocketStream<T>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        ready!(socket.poll_flush_unpin(context))?;
        self.unflushed = false;
        self.pending_pongs = 0;
        self.ack_markers.flushed_bytes += std::mem::take(&mut self.ack_markers.unflushed_bytes);
        Poll::Ready(Ok(()))
    }
}
