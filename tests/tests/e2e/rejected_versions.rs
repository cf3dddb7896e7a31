//! H.1, H.3: versions that are rejected before they serve. Rule: after each of them every device is served by the old
//! version, with its state, and the log says what is wrong with the file.

use std::time::Duration;

use futures_util::future::join_all;
use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};

fn with_fixture() -> Settings {
    Settings::new().plugin("fixture", guest::fixture_version("1.0.0"))
}

/// A component that exports nothing, with the custom section that a plugin must have.
fn component_without_exports(plugin_toml: &str) -> Vec<u8> {
    let mut bytes = b"\0asm\x0d\0\x01\0".to_vec();
    push_section(&mut bytes, "modehost:plugin", plugin_toml);
    bytes
}

fn push_section(bytes: &mut Vec<u8>, name: &str, content: &str) {
    let body = name.len() + 1 + content.len();
    assert!(name.len() < 128 && body < 16_384);
    // Lengths in LEB128; the section's takes two bytes.
    bytes.extend_from_slice(&[0, (body & 0x7F) as u8 | 0x80, (body >> 7) as u8, name.len() as u8]);
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(content.as_bytes());
}

/// Installs `bytes` over the fixture while devices count, waits until the server's output about it contains `phrase`,
/// and proves that the old version serves everyone with their state.
async fn assert_rejected(what: &str, bytes: &[u8], phrase: &str) {
    let server = Server::start(with_fixture()).await;
    let mut devices = join_all((0..5).map(|index| {
        let server = &server;
        async move { Device::join(server, &format!("dev-{index}")).await }
    }))
    .await;
    for device in &mut devices {
        assert_eq!(device.count().await, (1, "1.0.0".to_owned()), "{what}");
    }
    let before = server.output().len();
    server.install("fixture", bytes);
    let output = || std::future::ready(server.output()[before..].to_owned());
    let output = wait::until(what, Duration::from_secs(30), output, |output| {
        output.contains("fixture.wasm") && output.to_lowercase().contains(&phrase.to_lowercase())
    })
    .await;
    assert!(!output.contains("panicked at host/"), "{what}: {output}");
    for round in 2..=3 {
        for device in &mut devices {
            assert_eq!(device.count().await, (round, "1.0.0".to_owned()), "{what}");
        }
    }
    let mut newcomer = Device::join(&server, "newcomer").await;
    assert_eq!(newcomer.count().await, (1, "1.0.0".to_owned()), "{what}");
    let row = server.plugin("fixture").await;
    assert_eq!(row["version"], "1.0.0", "{what}: {row}");
    // A good version is still rolled out afterwards.
    server.install("fixture", &guest::fixture_version("2.0.0"));
    let version = async || server.plugin("fixture").await["version"].clone();
    wait::until("the good one serves", Duration::from_secs(30), version, |version| version == "2.0.0").await;
    assert_eq!(devices[0].count().await, (4, "2.0.0".to_owned()), "{what}");
}

#[tokio::test]
async fn h3_a_truncated_file() {
    let whole = guest::fixture_version("2.0.0");
    assert_rejected("a truncated file", &whole[..whole.len() / 2], "").await;
}

#[tokio::test]
async fn h3_an_empty_file() {
    assert_rejected("an empty file", b"", "").await;
}

#[tokio::test]
async fn h3_a_file_that_is_not_wasm() {
    assert_rejected("not wasm", b"#!/bin/sh\necho hello\n", "wasm").await;
}

#[tokio::test]
async fn h3_a_module_that_is_no_component() {
    assert_rejected("a core module", b"\0asm\x01\0\0\0", "component").await;
}

#[tokio::test]
async fn h3_a_component_without_its_custom_section() {
    assert_rejected("no custom section", b"\0asm\x0d\0\x01\0", "modehost:plugin").await;
}

#[tokio::test]
async fn h3_a_component_that_lacks_an_export() {
    let bytes = component_without_exports("id = \"fixture\"\nversion = \"2.0.0\"\n");
    assert_rejected("no exports", &bytes, "handler").await;
}

#[tokio::test]
async fn h1_a_grant_that_is_not_configured() {
    let asks = guest::fixture(&[("version", "2.0.0"), ("grants", "hook:billing")]);
    assert_rejected("a grant too many", &asks, "hook:billing").await;
}

#[tokio::test]
async fn h3_a_version_that_fails_its_trial() {
    for step in ["describe", "configure", "configure!", "started", "started!", "snapshot"] {
        let bytes = guest::fixture(&[("version", "2.0.0"), ("fail", step)]);
        assert_rejected(&format!("fails at {step}"), &bytes, "").await;
    }
}

#[tokio::test]
async fn h3_a_version_that_refuses_every_snapshot() {
    for step in ["restore", "restore!"] {
        let bytes = guest::fixture(&[("version", "2.0.0"), ("fail", step)]);
        assert_rejected("refuses to restore", &bytes, "restore").await;
    }
}

#[tokio::test]
async fn h3_a_plugin_that_claims_what_another_has() {
    let server = Server::start(with_fixture()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.count().await;
    server.install("impostor", &guest::fixture(&[("id", "impostor"), ("version", "9.0.0")]));
    server.wait_output("impostor").await;
    assert_eq!(device.count().await, (2, "1.0.0".to_owned()));
    let mut other = Device::join(&server, "dev-2").await;
    assert_eq!(other.count().await, (1, "1.0.0".to_owned()));
}

#[tokio::test]
async fn h3_one_bad_file_at_the_start_stops_nobody() {
    let settings = with_fixture().plugin("broken", b"nothing of the kind".to_vec());
    let server = Server::start(settings).await;
    server.wait_output("broken.wasm").await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await, (1, "1.0.0".to_owned()));
}

#[tokio::test]
async fn h3_a_pinned_plugin_takes_only_that_content() {
    let pin = "0".repeat(64);
    let settings = Settings::new().set("plugins.pins", json!({ "fixture": pin }));
    let server = Server::start(settings.plugin("fixture", guest::fixture(&[]))).await;
    server.wait_output("pins").await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(json!({ "type": "fixture", "do": "count" })).await;
    device.expect_error("UNKNOWN_TYPE").await;
    assert!(matches!(server.plugin("fixture").await, Value::Null | Value::Object(_)));
}
