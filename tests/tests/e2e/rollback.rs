//! H.3: rollback in everyday use: one author, one or two devices, and a bad version. Rule: the previous version serves
//! every device with its state, no device is told of a fault, and this holds after any restart; the plugin list shows
//! the bad version with its reason.

use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};

const GOOD: &str = "1.0.0";
const BAD: &str = "2.0.0";

/// Whether and how the server restarts during the rollout of the bad version, besides the restarts at the end.
#[derive(Clone, Copy, PartialEq)]
enum Restart {
    Never,
    /// While the bad version is on trial, or has passed it and has not faulted yet.
    Stopped,
    Killed,
}

struct RollbackTest {
    server: Server,
    devices: Vec<Device>,
    /// What each device has counted.
    count: u64,
}

impl RollbackTest {
    async fn start(devices: usize) -> Self {
        let settings =
            Settings::new().plugin("fixture", guest::fixture_version(GOOD)).set("plugins.rollback.window_s", json!(1));
        let server = Server::start(settings).await;
        let mut test = Self { server, devices: Vec::new(), count: 0 };
        for number in 0..devices {
            test.devices.push(Device::join(&test.server, &format!("dev-{number}")).await);
        }
        test.expect_counts_on(GOOD).await;
        test.save_counts().await;
        test
    }

    /// Every device counts once more and gets its answer from this version, without errors.
    async fn expect_counts_on(&mut self, build: &str) {
        self.count += 1;
        for device in &mut self.devices {
            // After a kill the answer to an earlier request may come again.
            device.send(json!({ "type": "fixture", "do": "count" })).await;
            let answer = device.expect("a count", |answer| answer["type"] == "error" || answer["count"].is_u64()).await;
            assert_eq!((&answer["count"], &answer["build"]), (&json!(self.count), &json!(build)), "{answer}");
            assert!(device.seen_of_type("error").is_empty(), "received an error: {:?}", device.seen());
        }
    }

    /// Makes the count of every device durable: an acknowledged write commits the state with it.
    async fn save_counts(&mut self) {
        for device in &mut self.devices {
            device.send(json!({ "type": "fixture", "do": "append", "key": "fixture/log", "value": "1" })).await;
            device.expect("an acknowledged write", |message| !message["done"].is_null()).await;
        }
    }

    /// Installs the bad version and waits until the server has accepted or rejected it.
    async fn install_bad(&self, markers: &[(&str, &str)]) {
        let all = [&[("version", BAD)], markers].concat();
        self.server.install("fixture", &guest::fixture(&all));
        self.wait_plugins("the bad version is known", |rows| rows.iter().any(|row| row["version"] == BAD)).await;
    }

    async fn wait_plugins(&self, what: &str, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let rows = async || {
            let list = self.server.admin("GET", "/api/v1/plugins", "").await.json();
            list.as_array().cloned().unwrap_or_default()
        };
        wait::until(what, wait::TIMEOUT, rows, |rows| holds(rows)).await
    }

    /// Restarts the server; the devices reconnect.
    async fn restart(&mut self, how: Restart) {
        match how {
            Restart::Never => return,
            Restart::Stopped => self.server.restart().await,
            Restart::Killed => {
                self.server.kill9();
                self.server.launch();
                self.server.ready().await;
            }
        }
        let count = self.devices.len();
        self.devices.clear();
        for number in 0..count {
            self.devices.push(Device::join(&self.server, &format!("dev-{number}")).await);
        }
    }

    /// The good version serves every device, new ones too, and still does after further restarts.
    async fn expect_rolled_back(mut self, state: &str, expected_reason: &str) {
        let is_back = |rows: &[Value]| {
            let row = |version: &str, states: &[&str]| {
                rows.iter().any(|row| row["version"] == version && states.iter().any(|state| row["state"] == *state))
            };
            row(GOOD, &["active"]) && row(BAD, &[state])
        };
        for restart in [Restart::Never, Restart::Stopped, Restart::Killed] {
            self.restart(restart).await;
            let rows = self.wait_plugins("the good version serves", is_back).await;
            let bad = rows.iter().find(|row| row["version"] == BAD).expect("the bad one is listed");
            let reason = bad["reason"].as_str().unwrap_or_default();
            assert!(reason.contains(expected_reason), "{reason}");
            self.expect_counts_on(GOOD).await;
            self.save_counts().await;
            let mut newcomer = Device::join(&self.server, &format!("newcomer-{}", restart as u8)).await;
            assert_eq!(newcomer.count().await, (1, GOOD.to_owned()));
            assert!(newcomer.seen_of_type("error").is_empty());
        }
    }
}

/// A version that faults at its first message.
async fn fails_at_first_event(devices: usize, what: &str, reason: &str, restart: Restart) {
    let mut test = RollbackTest::start(devices).await;
    test.install_bad(&[("first", what)]).await;
    test.restart(restart).await;
    test.expect_counts_on(GOOD).await;
    test.expect_rolled_back("rolled-back", reason).await;
}

/// A version that works until a timer fires, long after its trial.
async fn fails_at_late_event(devices: usize, restart: Restart) {
    let mut test = RollbackTest::start(devices).await;
    test.install_bad(&[("timer", "trap")]).await;
    test.expect_counts_on(BAD).await;
    let proven = |rows: &[Value]| rows.iter().any(|row| row["version"] == BAD && row["state"] == "active");
    test.wait_plugins("the trial is over", proven).await;
    for device in &mut test.devices {
        device.send(json!({ "type": "fixture", "do": "timer", "n": 1500 })).await;
        device.settle().await;
    }
    test.save_counts().await;
    test.restart(restart).await;
    for device in &mut test.devices {
        let done = device.expect("the timer", |message| !message["timer"].is_null()).await;
        assert_eq!(done["build"], GOOD);
    }
    test.expect_rolled_back("rolled-back", "traps, as it was told to").await;
}

/// A version that cannot restore the state.
async fn fails_at_restore(devices: usize, restart: Restart) {
    let mut test = RollbackTest::start(devices).await;
    test.install_bad(&[("schema", "2"), ("restores", "2")]).await;
    test.expect_counts_on(GOOD).await;
    test.save_counts().await;
    test.restart(restart).await;
    test.expect_counts_on(GOOD).await;
    test.expect_rolled_back("refused", "plugin reload fixture --discard-state").await;
}

/// Tests for each number of devices and each restart.
macro_rules! scenes {
    ($($name:ident: $devices:expr, $restart:expr;)*) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn h3_a_trap() {
                fails_at_first_event($devices, "trap", "traps, as it was told to", $restart).await;
            }

            #[tokio::test]
            async fn h3_an_endless_loop() {
                fails_at_first_event($devices, "loop", "ran longer than", $restart).await;
            }

            #[tokio::test]
            async fn h3_state_that_is_not_taken() {
                fails_at_restore($devices, $restart).await;
            }

            #[tokio::test]
            async fn h3_a_late_event() {
                fails_at_late_event($devices, $restart).await;
            }
        }
    )*};
}

scenes! {
    one_device: 1, Restart::Never;
    one_device_and_a_restart: 1, Restart::Stopped;
    one_device_and_a_kill: 1, Restart::Killed;
    two_devices: 2, Restart::Never;
    two_devices_and_a_restart: 2, Restart::Stopped;
    two_devices_and_a_kill: 2, Restart::Killed;
    three_devices: 3, Restart::Never;
    three_devices_and_a_restart: 3, Restart::Stopped;
    three_devices_and_a_kill: 3, Restart::Killed;
}

#[tokio::test]
async fn h3_an_author_may_throw_the_state_away() {
    let mut test = RollbackTest::start(2).await;
    let mut away = Device::join(&test.server, "away").await;
    assert_eq!(away.count().await.0, 1);
    away.close().await;
    test.install_bad(&[("schema", "2"), ("restores", "2")]).await;
    let answer = test.server.admin("POST", "/api/v1/plugins/fixture/reload?discard_state=true", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    test.count = 0;
    test.expect_counts_on(BAD).await;
    // Also the stored state of absent devices, and over a restart.
    let mut back = Device::join(&test.server, "away").await;
    assert_eq!(back.count().await, (1, BAD.to_owned()));
    back.close().await;
    test.restart(Restart::Stopped).await;
    test.expect_counts_on(BAD).await;
}

#[tokio::test]
async fn h3_the_command_line_goes_back_and_forth_at_any_time() {
    let mut test = RollbackTest::start(1).await;
    test.install_bad(&[]).await;
    test.expect_counts_on(BAD).await;
    let proven = |rows: &[Value]| rows.iter().any(|row| row["version"] == BAD && row["state"] == "active");
    test.wait_plugins("the trial is over", proven).await;
    test.restart(Restart::Stopped).await;
    let output = test.server.command(&["plugin", "rollback", "fixture"]).await;
    assert!(output.contains("fixture 1.0.0") && output.contains("rolled-back"), "{output}");
    test.expect_counts_on(GOOD).await;
    test.save_counts().await;
    test.restart(Restart::Killed).await;
    test.expect_counts_on(GOOD).await;
    test.server.command(&["plugin", "reload", "fixture"]).await;
    test.expect_counts_on(BAD).await;
    let refused = test.server.command(&["plugin", "rollback", "nobody"]).await;
    assert!(refused.contains("there is no plugin `nobody`"), "{refused}");
}

#[tokio::test]
async fn h4_a_pool_that_is_full_is_not_the_modes_fault() {
    let settings = Settings::new()
        .plugin("fixture", guest::fixture_version(GOOD))
        .set("plugins.limits.live_instances", json!(2))
        .set("session.hibernate_after_s", json!(3600));
    let server = Server::start(settings).await;
    let mut devices = Vec::new();
    for number in 0..12 {
        devices.push(Device::join(&server, &format!("dev-{number}")).await);
    }
    for round in 1..=3 {
        for device in &mut devices {
            assert_eq!(
                device.count().await,
                (round, GOOD.to_owned()),
                "idle sessions are hibernated to free instances"
            );
        }
    }
    server.install("fixture", &guest::fixture_version(BAD));
    let version = async || server.plugin("fixture").await["version"].clone();
    wait::until("the next version serves", wait::TIMEOUT, version, |version| version == BAD).await;
    for device in &mut devices {
        assert_eq!(device.count().await, (4, BAD.to_owned()));
        assert!(device.seen_of_type("error").is_empty());
    }
    let row = server.plugin("fixture").await;
    assert_eq!((&row["faults"], &row["sessions_gone_back"]), (&json!(0), &json!(0)), "{row}");
}
