//! Migrates states of older schemas. Rule: pending requests survive; each stored request id is mapped to the tag of its
//! outcome.

use modehost_sdk::Migrated;
use serde_json::{Value, from_str, from_value, json};

use crate::closing::keeping::Part;
use crate::{HELD, Meeting, Next, PUSH, RETRY};

/// Request ids with their tags.
type Waiting = Vec<(u64, Next)>;

/// Reads a state of schema 1, which stored a request id wherever an outcome was pending.
pub(crate) fn read(state: &str) -> Result<Migrated<Meeting>, serde_json::Error> {
    let mut state: Value = from_str(state)?;
    let mut waiting = Waiting::new();
    if let Some(opening) = state.get_mut("opening").filter(|opening| opening.is_object()) {
        let request = opening["request"].as_u64();
        opening["reading"] = json!(request.is_some());
        waiting.extend(request.map(|request| (request, Next::Opening)));
    }
    for repeat in members(&mut state, "repeats") {
        let phase = repeat["phase"].as_str().map(str::to_owned);
        waiting.extend(repeat["request"].as_u64().map(|request| (request, Next::Repeat(phase))));
    }
    if let Some(current) = state.get_mut("current").filter(|current| current.is_object()) {
        read_running(current, &mut waiting);
    }
    for closing in members(&mut state, "closing") {
        // A closing meeting waits for the append of its last segment.
        let last = closing["account"]["segments"].as_u64().unwrap_or(0);
        let meeting = read_account(&mut closing["account"], last, &mut waiting);
        read_step(&mut closing["step"], meeting, &mut waiting);
    }
    let migrated = Migrated::from(from_value::<Meeting>(state)?);
    let migrated = migrated.alarm(1, PUSH).alarm(2, RETRY).alarm(3, HELD);
    Ok(waiting.into_iter().fold(migrated, |migrated, (request, next)| migrated.waiting(request, next)))
}

/// The meeting in progress: segments not pushed yet were stored with the request ids of their appends.
fn read_running(running: &mut Value, waiting: &mut Waiting) {
    let meeting = number(&running["account"]);
    let unsettled = running["account"]["unsettled"].as_u64();
    let mut last = running["seq"].as_u64().unwrap_or(0);
    let mut segments = Vec::new();
    for pending in members(running, "pending") {
        let (append, segment) = (pending["append"].as_u64(), pending["segment"].take());
        let seq = segment["seq"].as_u64().unwrap_or(0);
        if append == unsettled {
            last = seq;
        } else {
            waiting.extend(append.map(|append| (append, Next::Append { meeting, seq })));
        }
        segments.push(segment);
    }
    running["pending"] = Value::Array(segments);
    read_account(&mut running["account"], last, waiting);
}

/// Returns the number of the meeting; `last` is the segment whose append was pending.
fn read_account(account: &mut Value, last: u64, waiting: &mut Waiting) -> u32 {
    let meeting = number(account);
    if let Some(request) = account["unsettled"].as_u64() {
        waiting.push((request, Next::Append { meeting, seq: last }));
        account["unsettled"] = json!(last);
    }
    let notes = account["checkpoint"].as_object().and_then(|checkpoint| checkpoint.values().next());
    waiting.extend(notes.and_then(|notes| notes["request"].as_u64()).map(|request| (request, Next::Notes(meeting))));
    meeting
}

fn read_step(step: &mut Value, meeting: u32, waiting: &mut Waiting) {
    for name in ["Reading", "Asking"] {
        let request = step.get(name).and_then(|step| step["request"].as_u64());
        waiting.extend(request.map(|request| (request, Next::Summary(meeting))));
    }
    let Some(keeping) = step.get_mut("Keeping") else { return };
    let parts =
        [("archive", Part::Archive), ("document", Part::Document), ("delivery", Part::Delivery), ("hook", Part::Hook)];
    for (name, part) in parts {
        if let Some(request) = keeping[name].get("Open").and_then(Value::as_u64) {
            waiting.push((request, Next::Keep(meeting, part)));
            keeping[name] = json!("Open");
        }
    }
}

fn number(account: &Value) -> u32 {
    account["number"].as_u64().and_then(|number| u32::try_from(number).ok()).unwrap_or(0)
}

fn members<'v>(object: &'v mut Value, name: &str) -> impl Iterator<Item = &'v mut Value> {
    object.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}
