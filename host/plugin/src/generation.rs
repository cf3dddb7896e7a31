//! One published version of a plugin: code, configuration and grants. Rule: immutable; whatever
//! changes makes a new one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use modehost_contract::{Fault, Generation, Instance, Manifest, Snapshot};
use modehost_ids::GenerationId;

use crate::code::Code;
use crate::convert::effect::Rules;
use crate::grants::Grants;
use crate::instance::WasmInstance;
use crate::package::Package;
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

/// What all instances of one generation share.
pub(crate) struct Terms {
    pub rules: Rules,
    calls: AtomicU64,
    faults: AtomicU64,
}

impl Terms {
    pub(crate) fn new(rules: Rules) -> Arc<Self> {
        Arc::new(Self { rules, calls: AtomicU64::new(0), faults: AtomicU64::new(0) })
    }

    /// Counts a call. That a guest rejects its input is no fault.
    pub(crate) fn tally(&self, fault: Option<&Fault>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if fault.is_some_and(|fault| !matches!(fault, Fault::Rejected(_))) {
            self.faults.fetch_add(1, Ordering::Relaxed);
        }
    }
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
    pub fn tally(&self) -> (u64, u64) {
        (self.terms.calls.load(Ordering::Relaxed), self.terms.faults.load(Ordering::Relaxed))
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
            self.terms.faults.fetch_add(1, Ordering::Relaxed);
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
