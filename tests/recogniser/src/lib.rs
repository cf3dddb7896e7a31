//! Recognisers over WebSocket for tests and benchmarks: Volcengine's (Doubao) streaming service and a
//! FunASR runtime, byte for byte, on loopback ports of their own. Rule: a service does what a script
//! has told it, faults included, and remembers what it was sent; it checks what it is sent, and a
//! connection that breaks the protocol is refused in the protocol's own way.
//!
//! # Layout
//! - [`Service`]: a service as tests hold it
//! - [`script`]: what a connection does
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

/// How long `wait_…` waits before it fails the test.
const DEADLINE: Duration = Duration::from_secs(20);

/// Which protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Doubao,
    FunAsr,
}

/// What a connection was sent.
#[derive(Clone, Debug, Default)]
pub struct Heard {
    pub headers: HeaderMap,
    /// The first message.
    pub request: Value,
    /// The sound, in order.
    pub pcm: Vec<i16>,
    /// Samples of each packet of sound.
    pub packets: Vec<usize>,
    /// When the end marker came.
    pub ended: Option<Instant>,
    /// The first thing that broke the protocol.
    pub wrong: Option<String>,
    /// The other side has gone.
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
    /// Nothing is remembered: a benchmark sends hours of sound.
    forgetful: bool,
    plan: Mutex<Plan>,
    counts: watch::Sender<Counts>,
}

#[derive(Default)]
struct Plan {
    queued: VecDeque<Vec<Step>>,
    otherwise: Vec<Step>,
    heard: Vec<Heard>,
}

#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Counts {
    connections: usize,
    open: usize,
    ended: usize,
}

impl Service {
    /// Starts a service on a free port. Connections do what `otherwise` says, after those that are
    /// queued.
    ///
    /// # Panics
    /// If the system gives no port or no thread.
    pub fn start(kind: Kind, otherwise: Vec<Step>) -> Self {
        Self::launch(kind, otherwise, false)
    }

    /// A service that gives one text at the end of each utterance at once, and remembers nothing.
    ///
    /// # Panics
    /// As [`Service::start`].
    pub fn instant(kind: Kind, text: &str) -> Self {
        let script = match kind {
            Kind::Doubao => vec![Step::HearEnd, Step::Send(doubao::last(text))],
            Kind::FunAsr => vec![Step::HearEnd, Step::Say(funasr::offline(text)), Step::Close],
        };
        Self::launch(kind, script, true)
    }

    fn launch(kind: Kind, otherwise: Vec<Step>, forgetful: bool) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
        listener.set_nonblocking(true).expect("a socket");
        let address = listener.local_addr().expect("an address");
        let plan = Mutex::new(Plan { otherwise, ..Plan::default() });
        let shared = Arc::new(Shared { kind, forgetful, plan, counts: watch::Sender::default() });
        let (stop, stopped) = watch::channel(());
        let serving = shared.clone();
        let thread = std::thread::spawn(move || serve::run(listener, &serving, stopped));
        Self { shared, address, stop: Some(stop), thread: Some(thread) }
    }

    /// The address that a client is configured with.
    pub fn url(&self) -> String {
        format!("ws://{}/", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// What the next connection does; in order.
    pub fn queue(&self, script: Vec<Step>) {
        self.shared.plan().queued.push_back(script);
    }

    /// What each connection was sent so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.shared.plan().heard.clone()
    }

    /// Waits until so many connections have been made.
    pub fn wait_connections(&self, count: usize) {
        self.wait(|counts| counts.connections >= count, "connections");
    }

    /// Waits until so many connections have been told the end of their utterance.
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
            assert!(began.elapsed() < DEADLINE, "{what} in vain: {:?}", *counts.borrow());
            std::thread::yield_now();
        }
    }
}

impl Shared {
    fn plan(&self) -> MutexGuard<'_, Plan> {
        self.plan.lock().unwrap_or_else(PoisonError::into_inner)
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
