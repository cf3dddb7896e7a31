//! Descriptions of the metrics of this crate, for `/metrics`. Rule: every metric that this crate counts is described
//! here, with its unit and its labels; one without labels exists from the start.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Describes the metrics of this crate. Must run after the recorder is installed.
pub fn describe_metrics() {
    describe_counter!(
        "modehost_outbox_dropped_total",
        Unit::Count,
        "Messages to devices that were dropped, by `reason`: superseded, stale_audio, too_slow, away, or \
         not_for_device."
    );
    for reason in ["superseded", "stale_audio", "too_slow", "away", "not_for_device"] {
        let _ = counter!("modehost_outbox_dropped_total", "reason" => reason);
    }
    describe_gauge!(
        "modehost_outbox_waiting_messages",
        Unit::Count,
        "Messages that wait to be written, over all connections."
    );
    let _ = gauge!("modehost_outbox_waiting_messages");
}
