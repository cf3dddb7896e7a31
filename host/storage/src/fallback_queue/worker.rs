//! The thread that owns the file. Rule: it replies after the file is on disk; while the file holds messages, it keeps
//! trying to move them into the database, oldest first.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use crate::limits;
use futures_lite::future::block_on;
use modehost_ids::DeviceId;
use tokio::sync::oneshot;

use super::file::{File, FileMessage};
use crate::reply::{Reply, StorageError};
use crate::traits::{OfflineQueue, QueuedMessage};

type Answer<T> = oneshot::Sender<Result<T, StorageError>>;

/// Requests to the thread. A caller that no longer waits for the reply is not an error.
pub(super) enum Job {
    Enqueue {
        message: FileMessage,
        /// Why the database rejected it; `None` if it was not tried.
        why: Option<StorageError>,
        reply: Answer<u32>,
    },
    Pending {
        device: DeviceId,
        now: u64,
        reply: Answer<Vec<QueuedMessage>>,
    },
    Remove {
        device: DeviceId,
        ids: Vec<u64>,
        reply: Answer<()>,
    },
    /// Removes all messages to or from this device; the reply is how many.
    Forget {
        device: DeviceId,
        reply: Answer<u64>,
    },
    /// Returns all messages to or from this device.
    Export {
        device: DeviceId,
        reply: Answer<Vec<FileMessage>>,
    },
}

pub(super) struct Worker {
    primary: Arc<dyn OfflineQueue>,
    file: File,
    in_use: Arc<AtomicBool>,
    limit: Arc<AtomicU32>,
    /// Devices to which messages of the file are being delivered, until they are acknowledged or this time: meanwhile
    /// they must not be delivered a second time from the database.
    in_delivery: HashMap<DeviceId, Instant>,
    /// How long a delivery may take before its messages are moved to the database nevertheless.
    delivery_timeout: Duration,
    /// Messages moved to the database during a delivery: id in the file, and id in the database. The device may still
    /// acknowledge them, and they must not be delivered again then. Only the newest are kept: few devices stay silent
    /// for so long.
    moved_in_delivery: BTreeMap<u64, u64>,
    /// Time of the next attempt to use the database.
    next_try: Instant,
    /// The file on disk still contains messages that were removed in memory.
    file_stale: bool,
    /// When it was last logged that the database, and that the file, rejects messages.
    last_logged: [Option<Instant>; 2],
}

impl Worker {
    pub(super) fn new(
        primary: Arc<dyn OfflineQueue>,
        file: File,
        in_use: Arc<AtomicBool>,
        limit: Arc<AtomicU32>,
        delivery_timeout: Duration,
    ) -> Self {
        let (in_delivery, moved_in_delivery, next_try) = (HashMap::new(), BTreeMap::new(), Instant::now());
        Self {
            primary,
            file,
            in_use,
            limit,
            in_delivery,
            delivery_timeout,
            moved_in_delivery,
            next_try,
            file_stale: false,
            last_logged: [None; 2],
        }
    }

    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            if self.has_work() && Instant::now() >= self.next_try {
                self.drain_to_database();
            }
            let wait = self.next_try.saturating_duration_since(Instant::now());
            let first = match self.has_work() {
                true => jobs.recv_timeout(wait),
                false => jobs.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            match first {
                Ok(first) => self.process(first, jobs),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn has_work(&self) -> bool {
        self.file_stale || !self.file.is_empty()
    }

    /// Processes all waiting requests with one write of the file.
    fn process(&mut self, first: Job, jobs: &Receiver<Job>) {
        let before = self.file.messages().clone();
        let more = std::iter::from_fn(|| jobs.try_recv().ok()).take(limits::FALLBACK_JOBS);
        let (mut enqueued, mut removed, mut pending) = (Vec::new(), Vec::new(), Vec::new());
        let mut forgotten = Vec::new();
        for job in std::iter::once(first).chain(more) {
            match job {
                Job::Enqueue { message, why, reply } => {
                    if let Some(why) = why
                        && self.file.is_empty()
                    {
                        if should_log(&mut self.last_logged[0]) {
                            let file = self.file.path();
                            tracing::warn!(
                                "the database takes no messages for devices that are away ({why}); they are kept in {} \
                                 until it does",
                                file.display()
                            );
                        }
                        self.next_try = Instant::now() + limits::FALLBACK_RETRY;
                    }
                    enqueued.push((self.file.add(message, self.limit.load(Ordering::Relaxed)), reply));
                }
                Job::Remove { device, ids, reply } => {
                    self.in_delivery.remove(&device);
                    self.file.remove(|message| message.device_id == device && ids.contains(&message.id));
                    removed.push((self.remove_moved(&device, &ids), reply));
                }
                Job::Forget { device, reply } => {
                    self.in_delivery.remove(&device);
                    let all = self.file.messages().len();
                    self.file.remove(|message| message.involves(&device));
                    forgotten.push((Ok((all - self.file.messages().len()) as u64), reply));
                }
                Job::Export { device, reply } => {
                    let concerned = self.file.messages().iter().filter(|message| message.involves(&device));
                    drop(reply.send(Ok(concerned.cloned().collect())));
                }
                Job::Pending { device, now, reply } => pending.push((device, now, reply)),
            }
        }
        if *self.file.messages() != before
            && let Err(error) = self.file.write()
        {
            let text = format!("{}: {error}; make room or let this user write there", self.file.path().display());
            if should_log(&mut self.last_logged[1]) {
                tracing::error!("the database cannot be used, and neither can {text}");
            }
            let error = StorageError::Unavailable(text);
            self.file.reset(before);
            enqueued.iter_mut().for_each(|(outcome, _)| *outcome = Err(error.clone()));
            removed.iter_mut().for_each(|(outcome, _)| *outcome = Err(error.clone()));
            forgotten.iter_mut().for_each(|(outcome, _)| *outcome = Err(error.clone()));
        }
        self.update_in_use();
        for (outcome, reply) in enqueued {
            metrics::counter!("modehost_queue_dropped_total").increment(u64::from(*outcome.as_ref().unwrap_or(&0)));
            drop(reply.send(outcome));
        }
        removed.into_iter().for_each(|(outcome, reply)| drop(reply.send(outcome)));
        forgotten.into_iter().for_each(|(outcome, reply)| drop(reply.send(outcome)));
        for (device, now, reply) in pending {
            drop(reply.send(self.waiting(&device, now)));
        }
    }

    /// Messages for a device from the database, followed by those in the file. If the database cannot even be read,
    /// only those of the file are returned.
    fn waiting(&mut self, device: &DeviceId, now: u64) -> Result<Vec<QueuedMessage>, StorageError> {
        let in_file =
            self.file.messages().iter().filter(|message| message.device_id == *device && !message.is_expired(now));
        let in_file: Vec<QueuedMessage> = in_file.map(FileMessage::queued).collect();
        let mut waiting = match block_on(self.primary.next_page(device, now)) {
            // The database has more, and all of it goes first.
            Ok(waiting) if is_full(&waiting) => return Ok(waiting),
            Ok(waiting) => waiting,
            Err(error) if in_file.is_empty() => return Err(error),
            Err(error) => {
                tracing::warn!(%device, %error, "only messages of the fallback file are delivered; the rest stays queued");
                Vec::new()
            }
        };
        if !in_file.is_empty() {
            self.in_delivery.insert(device.clone(), Instant::now() + self.delivery_timeout);
        }
        for message in in_file {
            if is_full(&waiting) {
                break;
            }
            waiting.push(message);
        }
        // Ids of the database are lower than all ids of the file.
        self.file.mark_in_delivery(device, waiting.last().map_or(0, |last| last.id));
        Ok(waiting)
    }

    /// Removes from the database what was moved there during the delivery.
    fn remove_moved(&mut self, device: &DeviceId, ids: &[u64]) -> Result<(), StorageError> {
        let database_ids: Vec<u64> = ids.iter().filter_map(|id| self.moved_in_delivery.remove(id)).collect();
        if database_ids.is_empty() { Ok(()) } else { block_on(self.primary.remove(device, database_ids)) }
    }

    /// Moves messages into the database. The first one goes alone, to see whether the database accepts any; then one
    /// per device at a time, since a database that is nearly full may accept a short message after rejecting a long
    /// one, and no message may overtake another of the same device.
    fn drain_to_database(&mut self) {
        let now = Instant::now();
        self.next_try = now + limits::FALLBACK_RETRY;
        self.in_delivery.retain(|_, until| *until > now);
        let mut moved_count = 0_u64;
        let mut size = 1;
        loop {
            let mut devices = HashSet::new();
            let free = self.file.messages().iter().filter(|message| !self.in_delivery.contains_key(&message.device_id));
            let next: Vec<FileMessage> =
                free.filter(|message| devices.insert(&message.device_id)).take(size).cloned().collect();
            if next.is_empty() {
                break;
            }
            let submitted: Vec<_> = next.iter().map(|message| self.enqueue_in_database(message)).collect();
            let mut handled_ids = Vec::new();
            let mut accepting = true;
            for (message, reply) in next.iter().zip(submitted) {
                match block_on(reply) {
                    Ok((_, database_id)) => {
                        moved_count += 1;
                        handled_ids.push(message.id);
                        self.moved_in_delivery.extend(
                            database_id.filter(|_| message.in_delivery).map(|database_id| (message.id, database_id)),
                        );
                    }
                    Err(StorageError::Invalid(why)) => {
                        tracing::error!(device = %message.device_id, why, "the database rejected a message of the fallback file; it is dropped");
                        handled_ids.push(message.id);
                    }
                    Err(_) => accepting = false,
                }
            }
            while self.moved_in_delivery.len() > limits::FALLBACK_MESSAGES {
                self.moved_in_delivery.pop_first();
            }
            self.file_stale |= !handled_ids.is_empty();
            self.file.remove(|message| handled_ids.contains(&message.id));
            if !accepting {
                break;
            }
            size = limits::WRITER_BATCH;
        }
        if self.file_stale {
            match self.file.write() {
                Ok(()) => self.file_stale = false,
                Err(error) => {
                    tracing::error!(file = %self.file.path().display(), %error, "messages moved to the database are still in the fallback file");
                }
            }
        }
        if moved_count > 0 && self.file.is_empty() {
            tracing::info!(messages = moved_count, "the database takes messages for devices that are away again");
        }
        self.update_in_use();
    }

    fn enqueue_in_database(&self, message: &FileMessage) -> Reply<(u32, Option<u64>)> {
        self.primary.enqueue_with_id(
            message.origin(),
            &message.device_id,
            message.payload.clone(),
            message.queued_at,
            message.ttl_ms,
        )
    }

    fn update_in_use(&self) {
        self.in_use.store(!self.file.is_empty(), Ordering::Release);
        metrics::gauge!("modehost_queue_file_messages").set(self.file.messages().len() as f64);
    }
}

/// True if the last log line is long enough ago; records the time of a new one.
fn should_log(last_logged: &mut Option<Instant>) -> bool {
    let now = Instant::now();
    let should_log = last_logged.is_none_or(|at| now - at >= limits::FALLBACK_LOG_INTERVAL);
    if should_log {
        *last_logged = Some(now);
    }
    should_log
}

/// True if this is a full page: there may be more messages.
fn is_full(page: &[QueuedMessage]) -> bool {
    let bytes: usize = page.iter().map(|message| message.payload.len()).sum();
    page.len() >= limits::QUEUE_PAGE || bytes >= limits::QUEUE_PAGE_BYTES
}
