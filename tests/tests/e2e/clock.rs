//! A system clock that jumps for the whole server, by preloading libfaketime. Rule: durations are measured by a
//! monotonic clock; a wrong wall clock costs no device its connection, a message or a turn of its
//! mode.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use modehost_tests::guest::bundled;
use modehost_tests::{Device, Server, Settings, skip};
use serde_json::{Value, json};

/// Path of Debian's package `faketime`.
const LIBRARY: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1";
const HOUR: i64 = 3600;

/// The server's clock: the file that libfaketime reads.
struct Clock(PathBuf);

impl Clock {
    /// Gives the server a clock that can be set; `None` if the library is not installed.
    fn install(server: &mut Server) -> Option<Self> {
        let library = Path::new(LIBRARY);
        if cfg!(not(target_arch = "x86_64")) {
            skip::not_permitted("the library of faketime stands elsewhere on this machine");
            return None;
        }
        if !library.exists() {
            skip::not_installed("faketime");
            return None;
        }
        let clock = Self(server.data_dir().with_file_name("clock"));
        clock.set(0);
        server.set_variable("LD_PRELOAD", LIBRARY);
        server.set_variable("FAKETIME_TIMESTAMP_FILE", clock.0.to_str().expect("a path"));
        server.set_variable("FAKETIME_NO_CACHE", "1");
        server.set_variable("FAKETIME_DONT_FAKE_MONOTONIC", "1");
        Some(clock)
    }

    /// Sets the clock this many seconds ahead of (or behind) the true time.
    fn set(&self, seconds: i64) {
        let new = self.0.with_extension("new");
        std::fs::write(&new, format!("{seconds:+}\n")).expect("written");
        std::fs::rename(new, &self.0).expect("renamed");
    }
}

fn settings() -> Settings {
    Settings::new()
        .bundled()
        .plugin("meeting", bundled("meeting"))
        .plugin("peers", bundled("peers"))
        .set("device_alias", json!({ "away": "Away" }))
        .set("meeting.transcript_push_interval_ms", json!(3_000))
}

/// Seconds by which the server's wall clock is ahead of ours.
async fn seconds_ahead(device: &mut Device) -> i64 {
    device.send(json!({ "type": "meeting", "phase": "snippet", "text": "what time is it" })).await;
    let snippet = device.expect("the snippet", |message| message["phase"] == "snippet").await;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
    snippet["ts"].as_i64().unwrap_or_default() / 1000 - i64::try_from(now).expect("a time")
}

/// The mode's timer fires, other devices are reached, and messages for an absent device are queued.
async fn assert_all_served(device: &mut Device, id: &str) {
    device.ping().await;
    let pushed = device.expect("a push, by a timer", |message| message["phase"] == "transcript").await;
    assert!(!pushed["segments"].as_array().expect("segments").is_empty(), "{pushed}");
    device.send(json!({ "type": "peer", "id": id, "to": "away", "payload": { "text": id } })).await;
    let receipt = device.expect("a receipt", |seen| seen["event"] == "receipt" && seen["id"] == id).await;
    assert_eq!(receipt["queued"], json!(["away"]), "{receipt}");
}

#[tokio::test]
async fn a_clock_that_jumps_an_hour_either_way_costs_nobody_anything() {
    let idle = json!({ "idle_s": 600, "buffer_s": 60, "warn_before_s": [15] });
    let mut server = Server::prepare(&settings().set("timeouts", idle));
    let Some(clock) = Clock::install(&mut server) else { return };
    server.launch();
    server.ready().await;
    let mut device = Device::join(&server, "dev-1").await;
    let session = device.session_id().to_owned();
    device.start_mode("meeting").await;
    let first = seconds_ahead(&mut device).await;
    assert!(first.abs() < 60, "{first}");
    assert_all_served(&mut device, "at noon").await;

    clock.set(HOUR);
    let ahead = seconds_ahead(&mut device).await;
    assert!((ahead - HOUR).abs() < 60, "the clock has not jumped: {ahead}");
    assert_all_served(&mut device, "an hour on").await;
    clock.set(-HOUR);
    seconds_ahead(&mut device).await;
    assert_all_served(&mut device, "an hour back").await;
    assert_eq!(device.seen_of_type("system"), Vec::<&Value>::new(), "no idle warning");

    // With a running timer, the clock goes back to two hours before its value at the start.
    clock.set(HOUR);
    seconds_ahead(&mut device).await;
    server.kill9();
    clock.set(-HOUR);
    server.launch();
    server.ready().await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.session_id(), session, "the session is resumed");
    assert_all_served(&mut device, "after a kill").await;
    device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
    let summary = device.expect("the summary", |message| message["phase"] == "summary").await;
    assert!(summary["summary"].is_object() || summary["bullets"].is_array(), "{summary}");

    let mut away = Device::join(&server, "away").await;
    for id in ["at noon", "an hour on", "an hour back", "after a kill"] {
        let message = away.expect("the queued message, in order", |seen| seen["event"] == "message").await;
        assert_eq!(message["id"], id);
    }
    assert_eq!(server.terminate().await.code(), Some(0), "a stop does not wait for the clock");
}
