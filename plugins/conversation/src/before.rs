//! Migrates states of older schemas. Rule: pending requests survive; each stored request id is mapped to the tag of its
//! outcome.

use modehost_sdk::Migrated;
use serde_json::{Value, from_str, from_value, json};

use crate::keeping::Errand;
use crate::{Conversation, FILLER, GATHER, Next, SAVE};

/// Reads a state of schema 1, which stored request ids in the stage of the turn, in the errand for the document, in the
/// summary and in the tool list.
pub(crate) fn read(state: &str) -> Result<Migrated<Conversation>, serde_json::Error> {
    let mut state: Value = from_str(state)?;
    let mut waiting: Vec<(u64, Next)> = Vec::new();
    if let Some(open) = state["listing"]["open"].as_u64() {
        waiting.push((open, Next::Tools));
    }
    if let Some(memory) = state.get_mut("memory").and_then(Value::as_object_mut) {
        for (name, errand) in [("Load", Errand::Load), ("Save", Errand::Save), ("Remove", Errand::Remove)] {
            let open = memory.get("errand").and_then(|open| open.get(name)).and_then(Value::as_u64);
            waiting.extend(open.map(|open| (open, Next::Document(errand))));
        }
        if let Some((open, count)) = memory.get("fold").and_then(|fold| fold[0].as_u64().zip(fold[1].as_u64())) {
            waiting.push((open, Next::Summary));
            memory.insert("fold".to_owned(), json!(count));
        }
    }
    let stage = state["turn"]["stage"].clone();
    if let Some(gathering) = stage.get("Gathering") {
        let (memory, tools) = (gathering["memory"].is_u64(), gathering["tools"].is_u64());
        state["turn"]["stage"] = json!({ "Gathering": { "memory": memory, "tools": tools } });
    } else if let Some(asking) = stage.get("Asking") {
        waiting.extend(asking["request"].as_u64().map(|request| (request, Next::Answer)));
        state["turn"]["stage"] = json!({ "Asking": { "heard": asking["heard"] } });
    } else if let Some(calling) = stage.get("Calling") {
        let open: Vec<(u64, usize)> = from_value(calling["open"].clone())?;
        waiting.extend(open.into_iter().map(|(request, index)| (request, Next::Call(index))));
        state["turn"]["stage"] = json!("Calling");
    }
    let migrated = Migrated::from(from_value::<Conversation>(state)?);
    let migrated = migrated.alarm(1, GATHER).alarm(2, FILLER).alarm(3, SAVE);
    Ok(waiting.into_iter().fold(migrated, |migrated, (request, next)| migrated.waiting(request, next)))
}
