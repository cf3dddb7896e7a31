//! Live streams of sound: what one costs the server, and how long after the last word of an utterance its
//! caption comes, with a recogniser that answers at once.
//!
//! Rule: devices send real speech in real Opus at the pace at which it is spoken; the recogniser is a
//! process of its own and speaks its true protocol.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use modehost_recogniser::{Kind, Service};
use modehost_tests::sound::{opus, recording, silence};
use serde_json::json;
use tokio::task::JoinSet;

use crate::child::Child;
use crate::device::Device;
use crate::figures::{Figures, Report};
use crate::fleet::Fleet;
use crate::target::{Target, TargetOptions};

/// What the recogniser understands, whatever is said.
pub(crate) const HEARD: &str = "It is warm today.";
/// A frame, as firmware sends it.
pub(crate) const FRAME: Duration = Duration::from_millis(60);

/// Options of `listen`.
#[derive(Debug, clap::Args)]
pub struct Options {
    /// Devices that send sound at the same time.
    #[arg(long, default_value_t = 200)]
    pub devices: usize,
    /// Seconds to measure.
    #[arg(long, default_value_t = 20)]
    pub seconds: u64,
}

/// Takes the measure.
///
/// # Errors
/// If a device cannot connect, or the server is not started or named.
pub async fn run(target: &TargetOptions, options: &Options) -> anyhow::Result<Report> {
    let recogniser = Child::start(&["recogniser"])?;
    let mut target = target.clone();
    let doubao = json!({ "url": recogniser.said, "app_key": "app", "access_key": "access" });
    // What is measured is hearing.
    target.env.push("MODEHOST__TTS__PROVIDER=none".to_owned());
    target.env.push("MODEHOST__ASR__PROVIDER=doubao".to_owned());
    target.env.push(format!("MODEHOST__ASR__DOUBAO={doubao}"));
    let server = Target::server(&target).await?.context("listen needs --server or --address")?;
    Ok(Report::of("listen", server.name, listen(&server, options).await?))
}

async fn listen(target: &Target, options: &Options) -> anyhow::Result<Figures> {
    let devices = Fleet::connect_all(target, 0, options.devices).await?;
    // Speech for three quarters of the time, and a pause that ends the utterance.
    let speech = recording("weather");
    let pause = silence(1200);
    let spoken = speech.len().div_ceil(960);
    let packets: Arc<[Vec<u8>]> = opus(&[speech, pause].concat()).into();
    let until = Instant::now() + Duration::from_secs(options.seconds);
    let mut streams = JoinSet::new();
    let before = target.processor_time()?;
    let began = Instant::now();
    for device in devices {
        streams.spawn(stream(device, packets.clone(), spoken, until));
    }
    let mut captions = Vec::new();
    while let Some(ended) = streams.join_next().await {
        captions.extend(ended.context("a device panicked")??);
    }
    let took = began.elapsed();
    let busy = before.zip(target.processor_time()?).map(|(before, after)| after - before);
    ensure!(!captions.is_empty(), "no utterance was recognised");
    let mut figures = Figures::default();
    figures.add("utterances", captions.len() as f64);
    // With the silence that ends an utterance, 700 ms by default.
    figures.add_spread("caption_after_last_word", captions);
    if let Some(busy) = busy {
        let share = busy.as_secs_f64() / took.as_secs_f64();
        let frames = took.as_secs_f64() / FRAME.as_secs_f64() * options.devices as f64;
        figures.add("cores_used", share);
        figures.add("streams_per_core", options.devices as f64 / share);
        figures.add("cpu_per_frame_us", busy.as_secs_f64() * 1e6 / frames);
    }
    Ok(figures)
}

/// One device; gives how long after the last word of each utterance its caption came.
async fn stream(
    mut device: Device,
    packets: Arc<[Vec<u8>]>,
    spoken: usize,
    until: Instant,
) -> anyhow::Result<Vec<Duration>> {
    device.send(r#"{"type":"listen","state":"start","mode":"realtime"}"#.into()).await?;
    // Devices do not speak in chorus.
    let mut due = Instant::now() + FRAME.mul_f64(packets.len() as f64 * fastrand::f64());
    let (mut place, mut captions, mut ended) = (0, Vec::new(), None);
    while due < until {
        tokio::select! {
            () = tokio::time::sleep_until(due.into()) => {
                device.send_sound(packets[place].clone()).await?;
                place = (place + 1) % packets.len();
                if place == spoken {
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

/// The recogniser itself: says its address, and serves until its input ends.
///
/// # Errors
/// If nobody listens to what it says.
pub fn recognise() -> anyhow::Result<()> {
    let service = Service::instant(Kind::Doubao, HEARD);
    crate::child::serve(&service.url())
}
