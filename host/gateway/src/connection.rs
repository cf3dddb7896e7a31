//! One device's connection: frames in, typed messages out to the session, and the outbox back.
//!
//! Rule: IO only, and nobody is waited for. While the session's queue is full, messages are held
//! here, up to `limits::PENDING_MESSAGES` and `PENDING_BYTES`, and reading goes on, so that pings
//! behind them are answered at once. Only a device that sends still more is left unread, until
//! the session has caught up: nothing it sent is lost, and the delay is its own.
//!
//! - `event`: everything that can wake a connection
//! - `socket`: the WebSocket; `send_queue`: what is to be written to it; `ending`: how it ends
//! - `read`: what a text of the device is
//! - `session_end`: what a connection needs of its session
//! - `backlog`: what has been received and waits for room in the session
//! - `audience`: which messages a device is sent
//! - `keepalive`: what is due although nothing happens
//! - `unacknowledged`: what the device's side has not acknowledged
//! - `unfinished`: messages that have begun and are not whole, over all connections
//! - `traffic`: what has gone over a connection

pub(crate) mod audience;
mod backlog;
pub(crate) mod ending;
mod event;
pub(crate) mod keepalive;
mod read;
mod send_queue;
mod session_end;
pub(crate) mod socket;
pub(crate) mod traffic;
pub(crate) mod unacknowledged;
pub(crate) mod unfinished;

use std::collections::VecDeque;
use std::future::poll_fn;
use std::ops::ControlFlow;
use std::sync::Arc;

use crate::limits;
use futures_util::future::join;
use modehost_outbox::{Frame, OutboxReader, close};
use modehost_protocol::reply::{self, PONG};
use modehost_protocol::{DeviceMessage, ErrorCode, Reference, Unwrapped};
use modehost_session::Gone;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use self::audience::Audience;
use self::backlog::Backlog;
use self::ending::Ending;
use self::event::Event;
use self::keepalive::{Intervals, KeepaliveTimer};
use self::read::Received;
pub(crate) use self::session_end::SessionEnd;
use self::socket::{Socket, SocketEvent};
use self::unacknowledged::Unacknowledged;
use self::unfinished::Unfinished;
use crate::connection_metrics::ConnectionMetrics;
use crate::console::{Console, ControlSession};

/// What all connections share.
pub(crate) struct Shared {
    pub meters: ConnectionMetrics,
    /// Bounds what they hold together of messages that are not whole.
    pub unfinished: Arc<Unfinished>,
    /// Takes the operator's orders, on whichever connection they come.
    pub console: Console,
}

/// A connection as it runs. What is large is lent to it, so that it is kept once; `'s` is as long as its end of the
/// session is held.
struct Connection<'c, 's, 'a, S, A> {
    socket: &'c mut Socket<'a, S>,
    /// Where messages go.
    session: &'s A,
    /// What the session says.
    outbox: &'c mut OutboxReader,
    backlog: Backlog<'s>,
    control: ControlSession<'a>,
    keepalive: KeepaliveTimer,
    /// What has been read in one go, in messages; see `limits::READ_BURST`.
    burst: usize,
    meters: &'a ConnectionMetrics,
}

/// Runs a connection to its end. The session is let go (which detaches the connection and ends the outbox) once it has
/// all that was received, before the closing handshake where that is possible.
pub(crate) async fn run<'a, S, A>(
    socket: &mut Socket<'a, S>,
    session: A,
    mut outbox: OutboxReader,
    control: ControlSession<'a>,
    intervals: Intervals,
    meters: &'a ConnectionMetrics,
) where
    S: AsyncRead + AsyncWrite + Unacknowledged + Unpin,
    A: SessionEnd,
{
    let _connected = meters.connected();
    let (ending, backlog) = {
        let keepalive = KeepaliveTimer::new(intervals, socket);
        let (socket, session, outbox, backlog) = (&mut *socket, &session, &mut outbox, Backlog::default());
        let mut connection = Connection { socket, session, outbox, backlog, control, keepalive, burst: 0, meters };
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
    // Boxed: these parts are rare, and would make every connection larger.
    if backlog.is_empty() {
        drop(backlog);
        drop((session, outbox));
        Box::pin(socket.finish(ending)).await;
    } else {
        // What has been received is not lost because its sender is gone (C.3).
        let rest = async { timeout(limits::HAND_OVER, backlog.drain(&session)).await };
        let (_, handed) = Box::pin(async { join(socket.finish(ending), rest).await }).await;
        if handed.is_err() {
            tracing::warn!("a session took too long to take the last messages of a connection; they are lost");
        }
    }
    // What is not known to have arrived by now will never be.
    socket.reach_marks();
}

impl<S, A> Connection<'_, '_, '_, S, A>
where
    S: AsyncRead + AsyncWrite + Unacknowledged + Unpin,
    A: SessionEnd,
{
    /// Waits until something has to be done. Cancelling loses nothing.
    async fn next_event(&mut self) -> Event {
        if self.burst >= limits::READ_BURST {
            self.burst = 0;
            // A flood must not keep this thread from the others that it serves.
            yield_now().await;
        }
        let Self { socket, session, outbox, backlog, control, keepalive, .. } = self;
        backlog.hand_over(*session);
        let may_read = backlog.has_room() && socket.has_room();
        let event = tokio::select! {
            biased;
            // First, so that no flood can keep a time limit from being looked at.
            () = keepalive.alarm() => Event::Alarm,
            outcome = backlog.handed_over(), if backlog.is_handing_over() => Event::HandedOver(outcome),
            frames = filled(outbox), if socket.queue.is_idle() => Event::Outgoing(frames),
            answer = control.answer(), if control.is_busy() => Event::CommandDone(answer),
            event = poll_fn(|context| socket.poll(context, may_read)) => Event::Socket(event),
        };
        self.burst += event.weight();
        event
    }

    /// Does what an event asks for; `Break` where the connection ends, which the caller has still to carry out.
    fn handle_event(&mut self, event: Event) -> ControlFlow<Ending> {
        let mut outcome = Ok(());
        match event {
            Event::Alarm => {
                let keepalive = self.audience().keepalive();
                if let Some(ending) = self.keepalive.on_alarm(self.socket, keepalive) {
                    return ControlFlow::Break(ending);
                }
            }
            Event::HandedOver(handed_over) => outcome = handed_over,
            Event::Outgoing(frames) => self.enqueue(frames),
            Event::CommandDone(answer) => {
                let (text, then) = answer.conclude();
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
            // The socket answers pings itself, with the next read, which follows at once. They come from
            // libraries and say nothing of the device, so they are no sign of life (C.6).
            Event::Socket(SocketEvent::Received(_)) => {}
            Event::Socket(SocketEvent::Flushed) => {
                if let Some(code) = self.socket.queue.closing() {
                    return ControlFlow::Break(Ending::Closing(code));
                }
                self.socket.reach_marks();
                if self.socket.queue.has_marks() {
                    self.keepalive.set(self.socket);
                }
            }
            Event::Socket(SocketEvent::Blocked) => self.keepalive.set(self.socket),
            Event::Socket(SocketEvent::Over(ending)) => return ControlFlow::Break(ending),
        }
        if outcome.is_err() && self.socket.queue.closing().is_none() {
            self.on_session_gone();
        }
        ControlFlow::Continue(())
    }

    /// Takes one text: what is for the session goes there, or waits where the session is busy.
    fn on_text(&mut self, text: &str) -> Result<(), Gone> {
        match read::text(text, self.meters) {
            Received::Message(message) => {
                if let DeviceMessage::Hello(hello) = &message {
                    self.socket.format.on_hello(hello);
                }
                let message = self.session.overhear(message);
                return self.backlog.pass_on(message, text.len(), self.session);
            }
            Received::Command { action, secret } => {
                if let Some(refusal) = self.control.take(action, secret.expose()) {
                    self.socket.queue.text(refusal);
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
        // A heartbeat, or something that cannot be read: somebody has sent it all the same.
        self.session.touch();
        Ok(())
    }

    /// Takes one binary frame: sound, or a text in the framing of sound.
    fn on_binary(&mut self, frame: &[u8]) -> Result<(), Gone> {
        match self.socket.format.unwrap(frame) {
            Ok(Unwrapped::Sound(packet)) => {
                self.meters.received_audio();
                self.session.audio(packet)
            }
            // Text that is no UTF-8 is no JSON either.
            Ok(Unwrapped::Text(text)) => self.on_text(&String::from_utf8_lossy(text)),
            Err(bad) => {
                self.meters.skipped_audio(bad.label());
                self.on_unreadable();
                Ok(())
            }
        }
    }

    /// Sound of which nothing can be read is told once, to the device and to the operator.
    fn on_unreadable(&mut self) {
        let Some(evidence) = self.socket.format.unreadable() else { return };
        let (device, version, codec) = (self.session.device(), evidence.framing().version(), evidence.codec());
        tracing::warn!(%device, version, ?codec, "the sound of a device cannot be read: its frames are not of this protocol version");
        let message = format!("audio frames cannot be read as protocol version {version}; check Protocol-Version");
        let code = ErrorCode::AudioUnreadable.as_str();
        self.socket.queue.text(reply::error(code, &message, &Reference::to_sound()));
    }

    /// The connection closes; the session may have said why as the last thing it said.
    fn on_session_gone(&mut self) {
        let mut last = VecDeque::new();
        self.outbox.take(&mut last);
        self.enqueue(last);
        self.socket.queue.close(close::INTERNAL, "the session has ended; please connect again");
    }

    /// Queues what the session says, as far as it is for this device.
    fn enqueue(&mut self, mut frames: VecDeque<Frame>) {
        self.audience().fit(&mut frames);
        self.socket.enqueue(frames);
    }

    fn audience(&self) -> Audience {
        Audience { extensions: self.session.knows_extensions(), faces: self.socket.format.shows_faces() }
    }
}

/// Waits until something is queued, then takes all of it. Cancelling loses nothing.
async fn filled(outbox: &mut OutboxReader) -> VecDeque<Frame> {
    let mut frames = VecDeque::new();
    outbox.fill(&mut frames).await;
    frames
}

#[cfg(test)]
mod floods;
#[cfg(test)]
mod marks;
#[cfg(test)]
mod signs;
#[cfg(test)]
mod tests;
