//! Descriptions of this crate's metrics, for readers of `/metrics`. Rule: every metric of the crate is described here,
//! with its unit and its labels; one without labels is exported from the start.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use modehost_contract::Fault;

/// Describes the metrics of this crate. Must run after the recorder is installed.
pub fn describe_metrics() {
    describe_counter!(
        "modehost_plugin_loads_total",
        Unit::Count,
        "Plugin files that were loaded, by `outcome`: taken or refused."
    );
    for outcome in ["taken", "refused"] {
        let _ = counter!("modehost_plugin_loads_total", "outcome" => outcome);
    }
    describe_gauge!("modehost_plugins_refused", Unit::Count, "Plugin files that are refused now.");
    let _ = gauge!("modehost_plugins_refused");
    describe_gauge!(
        "modehost_plugin_generations",
        Unit::Count,
        "Versions of a `plugin` that are in memory; two at the most."
    );
    describe_counter!("modehost_plugin_rollbacks_total", Unit::Count, "Versions of a `plugin` that were rolled back.");
    describe_gauge!("modehost_plugin_live_instances", Unit::Count, "Instances of a `plugin` in memory.");
    describe_gauge!(
        "modehost_plugin_memory_bytes",
        Unit::Bytes,
        "Linear memory that the instances of a `plugin` have asked for; untouched pages are not resident."
    );
    describe_counter!("modehost_plugin_calls_total", Unit::Count, "Events given to a `plugin`.");
    describe_histogram!(
        "modehost_plugin_call_seconds",
        Unit::Seconds,
        "How long a `plugin` took for an event; one call in 16 is measured."
    );
    describe_histogram!(
        "modehost_plugin_open_seconds",
        Unit::Seconds,
        "How long an instance of a `plugin` took to open."
    );
    describe_counter!("modehost_plugin_faults_total", Unit::Count, "Faults of a `plugin`, by `kind`.");
}

/// Registers the metrics of a plugin, so that they are exported as zero. Called when a version of it is loaded.
pub fn register_metrics(plugin: &str) {
    let plugin = || plugin.to_owned();
    for kind in Fault::LABELS {
        let _ = counter!("modehost_plugin_faults_total", "plugin" => plugin(), "kind" => kind);
    }
    let _ = counter!("modehost_plugin_calls_total", "plugin" => plugin());
    let _ = counter!("modehost_plugin_rollbacks_total", "plugin" => plugin());
    let _ = counter!("modehost_state_lost_total", "plugin" => plugin());
    let _ = gauge!("modehost_plugin_generations", "plugin" => plugin());
    let _ = gauge!("modehost_plugin_live_instances", "plugin" => plugin());
    let _ = gauge!("modehost_plugin_memory_bytes", "plugin" => plugin());
    let _ = histogram!("modehost_plugin_call_seconds", "plugin" => plugin());
    let _ = histogram!("modehost_plugin_open_seconds", "plugin" => plugin());
}
