//! Many devices. Rule: at most `parallel` handshakes are under way at once, as a server allows only
//! so many half-open connections.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use crate::device::Device;
use crate::target::Target;

/// Devices that have connected and said hello.
pub struct Fleet {
    pub devices: Vec<Device>,
    /// From the first connect to the last hello.
    pub took: Duration,
    /// How many could not connect, and why the first of them could not.
    pub failed: usize,
    pub failure: Option<anyhow::Error>,
}

impl Fleet {
    /// Connects `count` devices with numbers from `first`; those that cannot are counted.
    pub async fn connect(target: &Target, first: usize, count: usize) -> Self {
        let caller = Arc::new(target.caller.clone());
        let gate = Arc::new(Semaphore::new(target.parallel.max(1)));
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for number in first..first + count {
            let (caller, gate) = (caller.clone(), gate.clone());
            tasks.spawn(async move {
                let _turn = gate.acquire().await;
                Device::connect(&caller, number).await
            });
        }
        let mut fleet = Self { devices: Vec::with_capacity(count), took: Duration::ZERO, failed: 0, failure: None };
        while let Some(ended) = tasks.join_next().await {
            match ended.context("a device panicked").flatten() {
                Ok(device) => fleet.devices.push(device),
                Err(error) => {
                    fleet.failed += 1;
                    fleet.failure.get_or_insert(error);
                }
            }
        }
        fleet.took = began.elapsed();
        fleet
    }

    /// Connects `count` devices, every one of them.
    ///
    /// # Errors
    /// If one cannot.
    pub async fn connect_all(target: &Target, first: usize, count: usize) -> anyhow::Result<Vec<Device>> {
        let fleet = Self::connect(target, first, count).await;
        if let Some(error) = fleet.failure {
            bail!("{} of {count} devices could not connect; the first: {error:#}", fleet.failed);
        }
        Ok(fleet.devices)
    }
}
