//! What can go wrong with a provider. Rule: a fault names what happened in words for an operator,
//! holds no key, sound or text, and says whether another try may help.

/// What kind of failure it is; the label of the figures.
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
}

impl FaultKind {
    /// For figures.
    pub fn label(self) -> &'static str {
        match self {
            Self::Connection => "connection",
            Self::TimedOut => "timeout",
            Self::Unauthorized => "unauthorized",
            Self::Busy => "busy",
            Self::Refused => "refused",
            Self::Garbled => "garbled",
        }
    }
}

/// A failure of a provider.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Fault {
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
}
