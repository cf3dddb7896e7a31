//! Open connections: connect rate, memory per device, and CPU time of all when idle. Rule: memory is the difference to
//! the server's memory before.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::task::JoinSet;

use crate::fleet::Fleet;
use crate::metrics::Metrics;
use crate::target::Target;

/// Options of `hold`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices to connect.
    #[arg(long, default_value_t = 1000)]
    pub devices: usize,
    /// Seconds to wait before memory and idle time are measured, such as until sessions hibernate.
    #[arg(long, default_value_t = 1)]
    pub settle: u64,
    /// Seconds over which idle CPU time is measured.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
}

/// Runs the measurement.
///
/// # Errors
/// If the target's process is gone.
pub async fn run(target: &Target, options: &Options) -> anyhow::Result<Metrics> {
    // The first connections also allocate what all share, which is not part of the difference.
    drop(Fleet::connect(target, options.devices, 10).await);
    tokio::time::sleep(Duration::from_secs(1)).await;
    let empty = target.resident_kib()?;
    let busy_before = target.cpu_time()?;
    let fleet = Fleet::connect(target, 0, options.devices).await;
    let busy_after = target.cpu_time()?;
    let connected = fleet.devices.len();

    let mut metrics = Metrics::default();
    metrics.add("devices_held", connected as f64);
    metrics.add("devices_refused", fleet.failed as f64);
    metrics.add("connect_and_hello_per_second", connected as f64 / fleet.elapsed.as_secs_f64());
    if let (Some(before), Some(after)) = (busy_before, busy_after) {
        metrics.add("cpu_per_connect_us", (after - before).as_secs_f64() * 1e6 / connected.max(1) as f64);
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
        metrics.add("resident_mib", full / 1024.0);
        metrics.add("resident_per_device_kib", (full - empty) / connected.max(1) as f64);
    }
    let idle_before = target.cpu_time()?;
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    if let (Some(before), Some(after)) = (idle_before, target.cpu_time()?) {
        let share = (after - before).as_secs_f64() / options.seconds.max(1) as f64;
        metrics.add("idle_cpu_percent_of_a_core", share * 100.0);
    }
    metrics.add("devices_lost_meanwhile", closed.load(Ordering::Relaxed) as f64);
    if let Some(error) = fleet.failure {
        eprintln!("{}: {} devices could not connect; the first: {error:#}", target.name, fleet.failed);
    }
    Ok(metrics)
}
