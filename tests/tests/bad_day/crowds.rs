//! Takeovers, storms, mail to nobody, guests that trap. Rule: what many do at once is borne, and each of them gets
//! what it asked for or is told why not.

use std::time::Duration;

use futures_util::future::join_all;
use modehost_tests::{Device, wait};
use serde_json::json;

use super::honest::HONEST;
use super::scene::{Scene, connect};

/// Devices of a storm: as many as are made up, and the same each time, so that their sessions stay as many.
const STORM: usize = 200;

pub async fn takeovers(scene: &mut Scene) {
    let count = scene.dice.usize(10..40);
    let server = &scene.server;
    let before = scene.attached().await.unwrap_or_default();
    let all = join_all((0..count).map(|_| connect(server, "torn"))).await;
    // Each was answered, and is attached a moment later: one of them would take over from the newcomer.
    let attached = async || scene.attached().await.unwrap_or_default();
    wait::until("all are attached", wait::SOON, attached, |attached| *attached >= before + count).await;
    for (number, device) in all.into_iter().enumerate() {
        match number % 3 {
            0 => device.vanish(),
            1 => drop(device),
            _ => {}
        }
    }
    // Who was answered last need not be attached last: the newcomer comes when all of them have gone.
    let left = || scene.connections();
    let few = |count: &Option<usize>| count.is_some_and(|count| count <= HONEST + 1);
    wait::until("all but the last are gone", wait::SOON, left, few).await;
    let mut last = scene.join("torn").await;
    last.count().await;
}

pub async fn storm(scene: &mut Scene) {
    for _ in 0..2 {
        let server = &scene.server;
        let devices: Vec<Device> =
            join_all((0..STORM).map(|number| async move { connect(server, &format!("storm-{number}")).await })).await;
        for mut device in devices {
            match scene.dice.u8(0..4) {
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

pub async fn mail_to_nobody(scene: &mut Scene) {
    let mut device = scene.join("writer").await;
    for number in 0..30 {
        let receiver = match scene.dice.u8(0..4) {
            0 => String::new(),
            1 => "x".repeat(5000),
            2 => "\u{202e}../../honest-1\n".to_owned(),
            _ => scene.made_up(),
        };
        let wish = ["deliver", "broadcast", "dispatch"][scene.dice.usize(0..3)];
        device
            .send(json!({
                "type": "fixture", "do": wish, "request": number + 1, "device": receiver, "group": receiver,
                "value": json!({ "type": "fixture-mail", "text": "x".repeat(scene.dice.usize(0..2000)) }).to_string(),
            }))
            .await;
        device.ping().await;
        device.forget();
    }
}

/// What a guest can do to itself does nothing to its neighbours.
pub async fn traps(scene: &mut Scene) {
    let mut device = scene.join("self-destructive").await;
    for _ in 0..4 {
        let wish = ["trap", "deep", "hog", "exit", "bad-json", "no-type", "fail", "ungranted"][scene.dice.usize(0..8)];
        device.send(json!({ "type": "fixture", "do": wish })).await;
        device.expect_error("MODE_FAULT").await;
    }
    // After a rest it serves again, and what it counts goes on. A rest has an end, so the attempts have one.
    for attempt in 0.. {
        device.send(json!({ "type": "fixture", "do": "count" })).await;
        let answer =
            device.expect("an answer", |message| message["count"].is_u64() || message["type"] == "error").await;
        if answer["count"].is_u64() {
            return;
        }
        assert!(attempt < 200, "it rests for ever: {answer}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
