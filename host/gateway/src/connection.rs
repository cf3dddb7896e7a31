//! One device's connection: frames in, typed messages out to the session, and the outbox back.
//!
//! Rule: IO only, and nobody is waited for. While the session's queue is full, messages are held
//! here, up to `limits::PENDING_MESSAGES` and `PENDING_BYTES`, and reading goes on, so that pings
//! behind them are answered at once. Only a device that sends still more is left unread, until
//! the session has caught up: nothing it sent is lost, and the delay is its own.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::time::Duration;

use futures_util::future::OptionFuture;
use modehost_limits as limits;
use modehost_outbox::{OutboxReader, close};
use modehost_protocol::message::is_heartbeat;
use modehost_protocol::reply::{self, KEEPALIVE, PONG};
use modehost_protocol::{DeviceMessage, Invalid, Reference, check};
use modehost_session::{Attachment, Gone};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, sleep_until};
use tokio_tungstenite::tungstenite::Message;

use crate::link::{Ending, Link, VANISHED, Wire};
use crate::meters::Meters;

/// What a connection needs of its session.
pub(crate) trait SessionEnd: Sync {
    /// Gives the message back where the session's queue is full.
    fn try_message(&self, message: DeviceMessage) -> Result<Option<DeviceMessage>, Gone>;
    /// Waits while the session's queue is full.
    fn message(&self, message: DeviceMessage) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Never waits.
    fn audio(&self, packet: &[u8]) -> Result<(), Gone>;
}

impl SessionEnd for Attachment {
    fn try_message(&self, message: DeviceMessage) -> Result<Option<DeviceMessage>, Gone> {
        Self::try_message(self, message)
    }

    fn message(&self, message: DeviceMessage) -> impl Future<Output = Result<(), Gone>> + Send {
        Self::message(self, message)
    }

    fn audio(&self, packet: &[u8]) -> Result<(), Gone> {
        Self::audio(self, packet)
    }
}

/// How often a quiet connection hears from us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Longest time without a message.
    pub silence: Duration,
    /// Between WebSocket pings, if there are any.
    pub ping: Option<Duration>,
}

/// Runs a connection to its end. The session is let go before the closing handshake.
pub(crate) async fn run<S, A>(mut link: Link<'_, S>, session: A, mut outbox: OutboxReader, pace: Pace, meters: &Meters)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: SessionEnd,
{
    let _connected = meters.connected();
    let ending = converse(&mut link, &session, &mut outbox, pace, meters).await;
    drop((session, outbox));
    // Boxed: this part is rare, and would make every connection larger.
    Box::pin(link.finish(ending)).await;
}

/// Everything that can wake a connection.
enum Woken {
    /// The session has taken a message, or is gone.
    Taken(Option<Result<(), Gone>>),
    /// The session has something for the device.
    Filled,
    Wire(Wire),
    /// Something may be due.
    Alarm,
}

async fn converse<S, A>(
    link: &mut Link<'_, S>,
    session: &A,
    outbox: &mut OutboxReader,
    pace: Pace,
    meters: &Meters,
) -> Ending
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: SessionEnd,
{
    let mut pending = Pending::default();
    let mut handing_over = pin!(OptionFuture::from(None));
    let mut busy = false;
    let mut batch = VecDeque::new();
    let mut next_ping = pace.ping.map(|every| Instant::now() + every);
    let mut alarm = pin!(sleep_until(next_alarm(link, pace, next_ping)));
    loop {
        if !busy && let Some(message) = pending.pop() {
            handing_over.set(Some(session.message(message)).into());
            busy = true;
        }
        let may_read = pending.has_room() && link.has_room();
        let woken = tokio::select! {
            biased;
            taken = &mut handing_over, if busy => Woken::Taken(taken),
            () = outbox.fill(&mut batch), if link.is_idle() => Woken::Filled,
            wire = poll_fn(|context| link.poll(context, may_read)) => Woken::Wire(wire),
            () = &mut alarm => Woken::Alarm,
        };
        let heard = match woken {
            Woken::Taken(taken) => {
                handing_over.set(None.into());
                busy = false;
                taken.unwrap_or(Ok(()))
            }
            Woken::Filled => {
                link.put(std::mem::take(&mut batch));
                Ok(())
            }
            Woken::Wire(Wire::Read(Message::Text(text))) => match hear(&text, link, meters) {
                Some(message) if busy || !pending.is_empty() => {
                    pending.push(message, text.len());
                    Ok(())
                }
                // The way of almost every message.
                Some(message) => session.try_message(message).map(|back| {
                    if let Some(message) = back {
                        pending.push(message, text.len());
                    }
                }),
                None => Ok(()),
            },
            Woken::Wire(Wire::Read(Message::Binary(packet))) => {
                meters.received_audio();
                session.audio(&packet)
            }
            Woken::Wire(Wire::Read(Message::Ping(_))) => {
                link.flush_soon();
                Ok(())
            }
            Woken::Wire(Wire::Read(Message::Close(frame))) => {
                return Ending::Gone(frame.map_or(close::NORMAL, |frame| frame.code.into()));
            }
            Woken::Wire(Wire::Read(_)) => Ok(()),
            Woken::Wire(Wire::Flushed) => match link.closing() {
                Some(code) => return Ending::Closing(code),
                None => Ok(()),
            },
            Woken::Wire(Wire::Blocked) => {
                alarm.as_mut().reset(next_alarm(link, pace, next_ping));
                Ok(())
            }
            Woken::Wire(Wire::Over(ending)) => return ending,
            Woken::Alarm => {
                let now = Instant::now();
                if link.blocked().is_some_and(|since| now >= since + limits::WRITE) {
                    return Ending::Gone(VANISHED);
                }
                if link.is_idle() && now >= link.last_sent() + pace.silence {
                    link.put_fixed(KEEPALIVE);
                }
                if let (Some(due), Some(every)) = (next_ping, pace.ping)
                    && now >= due
                {
                    link.ping();
                    next_ping = Some(now + every);
                }
                // What is due may be on its way and not yet written.
                alarm.as_mut().reset(next_alarm(link, pace, next_ping).max(now + limits::LOOK_AGAIN));
                Ok(())
            }
        };
        if heard.is_err() && link.closing().is_none() {
            // The session may have said why as the last thing it said.
            outbox.take(&mut batch);
            link.put(std::mem::take(&mut batch));
            link.close(close::INTERNAL, "the session has ended; please connect again");
        }
    }
}

/// When something may be due next. Later changes of the times only move it back, and are noticed
/// when it rings; a stop of the writing is told by the wire.
fn next_alarm<S: AsyncRead + AsyncWrite + Unpin>(
    link: &Link<'_, S>,
    pace: Pace,
    next_ping: Option<Instant>,
) -> Instant {
    let due = match link.blocked() {
        Some(since) => since + limits::WRITE,
        None => link.last_sent() + pace.silence,
    };
    next_ping.map_or(due, |ping| ping.min(due))
}

/// Reads one text frame: answers heartbeats and errors itself, and gives what is for the session.
fn hear<S>(text: &str, link: &mut Link<'_, S>, meters: &Meters) -> Option<DeviceMessage>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    match parse(text, meters) {
        Ok(None) => link.put_fixed(PONG),
        Ok(message) => return message,
        Err(invalid) => {
            meters.received_invalid();
            link.put_text(reply::error(invalid.code.as_str(), &invalid.message, &Reference::of(text)));
        }
    }
    None
}

/// `None` stands for a heartbeat.
fn parse(text: &str, meters: &Meters) -> Result<Option<DeviceMessage>, Invalid> {
    let checked = check(text, limits::JSON_DEPTH)?;
    meters.received(&checked.kind);
    if is_heartbeat(&checked.kind) {
        return Ok(None);
    }
    DeviceMessage::parse(&checked.kind, text).map(Some)
}

/// Messages that the session has no room for yet, in order.
#[derive(Default)]
struct Pending {
    messages: VecDeque<(DeviceMessage, usize)>,
    bytes: usize,
}

impl Pending {
    fn push(&mut self, message: DeviceMessage, bytes: usize) {
        self.bytes += bytes;
        self.messages.push_back((message, bytes));
    }

    fn pop(&mut self) -> Option<DeviceMessage> {
        let (message, bytes) = self.messages.pop_front()?;
        self.bytes -= bytes;
        // An idle connection keeps no queue of its busiest moment.
        if self.messages.is_empty() && self.messages.capacity() > 4 {
            self.messages = VecDeque::new();
        }
        Some(message)
    }

    fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    fn has_room(&self) -> bool {
        self.messages.len() < limits::PENDING_MESSAGES && self.bytes < limits::PENDING_BYTES
    }
}

#[cfg(test)]
mod tests;
