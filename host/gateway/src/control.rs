//! Operator commands, received as `server` messages on a WebSocket (C.12). Rule: a command is executed only with the
//! configured secret, compared in constant time; guesses are rate-limited by address, and nothing of a guess is kept or
//! logged.
//!
//! An operator console connects with generated ids and sends nothing before its command. The command is therefore
//! handled here, before it reaches a session or a mode, and the connection answers heartbeats while it is executed.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

use crate::limits;
use futures_util::future::BoxFuture;
use modehost_auth::client_network;
use modehost_protocol::reply::{self, ErrorCode};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use crate::settings::GatewaySettings;

/// An operator command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperatorCommand {
    /// Reload the configuration from all its sources.
    UpdateConfig,
    /// Restart with the executable as it is on disk, without refusing a connection.
    Restart,
}

impl OperatorCommand {
    fn parse(action: &str) -> Option<Self> {
        match action {
            "update_config" => Some(Self::UpdateConfig),
            "restart" => Some(Self::Restart),
            _ => None,
        }
    }
}

/// The result of a command that has been executed, or that completes once its reply is queued.
pub struct CommandOutcome {
    /// One sentence for the operator.
    pub message: String,
    /// Runs once the reply is queued, before anything else is sent on that connection.
    pub after_reply: Option<Box<dyn FnOnce() + Send>>,
}

/// Executes operator commands.
pub trait CommandExecutor: Send + Sync {
    /// Executes a command. The future may be dropped when the operator disconnects, which must not leave the command
    /// half executed. The error is one sentence that says why nothing has changed.
    fn execute(&self, order: OperatorCommand) -> BoxFuture<'static, Result<CommandOutcome, String>>;
}

/// The command state shared by all connections.
pub(crate) struct CommandDispatcher {
    operator: Arc<dyn CommandExecutor>,
    settings: watch::Receiver<Arc<GatewaySettings>>,
    failures: Mutex<FailureTable>,
}

impl CommandDispatcher {
    pub fn new(operator: Arc<dyn CommandExecutor>, settings: watch::Receiver<Arc<GatewaySettings>>) -> Self {
        Self { operator, settings, failures: Mutex::default() }
    }

    /// Checks whether a command may be executed.
    fn authorize(&self, secret: &str, caller: IpAddr) -> Result<(), (ErrorCode, &'static str)> {
        let Some(expected) = self.settings.borrow().secret.clone() else {
            count("no_secret_set");
            return Err((ErrorCode::Forbidden, "server messages are disabled: set server.secret to enable them"));
        };
        let (now, caller) = (Instant::now(), client_network(caller));
        if !self.failures.lock().is_allowed(caller, now) {
            count("rate_limited");
            return Err((ErrorCode::RateLimited, "too many wrong secrets came from this address; wait a minute"));
        }
        if expected.matches(secret) {
            return Ok(());
        }
        self.failures.lock().record(caller, now);
        count("wrong_secret");
        tracing::warn!(target: "modehost::audit", from = %caller, "a server message with a wrong secret was refused");
        Err((ErrorCode::Forbidden, "content.secret is not the server's secret"))
    }
}

/// Outcomes of a command; every label is registered at zero.
pub(crate) const OUTCOMES: [&str; 5] = ["done", "failed", "no_secret_set", "rate_limited", "wrong_secret"];

fn count(outcome: &'static str) {
    debug_assert!(OUTCOMES.contains(&outcome), "{outcome} is not counted from the start");
    metrics::counter!("modehost_server_messages_total", "outcome" => outcome).increment(1);
}

/// Wrong secrets by network of the client (IPv6: /64).
#[derive(Default)]
struct FailureTable(HashMap<IpAddr, FailureWindow>);

/// The failures of one network within its current window.
struct FailureWindow {
    since: Instant,
    count: u32,
}

impl FailureTable {
    fn is_allowed(&self, caller: IpAddr, now: Instant) -> bool {
        self.0.get(&caller).is_none_or(|failures| {
            failures.count < limits::SECRET_FAILURES
                || now.saturating_duration_since(failures.since) >= limits::SECRET_WINDOW
        })
    }

    fn record(&mut self, caller: IpAddr, now: Instant) {
        let is_over = |failures: &FailureWindow| now.saturating_duration_since(failures.since) >= limits::SECRET_WINDOW;
        if self.0.len() >= limits::SECRET_FAILURE_ADDRESSES && !self.0.contains_key(&caller) {
            self.0.retain(|_, failures| !is_over(failures));
            // Still full: an attacker has thousands of addresses, and forgetting one of them costs nothing.
            if self.0.len() >= limits::SECRET_FAILURE_ADDRESSES
                && let Some(any) = self.0.keys().next().copied()
            {
                self.0.remove(&any);
            }
        }
        let failures = self.0.entry(caller).or_insert(FailureWindow { since: now, count: 0 });
        if is_over(failures) {
            *failures = FailureWindow { since: now, count: 0 };
        }
        failures.count += 1;
    }
}

/// The result of a command.
pub(crate) struct CommandResult {
    /// The `action` of the request.
    action: String,
    outcome: Result<CommandOutcome, String>,
}

impl CommandResult {
    /// The reply text, and the action to run once it is queued.
    pub fn into_reply(self) -> (String, Option<Box<dyn FnOnce() + Send>>) {
        let Self { action, outcome } = self;
        count(if outcome.is_ok() { "done" } else { "failed" });
        match outcome {
            Ok(CommandOutcome { message, after_reply: then }) => (reply::server(Ok(&message), &action), then),
            Err(why) => (reply::server(Err((ErrorCode::NotReady, &why)), &action), None),
        }
    }
}

/// The commands of one connection; three words in size until a command arrives.
pub(crate) struct ControlSession<'a> {
    dispatcher: &'a CommandDispatcher,
    caller: IpAddr,
    /// The command that is being executed.
    running: Option<BoxFuture<'static, CommandResult>>,
}

impl<'a> ControlSession<'a> {
    /// For a connection from `caller`.
    pub fn new(dispatcher: &'a CommandDispatcher, caller: IpAddr) -> Self {
        Self { dispatcher, caller, running: None }
    }

    /// True while a command is being executed.
    pub fn is_busy(&self) -> bool {
        self.running.is_some()
    }

    /// Starts a command; returns the reply text if it is rejected.
    pub fn start(&mut self, action: String, secret: &str) -> Option<String> {
        let (code, why) = match self.dispatcher.authorize(secret, self.caller) {
            Err(rejection) => rejection,
            Ok(()) if self.is_busy() => (ErrorCode::NotReady, "a command of this connection is being executed"),
            Ok(()) => match OperatorCommand::parse(&action) {
                None => (ErrorCode::SchemaInvalid, "action must be one of: update_config, restart"),
                Some(order) => {
                    tracing::info!(target: "modehost::audit", from = %self.caller, ?order, "console");
                    let execution = self.dispatcher.operator.execute(order);
                    self.running = Some(Box::pin(async move { CommandResult { action, outcome: execution.await } }));
                    return None;
                }
            },
        };
        let action: String = action.chars().take(64).collect();
        Some(reply::server(Err((code, why)), &action))
    }

    /// Waits for the command that is being executed; pending forever if there is none. Cancel-safe.
    pub async fn result(&mut self) -> CommandResult {
        let Some(running) = &mut self.running else { return std::future::pending().await };
        let result = running.await;
        self.running = None;
        result
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
        assert!(secret.matches("hush-hush"));
        for wrong in ["", "hush", "hush-hush ", "Hush-hush", "hush-hushhush-hush"] {
            assert!(!secret.matches(wrong), "{wrong}");
        }
        assert!(!format!("{secret:?}").contains("hush"));
    }

    #[tokio::test(start_paused = true)]
    async fn c12_an_address_has_few_guesses_a_minute_and_takes_them_from_nobody_else() {
        let (mut failures, one, other) =
            (FailureTable::default(), IpAddr::from([10, 0, 0, 1]), IpAddr::from([10, 0, 0, 2]));
        for _ in 0..limits::SECRET_FAILURES {
            assert!(failures.is_allowed(one, Instant::now()));
            failures.record(one, Instant::now());
        }
        assert!(!failures.is_allowed(one, Instant::now()) && failures.is_allowed(other, Instant::now()));
        tokio::time::advance(limits::SECRET_WINDOW + Duration::from_millis(1)).await;
        assert!(failures.is_allowed(one, Instant::now()));
        failures.record(one, Instant::now());
        assert!(failures.is_allowed(one, Instant::now()), "the count restarts in a new window");
    }

    #[tokio::test(start_paused = true)]
    async fn c12_a_flood_of_addresses_does_not_grow_the_table() {
        let mut failures = FailureTable::default();
        for number in 0..(2 * limits::SECRET_FAILURE_ADDRESSES as u32) {
            failures.record(std::net::Ipv4Addr::from(number).into(), Instant::now());
        }
        assert_eq!(failures.0.len(), limits::SECRET_FAILURE_ADDRESSES);
    }
}
