//! Registration of every metric in `/metrics`, and the metrics of the process itself.
//!
//! Rule: `host/METRICS.md` lists what is described here and in the other crates, a test compares the two, and labels
//! come from closed sets or from the operator's settings, never from a device.

use std::sync::Arc;
use std::time::Instant;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

use crate::log::Log;

/// Describes all metrics. Must run after the recorder is installed.
pub fn describe() {
    modehost_gateway::describe_metrics();
    modehost_session::describe_metrics();
    modehost_plugin::describe_metrics();
    modehost_llm::describe_metrics();
    modehost_speech::describe_metrics();
    modehost_hooks::describe_metrics();
    modehost_breaker::describe_metrics();
    modehost_config::describe_metrics();
    modehost_storage::describe_metrics();
    modehost_cluster::describe_metrics();
    describe_own();
    let process = metrics_process::Collector::default();
    process.describe();
    // Collect once, so that each metric exists from the start.
    process.collect();
}

fn describe_own() {
    describe_gauge!("modehost_build_info", Unit::Count, "Always 1; the `version` of the server.");
    gauge!("modehost_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    describe_gauge!("modehost_ready", Unit::Count, "1 while `/readyz` reports ready, else 0.");
    gauge!("modehost_ready").set(1.0);
    describe_counter!(
        "modehost_admin_calls_total",
        Unit::Count,
        "Calls of /api/v1, by `outcome`: ok, refused or failed."
    );
    for outcome in ["ok", "refused", "failed"] {
        let _ = counter!("modehost_admin_calls_total", "outcome" => outcome);
    }
    describe_counter!("modehost_log_lost_total", Unit::Count, "Log lines that came faster than they could be written.");
    let _ = counter!("modehost_log_lost_total");
    describe_counter!("modehost_log_unwritten_total", Unit::Count, "Log lines that could not be written to disk.");
    let _ = counter!("modehost_log_unwritten_total");
    describe_gauge!(
        "modehost_process_uptime_seconds",
        Unit::Seconds,
        "Time since the start of the process, or of the program that it has executed since."
    );
    let _ = gauge!("modehost_process_uptime_seconds");
    describe_gauge!("modehost_process_resident_bytes", Unit::Bytes, "Memory of the process that is resident.");
    let _ = gauge!("modehost_process_resident_bytes");
    describe_counter!("modehost_process_cpu_seconds_total", Unit::Seconds, "Processor time of all threads.");
    let _ = counter!("modehost_process_cpu_seconds_total");
    describe_gauge!("modehost_process_threads", Unit::Count, "Threads of the process.");
    let _ = gauge!("modehost_process_threads");
    describe_gauge!("modehost_io_tasks", Unit::Count, "Tasks on the IO threads: two or more for each connection.");
    let _ = gauge!("modehost_io_tasks");
    describe_gauge!("modehost_process_open_files", Unit::Count, "Open files and sockets; one for each device.");
    let _ = gauge!("modehost_process_open_files");
    describe_gauge!("modehost_process_open_files_limit", Unit::Count, "How many files and sockets may be open.");
    let _ = gauge!("modehost_process_open_files_limit");
}

/// Source of process metrics.
pub struct Process {
    started: Instant,
    log: Arc<Log>,
}

impl Process {
    /// Uptime starts now.
    pub fn new(log: Arc<Log>) -> Self {
        Self { started: Instant::now(), log }
    }

    /// Samples all metrics. Blocks: reads /proc, which takes milliseconds with many connections on kernels before 6.2;
    /// values that the system does not report stay 0.
    pub fn sample(&self) {
        gauge!("modehost_process_uptime_seconds").set(self.started.elapsed().as_secs_f64());
        gauge!("modehost_io_tasks").set(modehost_task::count_io_tasks() as f64);
        counter!("modehost_log_lost_total").absolute(self.log.lost());
        metrics_process::Collector::default().collect();
        self.sample_old_names();
    }

    /// Samples the same values under their names before 0.2.
    fn sample_old_names(&self) {
        let now = metrics_process::collector::collect();
        if let Some(seconds) = now.cpu_seconds_total {
            // Whole seconds: counters are integers here.
            counter!("modehost_process_cpu_seconds_total").absolute(seconds as u64);
        }
        for (name, value) in [
            ("modehost_process_resident_bytes", now.resident_memory_bytes),
            ("modehost_process_threads", now.threads),
            ("modehost_process_open_files", now.open_fds),
            // 0 means no limit; the metric is not set then.
            ("modehost_process_open_files_limit", now.max_fds.filter(|limit| *limit > 0)),
        ] {
            if let Some(value) = value {
                gauge!(name).set(value as f64);
            }
        }
    }
}
