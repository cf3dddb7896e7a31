//! Descriptions of this crate's metrics for `/metrics`. Rule: every metric of this crate is described here, with its
//! unit and its labels; one without labels is registered at the start.

use metrics::{Unit, counter, describe_counter};

/// Describes the metrics of this crate. Must run after the recorder is installed.
pub fn describe_metrics() {
    describe_counter!("modehost_sign_in_total", Unit::Count, "Sign-ins, by `method` and `outcome`.");
    let _ = counter!("modehost_sign_in_total", "method" => "rate_limit", "outcome" => "too_many");
}
