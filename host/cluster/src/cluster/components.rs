//! Files of plugins on their way between nodes, in NATS under their digest. Rule: what is fetched is what the digest says,
//! or nothing; files that no plugin has any more are removed after a while.

use std::collections::HashSet;

use async_nats::jetstream::object_store::{self, ObjectStore};
use futures_util::StreamExt;
use modehost_storage::traits::Components;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use super::Cluster;
use crate::engine::explain;
use crate::limits;

/// Why a file cannot be had, or kept.
#[derive(Debug, thiserror::Error)]
pub enum ComponentError {
    /// It is not there.
    #[error("the plugin file with SHA-256 {0} is not in NATS; upload the plugin again")]
    Missing(String),
    /// It is not what it should be.
    #[error("what NATS has as the plugin file with SHA-256 {0} is something else; upload the plugin again")]
    Damaged(String),
    /// It is larger than any plugin may be.
    #[error("the plugin file with SHA-256 {0} is larger than a plugin may be")]
    TooLarge(String),
    /// NATS does not do it.
    #[error("NATS: {0}")]
    Engine(String),
}

fn engine_error(error: &dyn std::error::Error) -> ComponentError {
    ComponentError::Engine(explain(error))
}

impl Cluster {
    /// Keeps a file for all nodes.
    ///
    /// # Errors
    /// See [`ComponentError`].
    pub async fn store_component(&self, sha256: &str, bytes: &[u8]) -> Result<(), ComponentError> {
        let store = self.component_store().await?;
        if store.info(sha256).await.is_ok_and(|info| !info.deleted) {
            return Ok(());
        }
        let mut bytes = bytes;
        store.put(sha256, &mut bytes).await.map_err(|error| engine_error(&error))?;
        self.remove_old(&store).await;
        Ok(())
    }

    /// The file with this digest.
    ///
    /// # Errors
    /// See [`ComponentError`].
    pub async fn fetch_component(&self, sha256: &str) -> Result<Vec<u8>, ComponentError> {
        let store = self.component_store().await?;
        let info = store.info(sha256).await.ok().filter(|info| !info.deleted);
        let info = info.ok_or_else(|| ComponentError::Missing(sha256.to_owned()))?;
        if info.size as u64 > limits::COMPONENT_BYTES {
            return Err(ComponentError::TooLarge(sha256.to_owned()));
        }
        let object = store.get(sha256).await.map_err(|error| engine_error(&error))?;
        let mut bytes = Vec::new();
        let read = object.take(limits::COMPONENT_BYTES).read_to_end(&mut bytes).await;
        read.map_err(|error| engine_error(&error))?;
        let found: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        if found != sha256 {
            return Err(ComponentError::Damaged(sha256.to_owned()));
        }
        Ok(bytes)
    }

    async fn component_store(&self) -> Result<ObjectStore, ComponentError> {
        let engine = &self.engine;
        let bucket = format!("modehost-{}-plugins", engine.cluster);
        if let Ok(store) = engine.jetstream.get_object_store(&bucket).await {
            return Ok(store);
        }
        let num_replicas = usize::from(self.trim.replicas);
        let config = object_store::Config { bucket, num_replicas, ..Default::default() };
        engine.jetstream.create_object_store(config).await.map_err(|error| engine_error(&error))
    }

    /// Removes the oldest files that no plugin has; a failure leaves them for the next time.
    async fn remove_old(&self, store: &ObjectStore) {
        let Ok(records) = self.storage.components().await else { return };
        let used: HashSet<String> =
            records.into_iter().flat_map(|record| [record.sha256, record.instead]).flatten().collect();
        let Ok(objects) = store.list().await else { return };
        let mut unused: Vec<_> = objects
            .filter_map(async |object| object.ok().filter(|object| !object.deleted && !used.contains(&object.name)))
            .collect()
            .await;
        unused.sort_by_key(|object| object.modified);
        let too_many = unused.len().saturating_sub(limits::UNUSED_COMPONENTS);
        for object in unused.into_iter().take(too_many) {
            let _ = store.delete(&object.name).await;
        }
    }
}
