//! Token introspection at the identity provider (RFC 7662). Rule: at most one request per token is in flight, responses
//! are cached under the digest of the token and never under the token, and invalid tokens cannot evict the cached
//! responses of valid ones.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modehost_ids::DeviceId;
use parking_lot::Mutex;
use reqwest::header::HeaderValue;
use sha2::{Digest, Sha256};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::bounded_cache::BoundedCache;
use crate::claims::{Claims, DeviceBinding, check_audience, time};
use crate::config::IntrospectionConfig;
use crate::denial::DenyReason;
use crate::provider::{Provider, Unavailable};

type TokenDigest = [u8; 32];

/// The result for a token.
#[derive(Clone, Debug)]
enum TokenState {
    Active(Arc<DeviceBinding>),
    Inactive(DenyReason),
}

/// The method `introspection`. Owns the cache of responses.
pub(crate) struct Introspection {
    pub config: IntrospectionConfig,
    provider: Provider,
    basic: Option<HeaderValue>,
    cache: Mutex<Cache>,
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection").finish_non_exhaustive()
    }
}

struct Cache {
    active: BoundedCache<TokenDigest, Active>,
    inactive: BoundedCache<TokenDigest, (DenyReason, Instant)>,
    /// Requests in flight. Bounded by the number of concurrent handshakes.
    in_flight: HashMap<TokenDigest, watch::Receiver<Option<Response>>>,
}

#[derive(Clone)]
struct Active {
    binding: Arc<DeviceBinding>,
    valid_until: Instant,
    /// Unix seconds; checked in addition to `valid_until`, so that setting the clock does not extend a token's lifetime.
    expires: Option<f64>,
}

type Response = Result<TokenState, Unavailable>;

enum Lookup {
    Cached(TokenState),
    InFlight(watch::Receiver<Option<Response>>),
    Request(watch::Sender<Option<Response>>),
}

impl Cache {
    fn get(&self, digest: &TokenDigest, now: u64) -> Option<TokenState> {
        let instant = Instant::now();
        let active = self.active.get(digest).filter(|active| instant < active.valid_until);
        if let Some(active) = active
            && active.expires.is_none_or(|expires| (now as f64) < expires)
        {
            return Some(TokenState::Active(active.binding.clone()));
        }
        let inactive = self.inactive.get(digest).filter(|(_, valid_until)| instant < *valid_until);
        inactive.map(|(reason, _)| TokenState::Inactive(*reason))
    }
}

impl Introspection {
    pub fn new(config: &IntrospectionConfig) -> Self {
        let (positive_ttl, negative_ttl) = (config.cache_s, config.negative_cache_s);
        let ttl = |seconds: u64| Duration::from_secs(seconds.max(1));
        let cache = Cache {
            active: BoundedCache::new(limits::INTROSPECTION_ENTRIES, ttl(positive_ttl)),
            inactive: BoundedCache::new(limits::INTROSPECTION_ENTRIES, ttl(negative_ttl)),
            in_flight: HashMap::new(),
        };
        Self {
            provider: Provider::new("auth.introspection.url", &config.url, Duration::from_secs(config.timeout_s)),
            basic: basic(config),
            cache: Mutex::new(cache),
            config: config.clone(),
        }
    }

    /// Whether this token is valid for this device. `now` is in Unix seconds. Waits for the provider if the response is
    /// not cached, for `timeout_s` at most.
    pub async fn check(&self, token: &str, device: &DeviceId, now: u64) -> Result<(), DenyReason> {
        match self.result_for(token, now).await {
            Ok(TokenState::Active(binding)) => binding.check(device, self.config.require_device),
            Ok(TokenState::Inactive(reason)) => Err(reason),
            Err(Unavailable) => Err(DenyReason::Unavailable),
        }
    }

    async fn result_for(&self, token: &str, now: u64) -> Response {
        let digest: TokenDigest = Sha256::digest(token).into();
        loop {
            match self.lookup(digest, now) {
                Lookup::Cached(state) => return Ok(state),
                Lookup::Request(sender) => return self.request(token, digest, now, &sender).await,
                Lookup::InFlight(mut in_flight) => {
                    if let Ok(response) = in_flight.wait_for(Option::is_some).await
                        && let Some(response) = response.clone()
                    {
                        return response;
                    }
                    // The caller that sent the request was cancelled before the response: send another one.
                }
            }
        }
    }

    /// Decides whether the result is cached, awaited or requested.
    fn lookup(&self, digest: TokenDigest, now: u64) -> Lookup {
        let mut cache = self.cache.lock();
        if let Some(state) = cache.get(&digest, now) {
            return Lookup::Cached(state);
        }
        if let Some(in_flight) = cache.in_flight.get(&digest) {
            return Lookup::InFlight(in_flight.clone());
        }
        let (sender, in_flight) = watch::channel(None);
        cache.in_flight.insert(digest, in_flight);
        Lookup::Request(sender)
    }

    async fn request(
        &self,
        token: &str,
        digest: TokenDigest,
        now: u64,
        sender: &watch::Sender<Option<Response>>,
    ) -> Response {
        let _in_flight = InFlightRequest { introspection: self, digest };
        let response = match self.provider.post(form(token), self.basic.as_ref(), limits::INTROSPECTION_BYTES).await {
            Ok(body) => self.handle_response(&body, digest, now),
            Err(Unavailable) => Err(Unavailable),
        };
        sender.send_replace(Some(response.clone()));
        response
    }

    /// Validates a response and caches the result.
    fn handle_response(&self, body: &[u8], digest: TokenDigest, now: u64) -> Response {
        let claims: Option<Claims> = serde_json::from_slice(body).ok();
        let active = claims.as_ref().and_then(|claims| claims.get("active")?.as_bool());
        let (Some(claims), Some(active)) = (claims, active) else {
            self.provider.report_failure("its answer is not JSON with a member `active`");
            return Err(Unavailable);
        };
        self.provider.report_success();
        let instant = Instant::now();
        let reason = if active { self.deny_reason(&claims, now) } else { Some(DenyReason::UnknownToken) };
        if let Some(reason) = reason {
            let valid_until = instant + Duration::from_secs(self.config.negative_cache_s);
            self.cache.lock().inactive.insert(digest, (reason, valid_until), instant);
            return Ok(TokenState::Inactive(reason));
        }
        let binding = Arc::new(DeviceBinding::read(&claims, self.config.device_claim.as_deref()));
        let active = Active {
            binding: binding.clone(),
            valid_until: instant + Duration::from_secs(self.config.cache_s),
            expires: time(&claims, "exp").ok().flatten(),
        };
        self.cache.lock().active.insert(digest, active, instant);
        Ok(TokenState::Active(binding))
    }

    /// Why a token that the provider reports as active is denied nevertheless.
    fn deny_reason(&self, claims: &Claims, now: u64) -> Option<DenyReason> {
        let validate = || -> Result<(), DenyReason> {
            check_audience(claims, self.config.audience.as_deref())?;
            if time(claims, "exp")?.is_some_and(|expires| now as f64 >= expires) {
                return Err(DenyReason::Expired);
            }
            Ok(())
        };
        validate().err()
    }
}

/// A request in flight. On drop, the next caller may send one.
struct InFlightRequest<'a> {
    introspection: &'a Introspection,
    digest: TokenDigest,
}

impl Drop for InFlightRequest<'_> {
    fn drop(&mut self) {
        self.introspection.cache.lock().in_flight.remove(&self.digest);
    }
}

fn form(token: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token)
        .append_pair("token_type_hint", "access_token")
        .finish()
}

/// RFC 6749: both parts are form-encoded first, then encoded as HTTP Basic.
fn basic(config: &IntrospectionConfig) -> Option<HeaderValue> {
    let id = config.client_id.as_deref()?;
    let secret = config.client_secret.as_ref().map_or("", |secret| secret.expose());
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let value = format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))));
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some(value)
}
