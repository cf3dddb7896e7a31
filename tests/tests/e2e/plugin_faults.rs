//! H.3, H.4: plugins that misbehave while they serve. Rule: a fault costs at most one event of one session, and a
//! version that faults in several sessions is rolled back by the server itself.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::json;

fn with_fixture() -> Settings {
    Settings::new().plugin("fixture", guest::fixture_version("1.0.0"))
}

/// Upper bound of another device's round trip; for an unoptimised build on two cores.
const MAX_ROUND_TRIP: Duration = Duration::from_secs(1);

/// Makes the fixture fault; the device is told, keeps its state and is still served, and a bystander is not
/// affected.
async fn assert_costs_one_event(what: &str) {
    let server = Server::start(with_fixture()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let mut bystander = Device::join(&server, "bystander").await;
    for count in 1..=3 {
        assert_eq!(device.count().await.0, count);
        assert_eq!(bystander.count().await.0, count);
    }
    device.send(json!({ "type": "fixture", "do": what, "n": 10_000, "id": "bad-1" })).await;
    assert!(bystander.ping().await < MAX_ROUND_TRIP, "{what}");
    assert_eq!(bystander.count().await.0, 4, "{what}");
    let error = device.expect_error("MODE_FAULT").await;
    assert!(error["message"].as_str().is_some_and(|text| !text.is_empty()), "{what}: {error}");
    assert_eq!(device.count().await.0, 4, "{what}: the state before the fault is lost");
    device.settle().await;
    assert_eq!(device.seen_of_type("error").len(), 1, "{what}: more than one error: {:?}", device.seen());
    let metrics = server.admin("GET", "/metrics", "").await.body;
    let counted =
        metrics.lines().any(|line| line.starts_with("modehost_plugin_faults_total{") && !line.ends_with(" 0"));
    assert!(counted, "{what}: not counted");
}

#[tokio::test]
async fn h4_a_trap() {
    assert_costs_one_event("trap").await;
}

#[tokio::test]
async fn h4_an_endless_loop() {
    assert_costs_one_event("loop").await;
}

#[tokio::test]
async fn h4_a_memory_hog() {
    assert_costs_one_event("hog").await;
}

#[tokio::test]
async fn h4_a_flood_of_effects() {
    assert_costs_one_event("flood").await;
}

#[tokio::test]
async fn h4_an_effect_that_is_not_json() {
    assert_costs_one_event("bad-json").await;
}

#[tokio::test]
async fn h4_an_effect_without_its_grant() {
    assert_costs_one_event("ungranted").await;
}

#[tokio::test]
async fn h4_an_effect_that_is_no_message() {
    assert_costs_one_event("no-type").await;
}

#[tokio::test]
async fn h4_a_stack_that_overflows() {
    assert_costs_one_event("deep").await;
}

#[tokio::test]
async fn h4_an_exit() {
    assert_costs_one_event("exit").await;
}

#[tokio::test]
async fn h4_a_rejection_names_the_time_to_retry_only_if_the_mode_does() {
    let server = Server::start(Settings::new().plugin("fixture", guest::bundled("modehost-guests-next"))).await;
    let mut device = Device::join(&server, "dev-1").await;
    let body = json!({ "type": "fixture", "do": "reject", "code": "BUSY", "message": "later", "id": 9 });
    device.send(body.clone()).await;
    let error = device.expect_error("BUSY").await;
    assert_eq!(error.get("retry_after_ms"), None, "{error}");
    let mut with_time = body;
    with_time["retry"] = 1_500.into();
    device.send(with_time).await;
    let error = device.expect_error("BUSY").await;
    assert_eq!((&error["retry_after_ms"], &error["ref"]["id"]), (&json!(1_500), &json!(9)), "{error}");
}

#[tokio::test]
async fn h4_a_rejection_is_no_fault() {
    let server = Server::start(with_fixture()).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await.0, 1);
    for _ in 0..10 {
        device.send(json!({ "type": "fixture", "do": "reject", "id": 9 })).await;
        let error = device.expect_error("FIXTURE_REJECTED").await;
        assert_eq!(error["ref"]["id"], 9, "{error}");
    }
    assert_eq!(device.count().await.0, 2);
}

#[tokio::test]
async fn h4_a_failure_of_its_own_words() {
    assert_costs_one_event("fail").await;
}

#[tokio::test]
async fn h4_loops_of_many_sessions_do_not_delay_the_pings_of_others() {
    let server = Server::start(with_fixture()).await;
    let mut bystander = Device::join(&server, "bystander").await;
    let mut looping = join_all((0..12).map(|index| {
        let server = &server;
        async move { Device::join(server, &format!("dev-{index}")).await }
    }))
    .await;
    for device in &mut looping {
        device.send(json!({ "type": "fixture", "do": "loop" })).await;
    }
    let end = Instant::now() + Duration::from_secs(2);
    let mut worst = Duration::ZERO;
    while Instant::now() < end {
        worst = worst.max(bystander.ping().await);
    }
    assert!(worst < MAX_ROUND_TRIP, "a ping took {worst:?}");
    assert_eq!(bystander.count().await.0, 1);
    for device in &mut looping {
        device.expect_error("MODE_FAULT").await;
        assert_eq!(device.count().await.0, 1);
    }
}

#[tokio::test]
async fn h4_a_plugin_that_keeps_faulting_in_a_session_is_stopped_for_a_while() {
    let server = Server::start(with_fixture()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let mut bystander = Device::join(&server, "bystander").await;
    assert_eq!(device.count().await.0, 1);
    for _ in 0..6 {
        device.send(json!({ "type": "fixture", "do": "trap" })).await;
        device.expect_type("error").await;
    }
    assert_eq!(bystander.count().await.0, 1);
    device.ping().await;
    // It recovers by itself, with its state.
    let end = Instant::now() + Duration::from_secs(60);
    loop {
        device.send(json!({ "type": "fixture", "do": "count" })).await;
        let answer =
            device.expect("an answer", |answer| answer["type"] == "fixture" || answer["type"] == "error").await;
        if answer["type"] == "fixture" {
            assert_eq!(answer["count"], 2, "{answer}");
            return;
        }
        assert!(Instant::now() < end, "it never recovered");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Installs a version that faults at its first message; no message or state is lost, and after a few faults the
/// version as a whole is rolled back.
async fn assert_rolled_back(markers: &[(&str, &str)]) {
    let server = Server::start(with_fixture()).await;
    let mut devices = join_all((0..10).map(|index| {
        let server = &server;
        async move { Device::join(server, &format!("dev-{index}")).await }
    }))
    .await;
    for device in &mut devices {
        assert_eq!(device.count().await, (1, "1.0.0".to_owned()));
    }
    let mut all = vec![("version", "2.0.0")];
    all.extend_from_slice(markers);
    let before = server.output().len();
    server.install("fixture", &guest::fixture(&all));
    let seen = || std::future::ready(server.output()[before..].contains("2.0.0"));
    wait::until("the bad version is published", Duration::from_secs(30), seen, |seen| *seen).await;
    for round in 2..=4 {
        let counts = join_all(devices.iter_mut().map(|device| device.count())).await;
        for (count, build) in counts {
            assert_eq!((count, build.as_str()), (round, "1.0.0"), "round {round}");
        }
    }
    for device in &devices {
        assert!(device.seen_of_type("error").is_empty(), "a device received an error: {:?}", device.seen());
    }
    let row = async || server.plugin("fixture").await;
    wait::until("it is rolled back", wait::TIMEOUT, row, |row| row["version"] == "1.0.0").await;
    let output = server.output()[before..].to_lowercase();
    assert!(output.contains("rolled back") || output.contains("rolls back") || output.contains("roll"), "{output}");
    let mut newcomer = Device::join(&server, "newcomer").await;
    assert_eq!(newcomer.count().await, (1, "1.0.0".to_owned()));
    assert!(newcomer.seen_of_type("error").is_empty());
}

#[tokio::test]
async fn h3_a_version_that_traps_on_its_first_event_is_rolled_back() {
    assert_rolled_back(&[("first", "trap")]).await;
}

#[tokio::test]
async fn h3_a_version_that_loops_on_its_first_event_is_rolled_back() {
    assert_rolled_back(&[("first", "loop")]).await;
}
