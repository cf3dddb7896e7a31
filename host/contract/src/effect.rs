//! Effects that modes return (`wit/0.2/effects.wit`). Rule: by the time a session sees an effect it has been checked:
//! granted, within its limits, and well-formed JSON where JSON is required. Every effect has one kind, and matches on a
//! kind have no wildcard: a new effect does not compile until each of them handles it.

mod payload;

pub use payload::{
    ArchiveEntry, Audience, ChatMessage, Delivery, HookRequest, JournalPart, ListenCommand, ListenMode, ModelRequest,
    Role, Tool, ToolCall,
};

use serde::Serialize;

use crate::id::{DocumentVersion, RequestId, TimerId};

/// An effect of a mode, by its kind.
///
/// The kind of an effect decides when it is applied: [`Local`] and [`Query`] at once; [`Write`] in one transaction with
/// the session's record; [`Call`] after that record is on disk; [`Output`] after everything else of the list.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Effect {
    /// Changes something inside the session.
    Local(Local),
    /// Reads something from the host.
    Query(Query),
    /// Stores something.
    Write(Write),
    /// Calls something outside the session.
    Call(Call),
    /// Becomes visible outside the session.
    Output(Output),
}

/// Changes something inside the session; has no outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Local {
    /// Starts a timer, or restarts the one with this id.
    StartTimer {
        /// Chosen by the mode.
        id: TimerId,
        /// Delay in ms; limited to 20 ms to ten years.
        delay_ms: u64,
    },
    /// Stops a timer.
    StopTimer(TimerId),
    /// Drops an open request; it gets no outcome.
    Cancel(RequestId),
    /// Stops watching the document with this key.
    UnwatchDocument(String),
}

/// Reads something from the host; changes nothing, and the outcome is an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Query {
    /// Reads a document.
    ReadDocument {
        /// Chosen by the mode.
        request: RequestId,
        /// The key of the document.
        key: String,
    },
    /// Reads a document, and reports each later change of it.
    WatchDocument {
        /// Chosen by the mode.
        request: RequestId,
        /// The key of the document.
        key: String,
    },
    /// Reads a page of a journal.
    ReadJournal {
        /// Chosen by the mode.
        request: RequestId,
        /// The journal.
        journal: String,
        /// The sequence number after which the page starts.
        after: u64,
        /// Most entries of the page.
        limit: u32,
    },
    /// Lists the tools of the device.
    ListTools(RequestId),
    /// Uses an extension of the contract.
    Extension {
        /// Chosen by the mode.
        request: RequestId,
        /// The name of the extension.
        name: String,
        /// Defined by the extension.
        payload: String,
    },
    /// Inserted by the runtime in place of an effect that the plugin declares as optional and the operator has not
    /// granted: the request fails, the rest of the list is applied.
    Denied {
        /// The request of the effect.
        request: RequestId,
        /// A readable message that names the missing grant.
        message: String,
    },
}

/// Stored in one transaction with the session's record; the outcome is an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Write {
    /// Writes or removes a document.
    WriteDocument {
        /// Chosen by the mode.
        request: RequestId,
        /// The key of the document.
        key: String,
        /// The version that the document must have.
        expected: DocumentVersion,
        /// JSON; none removes the document.
        value: Option<String>,
    },
    /// Appends an entry to a journal.
    AppendJournal {
        /// Chosen by the mode.
        request: RequestId,
        /// The journal.
        journal: String,
        /// JSON.
        entry: String,
        /// Report success as well.
        notify: bool,
    },
    /// Removes a journal.
    RemoveJournal {
        /// Chosen by the mode.
        request: RequestId,
        /// The journal.
        journal: String,
    },
    /// Adds an entry to the archive.
    Archive(ArchiveEntry),
}

/// A request to something outside the session, sent once its record is on disk; the outcome is an event.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Call {
    /// Asks a language model.
    AskModel(ModelRequest),
    /// Calls a tool of the device.
    CallTool {
        /// Chosen by the mode.
        request: RequestId,
        /// The name of the tool.
        name: String,
        /// A JSON object.
        arguments: String,
    },
    /// Posts a webhook.
    PostHook(HookRequest),
    /// Sends a message to other devices.
    Deliver(Delivery),
}

/// Visible outside the session, or triggering something that is; has no outcome.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Output {
    /// A message to the session's own device: a JSON object with a `type`.
    Send(String),
    /// Speaks a sentence.
    Say {
        /// The sentence; empty text without `more` ends the answer.
        text: String,
        /// Cut off what is being spoken.
        interrupt: bool,
        /// More of the same answer follows.
        more: bool,
    },
    /// Starts or stops the device's microphone.
    Listen(ListenCommand),
    /// Passes the transcript that the list answers to the default mode.
    Decline,
    /// Sends a message to the connected devices of a group.
    Broadcast {
        /// The group.
        group: String,
        /// A JSON object with a `type`.
        body: String,
        /// Send it to the session's own device as well.
        include_self: bool,
        /// Replaces a message with the same key that is still queued in an outbox.
        supersedes: Option<String>,
    },
    /// Handled as if the device had sent it: a JSON object with a `type`.
    Dispatch(String),
    /// Starts the mode of this name; none: the default mode.
    SwitchMode(Option<String>),
    /// Closes the connection once all speech has been played.
    HangUp,
}

impl Effect {
    /// Its name in the contract, as operators see it; also its tag when it is serialised.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Local(local) => match local {
                Local::StartTimer { .. } => "start-timer",
                Local::StopTimer(_) => "stop-timer",
                Local::Cancel(_) => "cancel",
                Local::UnwatchDocument(_) => "unwatch-document",
            },
            Self::Query(query) => match query {
                Query::ReadDocument { .. } => "read-document",
                Query::WatchDocument { .. } => "watch-document",
                Query::ReadJournal { .. } => "read-journal",
                Query::ListTools(_) => "list-tools",
                Query::Extension { .. } => "extension",
                Query::Denied { .. } => "denied",
            },
            Self::Write(write) => match write {
                Write::WriteDocument { .. } => "write-document",
                Write::AppendJournal { .. } => "append-journal",
                Write::RemoveJournal { .. } => "remove-journal",
                Write::Archive(_) => "archive",
            },
            Self::Call(call) => match call {
                Call::AskModel(_) => "ask-model",
                Call::CallTool { .. } => "call-tool",
                Call::PostHook(_) => "post-hook",
                Call::Deliver(_) => "deliver",
            },
            Self::Output(output) => match output {
                Output::Send(_) => "send",
                Output::Say { .. } => "say",
                Output::Listen(_) => "listen",
                Output::Decline => "decline",
                Output::Broadcast { .. } => "broadcast",
                Output::Dispatch(_) => "dispatch",
                Output::SwitchMode(_) => "switch-mode",
                Output::HangUp => "hang-up",
            },
        }
    }
}

impl Query {
    /// The request that its outcome completes.
    pub fn request(&self) -> RequestId {
        match self {
            Self::ListTools(request)
            | Self::ReadDocument { request, .. }
            | Self::WatchDocument { request, .. }
            | Self::ReadJournal { request, .. }
            | Self::Extension { request, .. }
            | Self::Denied { request, .. } => *request,
        }
    }
}

impl Write {
    /// The request that its outcome completes.
    pub fn request(&self) -> RequestId {
        match self {
            Self::WriteDocument { request, .. }
            | Self::AppendJournal { request, .. }
            | Self::RemoveJournal { request, .. } => *request,
            Self::Archive(entry) => entry.request,
        }
    }
}

impl Call {
    /// The request that its outcome completes.
    pub fn request(&self) -> RequestId {
        match self {
            Self::AskModel(ask) => ask.request,
            Self::CallTool { request, .. } => *request,
            Self::PostHook(post) => post.request,
            Self::Deliver(delivery) => delivery.request,
        }
    }
}

/// Allows an effect to be written without its kind around it.
macro_rules! kinds {
    ($($kind:ident),+) => {
        $(impl From<$kind> for Effect {
            fn from(effect: $kind) -> Self {
                Self::$kind(effect)
            }
        })+
    };
}

kinds!(Local, Query, Write, Call, Output);
