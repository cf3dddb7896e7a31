//! The methods in order, and what is told where none lets the caller in. Rule: with no method
//! configured everyone may connect; otherwise the first that says yes counts, and whoever has
//! failed too often is not heard.

use std::collections::HashSet;
use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::limits;
use metrics::counter;
use modehost_ids::{ClientId, DeviceId};

use crate::config::{AuthConfig, AuthMethod};
use crate::denied::{Denied, Refused};
use crate::device_token::DeviceTokens;
use crate::introspection::Introspection;
use crate::jwt::Jwt;
use crate::throttle::Throttle;
use crate::tokens::Tokens;

/// The configured methods, with what they have learnt so far.
#[derive(Debug)]
pub struct SignIn {
    config: AuthConfig,
    methods: Vec<Method>,
    throttle: Arc<Throttle>,
}

/// A caller's claim.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The device that the caller says it is; made up where it names none.
    pub device: &'a DeviceId,
    /// The client that it says it is; may be empty.
    pub client: &'a ClientId,
    /// What it bears, without `Bearer`; none where it bears nothing.
    pub token: Option<&'a str>,
    /// Where the caller is; behind a trusted proxy, where it says the caller is.
    pub address: IpAddr,
}

/// Never shows the token.
impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("device", self.device).field("address", &self.address).finish_non_exhaustive()
    }
}

/// One way to sign in.
#[derive(Debug)]
enum Method {
    Tokens(Tokens),
    Whitelist(HashSet<DeviceId>),
    DeviceToken(DeviceTokens),
    Jwt(Arc<Jwt>),
    Introspection(Arc<Introspection>),
}

impl Method {
    fn word(&self) -> &'static str {
        match self {
            Self::Tokens(_) => AuthMethod::Tokens,
            Self::Whitelist(_) => AuthMethod::DeviceWhitelist,
            Self::DeviceToken(_) => AuthMethod::DeviceToken,
            Self::Jwt(_) => AuthMethod::Jwt,
            Self::Introspection(_) => AuthMethod::Introspection,
        }
        .word()
    }

    async fn check(&self, claim: Claim<'_>, now: u64) -> Result<(), Denied> {
        if let Self::Whitelist(devices) = self {
            return if devices.contains(claim.device) { Ok(()) } else { Err(Denied::NotListed) };
        }
        let token = claim.token.ok_or(Denied::NoToken)?;
        if token.len() > limits::TOKEN_BYTES {
            return Err(Denied::Malformed);
        }
        match self {
            Self::Tokens(tokens) => tokens.check(token, claim.device),
            Self::DeviceToken(tokens) => tokens.check(token, claim.device, claim.client, now),
            // Boxed, so that those who need no keys and no provider do not keep room for them.
            Self::Jwt(jwt) => Box::pin(jwt.check(token, claim.device, now)).await,
            Self::Introspection(introspection) => Box::pin(introspection.check(token, claim.device, now)).await,
            Self::Whitelist(_) => Err(Denied::NotListed),
        }
    }
}

impl Default for SignIn {
    /// Everyone may connect.
    fn default() -> Self {
        Self::new(&AuthConfig::default())
    }
}

impl SignIn {
    /// From the validated configuration.
    pub fn new(config: &AuthConfig) -> Self {
        Self::build(config, &[], Arc::new(Throttle::new()))
    }

    /// From a new configuration. Failures stay counted; keys and answers that were read stay where
    /// the settings that they depend on have not changed.
    #[must_use]
    pub fn renewed(&self, config: &AuthConfig) -> Self {
        Self::build(config, &self.methods, self.throttle.clone())
    }

    fn build(config: &AuthConfig, earlier: &[Method], throttle: Arc<Throttle>) -> Self {
        // A method without its section does not validate.
        let method = |method: &AuthMethod| match method {
            AuthMethod::Tokens => Some(Method::Tokens(Tokens::new(&config.tokens))),
            AuthMethod::DeviceWhitelist => {
                let devices = config.device_whitelist.iter().filter_map(|device| DeviceId::parse(device));
                Some(Method::Whitelist(devices.collect()))
            }
            AuthMethod::DeviceToken => {
                config.device_token.as_ref().and_then(DeviceTokens::new).map(Method::DeviceToken)
            }
            AuthMethod::Jwt => {
                let config = config.jwt.as_ref()?;
                let kept = earlier.iter().find_map(|method| match method {
                    Method::Jwt(jwt) if jwt.config == *config => Some(jwt.clone()),
                    _ => None,
                });
                Some(Method::Jwt(kept.unwrap_or_else(|| Arc::new(Jwt::new(config)))))
            }
            AuthMethod::Introspection => {
                let config = config.introspection.as_ref()?;
                let kept = earlier.iter().find_map(|method| match method {
                    Method::Introspection(one) if one.config == *config => Some(one.clone()),
                    _ => None,
                });
                Some(Method::Introspection(kept.unwrap_or_else(|| Arc::new(Introspection::new(config)))))
            }
        };
        let methods: Vec<Method> = config.methods.iter().filter_map(method).collect();
        begin_metrics(&methods);
        Self { config: config.clone(), methods, throttle }
    }

    /// Lets the caller in or says why not, and counts it. Takes no longer than the time limits of
    /// the providers that are asked. Cancelling counts as a failure of the caller, so that nobody
    /// guesses faster by hanging up.
    ///
    /// # Errors
    /// See [`Denied`].
    pub async fn check(&self, claim: Claim<'_>) -> Result<(), Refused> {
        if self.methods.is_empty() {
            return Ok(());
        }
        if let Err(wait) = self.throttle.hears(&self.config.rate_limit, claim.address, claim.device) {
            let seconds = wait.as_secs().saturating_add(1);
            return Err(count_refusal(Refused { method: "rate_limit", why: Denied::TooMany(seconds) }));
        }
        let mut attempt = Attempt { sign_in: self, claim, failed: true };
        let outcome = self.ask(claim, now()).await;
        attempt.failed = outcome.as_ref().is_err_and(|(_, guessed)| *guessed);
        drop(attempt);
        match outcome {
            Ok(method) => {
                self.throttle.succeeded(claim.address, claim.device);
                tracing::info!(device = %claim.device, address = %claim.address, method, "a device has signed in");
                counter!("modehost_sign_in_total", "method" => method, "outcome" => "ok").increment(1);
                Ok(())
            }
            Err((refused, _)) => Err(count_refusal(refused)),
        }
    }

    /// Whether both let the same callers in, as far as settings say.
    pub fn is_like(&self, other: &Self) -> bool {
        self.config == other.config
    }

    /// Files of keys: what they hold decides who is let in, too.
    pub fn key_files(&self) -> impl Iterator<Item = &Path> {
        let jwt = self.config.jwt.iter();
        jwt.flat_map(|jwt| [&jwt.public_key_file, &jwt.jwks_file]).flatten().map(PathBuf::as_path)
    }

    /// Whether a caller that was let in would be let in now, but for the time that has passed: a token that has
    /// expired since was good, and a provider that is away has taken nothing back. Counts nothing.
    ///
    /// # Errors
    /// Why not.
    pub async fn still_holds(&self, claim: Claim<'_>) -> Result<(), Refused> {
        if self.methods.is_empty() {
            return Ok(());
        }
        match self.ask(claim, now()).await {
            Ok(_) => Ok(()),
            Err((refused, _)) if matches!(refused.why, Denied::Expired | Denied::Unavailable) => Ok(()),
            Err((refused, _)) => Err(refused),
        }
    }

    /// The method that says yes; or the refusal that says most, and whether the caller has guessed.
    async fn ask(&self, claim: Claim<'_>, now: u64) -> Result<&'static str, (Refused, bool)> {
        let mut worst: Option<Refused> = None;
        let (mut wrong, mut guessed, mut away) = (false, false, false);
        for method in &self.methods {
            match method.check(claim, now).await {
                Ok(()) => return Ok(method.word()),
                Err(why) => {
                    wrong |= why.is_wrong();
                    guessed |= why.is_guess();
                    away |= why == Denied::Unavailable;
                    if worst.is_none_or(|worst| worst.why < why) {
                        worst = Some(Refused { method: method.word(), why });
                    }
                }
            }
        }
        // There is at least one method.
        let refused = worst.unwrap_or(Refused { method: "none", why: Denied::NoToken });
        // While a provider is away nobody knows whether a token was wrong; but guessing at what this
        // server judges by itself must not become free then.
        Err((refused, guessed || wrong && !away))
    }

    /// The token with which this device can sign in, for OTA to hand out: a fixed one that is bound
    /// to it, or a new one; by the order of the methods.
    pub fn token_for(&self, device: &DeviceId, client: &ClientId) -> Option<String> {
        self.methods.iter().find_map(|method| match method {
            Method::Tokens(tokens) => tokens.of(device).map(str::to_owned),
            Method::DeviceToken(tokens) => tokens.issue(device, client, now()),
            _ => None,
        })
    }
}

/// An attempt that runs. Dropping it counts it.
struct Attempt<'a> {
    sign_in: &'a SignIn,
    claim: Claim<'a>,
    failed: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.failed {
            self.sign_in.throttle.failed(&self.sign_in.config.rate_limit, self.claim.address, self.claim.device);
        }
    }
}

/// Sign-ins by these methods are counted from here on, from zero.
fn begin_metrics(methods: &[Method]) {
    for method in methods.iter().map(Method::word) {
        for outcome in Denied::WORDS.into_iter().chain(["ok"]) {
            let _ = counter!("modehost_sign_in_total", "method" => method, "outcome" => outcome);
        }
    }
}

fn count_refusal(refused: Refused) -> Refused {
    debug_assert!(Denied::WORDS.contains(&refused.why.word()), "{refused:?}");
    counter!("modehost_sign_in_total", "method" => refused.method, "outcome" => refused.why.word()).increment(1);
    refused
}

/// Unix seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

#[cfg(test)]
mod tests;
