//! H.2: swaps to good versions under live sessions. Rule: every device counts; a count that is skipped or repeated is
//! a lost or duplicated message.

use std::cell::Cell;
use std::time::Duration;

use futures_util::future::join_all;
use modehost_tests::{Device, Seen, Server, Settings, guest, wait};
use serde_json::{Value, json};

fn with_fixture() -> Settings {
    Settings::new().plugin("fixture", guest::fixture_version("1.0.0"))
}

async fn devices(server: &Server, count: usize) -> Vec<Device> {
    let mut devices = Vec::new();
    while devices.len() < count {
        let batch = (devices.len()..count.min(devices.len() + 50))
            .map(|index| async move { Device::join(server, &format!("dev-{index}")).await });
        devices.extend(join_all(batch).await);
    }
    devices
}

/// Sends count requests, several in flight at a time, until the build `last` has answered `after` times.
/// Returns the builds that answered, in order, without consecutive repeats.
async fn count_until(device: &mut Device, last: &str, after: usize, counted: &Cell<u64>) -> Vec<String> {
    const IN_FLIGHT: u64 = 4;
    let mut builds: Vec<String> = Vec::new();
    let (mut sent, mut answered, mut by_last) = (0, 0, 0);
    loop {
        while by_last < after && sent < answered + IN_FLIGHT {
            device.send(json!({ "type": "fixture", "do": "count" })).await;
            sent += 1;
        }
        if answered == sent {
            // No answer arrives that was not requested.
            device.settle().await;
            let total = device.seen_of_type("fixture").len() as u64;
            assert_eq!(total, answered, "an unexpected answer");
            return builds;
        }
        let answer =
            device.expect("an answer", |message| message["type"] == "fixture" || message["type"] == "error").await;
        answered += 1;
        counted.set(counted.get() + 1);
        assert_eq!(answer["count"], answered, "a message was lost, or handled twice: {answer}");
        let build = answer["build"].as_str().unwrap_or_default().to_owned();
        by_last += usize::from(build == last);
        if builds.last() != Some(&build) {
            builds.push(build);
        }
        if counted.get().is_multiple_of(20) {
            tokio::task::yield_now().await;
        }
    }
}

#[tokio::test]
async fn h2_a_swap_under_200_talking_devices_loses_nothing() {
    let server = Server::start(with_fixture()).await;
    let mut devices = devices(&server, 200).await;
    let counted = Cell::new(0);
    let talking = join_all(devices.iter_mut().map(|device| count_until(device, "2.0.0", 5, &counted)));
    let swapping = async {
        // While the devices are sending.
        wait::until("talk", wait::TIMEOUT, || std::future::ready(counted.get()), |count| *count > 1000).await;
        server.install("fixture", &guest::fixture_version("2.0.0"));
    };
    let (builds, ()) = tokio::join!(talking, swapping);
    for builds in builds {
        assert_eq!(builds, ["1.0.0", "2.0.0"]);
    }
    for device in &devices {
        assert!(!device.seen().iter().any(|seen| matches!(seen, Seen::Closed(..) | Seen::Lost(_))));
        assert!(device.seen_of_type("error").is_empty());
    }
}

#[tokio::test]
async fn h2_two_swaps_in_a_row_lose_nothing() {
    let server = Server::start(with_fixture()).await;
    let mut devices = devices(&server, 50).await;
    let counted = Cell::new(0);
    let talking = join_all(devices.iter_mut().map(|device| count_until(device, "3.0.0", 5, &counted)));
    let swapping = async {
        wait::until("talk", wait::TIMEOUT, || std::future::ready(counted.get()), |count| *count > 200).await;
        server.install("fixture", &guest::fixture_version("2.0.0"));
        let version = async || server.plugin("fixture").await["version"].clone();
        wait::until("the second version serves", wait::TIMEOUT, version, |version| version == "2.0.0").await;
        server.install("fixture", &guest::fixture_version("3.0.0"));
    };
    let (builds, ()) = tokio::join!(talking, swapping);
    for builds in builds {
        assert_eq!(builds.last().map(String::as_str), Some("3.0.0"), "{builds:?}");
        assert!(builds.is_sorted(), "a device was moved back to an older version: {builds:?}");
    }
}

#[tokio::test]
async fn h2_the_last_of_two_files_written_at_once_wins() {
    let server = Server::start(with_fixture()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.count().await;
    server.install("fixture", &guest::fixture_version("2.0.0"));
    server.install("fixture", &guest::fixture_version("3.0.0"));
    let counted = Cell::new(1);
    until_build(&mut device, "3.0.0", &counted).await;
}

/// Counts one by one until `build` answers.
async fn until_build(device: &mut Device, build: &str, counted: &Cell<u64>) {
    for _ in 0..400 {
        let (count, by) = device.count().await;
        counted.set(counted.get() + 1);
        assert_eq!(count, counted.get());
        if by == build {
            return;
        }
        tokio::time::sleep(Duration::from_millis(30)).await;
    }
    panic!("{build} never answered");
}

#[tokio::test]
async fn h2_a_running_timer_survives_a_swap() {
    let server = Server::start(with_fixture()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.count().await;
    device.send(json!({ "type": "fixture", "do": "timer", "n": 3000 })).await;
    server.install("fixture", &guest::fixture_version("2.0.0"));
    until_build(&mut device, "2.0.0", &Cell::new(1)).await;
    let fired = |message: &Value| message["type"] == "fixture" && !message["timer"].is_null();
    assert!(!device.seen_of_type("fixture").into_iter().any(fired), "the timer fired too early: {:?}", device.seen());
    let answer = device.expect("the timer", fired).await;
    assert_eq!(answer["build"], "2.0.0");
    device.expect_silence(Duration::from_millis(500)).await;
}

#[tokio::test]
async fn h2_sleeping_sessions_wake_in_the_new_version() {
    let server = Server::start(with_fixture().set("session.hibernate_after_s", json!(1))).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.count().await;
    let asleep = async || server.admin("GET", "/api/v1/sessions", "").await.body.contains("\"live_instances\":0");
    wait::until("it sleeps", wait::TIMEOUT, asleep, |asleep| *asleep).await;
    server.install("fixture", &guest::fixture_version("2.0.0"));
    let version = async || server.plugin("fixture").await["version"].clone();
    wait::until("the new version serves", wait::TIMEOUT, version, |version| version == "2.0.0").await;
    assert_eq!(device.count().await, (2, "2.0.0".to_owned()));
}

#[tokio::test]
async fn h2_a_plugin_dropped_in_serves_and_a_removed_one_is_gone() {
    let server = Server::start(Settings::new()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(json!({ "type": "fixture", "do": "count" })).await;
    device.expect_error("UNKNOWN_TYPE").await;

    server.install("fixture", &guest::fixture_version("1.0.0"));
    let listed = async || server.plugin("fixture").await;
    wait::until("it is listed", wait::TIMEOUT, listed, |row| !row.is_null()).await;
    device.start_mode("fixture").await;
    assert_eq!(device.count().await.0, 1);

    std::fs::remove_file(server.plugin_file("fixture")).expect("remove");
    let gone = |row: &Value| row.is_null() || row["state"] == "removed";
    wait::until("it is gone", wait::TIMEOUT, listed, gone).await;
    device.send(json!({ "type": "fixture", "do": "count" })).await;
    device.expect_error("UNKNOWN_TYPE").await;
    device.send(json!({ "type": "mode", "state": "start", "mode": "fixture" })).await;
    device.expect("no such mode", |message| message["code"] == "UNKNOWN_MODE").await;
    device.ping().await;
}

#[tokio::test]
async fn h2_a_share_of_the_devices_goes_first() {
    let server = Server::start(with_fixture().set("plugins.canary_percent", json!(30))).await;
    let mut devices = devices(&server, 100).await;
    for device in &mut devices {
        device.count().await;
    }
    server.install("fixture", &guest::fixture_version("2.0.0"));
    let row = async || server.admin("GET", "/api/v1/plugins", "").await.body;
    wait::until("the new version is listed", wait::TIMEOUT, row, |body| body.contains("2.0.0")).await;
    let sides: Vec<String> =
        join_all(devices.iter_mut().map(|device| device.count())).await.into_iter().map(|(_, by)| by).collect();
    let new = sides.iter().filter(|build| *build == "2.0.0").count();
    assert!((10..=55).contains(&new), "{new} of 100 devices went to the new version; 30 were due");
    let again: Vec<String> =
        join_all(devices.iter_mut().map(|device| device.count())).await.into_iter().map(|(_, by)| by).collect();
    assert_eq!(sides, again, "a device changed sides");
}

#[tokio::test]
async fn h2_an_operator_rolls_back() {
    let server = Server::start(with_fixture()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let counted = Cell::new(0);
    until_build(&mut device, "1.0.0", &counted).await;
    server.install("fixture", &guest::fixture_version("2.0.0"));
    until_build(&mut device, "2.0.0", &counted).await;
    let answer = server.admin("POST", "/api/v1/plugins/fixture/rollback", "").await;
    assert!(answer.status < 300, "{answer:?}");
    until_build(&mut device, "1.0.0", &counted).await;
}
