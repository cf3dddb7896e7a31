//! When a connection has to do something although nothing happens. Rule: one alarm serves all
//! time limits; later changes only move it back, and are noticed when it rings.

use std::pin::Pin;
use std::time::Duration;

use crate::limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::ending::{Ending, VANISHED};
use super::socket::Socket;
use super::unacknowledged::Unacknowledged;

/// How often a quiet connection hears from us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intervals {
    /// Longest time without a message.
    pub silence: Duration,
    /// Between WebSocket pings, if there are any.
    pub ping: Option<Duration>,
}

/// What is due when, on one connection.
pub(super) struct KeepaliveTimer {
    intervals: Intervals,
    next_ping: Option<Instant>,
    /// The alarm is not set to before this: what is due may be on its way and not yet written.
    not_before: Instant,
    alarm: Pin<Box<Sleep>>,
}

impl KeepaliveTimer {
    /// Starts now.
    pub(super) fn new<S>(intervals: Intervals, socket: &Socket<'_, S>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let now = Instant::now();
        let next_ping = intervals.ping.map(|every| now + every);
        let mut timer = Self { intervals, next_ping, not_before: now, alarm: Box::pin(sleep_until(now)) };
        timer.set(socket);
        timer
    }

    /// Waits until something may be due. Cancelling loses nothing.
    pub(super) async fn alarm(&mut self) {
        self.alarm.as_mut().await;
    }

    /// Sets the alarm to what may be due next. To be called when writing stops, and when marks begin to wait.
    pub(super) fn set<S>(&mut self, socket: &Socket<'_, S>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let queue = &socket.queue;
        let due = match queue.blocked() {
            Some(since) => since + limits::WRITE,
            None => queue.last_sent() + self.intervals.silence,
        };
        let marks = queue.has_marks().then(|| Instant::now() + limits::MARK_LOOK);
        let next = [self.next_ping, marks].into_iter().flatten().fold(due, Instant::min).max(self.not_before);
        self.alarm.as_mut().reset(next);
    }

    /// Does what is due and sets the alarm again; an ending where the device has not read for too long.
    /// `keepalive` is what keeps a silent channel open.
    pub(super) fn on_alarm<S>(&mut self, socket: &mut Socket<'_, S>, keepalive: &'static str) -> Option<Ending>
    where
        S: AsyncRead + AsyncWrite + Unacknowledged + Unpin,
    {
        let now = Instant::now();
        self.not_before = now + limits::LOOK_AGAIN;
        socket.reach_marks();
        let queue = &mut socket.queue;
        if queue.blocked().is_some_and(|since| now >= since + limits::WRITE) {
            return Some(Ending::Gone(VANISHED));
        }
        if queue.is_idle() && now >= queue.last_sent() + self.intervals.silence {
            queue.fixed(keepalive);
        }
        if let (Some(due), Some(every)) = (self.next_ping, self.intervals.ping)
            && now >= due
        {
            queue.ping();
            self.next_ping = Some(now + every);
        }
        self.set(socket);
        None
    }
}
