//! Sessions as operators see them. Rule: no text of the dialogue, and nothing that only the device may know; a busy
//! session is shown without the details that it would have to report itself.

use std::net::IpAddr;

use modehost_ids::{ClientId, ConnectionId, GenerationId, PluginId, SessionId};
use modehost_protocol::{Codec, Hello};

use crate::turns::TurnRecord;

/// An entry of the list of sessions.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SessionInfo {
    /// The device id.
    pub device: String,
    /// Whether the device has a connection.
    pub connected: bool,
    /// None for the default mode.
    pub mode: Option<String>,
    /// Instances in memory.
    pub live_instances: usize,
}

/// The peer of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientInfo {
    /// The id of the connection.
    pub connection: ConnectionId,
    /// Behind a trusted proxy, the address that the proxy reports.
    pub address: IpAddr,
    /// The client id that it reported; may be empty.
    pub client: ClientId,
    /// The value of its `Protocol-Version` header.
    pub protocol_version: Option<u64>,
    /// Unix ms.
    pub since: u64,
}

/// Features that the last hello announced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HelloFeatures {
    /// The device has an MCP server.
    pub mcp: bool,
    /// The device shows emotions.
    pub faces: bool,
    /// The version of the hello, if it has one.
    pub version: Option<u64>,
    /// The device sends PCM; otherwise Opus.
    pub pcm: bool,
    /// Sample rate of the device's audio, in Hz.
    pub sample_rate: u32,
}

impl From<&Hello> for HelloFeatures {
    fn from(hello: &Hello) -> Self {
        let Hello { mcp, emotions: faces, version, audio, .. } = hello;
        Self {
            mcp: *mcp,
            faces: *faces,
            version: *version,
            pcm: audio.codec == Codec::Pcm,
            sample_rate: audio.sample_rate,
        }
    }
}

/// Facts about the current or last connection.
#[derive(Default)]
pub(crate) struct ConnectionFacts {
    pub(crate) caller: Option<ClientInfo>,
    pub(crate) features: Option<HelloFeatures>,
    /// Unix ms; none while it is connected.
    pub(crate) away_since: Option<u64>,
}

/// The handler of a plugin in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerInfo {
    /// The plugin.
    pub plugin: PluginId,
    /// The generation that serves the session.
    pub generation: GenerationId,
    /// The version of the plugin.
    pub version: String,
    /// The mode that it is running, if any.
    pub mode: Option<String>,
    /// Its instance is in memory.
    pub live: bool,
    /// Open requests.
    pub requests: usize,
    /// Running timers.
    pub timers: usize,
}

/// State that the session itself has to report.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SessionState {
    /// All handlers of the session.
    pub handlers: Vec<HandlerInfo>,
    /// Frames that wait for the connection to write them, and their bytes.
    pub outbox: (usize, usize),
    /// Messages kept for a device that is expected to reconnect.
    pub pending: usize,
}

/// A session in full.
#[derive(Clone, Debug)]
pub struct SessionDetail {
    /// Whether the device has a connection.
    pub connected: bool,
    /// Of the last connection; none if there was none since the start of the server.
    pub client: Option<ClientInfo>,
    /// Of the last hello; none before one.
    pub features: Option<HelloFeatures>,
    /// The device understands this server's own message types.
    pub knows_extensions: bool,
    /// Unix ms; none while it is connected, or if it never was.
    pub away_since: Option<u64>,
    /// The session id; none before the session has loaded its record.
    pub session: Option<SessionId>,
    /// None for the default mode.
    pub mode: Option<String>,
    /// Messages of the device that wait for the session.
    pub waiting: usize,
    /// None if the session was too busy to answer.
    pub state: Option<SessionState>,
    /// The last turns, oldest first.
    pub turns: Vec<TurnRecord>,
}
