//! The one thread that writes.
//!
//! Rule: a caller is answered only when the transaction that holds its write is on disk. Writes
//! are carried out in the order in which they were submitted; one that fails is undone alone, and
//! a disk that fails fails the whole batch and nothing after it.

use std::path::Path;
use std::time::Instant;

use crate::limits;
use parking_lot::Mutex;
use rusqlite::{Connection, ErrorCode};
use tokio::sync::{Notify, oneshot};

use super::archives::Removed;
use super::backlog::{AbandonOnExit, Backlog};
use super::failure;
use super::names::OpenFiles;
use super::room::Room;
use super::watches::Watches;
use crate::reply::StorageError;
use crate::traits::Document;

/// What a write works on.
pub(super) struct Batch<'c> {
    pub(super) connection: &'c Connection,
    /// Documents changed so far, to be told after the commit.
    pub(super) changes: Vec<Document>,
    /// The files of finished work must follow something.
    pub(super) due: bool,
    /// Finished work that has gone so far, to be told after the commit.
    pub(super) removed: Vec<Removed>,
}

/// What a queued write does to the file.
#[derive(Clone, Copy, Debug)]
pub(super) struct Size {
    /// Writes that it consists of; for the metrics.
    pub(super) operations: usize,
    /// Whether it gives room back and takes none.
    pub(super) frees: bool,
}

/// A queued write. Dropping it answers `Closed`.
pub(super) trait Write: Send {
    /// Carries it out and keeps the outcome.
    fn carry_out(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()>;

    fn size(&self) -> Size;

    /// Whether it is carried out by itself, outside of a transaction. It keeps what goes wrong with it as its outcome.
    fn is_alone(&self) -> bool;

    /// Answers the caller: the kept outcome, or why it did not come to it.
    fn answer(self: Box<Self>, failure: Option<StorageError>);
}

struct Job<W, T> {
    work: Option<W>,
    outcome: Option<T>,
    size: Size,
    alone: bool,
    sender: oneshot::Sender<Result<T, StorageError>>,
}

/// Makes a queued write of a closure.
pub(super) fn job<W, T>(work: W, size: Size, sender: oneshot::Sender<Result<T, StorageError>>) -> Box<dyn Write>
where
    W: FnOnce(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
    T: Send + 'static,
{
    Box::new(Job { work: Some(work), outcome: None, size, alone: false, sender })
}

/// The same, of what is carried out outside of a transaction.
pub(super) fn alone<W, T>(work: W, sender: oneshot::Sender<Result<T, StorageError>>) -> Box<dyn Write>
where
    W: FnOnce(&mut Batch<'_>) -> rusqlite::Result<T> + Send + 'static,
    T: Send + 'static,
{
    let size = Size { operations: 1, frees: true };
    Box::new(Job { work: Some(work), outcome: None, size, alone: true, sender })
}

impl<W, T> Write for Job<W, T>
where
    W: FnOnce(&mut Batch<'_>) -> rusqlite::Result<T> + Send,
    T: Send,
{
    fn carry_out(&mut self, batch: &mut Batch<'_>) -> rusqlite::Result<()> {
        if let Some(work) = self.work.take() {
            self.outcome = Some(work(batch)?);
        }
        Ok(())
    }

    fn size(&self) -> Size {
        self.size
    }

    fn is_alone(&self) -> bool {
        self.alone
    }

    fn answer(self: Box<Self>, failure: Option<StorageError>) {
        let answer = match (failure, self.outcome) {
            (None, Some(outcome)) => Ok(outcome),
            (Some(error), _) => Err(error),
            (None, None) => Err(StorageError::Closed),
        };
        if let Err(error) = &answer {
            failure::count(error);
        }
        // A caller that no longer waits has nothing to be told.
        let _ = self.sender.send(answer);
    }
}

/// The life of the writer thread: until the backlog is closed and empty.
pub(super) fn run(
    (connection, mut names, mut room): (Connection, OpenFiles, Room),
    file: &Path,
    backlog: &Backlog<Box<dyn Write>>,
    watches: &Watches,
    (due, trouble): (&Notify, &Mutex<Option<StorageError>>),
) {
    let _abandon = AbandonOnExit(backlog);
    let mut waiting = Vec::with_capacity(limits::WRITER_BATCH);
    let mut jobs = Vec::with_capacity(limits::WRITER_BATCH);
    let mut left = 0;
    let mut failing = false;
    loop {
        if waiting.is_empty() {
            match backlog.take(limits::WRITER_BATCH, &mut waiting) {
                Some(behind) => left = behind,
                None => break,
            }
        }
        jobs.extend(waiting.drain(..of_one_kind(&waiting, failing || room.is_scarce())));
        metrics::gauge!("modehost_storage_queue_depth").set((left + waiting.len()) as f64);
        metrics::histogram!("modehost_storage_batch_operations").record(operations(&jobs) as f64);
        let outcome = names.check(&connection).and_then(|()| commit(&connection, file, &mut room, &mut jobs));
        // A name that was lost meanwhile took the batch with it.
        let outcome = outcome.and_then(|done| names.written(&connection).map(|()| done));
        report(&outcome, file, &mut failing);
        let (failures, changes) = match outcome {
            Ok(done) => {
                if done.due {
                    due.notify_one();
                }
                done.removed.iter().for_each(Removed::tell);
                (done.failures, done.changes)
            }
            Err(error) => {
                if matches!(error, StorageError::Corrupt(_)) {
                    names.damage().found(&error);
                }
                *trouble.lock() = Some(error.clone());
                (vec![Some(error); jobs.len()], Vec::new())
            }
        };
        for (job, failure) in jobs.drain(..).zip(failures) {
            job.answer(failure);
        }
        for document in &changes {
            watches.tell(document);
        }
    }
    // In this order: see `Content`.
    drop(connection);
    drop(names);
}

/// How many writes the jobs consist of.
fn operations(jobs: &[Box<dyn Write>]) -> usize {
    jobs.iter().map(|job| job.size().operations).sum()
}

/// How many of those that wait make the next batch: as many writes as a batch may have, and at least one job. While
/// room is scarce, what gives room back shares none with what takes it: one refusal undoes a whole batch.
fn of_one_kind(waiting: &[Box<dyn Write>], scarce: bool) -> usize {
    let Some(first) = waiting.first() else { return 0 };
    if first.is_alone() {
        return 1;
    }
    let Size { mut operations, frees } = first.size();
    let others = waiting[1..].iter().take_while(|job| {
        let size = job.size();
        operations += size.operations;
        operations <= limits::WRITER_BATCH && !job.is_alone() && (!scarce || size.frees == frees)
    });
    1 + others.count()
}

/// A batch that is on disk.
struct Committed {
    /// One for each write; none where it went through.
    failures: Vec<Option<StorageError>>,
    changes: Vec<Document>,
    due: bool,
    removed: Vec<Removed>,
}

/// Carries all writes out in one transaction; an error means that none of them is on disk.
fn commit(
    connection: &Connection,
    file: &Path,
    room: &mut Room,
    jobs: &mut [Box<dyn Write>],
) -> Result<Committed, StorageError> {
    let operations = operations(jobs);
    let _span = tracing::trace_span!(target: "modehost::trace", "storage.commit", operations).entered();
    let began = Instant::now();
    let outcome = room.prepare(connection, file).and_then(|()| transact(connection, file, room, jobs));
    metrics::histogram!("modehost_storage_commit_seconds").record(began.elapsed().as_secs_f64());
    outcome.map_err(|error| {
        // SQLite has undone the transaction by itself after some errors and not after others.
        if !connection.is_autocommit() {
            let _ = connection.execute_batch("ROLLBACK");
        }
        let explained = failure::explain(&error, file);
        match error.sqlite_error_code() {
            Some(ErrorCode::DiskFull) => room.explain(connection, file, explained),
            _ => explained,
        }
    })
}

fn transact(
    connection: &Connection,
    file: &Path,
    room: &mut Room,
    jobs: &mut [Box<dyn Write>],
) -> rusqlite::Result<Committed> {
    let mut batch = Batch { connection, changes: Vec::new(), due: false, removed: Vec::new() };
    if let [job] = jobs
        && job.is_alone()
    {
        job.carry_out(&mut batch)?;
        let _ = room.look(connection, file);
        return Ok(Committed { failures: vec![None], changes: batch.changes, due: batch.due, removed: batch.removed });
    }
    let mut failures = Vec::with_capacity(jobs.len());
    execute(connection, "BEGIN IMMEDIATE")?;
    if jobs.iter().all(|job| job.size().frees) && room.is_scarce() {
        room.clear(connection)?;
    }
    for job in jobs {
        let (told, removed) = (batch.changes.len(), batch.removed.len());
        execute(connection, "SAVEPOINT one")?;
        match job.carry_out(&mut batch) {
            Ok(()) => failures.push(None),
            Err(error) if connection.is_autocommit() || failure::concerns_all(&error) => return Err(error),
            Err(error) => {
                execute(connection, "ROLLBACK TO one")?;
                batch.changes.truncate(told);
                batch.removed.truncate(removed);
                failures.push(Some(failure::explain(&error, file)));
            }
        }
        execute(connection, "RELEASE one")?;
    }
    execute(connection, "COMMIT")?;
    // What is on disk is, whether it can be measured or not.
    let _ = room.look(connection, file);
    Ok(Committed { failures, changes: batch.changes, due: batch.due, removed: batch.removed })
}

fn execute(connection: &Connection, statement: &str) -> rusqlite::Result<()> {
    connection.prepare_cached(statement)?.execute(())?;
    Ok(())
}

/// Logs when trouble begins and when it is over, not each batch in between.
fn report(outcome: &Result<Committed, StorageError>, file: &Path, failing: &mut bool) {
    match outcome {
        // Damage has been told where it was found.
        Err(StorageError::Corrupt(_)) => {}
        Err(error) if !*failing => tracing::error!(storage.file = %file.display(), "{error}"),
        Ok(_) if *failing => tracing::info!(storage.file = %file.display(), "storage writes again"),
        _ => {}
    }
    *failing = outcome.is_err();
}
