//! A service of language models, recognition and speech for tests and benchmarks: true HTTP/1.1 and
//! server-sent events in the way of OpenAI's interface, on a loopback port of its own. Rule: it does what a test has
//! told it, remembers what it was asked, and invents nothing; all waiting is on conditions.
//!
//! It runs on a thread with a runtime of its own, so synchronous and asynchronous tests and
//! benchmarks use it alike.
//!
//! # Layout
//! - [`Provider`]: the service as tests hold it
//! - [`reply`]: what a test can have it answer
//! - `serve`: connections and paths
//! - `tls`: a certificate of its own
//! - `render`: replies as bytes
//! - `sound`: what is asked with sound, or for it

mod render;
pub mod reply;
mod serve;
mod sound;
mod tls;

use std::collections::{HashMap, VecDeque};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::HeaderMap;
use serde_json::Value;
use tokio::sync::watch;

pub use reply::{Gate, Reply};

/// How long `wait_…` waits before it fails the test.
const DEADLINE: Duration = Duration::from_secs(20);

/// A request for an answer, as it came in.
#[derive(Clone, Debug)]
pub struct Asked {
    pub at: Instant,
    /// The model that was named; empty where none was.
    pub model: String,
    /// The members of a form stand here, too.
    pub body: Value,
    pub headers: HeaderMap,
    /// The file of a transcription.
    pub file: Bytes,
    pub(crate) wants: Wants,
}

/// What is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wants {
    Chat,
    Speech,
    Transcription,
}

impl Asked {
    /// Whether the answer was wanted as a stream.
    pub fn streamed(&self) -> bool {
        self.body["stream"] == true
    }

    /// The content of the last message; empty where there is none.
    pub fn last_words(&self) -> &str {
        let messages = self.body["messages"].as_array();
        messages.and_then(|messages| messages.last()?["content"].as_str()).unwrap_or_default()
    }
}

/// The service. Dropping it closes all its connections.
pub struct Provider {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// Where it speaks TLS.
    certificate: Option<String>,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// What the thread and the test both hold.
struct Shared {
    /// Requests are not kept: a benchmark sends millions.
    forgetful: bool,
    plan: Mutex<Plan>,
    counts: watch::Sender<Counts>,
}

/// What is answered, and what was asked.
#[derive(Default)]
struct Plan {
    queued: VecDeque<(Option<String>, Reply)>,
    by_model: HashMap<String, Reply>,
    otherwise: Option<Reply>,
    key: Option<String>,
    asked: Vec<Asked>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    asked: usize,
    open: usize,
    most_open: usize,
    connections: usize,
}

impl Provider {
    /// Starts the service on a free port. It answers `OK` until it is told otherwise.
    ///
    /// # Panics
    /// If the system gives no port or no thread.
    pub fn start() -> Self {
        Self::launch(0, false, false)
    }

    /// As [`Provider::start`], on a port of choice: such as that of one that was dropped.
    ///
    /// # Panics
    /// If the port is taken.
    pub fn start_on(port: u16) -> Self {
        Self::launch(port, false, false)
    }

    /// A service behind TLS, with a certificate of its own; speaks HTTP/2 with whoever can.
    ///
    /// # Panics
    /// If the system gives no port or no thread.
    pub fn start_tls() -> Self {
        Self::launch(0, false, true)
    }

    /// The certificate, in PEM, that callers have to trust.
    ///
    /// # Panics
    /// If it speaks no TLS.
    pub fn certificate(&self) -> &str {
        self.certificate.as_deref().expect("a provider that was started with TLS")
    }

    /// A service for benchmarks: streams `chunks` at once to everybody, and keeps no requests.
    ///
    /// # Panics
    /// If the system gives no port or no thread.
    pub fn instant(chunks: &[&str]) -> Self {
        let provider = Self::launch(0, true, false);
        provider.always(Reply::chunks(chunks));
        provider
    }

    fn launch(port: u16, forgetful: bool, with_tls: bool) -> Self {
        let (certificate, acceptor) = if with_tls { Some(tls::make()) } else { None }.unzip();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a loopback port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        let address = listener.local_addr().expect("the port");
        let shared = Arc::new(Shared { forgetful, plan: Mutex::default(), counts: watch::Sender::default() });
        let (stop, stopped) = watch::channel(());
        let of_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("provider".to_owned())
            .spawn(move || serve::run(listener, acceptor, of_thread, stopped))
            .expect("a thread");
        Self { shared, address, certificate, stop: Some(stop), thread: Some(thread) }
    }

    /// What a configuration names as `base_url`, such as `http://127.0.0.1:4711/v1`.
    pub fn base_url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/v1", self.address)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// What is answered where nothing else fits.
    pub fn always(&self, reply: Reply) {
        self.shared.plan().otherwise = Some(reply);
    }

    /// What is answered for a model where nothing is queued.
    pub fn always_for(&self, model: &str, reply: Reply) {
        self.shared.plan().by_model.insert(model.to_owned(), reply);
    }

    /// Answers one request with this; several are used in order.
    pub fn next(&self, reply: Reply) {
        self.shared.plan().queued.push_back((None, reply));
    }

    /// Answers one request for this model with this; several are used in order.
    pub fn next_for(&self, model: &str, reply: Reply) {
        self.shared.plan().queued.push_back((Some(model.to_owned()), reply));
    }

    /// From now on a request without this key (`Authorization: Bearer`) gets a 401.
    pub fn require_key(&self, key: &str) {
        self.shared.plan().key = Some(key.to_owned());
    }

    /// Every request for an answer so far, in the order of their arrival.
    pub fn asked(&self) -> Vec<Asked> {
        self.shared.plan().asked.clone()
    }

    /// Waits until so many requests have come in all, and gives them.
    ///
    /// # Panics
    /// At the deadline.
    pub async fn wait_asked(&self, count: usize) -> Vec<Asked> {
        self.wait(&format!("{count} requests"), |counts| counts.asked >= count).await;
        self.asked()
    }

    /// Requests that are being answered; without TLS that many connections are in the middle of one.
    pub fn open_now(&self) -> usize {
        self.shared.counts.borrow().open
    }

    /// Waits until so many connections are in the middle of a request.
    ///
    /// # Panics
    /// At the deadline.
    pub async fn wait_open(&self, count: usize) {
        self.wait(&format!("{count} open requests"), |counts| counts.open == count).await;
    }

    /// The most connections that were in the middle of a request at the same time.
    pub fn most_at_once(&self) -> usize {
        self.shared.counts.borrow().most_open
    }

    /// Connections that were ever made.
    pub fn connections(&self) -> usize {
        self.shared.counts.borrow().connections
    }

    async fn wait(&self, what: &str, mut reached: impl FnMut(&Counts) -> bool) {
        let mut counts = self.shared.counts.subscribe();
        let met = tokio::time::timeout(DEADLINE, counts.wait_for(|counts| reached(counts))).await.is_ok();
        assert!(met, "the provider waited in vain for {what}: {:?}", self.shared.counts.borrow());
    }
}

impl Drop for Provider {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        // A test that panicked elsewhere must not hide its own message behind this one.
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request in until the guard is dropped.
    fn begin(self: &Arc<Self>) -> Open {
        self.counts.send_modify(|counts| {
            counts.open += 1;
            counts.most_open = counts.most_open.max(counts.open);
        });
        Open(self.clone())
    }

    /// Keeps a request, and says what is answered.
    fn take(&self, asked: Asked) -> Reply {
        let mut plan = self.plan();
        let queued = plan.queued.iter().position(|(model, _)| model.as_ref().is_none_or(|name| *name == asked.model));
        let reply = match queued.and_then(|index| plan.queued.remove(index)) {
            Some((_, reply)) => reply,
            None => {
                let fitting = plan.by_model.get(&asked.model).or(plan.otherwise.as_ref());
                fitting.cloned().unwrap_or_else(|| Reply::text("OK"))
            }
        };
        let reply = reply.settle(&asked);
        if !self.forgetful {
            plan.asked.push(asked);
        }
        drop(plan);
        self.counts.send_modify(|counts| counts.asked += 1);
        reply
    }
}

/// A request that is being answered.
struct Open(Arc<Shared>);

impl Drop for Open {
    fn drop(&mut self) {
        self.0.counts.send_modify(|counts| counts.open -= 1);
    }
}
