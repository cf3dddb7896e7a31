//! Operators ask one node. Rule: what they see and do is that of the whole cluster, whichever node they ask.

use modehost_tests::http::request;
use modehost_tests::lines::Lines;
use modehost_tests::sound::wav;
use modehost_tests::wait::{TIMEOUT, until};
use modehost_tests::{Device, Nats, Server};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::{all_applied, fixture, nodes};

/// Name of the node that has each session, as a node lists them.
async fn sessions(node: &Server) -> Vec<(String, String)> {
    let rows = node.admin("GET", "/api/v1/sessions", "").await.json();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    rows.as_array().expect("rows").iter().map(|row| (text(&row["device"]), text(&row["node"]))).collect()
}

/// Waits until a node has heard in the log which node has a device.
async fn knows(node: &Server, device: &str, headers: &[(&str, &str)]) {
    let path = format!("/api/v1/sessions/{device}");
    let status = async || request(node.http(), "GET", &path, headers, "").await.map_or(0, |response| response.status);
    until("the node knows where the device is", TIMEOUT, status, |status| *status == 200).await;
}

fn pairs(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(device, node)| ((*device).to_owned(), (*node).to_owned())).collect()
}

#[tokio::test]
async fn a_device_is_reached_through_any_node() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut here = Device::join(&nodes[0], "here").await;
    let mut there = Device::join(&nodes[1], "there").await;
    for node in &nodes {
        assert_eq!(sessions(node).await, pairs(&[("here", "a"), ("there", "b")]));
    }

    knows(&nodes[0], "there", &[]).await;
    let shown = nodes[0].command(&["session", "show", "there"]).await;
    assert!(shown.contains("open since"), "{shown}");
    nodes[0].command(&["device", "notify", "there", "dinner is ready"]).await;
    let notice = there.expect("a notice", |message| message.to_string().contains("dinner is ready")).await;
    assert!(notice.is_object());
    here.settle().await;
    assert!(!here.seen().iter().any(|seen| format!("{seen:?}").contains("dinner is ready")));

    // A body that is longer than a message between nodes may be.
    let minute = vec![1_000_i16; 48_000 * 50];
    let played = nodes[0].send_file("POST", "/api/v1/devices/there/play", &[], &wav(&minute, 48_000)).await;
    assert_eq!((played.status, &played.json()["outcome"]), (200, &json!("connected")));
    there.expect_type("tts").await;
    assert_eq!(nodes[0].admin("POST", "/api/v1/devices/there/stop", "").await.status, 200);

    nodes[0].command(&["session", "kick", "there"]).await;
    assert_eq!(there.expect_close().await.0, 1008);
    // One line of the audit, of the node that was asked.
    nodes[0].wait_output("path=\"/api/v1/sessions/there/kick\"").await;
    assert!(!nodes[1].output().contains("/api/v1/sessions/there/kick"));
}

#[tokio::test]
async fn a_node_is_named_for_what_is_its_own() {
    let Some(nats) = Nats::start(1).await else { return };
    let mut nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    nodes[1].command(&["config", "show"]).await;
    let named = nodes[0].command(&["node", "list"]).await;
    assert!(named.contains("a  serving, this one") && named.contains("b  serving  "), "{named}");
    let own = nodes[0].admin("GET", "/api/v1/nodes?node=b", "").await.json();
    assert_eq!((own.as_array().map(Vec::len), &own[0]["node"]), (Some(1), &json!("b")));
    for (node, expected) in [("a", "node=a"), ("b", "node=b")] {
        let lines = nodes[0].command(&["logs", "--search", "has joined its cluster", "--node", node]).await;
        assert!(lines.contains(&format!("{expected}@")), "{lines}");
    }
    let (code, _, error) = nodes[0].run(&["logs", "--node", "c"]).await;
    assert_eq!(code, 1);
    assert!(error.contains("no node of this name lives; there are a, b"), "{error}");

    nodes[1].kill9();
    nodes[0].wait_output("is not heard of any more").await;
    let named = nodes[0].command(&["node", "list"]).await;
    assert!(named.contains("b  gone"), "{named}");
    nodes[1].launch();
    nodes[1].ready().await;
    let named = nodes[0].command(&["node", "list"]).await;
    assert!(named.contains("b  serving") && !named.contains("gone"), "{named}");
}

#[tokio::test]
async fn a_server_that_is_alone_says_so() {
    let alone = Server::start(fixture()).await;
    let listed = alone.command(&["node", "list"]).await;
    assert!(listed.starts_with("this server is alone"), "{listed}");
    for arguments in [vec!["session", "list", "--node", "a"], vec!["node", "drain", "a"]] {
        let (code, _, error) = alone.run(&arguments).await;
        assert_eq!(code, 1);
        assert!(error.contains("this server is alone: cluster.nats is not set"), "{error}");
    }
}

#[tokio::test]
async fn a_node_that_does_not_answer_is_named_and_holds_nobody_up() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let _here = Device::join(&nodes[0], "here").await;
    let _there = Device::join(&nodes[1], "there").await;
    all_applied(&nodes[0], 2).await;
    nodes[1].signal(Signal::STOP);
    let listed = nodes[0].admin("GET", "/api/v1/sessions", "").await;
    assert_eq!((listed.status, listed.header("modehost-unanswered")), (200, Some("b")));
    assert_eq!(listed.json().as_array().map(Vec::len), Some(1));
    // It is dead by then, and not asked any more.
    nodes[0].wait_output("is not heard of any more").await;
    let listed = nodes[0].admin("GET", "/api/v1/sessions", "").await;
    assert_eq!((listed.status, listed.header("modehost-unanswered")), (200, None));
    nodes[1].signal(Signal::CONT);
}

#[tokio::test]
async fn what_a_mode_does_is_watched_from_another_node() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut there = Device::join(&nodes[1], "there").await;
    knows(&nodes[0], "there", &[]).await;
    let mut lines = Lines::open(nodes[0].http(), "/api/v1/devices/there/watch", &[]).await;
    lines.expect("the beginning", |line| line["type"] == "begin").await;
    there.count().await;
    let call = lines.expect("a call", |line| line["type"] == "call").await;
    assert_eq!(call["plugin"], "fixture", "{call}");
    drop(lines);

    // All calls of a plugin, wherever they are made.
    let mut here = Device::join(&nodes[0], "here").await;
    let mut lines = Lines::open(nodes[0].http(), "/api/v1/plugins/fixture/watch", &[]).await;
    lines.expect("the beginning", |line| line["type"] == "begin").await;
    for (device, name) in [(&mut there, "there"), (&mut here, "here")] {
        device.count().await;
        lines.expect("its call", |line| line["type"] == "call" && line["device"] == name).await;
    }
}

#[tokio::test]
async fn the_console_is_told_of_all_nodes() {
    let Some(nats) = Nats::start(1).await else { return };
    let mut nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut feed = Lines::open(nodes[0].http(), "/api/v1/feed", &[]).await;
    let mut there = Device::join(&nodes[1], "there").await;
    let _here = Device::join(&nodes[0], "here").await;
    feed.expect("both", |line| line["type"] == "overview" && line["connected"] == 2).await;
    there.start_mode("fixture").await;
    there.types("hello").await;
    feed.expect("a turn elsewhere", |line| line["type"] == "turn" && line["device"] == "there").await;
    nodes[1].kill9();
    feed.expect("one", |line| line["type"] == "overview" && line["connected"] == 1).await;
}

#[tokio::test]
async fn who_may_only_look_may_only_look_elsewhere_too() {
    let Some(nats) = Nats::start(1).await else { return };
    let settings = fixture()
        .set("server.admin_token", json!("an-admin-token-of-some-length"))
        .set("operators.viewer_token", json!("a-viewer-token-of-some-length"));
    let nodes = nodes(&nats, &settings, &["a", "b"]).await;
    let _there = Device::join(&nodes[1], "there").await;
    let viewer = [("Authorization", "Bearer a-viewer-token-of-some-length")];
    let ask =
        async |method: &str, path: &str| request(nodes[0].http(), method, path, &viewer, "").await.expect("a response");
    knows(&nodes[0], "there", &viewer).await;
    assert_eq!(ask("GET", "/api/v1/status?node=b").await.json()["role"], "viewer");
    assert_eq!(ask("GET", "/api/v1/devices/there/export").await.status, 403);
    assert_eq!(ask("POST", "/api/v1/nodes/b/drain").await.status, 403);
    assert_eq!(ask("POST", "/api/v1/sessions/there/kick?node=b").await.status, 403);
}

#[tokio::test]
async fn everything_of_a_device_is_forgotten_from_any_node() {
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let mut there = Device::join(&nodes[1], "there").await;
    super::append(&mut there, "j", 1).await.expect("appended");
    knows(&nodes[0], "there", &[]).await;
    let forgotten = nodes[0].command(&["device", "forget", "there", "--yes"]).await;
    assert!(forgotten.contains("forgotten") || forgotten.contains("removed"), "{forgotten}");
    assert_eq!(there.expect_close().await.0, 1008);
    for node in &nodes {
        assert_eq!(sessions(node).await, []);
        assert_eq!(node.admin("GET", "/api/v1/devices/there/export", "").await.status, 404);
    }
    let mut there = Device::join(&nodes[0], "there").await;
    assert_eq!(super::append(&mut there, "j", 1).await, Ok(1));
}

#[tokio::test]
async fn the_console_shows_the_nodes_and_hands_one_over() {
    let folder = modehost_tests::server::workspace_root().join("tests/console");
    for (program, argument) in [("node", "--version"), ("chromium", "--version")] {
        if std::process::Command::new(program).arg(argument).stdout(std::process::Stdio::null()).status().is_err() {
            return modehost_tests::skip::not_installed(program);
        }
    }
    if !folder.join("node_modules/playwright-core").is_dir() {
        return modehost_tests::skip::not_installed("playwright-core (`npm ci` in tests/console)");
    }
    let Some(nats) = Nats::start(1).await else { return };
    let nodes = nodes(&nats, &fixture(), &["a", "b"]).await;
    let _there = Device::join(&nodes[1], "there").await;
    let mut command = std::process::Command::new("node");
    command.arg("nodes.mjs").current_dir(folder).stdin(std::process::Stdio::null());
    command.env("CONSOLE", format!("http://127.0.0.1:{}/", nodes[0].http().port()));
    let output = modehost_task::run_blocking(move || command.output()).await.expect("not stopped").expect("node");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{out}{err}");
    assert_eq!(out.lines().last(), Some(r#"{"faults":[]}"#), "{out}{err}");
}
