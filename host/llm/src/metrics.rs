//! Descriptions of the metrics of this crate. Rule: every metric that the crate updates is described here, with its
//! unit and its labels; one without labels exists from the start.

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, histogram};

use crate::fault::Fault;
use crate::remedy::Remedy;

/// Describes the metrics of this crate. Must run after the recorder is installed.
pub fn describe_metrics() {
    describe_counter!(
        "modehost_model_requests_total",
        Unit::Count,
        "Questions to models, by `alias`, `purpose` and `outcome`."
    );
    describe_counter!("modehost_model_retries_total", Unit::Count, "Retries, by `alias`.");
    describe_counter!(
        "modehost_model_remedies_total",
        Unit::Count,
        "Changes of requests after rejections, by `alias` and `remedy`."
    );
    describe_histogram!(
        "modehost_model_seconds",
        Unit::Seconds,
        "From a question to its end, including queueing and retries, by `alias`."
    );
    describe_histogram!(
        "modehost_model_first_token_seconds",
        Unit::Seconds,
        "From a question to the first token of its answer, by `alias`."
    );
    describe_counter!(
        "modehost_model_tokens_total",
        Unit::Count,
        "Tokens that providers counted, by `alias` and `kind`: prompt or answer."
    );
    describe_gauge!("modehost_model_open", Unit::Count, "Running questions, by `alias`.");
    describe_gauge!("modehost_model_waiting", Unit::Count, "Queued questions, by `alias`.");
}

/// Registers the metrics of an alias at zero. Remedies that omit a member (`without_…`) are registered at their first
/// use.
pub(crate) fn register_alias(alias: &str) {
    let alias = || ("alias", alias.to_owned());
    let _ = counter!("modehost_model_retries_total", &[alias()]);
    for remedy in Remedy::NAMES {
        let _ = counter!("modehost_model_remedies_total", &[alias(), ("remedy", remedy.to_owned())]);
    }
    for kind in ["prompt", "answer"] {
        let _ = counter!("modehost_model_tokens_total", &[alias(), ("kind", kind.to_owned())]);
    }
    let _ = histogram!("modehost_model_seconds", &[alias()]);
    let _ = histogram!("modehost_model_first_token_seconds", &[alias()]);
}

/// Registers the outcomes of a purpose, answered by the alias, at zero.
pub(crate) fn register_purpose(alias: &str, purpose: &str) {
    for outcome in Fault::OUTCOMES.into_iter().chain(["ok"]) {
        let labels = [("alias", alias.to_owned()), ("purpose", purpose.to_owned()), ("outcome", outcome.to_owned())];
        let _ = counter!("modehost_model_requests_total", &labels);
    }
}
