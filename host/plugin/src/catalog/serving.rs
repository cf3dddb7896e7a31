//! The active releases, and the table of them that sessions see. Rule: sessions see whole tables only; whoever changes
//! the releases publishes them before releasing the lock, and subscribers are notified of each table.

use std::sync::Arc;
use std::time::Instant;

use arc_swap::{ArcSwap, Guard};
use modehost_contract::CatalogTable;
use modehost_ids::PluginId;
use parking_lot::{Mutex, MutexGuard};
use tokio::sync::watch;

use super::kept::RestoredRelease;
use super::release::{Release, RollbackCause, RolledBackRelease};
use super::releases::{Releases, TrialPolicy};
use super::store::KeptRollback;
use crate::load::LoadError;

/// The active releases and the published table.
pub(super) struct Serving {
    /// On the message path only reports from sessions lock it.
    releases: Mutex<Releases>,
    table: ArcSwap<CatalogTable>,
    /// Version of the table; increases with each change.
    changes: watch::Sender<u64>,
}

/// A subscription to tables; see [`super::PluginCatalog::changes`].
pub struct TableChanges(watch::Receiver<u64>);

impl TableChanges {
    /// Runs `migrate` after each new table, sequentially, until the catalog is dropped. Tables published during a run
    /// are coalesced. `migrate` moves running sessions (`Registry::migrate` in a server).
    pub async fn for_each<F: Future<Output = ()>>(mut self, mut migrate: impl FnMut() -> F) {
        while self.0.changed().await.is_ok() {
            migrate().await;
        }
    }
}

impl Serving {
    /// With no plugin.
    pub(super) fn new(policy: TrialPolicy) -> Self {
        let releases = Mutex::new(Releases::new(policy));
        Self { releases, table: ArcSwap::default(), changes: watch::Sender::new(0) }
    }

    /// Locks the releases; whoever changes what sessions see calls [`Self::publish`] before unlocking.
    pub(super) fn releases(&self) -> MutexGuard<'_, Releases> {
        self.releases.lock()
    }

    /// The current table.
    pub(super) fn table(&self) -> Guard<Arc<CatalogTable>> {
        self.table.load()
    }

    /// Version of the table; increases with each change.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    /// Notifies of each later table.
    pub(super) fn table_changes(&self) -> TableChanges {
        TableChanges(self.changes.subscribe())
    }

    /// Publishes the state of the releases to all sessions.
    pub(super) fn publish(&self, releases: &Releases) {
        let version = self.table.load().revision + 1;
        self.table.store(Arc::new(releases.table(version)));
        for (id, slot) in &releases.slots {
            let live = slot.releases().count();
            metrics::gauge!("modehost_plugin_generations", "plugin" => id.to_string()).set(live as f64);
        }
        self.changes.send_replace(version);
    }

    /// Rolls out a release in place of the active one and forgets what was rolled back of its plugin.
    ///
    /// # Errors
    /// If it claims a name of another plugin; then nothing has changed.
    pub(super) fn roll_out(&self, release: Release) -> Result<(), LoadError> {
        let id = release.id().clone();
        let mut releases = self.releases();
        releases.roll_out(release, Instant::now())?;
        releases.rolled_back.remove(&id);
        self.publish(&releases);
        Ok(())
    }

    /// Rolls back the newest release of a plugin; false if there is no previous one.
    pub(super) fn roll_back(&self, id: &PluginId, why: String) -> bool {
        let mut releases = self.releases();
        let Some(rolled_back) = releases.roll_back(id, RollbackCause::now(why)) else { return false };
        self.publish(&releases);
        drop(releases);
        rolled_back.log();
        true
    }

    /// Whether any release of a plugin is active.
    pub(super) fn serves(&self, id: &str) -> bool {
        self.releases().slots.contains_key(id)
    }

    /// Activates a kept release, before the file itself is loaded.
    pub(super) fn activate_kept(&self, kept: RestoredRelease) {
        let RestoredRelease { release, rolled_back, discarded_before } = kept;
        let (id, serves, file) = (release.id().clone(), release.version().to_owned(), release.file.clone());
        let mut releases = self.releases();
        if let Err(error) = releases.roll_out(release, Instant::now()) {
            tracing::error!(%error, "a kept release was rejected");
            return;
        }
        if let Some(slot) = releases.slots.get_mut(&id) {
            slot.discarded_before = discarded_before;
        }
        if let Some(KeptRollback { version, sha256, why, at }) = rolled_back {
            tracing::warn!(plugin = %id, %version, %serves, %why, "stays rolled back");
            let cause = RollbackCause { why, at };
            let rolled_back = RolledBackRelease { id: id.clone(), version, code: sha256, file, cause, release: None };
            releases.rolled_back.insert(id, rolled_back);
        }
        self.publish(&releases);
    }
}
