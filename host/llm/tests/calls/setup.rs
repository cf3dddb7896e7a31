//! Helpers: models of a configuration, and questions. Rule: a test states only what is specific to it.

use std::sync::Arc;

use futures_util::StreamExt;
use garde::Validate;
use modehost_contract::effect::{ChatMessage, ModelRequest, Role, ToolCall};
use modehost_contract::event::Failure;
use modehost_contract::service::{ModelPart, Models};
use modehost_llm::{Config, LanguageModels};
use modehost_provider::Provider;
use serde_json::{Value, json};

/// A section with the alias `default` at this provider, with these settings.
pub fn config(provider: &Provider, settings: Value) -> Config {
    let mut alias = json!({ "base_url": provider.base_url(), "model": "small" });
    for (key, value) in settings.as_object().expect("settings") {
        alias[key] = value.clone();
    }
    section(json!({ "aliases": { "default": alias } }))
}

pub fn section(value: Value) -> Config {
    let config: Config = serde_json::from_value(value).expect("a section");
    config.validate().expect("a valid section");
    config
}

pub fn models(provider: &Provider, settings: Value) -> Arc<LanguageModels> {
    LanguageModels::new(&config(provider, settings))
}

pub fn message(role: Role, content: &str) -> ChatMessage {
    ChatMessage { role, content: content.to_owned(), tool_calls: Vec::new(), tool_call_id: None }
}

/// A plain question.
pub fn question(words: &str) -> ModelRequest {
    ModelRequest {
        request: 1,
        purpose: "test".to_owned(),
        messages: vec![message(Role::User, words)],
        max_tokens: 100,
        json: false,
        chunks: false,
        spoken: false,
        tools: Vec::new(),
    }
}

pub fn streamed(words: &str) -> ModelRequest {
    ModelRequest { chunks: true, ..question(words) }
}

pub fn json_question(words: &str) -> ModelRequest {
    ModelRequest { json: true, ..question(words) }
}

/// Everything that a question returned.
#[derive(Debug, PartialEq)]
pub struct Outcome {
    pub chunks: Vec<String>,
    pub last: Result<Done, (Failure, String)>,
}

#[derive(Debug, PartialEq)]
pub struct Done {
    pub text: String,
    pub tokens: (u32, u32),
    pub tool_calls: Vec<ToolCall>,
}

impl Outcome {
    /// The answer.
    ///
    /// # Panics
    /// If there is none.
    pub fn text(&self) -> &str {
        &self.done().text
    }

    pub fn done(&self) -> &Done {
        self.last.as_ref().expect("an answer")
    }

    /// The reason of the failure, and its sentence.
    pub fn failed(&self) -> (Failure, &str) {
        let (reason, message) = self.last.as_ref().expect_err("a failure");
        (*reason, message)
    }
}

/// Asks, and waits for the end. A part after the end fails the test.
pub async fn ask(models: &LanguageModels, request: ModelRequest) -> Outcome {
    let mut parts = models.ask(request);
    let mut chunks = Vec::new();
    while let Some(part) = parts.next().await {
        let last = match part {
            ModelPart::Chunk(text) => {
                chunks.push(text.to_string());
                continue;
            }
            ModelPart::Done { text, prompt_tokens, completion_tokens, tool_calls } => {
                Ok(Done { text: text.to_string(), tokens: (prompt_tokens, completion_tokens), tool_calls })
            }
            ModelPart::Failed { reason, message } => Err((reason, message)),
        };
        assert_eq!(parts.next().await, None, "something comes behind the end");
        return Outcome { chunks, last };
    }
    panic!("the parts end without a last one: {chunks:?}");
}
