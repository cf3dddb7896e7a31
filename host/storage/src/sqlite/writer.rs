//! The single writer thread.
//!
//! Rule: a caller is answered only when the transaction with its write is on disk. Writes are applied in the order of
//! submission; a write that fails is undone alone, a disk error fails the whole batch but no later one. What came out
//! of the log of a cluster is tried until it is on disk: a node never skips what the others have applied.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::thread::sleep;
use std::time::Instant;

use crate::limits;
use modehost_ids::DeviceId;
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{Notify, oneshot};

use super::backlog::{AbandonOnExit, Backlog};
use super::capacity::Capacity;
use super::failure;
use super::open_files::OpenFiles;
use super::removed::RemovedEntries;
use super::signed;
use super::watches::Watches;
use crate::reply::StorageError;
use crate::traits::{Document, Owner};

/// What a write operates on.
pub(super) struct WriteContext<'c> {
    pub(super) connection: &'c Connection,
    /// Documents changed so far; watchers are notified after the commit.
    pub(super) changes: Vec<Document>,
    /// Archive files have become due for export.
    pub(super) due: bool,
    /// Archive entries removed so far; logged after the commit.
    pub(super) removed: Vec<RemovedEntries>,
    /// What this node has to hear of after the commit; `None` where it is the only one.
    pub(super) news: Option<Vec<Applied>>,
}

impl WriteContext<'_> {
    /// Notes what this node has to hear of, if it is one of several.
    pub(super) fn applied(&mut self, news: impl FnOnce() -> Applied) {
        if let Some(all) = &mut self.news {
            all.push(news());
        }
    }
}

/// A change that every node of a cluster has to hear of, whoever made it.
#[derive(Clone, Debug)]
pub(super) enum Applied {
    /// The device has this owner now.
    Owner(DeviceId, Option<Owner>),
    /// A message waits for the device.
    Queued(DeviceId),
    /// The cluster has other plugins now.
    Component,
}

/// Hears of what was applied, after the commit and before anybody is answered. Must not block.
pub(super) trait Follower: Send + Sync {
    fn on_applied(&self, news: Vec<Applied>);
}

/// Properties of a queued write.
#[derive(Clone, Copy, Debug)]
pub(super) struct JobInfo {
    /// Number of write operations; for batching and metrics.
    pub(super) operations: usize,
    /// Whether it only frees space.
    pub(super) frees: bool,
}

/// Of a single operation that only frees space: it succeeds even when the database is full.
pub(super) const FREES: JobInfo = JobInfo { operations: 1, frees: true };

/// A queued write. Dropping it answers `Closed`.
pub(super) trait Write: Send {
    /// Runs it and stores the outcome.
    fn run(&mut self, context: &mut WriteContext<'_>) -> rusqlite::Result<()>;

    fn info(&self) -> JobInfo;

    /// Whether it runs by itself, outside of a transaction. Its errors are then part of its outcome.
    fn is_standalone(&self) -> bool;

    /// Position in the log of a cluster, if it came out of it: then it is applied in any case, as soon as the disk
    /// allows it.
    fn sequence(&self) -> Option<u64> {
        None
    }

    /// Answers the caller with the stored outcome, or with the failure.
    fn answer(self: Box<Self>, failure: Option<StorageError>);
}

struct Job<W, T> {
    work: Option<W>,
    outcome: Option<T>,
    info: JobInfo,
    standalone: bool,
    sender: oneshot::Sender<Result<T, StorageError>>,
}

/// Wraps a closure as a queued write, of what concerns this machine alone. What everybody has to know is a command.
pub(super) fn job<W, T>(work: W, info: JobInfo, sender: oneshot::Sender<Result<T, StorageError>>) -> Box<dyn Write>
where
    W: FnOnce(&mut WriteContext<'_>) -> rusqlite::Result<T> + Send + 'static,
    T: Send + 'static,
{
    Box::new(Job { work: Some(work), outcome: None, info, standalone: false, sender })
}

/// The same, for a closure that runs outside of a transaction.
pub(super) fn standalone_job<W, T>(work: W, sender: oneshot::Sender<Result<T, StorageError>>) -> Box<dyn Write>
where
    W: FnOnce(&mut WriteContext<'_>) -> rusqlite::Result<T> + Send + 'static,
    T: Send + 'static,
{
    Box::new(Job { work: Some(work), outcome: None, info: FREES, standalone: true, sender })
}

impl<W, T> Write for Job<W, T>
where
    W: FnOnce(&mut WriteContext<'_>) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn run(&mut self, context: &mut WriteContext<'_>) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.outcome = Some(work(context)?);
        }
        Ok(())
    }

    fn info(&self) -> JobInfo {
        self.info
    }

    fn is_standalone(&self) -> bool {
        self.standalone
    }

    fn answer(self: Box<Self>, failure: Option<StorageError>) {
        answer(failure, self.outcome, self.sender);
    }
}

/// Answers a caller with the outcome of its write, or with the failure.
pub(super) fn answer<T>(
    failure: Option<StorageError>,
    outcome: Option<T>,
    caller: oneshot::Sender<Result<T, StorageError>>,
) {
    let answer = match (failure, outcome) {
        (None, Some(outcome)) => Ok(outcome),
        (Some(error), _) => Err(error),
        (None, None) => Err(StorageError::Closed),
    };
    if let Err(error) = &answer {
        failure::count_error(error);
    }
    // The caller may have stopped waiting.
    let _ = caller.send(answer);
}

/// Body of the writer thread: runs until the backlog is closed and empty.
pub(super) fn run_writer(
    (connection, mut open_files, mut capacity): (Connection, OpenFiles, Capacity),
    file: &Path,
    backlog: &Backlog<Box<dyn Write>>,
    (watches, follower): (&Watches, &OnceLock<Arc<dyn Follower>>),
    (due, last_failure): (&Notify, &Mutex<Option<StorageError>>),
) {
    let _abandon = AbandonOnExit(backlog);
    let mut waiting = Vec::with_capacity(limits::WRITER_BATCH);
    let mut jobs = Vec::with_capacity(limits::WRITER_BATCH);
    let mut queued = 0;
    let mut failing = false;
    loop {
        if waiting.is_empty() {
            match backlog.take(limits::WRITER_BATCH, &mut waiting) {
                Some(remaining) => queued = remaining,
                None => break,
            }
        }
        jobs.extend(waiting.drain(..next_batch_len(&waiting, failing || capacity.is_low())));
        metrics::gauge!("modehost_storage_queue_depth").set((queued + waiting.len()) as f64);
        metrics::histogram!("modehost_storage_batch_operations").record(operations(&jobs) as f64);
        let follower = follower.get();
        let outcome = open_files
            .check(&connection)
            .and_then(|()| commit(&connection, file, (&mut capacity, follower.is_some()), &mut jobs));
        // If a file lost its path meanwhile, the batch is lost with it.
        let outcome = outcome.and_then(|committed| open_files.check_after_write(&connection).map(|()| committed));
        log_state_change(&outcome, file, &mut failing);
        let (failures, changes) = match outcome {
            Ok(committed) => {
                if committed.due {
                    due.notify_one();
                }
                committed.removed.iter().for_each(RemovedEntries::log);
                // Before the answers: whoever has claimed a device may write for it.
                if let (Some(follower), Some(news)) = (follower, committed.news) {
                    follower.on_applied(news);
                }
                (committed.failures, committed.changes)
            }
            Err(error) => {
                if matches!(error, StorageError::Corrupt(_)) {
                    open_files.damage().record(&error);
                }
                *last_failure.lock() = Some(error.clone());
                if keep_logged(&mut jobs, &mut waiting) {
                    if backlog.is_closed() {
                        break;
                    }
                    sleep(limits::APPLY_RETRY);
                }
                (vec![Some(error); jobs.len()], Vec::new())
            }
        };
        for (job, failure) in jobs.drain(..).zip(failures) {
            job.answer(failure);
        }
        for document in &changes {
            watches.notify(document);
        }
    }
    // In this order: see `Integrity`.
    drop(connection);
    drop(open_files);
}

/// Moves the jobs that came out of the log of a cluster back in front of those that wait. True if there are any.
fn keep_logged(jobs: &mut Vec<Box<dyn Write>>, waiting: &mut Vec<Box<dyn Write>>) -> bool {
    let logged: Vec<_> = jobs.extract_if(.., |job| job.sequence().is_some()).collect();
    let any = !logged.is_empty();
    waiting.splice(..0, logged);
    any
}

/// Total number of write operations of the jobs.
fn operations(jobs: &[Box<dyn Write>]) -> usize {
    jobs.iter().map(|job| job.info().operations).sum()
}

/// Number of waiting jobs that form the next batch: up to the limit of operations, and at least one job. While space is
/// low, jobs that free space do not share a batch with jobs that take it: one failure undoes a whole batch.
fn next_batch_len(waiting: &[Box<dyn Write>], low_space: bool) -> usize {
    let Some(first) = waiting.first() else { return 0 };
    if first.is_standalone() {
        return 1;
    }
    let JobInfo { mut operations, frees } = first.info();
    let others = waiting[1..].iter().take_while(|job| {
        let info = job.info();
        operations += info.operations;
        operations <= limits::WRITER_BATCH && !job.is_standalone() && (!low_space || info.frees == frees)
    });
    1 + others.count()
}

/// A batch that is on disk.
struct Committed {
    /// One per write; `None` if it succeeded.
    failures: Vec<Option<StorageError>>,
    changes: Vec<Document>,
    due: bool,
    removed: Vec<RemovedEntries>,
    news: Option<Vec<Applied>>,
}

/// Applies all writes in one transaction; an error means that none of them is on disk.
fn commit(
    connection: &Connection,
    file: &Path,
    (capacity, replicated): (&mut Capacity, bool),
    jobs: &mut [Box<dyn Write>],
) -> Result<Committed, StorageError> {
    let operations = operations(jobs);
    let _span = tracing::trace_span!(target: "modehost::trace", "storage.commit", operations).entered();
    let began = Instant::now();
    let outcome = capacity
        .prepare(connection, file, replicated)
        .and_then(|()| run_transaction(connection, file, (capacity, replicated), jobs));
    metrics::histogram!("modehost_storage_commit_seconds").record(began.elapsed().as_secs_f64());
    outcome.map_err(|error| {
        // SQLite rolls back by itself after some errors, but not after others.
        if !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        let explained = failure::explain(&error, file);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => capacity.explain(connection, file, explained),
            _ => explained,
        }
    })
}

fn run_transaction(
    connection: &Connection,
    file: &Path,
    (capacity, replicated): (&mut Capacity, bool),
    jobs: &mut [Box<dyn Write>],
) -> rusqlite::Result<Committed> {
    let news = replicated.then(Vec::new);
    let mut context = WriteContext { connection, changes: Vec::new(), due: false, removed: Vec::new(), news };
    if let [job] = jobs
        && job.is_standalone()
    {
        job.run(&mut context)?;
        let _ = capacity.check(connection, file);
        return Ok(Committed {
            failures: vec![None],
            changes: context.changes,
            due: context.due,
            removed: context.removed,
            news: context.news,
        });
    }
    let mut failures = Vec::with_capacity(jobs.len());
    execute(connection, "BEGIN IMMEDIATE")?;
    // By its own clock: that is for a single node only.
    if !replicated && jobs.iter().all(|job| job.info().frees) && capacity.is_low() {
        capacity.remove_expired(connection)?;
    }
    let position = jobs.iter().filter_map(|job| job.sequence()).max();
    for job in jobs {
        let (changes, removed) = (context.changes.len(), context.removed.len());
        let news = context.news.as_ref().map_or(0, Vec::len);
        execute(connection, "SAVEPOINT one")?;
        match job.run(&mut context) {
            Ok(()) => failures.push(None),
            Err(error) if connection.is_autocommit() || failure::affects_all_writes(&error) => return Err(error),
            Err(error) => {
                execute(connection, "ROLLBACK TO one")?;
                context.changes.truncate(changes);
                context.removed.truncate(removed);
                context.news.iter_mut().for_each(|all| all.truncate(news));
                failures.push(Some(failure::explain(&error, file)));
            }
        }
        execute(connection, "RELEASE one")?;
    }
    // Also past commands that were refused: they are refused on every node.
    if let Some(position) = position {
        connection.prepare_cached("UPDATE replication SET applied = ?1")?.execute([signed(position)])?;
    }
    execute(connection, "COMMIT")?;
    // The commit is on disk, whether the usage can be checked or not.
    let _ = capacity.check(connection, file);
    let WriteContext { connection: _, changes, due, removed, news } = context;
    Ok(Committed { failures, changes, due, removed, news })
}

fn execute(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute(())?;
    Ok(())
}

/// Logs when a failure begins and when it is over, not every batch in between.
fn log_state_change(outcome: &Result<Committed, StorageError>, file: &Path, failing: &mut bool) {
    match outcome {
        // Damage was logged where it was found.
        Err(StorageError::Corrupt(_)) => {}
        Err(error) if !*failing => tracing::error!(storage.file = %file.display(), "{error}"),
        Ok(_) if *failing => tracing::info!(storage.file = %file.display(), "storage writes again"),
        _ => {}
    }
    *failing = outcome.is_err();
}
