//! H.1, H.2: content hashes that plugins are pinned to. Rule: pin and file may change in either order, and in between
//! the version that served goes on serving.

use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

fn version(version: &str) -> (Vec<u8>, String) {
    let bytes = guest::fixture_version(version);
    let digest = Sha256::digest(&bytes);
    (bytes, digest.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn pinned(pin: &str) -> Settings {
    Settings::new().set("plugins.pins.fixture", json!(pin)).set("plugins.rollback.window_s", json!(1))
}

/// Waits until this version answers the device.
async fn wait_served_by(device: &mut Device, version: &str) {
    for _ in 0..400 {
        if device.fixture("count").await["build"] == version {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(25)).await;
    }
    panic!("{version} never served");
}

async fn rows(server: &Server) -> Vec<Value> {
    server.admin("GET", "/api/v1/plugins", "").await.json().as_array().cloned().unwrap_or_default()
}

async fn pinned_server() -> (Server, Device) {
    let (old, pin) = version("1.0.0");
    let server = Server::start(pinned(&pin).plugin("fixture", old)).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.fixture("count").await["build"], "1.0.0");
    (server, device)
}

#[tokio::test]
async fn h2_the_file_may_come_before_its_pin() {
    let (server, mut device) = pinned_server().await;
    let (new, pin) = version("2.0.0");
    server.install("fixture", &new);
    let refused = async || rows(&server).await;
    let is_refused = |rows: &Vec<Value>| rows.iter().any(|row| row["state"] == "refused" && row["version"] == "2.0.0");
    wait::until("the file is refused", wait::TIMEOUT, refused, is_refused).await;
    assert_eq!(device.fixture("count").await["build"], "1.0.0");
    server.configure(&pinned(&pin));
    wait_served_by(&mut device, "2.0.0").await;
    assert!(!server.output().contains("configuration not reloaded"), "{}", server.output());
    let states: Vec<Value> = rows(&server).await.into_iter().map(|row| row["state"].clone()).collect();
    assert!(!states.contains(&json!("refused")), "{states:?}");
}

#[tokio::test]
async fn h2_the_pin_may_come_before_its_file() {
    let (server, mut device) = pinned_server().await;
    let (new, pin) = version("2.0.0");
    server.configure(&pinned(&pin));
    server.wait_output("which no file has yet").await;
    assert_eq!(device.fixture("count").await["build"], "1.0.0");
    let row = server.plugin("fixture").await;
    assert!(row["reason"].as_str().is_some_and(|why| why.contains(&pin[..8])), "{row}");
    server.install("fixture", &new);
    wait_served_by(&mut device, "2.0.0").await;
    assert_eq!(server.plugin("fixture").await["reason"], Value::Null);
}

#[tokio::test]
async fn h2_pin_and_file_may_come_at_once_and_a_bad_file_changes_nothing() {
    let (server, mut device) = pinned_server().await;
    let (new, pin) = version("2.0.0");
    server.configure(&pinned(&pin));
    server.install("fixture", &new);
    wait_served_by(&mut device, "2.0.0").await;

    // What the pin asks for is tried on snapshots before anything changes.
    let bad = guest::fixture(&[("version", "3.0.0"), ("fail", "restore!")]);
    let digest: String = Sha256::digest(&bad).iter().map(|byte| format!("{byte:02x}")).collect();
    server.install("fixture", &bad);
    let refused = async || rows(&server).await;
    let is_refused = |rows: &Vec<Value>| rows.iter().any(|row| row["state"] == "refused" && row["version"] == "3.0.0");
    wait::until("the file is refused", wait::TIMEOUT, refused, is_refused).await;
    server.configure(&pinned(&digest));
    server.wait_output("configuration not reloaded").await;
    assert!(server.output().contains("fixture.wasm fails its trial at restore"), "{}", server.output());
    assert_eq!(device.fixture("count").await["build"], "2.0.0");
}

#[tokio::test]
async fn h3_a_pin_goes_back_to_a_version_that_is_kept() {
    let (old, first) = version("1.0.0");
    let (new, second) = version("2.0.0");
    let mut server = Server::start(pinned(&first).plugin("fixture", old)).await;
    let mut device = Device::join(&server, "dev-1").await;
    server.install("fixture", &new);
    server.configure(&pinned(&second));
    wait_served_by(&mut device, "2.0.0").await;
    server.wait_output("has proven itself").await;
    server.configure(&pinned(&first));
    wait_served_by(&mut device, "1.0.0").await;
    // The file in the directory is still the newer one, which the pin does not allow.
    device.close().await;
    server.restart().await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.fixture("count").await["build"], "1.0.0");
}
