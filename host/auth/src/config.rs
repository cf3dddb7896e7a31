//! The configuration section `auth`. Rule: what passes validation is used without further checks; each field documents
//! its unit, its default and whether it changes without a restart.

pub(crate) mod address;
mod jwt;
pub(crate) mod secret;

use crate::limits;
use garde::Validate;
use modehost_ids::{Address, DeviceId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

pub use self::jwt::{JwtAlgorithm, JwtConfig};
pub use self::secret::Secret;

/// Section `auth`: who may connect.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct AuthConfig {
    /// Ways to sign in, tried in this order; the first that says yes counts. Default none: everyone
    /// may connect. Hot, as all of this section: open connections that would not be let in any more are closed
    /// (1008), also when a file of keys has changed.
    #[garde(custom(methods_have_sections(self)))]
    pub methods: Vec<AuthMethod>,
    /// Tokens for the method `tokens`. Default none. Hot.
    #[garde(dive, custom(tokens_not_empty(&self.methods)))]
    pub tokens: Vec<StaticToken>,
    /// Devices that the method `device_whitelist` lets in without a token, by device id in any case.
    /// Default none. Hot.
    #[garde(inner(custom(is_device)))]
    pub device_whitelist: Vec<String>,
    /// For the method `device_token`: tokens that this server, or another of its kind with the same
    /// key, hands out through OTA. Default none. Hot.
    #[garde(dive)]
    pub device_token: Option<DeviceTokenConfig>,
    /// For the method `jwt`: signed tokens of an identity provider. Default none. Hot;
    /// keys that were read are kept unless these settings change.
    #[garde(dive)]
    pub jwt: Option<JwtConfig>,
    /// For the method `introspection`: the identity provider is asked about each token (RFC 7662).
    /// Default none. Hot; answers are kept unless these settings change.
    #[garde(dive)]
    pub introspection: Option<IntrospectionConfig>,
    /// How many failed sign-ins are heard.
    #[garde(dive)]
    pub rate_limit: RateLimitConfig,
    /// Whether a token may also come in the query, `?token=…`: pages in browsers cannot set headers,
    /// but proxies write addresses into their logs. Default true. Hot.
    #[garde(skip)]
    pub query_tokens: bool,
    /// Whether OTA hands a token that is bound to a device to whoever asks with that device's id:
    /// its token of `tokens`, or a new one where `methods` has `device_token`. Stock firmware has no
    /// other way to learn its token, but anyone who knows the id could take the device's place:
    /// switch it on only where the HTTP port is out of strangers' reach. Default false. Hot.
    #[garde(skip)]
    pub ota_tokens: bool,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            methods: Vec::new(),
            tokens: Vec::new(),
            device_whitelist: Vec::new(),
            device_token: None,
            jwt: None,
            introspection: None,
            rate_limit: RateLimitConfig::default(),
            query_tokens: true,
            ota_tokens: false,
        }
    }
}

/// A way to sign in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AuthMethod {
    /// Fixed tokens of this file.
    Tokens,
    /// Signed tokens of an identity provider, judged here.
    Jwt,
    /// Tokens that the identity provider is asked about.
    Introspection,
    /// Devices that need no token.
    DeviceWhitelist,
    /// Tokens that OTA hands out.
    DeviceToken,
}

impl AuthMethod {
    /// The name in the configuration and in metrics labels.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tokens => "tokens",
            Self::Jwt => "jwt",
            Self::Introspection => "introspection",
            Self::DeviceWhitelist => "device_whitelist",
            Self::DeviceToken => "device_token",
        }
    }
}

/// A fixed token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct StaticToken {
    /// What the device sends as `Authorization: Bearer …`: 1 to 1024 visible ASCII characters.
    #[garde(custom(is_token))]
    #[schemars(with = "String", length(min = 1, max = 1024))]
    pub token: Secret,
    /// The one device that this token opens. Default: any.
    #[serde(default)]
    #[garde(inner(custom(is_device)))]
    pub device: Option<String>,
}

/// `auth.device_token`: tokens of the form `base64url(HMAC-SHA256(key, client|device|time)).time`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct DeviceTokenConfig {
    /// What they are signed with; 32 random characters or more are safe.
    #[garde(custom(secret::is_secret))]
    pub key: Secret,
    /// How long such a token is good, in s, 60 to 315,360,000. Default 2,592,000 (30 days).
    #[serde(default = "device_token_life")]
    #[garde(range(min = 60, max = 315_360_000))]
    pub expire_s: u64,
}

/// `auth.introspection`: where tokens are asked about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub struct IntrospectionConfig {
    /// The provider's introspection endpoint; `https://` unless it is on this machine.
    #[garde(custom(address::is_address))]
    pub url: Address,
    /// How this server signs in there (HTTP Basic). Default none.
    #[serde(default)]
    #[garde(inner(length(min = 1, max = 1024)))]
    pub client_id: Option<String>,
    /// The secret that goes with it. Default none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[garde(inner(custom(secret::is_secret)))]
    pub client_secret: Option<Secret>,
    /// Time for one answer, in s, 1 to 30; keep it under `gateway.handshake_timeout_ms`. Default 5.
    #[serde(default = "identity_timeout")]
    #[garde(range(min = 1, max = 30))]
    pub timeout_s: u64,
    /// An answer about a good token is kept until the token expires, and at most this long, in s,
    /// 0 to 86,400. A token that is withdrawn opens the server until then. Default 3600.
    #[serde(default = "introspection_cache")]
    #[garde(range(max = 86_400))]
    pub cache_s: u64,
    /// An answer about a bad token is kept this long, in s, 0 to 3600. Default 10.
    #[serde(default = "introspection_negative")]
    #[garde(range(max = 3600))]
    pub negative_cache_s: u64,
    /// What `aud` of the answer must be or hold. Default: it is not looked at.
    #[serde(default)]
    #[garde(inner(length(min = 1)))]
    pub audience: Option<String>,
    /// The member of the answer that holds the device id, or a list of them, that the token opens;
    /// null: tokens are bound to no device. Default `device_id`.
    #[serde(default = "device_claim")]
    #[garde(inner(length(min = 1)))]
    pub device_claim: Option<String>,
    /// Whether a token without that member is refused; otherwise it opens any device. Default false.
    #[serde(default)]
    #[garde(custom(device_claim_set(&self.device_claim)))]
    pub require_device: bool,
}

/// `auth.rate_limit`: who has failed this often is answered 429 unheard for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimitConfig {
    /// Failed sign-ins from one address (of IPv6: one /64) a minute, 1 to 1,000,000. A device that
    /// has signed in from that address within a day is not concerned. Default 60. Hot.
    #[garde(range(min = 1, max = 1_000_000))]
    pub failures_per_minute: u32,
    /// Failed sign-ins as one device a minute, over all addresses, 1 to 1,000,000. Beyond it, only
    /// addresses without a failure of their own are heard, so that nobody can lock a device out from
    /// elsewhere. Default 30. Hot.
    #[garde(range(min = 1, max = 1_000_000))]
    pub device_failures_per_minute: u32,
}

impl Default for RateLimitConfig {
    fn default() -> Self {
        Self {
            failures_per_minute: limits::SIGN_IN_FAILURES,
            device_failures_per_minute: limits::SIGN_IN_DEVICE_FAILURES,
        }
    }
}

fn device_token_life() -> u64 {
    limits::DEVICE_TOKEN_LIFETIME.as_secs()
}

fn identity_timeout() -> u64 {
    limits::IDENTITY_TIMEOUT.as_secs()
}

fn introspection_cache() -> u64 {
    limits::INTROSPECTION_TTL.as_secs()
}

fn introspection_negative() -> u64 {
    limits::INTROSPECTION_NEGATIVE_TTL.as_secs()
}

#[expect(clippy::unnecessary_wraps, reason = "the default of a field that may be null")]
fn device_claim() -> Option<String> {
    Some("device_id".to_owned())
}

fn is_token(token: &Secret, _: &()) -> garde::Result {
    let token = token.expose();
    if !(1..=1024).contains(&token.len()) {
        return Err(garde::Error::new("must have 1 to 1024 characters"));
    }
    if token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Ok(());
    }
    Err(garde::Error::new("must consist of visible ASCII characters without spaces"))
}

fn is_device(device: &str, _: &()) -> garde::Result {
    match DeviceId::parse(device) {
        Some(_) => Ok(()),
        None => Err(garde::Error::new("is not a device id: 1 to 128 bytes without control characters")),
    }
}

fn device_claim_set(claim: &Option<String>) -> impl FnOnce(&bool, &()) -> garde::Result + '_ {
    move |require, _| {
        if *require && claim.is_none() {
            return Err(garde::Error::new("needs `device_claim`, which says where the device stands"));
        }
        Ok(())
    }
}

fn tokens_not_empty(methods: &[AuthMethod]) -> impl FnOnce(&Vec<StaticToken>, &()) -> garde::Result + '_ {
    move |tokens, _| {
        if methods.contains(&AuthMethod::Tokens) && tokens.is_empty() {
            return Err(garde::Error::new("is empty while `auth.methods` has `tokens`: nobody could connect"));
        }
        Ok(())
    }
}

fn methods_have_sections(auth: &AuthConfig) -> impl FnOnce(&Vec<AuthMethod>, &()) -> garde::Result + '_ {
    move |methods, _| {
        // A configured credential without a method would leave the server open to everyone, which is never intended.
        let configured = [
            (AuthMethod::Tokens, !auth.tokens.is_empty()),
            (AuthMethod::Jwt, auth.jwt.is_some()),
            (AuthMethod::Introspection, auth.introspection.is_some()),
            (AuthMethod::DeviceToken, auth.device_token.is_some()),
            (AuthMethod::DeviceWhitelist, !auth.device_whitelist.is_empty()),
        ];
        if methods.is_empty()
            && let Some((method, _)) = configured.iter().find(|(_, configured)| *configured)
        {
            let name = method.name();
            return Err(garde::Error::new(format!(
                "is empty while `auth.{name}` is there: everyone could connect; write `methods: [{name}]`"
            )));
        }
        for (index, method) in methods.iter().enumerate() {
            if methods[..index].contains(method) {
                return Err(garde::Error::new(format!("has `{}` twice", method.name())));
            }
            let is_configured = match method {
                // Reported at `auth.tokens`.
                AuthMethod::Tokens => true,
                AuthMethod::Jwt => auth.jwt.is_some(),
                AuthMethod::Introspection => auth.introspection.is_some(),
                AuthMethod::DeviceToken => auth.device_token.is_some(),
                AuthMethod::DeviceWhitelist => !auth.device_whitelist.is_empty(),
            };
            if !is_configured {
                let name = method.name();
                return Err(garde::Error::new(format!("has `{name}`, which needs `auth.{name}`")));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
