//! A hot swap under load: whether anything is lost, doubled or closed, and how long each pauses.
//!
//! Rule: replies are numbered by the mode's own state, so a session that forgot its state shows as
//! a loss even where every message is answered.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::figures::Figures;
use crate::fleet::Fleet;
use crate::http;
use crate::talk::{Heard, Progress, Script, Template, talk};
use crate::target::Target;

/// Options of `swap`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices with a session each.
    #[arg(long, default_value_t = 1000)]
    pub devices: usize,
    /// What each sends; {n} is the number of the message.
    #[arg(long, value_name = "JSON", default_value = r#"{"type":"fixture","do":"count"}"#)]
    pub message: String,
    /// A reply holds this, {n} being the number of the message that it answers.
    #[arg(long, value_name = "TEXT", default_value = r#""count":{n}"#)]
    pub reply: String,
    /// A reply of the new version holds this.
    #[arg(long, value_name = "TEXT")]
    pub marker: Option<String>,
    /// Milliseconds between two messages of a device.
    #[arg(long, default_value_t = 500)]
    pub interval_ms: u64,
    /// Seconds of talk before the swap, and behind it.
    #[arg(long, default_value_t = 5)]
    pub seconds: u64,
    /// Seconds that the new version may take to reach all devices.
    #[arg(long, default_value_t = 60)]
    pub patience: u64,
    /// The plugin file to replace.
    #[arg(long, requires = "new")]
    pub plugin: Option<PathBuf>,
    /// What to replace it with; it is copied and then moved into place at once.
    #[arg(long, requires = "plugin")]
    pub new: Option<PathBuf>,
    /// Path to POST to on the HTTP side, after the file if there is one.
    #[arg(long, value_name = "PATH")]
    pub post: Option<String>,
    /// Token for that.
    #[arg(long)]
    pub operator_token: Option<String>,
}

/// Takes the measure.
///
/// # Errors
/// If a device cannot connect, the swap cannot be set off, or does not reach all in time.
pub async fn run(target: &Target, options: &Options) -> anyhow::Result<Figures> {
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
    let began = Instant::now();
    for device in devices {
        talks.spawn(talk(device, script.clone(), progress.clone(), stopped.clone()));
    }
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    let set_off = Instant::now();
    trigger(target, options).await?;
    let triggered = Instant::now();
    let all_new = await_all(&progress, options, triggered).await;
    tokio::time::sleep(Duration::from_secs(options.seconds)).await;
    drop(stop);
    let mut heard = Vec::with_capacity(options.devices);
    while let Some(ended) = talks.join_next().await {
        heard.push(ended.context("a device panicked")?);
    }
    // Without a marker nobody knows when it was over; then it is the whole time behind it.
    let over = all_new.unwrap_or_else(Instant::now);
    let figures = summarise(&heard, began, set_off, triggered, over, options.marker.is_some());
    if options.marker.is_some() && all_new.is_none() {
        let renewed = progress.renewed.load(Ordering::Relaxed);
        let sum: usize = heard.iter().map(|one| one.answered.len()).sum();
        bail!(
            "the new version reached {renewed} of {} devices in {} s; {sum} replies in all",
            options.devices,
            options.patience
        );
    }
    Ok(figures)
}

/// Puts the new file into place and posts.
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

/// Copies beside the file and renames, so that nobody ever sees half of it.
fn replace(plugin: &Path, new: &Path) -> std::io::Result<()> {
    let beside = plugin.with_extension("incoming");
    fs::copy(new, &beside)?;
    fs::rename(&beside, plugin)
}

/// When the last device heard the new version; none if that did not come in time.
async fn await_all(progress: &Progress, options: &Options, triggered: Instant) -> Option<Instant> {
    options.marker.as_ref()?;
    while triggered.elapsed() < Duration::from_secs(options.patience) {
        if progress.renewed.load(Ordering::Relaxed) >= options.devices {
            return Some(Instant::now());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    None
}

fn summarise(
    heard: &[Heard],
    began: Instant,
    set_off: Instant,
    triggered: Instant,
    over: Instant,
    marked: bool,
) -> Figures {
    let sum = |count: fn(&Heard) -> usize| heard.iter().map(count).sum::<usize>() as f64;
    let mut figures = Figures::default();
    figures.add("devices", heard.len() as f64);
    figures.add("replies", sum(|one| one.answered.len()));
    figures.add("messages_lost", sum(|one| one.lost));
    figures.add("replies_unasked", sum(|one| one.unasked));
    figures.add("sockets_closed", sum(|one| usize::from(one.closed)));
    if marked {
        let renewed: Vec<Instant> = heard.iter().filter_map(|one| one.renewed).collect();
        let since =
            |time: Option<&Instant>| time.map_or(f64::NAN, |time| (*time - triggered.min(*time)).as_secs_f64() * 1e3);
        figures.add("first_reply_of_the_new_ms", since(renewed.iter().min()));
        figures.add("all_reply_from_the_new_ms", since(renewed.iter().max()));
    }
    // The slowest reply of each session: what its device felt.
    let slowest = |from: Instant, to: Instant| -> Vec<Duration> {
        let within = |one: &Heard| {
            let times =
                one.answered.iter().filter(|answered| answered.sent + answered.took >= from && answered.sent <= to);
            times.map(|answered| answered.took).max()
        };
        heard.iter().filter_map(within).collect()
    };
    figures.add_spread("slowest_reply_before", slowest(began, set_off));
    figures.add_spread("slowest_reply_in_swap", slowest(set_off, over));
    figures
}
