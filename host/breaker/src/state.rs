//! The state machine of a breaker. Rule: no clock, no log and no lock in here; a call that started before the breaker
//! opened cannot open it again, and one that started before a reset has no effect at all.

use std::time::Duration;

use tokio::time::Instant;

use crate::Policy;

/// What a permit records when it is issued.
#[derive(Debug)]
pub(crate) struct Ticket {
    /// The number of the trial; none for an ordinary call.
    pub trial: Option<u64>,
    epoch: u64,
}

/// A state transition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    None,
    /// Only from closed; a failed trial is not reported again.
    Opened {
        failures: u32,
        pause: Duration,
    },
    Closed {
        /// Since it opened.
        after: Duration,
    },
}

#[derive(Debug, Default)]
pub(crate) struct State {
    phase: Phase,
    /// Counts resets.
    epoch: u64,
    /// Counts trials: a late one must not be mistaken for the current one.
    trials: u64,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    Closed {
        /// Consecutive permanent failures.
        failures: u32,
    },
    Open {
        since: Instant,
        until: Instant,
        pause: Duration,
    },
    HalfOpen {
        since: Instant,
        pause: Duration,
        /// The number of the trial in flight.
        trial: Option<u64>,
    },
}

impl Default for Phase {
    fn default() -> Self {
        Self::Closed { failures: 0 }
    }
}

impl State {
    /// A ticket, or the time until the next trial.
    pub(crate) fn admit(&mut self, now: Instant) -> Result<Ticket, Duration> {
        let trial = match self.phase {
            Phase::Closed { .. } => None,
            Phase::Open { until, .. } if now < until => return Err(until - now),
            Phase::HalfOpen { trial: Some(_), .. } => return Err(Duration::ZERO),
            Phase::Open { since, pause, .. } | Phase::HalfOpen { since, pause, .. } => {
                self.trials += 1;
                let trial = Some(self.trials);
                self.phase = Phase::HalfOpen { since, pause, trial };
                trial
            }
        };
        Ok(Ticket { trial, epoch: self.epoch })
    }

    pub(crate) fn succeed(&mut self, ticket: Ticket, now: Instant) -> Change {
        if ticket.epoch != self.epoch { Change::None } else { self.close(now) }
    }

    pub(crate) fn fail(&mut self, ticket: Ticket, now: Instant, policy: &Policy) -> Change {
        if ticket.epoch != self.epoch {
            return Change::None;
        }
        match &mut self.phase {
            Phase::Closed { failures } => {
                *failures = failures.saturating_add(1);
                if *failures < policy.failures {
                    return Change::None;
                }
                let (failures, pause) = (*failures, policy.open.min(policy.open_max));
                self.phase = Phase::Open { since: now, until: now + pause, pause };
                Change::Opened { failures, pause }
            }
            Phase::HalfOpen { since, pause, trial } if trial.is_some() && *trial == ticket.trial => {
                let pause = pause.saturating_mul(2).min(policy.open_max);
                self.phase = Phase::Open { since: *since, until: now + pause, pause };
                Change::None
            }
            // It started before the breaker opened, and so adds nothing.
            Phase::HalfOpen { .. } | Phase::Open { .. } => Change::None,
        }
    }

    /// A call that ended without a verdict.
    pub(crate) fn release(&mut self, ticket: Ticket) {
        if let Phase::HalfOpen { trial, .. } = &mut self.phase
            && *trial == ticket.trial
        {
            *trial = None;
        }
    }

    pub(crate) fn reset(&mut self, now: Instant) -> Change {
        self.epoch += 1;
        self.close(now)
    }

    pub(crate) fn is_open(&self) -> bool {
        !matches!(self.phase, Phase::Closed { .. })
    }

    fn close(&mut self, now: Instant) -> Change {
        match std::mem::take(&mut self.phase) {
            Phase::Closed { .. } => Change::None,
            Phase::Open { since, .. } | Phase::HalfOpen { since, .. } => {
                Change::Closed { after: now.saturating_duration_since(since) }
            }
        }
    }
}
