//! Modes in plain Rust behind the contract's own traits, and a catalog that a test controls. Rule: only what the
//! contract allows; the state is one number, so that a lost or duplicated event shows.

use std::collections::HashMap;
use std::sync::Arc;

use arc_swap::{ArcSwap, Guard};
use modehost_contract::mode::Subscriptions;
use modehost_contract::mode_info::ModeInfo;
use modehost_contract::{
    Catalog, CatalogEntry, CatalogTable, Context, Effect, Event, Fault, Generation, GenerationReport, Instance,
    Manifest, Snapshot, VoicePolicy,
};
use modehost_ids::{DeviceId, GenerationId, PluginId};
use parking_lot::Mutex;

/// Handles an event: gets the mode's number, and returns effects.
pub type HandleFn = fn(&mut u64, &Event) -> Result<Vec<Effect>, Fault>;

/// One generation of a native mode.
pub struct NativeMode {
    pub id: u64,
    pub manifest: Manifest,
    pub handle_fn: HandleFn,
    pub code: String,
    pub restores: bool,
}

struct Running {
    number: u64,
    handle_fn: HandleFn,
}

impl NativeMode {
    /// A generation of the plugin `id`, with the mode and the message type of the same name.
    pub fn new(id: &str, generation: u64, handle_fn: HandleFn) -> Self {
        let manifest = Manifest {
            id: id.into(),
            version: format!("{generation}.0.0"),
            modes: vec![ModeInfo { name: id.into(), ..ModeInfo::default() }],
            message_types: vec![id.into()],
            voice: VoicePolicy::FirstRefusal,
            snapshot_schemas: vec![1],
            config_schema: "{}".into(),
            subscriptions: Subscriptions::default(),
        };
        Self { id: generation, manifest, handle_fn, code: format!("{id}-{generation}"), restores: true }
    }
}

impl Generation for NativeMode {
    fn id(&self) -> GenerationId {
        GenerationId(self.id)
    }
    fn manifest(&self) -> &Manifest {
        &self.manifest
    }
    fn code(&self) -> &str {
        &self.code
    }
    fn config(&self) -> Arc<str> {
        "{}".into()
    }
    fn open(&self) -> Result<Box<dyn Instance>, Fault> {
        Ok(Box::new(Running { number: 0, handle_fn: self.handle_fn }))
    }
    fn restore(&self, snapshot: &Snapshot) -> Result<Box<dyn Instance>, Fault> {
        if !self.restores {
            return Err(Fault::Restore("on purpose".into()));
        }
        let bytes = snapshot.state.as_slice().try_into().map_err(|_| Fault::Restore("eight bytes".into()))?;
        Ok(Box::new(Running { number: u64::from_le_bytes(bytes), handle_fn: self.handle_fn }))
    }
}

impl Instance for Running {
    fn handle(&mut self, _: Context, event: &Event) -> Result<Vec<Effect>, Fault> {
        (self.handle_fn)(&mut self.number, event)
    }
    fn snapshot(&mut self) -> Result<Snapshot, Fault> {
        if self.number == u64::MAX {
            return Err(Fault::Trapped("too much to keep".into()));
        }
        Ok(Snapshot { schema: 1, state: self.number.to_le_bytes().to_vec() })
    }
    fn memory_used(&self) -> usize {
        0
    }
}

/// A catalog that changes when a test says so.
#[derive(Default)]
pub struct TestCatalog {
    table: ArcSwap<CatalogTable>,
    pub reports: Mutex<Vec<(GenerationId, &'static str)>>,
}

impl TestCatalog {
    /// Publishes a generation; the previous one becomes the fallback.
    pub fn publish(&self, native: NativeMode) {
        let active: Arc<dyn Generation> = Arc::new(native);
        let manifest = active.manifest().clone();
        let mut table = CatalogTable::clone(&self.table.load());
        let fallback = table.plugins.get(&manifest.id).map(|entry| entry.active.clone());
        table.revision += 1;
        for mode in &manifest.modes {
            table.modes.insert(mode.name.clone(), (manifest.id.clone(), mode.name.as_str().into()));
        }
        table.types.extend(manifest.message_types.iter().map(|kind| (kind.clone(), manifest.id.clone())));
        table.plugins.insert(manifest.id, CatalogEntry { fallback, on_trial: true, ..CatalogEntry::of(active) });
        table.update_offers();
        self.table.store(Arc::new(table));
    }

    /// Removes a plugin.
    pub fn remove(&self, id: &str) {
        let plugin = PluginId::from(id);
        let mut table = CatalogTable::clone(&self.table.load());
        table.plugins.remove(&plugin);
        table.types.retain(|_, owner| *owner != plugin);
        table.modes = table.modes.into_iter().filter(|(_, (owner, _))| *owner != plugin).collect::<HashMap<_, _>>();
        table.update_offers();
        self.table.store(Arc::new(table));
    }

    /// The number of reports of a kind.
    pub fn count(&self, kind: &str) -> usize {
        self.reports.lock().iter().filter(|(_, reported)| *reported == kind).count()
    }
}

impl Catalog for TestCatalog {
    fn table(&self) -> Guard<Arc<CatalogTable>> {
        self.table.load()
    }
    fn report(&self, _: &PluginId, generation: GenerationId, _: &DeviceId, report: GenerationReport<'_>) {
        let kind = match report {
            GenerationReport::Served => "served",
            GenerationReport::Faulted(_) => "faulted",
            GenerationReport::RolledBack(_) => "went back",
            GenerationReport::RestoreFailed(_) => "refused state",
        };
        self.reports.lock().push((generation, kind));
    }
}
