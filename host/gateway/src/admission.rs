//! From an accepted connection to one that is attached to its session. Rule: a rejected client gets the reason as an
//! HTTP response before the upgrade, and no handshake holds a slot for longer than its timeout.
//!
//! [`Admission::admit`] runs the steps: TLS, handshake (with sign-in and device limit), attachment to the session, and
//! then the connection itself.
//! - `certificates`: TLS, with certificates that are reloaded while the ports are open
//! - `handshake`: the HTTP upgrade request and its response
//! - `sign_in`: HTTP status and log line of a failed sign-in
//! - `device_limit`: the maximum number of connected devices
//! - `revocation`: re-checks the sign-ins of open connections and closes those that were revoked
//! - `connection_log`: log lines of connections that begin and end
//! - `shutdown`: what devices are sent when the server stops

pub(crate) mod certificates;
mod connection_log;
pub(crate) mod device_limit;
pub(crate) mod handshake;
pub(crate) mod revocation;
pub(crate) mod shutdown;
mod sign_in;

use std::sync::Arc;

use metrics::gauge;
use modehost_ids::DeviceId;
use modehost_outbox::{close, outbox};
use modehost_session::{AttachError, Registry};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use self::certificates::CertificateStore;
use self::connection_log::{ConnectionInfo, ConnectionLog};
use self::device_limit::DeviceLimit;
use self::handshake::{Admitted, NotTaken};
use self::revocation::RevocationMonitor;
use self::shutdown::Shutdown;
use crate::accept::slots::ConnectionSlot;
use crate::accept::{Accepted, Endpoints};
use crate::connection::keepalive::Intervals;
use crate::connection::socket::{Socket, Upgraded};
use crate::connection::traffic::Traffic;
use crate::connection::unacknowledged::Unacknowledged;
use crate::connection::{self, SharedState};
use crate::connection_metrics::count_rejected;
use crate::control::ControlSession;
use crate::settings::GatewaySettings;
use crate::software::SoftwareTable;

/// Admits devices; one instance for the device port.
pub(crate) struct Admission {
    pub registry: Arc<Registry>,
    /// Each handshake reads the current value.
    pub settings: watch::Receiver<Arc<GatewaySettings>>,
    /// `None` if the port is plain TCP.
    pub certificates: Option<Arc<CertificateStore>>,
    pub device_limit: Arc<DeviceLimit>,
    pub revocation: Arc<RevocationMonitor>,
    /// What devices have reported about themselves to OTA; for the log.
    pub software: Arc<SoftwareTable>,
    pub connections: SharedState,
    pub shutdown: Shutdown,
}

/// Why an authenticated device is not attached to its session.
struct AttachRejection {
    /// WebSocket close code.
    code: u16,
    /// Close reason, one sentence.
    reason: String,
    /// Label of the metric.
    label: &'static str,
}

impl Admission {
    /// Runs one connection from its first byte to its last.
    pub async fn admit(self: Arc<Self>, accepted: Accepted) {
        let Accepted { stream, peer, slot } = accepted;
        let Some(endpoints) = Endpoints::of(&stream, peer) else { return };
        let settings = self.settings.borrow().clone();
        match self.certificates.clone() {
            None => self.upgrade(stream, endpoints, slot, settings).await,
            // Boxed, so that the future of a plain connection does not reserve space for the TLS state.
            Some(certificates) => {
                let encrypted = async {
                    if let Some(Some(stream)) =
                        self.unless_evicted(&slot, certificates.accept(stream, settings.handshake_timeout)).await
                    {
                        self.upgrade(stream, endpoints, slot, settings).await;
                    }
                };
                Box::pin(encrypted).await;
            }
        }
    }

    /// Performs the upgrade on a stream whose next byte begins a request.
    async fn upgrade<S>(&self, stream: S, endpoints: Endpoints, slot: ConnectionSlot, settings: Arc<GatewaySettings>)
    where
        S: AsyncRead + AsyncWrite + Unacknowledged + Unpin + Send,
    {
        let acquire_permit = |device: &DeviceId| {
            if self.registry.is_evacuating() {
                return Err(NotTaken::Evacuating);
            }
            let allowed = self.settings.borrow().max_connections;
            gauge!("modehost_connections_limit").set(self.device_limit.capacity(allowed) as f64);
            self.device_limit.acquire(allowed, self.registry.is_connected(device)).ok_or(NotTaken::Full)
        };
        let handshake = handshake::perform(stream, endpoints, settings.clone(), &slot, &acquire_permit);
        // Boxed, so that an established connection does not retain the memory of its handshake.
        let admitted = Box::pin(self.unless_evicted(&slot, handshake)).await;
        if let Some(Some(admitted)) = admitted {
            self.attach(admitted, slot, settings).await;
        }
    }

    /// Runs a step of the handshake; `None` if the server shuts down meanwhile, or the slot is evicted.
    async fn unless_evicted<T>(&self, slot: &ConnectionSlot, step: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            done = step => Some(done),
            () = self.shutdown.closed() => None,
            () = slot.evicted() => {
                count_rejected("displaced");
                None
            }
        }
    }

    /// Attaches the connection to its session and runs it.
    async fn attach<S>(&self, admitted: Admitted<S>, slot: ConnectionSlot, settings: Arc<GatewaySettings>)
    where
        S: AsyncRead + AsyncWrite + Unacknowledged + Unpin + Send,
    {
        let Admitted { stream, early, identity, caller, permit: _permit } = admitted;
        let SharedState { metrics, partial_messages, control } = &self.connections;
        let device = identity.device.clone();
        let protocol_version = identity.protocol_version;
        let traffic = Traffic::new(metrics);
        let upgraded = Upgraded {
            early: &early,
            protocol_version,
            through_proxy: caller.through_proxy,
            max_message_bytes: settings.max_message_bytes,
        };
        let mut socket = Socket::open(stream, upgraded, partial_messages.account(), &traffic).await;
        let intervals = Intervals { silence: settings.silence, ping: settings.ping_interval };
        let (sender, reader) = outbox();
        let attached = match self.registry.claim(&device).await {
            Ok(()) => self.registry.attach(&device, sender, settings.duplicate).map_err(|error| self.rejection(error)),
            Err(error) => Err(AttachRejection {
                code: close::TRY_LATER,
                reason: format!("this device cannot be served now: {error}"),
                label: "unclaimed",
            }),
        };
        // Not earlier: a restart waits until all slots are released, so that every admitted device is attached when it
        // drains.
        drop(slot);
        match attached {
            Ok(attachment) => {
                attachment.set_client_info(caller.address, &identity.client, protocol_version);
                let info = ConnectionInfo {
                    device,
                    connection: attachment.connection_id(),
                    session: attachment.session(),
                    address: caller.address,
                    agent: identity.agent.as_deref(),
                    protocol_version,
                };
                let _log = ConnectionLog::begin(info, &self.software, &traffic);
                let registration =
                    self.revocation.register(attachment.connection_id(), identity, caller.address, &settings);
                drop((settings, early));
                let control = ControlSession::new(control, caller.address);
                connection::run(&mut socket, attachment, reader, control, intervals, metrics).await;
                drop(registration);
            }
            Err(AttachRejection { code, reason, label }) => {
                count_rejected(label);
                Box::pin(socket.reject(code, &reason)).await;
            }
        }
    }

    fn rejection(&self, refusal: AttachError) -> AttachRejection {
        match refusal {
            AttachError::AlreadyConnected => AttachRejection {
                code: close::POLICY,
                reason: "this device is already connected, and gateway.duplicate_device is reject".to_owned(),
                label: "duplicate",
            },
            AttachError::BeingForgotten => AttachRejection {
                code: close::TRY_LATER,
                reason: "the data of this device is being removed; retry in a moment".to_owned(),
                label: "forgotten",
            },
            AttachError::Moved => AttachRejection {
                code: close::MOVED,
                reason: "another node serves this device; connect again".to_owned(),
                label: "moved",
            },
            AttachError::ShuttingDown => {
                let notice = self.shutdown.notice();
                AttachRejection { code: notice.code, reason: notice.reason, label: "stopping" }
            }
        }
    }
}
