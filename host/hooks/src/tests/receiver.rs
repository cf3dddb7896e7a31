//! A receiver of webhooks on a loopback port. Rule: it answers as it was told, in order, then with
//! 200; every request that has come in whole is kept.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::limits;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// What becomes of a request.
#[derive(Clone, Debug)]
pub(super) enum Answer {
    Status(u16),
    /// 200 after a while.
    Slow,
    /// Never answered.
    Hang,
    /// The connection is reset instead.
    Reset,
    /// …in the middle of the status line.
    ResetMidHead,
    /// The connection is closed in the middle of the answer's body.
    CutMidBody,
    /// 200 and a body without end.
    Endless,
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    head: String,
    pub body: Vec<u8>,
}

impl Request {
    /// A header by its lower-case name.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(':')?;
            found.eq_ignore_ascii_case(name).then_some(value.trim())
        })
    }
}

#[derive(Default)]
struct Kept {
    answers: Vec<Answer>,
    requests: Vec<Request>,
    open: usize,
    most: usize,
}

pub(super) struct Receiver {
    address: SocketAddr,
    kept: Arc<Mutex<Kept>>,
    changes: watch::Receiver<()>,
    _tasks: JoinSet<()>,
}

impl Receiver {
    pub(super) async fn start(mut answers: Vec<Answer>) -> Self {
        answers.reverse();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let kept = Arc::new(Mutex::new(Kept { answers, ..Kept::default() }));
        let (change, changes) = watch::channel(());
        let (shared, mut tasks) = (kept.clone(), JoinSet::new());
        tasks.spawn(async move {
            let (change, mut connections) = (Arc::new(change), JoinSet::new());
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(serve(stream, shared.clone(), change.clone()));
            }
        });
        Self { address, kept, changes, _tasks: tasks }
    }

    /// An address where nobody listens.
    pub(super) async fn nobody() -> String {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a port");
        format!("http://{}/secret-path", listener.local_addr().expect("an address"))
    }

    pub(super) fn url(&self) -> String {
        format!("http://{}/secret-path", self.address)
    }

    pub(super) fn requests(&self) -> Vec<Request> {
        self.kept.lock().expect("kept").requests.clone()
    }

    pub(super) fn most_at_once(&self) -> usize {
        self.kept.lock().expect("kept").most
    }

    pub(super) async fn wait_requests(&self, count: usize) {
        self.wait(|kept| kept.requests.len() >= count).await;
    }

    /// Waits until no request is open any more.
    pub(super) async fn wait_closed(&self) {
        self.wait(|kept| kept.open == 0).await;
    }

    async fn wait(&self, done: impl Fn(&Kept) -> bool) {
        let mut changes = self.changes.clone();
        let wait = async {
            while !done(&self.kept.lock().expect("kept")) {
                changes.changed().await.expect("the receiver lives");
            }
        };
        tokio::time::timeout(Duration::from_secs(20), wait).await.expect("in time");
    }
}

/// Requests of one connection, one after the other.
async fn serve(mut stream: TcpStream, kept: Arc<Mutex<Kept>>, change: Arc<watch::Sender<()>>) {
    while let Some(request) = read(&mut stream).await {
        let answer = {
            let mut kept = kept.lock().expect("kept");
            kept.requests.push(request);
            kept.open += 1;
            kept.most = kept.most.max(kept.open);
            kept.answers.pop().unwrap_or(Answer::Status(200))
        };
        change.send_replace(());
        let goes_on = respond(&mut stream, answer).await;
        kept.lock().expect("kept").open -= 1;
        change.send_replace(());
        if !goes_on {
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

/// True if the connection can be used again.
async fn respond(stream: &mut TcpStream, answer: Answer) -> bool {
    let whole = |status: u16| format!("HTTP/1.1 {status} Status\r\nContent-Length: 0\r\nLocation: /elsewhere\r\n\r\n");
    match answer {
        Answer::Status(204) => stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.is_ok(),
        Answer::Status(status) => stream.write_all(whole(status).as_bytes()).await.is_ok(),
        Answer::Slow => {
            tokio::time::sleep(Duration::from_millis(5)).await;
            stream.write_all(whole(200).as_bytes()).await.is_ok()
        }
        Answer::Hang => {
            // Until the other side gives up.
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
                assert!(sent < 1000 * limits::HOOK_ANSWER_BYTES, "the answer is read without a bound");
            }
            false
        }
    }
}

async fn reset(stream: &mut TcpStream, before: &[u8]) -> bool {
    let _ = stream.write_all(before).await;
    let _ = stream.flush().await;
    // Closing with a linger of zero resets.
    let _ = stream.set_zero_linger();
    false
}
