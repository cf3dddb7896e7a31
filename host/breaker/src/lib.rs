//! Circuit breakers: a provider that fails permanently is not called for every utterance. Rule: while a breaker is
//! open, calls fail at once; after a bounded time exactly one call is admitted as a trial, and its outcome decides for
//! all.
//!
//! A failure is permanent if the next call would meet it as well: a refused connection, a rejected key, a missing path,
//! a TLS mismatch. A transient one (overload, a timeout) is no verdict.
//!
//! # Use
//! [`Breaker::admit`] issues a [`Permit`] for one call. Its owner ends it by [`Permit::succeed`] or [`Permit::fail`];
//! dropping it is no verdict, so that a cancelled call neither opens a breaker nor occupies the trial.
//!
//! Own implementation: of the available libraries, `failsafe` and `recloser` admit every caller at once after the
//! pause, and those of `tower` require the call to be a service that ends with its response, which a streamed response
//! does not. None of them runs on virtual time.

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
    /// Consecutive permanent failures that open it; 0 counts as 1.
    pub failures: u32,
    /// How long it stays open at first.
    pub open: Duration,
    /// The longest that it stays open; `open` doubles with each failed trial, up to this.
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
pub struct BreakerOpen {
    /// Time until the next trial; zero while a trial is in flight.
    pub retry_in: Duration,
}

/// The circuit breaker of one provider. Shared by all its callers.
#[derive(Debug)]
pub struct Breaker {
    policy: Policy,
    state: Mutex<State>,
    metrics: Metrics,
}

impl Breaker {
    /// A closed breaker. `service` (such as `llm`) and `provider` (the operator's name for it, such as an alias) are
    /// its labels in logs and metrics; both must come from the configuration or the code, never from a device.
    pub fn new(service: &'static str, provider: &str, policy: Policy) -> Arc<Self> {
        let metrics = Metrics::new(service, provider);
        Arc::new(Self { policy, state: Mutex::default(), metrics })
    }

    /// A permit for one call.
    ///
    /// # Errors
    /// While the breaker is open, and while a trial is in flight.
    pub fn admit(self: &Arc<Self>) -> Result<Permit, BreakerOpen> {
        let mut state = self.state.lock();
        match state.admit(Instant::now()) {
            Ok(ticket) => Ok(Permit { breaker: self.clone(), ticket: Some(ticket) }),
            Err(retry_in) => {
                drop(state);
                self.metrics.count_rejected();
                Err(BreakerOpen { retry_in })
            }
        }
    }

    /// Closes it, such as after a change of the configuration. Calls in flight have no effect any more.
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
        // A dropped breaker is not open any more; nothing has recovered, so nothing is logged.
        if self.state.get_mut().is_open() {
            self.metrics.forget();
        }
    }
}

/// The permit for one call. Dropping it without a verdict releases a trial.
#[must_use = "a permit that is dropped at once is no verdict on the call"]
#[derive(Debug)]
pub struct Permit {
    breaker: Arc<Breaker>,
    /// Taken by the verdict.
    ticket: Option<state::Ticket>,
}

impl Permit {
    /// Whether this is the trial that decides for all: the caller should make one attempt only.
    pub fn is_trial(&self) -> bool {
        self.ticket.as_ref().is_some_and(|ticket| ticket.trial.is_some())
    }

    /// The provider worked: closes the breaker.
    pub fn succeed(mut self) {
        if let Some(ticket) = self.ticket.take() {
            let change = self.breaker.state.lock().succeed(ticket, Instant::now());
            self.breaker.publish(change, None);
        }
    }

    /// The provider failed permanently. `cause` is logged when the breaker opens: a short clause such as "refused the
    /// connection", without user content and without a secret.
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
            self.breaker.state.lock().release(ticket);
        }
    }
}

#[cfg(test)]
mod tests;
