//! Threads that read beside the writer.
//!
//! Rule: each read sees every write that had been answered when it was asked for, because it
//! begins a transaction of its own.

use std::path::Path;

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::backlog::{AbandonOnExit, Backlog};
use super::content::Damage;
use super::failure::{self, ReadError};
use crate::reply::StorageError;

/// A queued read. Dropping it answers `Closed`.
pub(super) trait Read: Send {
    /// Reads and answers the caller.
    fn carry_out(self: Box<Self>, connection: &Connection, file: &Path, damage: &Damage);
}

struct Job<W, T> {
    work: W,
    sender: oneshot::Sender<Result<T, StorageError>>,
}

/// Makes a queued read of a closure.
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
    fn carry_out(self: Box<Self>, connection: &Connection, file: &Path, damage: &Damage) {
        if self.sender.is_closed() {
            return;
        }
        let answer = (self.work)(connection).map_err(|error| {
            let of_the_file = matches!(error, ReadError::Engine(_));
            let error = error.explain(file);
            if of_the_file && matches!(error, StorageError::Corrupt(_)) {
                damage.found(&error);
            }
            error
        });
        if let Err(error) = &answer {
            failure::count(error);
        }
        let _ = self.sender.send(answer);
    }
}

/// The life of a reader thread: until the backlog is closed and empty.
pub(super) fn run(connection: &Connection, file: &Path, backlog: &Backlog<Box<dyn Read>>, damage: &Damage) {
    let _abandon = AbandonOnExit(backlog);
    let mut jobs = Vec::with_capacity(1);
    while backlog.take(1, &mut jobs).is_some() {
        for job in jobs.drain(..) {
            job.carry_out(connection, file, damage);
        }
    }
}
