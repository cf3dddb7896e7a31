//! Reader threads beside the writer.
//!
//! Rule: each read starts its own transaction, so it sees every write that was answered before the read was submitted.

use std::path::Path;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::backlog::{AbandonOnExit, Backlog};
use super::failure::{self, ReadError};
use super::integrity::Damage;
use crate::reply::StorageError;

/// A queued read. Dropping it answers `Closed`.
pub(super) trait Read: Send {
    /// Reads and answers the caller.
    fn run(self: Box<Self>, connection: &Connection, file: &Path, damage: &Damage);
}

struct Job<W, T> {
    work: W,
    sender: oneshot::Sender<Result<T, StorageError>>,
}

/// Wraps a closure as a queued read.
pub(super) fn job<W, T>(work: W, sender: oneshot::Sender<Result<T, StorageError>>) -> Box<dyn Read>
where
    W: FnOnce(&Connection) -> Result<T, ReadError> + Send + 'static,
    T: Send + 'static,
{
    Box::new(Job { work, sender })
}

impl<W, T> Read for Job<W, T>
where
    W: FnOnce(&Connection) -> Result<T, ReadError> + Send,
    T: Send,
{
    fn run(self: Box<Self>, connection: &Connection, file: &Path, damage: &Damage) {
        if self.sender.is_closed() {
            return;
        }
        let answer = (self.work)(connection).map_err(|error| {
            let from_engine = matches!(error, ReadError::Engine(_));
            let error = error.explain(file);
            if from_engine && matches!(error, StorageError::Corrupt(_)) {
                damage.record(&error);
            }
            error
        });
        if let Err(error) = &answer {
            failure::count_error(error);
        }
        let _ = self.sender.send(answer);
    }
}

/// Body of a reader thread: runs until the backlog is closed and empty.
pub(super) fn run_reader(connection: &Connection, file: &Path, backlog: &Backlog<Box<dyn Read>>, damage: &Damage) {
    let _abandon = AbandonOnExit(backlog);
    let mut jobs = Vec::with_capacity(1);
    while backlog.take(1, &mut jobs).is_some() {
        for job in jobs.drain(..) {
            job.run(connection, file, damage);
        }
    }
}
