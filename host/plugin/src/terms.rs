//! What all instances of one generation share. Rule: what effects are held against does not change; the counts only
//! rise.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use modehost_contract::Fault;
use parking_lot::Mutex;

use crate::convert::effect::Rules;

/// What all instances of one generation share.
pub(crate) struct Terms {
    pub rules: Rules,
    calls: AtomicU64,
    faults: AtomicU64,
    last_fault: Mutex<Option<String>>,
}

/// What instances of one generation have been called, and how that went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallStats {
    /// Calls since the generation was loaded.
    pub calls: u64,
    /// Calls that failed; an input that a guest rejects is none.
    pub faults: u64,
    /// The last fault in its own words.
    pub last_fault: Option<String>,
}

impl Terms {
    pub(crate) fn new(rules: Rules) -> Arc<Self> {
        Arc::new(Self { rules, calls: AtomicU64::new(0), faults: AtomicU64::new(0), last_fault: Mutex::default() })
    }

    /// Counts a call. That a guest rejects its input is no fault.
    pub(crate) fn tally(&self, fault: Option<&Fault>) {
        self.calls.fetch_add(1, Ordering::Relaxed);
        if let Some(fault) = fault {
            self.faulted(fault);
        }
    }

    /// Counts a fault that no call stands for, such as one of opening an instance.
    pub(crate) fn faulted(&self, fault: &Fault) {
        if fault.is_of_plugin() {
            self.faults.fetch_add(1, Ordering::Relaxed);
            *self.last_fault.lock() = Some(fault.to_string());
        }
    }

    /// Calls so far, and those of them that were faults.
    pub(crate) fn total(&self) -> CallStats {
        CallStats {
            calls: self.calls.load(Ordering::Relaxed),
            faults: self.faults.load(Ordering::Relaxed),
            last_fault: self.last_fault.lock().clone(),
        }
    }
}
