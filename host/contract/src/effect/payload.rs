//! Payloads of effects. Rule: plain data, named as in `wit/0.2/effects.wit`; no logic.

use serde::Serialize;

use crate::id::RequestId;

/// A command for the device's microphone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenCommand {
    /// Start listening.
    Start(ListenMode),
    /// Stop listening.
    Stop,
}

/// How a device detects the end of an utterance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ListenMode {
    /// The server detects it.
    Automatic,
    /// The user holds a button.
    Manual,
    /// The device keeps listening while speech is played.
    Realtime,
}

/// The author of a message to a model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Instructions.
    System,
    /// The user.
    User,
    /// The model.
    Assistant,
    /// The result of a tool call.
    Tool,
}

/// One message of a dialogue with a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ChatMessage {
    /// The author.
    pub role: Role,
    /// The text.
    pub content: String,
    /// With [`Role::Assistant`].
    pub tool_calls: Vec<ToolCall>,
    /// With [`Role::Tool`]: the call that this answers.
    pub tool_call_id: Option<String>,
}

/// A tool that a model may call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Tool {
    /// The name that the model uses.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of the arguments, an object.
    pub parameters: String,
}

/// A tool call requested by a model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ToolCall {
    /// Assigned by the provider.
    pub id: String,
    /// The name of the tool.
    pub name: String,
    /// JSON as the model wrote it; may be malformed.
    pub arguments: String,
}

/// The recipients of a delivery.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Audience {
    /// These devices, by id.
    Devices(Vec<String>),
    /// All devices of a group except the sender.
    Group(String),
    /// All known devices except the sender.
    Everyone,
}

/// A message to other devices.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Chosen by the mode.
    pub request: RequestId,
    /// The recipients.
    pub to: Audience,
    /// Devices to leave out of `to`.
    pub except: Vec<String>,
    /// A JSON object with a `type`.
    pub body: String,
    /// Queued for offline devices instead of `body`.
    pub offline_body: Option<String>,
    /// Sent to the sender when queued messages have been delivered.
    pub receipt: Option<String>,
    /// How long it is queued; 0: not at all.
    pub ttl_ms: u64,
}

/// A question to a language model.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ModelRequest {
    /// Chosen by the mode.
    pub request: RequestId,
    /// Selects the configured model.
    pub purpose: String,
    /// The dialogue.
    pub messages: Vec<ChatMessage>,
    /// Most tokens of the answer.
    pub max_tokens: u32,
    /// The answer must be a JSON object: the host extracts and repairs it.
    pub json: bool,
    /// Stream the answer.
    pub chunks: bool,
    /// The answer is spoken: cancelled once the user has moved on.
    pub spoken: bool,
    /// Tools that the model may call.
    pub tools: Vec<Tool>,
}

/// A journal that the host inserts into a JSON object or a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct JournalPart {
    /// The journal.
    pub journal: String,
    /// The member of the object that becomes the array of all entries.
    pub member: String,
    /// An entry as a line of Markdown, with `{name}` for its members; empty: no lines.
    pub line: String,
}

/// A webhook to be posted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct HookRequest {
    /// Chosen by the mode.
    pub request: RequestId,
    /// The configured name of the webhook.
    pub hook: String,
    /// Names the signature header, `X-<sender>-Signature`.
    pub sender: String,
    /// JSON; an object if `journal` is set.
    pub body: String,
    /// A journal to insert into the body.
    pub journal: Option<JournalPart>,
}

/// A finished document for the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ArchiveEntry {
    /// Chosen by the mode.
    pub request: RequestId,
    /// The kind of document.
    pub kind: String,
    /// Unique within its kind; an entry with the same id is replaced.
    pub id: String,
    /// The title.
    pub title: String,
    /// JSON; an object where `journal` is given.
    pub content: String,
    /// A Markdown version for readers; may be empty.
    pub text: String,
    /// Archived with the entry.
    pub journal: Option<JournalPart>,
    /// Entries of this kind and device to keep; older ones are removed. 0: all.
    pub keep: u32,
}
