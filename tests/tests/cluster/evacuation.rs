//! A node hands its sessions over, to be stopped or upgraded. Rule: nobody loses anything, and nobody comes to a node that
//! hands over.

use modehost_tests::wait::{TIMEOUT, until};
use modehost_tests::{Device, Nats};
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
