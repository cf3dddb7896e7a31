//! Concurrency limit of a provider. Rule: a fixed number of questions run, a bounded number waits for a bounded time;
//! giving up or finishing frees the slot at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::limits;
use metrics::{Gauge, gauge};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::fault::Fault;

/// The limiter of one endpoint.
pub(crate) struct Limiter {
    free: Semaphore,
    count: usize,
    waiting: AtomicUsize,
    running_gauge: Gauge,
    waiting_gauge: Gauge,
}

/// A slot; dropping it frees it for the next question.
pub(crate) struct Slot<'a> {
    _permit: SemaphorePermit<'a>,
    running: Gauge,
}

/// A position in the wait queue; dropping it frees it.
struct Waiting<'a>(&'a Limiter);

impl Limiter {
    pub(crate) fn new(alias: &Arc<str>, count: usize) -> Self {
        Self {
            free: Semaphore::new(count),
            count,
            waiting: AtomicUsize::new(0),
            running_gauge: gauge!("modehost_model_open", "alias" => alias.to_string()),
            waiting_gauge: gauge!("modehost_model_waiting", "alias" => alias.to_string()),
        }
    }

    /// Number of slots.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Waits for a slot, until `deadline` or at most [`limits::MODEL_QUEUE`].
    ///
    /// # Errors
    /// If the queue is full, or the time is up.
    pub(crate) async fn acquire(&self, deadline: Instant) -> Result<Slot<'_>, Fault> {
        if let Ok(permit) = self.free.try_acquire() {
            return Ok(self.occupy(permit));
        }
        let _waiting = self.enter_queue()?;
        let started = Instant::now();
        let until = deadline.min(started + limits::MODEL_QUEUE);
        match timeout_at(until, self.free.acquire()).await {
            // The semaphore is never closed.
            Ok(permit) => permit.map(|permit| self.occupy(permit)).map_err(|_| Fault::Cancelled),
            Err(_) => Err(Fault::QueueTimeout(round(until - started))),
        }
    }

    fn occupy<'a>(&self, permit: SemaphorePermit<'a>) -> Slot<'a> {
        self.running_gauge.increment(1.0);
        Slot { _permit: permit, running: self.running_gauge.clone() }
    }

    fn enter_queue(&self) -> Result<Waiting<'_>, Fault> {
        let next = |waiting: usize| (waiting < limits::MODEL_WAITING).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, next).map_err(|_| Fault::QueueFull)?;
        self.waiting_gauge.increment(1.0);
        Ok(Waiting(self))
    }
}

/// Rounds to whole seconds for the error message.
fn round(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs_f64().round() as u64)
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.running.decrement(1.0);
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.waiting.fetch_sub(1, Ordering::Relaxed);
        self.0.waiting_gauge.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn l3_so_many_wait_and_no_longer_than_allowed() {
        let limiter = Limiter::new(&Arc::from("default"), 1);
        let late = Instant::now() + limits::MODEL_QUEUE * 10;
        let first = limiter.acquire(late).await.expect("a slot");
        let mut waiting: Vec<_> = (0..limits::MODEL_WAITING).map(|_| Box::pin(limiter.acquire(late))).collect();
        for one in &mut waiting {
            assert!(one.as_mut().now_or_never().is_none());
        }
        assert_eq!(limiter.acquire(late).await.err(), Some(Fault::QueueFull));

        drop(first);
        let second = waiting.remove(0).await.expect("the next slot");
        // Giving up frees the position.
        drop(waiting);
        assert_eq!(limiter.waiting.load(Ordering::Relaxed), 0);
        let soon = Instant::now() + Duration::from_millis(20);
        assert!(matches!(limiter.acquire(soon).await.err(), Some(Fault::QueueTimeout(_))));
        assert_eq!(limiter.waiting.load(Ordering::Relaxed), 0);
        drop(second);
        assert_eq!(limiter.free.available_permits(), 1);
    }
}
