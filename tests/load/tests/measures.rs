//! The measures themselves, on the floor and on servers that misbehave in known ways.
//!
//! Rule: a measure of losses is only worth something if it finds those that are there.

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

/// Runs a measure on the floor; the answer is what it found there.
fn on_floor(arguments: &[&str]) -> Value {
    run(arguments, "floor")
}

/// Runs a measure; the answer is what it found of `what`.
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

fn figure(figures: &Value, name: &str) -> f64 {
    figures[name].as_f64().unwrap_or_else(|| panic!("no {name} in {figures}"))
}

#[test]
fn hold_counts_devices_and_what_each_costs() {
    let figures = on_floor(&["hold", "--devices", "300", "--settle", "0", "--seconds", "1"]);
    assert_eq!(figure(&figures, "devices_held"), 300.0);
    assert_eq!(figure(&figures, "devices_refused"), 0.0);
    assert_eq!(figure(&figures, "devices_lost_meanwhile"), 0.0);
    let each = figure(&figures, "resident_per_device_kib");
    assert!(each > 1.0 && each < 100.0, "{each} KiB a device");
}

#[test]
fn pings_are_all_answered() {
    let figures = on_floor(&["ping", "--devices", "50", "--interval-ms", "100", "--seconds", "2"]);
    assert_eq!((figure(&figures, "pings_lost"), figure(&figures, "sockets_closed")), (0.0, 0.0));
    let pings = figure(&figures, "pings");
    assert!((500.0..=1050.0).contains(&pings), "{pings} pings of 50 devices in 2 s");
    assert!(figure(&figures, "ping_p50_ms") <= figure(&figures, "ping_max_ms"));
}

#[test]
fn messages_go_round_in_a_closed_loop() {
    let figures = on_floor(&["echo", "--devices", "50", "--warm-up", "0", "--seconds", "1"]);
    assert!(figure(&figures, "messages_per_second") > 100.0);
    assert!(figure(&figures, "cpu_per_message_us") > 0.1);
}

#[test]
fn conversations_are_timed_to_their_first_sentence_and_their_end() {
    let figures = run(&["converse", "--devices", "20", "--seconds", "1"], "provider");
    assert!(figure(&figures, "turns_per_second") > 20.0);
    let (first, whole) = (figure(&figures, "first_sentence_p50_ms"), figure(&figures, "turn_p50_ms"));
    assert!(0.0 < first && first <= whole, "{first} ms to the first sentence of {whole} ms");
}

#[test]
fn newcomers_are_timed_while_devices_vanish() {
    let figures = on_floor(&["vanish", "--devices", "100", "--quiet", "5", "--seconds", "1"]);
    assert!(figure(&figures, "newcomers_meanwhile") > 5.0);
    assert!(figure(&figures, "newcomer_quiet_p50_ms") > 0.0);
}

#[test]
fn a_bystander_is_timed_in_quiet_and_under_attack() {
    let figures = on_floor(&["hostile", "--attackers", "2", "--seconds", "1", "--attack", "heartbeats"]);
    assert!(figure(&figures, "quiet_p99_ms") > 0.0);
    assert!(figure(&figures, "heartbeats_p99_ms") > 0.0);
    assert!(figure(&figures, "heartbeats_times_quiet") > 0.0);
}

#[test]
fn a_swap_without_fault_is_clean() {
    let figures = swap(Faults::None);
    for name in ["messages_lost", "replies_unasked", "sockets_closed"] {
        assert_eq!(figure(&figures, name), 0.0, "{name}");
    }
    assert_eq!(figure(&figures, "devices"), 20.0);
    assert!(figure(&figures, "all_reply_from_the_new_ms") >= figure(&figures, "first_reply_of_the_new_ms"));
}

#[test]
fn a_lost_a_doubled_and_a_closed_one_are_found() {
    let figures = swap(Faults::OneOfEach);
    assert_eq!(figure(&figures, "messages_lost"), 1.0);
    assert_eq!(figure(&figures, "replies_unasked"), 1.0);
    assert_eq!(figure(&figures, "sockets_closed"), 1.0);
}

#[test]
fn a_pause_shows_in_full() {
    let figures = swap(Faults::Pause);
    let pause = figure(&figures, "slowest_reply_in_swap_max_ms");
    assert!(pause >= 300.0, "a pause of 300 ms showed as {pause} ms");
}

#[derive(Clone, Copy, PartialEq)]
enum Faults {
    None,
    /// One device misses a reply, one gets a reply twice, one is closed behind an answered message.
    OneOfEach,
    /// One device waits 300 ms for the first reply of the new version.
    Pause,
}

/// Swaps under 20 devices on a server of our own; its "plugin" is a text that it puts into replies.
fn swap(faults: Faults) -> Value {
    let folder = tempfile::tempdir().expect("a folder");
    let (plugin, new) = (folder.path().join("plugin.wasm"), folder.path().join("new"));
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
        // With a device closed, the new version never reaches all.
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
