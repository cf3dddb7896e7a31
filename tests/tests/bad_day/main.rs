//! A bad day: attacks of every kind in a random order against one real server. Rule: after each attack three honest
//! devices keep their counts, health and the admin API answer, and the process holds no more resources than before.
//!
//! A run is determined by its seed, which is printed first and with each failure: `MODEHOST_BAD_DAY_SEED` sets it, and
//! `MODEHOST_BAD_DAY_ROUNDS` the number of attacks (30 by default). Every attack is made once before any is
//! repeated.
//!
//! # Layout
//! - [`test_host`]: the server, its credentials and the random generator
//! - [`witnesses`]: the devices that must not be affected, and the checks after each attack
//! - [`sockets`]: idle, slow and incomplete connections, request smuggling
//! - [`frames`]: malformed WebSocket frames and JSON
//! - [`api_calls`]: wrong tokens and random calls of the admin API
//! - [`files`]: broken configurations and plugins, and their repair
//! - [`crowds`]: takeovers, reconnect storms, messages to unknown devices
//! - [`process`]: signals, kills and restarts

mod api_calls;
mod crowds;
mod files;
mod frames;
mod process;
mod sockets;
mod test_host;
mod witnesses;

use test_host::TestHost;
use witnesses::Witnesses;

const ROUNDS: usize = 30;
/// Log lines allowed per round, on average over all: no input of strangers may cost a line each time.
const LINES_PER_ROUND: usize = 80;
/// Log lines allowed for the starts and the end, on top of the rounds.
const LINES: usize = 600;

/// What an attack may have done to other connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aftermath {
    /// Nothing: every connection is still open.
    Nothing,
    /// The process was killed and started again; connections are lost.
    Killed,
    /// The server restarted in place; connections were closed with 1012.
    Restarted,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Attack {
    Crowd,
    HalfRequests,
    HalfHandshakes,
    Smuggling,
    Frames,
    Json,
    WrongTokens,
    Calls,
    Settings,
    AdditionalPlugin,
    ReplacementPlugin,
    PluginTraps,
    PluginSwap,
    Traps,
    Takeovers,
    Storm,
    UnknownReceivers,
    Sighups,
    Kill,
    Restart,
}

impl Attack {
    const ALL: [Self; 20] = [
        Self::Crowd,
        Self::HalfRequests,
        Self::HalfHandshakes,
        Self::Smuggling,
        Self::Frames,
        Self::Json,
        Self::WrongTokens,
        Self::Calls,
        Self::Settings,
        Self::AdditionalPlugin,
        Self::ReplacementPlugin,
        Self::PluginTraps,
        Self::PluginSwap,
        Self::Traps,
        Self::Takeovers,
        Self::Storm,
        Self::UnknownReceivers,
        Self::Sighups,
        Self::Kill,
        Self::Restart,
    ];

    async fn run(self, host: &mut TestHost) -> Aftermath {
        match self {
            Self::Crowd => sockets::open_many(host).await,
            Self::HalfRequests => sockets::half_requests(host).await,
            Self::HalfHandshakes => sockets::half_handshakes(host).await,
            Self::Smuggling => sockets::smuggling(host).await,
            Self::Frames => frames::malformed(host).await,
            Self::Json => frames::nearly_json(host).await,
            Self::WrongTokens => api_calls::wrong_tokens(host).await,
            Self::Calls => api_calls::random_calls(host).await,
            Self::Settings => files::broken_config(host).await,
            Self::AdditionalPlugin => files::bad_additional_plugin(host).await,
            Self::ReplacementPlugin => files::bad_replacement_plugin(host).await,
            Self::PluginTraps => files::plugin_that_traps(host).await,
            Self::PluginSwap => files::swap(host).await,
            Self::Traps => crowds::traps(host).await,
            Self::Takeovers => crowds::takeovers(host).await,
            Self::Storm => crowds::storm(host).await,
            Self::UnknownReceivers => crowds::messages_to_unknown_devices(host).await,
            Self::Sighups => process::sighups(host).await,
            Self::Kill => return process::kill(host).await,
            Self::Restart => return process::restart(host).await,
        }
        Aftermath::Nothing
    }
}

/// Reports the seed and the round of a failed run.
struct Failing {
    seed: u64,
    at: String,
}

impl Drop for Failing {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "--- failed with seed {}, {}; MODEHOST_BAD_DAY_SEED={} plays it again",
                self.seed, self.at, self.seed
            );
        }
    }
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} must be a whole number, not {text:?}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn honest_devices_notice_nothing_of_a_bad_day() {
    let clock = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let seed = number("MODEHOST_BAD_DAY_SEED").unwrap_or_else(|| clock.map_or(1, |passed| passed.as_nanos() as u64));
    let rounds = number("MODEHOST_BAD_DAY_ROUNDS").map_or(ROUNDS, |rounds| rounds as usize);
    eprintln!("seed {seed}");
    let mut failing = Failing { seed, at: "at the start".to_owned() };
    let mut host = TestHost::start(seed).await;
    let mut witnesses = Witnesses::join(&host).await;
    let mut remaining: Vec<Attack> = Vec::new();
    for round in 1..=rounds {
        if remaining.is_empty() {
            remaining = Attack::ALL.to_vec();
            host.random.shuffle(&mut remaining);
        }
        let Some(attack) = remaining.pop() else { break };
        failing.at = format!("in round {round} of {rounds}, {attack:?}");
        let started = std::time::Instant::now();
        let aftermath = attack.run(&mut host).await;
        let attack_time = started.elapsed();
        failing.at = format!("after round {round} of {rounds}, {attack:?}");
        witnesses.check(&host, aftermath).await;
        eprintln!("round {round}: {attack:?}, {attack_time:.1?}, and {:.1?} to look", started.elapsed() - attack_time);
    }
    failing.at = "at the end".to_owned();
    let status = host.server.terminate().await;
    assert_eq!(status.code(), Some(0), "SIGTERM stops gracefully");
    host.assert_output(LINES + rounds * LINES_PER_ROUND);
}
