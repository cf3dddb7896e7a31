//! What can go wrong with a provider. Rule: a fault names what happened in words for an operator,
//! holds no key, sound or text, and says whether another try may help.

use std::time::Duration;

/// What kind of failure it is; the label of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It cannot be reached, or the connection broke off.
    Connection,
    /// It did not answer in time.
    TimedOut,
    /// It does not know our key, or refuses it.
    Unauthorized,
    /// It takes no more now.
    Busy,
    /// It refused what we sent.
    Refused,
    /// It answered something that makes no sense.
    Garbled,
    /// It was not asked: its circuit breaker is open, and why was told by the faults that opened it.
    BreakerOpen,
}

impl FaultKind {
    /// Every word, for metrics that are there from the start.
    pub(crate) const LABELS: [&str; 7] =
        ["connection", "timeout", "unauthorized", "busy", "refused", "garbled", "breaker_open"];

    /// For metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::TimedOut => "timeout",
            Self::Unauthorized => "unauthorized",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::Garbled => "garbled",
            Self::BreakerOpen => "breaker_open",
        }
    }
}

/// A failure of a provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// What went wrong; also the label of the counters.
    pub kind: FaultKind,
    /// One sentence.
    pub message: String,
    /// Whether it may pass.
    pub passing: bool,
}

impl Fault {
    /// A failure that may pass.
    pub fn passing(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), passing: true }
    }

    /// A failure that will come again.
    pub fn lasting(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), passing: false }
    }

    /// A provider that is not asked for so long, since it has failed lastingly.
    pub fn breaker_open(provider: &str, retry_in: Duration) -> Self {
        let message = format!("{provider} has failed and is not asked again for {} s", retry_in.as_secs().max(1));
        Self::passing(FaultKind::BreakerOpen, message)
    }

    /// Whether it says that the next call will fail, too. One that is busy takes the next, and an answer
    /// that makes no sense may be an answer to this question only. A timeout counts: each costs a person
    /// the whole wait.
    pub(crate) fn is_lasting(&self) -> bool {
        match self.kind {
            FaultKind::Busy | FaultKind::BreakerOpen => false,
            FaultKind::Garbled => !self.passing,
            FaultKind::Connection | FaultKind::TimedOut | FaultKind::Unauthorized | FaultKind::Refused => true,
        }
    }
}
