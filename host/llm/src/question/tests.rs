//! Tests of request bodies.

use modehost_contract::effect::{ChatMessage, Role};

use super::*;
use crate::config::{Alias, Overrides};

fn question(change: impl FnOnce(&mut ModelRequest)) -> Question {
    let message =
        ChatMessage { role: Role::User, content: "one".to_owned(), tool_calls: Vec::new(), tool_call_id: None };
    let mut request = ModelRequest {
        request: 1,
        purpose: "test".to_owned(),
        messages: vec![message],
        max_tokens: 100,
        json: false,
        chunks: false,
        spoken: false,
        tools: Vec::new(),
    };
    change(&mut request);
    Question::new(&request).expect("a question")
}

fn settings(address: &str, change: impl FnOnce(&mut Alias)) -> ClientSettings {
    let mut alias = Alias { base_url: Some(address.into()), ..Alias::default() };
    change(&mut alias);
    ClientSettings::new("default", &alias, &Overrides::default())
}

fn local() -> ClientSettings {
    settings("http://127.0.0.1:1/v1", |_| {})
}

fn with(remedies: &[Remedy]) -> Plan {
    let mut plan = Plan::default();
    for remedy in remedies {
        assert!(plan.apply(remedy.clone()), "{remedy:?}");
    }
    plan
}

#[test]
fn tokens_are_those_of_the_answer_and_thoughts_come_on_top() {
    let with_reasoning = |answer: u32, settings: &ClientSettings| {
        let mut plan = Plan::default();
        assert!(plan.add_reasoning_budget());
        question(|request| request.max_tokens = answer).tokens(settings, &plan)
    };
    assert_eq!(question(|_| {}).tokens(&local(), &Plan::default()), Some(100));
    assert_eq!(with_reasoning(100, &local()), Some(100 + limits::MODEL_REASONING_TOKENS_MIN));
    assert_eq!(with_reasoning(800, &local()), Some(800 + 6400));
    assert_eq!(with_reasoning(20_000, &local()), Some(20_000 + limits::MODEL_REASONING_TOKENS_MAX));
    assert_eq!(with_reasoning(u32::MAX, &local()), Some(u32::MAX));
    // The operator's limit is also that of the answer.
    assert_eq!(
        with_reasoning(100, &settings("http://127.0.0.1:1/v1", |alias| alias.max_tokens = Some(600))),
        Some(600 + 4800)
    );
    // No limit is set.
    assert_eq!(with_reasoning(0, &local()), None);
    let mut capped = with(&[Remedy::TokenCap { tokens: 2048, is_permanent: true }]);
    capped.add_reasoning_budget();
    assert_eq!(question(|_| {}).tokens(&local(), &capped), Some(2048));
}

#[test]
fn the_limit_has_the_name_that_the_model_takes() {
    let body = |plan: &Plan| question(|_| {}).members(&local(), plan);
    assert_eq!(body(&Plan::default())["max_tokens"], 100);
    let other = body(&with(&[Remedy::MaxCompletionTokens]));
    assert!(other["max_completion_tokens"] == 100 && !other.contains_key("max_tokens"));
    let none = body(&with(&[Remedy::NoTokenLimit]));
    assert!(!none.contains_key("max_completion_tokens") && !none.contains_key("max_tokens"));
}

#[test]
fn a_hosted_service_is_told_not_to_think_in_its_own_words() {
    let mut plan = Plan::default();
    plan.add_reasoning_budget();
    let body = |address: &str| question(|_| {}).members(&settings(address, |_| {}), &plan);
    for address in ["https://dashscope.aliyuncs.com/compatible-mode/v1", "https://api.siliconflow.cn/v1"] {
        assert_eq!(body(address)["enable_thinking"], false, "{address}");
    }
    for address in [
        "https://open.bigmodel.cn/api/paas/v4",
        "https://ark.cn-beijing.volces.com/api/v3",
        "https://api.deepseek.com/v1",
    ] {
        assert_eq!(body(address)["thinking"]["type"], "disabled", "{address}");
    }
    // Others would reject it; similar host names do not match.
    for address in [
        "http://127.0.0.1:1/v1",
        "https://api.openai.com/v1",
        "https://evilaliyuncs.com/v1",
        "https://x.example/api.z.ai",
    ] {
        let body = body(address);
        assert!(!body.contains_key("enable_thinking") && !body.contains_key("thinking"), "{address}");
    }
    // The operator's own setting wins.
    let own = settings("https://api.siliconflow.cn/v1", |alias| {
        drop(alias.extra.insert("enable_thinking".into(), json!(true)))
    });
    assert_eq!(question(|_| {}).members(&own, &plan)["enable_thinking"], true);
}

#[test]
fn streams_are_asked_for_where_they_are_taken() {
    let members = |chunks: bool, plan: &Plan| question(|request| request.chunks = chunks).members(&local(), plan);
    assert_eq!(members(true, &Plan::default())["stream"], true);
    assert!(!members(false, &Plan::default()).contains_key("stream"));
    assert_eq!(members(false, &with(&[Remedy::Stream]))["stream"], true);
    let whole = members(true, &with(&[Remedy::Whole]));
    assert!(!whole.contains_key("stream") && !whole.contains_key("stream_options"));
}

#[test]
fn schemas_are_made_plain() {
    let schema = json!({
        "$schema": "x", "type": "object", "additionalProperties": false, "required": ["a"],
        "properties": {
            "a": { "type": ["string", "null"], "description": "d", "pattern": "x", "enum": ["x"] },
            "b": { "type": "array", "minItems": 1, "items": { "anyOf": [], "type": "object", "properties": { "c": { "type": "integer", "format": "x" } } } },
        },
    });
    let plain = json!({
        "type": "object", "required": ["a"],
        "properties": {
            "a": { "type": "string", "description": "d", "enum": ["x"] },
            "b": { "type": "array", "items": { "type": "object", "properties": { "c": { "type": "integer" } } } },
        },
    });
    assert_eq!(plain_schema(&schema, 0), plain);
    assert_eq!(plain_schema(&json!({}), 0), json!({ "type": "object", "properties": {} }));
    let deep = (0..200).fold(json!({}), |inner, _| json!({ "type": "array", "items": inner }));
    let _ = plain_schema(&deep, 0);
}

#[test]
fn what_the_question_says_is_not_taken_for_the_service() {
    let question = question(|request| request.messages[0].content = "Tools are not supported here".to_owned());
    assert_eq!(question.remove_from("invalid: 'tools are not supported here'"), "invalid: ''");
}
