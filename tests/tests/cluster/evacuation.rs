//! A node hands its sessions over, to be stopped or upgraded. Rule: nobody loses anything, and nobody comes to a node that
//! hands over.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use modehost_task::spawn_io;
use modehost_tests::wait::{TIMEOUT, until};
use modehost_tests::{Device, Nats, Seen, Server};
use serde_json::json;

use super::{MOVED, append, fixture, journal, nodes};

#[tokio::test]
async fn a_node_that_is_drained_has_no_session_left_and_nothing_is_lost() {
    let Some(nats) = Nats::start(1).await else { return };
    let mut nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut devices = Vec::new();
    for number in 0..20 {
        let mut device = Device::join(&nodes[0], &format!("dev-{number}")).await;
        append(&mut device, &format!("j{number}"), 1).await.expect("appended");
        assert_eq!(device.count().await.0, 1);
        devices.push(device);
    }
    // One is away, and its session has something to wait for.
    let mut away = Device::join(&nodes[0], "away").await;
    away.send(json!({ "type": "fixture", "do": "timer", "request": 9, "n": 2_000 })).await;
    away.settle().await;
    away.close().await;
    nodes[0].wait_disconnected("away").await;

    // Through another node than the one that is meant.
    let told = nodes[1].command(&["node", "drain", "a", "--per-second", "100"]).await;
    assert!(told.contains("node a has no session any more: it may be stopped"), "{told}");
    let refused = Device::try_connect(&nodes[0], "/supie/v1/", &[("Device-Id", "new")]).await;
    assert_eq!(refused.err().map(|(status, _)| status), Some(503));
    let (code, _, why) = nodes[0].run(&["health", "--ready"]).await;
    assert!(code == 1 && why.contains("its sessions are handed over"), "{code} {why}");
    let named = nodes[1].command(&["node", "list"]).await;
    assert!(named.contains("a  drained  0 devices connected, 0 sessions"), "{named}");

    for (number, mut device) in devices.into_iter().enumerate() {
        assert_eq!(device.expect_close().await.0, MOVED);
        let mut device = Device::join(&nodes[1], &format!("dev-{number}")).await;
        assert_eq!(append(&mut device, &format!("j{number}"), 2).await, Ok(2));
        assert_eq!(journal(&mut device, &format!("j{number}")).await, [1, 2]);
        assert_eq!(device.count().await.0, 2);
    }
    // The session without a connection goes on there by itself.
    let sessions = async || nodes[1].admin("GET", "/api/v1/sessions?node=b", "").await.body;
    until("the unfinished session is taken up", TIMEOUT, sessions, |list| list.contains(r#""device":"away""#)).await;
    let mut away = Device::join(&nodes[1], "away").await;
    away.expect("the timer of the session", |message| message["timer"] == 9).await;

    assert!(nodes[0].terminate().await.success());
    nodes[0].launch();
    nodes[0].ready().await;
    let mut device = Device::join(&nodes[0], "dev-0").await;
    assert_eq!(device.count().await.0, 3);
}

#[tokio::test]
async fn the_last_node_is_not_drained_and_a_drain_can_be_taken_back() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    nodes[0].command(&["node", "drain", "a"]).await;
    let (code, _, why) = nodes[0].run(&["node", "drain", "b"]).await;
    assert!(code == 1 && why.contains("no other node of the cluster takes sessions"), "{code} {why}");
    nodes[1].command(&["node", "drain", "a", "--cancel"]).await;
    let mut device = Device::join(&nodes[0], "dev-1").await;
    device.count().await;
    for rate in ["0", "10001", "many"] {
        let refused = nodes[0].admin("POST", &format!("/api/v1/nodes/b/drain?per_second={rate}"), "").await;
        assert_eq!(refused.status, 400, "{}", refused.body);
    }
}

/// What a device has seen during an upgrade.
struct Seam {
    /// Values that were acknowledged, in their order.
    acknowledged: Vec<u64>,
    /// Codes with which its connections ended.
    closed: Vec<u16>,
}

/// Appends without a pause, at any node that takes it.
async fn append_through(addresses: Vec<SocketAddr>, number: usize, stop: Arc<AtomicBool>) -> Seam {
    let (mut seam, mut value) = (Seam { acknowledged: Vec::new(), closed: Vec::new() }, 0);
    let mut node = number;
    while !stop.load(Ordering::Relaxed) {
        node += 1;
        let address = addresses[node % addresses.len()];
        let Some(mut device) = Device::try_join_at(address, &format!("dev-{number}"), TIMEOUT).await else { continue };
        while !stop.load(Ordering::Relaxed) {
            value += 1;
            let key = format!("fixture/j{number}");
            device
                .send(json!({ "type": "fixture", "do": "append", "request": value, "key": key, "value": value.to_string() }))
                .await;
            let answer = loop {
                match device.next_within(TIMEOUT).await {
                    Some(Seen::Json(message)) if message["done"] == value => break Ok(()),
                    Some(Seen::Closed(code, _)) => break Err(code),
                    Some(Seen::Lost(_)) | None => break Err(0),
                    Some(_) => {}
                }
            };
            match answer {
                Ok(()) => seam.acknowledged.push(value),
                Err(code) => {
                    seam.closed.push(code);
                    break;
                }
            }
        }
    }
    seam
}

/// Hands a node over, stops it, and starts it again, as an upgrade does.
async fn upgrade(nodes: &mut [Server], number: usize) {
    let name = ["a", "b", "c"][number];
    nodes[(number + 1) % 3].command(&["node", "drain", name]).await;
    assert!(nodes[number].terminate().await.success());
    nodes[number].launch();
    nodes[number].ready().await;
}

#[tokio::test]
async fn all_nodes_are_upgraded_under_load_and_each_hand_over_costs_a_device_one_connection() {
    let Some(nats) = Nats::start(1).await else { return };
    let mut nodes = nodes(&nats, &fixture(), &["a", "b", "c"]).await;
    let (addresses, stop) = (nodes.iter().map(Server::ws).collect::<Vec<_>>(), Arc::new(AtomicBool::new(false)));
    let devices: Vec<_> =
        (0..9).map(|number| spawn_io(append_through(addresses.clone(), number, stop.clone()))).collect();
    for number in 0..3 {
        upgrade(&mut nodes, number).await;
    }
    stop.store(true, Ordering::Relaxed);
    for (number, device) in devices.into_iter().enumerate() {
        let seam = device.join().await.expect("no panic");
        // Nothing but hand-overs ends a connection, and at most one for each node.
        assert!(seam.closed.iter().all(|code| *code == MOVED) && seam.closed.len() <= 3, "{:?}", seam.closed);
        assert!(seam.acknowledged.len() > 20, "{}", seam.acknowledged.len());
        let path = format!("/api/v1/devices/dev-{number}/export?node=a");
        let export = nodes[0].admin("GET", &path, "").await.json();
        let entries = export["kept"]["journal_entries"].as_array().expect("entries").clone();
        let stored: Vec<u64> = entries.iter().filter_map(|entry| entry["value"].as_u64()).collect();
        assert!(stored.is_sorted_by(|one, other| one < other), "{stored:?}");
        let missing: Vec<_> = seam.acknowledged.iter().filter(|value| !stored.contains(value)).collect();
        assert_eq!(missing, [] as [&u64; 0]);
    }
}
