//! Answers of the fixture to what it is told. Rule: every outcome that it asked for is reported to
//! the device, so that a test sees it.

use serde_json::{Value, json};

use super::State;
use super::exports::modehost::mode::handler::{Effect, Fault};
use super::modehost::mode::events::{Document, Event};
use super::settings::{label, setting};

/// A message of the type that the fixture claims.
pub(crate) fn send(mut body: Value) -> Effect {
    body["type"] = json!("fixture");
    body["build"] = json!(setting("build"));
    Effect::Send(body.to_string())
}

/// A report that only a fixture with `speak` gives.
pub(crate) fn spoken(what: &str) -> Vec<Effect> {
    if setting("speak") == "1" { vec![send(json!({ "event": what }))] } else { Vec::new() }
}

/// The count after one more.
pub(crate) fn count(state: &mut State) -> Effect {
    state.count += 1;
    let build = state.build.get_or_insert_with(|| json!(setting("build")).to_string());
    let label = if state.label.is_empty() { String::new() } else { format!(r#","label":{}"#, json!(state.label)) };
    Effect::Send(format!(r#"{{"type":"fixture","count":{},"build":{build}{label}}}"#, state.count))
}

/// Everything but `started` and messages.
pub(crate) fn outcome(event: Event, state: &mut State) -> Result<Vec<Effect>, Fault> {
    let report = match event {
        Event::Transcript(transcript) if transcript.text == "decline" => return Ok(vec![Effect::Decline]),
        Event::Transcript(transcript) if !transcript.confirmed => return Ok(Vec::new()),
        Event::Transcript(_) => return Ok(vec![count(state)]),
        Event::ConfigChanged(settings) => {
            state.label = label(&settings.config);
            return Ok(spoken("config-changed"));
        }
        Event::Upgraded(old) => return Ok(spoken(&format!("upgraded {old}"))),
        Event::Ended(reason) => return Ok(spoken(&format!("ended {reason:?}"))),
        Event::Timer(id) => json!({ "timer": id }),
        Event::Document(document) => json!({ "document": shown(&document) }),
        Event::WriteDone(done) => json!({ "written": { "key": done.key, "version": done.version } }),
        Event::WriteConflict(document) => json!({ "conflict": shown(&document) }),
        Event::JournalPage(page) => {
            let entries: Vec<_> = page.entries.into_iter().map(|entry| entry.value).collect();
            json!({ "journal": page.journal, "entries": entries, "complete": page.complete })
        }
        Event::RequestDone(done) => json!({ "done": done.request, "value": done.value }),
        Event::RequestFailed(failed) => {
            json!({ "failed": failed.request, "reason": format!("{:?}", failed.reason) })
        }
        Event::Delivered(delivered) => json!({ "now": delivered.now, "queued": delivered.queued }),
        Event::ModelChunk(chunk) => json!({ "chunk": chunk.text }),
        Event::ModelDone(done) => json!({ "answer": done.text }),
        Event::Attached(device) => json!({ "attached": device.id }),
        Event::Detached => json!({ "detached": true }),
        Event::Hello(_) => json!({ "hello": true }),
        Event::ModeChanged(mode) => json!({ "mode": mode }),
        Event::Extension(extension) => json!({ "extension": extension.name }),
        Event::Started(_) | Event::Message(_) => return Ok(Vec::new()),
    };
    Ok(vec![send(report)])
}

fn shown(document: &Document) -> Value {
    json!({ "key": document.key, "version": document.version, "value": document.value })
}
