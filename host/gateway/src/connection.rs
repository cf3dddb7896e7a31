//! One device connection: dispatches received frames to the session as typed messages, and writes the outbox to the
//! socket.
//!
//! Rule: IO only, and it never waits for the session. While the queue of the session is full, messages are buffered
//! here, up to `limits::PENDING_MESSAGES` and `PENDING_BYTES`, and reading goes on, so that pings behind them are
//! answered at once. Reading stops only for a device that sends still more, until the session has caught up: no message
//! is lost, and only that device is delayed.
//!
//! - `event`: all events that wake a connection
//! - `socket`: the WebSocket; `send_queue`: its outgoing frames; `ending`: close codes and reasons
//! - `read`: parses and validates a text frame
//! - `session_handle`: the interface to the session
//! - `backlog`: received messages that wait for capacity in the session's queue
//! - `message_filter`: which messages a device is sent
//! - `keepalive`: timer of keepalives, pings and write timeouts
//! - `unacknowledged`: bytes that the peer's TCP stack has not acknowledged
//! - `partial_messages`: memory limit on incomplete messages, over all connections
//! - `traffic`: counters of one connection

mod backlog;
pub(crate) mod ending;
mod event;
pub(crate) mod keepalive;
pub(crate) mod message_filter;
pub(crate) mod partial_messages;
mod read;
mod send_queue;
mod session_handle;
pub(crate) mod socket;
pub(crate) mod traffic;
pub(crate) mod unacknowledged;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::limits;
use futures_util::future::join;
use modehost_outbox::{Frame, OutboxReader, close};
use modehost_protocol::reply::{self, PONG};
use modehost_protocol::{DeviceMessage, ErrorCode, Payload, Reference};
use modehost_session::SessionEnded;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use self::backlog::Backlog;
use self::ending::Ending;
use self::event::Event;
use self::keepalive::{Intervals, KeepaliveTimer};
use self::message_filter::MessageFilter;
use self::partial_messages::PartialMessages;
use self::read::Received;
pub(crate) use self::session_handle::SessionHandle;
use self::socket::{Socket, SocketEvent};
use self::unacknowledged::Unacknowledged;
use crate::connection_metrics::ConnectionMetrics;
use crate::control::{CommandDispatcher, ControlSession};

/// State shared by all connections.
pub(crate) struct SharedState {
    pub metrics: ConnectionMetrics,
    /// Limits the total size of incomplete messages.
    pub partial_messages: Arc<PartialMessages>,
    /// Executes operator commands, on whichever connection they arrive.
    pub control: CommandDispatcher,
}

/// A running connection. Large parts are borrowed, so that they exist once; `'s` is the borrow of the session handle.
struct Connection<'c, 's, 'a, S, A> {
    socket: &'c mut Socket<'a, S>,
    /// Receives the messages.
    session: &'s A,
    /// What the session sends.
    outbox: &'c mut OutboxReader,
    backlog: Backlog<'s>,
    control: ControlSession<'a>,
    keepalive: KeepaliveTimer,
    /// Weight of the events handled since the last yield; see `limits::READ_BURST`.
    burst: usize,
    metrics: &'a ConnectionMetrics,
}

/// Runs a connection to its end. The session handle is dropped (which detaches the connection and closes the outbox)
/// once the session has received all messages, if possible before the closing handshake.
pub(crate) async fn run<'a, S, A>(
    socket: &mut Socket<'a, S>,
    session: A,
    mut outbox: OutboxReader,
    control: ControlSession<'a>,
    intervals: Intervals,
    metrics: &'a ConnectionMetrics,
) where
    S: AsyncRead + AsyncWrite + Unacknowledged + Unpin,
    A: SessionHandle,
{
    let _connected = metrics.connected();
    let (ending, backlog) = {
        let keepalive = KeepaliveTimer::new(intervals, socket);
        let (socket, session, outbox, backlog) = (&mut *socket, &session, &mut outbox, Backlog::default());
        let mut connection = Connection { socket, session, outbox, backlog, control, keepalive, burst: 0, metrics };
        loop {
            let event = connection.next_event().await;
            if let ControlFlow::Break(ending) = connection.handle_event(event) {
                break (ending, connection.backlog);
            }
        }
    };
    if socket.hung_up() {
        session.hang_up();
    }
    // Boxed: these branches are rare, and would enlarge the future of every connection.
    if backlog.is_empty() {
        drop(backlog);
        drop((session, outbox));
        Box::pin(socket.finish(ending)).await;
    } else {
        // Messages that have been received are delivered even though their sender has disconnected (C.3).
        let rest = async { timeout(limits::BACKLOG_DRAIN, backlog.drain(&session)).await };
        let (_, drained) = Box::pin(async { join(socket.finish(ending), rest).await }).await;
        if drained.is_err() {
            tracing::warn!("a session did not accept the last messages of a connection in time; they are lost");
        }
    }
    // Bytes that are not acknowledged by now never will be.
    socket.complete_ack_markers();
}

impl<S, A> Connection<'_, '_, '_, S, A>
where
    S: AsyncRead + AsyncWrite + Unacknowledged + Unpin,
    A: SessionHandle,
{
    /// Waits for the next event. Cancel-safe.
    async fn next_event(&mut self) -> Event {
        if self.burst >= limits::READ_BURST {
            self.burst = 0;
            // Yield, so that a flood does not starve the other connections of this thread.
            yield_now().await;
        }
        let Self { socket, session, outbox, backlog, control, keepalive, .. } = self;
        backlog.start_delivery(*session);
        let may_read = backlog.has_capacity() && socket.has_capacity();
        let event = tokio::select! {
            biased;
            // First in the biased order, so that a flood cannot delay timeouts.
            () = keepalive.timer() => Event::Timer,
            outcome = backlog.delivered(), if backlog.is_delivering() => Event::Delivered(outcome),
            frames = take_frames(outbox), if socket.queue.is_idle() => Event::Outgoing(frames),
            result = control.result(), if control.is_busy() => Event::CommandDone(result),
            event = poll_fn(|context| socket.poll(context, may_read)) => Event::Socket(event),
        };
        self.burst += event.weight();
        event
    }

    /// Handles an event; `Break` if the connection ends, in which case the caller performs the ending.
    fn handle_event(&mut self, event: Event) -> ControlFlow<Ending> {
        let mut outcome = Ok(());
        match event {
            Event::Timer => {
                let keepalive = self.message_filter().keepalive();
                if let Some(ending) = self.keepalive.on_timer(self.socket, keepalive) {
                    return ControlFlow::Break(ending);
                }
            }
            Event::Delivered(delivered) => outcome = delivered,
            Event::Outgoing(frames) => self.enqueue(frames),
            Event::CommandDone(result) => {
                let (text, then) = result.into_reply();
                self.socket.queue.text(text);
                if let Some(then) = then {
                    then();
                }
            }
            Event::Socket(SocketEvent::Received(Message::Text(text))) => {
                self.session.touch_transport();
                outcome = self.on_text(&text);
            }
            Event::Socket(SocketEvent::Received(Message::Binary(frame))) => {
                self.session.touch_transport();
                outcome = self.on_binary(&frame);
            }
            Event::Socket(SocketEvent::Received(Message::Close(frame))) => {
                return ControlFlow::Break(Ending::Gone(frame.map_or(close::NORMAL, |frame| frame.code.into())));
            }
            // The socket answers pings itself with the next read, which follows at once. Pings are sent by WebSocket
            // libraries and are no sign of user activity (C.6).
            Event::Socket(SocketEvent::Received(_)) => {}
            Event::Socket(SocketEvent::Flushed) => {
                if let Some(code) = self.socket.queue.closing() {
                    return ControlFlow::Break(Ending::Closing(code));
                }
                self.socket.complete_ack_markers();
                if self.socket.queue.has_ack_markers() {
                    self.keepalive.reschedule(self.socket);
                }
            }
            Event::Socket(SocketEvent::Blocked) => self.keepalive.reschedule(self.socket),
            Event::Socket(SocketEvent::Ended(ending)) => return ControlFlow::Break(ending),
        }
        if outcome.is_err() && self.socket.queue.closing().is_none() {
            self.on_session_gone();
        }
        ControlFlow::Continue(())
    }

    /// Handles one text: dispatches it to the session, or appends it to the backlog while the session is busy.
    fn on_text(&mut self, text: &str) -> Result<(), SessionEnded> {
        match read::text(text, self.metrics) {
            Received::Message(message) => {
                if let DeviceMessage::Hello(hello) = &message {
                    self.socket.format.on_hello(hello);
                }
                let message = self.session.observe(message);
                return self.backlog.enqueue(message, text.len(), self.session);
            }
            Received::Command { action, secret } => {
                if let Some(rejection) = self.control.start(action, secret.expose()) {
                    self.socket.queue.text(rejection);
                }
                return Ok(());
            }
            Received::Heartbeat => self.socket.queue.fixed(PONG),
            Received::Invalid { reply, is_extension } => {
                if is_extension {
                    self.session.used_extension();
                }
                self.socket.queue.text(reply);
            }
        }
        // A heartbeat or an invalid text still counts as activity.
        self.session.touch();
        Ok(())
    }

    /// Handles one binary frame: audio, or a text in the audio framing.
    fn on_binary(&mut self, frame: &[u8]) -> Result<(), SessionEnded> {
        match self.socket.format.unwrap(frame) {
            Ok(Payload::Audio(packet)) => {
                self.metrics.received_audio();
                self.session.audio(packet)
            }
            // Bytes that are not UTF-8 are not JSON either.
            Ok(Payload::Text(text)) => self.on_text(&String::from_utf8_lossy(text)),
            Err(bad) => {
                self.metrics.received_invalid_audio(bad.label());
                self.on_unreadable();
                Ok(())
            }
        }
    }

    /// Reports unreadable audio once, to the device and to the operator.
    fn on_unreadable(&mut self) {
        let Some(evidence) = self.socket.format.unreadable() else { return };
        let (device, version, codec) = (self.session.device(), evidence.framing().version(), evidence.codec());
        tracing::warn!(%device, version, ?codec, "audio frames of a device cannot be parsed in this protocol version");
        let message = format!("audio frames cannot be read as protocol version {version}; check Protocol-Version");
        let code = ErrorCode::AudioUnreadable.as_str();
        self.socket.queue.text(reply::error(code, &message, &Reference::to_audio()));
    }

    /// Closes the connection; the session's last frames, which may contain the reason, are sent first.
    fn on_session_gone(&mut self) {
        let mut last = VecDeque::new();
        self.outbox.try_recv_batch(&mut last);
        self.enqueue(last);
        self.socket.queue.close(close::INTERNAL, "the session has ended; please connect again");
    }

    /// Queues frames of the session, after filtering them for this device.
    fn enqueue(&mut self, mut frames: VecDeque<Frame>) {
        self.message_filter().apply(&mut frames);
        self.socket.enqueue(frames);
    }

    fn message_filter(&self) -> MessageFilter {
        MessageFilter { extensions: self.session.knows_extensions(), emotions: self.socket.format.shows_emotions() }
    }
}

/// Waits until the outbox has frames, then takes all of them. Cancel-safe.
async fn take_frames(outbox: &mut OutboxReader) -> VecDeque<Frame> {
    let mut frames = VecDeque::new();
    outbox.recv_batch(&mut frames).await;
    frames
}

#[cfg(test)]
mod ack_markers;
#[cfg(test)]
mod activity;
#[cfg(test)]
mod floods;
#[cfg(test)]
mod tests;
