//! One published version of a plugin: code, configuration and grants. Rule: immutable; whatever
//! changes makes a new one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use modehost_contract::{Fault, Generation, Instance, Manifest, Snapshot};
use modehost_ids::GenerationId;

use crate::code::Code;
use crate::grants::Grants;
use crate::instance::WasmInstance;
use crate::package::Package;
use crate::terms::{CallStats, Terms};
use crate::track::Track;

/// Counts generations over the life of the process, whatever runtime makes them.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A plugin that has been loaded, probed and configured.
pub struct WasmGeneration {
    id: GenerationId,
    code: Arc<Code>,
    manifest: Arc<Manifest>,
    config: Arc<str>,
    terms: Arc<Terms>,
}

impl WasmGeneration {
    pub(crate) fn new(code: Arc<Code>, manifest: Arc<Manifest>, config: Arc<str>, terms: Arc<Terms>) -> Self {
        let id = GenerationId(NEXT.fetch_add(1, Ordering::Relaxed));
        Self { id, code, manifest, config, terms }
    }

    /// What the file says of itself without being run.
    pub fn package(&self) -> &Package {
        &self.code.package
    }

    /// The version of the contract that it was built against.
    pub fn track(&self) -> Track {
        self.code.track
    }

    /// The grants in force.
    pub fn grants(&self) -> &Grants {
        &self.terms.rules.grants
    }

    /// Calls so far, and those of them that were faults.
    pub fn tally(&self) -> CallStats {
        self.terms.total()
    }

    /// Whether it takes a snapshot over, and gives one after it. Counts nothing.
    ///
    /// # Errors
    /// What it says or does instead.
    pub(crate) fn try_restore(&self, snapshot: &Snapshot) -> Result<(), Fault> {
        let mut instance = self.instance()?;
        instance.restore(snapshot)?;
        instance.snapshot().map(drop)
    }

    /// What generations of the same file share.
    pub(crate) fn shared(&self) -> (Arc<Code>, Arc<Manifest>) {
        (self.code.clone(), self.manifest.clone())
    }

    /// An instance that has been configured.
    pub(crate) fn instance(&self) -> Result<WasmInstance, Fault> {
        let began = Instant::now();
        let mut instance = WasmInstance::open(&self.code, &self.terms)?;
        instance.configure(&self.config)?;
        self.code.metrics.open_took(began.elapsed());
        Ok(instance)
    }

    fn counted<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.inspect_err(|fault| {
            self.code.metrics.faulted(fault);
            self.terms.faulted(fault);
        })
    }
}

impl Generation for WasmGeneration {
    fn id(&self) -> GenerationId {
        self.id
    }

    fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    fn code(&self) -> &str {
        &self.code.package.sha256
    }

    fn config(&self) -> Arc<str> {
        self.config.clone()
    }

    fn open(&self) -> Result<Box<dyn Instance>, Fault> {
        Ok(Box::new(self.counted(self.instance())?))
    }

    fn restore(&self, snapshot: &Snapshot) -> Result<Box<dyn Instance>, Fault> {
        let mut instance = self.counted(self.instance())?;
        self.counted(instance.restore(snapshot))?;
        Ok(Box::new(instance))
    }
}
