//! Failures of a provider. Rule: a fault describes what happened to an operator, contains no key, audio or text, and
//! says whether a retry may help.

use std::time::Duration;

/// The kind of failure; also the label of the metrics.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// It cannot be reached, or the connection was lost.
    Connection,
    /// It did not answer in time.
    TimedOut,
    /// It does not know our key, or rejects it.
    Unauthorized,
    /// It accepts no more requests now.
    Busy,
    /// It rejected the request.
    Rejected,
    /// Its answer cannot be parsed.
    Malformed,
    /// It was not called: its circuit breaker is open. The faults that opened the breaker give the reason.
    BreakerOpen,
}

impl FaultKind {
    /// Every label, so that the metrics exist from the start.
    pub(crate) const LABELS: [&str; 7] =
        ["connection", "timeout", "unauthorized", "busy", "refused", "garbled", "breaker_open"];

    /// The label in metrics.
    pub fn label(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::TimedOut => "timeout",
            Self::Unauthorized => "unauthorized",
            Self::Busy => "busy",
            Self::Rejected => "refused",
            Self::Malformed => "garbled",
            Self::BreakerOpen => "breaker_open",
        }
    }
}

/// A failure of a provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
    /// The kind of failure; also the label of the counters.
    pub kind: FaultKind,
    /// One sentence.
    pub message: String,
    /// Whether a retry may succeed.
    pub transient: bool,
}

impl Fault {
    /// A transient failure.
    pub fn transient(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), transient: true }
    }

    /// A permanent failure: a retry fails as well.
    pub fn permanent(kind: FaultKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), transient: false }
    }

    /// A call that was not made because the circuit breaker is open for this long.
    pub fn breaker_open(provider: &str, retry_in: Duration) -> Self {
        let message =
            format!("{provider} has failed; its circuit breaker stays open for {} s", retry_in.as_secs().max(1));
        Self::transient(FaultKind::BreakerOpen, message)
    }

    /// Whether the next call is expected to fail as well, so that it counts for the circuit breaker. A busy provider
    /// may accept the next call, and a garbled answer may concern this request only. A timeout counts, since each one
    /// costs a person the whole wait.
    pub(crate) fn counts_for_breaker(&self) -> bool {
        match self.kind {
            FaultKind::Busy | FaultKind::BreakerOpen => false,
            FaultKind::Malformed => !self.transient,
            FaultKind::Connection | FaultKind::TimedOut | FaultKind::Unauthorized | FaultKind::Rejected => true,
        }
    }
}
