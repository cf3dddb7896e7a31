//! Descriptions of this crate's metrics. Rule: every metric is described here, with its unit and its labels; those
//! without labels are registered at start.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};

/// Describes the metrics of this crate. Must run after the recorder is installed.
pub fn describe_metrics() {
    describe_counter!(
        "modehost_hook_posts_total",
        Unit::Count,
        "Posts to webhooks, by `hook` and `outcome`: ok, retry_ok or fail."
    );
    describe_histogram!(
        "modehost_hook_post_seconds",
        Unit::Seconds,
        "From a post to its end, with waiting and the second attempt, by `hook`."
    );
    describe_gauge!("modehost_hook_open_posts", Unit::Count, "Running and queued posts, by `hook`.");
}

/// Registers the metrics of this hook at zero.
pub(crate) fn register_hook(hook: &str) {
    for outcome in OUTCOMES {
        let _ = counter!("modehost_hook_posts_total", "hook" => hook.to_owned(), "outcome" => outcome);
    }
    let _ = histogram!("modehost_hook_post_seconds", "hook" => hook.to_owned());
}

/// Values of the label `outcome`.
pub(crate) const OUTCOMES: [&str; 3] = ["ok", "retry_ok", "fail"];
