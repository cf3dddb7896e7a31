//! Many devices. Rule: at most `parallel` handshakes are in progress at once, since a server limits half-open
//! connections.

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
    pub elapsed: Duration,
    /// How many could not connect, and the error of the first of them.
    pub failed: usize,
    pub failure: Option<anyhow::Error>,
}

impl Fleet {
    /// Connects `count` devices, numbered from `first`; failures are counted.
    pub async fn connect(target: &Target, first: usize, count: usize) -> Self {
        let connect_options = Arc::new(target.connect_options.clone());
        let permits = Arc::new(Semaphore::new(target.parallel.max(1)));
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for number in first..first + count {
            let (connect_options, permits) = (connect_options.clone(), permits.clone());
            tasks.spawn(async move {
                let _permit = permits.acquire().await;
                Device::connect(&connect_options, number).await
            });
        }
        let mut fleet = Self { devices: Vec::with_capacity(count), elapsed: Duration::ZERO, failed: 0, failure: None };
        while let Some(ended) = tasks.join_next().await {
            match ended.context("a device panicked").flatten() {
                Ok(device) => fleet.devices.push(device),
                Err(error) => {
                    fleet.failed += 1;
                    fleet.failure.get_or_insert(error);
                }
            }
        }
        fleet.elapsed = started.elapsed();
        fleet
    }

    /// Connects `count` devices, all of which must succeed.
    ///
    /// # Errors
    /// If one fails.
    pub async fn connect_all(target: &Target, first: usize, count: usize) -> anyhow::Result<Vec<Device>> {
        let fleet = Self::connect(target, first, count).await;
        if let Some(error) = fleet.failure {
            bail!("{} of {count} devices could not connect; the first: {error:#}", fleet.failed);
        }
        Ok(fleet.devices)
    }
}
