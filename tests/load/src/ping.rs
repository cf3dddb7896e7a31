//! Heartbeats: every device pings once a second; measures the latency and CPU time of the answers. Rule: a ping without
//! an answer counts as lost.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::fleet::Fleet;
use crate::metrics::Metrics;
use crate::talk::{Progress, Script, Template, talk};
use crate::target::Target;

/// Options of `ping`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices that ping.
    #[arg(long, default_value_t = 400)]
    pub devices: usize,
    /// Milliseconds between two pings of a device.
    #[arg(long, default_value_t = 1000)]
    pub interval_ms: u64,
    /// Seconds to ping.
    #[arg(long, default_value_t = 15)]
    pub seconds: u64,
}

/// Runs the measurement.
///
/// # Errors
/// If a device cannot connect or the target's process is gone.
pub async fn run(target: &Target, options: &Options) -> anyhow::Result<Metrics> {
    let devices = Fleet::connect_all(target, 0, options.devices).await?;
    let script = Arc::new(Script {
        message: Template::new(r#"{"type":"ping"}"#),
        reply: Template::new(if target.is_floor() { "ping" } else { "pong" }),
        interval: Duration::from_millis(options.interval_ms.max(1)),
        marker: None,
    });
    let (stop, stopped) = watch::channel(());
    let before = target.cpu_time()?;
    let mut talks = JoinSet::new();
    for device in devices {
        talks.spawn(talk(device, script.clone(), Arc::new(Progress::default()), stopped.clone()));
    }
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    drop(stop);
    let (mut times, mut lost, mut closed) = (Vec::new(), 0, 0);
    while let Some(stats) = talks.join_next().await {
        let stats = stats.context("a device panicked")?;
        times.extend(stats.answered.iter().map(|answered| answered.elapsed));
        lost += stats.lost;
        closed += usize::from(stats.closed);
    }
    let mut metrics = Metrics::default();
    let pings = times.len();
    metrics.add("pings", pings as f64);
    metrics.add("pings_lost", lost as f64);
    metrics.add("sockets_closed", closed as f64);
    metrics.add_percentiles("ping", times);
    if let (Some(before), Some(after)) = (before, target.cpu_time()?) {
        metrics.add("cpu_per_ping_us", (after - before).as_secs_f64() * 1e6 / pings.max(1) as f64);
    }
    Ok(metrics)
}
