//! What a mode wants done (`wit/0.2/effects.wit`). Rule: by the time a session sees an effect it has
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
        /// More of the same answer follows.
        more: bool,
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
    ListTools(RequestId),
    CallTool {
        request: RequestId,
        name: String,
        /// A JSON object.
        arguments: String,
    },
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
    RemoveJournal {
        request: RequestId,
        journal: String,
    },
    Archive(ArchiveEntry),
    PostHook(HookRequest),
    Broadcast {
        group: String,
        body: String,
        include_self: bool,
        supersedes: Option<String>,
    },
    Deliver {
        request: RequestId,
        to: Audience,
        /// Devices that it does not go to, although `to` means them.
        except: Vec<String>,
        body: String,
        /// Kept for those that are away instead of `body`.
        late_body: Option<String>,
        /// Told to the sender when what was kept has been handed over.
        notice: Option<String>,
        ttl_ms: u64,
    },
    /// A JSON object with a `type`.
    Dispatch(String),
    SwitchMode(Option<String>),
    HangUp,
    Extension {
        request: RequestId,
        name: String,
        payload: String,
    },
    /// Made by the runtime in place of an effect that the plugin asks for as welcome and the
    /// operator has not granted: the request fails, the rest of the list holds.
    Denied {
        request: RequestId,
        message: String,
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
    /// What a tool has answered.
    Tool,
}

/// A part of a dialogue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChatMessage {
    pub role: Role,
    pub content: String,
    /// With [`Role::Assistant`].
    pub tool_calls: Vec<ToolCall>,
    /// With [`Role::Tool`]: the call that this answers.
    pub tool_call_id: Option<String>,
}

/// Something that a model may have called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tool {
    pub name: String,
    pub description: String,
    /// JSON Schema of the arguments, an object.
    pub parameters: String,
}

/// A model's wish to have a tool called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToolCall {
    pub id: String,
    pub name: String,
    /// JSON as the model wrote it; may be damaged.
    pub arguments: String,
}

/// Whom a delivery is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Audience {
    Devices(Vec<String>),
    Group(String),
    Everyone,
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
    /// Dropped once the person has moved on.
    pub spoken: bool,
    pub tools: Vec<Tool>,
}

/// A journal that the host puts into a larger whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JournalPart {
    pub journal: String,
    /// The member of the object that becomes the array of all entries.
    pub member: String,
    /// An entry as a line of Markdown, with `{name}` for its members; empty: no lines.
    pub line: String,
}

/// A webhook to be posted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookRequest {
    pub request: RequestId,
    pub hook: String,
    /// Names the signature, `X-<sender>-Signature`.
    pub sender: String,
    /// JSON; an object where `journal` is given.
    pub body: String,
    pub journal: Option<JournalPart>,
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
    /// Goes with the entry.
    pub journal: Option<JournalPart>,
    /// 0: all.
    pub keep: u32,
}

impl Effect {
    /// The request that this effect opens, if it opens one whose outcome comes as an event.
    pub fn opens(&self) -> Option<RequestId> {
        match self {
            Self::AskModel(ask) => Some(ask.request),
            Self::Archive(entry) => Some(entry.request),
            Self::PostHook(post) => Some(post.request),
            Self::ListTools(request) => Some(*request),
            Self::ReadDocument { request, .. }
            | Self::WatchDocument { request, .. }
            | Self::WriteDocument { request, .. }
            | Self::AppendJournal { request, .. }
            | Self::ReadJournal { request, .. }
            | Self::RemoveJournal { request, .. }
            | Self::CallTool { request, .. }
            | Self::Deliver { request, .. }
            | Self::Extension { request, .. }
            | Self::Denied { request, .. } => Some(*request),
            _ => None,
        }
    }

    /// True if the effect must be on disk before a later effect of its list reaches a device.
    pub fn is_durable(&self) -> bool {
        matches!(
            self,
            Self::WriteDocument { .. }
                | Self::AppendJournal { .. }
                | Self::RemoveJournal { .. }
                | Self::Archive(_)
                | Self::Deliver { .. }
        )
    }
}
