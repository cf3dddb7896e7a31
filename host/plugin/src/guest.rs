//! What the host keeps for one instance, and the bounds of its memory. Rule: small, since there is
//! one for every session and plugin; what few guests use (the system interface) is made on first use.

use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use modehost_contract::Context;
use wasmtime::ResourceLimiter;
use wasmtime::component::{HasData, ResourceTable};
use wasmtime_wasi::WasiCtx;

use crate::bindings::{v0_1, v0_2};
use crate::log::{LastWords, PluginLog};

/// The data of one store.
pub(crate) struct Guest {
    pub bounds: Bounds,
    /// Time and chance as the guest may know them during the present call.
    pub context: Context,
    /// State of the random numbers drawn since `context` was set.
    pub drawn: u64,
    pub log: Arc<PluginLog>,
    /// What it has written to stderr, in case it traps.
    pub last_words: LastWords,
    /// When the call ran out of its time, in processor time of its thread; none before that.
    pub overdue: Option<Duration>,
    /// The system interface; most guests never touch it.
    pub wasi: Option<Box<Wasi>>,
}

/// State of the system interface for one guest that uses it.
pub(crate) struct Wasi {
    pub context: WasiCtx,
    pub table: ResourceTable,
}

impl Guest {
    pub(crate) fn new(memory_bytes: usize, log: Arc<PluginLog>) -> Self {
        let bounds = Bounds { memory_bytes, used: 0, denied: false };
        let context = Context { now: 0, seed: 0 };
        Self { bounds, context, drawn: 0, log, last_words: LastWords::default(), overdue: None, wasi: None }
    }

    /// Sets what the guest may know during the next call.
    pub(crate) fn enter(&mut self, context: Context) {
        self.context = context;
        self.drawn = context.seed;
    }

    /// The next random number (SplitMix64 over the seed of the call): the same events give the
    /// same numbers.
    pub(crate) fn draw(&mut self) -> u64 {
        self.drawn = self.drawn.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.drawn;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

/// Says to the generated glue that the host's data is the guest itself.
pub(crate) struct HasGuest;

impl HasData for HasGuest {
    type Data<'a> = &'a mut Guest;
}

// The contract's interfaces that a component names as imports hold words only, no functions.
impl v0_1::modehost::mode::types::Host for Guest {}
impl v0_1::modehost::mode::events::Host for Guest {}
impl v0_1::modehost::mode::effects::Host for Guest {}
impl v0_2::modehost::mode::types::Host for Guest {}
impl v0_2::modehost::mode::events::Host for Guest {}
impl v0_2::modehost::mode::effects::Host for Guest {}

/// Bounds of one instance, over all memories and tables that it has.
pub(crate) struct Bounds {
    memory_bytes: usize,
    /// Bytes of all memories of the instance.
    pub used: usize,
    /// True once memory was asked for beyond the bound; tells a trap that follows apart.
    pub denied: bool,
}

impl ResourceLimiter for Bounds {
    fn memory_growing(
        &mut self,
        current: usize,
        desired: usize,
        maximum: Option<usize>,
    ) -> Result<bool, wasmtime::Error> {
        let total = self.used.saturating_add(desired.saturating_sub(current));
        if total > self.memory_bytes {
            self.denied = true;
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
