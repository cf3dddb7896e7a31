//! The measurements themselves, on the floor and on servers with known faults.
//!
//! Rule: a measurement of losses must find the losses that there are.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use clap::Parser;
use futures_util::{SinkExt, StreamExt};
use modehost_load::cli::{self, Cli};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_tungstenite::tungstenite::Message;

/// Runs a measurement on the floor; returns its metrics.
fn on_floor(arguments: &[&str]) -> Value {
    run(arguments, "floor")
}

/// Runs a measurement; returns the metrics of target `what`.
fn run(arguments: &[&str], what: &str) -> Value {
    let output = Command::new(env!("CARGO_BIN_EXE_modehost-load"))
        .args(arguments)
        .arg("--json")
        .output()
        .expect("the load generator runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    report["figures"][what].clone()
}

fn metric(metrics: &Value, name: &str) -> f64 {
    metrics[name].as_f64().unwrap_or_else(|| panic!("no {name} in {metrics}"))
}

#[test]
fn hold_counts_devices_and_what_each_costs() {
    let metrics = on_floor(&["hold", "--devices", "300", "--settle", "0", "--seconds", "1"]);
    assert_eq!(metric(&metrics, "devices_held"), 300.0);
    assert_eq!(metric(&metrics, "devices_refused"), 0.0);
    assert_eq!(metric(&metrics, "devices_lost_meanwhile"), 0.0);
    let each = metric(&metrics, "resident_per_device_kib");
    assert!(each > 1.0 && each < 100.0, "{each} KiB a device");
}

#[test]
fn pings_are_all_answered() {
    let metrics = on_floor(&["ping", "--devices", "50", "--interval-ms", "100", "--seconds", "2"]);
    assert_eq!((metric(&metrics, "pings_lost"), metric(&metrics, "sockets_closed")), (0.0, 0.0));
    let pings = metric(&metrics, "pings");
    assert!((500.0..=1050.0).contains(&pings), "{pings} pings of 50 devices in 2 s");
    assert!(metric(&metrics, "ping_p50_ms") <= metric(&metrics, "ping_max_ms"));
}

#[test]
fn messages_go_round_in_a_closed_loop() {
    let metrics = on_floor(&["echo", "--devices", "50", "--warm-up", "0", "--seconds", "1"]);
    assert!(metric(&metrics, "messages_per_second") > 100.0);
    assert!(metric(&metrics, "cpu_per_message_us") > 0.1);
}

#[test]
fn conversations_are_timed_to_their_first_sentence_and_their_end() {
    let metrics = run(&["converse", "--devices", "20", "--seconds", "1"], "provider");
    assert!(metric(&metrics, "turns_per_second") > 20.0);
    let (first, whole) = (metric(&metrics, "first_sentence_p50_ms"), metric(&metrics, "turn_p50_ms"));
    assert!(0.0 < first && first <= whole, "{first} ms to the first sentence of {whole} ms");
}

#[test]
fn newcomers_are_timed_while_devices_vanish() {
    let metrics = on_floor(&["vanish", "--devices", "100", "--quiet", "5", "--seconds", "1"]);
    assert!(metric(&metrics, "newcomers_meanwhile") > 5.0);
    assert!(metric(&metrics, "newcomer_quiet_p50_ms") > 0.0);
}

#[test]
fn a_bystander_is_timed_in_quiet_and_under_attack() {
    let metrics = on_floor(&["hostile", "--attackers", "2", "--seconds", "1", "--attack", "heartbeats"]);
    assert!(metric(&metrics, "quiet_p99_ms") > 0.0);
    assert!(metric(&metrics, "heartbeats_p99_ms") > 0.0);
    assert!(metric(&metrics, "heartbeats_times_quiet") > 0.0);
}

#[test]
fn a_swap_without_fault_is_clean() {
    let metrics = swap(Faults::None);
    for name in ["messages_lost", "replies_unasked", "sockets_closed"] {
        assert_eq!(metric(&metrics, name), 0.0, "{name}");
    }
    assert_eq!(metric(&metrics, "devices"), 20.0);
    assert!(metric(&metrics, "all_reply_from_the_new_ms") >= metric(&metrics, "first_reply_of_the_new_ms"));
}

#[test]
fn a_lost_a_doubled_and_a_closed_one_are_found() {
    let metrics = swap(Faults::OneOfEach);
    assert_eq!(metric(&metrics, "messages_lost"), 1.0);
    assert_eq!(metric(&metrics, "replies_unasked"), 1.0);
    assert_eq!(metric(&metrics, "sockets_closed"), 1.0);
}

#[test]
fn a_pause_shows_in_full() {
    let metrics = swap(Faults::Pause);
    let pause = metric(&metrics, "slowest_reply_in_swap_max_ms");
    assert!(pause >= 300.0, "a pause of 300 ms showed as {pause} ms");
}

#[derive(Clone, Copy, PartialEq)]
enum Faults {
    None,
    /// One device misses a reply, one gets a reply twice, one is closed after an answered message.
    OneOfEach,
    /// One device waits 300 ms for the first reply of the new version.
    Pause,
}

/// Swaps under 20 devices on a mock server; its "plugin" is a text that it puts into replies.
fn swap(faults: Faults) -> Value {
    let directory = tempfile::tempdir().expect("a directory");
    let (plugin, new) = (directory.path().join("plugin.wasm"), directory.path().join("new"));
    std::fs::write(&plugin, "old").expect("a file");
    std::fs::write(&new, "new").expect("a file");
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("runtime");
    let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("a port");
    let address: SocketAddr = listener.local_addr().expect("an address");
    let mut server = JoinSet::new();
    server.spawn_on(serve(listener, plugin.clone(), faults), runtime.handle());
    let command = [
        "modehost-load".into(),
        "swap".into(),
        "--json".into(),
        format!("--address={address}"),
        format!("--plugin={}", plugin.display()),
        format!("--new={}", new.display()),
        r#"--marker="build":"new""#.into(),
        "--devices=20".into(),
        "--interval-ms=20".into(),
        "--seconds=1".into(),
        // With one device closed, the new version never reaches all.
        "--patience=5".into(),
        r#"--message={"n":{n}}"#.into(),
    ];
    let report = cli::run(Cli::parse_from(command)).expect("a measure");
    let report: Value = serde_json::from_str(&report).expect("one JSON object");
    report["figures"]["server"].clone()
}

async fn serve(listener: TcpListener, plugin: PathBuf, faults: Faults) {
    let connected = Arc::new(AtomicUsize::new(0));
    let mut connections = JoinSet::new();
    while let Ok((stream, _)) = listener.accept().await {
        connections.spawn(converse(stream, plugin.clone(), faults, connected.clone()));
    }
}

async fn converse(stream: TcpStream, plugin: PathBuf, faults: Faults, connected: Arc<AtomicUsize>) {
    let Ok(mut socket) = tokio_tungstenite::accept_async(stream).await else { return };
    let device = connected.fetch_add(1, Ordering::SeqCst);
    let mut renewed = false;
    while let Some(Ok(message)) = socket.next().await {
        let Message::Text(text) = message else { continue };
        if text.contains("hello") {
            let _ = socket.send(Message::text(r#"{"type":"hello"}"#)).await;
            continue;
        }
        let build = std::fs::read_to_string(&plugin).unwrap_or_default();
        let number: u64 = text.trim_start_matches(r#"{"n":"#).trim_end_matches('}').parse().unwrap_or(0);
        let first_of_new = build == "new" && !std::mem::replace(&mut renewed, build == "new");
        if faults == Faults::Pause && device == 0 && first_of_new {
            tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        }
        let once = faults == Faults::OneOfEach && number == 5;
        if once && device == 1 {
            continue;
        }
        let reply = format!(r#"{{"count":{number},"build":"{build}"}}"#);
        let _ = socket.send(Message::text(reply.clone())).await;
        if once && device == 2 {
            let _ = socket.send(Message::text(reply)).await;
        }
        if faults == Faults::OneOfEach && device == 3 && first_of_new {
            let _ = socket.close(None).await;
            return;
        }
    }
}
