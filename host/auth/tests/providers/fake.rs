//! A fake identity provider on a socket. Rule: it sends the response that the test set last, and records every request.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use modehost_task::{IoTask, IoTasks, spawn_io};
use parking_lot::Mutex;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A response.
#[derive(Clone)]
pub enum Response {
    Json(Value),
    /// The same, after a delay.
    Delayed(Duration, Value),
    Status(u16),
    /// A raw body, with status 200.
    Body(Vec<u8>),
    /// Bytes that are not HTTP.
    Garbage,
    /// No response, while the connection stays open.
    Silent,
    /// Closes the connection at once.
    Close,
}

pub struct FakeProvider {
    address: SocketAddr,
    shared: Arc<Shared>,
    _task: IoTask<()>,
}

struct Shared {
    response: Mutex<Response>,
    requests: Mutex<Vec<String>>,
}

impl FakeProvider {
    pub async fn start(response: Response) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let shared = Arc::new(Shared { response: Mutex::new(response), requests: Mutex::default() });
        let state = shared.clone();
        let task = spawn_io(async move {
            let mut connections = IoTasks::default();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, state.clone()));
            }
        });
        Self { address, shared, _task: task }
    }

    pub fn url(&self) -> String {
        format!("http://{}/provider", self.address)
    }

    pub fn respond_with(&self, response: Response) {
        *self.shared.response.lock() = response;
    }

    pub fn requests(&self) -> Vec<String> {
        self.shared.requests.lock().clone()
    }

    pub fn count(&self) -> usize {
        self.shared.requests.lock().len()
    }
}

/// Serves one request per connection.
async fn serve(mut stream: TcpStream, shared: Arc<Shared>) {
    let Some(request) = read(&mut stream).await else { return };
    shared.requests.lock().push(request);
    let response = shared.response.lock().clone();
    let bytes = match response {
        Response::Json(value) => http_response(200, value.to_string().as_bytes()),
        Response::Delayed(time, value) => {
            tokio::time::sleep(time).await;
            http_response(200, value.to_string().as_bytes())
        }
        Response::Status(status) => http_response(status, b"{}"),
        Response::Body(body) => http_response(200, &body),
        Response::Garbage => b"\x00\xffthis is not HTTP\r\n\r\n".to_vec(),
        Response::Silent => std::future::pending().await,
        Response::Close => return,
    };
    let _ = stream.write_all(&bytes).await;
}

fn http_response(status: u16, body: &[u8]) -> Vec<u8> {
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
