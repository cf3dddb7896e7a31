//! Tools of the device. Rule: the tools belong to one `hello`; the next one, or the end of the connection, drops them
//! and interrupts pending calls.
//!
//! The MCP exchange itself is in `modehost-mcp`. It starts with the `hello` of a device that announces tools, since
//! clients of the ecosystem wait for it; other devices are never asked.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use modehost_contract::effect::Tool;
use modehost_ids::SessionId;
use modehost_mcp::{Client, IotThings, Transport, TransportClosed, Vision, count_unsolicited};
use modehost_outbox::Outbox;
use modehost_protocol::reply;
use modehost_task::{IoTask, spawn_io};
use serde_json::Value;

/// The tools of the device since its last `hello`.
#[derive(Default)]
pub(crate) struct DeviceTools {
    /// For a device with an MCP server.
    client: Option<Arc<Client<McpTransport>>>,
    /// For older firmware.
    pub(crate) things: IotThings,
    /// The last id of a request to the device; counts over the whole session.
    ids: Arc<AtomicU64>,
    /// Lists the tools after a `hello`. Dropping it stops listing.
    _listing: Option<IoTask<()>>,
}

impl DeviceTools {
    /// The device has sent `hello` on this connection and announces tools: lists them at once, since clients of the
    /// ecosystem wait for it before they do anything else.
    pub(crate) fn connect(&mut self, outbox: Outbox, session: SessionId, vision: Option<Vision>) {
        let client = Client::new(McpTransport { outbox, session }, self.ids.clone(), vision);
        let listing = client.tools();
        self.client = Some(client);
        self._listing = Some(spawn_io(Box::pin(async move {
            if let Err(error) = listing.await {
                tracing::debug!(%error, "a device that announces tools has not listed them");
            }
        })));
    }

    /// Drops the tools of the device.
    pub(crate) fn disconnect(&mut self) {
        if let Some(client) = self.client.take() {
            client.close();
        }
        self.things = IotThings::default();
    }

    /// The client of a device with an MCP server.
    pub(crate) fn client(&self) -> Option<Arc<Client<McpTransport>>> {
        self.client.clone()
    }

    /// What the device offers.
    pub(crate) fn offered(&self) -> OfferedTools {
        match &self.client {
            Some(client) => OfferedTools::Server(client.clone()),
            None => OfferedTools::Things(self.things.tools().tools()),
        }
    }

    /// Handles a message of the device's MCP server.
    pub(crate) fn receive(&self, payload: &str) {
        match &self.client {
            Some(client) => client.receive(payload),
            None => count_unsolicited(),
        }
    }
}

/// What a device offers to be called.
pub(crate) enum OfferedTools {
    /// By its MCP server.
    Server(Arc<Client<McpTransport>>),
    /// By older firmware, which lists its things by itself.
    Things(Arc<[Tool]>),
}

/// Sends MCP messages to the device.
pub(crate) struct McpTransport {
    outbox: Outbox,
    session: SessionId,
}

impl Transport for McpTransport {
    fn send(&self, message: &Value) -> Result<(), TransportClosed> {
        self.outbox.text(reply::mcp(message, self.session.as_str())).map_err(|_| TransportClosed)
    }
}
