//! A device's MCP server: its tools are listed and called, and it may misbehave in every way.
//!
//! Rule: whatever the device sends, each request of a mode gets exactly one outcome.

use std::time::Duration;

use modehost_contract::event::Failure;
use modehost_contract::{Effect, Event, Fault};
use modehost_limits as limits;
use serde_json::{Value, json};

use crate::host::{Device, PausedTime, TestHost};
use crate::mock_mode::{instructions, mock_mode};
use crate::native::NativeMode;

fn tools_host() -> TestHost {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    host
}

async fn connect_with_tools(host: &TestHost) -> Device {
    let mut device = host.device("a");
    device.say_hello(true).await;
    device
}

/// The next request to the device's MCP server, which must have this method.
async fn expect_request(device: &mut Device, method: &str) -> Value {
    let message = device.expect_message(|message| message["type"] == "mcp").await;
    let question = message["payload"].clone();
    assert_eq!((&question["jsonrpc"], &question["method"]), (&json!("2.0"), &json!(method)), "{question}");
    assert!(question["id"].is_u64(), "{question}");
    question
}

async fn reply(device: &Device, question: &Value, result: Value) {
    let payload = json!({ "jsonrpc": "2.0", "id": question["id"], "result": result });
    device.say(json!({ "type": "mcp", "payload": payload })).await;
}

/// Answers the requests of a tool listing with these names.
async fn answer_listing(device: &mut Device, names: &[&str]) {
    let question = expect_request(device, "initialize").await;
    answer_listing_from(device, &question, names).await;
}

/// As `answer_listing`, after the first request has been read.
async fn answer_listing_from(device: &mut Device, question: &Value, names: &[&str]) {
    reply(device, question, json!({ "protocolVersion": "2024-11-05" })).await;
    let question = expect_request(device, "tools/list").await;
    let tools: Vec<Value> = names.iter().map(|name| json!({ "name": name, "description": "" })).collect();
    reply(device, &question, json!({ "tools": tools })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_listed_page_by_page_once_and_called_by_their_real_names() {
    let host = tools_host();
    let mut device = connect_with_tools(&host).await;
    // Clients of the ecosystem wait for it: it comes before any mode asks for tools.
    let question = expect_request(&mut device, "initialize").await;
    assert_eq!(question["params"]["protocolVersion"], "2024-11-05");
    assert_eq!(question["params"]["capabilities"]["vision"], json!({ "url": "", "token": "" }));
    assert!(question["params"]["clientInfo"]["name"].is_string());
    reply(&device, &question, json!({})).await;
    let question = expect_request(&mut device, "tools/list").await;
    assert_eq!(question.get("params"), None);
    let page = json!({ "tools": [{ "name": "self.lamp.on" }], "nextCursor": "self.lamp.off" });
    reply(&device, &question, page).await;
    let question = expect_request(&mut device, "tools/list").await;
    assert_eq!(question["params"]["cursor"], "self.lamp.off");
    device.instruct("red", json!([{ "list": 0, "request": 5 }])).await;
    reply(&device, &question, json!({ "tools": [{ "name": "self.lamp.off" }], "nextCursor": "" })).await;
    let reported = device.expect_event("tools").await;
    assert_eq!((&reported["request"], &reported["names"]), (&json!(5), &json!(["self.lamp.on", "self.lamp.off"])));
    // Cached: answered without the device.
    device.instruct("red", json!([{ "list": 0, "request": 6 }])).await;
    device.expect_event("tools").await;
    device.instruct("red", json!([{ "call": "self_lamp_off", "with": { "room": 2 }, "request": 7 }])).await;
    let question = expect_request(&mut device, "tools/call").await;
    assert_eq!(question["params"], json!({ "name": "self.lamp.off", "arguments": { "room": 2 } }));
    reply(&device, &question, json!({ "content": [{ "type": "text", "text": "off" }], "isError": false })).await;
    let reported = device.expect_event("tool-done").await;
    assert_eq!(
        (&reported["request"], &reported["text"], &reported["failed"]),
        (&json!(7), &json!("off"), &json!(false))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_ask_at_the_same_time_share_one_question() {
    let host = tools_host();
    let mut device = connect_with_tools(&host).await;
    device.instruct("red", json!([{ "list": 0, "request": 5 }, { "call": "lamp", "with": {}, "request": 6 }])).await;
    device.instruct("red", json!([{ "list": 0, "request": 7 }])).await;
    answer_listing(&mut device, &["lamp"]).await;
    let received = device.expect_through(|message| message["payload"]["method"] == "tools/call").await;
    assert_eq!(received.iter().filter(|message| message["type"] == "mcp").count(), 1, "{received:?}");
    let later = device.received_so_far().await;
    let reported = received.iter().chain(&later).filter(|message| message["event"] == "tools").count();
    assert_eq!(reported, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_tools_is_never_asked() {
    let host = tools_host();
    let mut device = host.device("a");
    device.say_hello(false).await;
    device.instruct("red", json!([{ "list": 0, "request": 5 }, { "call": "lamp", "with": {}, "request": 6 }])).await;
    let reported = device.expect_event("tools").await;
    assert_eq!(reported["names"], json!([]));
    let reported = device.expect_event("request-failed").await;
    assert_eq!((&reported["request"], &reported["reason"]), (&json!(6), &json!("Unavailable")));
    let received = device.received_so_far().await;
    assert!(received.iter().all(|message| message["type"] != "mcp"), "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_fails_says_why_and_one_that_is_not_there_is_refused() {
    let host = tools_host();
    let mut device = connect_with_tools(&host).await;
    device.instruct("red", json!([{ "call": "lamp", "with": {}, "request": 1 }])).await;
    answer_listing(&mut device, &["lamp"]).await;
    let question = expect_request(&mut device, "tools/call").await;
    reply(&device, &question, json!({ "content": [{ "type": "text", "text": "broken" }], "isError": true })).await;
    let reported = device.expect_event("tool-done").await;
    assert_eq!((&reported["text"], &reported["failed"]), (&json!("broken"), &json!(true)));
    device.instruct("red", json!([{ "call": "lamp", "with": {}, "request": 2 }])).await;
    let question = expect_request(&mut device, "tools/call").await;
    // Firmware sends no code.
    let error = json!({ "jsonrpc": "2.0", "id": question["id"], "error": { "message": "Unknown tool: lamp" } });
    device.say(json!({ "type": "mcp", "payload": error })).await;
    let reported = device.expect_event("tool-done").await;
    assert_eq!((&reported["text"], &reported["failed"]), (&json!("Unknown tool: lamp"), &json!(true)));
    device.instruct("red", json!([{ "call": "oven", "with": {}, "request": 3 }])).await;
    assert_eq!(device.expect_event("request-failed").await["reason"], "Rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_waits_for_are_thrown_away() {
    let host = tools_host();
    let mut device = connect_with_tools(&host).await;
    device.instruct("red", json!([{ "call": "lamp", "with": {}, "request": 1 }])).await;
    answer_listing(&mut device, &["lamp"]).await;
    let question = expect_request(&mut device, "tools/call").await;
    let id = &question["id"];
    for payload in [
        json!({}),
        json!({ "id": 999, "result": {} }),
        json!({ "id": id.to_string(), "result": {} }),
        json!({ "id": id }),
        json!({ "id": -1, "error": {} }),
        json!({ "id": [id], "result": {} }),
        json!({ "method": "notifications/anything", "params": {} }),
        json!({ "id": id, "method": "ping" }),
        json!({ "id": 1, "result": { "content": [{ "type": "text", "text": "late" }] } }),
    ] {
        device.say(json!({ "type": "mcp", "payload": payload })).await;
    }
    let received = device.received_so_far().await;
    assert_eq!(received, Vec::<Value>::new());
    reply(&device, &question, json!({ "content": [{ "type": "text", "text": "first" }] })).await;
    reply(&device, &question, json!({ "content": [{ "type": "text", "text": "second" }] })).await;
    assert_eq!(device.expect_event("tool-done").await["text"], "first");
    assert_eq!(device.received_so_far().await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_answer_is_not_waited_for_longer_than_allowed() {
    let _time = PausedTime::new();
    let host = tools_host();
    let mut device = connect_with_tools(&host).await;
    device.instruct("red", json!([{ "list": 0, "request": 1 }])).await;
    expect_request(&mut device, "initialize").await;
    tokio::time::advance(limits::TOOL_LIST_TIMEOUT + Duration::from_millis(1)).await;
    let reported = device.expect_event("request-failed").await;
    assert_eq!((&reported["request"], &reported["reason"]), (&json!(1), &json!("TimedOut")));
    // For a while the device is not asked again; then it is.
    device.instruct("red", json!([{ "list": 0, "request": 3 }])).await;
    let reported = device.expect_event("request-failed").await;
    assert_eq!((&reported["request"], &reported["reason"]), (&json!(3), &json!("TimedOut")));
    tokio::time::advance(limits::TOOL_LIST_BACKOFF).await;
    device.instruct("red", json!([{ "call": "lamp", "with": {}, "request": 2 }])).await;
    answer_listing(&mut device, &["lamp"]).await;
    let question = expect_request(&mut device, "tools/call").await;
    tokio::time::advance(limits::TOOL_CALL_TIMEOUT - Duration::from_secs(1)).await;
    assert_eq!(device.received_so_far().await, Vec::<Value>::new());
    tokio::time::advance(Duration::from_secs(2)).await;
    let reported = device.expect_event("request-failed").await;
    assert_eq!((&reported["request"], &reported["reason"]), (&json!(2), &json!("TimedOut")));
    reply(&device, &question, json!({ "content": [] })).await;
    assert_eq!(device.received_so_far().await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_and_a_new_hello_forget_the_tools_and_interrupt_calls() {
    let host = tools_host();
    let mut old = connect_with_tools(&host).await;
    old.instruct("red", json!([{ "call": "lamp", "with": {}, "request": 1 }])).await;
    answer_listing(&mut old, &["lamp"]).await;
    expect_request(&mut old, "tools/call").await;
    let mut device = connect_with_tools(&host).await;
    // Either may come first.
    let (mut reported, mut question) = (Value::Null, Value::Null);
    while reported.is_null() || question.is_null() {
        let message =
            device.expect_message(|message| message["type"] == "mcp" || message["event"] == "request-failed").await;
        match message["type"] == "mcp" {
            true => question = message["payload"].clone(),
            false => reported = message,
        }
    }
    assert_eq!((&reported["request"], &reported["reason"]), (&json!(1), &json!("Interrupted")));
    assert_eq!(question["method"], "initialize");
    device.instruct("red", json!([{ "call": "oven", "with": {}, "request": 2 }])).await;
    answer_listing_from(&mut device, &question, &["oven"]).await;
    expect_request(&mut device, "tools/call").await;
    device.say(json!({ "type": "hello", "features": {} })).await;
    let reported = device.expect_event("request-failed").await;
    assert_eq!((&reported["request"], &reported["reason"]), (&json!(2), &json!("Interrupted")));
    device.instruct("red", json!([{ "list": 0, "request": 3 }])).await;
    assert_eq!(device.expect_event("tools").await["names"], json!([]), "this hello offers none");
}

/// A mock mode that reports interrupted requests to another device.
fn reports_interruptions(count: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::RequestFailed { reason: Failure::Interrupted | Failure::Unavailable, request, .. } => instructions(
            &json!({ "do": [{ "deliver": { "type": "x", "of": request }, "to": ["b"], "request": 50 }] }).to_string(),
        ),
        Event::Detached => instructions(r#"{"do":[{"list":0,"request":2}]}"#),
        _ => mock_mode(count, event),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_a_call_ends_with_the_connection_and_not_with_the_next_one() {
    let host = TestHost::new();
    let mut native = NativeMode::new("red", 1, reports_interruptions);
    native.manifest.subscriptions.attachment = true;
    host.catalog.publish(native);
    let mut other = host.device("b");
    other.say_hello(false).await;
    let mut device = connect_with_tools(&host).await;
    device.instruct("red", json!([{ "call": "lamp", "with": {}, "request": 1 }])).await;
    answer_listing(&mut device, &["lamp"]).await;
    expect_request(&mut device, "tools/call").await;
    device.lose_connection();
    let mut failed = [0; 2];
    for request in &mut failed {
        *request = other.expect_message(|message| message["type"] == "x").await["of"].as_u64().unwrap();
    }
    failed.sort_unstable();
    // The call; and the listing that was requested while the device was offline.
    assert_eq!(failed, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_says_its_tools_have_changed_is_asked_again() {
    let host = tools_host();
    let mut device = connect_with_tools(&host).await;
    device.instruct("red", json!([{ "list": 0 }])).await;
    answer_listing(&mut device, &["lamp"]).await;
    device.expect_event("tools").await;
    let changed = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
    device.say(json!({ "type": "mcp", "payload": changed })).await;
    device.instruct("red", json!([{ "list": 0 }])).await;
    answer_listing(&mut device, &["oven"]).await;
    assert_eq!(device.expect_event("tools").await["names"], json!(["oven"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_an_end_ends_all_the_same() {
    let host = tools_host();
    let mut device = connect_with_tools(&host).await;
    device.instruct("red", json!([{ "list": 0 }])).await;
    let question = expect_request(&mut device, "initialize").await;
    reply(&device, &question, json!({})).await;
    for page in 0..limits::TOOL_PAGES {
        let question = expect_request(&mut device, "tools/list").await;
        let tools = json!([{ "name": format!("t{page}") }, { "name": 7 }, null]);
        reply(&device, &question, json!({ "tools": tools, "nextCursor": page.to_string() })).await;
    }
    let reported = device.expect_event("tools").await;
    assert_eq!(reported["names"].as_array().unwrap().len(), limits::TOOL_PAGES);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_bounded_and_a_cancelled_one_is_not_told() {
    let host = tools_host();
    let mut device = connect_with_tools(&host).await;
    device.instruct("red", json!([{ "list": 0, "request": 99 }])).await;
    answer_listing(&mut device, &["lamp"]).await;
    device.expect_event("tools").await;
    let calls: Vec<Value> =
        (0..=limits::TOOL_CALLS).map(|call| json!({ "call": "lamp", "with": {}, "request": call })).collect();
    device.instruct("red", json!(calls)).await;
    // Requests may arrive before or after the failure.
    let received = device.expect_through(|message| message["event"] == "request-failed").await;
    let reported = received.last().unwrap();
    assert_eq!((&reported["request"], &reported["reason"]), (&json!(limits::TOOL_CALLS), &json!("TooMany")));
    let mut questions: Vec<Value> = received.into_iter().filter(|message| message["type"] == "mcp").collect();
    while questions.len() < limits::TOOL_CALLS {
        questions.push(device.expect_message(|message| message["type"] == "mcp").await);
    }
    device.instruct("red", json!([{ "cancel": true, "request": 0 }])).await;
    for question in questions {
        reply(&device, &question["payload"], json!({ "content": [] })).await;
    }
    for call in 1..limits::TOOL_CALLS {
        assert_eq!(device.expect_event("tool-done").await["request"], call);
    }
    assert_eq!(device.received_so_far().await, Vec::<Value>::new());
    device.instruct("red", json!([{ "call": "lamp", "with": {}, "request": 1 }])).await;
    expect_request(&mut device, "tools/call").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_a_call_in_flight_at_a_kill_comes_back_as_interrupted() {
    let mut host = tools_host();
    let mut device = connect_with_tools(&host).await;
    device.instruct("red", json!([{ "call": "lamp", "with": {}, "request": 3 }])).await;
    answer_listing(&mut device, &["lamp"]).await;
    expect_request(&mut device, "tools/call").await;
    host.crash(|_| {}).await;
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    let mut device = host.device("a");
    let reported = device.expect_event("request-failed").await;
    assert_eq!((&reported["request"], &reported["reason"]), (&json!(3), &json!("Interrupted")));
}
