//! The server's own short history: a sample of a few figures every ten seconds, for one hour. Rule: a sample costs the
//! same however many calls there are in between, and the memory is bounded; Prometheus is the way for more.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use modehost_session::{Counts, Load, Registry};
use modehost_task::run_blocking;
use parking_lot::Mutex;
use tokio::time::{MissedTickBehavior, interval};

use crate::limits;
use crate::log::recent::Recent;

/// What a value counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Time.
    Milliseconds,
    /// Memory.
    Bytes,
    /// Of one core.
    Share,
}

/// The figures of a sample, in the order in which they are shown.
pub const FIGURES: [(&str, Unit); 10] = [
    ("connected", Unit::Count),
    ("sessions", Unit::Count),
    ("turns", Unit::Count),
    ("first_sound_p50_ms", Unit::Milliseconds),
    ("first_sound_p99_ms", Unit::Milliseconds),
    ("memory_bytes", Unit::Bytes),
    ("cpu", Unit::Share),
    ("live_instances", Unit::Count),
    ("waiting_messages", Unit::Count),
    ("warnings", Unit::Count),
];

/// A value of each of [`FIGURES`]; `None` where there was nothing to measure.
pub type Sample = [Option<f64>; FIGURES.len()];

/// The samples of the last hour.
#[derive(Default)]
pub struct History(Mutex<Samples>);

#[derive(Default)]
struct Samples {
    list: VecDeque<Sample>,
    /// Unix ms of the newest.
    until: u64,
}

impl History {
    /// The samples, oldest first, and the Unix ms of the newest.
    pub fn samples(&self) -> (Vec<Sample>, u64) {
        let samples = self.0.lock();
        (samples.list.iter().copied().collect(), samples.until)
    }

    fn push(&self, sample: Sample, at: u64) {
        let mut samples = self.0.lock();
        if samples.list.len() >= limits::HISTORY_SAMPLES {
            samples.list.pop_front();
        }
        samples.list.push_back(sample);
        samples.until = at;
    }
}

/// Takes a sample at each interval, for as long as it is polled.
pub async fn record(history: Arc<History>, registry: Arc<Registry>, recent: Arc<Recent>) {
    let mut tick = interval(limits::HISTORY_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = Before::default();
    loop {
        tick.tick().await;
        // Reading /proc blocks for a moment.
        let process = run_blocking(metrics_process::collector::collect).await.unwrap_or_default();
        let seen = Seen {
            counts: registry.counts(),
            load: registry.load(),
            warnings: recent.warnings(),
            memory: process.resident_memory_bytes,
            cpu: process.cpu_seconds_total,
        };
        if let Some(sample) = before.sample(&seen, registry.take_first_sounds()) {
            history.push(sample, modehost_session::unix_ms());
        }
    }
}

/// What is seen at one moment.
#[derive(Clone, Debug)]
struct Seen {
    counts: Counts,
    load: Load,
    warnings: u64,
    memory: Option<u64>,
    /// Seconds since the start.
    cpu: Option<f64>,
}

/// What was seen at the sample before.
#[derive(Default)]
struct Before(Option<Seen>);

impl Before {
    /// The sample since the one before; none at the first, since nothing is known of what was before it.
    fn sample(&mut self, seen: &Seen, mut first_sounds: Vec<u64>) -> Option<Sample> {
        let before = self.0.replace(seen.clone())?;
        first_sounds.sort_unstable();
        let seconds = limits::HISTORY_INTERVAL.as_secs_f64();
        let cpu = seen.cpu.zip(before.cpu).map(|(now, before)| ((now - before) / seconds).max(0.0));
        Some([
            Some(seen.counts.connected as f64),
            Some(seen.counts.sessions as f64),
            Some(seen.counts.turns.saturating_sub(before.counts.turns) as f64),
            percentile(&first_sounds, 50),
            percentile(&first_sounds, 99),
            seen.memory.map(|bytes| bytes as f64),
            cpu,
            Some(seen.load.live_instances as f64),
            Some(seen.load.waiting_messages as f64),
            Some(seen.warnings.saturating_sub(before.warnings) as f64),
        ])
    }
}

/// The value that so many percent do not exceed (nearest rank); `None` of nothing.
fn percentile(sorted: &[u64], percent: usize) -> Option<f64> {
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted.get(rank.saturating_sub(1)).map(|value| *value as f64)
}

/// Interval of the samples.
pub const INTERVAL: Duration = limits::HISTORY_INTERVAL;

#[cfg(test)]
mod tests {
    use super::*;

    fn seen(turns: u64, cpu: f64) -> Seen {
        let counts = Counts { connected: 2, sessions: 3, turns };
        Seen { counts, load: Load::default(), warnings: turns, memory: None, cpu: Some(cpu) }
    }

    #[test]
    fn a_sample_is_what_has_come_since_the_one_before() {
        let mut before = Before::default();
        assert_eq!(before.sample(&seen(10, 1.0), Vec::new()), None);
        let sample = before.sample(&seen(14, 6.0), vec![900, 100, 300]).expect("a sample");
        let expected = [
            Some(2.0),
            Some(3.0),
            Some(4.0),
            Some(300.0),
            Some(900.0),
            None,
            Some(0.5),
            Some(0.0),
            Some(0.0),
            Some(4.0),
        ];
        assert_eq!(sample, expected);
        let quiet = before.sample(&seen(14, 6.0), Vec::new()).expect("a sample");
        assert_eq!((quiet[2], quiet[3], quiet[6]), (Some(0.0), None, Some(0.0)));
    }

    #[test]
    fn an_hour_is_kept() {
        let history = History::default();
        for at in 0..500_u64 {
            history.push([Some(at as f64); FIGURES.len()], at);
        }
        let (samples, until) = history.samples();
        assert_eq!((samples.len(), until, samples[0][0]), (limits::HISTORY_SAMPLES, 499, Some(140.0)));
    }
}
