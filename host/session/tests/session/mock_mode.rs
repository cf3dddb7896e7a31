//! A mode that wants what its message says, and tells its device of every event. Rule: what a test
//! sees, a mode has seen, in that order.

use modehost_contract::effect::{
    ArchiveEntry, Audience, Call, ChatMessage, Delivery, HookRequest, JournalPart, Local, ModelRequest, Output, Query,
    Role, Write,
};
use modehost_contract::{Effect, Event, Fault};
use serde_json::{Value, json};

/// The act of a mock_mode: `do` of a message, or of a transcript or model answer that is JSON, is a
/// list of what it wants.
pub fn mock_mode(count: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    *count += 1;
    match event {
        Event::Message { body, .. } => pull(body),
        Event::Transcript(said) => {
            let told = json!({ "text": &*said.text, "confirmed": said.is_final, "segment": said.segment });
            let mut effects = vec![tell("transcript", told)];
            effects.extend(pull(&said.text)?);
            Ok(effects)
        }
        Event::ModelDone(done) => {
            let mut effects = vec![tell("model-done", json!({ "request": done.request, "text": &*done.text }))];
            effects.extend(pull(&done.text)?);
            Ok(effects)
        }
        Event::Ended(_) => Ok(vec![tell("ended", json!({}))]),
        Event::Aborted { reason, heard } => {
            Ok(vec![tell("aborted", json!({ "reason": &**reason, "heard": heard.as_deref() }))])
        }
        Event::ModelChunk { request, text } => {
            Ok(vec![tell("model-chunk", json!({ "request": request, "text": &**text }))])
        }
        Event::RequestFailed { request, reason, message } => {
            let reason = serde_json::to_value(reason).expect("a word");
            Ok(vec![tell("request-failed", json!({ "request": request, "reason": reason, "message": &**message }))])
        }
        Event::RequestDone { request, value } => {
            Ok(vec![tell("request-done", json!({ "request": request, "value": value }))])
        }
        Event::Tools { request, tools } => {
            let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
            Ok(vec![tell("tools", json!({ "request": request, "names": names }))])
        }
        Event::ToolDone { request, text, failed } => {
            Ok(vec![tell("tool-done", json!({ "request": request, "text": &**text, "failed": failed }))])
        }
        Event::Delivered { request, sent, queued, failed } => {
            let failed: Vec<_> = failed.iter().map(|one| json!([one.device, one.reason])).collect();
            let told = json!({ "request": request, "now": sent, "queued": queued, "failed": failed });
            Ok(vec![tell("delivered", told)])
        }
        _ => Ok(vec![]),
    }
}

fn tell(event: &str, mut told: Value) -> Effect {
    told["type"] = "told".into();
    told["event"] = event.into();
    Effect::Output(Output::Send(told.to_string()))
}

/// What a text wants; nothing if it is no JSON.
pub fn pull(text: &str) -> Result<Vec<Effect>, Fault> {
    let text: Value = serde_json::from_str(text).unwrap_or_default();
    text["do"].as_array().into_iter().flatten().map(effect).collect()
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn part(value: &Value) -> Option<JournalPart> {
    let journal = value.as_str()?.to_owned();
    Some(JournalPart { journal, member: "entries".into(), line: String::new() })
}

/// One wish: an object whose first telling member says what.
fn effect(wish: &Value) -> Result<Effect, Fault> {
    let request = wish["request"].as_u64().unwrap_or(1);
    let flag = |name: &str| wish[name] == true;
    let known =
        ["trap", "say", "list", "call", "cancel", "append", "forget", "deliver", "ask", "post", "archive", "bye"];
    Ok(match known.into_iter().find(|name| wish.get(name).is_some()) {
        Some("trap") => return Err(Fault::Trapped("on purpose".into())),
        Some("bye") => Effect::Output(Output::HangUp),
        Some("say") => {
            Effect::Output(Output::Say { text: text(&wish["say"]), interrupt: flag("interrupt"), more: flag("more") })
        }
        Some("list") => Effect::Query(Query::ListTools(request)),
        Some("call") => {
            Effect::Call(Call::CallTool { request, name: text(&wish["call"]), arguments: wish["with"].to_string() })
        }
        Some("cancel") => Effect::Local(Local::Cancel(request)),
        Some("append") => Effect::Write(Write::AppendJournal {
            request,
            journal: "j".into(),
            entry: wish["append"].to_string(),
            notify: true,
        }),
        Some("forget") => Effect::Write(Write::RemoveJournal { request, journal: text(&wish["forget"]) }),
        Some("deliver") => Effect::Call(Call::Deliver(Delivery {
            request,
            to: match &wish["to"] {
                Value::Array(devices) => Audience::Devices(devices.iter().map(text).collect()),
                Value::String(group) => Audience::Group(group.clone()),
                _ => Audience::Everyone,
            },
            except: wish["except"].as_array().into_iter().flatten().map(text).collect(),
            body: wish["deliver"].to_string(),
            offline_body: wish.get("late").map(Value::to_string),
            receipt: wish.get("notice").map(Value::to_string),
            ttl_ms: wish["ttl"].as_u64().unwrap_or(0),
        })),
        Some("ask") => {
            let content = text(&wish["ask"]);
            let question = ChatMessage { role: Role::User, content, tool_calls: vec![], tool_call_id: None };
            Effect::Call(Call::AskModel(ModelRequest {
                request,
                purpose: "p".into(),
                messages: vec![question],
                max_tokens: 9,
                json: false,
                chunks: flag("chunks"),
                spoken: flag("spoken"),
                tools: vec![],
            }))
        }
        Some("post") => Effect::Call(Call::PostHook(HookRequest {
            request,
            hook: "h".into(),
            sender: "Test".into(),
            body: wish["post"].to_string(),
            journal: part(&wish["journal"]),
        })),
        Some("archive") => Effect::Write(Write::Archive(ArchiveEntry {
            request,
            kind: "kind".into(),
            id: "id".into(),
            title: "title".into(),
            content: wish["archive"].to_string(),
            text: String::new(),
            journal: part(&wish["journal"]),
            keep: 0,
        })),
        _ => Effect::Output(Output::Send(wish.to_string())),
    })
}
