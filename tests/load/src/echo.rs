//! Closed-loop messages: every connection sends, waits for the reply, and sends again. Rule: only replies within the
//! measured time are counted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;
use tokio::task::JoinSet;

use crate::device::Device;
use crate::fleet::Fleet;
use crate::metrics::Metrics;
use crate::talk::Template;
use crate::target::Target;

/// Options of `echo`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Connections.
    #[arg(long, default_value_t = 1000)]
    pub devices: usize,
    /// The message; {n} is its number. The default is for the test guest.
    #[arg(long, value_name = "JSON", default_value = r#"{"type":"fixture","do":"count"}"#)]
    pub message: String,
    /// Text that a reply contains; {n} as in the message.
    #[arg(long, value_name = "TEXT", default_value = r#""count":{n}"#)]
    pub reply: String,
    /// Seconds to measure.
    #[arg(long, default_value_t = 10)]
    pub seconds: u64,
    /// Seconds of warm-up before that.
    #[arg(long, default_value_t = 2)]
    pub warm_up: u64,
}

#[derive(Default)]
struct Counts {
    messages: AtomicU64,
    stop: AtomicBool,
}

/// Runs the measurement.
///
/// # Errors
/// If a device cannot connect, or a message is answered with an error.
pub async fn run(target: &Target, options: &Options) -> anyhow::Result<Metrics> {
    let devices = Fleet::connect_all(target, 0, options.devices).await?;
    let message = Arc::new(Template::new(&options.message));
    let reply = (!target.is_floor()).then(|| Arc::new(Template::new(&options.reply)));
    let counts = Arc::new(Counts::default());
    let mut loops = JoinSet::new();
    for device in devices {
        loops.spawn(exchange(device, message.clone(), reply.clone(), counts.clone()));
    }
    wait_for(&mut loops, Duration::from_secs(options.warm_up)).await?;
    let (started, before, busy) = (Instant::now(), counts.messages.load(Ordering::Relaxed), target.cpu_time()?);
    wait_for(&mut loops, Duration::from_secs(options.seconds)).await?;
    let elapsed = started.elapsed();
    let messages = (counts.messages.load(Ordering::Relaxed) - before) as f64;
    let busy_after = target.cpu_time()?;
    counts.stop.store(true, Ordering::Relaxed);
    let mut times = Vec::new();
    while let Some(ended) = loops.join_next().await {
        times.extend(ended.context("a device panicked")??);
    }
    let mut metrics = Metrics::default();
    metrics.add("messages_per_second", messages / elapsed.as_secs_f64());
    if let (Some(before), Some(after)) = (busy, busy_after) {
        metrics.add("cpu_per_message_us", (after - before).as_secs_f64() * 1e6 / messages.max(1.0));
    }
    metrics.add_percentiles("reply", times);
    Ok(metrics)
}

/// Waits, unless a device fails first.
async fn wait_for(loops: &mut JoinSet<anyhow::Result<Vec<Duration>>>, time: Duration) -> anyhow::Result<()> {
    tokio::select! {
        () = tokio::time::sleep(time) => Ok(()),
        Some(ended) = loops.join_next() => {
            ended.context("a device panicked")??;
            anyhow::bail!("a device stopped by itself")
        }
    }
}

/// The loop of one device; every 64th reply is timed, which is enough for the percentiles.
async fn exchange(
    mut device: Device,
    message: Arc<Template>,
    reply: Option<Arc<Template>>,
    counts: Arc<Counts>,
) -> anyhow::Result<Vec<Duration>> {
    let mut times = Vec::new();
    let mut number = 0_u64;
    while !counts.stop.load(Ordering::Relaxed) {
        number += 1;
        let started = number.is_multiple_of(64).then(Instant::now);
        device.send(message.fill(number).into()).await?;
        match &reply {
            Some(reply) => {
                let wanted = reply.fill(number);
                device.await_text(|text| text.contains(&wanted)).await?;
            }
            None => {
                device.receive().await?;
            }
        }
        counts.messages.fetch_add(1, Ordering::Relaxed);
        times.extend(started.map(|started| started.elapsed()));
    }
    Ok(times)
}
