//! Devices held: how fast they connect, what each costs in memory, what all cost when idle.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::target::Target;

/// Options of `hold`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices to hold.
    #[arg(long, default_value_t = 1000)]
    pub devices: usize,
    /// Seconds to wait before memory and idle time are taken, such as until sessions hibernate.
    #[arg(long, default_value_t = 1)]
    pub settle: u64,
    /// Seconds over which idle processor time is taken.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
}

/// Takes the measure.
///
/// # Errors
/// If the target's process is gone.
pub async fn run(target: &Target, options: &Options) -> anyhow::Result<Figures> {
    // The first connections also pay for what all share; they are not part of the delta.
    drop(Fleet::connect(target, options.devices, 10).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let empty = target.resident_kib()?;
    let busy_before = target.processor_time()?;
    let fleet = Fleet::connect(target, 0, options.devices).await;
    let busy_after = target.processor_time()?;
    let held = fleet.devices.len();

    let mut figures = Figures::default();
    figures.add("devices_held", held as f64);
    figures.add("devices_refused", fleet.failed as f64);
    figures.add("connect_and_hello_per_second", held as f64 / fleet.took.as_secs_f64());
    if let (Some(before), Some(after)) = (busy_before, busy_after) {
        figures.add("cpu_per_connect_us", (after - before).as_secs_f64() * 1e6 / held.max(1) as f64);
    }

    let closed = Arc::new(AtomicUsize::new(0));
    let mut readers = JoinSet::new();
    for mut device in fleet.devices {
        let closed = closed.clone();
        readers.spawn(async move {
            while device.receive().await.is_ok() {}
            closed.fetch_add(1, Ordering::Relaxed);
        });
    }
    tokio::time::sleep(Duration::from_secs(options.settle)).await;
    if let (Some(empty), Some(full)) = (empty, target.resident_kib()?) {
        figures.add("resident_mib", full / 1024.0);
        figures.add("resident_per_device_kib", (full - empty) / held.max(1) as f64);
    }
    let idle_before = target.processor_time()?;
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    if let (Some(before), Some(after)) = (idle_before, target.processor_time()?) {
        let share = (after - before).as_secs_f64() / options.seconds.max(1) as f64;
        figures.add("idle_cpu_percent_of_a_core", share * 100.0);
    }
    figures.add("devices_lost_meanwhile", closed.load(Ordering::Relaxed) as f64);
    if let Some(error) = fleet.failure {
        eprintln!("{}: {} devices could not connect; the first: {error:#}", target.name, fleet.failed);
    }
    Ok(figures)
}
