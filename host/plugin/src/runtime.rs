//! The runtime: turns the bytes of a plugin file into a generation. Rule: every generation has been compiled and
//! probed, so that errors are known before a session uses it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::limits;
use modehost_contract::Manifest;
use wasmtime::component::Component;

use crate::code::{Budget, Code, PluginMetrics};
use crate::compiled::CompiledComponents;
use crate::compiler::CompilerProcess;
use crate::contract_version::ContractVersion;
use crate::convert::effect::EffectRules;
use crate::engine::Engine;
use crate::exports::Prepared;
use crate::generation::WasmGeneration;
use crate::generation_state::GenerationState;
use crate::grants::{Grant, Grants};
use crate::load::LoadError;
use crate::log::PluginLog;
use crate::manifest;
use crate::package::{self, Package};
use crate::probe;
use crate::wasi;

/// Configuration of a runtime, fixed for the life of the process.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// Memory of one instance, in bytes.
    pub memory_bytes: usize,
    /// Time budget of one call; counted in ticks of 10 ms.
    pub call_timeout: Duration,
    /// Maximum number of effects of one event.
    pub max_effects: usize,
    /// Maximum number of live instances; fewer where the system does not allow as many.
    pub live_instances: usize,
    /// Directory of compiled plugins; `None`: they are compiled at every start.
    pub cache: Option<PathBuf>,
    /// Size limit of that directory in bytes; the least recently used files are evicted.
    pub cache_bytes: u64,
    /// The compiler process; `None`: compiled in this process, without limits.
    pub compiler: Option<CompilerProcess>,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            memory_bytes: limits::GUEST_MEMORY_BYTES,
            call_timeout: limits::CALL_BUDGET,
            max_effects: limits::EFFECTS,
            live_instances: limits::LIVE_INSTANCES,
            cache: None,
            cache_bytes: limits::PLUGIN_CACHE_BYTES,
            compiler: None,
        }
    }
}

/// Why a runtime could not be created.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The machine or its limits do not allow one.
    #[error("the plugin runtime cannot start: {0}; check the limits on memory and threads of this process")]
    Engine(String),
    /// The directory of compiled plugins cannot be used.
    #[error("the folder of compiled plugins {path} cannot be used: {error}; check its owner and permissions")]
    Cache {
        /// The directory.
        path: PathBuf,
        /// The error of the operating system.
        error: std::io::Error,
    },
}

/// Compiles, probes and configures plugins. One per process; dropping the last reference stops its thread.
pub struct Runtime {
    engine: Arc<Engine>,
    budget: Budget,
    effects: usize,
    compiled: CompiledComponents,
    live: Arc<AtomicUsize>,
}

impl Runtime {
    /// Reserves the address space of all instances and starts the epoch ticker.
    ///
    /// # Errors
    /// See [`RuntimeError`].
    pub fn new(config: RuntimeConfig) -> Result<Arc<Self>, RuntimeError> {
        let RuntimeConfig {
            memory_bytes,
            call_timeout: call,
            max_effects: effects,
            live_instances,
            cache,
            cache_bytes,
            compiler,
        } = config;
        let engine =
            Engine::new(live_instances, memory_bytes).map_err(|error| RuntimeError::Engine(format!("{error:#}")))?;
        for warning in &engine.warnings {
            tracing::warn!("{warning}");
        }
        let compiled = CompiledComponents::open(cache.map(|path| (path, cache_bytes)), compiler)
            .map_err(|(path, error)| RuntimeError::Cache { path, error })?;
        let budget = Budget::new(memory_bytes, call);
        Ok(Arc::new(Self { engine: Arc::new(engine), budget, effects, compiled, live: Arc::default() }))
    }

    /// Whether a component with this SHA-256 can be loaded without compiling it first.
    pub(crate) fn is_compiled(&self, sha256: &str) -> bool {
        self.compiled.is_compiled(&self.engine.wasmtime, sha256)
    }

    /// Compiles a component, so that loading it is quick; a failure is reported by the load. Blocks.
    pub(crate) fn ensure_compiled(&self, bytes: &[u8], sha256: &str) {
        self.compiled.ensure_compiled(&self.engine.wasmtime, bytes, sha256);
    }

    /// Maximum number of live instances in this process.
    pub fn instance_limit(&self) -> usize {
        self.engine.live_instances
    }

    /// Number of live instances.
    pub fn live_instances(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// Warnings about this machine for the operator, one sentence each; also logged.
    pub fn warnings(&self) -> &[String] {
        &self.engine.warnings
    }

    /// Loads and probes a plugin: reads and compiles it (or takes it from the cache), checks imports, grants, exports
    /// and manifest, and runs configure, start, snapshot and restore in throw-away stores. Blocks for 0.1 s to seconds:
    /// never call it on an IO thread (use [`modehost_task::run_blocking`]).
    ///
    /// `file` names it in errors; `config` is its section as JSON (none: `{}`); `granted` are the configured grants.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn load(
        &self,
        bytes: &[u8],
        file: &str,
        config: Option<&str>,
        granted: &[String],
    ) -> Result<Arc<WasmGeneration>, LoadError> {
        let (code, manifest) = self.prepare(bytes, file)?;
        self.configure(code, manifest, file, config, granted)
    }

    /// The same code with other settings: only the probe is run again.
    ///
    /// # Errors
    /// See [`LoadError`].
    pub fn reload(
        &self,
        generation: &WasmGeneration,
        file: &str,
        config: Option<&str>,
        granted: &[String],
    ) -> Result<Arc<WasmGeneration>, LoadError> {
        let (code, manifest) = generation.code_and_manifest();
        self.configure(code, manifest, file, config, granted)
    }

    /// Checks everything that can be checked without compiling.
    pub(crate) fn examine(&self, bytes: &[u8], file: &str) -> Result<Package, LoadError> {
        let named = || file.to_owned();
        let size = bytes.len() as u64;
        if size > limits::PLUGIN_FILE_BYTES {
            return Err(LoadError::TooLarge { file: named(), size, limit: limits::PLUGIN_FILE_BYTES });
        }
        let package = package::read(bytes).map_err(|error| LoadError::Package { file: named(), error })?;
        if let Some(import) = package.imports.iter().find(|import| !wasi::may_import(import)) {
            return Err(LoadError::Import { file: named(), import: import.clone() });
        }
        ContractVersion::of(&package.exports).map_err(|why| LoadError::Contract { file: named(), why })?;
        Ok(package)
    }

    /// The steps of a load that do not depend on the configuration.
    pub(crate) fn prepare(&self, bytes: &[u8], file: &str) -> Result<(Arc<Code>, Arc<Manifest>), LoadError> {
        let package = self.examine(bytes, file)?;
        let contract_version =
            ContractVersion::of(&package.exports).map_err(|why| LoadError::Contract { file: file.to_owned(), why })?;
        let component = self.compile(bytes, &package, file)?;
        let contract =
            |error: wasmtime::Error| LoadError::Contract { file: file.to_owned(), why: format!("{error:#}") };
        let linked = self.engine.linker.instantiate_pre(&component).map_err(contract)?;
        let code = Arc::new(Code {
            mode: Prepared::new(linked, contract_version).map_err(contract)?,
            contract_version,
            engine: self.engine.clone(),
            budget: self.budget,
            log: PluginLog::new(package.id.clone()),
            metrics: PluginMetrics::new(&package.id, self.live.clone()),
            package,
        });
        let manifest = probe::describe(&code, file)?;
        manifest::check(&manifest, &code.package, file)?;
        Ok((code, Arc::new(manifest)))
    }

    /// The steps that do: grants, settings and the probe.
    fn configure(
        &self,
        code: Arc<Code>,
        manifest: Arc<Manifest>,
        file: &str,
        config: Option<&str>,
        granted: &[String],
    ) -> Result<Arc<WasmGeneration>, LoadError> {
        let package = &code.package;
        let mut configured = Vec::with_capacity(granted.len());
        for text in granted {
            let invalid = |why| LoadError::BadGrant { plugin: package.id.clone(), why };
            configured.push(Grant::parse(text).map_err(invalid)?);
        }
        let grants = Grants::intersect(&package.grants, &package.optional_grants, &configured)
            .map_err(|missing| LoadError::grants(file, &package.id, &missing))?;
        let config = config.unwrap_or("{}");
        manifest::check_config(&manifest, config).map_err(|why| LoadError::Config {
            file: file.to_owned(),
            plugin: package.id.clone(),
            why,
            schema: manifest.config_schema.clone(),
        })?;
        let state = GenerationState::new(EffectRules { grants, max_effects: self.effects });
        let generation = WasmGeneration::new(code, manifest, config.into(), state);
        probe::run(&generation, file)?;
        Ok(Arc::new(generation))
    }

    fn compile(&self, bytes: &[u8], package: &Package, file: &str) -> Result<Component, LoadError> {
        let compiled = self.compiled.component(&self.engine.wasmtime, bytes, &package.sha256);
        compiled.map_err(|error| LoadError::Compile { file: file.to_owned(), error })
    }
}
