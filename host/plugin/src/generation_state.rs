//! State that all instances of one generation share. Rule: the rules are immutable; the counters only increase.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use modehost_contract::Fault;
use parking_lot::Mutex;

use crate::convert::effect::EffectRules;

/// The rules for effects and the call counters of one generation.
pub(crate) struct GenerationState {
    pub rules: EffectRules,
    calls: AtomicU64,
    faults: AtomicU64,
    last_fault: Mutex<Option<String>>,
}

/// Call counters of one generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStats {
    /// Calls since the generation was loaded.
    pub calls: u64,
    /// Calls that failed; a rejected input does not count.
    pub faults: u64,
    /// Message of the last fault.
    pub last_fault: Option<String>,
}

impl GenerationState {
    pub(crate) fn new(rules: EffectRules) -> Arc<Self> {
        Arc::new(Self { rules, calls: AtomicU64::new(0), faults: AtomicU64::new(0), last_fault: Mutex::default() })
    }

    /// Counts a call. A rejected input is not a fault.
    pub(crate) fn record_call(&self, fault: Option<&Fault>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(fault) = fault {
            self.record_fault(fault);
        }
    }

    /// Counts a fault outside of a call, such as a failure to open an instance.
    pub(crate) fn record_fault(&self, fault: &Fault) {
        if fault.is_plugin_fault() {
            self.faults.fetch_add(1, Ordering::Relaxed);
            *self.last_fault.lock() = Some(fault.to_string());
        }
    }

    /// The counters now.
    pub(crate) fn call_stats(&self) -> CallStats {
        CallStats {
            calls: self.calls.load(Ordering::Relaxed),
            faults: self.faults.load(Ordering::Relaxed),
            last_fault: self.last_fault.lock().clone(),
        }
    }
}
