//! Mock recognisers over WebSocket for tests and benchmarks: Volcengine's (Doubao) streaming service and a FunASR
//! runtime, byte for byte, on their own loopback ports. Rule: a service executes a script, faults included, and records
//! what it receives; it validates that, and records the first violation of the
//! protocol.
//!
//! # Layout
//! - [`Service`]: a service as tests use it
//! - [`script`]: the steps of a connection
//! - [`doubao`], [`funasr`]: the two protocols
//! - `serve`: connections

pub mod doubao;
pub mod funasr;
pub mod script;
mod serve;

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http::HeaderMap;
use serde_json::Value;
use tokio::sync::watch;

pub use script::Step;

/// Timeout of `wait_…`, after which the test fails.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The protocol of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Doubao,
    FunAsr,
}

/// What a connection received.
#[derive(Clone, Debug, Default)]
pub struct Received {
    pub headers: HeaderMap,
    /// The first message, with the configuration.
    pub request: Value,
    /// The audio, in order.
    pub pcm: Vec<i16>,
    /// Number of samples of each audio packet.
    pub packets: Vec<usize>,
    /// When the end marker was received.
    pub ended_at: Option<Instant>,
    /// The first violation of the protocol.
    pub violation: Option<String>,
    /// The client has disconnected.
    pub closed: bool,
}

/// A service. Dropping it closes all its connections.
pub struct Service {
    shared: Arc<Shared>,
    address: SocketAddr,
    stop: Option<watch::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

pub(crate) struct Shared {
    kind: Kind,
    /// Nothing is recorded, since a benchmark sends hours of audio.
    discard: bool,
    state: Mutex<State>,
    counts: watch::Sender<Counts>,
}

#[derive(Default)]
struct State {
    queued: VecDeque<Vec<Step>>,
    default_script: Vec<Step>,
    received: Vec<Received>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    connections: usize,
    open: usize,
    ended: usize,
}

impl Service {
    /// Starts a service on a free port. Connections execute the queued scripts first, then `default_script`.
    ///
    /// # Panics
    /// If the system gives no port or no thread.
    pub fn start(kind: Kind, default_script: Vec<Step>) -> Self {
        Self::launch(kind, default_script, false)
    }

    /// A service that sends one transcript at the end of each utterance at once, and records nothing.
    ///
    /// # Panics
    /// As [`Service::start`].
    pub fn instant(kind: Kind, text: &str) -> Self {
        let script = match kind {
            Kind::Doubao => vec![Step::ReceiveEnd, Step::SendBinary(doubao::last_result(text))],
            Kind::FunAsr => vec![Step::ReceiveEnd, Step::SendText(funasr::offline(text)), Step::Close],
        };
        Self::launch(kind, script, true)
    }

    fn launch(kind: Kind, default_script: Vec<Step>, discard: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let state = Mutex::new(State { default_script, ..State::default() });
        let shared = Arc::new(Shared { kind, discard, state, counts: watch::Sender::default() });
        let (stop, stopped) = watch::channel(());
        let thread_shared = shared.clone();
        let thread = std::thread::spawn(move || serve::run(listener, &thread_shared, stopped));
        Self { shared, address, stop: Some(stop), thread: Some(thread) }
    }

    /// The address for a client's configuration.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// The address that it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Queues a script for one connection, FIFO.
    pub fn queue_script(&self, script: Vec<Step>) {
        self.shared.state().queued.push_back(script);
    }

    /// What each connection has received so far.
    pub fn received(&self) -> Vec<Received> {
        self.shared.state().received.clone()
    }

    /// Waits until `count` connections have been accepted.
    pub fn wait_connections(&self, count: usize) {
        self.wait(|counts| counts.connections >= count, "connections");
    }

    /// Waits until `count` connections have received the end of their utterance.
    pub fn wait_ended(&self, count: usize) {
        self.wait(|counts| counts.ended >= count, "ends of utterances");
    }

    /// Waits until no connection is open.
    pub fn wait_closed(&self) {
        self.wait(|counts| counts.open == 0, "closed connections");
    }

    fn wait(&self, holds: impl Fn(&Counts) -> bool, what: &str) {
        let began = Instant::now();
        let counts = self.shared.counts.subscribe();
        // The service's runtime is on another thread, and the test may have none.
        while !holds(&counts.borrow()) {
            assert!(began.elapsed() < TIMEOUT, "timeout waiting for {what}: {:?}", *counts.borrow());
            std::thread::yield_now();
        }
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.stop.take();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
