//! Logs and metrics of a breaker. Rule: one line when it opens and one when it closes, none between, however many calls
//! are rejected and trials fail.

use std::fmt::Display;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Describes the metrics of this crate. Must run after the recorder is installed.
pub fn describe_metrics() {
    describe_gauge!(
        "modehost_breaker_open",
        Unit::Count,
        "Circuit breakers that are open, by `service` (llm, asr, tts) and `provider`."
    );
    describe_counter!(
        "modehost_breaker_opened_total",
        Unit::Count,
        "Times that a circuit breaker opened, by `service` and `provider`."
    );
    describe_counter!(
        "modehost_breaker_rejected_total",
        Unit::Count,
        "Calls that were not made since a circuit breaker was open, by `service` and `provider`."
    );
}

/// The labels of a breaker.
#[derive(Debug)]
pub(crate) struct Metrics {
    service: &'static str,
    provider: String,
}

impl Metrics {
    pub(crate) fn new(service: &'static str, provider: &str) -> Self {
        let metrics = Self { service, provider: provider.to_owned() };
        // Starts at zero, so that the first event is an increase like any other.
        let _ = gauge!("modehost_breaker_open", &metrics.labels());
        let _ = counter!("modehost_breaker_opened_total", &metrics.labels());
        let _ = counter!("modehost_breaker_rejected_total", &metrics.labels());
        metrics
    }

    fn labels(&self) -> [(&'static str, String); 2] {
        [("service", self.service.to_owned()), ("provider", self.provider.clone())]
    }

    pub(crate) fn opened(&self, failures: u32, pause: Duration, cause: Option<&dyn Display>) {
        counter!("modehost_breaker_opened_total", &self.labels()).increment(1);
        // Incremented and decremented, since a provider may have several breakers, one for each model.
        gauge!("modehost_breaker_open", &self.labels()).increment(1.0);
        let cause = cause.map(ToString::to_string).unwrap_or_default();
        tracing::warn!(
            service = self.service,
            provider = &*self.provider,
            failures,
            pause_ms = pause.as_millis() as u64,
            "circuit breaker opened, calls fail at once for a while: {cause}"
        );
    }

    pub(crate) fn closed(&self, after: Duration) {
        gauge!("modehost_breaker_open", &self.labels()).decrement(1.0);
        let (service, provider, open_ms) = (self.service, &*self.provider, after.as_millis() as u64);
        tracing::info!(service, provider, open_ms, "circuit breaker closed, calls are made again");
    }

    /// The breaker is dropped.
    pub(crate) fn forget(&self) {
        gauge!("modehost_breaker_open", &self.labels()).decrement(1.0);
    }

    pub(crate) fn count_rejected(&self) {
        counter!("modehost_breaker_rejected_total", &self.labels()).increment(1);
    }
}
