//! Plugins of a cluster. Rule: what an operator does with a plugin on one node holds on all, also on those that come later;
//! a session goes on only where its code is.

use modehost_tests::wait::{TIMEOUT, until};
use modehost_tests::{Device, Nats, Server, Settings, guest};
use serde_json::json;

use super::{MOVED, append, nodes};

const GOOD: &str = "1.0.0";
const NEW: &str = "2.0.0";

fn good() -> Settings {
    Settings::new().plugin("fixture", guest::fixture_version(GOOD)).set("plugins.rollback.window_s", json!(1))
}

/// Waits until a node serves this version to everybody.
async fn serves(node: &Server, version: &str) {
    let own = async || {
        let rows = node.admin("GET", "/api/v1/plugins", "").await.json();
        let serving =
            rows.as_array().into_iter().flatten().filter(|row| row["state"] == "active" || row["state"] == "trial");
        serving.map(|row| format!("{} on {}", row["version"], row["nodes"])).collect::<Vec<_>>()
    };
    let wanted = format!("\"{version}\" on ");
    until("all nodes serve the version", TIMEOUT, own, |rows| {
        !rows.is_empty() && rows.iter().all(|row| row.starts_with(&wanted))
    })
    .await;
}

#[tokio::test]
async fn a_plugin_that_is_put_on_one_node_is_on_all() {
    let Some(nats) = Nats::start(1).await else { return };
    let mut nodes = nodes(&nats, &good(), &["a", "b"]).await;
    let mut there = Device::join(&nodes[1], "there").await;
    assert_eq!(there.count().await, (1, GOOD.to_owned()));
    nodes[0].install("fixture", &guest::fixture_version(NEW));
    nodes[1].wait_output("a plugin file of the cluster is put in place").await;
    serves(&nodes[0], NEW).await;
    // The device kept its connection and its state.
    assert_eq!(there.count().await, (2, NEW.to_owned()));

    // One row, with both nodes.
    let rows = nodes[1].admin("GET", "/api/v1/plugins", "").await.json();
    let row = rows.as_array().expect("rows").iter().find(|row| row["version"] == NEW).expect("the new version");
    let mut names: Vec<&str> =
        row["nodes"].as_array().expect("nodes").iter().filter_map(|name| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a", "b"], "{rows}");

    // A node that was away, with the old file, and a new one, with an older file or none, have it when they serve.
    nodes[1].terminate().await;
    nodes[0].install("fixture", &guest::fixture_version("3.0.0"));
    serves(&nodes[0], "3.0.0").await;
    nodes[1].launch();
    nodes[1].ready().await;
    let later = [super::nodes(&nats, &good(), &["c"]).await, super::nodes(&nats, &Settings::new(), &["d"]).await];
    for node in later.iter().flatten().chain([&nodes[1]]) {
        let mut device = Device::join(node, "there").await;
        assert_eq!(device.count().await.1, "3.0.0");
    }
}

#[tokio::test]
async fn a_version_that_is_taken_back_on_one_node_is_taken_back_on_all() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &good(), &["a", "b"]).await;
    let mut here = Device::join(&nodes[0], "here").await;
    let mut there = Device::join(&nodes[1], "there").await;
    for device in [&mut here, &mut there] {
        assert_eq!(device.count().await, (1, GOOD.to_owned()));
    }
    nodes[1].install("fixture", &guest::fixture(&[("version", NEW), ("first", "trap")]));
    serves(&nodes[0], NEW).await;
    // The author's device gets its answer from the version before, and so does everybody else from then on.
    assert_eq!(there.count().await, (2, GOOD.to_owned()));
    nodes[0].wait_output("another node has taken this version back").await;
    serves(&nodes[0], GOOD).await;
    assert_eq!(here.count().await, (2, GOOD.to_owned()));
    // A node that begins then does not try it again.
    let later = super::nodes(&nats, &Settings::new(), &["c"]).await;
    let mut device = Device::join(&later[0], "there").await;
    assert_eq!(device.count().await, (3, GOOD.to_owned()));

    // By an operator, and back again.
    nodes[0].install("fixture", &guest::fixture_version("3.0.0"));
    serves(&nodes[0], "3.0.0").await;
    nodes[1].command(&["plugin", "rollback", "fixture"]).await;
    serves(&nodes[0], GOOD).await;
    nodes[0].command(&["plugin", "reload", "fixture"]).await;
    serves(&nodes[0], "3.0.0").await;
}

#[tokio::test]
async fn a_file_that_is_refused_goes_nowhere_and_a_removed_plugin_is_gone_everywhere() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &good(), &["a", "b"]).await;
    let _device = Device::join(&nodes[0], "here").await;
    let before = std::fs::read(nodes[1].plugin_file("fixture")).expect("the file");
    nodes[0].install("fixture", b"\0asm");
    nodes[0].wait_output("rejected").await;
    // The node goes on with what the cluster has.
    let mut device = Device::join(&nodes[1], "here").await;
    assert_eq!(device.count().await.1, GOOD);
    assert_eq!(std::fs::read(nodes[1].plugin_file("fixture")).expect("the file"), before);
    let (code, _, why) = nodes[0].run(&["health", "--ready"]).await;
    assert_eq!(code, 0, "{why}");

    nodes[0].install("fixture", &guest::fixture_version(GOOD));
    std::fs::remove_file(nodes[1].plugin_file("fixture")).expect("removed");
    nodes[0].wait_output("a plugin is removed here, as in its cluster").await;
    let gone = async || nodes[0].plugin("fixture").await;
    until("it is gone", TIMEOUT, gone, |row| row.is_null()).await;
}

#[tokio::test]
async fn a_node_without_a_plugin_of_the_cluster_takes_no_devices_and_says_why() {
    let Some(nats) = Nats::start(1).await else { return };
    // It may not do on b what it needs.
    let needs = guest::fixture(&[("version", NEW), ("grants", "hook:billing,journals:fixture/")]);
    let grants = json!(["hook:billing", "journals:fixture/"]);
    let settings = good();
    let granted = settings.clone().set("plugins.grants.fixture", grants);
    let a = nodes(&nats, &granted, &["a"]).await;
    let b = nodes(&nats, &settings, &["b"]).await;
    let mut device = Device::join(&b[0], "dev-1").await;
    assert_eq!(device.count().await.1, GOOD);
    a[0].install("fixture", &needs);
    b[0].wait_output("the plugin fixture of the cluster is refused here").await;
    let (code, _, why) = b[0].run(&["health", "--ready"]).await;
    assert!(code == 1 && why.contains("the plugin fixture of the cluster is refused here"), "{code} {why}");
    // Its own devices are served on; others find another node.
    assert_eq!(device.count().await.1, GOOD);
    let mut there = Device::join(&a[0], "dev-1").await;
    assert_eq!(device.expect_close().await.0, MOVED);
    assert_eq!(there.count().await, (3, NEW.to_owned()));
    let mut back = Device::connect(&b[0], "dev-1").await;
    back.expect_close().await;
    assert_eq!(there.count().await.0, 4);

    // What a third node has begun goes on where the plugin is, whichever device it is.
    let mut c = nodes(&nats, &granted, &["c"]).await;
    let devices = (0..6).map(|number| format!("of-c-{number}"));
    for id in devices {
        let mut device = Device::join(&c[0], &id).await;
        device.send(json!({ "type": "fixture", "do": "timer", "request": 9, "n": 600_000 })).await;
        append(&mut device, "j", 1).await.expect("appended");
    }
    c.remove(0).kill9();
    let sessions = async || a[0].admin("GET", "/api/v1/nodes", "").await.json()[0]["own"]["sessions"].as_u64();
    until("a has them all", TIMEOUT, sessions, |sessions| *sessions == Some(7)).await;
}
