//! Input that no device should send. Rule: the next utterance is recognised as usual.

use std::time::Duration;

use modehost_protocol::ListenMode::Manual;
use modehost_speech::AudioEvent;

use crate::test_host::{Script, TestHost, opus, recording, silence};

const DEBOUNCE: Duration = Duration::from_millis(320);

#[tokio::test]
async fn a6_damaged_packets_are_skipped() {
    let mut host = TestHost::new(Script::Length);
    let mut random = fastrand::Rng::with_seed(11);
    host.start(Manual);
    let packets = opus(&recording("weather"), 60);
    let good = packets.len();
    for packet in packets {
        host.input.push(AudioEvent::Packet(1, packet.into()));
        // An empty packet, a packet without the bytes that its code requires, and an oversized one.
        for bad in [Vec::new(), vec![0x03], vec![0xff; 5000], vec![random.u8(..) | 3, 0]] {
            host.input.push(AudioEvent::Packet(1, bad.into()));
        }
        host.until(|host| host.input.is_idle()).await;
    }
    tokio::time::sleep(DEBOUNCE).await;
    host.stop();
    let length = host.length().await;
    assert!(length >= good * 60, "every good packet is recognised: {length} ms");
}

#[tokio::test]
async fn a6_very_short_packets_are_no_error() {
    let mut host = TestHost::new(Script::Length);
    host.start(Manual);
    host.say(&recording("refresh-tasks"));
    for _ in 0..10 {
        // Packets that an encoder sends for silence.
        host.input.push(AudioEvent::Packet(1, Box::new([0xf8, 0xff, 0xfe])));
        host.input.push(AudioEvent::Packet(1, Box::new([0x58])));
    }
    tokio::time::sleep(DEBOUNCE).await;
    host.stop();
    assert!(host.length().await >= 1080);
}

/// A slow machine must not debounce an endpoint.
#[tokio::test]
async fn a1_boundaries_are_judged_by_when_they_came() {
    let mut host = TestHost::new(Script::Length);
    let (release, blocked) = std::sync::mpsc::sync_channel::<()>(1);
    let busy = host.threads.spawn(async move {
        let _ = blocked.recv();
    });
    host.input.set_sends_stop();
    host.start(Manual);
    // The silence in it would end the utterance if the VAD were the source.
    let pressed = [recording("mark-done"), silence(2000), recording("mark-done")].concat();
    host.say(&pressed);
    tokio::time::sleep(DEBOUNCE).await;
    host.stop();
    drop(release);
    busy.await;
    assert!(host.length().await.abs_diff(pressed.len() / 16) < 100);
}

/// Dropped packets do not count against the queue for ever.
#[tokio::test]
async fn a_flood_faster_than_the_ear_does_not_deafen_it() {
    let mut host = TestHost::new(Script::Length);
    // The audio thread is blocked, so that the queue fills up.
    let (release, blocked) = std::sync::mpsc::sync_channel::<()>(1);
    let busy = host.threads.spawn(async move {
        let _ = blocked.recv();
    });
    for _ in 0..400 {
        host.input.push(AudioEvent::Packet(1, vec![0xff; 1000].into()));
    }
    for _ in 0..10_000 {
        host.input.push(AudioEvent::Reset(1));
    }
    drop(release);
    busy.await;
    host.until(|host| host.input.is_idle()).await;
    tokio::time::sleep(DEBOUNCE).await;
    host.start(Manual);
    host.say(&recording("weather"));
    tokio::time::sleep(DEBOUNCE).await;
    host.stop();
    while host.length().await < 3000 {}
}

#[tokio::test]
async fn floods_are_bounded_and_harm_nobody() {
    let mut host = TestHost::new(Script::Length);
    for round in 0..200_000_u32 {
        host.input.push(match round % 5 {
            0 => AudioEvent::Endpoint(1, Some(Manual)),
            1 => AudioEvent::Endpoint(1, None),
            2 => AudioEvent::Reset(u64::from(round)),
            _ => AudioEvent::Packet(1, vec![0xff; 1000].into()),
        });
    }
    host.until_idle().await;
    tokio::time::sleep(DEBOUNCE).await;
    host.start(Manual);
    host.say(&recording("weather"));
    tokio::time::sleep(DEBOUNCE).await;
    host.stop();
    // Utterances opened and closed by the flood come first.
    while host.length().await < 3000 {}
}
