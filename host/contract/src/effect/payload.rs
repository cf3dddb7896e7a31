//! What effects carry. Rule: plain data, in the words of `wit/0.2/effects.wit`; nothing here decides anything.

use crate::event::RequestId;

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

/// A message for other devices.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    pub request: RequestId,
    pub to: Audience,
    /// Devices that it does not go to, although `to` means them.
    pub except: Vec<String>,
    /// A JSON object with a `type`.
    pub body: String,
    /// Kept for those that are away instead of `body`.
    pub offline_body: Option<String>,
    /// Told to the sender when what was kept has been handed over.
    pub receipt: Option<String>,
    /// How long it is kept; 0: not at all.
    pub ttl_ms: u64,
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
