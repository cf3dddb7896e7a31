//! The thread that owns the file. Rule: it answers after the disk has it; and it asks the database
//! again and again as long as the file holds anything, oldest message first.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::limits;
use futures_lite::future::block_on;
use modehost_ids::DeviceId;
use tokio::sync::oneshot;

use super::file::{File, Kept};
use crate::reply::{Reply, StorageError};
use crate::traits::{OfflineQueue, Queued};

type Answer<T> = oneshot::Sender<Result<T, StorageError>>;

/// What the thread is asked. A caller that no longer waits for the answer is not an error.
pub(super) enum Job {
    Keep {
        kept: Kept,
        /// Why the database did not take it; none if it was not asked.
        why: Option<StorageError>,
        reply: Answer<u32>,
    },
    Waiting {
        device: DeviceId,
        now: u64,
        reply: Answer<Vec<Queued>>,
    },
    Remove {
        device: DeviceId,
        ids: Vec<u64>,
        reply: Answer<()>,
    },
    /// Removes everything that is to this device or from it; the answer is how many that were.
    Forget {
        device: DeviceId,
        reply: Answer<u64>,
    },
    /// Gives what is to this device or from it.
    Concerning {
        device: DeviceId,
        reply: Answer<Vec<Kept>>,
    },
}

pub(super) struct Worker {
    primary: Arc<dyn OfflineQueue>,
    file: File,
    in_use: Arc<AtomicBool>,
    limit: Arc<AtomicU32>,
    /// Devices that are being handed what the file holds for them, until they say what arrived: it
    /// must not come a second time by way of the database.
    lent: HashMap<DeviceId, Instant>,
    /// How long that may take before the database gets them all the same.
    patience: Duration,
    /// What the database got while a device had it: id of the file, and there. It can still arrive,
    /// and must not come again then. The newest ones only: few devices are silent for so long.
    moved: BTreeMap<u64, u64>,
    /// When the database is asked again.
    next_try: Instant,
    /// The file on the disk still has what memory has not.
    behind: bool,
    /// When it was last said that the database takes nothing, and that the file does not.
    told: [Option<Instant>; 2],
}

impl Worker {
    pub(super) fn new(
        primary: Arc<dyn OfflineQueue>,
        file: File,
        in_use: Arc<AtomicBool>,
        limit: Arc<AtomicU32>,
        patience: Duration,
    ) -> Self {
        let (lent, moved, next_try) = (HashMap::new(), BTreeMap::new(), Instant::now());
        Self { primary, file, in_use, limit, lent, patience, moved, next_try, behind: false, told: [None; 2] }
    }

    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            if self.has_work() && Instant::now() >= self.next_try {
                self.take_back();
            }
            let wait = self.next_try.saturating_duration_since(Instant::now());
            let first = match self.has_work() {
                true => jobs.recv_timeout(wait),
                false => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match first {
                Ok(first) => self.carry_out(first, jobs),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn has_work(&self) -> bool {
        self.behind || !self.file.is_empty()
    }

    /// Carries out what waits, with one write of the file for all of it.
    fn carry_out(&mut self, first: Job, jobs: &Receiver<Job>) {
        let before = self.file.messages().clone();
        let more = std::iter::from_fn(|| jobs.try_recv().ok()).take(limits::SPARE_JOBS);
        let (mut kept, mut removed, mut asked) = (Vec::new(), Vec::new(), Vec::new());
        let mut forgotten = Vec::new();
        for job in std::iter::once(first).chain(more) {
            match job {
                Job::Keep { kept: message, why, reply } => {
                    if let Some(why) = why
                        && self.file.is_empty()
                    {
                        if is_news(&mut self.told[0]) {
                            let file = self.file.path();
                            tracing::warn!(
                                "the database takes no messages for devices that are away ({why}); they are kept in {} \
                                 until it does",
                                file.display()
                            );
                        }
                        self.next_try = Instant::now() + limits::SPARE_RETRY;
                    }
                    kept.push((self.file.add(message, self.limit.load(Ordering::Relaxed)), reply));
                }
                Job::Remove { device, ids, reply } => {
                    self.lent.remove(&device);
                    self.file.remove(|message| message.device_id == device && ids.contains(&message.id));
                    removed.push((self.remove_moved(&device, &ids), reply));
                }
                Job::Forget { device, reply } => {
                    self.lent.remove(&device);
                    let all = self.file.messages().len();
                    self.file.remove(|message| message.concerns(&device));
                    forgotten.push((Ok((all - self.file.messages().len()) as u64), reply));
                }
                Job::Concerning { device, reply } => {
                    let concerned = self.file.messages().iter().filter(|message| message.concerns(&device));
                    drop(reply.send(Ok(concerned.cloned().collect())));
                }
                Job::Waiting { device, now, reply } => asked.push((device, now, reply)),
            }
        }
        if *self.file.messages() != before
            && let Err(error) = self.file.write()
        {
            let text = format!("{}: {error}; make room or let this user write there", self.file.path().display());
            if is_news(&mut self.told[1]) {
                tracing::error!("the database cannot be used, and neither can {text}");
            }
            let error = StorageError::Unavailable(text);
            self.file.put_back(before);
            kept.iter_mut().for_each(|(outcome, _)| *outcome = Err(error.clone()));
            removed.iter_mut().for_each(|(outcome, _)| *outcome = Err(error.clone()));
            forgotten.iter_mut().for_each(|(outcome, _)| *outcome = Err(error.clone()));
        }
        self.note_use();
        for (outcome, reply) in kept {
            metrics::counter!("modehost_queue_dropped_total").increment(u64::from(*outcome.as_ref().unwrap_or(&0)));
            drop(reply.send(outcome));
        }
        removed.into_iter().for_each(|(outcome, reply)| drop(reply.send(outcome)));
        forgotten.into_iter().for_each(|(outcome, reply)| drop(reply.send(outcome)));
        for (device, now, reply) in asked {
            drop(reply.send(self.waiting(&device, now)));
        }
    }

    /// What waits for a device in the database, and behind that in the file. If the database cannot
    /// even be read, what the file has is better than nothing.
    fn waiting(&mut self, device: &DeviceId, now: u64) -> Result<Vec<Queued>, StorageError> {
        let in_file = self.file.messages().iter().filter(|kept| kept.device_id == *device && !kept.is_expired(now));
        let in_file: Vec<Queued> = in_file.map(Kept::queued).collect();
        let mut waiting = match block_on(self.primary.waiting(device, now)) {
            // The database has more, and all of it goes first.
            Ok(waiting) if is_full(&waiting) => return Ok(waiting),
            Ok(waiting) => waiting,
            Err(error) if in_file.is_empty() => return Err(error),
            Err(error) => {
                tracing::warn!(%device, %error, "only what the file holds is handed over; the rest stays queued");
                Vec::new()
            }
        };
        if !in_file.is_empty() {
            self.lent.insert(device.clone(), Instant::now() + self.patience);
        }
        for message in in_file {
            if is_full(&waiting) {
                break;
            }
            waiting.push(message);
        }
        // Ids of the database are below all of the file.
        self.file.lend(device, waiting.last().map_or(0, |last| last.id));
        Ok(waiting)
    }

    /// Removes from the database what it got while the device had it.
    fn remove_moved(&mut self, device: &DeviceId, ids: &[u64]) -> Result<(), StorageError> {
        let there: Vec<u64> = ids.iter().filter_map(|id| self.moved.remove(id)).collect();
        if there.is_empty() { Ok(()) } else { block_on(self.primary.remove(device, there)) }
    }

    /// Gives the database what it takes. The first message goes alone, to see whether it takes any;
    /// then one of each device at a time, since a database that is nearly full takes a short message
    /// after it has refused a long one, and none of a device may overtake another.
    fn take_back(&mut self) {
        let now = Instant::now();
        self.next_try = now + limits::SPARE_RETRY;
        self.lent.retain(|_, until| *until > now);
        let mut taken = 0_u64;
        let mut size = 1;
        loop {
            let mut devices = HashSet::new();
            let free = self.file.messages().iter().filter(|kept| !self.lent.contains_key(&kept.device_id));
            let next: Vec<Kept> = free.filter(|kept| devices.insert(&kept.device_id)).take(size).cloned().collect();
            if next.is_empty() {
                break;
            }
            let submitted: Vec<_> = next.iter().map(|kept| self.give(kept)).collect();
            let mut gone = Vec::new();
            let mut goes_on = true;
            for (kept, reply) in next.iter().zip(submitted) {
                match block_on(reply) {
                    Ok((_, there)) => {
                        gone.push(kept.id);
                        self.moved.extend(there.filter(|_| kept.lent).map(|there| (kept.id, there)));
                    }
                    Err(StorageError::Invalid(why)) => {
                        tracing::error!(device = %kept.device_id, why, "a kept message is not taken by the database");
                        gone.push(kept.id);
                    }
                    Err(_) => goes_on = false,
                }
            }
            while self.moved.len() > limits::SPARE_MESSAGES {
                self.moved.pop_first();
            }
            taken += gone.len() as u64;
            self.behind |= !gone.is_empty();
            self.file.remove(|kept| gone.contains(&kept.id));
            if !goes_on {
                break;
            }
            size = limits::WRITER_BATCH;
        }
        if self.behind {
            match self.file.write() {
                Ok(()) => self.behind = false,
                Err(error) => {
                    tracing::error!(file = %self.file.path().display(), %error, "what the database has is still in the file");
                }
            }
        }
        if taken > 0 && self.file.is_empty() {
            tracing::info!(messages = taken, "the database takes messages for devices that are away again");
        }
        self.note_use();
    }

    fn give(&self, kept: &Kept) -> Reply<(u32, Option<u64>)> {
        self.primary.enqueue_known(kept.origin(), &kept.device_id, kept.payload.clone(), kept.queued_at, kept.ttl_ms)
    }

    fn note_use(&self) {
        self.in_use.store(!self.file.is_empty(), Ordering::Release);
        metrics::gauge!("modehost_queue_file_messages").set(self.file.messages().len() as f64);
    }
}

/// True if it was not said a moment ago; then it is now.
fn is_news(told: &mut Option<Instant>) -> bool {
    let now = Instant::now();
    let is_news = told.is_none_or(|at| now - at >= limits::SPARE_TOLD_AGAIN);
    if is_news {
        *told = Some(now);
    }
    is_news
}

/// True if this is all that is handed over at once: there may be more.
fn is_full(page: &[Queued]) -> bool {
    let bytes: usize = page.iter().map(|message| message.payload.len()).sum();
    page.len() >= limits::QUEUE_PAGE || bytes >= limits::QUEUE_PAGE_BYTES
}
