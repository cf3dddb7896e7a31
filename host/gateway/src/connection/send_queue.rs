//! What is to be written to a WebSocket. Rule: frames of one batch are flushed together, except where a mark stands
//! between them; nothing follows a close frame, and nothing is written to a device that is gone.

use std::collections::VecDeque;
use std::task::{Context, Poll, ready};

use crate::limits;
use futures_util::SinkExt;
use modehost_outbox::Mark;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use super::traffic::Traffic;

/// Longest reason of a close frame: a control frame carries 125 bytes, two of them the code.
const REASON_BYTES: usize = 123;

/// What waits to be written, and how far writing has got.
pub(super) struct SendQueue {
    frames: VecDeque<Outgoing>,
    /// Frames have been handed to the socket and not flushed.
    unflushed: bool,
    marks: Marks,
    /// The code of the close frame that is the last of the frames, or has been written.
    closing: Option<u16>,
    /// Pings of the device whose pongs may not have been written: the socket answers them by itself.
    pongs: u32,
    /// Since when writing has made no progress.
    blocked: Option<Instant>,
    last_sent: Instant,
    /// Writing has failed: the device is gone, and only what it sent before is still read.
    mute: bool,
}

/// What waits to be written.
enum Outgoing {
    Message(Message),
    Mark(Mark),
}

/// Marks behind what has been flushed, and how much that was. In bytes of payload: framing and encryption do not
/// count, so that a mark is reached late rather than early.
#[derive(Default)]
struct Marks {
    /// Handed to the socket since the last flush.
    unflushed_bytes: u64,
    /// Flushed, ever.
    flushed_bytes: u64,
    /// Those with everything before them flushed.
    waiting: VecDeque<Flushed>,
}

/// A mark with everything before it flushed.
struct Flushed {
    /// How much had been by then.
    bytes: u64,
    mark: Mark,
}

impl SendQueue {
    /// Nothing waits.
    pub(super) fn new() -> Self {
        Self {
            frames: VecDeque::new(),
            unflushed: false,
            marks: Marks::default(),
            closing: None,
            pongs: 0,
            blocked: None,
            last_sent: Instant::now(),
            mute: false,
        }
    }

    /// Queues a message, unless nobody would read it.
    pub(super) fn message(&mut self, message: Message) {
        if self.is_open() {
            self.frames.push_back(Outgoing::Message(message));
        }
    }

    /// Queues a mark; dropped, it tells that nobody will know.
    pub(super) fn mark(&mut self, mark: Mark) {
        if self.is_open() {
            self.frames.push_back(Outgoing::Mark(mark));
        }
    }

    /// Queues a fixed text.
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

    /// Queues the last frame. Only the first close counts.
    pub(super) fn close(&mut self, code: u16, reason: &str) {
        let reason = &reason[..reason.floor_char_boundary(REASON_BYTES)];
        self.message(Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() })));
        self.closing.get_or_insert(code);
    }

    fn is_open(&self) -> bool {
        self.closing.is_none() && !self.mute
    }

    /// The code of the close frame, once there is one.
    pub(super) fn closing(&self) -> Option<u16> {
        self.closing
    }

    /// True if something could be written, and there is nothing to write.
    pub(super) fn is_idle(&self) -> bool {
        !self.mute && self.has_written()
    }

    /// True if there is nothing to write.
    pub(super) fn has_written(&self) -> bool {
        self.frames.is_empty() && !self.unflushed
    }

    /// False while the device leaves so many replies unread that it may send nothing more.
    pub(super) fn has_room(&self) -> bool {
        self.frames.len() < limits::OUTBOX_FRAMES && (self.pongs as usize) < limits::READ_BURST
    }

    /// Since when writing has made no progress.
    pub(super) fn blocked(&self) -> Option<Instant> {
        self.blocked
    }

    /// When a message was last written; control frames do not count.
    pub(super) fn last_sent(&self) -> Instant {
        self.last_sent
    }

    /// True while it is open whether the device has got what is before some mark.
    pub(super) fn has_marks(&self) -> bool {
        !self.marks.waiting.is_empty()
    }

    /// Reaches the marks before which nothing is among the last `unacknowledged` bytes.
    pub(super) fn reach_marks(&mut self, unacknowledged: u64) {
        let Marks { flushed_bytes, waiting, .. } = &mut self.marks;
        while let Some(Flushed { mark, .. }) =
            waiting.pop_front_if(|next| next.bytes + unacknowledged <= *flushed_bytes)
        {
            mark.reach();
        }
    }

    /// The socket has a pong to write, where only a flush tells whether it has gone out.
    pub(super) fn owes_pong(&mut self) {
        if !self.mute {
            self.pongs += 1;
            self.unflushed = true;
        }
    }

    /// Notes that writing has come to a stop; true if it had not before.
    pub(super) fn block(&mut self) -> bool {
        let is_new = self.blocked.is_none();
        self.blocked.get_or_insert_with(Instant::now);
        is_new
    }

    /// Nothing of what waits may be written any more.
    pub(super) fn clear(&mut self) {
        self.frames.clear();
    }

    /// The device can be told nothing more; what it sent before it went may still be unread.
    pub(super) fn fall_silent(&mut self) {
        self.mute = true;
        self.unflushed = false;
        self.pongs = 0;
        self.frames = VecDeque::new();
        // If reading does not end by itself, the time limit of writing ends it.
        self.blocked = Some(Instant::now());
    }

    /// Writes and flushes all that waits. Cancelling loses nothing.
    pub(super) fn poll_write<T: AsyncRead + AsyncWrite + Unpin>(
        &mut self,
        socket: &mut WebSocketStream<T>,
        traffic: &Traffic<'_>,
        context: &mut Context<'_>,
    ) -> Poll<Result<(), Error>> {
        while let Some(next) = self.frames.front() {
            match next {
                Outgoing::Message(_) => ready!(socket.poll_ready_unpin(context))?,
                Outgoing::Mark(_) => ready!(self.poll_flush(socket, context))?,
            }
            let message = match self.frames.pop_front() {
                Some(Outgoing::Message(message)) => message,
                Some(Outgoing::Mark(mark)) => {
                    self.marks.waiting.push_back(Flushed { bytes: self.marks.flushed_bytes, mark });
                    continue;
                }
                None => break,
            };
            traffic.sent(&message);
            self.unflushed = true;
            self.marks.unflushed_bytes += message.len() as u64;
            let now = Instant::now();
            // Control frames do not count: firmware's own clock does not count them either.
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
        // An idle connection keeps no queue of its busiest moment.
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
        self.pongs = 0;
        self.marks.flushed_bytes += std::mem::take(&mut self.marks.unflushed_bytes);
        Poll::Ready(Ok(()))
    }
}
