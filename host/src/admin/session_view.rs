//! A session as operators are told it. Rule: made field by field, and no word of what was said.

use std::collections::BTreeMap;

use modehost_ids::DeviceId;
use modehost_session::{Caller, Features, Inside};
use modehost_session::{HandlerInfo, SessionDetail, TurnRecord};
use serde::Serialize;
use utoipa::ToSchema;

/// A session, whole.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionDetailView {
    device: String,
    /// As the device is told it; null for a moment after a start.
    session: Option<String>,
    connected: bool,
    /// Unix ms since which it is away; null while it is connected.
    away_since: Option<u64>,
    /// The last connection; null where there was none since the start.
    connection: Option<ConnectionView>,
    /// What its last hello said; null before it.
    features: Option<FeaturesView>,
    /// It knows this server's own messages.
    knows_extensions: bool,
    /// The mode that runs; null for the default mode.
    mode: Option<String>,
    /// Plugins that have something in the session; null where it was too busy to tell.
    plugins: Option<Vec<HandlerView>>,
    waiting: WaitingView,
    /// The last turns, oldest first.
    turns: Vec<TurnView>,
}

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionView {
    /// Counted over the life of the process.
    number: u64,
    address: String,
    /// As the client names itself; empty where it does not.
    client: String,
    /// What its `Protocol-Version` says.
    protocol_version: Option<u64>,
    /// Unix ms.
    since: u64,
}

/// What a device can do.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeaturesView {
    /// It has an MCP server with tools.
    mcp: bool,
    /// It can show faces.
    faces: bool,
    /// Version of the framing.
    version: Option<u64>,
    /// `opus` or `pcm`.
    codec: &'static str,
    /// Hz
    sample_rate: u32,
}

/// A plugin in a session.
#[derive(Debug, Serialize, ToSchema)]
pub struct HandlerView {
    plugin: String,
    version: String,
    generation: u64,
    /// Version of the contract; null for a generation that is listed no more.
    contract: Option<&'static str>,
    /// The mode that it is; null for one that only handles messages.
    mode: Option<String>,
    /// Its instance is in memory.
    live: bool,
    /// Requests that are still to be answered.
    requests: usize,
    timers: usize,
}

/// What waits, in numbers.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitingView {
    /// Messages of the device that the session has not come to.
    from_device: usize,
    /// Frames that the connection has not written, and their bytes.
    outbox_frames: usize,
    outbox_bytes: usize,
    /// Messages that are kept in memory for its return.
    held: usize,
    /// Messages in the queue on the disk.
    queue: u64,
}

/// A turn that is over. Times count from the end of what the person said or sent, in ms; null: there was no such part.
#[derive(Debug, Serialize, ToSchema)]
pub struct TurnView {
    /// Counted over the life of the session.
    turn: u64,
    /// Unix ms.
    at: u64,
    /// `utterance`, `typed`, `wake_word` or `message`.
    kind: &'static str,
    plugin: Option<String>,
    generation: Option<u64>,
    recognition_ms: Option<u64>,
    model_first_ms: Option<u64>,
    model_ms: Option<u64>,
    first_sound_ms: Option<u64>,
    total_ms: u64,
    /// `answered`, `interrupted`, `failed` or `nothing`.
    outcome: &'static str,
    /// What interrupted it, or what failed.
    why: Option<String>,
}

impl SessionDetailView {
    /// From what the session, the queue and the catalog know.
    pub fn new(device: &DeviceId, detail: SessionDetail, queue: u64, contracts: &BTreeMap<u64, &'static str>) -> Self {
        let SessionDetail {
            connected,
            caller,
            features,
            knows_extensions,
            away_since,
            session,
            mode,
            waiting,
            inside,
            turns,
        } = detail;
        let Inside { handlers, outbox, held } = inside.clone().unwrap_or_default();
        let plugins =
            inside.map(|_| handlers.into_iter().map(|handler| HandlerView::new(handler, contracts)).collect());
        let (outbox_frames, outbox_bytes) = outbox;
        Self {
            device: device.to_string(),
            session: session.map(|session| session.to_string()),
            connected,
            away_since,
            connection: caller.map(Into::into),
            features: features.map(Into::into),
            knows_extensions,
            mode,
            plugins,
            waiting: WaitingView { from_device: waiting, outbox_frames, outbox_bytes, held, queue },
            turns: turns.into_iter().map(Into::into).collect(),
        }
    }
}

impl From<Caller> for ConnectionView {
    fn from(caller: Caller) -> Self {
        let Caller { connection, address, client, protocol_version, since } = caller;
        let (address, client) = (address.to_string(), client.to_string());
        Self { number: connection.0, address, client, protocol_version, since }
    }
}

impl From<Features> for FeaturesView {
    fn from(features: Features) -> Self {
        let Features { mcp, faces, version, pcm, sample_rate } = features;
        Self { mcp, faces, version, codec: if pcm { "pcm" } else { "opus" }, sample_rate }
    }
}

impl HandlerView {
    fn new(handler: HandlerInfo, contracts: &BTreeMap<u64, &'static str>) -> Self {
        let HandlerInfo { plugin, generation, version, mode, live, requests, timers } = handler;
        let (generation, contract) = (generation.0, contracts.get(&generation.0).copied());
        Self { plugin: plugin.to_string(), version, generation, contract, mode, live, requests, timers }
    }
}

impl From<TurnRecord> for TurnView {
    fn from(record: TurnRecord) -> Self {
        Self {
            turn: record.turn.0,
            at: record.at,
            kind: record.kind.name(),
            plugin: record.plugin.map(|plugin| plugin.to_string()),
            generation: record.generation.map(|generation| generation.0),
            recognition_ms: record.recognition_ms,
            model_first_ms: record.model_first_ms,
            model_ms: record.model_ms,
            first_sound_ms: record.first_sound_ms,
            total_ms: record.total_ms,
            outcome: record.outcome.name(),
            why: record.why,
        }
    }
}
