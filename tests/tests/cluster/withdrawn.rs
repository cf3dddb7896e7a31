//! NATS as it should not be: full, without the node's credentials, with its stream deleted by hand, with files missing; and
//! a node whose clock is wrong. Rule: what is stored stays stored, what cannot be stored is refused, and the node says what
//! is wrong with it and goes on when that is mended.

use std::path::Path;

use modehost_tests::wait::{TIMEOUT, until};
use modehost_tests::{Device, Nats, Server, guest, http, skip};
use serde_json::json;

use super::{append, fixture, join, journal, nodes};

/// Status and text of `/readyz`.
async fn readiness(node: &Server) -> String {
    let ready = http::request(node.http(), "GET", "/readyz", &[], "").await;
    ready.map_or_else(|| "no answer".to_owned(), |ready| format!("{} {}", ready.status, ready.body))
}

async fn expect_readiness(node: &Server, wanted: &str) {
    let check = |ready: &String| ready.contains(wanted);
    until(&format!("its readiness says {wanted}"), TIMEOUT * 2, async || readiness(node).await, check).await;
}

#[tokio::test]
async fn a_full_engine_refuses_and_nothing_acknowledged_is_lost() {
    let lines = "jetstream { store_dir: DIR, sync_interval: always, max_file_store: 3MB }";
    let Some(nats) = Nats::start_with(1, lines).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut device = Device::join(&nodes[0], "dev-1").await;
    let (mut stored, mut refused) = (Vec::new(), 0);
    for value in 1..=300 {
        // Together more than there is room for.
        let (key, text) = ("fixture/j", format!("\"{}\"", "x".repeat(30_000)));
        device.send(json!({ "type": "fixture", "do": "append", "request": value, "key": key, "value": text })).await;
        let is_answer = |message: &serde_json::Value| {
            message["done"] == value || message["failed"] == value || message["type"] == "error"
        };
        let answer = device.expect("an outcome", is_answer).await;
        if answer["done"] == value {
            stored.push(value);
        } else {
            refused += 1;
            if refused == 3 {
                break;
            }
        }
    }
    assert!(stored.len() > 5 && refused == 3, "{stored:?} {refused}");
    device.ping().await;
    expect_readiness(&nodes[0], "503").await;
    expect_readiness(&nodes[0], "NATS refuses to store").await;
    // There is room again.
    nats.reconfigure("max_file_store: 3MB", "max_file_store: 1GB");
    let again = async || match Device::try_join_at(nodes[0].ws(), "dev-2", TIMEOUT).await {
        Some(mut device) => append(&mut device, "other", 1).await.is_ok(),
        None => false,
    };
    until("it stores again", TIMEOUT * 2, again, |stores| *stores).await;
    expect_readiness(&nodes[0], "200").await;
    let export = nodes[1].admin("GET", "/api/v1/devices/dev-1/export?node=b", "").await.json();
    let entries = export["kept"]["journal_entries"].as_array().map_or(0, Vec::len);
    assert_eq!(entries, stored.len(), "what was acknowledged, and nothing else");
}

#[tokio::test]
async fn credentials_that_are_withdrawn_stop_storing_until_they_are_given_back() {
    let lines = "jetstream { store_dir: DIR, sync_interval: always }\nauthorization { users: [{ user: node, password: hush }] }";
    let Some(nats) = Nats::start_with(1, lines).await else { return };
    let mut settings = fixture();
    let mut section = nats.section("a");
    section["nats"]["user"] = json!("node");
    section["nats"]["password"] = json!("hush");
    settings = settings.set("cluster", section);
    let node = Server::start(settings).await;
    let mut device = Device::join(&node, "dev-1").await;
    append(&mut device, "j", 1).await.expect("appended");
    nats.reconfigure("user: node", "user: nobody");
    expect_readiness(&node, "503").await;
    device.ping().await;
    assert!(append(&mut device, "j", 2).await.is_err());
    assert!(!node.output().contains("hush"));
    nats.reconfigure("user: nobody", "user: node");
    expect_readiness(&node, "200").await;
    append(&mut device, "j", 3).await.expect("appended");
    assert_eq!(journal(&mut device, "j").await, [1, 3]);
}

#[tokio::test]
async fn a_log_that_is_deleted_by_hand_is_told_and_not_begun_anew() {
    let Some(nats) = Nats::start(1).await else { return };
    let mut nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut device = Device::join(&nodes[0], "dev-1").await;
    append(&mut device, "j", 1).await.expect("appended");
    let deleted = nats.ask("$JS.API.STREAM.DELETE.modehost-modehost", "").await;
    assert!(deleted.contains("\"success\":true"), "{deleted}");
    expect_readiness(&nodes[0], "the log of the cluster").await;
    assert!(append(&mut device, "j", 2).await.is_err());
    assert_eq!(journal(&mut device, "j").await, [1]);
    // Nobody begins a new one by accident, and a restart says what to do.
    nodes[1].terminate().await;
    nodes[1].launch();
    nodes[1].wait_exit(TIMEOUT * 2).await;
    nodes[1].clear_exited();
    assert!(nodes[1].output().contains("is gone, and"), "{}", nodes[1].output());
}

#[tokio::test]
async fn a_plugin_file_that_is_not_to_be_had_is_named() {
    let Some(nats) = Nats::start(1).await else { return };
    let first = nodes(&nats, &fixture(), &["a"]).await;
    let mut device = Device::join(&first[0], "dev-1").await;
    device.count().await;
    let deleted = nats.ask("$JS.API.STREAM.DELETE.OBJ_modehost-modehost-plugins", "").await;
    assert!(deleted.contains("\"success\":true"), "{deleted}");
    let other = modehost_tests::Settings::new();
    let mut second = Server::prepare(&nats.node(&other, "b"));
    second.launch();
    second.wait_output("is not in NATS; upload the plugin again").await;
    let (code, _, why) = first[0].run(&["node", "list"]).await;
    assert_eq!(code, 0, "{why}");
    // Uploaded again, it is on all.
    first[0].install("fixture", &guest::fixture_version("2.0.0"));
    second.ready().await;
    expect_readiness(&second, "200").await;
    let mut there = join(&second, "dev-1").await;
    assert_eq!(there.count().await.1, "2.0.0");
}

#[tokio::test]
async fn a_node_whose_clock_is_wrong_serves_like_any_other() {
    const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
    if !Path::new(LIBRARY).exists() {
        skip::not_installed("faketime");
        return;
    }
    let Some(nats) = Nats::start(1).await else { return };
    let first = nodes(&nats, &fixture(), &["a"]).await;
    for (name, offset) in [("slow", "-5s"), ("fast", "+5s")] {
        let mut wrong = Server::prepare(&nats.node(&fixture(), name));
        for (variable, value) in [("LD_PRELOAD", LIBRARY), ("FAKETIME", offset), ("FAKETIME_DONT_FAKE_MONOTONIC", "1")]
        {
            wrong.set_variable(variable, value);
        }
        wrong.launch();
        wrong.ready().await;
        let (id, key) = (format!("dev-{name}"), format!("j-{name}"));
        let mut device = Device::join(&first[0], &id).await;
        append(&mut device, &key, 1).await.expect("appended");
        let mut there = Device::join(&wrong, &id).await;
        append(&mut there, &key, 2).await.expect("appended");
        there.close().await;
        let mut device = Device::join(&first[0], &id).await;
        append(&mut device, &key, 3).await.expect("appended");
        assert_eq!(journal(&mut device, &key).await, [1, 2, 3]);
        let list = first[0].command(&["node", "list"]).await;
        assert!(list.contains(&format!("{name}  serving")), "{list}");
        wrong.terminate().await;
    }
}
