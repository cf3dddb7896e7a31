//! The operator's lines about devices that come and go (C.19). Rule: one line each for what a device does at the
//! door, and a number where there are too many a second.

use std::net::IpAddr;

use modehost_ids::{ConnectionId, DeviceId};
use modehost_limits as limits;
use tokio::time::Instant;

use crate::log_rate::LogRate;

static OTA: LogRate = LogRate::new(limits::VISIT_LOG_LINES);
static CONNECTED: LogRate = LogRate::new(limits::VISIT_LOG_LINES);
static ENDED: LogRate = LogRate::new(limits::VISIT_LOG_LINES);

fn take(rate: &LogRate, what: &'static str) -> bool {
    let Some(left_out) = rate.take() else { return false };
    if left_out > 0 {
        tracing::info!(left_out, "further {what} were not logged, there were too many a second");
    }
    true
}

/// A device has asked where to connect; `device` is what it calls itself, where it does.
pub(crate) fn asked_address(device: Option<&DeviceId>, address: Option<IpAddr>, url: &str) {
    if take(&OTA, "OTA requests") {
        let device = device.map_or("-", DeviceId::as_str);
        // Its path is the operator's, and may be there to be known to devices only.
        let url = modehost_ids::place(url).unwrap_or("-");
        tracing::info!(device, address = ?address, url, "a device has asked for the address (OTA)");
    }
}

/// A connection that has been let in; its end is told when this is dropped.
pub(crate) struct Visit {
    device: DeviceId,
    connection: ConnectionId,
    began: Instant,
}

impl Visit {
    pub fn begin(device: &DeviceId, connection: ConnectionId, address: IpAddr) -> Self {
        if take(&CONNECTED, "connections") {
            tracing::info!(%device, connection = connection.0, %address, "a device has connected");
        }
        Self { device: device.clone(), connection, began: Instant::now() }
    }
}

impl Drop for Visit {
    fn drop(&mut self) {
        if take(&ENDED, "ends of connections") {
            let (device, connection) = (&self.device, self.connection.0);
            let seconds = self.began.elapsed().as_secs();
            tracing::info!(%device, connection, seconds, "the connection of a device has ended");
        }
    }
}
