//! One published version of a plugin: code, configuration and grants. Rule: immutable; any change creates a new one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use modehost_contract::{Fault, Generation, Instance, Manifest, Snapshot};
use modehost_ids::GenerationId;

use crate::code::Code;
use crate::contract_version::ContractVersion;
use crate::generation_state::{CallStats, GenerationState};
use crate::grants::Grants;
use crate::instance::WasmInstance;
use crate::package::Package;

/// Generation ids are unique over the life of the process, across runtimes.
static NEXT: AtomicU64 = AtomicU64::new(1);

/// A plugin that has been loaded, probed and configured.
pub struct WasmGeneration {
    id: GenerationId,
    code: Arc<Code>,
    manifest: Arc<Manifest>,
    config: Arc<str>,
    state: Arc<GenerationState>,
}

impl WasmGeneration {
    pub(crate) fn new(code: Arc<Code>, manifest: Arc<Manifest>, config: Arc<str>, state: Arc<GenerationState>) -> Self {
        let id = GenerationId(NEXT.fetch_add(1, Ordering::Relaxed));
        Self { id, code, manifest, config, state }
    }

    /// Metadata read from the file without running it.
    pub fn package(&self) -> &Package {
        &self.code.package
    }

    /// The contract version that it was built against.
    pub fn contract_version(&self) -> ContractVersion {
        self.code.contract_version
    }

    /// The effective grants.
    pub fn grants(&self) -> &Grants {
        &self.state.rules.grants
    }

    /// Number of calls and faults so far.
    pub fn call_stats(&self) -> CallStats {
        self.state.call_stats()
    }

    /// Restores a snapshot in a throw-away instance and takes a new one from it. Not counted in any metric.
    ///
    /// # Errors
    /// The fault that restore or snapshot returned.
    pub(crate) fn try_restore(&self, snapshot: &Snapshot) -> Result<(), Fault> {
        let mut instance = self.open_instance()?;
        instance.restore(snapshot)?;
        instance.snapshot().map(drop)
    }

    /// Code and manifest, which all generations of one file share.
    pub(crate) fn code_and_manifest(&self) -> (Arc<Code>, Arc<Manifest>) {
        (self.code.clone(), self.manifest.clone())
    }

    /// Opens and configures an instance.
    pub(crate) fn open_instance(&self) -> Result<WasmInstance, Fault> {
        let began = Instant::now();
        let mut instance = WasmInstance::open(&self.code, &self.state)?;
        instance.configure(&self.config)?;
        self.code.metrics.record_open(began.elapsed());
        Ok(instance)
    }

    fn record_result<T>(&self, result: Result<T, Fault>) -> Result<T, Fault> {
        result.inspect_err(|fault| {
            self.code.metrics.record_fault(fault);
            self.state.record_fault(fault);
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
        Ok(Box::new(self.record_result(self.open_instance())?))
    }

    fn restore(&self, snapshot: &Snapshot) -> Result<Box<dyn Instance>, Fault> {
        let mut instance = self.record_result(self.open_instance())?;
        self.record_result(instance.restore(snapshot))?;
        Ok(Box::new(instance))
    }
}
