//! The single writer thread.
//!
//! Rule: a caller is answered only when the transaction with its write is on disk. Writes are applied in the order of
//! submission; a write that fails is undone alone, a disk error fails the whole batch but no later one.

use std::path::Path;
use std::time::Instant;

use crate::limits;
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{Notify, oneshot};

use super::backlog::{AbandonOnExit, Backlog};
use super::capacity::Capacity;
use super::failure;
use super::open_files::OpenFiles;
use super::removed::RemovedEntries;
use super::watches::Watches;
use crate::reply::StorageError;
use crate::traits::Document;

/// What a write operates on.
pub(super) struct WriteContext<'c> {
    pub(super) connection: &'c Connection,
    /// Documents changed so far; watchers are notified after the commit.
    pub(super) changes: Vec<Document>,
    /// Archive files have become due for export.
    pub(super) due: bool,
    /// Archive entries removed so far; logged after the commit.
    pub(super) removed: Vec<RemovedEntries>,
}

/// Properties of a queued write.
#[derive(Clone, Copy, Debug)]
pub(super) struct JobInfo {
    /// Number of write operations; for batching and metrics.
    pub(super) operations: usize,
    /// Whether it only frees space.
    pub(super) frees: bool,
}

/// A queued write. Dropping it answers `Closed`.
pub(super) trait Write: Send {
    /// Runs it and stores the outcome.
    fn run(&mut self, context: &mut WriteContext<'_>) -> rusqlite::Result<()>;

    fn info(&self) -> JobInfo;

    /// Whether it runs by itself, outside of a transaction. Its errors are then part of its outcome.
    fn is_standalone(&self) -> bool;

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

/// Wraps a closure as a queued write.
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
    let info = JobInfo { operations: 1, frees: true };
    Box::new(Job { work: Some(work), outcome: None, info, standalone: true, sender })
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
        let answer = match (failure, self.outcome) {
            (None, Some(outcome)) => Ok(outcome),
            (Some(error), _) => Err(error),
            (None, None) => Err(StorageError::Closed),
        };
        if let Err(error) = &answer {
            failure::count_error(error);
        }
        // The caller may have stopped waiting.
        let _ = self.sender.send(answer);
    }
}

/// Body of the writer thread: runs until the backlog is closed and empty.
pub(super) fn run_writer(
    (connection, mut open_files, mut capacity): (Connection, OpenFiles, Capacity),
    file: &Path,
    backlog: &Backlog<Box<dyn Write>>,
    watches: &Watches,
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
        let outcome = open_files.check(&connection).and_then(|()| commit(&connection, file, &mut capacity, &mut jobs));
        // If a file lost its path meanwhile, the batch is lost with it.
        let outcome = outcome.and_then(|committed| open_files.check_after_write(&connection).map(|()| committed));
        log_state_change(&outcome, file, &mut failing);
        let (failures, changes) = match outcome {
            Ok(committed) => {
                if committed.due {
                    due.notify_one();
                }
                committed.removed.iter().for_each(RemovedEntries::log);
                (committed.failures, committed.changes)
            }
            Err(error) => {
                if matches!(error, StorageError::Corrupt(_)) {
                    open_files.damage().record(&error);
                }
                *last_failure.lock() = Some(error.clone());
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
}

/// Applies all writes in one transaction; an error means that none of them is on disk.
fn commit(
    connection: &Connection,
    file: &Path,
    capacity: &mut Capacity,
    jobs: &mut [Box<dyn Write>],
) -> Result<Committed, StorageError> {
    let operations = operations(jobs);
    let _span = tracing::trace_span!(target: "modehost::trace", "storage.commit", operations).entered();
    let began = Instant::now();
    let outcome = capacity.prepare(connection, file).and_then(|()| run_transaction(connection, file, capacity, jobs));
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
    capacity: &mut Capacity,
    jobs: &mut [Box<dyn Write>],
) -> rusqlite::Result<Committed> {
    let mut context = WriteContext { connection, changes: Vec::new(), due: false, removed: Vec::new() };
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
        });
    }
    let mut failures = Vec::with_capacity(jobs.len());
    execute(connection, "BEGIN IMMEDIATE")?;
    if jobs.iter().all(|job| job.info().frees) && capacity.is_low() {
        capacity.remove_expired(connection)?;
    }
    for job in jobs {
        let (changes, removed) = (context.changes.len(), context.removed.len());
        execute(connection, "SAVEPOINT one")?;
        match job.run(&mut context) {
            Ok(()) => failures.push(None),
            Err(error) if connection.is_autocommit() || failure::affects_all_writes(&error) => return Err(error),
            Err(error) => {
                execute(connection, "ROLLBACK TO one")?;
                context.changes.truncate(changes);
                context.removed.truncate(removed);
                failures.push(Some(failure::explain(&error, file)));
            }
        }
        execute(connection, "RELEASE one")?;
    }
    execute(connection, "COMMIT")?;
    // The commit is on disk, whether the usage can be checked or not.
    let _ = capacity.check(connection, file);
    Ok(Committed { failures, changes: context.changes, due: context.due, removed: context.removed })
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
