//! Slow things outside that modes ask for: language models and webhooks. Rule: a session polls
//! what it has asked for and drops what it no longer wants; dropping cancels the work behind it.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use crate::effect::{ModelRequest, ToolCall};
use crate::event::Failure;

/// A piece of an answer. `Done` or `Failed` comes last, exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelPart {
    /// Only where the request asked for chunks.
    Chunk(Arc<str>),
    /// The whole answer; counts are 0 where the provider does not say. Where JSON was asked for,
    /// the text is one JSON object.
    Done { text: Arc<str>, prompt_tokens: u32, completion_tokens: u32, tool_calls: Vec<ToolCall> },
    /// For good: retries are used up. The message is for people and holds no secret.
    Failed { reason: Failure, message: String },
}

/// Language models by purpose.
pub trait Models: Send + Sync {
    /// Begins to answer once the stream is polled.
    fn ask(&self, request: ModelRequest) -> BoxStream<'static, ModelPart>;
}

/// Webhooks by name.
pub trait Hooks: Send + Sync {
    /// Posts `body` (JSON) to a configured hook, signed in the header `X-<sender>-Signature`, with
    /// its retries; gives the HTTP status, or why it was not taken.
    fn post(&self, hook: &str, sender: &str, body: String) -> BoxFuture<'static, Result<u16, (Failure, String)>>;
}
