//! What the figures of this room mean, for whoever reads `/metrics`. Rule: every figure that the room
//! counts is described here, with its unit and its labels; one without labels is there from the start.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Describes the figures of this room and of the way out to devices. Must run after the recorder is installed.
pub fn describe_figures() {
    modehost_outbox::describe_figures();
    describe_gauge!("modehost_sessions", Unit::Count, "Sessions in memory, with or without a connection.");
    let _ = gauge!("modehost_sessions");
    describe_gauge!("modehost_session_waiting_messages", Unit::Count, "Messages that wait for their sessions.");
    let _ = gauge!("modehost_session_waiting_messages");
    describe_counter!(
        "modehost_state_lost_total",
        Unit::Count,
        "Times that no version of a `plugin` took the state of a session, which began afresh."
    );
    describe_counter!("modehost_hibernations_total", Unit::Count, "Times that a handler was put to sleep.");
    let _ = counter!("modehost_hibernations_total");
    describe_counter!(
        "modehost_idle_warnings_total",
        Unit::Count,
        "Devices that were told that their connection will close, since nothing is heard of them."
    );
    let _ = counter!("modehost_idle_warnings_total");
    describe_counter!(
        "modehost_idle_closes_total",
        Unit::Count,
        "Connections that were closed since nothing was heard."
    );
    let _ = counter!("modehost_idle_closes_total");
    describe_counter!(
        "modehost_queue_handed_over_total",
        Unit::Count,
        "Messages that waited for absent devices and have been written to them."
    );
    let _ = counter!("modehost_queue_handed_over_total");
    describe_histogram!(
        "modehost_swap_pause_seconds",
        Unit::Seconds,
        "How long one session stood still for a new version of a plugin."
    );
    let _ = histogram!("modehost_swap_pause_seconds");
    describe_counter!("modehost_tool_calls_total", Unit::Count, "Calls of tools of devices, by `outcome`.");
    describe_histogram!("modehost_tool_call_seconds", Unit::Seconds, "How long a device took for a call of a tool.");
    let _ = histogram!("modehost_tool_call_seconds");
    describe_counter!(
        "modehost_tools_left_out_total",
        Unit::Count,
        "Tools of devices that were not offered to models, since they were too many or too large."
    );
    let _ = counter!("modehost_tools_left_out_total");
    describe_counter!(
        "modehost_mcp_ignored_total",
        Unit::Count,
        "Answers of devices to nothing that was asked, by `reason`."
    );
}
