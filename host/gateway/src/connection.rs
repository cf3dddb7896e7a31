//! One device's connection: frames in, typed messages out to the session, and the outbox back.
//!
//! Rule: IO only, and nobody is waited for. While the session's queue is full, messages are held
//! here, up to `limits::PENDING_MESSAGES` and `PENDING_BYTES`, and reading goes on, so that pings
//! behind them are answered at once. Only a device that sends still more is left unread, until
//! the session has caught up: nothing it sent is lost, and the delay is its own.

use std::collections::VecDeque;
use std::future::{Future, poll_fn};
use std::pin::pin;

use futures_util::future::{OptionFuture, join};
use modehost_ids::DeviceId;
use modehost_limits as limits;
use modehost_outbox::{Frame, OutboxReader, close};
use modehost_protocol::message::{is_extension, is_heartbeat};
use modehost_protocol::reply::{self, PONG};
use modehost_protocol::{DeviceMessage, ErrorCode, Invalid, Reference, Unwrapped, check};
use modehost_session::{Attachment, Gone, Incoming};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::yield_now;
use tokio::time::{sleep_until, timeout};
use tokio_tungstenite::tungstenite::Message;

use crate::audience::Audience;
use crate::console::{self, Counter};
use crate::link::{Ending, Link, Wire};
use crate::meters::Meters;
use crate::pace::{Clock, Pace};
use crate::pending::Pending;
use crate::receipt::Carrier;

/// What a connection needs of its session.
pub(crate) trait SessionEnd: Sync {
    /// Gives the message back where the session's queue is full.
    fn try_message(&self, message: Incoming) -> Result<Option<Incoming>, Gone>;
    /// Waits while the session's queue is full.
    fn message(&self, message: Incoming) -> impl Future<Output = Result<(), Gone>> + Send;
    /// Hears a message in its place among the sound, before anything else is done with it. Never waits.
    fn overhear(&self, message: DeviceMessage) -> Incoming;
    /// Never waits.
    fn audio(&self, packet: &[u8]) -> Result<(), Gone>;
    /// The person has given a sign of life. Never waits, and wakes nobody.
    fn touch(&self);
    /// Something has come. Never waits, and wakes nobody.
    fn touch_transport(&self);
    /// The device ends the connection by itself. Never waits.
    fn hang_up(&self);
    /// The device has sent a message of one of our own types. Never waits.
    fn used_extension(&self);
    /// The device knows messages of our own types.
    fn knows_extensions(&self) -> bool;
    /// Whose it is, for the log.
    fn device(&self) -> &DeviceId;
}

impl SessionEnd for Attachment {
    fn try_message(&self, message: Incoming) -> Result<Option<Incoming>, Gone> {
        Self::try_message(self, message)
    }

    fn message(&self, message: Incoming) -> impl Future<Output = Result<(), Gone>> + Send {
        Self::message(self, message)
    }

    fn overhear(&self, message: DeviceMessage) -> Incoming {
        Self::overhear(self, message)
    }

    fn audio(&self, packet: &[u8]) -> Result<(), Gone> {
        Self::audio(self, packet)
    }

    fn touch(&self) {
        Self::touch(self);
    }

    fn touch_transport(&self) {
        Self::touch_transport(self);
    }

    fn hang_up(&self) {
        Self::hang_up(self);
    }

    fn used_extension(&self) {
        Self::used_extension(self);
    }

    fn knows_extensions(&self) -> bool {
        Self::knows_extensions(self)
    }

    fn device(&self) -> &DeviceId {
        Self::device(self)
    }
}

/// Runs a connection to its end. The session is let go once it has all that was received, before
/// the closing handshake where that is possible.
pub(crate) async fn run<S, A>(
    mut link: Link<'_, S>,
    session: A,
    mut outbox: OutboxReader,
    mut counter: Counter<'_>,
    pace: Pace,
    meters: &Meters,
) where
    S: AsyncRead + AsyncWrite + Carrier + Unpin,
    A: SessionEnd,
{
    let _connected = meters.connected();
    if let Some(ending) = converse(&mut link, &session, &mut outbox, &mut counter, pace, meters).await {
        drop((session, outbox));
        // Boxed: this part is rare, and would make every connection larger.
        Box::pin(link.finish(ending)).await;
    }
    // What is not known to have arrived by now will never be.
    link.settle_marks();
}

/// Everything that can wake a connection.
enum Woken {
    /// The session has taken a message, or is gone.
    Taken(Option<Result<(), Gone>>),
    /// The session has something for the device.
    Filled,
    /// An order of the operator's console has been carried out.
    Ordered(Option<console::Answer>),
    Wire(Wire),
    /// Something may be due.
    Alarm,
}

impl Woken {
    /// What it costs of the burst that a connection may take in one go: a message counts once, and once
    /// more for each KiB.
    fn weight(&self) -> usize {
        match self {
            Self::Wire(Wire::Read(message)) => 1 + message.len() / 1024,
            _ => 0,
        }
    }
}

/// Carries frames both ways until the end, which the caller has still to carry out, if it is given.
async fn converse<S, A>(
    link: &mut Link<'_, S>,
    session: &A,
    outbox: &mut OutboxReader,
    counter: &mut Counter<'_>,
    pace: Pace,
    meters: &Meters,
) -> Option<Ending>
where
    S: AsyncRead + AsyncWrite + Carrier + Unpin,
    A: SessionEnd,
{
    let mut pending = Pending::default();
    let mut handing_over = pin!(OptionFuture::from(None));
    let mut busy = false;
    let mut batch = VecDeque::new();
    let mut clock = Clock::new(pace);
    let mut alarm = pin!(sleep_until(clock.next(link)));
    let mut burst = 0;
    let ending = loop {
        if burst >= limits::READ_BURST {
            burst = 0;
            // A flood must not keep this thread from the others that it serves.
            yield_now().await;
        }
        if !busy && let Some(message) = pending.pop() {
            handing_over.set(Some(session.message(message)).into());
            busy = true;
        }
        let may_read = pending.has_room() && link.has_room();
        let woken = tokio::select! {
            biased;
            // First, so that no flood can keep a time limit from being looked at.
            () = &mut alarm => Woken::Alarm,
            taken = &mut handing_over, if busy => Woken::Taken(taken),
            () = outbox.fill(&mut batch), if link.is_idle() => Woken::Filled,
            answer = counter.next(), if counter.is_busy() => Woken::Ordered(answer),
            wire = poll_fn(|context| link.poll(context, may_read)) => Woken::Wire(wire),
        };
        let mut heard = Ok(());
        burst += woken.weight();
        match woken {
            Woken::Alarm => {
                if let Some(ending) = clock.ring(link, audience(session, link).keepalive()) {
                    break ending;
                }
                alarm.as_mut().reset(clock.next(link));
            }
            Woken::Taken(taken) => {
                handing_over.set(None.into());
                busy = false;
                heard = taken.unwrap_or(Ok(()));
            }
            Woken::Filled => write(&mut batch, session, link),
            Woken::Ordered(answer) => {
                if let Some(answer) = answer {
                    console::tell(answer, link);
                }
            }
            Woken::Wire(Wire::Read(Message::Text(text))) => {
                session.touch_transport();
                heard = take(&text, link, session, (counter, &mut pending), busy, meters);
            }
            Woken::Wire(Wire::Read(Message::Binary(frame))) => {
                session.touch_transport();
                heard = match link.unwrap(&frame) {
                    Ok(Unwrapped::Sound(packet)) => {
                        meters.received_audio();
                        session.audio(packet)
                    }
                    // Text that is no UTF-8 is no JSON either.
                    Ok(Unwrapped::Text(text)) => {
                        let text = String::from_utf8_lossy(text);
                        take(&text, link, session, (counter, &mut pending), busy, meters)
                    }
                    Err(bad) => {
                        meters.skipped_audio(bad.label());
                        tell_unreadable(session.device(), link);
                        Ok(())
                    }
                };
            }
            Woken::Wire(Wire::Read(Message::Close(frame))) => {
                break Ending::Gone(frame.map_or(close::NORMAL, |frame| frame.code.into()));
            }
            // The socket answers pings itself, with the next read, which follows at once. They come from
            // libraries and say nothing of the device, so they are no sign of life (C.6).
            Woken::Wire(Wire::Read(_)) => {}
            Woken::Wire(Wire::Flushed) => {
                if let Some(code) = link.closing() {
                    break Ending::Closing(code);
                }
                link.settle_marks();
                if link.has_marks() {
                    alarm.as_mut().reset(clock.next(link));
                }
            }
            Woken::Wire(Wire::Blocked) => alarm.as_mut().reset(clock.next(link)),
            Woken::Wire(Wire::Over(ending)) => break ending,
        }
        if heard.is_err() && link.closing().is_none() {
            // The session may have said why as the last thing it said.
            outbox.take(&mut batch);
            write(&mut batch, session, link);
            link.close(close::INTERNAL, "the session has ended; please connect again");
        }
    };
    if link.hung_up() {
        session.hang_up();
    }
    if !busy && pending.is_empty() {
        return Some(ending);
    }
    // What has been received is not lost because its sender is gone (C.3).
    let rest = async {
        if let Some(Err(gone)) = handing_over.await {
            return Err(gone);
        }
        while let Some(message) = pending.pop() {
            session.message(message).await?;
        }
        Ok(())
    };
    let (_, handed) = Box::pin(async { join(link.finish(ending), timeout(limits::HAND_OVER, rest)).await }).await;
    if handed.is_err() {
        tracing::warn!("a session took too long to take the last messages of a connection; they are lost");
    }
    None
}

/// Queues what the session says, as far as it is for this device.
fn write<S, A>(batch: &mut VecDeque<Frame>, session: &A, link: &mut Link<'_, S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: SessionEnd,
{
    audience(session, link).fit(batch);
    link.put(std::mem::take(batch));
}

fn audience<S, A>(session: &A, link: &Link<'_, S>) -> Audience
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: SessionEnd,
{
    Audience { extensions: session.knows_extensions(), faces: link.shows_faces() }
}

/// Takes one message: what is for the session goes there, or waits where the session is busy.
fn take<S, A>(
    text: &str,
    link: &mut Link<'_, S>,
    session: &A,
    (counter, pending): (&mut Counter<'_>, &mut Pending),
    busy: bool,
    meters: &Meters,
) -> Result<(), Gone>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: SessionEnd,
{
    let Some(message) = hear(text, link, session, meters) else {
        // A heartbeat, or something that cannot be read: somebody has sent it all the same.
        session.touch();
        return Ok(());
    };
    let message = match message {
        DeviceMessage::Server { action, secret } => {
            counter.take(action, &secret, link);
            return Ok(());
        }
        message => session.overhear(message),
    };
    match message {
        message if busy || !pending.is_empty() => pending.push(message, text.len()),
        // The way of almost every message.
        message => {
            if let Some(message) = session.try_message(message)? {
                pending.push(message, text.len());
            }
        }
    }
    Ok(())
}

/// Reads one text frame: answers heartbeats and errors itself, and gives what is for the session.
fn hear<S, A>(text: &str, link: &mut Link<'_, S>, session: &A, meters: &Meters) -> Option<DeviceMessage>
where
    S: AsyncRead + AsyncWrite + Unpin,
    A: SessionEnd,
{
    match parse(text, meters) {
        Ok(None) => link.put_fixed(PONG),
        Ok(Some(message)) => {
            if let DeviceMessage::Hello(hello) = &message {
                link.said_hello(hello);
            }
            return Some(message);
        }
        Err(invalid) => {
            meters.received_invalid();
            let reference = Reference::of(text);
            if reference.kind.as_deref().is_some_and(is_extension) {
                session.used_extension();
            }
            link.put_text(reply::error(invalid.code.as_str(), &invalid.message, &reference));
        }
    }
    None
}

/// Sound of which nothing can be read is told once, to the device and to the operator.
fn tell_unreadable<S>(device: &DeviceId, link: &mut Link<'_, S>)
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let Some(evidence) = link.unreadable() else { return };
    let (version, codec) = (evidence.framing().version(), evidence.codec());
    tracing::warn!(%device, version, ?codec, "the sound of a device cannot be read: its frames are not of this protocol version");
    let message = format!("audio frames cannot be read as protocol version {version}; check Protocol-Version");
    link.put_text(reply::error(ErrorCode::AudioUnreadable.as_str(), &message, &Reference::to_sound()));
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

#[cfg(test)]
mod floods;
#[cfg(test)]
mod marks;
#[cfg(test)]
mod signs;
#[cfg(test)]
mod tests;
