//! A mock provider of language models, recognition and speech for tests and benchmarks: real HTTP/1.1 and server-sent
//! events after OpenAI's API, on its own loopback port. Rule: it sends the scripted replies, records the requests, and
//! invents nothing; all waiting is on conditions.
//!
//! It runs on a separate thread with its own runtime, so that synchronous and asynchronous tests and benchmarks use it
//! alike.
//!
//! # Layout
//! - [`Provider`]: the service as tests use it
//! - [`reply`]: scripted replies
//! - `serve`: connections and routes
//! - `tls`: a self-signed certificate
//! - `render`: replies as bytes
//! - `sound`: the audio endpoints

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

/// Timeout of `wait_…`, after which the test fails.
const TIMEOUT: Duration = Duration::from_secs(20);

/// A recorded request.
#[derive(Clone, Debug)]
pub struct RecordedRequest {
    pub at: Instant,
    /// The requested model; empty if there was none.
    pub model: String,
    /// The JSON body, or the fields of a form.
    pub body: Value,
    pub headers: HeaderMap,
    /// The uploaded file of a transcription.
    pub file: Bytes,
    pub(crate) endpoint: Endpoint,
}

/// The endpoint of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Endpoint {
    Chat,
    Speech,
    Transcription,
}

impl RecordedRequest {
    /// Whether a streamed response was requested.
    pub fn is_streamed(&self) -> bool {
        self.body["stream"] == true
    }

    /// The content of the last message; empty if there is none.
    pub fn last_message(&self) -> &str {
        let messages = self.body["messages"].as_array();
        messages.and_then(|messages| messages.last()?["content"].as_str()).unwrap_or_default()
    }
}

/// The service. Dropping it closes all its connections.
pub struct Provider {
    shared: Arc<Shared>,
    address: SocketAddr,
    /// In PEM, if it serves TLS.
    certificate: Option<String>,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// State shared by the service's thread and the test.
struct Shared {
    /// Requests are not recorded, since a benchmark sends millions.
    discard_requests: bool,
    state: Mutex<State>,
    counts: watch::Sender<Counts>,
}

/// Scripted replies and recorded requests.
#[derive(Default)]
struct State {
    queued: VecDeque<(Option<String>, Reply)>,
    by_model: HashMap<String, Reply>,
    default_reply: Option<Reply>,
    key: Option<String>,
    asked: Vec<RecordedRequest>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    asked: usize,
    open: usize,
    most_open: usize,
    connections: usize,
}

impl Provider {
    /// Starts the service on a free port. It answers `OK` until it has been scripted.
    ///
    /// # Panics
    /// If the system gives no port or no thread.
    pub fn start() -> Self {
        Self::launch(0, false, false)
    }

    /// As [`Provider::start`], on a given port, such as that of a dropped provider.
    ///
    /// # Panics
    /// If the port is in use.
    pub fn start_on(port: u16) -> Self {
        Self::launch(port, false, false)
    }

    /// A service with TLS and a self-signed certificate; negotiates HTTP/2 with clients that support it.
    ///
    /// # Panics
    /// If the system gives no port or no thread.
    pub fn start_tls() -> Self {
        Self::launch(0, false, true)
    }

    /// The certificate, in PEM, that clients have to trust.
    ///
    /// # Panics
    /// If it does not serve TLS.
    pub fn certificate(&self) -> &str {
        self.certificate.as_deref().expect("a provider that was started with TLS")
    }

    /// A service for benchmarks: streams `chunks` at once to every client, and records no requests.
    ///
    /// # Panics
    /// If the system gives no port or no thread.
    pub fn instant(chunks: &[&str]) -> Self {
        let provider = Self::launch(0, true, false);
        provider.default_reply(Reply::chunks(chunks));
        provider
    }

    fn launch(port: u16, discard_requests: bool, with_tls: bool) -> Self {
        let (certificate, acceptor) = if with_tls { Some(tls::self_signed()) } else { None }.unzip();
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("a loopback port");
        listener.set_nonblocking(true).expect("a non-blocking listener");
        let address = listener.local_addr().expect("the port");
        let shared = Arc::new(Shared { discard_requests, state: Mutex::default(), counts: watch::Sender::default() });
        let (stop, stopped) = watch::channel(());
        let thread_shared = shared.clone();
        let thread = std::thread::Builder::new()
            .name("provider".to_owned())
            .spawn(move || serve::run(listener, acceptor, thread_shared, stopped))
            .expect("a thread");
        Self { shared, address, certificate, stop: Some(stop), thread: Some(thread) }
    }

    /// The `base_url` for a configuration, such as `http://127.0.0.1:4711/v1`.
    pub fn base_url(&self) -> String {
        let scheme = if self.certificate.is_some() { "https" } else { "http" };
        format!("{scheme}://{}/v1", self.address)
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// Default reply, if nothing else matches.
    pub fn default_reply(&self, reply: Reply) {
        self.shared.state().default_reply = Some(reply);
    }

    /// Default reply for a model, if nothing is queued.
    pub fn default_reply_for(&self, model: &str, reply: Reply) {
        self.shared.state().by_model.insert(model.to_owned(), reply);
    }

    /// Queues a reply for one request, FIFO.
    pub fn queue(&self, reply: Reply) {
        self.shared.state().queued.push_back((None, reply));
    }

    /// Queues a reply for one request for this model, FIFO.
    pub fn queue_for(&self, model: &str, reply: Reply) {
        self.shared.state().queued.push_back((Some(model.to_owned()), reply));
    }

    /// From now on a request without this key (`Authorization: Bearer`) gets a 401.
    pub fn require_key(&self, key: &str) {
        self.shared.state().key = Some(key.to_owned());
    }

    /// Every recorded request so far, in the order of arrival.
    pub fn requests(&self) -> Vec<RecordedRequest> {
        self.shared.state().asked.clone()
    }

    /// Waits until `count` requests have come in total, and returns them.
    ///
    /// # Panics
    /// On timeout.
    pub async fn wait_requests(&self, count: usize) -> Vec<RecordedRequest> {
        self.wait(&format!("{count} requests"), |counts| counts.asked >= count).await;
        self.requests()
    }

    /// Requests in flight; without TLS this is also the number of busy connections.
    pub fn requests_in_flight(&self) -> usize {
        self.shared.counts.borrow().open
    }

    /// Waits until exactly `count` requests are in flight.
    ///
    /// # Panics
    /// On timeout.
    pub async fn wait_in_flight(&self, count: usize) {
        self.wait(&format!("{count} open requests"), |counts| counts.open == count).await;
    }

    /// The maximum number of requests that were in flight at the same time.
    pub fn max_in_flight(&self) -> usize {
        self.shared.counts.borrow().most_open
    }

    /// Total number of accepted connections.
    pub fn connections(&self) -> usize {
        self.shared.counts.borrow().connections
    }

    async fn wait(&self, what: &str, mut reached: impl FnMut(&Counts) -> bool) {
        let mut counts = self.shared.counts.subscribe();
        let reached_in_time = tokio::time::timeout(TIMEOUT, counts.wait_for(|counts| reached(counts))).await.is_ok();
        assert!(reached_in_time, "the provider has not seen {what}: {:?}", self.shared.counts.borrow());
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
    fn state(&self) -> MutexGuard<'_, State> {
        // A panic of the test elsewhere must not hide its own message behind this one.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a request as in flight until the guard is dropped.
    fn count_in_flight(self: &Arc<Self>) -> InFlight {
        self.counts.send_modify(|counts| {
            counts.open += 1;
            counts.most_open = counts.most_open.max(counts.open);
        });
        InFlight(self.clone())
    }

    /// Records a request, and selects its reply.
    fn record_and_select(&self, asked: RecordedRequest) -> Reply {
        let mut state = self.state();
        let queued = state.queued.iter().position(|(model, _)| model.as_ref().is_none_or(|name| *name == asked.model));
        let reply = match queued.and_then(|index| state.queued.remove(index)) {
            Some((_, reply)) => reply,
            None => {
                let default = state.by_model.get(&asked.model).or(state.default_reply.as_ref());
                default.cloned().unwrap_or_else(|| Reply::text("OK"))
            }
        };
        let reply = reply.resolve(&asked);
        if !self.discard_requests {
            state.asked.push(asked);
        }
        drop(state);
        self.counts.send_modify(|counts| counts.asked += 1);
        reply
    }
}

/// A request in flight.
struct InFlight(Arc<Shared>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.counts.send_modify(|counts| counts.open -= 1);
    }
}
