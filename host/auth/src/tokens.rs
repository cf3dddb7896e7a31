//! Static tokens. Rule: every token is compared, by digest and in constant time, regardless of earlier matches.

use std::fmt;

use modehost_ids::DeviceId;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::config::{Secret, StaticToken};
use crate::denial::DenyReason;

pub(crate) struct Tokens(Vec<Token>);

struct Token {
    text: Secret,
    /// Comparing digests also hides the length.
    digest: [u8; 32],
    device: Option<DeviceId>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

impl Tokens {
    pub fn new(tokens: &[StaticToken]) -> Self {
        let tokens = tokens.iter().map(|token| Token {
            text: token.token.clone(),
            digest: Sha256::digest(token.token.expose()).into(),
            device: token.device.as_deref().and_then(DeviceId::parse),
        });
        Self(tokens.collect())
    }

    pub fn check(&self, token: &str, device: &DeviceId) -> Result<(), DenyReason> {
        let given: [u8; 32] = Sha256::digest(token).into();
        let (mut known, mut opens) = (Choice::from(0), Choice::from(0));
        for token in &self.0 {
            let same = token.digest.ct_eq(&given);
            let fits = token.device.as_ref().is_none_or(|bound| bound == device);
            known |= same;
            opens |= same & Choice::from(u8::from(fits));
        }
        match (bool::from(opens), bool::from(known)) {
            (true, _) => Ok(()),
            (false, true) => Err(DenyReason::OtherDevice),
            (false, false) => Err(DenyReason::UnknownToken),
        }
    }

    /// The token that is bound to this device.
    pub fn of(&self, device: &DeviceId) -> Option<&str> {
        self.0.iter().find(|token| token.device.as_ref() == Some(device)).map(|token| token.text.expose())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens() -> Tokens {
        let token =
            |token: &str, device: Option<&str>| StaticToken { token: token.into(), device: device.map(str::to_owned) };
        Tokens::new(&[
            token("any", None),
            token("mine", Some("AA:01")),
            token("shared", Some("aa:01")),
            token("shared", Some("aa:02")),
        ])
    }

    #[test]
    fn c4_a_bound_token_opens_its_device_only() {
        let (tokens, one, two) = (tokens(), DeviceId::new("aa:01"), DeviceId::new("aa:02"));
        assert_eq!(tokens.check("mine", &one), Ok(()));
        assert_eq!(tokens.check("mine", &two), Err(DenyReason::OtherDevice));
        assert_eq!(tokens.check("shared", &two), Ok(()));
        assert_eq!(tokens.check("any", &two), Ok(()));
        assert_eq!(tokens.check("min", &one), Err(DenyReason::UnknownToken));
    }

    #[test]
    fn only_bound_tokens_are_handed_out() {
        assert_eq!(tokens().of(&DeviceId::new("aa:01")), Some("mine"));
        assert_eq!(tokens().of(&DeviceId::new("aa:09")), None);
    }
}
