//! Turns at a provider. Rule: so many are answered at the same time, so many wait and no longer
//! than allowed; whoever gives up waiting or is done makes room at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::limits;
use metrics::{Gauge, gauge};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, timeout_at};

use crate::fault::Fault;

/// The turns of one endpoint.
pub(crate) struct Turns {
    free: Semaphore,
    count: usize,
    waiting: AtomicUsize,
    open_gauge: Gauge,
    waiting_gauge: Gauge,
}

/// A turn; dropping it gives it to the next one.
pub(crate) struct Turn<'a> {
    _permit: SemaphorePermit<'a>,
    open: Gauge,
}

/// A place among those who wait.
struct Place<'a>(&'a Turns);

impl Turns {
    pub(crate) fn new(alias: &Arc<str>, count: usize) -> Self {
        Self {
            free: Semaphore::new(count),
            count,
            waiting: AtomicUsize::new(0),
            open_gauge: gauge!("modehost_model_open", "alias" => alias.to_string()),
            waiting_gauge: gauge!("modehost_model_waiting", "alias" => alias.to_string()),
        }
    }

    /// Turns in all.
    pub(crate) fn count(&self) -> usize {
        self.count
    }

    /// Waits for a turn, until `deadline` or as long as anybody may.
    ///
    /// # Errors
    /// If too many wait, or the time is up.
    pub(crate) async fn take(&self, deadline: Instant) -> Result<Turn<'_>, Fault> {
        if let Ok(permit) = self.free.try_acquire() {
            return Ok(self.begin(permit));
        }
        let _place = self.line_up()?;
        let started = Instant::now();
        let until = deadline.min(started + limits::MODEL_QUEUE);
        match timeout_at(until, self.free.acquire()).await {
            // The semaphore is never closed.
            Ok(permit) => permit.map(|permit| self.begin(permit)).map_err(|_| Fault::Unwanted),
            Err(_) => Err(Fault::NoTurn(round(until - started))),
        }
    }

    fn begin<'a>(&self, permit: SemaphorePermit<'a>) -> Turn<'a> {
        self.open_gauge.increment(1.0);
        Turn { _permit: permit, open: self.open_gauge.clone() }
    }

    fn line_up(&self) -> Result<Place<'_>, Fault> {
        let room = |waiting: usize| (waiting < limits::MODEL_WAITING).then_some(waiting + 1);
        self.waiting.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).map_err(|_| Fault::Crowded)?;
        self.waiting_gauge.increment(1.0);
        Ok(Place(self))
    }
}

/// To whole seconds, as people are told.
fn round(time: Duration) -> Duration {
    Duration::from_secs(time.as_secs_f64().round() as u64)
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        self.open.decrement(1.0);
    }
}

impl Drop for Place<'_> {
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
        let turns = Turns::new(&Arc::from("default"), 1);
        let far = Instant::now() + limits::MODEL_QUEUE * 10;
        let first = turns.take(far).await.expect("a turn");
        let mut waiting: Vec<_> = (0..limits::MODEL_WAITING).map(|_| Box::pin(turns.take(far))).collect();
        for one in &mut waiting {
            assert!(one.as_mut().now_or_never().is_none());
        }
        assert_eq!(turns.take(far).await.err(), Some(Fault::Crowded));

        drop(first);
        let second = waiting.remove(0).await.expect("the next turn");
        // Who gives up makes room.
        drop(waiting);
        assert_eq!(turns.waiting.load(Ordering::Relaxed), 0);
        let near = Instant::now() + Duration::from_millis(20);
        assert!(matches!(turns.take(near).await.err(), Some(Fault::NoTurn(_))));
        assert_eq!(turns.waiting.load(Ordering::Relaxed), 0);
        drop(second);
        assert_eq!(turns.free.available_permits(), 1);
    }
}
