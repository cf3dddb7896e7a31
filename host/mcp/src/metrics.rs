//! The metrics of this crate. Rule: every metric is described here, with its unit and its labels, and exists from the
//! start.

use metrics::{Unit, counter, describe_counter};

/// Describes the metrics of this crate. Must run after the recorder is installed.
pub fn describe_metrics() {
    describe_counter!(
        "modehost_tools_left_out_total",
        Unit::Count,
        "Tools of devices that were not offered to models, since they were too many or too large."
    );
    let _ = counter!("modehost_tools_left_out_total");
    describe_counter!(
        "modehost_mcp_ignored_total",
        Unit::Count,
        "MCP messages of devices that match no request, by `reason`."
    );
    for reason in ["malformed", "method", "unasked"] {
        let _ = counter!("modehost_mcp_ignored_total", "reason" => reason);
    }
}

/// Counts a message of a device for which there is no client: nothing was requested.
pub fn count_unsolicited() {
    count_ignored("unasked");
}

/// Counts a message that matches no request.
pub(crate) fn count_ignored(reason: &'static str) {
    counter!("modehost_mcp_ignored_total", "reason" => reason).increment(1);
}

/// Counts a tool that exceeds the bounds of the list.
pub(crate) fn count_left_out() {
    counter!("modehost_tools_left_out_total").increment(1);
}
