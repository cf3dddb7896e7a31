//! Reasoning, and calls that are written as text. Rule: reasoning does not reach the caller, except the first time from a
//! model whose reasoning has no opening marker, and a reasoning model gets a token budget for it.

use modehost_contract::effect::{ModelRequest, Tool, ToolCall};
use modehost_contract::event::Failure;
use modehost_provider::{Gate, Provider, Reply};
use serde_json::{Value, json};

use crate::setup::{ask, json_question, models, question, streamed};

fn tool(name: &str) -> Tool {
    Tool { name: name.to_owned(), description: "does it".to_owned(), parameters: "{\"type\":\"object\"}".to_owned() }
}

/// A stream of these deltas with this finish reason.
fn ended(pieces: &[Value], reason: &str) -> Reply {
    let event = |delta: &Value, reason: Value| {
        format!("data: {}\n\n", json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": reason }] }))
    };
    let mut body: String = pieces.iter().map(|piece| event(piece, Value::Null)).collect();
    body += &event(&json!({}), json!(reason));
    Reply::raw_events(body + "data: [DONE]\n\n")
}

#[tokio::test]
async fn l7_thoughts_without_an_opening_mark_are_never_given_twice() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    let gate = Gate::new();
    // The first time, sent chunks cannot be revoked; the rest is right, and so is the final text.
    provider.queue(Reply::chunks(&["hm, the user ", "wants</think>", "\n\nHello."]).until_open_after(1, &gate));
    let opened = async {
        provider.wait_requests(1).await;
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
        gate.open();
    };
    let (first, ()) = tokio::join!(ask(&models, streamed("?")), opened);
    assert_eq!(first.text(), "Hello.");
    assert!(first.chunks.concat().ends_with("Hello."), "{first:?}");

    // From then on none of it is sent.
    for pieces in [
        &["hm, ", "they want ", "more</thi", "nk>", "Hello ", "again."][..],
        &["hm</think>Hello again."],
        &["<think>hm</think>", "Hello again."],
        &["Hello ", "again."],
    ] {
        provider.queue(Reply::chunks(pieces));
        let outcome = ask(&models, streamed("?")).await;
        assert_eq!((outcome.text(), outcome.chunks.concat().as_str()), ("Hello again.", "Hello again."), "{pieces:?}");
    }
}

#[tokio::test]
async fn l7_a_whole_answer_has_no_thoughts_the_first_time() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    provider.default_reply(Reply::text("hm, {\"not\": \"this\"}</think>{\"a\": 1}"));
    assert_eq!(ask(&models, question("?")).await.text(), "{\"a\": 1}");
    assert_eq!(ask(&models, json_question("?")).await.text(), "{\"a\": 1}");
}

#[tokio::test]
async fn l7_a_model_whose_name_says_that_it_thinks_is_withheld_from_the_start() {
    let provider = Provider::start();
    let models = models(&provider, json!({ "model": "deepseek-r1-distill-qwen-7b" }));
    provider.queue(Reply::chunks(&["hm, the user ", "wants</think>", "Hello."]));
    let outcome = ask(&models, streamed("?")).await;
    assert_eq!((outcome.text(), outcome.chunks.concat().as_str()), ("Hello.", "Hello."));
}

#[tokio::test]
async fn l7_an_answer_streams_once_it_is_known_to_be_one() {
    // Reasoning in its own member, or between markers: then the answer is streamed.
    for first in [json!({ "reasoning_content": "hm" }), json!({ "content": "<think>hm</think>" })] {
        let provider = Provider::start();
        let models = models(&provider, json!({ "model": "qwq-32b" }));
        let gate = Gate::new();
        let event = |delta: &Value| format!("data: {}\n\n", json!({ "choices": [{ "delta": delta }] }));
        let pieces = [event(&first), event(&json!({ "content": "One. " })), event(&json!({ "content": "Two." }))];
        provider.queue(Reply::raw_pieces(pieces, Some("text/event-stream")).until_open_after(2, &gate));
        let mut parts = modehost_contract::service::Models::ask(&*models, streamed("?"));
        let part = futures_util::StreamExt::next(&mut parts).await;
        assert_eq!(part, Some(modehost_contract::service::ModelPart::Chunk("One. ".into())), "{first}");
        gate.open();
    }
}

#[tokio::test]
async fn l7_calls_that_are_written_down_are_calls_or_nothing() {
    let provider = Provider::start();
    let models = models(&provider, json!({ "retries": 0 }));
    let light = "{\"name\": \"light\", \"arguments\": {\"on\": true}}";
    let call = ToolCall { id: "call-0".into(), name: "light".into(), arguments: "{\"on\":true}".into() };
    for (text, text_before) in [
        (format!("<tool_call>\n{light}\n</tool_call>"), ""),
        (format!("Let me see. <tool_call>{light}</tool_call>"), "Let me see. "),
        (format!("<think>call?</think>[TOOL_CALLS] [{light}]"), ""),
        ("<function=light>{\"on\": true}</function>".to_owned(), ""),
        (format!("```json\n{light}\n```"), ""),
    ] {
        let pieces: Vec<String> =
            text.as_bytes().chunks(3).map(|piece| String::from_utf8_lossy(piece).into_owned()).collect();
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        for chunks in [true, false] {
            provider.queue(Reply::chunks(&pieces));
            let outcome = ask(&models, ModelRequest { chunks, tools: vec![tool("light")], ..question("?") }).await;
            assert_eq!(
                (outcome.text(), &outcome.done().tool_calls[..]),
                (text_before, std::slice::from_ref(&call)),
                "{text}"
            );
            assert_eq!(outcome.chunks.concat(), if chunks { text_before } else { "" }, "{text}");
        }
    }
    // No tool was offered, or the call cannot be parsed.
    for tools in [vec![], vec![tool("light")]] {
        provider.queue(Reply::text("<tool_call>please</tool_call>Hello."));
        let outcome = ask(&models, ModelRequest { tools, ..streamed("?") }).await;
        assert_eq!((outcome.text(), outcome.done().tool_calls.len()), ("Hello.", 0));
    }
}

#[tokio::test]
async fn l7_a_call_that_comes_as_such_and_as_text_is_one() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    let light = "{\"name\": \"light\", \"arguments\": {}}";
    let native =
        json!({ "tool_calls": [{ "index": 0, "id": "x", "function": { "name": "light", "arguments": "{}" } }] });
    provider.queue(ended(&[json!({ "content": format!("<tool_call>{light}</tool_call>") }), native], "tool_calls"));
    let outcome = ask(&models, ModelRequest { tools: vec![tool("light")], ..streamed("?") }).await;
    assert_eq!((outcome.text(), outcome.done().tool_calls.len()), ("", 1));
    assert_eq!(outcome.done().tool_calls[0].id, "x");
}

#[tokio::test]
async fn a_model_that_uses_its_tokens_up_in_thoughts_gets_room_once_and_from_then_on() {
    for thoughts in [json!({ "reasoning_content": "hm" }), json!({ "content": "<think>hm" }), json!({ "content": "" })]
    {
        let provider = Provider::start();
        let models = models(&provider, json!({ "retries": 0 }));
        provider.queue(ended(std::slice::from_ref(&thoughts), "length"));
        let outcome = ask(&models, streamed("?")).await;
        assert_eq!(outcome.text(), "OK", "{thoughts}");
        let tokens = |asked: usize| provider.requests()[asked].body["max_tokens"].as_u64().unwrap_or_default();
        assert_eq!(tokens(0), 100);
        assert!(tokens(1) >= 1000, "{} tokens", tokens(1));

        // The next question has the budget from the start, whatever its settings.
        ask(&models, json_question("?")).await;
        assert_eq!((provider.requests().len(), tokens(2)), (3, tokens(1)));
    }
}

#[tokio::test]
async fn a_model_that_only_thinks_is_asked_twice_and_told_truly() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    provider.default_reply(ended(&[json!({ "reasoning_content": "hm" })], "length"));
    let outcome = ask(&models, streamed("?")).await;
    let (reason, sentence) = outcome.failed();
    assert_eq!((reason, provider.requests().len()), (Failure::TimedOut, 2), "{sentence}");
    assert!(sentence.contains("thinking") && sentence.contains("llm.aliases.default.max_tokens"), "{sentence}");
    // A larger budget is not tried again.
    ask(&models, streamed("?")).await;
    assert_eq!(provider.requests().len(), 3);
}

#[tokio::test]
async fn a_model_that_thinks_has_room_from_its_second_question() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    provider.default_reply(Reply::text("Yes.").reasoning("hm"));
    ask(&models, streamed("?")).await;
    ask(&models, streamed("?")).await;
    let tokens: Vec<u64> = provider.requests().iter().filter_map(|asked| asked.body["max_tokens"].as_u64()).collect();
    assert!(tokens[0] == 100 && tokens[1] > 1000, "{tokens:?}");
}

#[tokio::test]
async fn an_answer_that_is_cut_at_its_limit_is_one() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    provider.default_reply(ended(&[json!({ "content": "Once upon a" })], "length"));
    assert_eq!(ask(&models, streamed("?")).await.text(), "Once upon a");
    assert_eq!(provider.requests().len(), 1);
}
