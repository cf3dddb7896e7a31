//! Growth by remote input. Rule: whatever devices send, what the server stores of it stays under a stated bound, and
//! each rejection is reported to its sender; honest devices are not affected.

use std::time::Duration;

use futures_util::future::join_all;
use modehost_tests::guest::bundled;
use modehost_tests::raw::{self, opcode};
use modehost_tests::{Device, Server, Settings, http, wait};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;

/// Payload size close to the message limit.
const BYTES: usize = 30_000;
const MIB: u64 = 1 << 20;

fn settings() -> Settings {
    Settings::new().plugin("peers", bundled("peers")).set("storage.queue_sender_mib", json!(1))
}

/// Size of the database on the disk, in bytes.
fn database_bytes(server: &Server) -> u64 {
    let size = |name: &str| std::fs::metadata(server.data_dir().join(name)).map_or(0, |file| file.len());
    size("modehost.db") + size("modehost.db-wal")
}

async fn post(sender: &mut Device, id: &str, to: &str, bytes: usize) {
    let payload = json!({ "text": "x".repeat(bytes) });
    sender.send(json!({ "type": "peer", "id": id, "to": to, "payload": payload })).await;
}

async fn receipt(sender: &mut Device, id: &str) -> Value {
    sender.expect("a receipt", |seen| seen["event"] == "receipt" && seen["id"] == id).await
}

async fn post_for_receipt(sender: &mut Device, id: &str, to: &str, bytes: usize) -> Value {
    post(sender, id, to, bytes).await;
    receipt(sender, id).await
}

/// Why a message was not queued.
fn reason(receipt: &Value) -> &str {
    receipt["failed"][0]["reason"].as_str().unwrap_or_default()
}

#[tokio::test]
async fn made_up_receivers_fill_nothing_and_a_known_one_gets_its_message() {
    const RECEIVERS: usize = 2_000;
    let server = Server::start(settings()).await;
    Device::join(&server, "friend").await.close().await;
    server.wait_disconnected("friend").await;
    let mut sender = Device::join(&server, "sender").await;
    for first in (0..RECEIVERS).step_by(50) {
        for number in first..first + 50 {
            post(&mut sender, &format!("m-{number}"), &format!("made-up-{number}"), BYTES).await;
        }
        for number in first..first + 50 {
            let receipt = receipt(&mut sender, &format!("m-{number}")).await;
            assert!(reason(&receipt).contains("has ever connected"), "{receipt}");
        }
        sender.clear_seen();
    }
    // Most of it is the write-ahead log.
    assert!(database_bytes(&server) < 8 * MIB, "{} bytes of {} are kept", database_bytes(&server), RECEIVERS * BYTES);
    let receipt = post_for_receipt(&mut sender, "honest", "friend", 100).await;
    assert_eq!(receipt["queued"], json!(["friend"]), "{receipt}");
    let mut friend = Device::join(&server, "friend").await;
    friend.expect("the message", |seen| seen["event"] == "message" && seen["id"] == "honest").await;
}

#[tokio::test]
async fn one_sender_has_a_share_and_another_still_has_its_own() {
    let settings = settings().set("session.unknown_receivers", json!("keep"));
    let server = Server::start(settings).await;
    let mut flooding = Device::join(&server, "flooding").await;
    let (mut queued, mut refused) = (0, 0);
    for number in 0..200 {
        let receipt =
            post_for_receipt(&mut flooding, &format!("m-{number}"), &format!("made-up-{number}"), BYTES).await;
        match receipt["queued"][0].is_string() {
            true => queued += 1,
            false => {
                refused += 1;
                assert!(reason(&receipt).contains("1 MiB)"), "{receipt}");
            }
        }
        flooding.clear_seen();
    }
    assert!((20..=35).contains(&queued) && refused > 100, "{queued} queued, {refused} refused");
    let mut honest = Device::join(&server, "honest").await;
    assert_eq!(post_for_receipt(&mut honest, "mine", "friend", 100).await["queued"], json!(["friend"]));
    // Delivered messages do not count any more.
    let mut gone = Device::join(&server, "made-up-0").await;
    gone.expect("the message", |seen| seen["event"] == "message").await;
    gone.ping().await;
    let number = std::sync::atomic::AtomicUsize::new(0);
    let flooding = tokio::sync::Mutex::new(flooding);
    let again = async || {
        let id = format!("again-{}", number.fetch_add(1, std::sync::atomic::Ordering::Relaxed));
        post_for_receipt(&mut *flooding.lock().await, &id, "made-up-1", 100).await["queued"].clone()
    };
    wait::until("there is space again", wait::TIMEOUT, again, |queued| *queued == json!(["made-up-1"])).await;
}

async fn readiness(server: &Server) -> (u16, String) {
    let answer = http::request(server.http(), "GET", "/readyz", &[], "").await.expect("an answer");
    (answer.status, answer.body)
}

#[tokio::test]
async fn a_database_that_is_as_large_as_it_may_be_says_so_and_takes_more_when_it_may() {
    let small = |mib: u64| {
        settings()
            .set("session.unknown_receivers", json!("keep"))
            .set("storage.queue_sender_mib", json!(64))
            .set("storage.max_mib", json!(mib))
    };
    let server = Server::start(small(2)).await;
    let mut sender = Device::join(&server, "sender").await;
    for number in 0..120 {
        post_for_receipt(&mut sender, &format!("m-{number}"), &format!("to-{number}"), BYTES).await;
        sender.clear_seen();
    }
    server.wait_output("storage.max_mib; beyond that nothing new is kept").await;
    let full = |seen: &(u16, String)| seen.0 == 503 && seen.1.contains("storage.max_mib");
    wait::until("it is not ready", Duration::from_secs(40), async || readiness(&server).await, full).await;
    let database = std::fs::metadata(server.data_dir().join("modehost.db")).expect("a file").len();
    assert!(database <= 2 * MIB, "{database}");
    let warned = server.output().matches("beyond that nothing new is kept").count();
    assert_eq!(warned, 1, "logged once: {}", server.output());
    // The limit is raised while the server runs.
    server.configure(&small(64));
    let ready = |seen: &(u16, String)| seen.0 == 200;
    wait::until("it is ready again", Duration::from_secs(40), async || readiness(&server).await, ready).await;
    let receipt = post_for_receipt(&mut sender, "after", "to-0", 100).await;
    assert_eq!(receipt["queued"], json!(["to-0"]), "{receipt}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn messages_in_pieces_are_bounded_over_all_connections() {
    /// Together 170 MB of fragments, where 128 MiB may be buffered.
    const ATTACKERS: usize = 170;
    let server = Server::start(settings()).await;
    let mut honest = Device::join(&server, "honest").await;
    let piece = raw::frame(false, opcode::TEXT, &[b'x'; 1_000_000]);
    let attacks = (0..ATTACKERS).map(|number| {
        let (server, piece) = (&server, &piece);
        async move {
            let request = raw::upgrade("/supie/v1/", &format!("Device-Id: attacker-{number}\r\n"));
            let mut stream = raw::send(server.ws(), request.as_bytes()).await;
            // The server may close it before the write ends.
            let _ = stream.write_all(piece).await;
            stream
        }
    });
    let streams = join_all(attacks).await;
    let closed = async || {
        let metrics = http::request(server.http(), "GET", "/metrics", &[], "").await.expect("metrics").body;
        let line = metrics.lines().find(|line| line.starts_with("modehost_closes_total{code=\"1009\"}"));
        line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0_usize)
    };
    let are_closed = |closed: &usize| *closed * 1_000_000 + 128 * (1 << 20) >= ATTACKERS * 1_000_000;
    wait::until("the largest are closed", Duration::from_secs(60), closed, are_closed).await;
    assert!(closed().await < ATTACKERS, "not all of them");
    honest.ping().await;
    // Another long message in a single frame is accepted while the fragmented ones are open.
    let long = format!(r#"{{"type":"no-such-type","text":"{}"}}"#, "y".repeat(900_000));
    honest.send_text(&long).await;
    honest.expect_error("UNKNOWN_TYPE").await;
    drop(streams);
}
