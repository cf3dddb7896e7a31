//! Settings and plugins that are broken, and mended. Rule: what is wrong is said and changes nothing; what was good
//! serves on, and the next good one gets through.

use std::fs::File;

use modehost_tests::{guest, wait};
use serde_json::{Value, json};

use super::scene::{SECRET, Scene};

/// How long a plugin may be compiled or refused in.
const COMPILED: std::time::Duration = std::time::Duration::from_secs(45);

pub async fn broken_settings(scene: &mut Scene) {
    for _ in 0..6 {
        let whole = scene.settings.text();
        let text = match scene.dice.u8(0..7) {
            0 => String::from("server: [\n"),
            1 => whole.chars().take(scene.dice.usize(2..whole.len() - 3)).collect(),
            2 => format!("{whole}\n---\nserver: {{}}\n"),
            3 => scene.settings.clone().set("gateway.max_message_bytes", json!("many")).text(),
            4 => scene.settings.clone().set("no_such_section", json!({ "x": 1 })).text(),
            5 => "\0\u{1}\u{2}".to_owned(),
            _ => format!("server: {{ secret: {SECRET}, portt: 1 }}\n"),
        };
        scene.server.write_config(&text);
        let answer = scene.operator("POST", "/api/v1/config/reload", "").await;
        assert_eq!(answer.status, 422, "{text:?}: {answer:?}");
        assert!(!answer.body.contains(SECRET), "{answer:?}");
    }
    scene.server.configure(&scene.settings);
    let answer = scene.operator("POST", "/api/v1/config/reload", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// Waits for the row of a file, until it is as wanted.
async fn row(scene: &Scene, file: &str, what: &str, wanted: impl Fn(&Option<Value>) -> bool) {
    let look = async || {
        let rows = scene.plugins().await;
        rows.into_iter().find(|row| row["file"].as_str().is_some_and(|path| path.ends_with(file)))
    };
    wait::until(what, COMPILED, look, wanted).await;
}

/// Bytes that are no plugin.
fn rubbish(scene: &mut Scene) -> Vec<u8> {
    let good = guest::fixture_version("99.0.0");
    match scene.dice.u8(0..6) {
        0 => good[..scene.dice.usize(1..good.len())].to_vec(),
        1 => (0..5000).map(|_| scene.dice.u8(..)).collect(),
        2 => b"#!/bin/sh\nexit 0\n".to_vec(),
        3 => b"\0asm\x01\0\0\0".to_vec(),
        4 => [b"\0asm\x0d\0\x01\0".to_vec(), (0..3000).map(|_| scene.dice.u8(..)).collect()].concat(),
        _ => {
            let mut bytes = good;
            for _ in 0..40 {
                let at = scene.dice.usize(8..2000);
                bytes[at] = scene.dice.u8(..);
            }
            bytes
        }
    }
}

pub async fn bad_plugin_besides(scene: &mut Scene) {
    let refused = |row: &Option<Value>| row.as_ref().is_some_and(|row| row["state"] == "refused");
    let file = scene.server.plugin_file("beside");
    match scene.dice.u8(0..4) {
        0 => {
            scene.server.install(
                "beside",
                &guest::slow_to_compile(&guest::fixture(&[("id", "beside"), ("type", "beside"), ("mode", "beside")])),
            );
            row(scene, "beside.wasm", "it is compiled", Option::is_some).await;
        }
        1 => {
            // Nothing of it is on the disk, and all of it would have to be read.
            let made = scene.server.plugins_dir().join(".sparse");
            File::create(&made).and_then(|file| file.set_len(1 << 30)).expect("a sparse file");
            std::fs::rename(made, &file).expect("renamed");
            row(scene, "beside.wasm", "it is refused", refused).await;
        }
        _ => {
            let bytes = rubbish(scene);
            scene.server.install("beside", &bytes);
            row(scene, "beside.wasm", "it is refused", refused).await;
        }
    }
    std::fs::remove_file(file).expect("removed");
    row(scene, "beside.wasm", "it is gone", Option::is_none).await;
}

pub async fn bad_plugin_in_place(scene: &mut Scene) {
    let bytes = rubbish(scene);
    scene.server.install("fixture", &bytes);
    let look = async || scene.plugins().await;
    wait::until("it is refused", COMPILED, look, |rows| rows.iter().any(|row| row["state"] == "refused")).await;
    let mut device = scene.join("meanwhile").await;
    device.count().await;
    scene.install_good().await;
}

/// A version that loads and fails with its first message.
pub async fn plugin_that_traps(scene: &mut Scene) {
    let version = scene.next_version();
    scene.server.install("fixture", &guest::fixture(&[("version", &version), ("first", "trap")]));
    let mut device = scene.join("guinea-pig").await;
    let look = async || scene.plugins().await;
    let listed = |row: &Value| row["version"] == *version && row["state"] != "compiling";
    wait::until("it is listed", COMPILED, look, |rows| rows.iter().any(listed)).await;
    // Whoever meets it is served by the one before it.
    device.count().await;
    let gone =
        |row: &Value| row["version"] == *version && matches!(row["state"].as_str(), Some("rolled-back" | "refused"));
    wait::until("it is rolled back", COMPILED, look, |rows| rows.iter().any(gone)).await;
    scene.install_good().await;
}

pub async fn swap(scene: &mut Scene) {
    // The second one comes while the first is read.
    if scene.dice.bool() {
        let version = scene.next_version();
        scene.server.install("fixture", &guest::fixture_version(&version));
    }
    scene.install_good().await;
}
