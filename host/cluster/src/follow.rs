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
    pub(crate) engine: Engine,
    pub(crate) storage: Arc<SqliteStorage>,
    /// Identity of the log that the storage follows.
    pub(crate) identity: String,
    /// Position of the last applied entry.
    pub(crate) applied: watch::Sender<u64>,
}

impl Following {
    /// Applies what comes. Returns only if this node cannot go on.
    pub(crate) async fn run(self) -> ApplyError {
        let mut troubled = false;
        loop {
            match self.read().await {
                Ok(error) => return error,
                Err(reason) if !troubled => tracing::error!("the log of the cluster cannot be read: {reason}"),
                Err(_) => {}
            }
            troubled = true;
            sleep(limits::RETRY).await;
            if self.log().await.is_ok() {
                tracing::info!("reading the log of the cluster again");
                troubled = false;
            }
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
