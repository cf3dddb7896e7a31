//! One instance of a plugin, owned by one session. Rule: it alone owns its store; every failure is returned as a
//! [`Fault`], and a store that trapped is never entered again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits;
use modehost_contract::{Context, Effect, Event, Fault, Instance, Manifest, Snapshot};
use wasmtime::{PoolConcurrencyLimitError, Store, StoreContextMut, Trap, UpdateDeadline};

use crate::code::{Budget, Code};
use crate::convert::effect::EffectRules;
use crate::exports::{Exports, OpenError};
use crate::generation_state::GenerationState;
use crate::guest::Guest;

/// An instance, its store, and the rules that its effects are checked against.
pub(crate) struct WasmInstance {
    // Dropped in this order: the store before the code that it runs.
    store: Store<Guest>,
    exports: Exports,
    code: Arc<Code>,
    state: Arc<GenerationState>,
    poisoned: bool,
    calls: u32,
    /// Bytes of memory last reported to the metrics.
    reported_memory: usize,
}

impl WasmInstance {
    /// Instantiates the code; `configure` must be the first call.
    pub(crate) fn open(code: &Arc<Code>, state: &Arc<GenerationState>) -> Result<Self, Fault> {
        let guest = Guest::new(code.budget.memory_bytes, code.log.clone());
        let mut store = Store::new(&code.engine.wasmtime, guest);
        store.limiter(|guest| &mut guest.limiter);
        store.set_hostcall_fuel(limits::GUEST_TRANSFER_BYTES);
        store.set_max_component_handles(limits::GUEST_HANDLES);
        store.epoch_deadline_callback(deadline_callback(code.budget));
        store.set_epoch_deadline(code.budget.ticks);
        let exports = match code.mode.instantiate(&mut store) {
            Ok(exports) => exports,
            Err(OpenError::Types(version, error)) => {
                return Err(Fault::Open(format!(
                    "its types are not those of modehost:mode@{version} ({error:#}); if it was built against a draft \
                     of that version, rebuild it with the SDK of this server"
                )));
            }
            Err(OpenError::Guest(error)) => {
                // Instantiation runs guest code (start functions), so this can be the guest's fault.
                return Err(match to_fault(&error, &store, code.budget.call_ms) {
                    Fault::Trapped(why) => Fault::Open(why),
                    other => other,
                });
            }
        };
        code.metrics.opened();
        let mut opened = Self {
            store,
            exports,
            code: code.clone(),
            state: state.clone(),
            poisoned: false,
            calls: 0,
            reported_memory: 0,
        };
        opened.report_memory();
        Ok(opened)
    }

    /// The first call.
    pub(crate) fn configure(&mut self, config: &str) -> Result<(), Fault> {
        self.call(|exports, store, _| exports.configure(store, config))?.map_err(Fault::Configure)
    }

    /// The second call, for an instance that continues from a snapshot.
    pub(crate) fn restore(&mut self, snapshot: &Snapshot) -> Result<(), Fault> {
        self.call(|exports, store, _| exports.restore(store, snapshot))?.map_err(Fault::Restore)
    }

    /// The plugin's description of itself.
    pub(crate) fn describe(&mut self) -> Result<Manifest, Fault> {
        self.call(|exports, store, _| exports.describe(store))
    }

    /// Calls the guest with a fresh budget, unless the instance is poisoned.
    fn call<R>(
        &mut self,
        enter: impl FnOnce(&Exports, &mut Store<Guest>, &EffectRules) -> Result<R, wasmtime::Error>,
    ) -> Result<R, Fault> {
        if self.poisoned {
            return Err(Fault::Trapped("this instance was lost by an earlier fault".to_owned()));
        }
        self.store.set_epoch_deadline(self.code.budget.ticks);
        self.store.data_mut().deadline_exceeded_at = None;
        // Poisoned until the call returns, so that a panic of the host poisons it as well.
        self.poisoned = true;
        match enter(&self.exports, &mut self.store, &self.state.rules) {
            Ok(result) => {
                self.poisoned = false;
                Ok(result)
            }
            Err(error) => Err(to_fault(&error, &self.store, self.code.budget.call_ms)),
        }
    }

    fn report_memory(&mut self) {
        let used = self.store.data().limiter.used;
        if used != self.reported_memory {
            self.code.metrics.memory_changed(self.reported_memory, used);
            self.reported_memory = used;
        }
    }

    fn call_handler(&mut self, context: Context, event: &Event) -> Result<Vec<Effect>, Fault> {
        self.store.data_mut().set_context(context);
        let result = self.call(|exports, store, rules| exports.handle(store, rules, context, event))?;
        // A guest that returned invalid effects is not called again.
        self.poisoned = matches!(result, Err(Fault::BadEffects(_)));
        result
    }
}

impl Instance for WasmInstance {
    fn handle(&mut self, context: Context, event: &Event) -> Result<Vec<Effect>, Fault> {
        let span = tracing::trace_span!(
            target: "modehost::trace", "plugin.call", plugin = self.code.log.plugin(), event = event.name(),
            outcome = tracing::field::Empty
        );
        let _within = span.enter();
        self.calls = self.calls.wrapping_add(1);
        let began = self.calls.is_multiple_of(limits::CALLS_PER_SAMPLE).then(Instant::now);
        let result = self.call_handler(context, event);
        self.code.metrics.record_call(began.map(|began| began.elapsed()), result.as_ref().err());
        self.state.record_call(result.as_ref().err());
        span.record("outcome", result.as_ref().map_or_else(Fault::label, |_| "ok"));
        self.report_memory();
        result
    }

    fn snapshot(&mut self) -> Result<Snapshot, Fault> {
        let saved = self.call(|exports, store, _| exports.snapshot(store))?;
        if saved.state.len() > limits::SNAPSHOT_BYTES {
            let (size, max) = (saved.state.len(), limits::SNAPSHOT_BYTES);
            return Err(Fault::BadEffects(format!("a snapshot of {size} bytes; at most {max}")));
        }
        Ok(saved)
    }

    fn memory_used(&self) -> usize {
        self.store.data().limiter.used
    }
}

impl Drop for WasmInstance {
    fn drop(&mut self) {
        self.code.metrics.memory_changed(self.reported_memory, 0);
        self.code.metrics.closed();
    }
}

/// The epoch callback. The deadline is wall clock, which on a busy machine can pass without the guest having run; so
/// the call is extended until it has used another half of its budget in CPU time, up to a fixed number of extensions.
fn deadline_callback(budget: Budget) -> impl FnMut(StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let mut extensions = 0;
    move |mut store| {
        let used = thread_time();
        let guest = store.data_mut();
        let Some(deadline_exceeded_at) = guest.deadline_exceeded_at else {
            guest.deadline_exceeded_at = Some(used);
            extensions = 0;
            return Ok(UpdateDeadline::Continue(budget.ticks.div_ceil(2)));
        };
        extensions += 1;
        let spent = used.saturating_sub(deadline_exceeded_at);
        if spent * 2 < Duration::from_millis(budget.call_ms) && extensions < limits::MAX_DEADLINE_EXTENSIONS {
            return Ok(UpdateDeadline::Continue(1));
        }
        Err(Trap::Interrupt.into())
    }
}

/// CPU time of the current thread.
fn thread_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

/// Maps a wasmtime error to a fault.
fn to_fault(error: &wasmtime::Error, store: &Store<Guest>, call_ms: u64) -> Fault {
    let guest = store.data();
    if guest.limiter.limit_hit {
        return Fault::OutOfMemory;
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Fault::Capacity("the pool of instances is full".to_owned());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Fault::TimedOut(call_ms),
        Some(Trap::AllocationTooLarge) => Fault::OutOfMemory,
        Some(trap) => Fault::Trapped(guest.stderr_tail.take().unwrap_or_else(|| trap.to_string())),
        None => {
            let why = error.root_cause().to_string();
            // wasmtime has no error type for this one; a test checks that the message still matches.
            if why.contains("fuel allocated for hostcalls") {
                return Fault::BadEffects(format!("more than {} bytes for one call", limits::GUEST_TRANSFER_BYTES));
            }
            Fault::Trapped(guest.stderr_tail.take().unwrap_or(why))
        }
    }
}
