//! What a mode wants done (`wit/effects.wit`). Rule: by the time a session sees an effect it has
//! been checked: granted, within its limits, and well-formed JSON where JSON is due.

use crate::event::{DocumentVersion, RequestId, TimerId};

/// Everything that a mode can want.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    /// A JSON object with a `type`.
    Send(String),
    Say {
        text: String,
        interrupt: bool,
    },
    Listen(ListenCommand),
    Decline,
    StartTimer {
        id: TimerId,
        delay_ms: u64,
    },
    StopTimer(TimerId),
    AskModel(ModelRequest),
    Cancel(RequestId),
    ReadDocument {
        request: RequestId,
        key: String,
    },
    WatchDocument {
        request: RequestId,
        key: String,
    },
    UnwatchDocument(String),
    WriteDocument {
        request: RequestId,
        key: String,
        expected: DocumentVersion,
        value: Option<String>,
    },
    AppendJournal {
        request: RequestId,
        journal: String,
        entry: String,
        notify: bool,
    },
    ReadJournal {
        request: RequestId,
        journal: String,
        after: u64,
        limit: u32,
    },
    Archive(ArchiveEntry),
    PostHook {
        request: RequestId,
        hook: String,
        body: String,
    },
    Broadcast {
        group: String,
        body: String,
        include_self: bool,
        supersedes: Option<String>,
    },
    Deliver {
        request: RequestId,
        devices: Vec<String>,
        body: String,
        ttl_ms: u64,
    },
    /// A JSON object with a `type`.
    Dispatch(String),
    SwitchMode(Option<String>),
    Extension {
        request: RequestId,
        name: String,
        payload: String,
    },
}

/// What the device's microphone should do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenCommand {
    Start(ListenMode),
    Stop,
}

/// How a device finds the ends of an utterance.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListenMode {
    Automatic,
    Manual,
    Realtime,
}

/// Who said a part of a dialogue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    System,
    User,
    Assistant,
}

/// A part of a dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage {
    pub role: Role,
    pub content: String,
}

/// A question to a language model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModelRequest {
    pub request: RequestId,
    pub purpose: String,
    pub messages: Vec<ChatMessage>,
    pub max_tokens: u32,
    pub json: bool,
    pub chunks: bool,
}

/// A finished piece of work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ArchiveEntry {
    pub request: RequestId,
    pub kind: String,
    pub id: String,
    pub title: String,
    pub content: String,
    pub text: String,
    /// 0: all.
    pub keep: u32,
}

impl Effect {
    /// The request that this effect opens, if it opens one whose outcome comes as an event.
    pub fn opens(&self) -> Option<RequestId> {
        match self {
            Self::AskModel(ask) => Some(ask.request),
            Self::Archive(entry) => Some(entry.request),
            Self::ReadDocument { request, .. }
            | Self::WatchDocument { request, .. }
            | Self::WriteDocument { request, .. }
            | Self::AppendJournal { request, .. }
            | Self::ReadJournal { request, .. }
            | Self::PostHook { request, .. }
            | Self::Deliver { request, .. }
            | Self::Extension { request, .. } => Some(*request),
            _ => None,
        }
    }

    /// True if the effect must be on disk before a later effect of its list reaches a device.
    pub fn is_durable(&self) -> bool {
        matches!(
            self,
            Self::WriteDocument { .. } | Self::AppendJournal { .. } | Self::Archive(_) | Self::Deliver { .. }
        )
    }
}
