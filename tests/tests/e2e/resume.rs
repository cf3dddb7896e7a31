//! C.3: sessions outlive connections, memory and processes. Rule: what has been acknowledged to a device is never lost,
//! whatever ends in between.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use modehost_tests::{Device, Seen, Server, Settings, guest, wait};
use serde_json::{Value, json};

fn with_fixture() -> Settings {
    Settings::new().plugin("fixture", guest::fixture(&[]))
}

#[tokio::test]
async fn c3_a_lost_socket_loses_neither_mode_nor_state() {
    let server = Server::start(with_fixture()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.start_mode("fixture").await;
    for count in 1..=3 {
        assert_eq!(device.count().await.0, count);
    }
    let session = device.session_id().to_owned();
    device.vanish();

    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.session_id(), session);
    assert_eq!(device.count().await.0, 4);
    // Still in the mode: starting it again only acknowledges.
    device.start_mode("fixture").await;
    assert_eq!(device.count().await.0, 5);
}

#[tokio::test]
async fn c3_nothing_said_is_lost_that_the_server_had_received() {
    let server = Server::start(with_fixture()).await;
    let mut device = Device::join(&server, "dev-1").await;
    for _ in 0..30 {
        device.send(json!({ "type": "fixture", "do": "count" })).await;
    }
    device.close().await;
    // Answers that the old connection did not receive may come to the new one; the last is the answer to this message.
    let mut device = Device::join(&server, "dev-1").await;
    device.send(json!({ "type": "fixture", "do": "count" })).await;
    device.expect("all have been counted", |message| message["count"] == 31).await;
    device.expect_silence(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn c3_after_the_resume_window_a_session_begins_anew() {
    let server = Server::start(with_fixture().set("session.resume_window_s", json!(1))).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.count().await;
    let session = device.session_id().to_owned();
    device.vanish();
    let listed = async || server.admin("GET", "/api/v1/sessions", "").await.body.contains("dev-1");
    wait::until("the session is over", wait::TIMEOUT, listed, |listed| !listed).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_ne!(device.session_id(), session);
    assert_eq!(device.count().await.0, 1);
}

#[tokio::test]
async fn c3_hibernation_keeps_the_state() {
    let server = Server::start(with_fixture().set("session.hibernate_after_s", json!(1))).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.start_mode("fixture").await;
    for count in 1..=3 {
        assert_eq!(device.count().await.0, count);
        let live = async || live_instances(&server, "dev-1").await;
        wait::until("the session hibernates", wait::TIMEOUT, live, |live| *live == Some(0)).await;
    }
    // The connection answers, whether the instance is hibernated or not.
    device.ping().await;
}

#[tokio::test]
async fn many_devices_over_few_live_instances_keep_their_counts() {
    let server = Server::start(with_fixture().set("plugins.limits.live_instances", json!(16))).await;
    let mut devices = join_all((0..100).map(|index| {
        let server = &server;
        async move { Device::join(server, &format!("dev-{index}")).await }
    }))
    .await;
    for round in 1..=5u64 {
        let counts = join_all(devices.iter_mut().map(|device| device.count())).await;
        assert!(counts.iter().all(|(count, _)| *count == round), "round {round}: {counts:?}");
        let mut live = 0;
        for row in sessions(&server).await {
            live += row["live_instances"].as_u64().unwrap_or(0);
        }
        assert!(live <= 32, "{live} live instances over a cap of 16");
    }
}

#[tokio::test]
async fn c3_a_clean_restart_keeps_mode_and_state() {
    let mut server = Server::start(with_fixture()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.start_mode("fixture").await;
    for _ in 0..5 {
        device.count().await;
    }
    let session = device.session_id().to_owned();
    server.restart().await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.session_id(), session);
    assert_eq!(device.count().await.0, 6);
    let modes = sessions(&server).await;
    assert_eq!(modes[0]["mode"], "fixture", "{modes:?}");
}

#[tokio::test]
async fn kill9_in_the_middle_of_writes_loses_nothing_that_was_acknowledged() {
    let settings = with_fixture().bundled().set("session.checkpoint_ms", json!(100));
    let mut server = Server::start(settings).await;
    for round in 0..3 {
        let mut devices = join_all((0..8).map(|index| {
            let server = &server;
            async move {
                let mut device = Device::join(server, &format!("dev-{index}")).await;
                device.start_mode("working").await;
                device
            }
        }))
        .await;
        let end = Instant::now() + Duration::from_millis(700);
        let writing = join_all(devices.iter_mut().enumerate().map(|(index, device)| async move {
            let mut acknowledged = Vec::new();
            for number in 0.. {
                let id = format!("t-{round}-{index}-{number}");
                device.send(json!({ "type": "workflow", "event": "update", "task": { "id": id, "title": id } })).await;
                match acknowledgement(device, &id, end).await {
                    true => acknowledged.push(id),
                    false => break,
                }
            }
            acknowledged
        }));
        let (acknowledged, ()) = tokio::join!(writing, async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            server.kill9();
        });
        drop(devices);
        let acknowledged: Vec<String> = acknowledged.into_iter().flatten().collect();
        assert!(!acknowledged.is_empty(), "nothing was written before the kill");
        server.launch();
        server.ready().await;
        let mut device = Device::join(&server, "dev-0").await;
        let tasks = board(&mut device).await;
        for id in &acknowledged {
            assert!(tasks.contains(id), "round {round}: {id} was acknowledged and is gone");
        }
        let modes = sessions(&server).await;
        let dev0 = modes.iter().find(|row| row["device"] == "dev-0").expect("listed");
        assert_eq!(dev0["mode"], "working", "{dev0}");
    }
}

#[tokio::test]
async fn kill9_leaves_state_at_most_a_checkpoint_behind() {
    let mut server = Server::start(with_fixture().set("session.checkpoint_ms", json!(100))).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.start_mode("fixture").await;
    for _ in 0..10 {
        device.count().await;
    }
    // Ten checkpoint intervals; a checkpoint cannot be observed from outside.
    tokio::time::sleep(Duration::from_secs(1)).await;
    server.kill9();
    server.launch();
    server.ready().await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await.0, 11);
}

/// Reads until the update of `id` is acknowledged; false if the connection ends or `end` is reached first.
async fn acknowledgement(device: &mut Device, id: &str, end: Instant) -> bool {
    loop {
        match device.next_within(end.saturating_duration_since(Instant::now())).await {
            Some(Seen::Json(message)) if message["type"] == "workflow" && message["status"] == "ok" => {
                // A write that the kill interrupted may be acknowledged on the next connection.
                if message["id"] == id {
                    return true;
                }
            }
            Some(Seen::Closed(..) | Seen::Lost(_)) | None => return false,
            Some(_) => {}
        }
    }
}

/// The task ids on the board of the device's group.
async fn board(device: &mut Device) -> Vec<String> {
    device.send(json!({ "type": "workflow", "event": "refresh" })).await;
    let board = device.expect("a board", |message| message["type"] == "workflow" && message["tasks"].is_array()).await;
    let tasks = board["tasks"].as_array().cloned().unwrap_or_default();
    tasks.iter().filter_map(|task| task["id"].as_str().map(str::to_owned)).collect()
}

async fn sessions(server: &Server) -> Vec<Value> {
    let rows = server.admin("GET", "/api/v1/sessions", "").await.json();
    rows.as_array().or_else(|| rows["sessions"].as_array()).cloned().unwrap_or_default()
}

async fn live_instances(server: &Server, device: &str) -> Option<u64> {
    let rows = sessions(server).await;
    rows.iter().find(|row| row["device"] == device)?["live_instances"].as_u64()
}
