//! Commands: the durable operations of the storage, as values.
//!
//! Rule: what a command does depends on itself and on the database alone, never on a clock, a setting or the machine, so
//! that every node that applies the same commands in the same order arrives at the same state. What it needs of
//! settings and time is part of it.
//!
//! A command runs at once on a single node, and out of the log of a cluster on each of its nodes (`replication`).

use modehost_ids::DeviceId;
use rusqlite::Connection;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;

use super::failure::rejection;
use super::signed;
use super::writer::{self, JobInfo, Write, WriteContext};
use crate::reply::StorageError;

/// A durable operation. Its postcard encoding is its form in the log: a change of its layout, or of what it does to the
/// same database, is a new command with a new [`Command::KIND`].
pub(super) trait Command: Serialize + DeserializeOwned + Send + 'static {
    /// Identifies it in the log; never used for another.
    const KIND: u16;

    /// What the caller gets.
    type Output: Send + 'static;

    /// Applies it. May be called again after the transaction around it has failed.
    fn apply(&self, context: &mut WriteContext<'_>) -> rusqlite::Result<Self::Output>;

    fn info(&self) -> JobInfo {
        JobInfo { operations: 1, frees: false }
    }

    /// The device whose owner alone may do this.
    fn owner(&self) -> Option<&DeviceId> {
        None
    }

    /// The epoch in which the caller took up the device of [`Self::owner`]; none if that does not matter.
    fn epoch(&self) -> Option<u64> {
        None
    }

    /// The device that it is done for, by its owner or by anybody who owns no such device.
    fn sender(&self) -> Option<&DeviceId> {
        None
    }
}

/// Where a command stands in the log, and who may have sent it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Logged {
    /// Its position.
    pub(super) sequence: u64,
    /// The epoch in which its sender owned the device that it is for.
    pub(super) epoch: Option<u64>,
}

/// A command on its way through the writer. Dropping it answers `Closed`.
pub(super) struct CommandJob<C: Command> {
    command: C,
    logged: Option<Logged>,
    outcome: Option<C::Output>,
    /// None if it was sent by another node.
    caller: Option<oneshot::Sender<Result<C::Output, StorageError>>>,
}

impl<C: Command> CommandJob<C> {
    pub(super) fn new(command: C, caller: Option<oneshot::Sender<Result<C::Output, StorageError>>>) -> Self {
        Self { command, logged: None, outcome: None, caller }
    }
}

/// A command of any kind, on its way to the log and back.
pub(super) trait LoggedCommand: Write {
    /// It stands in the log now.
    fn set_logged(&mut self, logged: Logged);

    /// Nobody waits for its outcome any more.
    fn is_abandoned(&self) -> bool;

    fn into_write(self: Box<Self>) -> Box<dyn Write>;
}

impl<C: Command> LoggedCommand for CommandJob<C> {
    fn set_logged(&mut self, logged: Logged) {
        self.logged = Some(logged);
    }

    fn is_abandoned(&self) -> bool {
        self.caller.as_ref().is_none_or(oneshot::Sender::is_closed)
    }

    fn into_write(self: Box<Self>) -> Box<dyn Write> {
        self
    }
}

impl<C: Command> Write for CommandJob<C> {
    fn run(&mut self, context: &mut WriteContext<'_>) -> rusqlite::Result<()> {
        let device = self.command.owner().or_else(|| self.command.sender());
        if let (Some(device), Some(Logged { epoch: Some(epoch), .. })) = (device, self.logged)
            && !is_current(context.connection, device, epoch)?
        {
            return Err(rejection(StorageError::Moved));
        }
        self.outcome = Some(self.command.apply(context)?);
        Ok(())
    }

    fn info(&self) -> JobInfo {
        self.command.info()
    }

    fn is_standalone(&self) -> bool {
        false
    }

    fn sequence(&self) -> Option<u64> {
        self.logged.map(|logged| logged.sequence)
    }

    fn answer(self: Box<Self>, failure: Option<StorageError>) {
        if let Some(caller) = self.caller {
            writer::answer(failure, self.outcome, caller);
        }
    }
}

/// Whether the device has been with the same owner ever since.
fn is_current(connection: &Connection, device: &DeviceId, epoch: u64) -> rusqlite::Result<bool> {
    let statement = "SELECT 1 FROM owners WHERE device = ?1 AND epoch = ?2";
    connection.prepare_cached(statement)?.exists((device.as_str(), signed(epoch)))
}
