//! Why somebody is not let in. Rule: each case is one plain sentence that holds nothing of what
//! the caller sent.

/// Why nobody let the caller in. Ordered: of several methods, the one that says most is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Denied {
    #[error("this device is not on this server's list")]
    NotListed,
    #[error("this server wants a token: send Authorization: Bearer and the token")]
    NoToken,
    #[error("this token is of no kind that is known here")]
    Malformed,
    #[error("this token is not known here")]
    UnknownToken,
    #[error("this token is signed in a way that is not accepted here")]
    Algorithm,
    #[error("this token is signed with a key that is not known here")]
    UnknownKey,
    #[error("the signature of this token is wrong")]
    Signature,
    #[error("this token comes from another issuer than this server trusts")]
    Issuer,
    #[error("this token is meant for another service")]
    Audience,
    #[error("this token is not good yet; the clocks of its issuer and of this server may differ")]
    NotYet,
    #[error("this token has expired; get a new one")]
    Expired,
    #[error("the sign-in service cannot be reached at the moment; try again later")]
    Unavailable,
    #[error("this token names no device, and this server wants one that does")]
    NoDevice,
    #[error("this token belongs to another device")]
    OtherDevice,
    /// Not heard at all; the seconds until the next attempt is.
    #[error("too many failed sign-ins; try again in {0} s")]
    TooMany(u64),
}

impl Denied {
    /// The word for the figures; one of a closed set.
    pub fn word(self) -> &'static str {
        match self {
            Self::NotListed => "not_listed",
            Self::NoToken => "no_token",
            Self::Malformed => "malformed",
            Self::UnknownToken => "unknown_token",
            Self::Algorithm => "algorithm",
            Self::UnknownKey => "unknown_key",
            Self::Signature => "signature",
            Self::Issuer => "issuer",
            Self::Audience => "audience",
            Self::NotYet => "not_yet",
            Self::Expired => "expired",
            Self::Unavailable => "unavailable",
            Self::NoDevice => "no_device",
            Self::OtherDevice => "other_device",
            Self::TooMany(_) => "too_many",
        }
    }

    /// Whether the caller has tried something that is wrong. One who sent no token to a server that
    /// wants one has not, and nobody can help it that a provider is away.
    pub(crate) fn is_wrong(self) -> bool {
        !matches!(self, Self::NoToken | Self::Unavailable | Self::TooMany(_))
    }

    /// Whether it looks like guessing: at the list of devices, or at a token.
    pub(crate) fn is_guess(self) -> bool {
        matches!(self, Self::NotListed | Self::UnknownToken)
    }
}

/// A refusal with the method that it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Refused {
    /// A word of `auth.methods`, or `rate_limit`.
    pub method: &'static str,
    pub why: Denied,
}
