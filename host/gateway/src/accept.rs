//! Accepts connections from a listener. Rule: neither a system error nor a client error ends the accept loop.
//!
//! - `bind`: binds all listeners before anything else starts
//! - `handover`: passes the listeners to the next program of this process
//! - `slots`: limits the number of connections and chooses which one is evicted

pub(crate) mod bind;
pub(crate) mod handover;
pub(crate) mod slots;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::limits;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use self::slots::{ConnectionSlot, ConnectionSlots};
use crate::settings::GatewaySettings;

/// An accepted connection with its connection slot.
pub(crate) struct Accepted {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    pub slot: ConnectionSlot,
}

/// The local and the peer address of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Endpoints {
    pub local: IpAddr,
    pub peer: IpAddr,
}

impl Endpoints {
    /// `None` if the connection has ended already.
    pub fn of(stream: &TcpStream, peer: SocketAddr) -> Option<Self> {
        Some(Self { local: stream.local_addr().ok()?.ip(), peer: peer.ip() })
    }
}

/// A listener with the connection slots of its port.
pub(crate) struct Acceptor {
    pub listener: TcpListener,
    pub slots: Arc<ConnectionSlots>,
    /// For the list of trusted proxies: their connections carry other clients' requests and have no address quota.
    settings: watch::Receiver<Arc<GatewaySettings>>,
    /// The number of slots that one address may hold.
    quota: fn(&GatewaySettings) -> usize,
    /// Set while accepting fails, so that the failure is logged once.
    failing: bool,
    /// Accepted, and waiting for a slot.
    pending: Option<PendingConnection>,
}

/// A connection that waits for a slot.
struct PendingConnection {
    stream: TcpStream,
    peer: SocketAddr,
}

impl Acceptor {
    /// `quota` returns the number of slots that one address may hold.
    pub fn new(
        listener: TcpListener,
        slots: Arc<ConnectionSlots>,
        settings: watch::Receiver<Arc<GatewaySettings>>,
        quota: fn(&GatewaySettings) -> usize,
    ) -> Self {
        Self { listener, slots, settings, quota, failing: false, pending: None }
    }

    /// Returns the next connection with its slot. Cancel-safe.
    pub async fn next(&mut self) -> Accepted {
        loop {
            let Some(PendingConnection { peer, .. }) = &self.pending else {
                match self.listener.accept().await {
                    Ok((stream, peer)) => {
                        self.failing = false;
                        // Disables Nagle's algorithm: replies are small and latency-sensitive.
                        let _ = stream.set_nodelay(true);
                        self.pending = Some(PendingConnection { stream, peer });
                    }
                    Err(error) => self.back_off(&error).await,
                }
                continue;
            };
            let settings = self.settings.borrow().clone();
            let address = (!settings.proxies.trusts(peer.ip().to_canonical())).then_some(peer.ip());
            let slot = self.slots.acquire(address, (self.quota)(&settings)).await;
            if let Some(PendingConnection { stream, peer }) = self.pending.take() {
                return Accepted { stream, peer, slot };
            }
        }
    }

    /// Backs off after a failed accept. The usual cause is EMFILE, which passes once connections have ended.
    async fn back_off(&mut self, error: &std::io::Error) {
        if is_client_error(error) {
            return;
        }
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(%error, "cannot accept connections; retrying (is the limit of open files too low?)");
        }
        sleep(limits::ACCEPT_BACKOFF).await;
    }
}

/// Whether the client closed the connection before it was accepted.
fn is_client_error(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
