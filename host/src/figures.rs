//! Every figure that `/metrics` shows, and those of the process itself.
//!
//! Rule: `host/METRICS.md` lists what is described here and in the rooms, a test keeps the two in
//! step, and labels come from closed sets or from the operator's own settings, never from a device.

use std::fs;
use std::sync::Arc;
use std::time::Instant;

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};
use rustix::process::{Resource, getrlimit};

use crate::log::Log;

/// Describes all figures. Must run after the recorder is installed.
pub fn describe() {
    modehost_gateway::describe_figures();
    modehost_session::describe_figures();
    modehost_plugin::describe_figures();
    modehost_llm::describe_figures();
    modehost_speech::describe_figures();
    modehost_hooks::describe_figures();
    modehost_breaker::describe_metrics();
    modehost_storage::describe_figures();
    describe_own();
}

fn describe_own() {
    describe_gauge!("modehost_build_info", Unit::Count, "Always 1; the `version` of the server.");
    gauge!("modehost_build_info", "version" => env!("CARGO_PKG_VERSION")).set(1.0);
    describe_counter!(
        "modehost_admin_calls_total",
        Unit::Count,
        "Calls of /api/v1, by `outcome`: ok, refused or failed."
    );
    describe_counter!("modehost_log_lost_total", Unit::Count, "Log lines that came faster than they could be written.");
    let _ = counter!("modehost_log_lost_total");
    describe_counter!("modehost_log_unwritten_total", Unit::Count, "Log lines that the disk did not take.");
    let _ = counter!("modehost_log_unwritten_total");
    describe_gauge!("modehost_process_uptime_seconds", Unit::Seconds, "Time since the start of the process.");
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

/// The process, as the system sees it.
pub struct Process {
    began: Instant,
    log: Arc<Log>,
}

impl Process {
    /// Counts from now.
    pub fn new(log: Arc<Log>) -> Self {
        Self { began: Instant::now(), log }
    }

    /// Takes all figures. Reads /proc, which takes milliseconds with many connections; what is not
    /// there (other systems) stays 0.
    pub fn measure(&self) {
        gauge!("modehost_process_uptime_seconds").set(self.began.elapsed().as_secs_f64());
        gauge!("modehost_io_tasks").set(modehost_task::count_io_tasks() as f64);
        counter!("modehost_log_lost_total").absolute(self.log.lost());
        if let Ok(status) = fs::read_to_string("/proc/self/status") {
            if let Some(kib) = field(&status, "VmRSS:") {
                gauge!("modehost_process_resident_bytes").set(kib as f64 * 1024.0);
            }
            if let Some(threads) = field(&status, "Threads:") {
                gauge!("modehost_process_threads").set(threads as f64);
            }
        }
        if let Some(seconds) = fs::read_to_string("/proc/self/stat").ok().and_then(|stat| cpu_seconds(&stat)) {
            // Whole seconds: counters have no fractions here.
            counter!("modehost_process_cpu_seconds_total").absolute(seconds);
        }
        if let Some(files) = open_files() {
            gauge!("modehost_process_open_files").set(files as f64);
        }
        if let Some(limit) = getrlimit(Resource::Nofile).current {
            gauge!("modehost_process_open_files_limit").set(limit as f64);
        }
    }
}

/// Newer systems tell the number as the size of the folder; elsewhere the entries are counted.
fn open_files() -> Option<u64> {
    const FOLDER: &str = "/proc/self/fd";
    match fs::metadata(FOLDER).ok()?.len() {
        0 => fs::read_dir(FOLDER).ok().map(|files| files.count() as u64),
        known => Some(known),
    }
}

/// The number behind a name in /proc/self/status.
fn field(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
}

/// Time in user and in system mode, from /proc/self/stat, in whole seconds.
fn cpu_seconds(stat: &str) -> Option<u64> {
    /// The unit of this file, the same on every Linux.
    const TICKS_PER_SECOND: u64 = 100;
    // The name of the process stands in parentheses and may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let ticks = fields.next()?.parse::<u64>().ok()? + fields.next()?.parse::<u64>().ok()?;
    Some(ticks / TICKS_PER_SECOND)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_system_tells_is_read() {
        assert_eq!(field("Name:\tx\nVmRSS:\t  2048 kB\nThreads:\t7\n", "VmRSS:"), Some(2048));
        assert_eq!(field("Name:\tx\n", "VmRSS:"), None);
        let stat = "1 (a) b) S 0 1 1 0 -1 4194560 1 2 3 4 350 150 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_seconds(stat), Some(5));
    }
}
