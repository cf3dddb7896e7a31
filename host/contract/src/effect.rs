//! What a mode wants done (`wit/0.2/effects.wit`). Rule: by the time a session sees an effect it has
//! been checked: granted, within its limits, and well-formed JSON where JSON is due. Every effect has
//! one kind, and matches on a kind have no wildcard: a new effect does not compile until each place
//! says what becomes of it.

mod payload;

pub use payload::{
    ArchiveEntry, Audience, ChatMessage, Delivery, HookRequest, JournalPart, ListenCommand, ListenMode, ModelRequest,
    Role, Tool, ToolCall,
};

use crate::event::{DocumentVersion, RequestId, TimerId};

/// Everything that a mode can want, by what it takes to carry it out.
///
/// The kind of an effect decides when it happens: [`Local`] and [`Query`] at once; [`Write`] in one durable
/// step with the session's record; [`Call`] behind that record; [`Output`] after everything else of the list.
#[derive(Clone, Debug, PartialEq)]
pub enum Effect {
    Local(Local),
    Query(Query),
    Write(Write),
    Call(Call),
    Output(Output),
}

/// Changes something inside the session; has no outcome.
#[derive(Clone, Debug, PartialEq)]
pub enum Local {
    StartTimer {
        id: TimerId,
        delay_ms: u64,
    },
    StopTimer(TimerId),
    /// Drops an open request; nothing is told of it.
    Cancel(RequestId),
    /// The key of a document.
    UnwatchDocument(String),
}

/// Asks the host for what it knows; nothing is changed by it, and the outcome is an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Query {
    ReadDocument {
        request: RequestId,
        key: String,
    },
    WatchDocument {
        request: RequestId,
        key: String,
    },
    ReadJournal {
        request: RequestId,
        journal: String,
        /// The sequence number behind which the page begins.
        after: u64,
        /// Entries at most.
        limit: u32,
    },
    ListTools(RequestId),
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

/// Is stored, in one durable step with the session's record; the outcome is an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Write {
    WriteDocument {
        request: RequestId,
        key: String,
        expected: DocumentVersion,
        /// JSON; none removes the document.
        value: Option<String>,
    },
    AppendJournal {
        request: RequestId,
        journal: String,
        /// JSON.
        entry: String,
        /// Success is told, too.
        notify: bool,
    },
    RemoveJournal {
        request: RequestId,
        journal: String,
    },
    Archive(ArchiveEntry),
}

/// Is asked of somebody outside the session once its record is on disk; the outcome is an event.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    AskModel(ModelRequest),
    CallTool {
        request: RequestId,
        name: String,
        /// A JSON object.
        arguments: String,
    },
    PostHook(HookRequest),
    Deliver(Delivery),
}

/// Is seen by somebody outside, or sets off what is; has no outcome.
#[derive(Clone, Debug, PartialEq)]
pub enum Output {
    /// A JSON object with a `type`, for the session's own device.
    Send(String),
    Say {
        text: String,
        interrupt: bool,
        /// More of the same answer follows.
        more: bool,
    },
    Listen(ListenCommand),
    /// The transcript that the list answers is for the default mode.
    Decline,
    Broadcast {
        group: String,
        /// A JSON object with a `type`.
        body: String,
        include_self: bool,
        /// A message of the same key that still waits in an outbox is dropped.
        supersedes: Option<String>,
    },
    /// A JSON object with a `type`, taken as if the device had sent it.
    Dispatch(String),
    /// None: the default mode.
    SwitchMode(Option<String>),
    HangUp,
}

impl Query {
    /// The request that its outcome answers.
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
    /// The request that its outcome answers.
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
    /// The request that its outcome answers.
    pub fn request(&self) -> RequestId {
        match self {
            Self::AskModel(ask) => ask.request,
            Self::CallTool { request, .. } => *request,
            Self::PostHook(post) => post.request,
            Self::Deliver(delivery) => delivery.request,
        }
    }
}

/// Lets an effect be written without its kind around it.
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
