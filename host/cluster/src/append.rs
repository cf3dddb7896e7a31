//! Commands of this node on their way into the log.
//!
//! Rule: a command is sent under an id of its own until NATS has acknowledged it or nobody waits for it any more, so that
//! a lost acknowledgement neither loses nor doubles it. While NATS does not answer, new commands are refused at once and
//! are certain not to be in the log.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};

use async_nats::HeaderMap;
use async_nats::header::{NATS_EXPECTED_STREAM, NATS_MESSAGE_ID};
use async_nats::jetstream::publish::PublishAck;
use bytes::Bytes;
use futures_util::stream::{FuturesUnordered, StreamExt};
use modehost_storage::traits::NodeId;
use modehost_storage::{CommandLog, SqliteStorage, StorageError};
use parking_lot::Mutex;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep};

use crate::engine::{Engine, explain, is_temporary};
use crate::limits;

/// A command to send.
struct Command {
    number: u64,
    entry: Bytes,
}

/// The log, as the storage of this node appends to it.
pub(crate) struct Appender {
    engine: Engine,
    waiting: mpsc::Sender<Command>,
    stalled: Arc<Stalled>,
}

/// Whether NATS has stopped to acknowledge, or to store.
#[derive(Default)]
pub(crate) struct Stalled {
    is: AtomicBool,
    /// Why it has refused a command, until it takes one.
    refused: Mutex<Option<String>>,
    /// When a command was let through in spite of it, to find out.
    tried: Mutex<Option<Instant>>,
}

impl Stalled {
    pub(crate) fn is_stalled(&self) -> bool {
        self.is.load(Ordering::Relaxed)
    }

    /// What is wrong, as a sentence.
    pub(crate) fn trouble(&self) -> Option<String> {
        if self.is_stalled() {
            return Some("NATS does not acknowledge what is stored".to_owned());
        }
        self.refused.lock().as_ref().map(|reason| format!("NATS refuses to store: {reason}"))
    }

    fn refuse(&self, reason: &str) {
        let before = self.refused.lock().replace(reason.to_owned());
        if before.as_deref() != Some(reason) {
            tracing::error!("NATS refuses to store: {reason}");
        }
    }

    fn accept(&self) {
        if self.refused.lock().take().is_some() {
            tracing::info!("NATS stores again");
        }
        self.set(false);
    }

    fn set(&self, stalled: bool) {
        if self.is.swap(stalled, Ordering::Relaxed) != stalled {
            metrics::gauge!("modehost_cluster_stalled").set(f64::from(u8::from(stalled)));
            match stalled {
                true => {
                    tracing::error!("NATS does not acknowledge what is stored: it has no majority, or is overloaded")
                }
                false => tracing::info!("NATS acknowledges again"),
            }
        }
    }

    /// Whether a command may be sent now.
    fn admits(&self) -> bool {
        if !self.is_stalled() {
            return true;
        }
        let (now, mut tried) = (Instant::now(), self.tried.lock());
        let admits = tried.is_none_or(|tried| now - tried >= limits::ACKNOWLEDGE);
        if admits {
            *tried = Some(now);
        }
        admits
    }
}

impl Appender {
    pub(crate) fn stalled(&self) -> Arc<Stalled> {
        self.stalled.clone()
    }
}

impl CommandLog for Appender {
    fn append(&self, number: u64, entry: Vec<u8>) -> Result<(), StorageError> {
        if entry.len() > limits::ENTRY_BYTES {
            let (bytes, most) = (entry.len(), limits::ENTRY_BYTES);
            return Err(StorageError::Invalid(format!("this takes {bytes} bytes at once; {most} are allowed")));
        }
        if !*self.engine.connected.borrow() || !self.stalled.admits() {
            return Err(unavailable());
        }
        self.waiting.try_send(Command { number, entry: entry.into() }).map_err(|_| StorageError::Overloaded)
    }
}

fn unavailable() -> StorageError {
    StorageError::Unavailable(
        "the cluster's NATS does not answer; devices stay connected, and storing goes on when it is back".to_owned(),
    )
}

/// Commands that wait to be sent, for [`Appending::run`].
pub(crate) struct Appending {
    engine: Engine,
    node: NodeId,
    waiting: mpsc::Receiver<Command>,
    stalled: Arc<Stalled>,
}

/// The two ends of the way into the log.
pub(crate) fn appender(engine: &Engine, node: &NodeId) -> (Appender, Appending) {
    let (sender, receiver) = mpsc::channel(limits::WAITING);
    let stalled: Arc<Stalled> = Arc::default();
    let appender = Appender { engine: engine.clone(), waiting: sender, stalled: stalled.clone() };
    (appender, Appending { engine: engine.clone(), node: node.clone(), waiting: receiver, stalled })
}

impl Appending {
    /// Sends commands until the storage is gone.
    pub(crate) async fn run(mut self, storage: Weak<SqliteStorage>) {
        let mut sent = FuturesUnordered::new();
        loop {
            tokio::select! {
                Some(()) = sent.next(), if !sent.is_empty() => {}
                command = self.waiting.recv(), if sent.len() < limits::IN_FLIGHT => {
                    let Some(command) = command else { return };
                    sent.push(self.send(command, storage.clone()));
                }
            }
        }
    }

    /// Sends a command until its fate is known, or nobody waits for it.
    fn send(&self, command: Command, storage: Weak<SqliteStorage>) -> impl Future<Output = ()> + use<> {
        let (engine, stalled) = (self.engine.clone(), self.stalled.clone());
        let mut headers = HeaderMap::new();
        headers.insert(NATS_MESSAGE_ID, format!("{}:{}", self.node, command.number));
        headers.insert(NATS_EXPECTED_STREAM, engine.stream());
        async move {
            loop {
                let outcome = publish(&engine, headers.clone(), command.entry.clone()).await;
                let Some(storage) = storage.upgrade() else { return };
                match outcome {
                    Ok(_) => return stalled.accept(),
                    Err(Refused::ForGood(reason)) => {
                        stalled.refuse(&reason);
                        let error = StorageError::Unavailable(format!("NATS refuses to store: {reason}"));
                        return storage.refuse(command.number, error);
                    }
                    Err(Refused::Unknown) => stalled.set(true),
                }
                if !storage.is_awaited(command.number) {
                    return;
                }
                drop(storage);
                metrics::counter!("modehost_cluster_resent_total").increment(1);
                sleep(limits::RETRY).await;
            }
        }
    }
}

enum Refused {
    /// It is not in the log.
    ForGood(String),
    /// It may be in the log.
    Unknown,
}

async fn publish(engine: &Engine, headers: HeaderMap, entry: Bytes) -> Result<PublishAck, Refused> {
    let published = engine.jetstream.publish_with_headers(engine.entries(), headers, entry).await;
    let acknowledged = match published {
        Ok(published) => published.await,
        Err(error) => Err(error),
    };
    // That nobody answers for the stream is said while it has no leader, too.
    acknowledged.map_err(|error| if is_final(&error) { Refused::ForGood(explain(&error)) } else { Refused::Unknown })
}

/// Whether the server itself says that it has not stored the message.
fn is_final(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = error.source();
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<async_nats::jetstream::Error>() {
            // Without a leader it is tried again.
            return !is_temporary(error);
        }
        cause = error.source();
    }
    false
}
