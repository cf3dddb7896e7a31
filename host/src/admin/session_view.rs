//! A session as the admin API shows it. Rule: built field by field, and without any text of a dialogue.

use std::collections::BTreeMap;

use modehost_ids::DeviceId;
use modehost_session::{ClientInfo, HelloFeatures, SessionState};
use modehost_session::{HandlerInfo, SessionDetail, TurnRecord};
use serde::Serialize;
use utoipa::ToSchema;

/// A session in detail.
#[derive(Debug, Serialize, ToSchema)]
pub struct SessionDetailView {
    device: String,
    /// The id that the device knows; null for a moment after a start.
    session: Option<String>,
    connected: bool,
    /// Unix ms since when the device is disconnected; null while it is connected.
    away_since: Option<u64>,
    /// The last connection; null if there was none since the start.
    connection: Option<ConnectionView>,
    /// What its last hello declared; null before the first one.
    features: Option<FeaturesView>,
    /// Whether it understands this server's protocol extensions.
    knows_extensions: bool,
    /// The active mode; null for the default mode.
    mode: Option<String>,
    /// Plugins with a handler in the session; null if the session was too busy to answer.
    plugins: Option<Vec<HandlerView>>,
    waiting: WaitingView,
    /// The last turns, oldest first.
    turns: Vec<TurnView>,
}

/// A connection.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConnectionView {
    /// Sequence number within this process.
    number: u64,
    address: String,
    /// The client's own name; empty if it sends none.
    client: String,
    /// Value of its `Protocol-Version` header.
    protocol_version: Option<u64>,
    /// Unix ms.
    since: u64,
}

/// Features of a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct FeaturesView {
    /// Whether it has an MCP server with tools.
    mcp: bool,
    /// Whether it can display emotions.
    faces: bool,
    /// Version of the binary framing.
    version: Option<u64>,
    /// `opus` or `pcm`.
    codec: &'static str,
    /// Hz
    sample_rate: u32,
}

/// A plugin's handler in a session.
#[derive(Debug, Serialize, ToSchema)]
pub struct HandlerView {
    plugin: String,
    version: String,
    generation: u64,
    /// Contract version; null for a generation that is no longer listed.
    contract: Option<&'static str>,
    /// The mode that it provides; null for a plugin that only handles messages.
    mode: Option<String>,
    /// Whether its instance is in memory (not hibernated).
    live: bool,
    /// Requests that are not answered yet.
    requests: usize,
    timers: usize,
}

/// Queue lengths of a session.
#[derive(Debug, Serialize, ToSchema)]
pub struct WaitingView {
    /// Messages from the device that the session has not processed yet.
    from_device: usize,
    /// Frames that the connection has not written yet, and their bytes.
    outbox_frames: usize,
    outbox_bytes: usize,
    /// Messages kept in memory until the device reconnects.
    held: usize,
    /// Messages in the queue on disk.
    queue: u64,
}

/// A completed turn. Times count from the end of what the person said or sent, in ms; null if the turn had no such
/// phase.
#[derive(Debug, Serialize, ToSchema)]
pub struct TurnView {
    /// Sequence number within the session.
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
    /// Reason of an interruption or failure.
    why: Option<String>,
}

impl SessionDetailView {
    /// Combines what the session, the queue and the catalog report.
    pub fn new(device: &DeviceId, detail: SessionDetail, queue: u64, contracts: &BTreeMap<u64, &'static str>) -> Self {
        let SessionDetail {
            connected,
            client: caller,
            features,
            knows_extensions,
            away_since,
            session,
            mode,
            waiting,
            state: inside,
            turns,
        } = detail;
        let SessionState { handlers, outbox, pending: held } = inside.clone().unwrap_or_default();
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

impl From<ClientInfo> for ConnectionView {
    fn from(caller: ClientInfo) -> Self {
        let ClientInfo { connection, address, client, protocol_version, since } = caller;
        let (address, client) = (address.to_string(), client.to_string());
        Self { number: connection.0, address, client, protocol_version, since }
    }
}

impl From<HelloFeatures> for FeaturesView {
    fn from(features: HelloFeatures) -> Self {
        let HelloFeatures { mcp, faces, version, pcm, sample_rate } = features;
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
