//! From exec to ready: the first start compiles the plugins, later ones load them compiled. Rule: all rounds share one
//! data directory.

use std::time::{Duration, Instant};

use crate::metrics::Metrics;
use crate::target::{Running, TargetOptions};

/// Options of `start`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Starts after the first.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
}

/// Runs the measurement.
///
/// # Errors
/// If the server does not become ready.
pub async fn run(target: &TargetOptions, options: &Options) -> anyhow::Result<Metrics> {
    // One data directory for all rounds, since compiled plugins are cached there.
    let directory = tempfile::tempdir()?;
    let mut target = target.clone();
    target.data.get_or_insert_with(|| directory.path().join("data"));
    let first = start(&target).await?;
    let mut later = Vec::new();
    for _ in 0..options.rounds {
        later.push(start(&target).await?);
    }
    let mut metrics = Metrics::default();
    metrics.add("first_ready_ms", first.as_secs_f64() * 1e3);
    metrics.add_percentiles("ready", later);
    Ok(metrics)
}

async fn start(target: &TargetOptions) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let mut running = Running::server(target)?;
    running.ready().await?;
    Ok(started.elapsed())
}
