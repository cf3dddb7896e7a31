//! A newcomer's connect and hello, first in quiet and then while many devices vanish at once.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::device::Device;
use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::target::Target;

/// Options of `vanish`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices that vanish.
    #[arg(long, default_value_t = 1000)]
    pub devices: usize,
    /// Newcomers in quiet.
    #[arg(long, default_value_t = 50)]
    pub quiet: usize,
    /// Seconds after the vanishing in which newcomers come, one after another.
    #[arg(long, default_value_t = 3)]
    pub seconds: u64,
}

/// Takes the measure.
///
/// # Errors
/// If a device or a newcomer cannot connect.
pub async fn run(target: &Target, options: &Options) -> anyhow::Result<Figures> {
    let devices = Fleet::connect_all(target, 0, options.devices).await?;
    let mut next = options.devices;
    let mut quiet = Vec::new();
    for _ in 0..options.quiet {
        quiet.push(newcomer(target, next).await.context("a newcomer in quiet")?);
        next += 1;
    }
    let began = Instant::now();
    for device in devices {
        device.vanish();
    }
    let vanished = began.elapsed();
    let mut meanwhile = Vec::new();
    while began.elapsed() < Duration::from_secs(options.seconds) {
        meanwhile.push(newcomer(target, next).await.context("a newcomer after the vanishing")?);
        next += 1;
    }
    let mut figures = Figures::default();
    figures.add("vanished", options.devices as f64);
    figures.add("vanishing_took_ms", vanished.as_secs_f64() * 1e3);
    figures.add("newcomers_meanwhile", meanwhile.len() as f64);
    figures.add("first_newcomer_ms", meanwhile.first().map_or(f64::NAN, |time| time.as_secs_f64() * 1e3));
    figures.add_spread("newcomer_quiet", quiet);
    figures.add_spread("newcomer_meanwhile", meanwhile);
    Ok(figures)
}

/// How long a new device needs from connect to the answer to its hello.
async fn newcomer(target: &Target, number: usize) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let device = Device::connect(&target.caller, number).await?;
    let took = began.elapsed();
    device.vanish();
    Ok(took)
}
