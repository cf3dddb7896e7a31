//! C.12: commands of the operator's console, and configuration from a remote address. Rule: a command that fails has
//! changed nothing, and says why. Restarts are tested in [`super::restart`].

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use modehost_tests::{Device, Seen, Server, Settings, wait};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// The secret that control sessions must show.
pub const SECRET: &str = "hush-hush-9";

pub fn with_secret() -> Settings {
    Settings::new().set("server.secret", json!(SECRET))
}

/// Sends a console command on a new connection, with a generated id and without hello; returns the answer.
pub async fn send_command(server: &Server, action: &str, secret: &str) -> (Device, Value) {
    static NEXT_ID: AtomicUsize = AtomicUsize::new(0);
    let id = format!("7f3c0000-0000-4000-8000-{:012}", NEXT_ID.fetch_add(1, Ordering::Relaxed));
    let connected = Device::try_connect(server, "/supie/v1/", &[("Device-Id", &id), ("Client-Id", &id)]).await;
    let mut console = connected.expect("a console may connect");
    console.send(json!({ "type": "server", "action": action, "content": { "secret": secret } })).await;
    let answer = console.expect_type("server").await;
    assert_eq!(answer["content"]["action"], action, "{answer}");
    (console, answer)
}

pub async fn update_config(server: &Server) -> Value {
    send_command(server, "update_config", SECRET).await.1
}

pub fn is_success(answer: &Value) -> bool {
    assert!(["success", "error"].contains(&answer["status"].as_str().unwrap_or_default()), "{answer}");
    answer["status"] == "success"
}

/// The time zone offset that OTA reports: a setting that is visible from outside.
pub async fn timezone_offset(server: &Server) -> Value {
    let answer = modehost_tests::http::request(
        server.http(),
        "POST",
        "/xiaozhi/ota/",
        &[("Device-Id", "aa:bb"), ("Client-Id", "c")],
        "{}",
    );
    answer.await.expect("an answer").json()["server_time"]["timezone_offset"].clone()
}

#[tokio::test]
async fn c12_update_config_reads_the_file_anew_and_says_what_is_wrong_with_it() {
    let settings = with_secret();
    let server = Server::start(settings.clone()).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(timezone_offset(&server).await, 480);
    server.configure(&settings.clone().set("server.timezone_offset_min", json!(60)));
    let answer = update_config(&server).await;
    assert!(is_success(&answer), "{answer}");
    assert_eq!(timezone_offset(&server).await, 60, "it is applied before it is answered");

    server.write_config("server:\n  ip: 127.0.0.1\n  secret: hush-hush-9\n  timezone_offset_min: nine\n");
    let answer = update_config(&server).await;
    assert!(!is_success(&answer), "{answer}");
    let message = answer["message"].as_str().unwrap_or_default();
    assert!(message.contains("nothing has changed") && message.contains(":4:"), "with the line: {message}");
    assert!(!message.contains(SECRET), "{message}");
    assert_eq!(timezone_offset(&server).await, 60);
    device.ping().await;
    assert!(device.seen_of_type("system").is_empty(), "other devices receive nothing");
}

#[tokio::test]
async fn c12_only_the_secret_opens_and_guesses_are_few() {
    let server = Server::start(Settings::new()).await;
    let (_, answer) = send_command(&server, "restart", "").await;
    assert_eq!((&answer["status"], &answer["code"]), (&json!("error"), &json!("FORBIDDEN")));
    drop(server);

    let server = Server::start(with_secret()).await;
    let (mut console, answer) = send_command(&server, "reboot", SECRET).await;
    assert!(!is_success(&answer) && answer["message"].as_str().unwrap_or_default().contains("update_config, restart"));
    console.send(json!({ "type": "server" })).await;
    console.expect_error("SCHEMA_INVALID").await;
    let mut codes = Vec::new();
    for _ in 0..8 {
        let (mut console, answer) = send_command(&server, "restart", "hush-hush-8").await;
        codes.push(answer["code"].as_str().unwrap_or_default().to_owned());
        console.ping().await;
    }
    assert_eq!(codes[0], "FORBIDDEN");
    assert_eq!(codes[7], "RATE_LIMITED", "{codes:?}");
    let (_, answer) = send_command(&server, "update_config", SECRET).await;
    assert_eq!(answer["code"], "RATE_LIMITED", "the answer must not reveal a right guess");
    let output = server.output();
    assert!(output.contains("wrong secret") && !output.contains("hush-hush"), "{output}");
}

/// How the remote address behaves.
#[derive(Clone)]
pub enum RemoteBehaviour {
    Document(String),
    Status(&'static str),
    Hang,
    Huge,
}

/// A remote address that serves a configuration to clients that know its secret.
pub struct Remote {
    port: u16,
    behaviour: Arc<Mutex<RemoteBehaviour>>,
    asked: Arc<AtomicUsize>,
    /// Aborted on drop.
    _task: JoinSet<()>,
}

impl Remote {
    pub async fn start(behaviour: RemoteBehaviour) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let (behaviour, asked) = (Arc::new(Mutex::new(behaviour)), Arc::new(AtomicUsize::new(0)));
        let (now, count) = (behaviour.clone(), asked.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                let Ok((mut stream, _)) = listener.accept().await else { return };
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    if stream.read(&mut byte).await.unwrap_or(0) == 0 {
                        break;
                    }
                    head.push(byte[0]);
                }
                count.fetch_add(1, Ordering::Relaxed);
                let behaviour = now.lock().expect("lock").clone();
                let right =
                    String::from_utf8_lossy(&head).to_lowercase().contains("authorization: bearer remote-secret");
                let answer = match behaviour {
                    _ if !right => "HTTP/1.1 401 no\r\nContent-Length: 0\r\n\r\n".to_owned(),
                    RemoteBehaviour::Document(text) => {
                        format!("HTTP/1.1 200 ok\r\nContent-Length: {}\r\n\r\n{text}", text.len())
                    }
                    RemoteBehaviour::Status(line) => format!("HTTP/1.1 {line}\r\nContent-Length: 0\r\n\r\n"),
                    RemoteBehaviour::Huge => {
                        format!("HTTP/1.1 200 ok\r\nContent-Length: 9000000\r\n\r\n{}", "#".repeat(9_000_000))
                    }
                    RemoteBehaviour::Hang => {
                        // Until the server's request times out.
                        let _ = stream.read(&mut [0]).await;
                        continue;
                    }
                };
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { port, behaviour, asked, _task: task }
    }

    pub fn set(&self, behaviour: RemoteBehaviour) {
        *self.behaviour.lock().expect("lock") = behaviour;
    }

    pub fn set_document(&self, text: &str) {
        self.set(RemoteBehaviour::Document(text.to_owned()));
    }

    pub fn settings(&self) -> Settings {
        let url = format!("http://127.0.0.1:{}/modehost.yaml", self.port);
        let remote = json!({ "url": url, "secret": "remote-secret", "timeout_s": 1 });
        with_secret().set("config.remote", remote)
    }
}

const SIXTY: &str = "server:\n  timezone_offset_min: 60\n";

#[tokio::test]
async fn c12_a_remote_configuration_lies_over_the_file_and_is_taken_whole_or_not_at_all() {
    let remote = Remote::start(RemoteBehaviour::Document(SIXTY.to_owned())).await;
    let server = Server::start(remote.settings().set("server.timezone_offset_min", json!(0))).await;
    assert_eq!(timezone_offset(&server).await, 60, "at the start");
    remote.set_document("server: { timezone_offset_min: 120 }\n");
    let answer = update_config(&server).await;
    assert!(is_success(&answer), "{answer}");
    assert_eq!(timezone_offset(&server).await, 120);
    let asked = remote.asked.load(Ordering::Relaxed);

    for (behaviour, part) in [
        (
            RemoteBehaviour::Document("server:\n  timezone_offset_min: 180\n  portt: 1\n".into()),
            "remote configuration:3:3",
        ),
        (
            RemoteBehaviour::Document("config:\n  remote: { url: http://127.0.0.1:1/ }\n".into()),
            "cannot change its own address",
        ),
        (RemoteBehaviour::Document("unheard_of: {}\nserver: { timezone_offset_min: 180 }\n".into()), "unheard_of"),
        (RemoteBehaviour::Status("500 oh"), "it answered 500"),
        (RemoteBehaviour::Status("302 there\r\nLocation: http://127.0.0.1:1/"), "redirects are not followed"),
        (RemoteBehaviour::Huge, "more than 1048576 bytes"),
        (RemoteBehaviour::Hang, "no answer within 1 s"),
    ] {
        remote.set(behaviour);
        let answer = update_config(&server).await;
        let message = answer["message"].as_str().unwrap_or_default();
        assert!(!is_success(&answer) && message.contains(part), "{part}: {message}");
        assert!(!message.contains("remote-secret"), "{message}");
        assert_eq!(timezone_offset(&server).await, 120, "{part}");
    }
    assert_eq!(remote.asked.load(Ordering::Relaxed), asked + 7, "one request each");
    remote.set_document(SIXTY);
    server.configure(&remote.settings().set("config.remote.secret", json!("wrong")));
    let answer = update_config(&server).await;
    assert!(answer["message"].as_str().unwrap_or_default().contains("is the secret right?"), "{answer}");
    assert!(!server.output().contains("remote-secret"));
}

#[tokio::test]
async fn c12_a_start_without_its_remote_address_uses_the_last_good_copy() {
    let remote = Remote::start(RemoteBehaviour::Document(SIXTY.to_owned())).await;
    let settings = remote.settings();
    let mut server = Server::start(settings.clone()).await;
    remote.set_document("server: { timezone_offset_min: 120 }\n");
    assert!(is_success(&update_config(&server).await));
    // A rejected configuration is not cached.
    remote.set_document("server: { timezone_offset_min: wrong }\n");
    assert!(!is_success(&update_config(&server).await));
    server.kill9();
    remote.set(RemoteBehaviour::Status("503 away"));
    server.launch();
    server.ready().await;
    assert_eq!(timezone_offset(&server).await, 120);
    assert!(server.output().contains("the last good copy is used instead"), "{}", server.output());
    server.terminate().await;

    // One that answers with an invalid configuration does not prevent the start, either.
    remote.set_document("server: { timezone_offset_min: wrong }\n");
    server.launch();
    server.ready().await;
    assert_eq!(timezone_offset(&server).await, 120);
    // A change of the file alone causes no request.
    let asked = remote.asked.load(Ordering::Relaxed);
    server.configure(&settings.clone().set("gateway.duplicate_device", json!("reject")));
    server.wait_output("configuration reloaded").await;
    assert_eq!((timezone_offset(&server).await, remote.asked.load(Ordering::Relaxed)), (json!(120), asked));
    server.terminate().await;

    // The copy is used for its own address only: for another one, nothing is used.
    drop(remote);
    let other = Remote::start(RemoteBehaviour::Status("503 away")).await;
    server.configure(&other.settings());
    server.launch();
    let status = server.wait_exit(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(1), "{}", server.output());
    let output = server.output();
    assert!(output.contains("config.remote.url cannot be fetched: it answered 503"), "{output}");
    assert!(output.contains("no copy of an earlier start"), "{output}");
}

#[tokio::test]
async fn c12_a_console_that_goes_leaves_its_order_done() {
    let remote = Remote::start(RemoteBehaviour::Document(SIXTY.to_owned())).await;
    let server = Server::start(remote.settings()).await;
    remote.set_document("server: { timezone_offset_min: 120 }\n");
    let mut console = Device::connect(&server, "console").await;
    console.send(json!({ "type": "server", "action": "update_config", "content": { "secret": SECRET } })).await;
    // The ping proves that the command has been received.
    console.send(json!({ "type": "ping" })).await;
    while !matches!(console.next_within(wait::TIMEOUT).await, Some(Seen::Json(message)) if message["type"] == "pong") {}
    console.vanish();
    let probe = async || timezone_offset(&server).await;
    wait::until("the new value holds", wait::TIMEOUT, probe, |timezone_offset| *timezone_offset == 120).await;
}
