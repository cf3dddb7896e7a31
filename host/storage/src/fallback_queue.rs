//! The offline queue with a fallback file (P.3): while the database cannot be used, messages for absent devices are
//! stored in a JSON file, and moved into the database when it can be used again.
//!
//! Rule: as long as the file holds anything, every new message goes behind it, which preserves the order per device;
//! while the database works this module costs one atomic load per call.
//!
//! # Layout
//! - [`FallbackQueue`]: the public type
//! - `worker`: the thread that owns the file
//! - `file`: the messages in it, and writing it atomically

mod file;
mod worker;

pub(crate) use self::file::FILE as QUEUE_FILE;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::limits;
use modehost_ids::DeviceId;
use tokio::sync::oneshot;

pub(crate) use self::file::FILE;
use self::file::{FIRST_FILE_ID, FileMessage};
use self::worker::{Job, Worker};
use crate::reply::{Reply, StorageError};
use crate::sqlite::OpenError;
use crate::traits::{OfflineDelivery, OfflineQueue, QueuedMessage, ReceiptTarget};

/// An offline queue that survives a failure of its database. Dropping it stops its thread; messages in the file stay
/// there for the next start.
pub struct FallbackQueue {
    primary: Arc<dyn OfflineQueue>,
    /// The file holds messages.
    in_use: Arc<AtomicBool>,
    /// Maximum number of messages queued for one device.
    limit: Arc<AtomicU32>,
    /// `None` only during drop.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl FallbackQueue {
    /// Uses the file `offline_queue.json` in `dir`, which must exist. What an earlier process left in it is moved into
    /// `primary` as soon as that works; a damaged file is moved aside. Blocks on disk IO.
    ///
    /// # Errors
    /// If the file exists and cannot be read, or no thread can be started.
    pub fn open(primary: Arc<dyn OfflineQueue>, dir: &Path) -> Result<Arc<Self>, OpenError> {
        Self::open_with(primary, dir, limits::FALLBACK_DELIVERY_TIMEOUT)
    }

    /// As [`Self::open`], with the time that a device has to acknowledge messages delivered from the file.
    fn open_with(
        primary: Arc<dyn OfflineQueue>,
        dir: &Path,
        delivery_timeout: Duration,
    ) -> Result<Arc<Self>, OpenError> {
        let folder = |source| OpenError::Folder { dir: dir.into(), source };
        let file = file::File::open(dir).map_err(folder)?;
        let in_use = Arc::new(AtomicBool::new(!file.is_empty()));
        let (jobs, waiting) = sync_channel(limits::FALLBACK_JOBS);
        let limit = Arc::new(AtomicU32::new(limits::QUEUE_PER_DEVICE));
        let worker = Worker::new(primary.clone(), file, in_use.clone(), limit.clone(), delivery_timeout);
        let thread = std::thread::Builder::new()
            .name("storage-spare-queue".into())
            .spawn(move || worker.run(&waiting))
            .map_err(OpenError::Thread)?;
        Ok(Arc::new(Self { primary, in_use, limit, jobs: Some(jobs), thread: Some(thread) }))
    }

    /// Removes all messages in the file to and from this device; the reply is their number.
    pub fn erase_device(&self, device: &DeviceId) -> Reply<u64> {
        let device = device.clone();
        self.submit(|reply| Job::Forget { device, reply })
    }

    /// All messages in the file to and from this device, in the file's format.
    pub fn export_device(&self, device: &DeviceId) -> Reply<Vec<serde_json::Value>> {
        let device = device.clone();
        let found = self.submit(|reply| Job::Export { device, reply });
        Reply::from_future(async move {
            Ok(found.await?.iter().filter_map(|message| serde_json::to_value(message).ok()).collect())
        })
    }

    /// Stores the message in the file if the database rejects it as unusable.
    fn or_in_file(&self, first: Reply<u32>, message: FileMessage) -> Reply<u32> {
        let jobs = self.jobs.clone();
        Reply::from_future(async move {
            match first.await {
                Err(why) if is_unusable(&why) => {
                    submit(jobs.as_ref(), |reply| Job::Enqueue { message, why: Some(why), reply }).await
                }
                outcome => outcome,
            }
        })
    }

    fn submit<T>(&self, job: impl FnOnce(oneshot::Sender<Result<T, StorageError>>) -> Job) -> Reply<T> {
        submit(self.jobs.as_ref(), job)
    }
}

impl Drop for FallbackQueue {
    fn drop(&mut self) {
        // The thread ends when the channel is closed.
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl OfflineQueue for FallbackQueue {
    fn enqueue_with_receipt(
        &self,
        origin: Option<ReceiptTarget>,
        device: &DeviceId,
        payload: Arc<str>,
        now: u64,
        ttl_ms: u64,
    ) -> Reply<u32> {
        let message = FileMessage::new(origin.clone(), device, payload.clone(), now, ttl_ms);
        if self.in_use.load(Ordering::Acquire) {
            return self.submit(|reply| Job::Enqueue { message, why: None, reply });
        }
        self.or_in_file(self.primary.enqueue_with_receipt(origin, device, payload, now, ttl_ms), message)
    }

    fn enqueue_delivery(&self, delivery: OfflineDelivery) -> Reply<u32> {
        let origin = delivery.origin();
        let message =
            FileMessage::new(origin, &delivery.receiver, delivery.payload.clone(), delivery.now, delivery.ttl_ms);
        if self.in_use.load(Ordering::Acquire) {
            return self.submit(|reply| Job::Enqueue { message, why: None, reply });
        }
        self.or_in_file(self.primary.enqueue_delivery(delivery), message)
    }

    fn set_limit_per_device(&self, max: u32) {
        self.limit.store(max.max(1), Ordering::Relaxed);
        self.primary.set_limit_per_device(max);
    }

    fn next_page(&self, device: &DeviceId, now: u64) -> Reply<Vec<QueuedMessage>> {
        if !self.in_use.load(Ordering::Acquire) {
            return self.primary.next_page(device, now);
        }
        let device = device.clone();
        self.submit(|reply| Job::Pending { device, now, reply })
    }

    fn remove(&self, device: &DeviceId, ids: Vec<u64>) -> Reply<()> {
        let (in_file, in_database): (Vec<u64>, Vec<u64>) = ids.into_iter().partition(|id| *id >= FIRST_FILE_ID);
        if in_file.is_empty() && !self.in_use.load(Ordering::Acquire) {
            return self.primary.remove(device, in_database);
        }
        let owner = device.clone();
        let from_file = self.submit(|reply| Job::Remove { device: owner, ids: in_file, reply });
        let from_database = (!in_database.is_empty()).then(|| self.primary.remove(device, in_database));
        Reply::from_future(async move {
            let from_file = from_file.await;
            match from_database {
                Some(from_database) => from_database.await.and(from_file),
                None => from_file,
            }
        })
    }
}

/// True for errors that concern the database rather than the message.
fn is_unusable(error: &StorageError) -> bool {
    matches!(error, StorageError::Unavailable(_) | StorageError::Corrupt(_) | StorageError::Closed)
}

fn submit<T>(
    jobs: Option<&SyncSender<Job>>,
    job: impl FnOnce(oneshot::Sender<Result<T, StorageError>>) -> Job,
) -> Reply<T> {
    let Some(jobs) = jobs else {
        return Reply::ready(Err(StorageError::Closed));
    };
    let (sender, reply) = Reply::channel();
    match jobs.try_send(job(sender)) {
        Ok(()) => reply,
        Err(TrySendError::Full(_)) => Reply::ready(Err(StorageError::Overloaded)),
        Err(TrySendError::Disconnected(_)) => Reply::ready(Err(StorageError::Closed)),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::*;
    use crate::config::Config;
    use crate::sqlite::SqliteStorage;

    fn get<T: Unpin>(reply: Reply<T>) -> T {
        futures_lite::future::block_on(reply).expect("an answer")
    }

    fn payloads(queue: &dyn OfflineQueue, device: &DeviceId) -> Vec<String> {
        get(queue.next_page(device, 10)).iter().map(|message| message.payload.to_string()).collect()
    }

    #[test]
    fn p4_what_arrives_after_the_database_got_it_does_not_come_again() {
        let dir = tempfile::tempdir().expect("a folder");
        let storage = SqliteStorage::open(&Config { dir: dir.path().into(), ..Config::default() }).expect("open");
        let queue = FallbackQueue::open_with(storage.clone(), dir.path(), Duration::ZERO).expect("a fallback queue");
        let device = DeviceId::new("d");
        let other = rusqlite::Connection::open(dir.path().join("modehost.db")).expect("the database");
        other.execute_batch("BEGIN IMMEDIATE").expect("the lock");
        for payload in ["one", "two", "three"] {
            get(queue.enqueue(&device, payload.into(), 1, 1_000_000));
        }
        let delivered = get(queue.next_page(&device, 10));
        // The device stalls, and meanwhile the database works again.
        other.execute_batch("ROLLBACK").expect("the lock given back");
        let deadline = Instant::now() + Duration::from_secs(30);
        while payloads(&*storage, &device).len() < 3 || queue.in_use.load(Ordering::Acquire) {
            assert!(Instant::now() < deadline, "the database never has them");
            std::thread::yield_now();
        }
        get(queue.remove(&device, delivered.iter().take(2).map(|message| message.id).collect()));
        assert_eq!(payloads(&*queue, &device), ["three"]);
        // Messages read from the database are removed as usual.
        let rest = get(queue.next_page(&device, 10));
        get(queue.remove(&device, rest.iter().map(|message| message.id).collect()));
        assert!(payloads(&*storage, &device).is_empty());
    }
}
