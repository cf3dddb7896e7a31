//! Periodic sampling of metrics. Rule: nothing on the message path waits for it.

use std::sync::Arc;

use crate::limits;
use metrics_exporter_prometheus::PrometheusHandle;
use modehost_session::Registry;
use modehost_storage::SqliteStorage;
use modehost_task::run_blocking;

use crate::metrics::Process;

/// Sources of metrics that are sampled and not counted as they happen.
pub struct MetricSources {
    pub registry: Arc<Registry>,
    pub storage: Arc<SqliteStorage>,
    pub process: Arc<Process>,
}

impl MetricSources {
    fn sample(&self) {
        self.registry.update_gauges();
        self.storage.record_metrics();
        self.process.sample();
    }
}

/// Drains histogram samples into their buckets (they grow until drained), and samples the metrics, periodically.
pub async fn run_metrics_upkeep(metrics: PrometheusHandle, measure: Arc<MetricSources>) {
    let mut tick = tokio::time::interval(limits::METRICS_UPKEEP);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
        let measure = measure.clone();
        // Reading /proc takes a while with thousands of open files.
        let _ = run_blocking(move || measure.sample()).await;
    }
}
