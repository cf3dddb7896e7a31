//! What a mode is told (`wit/0.2/events.wit`). Rule: an event is plain data and cheap to keep, since
//! the session keeps those since the last snapshot for replay.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::effect::{Tool, ToolCall};

/// Chosen by the mode; unique among its open requests.
pub type RequestId = u64;
/// Chosen by the mode.
pub type TimerId = u64;
/// 0: the document does not exist.
pub type DocumentVersion = u64;

/// Everything that can happen to a mode.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    Started(Start),
    Message { kind: Arc<str>, body: Arc<str> },
    Transcript(Transcript),
    Timer(TimerId),
    ModelChunk { request: RequestId, text: Arc<str> },
    ModelDone(ModelDone),
    RequestFailed { request: RequestId, reason: Failure, message: Arc<str> },
    Tools { request: RequestId, tools: Arc<[Tool]> },
    ToolDone { request: RequestId, text: Arc<str>, failed: bool },
    Aborted { reason: Arc<str>, heard: Option<Arc<str>> },
    Document(Document),
    WriteDone { request: RequestId, key: Arc<str>, version: DocumentVersion },
    WriteConflict(Document),
    JournalPage { request: RequestId, journal: Arc<str>, entries: Vec<JournalEntry>, complete: bool },
    RequestDone { request: RequestId, value: u64 },
    Delivered { request: RequestId, sent: Vec<String>, queued: Vec<String>, failed: Vec<Undelivered> },
    Attached(Device),
    Detached,
    Hello(Arc<str>),
    ModeChanged(Arc<str>),
    ConfigChanged { config: Arc<str>, device: Device },
    Upgraded { old_version: Arc<str> },
    Ended(EndReason),
    Extension { name: Arc<str>, payload: Arc<str> },
}

/// The plugin is lent to a session.
#[derive(Clone, Debug, PartialEq)]
pub struct Start {
    /// The mode that has begun; none for a handler of message types.
    pub mode: Option<Arc<str>>,
    pub device: Device,
    pub session_id: Arc<str>,
    /// `zh` or `en`.
    pub language: Arc<str>,
}

/// Who a session belongs to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Device {
    pub id: Arc<str>,
    pub alias: Option<Arc<str>>,
    /// Never empty.
    pub groups: Arc<[Arc<str>]>,
}

/// Words that were recognised, or typed.
#[derive(Clone, Debug, PartialEq)]
pub struct Transcript {
    pub text: Arc<str>,
    pub is_final: bool,
    pub start_ms: u64,
    pub end_ms: u64,
    pub segment: u64,
    pub source: Arc<str>,
}

/// A model's whole answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelDone {
    pub request: RequestId,
    pub text: Arc<str>,
    /// 0 where the provider does not say.
    pub prompt_tokens: u32,
    /// 0 where the provider does not say.
    pub completion_tokens: u32,
    pub tool_calls: Vec<ToolCall>,
}

/// A document as it is now.
#[derive(Clone, Debug, PartialEq)]
pub struct Document {
    pub request: Option<RequestId>,
    pub key: Arc<str>,
    pub version: DocumentVersion,
    /// JSON; none where it does not exist.
    pub value: Option<Arc<str>>,
}

/// One line of a journal; counted from 1.
#[derive(Clone, Debug, PartialEq)]
pub struct JournalEntry {
    pub sequence: u64,
    /// Unix ms.
    pub at: u64,
    /// JSON.
    pub value: Arc<str>,
}

/// Why a message could not be left for a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Undelivered {
    pub device: String,
    pub reason: String,
}

/// Why a request has no outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    Interrupted,
    Unavailable,
    TimedOut,
    Rejected,
    Denied,
    TooMany,
    Unsupported,
    NotJson,
}

/// Why a role is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EndReason {
    Requested,
    Switched,
    Expired,
    Removed,
}

impl Event {
    /// Its kind, as the contract calls it; for traces.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Started(_) => "started",
            Self::Message { .. } => "message",
            Self::Transcript(_) => "transcript",
            Self::Timer(_) => "timer",
            Self::ModelChunk { .. } => "model-chunk",
            Self::ModelDone(_) => "model-done",
            Self::RequestFailed { .. } => "request-failed",
            Self::Tools { .. } => "tools",
            Self::ToolDone { .. } => "tool-done",
            Self::Aborted { .. } => "aborted",
            Self::Document(_) => "document",
            Self::WriteDone { .. } => "write-done",
            Self::WriteConflict(_) => "write-conflict",
            Self::JournalPage { .. } => "journal-page",
            Self::RequestDone { .. } => "request-done",
            Self::Delivered { .. } => "delivered",
            Self::Attached(_) => "attached",
            Self::Detached => "detached",
            Self::Hello(_) => "hello",
            Self::ModeChanged(_) => "mode-changed",
            Self::ConfigChanged { .. } => "config-changed",
            Self::Upgraded { .. } => "upgraded",
            Self::Ended(_) => "ended",
            Self::Extension { .. } => "extension",
        }
    }

    /// The request that this event is the outcome of.
    pub fn ends(&self) -> Option<RequestId> {
        match self {
            Self::ModelDone(done) => Some(done.request),
            Self::Document(document) | Self::WriteConflict(document) => document.request,
            Self::RequestFailed { request, .. }
            | Self::Tools { request, .. }
            | Self::ToolDone { request, .. }
            | Self::WriteDone { request, .. }
            | Self::JournalPage { request, .. }
            | Self::RequestDone { request, .. }
            | Self::Delivered { request, .. } => Some(*request),
            // A chunk is not the end of its request.
            Self::ModelChunk { .. }
            | Self::Started(_)
            | Self::Message { .. }
            | Self::Transcript(_)
            | Self::Timer(_)
            | Self::Aborted { .. }
            | Self::Attached(_)
            | Self::Detached
            | Self::Hello(_)
            | Self::ModeChanged(_)
            | Self::ConfigChanged { .. }
            | Self::Upgraded { .. }
            | Self::Ended(_)
            | Self::Extension { .. } => None,
        }
    }

    /// Bytes that keeping this event costs beyond its own size, roughly; for the replay bound.
    pub fn weight(&self) -> usize {
        match self {
            Self::Message { body, .. } => body.len(),
            Self::Transcript(transcript) => transcript.text.len(),
            Self::ModelChunk { text, .. } | Self::ToolDone { text, .. } => text.len(),
            Self::ModelDone(done) => {
                let calls = done.tool_calls.iter().map(|call| call.name.len() + call.arguments.len() + 64);
                done.text.len() + calls.sum::<usize>()
            }
            Self::Tools { tools, .. } => {
                tools.iter().map(|tool| tool.description.len() + tool.parameters.len() + 128).sum()
            }
            Self::Document(document) | Self::WriteConflict(document) => {
                document.value.as_ref().map_or(0, |value| value.len())
            }
            Self::JournalPage { entries, .. } => entries.iter().map(|entry| entry.value.len() + 64).sum(),
            Self::Hello(text) | Self::ConfigChanged { config: text, .. } | Self::Extension { payload: text, .. } => {
                text.len()
            }
            Self::Delivered { sent, queued, failed, .. } => {
                let reached = sent.iter().chain(queued).map(|device| device.len() + 24);
                let missed = failed.iter().map(|one| one.device.len() + one.reason.len() + 48);
                reached.chain(missed).sum()
            }
            Self::Started(_)
            | Self::Timer(_)
            | Self::RequestFailed { .. }
            | Self::Aborted { .. }
            | Self::WriteDone { .. }
            | Self::RequestDone { .. }
            | Self::Attached(_)
            | Self::Detached
            | Self::ModeChanged(_)
            | Self::Upgraded { .. }
            | Self::Ended(_) => 64,
        }
    }
}
