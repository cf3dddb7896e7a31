//! When a connection has to do something although nothing happens. Rule: one alarm serves all
//! time limits; later changes only move it back, and are noticed when it rings.

use std::time::Duration;

use modehost_limits as limits;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use crate::link::{Ending, Link, VANISHED};
use crate::receipt::Carrier;

/// How often a quiet connection hears from us.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace {
    /// Longest time without a message.
    pub silence: Duration,
    /// Between WebSocket pings, if there are any.
    pub ping: Option<Duration>,
}

/// What is due when, on one connection.
pub(crate) struct Clock {
    pace: Pace,
    next_ping: Option<Instant>,
    /// The alarm is not set to before this: what is due may be on its way and not yet written.
    not_before: Instant,
}

impl Clock {
    /// Starts now.
    pub fn new(pace: Pace) -> Self {
        let now = Instant::now();
        Self { pace, next_ping: pace.ping.map(|every| now + every), not_before: now }
    }

    /// When something may be due next. To be asked again when it has rung, and when writing stops.
    pub fn next<S: AsyncRead + AsyncWrite + Unpin>(&self, link: &Link<'_, S>) -> Instant {
        let due = match link.blocked() {
            Some(since) => since + limits::WRITE,
            None => link.last_sent() + self.pace.silence,
        };
        let marks = link.has_marks().then(|| Instant::now() + limits::MARK_LOOK);
        [self.next_ping, marks].into_iter().flatten().fold(due, Instant::min).max(self.not_before)
    }

    /// Does what is due; an ending where the device has not read for too long.
    /// `keepalive` is what keeps a silent channel open.
    pub fn ring<S>(&mut self, link: &mut Link<'_, S>, keepalive: &'static str) -> Option<Ending>
    where
        S: AsyncRead + AsyncWrite + Carrier + Unpin,
    {
        let now = Instant::now();
        self.not_before = now + limits::LOOK_AGAIN;
        link.settle_marks();
        if link.blocked().is_some_and(|since| now >= since + limits::WRITE) {
            return Some(Ending::Gone(VANISHED));
        }
        if link.is_idle() && now >= link.last_sent() + self.pace.silence {
            link.put_fixed(keepalive);
        }
        if let (Some(due), Some(every)) = (self.next_ping, self.pace.ping)
            && now >= due
        {
            link.ping();
            self.next_ping = Some(now + every);
        }
        None
    }
}
