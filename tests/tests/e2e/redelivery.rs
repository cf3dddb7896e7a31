//! P.4 during delivery of the backlog: a receiver that disconnects while queued messages are sent to it. Rule: large
//! messages and small buffers, so that most of what the server has written is still in flight when the connection
//! breaks; assertions are made on what the receiver has read in the end.

use std::time::{Duration, Instant};

use modehost_tests::guest::bundled;
use modehost_tests::raw::{self, opcode};
use modehost_tests::{Device, Server, Settings, wait};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

const QUEUED: usize = 40;
/// More than the receiver's socket buffer holds.
const BYTES: usize = 60_000;

fn settings() -> Settings {
    Settings::new()
        .plugin("peers", bundled("peers"))
        .set("peers.max_payload_bytes", json!(65_536))
        .set("device_alias", json!({ "narrow": "Narrow" }))
}

/// Sends a message with a body of `bytes` bytes and returns its receipt.
async fn post(sender: &mut Device, id: &str, to: &str, bytes: usize) -> Value {
    let payload = json!({ "text": "x".repeat(bytes) });
    sender.send(json!({ "type": "peer", "id": id, "to": to, "payload": payload })).await;
    sender.expect(&format!("the receipt of {id}"), |seen| seen["event"] == "receipt" && seen["id"] == id).await
}

/// A receiver with a small receive buffer, which reads only on request.
struct Narrow(TcpStream);

impl Narrow {
    async fn join(server: &Server, id: &str) -> Self {
        let socket = TcpSocket::new_v4().expect("a socket");
        socket.set_recv_buffer_size(8 * 1024).expect("a small buffer");
        let mut stream = socket.connect(server.ws()).await.expect("a connection");
        let request = raw::upgrade("/supie/v1/", &format!("Device-Id: {id}\r\nClient-Id: test\r\n"));
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("an answer"));
        }
        assert!(head.starts_with(b"HTTP/1.1 101"), "{}", String::from_utf8_lossy(&head));
        let hello =
            json!({ "type": "hello", "version": 1, "transport": "websocket", "features": { "modehost": true } })
                .to_string();
        stream.write_all(&raw::frame(true, opcode::TEXT, hello.as_bytes())).await.expect("sent");
        Self(stream)
    }

    /// Reads exactly one message.
    async fn read(&mut self) -> Value {
        let mut head = [0; 2];
        self.0.read_exact(&mut head).await.expect("a frame");
        let length = match head[1] {
            126 => u64::from(self.0.read_u16().await.expect("a length")),
            127 => self.0.read_u64().await.expect("a length"),
            short => u64::from(short),
        };
        let mut payload = vec![0; usize::try_from(length).expect("a length")];
        self.0.read_exact(&mut payload).await.expect("a payload");
        serde_json::from_slice(&payload).unwrap_or(Value::Null)
    }

    /// Ids of the next peer messages.
    async fn read_messages(&mut self, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        while ids.len() < count {
            let message = tokio::time::timeout(wait::TIMEOUT, self.read()).await.expect("a message in time");
            if message["event"] == "message" {
                ids.push(message["id"].as_str().unwrap_or_default().to_owned());
            }
        }
        ids
    }

    /// Resets the connection, as when a device loses power.
    fn reset(self) {
        self.0.set_zero_linger().expect("a reset");
    }
}

/// Ids of the peer messages that a device receives, up to and including `last`.
async fn read_up_to(device: &mut Device, last: &str) -> Vec<String> {
    let end = Instant::now() + wait::TIMEOUT;
    let mut ids: Vec<String> = Vec::new();
    while ids.last().is_none_or(|id| id != last) {
        assert!(Instant::now() < end, "{last} never came, after {ids:?}");
        let message = device.expect("a message", |seen| seen["event"] == "message").await;
        ids.push(message["id"].as_str().unwrap_or_default().to_owned());
    }
    ids
}

/// Waits until the sender's `redelivered` notices add up to `wanted`, and not to more.
async fn wait_redelivered(sender: &mut Device, wanted: u64) {
    loop {
        let notices = sender.seen_of_type("peer").into_iter().filter(|seen| seen["event"] == "redelivered");
        let total: u64 = notices.map(|notice| notice["count"].as_u64().unwrap_or_default()).sum();
        if total >= wanted {
            return assert_eq!(total, wanted);
        }
        let notice = sender.expect("a notice", |seen| seen["event"] == "redelivered").await;
        assert_eq!(notice["to"], "narrow", "{notice}");
    }
}

/// Appends what came on the next connection. Its first message may repeat the last of the one before, if that broke
/// before the server learnt of the delivery, which can be late on a busy machine.
fn append(received: &mut Vec<String>, next: Vec<String>) {
    let again = usize::from(received.last().is_some() && received.last() == next.first());
    received.extend(next.into_iter().skip(again));
}

async fn wait_disconnected(sender: &mut Device, device: &str) {
    let end = Instant::now() + wait::TIMEOUT;
    for attempt in 0.. {
        let id = format!("probe-{attempt}");
        sender.send(json!({ "type": "peer", "id": id, "to": device, "payload": {}, "ttl_ms": 0 })).await;
        let receipt = sender.expect("a receipt", |seen| seen["event"] == "receipt" && seen["id"] == id).await;
        if receipt["failed"][0]["to"] == device {
            return;
        }
        assert!(Instant::now() < end, "{device} is never noticed as disconnected");
    }
}

#[tokio::test]
async fn p4_a_receiver_that_is_reset_in_mid_delivery_loses_nothing() {
    let server = Server::start(settings()).await;
    let mut sender = Device::join(&server, "sender").await;
    let all: Vec<String> = (0..QUEUED).map(|number| format!("kept-{number}")).collect();
    for id in &all {
        assert_eq!(post(&mut sender, id, "narrow", BYTES).await["queued"], json!(["narrow"]));
    }
    let mut received = Vec::new();
    // Each time it reads a few messages, then none, and then resets.
    for few in [3, 7, 1] {
        let mut receiver = Narrow::join(&server, "narrow").await;
        append(&mut received, receiver.read_messages(few).await);
        let live = format!("live-{few}");
        let receipt = post(&mut sender, &live, "narrow", 10).await;
        assert_eq!(receipt["queued"], json!(["narrow"]), "new messages are queued after the backlog: {receipt}");
        receiver.reset();
        wait_disconnected(&mut sender, "narrow").await;
    }
    let mut receiver = Device::join(&server, "narrow").await;
    append(&mut received, read_up_to(&mut receiver, "live-1").await);
    let expected: Vec<String> = all.into_iter().chain(["live-3", "live-7", "live-1"].map(ToOwned::to_owned)).collect();
    assert_eq!(received, expected, "in order, nothing lost, nothing twice");
    wait_redelivered(&mut sender, expected.len() as u64).await;
    // The queue is empty.
    let end = Instant::now() + wait::TIMEOUT;
    while post(&mut sender, "after", "narrow", 10).await["delivered"] != json!(["narrow"]) {
        assert!(Instant::now() < end, "still queued");
        receiver.ping().await;
    }
}

#[tokio::test]
async fn p4_a_receiver_whose_network_is_gone_gets_the_rest_on_its_new_connection() {
    let server = Server::start(settings()).await;
    let mut sender = Device::join(&server, "sender").await;
    for number in 0..QUEUED {
        post(&mut sender, &format!("kept-{number}"), "narrow", BYTES).await;
    }
    // It stops reading without closing, then reconnects while the old connection is still open.
    let mut silent = Narrow::join(&server, "narrow").await;
    let first = silent.read_messages(5).await;
    // Far more than it has read is in socket buffers by now, which must not count as delivered.
    let handed_over = async || {
        let metrics = server.admin("GET", "/metrics", "").await.body;
        let line = metrics.lines().find(|line| line.starts_with("modehost_queue_handed_over_total "));
        line.and_then(|line| line.split(' ').nth(1)?.parse::<f64>().ok())
    };
    wait::until("the first five are removed from the queue", wait::TIMEOUT, handed_over, |count| *count >= Some(5.0))
        .await;
    for number in 0..20 {
        post(&mut sender, &format!("aside-{number}"), "nobody", 10).await;
    }
    let mut receiver = Device::join(&server, "narrow").await;
    let rest = read_up_to(&mut receiver, &format!("kept-{}", QUEUED - 1)).await;
    let received: Vec<String> = first.into_iter().chain(rest).collect();
    let expected: Vec<String> = (0..QUEUED).map(|number| format!("kept-{number}")).collect();
    assert_eq!(received, expected);
    wait_redelivered(&mut sender, QUEUED as u64).await;
}

#[tokio::test]
async fn p4_a_slow_receiver_is_handed_a_hundred_large_messages_without_being_closed() {
    let server = Server::start(settings()).await;
    let mut sender = Device::join(&server, "sender").await;
    for number in 0..100 {
        post(&mut sender, &format!("kept-{number}"), "narrow", BYTES).await;
    }
    let mut receiver = Narrow::join(&server, "narrow").await;
    for number in 0..100 {
        assert_eq!(receiver.read_messages(1).await, [format!("kept-{number}")]);
        if number % 25 == 0 {
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
    wait_redelivered(&mut sender, 100).await;
}

#[tokio::test]
async fn p4_a_kill_in_mid_delivery_loses_nothing() {
    let mut server = Server::start(settings()).await;
    let mut sender = Device::join(&server, "sender").await;
    for number in 0..QUEUED {
        post(&mut sender, &format!("kept-{number}"), "narrow", BYTES).await;
    }
    let mut receiver = Narrow::join(&server, "narrow").await;
    let first = receiver.read_messages(9).await;
    server.kill9();
    drop(receiver);
    server.launch();
    server.ready().await;
    let mut receiver = Device::join(&server, "narrow").await;
    let rest = read_up_to(&mut receiver, &format!("kept-{}", QUEUED - 1)).await;
    let number = |id: &String| id.trim_start_matches("kept-").parse::<usize>().expect("a number");
    assert!(rest.iter().map(number).is_sorted(), "{rest:?}");
    let again = number(&rest[0]);
    // What arrived but was not yet removed from the queue when the server died is sent again; nothing is missing.
    assert!(again <= first.len() && rest.len() == QUEUED - again, "{} read before, then {rest:?}", first.len());
    assert!(first.len() - again <= 8, "a page at the most comes twice: {} read before, then {rest:?}", first.len());
}
