//! One slot of a soak: devices that connect, send messages and leave. Rule: a device waits for the answer to a
//! heartbeat after each message, so that a server that falls behind is not flooded.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::{sleep, sleep_until, timeout};

use super::{Options, SoakStats};
use crate::device::{ConnectOptions, Device, is_error};
use crate::listen::{FRAME, TRANSCRIPT};

/// Timeout of a heartbeat's answer; devices share the machine with the server.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Shared by all slots.
pub(super) struct Workload {
    pub options: Options,
    /// An utterance as Opus packets.
    pub sound: Vec<Vec<u8>>,
}

/// Runs a slot: one connection after another, of the same device or a new one.
pub(super) async fn run_slot(
    connect_options: Arc<ConnectOptions>,
    workload: Arc<Workload>,
    stats: Arc<SoakStats>,
    mut number: usize,
) {
    // Slots start at random offsets.
    sleep(Duration::from_secs_f64(fastrand::f64() * 10.0)).await;
    loop {
        match Device::connect(&connect_options, number).await {
            Ok(device) => {
                stats.connects.fetch_add(1, Ordering::Relaxed);
                stats.connected.fetch_add(1, Ordering::Relaxed);
                run_connection(device, &workload, &stats).await;
                stats.connected.fetch_sub(1, Ordering::Relaxed);
            }
            Err(error) => {
                if stats.refused.fetch_add(1, Ordering::Relaxed) == 0 {
                    eprintln!("a device could not connect; the first: {error:#}");
                }
                sleep(Duration::from_secs(1)).await;
            }
        }
        if fastrand::u8(..100) < workload.options.strangers {
            number = stats.next.fetch_add(1, Ordering::Relaxed);
        }
        sleep(Duration::from_secs_f64(fastrand::f64() * 3.0)).await;
    }
}

/// One connection of a device, from its hello to its end.
async fn run_connection(mut device: Device, workload: &Workload, stats: &SoakStats) {
    let options = &workload.options;
    let stay = options.stay * (0.1 + 0.9 * fastrand::f64());
    let end = Instant::now() + Duration::from_secs_f64(stay);
    let mut mode: Option<&str> = None;
    while Instant::now() < end {
        let goes_on = if fastrand::u8(..100) < options.aloud {
            speak(&mut device, &workload.sound, stats).await
        } else {
            let message = next_message(&mut mode, &options.mode);
            stats.messages.fetch_add(1, Ordering::Relaxed);
            exchange(&mut device, &message, stats).await
        };
        if !goes_on {
            stats.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        sleep(Duration::from_secs_f64(options.rest_ms as f64 / 500.0 * fastrand::f64())).await;
    }
    if fastrand::bool() {
        device.vanish();
    }
}

/// The next message of a device: mostly a typed turn, sometimes a change of mode.
fn next_message<'o>(mode: &mut Option<&'o str>, modes: &'o [String]) -> String {
    let change = !modes.is_empty() && fastrand::u8(..10) == 0;
    let message = match (change, mode.take()) {
        (true, Some(old)) => json!({ "type": "mode", "state": "end", "mode": old }),
        (true, None) => {
            let new = &modes[fastrand::usize(..modes.len())];
            *mode = Some(new);
            json!({ "type": "mode", "state": "start", "mode": new })
        }
        (false, old) => {
            *mode = old;
            match fastrand::u8(..10) {
                0 => json!({ "type": "abort" }),
                1 => json!({ "type": "listen", "state": "start", "mode": "manual" }),
                2 => json!({ "type": "listen", "state": "stop" }),
                _ => {
                    let text = format!("Number {} of the things that were said", fastrand::u32(..));
                    json!({ "type": "listen", "state": "detect", "text": text })
                }
            }
        }
    };
    message.to_string()
}

/// Sends it, and reads until a following heartbeat has been answered; false if the connection has ended.
async fn exchange(device: &mut Device, message: &str, stats: &SoakStats) -> bool {
    let exchange = async {
        device.send(message.into()).await?;
        device.send(r#"{"type":"ping"}"#.into()).await?;
        loop {
            let text = device.receive().await?;
            if text.contains(r#""type":"pong""#) {
                return anyhow::Ok(());
            }
            count_caption(&text, stats);
            if is_error(&text) && stats.errors.fetch_add(1, Ordering::Relaxed) == 0 {
                eprintln!("the first error message: {text}");
            }
        }
    };
    match timeout(TIMEOUT, exchange).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            log_first_loss(&error, stats);
            false
        }
        Err(_) => {
            eprintln!("no answer to a heartbeat within {TIMEOUT:?}");
            false
        }
    }
}

/// Sends an utterance in real time; false if the connection has ended.
async fn speak(device: &mut Device, sound: &[Vec<u8>], stats: &SoakStats) -> bool {
    stats.utterances.fetch_add(1, Ordering::Relaxed);
    let speak = async {
        let mode = ["auto", "manual", "realtime"][fastrand::usize(..3)];
        device.send(json!({ "type": "listen", "state": "start", "mode": mode }).to_string().into()).await?;
        let mut due = Instant::now();
        let mut packets = sound.iter();
        loop {
            tokio::select! {
                () = sleep_until(due.into()) => {
                    let Some(packet) = packets.next() else { break };
                    device.send_sound(packet.clone()).await?;
                    due += FRAME;
                }
                text = device.receive() => count_caption(&text?, stats),
            }
        }
        device.send(r#"{"type":"listen","state":"stop"}"#.into()).await
    };
    match speak.await {
        Ok(()) => true,
        Err(error) => {
            log_first_loss(&error, stats);
            false
        }
    }
}

fn count_caption(text: &str, stats: &SoakStats) {
    if text.contains(r#""type":"stt""#) && text.contains(TRANSCRIPT) {
        stats.captions.fetch_add(1, Ordering::Relaxed);
    }
}

fn log_first_loss(error: &anyhow::Error, stats: &SoakStats) {
    if stats.lost.load(Ordering::Relaxed) == 0 {
        eprintln!("the first connection lost: {error:#}");
    }
}
