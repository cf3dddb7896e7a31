//! A hot swap under load: whether anything is lost, duplicated or closed, and how long each session pauses.
//!
//! Rule: replies are numbered by the mode's own state, so that lost state shows as lost messages even where every
//! message is answered.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::fleet::Fleet;
use crate::http;
use crate::metrics::Metrics;
use crate::talk::{DeviceStats, Progress, Script, Template, talk};
use crate::target::Target;

/// Options of `swap`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices with a session each.
    #[arg(long, default_value_t = 1000)]
    pub devices: usize,
    /// The message of each device; {n} is its number.
    #[arg(long, value_name = "JSON", default_value = r#"{"type":"fixture","do":"count"}"#)]
    pub message: String,
    /// Text that a reply contains; {n} is the number of the message that it answers.
    #[arg(long, value_name = "TEXT", default_value = r#""count":{n}"#)]
    pub reply: String,
    /// Text that a reply of the new version contains.
    #[arg(long, value_name = "TEXT")]
    pub marker: Option<String>,
    /// Milliseconds between two messages of a device.
    #[arg(long, default_value_t = 500)]
    pub interval_ms: u64,
    /// Seconds of messages before the swap, and after it.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// Timeout in seconds for the new version to reach all devices.
    #[arg(long, default_value_t = 60)]
    pub patience: u64,
    /// The plugin file to replace.
    #[arg(long, requires = "new")]
    pub plugin: Option<PathBuf>,
    /// The file to replace it with; it is copied and then renamed into place.
    #[arg(long, requires = "plugin")]
    pub new: Option<PathBuf>,
    /// Path to POST to on the HTTP listener, after replacing the file if there is one.
    #[arg(long, value_name = "PATH")]
    pub post: Option<String>,
    /// Token for that request.
    #[arg(long)]
    pub operator_token: Option<String>,
}

/// Runs the measurement.
///
/// # Errors
/// If a device cannot connect, the swap cannot be triggered, or does not reach all devices in time.
pub async fn run(target: &Target, options: &Options) -> anyhow::Result<Metrics> {
    ensure!(options.plugin.is_some() || options.post.is_some(), "swap needs --plugin with --new, or --post");
    let devices = Fleet::connect_all(target, 0, options.devices).await?;
    let script = Arc::new(Script {
        message: Template::new(&options.message),
        reply: Template::new(&options.reply),
        interval: Duration::from_millis(options.interval_ms.max(1)),
        marker: options.marker.clone(),
    });
    let progress = Arc::new(Progress::default());
    let (stop, stopped) = watch::channel(());
    let mut talks = JoinSet::new();
    let started = Instant::now();
    for device in devices {
        talks.spawn(talk(device, script.clone(), progress.clone(), stopped.clone()));
    }
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    let triggered_at = Instant::now();
    trigger(target, options).await?;
    let triggered = Instant::now();
    let all_new = wait_for_all(&progress, options, triggered).await;
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    drop(stop);
    let mut stats = Vec::with_capacity(options.devices);
    while let Some(ended) = talks.join_next().await {
        stats.push(ended.context("a device panicked")?);
    }
    // Without a marker the end of the swap is unknown; then the whole remaining time counts.
    let swap_end = all_new.unwrap_or_else(Instant::now);
    let metrics = summarise(&stats, started, triggered_at, triggered, swap_end, options.marker.is_some());
    if options.marker.is_some() && all_new.is_none() {
        let on_new_version = progress.on_new_version.load(Ordering::Relaxed);
        let sum: usize = stats.iter().map(|one| one.answered.len()).sum();
        bail!(
            "the new version reached {on_new_version} of {} devices in {} s; {sum} replies in all",
            options.devices,
            options.patience
        );
    }
    Ok(metrics)
}

/// Renames the new file into place, and posts.
async fn trigger(target: &Target, options: &Options) -> anyhow::Result<()> {
    if let (Some(plugin), Some(new)) = (&options.plugin, &options.new) {
        replace(plugin, new)
            .with_context(|| format!("cannot put {} into the place of {}", new.display(), plugin.display()))?;
    }
    if let Some(path) = &options.post {
        let server = target.http.context("--post needs --server, or --http beside --address")?;
        let status = http::request(server, "POST", path, options.operator_token.as_deref()).await?;
        ensure!((200..300).contains(&status), "POST {path} was answered {status}");
    }
    Ok(())
}

/// Copies to a temporary file in the same directory and renames it, so that no reader sees half of it.
fn replace(plugin: &Path, new: &Path) -> std::io::Result<()> {
    let temporary = plugin.with_extension("incoming");
    fs::copy(new, &temporary)?;
    fs::rename(&temporary, plugin)
}

/// When the last device received a reply of the new version; `None` on timeout.
async fn wait_for_all(progress: &Progress, options: &Options, triggered: Instant) -> Option<Instant> {
    options.marker.as_ref()?;
    while triggered.elapsed() < Duration::from_secs(options.patience) {
        if progress.on_new_version.load(Ordering::Relaxed) >= options.devices {
            return Some(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    None
}

fn summarise(
    stats: &[DeviceStats],
    started: Instant,
    triggered_at: Instant,
    triggered: Instant,
    swap_end: Instant,
    marked: bool,
) -> Metrics {
    let sum = |count: fn(&DeviceStats) -> usize| stats.iter().map(count).sum::<usize>() as f64;
    let mut metrics = Metrics::default();
    metrics.add("devices", stats.len() as f64);
    metrics.add("replies", sum(|one| one.answered.len()));
    metrics.add("messages_lost", sum(|one| one.lost));
    metrics.add("replies_unasked", sum(|one| one.unexpected));
    metrics.add("sockets_closed", sum(|one| usize::from(one.closed)));
    if marked {
        let on_new_version: Vec<Instant> = stats.iter().filter_map(|one| one.on_new_version).collect();
        let since =
            |time: Option<&Instant>| time.map_or(f64::NAN, |time| (*time - triggered.min(*time)).as_secs_f64() * 1e3);
        metrics.add("first_reply_of_the_new_ms", since(on_new_version.iter().min()));
        metrics.add("all_reply_from_the_new_ms", since(on_new_version.iter().max()));
    }
    // The slowest reply of each session, as its device perceives it.
    let slowest = |from: Instant, to: Instant| -> Vec<Duration> {
        let within = |one: &DeviceStats| {
            let times =
                one.answered.iter().filter(|answered| answered.sent + answered.elapsed >= from && answered.sent <= to);
            times.map(|answered| answered.elapsed).max()
        };
        stats.iter().filter_map(within).collect()
    };
    metrics.add_percentiles("slowest_reply_before", slowest(started, triggered_at));
    metrics.add_percentiles("slowest_reply_in_swap", slowest(triggered_at, swap_end));
    metrics
}
