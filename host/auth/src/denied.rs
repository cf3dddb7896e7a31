//! Why somebody is not let in. Rule: each case is one plain sentence that holds nothing of what
//! the caller sent.

/// Why nobody let the caller in. Ordered: of several methods, the one that says most is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Denied {
    /// `device_whitelist`: the device's id is not on it.
    #[error("this device is not on this server's list")]
    NotListed,
    /// A method needs a token, and none was sent.
    #[error("this server wants a token: send Authorization: Bearer and the token")]
    NoToken,
    /// No method can read the token.
    #[error("this token is of no kind that is known here")]
    Malformed,
    /// `tokens` or `introspection`: it is none of those that are known.
    #[error("this token is not known here")]
    UnknownToken,
    /// `jwt`: the header names an algorithm that is not configured.
    #[error("this token is signed in a way that is not accepted here")]
    Algorithm,
    /// `jwt`: no key has the id that the header names, or none fits the algorithm.
    #[error("this token is signed with a key that is not known here")]
    UnknownKey,
    /// `jwt` or `device_token`: the signature does not fit the content.
    #[error("the signature of this token is wrong")]
    Signature,
    /// `jwt`: `iss` is not the configured one.
    #[error("this token comes from another issuer than this server trusts")]
    Issuer,
    /// `jwt`: `aud` does not hold the configured one.
    #[error("this token is meant for another service")]
    Audience,
    /// `jwt`: `nbf` lies ahead, beyond the leeway.
    #[error("this token is not good yet; the clocks of its issuer and of this server may differ")]
    NotYet,
    /// The token's time is over.
    #[error("this token has expired; get a new one")]
    Expired,
    /// The provider of keys or answers cannot be reached; the token itself is not judged.
    #[error("the sign-in service cannot be reached at the moment; try again later")]
    Unavailable,
    /// The token names no device, where the settings ask for one.
    #[error("this token names no device, and this server wants one that does")]
    NoDevice,
    /// The token names a device, and it is another.
    #[error("this token belongs to another device")]
    OtherDevice,
    /// Not heard at all; the seconds until the next attempt is.
    #[error("too many failed sign-ins; try again in {0} s")]
    TooMany(u64),
}

impl Denied {
    /// Every word, for metrics that are there from the start.
    pub(crate) const WORDS: [&str; 15] = [
        "not_listed",
        "no_token",
        "malformed",
        "unknown_token",
        "algorithm",
        "unknown_key",
        "signature",
        "issuer",
        "audience",
        "not_yet",
        "expired",
        "unavailable",
        "no_device",
        "other_device",
        "too_many",
    ];

    /// The word for the metrics; one of [`Self::WORDS`].
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
    /// The reason, as the caller is told.
    pub why: Denied,
}
