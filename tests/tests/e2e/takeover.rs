//! C.4: two connections of one device. Rule: at every moment exactly one of them is active.

use std::time::{Duration, Instant};

use modehost_tests::{Device, Seen, Server, Settings, guest};
use serde_json::json;

#[tokio::test]
async fn c4_the_old_connection_is_told_lingers_and_is_closed() {
    let server = Server::start(Settings::new().plugin("fixture", guest::fixture(&[]))).await;
    let mut old = Device::join(&server, "dev-1").await;
    assert_eq!(old.count().await.0, 1);

    let start = Instant::now();
    let mut new = Device::join(&server, "dev-1").await;
    assert_eq!(new.session_id(), old.session_id());
    // The new one is active at once with the session's state, while the old one is still open.
    assert_eq!(new.count().await.0, 2);
    assert!(start.elapsed() < Duration::from_millis(1400), "the new one waited {:?}", start.elapsed());

    let notice = old.expect_type("system").await;
    assert!(notice["message"].as_str().is_some_and(|text| !text.is_empty()), "{notice}");
    let (code, reason) = old.expect_close().await;
    let lingered = start.elapsed();
    assert!(lingered > Duration::from_millis(1300), "closed after {lingered:?}, which cuts dictation");
    assert!(lingered < Duration::from_secs(5), "closed after {lingered:?}");
    assert!(matches!(code, 1000 | 1008) && !reason.is_empty(), "{code} {reason}");
    // Only the new one is active: none of its messages went to the old one.
    assert_eq!(old.seen_of_type("fixture").len(), 1, "{:?}", old.seen());
    assert_eq!(new.count().await.0, 3);
}

#[tokio::test]
async fn c4_messages_in_flight_are_not_lost() {
    let server = Server::start(Settings::new().plugin("fixture", guest::fixture(&[]))).await;
    for round in 0..5u64 {
        let id = format!("dev-{round}");
        let mut old = Device::join(&server, &id).await;
        for _ in 0..40 {
            old.send(json!({ "type": "fixture", "do": "count" })).await;
        }
        let mut new = Device::join(&server, &id).await;
        // Messages in flight are handled, also during the linger.
        while !matches!(old.next_within(Duration::from_secs(10)).await, Some(Seen::Closed(..) | Seen::Lost(_)) | None) {
        }
        new.send(json!({ "type": "fixture", "do": "count" })).await;
        new.expect(&format!("round {round}: all have been counted"), |message| message["count"] == 41).await;
    }
}

#[tokio::test]
async fn c4_a_chain_of_takeovers_leaves_one() {
    let server = Server::start(Settings::new().plugin("fixture", guest::fixture(&[]))).await;
    let mut devices = Vec::new();
    for _ in 0..8 {
        devices.push(Device::join(&server, "dev-1").await);
    }
    let mut last = devices.pop().expect("eight");
    for mut old in devices {
        old.expect_close().await;
    }
    assert_eq!(last.count().await.0, 1);
    let sessions = server.admin("GET", "/api/v1/sessions", "").await.body;
    assert_eq!(sessions.matches("dev-1").count(), 1, "{sessions}");
}

#[tokio::test]
async fn c4_reject_keeps_the_old_one_and_tells_the_newcomer() {
    let settings = Settings::new().set("gateway.duplicate_device", json!("reject"));
    let server = Server::start(settings).await;
    let mut old = Device::join(&server, "dev-1").await;
    let reason = match Device::try_connect(&server, "/supie/v1/", &[("Device-Id", "dev-1")]).await {
        Err((status, text)) => {
            assert_eq!(status, 409, "{text}");
            text
        }
        Ok(mut newcomer) => newcomer.expect_close().await.1,
    };
    assert!(!reason.is_empty(), "no reason");
    old.ping().await;
    assert!(old.seen_of_type("system").is_empty(), "{:?}", old.seen());
    old.close().await;
    // The device can connect again.
    Device::join(&server, "dev-1").await;
}
