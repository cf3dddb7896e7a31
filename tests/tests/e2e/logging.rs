//! C.14: log lines, and a server that cannot write them. Rule: devices are served throughout; and whatever a device
//! says, sends or presents as its token is in no line.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use modehost_provider::{Provider, Reply};
use modehost_tests::{Device, Server, Settings, guest, http, skip, wait};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

use super::storage_faults::Disk;

/// Asserts that devices, the admin API and configuration reloads work.
async fn assert_serves(server: &Server, id: &str) {
    let mut device = Device::join(server, id).await;
    for _ in 0..20 {
        device.send(json!({ "type": "nonsense" })).await;
        device.expect_error("UNKNOWN_TYPE").await;
    }
    device.ping().await;
    assert_eq!(server.admin("POST", "/api/v1/config/reload", "").await.status, 200);
}

/// The contents of all files of the log, concatenated.
fn log_text(directory: &Path) -> String {
    let files = std::fs::read_dir(directory).into_iter().flatten().flatten();
    files.map(|file| String::from_utf8_lossy(&std::fs::read(file.path()).unwrap_or_default()).into_owned()).collect()
}

#[tokio::test]
async fn c14_a_terminal_that_is_closed_or_full_stops_nobody() {
    // Pipes whose readers are gone; and a device file that accepts no data.
    for full in [false, true] {
        let mut server = Server::prepare(&Settings::new().set("log.level", json!("debug")));
        let sink = || match full {
            true => Stdio::from(std::fs::OpenOptions::new().write(true).open("/dev/full").expect("/dev/full")),
            false => Stdio::piped(),
        };
        server.launch_with_output(sink);
        server.ready().await;
        assert_serves(&server, "dev-1").await;
        let directory = server.data_dir().join("log");
        let probe = async || log_text(&directory);
        wait::until("the file has the lines", wait::TIMEOUT, probe, |lines| lines.contains("modehost::audit")).await;
        assert_eq!(server.terminate().await.code(), Some(0), "full: {full}");
    }
}

#[tokio::test]
async fn c14_a_full_disk_costs_lines_and_nothing_else() {
    let mut server = Server::prepare(&Settings::new());
    let directory = server.data_dir().with_file_name("small-disk");
    let Some(_disk) = Disk::mount(&directory, "256k") else {
        skip::not_permitted("a small disk cannot be mounted by this user");
        return;
    };
    server.configure(&Settings::new().set("log.dir", json!(directory)).set("log.level", json!("debug")));
    server.launch();
    server.ready().await;
    // Another program takes up the remaining space.
    let mut filled = vec![0_u8; 256 * 1024];
    while !filled.is_empty() && std::fs::write(directory.join("ballast"), &filled).is_err() {
        filled.truncate(filled.len() - 4096);
    }
    let refused = async || {
        assert_serves(&server, "dev-1").await;
        server.output().contains("log files cannot be written")
    };
    wait::until("the disk is full", wait::TIMEOUT, refused, |refused| *refused).await;
    for number in 0..10 {
        assert_serves(&server, &format!("meanwhile-{number}")).await;
    }
    let output = server.output();
    assert_eq!(output.matches("log files cannot be written").count(), 1, "logged once: {output}");
    std::fs::remove_file(directory.join("ballast")).expect("room again");
    let probe = async || {
        assert_serves(&server, "later").await;
        std::fs::read_to_string(directory.join("modehost.log")).unwrap_or_default().contains("later")
    };
    wait::until("lines are written again", Duration::from_secs(60), probe, |again| *again).await;
    assert_eq!(server.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn c14_a_folder_that_cannot_be_is_told_and_stops_nobody() {
    let mut server = Server::prepare(&Settings::new());
    let file = server.data_dir().with_file_name("no-folder");
    std::fs::write(&file, "a file stands here").expect("a file");
    server.configure(&Settings::new().set("log.dir", json!(file.join("log"))));
    server.launch();
    server.ready().await;
    assert_serves(&server, "dev-1").await;
    server.wait_output("no-folder").await;
    assert_eq!(server.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn c14_a_folder_that_may_only_be_read_is_told_and_stops_nobody() {
    let mut server = Server::prepare(&Settings::new());
    let directory = server.data_dir().with_file_name("read-only");
    // On a read-only mount, since root can write to any other directory.
    let Some(disk) = Disk::mount(&directory, "256k") else {
        skip::not_permitted("a small disk cannot be mounted by this user");
        return;
    };
    disk.remount("ro");
    assert!(std::fs::write(directory.join("probe"), "").is_err(), "it is writable");
    server.configure(&Settings::new().set("log.dir", json!(directory)));
    server.launch();
    server.ready().await;
    assert_serves(&server, "dev-1").await;
    server.wait_output("log files cannot be written").await;
    disk.remount("rw");
    let probe = async || {
        assert_serves(&server, "later").await;
        log_text(&directory).contains("modehost::audit")
    };
    wait::until("lines are written once they can be", Duration::from_secs(60), probe, |log_text| *log_text).await;
    assert_eq!(server.terminate().await.code(), Some(0));
}

/// Strings that no line may contain: each is said, sent or presented in a different way.
const FORBIDDEN: [&str; 10] = [
    "zebra-token",
    "zebra-said",
    "zebra-answer",
    "zebra-snippet",
    "zebra-task",
    "zebra-log",
    "zebra-peer",
    "zebra-key",
    "zebra-unknown",
    "zebra-secret",
];

#[tokio::test]
async fn c14_at_every_level_no_line_holds_what_is_said_sent_or_secret() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("The zebra-answer is ready."));
    let model = json!({ "base_url": provider.base_url(), "model": "m", "api_key": "zebra-key", "retries": 0 });
    // Our own crates and the client libraries; the component compiler would flood the log.
    let crates = [
        "modehost",
        "plugin",
        "reqwest",
        "hyper",
        "hyper_util",
        "h2",
        "rustls",
        "axum",
        "tungstenite",
        "tokio_tungstenite",
    ];
    let parts =
        ["auth", "config", "gateway", "hooks", "llm", "outbox", "plugin", "protocol", "session", "storage", "task"];
    let ours = parts.iter().map(|part| format!("modehost_{part}"));
    let level = crates.iter().map(|&name| name.to_owned()).chain(ours).map(|name| format!(",{name}=trace"));
    let settings = ["meeting", "coding", "peers"]
        .into_iter()
        .fold(Settings::new().bundled(), |all, name| all.plugin(name, guest::bundled(name)));
    let settings = settings
        .set("llm.aliases.default", model)
        .set(
            "auth",
            json!({ "methods": ["tokens"], "tokens": [{ "token": "zebra-token-of-dev-1", "device": "dev-1" }] }),
        )
        .set("server.secret", json!("zebra-secret-of-the-console"))
        .set("log", json!({ "level": format!("info{}", level.collect::<String>()), "format": "json" }));
    let mut server = Server::start(settings).await;
    let headers = [("Device-Id", "dev-1"), ("Client-Id", "c"), ("Authorization", "Bearer zebra-token-of-dev-1")];
    let mut device = Device::try_connect(&server, "/supie/v1/", &headers).await.expect("accepted");
    device.send(json!({ "type": "hello", "version": 1, "transport": "websocket" })).await;
    device.expect_type("hello").await;
    device.types("who has zebra-said it").await;
    device.expect("an answer", |message| message["type"] == "tts" && message["state"] == "stop").await;
    device.send(json!({ "type": "zebra-unknown", "x": "zebra-unknown" })).await;
    device.expect_error("UNKNOWN_TYPE").await;
    device.send_text("{\"type\": \"zebra-unknown").await;
    device.expect_error("INVALID_JSON").await;
    device.send(json!({ "type": "workflow", "event": "update", "task": { "title": "zebra-task" } })).await;
    device.expect("the board", |message| message["status"] == "ok").await;
    device.send(json!({ "type": "workflow", "event": "complete", "id": "zebra-task" })).await;
    device.send(json!({ "type": "peer", "id": "p", "to": "dev-2", "payload": { "text": "zebra-peer" } })).await;
    device.expect("a receipt", |message| message["event"] == "receipt").await;
    let log = "error[E0308]: zebra-log mismatched\n --> src/lib.rs:1:1\n";
    device.send(json!({ "type": "coding", "event": "log", "text": log })).await;
    device.expect("an insight", |message| message["type"] == "coding" && message["insights"].is_array()).await;
    device.start_mode("meeting").await;
    device.send(json!({ "type": "meeting", "phase": "snippet", "text": "zebra-snippet" })).await;
    device.types("zebra-said in the meeting").await;
    device.send(json!({ "type": "meeting", "phase": "finalize", "title": "zebra-snippet" })).await;
    device.expect("a summary", |message| message["phase"] == "summary").await;
    let guess = json!({ "type": "server", "action": "restart", "content": { "secret": "zebra-secret-guess" } });
    device.send(guess).await;
    device.expect_type("server").await;
    // Rejected, with a token that is nearly right.
    let wrong = [("Device-Id", "dev-2"), ("Authorization", "Bearer zebra-token-of-dev-1")];
    assert!(Device::try_connect(&server, "/supie/v1/?token=zebra-token-in-the-query", &wrong).await.is_err());
    let ota = [("Device-Id", "dev-1"), ("Authorization", "Bearer zebra-token-of-dev-1")];
    http::request(server.http(), "POST", "/xiaozhi/ota/", &ota, "{\"x\":\"zebra-unknown\"}").await.expect("an answer");
    device.close().await;
    assert_eq!(server.terminate().await.code(), Some(0));

    let lines = log_text(&server.data_dir().join("log"));
    let of = |target: &str| lines.lines().filter(|line| line.contains(&format!("\"target\":\"{target}"))).count();
    assert!(of("hyper") > 0 && of("modehost") > 10 && lines.contains("\"level\":\"TRACE\""), "it was logged: {lines}");
    for line in lines.lines() {
        let parsed: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON: {error}: {line}"));
        assert!(parsed["timestamp"].is_string() && parsed["target"].is_string(), "{line}");
    }
    let output = server.output();
    for mark in FORBIDDEN {
        let line = lines.lines().chain(output.lines()).find(|line| line.contains(mark));
        assert_eq!(line, None, "{mark} is in the log");
    }
}

/// Level and target of each line of the log, which is in JSON.
fn levels(directory: &Path) -> Vec<(String, String)> {
    let text = log_text(directory);
    // The last line may be incomplete.
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let member = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    lines.map(|line| (member(&line, "level"), member(&line, "target"))).collect()
}

#[tokio::test]
async fn c14_libraries_are_heard_by_name_only_at_any_level() {
    let settings = |level: &str| {
        let settings = Settings::new().set("log.format", json!("json")).set("log.level", json!(level));
        // A plugin is compiled, which is when the compiler's crates log.
        settings.plugin("fixture", guest::fixture_version("1.0.0"))
    };
    let server = Server::start(settings("trace")).await;
    assert_serves(&server, "dev-1").await;
    let directory = server.data_dir().join("log");
    let is_own = |target: &str| target.starts_with("modehost") || target == "plugin";
    // A client that does not speak HTTP causes at most a line at `debug`.
    let probe = async || {
        let mut caller = tokio::net::TcpStream::connect(server.http()).await.expect("connected");
        let _ = caller.write_all(b"\0 nonsense\r\n\r\n").await;
        levels(&directory)
    };
    let has_debug_lines =
        |lines: &Vec<(String, String)>| lines.iter().any(|(level, _)| level == "DEBUG" || level == "TRACE");
    let lines = wait::until("our own lines are there", wait::TIMEOUT, probe, has_debug_lines).await;
    let foreign = lines.iter().find(|(level, target)| !is_own(target) && level != "WARN" && level != "ERROR");
    assert_eq!(foreign, None, "of {} lines", lines.len());
    assert!(log_text(&directory).len() < 4 * 1024 * 1024, "{} bytes", log_text(&directory).len());
    let metrics = server.admin("GET", "/metrics", "").await.body;
    assert!(metrics.contains("modehost_log_lost_total 0\n"), "{metrics}");
    drop(server);

    let server = Server::start(settings("info,wasmtime=trace")).await;
    let directory = server.data_dir().join("log");
    let probe = async || levels(&directory);
    let named = |lines: &Vec<(String, String)>| {
        lines.iter().any(|(level, target)| target.starts_with("wasmtime") && (level == "DEBUG" || level == "TRACE"))
    };
    wait::until("the named target logs", wait::TIMEOUT, probe, named).await;
}

#[tokio::test]
async fn c14_a_folder_that_was_removed_is_made_again() {
    let mut server = Server::prepare(&Settings::new());
    let above = server.data_dir().with_file_name("logs");
    let directory = above.join("of-the-server");
    server.configure(&Settings::new().set("log.dir", json!(directory)));
    server.launch();
    server.ready().await;
    assert_serves(&server, "dev-0").await;
    wait::until("the file exists", wait::TIMEOUT, async || log_text(&directory), |lines| !lines.is_empty()).await;
    // The directory, and its parents as well.
    for (round, removed) in [&directory, &above, &directory].into_iter().enumerate() {
        std::fs::remove_dir_all(removed).expect("removed");
        let id = format!("dev-{round}");
        let probe = async || {
            assert_serves(&server, &id).await;
            log_text(&directory).contains(&id)
        };
        wait::until("lines are in a new file", wait::TIMEOUT, probe, |again| *again).await;
    }
}
