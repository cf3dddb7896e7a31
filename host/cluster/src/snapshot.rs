//! Copies of the database in NATS, for nodes that begin. Rule: a snapshot gets its place when it is complete.

use std::path::{Path, PathBuf};

use async_nats::jetstream::object_store::{self, ObjectMetadata, ObjectStore};
use modehost_storage::backup;
use modehost_task::run_blocking;
use tokio::fs::{self, File};
use tokio::io;

use crate::engine::{ClusterError, Engine, explain};

/// Name of the one object: each snapshot replaces the one before.
const OBJECT: &str = "database";
/// Members of its metadata.
const LOG: &str = "log";
const APPLIED: &str = "applied";

/// A snapshot as it is in NATS.
pub(crate) struct Snapshot {
    store: ObjectStore,
    /// Position of the last entry that it contains.
    pub(crate) applied: u64,
    pub(crate) bytes: u64,
}

fn bucket(engine: &Engine) -> String {
    format!("modehost-{}", engine.cluster)
}

/// The snapshot of this log; `None` if there is none.
pub(crate) async fn find(engine: &Engine, identity: &str) -> Option<Snapshot> {
    let store = engine.jetstream.get_object_store(bucket(engine)).await.ok()?;
    let info = store.info(OBJECT).await.ok().filter(|info| !info.deleted)?;
    let of_log = info.metadata.get(LOG).is_some_and(|log| log == identity);
    let applied = info.metadata.get(APPLIED).and_then(|applied| applied.parse().ok())?;
    of_log.then_some(Snapshot { store, applied, bytes: info.size as u64 })
}

impl Snapshot {
    /// Puts it in the place of the database in `dir`, which must be closed.
    pub(crate) async fn restore(self, dir: &Path) -> Result<(), ClusterError> {
        let database = dir.join("modehost.db");
        let arriving = dir.join("modehost.db.arriving");
        let mut object = self.store.get(OBJECT).await.map_err(|error| ClusterError::Engine(explain(&error)))?;
        let mut file = File::create(&arriving).await?;
        // The reader compares the digest at the end.
        io::copy(&mut object, &mut file).await?;
        file.sync_all().await?;
        for end in ["-wal", "-shm"] {
            let mut name = database.clone().into_os_string();
            name.push(end);
            match fs::remove_file(PathBuf::from(name)).await {
                Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error.into()),
                _ => {}
            }
        }
        fs::rename(&arriving, &database).await?;
        File::open(dir).await?.sync_all().await?;
        Ok(())
    }
}

/// Copies the database in `dir` to NATS, as the snapshot of a log; returns the position of the last entry in it.
pub(crate) async fn store(engine: &Engine, dir: &Path, identity: &str, replicas: u8) -> Result<u64, ClusterError> {
    let failed = |error: &dyn std::error::Error| ClusterError::Engine(format!("the snapshot: {}", explain(error)));
    let folder = tempfile::Builder::new().prefix("snapshot-").tempdir_in(dir)?;
    let (source, target) = (dir.to_owned(), folder.path().to_owned());
    let copied = run_blocking(move || {
        let copy = backup(&source, &target).map_err(|error| ClusterError::Engine(explain(&error)))?;
        let position = modehost_storage::log_position_of(&copy.file)?;
        Ok::<_, ClusterError>((copy, position.applied))
    });
    let broke_off = || ClusterError::Engine("the snapshot broke off".to_owned());
    let (copy, applied) = copied.await.ok_or_else(broke_off)??;
    let config =
        object_store::Config { bucket: bucket(engine), num_replicas: usize::from(replicas), ..Default::default() };
    let store = match engine.jetstream.get_object_store(bucket(engine)).await {
        Ok(store) => store,
        Err(_) => engine.jetstream.create_object_store(config).await.map_err(|error| failed(&error))?,
    };
    let metadata = [(LOG.to_owned(), identity.to_owned()), (APPLIED.to_owned(), applied.to_string())];
    let object = ObjectMetadata { name: OBJECT.to_owned(), metadata: metadata.into(), ..Default::default() };
    let mut file = File::open(&copy.file).await?;
    store.put(object, &mut file).await.map_err(|error| failed(&error))?;
    Ok(applied)
}
