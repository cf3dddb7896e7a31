//! What the system reports about a process: memory, CPU time, limits. Rule: read from `/proc`, without help of the
//! measured process.

use std::time::Duration;

use anyhow::Context;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// More than any measurement opens.
const FILES: u64 = 1_048_576;

/// Raises the limit of open files as far as the system allows; children inherit it. Where it stays low, the measurement
/// itself fails and says so.
pub fn raise_file_limit() {
    let now = getrlimit(Resource::Nofile);
    let wanted = Rlimit { current: Some(FILES), maximum: Some(now.maximum.map_or(FILES, |most| most.max(FILES))) };
    if setrlimit(Resource::Nofile, wanted).is_err() {
        let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum });
    }
}

/// Resident memory in KiB.
///
/// # Errors
/// If the process is gone.
pub fn resident_kib(pid: u32) -> anyhow::Result<f64> {
    let file = format!("/proc/{pid}/status");
    let status =
        std::fs::read_to_string(&file).with_context(|| format!("cannot read {file}; has the server ended?"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).context("no VmRSS in its status")?;
    line.trim().trim_end_matches(" kB").parse().context("VmRSS is no number")
}

/// CPU time used so far, in user and system mode.
///
/// # Errors
/// If the process is gone.
pub fn cpu_time(pid: u32) -> anyhow::Result<Duration> {
    let file = format!("/proc/{pid}/stat");
    let stat = std::fs::read_to_string(&file).with_context(|| format!("cannot read {file}; has the server ended?"))?;
    // The process name in parentheses may contain anything, so fields are counted from after it.
    let (_, fields) = stat.rsplit_once(") ").context("a strange stat line")?;
    let ticks: u64 = fields.split(' ').skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Ok(Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_own_process_has_memory_and_uses_time() {
        let pid = std::process::id();
        assert!(resident_kib(pid).expect("memory") > 100.0);
        let before = cpu_time(pid).expect("time");
        let deadline = std::time::Instant::now() + Duration::from_secs(20);
        while cpu_time(pid).expect("time") < before + Duration::from_millis(20) {
            assert!(std::time::Instant::now() < deadline, "no time passes");
        }
    }
}
