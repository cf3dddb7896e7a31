//! The engine that all plugins share, and the clock of their budgets. Rule: one engine a process;
//! its settings decide which precompiled files fit, and dropping it ends the ticking thread.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::limits;
use wasmtime::component::Linker;
use wasmtime::{Config, InstanceAllocationStrategy};

use crate::bindings::{v0_1, v0_2};
use crate::guest::{Guest, HasGuest};
use crate::pool;
use crate::wasi;

/// Engine, linker and the ticking thread.
pub(crate) struct Engine {
    pub wasmtime: wasmtime::Engine,
    pub linker: Linker<Guest>,
    pub live_instances: usize,
    pub warnings: Vec<String>,
    ticker: Option<JoinHandle<()>>,
    stop: Option<SyncSender<()>>,
}

impl Engine {
    /// Builds the engine for this many live instances of this much memory each. Where the system
    /// does not give the address space of a pool, instances are allocated one by one instead.
    pub(crate) fn new(live_instances: usize, memory_bytes: usize) -> Result<Self, wasmtime::Error> {
        let capacity = pool::capacity(live_instances);
        let mut warnings = capacity.warnings;
        let pooled = pool::pooling(capacity.live_instances, memory_bytes);
        let wasmtime = match wasmtime::Engine::new(&settings(InstanceAllocationStrategy::Pooling(pooled))) {
            Ok(engine) => engine,
            Err(error) => {
                warnings.push(format!(
                    "no address space for {} pooled plugin instances ({error:#}); they are allocated one by one, \
                     which is slower. Raise the limit on virtual memory (ulimit -v, LimitAS=) or lower \
                     plugins.limits.live_instances",
                    capacity.live_instances
                ));
                wasmtime::Engine::new(&settings(InstanceAllocationStrategy::OnDemand))?
            }
        };
        let mut linker = Linker::new(&wasmtime);
        wasi::link(&mut linker)?;
        v0_1::Mode::add_to_linker::<Guest, HasGuest>(&mut linker, |guest| guest)?;
        v0_2::Mode::add_to_linker::<Guest, HasGuest>(&mut linker, |guest| guest)?;

        let (stop, stopped) = sync_channel::<()>(1);
        let ticking = wasmtime.clone();
        let ticker = std::thread::Builder::new().name("guest-ticks".into()).spawn(move || {
            while stopped.recv_timeout(limits::EPOCH_TICK) == Err(RecvTimeoutError::Timeout) {
                ticking.increment_epoch();
            }
        })?;
        Ok(Self {
            wasmtime,
            linker,
            live_instances: capacity.live_instances,
            warnings,
            ticker: Some(ticker),
            stop: Some(stop),
        })
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(ticker) = self.ticker.take() {
            let _ = ticker.join();
        }
    }
}

/// The settings of the compiler and of instances.
fn settings(allocation: InstanceAllocationStrategy) -> Config {
    let mut config = Config::new();
    config
        .wasm_component_model(true)
        .concurrency_support(false)
        .epoch_interruption(true)
        .memory_init_cow(true)
        .allocation_strategy(allocation);
    config
}

/// An engine that compiles what the others run, and runs nothing.
pub(crate) fn for_compiling() -> Result<wasmtime::Engine, wasmtime::Error> {
    wasmtime::Engine::new(&settings(InstanceAllocationStrategy::OnDemand))
}

/// A number that changes with whatever makes compiled code unfit for this engine.
pub(crate) fn fingerprint(engine: &wasmtime::Engine) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}
