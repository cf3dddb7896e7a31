//! Descriptions of the metrics of this crate, for `/metrics`. Rule: every metric that this crate counts is described
//! here, with its unit and its labels; one without labels exists from the start.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// Describes the metrics of this crate, of the outbox and of the MCP client. Must run after the recorder is installed.
pub fn describe_metrics() {
    modehost_outbox::describe_metrics();
    modehost_mcp::describe_metrics();
    describe_gauge!("modehost_sessions", Unit::Count, "Sessions in memory, with or without a connection.");
    let _ = gauge!("modehost_sessions");
    describe_gauge!(
        "modehost_mode_sessions",
        Unit::Count,
        "Sessions by the `mode` that they are in (`none` before any has begun) and the `generation` that serves it."
    );
    let _ = gauge!("modehost_mode_sessions", "mode" => "none", "generation" => "0");
    describe_gauge!("modehost_session_waiting_messages", Unit::Count, "Messages that wait for their sessions.");
    let _ = gauge!("modehost_session_waiting_messages");
    describe_counter!(
        "modehost_state_lost_total",
        Unit::Count,
        "Times that no generation of a `plugin` restored the state of a session, which restarted empty."
    );
    describe_counter!("modehost_hibernations_total", Unit::Count, "Handlers hibernated.");
    let _ = counter!("modehost_hibernations_total");
    describe_counter!("modehost_idle_warnings_total", Unit::Count, "Warnings sent to idle devices.");
    let _ = counter!("modehost_idle_warnings_total");
    describe_counter!("modehost_idle_closes_total", Unit::Count, "Idle connections closed.");
    let _ = counter!("modehost_idle_closes_total");
    describe_counter!(
        "modehost_queue_handed_over_total",
        Unit::Count,
        "Queued messages delivered to devices after they reconnected."
    );
    let _ = counter!("modehost_queue_handed_over_total");
    describe_histogram!(
        "modehost_swap_pause_seconds",
        Unit::Seconds,
        "Pause of one session during the swap to a new generation of a plugin."
    );
    let _ = histogram!("modehost_swap_pause_seconds");
    describe_counter!("modehost_tool_calls_total", Unit::Count, "Calls of tools of devices, by `outcome`.");
    for outcome in ["ok", "failed", "unanswered"] {
        let _ = counter!("modehost_tool_calls_total", "outcome" => outcome);
    }
    describe_histogram!("modehost_tool_call_seconds", Unit::Seconds, "How long a device took for a call of a tool.");
    let _ = histogram!("modehost_tool_call_seconds");
}
