//! Host state of one instance, and its resource limiter. Rule: keep it small, since there is one for each session and
//! plugin; state that few guests need (WASI) is created on first use.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use modehost_contract::Context;
use wasmtime::ResourceLimiter;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::WasiCtx;

use crate::bindings::{v0_1, v0_2};
use crate::log::{PluginLog, StderrTail};

/// The data of one store.
pub(crate) struct Guest {
    pub limiter: InstanceLimiter,
    /// Time and random seed that the guest sees during the current call.
    pub context: Context,
    /// State of the random number generator, reset from `context` on each call.
    pub rng_state: u64,
    pub log: Arc<PluginLog>,
    /// The last lines of stderr, for the message of a trap.
    pub stderr_tail: StderrTail,
    /// CPU time of the thread at which the call exceeded its deadline; `None` before that.
    pub deadline_exceeded_at: Option<Duration>,
    /// WASI state; most guests never use it.
    pub wasi: Option<Box<Wasi>>,
}

/// WASI state of one guest.
pub(crate) struct Wasi {
    pub context: WasiCtx,
    pub table: ResourceTable,
}

impl Guest {
    pub(crate) fn new(memory_bytes: usize, log: Arc<PluginLog>) -> Self {
        let limiter = InstanceLimiter { memory_bytes, used: 0, limit_hit: false };
        let context = Context { now: 0, seed: 0 };
        Self {
            limiter,
            context,
            rng_state: 0,
            log,
            stderr_tail: StderrTail::default(),
            deadline_exceeded_at: None,
            wasi: None,
        }
    }

    /// Sets time and seed for the next call.
    pub(crate) fn set_context(&mut self, context: Context) {
        self.context = context;
        self.rng_state = context.seed;
    }

    /// The next random number (SplitMix64 over the seed of the call): the same events yield the same numbers.
    pub(crate) fn next_random(&mut self) -> u64 {
        self.rng_state = self.rng_state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.rng_state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// Tells the generated bindings that the host data is the guest itself.
pub(crate) struct HasGuest;

impl HasData for HasGuest {
    type Data<'a> = &'a mut Guest;
}

// The contract's imported interfaces contain types only, no functions.
impl v0_1::modehost::mode::types::Host for Guest {}
impl v0_1::modehost::mode::events::Host for Guest {}
impl v0_1::modehost::mode::effects::Host for Guest {}
impl v0_2::modehost::mode::types::Host for Guest {}
impl v0_2::modehost::mode::events::Host for Guest {}
impl v0_2::modehost::mode::effects::Host for Guest {}

/// Resource limits of one instance, over all its memories and tables.
pub(crate) struct InstanceLimiter {
    memory_bytes: usize,
    /// Bytes of all memories of the instance.
    pub used: usize,
    /// True once memory beyond the limit was requested; tells an out-of-memory trap from others.
    pub limit_hit: bool,
}

impl ResourceLimiter for InstanceLimiter {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        let total = self.used.saturating_add(desired.saturating_sub(current));
        if total > self.memory_bytes {
            self.limit_hit = true;
            return Ok(false);
        }
        if maximum.is_none_or(|maximum| desired <= maximum) {
            self.used = total;
            return Ok(true);
        }
        Ok(false)
    }

    fn table_growing(
        &mut self,
        _current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        Ok(desired <= maximum.unwrap_or(usize::MAX).min(limits::TABLE_ELEMENTS))
    }

    fn instances(&self) -> usize {
        limits::CORE_INSTANCES_PER_PLUGIN * 4
    }

    fn tables(&self) -> usize {
        limits::TABLES_PER_PLUGIN * 4
    }

    fn memories(&self) -> usize {
        4
    }
}
