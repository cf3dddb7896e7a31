//! The WebSocket of one connection. Rule: writing never blocks reading, and reading never blocks writing; an ack marker
//! between frames completes when the peer has acknowledged what precedes it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use crate::limits;
use futures_util::StreamExt;
use modehost_outbox::{Frame, Text, close};
use modehost_protocol::{FrameError, FramingDetector, Hello, Payload};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::timeout;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::error::Error;
use tokio_tungstenite::tungstenite::protocol::{Role, WebSocketConfig};

use super::ending::{ABNORMAL_CLOSURE, Ending, is_end_of_stream};
use super::partial_messages::{CountingStream, PartialMessageAccount};
use super::send_queue::SendQueue;
use super::traffic::Traffic;
use super::unacknowledged::Unacknowledged;

/// The socket with its send queue.
pub(crate) struct Socket<'a, S> {
    socket: WebSocketStream<CountingStream<S>>,
    pub(super) queue: SendQueue,
    pub(super) format: Format,
    /// Accounts for the bytes of an incomplete message.
    partial_message_account: PartialMessageAccount,
    /// The device has closed the connection deliberately.
    hung_up: bool,
    /// The peer is a proxy, which also ends the stream of a device that was lost.
    through_proxy: bool,
    traffic: &'a Traffic<'a>,
}

/// Parameters from the handshake.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Upgraded<'h> {
    /// Bytes received behind the request.
    pub early: &'h [u8],
    /// Version of the audio framing, if the handshake contains one.
    pub protocol_version: Option<u64>,
    /// The end of the stream says nothing about the device.
    pub through_proxy: bool,
    /// Largest accepted message.
    pub max_message_bytes: usize,
}

/// Events of the socket.
#[derive(Debug)]
pub(crate) enum SocketEvent {
    /// A message was received.
    Received(Message),
    /// All queued frames have been written.
    Flushed,
    /// Writing has blocked; reported once each time.
    Blocked,
    /// The connection has ended.
    Ended(Ending),
}

/// What the device has announced about its audio and its display.
pub(super) struct Format {
    /// Framing of audio, in both directions.
    framing: FramingDetector,
    /// From the last hello.
    shows_emotions: bool,
}

impl Format {
    /// Parses a binary frame.
    ///
    /// # Errors
    /// If the frame is malformed.
    pub(super) fn unwrap<'f>(&mut self, frame: &'f [u8]) -> Result<Payload<'f>, FrameError> {
        self.framing.unwrap(frame)
    }

    /// The framing and the announced codec, if no frame could be read with them; returned once.
    pub(super) fn unreadable(&mut self) -> Option<FramingDetector> {
        self.framing.take_unreadable().then_some(self.framing)
    }

    /// False once the device has announced that it displays no emotions.
    pub(super) fn shows_emotions(&self) -> bool {
        self.shows_emotions
    }

    /// Applies a received hello.
    pub(super) fn on_hello(&mut self, hello: &Hello) {
        self.shows_emotions = hello.emotions;
        if let Some(holds) = self.framing.on_hello(hello.version, hello.audio.codec) {
            let header = holds.version();
            tracing::info!(
                hello = hello.version,
                header,
                "the version in hello differs from Protocol-Version, which takes precedence"
            );
        }
    }
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Socket<'a, S> {
    /// Opens a WebSocket on a stream whose handshake is done.
    pub async fn open(
        stream: S,
        upgraded: Upgraded<'_>,
        partial_message_account: PartialMessageAccount,
        traffic: &'a Traffic<'a>,
    ) -> Self {
        let Upgraded { early, protocol_version, through_proxy, max_message_bytes } = upgraded;
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::READ_BUFFER_BYTES)
            .write_buffer_size(limits::WRITE_BUFFER_BYTES)
            .max_message_size(Some(max_message_bytes))
            .max_frame_size(Some(max_message_bytes));
        let stream = CountingStream::new(stream, early.len());
        let socket = WebSocketStream::from_partially_read(stream, early.to_vec(), Role::Server, Some(config)).await;
        let format = Format { framing: FramingDetector::new(protocol_version), shows_emotions: true };
        Self {
            socket,
            queue: SendQueue::new(),
            format,
            partial_message_account,
            hung_up: false,
            through_proxy,
            traffic,
        }
    }

    /// Queues frames of the outbox. Frames behind a close frame are discarded.
    pub(super) fn enqueue(&mut self, frames: VecDeque<Frame>) {
        for frame in frames {
            match frame {
                Frame::Text(Text::Owned(text)) => self.queue.text(text),
                Frame::Text(Text::Shared(text)) => self.queue.message(Message::Text((&*text).into())),
                Frame::Audio { packet, timestamp_ms } => {
                    let framed = self.format.framing.framing().frame(packet, timestamp_ms);
                    self.queue.message(Message::Binary(framed.into()));
                }
                Frame::AckMarker(marker) => self.queue.ack_marker(marker),
                Frame::Close { code, reason } => self.queue.close(code, &reason),
            }
        }
    }

    /// True if the device has closed the connection deliberately: with its own close frame, or by ending its stream.
    pub(super) fn hung_up(&self) -> bool {
        self.hung_up
    }

    /// False while so many replies are unread that reading from the device must pause.
    pub(super) fn has_capacity(&self) -> bool {
        self.queue.has_capacity()
    }

    /// Writes what it can, and reads one message if `may_read`. Cancel-safe.
    pub(super) fn poll(&mut self, context: &mut Context<'_>, may_read: bool) -> Poll<SocketEvent> {
        if !self.queue.is_flushed() {
            match self.poll_write(context) {
                Poll::Ready(Ok(())) => return Poll::Ready(SocketEvent::Flushed),
                Poll::Ready(Err(_)) => {
                    self.queue.stop_writing();
                    return Poll::Ready(SocketEvent::Blocked);
                }
                Poll::Pending if self.queue.set_blocked() => return Poll::Ready(SocketEvent::Blocked),
                Poll::Pending => {}
            }
        }
        if self.partial_message_account.is_evicted(context) {
            let reason = "too many incomplete messages over all connections".to_owned();
            return Poll::Ready(SocketEvent::Ended(Ending::Fault { code: close::TOO_LARGE, reason }));
        }
        if !may_read {
            return Poll::Pending;
        }
        let next = self.socket.poll_next_unpin(context);
        if let Poll::Ready(Some(Ok(message))) = &next {
            match message {
                Message::Text(_) | Message::Binary(_) => self.socket.get_mut().on_message_complete(),
                control => self.socket.get_mut().on_control_frame(control.len()),
            }
        }
        self.socket.get_ref().report_to(&mut self.partial_message_account);
        if next.is_pending() && self.partial_message_account.is_evicted(context) {
            // This connection may have been chosen because of the bytes just read.
            context.waker().wake_by_ref();
        }
        Poll::Ready(match ready!(next) {
            Some(Ok(message)) => {
                self.traffic.record_received(&message);
                if message.is_ping() {
                    self.queue.on_ping();
                }
                self.hung_up |= message.is_close() && self.queue.closing().is_none();
                SocketEvent::Received(message)
            }
            Some(Err(error)) => {
                self.hung_up |= is_end_of_stream(&error) && self.queue.closing().is_none() && !self.through_proxy;
                SocketEvent::Ended(Ending::from(&error))
            }
            None => SocketEvent::Ended(Ending::Gone(ABNORMAL_CLOSURE)),
        })
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        self.queue.poll_write(&mut self.socket, self.traffic, context)
    }

    /// Closes a connection that has no session: nothing it sends is handled.
    pub async fn reject(mut self, code: u16, reason: &str) {
        self.queue.close(code, reason);
        self.finish(Ending::Closing(code)).await;
    }

    /// Performs the ending: writes the close frame, waits for the device's answer, and drops the connection. Bounded by
    /// `limits::CLOSE_HANDSHAKE`.
    pub(super) async fn finish(&mut self, ending: Ending) {
        let (code, readable) = match ending {
            Ending::Gone(code) => {
                self.traffic.record_close(code);
                if code != ABNORMAL_CLOSURE {
                    // The socket has already queued the answer to the device's close frame; no frame may precede it.
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
        self.traffic.record_close(code);
        let close = async {
            if poll_fn(|context| self.poll_write(context)).await.is_err() {
                return;
            }
            if readable {
                while let Some(Ok(_)) = self.socket.next().await {}
                return;
            }
            // Read and discard what arrives meanwhile: closing a socket with unread bytes resets it, and the reset can
            // overtake the close frame.
            let stream = self.socket.get_mut();
            let _ = stream.shutdown().await;
            let mut discarded = vec![0; limits::READ_BUFFER_BYTES];
            while stream.read(&mut discarded).await.is_ok_and(|count| count > 0) {}
        };
        let _ = timeout(limits::CLOSE_HANDSHAKE, close).await;
    }
}

impl<S: AsyncRead + AsyncWrite + Unacknowledged + Unpin> Socket<'_, S> {
    /// Completes the ack markers whose preceding bytes the peer has acknowledged.
    pub(super) fn complete_ack_markers(&mut self) {
        // Skip the system call if no marker waits.
        if self.queue.has_ack_markers() {
            let unacknowledged = self.socket.get_ref().unacknowledged();
            self.queue.complete_ack_markers(unacknowledged);
        }
    }
}
