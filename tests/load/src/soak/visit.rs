//! One place in the crowd of a soak: devices that come, say things and go. Rule: a device waits for the
//! server's answer to a heartbeat, so that a server that falls behind is not flooded.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::{sleep, sleep_until, timeout};

use super::{CallStats, Options};
use crate::device::{Caller, Device, is_error};
use crate::listen::{FRAME, HEARD};

/// An answer to a heartbeat may take this long; devices share the machine with the server.
const PATIENCE: Duration = Duration::from_secs(30);

/// What all places have in common.
pub(super) struct Crowd {
    pub options: Options,
    /// An utterance in packets.
    pub sound: Vec<Vec<u8>>,
}

/// A place in the crowd: one device after another, or the same again and again.
pub(super) async fn live(caller: Arc<Caller>, crowd: Arc<Crowd>, tally: Arc<CallStats>, mut number: usize) {
    // They do not all come at once.
    sleep(Duration::from_secs_f64(fastrand::f64() * 10.0)).await;
    loop {
        match Device::connect(&caller, number).await {
            Ok(device) => {
                tally.connects.fetch_add(1, Ordering::Relaxed);
                tally.connected.fetch_add(1, Ordering::Relaxed);
                stay(device, &crowd, &tally).await;
                tally.connected.fetch_sub(1, Ordering::Relaxed);
            }
            Err(error) => {
                if tally.refused.fetch_add(1, Ordering::Relaxed) == 0 {
                    eprintln!("a device could not connect; the first: {error:#}");
                }
                sleep(Duration::from_secs(1)).await;
            }
        }
        if fastrand::u8(..100) < crowd.options.strangers {
            number = tally.next.fetch_add(1, Ordering::Relaxed);
        }
        sleep(Duration::from_secs_f64(fastrand::f64() * 3.0)).await;
    }
}

/// One connection of a device, from its hello to its end.
async fn stay(mut device: Device, crowd: &Crowd, tally: &CallStats) {
    let options = &crowd.options;
    let stay = options.stay * (0.1 + 0.9 * fastrand::f64());
    let end = Instant::now() + Duration::from_secs_f64(stay);
    let mut mode: Option<&str> = None;
    while Instant::now() < end {
        let goes_on = if fastrand::u8(..100) < options.aloud {
            speak(&mut device, &crowd.sound, tally).await
        } else {
            let message = next_message(&mut mode, &options.mode);
            tally.messages.fetch_add(1, Ordering::Relaxed);
            exchange(&mut device, &message, tally).await
        };
        if !goes_on {
            tally.lost.fetch_add(1, Ordering::Relaxed);
            return;
        }
        sleep(Duration::from_secs_f64(options.rest_ms as f64 / 500.0 * fastrand::f64())).await;
    }
    if fastrand::bool() {
        device.vanish();
    }
}

/// What a device says next: mostly something typed, now and then a change of mode.
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

/// Says it, and reads until a heartbeat behind it has been answered; false if the connection is over.
async fn exchange(device: &mut Device, message: &str, tally: &CallStats) -> bool {
    let exchange = async {
        device.send(message.into()).await?;
        device.send(r#"{"type":"ping"}"#.into()).await?;
        loop {
            let text = device.receive().await?;
            if text.contains(r#""type":"pong""#) {
                return anyhow::Ok(());
            }
            count_caption(&text, tally);
            if is_error(&text) && tally.errors.fetch_add(1, Ordering::Relaxed) == 0 {
                eprintln!("the first error message: {text}");
            }
        }
    };
    match timeout(PATIENCE, exchange).await {
        Ok(Ok(())) => true,
        Ok(Err(error)) => {
            tell_first_loss(&error, tally);
            false
        }
        Err(_) => {
            eprintln!("no answer to a heartbeat within {PATIENCE:?}");
            false
        }
    }
}

/// Says something aloud, at the pace of speech; false if the connection is over.
async fn speak(device: &mut Device, sound: &[Vec<u8>], tally: &CallStats) -> bool {
    tally.utterances.fetch_add(1, Ordering::Relaxed);
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
                text = device.receive() => count_caption(&text?, tally),
            }
        }
        device.send(r#"{"type":"listen","state":"stop"}"#.into()).await
    };
    match speak.await {
        Ok(()) => true,
        Err(error) => {
            tell_first_loss(&error, tally);
            false
        }
    }
}

fn count_caption(text: &str, tally: &CallStats) {
    if text.contains(r#""type":"stt""#) && text.contains(HEARD) {
        tally.captions.fetch_add(1, Ordering::Relaxed);
    }
}

fn tell_first_loss(error: &anyhow::Error, tally: &CallStats) {
    if tally.lost.load(Ordering::Relaxed) == 0 {
        eprintln!("the first connection lost: {error:#}");
    }
}
