//! One instance of one plugin, lent to one session. Rule: it alone owns its store; whatever goes
//! wrong inside comes out as a [`Fault`], and a store that trapped is never entered again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits;
use modehost_contract::{Context, Effect, Event, Fault, Instance, Manifest, Snapshot};
use wasmtime::{PoolConcurrencyLimitError, Store, StoreContextMut, Trap, UpdateDeadline};

use crate::code::{Budget, Code};
use crate::convert::effect::Rules;
use crate::exports::Exports;
use crate::guest::Guest;
use crate::terms::Terms;

/// An instance, its store and what its effects are held against.
pub(crate) struct WasmInstance {
    // The store goes before the code that it runs.
    store: Store<Guest>,
    exports: Exports,
    code: Arc<Code>,
    terms: Arc<Terms>,
    poisoned: bool,
    calls: u32,
    /// Bytes of memory that the metrics know of.
    counted: usize,
}

impl WasmInstance {
    /// Instantiates the code; `configure` has to follow.
    pub(crate) fn open(code: &Arc<Code>, terms: &Arc<Terms>) -> Result<Self, Fault> {
        let guest = Guest::new(code.budget.memory_bytes, code.log.clone());
        let mut store = Store::new(&code.engine.wasmtime, guest);
        store.limiter(|guest| &mut guest.bounds);
        store.set_hostcall_fuel(limits::GUEST_TRANSFER_BYTES);
        store.set_max_component_handles(limits::GUEST_HANDLES);
        store.epoch_deadline_callback(deadline(code.budget));
        store.set_epoch_deadline(code.budget.ticks);
        let exports = match code.mode.instantiate(&mut store) {
            Ok(exports) => exports,
            Err(error) => {
                // A guest runs code of its own while it is instantiated, so this can be its fault.
                return Err(match fault(&error, &store, code.budget.call_ms) {
                    Fault::Trapped(why) => Fault::Open(why),
                    other => other,
                });
            }
        };
        code.metrics.opened();
        let mut opened =
            Self { store, exports, code: code.clone(), terms: terms.clone(), poisoned: false, calls: 0, counted: 0 };
        opened.count_memory();
        Ok(opened)
    }

    /// First call.
    pub(crate) fn configure(&mut self, config: &str) -> Result<(), Fault> {
        self.call(|exports, store, _| exports.configure(store, config))?.map_err(Fault::Configure)
    }

    /// Second call to an instance that carries on.
    pub(crate) fn restore(&mut self, snapshot: &Snapshot) -> Result<(), Fault> {
        self.call(|exports, store, _| exports.restore(store, snapshot))?.map_err(Fault::Restore)
    }

    /// What the plugin says of itself.
    pub(crate) fn describe(&mut self) -> Result<Manifest, Fault> {
        self.call(|exports, store, _| exports.describe(store))
    }

    /// Enters the guest with a fresh budget, unless it has been lost.
    fn call<R>(
        &mut self,
        enter: impl FnOnce(&Exports, &mut Store<Guest>, &Rules) -> Result<R, wasmtime::Error>,
    ) -> Result<R, Fault> {
        if self.poisoned {
            return Err(Fault::Trapped("this instance was lost by an earlier fault".to_owned()));
        }
        self.store.set_epoch_deadline(self.code.budget.ticks);
        self.store.data_mut().overdue = None;
        // Until the call has come back well the instance counts as lost, also if the host panics.
        self.poisoned = true;
        match enter(&self.exports, &mut self.store, &self.terms.rules) {
            Ok(result) => {
                self.poisoned = false;
                Ok(result)
            }
            Err(error) => Err(fault(&error, &self.store, self.code.budget.call_ms)),
        }
    }

    fn count_memory(&mut self) {
        let used = self.store.data().bounds.used;
        if used != self.counted {
            self.code.metrics.memory_changed(self.counted, used);
            self.counted = used;
        }
    }

    fn give(&mut self, context: Context, event: &Event) -> Result<Vec<Effect>, Fault> {
        self.store.data_mut().enter(context);
        let result = self.call(|exports, store, rules| exports.handle(store, rules, context, event))?;
        // A guest that returned what it must not is not entered again.
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
        let result = self.give(context, event);
        self.code.metrics.called(began.map(|began| began.elapsed()), result.as_ref().err());
        self.terms.tally(result.as_ref().err());
        span.record("outcome", result.as_ref().map_or_else(Fault::label, |_| "ok"));
        self.count_memory();
        result
    }

    fn snapshot(&mut self) -> Result<Snapshot, Fault> {
        let saved = self.call(|exports, store, _| exports.snapshot(store))?;
        if saved.state.len() > limits::SNAPSHOT_BYTES {
            let (size, most) = (saved.state.len(), limits::SNAPSHOT_BYTES);
            return Err(Fault::BadEffects(format!("a snapshot of {size} bytes; at most {most}")));
        }
        Ok(saved)
    }
}

impl Drop for WasmInstance {
    fn drop(&mut self) {
        self.code.metrics.memory_changed(self.counted, 0);
        self.code.metrics.closed();
    }
}

/// What happens when the time of a call is over. It is wall clock, which on a busy machine can pass without
/// the guest having run; so it goes on until it has used half as much processor time again, within a bound
/// that holds whatever the machine does.
fn deadline(budget: Budget) -> impl FnMut(StoreContextMut<'_, Guest>) -> wasmtime::Result<UpdateDeadline> {
    let mut extensions = 0;
    move |mut store| {
        let used = thread_time();
        let guest = store.data_mut();
        let Some(overdue) = guest.overdue else {
            guest.overdue = Some(used);
            extensions = 0;
            return Ok(UpdateDeadline::Continue(budget.ticks.div_ceil(2)));
        };
        extensions += 1;
        let spent = used.saturating_sub(overdue);
        if spent * 2 < Duration::from_millis(budget.call_ms) && extensions < limits::CALL_EXTENSIONS {
            return Ok(UpdateDeadline::Continue(1));
        }
        Err(Trap::Interrupt.into())
    }
}

/// Processor time that this thread has used.
fn thread_time() -> Duration {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

/// What the runtime's error means to the host.
fn fault(error: &wasmtime::Error, store: &Store<Guest>, call_ms: u64) -> Fault {
    let guest = store.data();
    if guest.bounds.denied {
        return Fault::OutOfMemory;
    }
    if error.is::<PoolConcurrencyLimitError>() {
        return Fault::Capacity("the pool of instances is full".to_owned());
    }
    match error.downcast_ref::<Trap>() {
        Some(Trap::Interrupt) => Fault::TimedOut(call_ms),
        Some(Trap::AllocationTooLarge) => Fault::OutOfMemory,
        Some(trap) => Fault::Trapped(guest.last_words.take().unwrap_or_else(|| trap.to_string())),
        None => {
            let why = error.root_cause().to_string();
            // The runtime has no type for this one; a test keeps the words in step.
            if why.contains("fuel allocated for hostcalls") {
                return Fault::BadEffects(format!("more than {} bytes for one call", limits::GUEST_TRANSFER_BYTES));
            }
            Fault::Trapped(guest.last_words.take().unwrap_or(why))
        }
    }
}
