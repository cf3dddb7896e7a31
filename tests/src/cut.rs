//! A connection that can be cut: a relay in front of a port that holds back every byte while it is cut, as a network does
//! that drops packets. Rule: nothing is closed by a cut, and what was on its way arrives when it heals, or never if the
//! relay is dropped.

use std::net::SocketAddr;

use modehost_task::{IoTask, spawn_io};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// A relay to one port of this machine.
pub struct Cut {
    port: u16,
    whole: watch::Sender<bool>,
    _relay: IoTask<()>,
}

impl Cut {
    /// Relays to `target`, and is whole.
    ///
    /// # Panics
    /// If there is no port.
    pub async fn to(target: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("an address").port();
        let whole = watch::Sender::new(true);
        let relay = spawn_io(relay(listener, SocketAddr::from(([127, 0, 0, 1], target)), whole.subscribe()));
        Self { port, whole, _relay: relay }
    }

    /// Where it listens.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Holds everything back.
    pub fn cut(&self) {
        self.whole.send_replace(false);
    }

    /// Lets everything through again.
    pub fn heal(&self) {
        self.whole.send_replace(true);
    }
}

async fn relay(listener: TcpListener, target: SocketAddr, whole: watch::Receiver<bool>) {
    let mut open = Vec::new();
    while let Ok((near, _)) = listener.accept().await {
        let whole = whole.clone();
        open.push(spawn_io(async move {
            let mut gate = whole.clone();
            // A connection that is made during the cut is made when it heals.
            let _ = gate.wait_for(|whole| *whole).await;
            let Ok(far) = TcpStream::connect(target).await else { return };
            let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
            tokio::join!(pass(near_in, far_out, whole.clone()), pass(far_in, near_out, whole));
        }));
    }
}

/// Passes bytes on while the way is whole.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut whole: watch::Receiver<bool>) {
    let mut piece = vec![0; 64 * 1024];
    while let Ok(count @ 1..) = from.read(&mut piece).await {
        if whole.wait_for(|whole| *whole).await.is_err() || to.write_all(&piece[..count]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}
