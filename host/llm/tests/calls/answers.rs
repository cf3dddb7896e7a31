//! Answers of normal and unusual providers. Rule: whatever the format of an answer, the caller receives the same.

use modehost_contract::effect::{ModelRequest, Role, Tool, ToolCall};
use modehost_contract::event::Failure;
use modehost_provider::{Gate, Provider, Reply};
use serde_json::{Value, json};

use crate::setup::{ask, json_question, message, models, question, section, streamed};

#[tokio::test]
async fn a_plain_question_has_one_answer() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("Four.").usage(12, 3));
    let models = models(&provider, json!({ "api_key": "a-key", "temperature": 0.5, "extra": { "seed": 7 } }));
    let outcome = ask(&models, question("2 + 2?")).await;
    assert_eq!((outcome.text(), outcome.done().tokens, outcome.chunks.len()), ("Four.", (12, 3), 0));

    let asked = &provider.requests()[0];
    let expected = json!({
        "model": "small", "messages": [{ "role": "user", "content": "2 + 2?" }],
        "max_tokens": 100, "temperature": 0.5, "seed": 7,
    });
    assert_eq!(asked.body, expected);
    assert_eq!(asked.headers["authorization"], "Bearer a-key");
}

#[tokio::test]
async fn a_streamed_answer_comes_in_pieces_and_as_a_whole() {
    let provider = Provider::start();
    provider.default_reply(
        Reply::chunks(&["Two ", "and ", "two."]).between_chunks(std::time::Duration::from_millis(5)).usage(9, 4),
    );
    let models = models(&provider, json!({}));
    let outcome = ask(&models, streamed("?")).await;
    assert_eq!((outcome.text(), outcome.done().tokens), ("Two and two.", (9, 4)));
    assert!(outcome.chunks.len() > 1 && outcome.chunks.concat() == outcome.text(), "{:?}", outcome.chunks);
    let body = &provider.requests()[0].body;
    assert_eq!((&body["stream"], &body["stream_options"]["include_usage"]), (&json!(true), &json!(true)));
}

#[tokio::test]
async fn pieces_that_are_there_already_are_joined() {
    let provider = Provider::start();
    provider.default_reply(Reply::chunks(&["word "; 400]));
    let outcome = ask(&models(&provider, json!({})), streamed("?")).await;
    assert_eq!(outcome.text(), "word ".repeat(400));
    assert_eq!(outcome.chunks.concat(), outcome.text());
    assert!(outcome.chunks.len() < 100, "{} pieces", outcome.chunks.len());
}

#[tokio::test]
async fn thoughts_are_no_part_of_the_answer() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    for reply in [
        Reply::chunks(&["<thi", "nk>secret ", "plan</thi", "nk>\n\n", "Yes."]),
        Reply::text("Yes.").reasoning("secret plan"),
    ] {
        provider.default_reply(reply);
        let outcome = ask(&models, streamed("?")).await;
        assert_eq!((outcome.text(), outcome.chunks.concat().as_str()), ("Yes.", "Yes."));
        assert_eq!(ask(&models, question("?")).await.text(), "Yes.");
    }
    provider.default_reply(Reply::text("<think>and so on"));
    let (reason, sentence) = (Failure::TimedOut, "llm.aliases.default.max_tokens");
    let outcome = ask(&models, streamed("?")).await;
    assert!(outcome.failed().0 == reason && outcome.failed().1.contains(sentence), "{outcome:?}");
}

#[tokio::test]
async fn json_is_taken_out_of_prose_and_mended() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    for (answer, meant) in [
        ("{\"a\": [1, 2]}", json!({ "a": [1, 2] })),
        ("Sure!\n```json\n{\"a\": \"x\"}\n```\nAnything else?", json!({ "a": "x" })),
        ("{\"a\": \"x\", \"b\": [{\"c\": \"d", json!({ "a": "x", "b": [{ "c": "d" }] })),
        ("{'a': 'x',}", json!({ "a": "x" })),
        ("<think>{\"not\": \"this\"}</think>{\"a\": 1}", json!({ "a": 1 })),
    ] {
        provider.default_reply(Reply::text(answer));
        for chunks in [false, true] {
            let outcome = ask(&models, ModelRequest { chunks, ..json_question("as JSON") }).await;
            let object: serde_json::Value = serde_json::from_str(outcome.text()).expect("JSON");
            assert_eq!(object, meant, "{answer}");
        }
    }
    for answer in ["I would rather not.", "[1, 2]", "42"] {
        provider.default_reply(Reply::text(answer));
        let outcome = ask(&models, json_question("as JSON")).await;
        assert_eq!(outcome.failed().0, Failure::NotJson, "{answer}");
    }
    assert!(provider.requests().iter().all(|asked| asked.body["response_format"]["type"] == "json_object"));
}

#[tokio::test]
async fn tools_are_offered_and_calls_come_back() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    provider.default_reply(Reply::tool_calls(&[
        ("light", "{\"on\": true, \"room\": \"厨房\"}"),
        ("sound", "{\"level\": 3}"),
    ]));
    let tool = |name: &str| Tool {
        name: name.to_owned(),
        description: "does it".to_owned(),
        parameters: "{\"type\": \"object\", \"properties\": {}}".to_owned(),
    };
    let call = |id: &str, name: &str, arguments: &str| ToolCall {
        id: id.to_owned(),
        name: name.to_owned(),
        arguments: arguments.to_owned(),
    };
    let calls =
        vec![call("call_0", "light", "{\"on\": true, \"room\": \"厨房\"}"), call("call_1", "sound", "{\"level\": 3}")];
    for chunks in [false, true] {
        // The JSON is due in the final answer, not in one that calls tools.
        let request = ModelRequest { chunks, json: true, tools: vec![tool("light"), tool("sound")], ..question("?") };
        let outcome = ask(&models, request).await;
        assert_eq!((&outcome.done().tool_calls, outcome.text()), (&calls, ""));
    }
    let offered = &provider.requests()[0].body["tools"][1];
    assert_eq!((&offered["type"], &offered["function"]["name"]), (&json!("function"), &json!("sound")));

    // The results of the tools are sent back.
    let mut request = question("?");
    request.messages.push(message(Role::Assistant, ""));
    request.messages[1].tool_calls = calls;
    request.messages.push(message(Role::Tool, "done"));
    request.messages[2].tool_call_id = Some("call_0".to_owned());
    ask(&models, request).await;
    let messages = &provider.requests()[2].body["messages"];
    assert_eq!(messages[1]["tool_calls"][0]["function"]["name"], "light");
    assert_eq!(messages[2], json!({ "role": "tool", "content": "done", "tool_call_id": "call_0" }));
}

#[tokio::test]
async fn purposes_have_their_own_settings() {
    let provider = Provider::start();
    let models = modehost_llm::LanguageModels::new(&section(json!({
        "aliases": {
            "default": { "url": provider.base_url(), "model": "small", "extra": { "seed": 1, "user": "x" } },
            "big": { "base_url": format!("{}/", provider.base_url()), "model": "large", "top_p": 0.5 },
        },
        "purposes": {
            "summary": "big",
            "talk": { "model": "tiny", "max_tokens": 9, "temperature": 1.0, "extra": { "seed": 2 } },
        },
    })));
    for purpose in ["summary", "talk", "unheard-of"] {
        ask(&models, ModelRequest { purpose: purpose.to_owned(), ..question("?") }).await;
    }
    let asked = provider.requests();
    assert_eq!((asked[0].model.as_str(), &asked[0].body["top_p"]), ("large", &json!(0.5)));
    assert_eq!((asked[1].model.as_str(), &asked[1].body["max_tokens"]), ("tiny", &json!(9)));
    assert_eq!((&asked[1].body["seed"], &asked[1].body["user"]), (&json!(2), &json!("x")));
    assert_eq!((asked[2].model.as_str(), &asked[2].body["max_tokens"]), ("small", &json!(100)));
}

#[tokio::test]
async fn what_a_provider_does_not_take_is_left_out_from_then_on() {
    let provider = Provider::start();
    let picky = |word: &'static str, refused: fn(&serde_json::Value) -> bool| {
        Reply::with(move |asked| {
            if refused(&asked.body) {
                Reply::raw(json!({ "error": { "message": format!("{word} is not supported") } }).to_string())
                    .with_status(400)
            } else {
                Reply::text("{\"a\": 1}")
            }
        })
    };
    for (word, refused) in [
        ("response_format", (|body| body.get("response_format").is_some()) as fn(&serde_json::Value) -> bool),
        ("stream_options", |body| body.get("stream_options").is_some()),
        ("'max_tokens': use 'max_completion_tokens'", |body| body.get("max_tokens").is_some()),
    ] {
        // Without retries: a remedy is not one.
        let models = models(&provider, json!({ "retries": 0 }));
        provider.default_reply(picky(word, refused));
        let before = provider.requests().len();
        for _ in 0..2 {
            let outcome = ask(&models, ModelRequest { chunks: true, ..json_question("?") }).await;
            assert_eq!(outcome.text(), "{\"a\": 1}", "{word}");
        }
        assert_eq!(provider.requests().len() - before, 3, "{word}: one refusal, two answers");
    }
}

#[tokio::test]
async fn a_provider_that_streams_or_not_as_it_likes_is_understood() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    let whole = json!({ "choices": [{ "message": { "content": "Yes." }, "finish_reason": "stop" }] });
    provider.queue(Reply::raw(whole.to_string()));
    let outcome = ask(&models, streamed("?")).await;
    assert_eq!((outcome.text(), outcome.chunks.concat().as_str()), ("Yes.", "Yes."));

    let events = "data:{\"choices\":[{\"delta\":{\"content\":\"Ye\"}}]}\r\n\r\n: ping\r\n\r\n\
                  data:{\"choices\":[{\"delta\":{\"content\":\"s.\"},\"finish_reason\":\"stop\"}]}\r\n\r\n";
    // Requested or not, and without the end marker.
    for request in [question("?"), streamed("?")] {
        provider.queue(Reply::raw_events(events));
        assert_eq!(ask(&models, request).await.text(), "Yes.");
    }
}

#[tokio::test]
async fn connections_are_used_again() {
    let provider = Provider::start();
    provider.default_reply(Reply::chunks(&["a", "b"]).usage(1, 1));
    let models = models(&provider, json!({}));
    for _ in 0..4 {
        ask(&models, question("?")).await;
        ask(&models, streamed("?")).await;
    }
    assert_eq!(provider.connections(), 1);
}

#[tokio::test]
async fn l3_two_who_ask_a_picky_provider_at_once_are_both_answered() {
    let provider = Provider::start();
    let release = Gate::new();
    let gate = release.clone();
    provider.default_reply(Reply::with(move |asked| match asked.body.get("max_tokens") {
        Some(_) => Reply::raw(r#"{"error":{"message":"'max_tokens': use 'max_completion_tokens'"}}"#)
            .with_status(400)
            .until_open(&gate),
        None => Reply::text("Four."),
    }));
    let models = models(&provider, json!({}));
    let asked = async {
        // Both requests have arrived before either is rejected.
        while provider.requests().len() < 2 {
            tokio::task::yield_now().await;
        }
        release.open();
    };
    let (one, other, ()) = tokio::join!(ask(&models, question("?")), ask(&models, question("?")), asked);
    assert_eq!((one.text(), other.text()), ("Four.", "Four."));
    assert_eq!(provider.requests().len(), 4);
}

#[tokio::test]
async fn l3_what_follows_the_end_of_an_answer_cannot_undo_it() {
    let start = "data: {\"choices\":[{\"delta\":{\"content\":\"Four.\"},\"finish_reason\":\"stop\"}]}\n\n";
    let behind: [&[u8]; 5] = [
        b"data: {\"choices\":[],\"usa",
        b"data: nonsense\n\n",
        b"data: \xff\n\n",
        b"data:  [DONE] \n\n",
        b"data: {\"error\":{\"message\":\"x\"}}\n\n",
    ];
    for rest in behind {
        let provider = Provider::start();
        provider.default_reply(Reply::raw_events([start.as_bytes(), rest].concat()));
        let models = models(&provider, json!({}));
        for request in [streamed("?"), question("?")] {
            assert_eq!(ask(&models, request).await.text(), "Four.", "{:?}", String::from_utf8_lossy(rest));
        }
        assert_eq!(provider.requests().len(), 2);
        // The connection may also break within it.
        provider.default_reply(Reply::raw_events([start.as_bytes(), rest].concat()).cut_after(1));
        assert_eq!(ask(&models, streamed("?")).await.text(), "Four.", "{:?}", String::from_utf8_lossy(rest));
    }
}

#[tokio::test]
async fn l3_the_mark_at_the_end_is_known_with_blanks_around_it() {
    let provider = Provider::start();
    let models = models(&provider, json!({ "retries": 0 }));
    // Nothing else reports the end of the answer.
    let start = "data: {\"choices\":[{\"delta\":{\"content\":\"Four.\"}}]}\n\n";
    let marks: [&[u8]; 4] =
        [b"data: [DONE] \n\n", b"data:   [DONE]\t\n\n", b"data:[DONE]", b"data: [DONE]\n\ndata: \xff\n\n"];
    for mark in marks {
        provider.default_reply(Reply::raw_events([start.as_bytes(), mark].concat()));
        for request in [streamed("?"), question("?")] {
            assert_eq!(ask(&models, request).await.text(), "Four.", "{:?}", String::from_utf8_lossy(mark));
        }
    }
}

/// Events of these choices, and the end marker.
fn events(choices: &[Value]) -> Reply {
    let events = choices.iter().map(|choice| format!("data: {}\n\n", json!({ "choices": [choice] })));
    Reply::raw_events(events.chain(["data: [DONE]\n\n".to_owned()]).collect::<String>())
}

#[tokio::test]
async fn l1_an_answer_that_comes_in_pieces_and_whole_is_given_once() {
    let provider = Provider::start();
    let models = models(&provider, json!({ "retries": 0 }));
    let piece = |text: &str| json!({ "delta": { "content": text } });
    let behind = json!({ "finish_reason": "stop", "message": { "content": "Two and two." } });
    let beside = |text: &str, all: &str| json!({ "delta": { "content": text }, "message": { "content": all } });
    for reply in [
        events(&[piece("Two and"), piece(" two."), behind.clone()]),
        events(&[piece("Two and two."), json!({ "delta": {}, "finish_reason": "stop" }), behind.clone()]),
        events(&[beside("Two and", "Two and"), beside(" two.", "Two and two."), beside("", "Two and two.")]),
        events(&[piece(""), behind]),
    ] {
        provider.default_reply(reply);
        for request in [streamed("?"), question("?")] {
            let chunks = request.chunks;
            let outcome = ask(&models, request).await;
            assert_eq!(outcome.text(), "Two and two.");
            assert_eq!(outcome.chunks.concat(), if chunks { outcome.text() } else { "" });
        }
    }
    // A whole answer with both members.
    let whole = json!({ "choices": [{ "message": { "content": "Two and two." }, "delta": { "content": "" } }] });
    provider.default_reply(Reply::raw(whole.to_string()));
    assert_eq!(ask(&models, question("?")).await.text(), "Two and two.");
}

#[tokio::test]
async fn l1_torn_tool_calls_come_back_whole_and_once() {
    let provider = Provider::start();
    let models = models(&provider, json!({ "retries": 0 }));
    let call = |call: Value| json!({ "delta": { "tool_calls": [call] } });
    let function = |name: &str, arguments: &str| json!({ "name": name, "arguments": arguments });
    let rest = |arguments: &str| json!({ "arguments": arguments });
    let full = json!({ "id": "x", "function": function("light", "{\"a\":1}") });
    let whole = json!({ "finish_reason": "tool_calls", "message": { "tool_calls": [full] } });
    let nameless = call(json!({ "index": 7, "id": "z", "function": rest("{}") }));
    for (second, third) in [
        (json!({ "id": "x" }), json!({ "id": "x" })),
        (json!({ "index": 0, "id": "x2" }), json!({ "index": 0, "id": "x3" })),
        (json!({ "index": 1 }), json!({ "index": 2 })),
    ] {
        let first = match second.get("index") {
            Some(_) => json!({ "index": 0, "id": "x", "function": function("light", "{") }),
            None => json!({ "id": "x", "function": function("light", "{") }),
        };
        let piece = |mut marks: Value, arguments: &str| {
            marks["function"] = rest(arguments);
            call(marks)
        };
        let pieces = [call(first), piece(second, "\"a\""), piece(third, ":1}"), nameless.clone(), whole.clone()];
        provider.default_reply(events(&pieces));
        let outcome = ask(&models, streamed("?")).await;
        let expected = ToolCall { id: "x".to_owned(), name: "light".to_owned(), arguments: "{\"a\":1}".to_owned() };
        assert_eq!(outcome.done().tool_calls, [expected]);
    }
}

#[tokio::test]
async fn l3_a_provider_that_wants_to_be_left_alone_for_ever_is_not_waited_for() {
    for seconds in [9_999_999_999_999_999_999, u64::MAX, 86_400] {
        let provider = Provider::start();
        provider.default_reply(Reply::status(429).retry_after(seconds));
        let outcome = ask(&models(&provider, json!({})), question("?")).await;
        assert_eq!(outcome.failed().0, Failure::TooMany, "{outcome:?}");
        assert_eq!(provider.requests().len(), 1);
    }
}
