//! Slow external services that modes call: language models and webhooks. Rule: a session polls its requests and drops
//! those that it no longer wants; dropping cancels the work behind a request.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;

use crate::effect::{ModelRequest, ToolCall};
use crate::event::Failure;

/// A part of an answer. `Done` or `Failed` comes last, exactly once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ModelPart {
    /// Only where the request asked for chunks.
    Chunk(Arc<str>),
    /// The whole answer; counts are 0 where the provider does not report them. Where JSON was requested, the text is
    /// one JSON object.
    Done {
        /// The text.
        text: Arc<str>,
        /// Tokens of the question.
        prompt_tokens: u32,
        /// Tokens of the answer.
        completion_tokens: u32,
        /// Tools that the model wants called.
        tool_calls: Vec<ToolCall>,
    },
    /// Final: retries are used up. The message is readable and contains no secret.
    Failed {
        /// Why it failed.
        reason: Failure,
        /// A readable message without secrets.
        message: String,
    },
}

/// Language models by purpose.
pub trait Models: Send + Sync {
    /// Whether anything is configured for this purpose. Without it a request fails as unavailable, which is how the
    /// server is meant to run and no fault of a turn.
    fn is_configured(&self, _purpose: &str) -> bool {
        true
    }

    /// Starts to answer when the stream is first polled.
    fn ask(&self, request: ModelRequest) -> BoxStream<'static, ModelPart>;
}

/// Webhooks by name.
pub trait Hooks: Send + Sync {
    /// Posts `body` (JSON) to a configured hook, signed in the header `X-<sender>-Signature`, with its retries; returns
    /// the HTTP status, or why the post failed.
    fn post(&self, hook: &str, sender: &str, body: String) -> BoxFuture<'static, Result<u16, (Failure, String)>>;
}
