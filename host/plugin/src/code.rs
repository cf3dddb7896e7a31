//! A compiled plugin file, shared by all its generations and instances. Rule: independent of the configuration;
//! generations that differ only in settings share one of these.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::limits;
use metrics::{Counter, Gauge, Histogram};
use modehost_contract::Fault;

use crate::contract_version::ContractVersion;
use crate::engine::Engine;
use crate::exports::Prepared;
use crate::log::PluginLog;
use crate::package::Package;

/// A plugin file that has been compiled and linked.
pub(crate) struct Code {
    // Fields drop in this order: the code has to go before the engine that it was compiled for.
    pub mode: Prepared,
    pub contract_version: ContractVersion,
    pub engine: Arc<Engine>,
    pub package: Package,
    pub budget: Budget,
    pub log: Arc<PluginLog>,
    pub metrics: PluginMetrics,
}

/// Resources of one instance.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Budget {
    pub memory_bytes: usize,
    /// Budget of one call, in ms.
    pub call_ms: u64,
    /// The same in epoch ticks.
    pub ticks: u64,
}

impl Budget {
    pub(crate) fn new(memory_bytes: usize, call: Duration) -> Self {
        let tick = limits::EPOCH_TICK.as_millis().max(1);
        // One more, since the current tick has partly elapsed.
        let ticks = call.as_millis().div_ceil(tick) + 1;
        let call_ms = u64::try_from(call.as_millis()).unwrap_or(u64::MAX);
        Self { memory_bytes, call_ms, ticks: u64::try_from(ticks).unwrap_or(u64::MAX) }
    }
}

/// Metric handles of one plugin, resolved once, so that the message path only increments them.
pub(crate) struct PluginMetrics {
    plugin: String,
    calls: Counter,
    seconds: Histogram,
    live: Gauge,
    memory: Gauge,
    /// Live instances of all plugins, for the runtime itself.
    all_live: Arc<AtomicUsize>,
}

impl PluginMetrics {
    pub(crate) fn new(plugin: &str, all_live: Arc<AtomicUsize>) -> Self {
        crate::register_metrics(plugin);
        let plugin = plugin.to_owned();
        Self {
            calls: metrics::counter!("modehost_plugin_calls_total", "plugin" => plugin.clone()),
            seconds: metrics::histogram!("modehost_plugin_call_seconds", "plugin" => plugin.clone()),
            live: metrics::gauge!("modehost_plugin_live_instances", "plugin" => plugin.clone()),
            memory: metrics::gauge!("modehost_plugin_memory_bytes", "plugin" => plugin.clone()),
            plugin,
            all_live,
        }
    }

    pub(crate) fn opened(&self) {
        self.all_live.fetch_add(1, Ordering::Relaxed);
        self.live.increment(1.0);
    }

    pub(crate) fn closed(&self) {
        self.all_live.fetch_sub(1, Ordering::Relaxed);
        self.live.decrement(1.0);
    }

    /// Updates the gauge of linear memory by the change of one instance.
    pub(crate) fn memory_changed(&self, before: usize, now: usize) {
        self.memory.increment(now as f64 - before as f64);
    }

    pub(crate) fn record_call(&self, took: Option<Duration>, fault: Option<&Fault>) {
        self.calls.increment(1);
        if let Some(took) = took {
            self.seconds.record(took.as_secs_f64());
        }
        if let Some(fault) = fault {
            self.record_fault(fault);
        }
    }

    pub(crate) fn record_fault(&self, fault: &Fault) {
        let (plugin, kind) = (self.plugin.clone(), fault.label());
        metrics::counter!("modehost_plugin_faults_total", "plugin" => plugin, "kind" => kind).increment(1);
    }

    pub(crate) fn record_open(&self, took: Duration) {
        metrics::histogram!("modehost_plugin_open_seconds", "plugin" => self.plugin.clone()).record(took.as_secs_f64());
    }
}
