//! How long a connection of the HTTP port may last. Rule: a connection that takes or gives nothing ends; one over which a
//! body comes at the minimum rate lasts until the body is there.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

use crate::limits;

/// The lifetime of one connection, which the bodies of its requests extend.
#[derive(Debug, Default)]
pub(super) struct Lifetime {
    /// Bytes of bodies received.
    received: AtomicU64,
}

impl Lifetime {
    /// These bytes of a body have been received.
    pub fn extend(&self, bytes: u64) {
        self.received.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Completes `limit` after the call, and later by what has been received meanwhile. Cancel-safe.
    pub async fn over(&self, limit: Duration) {
        let began = Instant::now();
        loop {
            let end = began + limit + allowance(self.received.load(Ordering::Relaxed));
            if Instant::now() >= end {
                return;
            }
            sleep_until(end).await;
        }
    }
}

/// The time that so many bytes may take at the minimum rate.
pub(super) fn allowance(bytes: u64) -> Duration {
    Duration::from_secs_f64(bytes as f64 / f64::from(limits::HTTP_BODY_RATE))
}
