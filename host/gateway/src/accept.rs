//! Takes connections from a listener. Rule: no fault of the system and of a caller ends it.
//!
//! - `bind`: all listeners, before anything else starts
//! - `handover`: the listeners, from one program of this process to the next
//! - `places`: how many connections there may be, and who gives way

pub(crate) mod bind;
pub(crate) mod handover;
pub(crate) mod places;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use crate::limits;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use self::places::{Place, Places};
use crate::settings::GatewaySettings;

/// A connection that has been accepted, with the place that it holds.
pub(crate) struct Accepted {
    pub stream: TcpStream,
    pub peer: SocketAddr,
    pub place: Place,
}

/// Both ends of a connection.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub local: IpAddr,
    pub peer: IpAddr,
}

impl Ends {
    /// None where the connection is over already.
    pub fn of(stream: &TcpStream, peer: SocketAddr) -> Option<Self> {
        Some(Self { local: stream.local_addr().ok()?.ip(), peer: peer.ip() })
    }
}

/// A listener and the places that its connections take.
pub(crate) struct Acceptor {
    pub listener: TcpListener,
    pub places: Arc<Places>,
    /// Which addresses are proxies, whose connections are other people's.
    settings: watch::Receiver<Arc<GatewaySettings>>,
    /// How many places one address may have.
    share: fn(&GatewaySettings) -> usize,
    /// Accepting fails, and that has been logged.
    failing: bool,
    /// Accepted, and without a place so far.
    waiting: Option<Waiting>,
}

/// A connection that waits for a place.
struct Waiting {
    stream: TcpStream,
    peer: SocketAddr,
}

impl Acceptor {
    /// `share` says how many places one address may have.
    pub fn new(
        listener: TcpListener,
        places: Arc<Places>,
        settings: watch::Receiver<Arc<GatewaySettings>>,
        share: fn(&GatewaySettings) -> usize,
    ) -> Self {
        Self { listener, places, settings, share, failing: false, waiting: None }
    }

    /// The next connection with its place. Cancelling loses nothing.
    pub async fn next(&mut self) -> Accepted {
        loop {
            let Some(Waiting { peer, .. }) = &self.waiting else {
                match self.listener.accept().await {
                    Ok((stream, peer)) => {
                        self.failing = false;
                        // Replies are small and wanted at once.
                        let _ = stream.set_nodelay(true);
                        self.waiting = Some(Waiting { stream, peer });
                    }
                    Err(error) => self.pause(&error).await,
                }
                continue;
            };
            let settings = self.settings.borrow().clone();
            let address = (!settings.proxies.trusts(peer.ip().to_canonical())).then_some(peer.ip());
            let place = self.places.enter(address, (self.share)(&settings)).await;
            if let Some(Waiting { stream, peer }) = self.waiting.take() {
                return Accepted { stream, peer, place };
            }
        }
    }

    /// Mostly: no file descriptors are left. Some will be, once connections have ended.
    async fn pause(&mut self, error: &std::io::Error) {
        if is_callers_fault(error) {
            return;
        }
        if !std::mem::replace(&mut self.failing, true) {
            tracing::error!(%error, "cannot accept connections; trying on (is the limit of open files too low?)");
        }
        sleep(limits::ACCEPT_BACKOFF).await;
    }
}

/// The caller gave up before it was accepted.
fn is_callers_fault(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted)
}
