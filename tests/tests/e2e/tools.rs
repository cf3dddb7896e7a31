//! Tools of the device (PROTOCOL 1.9): the server as a client of the device's MCP server, driven by a model that calls
//! them. Rule: the device misbehaves as real devices do; whatever it does, the turn is answered and `tts` messages are
//! balanced.

use modehost_provider::{Provider, Reply};
use modehost_tests::{Device, Server, Settings};
use serde_json::{Value, json};

fn with(provider: &Provider) -> Settings {
    let grants = json!(["switch-mode", "model", "tools", "documents:conversation/"]);
    let model = json!({ "base_url": provider.base_url(), "model": "test", "retries": 0, "timeout_s": 30 });
    Settings::new().bundled().set("plugins.grants.conversation", grants).set("llm.aliases.default", model)
}

/// A device with tools, as stock firmware is: it does not support this server's own messages.
async fn join(server: &Server) -> Device {
    let mut device = Device::connect(server, "dev-1").await;
    device.hello_with(json!({ "mcp": true })).await;
    device
}

/// The next MCP request to the device; asserts its method.
async fn expect_request(device: &mut Device, method: &str) -> Value {
    let message = device.expect_type("mcp").await;
    assert_eq!(message["payload"]["method"], method, "{message}");
    assert_eq!((&message["payload"]["jsonrpc"], message["payload"]["id"].is_u64()), (&json!("2.0"), true));
    message["payload"].clone()
}

async fn send_mcp(device: &mut Device, payload: Value) {
    device.send(json!({ "type": "mcp", "payload": payload })).await;
}

async fn send_result(device: &mut Device, question: &Value, result: Value) {
    send_mcp(device, json!({ "jsonrpc": "2.0", "id": question["id"], "result": result })).await;
}

fn text(text: &str) -> Value {
    json!({ "content": [{ "type": "text", "text": text }], "isError": false })
}

/// Answers the MCP handshake and the tool list with one lamp.
async fn offer_lamp(device: &mut Device) {
    let question = expect_request(device, "initialize").await;
    send_result(device, &question, json!({ "protocolVersion": "2024-11-05" })).await;
    let question = expect_request(device, "tools/list").await;
    send_result(device, &question, json!({ "tools": [{ "name": "self.lamp", "description": "A lamp" }] })).await;
}

async fn expect_answer(device: &mut Device, sentence: &str) {
    device.expect("the answer", |message| message["state"] == "sentence_start" && message["text"] == sentence).await;
    device.expect("the end of the answer", |message| message["type"] == "tts" && message["state"] == "stop").await;
    let mut speaking = false;
    for message in device.seen_of_type("tts") {
        match message["state"].as_str().unwrap_or_default() {
            "start" => assert!(!std::mem::replace(&mut speaking, true), "two starts: {:#?}", device.seen()),
            "stop" => assert!(std::mem::replace(&mut speaking, false), "a stop too many: {:#?}", device.seen()),
            _ => assert!(speaking, "speech without a start: {:#?}", device.seen()),
        }
    }
}

/// Names of the tools that a model request offered.
fn offered(question: &Value) -> Vec<String> {
    let tools = question["tools"].as_array().cloned().unwrap_or_default();
    tools.iter().map(|tool| tool["function"]["name"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The tool result that the newest model request carries.
fn last_tool_result(provider: &Provider) -> String {
    provider.requests().last().map(|expect_request| expect_request.last_message().to_owned()).unwrap_or_default()
}

#[tokio::test]
async fn tools_come_in_pages_at_once_and_are_asked_for_once() {
    let provider = Provider::start();
    provider.queue(Reply::tool_call("self_camera_take_photo", r#"{"question":"what is it?"}"#));
    provider.queue(Reply::text("一只猫。"));
    provider.queue(Reply::text("不客气。"));
    let vision = json!({ "url": "https://vision.example.org/explain", "token": "for-cameras" });
    let server = Server::start(with(&provider).set("session.vision", vision.clone())).await;
    let mut device = join(&server).await;
    // Pages of the ecosystem wait for this before they enable their buttons.
    let question = expect_request(&mut device, "initialize").await;
    assert_eq!(question["params"]["capabilities"]["vision"], vision);
    send_result(&mut device, &question, json!({})).await;
    let question = expect_request(&mut device, "tools/list").await;
    let schema = json!({ "type": "object", "properties": { "question": { "type": "string" } } });
    let photo = json!({ "name": "self.camera.take_photo", "description": "Looks", "inputSchema": schema });
    send_result(&mut device, &question, json!({ "tools": [photo], "nextCursor": "self.lamp" })).await;
    let question = expect_request(&mut device, "tools/list").await;
    assert_eq!(question["params"]["cursor"], "self.lamp");
    let odd = json!([{ "name": "self.lamp" }, { "name": "self lamp" }, { "name": "灯" }, { "name": 7 }, null]);
    send_result(&mut device, &question, json!({ "tools": odd })).await;
    device.types("这是什么？").await;
    let question = expect_request(&mut device, "tools/call").await;
    let params = json!({ "name": "self.camera.take_photo", "arguments": { "question": "what is it?" } });
    assert_eq!(question["params"], params);
    // A picture without text.
    let picture = json!({ "content": [{ "type": "image", "data": "AAAA", "mimeType": "image/jpeg" }] });
    send_result(&mut device, &question, picture).await;
    expect_answer(&mut device, "一只猫。").await;
    let first = provider.requests()[0].body.clone();
    assert_eq!(offered(&first)[..4], ["self_camera_take_photo", "self_lamp", "self_lamp_2", "_"]);
    assert_eq!(first["tools"][0]["function"]["parameters"]["properties"]["question"]["type"], "string");
    assert_eq!(last_tool_result(&provider), "[a picture, which cannot be looked at here]");
    // The tool list is known by now.
    device.types("谢谢").await;
    expect_answer(&mut device, "不客气。").await;
    assert_eq!(device.seen_of_type("mcp").len(), 4);
    assert_eq!(offered(&provider.requests()[2].body), offered(&first));
    let metrics = server.admin("GET", "/metrics", "").await.body;
    assert!(metrics.contains(r#"modehost_tool_calls_total{outcome="ok"} 1"#), "{metrics}");
    assert!(!server.output().contains("cannot be looked at"), "an answer in the log");
    assert!(!server.output().contains("for-cameras"), "a token in the log");
}

#[tokio::test]
async fn seventy_tools_are_all_within_reach_and_a_camera_without_eyes_is_none() {
    let provider = Provider::start();
    provider.queue(Reply::tool_call("self_room_69_set", "{}"));
    provider.queue(Reply::text("好了。"));
    let server = Server::start(with(&provider)).await;
    let mut device = join(&server).await;
    let question = expect_request(&mut device, "initialize").await;
    assert_eq!(question["params"]["capabilities"]["vision"], json!({ "url": "", "token": "" }));
    send_result(&mut device, &question, json!({})).await;
    let question = expect_request(&mut device, "tools/list").await;
    let wordy = "Sets what this room is to be like, with many words about it. ".repeat(20);
    let tool = |number: usize| json!({ "name": format!("self.room_{number}.set"), "description": wordy });
    let (first, second): (Vec<Value>, Vec<Value>) = ((0..35).map(tool).collect(), (35..70).map(tool).collect());
    send_result(&mut device, &question, json!({ "tools": first, "nextCursor": "more" })).await;
    let question = expect_request(&mut device, "tools/list").await;
    let rest = [second, vec![json!({ "name": "self.camera.take_photo" })]].concat();
    send_result(&mut device, &question, json!({ "tools": rest })).await;
    device.types("把最后一个房间调好").await;
    let question = expect_request(&mut device, "tools/call").await;
    assert_eq!(question["params"]["name"], "self.room_69.set");
    // The call succeeded without output.
    send_result(&mut device, &question, json!({ "content": [] })).await;
    expect_answer(&mut device, "好了。").await;
    let names = offered(&provider.requests()[0].body);
    assert_eq!(names.iter().filter(|name| name.starts_with("self_room_")).count(), 70, "{names:?}");
    assert!(!names.iter().any(|name| name.contains("photo")), "no image tool without a vision model: {names:?}");
    assert_eq!(last_tool_result(&provider), "done; the tool returned no text");
}

#[tokio::test]
async fn things_of_firmware_before_1_6_3_are_tools() {
    let provider = Provider::start();
    provider.queue(Reply::tool_call("Speaker_SetVolume", r#"{"volume":70}"#));
    provider.queue(Reply::text("音量调到七十了。"));
    let server = Server::start(with(&provider)).await;
    let mut device = Device::connect(&server, "dev-1").await;
    device.hello_with(json!({})).await;
    device
        .send(json!({ "type": "iot", "update": true, "descriptors": [{ "name": "Speaker", "description": "扬声器",
        "properties": { "volume": { "description": "当前音量值", "type": "number" } },
        "methods": { "SetVolume": { "description": "设置音量",
            "parameters": { "volume": { "description": "0到100之间的整数", "type": "number" } } } } }] }))
        .await;
    device
        .send(json!({ "type": "iot", "update": true, "states": [{ "name": "Speaker", "state": { "volume": 40 } }] }))
        .await;
    device.types("音量调到七十").await;
    let command = device.expect_type("iot").await;
    let expected = json!([{ "name": "Speaker", "method": "SetVolume", "parameters": { "volume": 70 } }]);
    assert_eq!(command["commands"], expected);
    expect_answer(&mut device, "音量调到七十了。").await;
    let names = offered(&provider.requests()[0].body);
    assert_eq!(names[..2], ["Speaker_SetVolume", "Speaker_get_state"]);
    assert!(last_tool_result(&provider).contains("the command has been sent"), "{}", last_tool_result(&provider));
    // The state that it reports is the result.
    provider.queue(Reply::tool_call("Speaker_get_state", "{}"));
    provider.queue(Reply::text("现在是四十。"));
    device.types("现在音量多少？").await;
    expect_answer(&mut device, "现在是四十。").await;
    assert_eq!(last_tool_result(&provider), r#"{"volume":40}"#);
}

#[tokio::test]
async fn answers_that_nobody_asked_for_change_nothing() {
    let provider = Provider::start();
    provider.queue(Reply::tool_call("self_lamp", "{}"));
    provider.queue(Reply::text("好了。"));
    let server = Server::start(with(&provider)).await;
    let mut device = join(&server).await;
    offer_lamp(&mut device).await;
    send_mcp(&mut device, json!({ "jsonrpc": "2.0", "id": 4711, "result": {} })).await;
    for payload in [Value::Null, json!([]), json!("{}"), json!(7)] {
        device.send(json!({ "type": "mcp", "payload": payload })).await;
        device.expect_error("SCHEMA_INVALID").await;
    }
    device.types("开灯").await;
    let question = expect_request(&mut device, "tools/call").await;
    let id = question["id"].as_u64().unwrap_or_default();
    for payload in [
        json!({ "id": id + 1, "result": text("of the future") }),
        json!({ "id": id - 1, "result": text("of the past") }),
        json!({ "id": id.to_string(), "result": text("of another kind") }),
        json!({ "id": id }),
        json!({ "method": "notifications/message", "params": {} }),
    ] {
        send_mcp(&mut device, payload).await;
    }
    send_result(&mut device, &question, text("on")).await;
    send_result(&mut device, &question, text("off")).await;
    expect_answer(&mut device, "好了。").await;
    assert_eq!(last_tool_result(&provider), "on");
    device.ping().await;
}

#[tokio::test]
async fn a_tool_that_fails_is_told_to_the_model() {
    let provider = Provider::start();
    provider.queue(Reply::tool_call("self_lamp", "{}"));
    provider.queue(Reply::text("灯坏了。"));
    let server = Server::start(with(&provider)).await;
    let mut device = join(&server).await;
    device.types("开灯").await;
    offer_lamp(&mut device).await;
    let question = expect_request(&mut device, "tools/call").await;
    // Firmware sends no error code.
    send_mcp(&mut device, json!({ "jsonrpc": "2.0", "id": question["id"], "error": { "message": "no bulb" } })).await;
    expect_answer(&mut device, "灯坏了。").await;
    assert!(last_tool_result(&provider).contains("no bulb"), "{}", last_tool_result(&provider));
}

#[tokio::test]
async fn a_device_that_never_answers_is_talked_to_without_its_tools() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("你好。"));
    let server = Server::start(with(&provider)).await;
    let mut device = join(&server).await;
    device.types("你好吗？").await;
    expect_request(&mut device, "initialize").await;
    expect_answer(&mut device, "你好。").await;
    let names = offered(&provider.requests()[0].body);
    assert!(names.iter().all(|name| !name.starts_with("self")), "{names:?}");
}

#[tokio::test]
async fn c4_a_device_that_connects_anew_in_the_middle_of_a_call_gets_its_answer() {
    let provider = Provider::start();
    provider.queue(Reply::tool_call("self_lamp", "{}"));
    provider.queue(Reply::text("没成功。"));
    let server = Server::start(with(&provider)).await;
    let mut old = join(&server).await;
    old.types("开灯").await;
    offer_lamp(&mut old).await;
    let question = expect_request(&mut old, "tools/call").await;
    let mut device = join(&server).await;
    // The tool list is requested again, at once.
    offer_lamp(&mut device).await;
    // Late, and on a connection on which it was not called.
    send_result(&mut device, &question, text("on")).await;
    // The answer may have come before the second request for its tools. If it came before the new hello had been
    // answered, its sentence is kept, and comes without the start and the stop of its turn.
    let is_answer = |message: &Value| message["state"] == "sentence_start" && message["text"] == "没成功。";
    if !device.seen_of_type("tts").iter().any(|message| is_answer(message)) {
        device.expect("the answer", is_answer).await;
    }
    let states: Vec<String> =
        device.seen_of_type("tts").iter().filter_map(|message| message["state"].as_str().map(str::to_owned)).collect();
    if states.iter().any(|state| state == "start") && states.last().is_none_or(|last| last != "stop") {
        device.expect("the end of the answer", |message| message["state"] == "stop").await;
    }
    assert_ne!(last_tool_result(&provider), "on");
    provider.queue(Reply::text("好的。"));
    device.types("再试一次").await;
    let is_next = |message: &Value| message["state"] == "sentence_start" && message["text"] == "好的。";
    device.expect("the next answer", is_next).await;
    device.expect("its end", |message| message["type"] == "tts" && message["state"] == "stop").await;
}

#[tokio::test]
async fn c3_a_call_in_flight_at_a_kill_is_not_waited_for() {
    let provider = Provider::start();
    provider.queue(Reply::tool_call("self_lamp", "{}"));
    provider.default_reply(Reply::text("重新开始了。"));
    let mut server = Server::start(with(&provider)).await;
    let mut device = join(&server).await;
    device.types("开灯").await;
    offer_lamp(&mut device).await;
    expect_request(&mut device, "tools/call").await;
    server.kill9();
    server.launch();
    server.ready().await;
    let mut device = join(&server).await;
    // The turn continues by itself, without the tool's result. If the answer is there before the new hello has been
    // answered, its sentence is kept, and comes without the start and the stop of its turn.
    let answered = |message: &Value| message["state"] == "sentence_start" && message["text"] == "重新开始了。";
    device.expect("the answer", answered).await;
    assert!(provider.requests().len() >= 2, "the model was not asked again");
}
