//! Devices that connect, work and leave for a long time, and whether the server's memory stays constant.
//!
//! Rule: the question is not how much memory there is but whether it grows: a line is fitted to the samples after the
//! warm-up, and its rise over the measured time must stay small.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use modehost_tests::sound::{opus, recording, silence};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::child::Child;
use crate::metrics::{Metrics, Report};
use crate::target::{Target, TargetOptions};

mod slot;

/// Interval of samples.
const SAMPLE_INTERVAL: Duration = Duration::from_secs(5);
/// A rise that never counts as growth: allocators keep a few pages.
const NOISE_KIB: f64 = 8.0 * 1024.0;

/// Options of `soak`.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Devices at a time.
    #[arg(long, default_value_t = 500)]
    pub devices: usize,
    /// Duration in minutes.
    #[arg(long, default_value_t = 60.0)]
    pub minutes: f64,
    /// Minutes that are not evaluated: at least until sessions of the first minute have expired
    /// (`session.resume_window_s`) [default: a third of all].
    #[arg(long)]
    pub warm_up: Option<f64>,
    /// A mode that devices start and end; may be repeated.
    #[arg(long, value_name = "MODE")]
    pub mode: Vec<String>,
    /// Longest connection of a device, in seconds; the shortest is a tenth of it.
    #[arg(long, default_value_t = 60.0)]
    pub stay: f64,
    /// Average interval between two messages of a device, in ms.
    #[arg(long, default_value_t = 1000)]
    pub rest_ms: u64,
    /// Percentage of devices that never come back after they leave; new ones replace them.
    #[arg(long, default_value_t = 20)]
    pub strangers: u8,
    /// Percentage of a device's messages that are spoken. The server then uses a
    /// recogniser, a model and a TTS service that answer at once, in separate processes.
    #[arg(long, default_value_t = 0)]
    pub aloud: u8,
    /// Rise over the measured time that still counts as flat, in percent of the memory after the warm-up.
    #[arg(long, default_value_t = 5.0)]
    pub flat_percent: f64,
}

/// Counters of all devices.
#[derive(Default)]
struct SoakStats {
    connected: AtomicUsize,
    connects: AtomicU64,
    refused: AtomicU64,
    messages: AtomicU64,
    /// Spoken utterances, and captions that came back.
    utterances: AtomicU64,
    captions: AtomicU64,
    errors: AtomicU64,
    /// Connections that ended unexpectedly.
    lost: AtomicU64,
    /// The next unused device number.
    next: AtomicUsize,
}

/// Runs the measurement, with a line a minute on stderr.
///
/// # Errors
/// If the target's process is unknown or gone, or no device was served at all.
pub async fn run(target: &TargetOptions, options: &Options) -> anyhow::Result<Report> {
    let mut target = target.clone();
    let services = (options.aloud > 0).then(|| services(&mut target)).transpose()?;
    let server = Target::server(&target).await?.context("soak needs --server or --address")?;
    let report = Report::of("soak", server.name, soak(&server, options).await?);
    // After the server, which would log errors otherwise.
    drop((server, services));
    Ok(report)
}

/// The services for recognition and speech output, and the settings that name them.
fn services(target: &mut TargetOptions) -> anyhow::Result<[Child; 2]> {
    let (provider, recogniser) = (Child::start(&["provider"])?, Child::start(&["recogniser"])?);
    let alias = json!({ "default": { "base_url": provider.address, "model": "instant", "max_concurrent": 1024 } });
    let voice = json!({ "base_url": provider.address, "model": "instant" });
    let doubao = json!({ "url": recogniser.address, "app_key": "app", "access_key": "access" });
    target.env.extend([
        format!("MODEHOST__LLM__ALIASES={alias}"),
        "MODEHOST__TTS__PROVIDER=openai".to_owned(),
        format!("MODEHOST__TTS__OPENAI={voice}"),
        "MODEHOST__ASR__PROVIDER=doubao".to_owned(),
        format!("MODEHOST__ASR__DOUBAO={doubao}"),
    ]);
    Ok([provider, recogniser])
}

async fn soak(target: &Target, options: &Options) -> anyhow::Result<Metrics> {
    let all = Duration::from_secs_f64(options.minutes * 60.0);
    let warm_up = Duration::from_secs_f64(options.warm_up.map_or(all.as_secs_f64() / 3.0, |minutes| minutes * 60.0));
    ensure!(warm_up + 4 * SAMPLE_INTERVAL <= all, "--minutes leaves no time to measure after --warm-up");
    let stats = Arc::new(SoakStats { next: AtomicUsize::new(options.devices), ..SoakStats::default() });
    let connect_options = Arc::new(target.connect_options.clone());
    let workload = Arc::new(slot::Workload {
        options: options.clone(),
        // With a pause that ends the utterance.
        sound: opus(&[recording("weather"), silence(1200)].concat()),
    });
    let mut devices = JoinSet::new();
    for number in 0..options.devices {
        devices.spawn(slot::run_slot(connect_options.clone(), workload.clone(), stats.clone(), number));
    }
    let samples = sample_memory(target, all, &stats).await?;
    devices.abort_all();
    evaluate(&samples, warm_up, options, &stats)
}

/// Memory in KiB by time since the start.
async fn sample_memory(target: &Target, all: Duration, stats: &SoakStats) -> anyhow::Result<Vec<(Duration, f64)>> {
    let started = tokio::time::Instant::now();
    let mut samples = Vec::new();
    let mut minute = 0;
    let mut number = 0;
    while SAMPLE_INTERVAL * number <= all {
        sleep_until(started + SAMPLE_INTERVAL * number).await;
        number += 1;
        let kib = target.resident_kib()?.context("soak needs the server's process: --server, or --pid")?;
        let at = started.elapsed();
        samples.push((at, kib));
        if at.as_secs() / 60 >= minute {
            eprintln!(
                "minute {minute:>3}: {:>8.1} MiB resident, {:>5} devices, {:>8} connects, {:>9} messages, {} errors, {} lost",
                kib / 1024.0,
                stats.connected.load(Ordering::Relaxed),
                stats.connects.load(Ordering::Relaxed),
                stats.messages.load(Ordering::Relaxed),
                stats.errors.load(Ordering::Relaxed),
                stats.lost.load(Ordering::Relaxed),
            );
            minute += 1;
        }
    }
    Ok(samples)
}

fn evaluate(
    samples: &[(Duration, f64)],
    warm_up: Duration,
    options: &Options,
    stats: &SoakStats,
) -> anyhow::Result<Metrics> {
    let measured: Vec<(f64, f64)> =
        samples.iter().filter(|(at, _)| *at >= warm_up).map(|(at, kib)| (at.as_secs_f64() / 60.0, *kib)).collect();
    let (slope, mean) = line(&measured).context("too few samples after the warm-up")?;
    let span = measured.last().map_or(0.0, |last| last.0) - measured.first().map_or(0.0, |first| first.0);
    let rise = slope * span;
    let allowed = (mean * options.flat_percent / 100.0).max(NOISE_KIB);
    let connects = stats.connects.load(Ordering::Relaxed);
    ensure!(connects > 0, "no device was served");
    let mut metrics = Metrics::default();
    metrics.add("connects", connects as f64);
    metrics.add("connects_refused", stats.refused.load(Ordering::Relaxed) as f64);
    metrics.add("messages", stats.messages.load(Ordering::Relaxed) as f64);
    metrics.add("utterances", stats.utterances.load(Ordering::Relaxed) as f64);
    metrics.add("captions", stats.captions.load(Ordering::Relaxed) as f64);
    metrics.add("errors", stats.errors.load(Ordering::Relaxed) as f64);
    metrics.add("connections_lost", stats.lost.load(Ordering::Relaxed) as f64);
    metrics.add("measured_minutes", span);
    metrics.add("resident_mean_mib", mean / 1024.0);
    let highest = measured.iter().map(|(_, kib)| *kib).fold(0.0, f64::max);
    metrics.add("resident_max_mib", highest / 1024.0);
    metrics.add("rise_kib_per_minute", slope);
    metrics.add("rise_mib", rise / 1024.0);
    metrics.add("rise_allowed_mib", allowed / 1024.0);
    metrics.add("flat", f64::from(u8::from(rise <= allowed)));
    eprintln!("memory after the warm-up is {}", if rise <= allowed { "flat" } else { "NOT flat" });
    Ok(metrics)
}

/// Slope and mean of the least-squares line.
fn line(points: &[(f64, f64)]) -> Option<(f64, f64)> {
    if points.len() < 2 {
        return None;
    }
    let count = points.len() as f64;
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let above: f64 = points.iter().map(|point| (point.0 - x) * (point.1 - y)).sum();
    let below: f64 = points.iter().map(|point| (point.0 - x).powi(2)).sum();
    (below > 0.0).then(|| (above / below, y))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_through_points_has_their_slope() {
        let points: Vec<(f64, f64)> = (0..10).map(|x| (f64::from(x), 100.0 + 3.0 * f64::from(x))).collect();
        let (slope, mean) = line(&points).expect("a line");
        assert!((slope - 3.0).abs() < 1e-9 && (mean - 113.5).abs() < 1e-9);
        assert_eq!(line(&points[..1]), None);
    }

    #[test]
    fn growth_is_told_from_noise() {
        let options = Options {
            devices: 1,
            minutes: 60.0,
            warm_up: None,
            mode: Vec::new(),
            stay: 1.0,
            rest_ms: 1,
            strangers: 0,
            aloud: 0,
            flat_percent: 5.0,
        };
        let stats = SoakStats { connects: AtomicU64::new(1), ..SoakStats::default() };
        let judged = |grow: f64| {
            let samples: Vec<(Duration, f64)> = (0..720_u32)
                .map(|n| (SAMPLE_INTERVAL * n, 200_000.0 + grow * f64::from(n) + f64::from(n % 7) * 900.0))
                .collect();
            let metrics = evaluate(&samples, Duration::from_secs(1200), &options, &stats).expect("metrics");
            metrics.get("flat")
        };
        assert_eq!(judged(0.0), Some(1.0));
        assert_eq!(judged(100.0), Some(0.0), "1.2 MiB a minute is a leak");
    }
}
