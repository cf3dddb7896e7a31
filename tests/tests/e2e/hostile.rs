//! Malicious and broken clients. Rule: whatever they do, the server's memory stays within a stated bound, each of
//! their connections ends with a code and a reason (or stays open), and a bystander's 99th percentile round trip
//! at most doubles.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use modehost_tests::raw::{self, opcode};
use modehost_tests::{Device, Seen, Server, Settings, guest, wait};
use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio_tungstenite::tungstenite::Message;

/// Below this, a factor of two says nothing: the attackers share two cores with the server, the bystander and other
/// tests.
const NOISE: Duration = Duration::from_millis(150);
/// Memory that floods may permanently cost the server, besides the cost of each connection.
const FLOOD_KIB: u64 = 48 * 1024;
/// Memory that one idle connection with its session may cost an unoptimised server.
const DEVICE_KIB: u64 = 32;

fn settings() -> Settings {
    Settings::new().plugin("fixture", guest::fixture(&[("mode", "party")]))
}

/// Resident memory of the server in KiB.
fn resident_kib(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid().as_raw_pid())).expect("a process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("its memory");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// A device on its own thread that only sends heartbeats.
struct Bystander {
    stop: Arc<AtomicBool>,
    /// Set when the baseline has been measured.
    under_attack: Arc<AtomicBool>,
    thread: std::thread::JoinHandle<(Vec<Duration>, Vec<Duration>)>,
}

impl Bystander {
    /// Joins, and measures the baseline before it returns.
    async fn start(server: &Server) -> Self {
        let (stop, under_attack) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicBool::new(false)));
        let (stopped, attacked) = (stop.clone(), under_attack.clone());
        let (address, (ready, quiet)) = (server.ws(), tokio::sync::oneshot::channel::<()>());
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async move {
                let mut device = Device::join_at(address, "bystander").await;
                let (mut calm, mut storm) = (Vec::new(), Vec::new());
                for _ in 0..150 {
                    calm.push(device.ping().await);
                    device.clear_seen();
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                let _ = ready.send(());
                while !stopped.load(Ordering::SeqCst) {
                    let round_trip = device.ping().await;
                    device.clear_seen();
                    if attacked.load(Ordering::SeqCst) {
                        storm.push(round_trip);
                    }
                    tokio::time::sleep(Duration::from_millis(5)).await;
                }
                (calm, storm)
            })
        });
        quiet.await.expect("the bystander is served");
        under_attack.store(true, Ordering::SeqCst);
        Self { stop, under_attack, thread }
    }

    /// Ends the measurement and compares the attack's round trips with the baseline.
    fn finish(self, what: &str) {
        self.stop.store(true, Ordering::SeqCst);
        assert!(self.under_attack.load(Ordering::SeqCst));
        let (calm, storm) = self.thread.join().expect("the bystander was served throughout");
        let (quiet, stormy) = (p99(calm), p99(storm));
        eprintln!("{what}: p99 of a bystander's heartbeat {stormy:?}, in the quiet {quiet:?}");
        assert!(stormy <= (quiet * 2).max(NOISE), "{what}: {stormy:?} under attack, {quiet:?} before");
    }
}

fn p99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get((times.len() * 99).div_ceil(100).saturating_sub(1)).copied().unwrap_or_default()
}

/// Reads until the connection has been quiet for a while (`None`) or has ended.
async fn drain(device: &mut Device) -> Option<Seen> {
    while let Some(seen) = device.next_within(Duration::from_secs(2)).await {
        if matches!(seen, Seen::Closed(..) | Seen::Lost(_)) {
            return Some(seen);
        }
        device.clear_seen();
    }
    None
}

/// Asserts that a connection that was closed was given a reason.
fn assert_reason(what: &str, end: Option<Seen>) {
    match end {
        None => {}
        Some(Seen::Closed(code, reason)) => {
            assert!(code != 1005 && code != 1006 && !reason.is_empty(), "{what}: closed with {code} and {reason:?}");
        }
        other => panic!("{what}: ended without a reason: {other:?}"),
    }
}

/// The server's count of connections.
async fn connections(server: &Server) -> Option<f64> {
    let metrics = server.admin("GET", "/metrics", "").await.body;
    let line = metrics.lines().find(|line| line.starts_with("modehost_connections "))?;
    line.split(' ').nth(1)?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_and_broken_handshakes_hold_up_nobody() {
    let server = Server::start(settings().set("gateway.handshake_timeout_ms", json!(1500))).await;
    let before = resident_kib(&server);
    let bystander = Bystander::start(&server).await;
    let whole = raw::upgrade("/supie/v1/", "Device-Id: dribble\r\n");
    let dribble = join_all((0..150).map(|number| {
        let (whole, server) = (&whole, &server);
        async move {
            let mut stream = raw::send(server.ws(), b"").await;
            for byte in whole.bytes().cycle() {
                if stream.write_all(&[byte]).await.is_err() {
                    break;
                }
                tokio::time::sleep(Duration::from_millis(20 + number % 7)).await;
            }
            raw::read_to_end(&mut stream, Duration::from_secs(5)).await
        }
    }));
    // Headers without an end, and data that is not HTTP.
    let junk = join_all((0..100_u8).map(|number| {
        let server = &server;
        async move {
            let mut stream = raw::send(server.ws(), b"GET /supie/v1/ HTTP/1.1\r\n").await;
            let line = if number % 2 == 0 {
                format!("X-{number}: {}\r\n", "y".repeat(1000)).into_bytes()
            } else {
                vec![number; 2000]
            };
            for _ in 0..40 {
                if stream.write_all(&line).await.is_err() {
                    break;
                }
            }
            raw::read_to_end(&mut stream, Duration::from_secs(8)).await
        }
    }));
    let (dribbled, junked) = tokio::join!(dribble, junk);
    assert!(dribbled.iter().chain(&junked).all(|(_, ended)| *ended), "all were disconnected");
    bystander.finish("slow handshakes");
    let after = resident_kib(&server);
    assert!(after < before + FLOOD_KIB, "{before} KiB before, {after} KiB after");
    Device::join(&server, "dribble").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn deep_and_huge_messages_are_refused_each_with_its_reason() {
    let server = Server::start(settings()).await;
    let before = resident_kib(&server);
    let bystander = Bystander::start(&server).await;
    let abyss = format!(r#"{{"type":"x","a":{}"#, "[".repeat(100_000));
    let braces = format!("{}1{}", r#"{"type":"#.repeat(100_000), "}".repeat(100_000));
    let mut device = Device::join(&server, "deep").await;
    for _ in 0..30 {
        for text in [&abyss, &braces] {
            device.send_text(text).await;
            assert_eq!(device.expect_type("error").await["code"], "SCHEMA_INVALID");
        }
    }
    device.ping().await;
    let mut terabyte = vec![0x81, 0xFF];
    terabyte.extend_from_slice(&(1_u64 << 40).to_be_bytes());
    terabyte.extend_from_slice(&[1, 2, 3, 4]);
    for number in 0..30 {
        let mut device = Device::join(&server, &format!("huge-{number}")).await;
        device.send_bytes(&terabyte).await;
        let (code, reason) = device.expect_close().await;
        assert_eq!(code, 1009, "{reason}");
    }
    // The largest accepted messages, started on many connections and never finished: each is buffered up to its limit.
    const UNFINISHED: u64 = 40;
    let mut unfinished = Vec::new();
    for number in 0..UNFINISHED {
        let mut device = Device::join(&server, &format!("half-{number}")).await;
        device.send_bytes(&raw::frame(false, opcode::TEXT, &vec![b'x'; 900_000])).await;
        unfinished.push(device);
    }
    drop(unfinished);
    bystander.finish("deep and huge messages");
    let after = resident_kib(&server);
    assert!(after < before + FLOOD_KIB + UNFINISHED * 1024, "{before} KiB before, {after} KiB after");
}

/// Sends as fast as the server reads while the answers are drained; returns the end of the connection, if any.
async fn flood(server: &Server, id: &str, count: usize, message: impl Fn(usize) -> Message) -> Option<Seen> {
    let mut device = Device::join(server, id).await;
    for number in 0..count {
        device.send_message(message(number)).await;
        if number % 64 == 63 {
            while let Some(seen) = device.next_within(Duration::from_millis(1)).await {
                if matches!(seen, Seen::Closed(..) | Seen::Lost(_)) {
                    return Some(seen);
                }
            }
            device.clear_seen();
        }
    }
    drain(&mut device).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn floods_of_every_kind_are_borne() {
    let server = Server::start(settings()).await;
    let before = resident_kib(&server);
    let bystander = Bystander::start(&server).await;
    let text = |value: serde_json::Value| Message::text(value.to_string());
    let hello = || json!({ "type": "hello", "version": 1, "features": { "mcp": true, "modehost": true }, "transport": "websocket" });
    type Kind<'k> = (&'k str, Box<dyn Fn(usize) -> Message + 'k>);
    let kinds: Vec<Kind<'_>> = vec![
        ("unknown", Box::new(|number| text(json!({ "type": format!("nonsense-{number}") })))),
        ("pings", Box::new(|_| Message::Ping("x".into()))),
        ("heartbeats", Box::new(|_| text(json!({ "type": "ping" })))),
        ("hellos", Box::new(|_| text(hello()))),
        (
            "modes",
            Box::new(|number| {
                let state = if number % 2 == 0 { "start" } else { "end" };
                text(json!({ "type": "mode", "state": state, "mode": "party" }))
            }),
        ),
        (
            "listens",
            Box::new(|number| match number % 3 {
                0 => text(json!({ "type": "listen", "state": "start", "mode": "auto" })),
                1 => text(json!({ "type": "abort", "reason": "x" })),
                _ => text(json!({ "type": "listen", "state": "stop" })),
            }),
        ),
        (
            "words",
            Box::new(|number| text(json!({ "type": "listen", "state": "detect", "text": format!("number {number}") }))),
        ),
        ("sound", Box::new(|number| Message::binary(vec![number as u8; 700]))),
        ("binary junk", Box::new(|number| Message::binary(vec![0xFF; number % 3000]))),
        (
            "tools",
            Box::new(|number| {
                text(json!({ "type": "mcp", "payload": { "jsonrpc": "2.0", "id": number, "result": {} } }))
            }),
        ),
        (
            "secrets",
            Box::new(|_| text(json!({ "type": "server", "action": "restart", "content": { "secret": "guessed" } }))),
        ),
    ];
    let ends = join_all(kinds.iter().map(|(what, message)| flood(&server, what, 4000, message))).await;
    for ((what, _), end) in kinds.iter().zip(ends) {
        assert_reason(what, end);
    }
    bystander.finish("floods");
    let after = resident_kib(&server);
    println!("floods: {before} KiB before, {after} KiB after");
    assert!(after < before + FLOOD_KIB, "{before} KiB before, {after} KiB after");
    for (what, _) in &kinds {
        Device::join(&server, what).await.ping().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_flood_whose_answers_nobody_reads_is_bounded() {
    let server = Server::start(settings()).await;
    let before = resident_kib(&server);
    let bystander = Bystander::start(&server).await;
    let floods = join_all((0..8).map(|number| {
        let server = &server;
        async move {
            let mut device = Device::join(server, &format!("deaf-{number}")).await;
            let padding = "x".repeat(2000);
            for count in 0..20_000 {
                let message = match count % 3 {
                    0 => json!({ "type": "ping" }),
                    1 => json!({ "type": padding }),
                    _ => json!({ "type": "fixture", "do": "echo", "text": padding }),
                };
                if tokio::time::timeout(Duration::from_secs(1), device.send(message)).await.is_err() {
                    break;
                }
            }
            device
        }
    }));
    let devices = floods.await;
    let after = resident_kib(&server);
    println!("unread answers: {before} KiB before, {after} KiB after");
    assert!(after < before + FLOOD_KIB, "{before} KiB before, {after} KiB after");
    bystander.finish("unread answers");
    drop(devices);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c4_a_storm_of_reconnects_leaves_one_connection_and_one_session() {
    let server = Server::start(settings()).await;
    let before = resident_kib(&server);
    let bystander = Bystander::start(&server).await;
    for _ in 0..10 {
        let storm = join_all((0..60).map(|_| Device::connect(&server, "storm"))).await;
        for (number, device) in storm.into_iter().enumerate() {
            // Some vanish, some stay until they are closed.
            if number % 2 == 0 {
                device.vanish();
            }
        }
    }
    // The last to be answered need not be the last to be attached: the next one joins when the storm is over.
    let few = |count: &Option<f64>| *count <= Some(2.0);
    wait::until("all but one are gone", Duration::from_secs(30), || connections(&server), few).await;
    let mut last = Device::join(&server, "storm").await;
    assert_eq!(last.count().await.0, 1);
    bystander.finish("a storm of reconnects");
    let sessions = server.admin("GET", "/api/v1/sessions", "").await.json();
    let rows = sessions.as_array().or_else(|| sessions["sessions"].as_array()).cloned().unwrap_or_default();
    assert_eq!(rows.iter().filter(|row| row["device"] == "storm").count(), 1, "{rows:?}");
    wait::until("one connection is left", wait::TIMEOUT, || connections(&server), |count| *count == Some(1.0)).await;
    let after = resident_kib(&server);
    assert!(after < before + FLOOD_KIB, "{before} KiB before, {after} KiB after");
    last.ping().await;
}

/// Raises the limit of open files as far as the system allows; the server inherits it.
fn raise_open_files_limit() -> u64 {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let now = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: now.maximum, maximum: now.maximum });
    getrlimit(Resource::Nofile).current.unwrap_or(u64::MAX)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn five_thousand_connections_from_one_address_leave_room_for_others() {
    let files = raise_open_files_limit();
    // Three descriptors per connection: one of the client's, and room for the server's own.
    let count = usize::try_from(files / 3).unwrap_or(5000).min(5000);
    if count < 5000 {
        println!("only {count} connections: the limit of open files is {files}");
    }
    let server = Server::start(settings()).await;
    let before = resident_kib(&server);
    let bystander = Bystander::start(&server).await;
    let mut crowd = Vec::with_capacity(count);
    for batch in (0..count).collect::<Vec<_>>().chunks(100) {
        let connects = batch.iter().map(|number| {
            let server = &server;
            async move {
                let request = raw::upgrade("/supie/v1/", &format!("Device-Id: crowd-{number}\r\n"));
                let mut stream = raw::send(server.ws(), request.as_bytes()).await;
                let mut answer = [0; 12];
                tokio::io::AsyncReadExt::read_exact(&mut stream, &mut answer).await.expect("an answer");
                assert_eq!(&answer, b"HTTP/1.1 101");
                stream
            }
        });
        crowd.extend(join_all(connects).await);
    }
    let began = Instant::now();
    Device::join(&server, "newcomer").await.ping().await;
    let newcomer = began.elapsed();
    assert!(newcomer < Duration::from_secs(2), "a newcomer waited {newcomer:?}");
    bystander.finish("a crowd");
    let memory = resident_kib(&server);
    println!("{count} connections: {} KiB each", (memory - before) / count as u64);
    assert!(memory < before + FLOOD_KIB + count as u64 * DEVICE_KIB, "{before} KiB before, {memory} KiB with {count}");
    drop(crowd);
    wait::until("all of them are gone", Duration::from_secs(60), || connections(&server), |count| *count <= Some(1.0))
        .await;
}
