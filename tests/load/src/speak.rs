//! Speech output: the time from a typed turn to the first audio, and the CPU time per frame, with a model and a TTS
//! service that answer at once. Rule: a frame is late if it comes after its place in real-time playback.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::child::Child;
use crate::device::{Device, Received};
use crate::fleet::Fleet;
use crate::metrics::{Metrics, Report};
use crate::target::{Target, TargetOptions};

/// Options of `speak`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices that listen at the same time.
    #[arg(long, default_value_t = 200)]
    pub devices: usize,
    /// Turns of each device.
    #[arg(long, default_value_t = 5)]
    pub turns: usize,
    /// All devices send their turns at the same moment; otherwise they are spread over a second.
    #[arg(long)]
    pub chorus: bool,
}

/// Runs the measurement.
///
/// # Errors
/// If a device cannot connect, or the server is not started or named.
pub async fn run(target: &TargetOptions, options: &Options) -> anyhow::Result<Report> {
    let provider = Child::start(&["provider"])?;
    let mut target = target.clone();
    let alias = json!({ "default": { "base_url": provider.address, "model": "instant", "max_concurrent": 1024 } });
    let voice = json!({ "base_url": provider.address, "model": "instant" });
    target.env.push(format!("MODEHOST__LLM__ALIASES={alias}"));
    target.env.push("MODEHOST__TTS__PROVIDER=openai".to_owned());
    target.env.push(format!("MODEHOST__TTS__OPENAI={voice}"));
    let server = Target::server(&target).await?.context("speak needs --server or --address")?;
    Ok(Report::of("speak", server.name, speak(&server, options).await?))
}

#[derive(Default)]
struct SpeechStats {
    first: Vec<Duration>,
    /// How late the frames after the first five came.
    late: Vec<Duration>,
    frames: usize,
}

async fn speak(target: &Target, options: &Options) -> anyhow::Result<Metrics> {
    let devices = Fleet::connect_all(target, 0, options.devices).await?;
    let before = target.cpu_time()?;
    let mut stats = SpeechStats::default();
    let mut devices = devices;
    for _ in 0..options.turns {
        let mut turns = JoinSet::new();
        for device in devices.drain(..) {
            turns.spawn(turn(device, options.chorus));
        }
        while let Some(ended) = turns.join_next().await {
            let (device, one) = ended.context("a device panicked")??;
            devices.push(device);
            stats.first.extend(one.first);
            stats.late.extend(one.late);
            stats.frames += one.frames;
        }
    }
    let busy = before.zip(target.cpu_time()?).map(|(before, after)| after - before);
    ensure!(stats.frames > 0, "nothing was said");
    let mut metrics = Metrics::default();
    metrics.add("frames", stats.frames as f64);
    metrics.add_percentiles("first_audio", stats.first);
    metrics.add_percentiles("frame_late_by", stats.late);
    if let Some(busy) = busy {
        metrics.add("cpu_per_frame_us", busy.as_secs_f64() * 1e6 / stats.frames as f64);
    }
    Ok(metrics)
}

async fn turn(mut device: Device, chorus: bool) -> anyhow::Result<(Device, SpeechStats)> {
    if !chorus {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..1000))).await;
    }
    let mut stats = SpeechStats::default();
    let started = Instant::now();
    let turn = json!({ "type": "listen", "state": "detect", "text": "Tell me something" });
    device.send(turn.to_string().into()).await?;
    let mut first = started;
    loop {
        match device.receive_any().await? {
            Received::Sound => {
                if stats.first.is_empty() {
                    first = Instant::now();
                    stats.first.push(first - started);
                }
                stats.frames += 1;
                if let Some(after_first_five) =
                    stats.frames.checked_sub(5).filter(|after_first_five| *after_first_five > 0)
                {
                    let due = first + Duration::from_millis(60) * after_first_five as u32;
                    stats.late.push(Instant::now().saturating_duration_since(due));
                }
            }
            Received::Text(text) => {
                if text.contains(r#""type":"tts""#) && text.contains(r#""state":"stop""#) {
                    return Ok((device, stats));
                }
            }
        }
    }
}
