//! Log lines of device connections that begin and end (C.19). Rule: one line each, with a count of suppressed lines
//! above the rate limit; text that a device reports about itself is sanitised and truncated.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use crate::limits;
use modehost_ids::{ConnectionId, DeviceId, SessionId};
use tokio::time::Instant;

use crate::connection::traffic::{Counts, Traffic};
use crate::log_rate::LogRateLimiter;
use crate::software::{Software, SoftwareTable};

static CONNECTED: LogRateLimiter = LogRateLimiter::new(limits::CONNECTION_LOG_LINES);
static ENDED: LogRateLimiter = LogRateLimiter::new(limits::CONNECTION_LOG_LINES);

/// An admitted and attached connection.
pub(super) struct ConnectionInfo<'i> {
    pub device: DeviceId,
    pub connection: ConnectionId,
    /// Set once the session exists.
    pub session: Arc<OnceLock<SessionId>>,
    pub address: IpAddr,
    /// `User-Agent` as received.
    pub agent: Option<&'i str>,
    pub protocol_version: Option<u64>,
}

/// An open connection; its end is logged on drop.
pub(super) struct ConnectionLog<'a> {
    device: DeviceId,
    connection: ConnectionId,
    session: Arc<OnceLock<SessionId>>,
    traffic: &'a Traffic<'a>,
    began: Instant,
}

impl<'a> ConnectionLog<'a> {
    /// Logs the start of the connection.
    pub(super) fn begin(info: ConnectionInfo<'_>, table: &SoftwareTable, traffic: &'a Traffic<'a>) -> Self {
        let ConnectionInfo { device, connection, session, address, agent, protocol_version } = info;
        if CONNECTED.allows("connections") {
            let reported = table.get(&device);
            let sent = Software::new(agent, None);
            let agent = sent.agent.or(reported.agent);
            let (agent, firmware, protocol) = (agent.as_deref(), reported.version.as_deref(), protocol_version);
            tracing::info!(
                %device, connection = connection.0, %address, agent, firmware, protocol, "a device has connected"
            );
        }
        Self { device, connection, session, traffic, began: Instant::now() }
    }
}

impl Drop for ConnectionLog<'_> {
    fn drop(&mut self) {
        if ENDED.allows("ends of connections") {
            let (device, connection) = (&self.device, self.connection.0);
            let session = self.session.get().map(SessionId::as_str);
            let seconds = self.began.elapsed().as_secs();
            let Counts { messages_in, messages_out, sound_in_bytes, sound_out_bytes, code } = self.traffic.snapshot();
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
