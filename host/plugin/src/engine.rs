//! The wasmtime engine that all plugins share, and its epoch ticker. Rule: one engine per process; its settings decide
//! which precompiled files fit; dropping it stops the ticker thread.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::thread::JoinHandle;

use crate::limits;
use wasmtime::component::Linker;
use wasmtime::{Config, InstanceAllocationStrategy};

use crate::bindings::{v0_1, v0_2};
use crate::guest::{Guest, HasGuest};
use crate::pool;
use crate::wasi;

/// Engine, linker and ticker thread.
pub(crate) struct Engine {
    pub wasmtime: wasmtime::Engine,
    pub linker: Linker<Guest>,
    pub live_instances: usize,
    pub warnings: Vec<String>,
    ticker: Option<JoinHandle<()>>,
    stop: Option<SyncSender<()>>,
}

impl Engine {
    /// Builds the engine for this many live instances with this much memory each. Where the system does not grant the
    /// address space of a pool, instances are allocated on demand instead.
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
        let ticked_engine = wasmtime.clone();
        let ticker = std::thread::Builder::new().name("guest-ticks".into()).spawn(move || {
            while stopped.recv_timeout(limits::EPOCH_TICK) == Err(RecvTimeoutError::Timeout) {
                ticked_engine.increment_epoch();
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

/// Settings of the compiler and of instance allocation.
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

/// An engine that compiles for the other one and runs nothing.
pub(crate) fn compile_only() -> Result<wasmtime::Engine, wasmtime::Error> {
    wasmtime::Engine::new(&settings(InstanceAllocationStrategy::OnDemand))
}

/// Changes with everything that makes compiled code incompatible with this engine.
pub(crate) fn fingerprint(engine: &wasmtime::Engine) -> u64 {
    use std::hash::{DefaultHasher, Hash, Hasher};
    let mut hasher = DefaultHasher::new();
    engine.precompile_compatibility_hash().hash(&mut hasher);
    hasher.finish()
}
