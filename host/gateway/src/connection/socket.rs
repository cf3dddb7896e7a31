//! The WebSocket of one connection. Rule: writing never stops reading, and reading never stops writing; a mark
//! between frames is reached when the device's side has what is before it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use crate::limits;
use futures_util::StreamExt;
use modehost_outbox::{Frame, Text, close};
use modehost_protocol::{BadFrame, Evidence, Hello, Unwrapped};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::ending::{Ending, VANISHED, is_end_of_stream};
use super::send_queue::SendQueue;
use super::traffic::Traffic;
use super::unacknowledged::Unacknowledged;
use super::unfinished::{Counted, Share};

/// The socket with what waits to be written to it.
pub(crate) struct Socket<'a, S> {
    socket: WebSocketStream<Counted<S>>,
    pub(super) queue: SendQueue,
    pub(super) format: Format,
    /// What it holds of a message that is not whole.
    share: Share,
    /// The device has ended the connection by itself.
    hung_up: bool,
    /// The stream is that of a proxy, which ends it for a device that is lost as well.
    through_proxy: bool,
    traffic: &'a Traffic<'a>,
}

/// What a handshake leaves to the socket.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upgraded<'h> {
    /// What came behind the request.
    pub early: &'h [u8],
    /// Version of the framing, where the handshake names one.
    pub protocol_version: Option<u64>,
    /// The end of the stream says nothing of the device.
    pub through_proxy: bool,
    /// Largest message that is taken.
    pub max_message_bytes: usize,
}

/// What the socket has to say.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    /// A message has come.
    Received(Message),
    /// All that was to be written has been.
    Flushed,
    /// Writing has come to a stop just now; told once per stop.
    Blocked,
    /// It is over.
    Over(Ending),
}

/// What the device has said of how it speaks and is spoken to.
pub(super) struct Format {
    /// How sound is wrapped, both ways.
    framing: Evidence,
    /// What the last hello says.
    shows_faces: bool,
}

impl Format {
    /// What is in a binary frame.
    ///
    /// # Errors
    /// If it cannot be read.
    pub(super) fn unwrap<'f>(&mut self, frame: &'f [u8]) -> Result<Unwrapped<'f>, BadFrame> {
        self.framing.unwrap(frame)
    }

    /// How sound is wrapped, and how it is said to be encoded, where nothing of it can be read; once.
    pub(super) fn unreadable(&mut self) -> Option<Evidence> {
        self.framing.is_unreadable().then_some(self.framing)
    }

    /// False once the device has said that it shows no faces.
    pub(super) fn shows_faces(&self) -> bool {
        self.shows_faces
    }

    /// The device has said hello.
    pub(super) fn on_hello(&mut self, hello: &Hello) {
        self.shows_faces = hello.faces;
        if let Some(holds) = self.framing.said_hello(hello.version, hello.audio.codec) {
            let header = holds.version();
            tracing::info!(
                hello = hello.version,
                header,
                "hello names another version than Protocol-Version, which holds"
            );
        }
    }
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Socket<'a, S> {
    /// Speaks WebSocket on a stream whose handshake is done.
    pub async fn open(stream: S, upgraded: Upgraded<'_>, share: Share, traffic: &'a Traffic<'a>) -> Self {
        let Upgraded { early, protocol_version, through_proxy, max_message_bytes } = upgraded;
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::READ_BUFFER_BYTES)
            .write_buffer_size(limits::WRITE_BUFFER_BYTES)
            .max_message_size(Some(max_message_bytes))
            .max_frame_size(Some(max_message_bytes));
        let stream = Counted::new(stream, early.len());
        let socket = WebSocketStream::from_partially_read(stream, early.to_vec(), Role::Server, Some(config)).await;
        let format = Format { framing: Evidence::new(protocol_version), shows_faces: true };
        Self { socket, queue: SendQueue::new(), format, share, hung_up: false, through_proxy, traffic }
    }

    /// Queues frames of the outbox. Behind a close frame, nothing is taken.
    pub(super) fn enqueue(&mut self, frames: VecDeque<Frame>) {
        for frame in frames {
            match frame {
                Frame::Text(Text::Own(text)) => self.queue.text(text),
                Frame::Text(Text::Shared(text)) => self.queue.message(Message::Text((&*text).into())),
                Frame::Audio { packet, timestamp_ms } => {
                    let framed = self.format.framing.framing().wrap(packet, timestamp_ms);
                    self.queue.message(Message::Binary(framed.into()));
                }
                Frame::Mark(mark) => self.queue.mark(mark),
                Frame::Close { code, reason } => self.queue.close(code, &reason),
            }
        }
    }

    /// True if the device has ended the connection by itself: with a close frame of its own, or with the end of
    /// its stream.
    pub(super) fn hung_up(&self) -> bool {
        self.hung_up
    }

    /// False while the device leaves so many replies unread that it may send nothing more.
    pub(super) fn has_room(&self) -> bool {
        self.queue.has_room()
    }

    /// Writes what it can and reads one message if it may. Cancelling loses nothing.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, may_read: bool) -> Poll<SocketEvent> {
        if !self.queue.has_written() {
            match self.poll_write(context) {
                Poll::Ready(Ok(())) => return Poll::Ready(SocketEvent::Flushed),
                Poll::Ready(Err(_)) => {
                    self.queue.fall_silent();
                    return Poll::Ready(SocketEvent::Blocked);
                }
                Poll::Pending if self.queue.block() => return Poll::Ready(SocketEvent::Blocked),
                Poll::Pending => {}
            }
        }
        if self.share.gives_way(context) {
            let reason = "too many messages in pieces are open over all connections".to_owned();
            return Poll::Ready(SocketEvent::Over(Ending::Fault { code: close::TOO_LARGE, reason }));
        }
        if !may_read {
            return Poll::Pending;
        }
        let next = self.socket.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(message))) = &next {
            match message {
                Message::Text(_) | Message::Binary(_) => self.socket.get_mut().is_whole(),
                control => self.socket.get_mut().had_control(control.len()),
            }
        }
        self.socket.get_ref().account(&mut self.share);
        if next.is_pending() && self.share.gives_way(context) {
            // Perhaps it is told so by what it has just read.
            context.waker().wake_by_ref();
        }
        Poll::Ready(match ready!(next) {
            Some(Ok(message)) => {
                self.traffic.received(&message);
                if message.is_ping() {
                    self.queue.owes_pong();
                }
                self.hung_up |= message.is_close() && self.queue.closing().is_none();
                SocketEvent::Received(message)
            }
            Some(Err(error)) => {
                self.hung_up |= is_end_of_stream(&error) && self.queue.closing().is_none() && !self.through_proxy;
                SocketEvent::Over(Ending::from(&error))
            }
            None => SocketEvent::Over(Ending::Gone(VANISHED)),
        })
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.queue.poll_write(&mut self.socket, self.traffic, context)
    }

    /// Closes a connection that has no session: nothing that it sends is looked at.
    pub async fn refuse(mut self, code: u16, reason: &str) {
        self.queue.close(code, reason);
        self.finish(Ending::Closing(code)).await;
    }

    /// Ends the connection as `ending` says: writes the close frame, gives the device a moment to
    /// answer it, and lets go. Bounded by `limits::CLOSE_HANDSHAKE`.
    pub(super) async fn finish(&mut self, ending: Ending) {
        let (code, readable) = match ending {
            Ending::Gone(code) => {
                self.traffic.closed(code);
                if code != VANISHED {
                    // The socket has the answer to the device's close; nothing may precede it now.
                    self.queue.clear();
                    let _ = timeout(limits::CLOSE_HANDSHAKE, poll_fn(|context| self.poll_write(context))).await;
                }
                return;
            }
            Ending::Closing(code) => (code, true),
            Ending::Fault { code, reason } => {
                self.queue.close(code, &reason);
                (code, false)
            }
        };
        self.traffic.closed(code);
        let goodbye = async {
            if poll_fn(|context| self.poll_write(context)).await.is_err() {
                return;
            }
            if readable {
                while let Some(Ok(_)) = self.socket.next().await {}
                return;
            }
            // What was sent meanwhile is read and thrown away: closing a socket with unread bytes
            // resets it, and the reset can overtake the close frame.
            let stream = self.socket.get_mut();
            let _ = stream.shutdown().await;
            let mut waste = vec![0; limits::READ_BUFFER_BYTES];
            while stream.read(&mut waste).await.is_ok_and(|count| count > 0) {}
        };
        let _ = timeout(limits::CLOSE_HANDSHAKE, goodbye).await;
    }
}

impl<S: AsyncRead + AsyncWrite + Unacknowledged + Unpin> Socket<'_, S> {
    /// Reaches the marks of what the device's side has acknowledged.
    pub(super) fn reach_marks(&mut self) {
        // The system is asked only where somebody waits for the answer.
        if self.queue.has_marks() {
            let unacknowledged = self.socket.get_ref().unacknowledged();
            self.queue.reach_marks(unacknowledged);
        }
    }
}
