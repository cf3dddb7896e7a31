//! An identity provider on a socket. Rule: it answers what the test has set last, and remembers
//! every request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use modehost_task::{IoTask, IoTasks, spawn_io};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What it answers.
#[derive(Clone)]
pub enum Answer {
    Json(Value),
    /// The same, after a while.
    Late(Duration, Value),
    Status(u16),
    /// A body as it is, with 200.
    Body(Vec<u8>),
    /// No HTTP at all.
    Garbage,
    /// Nothing, while the connection stays open.
    Silence,
    /// The connection is closed at once.
    Close,
}

pub struct Fake {
    address: SocketAddr,
    shared: Arc<Shared>,
    _task: IoTask<()>,
}

struct Shared {
    answer: Mutex<Answer>,
    requests: Mutex<Vec<String>>,
}

impl Fake {
    pub async fn start(answer: Answer) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { answer: Mutex::new(answer), requests: Mutex::default() });
        let own = shared.clone();
        let task = spawn_io(async move {
            let mut connections = IoTasks::default();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(converse(stream, own.clone()));
            }
        });
        Self { address, shared, _task: task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/provider", self.address)
    }

    pub fn answers(&self, answer: Answer) {
        *self.shared.answer.lock() = answer;
    }

    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().clone()
    }

    pub fn count(&self) -> usize {
        self.shared.requests.lock().len()
    }
}

/// One request a connection.
async fn converse(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(request) = read(&mut stream).await else { return };
    shared.requests.lock().push(request);
    let answer = shared.answer.lock().clone();
    let bytes = match answer {
        Answer::Json(value) => whole(200, value.to_string().as_bytes()),
        Answer::Late(time, value) => {
            tokio::time::sleep(time).await;
            whole(200, value.to_string().as_bytes())
        }
        Answer::Status(status) => whole(status, b"{}"),
        Answer::Body(body) => whole(200, &body),
        Answer::Garbage => b"\x00\xffthis is not HTTP\r\n\r\n".to_vec(),
        Answer::Silence => std::future::pending().await,
        Answer::Close => return,
    };
    let _ = stream.write_all(&bytes).await;
}

fn whole(status: u16, body: &[u8]) -> Vec<u8> {
    let head = format!(
        "HTTP/1.1 {status} Words\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    [head.as_bytes(), body].concat()
}

async fn read(stream: &mut TcpStream) -> Option<String> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let count = stream.read(&mut chunk).await.ok().filter(|count| *count > 0)?;
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let lower = head.to_ascii_lowercase();
        let length = lower.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() >= length.unwrap_or(0) {
            return Some(text);
        }
    }
}
