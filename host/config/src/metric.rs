//! Metrics of reloads. Rule: each reload counts once, whatever triggered it.

use std::time::{SystemTime, UNIX_EPOCH};

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Describes the metrics of this crate. Must run after the recorder is installed. The settings at start count as the
/// first successful load.
pub fn describe_metrics() {
    describe_counter!(
        "modehost_config_reloads_total",
        Unit::Count,
        "Times that the configuration was read anew, by `outcome`: applied, unchanged or refused."
    );
    for outcome in ["applied", "unchanged", "refused"] {
        let _ = counter!("modehost_config_reloads_total", "outcome" => outcome);
    }
    describe_gauge!(
        "modehost_config_last_reload_success",
        Unit::Count,
        "1 if the configuration was good when it was read last; 0 if it was refused and the one before stays."
    );
    gauge!("modehost_config_last_reload_success").set(1.0);
    describe_gauge!(
        "modehost_config_last_reload_timestamp_seconds",
        Unit::Seconds,
        "Unix time at which the configuration was last read and good."
    );
    gauge!("modehost_config_last_reload_timestamp_seconds").set(now());
}

/// Records a reload: whether the settings have changed, or none where they were rejected.
pub(crate) fn record_reload(changed: Option<bool>) {
    let outcome = match changed {
        Some(true) => "applied",
        Some(false) => "unchanged",
        None => "refused",
    };
    counter!("modehost_config_reloads_total", "outcome" => outcome).increment(1);
    gauge!("modehost_config_last_reload_success").set(if changed.is_some() { 1.0 } else { 0.0 });
    if changed.is_some() {
        gauge!("modehost_config_last_reload_timestamp_seconds").set(now());
    }
}

fn now() -> f64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |passed| passed.as_secs_f64())
}
