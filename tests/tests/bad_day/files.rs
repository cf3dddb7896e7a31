//! Broken configurations and plugins, and their repair. Rule: an error is reported and changes nothing; the good
//! version keeps serving, and the next good one is applied.

use std::fs::File;

use modehost_tests::{guest, wait};
use serde_json::{Value, json};

use super::test_host::{SECRET, TestHost};

/// Timeout for a plugin to be compiled or rejected.
const COMPILE_TIMEOUT: std::time::Duration = std::time::Duration::from_secs(45);

pub async fn broken_config(host: &mut TestHost) {
    for _ in 0..6 {
        let config = host.settings.text();
        let text = match host.random.u8(0..7) {
            0 => String::from("server: [\n"),
            1 => config.chars().take(host.random.usize(2..config.len() - 3)).collect(),
            2 => format!("{config}\n---\nserver: {{}}\n"),
            3 => host.settings.clone().set("gateway.max_message_bytes", json!("many")).text(),
            4 => host.settings.clone().set("no_such_section", json!({ "x": 1 })).text(),
            5 => "\0\u{1}\u{2}".to_owned(),
            _ => format!("server: {{ secret: {SECRET}, portt: 1 }}\n"),
        };
        host.server.write_config(&text);
        let answer = host.admin("POST", "/api/v1/config/reload", "").await;
        assert_eq!(answer.status, 422, "{text:?}: {answer:?}");
        assert!(!answer.body.contains(SECRET), "{answer:?}");
    }
    host.server.configure(&host.settings);
    let answer = host.admin("POST", "/api/v1/config/reload", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Waits until the row of a file is as wanted.
async fn row(host: &TestHost, file: &str, what: &str, wanted: impl Fn(&Option<Value>) -> bool) {
    let probe = async || {
        let rows = host.plugins().await;
        rows.into_iter().find(|row| row["file"].as_str().is_some_and(|path| path.ends_with(file)))
    };
    wait::until(what, COMPILE_TIMEOUT, probe, wanted).await;
}

/// Bytes that are not a valid plugin.
fn invalid_plugin(host: &mut TestHost) -> Vec<u8> {
    let good = guest::fixture_version("99.0.0");
    match host.random.u8(0..6) {
        0 => good[..host.random.usize(1..good.len())].to_vec(),
        1 => (0..5000).map(|_| host.random.u8(..)).collect(),
        2 => b"#!/bin/sh\nexit 0\n".to_vec(),
        3 => b"\0asm\x01\0\0\0".to_vec(),
        4 => [b"\0asm\x0d\0\x01\0".to_vec(), (0..3000).map(|_| host.random.u8(..)).collect()].concat(),
        _ => {
            let mut bytes = good;
            for _ in 0..40 {
                let at = host.random.usize(8..2000);
                bytes[at] = host.random.u8(..);
            }
            bytes
        }
    }
}

pub async fn bad_additional_plugin(host: &mut TestHost) {
    let refused = |row: &Option<Value>| row.as_ref().is_some_and(|row| row["state"] == "refused");
    let file = host.server.plugin_file("beside");
    match host.random.u8(0..4) {
        0 => {
            host.server.install(
                "beside",
                &guest::slow_to_compile(&guest::fixture(&[("id", "beside"), ("type", "beside"), ("mode", "beside")])),
            );
            row(host, "beside.wasm", "it is compiled", Option::is_some).await;
        }
        1 => {
            // Sparse: it takes no disk space, but reading it would take its full size.
            let generated = host.server.plugins_dir().join(".sparse");
            File::create(&generated).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
            std::fs::rename(generated, &file).expect("renamed");
            row(host, "beside.wasm", "it is refused", refused).await;
        }
        _ => {
            let bytes = invalid_plugin(host);
            host.server.install("beside", &bytes);
            row(host, "beside.wasm", "it is refused", refused).await;
        }
    }
    std::fs::remove_file(file).expect("removed");
    row(host, "beside.wasm", "it is gone", Option::is_none).await;
}

pub async fn bad_replacement_plugin(host: &mut TestHost) {
    let bytes = invalid_plugin(host);
    host.server.install("fixture", &bytes);
    let probe = async || host.plugins().await;
    wait::until("it is refused", COMPILE_TIMEOUT, probe, |rows| rows.iter().any(|row| row["state"] == "refused")).await;
    let mut device = host.join("meanwhile").await;
    device.count().await;
    host.install_good().await;
}

/// A version that loads and traps at its first message.
pub async fn plugin_that_traps(host: &mut TestHost) {
    let version = host.next_version();
    host.server.install("fixture", &guest::fixture(&[("version", &version), ("first", "trap")]));
    let mut device = host.join("guinea-pig").await;
    let probe = async || host.plugins().await;
    let listed = |row: &Value| row["version"] == *version && row["state"] != "compiling";
    wait::until("it is listed", COMPILE_TIMEOUT, probe, |rows| rows.iter().any(listed)).await;
    // A device that triggers the trap is served by the previous version.
    device.count().await;
    let gone =
        |row: &Value| row["version"] == *version && matches!(row["state"].as_str(), Some("rolled-back" | "refused"));
    wait::until("it is rolled back", COMPILE_TIMEOUT, probe, |rows| rows.iter().any(gone)).await;
    host.install_good().await;
}

pub async fn swap(host: &mut TestHost) {
    // The second one is installed while the first is being read.
    if host.random.bool() {
        let version = host.next_version();
        host.server.install("fixture", &guest::fixture_version(&version));
    }
    host.install_good().await;
}
