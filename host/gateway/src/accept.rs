//! Takes connections from a listener. Rule: no fault of the system and of a caller ends it.

use std::net::SocketAddr;
use std::sync::Arc;

use modehost_limits as limits;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::sleep;

use crate::places::{Place, Places};
use crate::settings::GatewaySettings;

/// A listener and the places that its connections take.
pub(crate) struct Acceptor {
    pub listener: TcpListener,
    pub places: Arc<Places>,
    /// Which addresses are proxies, whose connections are other people's.
    settings: watch::Receiver<Arc<GatewaySettings>>,
    share: fn(&GatewaySettings) -> usize,
    failing: bool,
    /// Accepted, and without a place so far.
    waiting: Option<(TcpStream, SocketAddr)>,
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
    pub async fn next(&mut self) -> (TcpStream, SocketAddr, Place) {
        loop {
            let Some((_, peer)) = &self.waiting else {
                match self.listener.accept().await {
                    Ok((stream, peer)) => {
                        self.failing = false;
                        // Replies are small and wanted at once.
                        let _ = stream.set_nodelay(true);
                        self.waiting = Some((stream, peer));
                    }
                    Err(error) => self.pause(&error).await,
                }
                continue;
            };
            let settings = self.settings.borrow().clone();
            let address = (!settings.proxies.trusts(peer.ip().to_canonical())).then_some(peer.ip());
            let place = self.places.enter(address, (self.share)(&settings)).await;
            if let Some((stream, peer)) = self.waiting.take() {
                return (stream, peer, place);
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
