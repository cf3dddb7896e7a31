//! The operator's lines about devices that connect and go (C.19). Rule: one line each, and a number where there are
//! too many a second; what a device says of itself is cleaned and cut.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use crate::limits;
use modehost_ids::{ConnectionId, DeviceId, SessionId};
use tokio::time::Instant;

use crate::connection::traffic::{Counts, Traffic};
use crate::log_rate::LogRate;
use crate::software::{KnownSoftware, Software};

static CONNECTED: LogRate = LogRate::new(limits::VISIT_LOG_LINES);
static ENDED: LogRate = LogRate::new(limits::VISIT_LOG_LINES);

/// A device that has been let in and attached.
pub(super) struct Arrival<'i> {
    pub device: DeviceId,
    pub connection: ConnectionId,
    /// Known once the session is there.
    pub session: Arc<OnceLock<SessionId>>,
    pub address: IpAddr,
    /// What it says of itself, as it came.
    pub agent: Option<&'i str>,
    pub protocol_version: Option<u64>,
}

/// A connection that has been let in; its end is logged when this is dropped.
pub(super) struct Visit<'a> {
    device: DeviceId,
    connection: ConnectionId,
    session: Arc<OnceLock<SessionId>>,
    traffic: &'a Traffic<'a>,
    began: Instant,
}

impl<'a> Visit<'a> {
    /// Logs the arrival.
    pub(super) fn begin(arrival: Arrival<'_>, known: &KnownSoftware, traffic: &'a Traffic<'a>) -> Self {
        let Arrival { device, connection, session, address, agent, protocol_version } = arrival;
        if CONNECTED.admits("connections") {
            let said = known.find(&device);
            let own = Software::new(agent, None);
            let agent = own.agent.or(said.agent);
            let (agent, firmware, protocol) = (agent.as_deref(), said.version.as_deref(), protocol_version);
            tracing::info!(
                %device, connection = connection.0, %address, agent, firmware, protocol, "a device has connected"
            );
        }
        Self { device, connection, session, traffic, began: Instant::now() }
    }
}

impl Drop for Visit<'_> {
    fn drop(&mut self) {
        if ENDED.admits("ends of connections") {
            let (device, connection) = (&self.device, self.connection.0);
            let session = self.session.get().map(SessionId::as_str);
            let seconds = self.began.elapsed().as_secs();
            let Counts { messages_in, messages_out, sound_in_bytes, sound_out_bytes, code } = self.traffic.counts();
            tracing::info!(
                %device,
                connection,
                session,
                seconds,
                code,
                messages_in,
                messages_out,
                sound_in_bytes,
                sound_out_bytes,
                "the connection of a device has ended"
            );
        }
    }
}
