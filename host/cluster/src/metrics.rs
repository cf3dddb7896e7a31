//! Descriptions of this crate's metrics, for readers of `/metrics`. Rule: every metric of the crate is described here,
//! with its unit; all are exported from the start.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Describes the metrics of this crate. Must run after the recorder is installed.
pub fn describe_metrics() {
    describe_gauge!("modehost_cluster_connected", Unit::Count, "1 while this node has a connection to NATS.");
    let _ = gauge!("modehost_cluster_connected");
    describe_gauge!("modehost_cluster_stalled", Unit::Count, "1 while NATS does not acknowledge what is stored.");
    let _ = gauge!("modehost_cluster_stalled");
    describe_gauge!("modehost_cluster_nodes", Unit::Count, "Living nodes that this one knows, itself included.");
    let _ = gauge!("modehost_cluster_nodes");
    describe_counter!("modehost_cluster_applied_total", Unit::Count, "Entries of the cluster's log that were applied.");
    let _ = counter!("modehost_cluster_applied_total");
    describe_counter!(
        "modehost_cluster_resent_total",
        Unit::Count,
        "Commands that were sent again, since NATS had not acknowledged them in time."
    );
    let _ = counter!("modehost_cluster_resent_total");
}
