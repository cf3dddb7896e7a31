//! Events for modes (`wit/0.2/events.wit`). Rule: an event is plain data and cheap to keep, since the session keeps
//! those since the last snapshot for replay.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::effect::{Tool, ToolCall};
use crate::id::{DocumentVersion, RequestId, TimerId};
use crate::mode_info::ModeInfo;

/// Everything that can happen to a mode.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Event {
    /// A role starts.
    Started(Start),
    /// A message of the device of a type that the plugin handles.
    Message {
        /// The `type` of the message.
        kind: Arc<str>,
        /// The whole message: a JSON object.
        body: Arc<str>,
    },
    /// Recognised or typed text.
    Transcript(Transcript),
    /// A timer has fired.
    Timer(TimerId),
    /// A part of a model's streamed answer; does not complete the request.
    ModelChunk {
        /// The request that it belongs to.
        request: RequestId,
        /// The next piece of the answer.
        text: Arc<str>,
    },
    /// The complete answer of a model.
    ModelDone(ModelDone),
    /// A request has failed.
    RequestFailed {
        /// The request that it completes.
        request: RequestId,
        /// Why it failed.
        reason: Failure,
        /// A readable message without secrets.
        message: Arc<str>,
    },
    /// The tools of the device.
    Tools {
        /// The request that it completes.
        request: RequestId,
        /// All tools, bounded in number and size.
        tools: Arc<[Tool]>,
    },
    /// The result of a tool call.
    ToolDone {
        /// The request that it completes.
        request: RequestId,
        /// The result as text.
        text: Arc<str>,
        /// The tool reports a failure.
        failed: bool,
    },
    /// Speech or questions of the plugin have been cancelled.
    Aborted {
        /// Why, as a short word such as `barge_in`, or the device's own reason.
        reason: Arc<str>,
        /// How much of the plugin's speech was played; none if it was not speaking.
        heard: Option<Arc<str>>,
    },
    /// A document that was read, or that is watched and has changed.
    Document(Document),
    /// A document has been written.
    WriteDone {
        /// The request that it completes.
        request: RequestId,
        /// The key of the document.
        key: Arc<str>,
        /// Its new version.
        version: DocumentVersion,
    },
    /// A write failed since the document had another version: its current state.
    WriteConflict(Document),
    /// A page of a journal.
    JournalPage {
        /// The request that it completes.
        request: RequestId,
        /// The journal.
        journal: Arc<str>,
        /// The entries in order.
        entries: Vec<JournalEntry>,
        /// No entries follow the page.
        complete: bool,
    },
    /// A request without a result of its own has succeeded.
    RequestDone {
        /// The request that it completes.
        request: RequestId,
        /// The sequence number of an appended journal entry, or the HTTP status of a webhook; otherwise 0.
        value: u64,
    },
    /// The result of a delivery for each recipient.
    Delivered {
        /// The request that it completes.
        request: RequestId,
        /// Devices that the message was sent to.
        sent: Vec<String>,
        /// Offline devices that it was queued for.
        queued: Vec<String>,
        /// Devices that it could be neither sent to nor queued for.
        failed: Vec<Undelivered>,
    },
    /// The device has connected.
    Attached(Device),
    /// The device has disconnected.
    Detached,
    /// The device has sent `hello`: the whole message.
    Hello(Arc<str>),
    /// Another mode runs now: its canonical name.
    ModeChanged(Arc<str>),
    /// All modes of the server, sorted by name.
    Modes(Arc<[ModeInfo]>),
    /// The configuration of the plugin, or the alias or groups of the device, have changed.
    ConfigChanged {
        /// The plugin's configuration section: JSON.
        config: Arc<str>,
        /// The device as it is now.
        device: Device,
    },
    /// The instance was restored from a snapshot of another version of the plugin.
    Upgraded {
        /// The version that took the snapshot.
        old_version: Arc<str>,
    },
    /// The role ends.
    Ended(EndReason),
    /// An event of an extension of the contract.
    Extension {
        /// The name of the extension.
        name: Arc<str>,
        /// Defined by the extension.
        payload: Arc<str>,
    },
}

/// The payload of `started`: the plugin gets a role in a session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Start {
    /// The mode that starts; none for a handler of message types.
    pub mode: Option<Arc<str>>,
    /// The device of the session.
    pub device: Device,
    /// The session as the device sees it.
    pub session_id: Arc<str>,
    /// `zh` or `en`.
    pub language: Arc<str>,
}

/// The device of a session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Device {
    /// The device id.
    pub id: Arc<str>,
    /// The configured alias, if any.
    pub alias: Option<Arc<str>>,
    /// Never empty.
    pub groups: Arc<[Arc<str>]>,
}

/// Recognised or typed text.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Transcript {
    /// The text.
    pub text: Arc<str>,
    /// False for a partial, which later text of the same segment replaces.
    pub is_final: bool,
    /// Start of the speech, Unix ms.
    pub start_ms: u64,
    /// End of the speech, Unix ms.
    pub end_ms: u64,
    /// Number of the segment within the session; partials and final text share it. A final text with the number of an
    /// earlier one replaces that: the user continued before anything was answered.
    pub segment: u64,
    /// The recogniser, or `typed`.
    pub source: Arc<str>,
}

/// The complete answer of a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelDone {
    /// The request that it completes.
    pub request: RequestId,
    /// The whole answer; may be empty if the model calls tools.
    pub text: Arc<str>,
    /// 0 where the provider does not say.
    pub prompt_tokens: u32,
    /// 0 where the provider does not say.
    pub completion_tokens: u32,
    /// Tools that the model wants called.
    pub tool_calls: Vec<ToolCall>,
}

/// The current state of a document.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Document {
    /// The request that it completes; none for a change of a watched document.
    pub request: Option<RequestId>,
    /// The key.
    pub key: Arc<str>,
    /// The current version.
    pub version: DocumentVersion,
    /// JSON; none where it does not exist.
    pub value: Option<Arc<str>>,
}

/// One entry of a journal; counted from 1.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct JournalEntry {
    /// Sequence number within the journal.
    pub sequence: u64,
    /// Unix ms.
    pub at: u64,
    /// JSON.
    pub value: Arc<str>,
}

/// A device that a message could not be sent to or queued for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Undelivered {
    /// The device, or the group that does not exist.
    pub device: String,
    /// A readable reason.
    pub reason: String,
}

/// Why a request has failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Failure {
    /// The process or the connection ended before the outcome was known; it may have happened or not.
    Interrupted,
    /// Nothing that could do it is configured or available.
    Unavailable,
    /// No answer in time.
    TimedOut,
    /// The other side rejected the request, or gave an unusable answer.
    Rejected,
    /// The plugin has no grant for it.
    Denied,
    /// Too many requests are open.
    TooMany,
    /// The server does not know the effect or extension.
    Unsupported,
    /// JSON was requested, and the model returned none.
    NotJson,
}

/// Why a role has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum EndReason {
    /// The device has ended the mode.
    Requested,
    /// Another mode has been started.
    Switched,
    /// The session has expired.
    Expired,
    /// The operator has removed the plugin.
    Removed,
}

impl Event {
    /// The name of its kind in the contract; for traces.
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
            Self::Modes(_) => "modes",
            Self::ConfigChanged { .. } => "config-changed",
            Self::Upgraded { .. } => "upgraded",
            Self::Ended(_) => "ended",
            Self::Extension { .. } => "extension",
        }
    }

    /// The request that this event completes.
    pub fn completes(&self) -> Option<RequestId> {
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
            // A chunk does not complete its request.
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
            | Self::Modes(_)
            | Self::ConfigChanged { .. }
            | Self::Upgraded { .. }
            | Self::Ended(_)
            | Self::Extension { .. } => None,
        }
    }

    /// Approximate bytes of an event beyond its own size; for the replay bound.
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
            Self::Modes(modes) => modes.iter().map(ModeInfo::weight).sum(),
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
