//! Devices that come, work and go for a long time, and whether the server's memory stays as it was.
//!
//! Rule: what is asked is not how much memory there is but whether it grows: samples after the
//! warm-up are fitted by a line, and the rise of that line over the time measured must stay small.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, ensure};
use modehost_tests::sound::{opus, recording, silence};
use serde_json::json;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::child::Child;
use crate::figures::{Figures, Report};
use crate::target::{Target, TargetOptions};

mod visit;

/// Between two samples.
const SAMPLE: Duration = Duration::from_secs(5);
/// A rise that is never called growth: allocators keep a few pages here and there.
const NOISE_KIB: f64 = 8.0 * 1024.0;

/// Options of `soak`.
#[derive(Debug, Clone, clap::Args)]
pub struct Options {
    /// Devices at a time.
    #[arg(long, default_value_t = 500)]
    pub devices: usize,
    /// Minutes in all.
    #[arg(long, default_value_t = 60.0)]
    pub minutes: f64,
    /// Minutes that are not judged: at least until sessions of the first minute have been given up
    /// (`session.resume_window_s`) [default: a third of all].
    #[arg(long)]
    pub warm_up: Option<f64>,
    /// A mode that devices start and end; may be repeated.
    #[arg(long, value_name = "MODE")]
    pub mode: Vec<String>,
    /// Longest stay of a device, in seconds; the shortest is a tenth of it.
    #[arg(long, default_value_t = 60.0)]
    pub stay: f64,
    /// Between two messages of a device, in ms on average.
    #[arg(long, default_value_t = 1000)]
    pub rest_ms: u64,
    /// Of a hundred devices that leave, so many never come back; others take their places.
    #[arg(long, default_value_t = 20)]
    pub strangers: u8,
    /// Of a hundred things that a device says, so many are said aloud. The server then hears by a
    /// recogniser, asks a model and speaks by a voice that answer at once, each in a process of its own.
    #[arg(long, default_value_t = 0)]
    pub aloud: u8,
    /// Rise over the time measured, in percent of the memory after the warm-up, that still counts as flat.
    #[arg(long, default_value_t = 5.0)]
    pub flat_percent: f64,
}

/// What all devices together have done.
#[derive(Default)]
struct CallStats {
    connected: AtomicUsize,
    connects: AtomicU64,
    refused: AtomicU64,
    messages: AtomicU64,
    /// Said aloud, and captions that came back.
    utterances: AtomicU64,
    captions: AtomicU64,
    errors: AtomicU64,
    /// Connections that ended without the device having wanted it.
    lost: AtomicU64,
    /// Numbers of devices that nobody has had yet.
    next: AtomicUsize,
}

/// Takes the measure, with a line a minute on stderr.
///
/// # Errors
/// If the target's process is unknown or gone, or no device was served at all.
pub async fn run(target: &TargetOptions, options: &Options) -> anyhow::Result<Report> {
    let mut target = target.clone();
    let services = (options.aloud > 0).then(|| services(&mut target)).transpose()?;
    let server = Target::server(&target).await?.context("soak needs --server or --address")?;
    let report = Report::of("soak", server.name, soak(&server, options).await?);
    // Behind the server, which would complain.
    drop((server, services));
    Ok(report)
}

/// What a server with ears and a mouth needs, and the settings that name it.
fn services(target: &mut TargetOptions) -> anyhow::Result<[Child; 2]> {
    let (provider, recogniser) = (Child::start(&["provider"])?, Child::start(&["recogniser"])?);
    let alias = json!({ "default": { "base_url": provider.said, "model": "instant", "max_concurrent": 1024 } });
    let voice = json!({ "base_url": provider.said, "model": "instant" });
    let doubao = json!({ "url": recogniser.said, "app_key": "app", "access_key": "access" });
    target.env.extend([
        format!("MODEHOST__LLM__ALIASES={alias}"),
        "MODEHOST__TTS__PROVIDER=openai".to_owned(),
        format!("MODEHOST__TTS__OPENAI={voice}"),
        "MODEHOST__ASR__PROVIDER=doubao".to_owned(),
        format!("MODEHOST__ASR__DOUBAO={doubao}"),
    ]);
    Ok([provider, recogniser])
}

async fn soak(target: &Target, options: &Options) -> anyhow::Result<Figures> {
    let all = Duration::from_secs_f64(options.minutes * 60.0);
    let warm_up = Duration::from_secs_f64(options.warm_up.map_or(all.as_secs_f64() / 3.0, |minutes| minutes * 60.0));
    ensure!(warm_up + 4 * SAMPLE <= all, "--minutes leaves no time to measure after --warm-up");
    let tally = Arc::new(CallStats { next: AtomicUsize::new(options.devices), ..CallStats::default() });
    let caller = Arc::new(target.caller.clone());
    let crowd = Arc::new(visit::Crowd {
        options: options.clone(),
        // With a pause that ends the utterance.
        sound: opus(&[recording("weather"), silence(1200)].concat()),
    });
    let mut devices = JoinSet::new();
    for number in 0..options.devices {
        devices.spawn(visit::live(caller.clone(), crowd.clone(), tally.clone(), number));
    }
    let samples = watch(target, all, &tally).await?;
    devices.abort_all();
    judge(&samples, warm_up, options, &tally)
}

/// Memory in KiB by time since the start.
async fn watch(target: &Target, all: Duration, tally: &CallStats) -> anyhow::Result<Vec<(Duration, f64)>> {
    let began = tokio::time::Instant::now();
    let mut samples = Vec::new();
    let mut minute = 0;
    let mut number = 0;
    while SAMPLE * number <= all {
        sleep_until(began + SAMPLE * number).await;
        number += 1;
        let kib = target.resident_kib()?.context("soak needs the server's process: --server, or --pid")?;
        let at = began.elapsed();
        samples.push((at, kib));
        if at.as_secs() / 60 >= minute {
            eprintln!(
                "minute {minute:>3}: {:>8.1} MiB resident, {:>5} devices, {:>8} connects, {:>9} messages, {} errors, {} lost",
                kib / 1024.0,
                tally.connected.load(Ordering::Relaxed),
                tally.connects.load(Ordering::Relaxed),
                tally.messages.load(Ordering::Relaxed),
                tally.errors.load(Ordering::Relaxed),
                tally.lost.load(Ordering::Relaxed),
            );
            minute += 1;
        }
    }
    Ok(samples)
}

fn judge(
    samples: &[(Duration, f64)],
    warm_up: Duration,
    options: &Options,
    tally: &CallStats,
) -> anyhow::Result<Figures> {
    let measured: Vec<(f64, f64)> =
        samples.iter().filter(|(at, _)| *at >= warm_up).map(|(at, kib)| (at.as_secs_f64() / 60.0, *kib)).collect();
    let (slope, mean) = line(&measured).context("too few samples after the warm-up")?;
    let span = measured.last().map_or(0.0, |last| last.0) - measured.first().map_or(0.0, |first| first.0);
    let rise = slope * span;
    let allowed = (mean * options.flat_percent / 100.0).max(NOISE_KIB);
    let connects = tally.connects.load(Ordering::Relaxed);
    ensure!(connects > 0, "no device was served");
    let mut figures = Figures::default();
    figures.add("connects", connects as f64);
    figures.add("connects_refused", tally.refused.load(Ordering::Relaxed) as f64);
    figures.add("messages", tally.messages.load(Ordering::Relaxed) as f64);
    figures.add("utterances", tally.utterances.load(Ordering::Relaxed) as f64);
    figures.add("captions", tally.captions.load(Ordering::Relaxed) as f64);
    figures.add("errors", tally.errors.load(Ordering::Relaxed) as f64);
    figures.add("connections_lost", tally.lost.load(Ordering::Relaxed) as f64);
    figures.add("measured_minutes", span);
    figures.add("resident_mean_mib", mean / 1024.0);
    let highest = measured.iter().map(|(_, kib)| *kib).fold(0.0, f64::max);
    figures.add("resident_max_mib", highest / 1024.0);
    figures.add("rise_kib_per_minute", slope);
    figures.add("rise_mib", rise / 1024.0);
    figures.add("rise_allowed_mib", allowed / 1024.0);
    figures.add("flat", f64::from(u8::from(rise <= allowed)));
    eprintln!("memory after the warm-up is {}", if rise <= allowed { "flat" } else { "NOT flat" });
    Ok(figures)
}

/// Slope and mean of the line that fits best.
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
        let tally = CallStats { connects: AtomicU64::new(1), ..CallStats::default() };
        let judged = |grow: f64| {
            let samples: Vec<(Duration, f64)> = (0..720_u32)
                .map(|n| (SAMPLE * n, 200_000.0 + grow * f64::from(n) + f64::from(n % 7) * 900.0))
                .collect();
            let figures = judge(&samples, Duration::from_secs(1200), &options, &tally).expect("figures");
            figures.get("flat")
        };
        assert_eq!(judged(0.0), Some(1.0));
        assert_eq!(judged(100.0), Some(0.0), "1.2 MiB a minute is a leak");
    }
}
