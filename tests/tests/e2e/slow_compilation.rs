//! Plugins that take minutes and gigabytes to compile. Rule: nothing waits for the compiler: the server starts, stops,
//! signs devices in and serves as if that plugin were not there, and says what it is doing.

use std::time::{Duration, Instant};

use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::json;

/// Far more than everything but the compiler needs on a busy machine, and far less than the compiler needs.
const MAX_WAIT: Duration = Duration::from_secs(30);

/// The states of a plugin's rows in the admin API.
async fn states(server: &Server, id: &str) -> Vec<String> {
    let rows = server.admin("GET", "/api/v1/plugins", "").await.json();
    let of_plugin = rows.as_array().into_iter().flatten().filter(|row| row["id"] == id);
    of_plugin.filter_map(|row| row["state"].as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn a_start_serves_with_what_is_ready_and_a_stop_waits_for_nobody() {
    let settings = Settings::new()
        .plugin("fixture", guest::fixture(&[]))
        .plugin("slow", guest::slow_to_compile(&guest::bundled("coding")))
        .set("plugins.start_wait_s", json!(8))
        .set("plugins.limits.compile_s", json!(300));
    let mut server = Server::start(settings).await;
    server.wait_output("is still being compiled").await;
    server.wait_output("is not in force yet: it is being compiled").await;
    let state = async || states(&server, "coding").await;
    wait::until("it is listed", MAX_WAIT, state, |states| states == &["compiling"]).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await.0, 1);
    let start = Instant::now();
    let status = server.terminate().await;
    assert!(status.success() && start.elapsed() < MAX_WAIT, "{status} after {:?}", start.elapsed());
}

#[tokio::test]
async fn while_one_is_compiled_others_are_swapped_and_operators_are_answered() {
    let settings =
        Settings::new().plugin("fixture", guest::fixture_version("1.0.0")).set("plugins.limits.compile_s", json!(300));
    let mut server = Server::start(settings).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await, (1, "1.0.0".to_owned()));
    server.install("slow", &guest::slow_to_compile(&guest::bundled("coding")));
    server.wait_output("is being compiled").await;
    let state = async || states(&server, "coding").await;
    wait::until("it is being compiled", MAX_WAIT, state, |states| states == &["compiling"]).await;
    server.install("fixture", &guest::fixture_version("2.0.0"));
    let version = async || server.plugin("fixture").await["version"].clone();
    wait::until("the other one serves", MAX_WAIT, version, |version| version == "2.0.0").await;
    assert_eq!(device.count().await, (2, "2.0.0".to_owned()));
    // A reload of the slow plugin waits, and delays neither other commands nor the shutdown.
    let waiting = server.admin("POST", "/api/v1/plugins/coding/reload", "");
    let others = async {
        assert_eq!(server.admin("POST", "/api/v1/config/reload", "").await.status, 200);
        assert_eq!(server.admin("POST", "/api/v1/plugins/fixture/rollback", "").await.status, 200);
    };
    tokio::select! {
        answer = waiting => panic!("it was not to be compiled so soon: {answer:?}"),
        done = tokio::time::timeout(MAX_WAIT, others) => done.expect("others are answered"),
    }
    let start = Instant::now();
    let status = server.terminate().await;
    assert!(status.success() && start.elapsed() < MAX_WAIT, "{status} after {:?}", start.elapsed());
}

#[tokio::test]
async fn h3_a_compiler_that_takes_too_long_or_too_much_is_ended_and_named() {
    let settings = Settings::new()
        .plugin("fixture", guest::fixture_version("1.0.0"))
        .set("plugins.limits.compile_s", json!(20))
        .set("plugins.limits.compile_mib", json!(256));
    let server = Server::start(settings).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await, (1, "1.0.0".to_owned()));
    server.install("fixture", &guest::slow_to_compile(&guest::fixture_version("2.0.0")));
    let refused = async || {
        let rows = server.admin("GET", "/api/v1/plugins", "").await.json();
        let row = rows.as_array().into_iter().flatten().find(|row| row["state"] == "refused").cloned();
        row.map(|row| row["reason"].as_str().unwrap_or_default().to_owned())
    };
    let reason = wait::until("it is refused", MAX_WAIT * 2, refused, Option::is_some).await.unwrap_or_default();
    assert!(reason.contains("does not compile") && reason.contains("plugins.limits.compile_"), "{reason}");
    assert_eq!(device.count().await, (2, "1.0.0".to_owned()), "the old version keeps serving");
    // A valid version is still rolled out afterwards.
    server.install("fixture", &guest::fixture_version("3.0.0"));
    let version = async || server.plugin("fixture").await["version"].clone();
    wait::until("the good one serves", MAX_WAIT, version, |version| version == "3.0.0").await;
    assert_eq!(device.count().await, (3, "3.0.0".to_owned()));
}

#[tokio::test]
async fn h3_a_version_that_was_good_serves_until_the_new_file_is_compiled() {
    let settings = Settings::new().plugin("fixture", guest::fixture_version("1.0.0"));
    let mut server = Server::start(settings.set("plugins.rollback.window_s", json!(1))).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await, (1, "1.0.0".to_owned()));
    let state = async || states(&server, "fixture").await;
    wait::until("it is good", MAX_WAIT, state, |states| states == &["active"]).await;
    server.terminate().await;
    // The file was replaced while no server ran, and the start does not wait for its compilation.
    server.install("fixture", &guest::slow_to_compile(&guest::fixture_version("2.0.0")));
    server.set_variable("MODEHOST__PLUGINS__START_WAIT_S", "0");
    server.launch();
    server.ready().await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await, (2, "1.0.0".to_owned()), "the previous version serves meanwhile");
}
