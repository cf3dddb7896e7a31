//! Live audio streams: the CPU time of a stream, and the delay of the caption after the last word of an utterance,
//! with a recogniser that answers at once.
//!
//! Rule: devices send real speech in real Opus in real time; the recogniser is a separate process and speaks its real
//! protocol.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use modehost_recogniser::{Kind, Service};
use modehost_tests::sound::{opus, recording, silence};
use serde_json::json;
use tokio::task::JoinSet;

use crate::child::Child;
use crate::device::Device;
use crate::fleet::Fleet;
use crate::metrics::{Metrics, Report};
use crate::target::{Target, TargetOptions};

/// The transcript of every utterance.
pub(crate) const TRANSCRIPT: &str = "It is warm today.";
/// Duration of an audio frame, as firmware sends it.
pub(crate) const FRAME: Duration = Duration::from_millis(60);

/// Options of `listen`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices that send audio at the same time.
    #[arg(long, default_value_t = 200)]
    pub devices: usize,
    /// Seconds to measure.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
}

/// Runs the measurement.
///
/// # Errors
/// If a device cannot connect, or the server is not started or named.
pub async fn run(target: &TargetOptions, options: &Options) -> anyhow::Result<Report> {
    let recogniser = Child::start(&["recogniser"])?;
    let mut target = target.clone();
    let doubao = json!({ "url": recogniser.address, "app_key": "app", "access_key": "access" });
    // Only speech recognition is measured.
    target.env.push("MODEHOST__TTS__PROVIDER=none".to_owned());
    target.env.push("MODEHOST__ASR__PROVIDER=doubao".to_owned());
    target.env.push(format!("MODEHOST__ASR__DOUBAO={doubao}"));
    let server = Target::server(&target).await?.context("listen needs --server or --address")?;
    Ok(Report::of("listen", server.name, listen(&server, options).await?))
}

async fn listen(target: &Target, options: &Options) -> anyhow::Result<Metrics> {
    let devices = Fleet::connect_all(target, 0, options.devices).await?;
    // Speech for three quarters of the time, and a pause that ends the utterance.
    let speech = recording("weather");
    let pause = silence(1200);
    let speech_packets = speech.len().div_ceil(960);
    let packets: Arc<[Vec<u8>]> = opus(&[speech, pause].concat()).into();
    let until = Instant::now() + Duration::from_secs(options.seconds);
    let mut streams = JoinSet::new();
    let before = target.cpu_time()?;
    let started = Instant::now();
    for device in devices {
        streams.spawn(stream(device, packets.clone(), speech_packets, until));
    }
    let mut captions = Vec::new();
    while let Some(ended) = streams.join_next().await {
        captions.extend(ended.context("a device panicked")??);
    }
    let elapsed = started.elapsed();
    let busy = before.zip(target.cpu_time()?).map(|(before, after)| after - before);
    ensure!(!captions.is_empty(), "no utterance was recognised");
    let mut metrics = Metrics::default();
    metrics.add("utterances", captions.len() as f64);
    // Includes the silence that ends an utterance, 700 ms by default.
    metrics.add_percentiles("caption_after_last_word", captions);
    if let Some(busy) = busy {
        let share = busy.as_secs_f64() / elapsed.as_secs_f64();
        let frames = elapsed.as_secs_f64() / FRAME.as_secs_f64() * options.devices as f64;
        metrics.add("cores_used", share);
        metrics.add("streams_per_core", options.devices as f64 / share);
        metrics.add("cpu_per_frame_us", busy.as_secs_f64() * 1e6 / frames);
    }
    Ok(metrics)
}

/// One device; returns the delay of each caption after the last word of its utterance.
async fn stream(
    mut device: Device,
    packets: Arc<[Vec<u8>]>,
    speech_packets: usize,
    until: Instant,
) -> anyhow::Result<Vec<Duration>> {
    device.send(r#"{"type":"listen","state":"start","mode":"realtime"}"#.into()).await?;
    // Devices start at random offsets.
    let mut due = Instant::now() + FRAME.mul_f64(packets.len() as f64 * fastrand::f64());
    let (mut index, mut captions, mut ended) = (0, Vec::new(), None);
    while due < until {
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => {
                device.send_sound(packets[index].clone()).await?;
                index = (index + 1) % packets.len();
                if index == speech_packets {
                    ended = Some(due + FRAME);
                }
                due += FRAME;
            }
            text = device.receive() => {
                if text?.contains(r#""type":"stt""#) && let Some(ended) = ended.take() {
                    captions.push(Instant::now().saturating_duration_since(ended));
                }
            }
        }
    }
    Ok(captions)
}

/// Runs the recogniser: prints its address, and serves until its input ends.
///
/// # Errors
/// If its output is closed.
pub fn serve_recogniser() -> anyhow::Result<()> {
    let service = Service::instant(Kind::Doubao, TRANSCRIPT);
    crate::child::serve(&service.url())
}
