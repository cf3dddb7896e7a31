//! The releases in force, and the table of them that sessions see. Rule: sessions see whole tables only; whoever
//! changes the releases publishes them before the lock is let go, and whoever runs instances is told of each table.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, Guard};
use modehost_contract::Table;
use modehost_ids::PluginId;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::kept::FromKept;
use super::release::{Cause, Release, RolledBack};
use super::releases::{Policy, Releases};
use super::store::KeptRollback;
use crate::load::LoadError;

/// What serves now.
pub(super) struct Serving {
    /// Nobody on the message path takes it but to report what happened.
    releases: Mutex<Releases>,
    table: ArcSwap<Table>,
    /// Counts up with every change of the table.
    changes: watch::Sender<u64>,
}

/// The tables as they come; see [`super::PluginCatalog::changes`].
pub struct TableChanges(watch::Receiver<u64>);

impl TableChanges {
    /// Runs `migrate` after each table, one run after the other, until the catalog is gone. Tables that come
    /// meanwhile are one. `migrate` is what moves running sessions: `Registry::migrate`, in a server.
    pub async fn each<F: Future<Output = ()>>(mut self, mut migrate: impl FnMut() -> F) {
        while self.0.changed().await.is_ok() {
            migrate().await;
        }
    }
}

impl Serving {
    /// Nothing serves yet.
    pub(super) fn new(policy: Policy) -> Self {
        let releases = Mutex::new(Releases::new(policy));
        Self { releases, table: ArcSwap::default(), changes: watch::Sender::new(0) }
    }

    /// The releases; whoever changes what sessions see calls [`Self::publish`] with them.
    pub(super) fn releases(&self) -> MutexGuard<'_, Releases> {
        self.releases.lock()
    }

    /// The table as it is now.
    pub(super) fn table(&self) -> Guard<Arc<Table>> {
        self.table.load()
    }

    /// Counts up with every change of the table.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Is told of each table from now on.
    pub(super) fn table_changes(&self) -> TableChanges {
        TableChanges(self.changes.subscribe())
    }

    /// Puts the state of the releases in force for all sessions.
    pub(super) fn publish(&self, releases: &Releases) {
        let version = self.table.load().version + 1;
        self.table.store(Arc::new(releases.table(version)));
        for (id, slot) in &releases.slots {
            let live = slot.releases().count();
            metrics::gauge!("modehost_plugin_generations", "plugin" => id.to_string()).set(live as f64);
        }
        self.changes.send_replace(version);
    }

    /// Puts a release in force in place of the one before; what was rolled back of its plugin is forgotten.
    ///
    /// # Errors
    /// If it claims what another plugin has; then nothing has changed.
    pub(super) fn roll_out(&self, release: Release) -> Result<(), LoadError> {
        let id = release.id().clone();
        let mut releases = self.releases();
        releases.roll_out(release, Instant::now())?;
        releases.rolled_back.remove(&id);
        self.publish(&releases);
        Ok(())
    }

    /// The newest release of a plugin is one too many; false if nothing before it is kept.
    pub(super) fn roll_back(&self, id: &PluginId, why: String) -> bool {
        let mut releases = self.releases();
        let Some(rolled_back) = releases.roll_back(id, Cause::now(why)) else { return false };
        self.publish(&releases);
        drop(releases);
        rolled_back.log();
        true
    }

    /// Whether any release of a plugin serves.
    pub(super) fn serves(&self, id: &str) -> bool {
        self.releases().slots.contains_key(id)
    }

    /// Puts what is kept in force, before the file itself is looked at.
    pub(super) fn begin_with(&self, kept: FromKept) {
        let FromKept { release, rolled_back, discarded_before } = kept;
        let (id, serves, file) = (release.id().clone(), release.version().to_owned(), release.file.clone());
        let mut releases = self.releases();
        if let Err(error) = releases.roll_out(release, Instant::now()) {
            tracing::error!(%error, "a kept release is not taken");
            return;
        }
        if let Some(slot) = releases.slots.get_mut(&id) {
            slot.discarded_before = discarded_before;
        }
        if let Some(KeptRollback { version, sha256, why, at }) = rolled_back {
            tracing::warn!(plugin = %id, %version, %serves, %why, "stays rolled back");
            let cause = Cause { why, at };
            let rolled_back = RolledBack { id: id.clone(), version, code: sha256, file, cause, release: None };
            releases.rolled_back.insert(id, rolled_back);
        }
        self.publish(&releases);
    }
}
