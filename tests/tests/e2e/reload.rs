//! H.6: configuration changes while devices are connected. Rule: a change applies as a whole or not at all.

use std::sync::atomic::{AtomicUsize, Ordering};

use modehost_tests::{Device, Seen, Server, Settings, guest, wait};
use rustix::process::Signal;
use serde_json::{Value, json};

fn rejecting(settings: &Settings) -> Settings {
    settings.clone().set("gateway.duplicate_device", json!("reject"))
}

/// Whether a second connection of a connected device is accepted.
async fn second_connection_accepted(server: &Server) -> bool {
    static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
    let id = format!("probe-{}", NEXT_ID.fetch_add(1, Ordering::Relaxed));
    let mut first = Device::join(server, &id).await;
    let gets_in = match Device::try_connect(server, "/supie/v1/", &[("Device-Id", &id)]).await {
        Err(_) => false,
        Ok(mut second) => {
            second.send(json!({ "type": "ping" })).await;
            matches!(second.next_within(wait::TIMEOUT).await, Some(Seen::Json(_)))
        }
    };
    first.send(json!({ "type": "ping" })).await;
    gets_in
}

#[tokio::test]
async fn h6_a_valid_change_applies_without_a_restart() {
    let settings = Settings::new();
    let server = Server::start(settings.clone()).await;
    let mut device = Device::join(&server, "dev-1").await;
    server.configure(&rejecting(&settings));
    let second = async || second_connection_accepted(&server).await;
    wait::until("duplicates are rejected", wait::TIMEOUT, second, |gets_in| !gets_in).await;
    device.ping().await;
    assert!(device.seen_of_type("system").is_empty());
}

#[tokio::test]
async fn h6_an_invalid_change_is_refused_whole_with_its_line() {
    let settings = Settings::new();
    let server = Server::start(settings.clone()).await;
    let mut device = Device::join(&server, "dev-1").await;
    // The first two lines alone would reject duplicates; the fifth is wrong.
    server.write_config("gateway:\n  duplicate_device: reject\nserver:\n  ip: 127.0.0.1\n  portt: 1\n");
    server.wait_output("portt").await;
    let output = server.output();
    let line = output.lines().rev().find(|line| line.contains("portt")).unwrap_or_default();
    assert!(output.contains("line 5") || output.contains(":5:"), "no line number: {line}");
    assert!(second_connection_accepted(&server).await, "half of an invalid configuration was applied");
    device.ping().await;

    server.configure(&rejecting(&settings));
    let second = async || second_connection_accepted(&server).await;
    wait::until("the next valid one applies", wait::TIMEOUT, second, |gets_in| !gets_in).await;
}

#[tokio::test]
async fn h6_sighup_reads_the_file_again() {
    let settings = Settings::new();
    let server = Server::start(settings.clone()).await;
    server.configure(&rejecting(&settings));
    server.signal(Signal::HUP);
    let second = async || second_connection_accepted(&server).await;
    wait::until("duplicates are rejected", wait::TIMEOUT, second, |gets_in| !gets_in).await;
}

#[tokio::test]
async fn h6_a_plugins_section_is_held_against_its_schema() {
    let settings = Settings::new().plugin("fixture", guest::fixture(&[])).set("fixture.label", json!("old"));
    let server = Server::start(settings.clone()).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.fixture("count").await["label"], "old");
    // Both are invalid for the plugin; each comes together with a change that is valid by itself.
    for wrong in [json!({ "label": 7 }), json!({ "lable": "x" })] {
        server.configure(&rejecting(&settings).set("fixture", wrong.clone()));
        server.wait_output(if wrong["label"].is_null() { "lable" } else { "fixture.label" }).await;
        assert_eq!(device.fixture("count").await["label"], "old");
        assert!(second_connection_accepted(&server).await, "half of an invalid configuration was applied");
    }
}

#[tokio::test]
async fn h2_a_plugins_settings_reach_live_sessions() {
    let settings = Settings::new().plugin("fixture", guest::fixture(&[])).set("fixture.label", json!("old"));
    let server = Server::start(settings.clone()).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.fixture("count").await["label"], "old");
    server.configure(&settings.clone().set("fixture.label", json!("new")));
    for count in 2..400 {
        let answer = device.fixture("count").await;
        assert_eq!(answer["count"], count, "the state is lost: {answer}");
        if answer["label"] == "new" {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    }
    panic!("the new label never showed");
}

#[tokio::test]
async fn h6_a_setting_that_needs_a_restart_is_named() {
    let settings = Settings::new();
    let server = Server::start(settings.clone()).await;
    server.configure(&settings.clone().set("workers.max_blocking", json!(3)));
    server.wait_output("workers").await;
    server.wait_output("restart").await;
    Device::join(&server, "dev-1").await;
}

#[tokio::test]
async fn a_misspelt_section_is_named_at_the_start() {
    let mut server = Server::prepare(&Settings::new().bundled().set("workflwo", json!({})));
    server.launch();
    assert_eq!(server.wait_exit(std::time::Duration::from_secs(30)).await.code(), Some(64));
    server.wait_output("workflwo").await;
    server.wait_output("workflow").await;
}

#[tokio::test]
async fn operators_check_a_configuration_before_they_use_it() {
    let server = Server::start(Settings::new()).await;
    let bad = server.admin("POST", "/api/v1/config/check", "server:\n  port: 1\n  portt: 2\n").await;
    assert!(bad.body.contains("portt") && bad.body.contains('3'), "{bad:?}");
    let good = server.admin("POST", "/api/v1/config/check", "server:\n  port: 1\n").await;
    assert_eq!(good.status, 200, "{good:?}");
    let reloaded = server.admin("POST", "/api/v1/config/reload", "").await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
    server.write_config("nonsense: [");
    let refused = server.admin("POST", "/api/v1/config/reload", "").await;
    assert!(refused.status >= 400 && !refused.body.is_empty(), "{refused:?}");
    let _: Value = refused.json();
}
