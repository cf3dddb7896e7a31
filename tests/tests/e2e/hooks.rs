//! M.8: webhooks. Rule: the receiver is a plain socket that counts requests and verifies the signature after RFC 2104;
//! what a failed post must not affect is checked as well.

use std::collections::VecDeque;
use std::net::Ipv4Addr;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use modehost_tests::{Device, Server, Settings, guest, server, wait};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

const SECRET: &str = "hush-hush-secret";
const WORDS: &str = "We decided to paint the shed green, said nobody else.";
/// Two attempts and the pause between them, on a busy machine.
const RETRY_TIMEOUT: Duration = Duration::from_secs(30);

/// How the receiver treats a request.
#[derive(Clone, Copy)]
enum Answer {
    Status(u16),
    /// Never answered.
    Hang,
}

#[derive(Clone)]
struct Request {
    at: Instant,
    /// Header lines.
    head: String,
    body: Vec<u8>,
}

impl Request {
    fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

/// A webhook receiver with scripted answers; 200 when none is left.
struct Receiver {
    url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    async fn start(answers: &[Answer]) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let url = format!("http://{}/path-token-77", listener.local_addr().expect("an address"));
        let answers = Arc::new(Mutex::new(VecDeque::from(answers.to_vec())));
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (received, mut tasks) = (requests.clone(), JoinSet::new());
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, answers.clone(), received.clone()));
            }
        });
        Self { url, requests, _tasks: tasks }
    }

    fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("requests").clone()
    }

    async fn wait_requests(&self, count: usize) -> Vec<Request> {
        let probe = || std::future::ready(self.requests().len());
        wait::until("requests", RETRY_TIMEOUT, probe, |seen| *seen >= count).await;
        self.requests()
    }
}

async fn serve(mut stream: TcpStream, answers: Arc<Mutex<VecDeque<Answer>>>, received: Arc<Mutex<Vec<Request>>>) {
    while let Some(request) = read(&mut stream).await {
        received.lock().expect("requests").push(request);
        let answer = answers.lock().expect("answers").pop_front();
        match answer.unwrap_or(Answer::Status(200)) {
            Answer::Status(status) => {
                let text = format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\n\r\n");
                let _ = stream.write_all(text.as_bytes()).await;
            }
            Answer::Hang => {
                let _ = stream.read(&mut [0; 16]).await;
                return;
            }
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(&mut bytes).await.ok()? == 0 {
            return None;
        }
    };
    let head = String::from_utf8(bytes[..end].to_vec()).ok()?;
    let mut request = Request { at: Instant::now(), head, body: bytes[end + 4..].to_vec() };
    let length: usize = request.header("content-length")?.parse().ok()?;
    while request.body.len() < length {
        if stream.read_buf(&mut request.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}

/// HMAC-SHA256 after RFC 2104.
fn hmac(key: &[u8], body: &[u8]) -> String {
    let padded = |pad: u8| -> Vec<u8> { (0..64).map(|at| key.get(at).unwrap_or(&0) ^ pad).collect() };
    let inner = Sha256::digest([padded(0x36).as_slice(), body].concat());
    let outer = Sha256::digest([padded(0x5c).as_slice(), &inner[..]].concat());
    outer.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A server whose meetings are posted to `url`.
fn settings(url: &str) -> Settings {
    let grants = ["model", "journals:meeting/", "documents:meeting/", "archive:meetings", "deliver", "hook:notes"];
    Settings::new()
        .plugin("meeting", guest::bundled("meeting"))
        .set("plugins.grants.meeting", json!(grants))
        .set("meeting.webhook", json!("notes"))
        .set("hooks.notes", json!({ "url": url, "secret": SECRET, "timeout_s": 1 }))
}

/// A finished meeting; its id and its summary.
async fn finish_meeting(server: &Server, id: &str) -> (String, Value) {
    let mut device = Device::join(server, id).await;
    device.start_mode("meeting").await;
    device.send(json!({ "type": "meeting", "phase": "snippet", "text": WORDS })).await;
    device.expect("the snippet", |message| message["phase"] == "snippet").await;
    device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
    let summary = device.expect("the summary", |message| message["phase"] == "summary").await;
    (device.session_id().to_owned(), summary)
}

/// Waits for posts with this outcome; returns how many there were.
async fn wait_count(server: &Server, outcome: &str) -> f64 {
    let line = format!("modehost_hook_posts_total{{hook=\"notes\",outcome=\"{outcome}\"}} ");
    let probe = async || {
        let metrics = server.admin("GET", "/metrics", "").await.body;
        metrics.lines().find_map(|found| found.strip_prefix(&line)?.parse::<f64>().ok()).unwrap_or_default()
    };
    wait::until(&line, RETRY_TIMEOUT, probe, |count| *count > 0.0).await
}

fn lines<'o>(output: &'o str, phrase: &str) -> Vec<&'o str> {
    output.lines().filter(|line| line.contains(phrase)).collect()
}

/// Asserts that nothing private has been logged.
fn assert_nothing_private(output: &str) {
    for private in [SECRET, "shed green", "path-token-77"] {
        assert!(!output.contains(private), "{private:?} was logged:\n{output}");
    }
}

#[tokio::test]
async fn m8_a_finished_meeting_is_posted_signed_and_whole() {
    let receiver = Receiver::start(&[]).await;
    let server = Server::start(settings(&receiver.url)).await;
    let (id, summary) = finish_meeting(&server, "dev-1").await;
    let [request] = &receiver.wait_requests(1).await[..] else { panic!("one request") };
    let expected = format!("sha256={}", hmac(SECRET.as_bytes(), &request.body));
    assert_eq!(request.header("X-Meeting-Signature"), Some(&*expected));
    assert_eq!(request.header("Content-Type"), Some("application/json"));
    let body: Value = serde_json::from_slice(&request.body).expect("JSON");
    assert_eq!(body["event"], json!("meeting.finalized"));
    assert_eq!(body["session_id"], json!(id));
    assert_eq!(body["transcript"][0]["text"], json!(WORDS), "{body}");
    assert_eq!(body["title"], summary["title"], "{body}");
    assert_eq!(wait_count(&server, "ok").await, 1.0);
    server.wait_output("webhook delivered").await;
    let output = server.output();
    let [line] = lines(&output, "webhook delivered")[..] else { panic!("one line:\n{output}") };
    let sha8 = &Sha256::digest(&request.body).iter().map(|byte| format!("{byte:02x}")).collect::<String>()[..8];
    assert!(line.contains(sha8) && line.contains(&request.body.len().to_string()), "{line}");
    assert_nothing_private(&output);
}

#[tokio::test]
async fn m8_a_post_that_failed_is_tried_once_more_after_two_to_five_seconds() {
    let receiver = Receiver::start(&[Answer::Status(500)]).await;
    let server = Server::start(settings(&receiver.url)).await;
    finish_meeting(&server, "dev-1").await;
    let requests = receiver.wait_requests(2).await;
    let pause = requests[1].at - requests[0].at;
    // A busy machine may be late, never early.
    assert!((2.0..8.0).contains(&pause.as_secs_f64()), "{pause:?}");
    assert_eq!(requests[0].body, requests[1].body);
    assert_eq!(requests[0].header("X-Meeting-Signature"), requests[1].header("X-Meeting-Signature"));
    assert_eq!(wait_count(&server, "retry_ok").await, 1.0);
    assert!(lines(&server.output(), "webhook not delivered").is_empty());
}

#[tokio::test]
async fn m8_failure_is_one_line_and_touches_neither_summary_nor_archive() {
    let receiver = Receiver::start(&[Answer::Hang, Answer::Status(503)]).await;
    let server = Server::start(settings(&receiver.url)).await;
    let (id, summary) = finish_meeting(&server, "dev-1").await;
    assert_eq!(summary["idempotent"], json!(false));
    assert_eq!(wait_count(&server, "fail").await, 1.0);
    let requests = receiver.requests();
    assert_eq!(requests.len(), 2, "no third attempt");
    // The duration of the attempt and the shortest pause.
    assert!(requests[1].at - requests[0].at >= Duration::from_millis(2_900));
    server.wait_output("webhook not delivered").await;
    let output = server.output();
    let [line] = lines(&output, "webhook not delivered")[..] else { panic!("one line:\n{output}") };
    assert!(line.contains("ERROR") && line.contains("503"), "{line}");
    assert_nothing_private(&output);
    let file = server.data_dir().join(format!("meetings/{id}.json"));
    let record: Value = serde_json::from_slice(&std::fs::read(file).expect("the file")).expect("JSON");
    assert_eq!(record["transcript"][0]["text"], json!(WORDS));
}

#[tokio::test]
async fn m8_changed_hooks_hold_from_the_next_post() {
    let (one, two) = (Receiver::start(&[]).await, Receiver::start(&[]).await);
    let settings = settings(&one.url);
    let server = Server::start(settings.clone()).await;
    finish_meeting(&server, "dev-1").await;
    one.wait_requests(1).await;
    server.configure(&settings.set("hooks.notes.url", json!(two.url)));
    // Each round finishes another meeting, until one is posted to the new address.
    let mut number = 1;
    while two.requests().is_empty() {
        number += 1;
        assert!(number < 50, "the new address is never used");
        let before = one.requests().len() + two.requests().len();
        finish_meeting(&server, &format!("dev-{number}")).await;
        let probe = || std::future::ready(one.requests().len() + two.requests().len());
        wait::until("the post", wait::TIMEOUT, probe, |now| *now > before).await;
    }
    assert_nothing_private(&server.output());
}

#[test]
fn m8_a_mistaken_address_is_refused_at_its_line() {
    let directory = tempfile::tempdir().expect("a temporary directory");
    let file = directory.path().join("mine.yaml");
    for (url, phrase) in [
        ("hooks.example.org/in", "http://"),
        ("ftp://hooks.example.org/in", "http://"),
        ("https://user:word@hooks.example.org", "password"),
    ] {
        std::fs::write(&file, format!("hooks:\n  notes:\n    secret: hush-77\n    url: {url}\n")).expect("write");
        let output = Command::new(server::binary()).arg("check").arg(&file).output().expect("the server's binary");
        let written = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
        assert_eq!(output.status.code(), Some(64), "{written}");
        assert!(written.contains("mine.yaml:4") && written.contains("hooks.notes.url"), "{written}");
        assert!(written.contains(phrase), "{written}");
        assert!(!written.contains("hush-77"), "{written}");
    }
}
