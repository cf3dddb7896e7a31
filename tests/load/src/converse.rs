//! Conversations with a language model that answers at once: time to the first sentence, and the CPU time of a turn.
//!
//! Rule: the provider is a separate process, and its bare answer over the same number of connections is measured
//! first, so that the server's overhead can be told from the time that it waits for the provider.

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
use crate::fleet::Fleet;
use crate::metrics::{Metrics, Report};
use crate::target::{Target, TargetOptions};

/// The provider's answer, in the chunks in which it is streamed.
const PIECES: [&str; 10] = ["It ", "is ", "warm ", "today. ", "Take ", "water ", "with ", "you, ", "and ", "go."];
/// The end of the first sentence as it appears in the stream.
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
    /// Pause of a device between two turns, in ms; 0: the next turn follows at once.
    #[arg(long, default_value_t = 0)]
    pub rest_ms: u64,
    /// Requests that the server may have in flight at the provider.
    #[arg(long, default_value_t = 256)]
    pub max_concurrent: usize,
}

/// Measures the bare provider, then the server.
///
/// # Errors
/// If a device cannot connect or a turn is answered with an error.
pub async fn run(target: &TargetOptions, options: &Options) -> anyhow::Result<Report> {
    let provider = Child::start(&["provider"])?;
    let host = provider.address.strip_prefix("http://").and_then(|rest| rest.split('/').next());
    let address: SocketAddr = host.context("the provider says no address")?.parse()?;
    let mut report = Report::named("converse");
    if !target.no_floor {
        report.add("provider", measure_provider(address, options).await.context("on the bare provider")?);
    }
    let mut target = target.clone();
    let alias = json!({ "default": {
        "base_url": provider.address, "model": "instant", "max_concurrent": options.max_concurrent,
    } });
    target.env.push(format!("MODEHOST__LLM__ALIASES={alias}"));
    // Only the conversation is measured: speech output of an installed voice would distort the metrics.
    target.env.push("MODEHOST__TTS__PROVIDER=none".to_owned());
    if let Some(server) = Target::server(&target).await? {
        report.add("server", converse(&server, options).await.context("on the server")?);
    }
    Ok(report)
}

/// Durations of turns.
#[derive(Default)]
pub(crate) struct Turns {
    first: Vec<Duration>,
    whole: Vec<Duration>,
}

impl Turns {
    /// How many there were.
    pub(crate) fn count(&self) -> usize {
        self.whole.len()
    }

    fn add(&mut self, other: Self) {
        self.first.extend(other.first);
        self.whole.extend(other.whole);
    }

    fn metrics(self, elapsed: Duration, busy: Option<Duration>) -> Metrics {
        let turns = self.whole.len() as f64;
        let mut metrics = Metrics::default();
        metrics.add("turns_per_second", turns / elapsed.as_secs_f64());
        metrics.add_percentiles("first_sentence", self.first);
        metrics.add_percentiles("turn", self.whole);
        if let Some(busy) = busy {
            metrics.add("cpu_per_turn_us", busy.as_secs_f64() * 1e6 / turns.max(1.0));
        }
        metrics
    }
}

async fn converse(target: &Target, options: &Options) -> anyhow::Result<Metrics> {
    let devices = Fleet::connect_all(target, 0, options.devices).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let rest = Duration::from_millis(options.rest_ms);
    let before = target.cpu_time()?;
    let started = Instant::now();
    let mut loops = JoinSet::new();
    for device in devices {
        loops.spawn(talk(device, rest, stop.clone()));
    }
    let turns = gather(loops, options.seconds, &stop).await?;
    let elapsed = started.elapsed();
    let busy = before.zip(target.cpu_time()?).map(|(before, after)| after - before);
    Ok(turns.metrics(elapsed, busy))
}

/// The turns of one device.
pub(crate) async fn talk(mut device: Device, rest: Duration, stop: Arc<AtomicBool>) -> anyhow::Result<Turns> {
    // Devices start at random offsets within their pause.
    tokio::time::sleep(rest.mul_f64(fastrand::f64())).await;
    let mut turns = Turns::default();
    let mut number = 0_u64;
    while !stop.load(Ordering::Relaxed) {
        number += 1;
        let asked = json!({ "type": "listen", "state": "detect", "text": format!("Tell me number {number} of it") });
        let started = Instant::now();
        device.send(asked.to_string().into()).await?;
        device.await_text(|text| text.contains(r#""sentence_start""#)).await?;
        turns.first.push(started.elapsed());
        device.await_text(|text| text.contains(r#""type":"tts""#) && text.contains(r#""stop""#)).await?;
        turns.whole.push(started.elapsed());
        tokio::time::sleep(rest).await;
    }
    Ok(turns)
}

async fn measure_provider(provider: SocketAddr, options: &Options) -> anyhow::Result<Metrics> {
    let stop = Arc::new(AtomicBool::new(false));
    let started = Instant::now();
    let mut loops = JoinSet::new();
    for _ in 0..options.devices {
        loops.spawn(request_turns(provider, stop.clone()));
    }
    let turns = gather(loops, options.seconds, &stop).await?;
    Ok(turns.metrics(started.elapsed(), None))
}

/// Model requests over one connection, directly to the provider.
async fn request_turns(provider: SocketAddr, stop: Arc<AtomicBool>) -> anyhow::Result<Turns> {
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
        let started = Instant::now();
        stream.write_all(request.as_bytes()).await?;
        let mut has_first_sentence = false;
        // The last chunk of a chunked body.
        while !answer.ends_with(b"0\r\n\r\n") {
            ensure!(stream.read_buf(&mut answer).await? > 0, "the provider has closed");
            if !has_first_sentence && answer.windows(FIRST.len()).any(|window| window == FIRST.as_bytes()) {
                has_first_sentence = true;
                turns.first.push(started.elapsed());
            }
        }
        turns.whole.push(started.elapsed());
    }
    Ok(turns)
}

/// Waits for the end of the measurement, unless a device fails first.
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

/// Runs the provider: prints its address, and serves until its input ends.
///
/// # Errors
/// If its output is closed.
pub fn serve_provider() -> anyhow::Result<()> {
    let service = Service::instant(&PIECES);
    crate::child::serve(&service.base_url())
}
