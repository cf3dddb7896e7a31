//! Connect and hello of new devices, first undisturbed and then while many devices vanish at once. Rule: new devices
//! connect one after another.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::device::Device;
use crate::fleet::Fleet;
use crate::metrics::Metrics;
use crate::target::Target;

/// Options of `vanish`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices that vanish.
    #[arg(long, default_value_t = 1000)]
    pub devices: usize,
    /// New devices before that.
    #[arg(long, default_value_t = 50)]
    pub quiet: usize,
    /// Seconds after the vanishing in which new devices connect, one after another.
    #[arg(long, default_value_t = 3)]
    pub seconds: u64,
}

/// Runs the measurement.
///
/// # Errors
/// If a device cannot connect.
pub async fn run(target: &Target, options: &Options) -> anyhow::Result<Metrics> {
    let devices = Fleet::connect_all(target, 0, options.devices).await?;
    let mut next = options.devices;
    let mut quiet = Vec::new();
    for _ in 0..options.quiet {
        quiet.push(newcomer(target, next).await.context("a newcomer in quiet")?);
        next += 1;
    }
    let started = Instant::now();
    for device in devices {
        device.vanish();
    }
    let vanished = started.elapsed();
    let mut meanwhile = Vec::new();
    while started.elapsed() < Duration::from_secs(options.seconds) {
        meanwhile.push(newcomer(target, next).await.context("a newcomer after the vanishing")?);
        next += 1;
    }
    let mut metrics = Metrics::default();
    metrics.add("vanished", options.devices as f64);
    metrics.add("vanishing_took_ms", vanished.as_secs_f64() * 1e3);
    metrics.add("newcomers_meanwhile", meanwhile.len() as f64);
    metrics.add("first_newcomer_ms", meanwhile.first().map_or(f64::NAN, |time| time.as_secs_f64() * 1e3));
    metrics.add_percentiles("newcomer_quiet", quiet);
    metrics.add_percentiles("newcomer_meanwhile", meanwhile);
    Ok(metrics)
}

/// The time of a new device from connect to the answer to its hello.
async fn newcomer(target: &Target, number: usize) -> anyhow::Result<Duration> {
    let started = Instant::now();
    let device = Device::connect(&target.connect_options, number).await?;
    let elapsed = started.elapsed();
    device.vanish();
    Ok(elapsed)
}
