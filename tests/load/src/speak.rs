//! Speech: how long after a typed turn the first sound comes, and what a frame costs, with a model and
//! a voice that answer at once.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::json;
use tokio::task::JoinSet;

use crate::child::Child;
use crate::device::{Device, Received};
use crate::figures::{Figures, Report};
use crate::fleet::Fleet;
use crate::target::{Target, TargetOptions};

/// Options of `speak`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices that are spoken to at the same time.
    #[arg(long, default_value_t = 200)]
    pub devices: usize,
    /// Turns of each device.
    #[arg(long, default_value_t = 5)]
    pub turns: usize,
    /// All devices ask at the same moment, every time; else they are spread over a second.
    #[arg(long)]
    pub chorus: bool,
}

/// Takes the measure.
///
/// # Errors
/// If a device cannot connect, or the server is not started or named.
pub async fn run(target: &TargetOptions, options: &Options) -> anyhow::Result<Report> {
    let provider = Child::start(&["provider"])?;
    let mut target = target.clone();
    let alias = json!({ "default": { "base_url": provider.said, "model": "instant", "max_concurrent": 1024 } });
    let voice = json!({ "base_url": provider.said, "model": "instant" });
    target.env.push(format!("MODEHOST__LLM__ALIASES={alias}"));
    target.env.push("MODEHOST__TTS__PROVIDER=openai".to_owned());
    target.env.push(format!("MODEHOST__TTS__OPENAI={voice}"));
    let server = Target::server(&target).await?.context("speak needs --server or --address")?;
    Ok(Report::of("speak", server.name, speak(&server, options).await?))
}

#[derive(Default)]
struct Heard {
    first: Vec<Duration>,
    /// How late frames behind the first five came.
    late: Vec<Duration>,
    frames: usize,
}

async fn speak(target: &Target, options: &Options) -> anyhow::Result<Figures> {
    let devices = Fleet::connect_all(target, 0, options.devices).await?;
    let before = target.processor_time()?;
    let mut heard = Heard::default();
    let mut devices = devices;
    for _ in 0..options.turns {
        let mut turns = JoinSet::new();
        for device in devices.drain(..) {
            turns.spawn(turn(device, options.chorus));
        }
        while let Some(ended) = turns.join_next().await {
            let (device, one) = ended.context("a device panicked")??;
            devices.push(device);
            heard.first.extend(one.first);
            heard.late.extend(one.late);
            heard.frames += one.frames;
        }
    }
    let busy = before.zip(target.processor_time()?).map(|(before, after)| after - before);
    ensure!(heard.frames > 0, "nothing was said");
    let mut figures = Figures::default();
    figures.add("frames", heard.frames as f64);
    figures.add_spread("first_audio", heard.first);
    figures.add_spread("frame_late_by", heard.late);
    if let Some(busy) = busy {
        figures.add("cpu_per_frame_us", busy.as_secs_f64() * 1e6 / heard.frames as f64);
    }
    Ok(figures)
}

async fn turn(mut device: Device, chorus: bool) -> anyhow::Result<(Device, Heard)> {
    if !chorus {
        tokio::time::sleep(Duration::from_millis(fastrand::u64(..1000))).await;
    }
    let mut heard = Heard::default();
    let began = Instant::now();
    let asked = json!({ "type": "listen", "state": "detect", "text": "Tell me something" });
    device.send(asked.to_string().into()).await?;
    let mut first = began;
    loop {
        match device.receive_any().await? {
            Received::Sound => {
                if heard.first.is_empty() {
                    first = Instant::now();
                    heard.first.push(first - began);
                }
                heard.frames += 1;
                if let Some(behind) = heard.frames.checked_sub(5).filter(|behind| *behind > 0) {
                    let due = first + Duration::from_millis(60) * behind as u32;
                    heard.late.push(Instant::now().saturating_duration_since(due));
                }
            }
            Received::Text(text) => {
                if text.contains(r#""type":"tts""#) && text.contains(r#""state":"stop""#) {
                    return Ok((device, heard));
                }
            }
        }
    }
}
