//! Webhooks: what modes have to tell other servers.
//!
//! Rule: a post is tried at most twice, each time bounded, and ends in one line of the log and one
//! count. Neither body nor secret nor address is logged, only lengths and the first digits of a
//! hash.
//!
//! # Layout
//! - [`config`]: the section `hooks`
//! - `hook`: one configured hook: its connections, its turns, its signature
//! - `attempt`: one request and what became of it
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

/// What a post comes to: an HTTP status, or why it was not taken, in a sentence without secrets.
type Outcome = Result<u16, (Failure, String)>;

/// The configured hooks. A post that runs when they change ends on the settings that it began with.
pub struct WebHooks {
    hooks: ArcSwap<HashMap<String, Arc<Hook>>>,
    pauses: Pauses,
}

/// Shortest and longest pause before the retry.
#[derive(Clone, Copy)]
struct Pauses {
    least: Duration,
    most: Duration,
}

impl Pauses {
    /// Any between the two, so that what failed together does not come back together.
    fn pick(self) -> Duration {
        self.least + (self.most - self.least).mul_f64(fastrand::f64())
    }
}

impl WebHooks {
    /// The hooks of a checked configuration.
    pub fn new(config: &Config) -> Arc<Self> {
        Self::pausing(config, Pauses { least: limits::HOOK_RETRY_LEAST, most: limits::HOOK_RETRY_MOST })
    }

    fn pausing(config: &Config, pauses: Pauses) -> Arc<Self> {
        let hooks = Arc::new(Self { hooks: ArcSwap::default(), pauses });
        hooks.apply(config);
        hooks
    }

    /// Posts use these from now on. A hook that has not changed keeps its connections and turns.
    pub fn apply(&self, config: &Config) {
        install_crypto();
        let before = self.hooks.load();
        let hooks = config.iter().map(|(name, config)| {
            let known = before.get(name).filter(|hook| hook.config == *config).cloned();
            (name.clone(), known.unwrap_or_else(|| Arc::new(Hook::new(name, config))))
        });
        self.hooks.store(Arc::new(hooks.collect()));
    }
}

impl Hooks for WebHooks {
    /// Dropping the future gives the post up; what has been sent has been sent.
    fn post(&self, hook: &str, sender: &str, body: String) -> BoxFuture<'static, Outcome> {
        let (found, pauses) = (self.hooks.load().get(hook).cloned(), self.pauses);
        let (name, sender, body) = (hook.to_owned(), sender.to_owned(), Bytes::from(body));
        let span = tracing::trace_span!(target: "modehost::trace", "hook.post", hook, outcome = Empty).or_current();
        async move {
            let told = Told { hook: &name, bytes: body.len(), sha8: sha8(&body), began: Instant::now() };
            let Some(hook) = found else {
                let why = (Failure::Unavailable, format!("no webhook `{name}` is configured; set hooks.{name}.url"));
                return told.end(Err(why), false);
            };
            let (outcome, retried) = deliver(&hook, &sender, body, pauses).await;
            told.end(outcome, retried)
        }
        .instrument(span)
        .boxed()
    }
}

/// At most two attempts; whether there were two.
async fn deliver(hook: &Hook, sender: &str, body: Bytes, pauses: Pauses) -> (Outcome, bool) {
    let signature = match hook.sign(sender, &body) {
        Ok(signature) => signature,
        Err(why) => return (Err((Failure::Rejected, why)), false),
    };
    let Some(_waiting) = hook.line_up() else {
        let why = format!("{} posts to the webhook `{}` wait already", limits::HOOK_WAITING, hook.name);
        return (Err((Failure::TooMany, why)), false);
    };
    let _turn = hook.turn().await;
    let first = attempt::run(hook, signature.clone(), body.clone()).await;
    match first {
        Ok(status) => (Ok(status), false),
        Err(fault) if !fault.may_pass => (Err(fault.told()), false),
        Err(_) => {
            tokio::time::sleep(pauses.pick()).await;
            let second = attempt::run(hook, signature, body).await;
            (second.map_err(attempt::Fault::told), true)
        }
    }
}

/// What is told of a post when it has ended.
struct Told<'p> {
    hook: &'p str,
    bytes: usize,
    sha8: String,
    began: Instant,
}

impl Told<'_> {
    /// One line and one count.
    fn end(self, outcome: Outcome, retried: bool) -> Outcome {
        let Self { hook, bytes, sha8, began } = self;
        let elapsed_ms = began.elapsed().as_millis() as u64;
        let word = match &outcome {
            Ok(status) => {
                tracing::info!(
                    hook,
                    status,
                    retried,
                    body.bytes = bytes,
                    body.sha8 = sha8,
                    elapsed_ms,
                    "webhook taken"
                );
                if retried { "retry_ok" } else { "ok" }
            }
            Err((_, why)) => {
                tracing::error!(
                    hook,
                    retried,
                    body.bytes = bytes,
                    body.sha8 = sha8,
                    elapsed_ms,
                    "webhook not taken: {why}"
                );
                "fail"
            }
        };
        debug_assert!(crate::metrics::OUTCOMES.contains(&word), "{word} is not counted from the start");
        tracing::Span::current().record("outcome", word);
        ::metrics::counter!("modehost_hook_posts_total", "hook" => hook.to_owned(), "outcome" => word).increment(1);
        ::metrics::histogram!("modehost_hook_post_seconds", "hook" => hook.to_owned()).record(began.elapsed());
        outcome
    }
}

/// The first eight hexadecimal digits of the SHA-256.
fn sha8(body: &[u8]) -> String {
    hex::encode(&Sha256::digest(body)[..4])
}

/// Sees to it that TLS has its cryptography. Whoever was first in the process stays.
fn install_crypto() {
    if rustls::crypto::CryptoProvider::get_default().is_none() {
        let _ = rustls::crypto::ring::default_provider().install_default();
    }
}
