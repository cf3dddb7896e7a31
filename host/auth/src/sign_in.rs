//! Sign-in by the configured methods. Rule: with no method configured everyone may connect; otherwise the first method
//! that accepts decides, and callers with too many failures are rejected unchecked.

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
use crate::denial::{Denial, DenyReason};
use crate::device_token::DeviceTokens;
use crate::introspection::Introspection;
use crate::jwt::Jwt;
use crate::throttle::Throttle;
use crate::tokens::Tokens;

/// The configured methods with their caches.
#[derive(Debug)]
pub struct SignIn {
    config: AuthConfig,
    methods: Vec<Method>,
    throttle: Arc<Throttle>,
}

/// The claimed identity and the credentials of a caller.
#[derive(Clone, Copy)]
pub struct Claim<'a> {
    /// The claimed device id; generated if the request has none.
    pub device: &'a DeviceId,
    /// The claimed client id; may be empty.
    pub client: &'a ClientId,
    /// The bearer token, if there is one.
    pub token: Option<&'a str>,
    /// The address of the caller; behind a trusted proxy, the one that the proxy reports.
    pub address: IpAddr,
}

/// Never shows the token.
impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim").field("device", self.device).field("address", &self.address).finish_non_exhaustive()
    }
}

/// A sign-in method.
#[derive(Debug)]
enum Method {
    Tokens(Tokens),
    Whitelist(HashSet<DeviceId>),
    DeviceToken(DeviceTokens),
    Jwt(Arc<Jwt>),
    Introspection(Arc<Introspection>),
}

impl Method {
    fn name(&self) -> &'static str {
        match self {
            Self::Tokens(_) => AuthMethod::Tokens,
            Self::Whitelist(_) => AuthMethod::DeviceWhitelist,
            Self::DeviceToken(_) => AuthMethod::DeviceToken,
            Self::Jwt(_) => AuthMethod::Jwt,
            Self::Introspection(_) => AuthMethod::Introspection,
        }
        .name()
    }

    async fn check(&self, claim: Claim<'_>, now: u64) -> Result<(), DenyReason> {
        if let Self::Whitelist(devices) = self {
            return if devices.contains(claim.device) { Ok(()) } else { Err(DenyReason::NotListed) };
        }
        let token = claim.token.ok_or(DenyReason::NoToken)?;
        if token.len() > limits::TOKEN_BYTES {
            return Err(DenyReason::Malformed);
        }
        match self {
            Self::Tokens(tokens) => tokens.check(token, claim.device),
            Self::DeviceToken(tokens) => tokens.check(token, claim.device, claim.client, now),
            // Boxed, so that the future does not reserve space for methods that are not used.
            Self::Jwt(jwt) => Box::pin(jwt.check(token, claim.device, now)).await,
            Self::Introspection(introspection) => Box::pin(introspection.check(token, claim.device, now)).await,
            Self::Whitelist(_) => Err(DenyReason::NotListed),
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

    /// From a new configuration. Failure counters are kept, and so are cached keys and responses whose settings have
    /// not changed.
    #[must_use]
    pub fn updated(&self, config: &AuthConfig) -> Self {
        Self::build(config, &self.methods, self.throttle.clone())
    }

    fn build(config: &AuthConfig, previous: &[Method], throttle: Arc<Throttle>) -> Self {
        // A method without its section does not pass validation.
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
                let reused = previous.iter().find_map(|method| match method {
                    Method::Jwt(jwt) if jwt.config == *config => Some(jwt.clone()),
                    _ => None,
                });
                Some(Method::Jwt(reused.unwrap_or_else(|| Arc::new(Jwt::new(config)))))
            }
            AuthMethod::Introspection => {
                let config = config.introspection.as_ref()?;
                let reused = previous.iter().find_map(|method| match method {
                    Method::Introspection(one) if one.config == *config => Some(one.clone()),
                    _ => None,
                });
                Some(Method::Introspection(reused.unwrap_or_else(|| Arc::new(Introspection::new(config)))))
            }
        };
        let methods: Vec<Method> = config.methods.iter().filter_map(method).collect();
        register_metrics(&methods);
        Self { config: config.clone(), methods, throttle }
    }

    /// Checks a sign-in and counts the result. Takes no longer than the timeouts of the providers involved. Cancelling
    /// counts as a failure, so that hanging up does not speed up guessing.
    ///
    /// # Errors
    /// See [`DenyReason`].
    pub async fn check(&self, claim: Claim<'_>) -> Result<(), Denial> {
        if self.methods.is_empty() {
            return Ok(());
        }
        if let Err(wait) = self.throttle.check(&self.config.rate_limit, claim.address, claim.device) {
            let seconds = wait.as_secs().saturating_add(1);
            return Err(count_denial(Denial { method: "rate_limit", reason: DenyReason::TooMany(seconds) }));
        }
        let mut attempt = Attempt { sign_in: self, claim, failed: true };
        let outcome = self.try_methods(claim, now()).await;
        attempt.failed = outcome.as_ref().is_err_and(|(_, guessed)| *guessed);
        drop(attempt);
        match outcome {
            Ok(method) => {
                self.throttle.record_success(claim.address, claim.device);
                tracing::info!(device = %claim.device, address = %claim.address, method, "a device has signed in");
                counter!("modehost_sign_in_total", "method" => method, "outcome" => "ok").increment(1);
                Ok(())
            }
            Err((denial, _)) => Err(count_denial(denial)),
        }
    }

    /// Whether both have the same configuration.
    pub fn has_same_config(&self, other: &Self) -> bool {
        self.config == other.config
    }

    /// The key files: a change of their content may revoke sign-ins.
    pub fn key_files(&self) -> impl Iterator<Item = &Path> {
        let jwt = self.config.jwt.iter();
        jwt.flat_map(|jwt| [&jwt.public_key_file, &jwt.jwks_file]).flatten().map(PathBuf::as_path)
    }

    /// Whether a caller that has signed in before would be accepted now, apart from the time passed: an expired token
    /// or an unavailable provider revokes nothing. Counts nothing.
    ///
    /// # Errors
    /// Why the sign-in is revoked.
    pub async fn recheck(&self, claim: Claim<'_>) -> Result<(), Denial> {
        if self.methods.is_empty() {
            return Ok(());
        }
        match self.try_methods(claim, now()).await {
            Ok(_) => Ok(()),
            Err((denial, _)) if matches!(denial.reason, DenyReason::Expired | DenyReason::Unavailable) => Ok(()),
            Err((denial, _)) => Err(denial),
        }
    }

    /// Returns the method that accepts; or the most specific denial, and whether it counts as a failure.
    async fn try_methods(&self, claim: Claim<'_>, now: u64) -> Result<&'static str, (Denial, bool)> {
        let mut most_specific: Option<Denial> = None;
        let (mut failed, mut guessed, mut unavailable) = (false, false, false);
        for method in &self.methods {
            match method.check(claim, now).await {
                Ok(()) => return Ok(method.name()),
                Err(reason) => {
                    failed |= reason.is_failure();
                    guessed |= reason.is_guess();
                    unavailable |= reason == DenyReason::Unavailable;
                    if most_specific.is_none_or(|most_specific| most_specific.reason < reason) {
                        most_specific = Some(Denial { method: method.name(), reason });
                    }
                }
            }
        }
        // There is at least one method.
        let denial = most_specific.unwrap_or(Denial { method: "none", reason: DenyReason::NoToken });
        // While a provider is unavailable, nobody knows whether a token was wrong; but guesses against the local
        // methods must still be counted.
        Err((denial, guessed || failed && !unavailable))
    }

    /// The token with which this device can sign in, for OTA: a static token bound to it, or a new one; the first
    /// method in order decides.
    pub fn token_for(&self, device: &DeviceId, client: &ClientId) -> Option<String> {
        self.methods.iter().find_map(|method| match method {
            Method::Tokens(tokens) => tokens.of(device).map(str::to_owned),
            Method::DeviceToken(tokens) => tokens.issue(device, client, now()),
            _ => None,
        })
    }
}

/// A running attempt; counted on drop.
struct Attempt<'a> {
    sign_in: &'a SignIn,
    claim: Claim<'a>,
    failed: bool,
}

impl Drop for Attempt<'_> {
    fn drop(&mut self) {
        if self.failed {
            self.sign_in.throttle.record_failure(
                &self.sign_in.config.rate_limit,
                self.claim.address,
                self.claim.device,
            );
        }
    }
}

/// Registers the counters of these methods at zero.
fn register_metrics(methods: &[Method]) {
    for method in methods.iter().map(Method::name) {
        for outcome in DenyReason::LABELS.into_iter().chain(["ok"]) {
            let _ = counter!("modehost_sign_in_total", "method" => method, "outcome" => outcome);
        }
    }
}

fn count_denial(denial: Denial) -> Denial {
    debug_assert!(DenyReason::LABELS.contains(&denial.reason.label()), "{denial:?}");
    counter!("modehost_sign_in_total", "method" => denial.method, "outcome" => denial.reason.label()).increment(1);
    denial
}

/// Unix seconds.
fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |passed| passed.as_secs())
}

#[cfg(test)]
mod tests;
