//! The timer of a connection: keepalives, pings, write timeout, acknowledgements. Rule: one timer serves all deadlines;
//! a deadline that moves later is noticed when the timer fires.

use std::pin::Pin;
use std::time::Duration;

use crate::limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, Sleep, sleep_until};

use super::ending::{ABNORMAL_CLOSURE, Ending};
use super::socket::Socket;
use super::unacknowledged::Unacknowledged;

/// Intervals at which a quiet connection is sent something.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intervals {
    /// Longest time without a message.
    pub silence: Duration,
    /// Between WebSocket pings, if enabled.
    pub ping: Option<Duration>,
}

/// The deadlines of one connection.
pub(super) struct KeepaliveTimer {
    intervals: Intervals,
    next_ping: Option<Instant>,
    /// Earliest next firing: frames that are due may already be queued and not yet written.
    earliest: Instant,
    timer: Pin<Box<Sleep>>,
}

impl KeepaliveTimer {
    /// Starts now.
    pub(super) fn new<S>(intervals: Intervals, socket: &Socket<'_, S>) -> Self
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let now = Instant::now();
        let next_ping = intervals.ping.map(|interval| now + interval);
        let mut timer = Self { intervals, next_ping, earliest: now, timer: Box::pin(sleep_until(now)) };
        timer.reschedule(socket);
        timer
    }

    /// Waits until the timer fires. Cancel-safe.
    pub(super) async fn timer(&mut self) {
        self.timer.as_mut().await;
    }

    /// Schedules the timer for the next deadline. Must be called when writing blocks, and when ack markers begin to
    /// wait.
    pub(super) fn reschedule<S>(&mut self, socket: &Socket<'_, S>)
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let queue = &socket.queue;
        let due = match queue.blocked() {
            Some(since) => since + limits::WRITE_TIMEOUT,
            None => queue.last_sent() + self.intervals.silence,
        };
        let ack_poll = queue.has_ack_markers().then(|| Instant::now() + limits::ACK_POLL_INTERVAL);
        let next = [self.next_ping, ack_poll].into_iter().flatten().fold(due, Instant::min).max(self.earliest);
        self.timer.as_mut().reset(next);
    }

    /// Handles the deadlines that have passed and reschedules the timer; returns an ending if the write timeout has
    /// passed. `keepalive` is the message that keeps an idle connection open.
    pub(super) fn on_timer<S>(&mut self, socket: &mut Socket<'_, S>, keepalive: &'static str) -> Option<Ending>
    where
        S: AsyncRead + AsyncWrite + Unacknowledged + Unpin,
    {
        let now = Instant::now();
        self.earliest = now + limits::KEEPALIVE_RECHECK;
        socket.complete_ack_markers();
        let queue = &mut socket.queue;
        if queue.blocked().is_some_and(|since| now >= since + limits::WRITE_TIMEOUT) {
            return Some(Ending::Gone(ABNORMAL_CLOSURE));
        }
        if queue.is_idle() && now >= queue.last_sent() + self.intervals.silence {
            queue.fixed(keepalive);
        }
        if let (Some(due), Some(interval)) = (self.next_ping, self.intervals.ping)
            && now >= due
        {
            queue.ping();
            self.next_ping = Some(now + interval);
        }
        self.reschedule(socket);
        None
    }
}
