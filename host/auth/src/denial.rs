//! Why a sign-in is denied. Rule: each case is one plain sentence that contains nothing the caller sent.

/// Why a sign-in is denied. Ordered: of several methods, the greatest reason is reported, as it is the most specific.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum DenyReason {
    /// `device_whitelist`: the device id is not listed.
    #[error("this device is not on this server's list")]
    NotListed,
    /// A method needs a token, and none was sent.
    #[error("this server wants a token: send Authorization: Bearer and the token")]
    NoToken,
    /// No method can parse the token.
    #[error("this token has an unknown format")]
    Malformed,
    /// `tokens` or `introspection`: the token is unknown.
    #[error("this token is not known here")]
    UnknownToken,
    /// `jwt`: the algorithm in the header is not configured.
    #[error("this token is signed in a way that is not accepted here")]
    Algorithm,
    /// `jwt`: no key has the id in the header, or none supports the algorithm.
    #[error("this token is signed with a key that is not known here")]
    UnknownKey,
    /// `jwt` or `device_token`: the signature does not match.
    #[error("the signature of this token is wrong")]
    Signature,
    /// `jwt`: `iss` is not the configured one.
    #[error("this token comes from another issuer than this server trusts")]
    Issuer,
    /// `jwt`: `aud` does not contain the configured one.
    #[error("this token is meant for another service")]
    Audience,
    /// `jwt`: `nbf` is in the future, beyond the leeway.
    #[error("this token is not good yet; the clocks of its issuer and of this server may differ")]
    NotYet,
    /// The token has expired.
    #[error("this token has expired; get a new one")]
    Expired,
    /// The identity provider cannot be reached; the token itself was not checked.
    #[error("the sign-in service cannot be reached at the moment; try again later")]
    Unavailable,
    /// The token names no device, and the settings require one.
    #[error("this token names no device, and this server requires one that does")]
    NoDevice,
    /// The token is bound to another device.
    #[error("this token belongs to another device")]
    OtherDevice,
    /// Rate limit: the attempt was not checked. The seconds until the next one is.
    #[error("too many failed sign-ins; try again in {0} s")]
    TooMany(u64),
}

impl DenyReason {
    /// Every label, to register the metrics at zero.
    pub(crate) const LABELS: [&str; 15] = [
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

    /// The label of the metric; one of [`Self::LABELS`].
    pub fn label(self) -> &'static str {
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

    /// Whether this counts as a failed attempt. A missing token does not, nor does an unavailable provider.
    pub(crate) fn is_failure(self) -> bool {
        !matches!(self, Self::NoToken | Self::Unavailable | Self::TooMany(_))
    }

    /// Whether it looks like guessing a listed device or a token.
    pub(crate) fn is_guess(self) -> bool {
        matches!(self, Self::NotListed | Self::UnknownToken)
    }
}

/// A denied sign-in with the method that reports it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{reason}")]
pub struct Denial {
    /// A method of `auth.methods`, or `rate_limit`.
    pub method: &'static str,
    /// The reason, as sent to the caller.
    pub reason: DenyReason,
}
