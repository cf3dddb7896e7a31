//! The WebSocket of one connection: what is to be written, and what has come. Rule: writing never
//! stops reading, and reading never stops writing; frames of one batch are flushed together, except
//! where a mark stands between them: it is reached when the device's side has what is before it.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::task::{Context, Poll, ready};

use futures_util::{SinkExt, StreamExt};
use modehost_limits as limits;
use modehost_outbox::{Frame, Mark, Text, close};
use modehost_protocol::{BadFrame, Evidence, Hello, Unwrapped};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error, ProtocolError};
use tokio_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig};
use tokio_tungstenite::tungstenite::{Message, Utf8Bytes};

use crate::meters::{self, Meters};
use crate::receipt::Carrier;
use crate::unfinished::{Counted, Share};

/// Longest reason of a close frame: a control frame carries 125 bytes, two of them the code.
const REASON_BYTES: usize = 123;
/// Code for the figures where no close frame was seen.
pub(crate) const VANISHED: u16 = 1006;

/// What the wire has to say.
#[derive(Debug)]
pub(crate) enum Wire {
    /// A message has come.
    Read(Message),
    /// All that was to be written has been.
    Flushed,
    /// Writing has come to a stop just now; told once per stop.
    Blocked,
    /// It is over.
    Over(Ending),
}

/// How a connection ends.
#[derive(Debug)]
pub(crate) enum Ending {
    /// The device has gone, or has closed and been answered: there is nobody to tell.
    Gone(u16),
    /// A close frame is on its way; the device should answer it.
    Closing(u16),
    /// The device broke the protocol: nothing that it sends can be read any more.
    Fault { code: u16, reason: String },
}

/// What waits to be written.
enum Outgoing {
    Message(Message),
    Mark(Mark),
}

/// The socket with what waits to be written to it.
pub(crate) struct Link<'a, S> {
    socket: WebSocketStream<Counted<S>>,
    /// What it holds of a message that is not whole.
    share: Share,
    frames: VecDeque<Outgoing>,
    /// Frames have been handed to the socket and not flushed.
    unflushed: bool,
    /// Payload of those frames, in bytes.
    unflushed_bytes: u64,
    /// Payload that has been flushed, ever.
    flushed_bytes: u64,
    /// Marks with everything before them flushed, and how much had been by then.
    marks: VecDeque<(u64, Mark)>,
    /// The code of the close frame that is the last of the frames, or has been written.
    closing: Option<u16>,
    /// Pings of the device whose pongs may not have been written: the socket answers them by itself.
    pongs: u32,
    /// Since when writing has made no progress.
    blocked: Option<Instant>,
    last_sent: Instant,
    /// The device has ended the connection by itself.
    hung_up: bool,
    /// The stream is that of a proxy, which ends it for a device that is lost as well.
    through_proxy: bool,
    /// Writing has failed: the device is gone, and only what it sent before is still read.
    mute: bool,
    /// How sound is wrapped, both ways.
    framing: Evidence,
    /// What the last hello says.
    shows_faces: bool,
    meters: &'a Meters,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Link<'a, S> {
    /// Speaks WebSocket on a stream whose handshake is done. `early` is what came behind it, `version`
    /// that of the protocol, where the handshake names one. `through_proxy`: the end of the stream says nothing
    /// of the device.
    pub async fn open(
        stream: S,
        early: &[u8],
        version: Option<u64>,
        through_proxy: bool,
        max_message_bytes: usize,
        (share, meters): (Share, &'a Meters),
    ) -> Self {
        let config = WebSocketConfig::default()
            .read_buffer_size(limits::READ_BUFFER_BYTES)
            .write_buffer_size(limits::WRITE_BUFFER_BYTES)
            .max_message_size(Some(max_message_bytes))
            .max_frame_size(Some(max_message_bytes));
        let stream = Counted::new(stream, early.len());
        let socket = WebSocketStream::from_partially_read(stream, early.to_vec(), Role::Server, Some(config)).await;
        Self {
            socket,
            share,
            frames: VecDeque::new(),
            unflushed: false,
            unflushed_bytes: 0,
            flushed_bytes: 0,
            marks: VecDeque::new(),
            closing: None,
            pongs: 0,
            blocked: None,
            last_sent: Instant::now(),
            hung_up: false,
            through_proxy,
            mute: false,
            framing: Evidence::new(version),
            shows_faces: true,
            meters,
        }
    }

    /// Queues frames of the outbox. Behind a close frame, nothing is taken.
    pub fn put(&mut self, frames: VecDeque<Frame>) {
        for frame in frames {
            match frame {
                Frame::Text(Text::Own(text)) => self.push(Message::Text(text.into())),
                Frame::Text(Text::Shared(text)) => self.push(Message::Text((&*text).into())),
                Frame::Audio { packet, timestamp_ms } => {
                    self.push(Message::Binary(self.framing.framing().wrap(packet, timestamp_ms).into()));
                }
                Frame::Mark(mark) if self.closing.is_none() && !self.mute => {
                    self.frames.push_back(Outgoing::Mark(mark));
                }
                // Nobody will know of it.
                Frame::Mark(_) => {}
                Frame::Close { code, reason } => self.close(code, &reason),
            }
        }
    }

    /// What is in a binary frame.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn unwrap<'f>(&mut self, frame: &'f [u8]) -> Result<Unwrapped<'f>, BadFrame> {
        self.framing.unwrap(frame)
    }

    /// How sound is wrapped, and how it is said to be encoded, where nothing of it can be read; once.
    pub fn unreadable(&mut self) -> Option<Evidence> {
        self.framing.is_unreadable().then_some(self.framing)
    }

    /// False once the device has said that it shows no faces.
    pub fn shows_faces(&self) -> bool {
        self.shows_faces
    }

    /// The device has said hello.
    pub fn said_hello(&mut self, hello: &Hello) {
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

    /// Queues a fixed text.
    pub fn put_fixed(&mut self, text: &'static str) {
        self.push(Message::Text(Utf8Bytes::from_static(text)));
    }

    /// Queues a text.
    pub fn put_text(&mut self, text: String) {
        self.push(Message::Text(text.into()));
    }

    /// Queues a WebSocket ping.
    pub fn ping(&mut self) {
        self.push(Message::Ping(bytes::Bytes::new()));
    }

    /// Queues the last frame. Only the first close counts.
    pub fn close(&mut self, code: u16, reason: &str) {
        let reason = &reason[..reason.floor_char_boundary(REASON_BYTES)];
        self.push(Message::Close(Some(CloseFrame { code: code.into(), reason: reason.into() })));
        self.closing.get_or_insert(code);
    }

    fn push(&mut self, message: Message) {
        if self.closing.is_none() && !self.mute {
            self.frames.push_back(Outgoing::Message(message));
        }
    }

    /// True if the device has ended the connection by itself: with a close frame of its own, or with the end of
    /// its stream.
    pub fn hung_up(&self) -> bool {
        self.hung_up
    }

    /// The code of the close frame, once there is one.
    pub fn closing(&self) -> Option<u16> {
        self.closing
    }

    /// True if something could be written, and there is nothing to write.
    pub fn is_idle(&self) -> bool {
        !self.mute && self.has_written()
    }

    fn has_written(&self) -> bool {
        self.frames.is_empty() && !self.unflushed
    }

    /// False while the device leaves so many replies unread that it may send nothing more.
    pub fn has_room(&self) -> bool {
        self.frames.len() < limits::OUTBOX_FRAMES && (self.pongs as usize) < limits::READ_BURST
    }

    /// Since when writing has made no progress.
    pub fn blocked(&self) -> Option<Instant> {
        self.blocked
    }

    /// When a message was last written; control frames do not count.
    pub fn last_sent(&self) -> Instant {
        self.last_sent
    }

    /// Writes what it can and reads one message if it may. Cancelling loses nothing.
    pub fn poll(&mut self, context: &mut Context<'_>, may_read: bool) -> Poll<Wire> {
        if !self.has_written() {
            let was_blocked = self.blocked.is_some();
            match self.poll_write(context) {
                Poll::Ready(Ok(())) => return Poll::Ready(Wire::Flushed),
                Poll::Ready(Err(_)) => {
                    self.fall_silent();
                    return Poll::Ready(Wire::Blocked);
                }
                Poll::Pending if !was_blocked => {
                    self.blocked = Some(Instant::now());
                    return Poll::Ready(Wire::Blocked);
                }
                Poll::Pending => {}
            }
        }
        if self.share.gives_way(context) {
            let reason = "too many messages in pieces are open over all connections".to_owned();
            return Poll::Ready(Wire::Over(Ending::Fault { code: close::TOO_LARGE, reason }));
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
        match ready!(next) {
            Some(Ok(message)) => {
                self.meters.received_bytes.increment(message.len() as u64);
                if message.is_ping() && !self.mute {
                    // Its answer waits in the socket, where only a flush tells whether it has gone out.
                    self.pongs += 1;
                    self.unflushed = true;
                }
                self.hung_up |= message.is_close() && self.closing.is_none();
                Poll::Ready(Wire::Read(message))
            }
            Some(Err(error)) => {
                self.hung_up |= is_end(&error) && self.closing.is_none() && !self.through_proxy;
                Poll::Ready(Wire::Over(ending(&error)))
            }
            None => Poll::Ready(Wire::Over(Ending::Gone(VANISHED))),
        }
    }

    fn poll_write(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        while let Some(next) = self.frames.front() {
            match next {
                Outgoing::Message(_) => ready!(self.socket.poll_ready_unpin(context))?,
                Outgoing::Mark(_) => ready!(self.poll_flush(context))?,
            }
            let message = match self.frames.pop_front() {
                Some(Outgoing::Message(message)) => message,
                Some(Outgoing::Mark(mark)) => {
                    self.marks.push_back((self.flushed_bytes, mark));
                    continue;
                }
                None => break,
            };
            self.meters.sent.increment(1);
            self.meters.sent_bytes.increment(message.len() as u64);
            self.unflushed = true;
            self.unflushed_bytes += message.len() as u64;
            let now = Instant::now();
            // Control frames do not count: firmware's own clock does not count them either.
            if message.is_text() || message.is_binary() {
                self.last_sent = now;
            }
            if let Some(blocked) = &mut self.blocked {
                *blocked = now;
            }
            self.socket.start_send_unpin(message)?;
        }
        ready!(self.poll_flush(context))?;
        self.blocked = None;
        // An idle connection keeps no queue of its busiest moment.
        if self.frames.capacity() > 16 {
            self.frames = VecDeque::new();
        }
        Poll::Ready(Ok(()))
    }

    fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Error>> {
        ready!(self.socket.poll_flush_unpin(context))?;
        self.unflushed = false;
        self.pongs = 0;
        self.flushed_bytes += std::mem::take(&mut self.unflushed_bytes);
        Poll::Ready(Ok(()))
    }

    /// True while it is open whether the device has got what is before some mark.
    pub fn has_marks(&self) -> bool {
        !self.marks.is_empty()
    }

    /// The device can be told nothing more; what it sent before it went may still be unread.
    fn fall_silent(&mut self) {
        self.mute = true;
        self.unflushed = false;
        self.pongs = 0;
        self.frames = VecDeque::new();
        // If reading does not end by itself, the time limit of writing ends it.
        self.blocked = Some(Instant::now());
    }

    /// Ends the connection as `ending` says: writes the close frame, gives the device a moment to
    /// answer it, and lets go. Bounded by `limits::CLOSE_HANDSHAKE`.
    pub async fn finish(&mut self, ending: Ending) {
        let (code, readable) = match ending {
            Ending::Gone(code) => {
                meters::closed(code);
                if code != VANISHED {
                    // The socket has the answer to the device's close; nothing may precede it now.
                    self.frames.clear();
                    let _ = timeout(limits::CLOSE_HANDSHAKE, poll_fn(|context| self.poll_write(context))).await;
                }
                return;
            }
            Ending::Closing(code) => (code, true),
            Ending::Fault { code, reason } => {
                self.close(code, &reason);
                (code, false)
            }
        };
        meters::closed(code);
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

impl<S: AsyncRead + AsyncWrite + Carrier + Unpin> Link<'_, S> {
    /// Reaches the marks of what the device's side has acknowledged. What was flushed behind a mark
    /// counts without framing and encryption, so that a mark is reached late rather than early.
    pub fn settle_marks(&mut self) {
        if self.marks.is_empty() {
            return;
        }
        let open = self.socket.get_ref().unacknowledged();
        while let Some((flushed, mark)) = self.marks.pop_front() {
            if flushed + open > self.flushed_bytes {
                self.marks.push_front((flushed, mark));
                return;
            }
            mark.reach();
        }
    }
}

/// Whether a failed read is the orderly end of the stream: of TCP, or of TLS without its farewell, which most
/// firmware leaves out.
fn is_end(error: &Error) -> bool {
    match error {
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => true,
        Error::Io(error) => error.kind() == std::io::ErrorKind::UnexpectedEof,
        _ => false,
    }
}

/// What a failed read means.
fn ending(error: &Error) -> Ending {
    let fault = |code, reason: String| Ending::Fault { code, reason };
    match error {
        Error::Capacity(CapacityError::MessageTooLong { size, max_size }) => {
            fault(close::TOO_LARGE, format!("a message of {size} bytes; at most {max_size} are taken"))
        }
        Error::Capacity(error) => fault(close::TOO_LARGE, error.to_string()),
        Error::Utf8(_) => fault(close::NOT_UTF8, "text must be UTF-8".to_owned()),
        Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => Ending::Gone(VANISHED),
        Error::Protocol(error) => fault(close::PROTOCOL, error.to_string()),
        _ => Ending::Gone(VANISHED),
    }
}
