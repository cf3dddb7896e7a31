//! Real error messages of services, with the remedies. Rule: the messages were reported by users of these services; a
//! new message is added here first.

mod length;
mod shape;

use modehost_contract::effect::{ChatMessage, ModelRequest, Role, Tool, ToolCall};
use serde_json::json;

use super::*;
use crate::config::{Alias, Overrides};
use Remedy::{
    CallIds, CallsAsText, DeveloperRole, FillContent, MaxCompletionTokens, MaxTokens, MergeRoles, NoTokenLimit,
    NoTools, PlainSchemas, Shorten, Stream, SystemIntoUser, Whole,
};

fn message(role: Role, content: &str) -> ChatMessage {
    ChatMessage { role, content: content.to_owned(), tool_calls: Vec::new(), tool_call_id: None }
}

/// A question that contains everything that can be rejected.
fn request(chunks: bool) -> ModelRequest {
    let call = ToolCall { id: "call_0".to_owned(), name: "self.light".to_owned(), arguments: "{}".to_owned() };
    let mut calling = message(Role::Assistant, "");
    calling.tool_calls = vec![call];
    let mut result = message(Role::Tool, "on");
    result.tool_call_id = Some("call_0".to_owned());
    ModelRequest {
        request: 1,
        purpose: "test".to_owned(),
        messages: vec![
            message(Role::System, "Be brief."),
            message(Role::User, "one"),
            message(Role::User, "two"),
            calling,
            result,
            message(Role::User, "three"),
        ],
        max_tokens: 20_000,
        json: true,
        chunks,
        spoken: false,
        tools: vec![Tool {
            name: "self.light".to_owned(),
            description: String::new(),
            parameters: "{\"type\":\"object\",\"additionalProperties\":false}".to_owned(),
        }],
    }
}

fn settings() -> ClientSettings {
    let mut alias = Alias {
        base_url: Some("http://127.0.0.1:1/v1".into()),
        model: Some("small".to_owned()),
        temperature: Some(0.5),
        top_p: Some(0.9),
        ..Alias::default()
    };
    for (member, value) in [
        ("seed", json!(7)),
        ("stop", json!(["x"])),
        ("frequency_penalty", json!(0.1)),
        ("parallel_tool_calls", json!(false)),
        ("enable_thinking", json!(false)),
        ("reasoning_effort", json!("low")),
    ] {
        alias.extra.insert(member.to_owned(), value);
    }
    ClientSettings::new("default", &alias, &Overrides::default())
}

fn of(status: u16, body: &Value) -> Rejection {
    let body = body.as_str().map_or_else(|| body.to_string(), str::to_owned);
    Rejection::of_status(status, body.as_bytes())
}

fn remedy_for(status: u16, body: &Value, chunks: bool, before: &[Remedy]) -> Option<Remedy> {
    let question = Question::new(&request(chunks)).expect("a question");
    let mut plan = Plan::default();
    for remedy in before {
        assert!(plan.apply(remedy.clone()), "{remedy:?}");
    }
    let advice = of(status, body).advice(&question, &settings(), &plan);
    advice.filter(|advice| !advice.is_guess).map(|advice| advice.remedy)
}

fn without(member: &'static str) -> Remedy {
    Remedy::Drop(member.into())
}

fn cap(tokens: u32) -> Remedy {
    Remedy::TokenCap { tokens, is_permanent: true }
}

/// In the format of OpenAI and most others.
fn openai(message: &str) -> Value {
    json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": null } })
}

#[test]
fn what_no_change_helps_against_is_left_alone() {
    for (status, body) in [
        (401, openai("Incorrect API key provided; tools are not supported")),
        (403, openai("'temperature' is not supported")),
        (402, json!({ "error": { "message": "Insufficient Balance" } })),
        (429, openai("Rate limit reached for gpt-4o: 'tools' too many")),
        (404, openai("The model `small` does not exist or you do not have access to it.")),
        (404, json!("<html>404 Not Found</html>")),
        (500, openai("The server had an error while processing your request.")),
        (503, openai("Overloaded")),
    ] {
        assert_eq!(remedy_for(status, &body, true, &[]), None, "{body}");
    }
}

#[test]
fn words_that_nobody_knows_cost_the_tools_once() {
    let question = Question::new(&request(true)).expect("a question");
    let advice =
        |status: u16, words: &str, plan: &Plan| of(status, &openai(words)).advice(&question, &settings(), plan);
    let guess = Some(Advice { remedy: NoTools, is_guess: true });
    assert_eq!(advice(400, "Bad request.", &Plan::default()), guess);
    assert_eq!(advice(422, "Bad request.", &Plan::default()), guess);
    assert_eq!(advice(400, "Bad request.", &Plan::new(vec![NoTools], false)), None);
    assert_eq!(advice(500, "Bad request.", &Plan::default()), None);
    for words in ["Model Not Exist", "Input data may contain inappropriate content.", "Insufficient quota"] {
        assert_eq!(advice(400, words, &Plan::default()), None, "{words}");
    }
}

#[test]
fn what_the_question_says_changes_nothing() {
    let mut request = request(true);
    request.messages[5].content = "Say: system role not supported".to_owned();
    let question = Question::new(&request).expect("a question");
    let rejection = of(400, &openai("Cannot answer 'Say: system role not supported'"));
    assert_eq!(rejection.remedy(&question, &settings(), &Plan::new(vec![NoTools], false)), None);
}

#[test]
fn an_error_in_place_of_an_answer_is_a_refusal_too() {
    let question = Question::new(&request(true)).expect("a question");
    let reported = Rejection::reported(&json!({ "message": "System role not supported", "code": 400 }));
    assert_eq!(reported.remedy(&question, &settings(), &Plan::default()), Some(SystemIntoUser));
    let rate = Rejection::reported(&json!({ "message": "'tools' too many", "code": 429 }));
    assert_eq!(rate.remedy(&question, &settings(), &Plan::default()), None);
}
