//! Orders of the operator's console, which come as `server` messages on a WebSocket (C.12). Rule:
//! an order is carried out only with the configured secret, compared in constant time; nobody gets
//! many guesses, and nothing of what was guessed is kept or logged.
//!
//! A console opens a connection with ids of its own making and says nothing before its order; so the
//! order is taken here, before any session or mode hears of it, and the connection answers heartbeats
//! while it is carried out.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::limits;
use futures_util::future::BoxFuture;
use modehost_auth::neighbourhood;
use modehost_protocol::reply::{self, ErrorCode};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::settings::GatewaySettings;

/// What a console may order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Read the configuration anew, wherever it comes from.
    UpdateConfig,
    /// Begin again with the program as it is on disk, without refusing anybody.
    Restart,
}

impl Order {
    fn parse(action: &str) -> Option<Self> {
        match action {
            "update_config" => Some(Self::UpdateConfig),
            "restart" => Some(Self::Restart),
            _ => None,
        }
    }
}

/// An order that has been carried out, or that will be once its answer is on the way.
pub struct Done {
    /// One sentence for the console.
    pub message: String,
    /// Runs when the answer has been queued before everything else that the connection is still told.
    pub then: Option<Box<dyn FnOnce() + Send>>,
}

/// Whoever carries orders out.
pub trait Operator: Send + Sync {
    /// Carries an order out; the future may be dropped when the console goes, which must not leave
    /// half of it done. The error is one sentence: why nothing has changed.
    fn carry_out(&self, order: Order) -> BoxFuture<'static, Result<Done, String>>;
}

/// What all connections share of it.
pub(crate) struct Console {
    operator: Arc<dyn Operator>,
    settings: watch::Receiver<Arc<GatewaySettings>>,
    guesses: Mutex<Guesses>,
}

impl Console {
    pub fn new(operator: Arc<dyn Operator>, settings: watch::Receiver<Arc<GatewaySettings>>) -> Self {
        Self { operator, settings, guesses: Mutex::default() }
    }

    /// Whether an order may be carried out.
    fn admit(&self, secret: &str, caller: IpAddr) -> Result<(), (ErrorCode, &'static str)> {
        let Some(right) = self.settings.borrow().secret.clone() else {
            count("no_secret_set");
            return Err((ErrorCode::Forbidden, "server messages are not taken: set server.secret to allow them"));
        };
        let (now, caller) = (Instant::now(), neighbourhood(caller));
        if !self.guesses.lock().may_try(caller, now) {
            count("rate_limited");
            return Err((ErrorCode::RateLimited, "too many wrong secrets came from this address; wait a minute"));
        }
        if right.is(secret) {
            return Ok(());
        }
        self.guesses.lock().note(caller, now);
        count("wrong_secret");
        tracing::warn!(target: "modehost::audit", from = %caller, "a server message with a wrong secret was refused");
        Err((ErrorCode::Forbidden, "content.secret is not the server's secret"))
    }
}

/// What may become of an order; each is counted from the start.
pub(crate) const OUTCOMES: [&str; 5] = ["done", "failed", "no_secret_set", "rate_limited", "wrong_secret"];

fn count(outcome: &'static str) {
    debug_assert!(OUTCOMES.contains(&outcome), "{outcome} is not counted from the start");
    metrics::counter!("modehost_server_messages_total", "outcome" => outcome).increment(1);
}

/// Wrong secrets by address (all that one caller has).
#[derive(Default)]
struct Guesses(HashMap<IpAddr, Failures>);

/// Of one caller, within its current minute.
struct Failures {
    since: Instant,
    count: u32,
}

impl Guesses {
    fn may_try(&self, caller: IpAddr, now: Instant) -> bool {
        self.0.get(&caller).is_none_or(|failures| {
            failures.count < limits::SECRET_FAILURES
                || now.saturating_duration_since(failures.since) >= limits::SECRET_WINDOW
        })
    }

    fn note(&mut self, caller: IpAddr, now: Instant) {
        let is_over = |failures: &Failures| now.saturating_duration_since(failures.since) >= limits::SECRET_WINDOW;
        if self.0.len() >= limits::SECRET_TABLE && !self.0.contains_key(&caller) {
            self.0.retain(|_, failures| !is_over(failures));
            // Still full: somebody has thousands of addresses, and forgetting one of them costs nothing.
            if self.0.len() >= limits::SECRET_TABLE
                && let Some(any) = self.0.keys().next().copied()
            {
                self.0.remove(&any);
            }
        }
        let failures = self.0.entry(caller).or_insert(Failures { since: now, count: 0 });
        if is_over(failures) {
            *failures = Failures { since: now, count: 0 };
        }
        failures.count += 1;
    }
}

/// What an order has come to.
pub(crate) struct Answer {
    /// The word that it came with.
    action: String,
    outcome: Result<Done, String>,
}

impl Answer {
    /// The text for the console, and what is to be done once it has been queued.
    pub fn conclude(self) -> (String, Option<Box<dyn FnOnce() + Send>>) {
        let Self { action, outcome } = self;
        count(if outcome.is_ok() { "done" } else { "failed" });
        match outcome {
            Ok(Done { message, then }) => (reply::server(Ok(&message), &action), then),
            Err(why) => (reply::server(Err((ErrorCode::NotReady, &why)), &action), None),
        }
    }
}

/// One connection's orders; nothing but three words in size until one comes.
pub(crate) struct ControlSession<'a> {
    console: &'a Console,
    caller: IpAddr,
    /// The order that is being carried out.
    open: Option<BoxFuture<'static, Answer>>,
}

impl<'a> ControlSession<'a> {
    /// For a connection that came from `caller`.
    pub fn new(console: &'a Console, caller: IpAddr) -> Self {
        Self { console, caller, open: None }
    }

    /// True while an order is being carried out.
    pub fn is_busy(&self) -> bool {
        self.open.is_some()
    }

    /// Takes an order; gives the text for the console where it is not carried out.
    pub fn take(&mut self, action: String, secret: &str) -> Option<String> {
        let (code, why) = match self.console.admit(secret, self.caller) {
            Err(refusal) => refusal,
            Ok(()) if self.is_busy() => (ErrorCode::NotReady, "an order of this connection is being carried out"),
            Ok(()) => match Order::parse(&action) {
                None => (ErrorCode::SchemaInvalid, "action must be one of: update_config, restart"),
                Some(order) => {
                    tracing::info!(target: "modehost::audit", from = %self.caller, ?order, "console");
                    let carried_out = self.console.operator.carry_out(order);
                    self.open = Some(Box::pin(async move { Answer { action, outcome: carried_out.await } }));
                    return None;
                }
            },
        };
        let shown: String = action.chars().take(64).collect();
        Some(reply::server(Err((code, why)), &shown))
    }

    /// Waits for what has been ordered; without an order it never ends. Cancelling loses nothing.
    pub async fn answer(&mut self) -> Answer {
        let Some(open) = &mut self.open else { return std::future::pending().await };
        let answer = open.await;
        self.open = None;
        answer
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::config::OperatorSecret;

    #[test]
    fn c12_only_the_whole_secret_is_right_and_it_is_never_shown() {
        let secret = OperatorSecret::from("hush-hush");
        assert!(secret.is("hush-hush"));
        for wrong in ["", "hush", "hush-hush ", "Hush-hush", "hush-hushhush-hush"] {
            assert!(!secret.is(wrong), "{wrong}");
        }
        assert!(!format!("{secret:?}").contains("hush"));
    }

    #[tokio::test(start_paused = true)]
    async fn c12_an_address_has_few_guesses_a_minute_and_takes_them_from_nobody_else() {
        let (mut guesses, one, other) = (Guesses::default(), IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..limits::SECRET_FAILURES {
            assert!(guesses.may_try(one, Instant::now()));
            guesses.note(one, Instant::now());
        }
        assert!(!guesses.may_try(one, Instant::now()) && guesses.may_try(other, Instant::now()));
        tokio::time::advance(limits::SECRET_WINDOW + Duration::from_millis(1)).await;
        assert!(guesses.may_try(one, Instant::now()));
        guesses.note(one, Instant::now());
        assert!(guesses.may_try(one, Instant::now()), "a new minute begins at nothing");
    }

    #[tokio::test(start_paused = true)]
    async fn c12_a_flood_of_addresses_does_not_grow_the_table() {
        let mut guesses = Guesses::default();
        for number in 0..(2 * limits::SECRET_TABLE as u32) {
            guesses.note(std::net::Ipv4Addr::from(number).into(), Instant::now());
        }
        assert_eq!(guesses.0.len(), limits::SECRET_TABLE);
    }
}
