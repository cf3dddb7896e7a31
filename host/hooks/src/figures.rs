//! What the figures of this room mean, for whoever reads `/metrics`. Rule: every figure that the room
//! counts is described here, with its unit and its labels; one without labels is there from the start.

use metrics::{Unit, describe_counter, describe_gauge, describe_histogram};

/// Describes the figures of this room. Must run after the recorder is installed.
pub fn describe_figures() {
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
    describe_gauge!("modehost_hook_open_posts", Unit::Count, "Posts that run or wait for their turn, by `hook`.");
}
