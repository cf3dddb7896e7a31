//! Asking the identity provider about each token (RFC 7662). Rule: one question about a token runs
//! at a time, answers are kept by the token's digest and never by the token, and no number of
//! invented tokens pushes out what is known of good ones.

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

use crate::claims::{Binding, Claims, judge_audience, time};
use crate::config::IntrospectionConfig;
use crate::denied::Denied;
use crate::provider::{Away, Provider};
use crate::recent::Recent;

type TokenDigest = [u8; 32];

/// What the provider says of a token.
#[derive(Clone, Debug)]
enum Verdict {
    Good(Arc<Binding>),
    Bad(Denied),
}

/// The method `introspection`. Answers live as long as it does.
pub(crate) struct Introspection {
    pub config: IntrospectionConfig,
    provider: Provider,
    basic: Option<HeaderValue>,
    known: Mutex<Known>,
}

impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection").finish_non_exhaustive()
    }
}

struct Known {
    good: Recent<TokenDigest, Good>,
    bad: Recent<TokenDigest, (Denied, Instant)>,
    /// Questions that run. Bounded by the places of the handshake.
    asked: HashMap<TokenDigest, watch::Receiver<Option<Answer>>>,
}

#[derive(Clone)]
struct Good {
    binding: Arc<Binding>,
    until: Instant,
    /// Unix seconds; a clock that is set does not prolong a token's life.
    expires: Option<f64>,
}

type Answer = Result<Verdict, Away>;

enum Turn {
    Known(Verdict),
    Wait(watch::Receiver<Option<Answer>>),
    Ask(watch::Sender<Option<Answer>>),
}

impl Known {
    fn verdict(&self, digest: &TokenDigest, now: u64) -> Option<Verdict> {
        let instant = Instant::now();
        let good = self.good.get(digest).filter(|good| instant < good.until);
        if let Some(good) = good
            && good.expires.is_none_or(|expires| (now as f64) < expires)
        {
            return Some(Verdict::Good(good.binding.clone()));
        }
        let bad = self.bad.get(digest).filter(|(_, until)| instant < *until);
        bad.map(|(denied, _)| Verdict::Bad(*denied))
    }
}

impl Introspection {
    pub fn new(config: &IntrospectionConfig) -> Self {
        let (kept, kept_bad) = (config.cache_s, config.negative_cache_s);
        let table = |seconds: u64| Duration::from_secs(seconds.max(1));
        let known = Known {
            good: Recent::new(limits::INTROSPECTION_ENTRIES, table(kept)),
            bad: Recent::new(limits::INTROSPECTION_ENTRIES, table(kept_bad)),
            asked: HashMap::new(),
        };
        Self {
            provider: Provider::new("auth.introspection.url", &config.url, Duration::from_secs(config.timeout_s)),
            basic: basic(config),
            known: Mutex::new(known),
            config: config.clone(),
        }
    }

    /// Whether this token opens this device. `now` is in Unix seconds. Waits for the provider where
    /// it must be asked, for `timeout_s` at the most.
    pub async fn check(&self, token: &str, device: &DeviceId, now: u64) -> Result<(), Denied> {
        match self.look_up(token, now).await {
            Ok(Verdict::Good(binding)) => binding.judge(device, self.config.require_device),
            Ok(Verdict::Bad(denied)) => Err(denied),
            Err(Away) => Err(Denied::Unavailable),
        }
    }

    async fn look_up(&self, token: &str, now: u64) -> Answer {
        let digest: TokenDigest = Sha256::digest(token).into();
        loop {
            match self.turn(digest, now) {
                Turn::Known(verdict) => return Ok(verdict),
                Turn::Ask(tell) => return self.ask(token, digest, now, &tell).await,
                Turn::Wait(mut asked) => {
                    if let Ok(answer) = asked.wait_for(Option::is_some).await
                        && let Some(answer) = answer.clone()
                    {
                        return answer;
                    }
                    // Whoever asked has hung up before the answer: the next one asks.
                }
            }
        }
    }

    /// What a caller with this token does next.
    fn turn(&self, digest: TokenDigest, now: u64) -> Turn {
        let mut known = self.known.lock();
        if let Some(verdict) = known.verdict(&digest, now) {
            return Turn::Known(verdict);
        }
        if let Some(asked) = known.asked.get(&digest) {
            return Turn::Wait(asked.clone());
        }
        let (tell, asked) = watch::channel(None);
        known.asked.insert(digest, asked);
        Turn::Ask(tell)
    }

    async fn ask(&self, token: &str, digest: TokenDigest, now: u64, tell: &watch::Sender<Option<Answer>>) -> Answer {
        let _question = Question { of: self, digest };
        let answer = match self.provider.post(form(token), self.basic.as_ref(), limits::INTROSPECTION_BYTES).await {
            Ok(body) => self.keep(&body, digest, now),
            Err(Away) => Err(Away),
        };
        tell.send_replace(Some(answer.clone()));
        answer
    }

    /// Judges an answer and remembers it.
    fn keep(&self, body: &[u8], digest: TokenDigest, now: u64) -> Answer {
        let claims: Option<Claims> = serde_json::from_slice(body).ok();
        let active = claims.as_ref().and_then(|claims| claims.get("active")?.as_bool());
        let (Some(claims), Some(active)) = (claims, active) else {
            self.provider.complain("its answer is not JSON with a member `active`");
            return Err(Away);
        };
        self.provider.accept();
        let instant = Instant::now();
        let refusal = if active { self.fault(&claims, now) } else { Some(Denied::UnknownToken) };
        if let Some(denied) = refusal {
            let until = instant + Duration::from_secs(self.config.negative_cache_s);
            self.known.lock().bad.insert(digest, (denied, until), instant);
            return Ok(Verdict::Bad(denied));
        }
        let binding = Arc::new(Binding::read(&claims, self.config.device_claim.as_deref()));
        let good = Good {
            binding: binding.clone(),
            until: instant + Duration::from_secs(self.config.cache_s),
            expires: time(&claims, "exp").ok().flatten(),
        };
        self.known.lock().good.insert(digest, good, instant);
        Ok(Verdict::Good(binding))
    }

    /// Why a token that the provider calls active is none for us.
    fn fault(&self, claims: &Claims, now: u64) -> Option<Denied> {
        let judge = || -> Result<(), Denied> {
            judge_audience(claims, self.config.audience.as_deref())?;
            if time(claims, "exp")?.is_some_and(|expires| now as f64 >= expires) {
                return Err(Denied::Expired);
            }
            Ok(())
        };
        judge().err()
    }
}

/// A question that runs. Dropping it lets the next caller ask.
struct Question<'a> {
    of: &'a Introspection,
    digest: TokenDigest,
}

impl Drop for Question<'_> {
    fn drop(&mut self) {
        self.of.known.lock().asked.remove(&self.digest);
    }
}

fn form(token: &str) -> String {
    form_urlencoded::Serializer::new(String::new())
        .append_pair("token", token)
        .append_pair("token_type_hint", "access_token")
        .finish()
}

/// RFC 6749 wants both parts encoded as in a form, then as in Basic.
fn basic(config: &IntrospectionConfig) -> Option<HeaderValue> {
    let id = config.client_id.as_deref()?;
    let secret = config.client_secret.as_ref().map_or("", |secret| secret.expose());
    let encode = |text: &str| form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>();
    let value = format!("Basic {}", STANDARD.encode(format!("{}:{}", encode(id), encode(secret))));
    let mut value = HeaderValue::from_str(&value).ok()?;
    value.set_sensitive(true);
    Some(value)
}
