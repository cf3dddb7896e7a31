//! Takeovers, reconnect storms, messages to unknown devices, guests that trap. Rule: mass requests are withstood, and
//! each client gets what it asked for or a reason.

use std::time::Duration;

use futures_util::future::join_all;
use modehost_tests::{Device, wait};
use serde_json::json;

use super::test_host::{TestHost, connect};
use super::witnesses::HONEST;

/// Devices of a storm; their names are the same in each storm, so that the number of sessions does not grow.
const STORM: usize = 200;

pub async fn takeovers(host: &mut TestHost) {
    let count = host.random.usize(10..40);
    let server = &host.server;
    let before = host.attached().await.unwrap_or_default();
    let all = join_all((0..count).map(|_| connect(server, "torn"))).await;
    // Each was answered, but is attached a moment later; before that it would take over from the next one.
    let attached = async || host.attached().await.unwrap_or_default();
    wait::until("all are attached", wait::TIMEOUT, attached, |attached| *attached >= before + count).await;
    for (number, device) in all.into_iter().enumerate() {
        match number % 3 {
            0 => device.vanish(),
            1 => drop(device),
            _ => {}
        }
    }
    // The last to be answered need not be the last to be attached, so wait until all others are gone.
    let left = || host.connections();
    let few = |count: &Option<usize>| count.is_some_and(|count| count <= HONEST + 1);
    wait::until("all but the last are gone", wait::TIMEOUT, left, few).await;
    let mut last = host.join("torn").await;
    last.count().await;
}

pub async fn storm(host: &mut TestHost) {
    for _ in 0..2 {
        let server = &host.server;
        let devices: Vec<Device> =
            join_all((0..STORM).map(|number| async move { connect(server, &format!("storm-{number}")).await })).await;
        for mut device in devices {
            match host.random.u8(0..4) {
                0 => device.vanish(),
                1 => drop(device),
                2 => device.send(json!({ "type": "hello" })).await,
                _ => {
                    device.send(json!({ "type": "hello" })).await;
                    device.send(json!({ "type": "fixture", "do": "count" })).await;
                }
            }
        }
    }
}

pub async fn messages_to_unknown_devices(host: &mut TestHost) {
    let mut device = host.join("writer").await;
    for number in 0..30 {
        let receiver = match host.random.u8(0..4) {
            0 => String::new(),
            1 => "x".repeat(5000),
            2 => "\u{202e}../../honest-1\n".to_owned(),
            _ => host.new_device_id(),
        };
        let wish = ["deliver", "broadcast", "dispatch"][host.random.usize(0..3)];
        device
            .send(json!({
                "type": "fixture", "do": wish, "request": number + 1, "device": receiver, "group": receiver,
                "value": json!({ "type": "fixture-mail", "text": "x".repeat(host.random.usize(0..2000)) }).to_string(),
            }))
            .await;
        device.ping().await;
        device.clear_seen();
    }
}

/// Faults of one session's guest do not affect other sessions.
pub async fn traps(host: &mut TestHost) {
    let mut device = host.join("self-destructive").await;
    for _ in 0..4 {
        let wish = ["trap", "deep", "hog", "exit", "bad-json", "no-type", "fail", "ungranted"][host.random.usize(0..8)];
        device.send(json!({ "type": "fixture", "do": wish })).await;
        device.expect_error("MODE_FAULT").await;
    }
    // After a suspension it serves again and its count goes on. Suspensions end, so the attempts are bounded.
    for attempt in 0.. {
        device.send(json!({ "type": "fixture", "do": "count" })).await;
        let answer =
            device.expect("an answer", |message| message["count"].is_u64() || message["type"] == "error").await;
        if answer["count"].is_u64() {
            return;
        }
        assert!(attempt < 200, "its suspension never ends: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
