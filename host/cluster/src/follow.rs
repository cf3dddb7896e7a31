//! The log on its way into the storage. Rule: every entry is applied, once, in its order; a gap or an entry that is not
//! understood ends this node, since the others have applied it.

use std::sync::Arc;

use async_nats::jetstream::consumer::{AckPolicy, DeliverPolicy, pull};
use async_nats::jetstream::stream::Stream;
use futures_util::StreamExt;
use modehost_storage::{ApplyError, LogEntry, SqliteStorage};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::engine::{Engine, explain};
use crate::limits;

/// The log between the last applied entry and its end.
pub(crate) struct Following {
    engine: Engine,
    storage: Arc<SqliteStorage>,
    /// Identity of the log that the storage follows.
    identity: String,
    applied: watch::Sender<u64>,
    trouble: watch::Sender<Option<String>>,
    failure: watch::Sender<Option<Arc<ApplyError>>>,
}

/// How far [`Following`] is.
pub(crate) struct Progress {
    /// Position of the last applied entry.
    pub(crate) applied: watch::Receiver<u64>,
    /// Why the log cannot be read at present.
    pub(crate) trouble: watch::Receiver<Option<String>>,
    /// Why this node cannot go on.
    pub(crate) failure: watch::Receiver<Option<Arc<ApplyError>>>,
}

impl Following {
    /// Begins behind the entry `applied`; [`Self::run`] goes on.
    pub(crate) fn begin(
        engine: Engine,
        storage: Arc<SqliteStorage>,
        identity: String,
        applied: u64,
    ) -> (Self, Progress) {
        let (applied, trouble, failure) =
            (watch::Sender::new(applied), watch::Sender::new(None), watch::Sender::new(None));
        let progress =
            Progress { applied: applied.subscribe(), trouble: trouble.subscribe(), failure: failure.subscribe() };
        (Self { engine, storage, identity, applied, trouble, failure }, progress)
    }

    /// Applies what comes. Returns only if this node cannot go on.
    pub(crate) async fn run(self) {
        loop {
            match self.read().await {
                Ok(error) => {
                    tracing::error!("this node stops: {error}");
                    self.failure.send_replace(Some(Arc::new(error)));
                    return;
                }
                Err(reason) => {
                    let before = self.trouble.send_replace(Some(reason.clone()));
                    if before.is_none() {
                        tracing::error!("the log of the cluster cannot be read: {reason}");
                    }
                }
            }
            sleep(limits::RETRY).await;
        }
    }

    /// The stream, if it is still the log that the storage follows.
    async fn log(&self) -> Result<Stream, String> {
        match self.engine.log().await {
            Ok(Some((stream, identity))) if identity == self.identity => Ok(stream),
            Ok(Some(_)) => Err(format!("the stream {} is another log now", self.engine.stream())),
            Ok(None) => {
                Err(format!("the stream {} is gone; nothing can be stored until it is restored", self.engine.stream()))
            }
            Err(error) => Err(error.to_string()),
        }
    }

    /// Reads until the connection breaks, which is the error, or the entries cannot be applied.
    async fn read(&self) -> Result<ApplyError, String> {
        let stream = self.log().await?;
        let start = *self.applied.borrow() + 1;
        let first = stream.cached_info().state.first_sequence;
        if first > start {
            return Ok(ApplyError::Gap { sequence: first, applied: start - 1 });
        }
        let config = pull::Config {
            deliver_policy: DeliverPolicy::ByStartSequence { start_sequence: start },
            ack_policy: AckPolicy::None,
            inactive_threshold: limits::DEAD * 2,
            num_replicas: 1,
            memory_storage: true,
            ..Default::default()
        };
        let consumer = stream.create_consumer(config).await.map_err(|error| explain(&error))?;
        // Without heartbeats nothing would tell that the server which had the consumer is gone.
        let messages = consumer.stream().heartbeat(limits::HEARTBEAT).expires(limits::DEAD);
        let messages = messages.max_messages_per_batch(limits::APPLY_AT_ONCE * 2);
        let messages = messages.messages().await.map_err(|error| explain(&error))?;
        if self.trouble.send_replace(None).is_some() {
            tracing::info!("reading the log of the cluster again");
        }
        let mut chunks = messages.ready_chunks(limits::APPLY_AT_ONCE);
        while let Some(chunk) = chunks.next().await {
            let (mut entries, mut failure) = (Vec::with_capacity(chunk.len()), None);
            let mut last = *self.applied.borrow();
            for message in chunk {
                let message = match message {
                    Ok(message) => message,
                    Err(error) => {
                        failure = Some(explain(&error));
                        break;
                    }
                };
                let sequence = message.info().map_err(|error| error.to_string())?.stream_sequence;
                if sequence <= last {
                    continue;
                }
                if sequence != last + 1 {
                    failure = Some("entries were lost on the way".to_owned());
                    break;
                }
                last = sequence;
                entries.push(LogEntry { sequence, bytes: message.message.payload });
            }
            if !entries.is_empty() {
                let count = entries.len() as u64;
                if let Err(error) = self.storage.apply_entries(entries).await {
                    return Ok(error);
                }
                metrics::counter!("modehost_cluster_applied_total").increment(count);
                self.applied.send_replace(last);
            }
            if let Some(reason) = failure {
                return Err(reason);
            }
        }
        Err("the subscription has ended".to_owned())
    }
}
