//! From an accepted connection to one that is attached to its session. Rule: whoever is not let in learns why before
//! the upgrade, and holds no place for longer than the handshake may take.
//!
//! [`Admission::admit`] is the way: TLS, handshake (with sign-in and a seat), attach, and then the connection itself.
//! - `certificates`: TLS, with certificates that are renewed while the ports are open
//! - `handshake`: the HTTP request that asks for the upgrade, and its answer
//! - `sign_in`: refusals of sign-in, as callers and operators read them
//! - `seats`: how many devices may be connected
//! - `signed_in`: sign-ins of open connections, and those that are revoked
//! - `visit`: log lines about devices that come and go
//! - `closing`: how the server ends for devices

pub(crate) mod certificates;
pub(crate) mod closing;
pub(crate) mod handshake;
pub(crate) mod seats;
mod sign_in;
pub(crate) mod signed_in;
mod visit;

use std::sync::Arc;

use metrics::gauge;
use modehost_ids::DeviceId;
use modehost_outbox::{close, outbox};
use modehost_session::{Refusal, Registry};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use self::certificates::Certificates;
use self::closing::Closing;
use self::handshake::Admitted;
use self::seats::Seats;
use self::signed_in::SignedIn;
use self::visit::{Arrival, Visit};
use crate::accept::places::Place;
use crate::accept::{Accepted, Ends};
use crate::connection::keepalive::Intervals;
use crate::connection::socket::{Socket, Upgraded};
use crate::connection::traffic::Traffic;
use crate::connection::unacknowledged::Unacknowledged;
use crate::connection::{self, Shared};
use crate::connection_metrics::refused;
use crate::console::ControlSession;
use crate::settings::GatewaySettings;
use crate::software::KnownSoftware;

/// Lets devices in; one for the port of devices.
pub(crate) struct Admission {
    /// Where sessions are found.
    pub registry: Arc<Registry>,
    /// Each handshake sees the value of the moment.
    pub settings: watch::Receiver<Arc<GatewaySettings>>,
    /// None where the port is plain.
    pub certificates: Option<Arc<Certificates>>,
    pub seats: Arc<Seats>,
    pub signed_in: Arc<SignedIn>,
    /// What devices have said of themselves to OTA; for the log.
    pub software: Arc<KnownSoftware>,
    pub connections: Shared,
    pub closing: Closing,
}

/// Why a device that has signed in is not attached.
struct Unattached {
    /// Close code.
    code: u16,
    /// One sentence for the device.
    reason: String,
    /// For the metrics.
    word: &'static str,
}

impl Admission {
    /// One connection from its first byte to its last.
    pub async fn admit(self: Arc<Self>, accepted: Accepted) {
        let Accepted { stream, peer, place } = accepted;
        let Some(ends) = Ends::of(&stream, peer) else { return };
        let settings = self.settings.borrow().clone();
        match self.certificates.clone() {
            None => self.upgrade(stream, ends, place, settings).await,
            // Boxed, so that plain connections do not keep room for what they do not have.
            Some(certificates) => {
                let encrypted = async {
                    if let Some(Some(stream)) =
                        self.while_welcome(&place, certificates.accept(stream, settings.handshake)).await
                    {
                        self.upgrade(stream, ends, place, settings).await;
                    }
                };
                Box::pin(encrypted).await;
            }
        }
    }

    /// A stream whose next byte is that of a request.
    async fn upgrade<S>(&self, stream: S, ends: Ends, place: Place, settings: Arc<GatewaySettings>)
    where
        S: AsyncRead + AsyncWrite + Unacknowledged + Unpin + Send,
    {
        let seating = |device: &DeviceId| {
            let allowed = self.settings.borrow().max_connections;
            gauge!("modehost_connections_limit").set(self.seats.count(allowed) as f64);
            self.seats.take(allowed, self.registry.is_connected(device))
        };
        let handshake = handshake::receive(stream, ends, settings.clone(), &place, &seating);
        // Boxed, so that an established connection does not keep the crate of its handshake.
        let admitted = Box::pin(self.while_welcome(&place, handshake)).await;
        if let Some(Some(admitted)) = admitted {
            self.attach(admitted, place, settings).await;
        }
    }

    /// A part of a handshake; `None` if the server ends meanwhile, or others need the place.
    async fn while_welcome<T>(&self, place: &Place, part: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = part => Some(done),
            () = self.closing.closed() => None,
            () = place.displaced() => {
                refused("displaced");
                None
            }
        }
    }

    /// Attaches the connection to its session and runs it.
    async fn attach<S>(&self, admitted: Admitted<S>, place: Place, settings: Arc<GatewaySettings>)
    where
        S: AsyncRead + AsyncWrite + Unacknowledged + Unpin + Send,
    {
        let Admitted { stream, early, identity, caller, seat: _seat } = admitted;
        let Shared { meters, unfinished, console } = &self.connections;
        let device = identity.device.clone();
        let protocol_version = identity.protocol_version;
        let traffic = Traffic::new(meters);
        let upgraded = Upgraded {
            early: &early,
            protocol_version,
            through_proxy: caller.through_proxy,
            max_message_bytes: settings.max_message_bytes,
        };
        let mut socket = Socket::open(stream, upgraded, unfinished.share(), &traffic).await;
        let intervals = Intervals { silence: settings.silence, ping: settings.ping_interval };
        let (sender, reader) = outbox();
        let attached = self.registry.attach(&device, sender, settings.duplicate);
        // Only now: a restart waits for whoever has a place, so that all are attached when it drains.
        drop(place);
        match attached {
            Ok(attachment) => {
                attachment.came_from(caller.address, &identity.client, protocol_version);
                let arrival = Arrival {
                    device,
                    connection: attachment.connection_id(),
                    session: attachment.session(),
                    address: caller.address,
                    agent: identity.agent.as_deref(),
                    protocol_version,
                };
                let _visit = Visit::begin(arrival, &self.software, &traffic);
                let signed_in = self.signed_in.hold(attachment.connection_id(), identity, caller.address, &settings);
                drop((settings, early));
                let control = ControlSession::new(console, caller.address);
                connection::run(&mut socket, attachment, reader, control, intervals, meters).await;
                drop(signed_in);
            }
            Err(refusal) => {
                let Unattached { code, reason, word } = self.explain(refusal);
                refused(word);
                Box::pin(socket.refuse(code, &reason)).await;
            }
        }
    }

    fn explain(&self, refusal: Refusal) -> Unattached {
        match refusal {
            Refusal::AlreadyConnected => Unattached {
                code: close::POLICY,
                reason: "this device is already connected, and gateway.duplicate_device is reject".to_owned(),
                word: "duplicate",
            },
            Refusal::BeingForgotten => Unattached {
                code: close::TRY_LATER,
                reason: "everything of this device is being removed; it may come again in a moment".to_owned(),
                word: "forgotten",
            },
            Refusal::ShuttingDown => {
                let farewell = self.closing.farewell();
                Unattached { code: farewell.code, reason: farewell.reason, word: "stopping" }
            }
        }
    }
}
