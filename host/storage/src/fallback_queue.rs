//! The offline queue with a file in reserve (P.3): where the database cannot be used, messages for
//! devices that are away are kept in a JSON file, and taken into the database when it can.
//!
//! Rule: as long as the file holds anything, every new message goes behind it, so the order of a
//! device's messages stays; while the database works this crate costs one atomic read a call.
//!
//! # Layout
//! - [`FallbackQueue`]: what callers see
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
use self::file::{FILE_IDS, Kept};
use self::worker::{Job, Worker};
use crate::reply::{Reply, StorageError};
use crate::sqlite::OpenError;
use crate::traits::{OfflineDelivery, OfflineQueue, Origin, Queued};

/// An offline queue that survives its database. Dropping it ends its thread; what is in the file
/// stays there for the next start.
pub struct FallbackQueue {
    primary: Arc<dyn OfflineQueue>,
    /// The file holds something.
    in_use: Arc<AtomicBool>,
    /// Messages that may wait for one device.
    limit: Arc<AtomicU32>,
    /// None only while this is being dropped.
    jobs: Option<SyncSender<Job>>,
    thread: Option<JoinHandle<()>>,
}

impl FallbackQueue {
    /// Keeps the file `offline_queue.json` in `dir`, which must be there. What an earlier process
    /// has left in it is taken into `primary` as soon as that works; a file that makes no sense is
    /// put aside. Blocks for as long as the disk takes.
    ///
    /// # Errors
    /// If the file is there and cannot be read, or no thread can be started.
    pub fn open(primary: Arc<dyn OfflineQueue>, dir: &Path) -> Result<Arc<Self>, OpenError> {
        Self::open_with(primary, dir, limits::SPARE_LENT)
    }

    /// As [`Self::open`]; a device may take so long to say what of the file has arrived.
    fn open_with(primary: Arc<dyn OfflineQueue>, dir: &Path, patience: Duration) -> Result<Arc<Self>, OpenError> {
        let folder = |source| OpenError::Folder { dir: dir.into(), source };
        let file = file::File::open(dir).map_err(folder)?;
        let in_use = Arc::new(AtomicBool::new(!file.is_empty()));
        let (jobs, waiting) = sync_channel(limits::SPARE_JOBS);
        let limit = Arc::new(AtomicU32::new(limits::QUEUE_PER_DEVICE));
        let worker = Worker::new(primary.clone(), file, in_use.clone(), limit.clone(), patience);
        let thread = std::thread::Builder::new()
            .name("storage-spare-queue".into())
            .spawn(move || worker.run(&waiting))
            .map_err(OpenError::Thread)?;
        Ok(Arc::new(Self { primary, in_use, limit, jobs: Some(jobs), thread: Some(thread) }))
    }

    /// Removes what the file holds to this device and from it; the answer is how many messages that were.
    pub fn forget(&self, device: &DeviceId) -> Reply<u64> {
        let device = device.clone();
        self.submit(|reply| Job::Forget { device, reply })
    }

    /// What the file holds to this device and from it, as it stands there.
    pub fn concerning(&self, device: &DeviceId) -> Reply<Vec<serde_json::Value>> {
        let device = device.clone();
        let found = self.submit(|reply| Job::Concerning { device, reply });
        Reply::of(async move { Ok(found.await?.iter().filter_map(|kept| serde_json::to_value(kept).ok()).collect()) })
    }

    /// Keeps the message in the file if the database cannot.
    fn or_here(&self, first: Reply<u32>, kept: Kept) -> Reply<u32> {
        let jobs = self.jobs.clone();
        Reply::of(async move {
            match first.await {
                Err(why) if is_unusable(&why) => {
                    submit(jobs.as_ref(), |reply| Job::Keep { kept, why: Some(why), reply }).await
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
        // The thread ends when nobody can give it anything any more.
        self.jobs = None;
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            let _ = thread.join();
        }
    }
}

impl OfflineQueue for FallbackQueue {
    fn enqueue_from(
        &self,
        origin: Option<Origin>,
        device: &DeviceId,
        payload: Arc<str>,
        now: u64,
        ttl_ms: u64,
    ) -> Reply<u32> {
        let kept = Kept::new(origin.clone(), device, payload.clone(), now, ttl_ms);
        if self.in_use.load(Ordering::Acquire) {
            return self.submit(|reply| Job::Keep { kept, why: None, reply });
        }
        self.or_here(self.primary.enqueue_from(origin, device, payload, now, ttl_ms), kept)
    }

    fn enqueue_delivery(&self, letter: OfflineDelivery) -> Reply<u32> {
        let origin = letter.origin();
        let kept = Kept::new(origin, &letter.receiver, letter.payload.clone(), letter.now, letter.ttl_ms);
        if self.in_use.load(Ordering::Acquire) {
            return self.submit(|reply| Job::Keep { kept, why: None, reply });
        }
        self.or_here(self.primary.enqueue_delivery(letter), kept)
    }

    fn limit(&self, most: u32) {
        self.limit.store(most.max(1), Ordering::Relaxed);
        self.primary.limit(most);
    }

    fn waiting(&self, device: &DeviceId, now: u64) -> Reply<Vec<Queued>> {
        if !self.in_use.load(Ordering::Acquire) {
            return self.primary.waiting(device, now);
        }
        let device = device.clone();
        self.submit(|reply| Job::Waiting { device, now, reply })
    }

    fn remove(&self, device: &DeviceId, ids: Vec<u64>) -> Reply<()> {
        let (in_file, in_database): (Vec<u64>, Vec<u64>) = ids.into_iter().partition(|id| *id >= FILE_IDS);
        if in_file.is_empty() && !self.in_use.load(Ordering::Acquire) {
            return self.primary.remove(device, in_database);
        }
        let owner = device.clone();
        let from_file = self.submit(|reply| Job::Remove { device: owner, ids: in_file, reply });
        let from_database = (!in_database.is_empty()).then(|| self.primary.remove(device, in_database));
        Reply::of(async move {
            let from_file = from_file.await;
            match from_database {
                Some(from_database) => from_database.await.and(from_file),
                None => from_file,
            }
        })
    }
}

/// True for errors that say something about the database and not about the message.
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
    let (sender, reply) = Reply::waiting();
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
        get(queue.waiting(device, 10)).iter().map(|message| message.payload.to_string()).collect()
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
        let handed = get(queue.waiting(&device, 10));
        // The device stalls, and meanwhile the database works again.
        other.execute_batch("ROLLBACK").expect("the lock given back");
        let deadline = Instant::now() + Duration::from_secs(30);
        while payloads(&*storage, &device).len() < 3 || queue.in_use.load(Ordering::Acquire) {
            assert!(Instant::now() < deadline, "the database never has them");
            std::thread::yield_now();
        }
        get(queue.remove(&device, handed.iter().take(2).map(|message| message.id).collect()));
        assert_eq!(payloads(&*queue, &device), ["three"]);
        // What has been read from the database since goes as ever.
        let rest = get(queue.waiting(&device, 10));
        get(queue.remove(&device, rest.iter().map(|message| message.id).collect()));
        assert!(payloads(&*storage, &device).is_empty());
    }
}
