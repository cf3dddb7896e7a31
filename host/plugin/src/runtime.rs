//! The runtime: bytes of a plugin file in, a generation out. Rule: a generation that comes out has
//! been prepared and probed; whatever is wrong with it is known before anybody is served by it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use modehost_limits as limits;

use crate::code::Budget;
use crate::compiled::Compiled;
use crate::compiler::Helper;
use crate::engine::Engine;

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
    Cache { path: PathBuf, error: std::io::Error },
}

/// Compiles, probes and opens plugins. One a process; dropping the last holder ends its thread.
pub struct Runtime {
    pub(crate) engine: Arc<Engine>,
    pub(crate) budget: Budget,
    pub(crate) effects: usize,
    pub(crate) compiled: Compiled,
    pub(crate) live: Arc<AtomicUsize>,
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
}
