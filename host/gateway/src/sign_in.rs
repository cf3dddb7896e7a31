//! Whether a caller may be who it says. Rule: with no method configured everyone may; otherwise
//! the methods are asked in order and the first that says yes counts. Tokens are compared in
//! constant time and never logged.

use std::fmt;

use modehost_ids::DeviceId;
use sha2::{Digest, Sha256};
use subtle::{Choice, ConstantTimeEq};

use crate::config::{AuthConfig, AuthMethod};

/// The configured methods, in order.
#[derive(Debug, Default)]
pub struct SignIn {
    methods: Vec<Method>,
}

/// A caller's claim.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    pub device: &'a DeviceId,
    pub token: Option<&'a str>,
}

/// Why nobody let the caller in. Ordered: of several, the one that says most is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Denied {
    #[error("this server wants a token: send Authorization: Bearer and the token")]
    NoToken,
    #[error("this token is not known here")]
    UnknownToken,
    #[error("this token belongs to another device")]
    OtherDevice,
}

/// One way to sign in. A further one is a further case here and in [`SignIn::new`]; its check may
/// take its time (a key set, an introspection endpoint) within the time of the handshake.
#[derive(Debug)]
enum Method {
    Tokens(Tokens),
}

impl Method {
    async fn check(&self, claim: Claim<'_>) -> Result<(), Denied> {
        match self {
            Self::Tokens(tokens) => tokens.check(claim),
        }
    }
}

impl SignIn {
    /// From the validated configuration.
    pub fn new(config: &AuthConfig) -> Self {
        let method = |method: &AuthMethod| match method {
            AuthMethod::Tokens => Method::Tokens(Tokens::new(config)),
        };
        Self { methods: config.methods.iter().map(method).collect() }
    }

    /// Lets the caller in or says why not.
    ///
    /// # Errors
    /// See [`Denied`].
    pub async fn check(&self, claim: Claim<'_>) -> Result<(), Denied> {
        let mut verdict = Ok(());
        for method in &self.methods {
            match method.check(claim).await {
                Ok(()) => return Ok(()),
                Err(denied) => verdict = Err(verdict.err().map_or(denied, |earlier: Denied| earlier.max(denied))),
            }
        }
        verdict
    }

    /// The token that is bound to this device, for OTA to hand out.
    pub fn token_of(&self, device: &DeviceId) -> Option<&str> {
        self.methods.iter().find_map(|Method::Tokens(tokens)| tokens.of(device))
    }
}

/// Fixed tokens.
struct Tokens(Vec<Token>);

struct Token {
    text: String,
    /// Comparing digests hides the length too.
    digest: [u8; 32],
    device: Option<DeviceId>,
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Tokens({})", self.0.len())
    }
}

impl Tokens {
    fn new(config: &AuthConfig) -> Self {
        let tokens = config.tokens.iter().map(|token| Token {
            text: token.token.clone(),
            digest: Sha256::digest(&token.token).into(),
            device: token.device.as_deref().and_then(DeviceId::parse),
        });
        Self(tokens.collect())
    }

    /// Looks at every token, whether or not one has matched.
    fn check(&self, claim: Claim<'_>) -> Result<(), Denied> {
        let given: [u8; 32] = Sha256::digest(claim.token.ok_or(Denied::NoToken)?).into();
        let (mut known, mut opens) = (Choice::from(0), Choice::from(0));
        for token in &self.0 {
            let same = token.digest.ct_eq(&given);
            let fits = token.device.as_ref().is_none_or(|device| device == claim.device);
            known |= same;
            opens |= same & Choice::from(u8::from(fits));
        }
        match (bool::from(opens), bool::from(known)) {
            (true, _) => Ok(()),
            (false, true) => Err(Denied::OtherDevice),
            (false, false) => Err(Denied::UnknownToken),
        }
    }

    fn of(&self, device: &DeviceId) -> Option<&str> {
        self.0.iter().find(|token| token.device.as_ref() == Some(device)).map(|token| token.text.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::StaticToken;

    fn tokens() -> SignIn {
        let token = |token: &str, device: Option<&str>| StaticToken {
            token: token.to_owned(),
            device: device.map(str::to_owned),
        };
        SignIn::new(&AuthConfig {
            methods: vec![AuthMethod::Tokens],
            tokens: vec![
                token("any", None),
                token("mine", Some("AA:01")),
                token("shared", Some("aa:01")),
                token("shared", Some("aa:02")),
            ],
            ..AuthConfig::default()
        })
    }

    #[tokio::test]
    async fn c4_a_bound_token_opens_its_device_only() {
        let (sign_in, one, two) = (tokens(), DeviceId::new("aa:01"), DeviceId::new("aa:02"));
        let check = |device, token| sign_in.check(Claim { device, token });
        assert_eq!(check(&one, Some("mine")).await, Ok(()));
        assert_eq!(check(&two, Some("mine")).await, Err(Denied::OtherDevice));
        assert_eq!(check(&two, Some("shared")).await, Ok(()));
        assert_eq!(check(&two, Some("any")).await, Ok(()));
        assert_eq!(check(&one, Some("min")).await, Err(Denied::UnknownToken));
        assert_eq!(check(&one, None).await, Err(Denied::NoToken));
    }

    #[tokio::test]
    async fn without_a_method_everyone_may() {
        let device = DeviceId::new("x");
        assert_eq!(SignIn::default().check(Claim { device: &device, token: None }).await, Ok(()));
    }

    #[test]
    fn only_bound_tokens_are_handed_out() {
        assert_eq!(tokens().token_of(&DeviceId::new("aa:01")), Some("mine"));
        assert_eq!(tokens().token_of(&DeviceId::new("aa:09")), None);
    }
}
