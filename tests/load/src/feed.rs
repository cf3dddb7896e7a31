//! What the console's event feed costs while many devices talk: the server's CPU without a reader, with readers, and without
//! again.
//!
//! Rule: the three phases are on the same server under the same load, one after the other, so that the difference is the
//! feed's; devices pause between turns as people do, so that the machine is not full.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use crate::child::Child;
use crate::converse::talk;
use crate::fleet::Fleet;
use crate::metrics::{Metrics, Report};
use crate::target::{Target, TargetOptions};

/// Options of `feed`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices that talk.
    #[arg(long, default_value_t = 1_000)]
    pub devices: usize,
    /// Seconds of each phase.
    #[arg(long, default_value_t = 30)]
    pub seconds: u64,
    /// Pause of a device between two turns, in ms.
    #[arg(long, default_value_t = 5_000)]
    pub rest_ms: u64,
    /// Readers of the feed.
    #[arg(long, default_value_t = 1)]
    pub readers: usize,
}

/// Measures the three phases.
///
/// # Errors
/// If a device cannot connect, a turn is answered with an error, or the feed is refused.
pub async fn run(target: &TargetOptions, options: &Options) -> anyhow::Result<Report> {
    let provider = Child::start(&["provider"])?;
    let mut target = target.clone();
    let alias = json!({ "default": { "base_url": provider.address, "model": "instant", "max_concurrent": 256 } });
    target.env.push(format!("MODEHOST__LLM__ALIASES={alias}"));
    target.env.push("MODEHOST__TTS__PROVIDER=none".to_owned());
    let server = Target::server(&target).await?.context("feed needs --server or --address")?;
    Ok(Report::of("feed", server.name, measure(&server, options).await?))
}

async fn measure(server: &Target, options: &Options) -> anyhow::Result<Metrics> {
    let http = server.http.context("the feed is on the HTTP port: give --http")?;
    let devices = Fleet::connect_all(server, 0, options.devices).await?;
    let stop = Arc::new(AtomicBool::new(false));
    let mut loops = JoinSet::new();
    for device in devices {
        loops.spawn(talk(device, Duration::from_millis(options.rest_ms), stop.clone()));
    }
    // Until every device has had its first turn.
    tokio::time::sleep(Duration::from_millis(options.rest_ms * 2)).await;
    let mut metrics = Metrics::default();
    let without = share(server, options.seconds).await?;
    let received = Arc::new(AtomicU64::new(0));
    let mut readers = JoinSet::new();
    for _ in 0..options.readers {
        readers.spawn(read(http, received.clone()));
    }
    let with = share(server, options.seconds).await?;
    ensure!(received.load(Ordering::Relaxed) > 0, "the feed is silent");
    readers.shutdown().await;
    let after = share(server, options.seconds).await?;
    stop.store(true, Ordering::Relaxed);
    let mut turns = 0;
    while let Some(ended) = loops.join_next().await {
        turns += ended.context("a device panicked")??.count();
    }
    metrics.add("turns_total", turns as f64);
    metrics.add("core_before_percent", without * 100.0);
    metrics.add("core_with_feed_percent", with * 100.0);
    metrics.add("core_after_percent", after * 100.0);
    metrics.add("feed_core_percent", (with - f64::midpoint(without, after)) * 100.0);
    let bytes = received.load(Ordering::Relaxed) as f64;
    metrics.add("feed_bytes_per_second", bytes / options.seconds as f64 / options.readers.max(1) as f64);
    Ok(metrics)
}

/// The share of one core that the server uses for so many seconds.
async fn share(server: &Target, seconds: u64) -> anyhow::Result<f64> {
    let (before, began) = (server.cpu_time()?.context("the process of the server is not known")?, Instant::now());
    tokio::time::sleep(Duration::from_secs(seconds)).await;
    let after = server.cpu_time()?.context("the process of the server is not known")?;
    Ok((after - before).as_secs_f64() / began.elapsed().as_secs_f64())
}

/// Reads the feed as the page does: asks again where a response ends.
async fn read(http: SocketAddr, received: Arc<AtomicU64>) -> anyhow::Result<()> {
    loop {
        let mut stream = TcpStream::connect(http).await?;
        stream.write_all(format!("GET /api/v1/feed HTTP/1.1\r\nHost: {http}\r\n\r\n").as_bytes()).await?;
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let length = stream.read(&mut buffer).await?;
            if length == 0 {
                break;
            }
            received.fetch_add(length as u64, Ordering::Relaxed);
        }
    }
}
