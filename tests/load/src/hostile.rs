//! Attacks, and their effect on a bystander: a device that only sends heartbeats.
//!
//! Rule: the attackers are a separate process with idle scheduling, and the bystander has the highest priority
//! (real-time, if this user may), so that the target's handling of the attack is measured, not the competition for CPU
//! time. The same attack on the floor shows
//! what no server can avoid.

use std::net::SocketAddr;
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::FutureExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::child::{self, Child};
use crate::device::{ConnectOptions, Device};
use crate::metrics::{Metrics, percentile};
use crate::target::Target;

/// Pause between two heartbeats of the bystander.
const HEARTBEAT_PAUSE: Duration = Duration::from_millis(5);
/// First device number of the attackers.
const FIRST_ATTACKER: usize = 1000;
/// Messages sent between two reads.
const BURST: usize = 32;

/// Options of `hostile`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Connections of each attack.
    #[arg(long, default_value_t = 8)]
    pub attackers: usize,
    /// Seconds of each attack, and of the baseline before it.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// The only attack to measure [default: all].
    #[arg(long)]
    pub attack: Option<Attack>,
}

/// What attackers send.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Attack {
    /// Heartbeats without pause.
    Heartbeats,
    /// Messages of unknown types.
    Unknown,
    /// Invalid audio packets, without `listen` `start`.
    Sound,
    /// Messages nested 100,000 levels deep.
    Deep,
    /// Handshakes that are cut off in their headers.
    Handshakes,
    /// Connect, hello, vanish, in a loop.
    Reconnects,
}

const ALL: [Attack; 6] =
    [Attack::Heartbeats, Attack::Unknown, Attack::Sound, Attack::Deep, Attack::Handshakes, Attack::Reconnects];

/// Options of `attack`.
#[derive(Debug, clap::Args)]
pub struct Attackers {
    #[arg(long)]
    pub address: SocketAddr,
    #[arg(long)]
    pub path: String,
    #[arg(long)]
    pub attack: Attack,
    #[arg(long)]
    pub attackers: usize,
}

/// Runs the measurement.
///
/// # Errors
/// If the bystander is not served throughout.
pub async fn run(target: &Target, options: &Options) -> anyhow::Result<Metrics> {
    let duration = Duration::from_secs(options.seconds);
    let mut metrics = Metrics::default();
    let quiet = heartbeats(target, duration).await.context("in quiet")?;
    metrics.add("quiet_p99_ms", quiet.as_secs_f64() * 1e3);
    for attack in options.attack.map_or_else(|| ALL.to_vec(), |attack| vec![attack]) {
        let name = format!("{attack:?}").to_lowercase();
        let attackers = Child::start_idle(&[
            "attack",
            "--address",
            &target.connect_options.server.to_string(),
            "--path",
            &target.connect_options.path,
            "--attack",
            &name,
            "--attackers",
            &options.attackers.to_string(),
        ])?;
        let p99 = heartbeats(target, duration).await;
        let p99 = p99.with_context(|| format!("under {name}"))?;
        drop(attackers);
        metrics.add(format!("{name}_p99_ms"), p99.as_secs_f64() * 1e3);
        metrics.add(format!("{name}_times_quiet"), p99.as_secs_f64() / quiet.as_secs_f64());
    }
    Ok(metrics)
}

/// The 99th percentile of the bystander's round trips during `duration`.
async fn heartbeats(target: &Target, duration: Duration) -> anyhow::Result<Duration> {
    let (connect_options, echoed) = (target.connect_options.clone(), target.is_floor());
    let bystander = std::thread::spawn(move || {
        // For this thread only. Without the permission the bystander has normal priority.
        let own = rustix::thread::gettid().as_raw_nonzero().to_string();
        let _ = Command::new("chrt").args(["--fifo", "--pid", "1", &own]).stderr(Stdio::null()).status();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(measure_round_trips(&connect_options, echoed, duration))
    });
    while !bystander.is_finished() {
        tokio::time::sleep(HEARTBEAT_PAUSE).await;
    }
    bystander.join().map_err(|_| anyhow::anyhow!("the bystander panicked"))?
}

async fn measure_round_trips(
    connect_options: &ConnectOptions,
    echoed: bool,
    duration: Duration,
) -> anyhow::Result<Duration> {
    let mut device = Device::connect(connect_options, 0).await.context("the bystander")?;
    let mut times = Vec::new();
    let end = Instant::now() + duration;
    while Instant::now() < end {
        let started = Instant::now();
        device.send(r#"{"type":"ping"}"#.into()).await?;
        device.await_text(|text| text.contains(if echoed { "ping" } else { "pong" })).await?;
        times.push(started.elapsed());
        tokio::time::sleep(HEARTBEAT_PAUSE).await;
    }
    times.sort_unstable();
    percentile(&times, 0.99).context("no heartbeat")
}

/// Runs the attackers: prints a line once they are active, and goes on until its input ends.
///
/// # Errors
/// If its output is closed.
pub async fn attack(options: Attackers) -> anyhow::Result<()> {
    let connect_options = ConnectOptions {
        server: options.address,
        path: options.path,
        token: None,
        // Differs from the bystander's ids, and from those of the previous attack.
        run: u16::try_from(process::id() % 0xffff).unwrap_or_default(),
        setup: Vec::new(),
    };
    let mut attackers = JoinSet::new();
    for number in 0..options.attackers {
        let (connect_options, attack) = (connect_options.clone(), options.attack);
        attackers.spawn(async move {
            loop {
                // However it ends, it starts again.
                let _ = attack_once(&connect_options, attack, FIRST_ATTACKER + number).await;
                tokio::task::yield_now().await;
            }
        });
    }
    tokio::task::block_in_place(|| child::serve("attacking"))
}

/// One connection of an attack.
async fn attack_once(connect_options: &ConnectOptions, attack: Attack, number: usize) -> anyhow::Result<()> {
    match attack {
        Attack::Heartbeats => flood(connect_options, number, || r#"{"type":"ping"}"#.to_owned()).await,
        Attack::Unknown => flood(connect_options, number, || format!(r#"{{"type":"nonsense-{number}","x":1}}"#)).await,
        Attack::Deep => flood(connect_options, number, || format!(r#"{{"type":"x","a":{}"#, "[".repeat(100_000))).await,
        Attack::Sound => {
            let mut device = Device::connect(connect_options, number).await?;
            loop {
                for _ in 0..BURST {
                    device.send_sound(vec![0xA5; 700]).await?;
                }
                drain(&mut device)?;
            }
        }
        Attack::Handshakes => {
            let mut stream = TcpStream::connect(connect_options.server).await?;
            let head = format!("GET {} HTTP/1.1\r\nHost: x\r\nX-Filler: {}", connect_options.path, "y".repeat(2000));
            stream.write_all(head.as_bytes()).await?;
            Ok(())
        }
        Attack::Reconnects => {
            Device::connect(connect_options, number).await?.vanish();
            Ok(())
        }
    }
}

async fn flood(connect_options: &ConnectOptions, number: usize, message: impl Fn() -> String) -> anyhow::Result<()> {
    let mut device = Device::connect(connect_options, number).await?;
    loop {
        for _ in 0..BURST {
            device.send(message().into()).await?;
        }
        drain(&mut device)?;
    }
}

/// Discards what has been received so far, without waiting.
fn drain(device: &mut Device) -> anyhow::Result<()> {
    while let Some(received) = device.receive_any().now_or_never() {
        received?;
    }
    Ok(())
}
