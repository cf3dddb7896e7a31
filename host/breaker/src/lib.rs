//! Circuit breakers: a provider that fails lastingly is not called at the rate at which people speak.
//! Rule: while a breaker is open, calls fail at once; after a bounded time exactly one call is let
//! through as a trial, and what becomes of it decides for all.
//!
//! Lasting is what the next call will meet, too: a refused connection, a key that is not taken, a
//! missing path, TLS that does not match. What may pass by itself (overload, a timeout) is no verdict.
//!
//! # Use
//! [`Breaker::admit`] gives a [`Permit`] for one call. Its owner ends it by [`Permit::succeed`] or
//! [`Permit::fail`]; dropping it is no verdict, so a call that nobody waits for any more neither opens
//! a breaker nor keeps the trial for itself.
//!
//! Our own: of the libraries at hand, `failsafe` and `recloser` let everybody through at once when the
//! time is over, and those of `tower` want the call to be a service whose answer is its end, which a
//! streamed answer is not. None of them runs on virtual time.

#![warn(missing_docs)]

mod limits;
mod metric;
mod state;

use std::fmt::Display;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::Instant;

use metric::Metrics;
pub use metric::describe_metrics;
use state::{Change, State};

/// When a breaker opens, and for how long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Policy {
    /// Lasting failures in a row that open it; 0 counts as 1.
    pub failures: u32,
    /// How long it stays open at first.
    pub open: Duration,
    /// The longest that it stays open; `open` doubles with each trial that fails, up to here.
    pub open_max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self { failures: limits::BREAKER_FAILURES, open: limits::BREAKER_OPEN, open_max: limits::BREAKER_OPEN_MAX }
    }
}

/// The call was not made, since the breaker is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the circuit breaker is open")]
pub struct Open {
    /// Time to the next trial; zero while a trial is on its way.
    pub retry_in: Duration,
}

/// The circuit breaker of one provider. Shared by everyone who calls it.
#[derive(Debug)]
pub struct Breaker {
    policy: Policy,
    state: Mutex<State>,
    metrics: Metrics,
}

impl Breaker {
    /// A closed breaker. `service` (such as `llm`) and `provider` (the operator's name of it, such as an
    /// alias) are its labels in the log and in the metrics; both must come from the configuration or the
    /// code, never from a device.
    pub fn new(service: &'static str, provider: &str, policy: Policy) -> Arc<Self> {
        let metrics = Metrics::new(service, provider);
        Arc::new(Self { policy, state: Mutex::default(), metrics })
    }

    /// A permit for one call.
    ///
    /// # Errors
    /// While the breaker is open, and while a trial is on its way.
    pub fn admit(self: &Arc<Self>) -> Result<Permit, Open> {
        let mut state = self.state.lock();
        match state.admit(Instant::now()) {
            Ok(ticket) => Ok(Permit { breaker: self.clone(), ticket: Some(ticket) }),
            Err(retry_in) => {
                drop(state);
                self.metrics.count_rejected();
                Err(Open { retry_in })
            }
        }
    }

    /// Closes it, such as after a change of the configuration. Calls that are on their way have no say
    /// any more.
    pub fn reset(&self) {
        let change = self.state.lock().reset(Instant::now());
        self.publish(change, None);
    }

    /// Whether calls are rejected now, apart from a trial.
    pub fn is_open(&self) -> bool {
        self.state.lock().is_open()
    }

    fn publish(&self, change: Change, cause: Option<&dyn Display>) {
        match change {
            Change::None => {}
            Change::Opened { failures, pause } => self.metrics.opened(failures, pause, cause),
            Change::Closed { after } => self.metrics.closed(after),
        }
    }
}

impl Drop for Breaker {
    fn drop(&mut self) {
        // One that is gone is not open any more; nothing was repaired, so nothing is logged.
        if self.state.get_mut().is_open() {
            self.metrics.forget();
        }
    }
}

/// The permit for one call. Dropping it without a verdict gives a trial back.
#[must_use = "a permit that is dropped at once is no verdict on the call"]
#[derive(Debug)]
pub struct Permit {
    breaker: Arc<Breaker>,
    /// Taken when the verdict is given.
    ticket: Option<state::Ticket>,
}

impl Permit {
    /// Whether this is the trial that decides for all: one attempt is enough then.
    pub fn is_trial(&self) -> bool {
        self.ticket.as_ref().is_some_and(|ticket| ticket.trial.is_some())
    }

    /// The provider did its work: closes the breaker.
    pub fn succeed(mut self) {
        if let Some(ticket) = self.ticket.take() {
            let change = self.breaker.state.lock().succeed(ticket, Instant::now());
            self.breaker.publish(change, None);
        }
    }

    /// The provider failed in a way that will last. `cause` is logged when the breaker opens: a short
    /// clause such as "refused the connection", without anything a person said and without a secret.
    pub fn fail(mut self, cause: &dyn Display) {
        if let Some(ticket) = self.ticket.take() {
            let change = self.breaker.state.lock().fail(ticket, Instant::now(), &self.breaker.policy);
            self.breaker.publish(change, Some(cause));
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.breaker.state.lock().give_back(ticket);
        }
    }
}

#[cfg(test)]
mod tests;
