//! A bad day: attacks of every kind in a random order against one real server. Rule: after each attack three honest
//! devices count on where they were, whoever may ask is answered, and the process holds no more than before.
//!
//! A run is chosen by its seed, which is printed first and with each failure: `MODEHOST_BAD_DAY_SEED` sets it, and
//! `MODEHOST_BAD_DAY_ROUNDS` the number of attacks (30 unless it is set). Every attack is taken once before any is
//! taken again.
//!
//! # Layout
//! - [`scene`]: the server, its secrets and the dice
//! - [`honest`]: the devices that must not notice, and what is looked at after each attack
//! - [`sockets`]: connections that are idle, slow, half or smuggle
//! - [`frames`]: WebSocket frames and JSON that are wrong
//! - [`doors`]: wrong tokens and calls of the operators' interface
//! - [`files`]: settings and plugins that are broken, and mended
//! - [`crowds`]: takeovers, storms, mail to nobody
//! - [`lives`]: signals, kills and restarts

mod crowds;
mod doors;
mod files;
mod frames;
mod honest;
mod lives;
mod scene;
mod sockets;

use honest::Witnesses;
use scene::Scene;

const ROUNDS: usize = 30;
/// What the server may write in a round, as the mean over all: none of what strangers do is worth a line each time.
const LINES_A_ROUND: usize = 80;
/// What it may write for the starts and the end, in however few rounds.
const LINES: usize = 600;

/// What an attack may have done to those who did nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Aftermath {
    /// Nothing: every connection goes on.
    Nothing,
    /// The process is another one; connections are lost.
    Killed,
    /// The program has begun again in its place; connections were closed with 1012.
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
    PluginBesides,
    PluginInPlace,
    PluginTraps,
    PluginSwap,
    Traps,
    Takeovers,
    Storm,
    Mail,
    HangUps,
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
        Self::PluginBesides,
        Self::PluginInPlace,
        Self::PluginTraps,
        Self::PluginSwap,
        Self::Traps,
        Self::Takeovers,
        Self::Storm,
        Self::Mail,
        Self::HangUps,
        Self::Kill,
        Self::Restart,
    ];

    async fn play(self, scene: &mut Scene) -> Aftermath {
        match self {
            Self::Crowd => sockets::crowd(scene).await,
            Self::HalfRequests => sockets::half_requests(scene).await,
            Self::HalfHandshakes => sockets::half_handshakes(scene).await,
            Self::Smuggling => sockets::smuggling(scene).await,
            Self::Frames => frames::malformed(scene).await,
            Self::Json => frames::nearly_json(scene).await,
            Self::WrongTokens => doors::wrong_tokens(scene).await,
            Self::Calls => doors::random_calls(scene).await,
            Self::Settings => files::broken_settings(scene).await,
            Self::PluginBesides => files::bad_plugin_besides(scene).await,
            Self::PluginInPlace => files::bad_plugin_in_place(scene).await,
            Self::PluginTraps => files::plugin_that_traps(scene).await,
            Self::PluginSwap => files::swap(scene).await,
            Self::Traps => crowds::traps(scene).await,
            Self::Takeovers => crowds::takeovers(scene).await,
            Self::Storm => crowds::storm(scene).await,
            Self::Mail => crowds::mail_to_nobody(scene).await,
            Self::HangUps => lives::hang_ups(scene).await,
            Self::Kill => return lives::kill(scene).await,
            Self::Restart => return lives::restart(scene).await,
        }
        Aftermath::Nothing
    }
}

/// Says with which seed and where a run has failed.
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
    let mut scene = Scene::start(seed).await;
    let mut witnesses = Witnesses::gather(&scene).await;
    let mut bag: Vec<Attack> = Vec::new();
    for round in 1..=rounds {
        if bag.is_empty() {
            bag = Attack::ALL.to_vec();
            scene.dice.shuffle(&mut bag);
        }
        let Some(attack) = bag.pop() else { break };
        failing.at = format!("in round {round} of {rounds}, {attack:?}");
        let began = std::time::Instant::now();
        let aftermath = attack.play(&mut scene).await;
        let played = began.elapsed();
        failing.at = format!("after round {round} of {rounds}, {attack:?}");
        witnesses.look(&scene, aftermath).await;
        eprintln!("round {round}: {attack:?}, {played:.1?}, and {:.1?} to look", began.elapsed() - played);
    }
    failing.at = "at the end".to_owned();
    let status = scene.server.terminate().await;
    assert_eq!(status.code(), Some(0), "a request to stop stops in order");
    scene.judge_output(LINES + rounds * LINES_A_ROUND);
}
