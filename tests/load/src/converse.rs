//! Conversations against a language model that answers at once: how long until the first sentence
//! is said, and what a turn costs the server.
//!
//! Rule: the provider is a process of its own, and its bare answer over the same number of
//! connections is measured first, so that what the server adds can be told from what it waits for.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use modehost_provider::Provider as Service;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::child::Child;
use crate::device::Device;
use crate::figures::{Figures, Report};
use crate::fleet::Fleet;
use crate::target::{Target, TargetOptions};

/// What the provider answers, in the pieces in which it streams them.
const PIECES: [&str; 10] = ["It ", "is ", "warm ", "today. ", "Take ", "water ", "with ", "you, ", "and ", "go."];
/// The end of the first sentence as it goes over the wire.
const FIRST: &str = "today.";

/// Options of `converse`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices that converse at the same time.
    #[arg(long, default_value_t = 200)]
    pub devices: usize,
    /// Seconds to measure.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Rest of a device between two turns, in ms; 0: the next turn follows at once.
    #[arg(long, default_value_t = 0)]
    pub rest_ms: u64,
    /// Requests that the server may have open at the provider.
    #[arg(long, default_value_t = 256)]
    pub max_concurrent: usize,
}

/// Takes the measure on the bare provider, then on the server.
///
/// # Errors
/// If a device cannot connect or a turn is answered with an error.
pub async fn run(target: &TargetOptions, options: &Options) -> anyhow::Result<Report> {
    let provider = Child::start(&["provider"])?;
    let host = provider.said.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    let address: SocketAddr = host.context("the provider says no address")?.parse()?;
    let mut report = Report::named("converse");
    if !target.no_floor {
        report.add("provider", bare(address, options).await.context("on the bare provider")?);
    }
    let mut target = target.clone();
    let alias = json!({ "default": {
        "base_url": provider.said, "model": "instant", "max_concurrent": options.max_concurrent,
    } });
    target.env.push(format!("MODEHOST__LLM__ALIASES={alias}"));
    // What is measured is the conversation: a voice that is installed here would be heard in the figures.
    target.env.push("MODEHOST__TTS__PROVIDER=none".to_owned());
    if let Some(server) = Target::server(&target).await? {
        report.add("server", converse(&server, options).await.context("on the server")?);
    }
    Ok(report)
}

/// Turns, and how long each took.
#[derive(Default)]
struct Turns {
    first: Vec<Duration>,
    whole: Vec<Duration>,
}

impl Turns {
    fn add(&mut self, other: Self) {
        self.first.extend(other.first);
        self.whole.extend(other.whole);
    }

    fn figures(self, took: Duration, busy: Option<Duration>) -> Figures {
        let turns = self.whole.len() as f64;
        let mut figures = Figures::default();
        figures.add("turns_per_second", turns / took.as_secs_f64());
        figures.add_spread("first_sentence", self.first);
        figures.add_spread("turn", self.whole);
        if let Some(busy) = busy {
            figures.add("cpu_per_turn_us", busy.as_secs_f64() * 1e6 / turns.max(1.0));
        }
        figures
    }
}

async fn converse(target: &Target, options: &Options) -> anyhow::Result<Figures> {
    let devices = Fleet::connect_all(target, 0, options.devices).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let rest = Duration::from_millis(options.rest_ms);
    let before = target.processor_time()?;
    let began = Instant::now();
    let mut loops = JoinSet::new();
    for device in devices {
        loops.spawn(talk(device, rest, stop.clone()));
    }
    let turns = gather(loops, options.seconds, &stop).await?;
    let took = began.elapsed();
    let busy = before.zip(target.processor_time()?).map(|(before, after)| after - before);
    Ok(turns.figures(took, busy))
}

/// The turns of one device.
async fn talk(mut device: Device, rest: Duration, stop: Arc<AtomicBool>) -> anyhow::Result<Turns> {
    // Devices are spread over their rest, as they are in life.
    tokio::time::sleep(rest.mul_f64(fastrand::f64())).await;
    let mut turns = Turns::default();
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let asked = json!({ "type": "listen", "state": "detect", "text": format!("Tell me number {number} of it") });
        let began = Instant::now();
        device.send(asked.to_string().into()).await?;
        device.await_text(|text| text.contains(r#""sentence_start""#)).await?;
        turns.first.push(began.elapsed());
        device.await_text(|text| text.contains(r#""type":"tts""#) && text.contains(r#""stop""#)).await?;
        turns.whole.push(began.elapsed());
        tokio::time::sleep(rest).await;
    }
    Ok(turns)
}

async fn bare(provider: SocketAddr, options: &Options) -> anyhow::Result<Figures> {
    let stop = Arc::new(AtomicBool::new(false));
    let began = Instant::now();
    let mut loops = JoinSet::new();
    for _ in 0..options.devices {
        loops.spawn(ask(provider, stop.clone()));
    }
    let turns = gather(loops, options.seconds, &stop).await?;
    Ok(turns.figures(began.elapsed(), None))
}

/// Questions over one connection, without anything of ours in between.
async fn ask(provider: SocketAddr, stop: Arc<AtomicBool>) -> anyhow::Result<Turns> {
    let body = json!({
        "model": "instant", "stream": true, "messages": [{ "role": "user", "content": "Tell me something" }],
    });
    let body = body.to_string();
    let request = format!(
        "POST /v1/chat/completions HTTP/1.1\r\nHost: {provider}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len(),
    );
    let mut stream = TcpStream::connect(provider).await?;
    stream.set_nodelay(true)?;
    let mut turns = Turns::default();
    let mut answer = Vec::new();
    while !stop.load(Ordering::Relaxed) {
        answer.clear();
        let began = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let mut heard = false;
        // The last chunk of a chunked body.
        while !answer.ends_with(b"0\r\n\r\n") {
            ensure!(stream.read_buf(&mut answer).await? > 0, "the provider has closed");
            if !heard && answer.windows(FIRST.len()).any(|window| window == FIRST.as_bytes()) {
                heard = true;
                turns.first.push(began.elapsed());
            }
        }
        turns.whole.push(began.elapsed());
    }
    Ok(turns)
}

/// Waits for the end of the measure, unless one fails first.
async fn gather(mut loops: JoinSet<anyhow::Result<Turns>>, seconds: u64, stop: &AtomicBool) -> anyhow::Result<Turns> {
    tokio::select! {
        () = tokio::time::sleep(Duration::from_secs(seconds)) => {}
        Some(ended) = loops.join_next() => {
            ended.context("a device panicked")??;
            anyhow::bail!("a device stopped by itself");
        }
    }
    stop.store(true, Ordering::Relaxed);
    let mut turns = Turns::default();
    while let Some(ended) = loops.join_next().await {
        turns.add(ended.context("a device panicked")??);
    }
    Ok(turns)
}

/// The provider itself: says its address, and serves until its input ends.
///
/// # Errors
/// If nobody listens to what it says.
pub fn provide() -> anyhow::Result<()> {
    let service = Service::instant(&PIECES);
    crate::child::serve(&service.base_url())
}
