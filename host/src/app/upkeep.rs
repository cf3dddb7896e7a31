//! What the metrics of the server need now and then. Rule: nobody on the message path waits for it.

use std::sync::Arc;

use crate::limits;
use metrics_exporter_prometheus::PrometheusHandle;
use modehost_session::Registry;
use modehost_storage::SqliteStorage;
use modehost_task::run_blocking;

use crate::metrics::Process;

/// What nobody counts as it happens.
pub struct Measure {
    pub registry: Arc<Registry>,
    pub storage: Arc<SqliteStorage>,
    pub process: Arc<Process>,
}

impl Measure {
    fn take(&self) {
        self.registry.measure();
        self.storage.measure();
        self.process.measure();
    }
}

/// Histograms keep every sample until somebody looks, and some metrics are taken now and then.
pub async fn keep_metrics(metrics: PrometheusHandle, measure: Arc<Measure>) {
    let mut tick = tokio::time::interval(limits::METRICS_UPKEEP);
    loop {
        tick.tick().await;
        metrics.run_upkeep();
        let measure = measure.clone();
        // The system's files take a while where thousands are open.
        let _ = run_blocking(move || measure.take()).await;
    }
}
