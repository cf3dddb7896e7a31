//! M.2, C.7, L.4, hard case 7: conversations with a model, over a real socket. Rule: in every test `tts` messages are
//! balanced, and waits are for conditions, not for times.

use modehost_provider::{Gate, Provider, RecordedRequest, Reply};
use modehost_tests::{Device, Seen, Server, Settings, guest, wait};
use serde_json::{Value, json};

/// The three bundled modes, and a model for the conversation.
fn with(provider: &Provider) -> Settings {
    let model = json!({ "base_url": provider.base_url(), "model": "test", "retries": 0, "timeout_s": 30 });
    without_model().set("llm.aliases.default", model)
}

fn without_model() -> Settings {
    let grants = json!(["switch-mode", "model", "tools", "documents:conversation/"]);
    Settings::new().bundled().set("plugins.grants.conversation", grants)
}

/// A device without MCP tools, so that nothing waits for its tool list.
async fn join(server: &Server, id: &str) -> Device {
    let mut device = Device::connect(server, id).await;
    device.hello().await;
    device
}

async fn sentence(device: &mut Device) -> String {
    let text = device.expect("a sentence", |message| message["state"] == "sentence_start").await;
    text["text"].as_str().unwrap_or_default().to_owned()
}

async fn stop(device: &mut Device) {
    device.expect("the end of the answer", |message| message["type"] == "tts" && message["state"] == "stop").await;
}

/// A turn; returns the sentences of its answer.
async fn turn(device: &mut Device, text: &str) -> Vec<String> {
    let before = device.seen().len();
    device.types(text).await;
    stop(device).await;
    device.seen()[before..].iter().filter_map(sentence_text).collect()
}

fn sentence_text(seen: &Seen) -> Option<String> {
    match seen {
        Seen::Json(message) if message["state"] == "sentence_start" => message["text"].as_str().map(str::to_owned),
        _ => None,
    }
}

/// Asserts that each speech starts, says something and stops, in this order, as firmware needs it; captions before
/// the first start are what was queued for the device.
fn assert_balanced(device: &Device) {
    let (mut speaking, mut begun_any) = (false, false);
    for message in device.seen_of_type("tts") {
        begun_any |= message["state"] == "start";
        match message["state"].as_str().unwrap_or_default() {
            "start" => assert!(!std::mem::replace(&mut speaking, true), "two starts: {:#?}", device.seen()),
            "stop" => assert!(std::mem::replace(&mut speaking, false), "a stop too many: {:#?}", device.seen()),
            _ => assert!(speaking || !begun_any, "speech without a start: {:#?}", device.seen()),
        }
    }
    assert!(!speaking, "speech without an end: {:#?}", device.seen());
}

/// The dialogue that a model request carries, as `role: content`.
fn dialogue(asked: &RecordedRequest) -> Vec<String> {
    let messages = asked.body["messages"].as_array().cloned().unwrap_or_default();
    let text = |message: &Value, key: &str| message[key].as_str().unwrap_or_default().to_owned();
    messages.iter().skip(1).map(|message| format!("{}: {}", text(message, "role"), text(message, "content"))).collect()
}

#[tokio::test]
async fn m2_the_first_sentence_comes_before_the_model_has_ended() {
    let (provider, gate) = (Provider::start(), Gate::new());
    provider.queue(Reply::chunks(&["🙂 好的。", "很久很久以前，", "有一个国王。"]).until_open_after(1, &gate));
    let server = Server::start(with(&provider)).await;
    let mut device = join(&server, "dev-1").await;
    device.types("讲个故事").await;
    assert_eq!(sentence(&mut device).await, "好的。");
    assert_eq!(provider.requests_in_flight(), 1, "the model still writes");
    gate.open();
    assert_eq!(sentence(&mut device).await, "很久很久以前，有一个国王。");
    stop(&mut device).await;
    assert_balanced(&device);
    let face = device.seen_of_type("llm");
    assert_eq!((face.len(), &face[0]["emotion"], &face[0]["text"]), (1, &json!("happy"), &json!("🙂")));
    assert!(provider.requests()[0].is_streamed());
    // The dialogue is not logged.
    let output = server.output();
    assert!(!output.contains("国王") && !output.contains("讲个故事"), "the dialogue was logged");
}

#[tokio::test]
async fn hard_case_7_an_abort_silences_and_cancels() {
    let (provider, gate) = (Provider::start(), Gate::new());
    provider.queue(Reply::chunks(&["好的。", "很久很久以前，", "有一个国王。"]).until_open_after(1, &gate));
    provider.queue(Reply::text("四。"));
    let server = Server::start(with(&provider)).await;
    let mut device = join(&server, "dev-1").await;
    device.types("讲个故事").await;
    assert_eq!(sentence(&mut device).await, "好的。");
    device.send(json!({ "type": "abort", "reason": "wake_word_detected" })).await;
    stop(&mut device).await;
    provider.wait_in_flight(0).await;
    assert_eq!(turn(&mut device, "二加二是几？").await, ["四。"]);
    assert_balanced(&device);
    let history = dialogue(&provider.requests()[1]);
    assert_eq!(history, ["user: 讲个故事", "assistant: 好的。 …", "user: 二加二是几？"]);
}

#[tokio::test]
async fn hard_case_7_a_new_utterance_silences_and_cancels() {
    let (provider, gate) = (Provider::start(), Gate::new());
    provider.queue(Reply::chunks(&["好的。", "很久很久以前，", "有一个国王。"]).until_open_after(1, &gate));
    provider.queue(Reply::text("四。"));
    let server = Server::start(with(&provider)).await;
    let mut device = join(&server, "dev-1").await;
    device.types("讲个故事").await;
    assert_eq!(sentence(&mut device).await, "好的。");
    device.types("二加二是几？").await;
    stop(&mut device).await;
    assert_eq!(sentence(&mut device).await, "四。");
    stop(&mut device).await;
    provider.wait_in_flight(0).await;
    assert_balanced(&device);
    gate.open();
    device.settle().await;
    let all: Vec<String> = device.seen().iter().filter_map(sentence_text).collect();
    assert_eq!(all, ["好的。", "四。"], "no sentence of the old answer follows the new one");
}

#[tokio::test]
async fn h2_a_swap_in_the_middle_of_an_answer_is_unseen() {
    let (provider, gate) = (Provider::start(), Gate::new());
    provider.queue(Reply::chunks(&["好的。", "很久很久以前，", "有一个国王。"]).until_open_after(1, &gate));
    provider.queue(Reply::text("四。"));
    let server = Server::start(with(&provider)).await;
    let mut device = join(&server, "dev-1").await;
    device.types("讲个故事").await;
    assert_eq!(sentence(&mut device).await, "好的。");
    // The same code in another file: an empty custom section has no meaning.
    let mut next = guest::bundled("conversation");
    next.extend_from_slice(&[0, 2, 1, b'x']);
    let before = server.plugin("conversation").await["generation"].clone();
    server.install("conversation", &next);
    let generation = async || server.plugin("conversation").await["generation"].clone();
    wait::until("the new file serves", wait::TIMEOUT, generation, |now| *now != before).await;
    gate.open();
    assert_eq!(sentence(&mut device).await, "很久很久以前，有一个国王。");
    stop(&mut device).await;
    assert_eq!(turn(&mut device, "二加二是几？").await, ["四。"]);
    assert_eq!(dialogue(&provider.requests()[1])[1], "assistant: 好的。很久很久以前，有一个国王。");
    assert_eq!(provider.requests().len(), 2, "the question is not asked again");
    assert_balanced(&device);
}

#[tokio::test]
async fn c7_the_dialogue_outlives_the_session() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("很高兴认识你。"));
    let server = Server::start(with(&provider).set("session.resume_window_s", json!(1))).await;
    let mut device = join(&server, "dev-1").await;
    turn(&mut device, "我叫小明").await;
    let first = device.session_id().to_owned();
    device.vanish();
    let listed = async || server.admin("GET", "/api/v1/sessions", "").await.body.contains("dev-1");
    wait::until("the session is over", wait::TIMEOUT, listed, |listed| !listed).await;

    let mut device = Device::join(&server, "dev-1").await;
    assert_ne!(device.session_id(), first);
    turn(&mut device, "我叫什么？").await;
    let history = dialogue(&provider.requests()[1]);
    assert_eq!(history, ["user: 我叫小明", "assistant: 很高兴认识你。", "user: 我叫什么？"]);
    assert_eq!(turn(&mut device, "忘掉我们的对话").await, ["好的，我们说过的话我都忘了。"]);
    turn(&mut device, "我叫什么？").await;
    assert_eq!(dialogue(&provider.requests()[2]), ["user: 我叫什么？"]);
    assert_balanced(&device);
}

#[tokio::test]
async fn c7_the_dialogue_outlives_a_clean_stop_and_a_kill() {
    let (provider, gate) = (Provider::start(), Gate::new());
    provider.queue(Reply::text("一。"));
    let mut server = Server::start(with(&provider).set("session.resume_window_s", json!(1))).await;
    let mut device = join(&server, "dev-1").await;
    turn(&mut device, "第一个问题").await;
    // Immediately, so that unsaved state has to be saved by the shutdown.
    server.restart().await;

    let mut device = join(&server, "dev-1").await;
    provider.queue(Reply::text("二。"));
    assert_eq!(turn(&mut device, "第二个问题").await, ["二。"]);
    assert_eq!(dialogue(&provider.requests()[1]), ["user: 第一个问题", "assistant: 一。", "user: 第二个问题"]);

    // When the third request has gone out, the second answer is on disk.
    provider.queue(Reply::text("三。").until_open(&gate));
    device.types("第三个问题").await;
    provider.wait_requests(3).await;
    server.kill9();
    server.launch();
    server.ready().await;
    let mut device = join(&server, "dev-1").await;
    provider.queue(Reply::text("四。"));
    device.types("第四个问题").await;
    while sentence(&mut device).await != "四。" {}
    stop(&mut device).await;
    let history = dialogue(provider.requests().last().expect("a question"));
    for known in ["user: 第一个问题", "assistant: 一。", "user: 第二个问题", "assistant: 二。"] {
        assert!(history.iter().any(|line| line == known), "{known}: {history:?}");
    }
    assert_balanced(&device);
}

/// Answers the server's MCP requests until the answer to the turn has ended;
/// returns the tool calls.
async fn serve_tools(device: &mut Device) -> Vec<Value> {
    let mut calls = Vec::new();
    loop {
        let message = device.next().await;
        if message["type"] == "tts" && message["state"] == "stop" {
            return calls;
        }
        if message["type"] != "mcp" {
            continue;
        }
        let payload = &message["payload"];
        let result = match payload["method"].as_str().unwrap_or_default() {
            "initialize" => json!({ "protocolVersion": "2024-11-05", "capabilities": { "tools": {} },
                "serverInfo": { "name": "lamp", "version": "1" } }),
            "tools/list" => json!({ "tools": [{ "name": "self.lamp.turn_on", "description": "Turns the lamp on",
                "inputSchema": { "type": "object", "properties": { "bright": { "type": "integer" } } } }] }),
            "tools/call" => {
                calls.push(payload["params"].clone());
                json!({ "content": [{ "type": "text", "text": "the lamp is on" }], "isError": false })
            }
            _ => continue,
        };
        let payload = json!({ "jsonrpc": "2.0", "id": payload["id"], "result": result });
        device.send(json!({ "type": "mcp", "payload": payload })).await;
    }
}

#[tokio::test]
async fn a_tool_of_the_device_is_called_and_its_answer_told() {
    let provider = Provider::start();
    provider.queue(Reply::tool_call("self_lamp_turn_on", r#"{"bright":80}"#));
    provider.queue(Reply::text("灯开了。"));
    let server = Server::start(with(&provider)).await;
    let mut device = Device::connect(&server, "dev-1").await;
    device.hello_with(json!({ "mcp": true })).await;
    device.types("请开灯").await;
    let calls = serve_tools(&mut device).await;
    assert_eq!(calls, [json!({ "name": "self.lamp.turn_on", "arguments": { "bright": 80 } })]);
    let all: Vec<String> = device.seen().iter().filter_map(sentence_text).collect();
    assert_eq!(all.last().map(String::as_str), Some("灯开了。"));
    let history = dialogue(&provider.requests()[1]);
    assert_eq!(history.last().map(String::as_str), Some("tool: the lamp is on"));
    assert_balanced(&device);
}

#[tokio::test]
async fn m2_the_model_begins_a_mode() {
    let provider = Provider::start();
    provider.queue(Reply::tool_call("switch_mode", r#"{"mode":"working"}"#));
    let server = Server::start(with(&provider)).await;
    let mut device = join(&server, "dev-1").await;
    device.types("我想开始干活，帮我切换到合适的模式").await;
    let mode = device.expect_type("mode").await;
    assert_eq!((&mode["status"], &mode["mode"]), (&json!("ok"), &json!("working")), "{mode}");
    // Other turns still reach the conversation, which knows the active mode.
    provider.queue(Reply::text("晴天。"));
    let before = device.seen().len();
    device.types("今天天气怎么样？").await;
    while sentence(&mut device).await != "晴天。" {}
    assert!(before < device.seen().len());
    let system = provider.requests()[1].body["messages"][0]["content"].as_str().unwrap_or_default().to_owned();
    assert!(system.contains("in the mode \"working\""), "{system}");
}

#[tokio::test]
async fn l4_a_failing_slow_or_broken_model_is_told_and_the_turn_ends() {
    let provider = Provider::start();
    let server = Server::start(with(&provider).set("llm.aliases.default.first_token_timeout_s", json!(1))).await;
    let mut device = join(&server, "dev-1").await;
    let cases = [
        (Reply::status(500), "我现在没有可用的语言模型"),
        (Reply::status(401), "抱歉，语言模型现在出错了"),
        (Reply::status(429), "抱歉，我现在有点忙"),
        (Reply::text("").never(), "抱歉，我想得太久了"),
        (Reply::chunks(&["好的。", "很久很久以前"]).cut_after(1), "抱歉，后面的没能说完"),
        (Reply::text("").garbled(), "我现在没有可用的语言模型"),
    ];
    for (reply, sorry) in cases {
        provider.default_reply(reply);
        let before = device.seen().len();
        let text = turn(&mut device, "讲个故事").await;
        assert!(text.last().is_some_and(|last| last.starts_with(sorry)), "{sorry}: {text:?}");
        let codes: Vec<Value> = device.seen()[before..]
            .iter()
            .filter_map(|seen| match seen {
                Seen::Json(message) if message["type"] == "error" => Some(message["code"].clone()),
                _ => None,
            })
            .collect();
        assert_eq!(codes, ["LLM_UNAVAILABLE"], "once a turn: {sorry}");
    }
    provider.default_reply(Reply::text("又好了。"));
    assert_eq!(turn(&mut device, "你还好吗？").await, ["又好了。"]);
    assert_balanced(&device);
}

#[tokio::test]
async fn l4_without_a_model_it_says_what_it_can_do() {
    let server = Server::start(without_model()).await;
    let mut device = join(&server, "dev-1").await;
    assert_eq!(turn(&mut device, "你好").await, ["你好！有什么可以帮你？"]);
    assert!(device.seen_of_type("error").is_empty(), "a rule knew the answer");
    let text = turn(&mut device, "写一首诗").await;
    assert!(text[0].starts_with("我现在没有可用的语言模型") && text[0].contains("工作模式"), "{text:?}");
    let error = device.seen_of_type("error");
    assert_eq!((&error[0]["code"], &error[0]["degraded"]), (&json!("LLM_UNAVAILABLE"), &json!(true)));
    assert_balanced(&device);
}

#[tokio::test]
async fn m2_a_model_that_is_configured_later_answers_the_next_turn() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("好。"));
    let server = Server::start(without_model()).await;
    let mut device = join(&server, "dev-1").await;
    assert!(turn(&mut device, "写一首诗").await[0].starts_with("我现在没有可用的语言模型"));
    server.configure(&with(&provider));
    let end = std::time::Instant::now() + wait::TIMEOUT;
    while turn(&mut device, "再写一首诗").await != ["好。"] {
        assert!(std::time::Instant::now() < end, "no model answers: {:#?}", device.seen());
    }
    assert_balanced(&device);
}
