//! Webhooks: signed HTTP posts from modes to other servers.
//!
//! Rule: a post has at most two attempts, each with a timeout, and ends with one log line and one count. Neither body
//! nor secret nor address is logged, only lengths and the first digits of a hash.
//!
//! # Layout
//! - [`config`]: the section `hooks`
//! - `hook`: one configured hook: its connection pool, concurrency and signature
//! - `attempt`: one HTTP request and its outcome
//! - `metrics`: descriptions of the metrics of this crate

#![warn(missing_docs)]

mod attempt;
pub mod config;
mod hook;
mod limits;
mod metrics;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use modehost_contract::event::Failure;
use modehost_contract::service::Hooks;
use sha2::{Digest, Sha256};
use tracing::Instrument;
use tracing::field::Empty;

pub use self::config::{Config, HookConfig, Secret};
use self::hook::Hook;
pub use self::metrics::describe_metrics;

/// The outcome of a post: the HTTP status, or the failure with a sentence that contains no secret.
type Outcome = Result<u16, (Failure, String)>;

/// The configured hooks. A post that is running when they change completes with its original settings.
pub struct WebHooks {
    hooks: ArcSwap<HashMap<String, Arc<Hook>>>,
    retry_delay: RetryDelay,
}

/// Shortest and longest delay before the retry.
#[derive(Clone, Copy)]
struct RetryDelay {
    min: Duration,
    max: Duration,
}

impl RetryDelay {
    /// A random delay in between, so that posts that failed together are not retried together.
    fn pick(self) -> Duration {
        self.min + (self.max - self.min).mul_f64(fastrand::f64())
    }
}

impl WebHooks {
    /// The hooks of a validated configuration.
    pub fn new(config: &Config) -> Arc<Self> {
        Self::with_retry_delay(
            config,
            RetryDelay { min: limits::HOOK_RETRY_DELAY_MIN, max: limits::HOOK_RETRY_DELAY_MAX },
        )
    }

    fn with_retry_delay(config: &Config, retry_delay: RetryDelay) -> Arc<Self> {
        let hooks = Arc::new(Self { hooks: ArcSwap::default(), retry_delay });
        hooks.apply(config);
        hooks
    }

    /// Replaces the hooks for further posts. An unchanged hook keeps its connections and permits.
    pub fn apply(&self, config: &Config) {
        install_crypto();
        let previous = self.hooks.load();
        let hooks = config.iter().map(|(name, config)| {
            let known = previous.get(name).filter(|hook| hook.config == *config).cloned();
            (name.clone(), known.unwrap_or_else(|| Arc::new(Hook::new(name, config))))
        });
        self.hooks.store(Arc::new(hooks.collect()));
    }
}

impl Hooks for WebHooks {
    /// Dropping the future cancels the post; a request that was sent stays sent.
    fn post(&self, hook: &str, sender: &str, body: String) -> BoxFuture<'static, Outcome> {
        let (configured, retry_delay) = (self.hooks.load().get(hook).cloned(), self.retry_delay);
        let (name, sender, body) = (hook.to_owned(), sender.to_owned(), Bytes::from(body));
        let span = tracing::trace_span!(target: "modehost::trace", "hook.post", hook, outcome = Empty).or_current();
        async move {
            let record = PostRecord { hook: &name, bytes: body.len(), sha8: sha8(&body), began: Instant::now() };
            let Some(hook) = configured else {
                let message =
                    (Failure::Unavailable, format!("no webhook `{name}` is configured; set hooks.{name}.url"));
                return record.finish(Err(message), false);
            };
            let (outcome, retried) = post_with_retry(&hook, &sender, body, retry_delay).await;
            record.finish(outcome, retried)
        }
        .instrument(span)
        .boxed()
    }
}

/// At most two attempts. Also returns whether there was a retry.
async fn post_with_retry(hook: &Hook, sender: &str, body: Bytes, retry_delay: RetryDelay) -> (Outcome, bool) {
    let signature = match hook.sign(sender, &body) {
        Ok(signature) => signature,
        Err(message) => return (Err((Failure::Rejected, message)), false),
    };
    let Some(_slot) = hook.try_enqueue() else {
        let message = format!("{} posts to the webhook `{}` are queued already", limits::HOOK_QUEUE, hook.name);
        return (Err((Failure::TooMany, message)), false);
    };
    let _permit = hook.wait_to_run().await;
    let first = attempt::run(hook, signature.clone(), body.clone()).await;
    match first {
        Ok(status) => (Ok(status), false),
        Err(fault) if !fault.is_transient => (Err(fault.into_outcome()), false),
        Err(_) => {
            tokio::time::sleep(retry_delay.pick()).await;
            let second = attempt::run(hook, signature, body).await;
            (second.map_err(attempt::Fault::into_outcome), true)
        }
    }
}

/// What is logged and counted when a post ends.
struct PostRecord<'p> {
    hook: &'p str,
    bytes: usize,
    sha8: String,
    began: Instant,
}

impl PostRecord<'_> {
    /// Writes one log line and one count.
    fn finish(self, outcome: Outcome, retried: bool) -> Outcome {
        let Self { hook, bytes, sha8, began } = self;
        let elapsed_ms = began.elapsed().as_millis() as u64;
        let label = match &outcome {
            Ok(status) => {
                tracing::info!(
                    hook,
                    status,
                    retried,
                    body.bytes = bytes,
                    body.sha8 = sha8,
                    elapsed_ms,
                    "webhook delivered"
                );
                if retried { "retry_ok" } else { "ok" }
            }
            Err((_, message)) => {
                tracing::error!(
                    hook,
                    retried,
                    body.bytes = bytes,
                    body.sha8 = sha8,
                    elapsed_ms,
                    "webhook not delivered: {message}"
                );
                "fail"
            }
        };
        debug_assert!(crate::metrics::OUTCOMES.contains(&label), "{label} is not registered at start");
        tracing::Span::current().record("outcome", label);
        ::metrics::counter!("modehost_hook_posts_total", "hook" => hook.to_owned(), "outcome" => label).increment(1);
        ::metrics::histogram!("modehost_hook_post_seconds", "hook" => hook.to_owned()).record(began.elapsed());
        outcome
    }
}

/// The first eight hexadecimal digits of the SHA-256.
fn sha8(body: &[u8]) -> String {
    hex::encode(&Sha256::digest(body)[..4])
}

/// Installs the crypto provider of TLS, unless the process has one.
fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
