//! Webhook receiver on a loopback port. Rule: it follows the scripted answers in order, then answers 200; every
//! complete request is recorded.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Answer to a request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Status(u16),
    /// 200 after a delay.
    Slow,
    /// No answer.
    Hang,
    /// The connection is reset before the response.
    Reset,
    /// The connection is reset in the middle of the status line.
    ResetMidHead,
    /// The connection is closed in the middle of the response body.
    CutMidBody,
    /// 200 and an endless body.
    Endless,
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    head: String,
    pub body: Vec<u8>,
}

impl Request {
    /// The value of a header, by its lower-case name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

#[derive(Default)]
struct State {
    answers: Vec<Answer>,
    requests: Vec<Request>,
    open: usize,
    max_open: usize,
}

pub(super) struct Receiver {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
    changes: watch::Receiver<()>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    pub(super) async fn start(mut answers: Vec<Answer>) -> Self {
        answers.reverse();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let state = Arc::new(Mutex::new(State { answers, ..State::default() }));
        let (change, changes) = watch::channel(());
        let (shared, mut tasks) = (state.clone(), JoinSet::new());
        tasks.spawn(async move {
            let (change, mut connections) = (Arc::new(change), JoinSet::new());
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, shared.clone(), change.clone()));
            }
        });
        Self { address, state, changes, _tasks: tasks }
    }

    /// An address without a listener.
    pub(super) async fn unreachable_url() -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        format!("http://{}/secret-path", listener.local_addr().expect("an address"))
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/secret-path", self.address)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.state.lock().expect("the state").requests.clone()
    }

    pub(super) fn max_concurrent(&self) -> usize {
        self.state.lock().expect("the state").max_open
    }

    pub(super) async fn wait_requests(&self, count: usize) {
        self.wait(|state| state.requests.len() >= count).await;
    }

    /// Waits until no request is open.
    pub(super) async fn wait_closed(&self) {
        self.wait(|state| state.open == 0).await;
    }

    async fn wait(&self, done: impl Fn(&State) -> bool) {
        let mut changes = self.changes.clone();
        let wait = async {
            while !done(&self.state.lock().expect("the state")) {
                changes.changed().await.expect("the receiver lives");
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("in time");
    }
}

/// Serves the requests of one connection, one after another.
async fn serve(mut stream: TcpStream, state: Arc<Mutex<State>>, change: Arc<watch::Sender<()>>) {
    while let Some(request) = read(&mut stream).await {
        let answer = {
            let mut state = state.lock().expect("the state");
            state.requests.push(request);
            state.open += 1;
            state.max_open = state.max_open.max(state.open);
            state.answers.pop().unwrap_or(Answer::Status(200))
        };
        change.send_replace(());
        let reusable = respond(&mut stream, answer).await;
        state.lock().expect("the state").open -= 1;
        change.send_replace(());
        if !reusable {
            return;
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
    let mut request = Request { head, body: bytes[end + 4..].to_vec() };
    let length: usize = request.header("content-length")?.parse().ok()?;
    while request.body.len() < length {
        if stream.read_buf(&mut request.body).await.ok()? == 0 {
            return None;
        }
    }
    Some(request)
}

/// Returns true if the connection can be reused.
async fn respond(stream: &mut TcpStream, answer: Answer) -> bool {
    let empty_response =
        |status: u16| format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n");
    match answer {
        Answer::Status(204) => stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.is_ok(),
        Answer::Status(status) => stream.write_all(empty_response(status).as_bytes()).await.is_ok(),
        Answer::Slow => {
            tokio::time::sleep(Duration::from_millis(5)).await;
            stream.write_all(empty_response(200).as_bytes()).await.is_ok()
        }
        Answer::Hang => {
            // Until the client disconnects.
            let _ = stream.read(&mut [0; 16]).await;
            false
        }
        Answer::Reset => reset(stream, b"").await,
        Answer::ResetMidHead => reset(stream, b"HTTP/1.1 20").await,
        Answer::CutMidBody => {
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf").await;
            false
        }
        Answer::Endless => {
            let mut sent = 0;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n").await;
            while stream.write_all(&[b'x'; 4096]).await.is_ok() {
                sent += 4096;
                assert!(sent < 1000 * limits::HOOK_RESPONSE_BYTES, "the answer is read without a bound");
            }
            false
        }
    }
}

async fn reset(stream: &mut TcpStream, before: &[u8]) -> bool {
    let _ = stream.write_all(before).await;
    let _ = stream.flush().await;
    // Closing with a linger of zero sends a reset.
    let _ = stream.set_zero_linger();
    false
}
