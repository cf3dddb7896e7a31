//! A session as operators see it. Rule: no word of what was said, and nothing that only a device may know; a session that
//! is busy is shown without what only the session itself can tell.

use std::net::IpAddr;

use modehost_ids::{ClientId, ConnectionId, GenerationId, PluginId, SessionId};
use modehost_protocol::{Codec, Hello};

use crate::turns::TurnRecord;

/// A session in the list of all.
#[derive(Clone, Debug, serde::Serialize)]
pub struct SessionInfo {
    pub device: String,
    pub connected: bool,
    /// None for the default mode.
    pub mode: Option<String>,
    pub live_instances: usize,
}

/// Who has connected, as the connection knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    pub connection: ConnectionId,
    /// Behind a trusted proxy, where that says the caller is.
    pub address: IpAddr,
    pub client: ClientId,
    /// What its `Protocol-Version` says.
    pub protocol_version: Option<u64>,
    /// Unix ms.
    pub since: u64,
}

/// What the last hello said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    pub mcp: bool,
    pub faces: bool,
    pub version: Option<u64>,
    pub pcm: bool,
    pub sample_rate: u32,
}

impl From<&Hello> for Features {
    fn from(hello: &Hello) -> Self {
        let Hello { mcp, faces, version, audio, .. } = hello;
        Self {
            mcp: *mcp,
            faces: *faces,
            version: *version,
            pcm: audio.codec == Codec::Pcm,
            sample_rate: audio.sample_rate,
        }
    }
}

/// What is noted of a device as it comes and goes.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) caller: Option<Caller>,
    pub(crate) features: Option<Features>,
    /// Unix ms; none while it is connected.
    pub(crate) away_since: Option<u64>,
}

/// A plugin that has something in a session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HandlerInfo {
    pub plugin: PluginId,
    pub generation: GenerationId,
    pub version: String,
    /// The mode that it is, if it is one.
    pub mode: Option<String>,
    /// Its instance is in memory.
    pub live: bool,
    /// Requests that are still to be answered.
    pub requests: usize,
    pub timers: usize,
}

/// What only the session itself can tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inside {
    pub handlers: Vec<HandlerInfo>,
    /// Frames that wait for the connection to write them, and their bytes.
    pub outbox: (usize, usize),
    /// Messages that are kept for a device that is expected back.
    pub held: usize,
}

/// A session, whole.
#[derive(Clone, Debug)]
pub struct SessionDetail {
    pub connected: bool,
    /// Of the last connection; none where there was none since the start.
    pub caller: Option<Caller>,
    pub features: Option<Features>,
    pub knows_extensions: bool,
    /// Unix ms; none while it is connected, or was never.
    pub away_since: Option<u64>,
    pub session: Option<SessionId>,
    /// None for the default mode.
    pub mode: Option<String>,
    /// Messages of the device that wait for the session.
    pub waiting: usize,
    /// None where the session was too busy to tell.
    pub inside: Option<Inside>,
    /// The last turns, oldest first.
    pub turns: Vec<TurnRecord>,
}
