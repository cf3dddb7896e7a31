//! M.5: finalize requests from ten connections at random moments, together with swaps, vanishing devices and kills.
//! Rule: a meeting has one summary that is marked as the first, one archive entry, and every snippet that the device
//! was shown.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::join_all;
use modehost_provider::{Provider, Reply};
use modehost_tests::{Device, Seen, Server, guest};
use serde_json::Value;

use crate::meeting::{archived, finalize, rebuilt, snippet, with};

const ANSWER: &str = r#"{"title":"T","bullets":["b"],"decisions":[],"actions":[]}"#;
/// Connections per round.
const CONNECTIONS: u64 = 10;

/// A seeded random generator, the same in each run; the timing of the machine adds to it.
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, most: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % most
    }
}

/// Everything that any connection of the device received.
#[derive(Default)]
struct Received {
    snippets: Vec<String>,
    /// By meeting: how many were the first, and all of them without that flag.
    summaries: BTreeMap<String, (usize, Vec<Value>)>,
}

impl Received {
    fn record(&mut self, message: &Value) {
        match message["phase"].as_str() {
            Some("snippet") => self.snippets.push(message["text"].as_str().unwrap_or_default().to_owned()),
            Some("summary") => {
                let meeting = message["meeting_id"].as_str().unwrap_or_default().to_owned();
                let (firsts, all) = self.summaries.entry(meeting).or_default();
                *firsts += usize::from(message["idempotent"] == false);
                let mut plain = message.clone();
                plain["idempotent"] = Value::Null;
                all.push(plain);
            }
            _ => {}
        }
    }
}

/// Reads until nothing comes for `patience` (true) or the connection ends (false).
async fn listen(device: &mut Device, received: &Mutex<Received>, patience: Duration) -> bool {
    loop {
        match device.next_within(patience).await {
            Some(Seen::Json(message)) => received.lock().expect("not poisoned").record(&message),
            Some(Seen::Closed(..) | Seen::Lost(_)) => return false,
            Some(_) => {}
            None => return true,
        }
    }
}

/// One connection: snippets and finalize requests at random moments; it may vanish in the middle.
async fn connection(server: &Server, number: u64, seed: u64, received: Arc<Mutex<Received>>) {
    let mut random = Random::new(seed * 100 + number);
    tokio::time::sleep(Duration::from_millis(random.below(400))).await;
    let headers = [("Device-Id", "dev-1"), ("Client-Id", "test")];
    // The server may be down at this moment.
    let Ok(mut device) = Device::try_connect(server, "/supie/v1/", &headers).await else { return };
    device.send(serde_json::json!({ "type": "hello", "version": 1, "transport": "websocket" })).await;
    for message in 0..4 {
        match random.below(3) {
            0 => device.send(snippet(&format!("Connection {number} of round {seed} says {message}."))).await,
            _ => device.send(finalize()).await,
        }
        if !listen(&mut device, &received, Duration::from_millis(random.below(60))).await {
            return;
        }
    }
    if random.below(4) == 0 {
        return device.vanish();
    }
    listen(&mut device, &received, Duration::from_millis(500)).await;
}

async fn round(server: &mut Server, seed: u64, kill: bool) {
    let mut random = Random::new(seed);
    let received = Arc::new(Mutex::new(Received::default()));
    let mut device = Device::join(server, "dev-1").await;
    device.start_mode("meeting").await;
    for number in 0..3 {
        device.send(snippet(&format!("Said first in round {seed}, {number}."))).await;
    }
    device.expect("the last snippet", |message| message["phase"] == "snippet" && message["seq"] == 3).await;
    for message in device.seen_of_type("meeting") {
        received.lock().expect("not poisoned").record(message);
    }
    let (moment, mark) = (random.below(500), u8::try_from(seed % 100).expect("small"));
    {
        let server = &*server;
        let swap = async {
            tokio::time::sleep(Duration::from_millis(random.below(300))).await;
            server.install("meeting", &rebuilt(&guest::bundled("meeting"), mark));
        };
        let all = join_all((0..CONNECTIONS).map(|number| connection(server, number, seed, received.clone())));
        if kill {
            // A power cut ends all connections at once; what they received before it counts.
            let _ = tokio::time::timeout(Duration::from_millis(200 + moment), async { tokio::join!(all, swap) }).await;
        } else {
            tokio::join!(all, swap);
        }
    }
    if kill {
        server.kill9();
        server.launch();
        server.ready().await;
    }
    // Outstanding messages arrive, and a repeated request returns the same summary.
    let mut device = Device::join(server, "dev-1").await;
    device.send(finalize()).await;
    let last = device.expect("the summary", |message| message["phase"] == "summary" && message["idempotent"] == true);
    let last = last.await;
    listen(&mut device, &Mutex::default(), Duration::from_millis(300)).await;
    for message in device.seen_of_type("meeting") {
        received.lock().expect("not poisoned").record(message);
    }
    let meeting = last["meeting_id"].as_str().expect("a meeting").to_owned();
    let record = archived(server, &meeting).await;
    let received = std::mem::take(&mut *received.lock().expect("not poisoned"));
    for (meeting, (firsts, all)) in &received.summaries {
        assert!(*firsts <= 1, "round {seed}: {meeting} had {firsts} first summaries");
        assert!(all.iter().all(|one| one == &all[0]), "round {seed}: {meeting}: {all:#?}");
    }
    let transcript: Vec<&str> = record["transcript"]
        .as_array()
        .expect("a transcript")
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    for snippet_text in &received.snippets {
        assert!(
            transcript.contains(&snippet_text.as_str()),
            "round {seed}: {snippet_text} was shown and is lost: {transcript:?}"
        );
    }
    let index = server.data_dir().join("meetings/index.json");
    let index: Value = serde_json::from_slice(&std::fs::read(index).expect("the index")).expect("JSON");
    let entries = index["entries"].as_array().expect("entries");
    assert_eq!(entries.iter().filter(|entry| entry["id"] == meeting.as_str()).count(), 1, "round {seed}: {index}");
    // The next round is another meeting.
    device.send(serde_json::json!({ "type": "mode", "state": "end", "mode": "meeting" })).await;
    device.expect("the mode has ended", |message| message["type"] == "mode").await;
    device.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn m5_ten_connections_finalize_at_once_with_swaps() {
    let provider = Provider::start();
    provider.default_reply(Reply::text(ANSWER).delayed_by(Duration::from_millis(120)));
    let mut server = Server::start(with(&provider)).await;
    for seed in 1..=5 {
        round(&mut server, seed, false).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m5_ten_connections_finalize_at_once_with_swaps_and_kills() {
    let provider = Provider::start();
    provider.default_reply(Reply::text(ANSWER).delayed_by(Duration::from_millis(120)));
    let mut server = Server::start(with(&provider)).await;
    for seed in 11..=16 {
        round(&mut server, seed, true).await;
    }
}
