//! Migrates states of older schemas. Rule: pending requests survive; each stored request id is mapped to the tag of its
//! outcome.

use modehost_sdk::Migrated;
use serde_json::{Value, from_str, from_value};

use crate::operation::{RETRY, Wait};
use crate::telling::Errand;
use crate::{NEXT, Next, SNAPSHOT, Workflow};

/// Reads a state of schema 1, which stored request ids in the phase of an operation, in the steps of its works, and in
/// errands.
pub(crate) fn read(state: &str) -> Result<Migrated<Workflow>, serde_json::Error> {
    let mut state: Value = from_str(state)?;
    let mut waiting: Vec<(u64, Next)> = Vec::new();
    for operation in members(&mut state, "operations") {
        let mut wait = |request: &Value, wait: Wait| {
            waiting.extend(request.as_u64().map(|request| (request, Next::Operation(wait))));
        };
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let phase = operation["phase"].clone();
        if let Some(finding) = phase.get("Finding") {
            let next = usize::try_from(finding["next"].as_u64().unwrap_or(0)).unwrap_or(usize::MAX);
            wait(&finding["request"], Wait::Find { group: text(&finding["group"]), next });
        } else if let Some(listing) = phase.get("Listing") {
            wait(&listing["request"], Wait::List);
        } else if let Some(searching) = phase.get("Searching") {
            let rest = from_value(searching["rest"].clone())?;
            wait(&searching["request"], Wait::Search { group: text(&searching["group"]), rest });
        }
        if phase.is_object() {
            operation["phase"] = "Placing".into();
        }
        for work in members(operation, "works") {
            let group = text(&work["group"]);
            if let Some(request) = work["step"].get("Reading").cloned() {
                wait(&request, Wait::Board(group));
                work["step"] = "Reading".into();
            } else if let Some(writing) = work["step"].get("Writing") {
                wait(&writing["request"], Wait::Board(group));
            }
        }
    }
    for errand in members(&mut state, "errands") {
        let request = errand["request"].as_u64();
        let errand: Errand = from_value(errand.clone())?;
        waiting.extend(request.map(|request| (request, Next::Errand(errand))));
    }
    let migrated = Migrated::from(from_value::<Workflow>(state)?);
    let migrated = migrated.alarm(1, RETRY).alarm(2, SNAPSHOT).alarm(3, NEXT);
    Ok(waiting.into_iter().fold(migrated, |migrated, (request, next)| migrated.waiting(request, next)))
}

fn members<'v>(object: &'v mut Value, name: &str) -> impl Iterator<Item = &'v mut Value> {
    object.get_mut(name).and_then(Value::as_array_mut).into_iter().flatten()
}
