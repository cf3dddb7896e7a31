//! A mode that returns the effects its message asks for, and reports every event to its device. Rule: what a test sees,
//! a mode has received, in that order.

use modehost_contract::effect::{
    ArchiveEntry, Audience, Call, ChatMessage, Delivery, HookRequest, JournalPart, Local, ModelRequest, Output, Query,
    Role, Write,
};
use modehost_contract::{Effect, Event, Fault};
use serde_json::{Value, json};

/// The handler of a mock mode: `do` of a message, or of a transcript or model answer that is JSON, is a list of
/// instructions.
pub fn mock_mode(count: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    *count += 1;
    match event {
        Event::Message { body, .. } => instructions(body),
        Event::Transcript(transcript) => {
            let fields =
                json!({ "text": &*transcript.text, "confirmed": transcript.is_final, "segment": transcript.segment });
            let mut effects = vec![report("transcript", fields)];
            effects.extend(instructions(&transcript.text)?);
            Ok(effects)
        }
        Event::ModelDone(done) => {
            let mut effects = vec![report("model-done", json!({ "request": done.request, "text": &*done.text }))];
            effects.extend(instructions(&done.text)?);
            Ok(effects)
        }
        Event::Ended(_) => Ok(vec![report("ended", json!({}))]),
        Event::Aborted { reason, heard } => {
            Ok(vec![report("aborted", json!({ "reason": &**reason, "heard": heard.as_deref() }))])
        }
        Event::ModelChunk { request, text } => {
            Ok(vec![report("model-chunk", json!({ "request": request, "text": &**text }))])
        }
        Event::RequestFailed { request, reason, message } => {
            let reason = serde_json::to_value(reason).expect("a word");
            Ok(vec![report("request-failed", json!({ "request": request, "reason": reason, "message": &**message }))])
        }
        Event::RequestDone { request, value } => {
            Ok(vec![report("request-done", json!({ "request": request, "value": value }))])
        }
        Event::Tools { request, tools } => {
            let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
            Ok(vec![report("tools", json!({ "request": request, "names": names }))])
        }
        Event::ToolDone { request, text, failed } => {
            Ok(vec![report("tool-done", json!({ "request": request, "text": &**text, "failed": failed }))])
        }
        Event::Delivered { request, sent, queued, failed } => {
            let failed: Vec<_> = failed.iter().map(|one| json!([one.device, one.reason])).collect();
            let fields = json!({ "request": request, "now": sent, "queued": queued, "failed": failed });
            Ok(vec![report("delivered", fields)])
        }
        _ => Ok(vec![]),
    }
}

fn report(event: &str, mut fields: Value) -> Effect {
    fields["type"] = "told".into();
    fields["event"] = event.into();
    Effect::Output(Output::Send(fields.to_string()))
}

/// The effects that a text asks for; none if it is not JSON.
pub fn instructions(text: &str) -> Result<Vec<Effect>, Fault> {
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

/// One instruction: an object whose first known member names the effect.
fn effect(instruction: &Value) -> Result<Effect, Fault> {
    let request = instruction["request"].as_u64().unwrap_or(1);
    let flag = |name: &str| instruction[name] == true;
    let known =
        ["trap", "say", "list", "call", "cancel", "append", "forget", "deliver", "ask", "post", "archive", "bye"];
    Ok(match known.into_iter().find(|name| instruction.get(name).is_some()) {
        Some("trap") => return Err(Fault::Trapped("on purpose".into())),
        Some("bye") => Effect::Output(Output::HangUp),
        Some("say") => Effect::Output(Output::Say {
            text: text(&instruction["say"]),
            interrupt: flag("interrupt"),
            more: flag("more"),
        }),
        Some("list") => Effect::Query(Query::ListTools(request)),
        Some("call") => Effect::Call(Call::CallTool {
            request,
            name: text(&instruction["call"]),
            arguments: instruction["with"].to_string(),
        }),
        Some("cancel") => Effect::Local(Local::Cancel(request)),
        Some("append") => Effect::Write(Write::AppendJournal {
            request,
            journal: "j".into(),
            entry: instruction["append"].to_string(),
            notify: true,
        }),
        Some("forget") => Effect::Write(Write::RemoveJournal { request, journal: text(&instruction["forget"]) }),
        Some("deliver") => Effect::Call(Call::Deliver(Delivery {
            request,
            to: match &instruction["to"] {
                Value::Array(devices) => Audience::Devices(devices.iter().map(text).collect()),
                Value::String(group) => Audience::Group(group.clone()),
                _ => Audience::Everyone,
            },
            except: instruction["except"].as_array().into_iter().flatten().map(text).collect(),
            body: instruction["deliver"].to_string(),
            offline_body: instruction.get("late").map(Value::to_string),
            receipt: instruction.get("notice").map(Value::to_string),
            ttl_ms: instruction["ttl"].as_u64().unwrap_or(0),
        })),
        Some("ask") => {
            let content = text(&instruction["ask"]);
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
            body: instruction["post"].to_string(),
            journal: part(&instruction["journal"]),
        })),
        Some("archive") => Effect::Write(Write::Archive(ArchiveEntry {
            request,
            kind: "kind".into(),
            id: "id".into(),
            title: "title".into(),
            content: instruction["archive"].to_string(),
            text: String::new(),
            journal: part(&instruction["journal"]),
            keep: 0,
        })),
        _ => Effect::Output(Output::Send(instruction.to_string())),
    })
}
