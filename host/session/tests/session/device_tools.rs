//! A device's MCP server: what it offers is listed, and called, and may misbehave in every way.

use std::time::Duration;

use modehost_contract::event::Failure;
use modehost_contract::{Effect, Event, Fault};
use modehost_limits as limits;
use serde_json::{Value, json};

use crate::host::{Device, StandingTime, TestHost};
use crate::mock_mode::{mock_mode, pull};
use crate::native::Native;

fn workshop() -> TestHost {
    let host = TestHost::new();
    host.catalog.publish(Native::new("red", 1, mock_mode));
    host
}

async fn armed(host: &TestHost) -> Device {
    let mut device = host.device("a");
    device.greets(true).await;
    device
}

/// The next question to the device's MCP server, which must be of this method.
async fn asked(device: &mut Device, method: &str) -> Value {
    let message = device.hears(|message| message["type"] == "mcp").await;
    let question = message["payload"].clone();
    assert_eq!((&question["jsonrpc"], &question["method"]), (&json!("2.0"), &json!(method)), "{question}");
    assert!(question["id"].is_u64(), "{question}");
    question
}

async fn replies(device: &Device, question: &Value, result: Value) {
    let payload = json!({ "jsonrpc": "2.0", "id": question["id"], "result": result });
    device.say(json!({ "type": "mcp", "payload": payload })).await;
}

/// Answers what leads to a list of tools with these names.
async fn lists(device: &mut Device, names: &[&str]) {
    let question = asked(device, "initialize").await;
    lists_when(device, &question, names).await;
}

/// The same once it has been asked the first question.
async fn lists_when(device: &mut Device, question: &Value, names: &[&str]) {
    replies(device, question, json!({ "protocolVersion": "2024-11-05" })).await;
    let question = asked(device, "tools/list").await;
    let tools: Vec<Value> = names.iter().map(|name| json!({ "name": name, "description": "" })).collect();
    replies(device, &question, json!({ "tools": tools })).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_are_listed_page_by_page_once_and_called_by_their_real_names() {
    let host = workshop();
    let mut device = armed(&host).await;
    // Clients of the ecosystem wait for it: it comes before anybody wants a tool.
    let question = asked(&mut device, "initialize").await;
    assert_eq!(question["params"]["protocolVersion"], "2024-11-05");
    assert_eq!(question["params"]["capabilities"]["vision"], json!({ "url": "", "token": "" }));
    assert!(question["params"]["clientInfo"]["name"].is_string());
    replies(&device, &question, json!({})).await;
    let question = asked(&mut device, "tools/list").await;
    assert_eq!(question.get("params"), None);
    let page = json!({ "tools": [{ "name": "self.lamp.on" }], "nextCursor": "self.lamp.off" });
    replies(&device, &question, page).await;
    let question = asked(&mut device, "tools/list").await;
    assert_eq!(question["params"]["cursor"], "self.lamp.off");
    device.pulls("red", json!([{ "list": 0, "request": 5 }])).await;
    replies(&device, &question, json!({ "tools": [{ "name": "self.lamp.off" }], "nextCursor": "" })).await;
    let told = device.is_told("tools").await;
    assert_eq!((&told["request"], &told["names"]), (&json!(5), &json!(["self.lamp.on", "self.lamp.off"])));
    // Known by now: the next one to ask is answered without the device.
    device.pulls("red", json!([{ "list": 0, "request": 6 }])).await;
    device.is_told("tools").await;
    device.pulls("red", json!([{ "call": "self_lamp_off", "with": { "room": 2 }, "request": 7 }])).await;
    let question = asked(&mut device, "tools/call").await;
    assert_eq!(question["params"], json!({ "name": "self.lamp.off", "arguments": { "room": 2 } }));
    replies(&device, &question, json!({ "content": [{ "type": "text", "text": "off" }], "isError": false })).await;
    let told = device.is_told("tool-done").await;
    assert_eq!((&told["request"], &told["text"], &told["failed"]), (&json!(7), &json!("off"), &json!(false)));
}

#[tokio::test(flavor = "multi_thread")]
async fn those_who_ask_at_the_same_time_share_one_question() {
    let host = workshop();
    let mut device = armed(&host).await;
    device.pulls("red", json!([{ "list": 0, "request": 5 }, { "call": "lamp", "with": {}, "request": 6 }])).await;
    device.pulls("red", json!([{ "list": 0, "request": 7 }])).await;
    lists(&mut device, &["lamp"]).await;
    let heard = device.hears_all(|message| message["payload"]["method"] == "tools/call").await;
    assert_eq!(heard.iter().filter(|message| message["type"] == "mcp").count(), 1, "{heard:?}");
    let later = device.hears_up_to_now().await;
    let told = heard.iter().chain(&later).filter(|message| message["event"] == "tools").count();
    assert_eq!(told, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_tools_is_never_asked() {
    let host = workshop();
    let mut device = host.device("a");
    device.greets(false).await;
    device.pulls("red", json!([{ "list": 0, "request": 5 }, { "call": "lamp", "with": {}, "request": 6 }])).await;
    let told = device.is_told("tools").await;
    assert_eq!(told["names"], json!([]));
    let told = device.is_told("request-failed").await;
    assert_eq!((&told["request"], &told["reason"]), (&json!(6), &json!("Unavailable")));
    let heard = device.hears_up_to_now().await;
    assert!(heard.iter().all(|message| message["type"] != "mcp"), "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tool_that_fails_says_why_and_one_that_is_not_there_is_refused() {
    let host = workshop();
    let mut device = armed(&host).await;
    device.pulls("red", json!([{ "call": "lamp", "with": {}, "request": 1 }])).await;
    lists(&mut device, &["lamp"]).await;
    let question = asked(&mut device, "tools/call").await;
    replies(&device, &question, json!({ "content": [{ "type": "text", "text": "broken" }], "isError": true })).await;
    let told = device.is_told("tool-done").await;
    assert_eq!((&told["text"], &told["failed"]), (&json!("broken"), &json!(true)));
    device.pulls("red", json!([{ "call": "lamp", "with": {}, "request": 2 }])).await;
    let question = asked(&mut device, "tools/call").await;
    // Firmware gives no code.
    let error = json!({ "jsonrpc": "2.0", "id": question["id"], "error": { "message": "Unknown tool: lamp" } });
    device.say(json!({ "type": "mcp", "payload": error })).await;
    let told = device.is_told("tool-done").await;
    assert_eq!((&told["text"], &told["failed"]), (&json!("Unknown tool: lamp"), &json!(true)));
    device.pulls("red", json!([{ "call": "oven", "with": {}, "request": 3 }])).await;
    assert_eq!(device.is_told("request-failed").await["reason"], "Rejected");
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_nobody_waits_for_are_thrown_away() {
    let host = workshop();
    let mut device = armed(&host).await;
    device.pulls("red", json!([{ "call": "lamp", "with": {}, "request": 1 }])).await;
    lists(&mut device, &["lamp"]).await;
    let question = asked(&mut device, "tools/call").await;
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
    let heard = device.hears_up_to_now().await;
    assert_eq!(heard, Vec::<Value>::new());
    replies(&device, &question, json!({ "content": [{ "type": "text", "text": "first" }] })).await;
    replies(&device, &question, json!({ "content": [{ "type": "text", "text": "second" }] })).await;
    assert_eq!(device.is_told("tool-done").await["text"], "first");
    assert_eq!(device.hears_up_to_now().await, Vec::<Value>::new());
}

#[tokio::test(start_paused = true)]
async fn a_device_that_does_not_answer_is_not_waited_for_longer_than_allowed() {
    let _time = StandingTime::new();
    let host = workshop();
    let mut device = armed(&host).await;
    device.pulls("red", json!([{ "list": 0, "request": 1 }])).await;
    asked(&mut device, "initialize").await;
    tokio::time::advance(limits::TOOL_LIST_REPLY + Duration::from_millis(1)).await;
    let told = device.is_told("request-failed").await;
    assert_eq!((&told["request"], &told["reason"]), (&json!(1), &json!("TimedOut")));
    // For a while nobody waits for it again; then the next one to ask asks anew.
    device.pulls("red", json!([{ "list": 0, "request": 3 }])).await;
    let told = device.is_told("request-failed").await;
    assert_eq!((&told["request"], &told["reason"]), (&json!(3), &json!("TimedOut")));
    tokio::time::advance(limits::TOOL_SILENCE).await;
    device.pulls("red", json!([{ "call": "lamp", "with": {}, "request": 2 }])).await;
    lists(&mut device, &["lamp"]).await;
    let question = asked(&mut device, "tools/call").await;
    tokio::time::advance(limits::TOOL_CALL_REPLY - Duration::from_secs(1)).await;
    assert_eq!(device.hears_up_to_now().await, Vec::<Value>::new());
    tokio::time::advance(Duration::from_secs(2)).await;
    let told = device.is_told("request-failed").await;
    assert_eq!((&told["request"], &told["reason"]), (&json!(2), &json!("TimedOut")));
    replies(&device, &question, json!({ "content": [] })).await;
    assert_eq!(device.hears_up_to_now().await, Vec::<Value>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_new_connection_and_a_new_hello_forget_the_tools_and_interrupt_calls() {
    let host = workshop();
    let mut old = armed(&host).await;
    old.pulls("red", json!([{ "call": "lamp", "with": {}, "request": 1 }])).await;
    lists(&mut old, &["lamp"]).await;
    asked(&mut old, "tools/call").await;
    let mut device = armed(&host).await;
    // Which of the two comes first is open.
    let (mut told, mut question) = (Value::Null, Value::Null);
    while told.is_null() || question.is_null() {
        let message = device.hears(|message| message["type"] == "mcp" || message["event"] == "request-failed").await;
        match message["type"] == "mcp" {
            true => question = message["payload"].clone(),
            false => told = message,
        }
    }
    assert_eq!((&told["request"], &told["reason"]), (&json!(1), &json!("Interrupted")));
    assert_eq!(question["method"], "initialize");
    device.pulls("red", json!([{ "call": "oven", "with": {}, "request": 2 }])).await;
    lists_when(&mut device, &question, &["oven"]).await;
    asked(&mut device, "tools/call").await;
    device.say(json!({ "type": "hello", "features": {} })).await;
    let told = device.is_told("request-failed").await;
    assert_eq!((&told["request"], &told["reason"]), (&json!(2), &json!("Interrupted")));
    device.pulls("red", json!([{ "list": 0, "request": 3 }])).await;
    assert_eq!(device.is_told("tools").await["names"], json!([]), "this hello offers none");
}

/// A mock mode that tells another device of what was interrupted.
fn alarmed(count: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::RequestFailed { reason: Failure::Interrupted | Failure::Unavailable, request, .. } => pull(
            &json!({ "do": [{ "deliver": { "type": "x", "of": request }, "to": ["b"], "request": 50 }] }).to_string(),
        ),
        Event::Detached => pull(r#"{"do":[{"list":0,"request":2}]}"#),
        _ => mock_mode(count, event),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_a_call_ends_with_the_connection_and_not_with_the_next_one() {
    let host = TestHost::new();
    let mut native = Native::new("red", 1, alarmed);
    native.manifest.subscriptions.attachment = true;
    host.catalog.publish(native);
    let mut other = host.device("b");
    other.greets(false).await;
    let mut device = armed(&host).await;
    device.pulls("red", json!([{ "call": "lamp", "with": {}, "request": 1 }])).await;
    lists(&mut device, &["lamp"]).await;
    asked(&mut device, "tools/call").await;
    device.vanish();
    let mut failed = [0; 2];
    for place in &mut failed {
        *place = other.hears(|message| message["type"] == "x").await["of"].as_u64().unwrap();
    }
    failed.sort_unstable();
    // The call; and the list that was asked for while nobody was there.
    assert_eq!(failed, [1, 2]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_says_its_tools_have_changed_is_asked_again() {
    let host = workshop();
    let mut device = armed(&host).await;
    device.pulls("red", json!([{ "list": 0 }])).await;
    lists(&mut device, &["lamp"]).await;
    device.is_told("tools").await;
    let changed = json!({ "jsonrpc": "2.0", "method": "notifications/tools/list_changed" });
    device.say(json!({ "type": "mcp", "payload": changed })).await;
    device.pulls("red", json!([{ "list": 0 }])).await;
    lists(&mut device, &["oven"]).await;
    assert_eq!(device.is_told("tools").await["names"], json!(["oven"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_without_an_end_ends_all_the_same() {
    let host = workshop();
    let mut device = armed(&host).await;
    device.pulls("red", json!([{ "list": 0 }])).await;
    let question = asked(&mut device, "initialize").await;
    replies(&device, &question, json!({})).await;
    for page in 0..limits::TOOL_PAGES {
        let question = asked(&mut device, "tools/list").await;
        let tools = json!([{ "name": format!("t{page}") }, { "name": 7 }, null]);
        replies(&device, &question, json!({ "tools": tools, "nextCursor": page.to_string() })).await;
    }
    let told = device.is_told("tools").await;
    assert_eq!(told["names"].as_array().unwrap().len(), limits::TOOL_PAGES);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_are_bounded_and_a_cancelled_one_is_not_told() {
    let host = workshop();
    let mut device = armed(&host).await;
    device.pulls("red", json!([{ "list": 0, "request": 99 }])).await;
    lists(&mut device, &["lamp"]).await;
    device.is_told("tools").await;
    let calls: Vec<Value> =
        (0..=limits::TOOL_CALLS).map(|call| json!({ "call": "lamp", "with": {}, "request": call })).collect();
    device.pulls("red", json!(calls)).await;
    // Asked before or after the refusal is told.
    let heard = device.hears_all(|message| message["event"] == "request-failed").await;
    let told = heard.last().unwrap();
    assert_eq!((&told["request"], &told["reason"]), (&json!(limits::TOOL_CALLS), &json!("TooMany")));
    let mut questions: Vec<Value> = heard.into_iter().filter(|message| message["type"] == "mcp").collect();
    while questions.len() < limits::TOOL_CALLS {
        questions.push(device.hears(|message| message["type"] == "mcp").await);
    }
    device.pulls("red", json!([{ "cancel": true, "request": 0 }])).await;
    for question in questions {
        replies(&device, &question["payload"], json!({ "content": [] })).await;
    }
    for call in 1..limits::TOOL_CALLS {
        assert_eq!(device.is_told("tool-done").await["request"], call);
    }
    assert_eq!(device.hears_up_to_now().await, Vec::<Value>::new());
    device.pulls("red", json!([{ "call": "lamp", "with": {}, "request": 1 }])).await;
    asked(&mut device, "tools/call").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_a_call_in_flight_at_a_kill_comes_back_as_interrupted() {
    let mut host = workshop();
    let mut device = armed(&host).await;
    device.pulls("red", json!([{ "call": "lamp", "with": {}, "request": 3 }])).await;
    lists(&mut device, &["lamp"]).await;
    asked(&mut device, "tools/call").await;
    host.crash(|_| {}).await;
    host.catalog.publish(Native::new("red", 1, mock_mode));
    let mut device = host.device("a");
    let told = device.is_told("request-failed").await;
    assert_eq!((&told["request"], &told["reason"]), (&json!(3), &json!("Interrupted")));
}
