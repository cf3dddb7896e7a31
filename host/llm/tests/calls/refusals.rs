//! L.6: rejected requests. Rule: the provider rejects as a real one does, by the contents of the request and not by the
//! number of requests; the caller receives an answer, and the next question is adapted from the start.

use modehost_contract::effect::{ChatMessage, ModelRequest, Role, Tool, ToolCall};
use modehost_contract::event::Failure;
use modehost_llm::LanguageModels;
use modehost_provider::{Provider, RecordedRequest, Reply};
use serde_json::{Value, json};

use crate::setup::{ask, message, models, question, section, streamed};

/// Status and message of a rejection, and the condition on the request.
type Rule = (u16, &'static str, fn(&Value) -> bool);

/// A provider that rejects by the first of these rules that applies.
fn picky(provider: &Provider, rules: Vec<Rule>) {
    provider.default_reply(Reply::with(move |asked: &RecordedRequest| {
        match rules.iter().find(|(_, _, refuses)| refuses(&asked.body)) {
            Some((status, words, _)) => Reply::api_error(*status, words),
            None => Reply::text("Yes."),
        }
    }));
}

fn roles(body: &Value) -> Vec<&str> {
    body["messages"].as_array().into_iter().flatten().filter_map(|message| message["role"].as_str()).collect()
}

fn tool(name: &str) -> Tool {
    Tool { name: name.to_owned(), description: "does it".to_owned(), parameters: "{\"type\":\"object\"}".to_owned() }
}

/// Instructions, a turn with a call, and a question.
fn with_calls() -> ModelRequest {
    let call = ToolCall { id: "call_0".into(), name: "self.light".into(), arguments: "{}".into() };
    let calling = ChatMessage { tool_calls: vec![call], ..message(Role::Assistant, "") };
    let result = ChatMessage { tool_call_id: Some("call_0".into()), ..message(Role::Tool, "on") };
    let messages = vec![message(Role::System, "Be brief."), message(Role::User, "light"), calling, result];
    ModelRequest { messages, tools: vec![tool("self.light")], ..streamed("?") }
}

fn has(body: &Value, member: &str) -> bool {
    body.get(member).is_some()
}

#[tokio::test]
async fn l6_one_refusal_costs_one_request_and_is_remembered() {
    let system = |body: &Value| roles(body).contains(&"system");
    let rules: [Rule; 11] = [
        (
            400,
            "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
            |body| has(body, "max_tokens"),
        ),
        (400, "Unsupported value: 'temperature' does not support 0.5 with this model.", |body| {
            has(body, "temperature")
        }),
        (422, "property 'seed' is unsupported", |body| has(body, "seed")),
        (400, "Unknown parameter: stream_options", |body| has(body, "stream_options")),
        (400, "System role not supported", system),
        (500, "System role not supported", system),
        (400, "registry.ollama.ai/library/x does not support tools", |body| has(body, "tools")),
        (404, "No endpoints found that support tool use.", |body| has(body, "tools")),
        (400, "Streaming is not supported", |body| body["stream"] == true),
        (400, "'tool' is not one of ['system', 'assistant', 'user']", |body| roles(body).contains(&"tool")),
        (400, "Invalid request: message at position 2 with role 'assistant' must not be empty", |body| {
            body["messages"].as_array().into_iter().flatten().any(|message| message["content"] == "")
        }),
    ];
    for rule in rules {
        let provider = Provider::start();
        picky(&provider, vec![rule]);
        let models = models(&provider, json!({ "retries": 0, "temperature": 0.5, "extra": { "seed": 7 } }));
        for (turn, requests) in [(0, 2), (1, 3), (2, 4)] {
            let outcome = ask(&models, with_calls()).await;
            assert_eq!(outcome.text(), "Yes.", "{}: turn {turn}", rule.1);
            assert_eq!(provider.requests().len(), requests, "{}: turn {turn}", rule.1);
        }
    }
}

#[tokio::test]
async fn l6_several_refusals_have_a_remedy_each() {
    let provider = Provider::start();
    picky(
        &provider,
        vec![
            (400, "System role not supported", |body| roles(body).contains(&"system")),
            (400, "'max_tokens' is not supported. Use 'max_completion_tokens' instead.", |body| {
                has(body, "max_tokens")
            }),
            (400, "invalid temperature: only 1 is allowed for this model", |body| has(body, "temperature")),
            (400, "x does not support tools", |body| has(body, "tools")),
        ],
    );
    let models = models(&provider, json!({ "retries": 0, "temperature": 0.5 }));
    assert_eq!(ask(&models, with_calls()).await.text(), "Yes.");
    assert_eq!(provider.requests().len(), 5);
    assert_eq!(ask(&models, with_calls()).await.text(), "Yes.");
    assert_eq!(provider.requests().len(), 6);
}

#[tokio::test]
async fn l6_a_refusal_in_place_of_an_answer_is_one() {
    let provider = Provider::start();
    provider.default_reply(Reply::with(|asked: &RecordedRequest| match roles(&asked.body).contains(&"system") {
        true => Reply::raw(json!({ "error": { "message": "System role not supported", "code": 400 } }).to_string()),
        false => Reply::text("Yes."),
    }));
    let models = models(&provider, json!({ "retries": 0 }));
    assert_eq!(ask(&models, with_calls()).await.text(), "Yes.");
    assert_eq!(provider.requests().len(), 2);
}

#[tokio::test]
async fn l6_a_question_that_is_too_long_loses_its_oldest_turns_and_nobody_remembers() {
    let provider = Provider::start();
    provider.default_reply(Reply::with(|asked: &RecordedRequest| match roles(&asked.body).len() > 6 {
        true => Reply::api_error(
            400,
            "This model's maximum context length is 4096 tokens. Please reduce the length of the messages.",
        ),
        false => Reply::text("Yes."),
    }));
    let models = models(&provider, json!({ "retries": 0 }));
    let mut request = streamed("the question");
    let older = (0..40).flat_map(|number| {
        [message(Role::User, &format!("question {number}")), message(Role::Assistant, &format!("answer {number}"))]
    });
    request.messages = [message(Role::System, "Be brief.")].into_iter().chain(older).chain(request.messages).collect();
    for _ in 0..2 {
        let before = provider.requests().len();
        assert_eq!(ask(&models, request.clone()).await.text(), "Yes.");
        let asked = &provider.requests()[before..];
        assert!((2..8).contains(&asked.len()), "{} requests", asked.len());
        assert_eq!(roles(&asked[0].body).len(), 82, "the next question is whole again");
        let last = &asked[asked.len() - 1].body;
        let contents: Vec<&str> = last["messages"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|message| message["content"].as_str())
            .collect();
        assert_eq!((contents[0], contents[contents.len() - 1]), ("Be brief.", "the question"));
        assert_eq!(contents[contents.len() - 2], "answer 39");
    }
}

#[tokio::test]
async fn l6_a_question_that_is_too_long_by_itself_is_told_so_in_the_end() {
    let provider = Provider::start();
    provider.default_reply(
        Reply::raw(
            json!({ "error": { "message": "prompt is too long: secret plans", "code": "context_length_exceeded" } })
                .to_string(),
        )
        .with_status(400),
    );
    let models = models(&provider, json!({}));
    let outcome = ask(&models, streamed("?")).await;
    let (reason, sentence) = outcome.failed();
    assert_eq!(reason, Failure::Rejected);
    assert!(sentence.contains("400 (context_length_exceeded)") && !sentence.contains("secret"), "{sentence}");
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn l6_a_question_for_a_whole_answer_is_streamed_where_only_that_is_taken() {
    let provider = Provider::start();
    picky(
        &provider,
        vec![(
            400,
            "This model only support stream mode, please enable the stream parameter to access the model.",
            |body| body["stream"] != true,
        )],
    );
    let models = models(&provider, json!({ "retries": 0 }));
    for _ in 0..2 {
        let outcome = ask(&models, question("?")).await;
        assert_eq!((outcome.text(), outcome.chunks.len()), ("Yes.", 0));
    }
    assert_eq!(provider.requests().len(), 3);
}

#[tokio::test]
async fn l6_a_call_comes_back_under_the_name_that_was_offered() {
    let provider = Provider::start();
    provider.default_reply(Reply::with(|asked: &RecordedRequest| {
        match asked.body["tools"][0]["function"]["name"].as_str() {
            Some(name) if name.contains('.') => {
                Reply::api_error(400, "tools.0.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'")
            }
            name => Reply::tool_call(name.unwrap_or_default(), "{}"),
        }
    }));
    let models = models(&provider, json!({ "retries": 0 }));
    let outcome = ask(&models, with_calls()).await;
    assert_eq!(outcome.done().tool_calls[0].name, "self.light");
    let sent = &provider.requests()[0].body;
    let calls = &sent["messages"][2]["tool_calls"][0]["function"]["name"];
    assert_eq!((&sent["tools"][0]["function"]["name"], calls), (&json!("self_light"), &json!("self_light")));
}

#[tokio::test]
async fn l6_calls_without_tools_are_told_in_words() {
    let provider = Provider::start();
    picky(
        &provider,
        vec![(400, "Requests which include `tool_use` or `tool_result` blocks must define tools.", |body| {
            !has(body, "tools")
                && body["messages"].as_array().into_iter().flatten().any(|message| has(message, "tool_calls"))
        })],
    );
    let models = models(&provider, json!({ "retries": 0 }));
    let outcome = ask(&models, ModelRequest { tools: Vec::new(), ..with_calls() }).await;
    assert_eq!(outcome.text(), "Yes.");
    assert_eq!(roles(&provider.requests()[1].body), ["system", "user"]);
}

#[tokio::test]
async fn l6_the_name_of_the_limit_is_found_again_when_it_changes() {
    let provider = Provider::start();
    let old = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead.";
    let new = "max_completion_tokens: Extra inputs are not permitted";
    let models = models(&provider, json!({ "retries": 0 }));
    picky(&provider, vec![(400, old, |body| has(body, "max_tokens"))]);
    assert_eq!(ask(&models, question("?")).await.text(), "Yes.");
    picky(&provider, vec![(422, new, |body| has(body, "max_completion_tokens"))]);
    assert_eq!(ask(&models, question("?")).await.text(), "Yes.");
    assert_eq!(ask(&models, question("?")).await.text(), "Yes.");
    assert_eq!(provider.requests().len(), 2 + 2 + 1);
}

#[tokio::test]
async fn l6_a_limit_that_is_too_high_is_lowered_to_what_is_said() {
    let provider = Provider::start();
    picky(
        &provider,
        vec![(400, "Range of max_tokens should be [1, 64]", |body| body["max_tokens"].as_u64() > Some(64))],
    );
    let models = models(&provider, json!({ "retries": 0 }));
    assert_eq!(ask(&models, question("?")).await.text(), "Yes.");
    assert_eq!(ask(&models, question("?")).await.text(), "Yes.");
    let tokens: Vec<u64> = provider.requests().iter().filter_map(|asked| asked.body["max_tokens"].as_u64()).collect();
    assert_eq!(tokens, [100, 64, 64]);
}

#[tokio::test]
async fn l6_what_one_model_does_not_take_another_may() {
    let provider = Provider::start();
    provider.default_reply(Reply::with(|asked: &RecordedRequest| {
        match asked.model == "small" && has(&asked.body, "tools") {
            true => Reply::api_error(400, "small does not support tools"),
            false => Reply::text("Yes."),
        }
    }));
    let alias = json!({ "base_url": provider.base_url(), "model": "small", "retries": 0 });
    let config = json!({ "aliases": { "default": alias }, "purposes": { "talk": { "model": "large" }, "again": { "temperature": 0.1 } } });
    let models = LanguageModels::new(&section(config));
    for (purpose, offered) in [("test", &[true, false][..]), ("talk", &[true]), ("again", &[false]), ("test", &[false])]
    {
        let before = provider.requests().len();
        ask(&models, ModelRequest { purpose: purpose.to_owned(), ..with_calls() }).await;
        let found: Vec<bool> = provider.requests()[before..].iter().map(|asked| has(&asked.body, "tools")).collect();
        assert_eq!(found, offered, "{purpose}");
    }
    // It also survives a change of other settings.
    models.apply(&section(
        json!({ "aliases": { "default": { "base_url": provider.base_url(), "model": "small", "top_p": 0.5 } } }),
    ));
    let before = provider.requests().len();
    ask(&models, with_calls()).await;
    assert_eq!(provider.requests().len() - before, 1);
}

#[tokio::test]
async fn l6_a_refusal_that_nothing_helps_against_is_told_by_its_code() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    provider.default_reply(
        Reply::raw(json!({ "error": { "message": "secret plans", "code": "odd_request" } }).to_string())
            .with_status(400),
    );
    let outcome = ask(&models, streamed("?")).await;
    let (reason, sentence) = outcome.failed();
    assert_eq!((reason, provider.requests().len()), (Failure::Rejected, 1));
    assert!(sentence.contains("answered 400 (odd_request)") && !sentence.contains("secret"), "{sentence}");
    // A provider that rejects everything is asked a few times only.
    provider.default_reply(Reply::with(|asked: &RecordedRequest| {
        let members = ["temperature", "tools", "stream_options", "max_tokens", "max_completion_tokens"];
        let named = members.iter().find(|member| has(&asked.body, member)).unwrap_or(&"messages");
        Reply::api_error(400, &format!("Unsupported parameter: '{named}' is not supported"))
    }));
    let before = provider.requests().len();
    assert_eq!(ask(&models, with_calls()).await.failed().0, Failure::Rejected);
    assert!((2..=6).contains(&(provider.requests().len() - before)), "{}", provider.requests().len() - before);
}

#[tokio::test]
async fn l6_an_unknown_refusal_of_a_question_with_tools_is_asked_without_them() {
    let provider = Provider::start();
    picky(&provider, vec![(400, "Bad request.", |body| has(body, "tools"))]);
    let models = models(&provider, json!({ "retries": 0 }));
    for requests in [2, 3] {
        assert_eq!(ask(&models, with_calls()).await.text(), "Yes.");
        assert_eq!(provider.requests().len(), requests);
    }
}
