//! H.3 in the everyday scene: one author, one or two devices, and a version that is bad. Rule: the version
//! before serves every device with the state that it had, nobody is told of a fault, and it stays so over
//! whatever restart; what became of the bad one stands in the list in its own words.

use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};

const GOOD: &str = "1.0.0";
const BAD: &str = "2.0.0";

/// When the server begins anew, beside the start at the end.
#[derive(Clone, Copy, PartialEq)]
enum Restart {
    Never,
    /// While the bad version is on trial, or has proven itself and nothing bad has happened yet.
    Stopped,
    Killed,
}

struct Scene {
    server: Server,
    devices: Vec<Device>,
    /// What each device has counted.
    count: u64,
}

impl Scene {
    async fn open(devices: usize) -> Self {
        let settings =
            Settings::new().plugin("fixture", guest::fixture_version(GOOD)).set("plugins.rollback.window_s", json!(1));
        let server = Server::start(settings).await;
        let mut scene = Self { server, devices: Vec::new(), count: 0 };
        for number in 0..devices {
            scene.devices.push(Device::join(&scene.server, &format!("dev-{number}")).await);
        }
        scene.all_count_on(GOOD).await;
        scene.is_saved().await;
        scene
    }

    /// Every device counts once more, and this version does it, without a word of complaint.
    async fn all_count_on(&mut self, build: &str) {
        self.count += 1;
        for device in &mut self.devices {
            // After a kill it may hear once more of what it had asked for.
            device.send(json!({ "type": "fixture", "do": "count" })).await;
            let answer = device.expect("a count", |answer| answer["type"] == "error" || answer["count"].is_u64()).await;
            assert_eq!((&answer["count"], &answer["build"]), (&json!(self.count), &json!(build)), "{answer}");
            assert!(device.seen_of_type("error").is_empty(), "told: {:?}", device.seen());
        }
    }

    /// What every device has counted is on disk: an acknowledged write carries the state with it.
    async fn is_saved(&mut self) {
        for device in &mut self.devices {
            device.send(json!({ "type": "fixture", "do": "append", "key": "fixture/log", "value": "1" })).await;
            device.expect("an acknowledged write", |message| !message["done"].is_null()).await;
        }
    }

    /// Installs the bad version and waits until the server has made up its mind about it.
    async fn install_bad(&self, markers: &[(&str, &str)]) {
        let all = [&[("version", BAD)], markers].concat();
        self.server.install("fixture", &guest::fixture(&all));
        self.until("the bad version is known", |rows| rows.iter().any(|row| row["version"] == BAD)).await;
    }

    async fn until(&self, what: &str, holds: impl Fn(&[Value]) -> bool) -> Vec<Value> {
        let rows = async || {
            let list = self.server.admin("GET", "/api/v1/plugins", "").await.json();
            list.as_array().cloned().unwrap_or_default()
        };
        wait::until(what, wait::SOON, rows, |rows| holds(rows)).await
    }

    /// A restart of the server; the devices come back.
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

    /// The good version serves everybody, for good: also newcomers, and after a further start.
    async fn expect_taken_back(mut self, state: &str, why: &str) {
        let is_back = |rows: &[Value]| {
            let row = |version: &str, states: &[&str]| {
                rows.iter().any(|row| row["version"] == version && states.iter().any(|state| row["state"] == *state))
            };
            row(GOOD, &["active"]) && row(BAD, &[state])
        };
        for restart in [Restart::Never, Restart::Stopped, Restart::Killed] {
            self.restart(restart).await;
            let rows = self.until("the good version serves", is_back).await;
            let bad = rows.iter().find(|row| row["version"] == BAD).expect("the bad one is listed");
            let reason = bad["reason"].as_str().unwrap_or_default();
            assert!(reason.contains(why), "{reason}");
            self.all_count_on(GOOD).await;
            self.is_saved().await;
            let mut newcomer = Device::join(&self.server, &format!("newcomer-{}", restart as u8)).await;
            assert_eq!(newcomer.count().await, (1, GOOD.to_owned()));
            assert!(newcomer.seen_of_type("error").is_empty());
        }
    }
}

/// A version that goes wrong at the first message to it.
async fn at_its_first_event(devices: usize, what: &str, why: &str, restart: Restart) {
    let mut scene = Scene::open(devices).await;
    scene.install_bad(&[("first", what)]).await;
    scene.restart(restart).await;
    scene.all_count_on(GOOD).await;
    scene.expect_taken_back("rolled-back", why).await;
}

/// A version that does well until a timer runs out, long after its trial.
async fn at_a_late_event(devices: usize, restart: Restart) {
    let mut scene = Scene::open(devices).await;
    scene.install_bad(&[("timer", "trap")]).await;
    scene.all_count_on(BAD).await;
    let proven = |rows: &[Value]| rows.iter().any(|row| row["version"] == BAD && row["state"] == "active");
    scene.until("the trial is over", proven).await;
    for device in &mut scene.devices {
        device.send(json!({ "type": "fixture", "do": "timer", "n": 1500 })).await;
        device.ping().await;
    }
    scene.is_saved().await;
    scene.restart(restart).await;
    for device in &mut scene.devices {
        let done = device.expect("the timer", |message| !message["timer"].is_null()).await;
        assert_eq!(done["build"], GOOD);
    }
    scene.expect_taken_back("rolled-back", "traps, as it was told to").await;
}

/// A version that does not take the state over.
async fn at_the_state(devices: usize, restart: Restart) {
    let mut scene = Scene::open(devices).await;
    scene.install_bad(&[("schema", "2"), ("restores", "2")]).await;
    scene.all_count_on(GOOD).await;
    scene.is_saved().await;
    scene.restart(restart).await;
    scene.all_count_on(GOOD).await;
    scene.expect_taken_back("refused", "plugin reload fixture --discard-state").await;
}

/// A scene for each number of devices and each restart.
macro_rules! scenes {
    ($($name:ident: $devices:expr, $restart:expr;)*) => {$(
        mod $name {
            use super::*;

            #[tokio::test]
            async fn h3_a_trap() {
                at_its_first_event($devices, "trap", "traps, as it was told to", $restart).await;
            }

            #[tokio::test]
            async fn h3_an_endless_loop() {
                at_its_first_event($devices, "loop", "ran longer than", $restart).await;
            }

            #[tokio::test]
            async fn h3_state_that_is_not_taken() {
                at_the_state($devices, $restart).await;
            }

            #[tokio::test]
            async fn h3_a_late_event() {
                at_a_late_event($devices, $restart).await;
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
    let mut scene = Scene::open(2).await;
    let mut away = Device::join(&scene.server, "away").await;
    assert_eq!(away.count().await.0, 1);
    away.close().await;
    scene.install_bad(&[("schema", "2"), ("restores", "2")]).await;
    let answer = scene.server.admin("POST", "/api/v1/plugins/fixture/reload?discard_state=true", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
    scene.count = 0;
    scene.all_count_on(BAD).await;
    // Also what is stored of devices that are away, and over a start.
    let mut back = Device::join(&scene.server, "away").await;
    assert_eq!(back.count().await, (1, BAD.to_owned()));
    back.close().await;
    scene.restart(Restart::Stopped).await;
    scene.all_count_on(BAD).await;
}

#[tokio::test]
async fn h3_the_command_line_goes_back_and_forth_at_any_time() {
    let mut scene = Scene::open(1).await;
    scene.install_bad(&[]).await;
    scene.all_count_on(BAD).await;
    let proven = |rows: &[Value]| rows.iter().any(|row| row["version"] == BAD && row["state"] == "active");
    scene.until("the trial is over", proven).await;
    scene.restart(Restart::Stopped).await;
    let said = scene.server.command(&["plugin", "rollback", "fixture"]).await;
    assert!(said.contains("fixture 1.0.0") && said.contains("rolled-back"), "{said}");
    scene.all_count_on(GOOD).await;
    scene.is_saved().await;
    scene.restart(Restart::Killed).await;
    scene.all_count_on(GOOD).await;
    scene.server.command(&["plugin", "reload", "fixture"]).await;
    scene.all_count_on(BAD).await;
    let refused = scene.server.command(&["plugin", "rollback", "nobody"]).await;
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
            assert_eq!(device.count().await, (round, GOOD.to_owned()), "idle sessions sleep for those that are not");
        }
    }
    server.install("fixture", &guest::fixture_version(BAD));
    let version = async || server.plugin("fixture").await["version"].clone();
    wait::until("the next version serves", wait::SOON, version, |version| version == BAD).await;
    for device in &mut devices {
        assert_eq!(device.count().await, (4, BAD.to_owned()));
        assert!(device.seen_of_type("error").is_empty());
    }
    let row = server.plugin("fixture").await;
    assert_eq!((&row["faults"], &row["sessions_gone_back"]), (&json!(0), &json!(0)), "{row}");
}
