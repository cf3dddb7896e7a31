//! Parses a message into changes by group. Rule: every fault is reported before anything is read from the storage, and
//! nothing of a faulty message is done.

use modehost_sdk::{Device, Fault, Fields, Message, reject, schema_invalid};
use serde_json::{Map, Value};

use crate::board::TASKS;
use crate::change::{Change, Kind, Owner, OwnerPatch, Patch};
use crate::task::{Status, TITLE_CHARS, Task, id_text, owner_parts};

/// Maximum length of a group name in bytes; the key of its board must stay below 256.
const GROUP_BYTES: usize = 200;
/// Maximum size of a message in bytes: its changes are queued in the state.
pub const MESSAGE_BYTES: usize = 128 * 1024;
/// Values of `event`, in the order of the error message.
const EVENTS: [&str; 4] = ["update", "complete", "assign", "refresh"];

/// A parsed message.
#[derive(Debug, PartialEq)]
pub struct Request {
    /// `update`, `complete`, `assign` or `refresh`.
    pub event: &'static str,
    /// Changes, each with the group that the message names for it; none: the task has to be found.
    pub changes: Vec<(Option<String>, Change)>,
    /// The group of a refresh.
    pub group: Option<String>,
}

impl Request {
    /// Parses a message of this device. `seed`: for the ids of new tasks without one.
    ///
    /// # Errors
    /// `SCHEMA_INVALID` with a sentence that names the fault, or `TOO_LARGE`.
    pub fn read(message: &Message, device: &Device, seed: u64) -> Result<Self, Fault> {
        if message.body.len() > MESSAGE_BYTES {
            return Err(reject("TOO_LARGE", format!("a change may have at most {MESSAGE_BYTES} bytes")));
        }
        let fields = message.fields()?;
        let event = fields.word("event", &EVENTS)?;
        let group = group_of(fields.member("groupKey"))?;
        let changes = match event {
            "update" => updates(&fields, device, group.as_ref(), seed)?,
            "complete" => {
                let (id, rev) = (required_id(&fields)?, rev_of(fields.member("rev"))?);
                vec![(group.clone(), Change { id, rev, kind: Kind::Complete })]
            }
            "assign" => {
                let (id, rev) = (required_id(&fields)?, rev_of(fields.member("rev"))?);
                let owner = fields.text("owner")?.map_or_else(|| Ok(myself(device)), |text| owner_of(text, device))?;
                vec![(group.clone(), Change { id, rev, kind: Kind::Assign(owner) })]
            }
            _ => Vec::new(),
        };
        Ok(Self { event, changes, group })
    }
}

fn required_id(fields: &Fields) -> Result<String, Fault> {
    fields.require(&["id"])?;
    fields.member("id").and_then(id_text).ok_or_else(bad_id)
}

fn bad_id() -> Fault {
    schema_invalid("id must be a string of 1 to 64 characters")
}

fn updates(
    fields: &Fields,
    device: &Device,
    group: Option<&String>,
    seed: u64,
) -> Result<Vec<(Option<String>, Change)>, Fault> {
    let tasks: Vec<&Map<String, Value>> = match (fields.member("task"), fields.member("tasks")) {
        (Some(Value::Object(task)), None) => {
            if !names_a_task(task) {
                return Err(schema_invalid("task must be {id,title}: missing one of id/title"));
            }
            vec![task]
        }
        (Some(_), None) => return Err(schema_invalid("task must be {id,title}")),
        (None, Some(tasks)) => {
            let complaint = "tasks must be array of {id,title}";
            let tasks = tasks.as_array().ok_or_else(|| schema_invalid(complaint))?;
            let tasks: Option<Vec<_>> = tasks.iter().map(Value::as_object).collect();
            let tasks = tasks.ok_or_else(|| schema_invalid(complaint))?;
            if !tasks.iter().all(|task| names_a_task(task)) {
                return Err(schema_invalid(format!("{complaint}: missing one of id/title")));
            }
            tasks
        }
        (None, None) => return Err(schema_invalid("missing one of task/tasks")),
        (Some(_), Some(_)) => return Err(schema_invalid("task and tasks must not both be there")),
    };
    if tasks.is_empty() || tasks.len() > TASKS {
        return Err(schema_invalid(format!("tasks must have 1 to {TASKS} items")));
    }
    let first_group = device.groups.first().cloned().unwrap_or_default();
    // Beside a list, `rev` is that of the board, as in the messages to devices; it says nothing about a single task.
    let for_one = match fields.member("task") {
        Some(_) => rev_of(fields.member("rev"))?,
        None => None,
    };
    let mut changes = Vec::with_capacity(tasks.len());
    for (index, task) in tasks.into_iter().enumerate() {
        let named = group_of(task.get("groupKey"))?.or_else(|| group.cloned());
        let patch = read_patch(task, device)?;
        let rev = rev_of(task.get("rev"))?.or(for_one);
        let change = |id| Change { id, rev, kind: Kind::Update(patch) };
        changes.push(match task.get("id").filter(|id| !id.is_null()) {
            Some(id) => (named, change(id_text(id).ok_or_else(bad_id)?)),
            // A task without an id is new, so it is not searched.
            None => (Some(named.unwrap_or_else(|| first_group.clone())), change(fresh_id(seed, index))),
        });
    }
    Ok(changes)
}

fn names_a_task(task: &Map<String, Value>) -> bool {
    let there = |name| match task.get(name) {
        None | Some(Value::Null) => false,
        Some(Value::String(text)) => !text.trim().is_empty(),
        Some(_) => true,
    };
    there("id") || there("title")
}

fn read_patch(task: &Map<String, Value>, device: &Device) -> Result<Patch, Fault> {
    let title = match task.get("title") {
        None | Some(Value::Null) => None,
        Some(Value::String(title)) => match title.trim() {
            "" => return Err(schema_invalid("title must not be empty")),
            title if title.chars().count() <= TITLE_CHARS => Some(title.to_owned()),
            _ => return Err(schema_invalid(format!("title must have at most {TITLE_CHARS} characters"))),
        },
        Some(_) => return Err(schema_invalid("title must be a string")),
    };
    let status = match task.get("status") {
        None | Some(Value::Null) => None,
        Some(word) => {
            let status = word.as_str().and_then(Status::of);
            let complaint = || schema_invalid(format!("status must be one of: {}", Status::WORDS.join(", ")));
            Some(status.ok_or_else(complaint)?)
        }
    };
    let owner = match task.get("owner") {
        None => None,
        Some(Value::Null) => Some(OwnerPatch::Nobody),
        Some(Value::String(text)) if text.trim().is_empty() => Some(OwnerPatch::Nobody),
        Some(Value::String(text)) => Some(OwnerPatch::Device(owner_of(text, device)?)),
        Some(_) => return Err(schema_invalid("owner must be a string")),
    };
    let unknown = task.iter().filter(|(name, _)| !Task::is_own_member(name));
    Ok(Patch { title, status, owner, other: unknown.map(|(name, value)| (name.clone(), value.clone())).collect() })
}

/// The `rev` that the change was made on.
fn rev_of(value: Option<&Value>) -> Result<Option<u64>, Fault> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_u64().map(Some).ok_or_else(|| schema_invalid("rev must be a whole number")),
    }
}

fn group_of(value: Option<&Value>) -> Result<Option<String>, Fault> {
    match value {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(name)) => match name.trim() {
            "" => Ok(None),
            name if name.len() <= GROUP_BYTES => Ok(Some(name.to_owned())),
            _ => Err(schema_invalid(format!("groupKey must have at most {GROUP_BYTES} bytes"))),
        },
        Some(_) => Err(schema_invalid("groupKey must be a string")),
    }
}

fn myself(device: &Device) -> Owner {
    Owner { device: device.id.clone(), alias: device.alias.clone() }
}

fn owner_of(text: &str, device: &Device) -> Result<Owner, Fault> {
    let (id, alias) = owner_parts(text).ok_or_else(|| schema_invalid("owner must be device-id or alias|device-id"))?;
    Ok(if id == device.id { myself(device) } else { Owner { device: id, alias } })
}

/// An id of eight letters and digits from the random bits of the event; 40 bits are unique enough for a board of 500
/// tasks. Tasks of one message differ by their index.
fn fresh_id(seed: u64, index: usize) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    let mixed = (seed ^ index as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let bits = mixed ^ (mixed >> 29);
    (0..8).map(|place| char::from(LETTERS[(bits >> (place * 5)) as usize & 31])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn device() -> Device {
        Device { id: "dev-1".into(), alias: Some("Ann".into()), groups: vec!["home".into(), "lab".into()] }
    }

    fn read(body: &str) -> Result<Request, Fault> {
        Request::read(&Message { kind: "workflow".into(), body: body.into() }, &device(), 7)
    }

    fn sentence(body: &str) -> String {
        match read(body) {
            Err(Fault::Rejected(rejection)) if rejection.code == "SCHEMA_INVALID" => rejection.message,
            other => panic!("expected SCHEMA_INVALID, found {other:?}"),
        }
    }

    #[test]
    fn c10_every_fault_is_named() {
        let cases = [
            (r#"{}"#, "missing: event"),
            (r#"{"event":"x"}"#, "event must be one of: update, complete, assign, refresh"),
            (r#"{"event":"complete"}"#, "missing: id"),
            (r#"{"event":"assign","id":[]}"#, "id must be a string of 1 to 64 characters"),
            // As numbers these would be the same.
            (r#"{"event":"complete","id":12345678901234567890123}"#, "id must be a string of 1 to 64 characters"),
            (r#"{"event":"complete","id":12345678901234567890124}"#, "id must be a string of 1 to 64 characters"),
            (r#"{"event":"assign","id":"a","owner":7}"#, "owner must be a string"),
            (r#"{"event":"assign","id":"a","owner":"Ann|"}"#, "owner must be device-id or alias|device-id"),
            (r#"{"event":"update","task":{"id":"a","owner":" Ann | "}}"#, "owner must be device-id or alias|device-id"),
            (r#"{"event":"update","task":{"id":"a","owner":"|"}}"#, "owner must be device-id or alias|device-id"),
            (r#"{"event":"update"}"#, "missing one of task/tasks"),
            (r#"{"event":"update","task":7}"#, "task must be {id,title}"),
            (r#"{"event":"update","task":{}}"#, "task must be {id,title}: missing one of id/title"),
            (r#"{"event":"update","tasks":{}}"#, "tasks must be array of {id,title}"),
            (r#"{"event":"update","tasks":[7]}"#, "tasks must be array of {id,title}"),
            (r#"{"event":"update","tasks":[{"due":1}]}"#, "tasks must be array of {id,title}: missing one of id/title"),
            (r#"{"event":"update","tasks":[]}"#, "tasks must have 1 to 500 items"),
            (r#"{"event":"update","task":{"id":"a","status":"x"}}"#, "status must be one of: open, doing, done"),
            (r#"{"event":"update","task":{"title":7}}"#, "title must be a string"),
            (r#"{"event":"update","task":{"id":"a","rev":"4"}}"#, "rev must be a whole number"),
            (r#"{"event":"complete","id":"a","rev":-1}"#, "rev must be a whole number"),
            (r#"{"event":"update","task":{"title":"a"},"groupKey":7}"#, "groupKey must be a string"),
        ];
        for (body, expected) in cases {
            assert_eq!(sentence(body), expected, "{body}");
        }
        let long = format!(r#"{{"event":"update","task":{{"title":"{}"}}}}"#, "字".repeat(201));
        assert_eq!(sentence(&long), "title must have at most 200 characters");
    }

    #[test]
    fn c10_a_title_is_measured_without_the_blanks_around_it() {
        let body = format!(r#"{{"event":"update","task":{{"title":"  {}  "}}}}"#, "字".repeat(200));
        let request = read(&body).expect("a request");
        let Kind::Update(patch) = &request.changes[0].1.kind else { panic!("{request:?}") };
        assert_eq!(patch.title, Some("字".repeat(200)));
    }

    #[test]
    fn m15_the_task_names_its_group_before_the_message() {
        let groups =
            |body| -> Vec<_> { read(body).expect("a request").changes.into_iter().map(|(group, _)| group).collect() };
        let body = r#"{"event":"update","groupKey":"m","tasks":[{"id":"a","groupKey":"t"},{"id":"b"},{"title":"c"}]}"#;
        assert_eq!(groups(body), [Some("t".into()), Some("m".into()), Some("m".into())]);
        let body = r#"{"event":"update","tasks":[{"id":"b"},{"title":"c"}]}"#;
        assert_eq!(groups(body), [None, Some("home".into())]);
    }

    #[test]
    fn m20_a_change_names_the_rev_of_its_task_and_not_that_of_a_board() {
        let revs =
            |body| -> Vec<_> { read(body).expect("a request").changes.into_iter().map(|(_, one)| one.rev).collect() };
        assert_eq!(revs(r#"{"event":"update","rev":9,"task":{"id":"a","rev":4}}"#), [Some(4)]);
        assert_eq!(revs(r#"{"event":"update","rev":9,"task":{"id":"a"}}"#), [Some(9)]);
        assert_eq!(revs(r#"{"event":"update","rev":9,"tasks":[{"id":"a","rev":4},{"id":"b"}]}"#), [Some(4), None]);
        assert_eq!(revs(r#"{"event":"assign","id":"a","rev":4}"#), [Some(4)]);
        assert_eq!(revs(r#"{"event":"complete","id":"a","rev":null}"#), [None]);
    }

    #[test]
    fn new_tasks_get_ids_of_their_own() {
        let ids: std::collections::HashSet<_> = (0..500).map(|index| fresh_id(99, index)).collect();
        assert_eq!(ids.len(), 500);
        assert_eq!(fresh_id(5, 0), fresh_id(5, 0));
        assert_ne!(fresh_id(5, 0), fresh_id(6, 0));
    }
}
