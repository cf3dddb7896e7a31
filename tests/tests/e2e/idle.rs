//! C.6 in real time with short intervals, and C.7: resources that sessions leave behind. Virtual time is used in the
//! session's own tests. Rule: metrics are compared with those of the same server before.

use std::time::{Duration, Instant};

use futures_util::future::join_all;
use modehost_provider::{Gate, Provider, Reply};
use modehost_tests::{Device, Seen, Server, Settings, wait};
use serde_json::{Value, json};

fn short_intervals() -> Settings {
    Settings::new().bundled().set(
        "timeouts",
        json!({ "idle_s": 2, "buffer_s": 1, "warn_before_s": [2, 1], "mode_multiplier": { "working": 3 } }),
    )
}

/// Reads until the connection ends; returns the idle warnings, the close, and when it came.
async fn silence(device: &mut Device) -> (Vec<u64>, Seen, Duration) {
    let (began, mut warnings) = (Instant::now(), Vec::new());
    loop {
        match device.next_within(wait::TIMEOUT).await {
            Some(Seen::Json(message)) if message["event"] == "timeout_warning" => {
                warnings.push(message["remaining_ms"].as_u64().unwrap_or_default());
            }
            Some(Seen::Json(_)) => {}
            Some(end) => return (warnings, end, began.elapsed()),
            None => panic!("it was never closed; seen: {:#?}", device.seen()),
        }
    }
}

#[tokio::test]
async fn c6_a_silent_device_is_warned_and_closed_and_may_come_back() {
    let server = Server::start(short_intervals()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let session = device.session_id().to_owned();
    let (warnings, end, elapsed) = silence(&mut device).await;
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(warnings[0] <= 2000 && warnings[1] <= 1000 && warnings[1] > 0, "{warnings:?}");
    assert_eq!(end, Seen::Closed(1000, "nothing was heard from this device for 3 s".to_owned()));
    assert!(elapsed >= Duration::from_millis(2900), "{elapsed:?}");
    let back = Device::join(&server, "dev-1").await;
    assert_eq!(back.session_id(), session, "the session was kept");
}

#[tokio::test]
async fn c6_heartbeats_keep_a_connection_sound_of_silence_does_not_and_a_mode_may_wait_longer() {
    let server = Server::start(short_intervals()).await;
    let mut beating = Device::join(&server, "beating").await;
    let mut sounding = Device::join(&server, "sounding").await;
    let mut working = Device::join(&server, "working").await;
    working.start_mode("working").await;
    let began = Instant::now();
    for _ in 0..4 {
        beating.ping().await;
        sounding.send_message(tokio_tungstenite::tungstenite::Message::binary(vec![0xF8, 0xFF, 0xFE])).await;
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let beats = async {
        while began.elapsed() < Duration::from_secs(5) {
            beating.ping().await;
            tokio::time::sleep(Duration::from_millis(500)).await;
        }
    };
    let ((), (_, end, _)) = tokio::join!(beats, silence(&mut sounding));
    assert_eq!(end, Seen::Closed(1000, "nothing was heard from this device for 3 s".to_owned()), "C.17");
    // Three intervals of two seconds, and one second.
    let (_, end, _) = silence(&mut working).await;
    assert!(began.elapsed() >= Duration::from_millis(6500), "{:?}", began.elapsed());
    assert_eq!(end, Seen::Closed(1000, "nothing was heard from this device for 7 s".to_owned()));
    assert_eq!(beating.seen_of_type("system").len(), 0, "{:#?}", beating.seen());
}

#[tokio::test]
async fn c6_new_figures_hold_for_connections_that_live() {
    let settings = short_intervals().set("timeouts.idle_s", json!(0));
    let server = Server::start(settings.clone()).await;
    let mut device = Device::join(&server, "dev-1").await;
    server.configure(&short_intervals());
    let (_, end, _) = silence(&mut device).await;
    assert!(matches!(end, Seen::Closed(1000, _)), "{end:?}");
}

/// Resources that the server holds at a moment.
#[derive(Debug, PartialEq, PartialOrd)]
struct Resources {
    sessions: usize,
    instances: u64,
    tasks: u64,
    connections: u64,
    questions: usize,
    files: usize,
}

fn metric(metrics: &str, name: &str) -> u64 {
    let of = |line: &str| line.starts_with(name) && line[name.len()..].starts_with([' ', '{']);
    let values =
        metrics.lines().filter(|line| of(line)).filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok());
    values.sum::<f64>() as u64
}

async fn resources(server: &Server, provider: &Provider) -> Resources {
    let metrics = server.admin("GET", "/metrics", "").await.body;
    let files = std::fs::read_dir(format!("/proc/{}/fd", server.pid().as_raw_nonzero())).expect("files").count();
    Resources {
        sessions: server.admin("GET", "/api/v1/sessions", "").await.json().as_array().map_or(0, Vec::len),
        instances: metric(&metrics, "modehost_plugin_live_instances"),
        tasks: metric(&metrics, "modehost_io_tasks"),
        connections: metric(&metrics, "modehost_connections"),
        questions: provider.requests_in_flight(),
        files,
    }
}

/// One short session: a mode with a timer, a model request without an answer, and no close handshake.
async fn run_brief_session(server: &Server, number: usize) {
    let mut device = Device::connect(server, &format!("brief-{number}")).await;
    device.send(json!({ "type": "hello", "version": 1, "transport": "websocket" })).await;
    device.expect_type("hello").await;
    if number.is_multiple_of(2) {
        device.start_mode("working").await;
    }
    device.send(json!({ "type": "workflow", "event": "update", "tasks": [] })).await;
    device.types("tell me something long").await;
    device.settle().await;
    match number % 3 {
        0 => device.close().await,
        _ => device.vanish(),
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c7_a_thousand_sessions_leave_nothing_behind() {
    let provider = Provider::start();
    let gate = Gate::new();
    provider.default_reply(Reply::text("late").until_open(&gate));
    let model = json!({ "base_url": provider.base_url(), "model": "test", "retries": 0, "max_concurrent": 500 });
    let settings = Settings::new()
        .bundled()
        .set("llm.aliases.default", model)
        .set("session.resume_window_s", json!(0))
        .set("plugins.grants.conversation", json!(["switch-mode", "model", "documents:conversation/"]));
    let server = Server::start(settings).await;
    // Pooled connections, threads and caches exist from here on.
    join_all((0..20).map(|number| run_brief_session(&server, number))).await;
    let quiet = |resources: &Resources| {
        resources.sessions == 0 && resources.connections == 0 && resources.questions == 0 && resources.instances == 0
    };
    let probe = async || resources(&server, &provider).await;
    let before = wait::until("the first are gone", Duration::from_secs(60), probe, quiet).await;
    for batch in 0..20 {
        join_all((0..50).map(|number| run_brief_session(&server, batch * 50 + number))).await;
    }
    // A turn whose device disconnects at once is not sent to the model (C.16).
    assert!(provider.requests().len() > 20, "the model was asked: {}", provider.requests().len());
    // Connections to the provider are pooled for 30 s, and metrics are a few seconds old.
    let as_before = |now: &Resources| quiet(now) && now.tasks <= before.tasks + 4 && now.files <= before.files + 4;
    let after = wait::until("everything is as it was", Duration::from_secs(90), probe, as_before).await;
    eprintln!("before {before:?}\nafter  {after:?}");
    let sessions: Value = server.admin("GET", "/api/v1/sessions", "").await.json();
    assert_eq!(sessions, json!([]));
}
