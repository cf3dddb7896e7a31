//! What the figures of this room mean, for whoever reads `/metrics`. Rule: every figure that the room
//! counts is described here, with its unit and its labels; one without labels is there from the start.

use metrics::{Unit, describe_counter, describe_gauge, gauge};

/// Describes the figures of this room. Must run after the recorder is installed.
pub fn describe_figures() {
    describe_counter!(
        "modehost_outbox_dropped_total",
        Unit::Count,
        "Messages to devices that were dropped, by `reason`: superseded, stale_audio, too_slow or away."
    );
    describe_gauge!(
        "modehost_outbox_waiting_messages",
        Unit::Count,
        "Messages that wait to be written, over all connections."
    );
    let _ = gauge!("modehost_outbox_waiting_messages");
}
