//! The runtime: bytes of a plugin file in, a generation out. Rule: a generation that comes out has
//! been prepared and probed; whatever is wrong with it is known before anybody is served by it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::limits;
use modehost_contract::Manifest;
use wasmtime::component::Component;

use crate::code::{Budget, Code, Metrics};
use crate::compiled::Compiled;
use crate::compiler::Helper;
use crate::convert::effect::Rules;
use crate::engine::Engine;
use crate::exports::Prepared;
use crate::generation::WasmGeneration;
use crate::grants::{Grant, Grants};
use crate::load::LoadError;
use crate::log::PluginLog;
use crate::manifest;
use crate::package::{self, Package};
use crate::probe;
use crate::terms::Terms;
use crate::track::Track;
use crate::wasi;

/// What a runtime is made of. All of it holds for the life of the process.
#[derive(Clone, Debug)]
pub struct RuntimeConfig {
    /// Memory of one instance, in bytes.
    pub memory_bytes: usize,
    /// Time of one call; counted in ticks of 10 ms.
    pub call: Duration,
    /// Effects of one event.
    pub effects: usize,
    /// Instances that may live at the same time; less where the system cannot carry them.
    pub live_instances: usize,
    /// Folder of compiled plugins; none: they are compiled at every start.
    pub cache: Option<PathBuf>,
    /// What that folder may hold; the least recently used go.
    pub cache_bytes: u64,
    /// Who compiles; none: this process itself, without a bound.
    pub helper: Option<Helper>,
}

impl Default for RuntimeConfig {
    fn default() -> Self {
        Self {
            memory_bytes: limits::GUEST_MEMORY_BYTES,
            call: limits::CALL,
            effects: limits::EFFECTS,
            live_instances: limits::LIVE_INSTANCES,
            cache: None,
            cache_bytes: limits::PLUGIN_CACHE_BYTES,
            helper: None,
        }
    }
}

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// The machine or its limits do not allow one.
    #[error("the plugin runtime cannot start: {0}; check the limits on memory and threads of this process")]
    Engine(String),
    /// The folder of compiled plugins cannot be used.
    #[error("the folder of compiled plugins {path} cannot be used: {error}; check its owner and permissions")]
    Cache {
        /// The folder.
        path: PathBuf,
        /// The system's answer.
        error: std::io::Error,
    },
}

/// Compiles, probes and configures plugins. One a process; dropping the last holder ends its thread.
pub struct Runtime {
    engine: Arc<Engine>,
    budget: Budget,
    effects: usize,
    compiled: Compiled,
    live: Arc<AtomicUsize>,
}

impl Runtime {
    /// Reserves the address space of all instances, and starts the clock of their budgets.
    ///
    /// # Errors
    /// See [`RuntimeError`].
    pub fn new(config: RuntimeConfig) -> Result<Arc<Self>, RuntimeError> {
        let RuntimeConfig { memory_bytes, call, effects, live_instances, cache, cache_bytes, helper } = config;
        let engine =
            Engine::new(live_instances, memory_bytes).map_err(|error| RuntimeError::Engine(format!("{error:#}")))?;
        for warning in &engine.warnings {
            tracing::warn!("{warning}");
        }
        let compiled = Compiled::open(cache.map(|path| (path, cache_bytes)), helper)
            .map_err(|(path, error)| RuntimeError::Cache { path, error })?;
        let budget = Budget::new(memory_bytes, call);
        Ok(Arc::new(Self { engine: Arc::new(engine), budget, effects, compiled, live: Arc::default() }))
    }

    /// Whether a component with this SHA-256 can be loaded without being compiled first.
    pub(crate) fn is_ready(&self, sha256: &str) -> bool {
        self.compiled.is_ready(&self.engine.wasmtime, sha256)
    }

    /// Compiles a component, so that loading it is quick; what fails is told by the load. Blocks.
    pub(crate) fn make_ready(&self, bytes: &[u8], sha256: &str) {
        self.compiled.make_ready(&self.engine.wasmtime, bytes, sha256);
    }

    /// Instances that may live at the same time in this process.
    pub fn instance_limit(&self) -> usize {
        self.engine.live_instances
    }

    /// Instances that live now.
    pub fn live_instances(&self) -> usize {
        self.live.load(Ordering::Relaxed)
    }

    /// What the operator should know of this machine, one sentence each; also in the log.
    pub fn warnings(&self) -> &[String] {
        &self.engine.warnings
    }

    /// Prepares and probes a plugin: reads and compiles it (or takes the compiled file), checks
    /// imports, grants, exports and manifest, and lets it go through configure, start, snapshot
    /// and restore in throw-away stores. Takes 0.1 s to seconds and blocks: never call it from an
    /// IO thread ([`modehost_task::run_blocking`] is the place).
    ///
    /// `file` names it in errors; `config` is its section as JSON (none: `{}`); `granted` are the
    /// configured grants.
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
        let (code, manifest) = generation.shared();
        self.configure(code, manifest, file, config, granted)
    }

    /// What can be said of a file without compiling it.
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
        Track::of(&package.exports).map_err(|why| LoadError::Contract { file: named(), why })?;
        Ok(package)
    }

    /// Everything that does not depend on the configuration.
    pub(crate) fn prepare(&self, bytes: &[u8], file: &str) -> Result<(Arc<Code>, Arc<Manifest>), LoadError> {
        let package = self.examine(bytes, file)?;
        let track = Track::of(&package.exports).map_err(|why| LoadError::Contract { file: file.to_owned(), why })?;
        let component = self.compile(bytes, &package, file)?;
        let contract =
            |error: wasmtime::Error| LoadError::Contract { file: file.to_owned(), why: format!("{error:#}") };
        let linked = self.engine.linker.instantiate_pre(&component).map_err(contract)?;
        let code = Arc::new(Code {
            mode: Prepared::new(linked, track).map_err(contract)?,
            track,
            engine: self.engine.clone(),
            budget: self.budget,
            log: PluginLog::new(package.id.clone()),
            metrics: Metrics::new(&package.id, self.live.clone()),
            package,
        });
        let manifest = probe::describe(&code, file)?;
        manifest::check(&manifest, &code.package, file)?;
        Ok((code, Arc::new(manifest)))
    }

    /// Grants, settings and the trial.
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
            let bad = |why| LoadError::BadGrant { plugin: package.id.clone(), why };
            configured.push(Grant::parse(text).map_err(bad)?);
        }
        let grants = Grants::intersect(&package.grants, &package.optional_grants, &configured).map_err(|missing| {
            LoadError::Grant { file: file.to_owned(), plugin: package.id.clone(), grant: missing.to_string() }
        })?;
        let config = config.unwrap_or("{}");
        manifest::check_config(&manifest, config).map_err(|why| LoadError::Config {
            file: file.to_owned(),
            plugin: package.id.clone(),
            why,
            schema: manifest.config_schema.clone(),
        })?;
        let terms = Terms::new(Rules { grants, count: self.effects });
        let generation = WasmGeneration::new(code, manifest, config.into(), terms);
        probe::run(&generation, file)?;
        Ok(Arc::new(generation))
    }

    fn compile(&self, bytes: &[u8], package: &Package, file: &str) -> Result<Component, LoadError> {
        let compiled = self.compiled.component(&self.engine.wasmtime, bytes, &package.sha256);
        compiled.map_err(|error| LoadError::Compile { file: file.to_owned(), error })
    }
}
