//! From exec to ready: the first start compiles plugins, the later ones find them compiled.

use std::time::{Duration, Instant};

use crate::figures::Figures;
use crate::target::{Running, TargetOptions};

/// Options of `start`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Starts behind the first.
    #[arg(long, default_value_t = 5)]
    pub rounds: usize,
}

/// Takes the measure.
///
/// # Errors
/// If the server does not become ready.
pub async fn run(target: &TargetOptions, options: &Options) -> anyhow::Result<Figures> {
    // One data folder for all rounds, as compiled plugins may be kept there.
    let folder = tempfile::tempdir()?;
    let mut target = target.clone();
    target.data.get_or_insert_with(|| folder.path().join("data"));
    let first = start(&target).await?;
    let mut later = Vec::new();
    for _ in 0..options.rounds {
        later.push(start(&target).await?);
    }
    let mut figures = Figures::default();
    figures.add("first_ready_ms", first.as_secs_f64() * 1e3);
    figures.add_spread("ready", later);
    Ok(figures)
}

async fn start(target: &TargetOptions) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut running = Running::server(target)?;
    running.ready().await?;
    Ok(began.elapsed())
}
