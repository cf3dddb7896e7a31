//! Attacks, and what they do to a bystander: a device that does nothing but ask for heartbeats.
//!
//! Rule: attackers are a process of their own that gets only the processor time that nobody else
//! wants, and the bystander goes before everybody (real-time, where this user may say so), so that what is
//! measured is what the target does with them, and not what they take from each other. On the floor the same attack
//! shows what no server can help.

use std::net::SocketAddr;
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::Context;
use futures_util::FutureExt;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::child::{self, Child};
use crate::device::{Caller, Device};
use crate::figures::{Figures, percentile};
use crate::target::Target;

/// Between two heartbeats of the bystander.
const REST: Duration = Duration::from_millis(5);
/// Numbers of attackers begin here.
const ATTACKERS: usize = 1000;
/// Messages between two looks at what has come back.
const BURST: usize = 32;

/// Options of `hostile`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Connections of each attack.
    #[arg(long, default_value_t = 8)]
    pub attackers: usize,
    /// Seconds of each attack, and of the quiet before.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// The only attack to measure [default: all].
    #[arg(long)]
    pub attack: Option<Attack>,
}

/// What attackers do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Attack {
    /// Heartbeats without end.
    Heartbeats,
    /// Messages of types that nobody knows.
    Unknown,
    /// Sound that is no sound, and that nobody asked for.
    Sound,
    /// Messages of 100,000 levels.
    Deep,
    /// Handshakes that are broken off in their headers.
    Handshakes,
    /// Connect, hello, vanish, again.
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

/// Takes the measure.
///
/// # Errors
/// If the bystander is not served to the end.
pub async fn run(target: &Target, options: &Options) -> anyhow::Result<Figures> {
    let duration = Duration::from_secs(options.seconds);
    let mut figures = Figures::default();
    let quiet = heartbeats(target, duration).await.context("in quiet")?;
    figures.add("quiet_p99_ms", quiet.as_secs_f64() * 1e3);
    for attack in options.attack.map_or_else(|| ALL.to_vec(), |attack| vec![attack]) {
        let name = format!("{attack:?}").to_lowercase();
        let attackers = Child::start_idle(&[
            "attack",
            "--address",
            &target.caller.server.to_string(),
            "--path",
            &target.caller.path,
            "--attack",
            &name,
            "--attackers",
            &options.attackers.to_string(),
        ])?;
        let p99 = heartbeats(target, duration).await;
        let p99 = p99.with_context(|| format!("under {name}"))?;
        drop(attackers);
        figures.add(format!("{name}_p99_ms"), p99.as_secs_f64() * 1e3);
        figures.add(format!("{name}_times_quiet"), p99.as_secs_f64() / quiet.as_secs_f64());
    }
    Ok(figures)
}

/// The 99th percentile of the bystander's heartbeats for a while.
async fn heartbeats(target: &Target, duration: Duration) -> anyhow::Result<Duration> {
    let (caller, echoed) = (target.caller.clone(), target.is_floor());
    let bystander = std::thread::spawn(move || {
        // Of this thread. Whoever may not has the bystander wait for its turn as well.
        let own = rustix::thread::gettid().as_raw_nonzero().to_string();
        let _ = Command::new("chrt").args(["--fifo", "--pid", "1", &own]).stderr(Stdio::null()).status();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        runtime.block_on(watch(&caller, echoed, duration))
    });
    while !bystander.is_finished() {
        tokio::time::sleep(REST).await;
    }
    bystander.join().map_err(|_| anyhow::anyhow!("the bystander panicked"))?
}

async fn watch(caller: &Caller, echoed: bool, duration: Duration) -> anyhow::Result<Duration> {
    let mut device = Device::connect(caller, 0).await.context("the bystander")?;
    let mut times = Vec::new();
    let end = Instant::now() + duration;
    while Instant::now() < end {
        let began = Instant::now();
        device.send(r#"{"type":"ping"}"#.into()).await?;
        device.await_text(|text| text.contains(if echoed { "ping" } else { "pong" })).await?;
        times.push(began.elapsed());
        tokio::time::sleep(REST).await;
    }
    times.sort_unstable();
    percentile(&times, 0.99).context("no heartbeat")
}

/// The attackers themselves: say that they are at it, and go on until their input ends.
///
/// # Errors
/// If nobody listens to what they say.
pub async fn attack(options: Attackers) -> anyhow::Result<()> {
    let caller = Caller {
        server: options.address,
        path: options.path,
        token: None,
        // Others than the bystander, and than those of the attack before.
        run: u16::try_from(process::id() % 0xffff).unwrap_or_default(),
        setup: Vec::new(),
    };
    let mut attackers = JoinSet::new();
    for number in 0..options.attackers {
        let (caller, attack) = (caller.clone(), options.attack);
        attackers.spawn(async move {
            loop {
                // However it ends, it begins again.
                let _ = once(&caller, attack, ATTACKERS + number).await;
                tokio::task::yield_now().await;
            }
        });
    }
    tokio::task::block_in_place(|| child::serve("attacking"))
}

/// One connection of an attack.
async fn once(caller: &Caller, attack: Attack, number: usize) -> anyhow::Result<()> {
    match attack {
        Attack::Heartbeats => flood(caller, number, || r#"{"type":"ping"}"#.to_owned()).await,
        Attack::Unknown => flood(caller, number, || format!(r#"{{"type":"nonsense-{number}","x":1}}"#)).await,
        Attack::Deep => flood(caller, number, || format!(r#"{{"type":"x","a":{}"#, "[".repeat(100_000))).await,
        Attack::Sound => {
            let mut device = Device::connect(caller, number).await?;
            loop {
                for _ in 0..BURST {
                    device.send_sound(vec![0xA5; 700]).await?;
                }
                drain(&mut device)?;
            }
        }
        Attack::Handshakes => {
            let mut stream = TcpStream::connect(caller.server).await?;
            let head = format!("GET {} HTTP/1.1\r\nHost: x\r\nX-Filler: {}", caller.path, "y".repeat(2000));
            stream.write_all(head.as_bytes()).await?;
            Ok(())
        }
        Attack::Reconnects => {
            Device::connect(caller, number).await?.vanish();
            Ok(())
        }
    }
}

async fn flood(caller: &Caller, number: usize, message: impl Fn() -> String) -> anyhow::Result<()> {
    let mut device = Device::connect(caller, number).await?;
    loop {
        for _ in 0..BURST {
            device.send(message().into()).await?;
        }
        drain(&mut device)?;
    }
}

/// Takes what has come back, and waits for nothing.
fn drain(device: &mut Device) -> anyhow::Result<()> {
    while let Some(received) = device.receive_any().now_or_never() {
        received?;
    }
    Ok(())
}
