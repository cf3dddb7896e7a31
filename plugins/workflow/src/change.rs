//! What a message wants changed. Rule: a change is applied to whatever the board is at that
//! moment, and applying it twice does no harm, so a conflict or a lost answer is repeated freely. One that
//! names the state it was made on is refused on any other, unless it would change nothing there.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::board::Board;
use crate::task::{Status, Task};

/// One change of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub id: String,
    /// The `rev` of the task that it was made on; none: it may be made on any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rev: Option<u64>,
    pub kind: Kind,
}

/// What is to be done to the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    Update(Patch),
    Complete,
    Assign(Owner),
}

/// Members that a task is to have.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerPatch>,
    /// Members that this plugin does not know; null removes one.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub other: Map<String, Value>,
}

/// Who is to own a task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum OwnerPatch {
    Nobody,
    Device(Owner),
}

/// A device as an owner.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owner {
    pub device: String,
    pub alias: Option<String>,
}

/// Why a change cannot be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: String,
    pub message: String,
    /// The tasks as they are now, where the message was made on older ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Value>,
}

impl Refusal {
    fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), tasks: Vec::new() }
    }

    /// The board has no room.
    pub fn too_large(message: &str) -> Self {
        Self::new("TOO_LARGE", message)
    }

    /// Somebody has changed the tasks since. Not empty; the first is the one that is spoken of.
    pub fn stale(stale: &[&Task], group: &str, names: &BTreeMap<String, String>) -> Self {
        let first = stale.first().map_or(("", 0), |task| (task.id.as_str(), task.rev));
        let message =
            format!("task `{}` has been changed meanwhile, its rev is {} now; look at it again", first.0, first.1);
        // Plain maps and text: this cannot fail.
        let tasks = stale.iter().map(|task| serde_json::to_value(task.show(group, names)).unwrap_or_default());
        Self { tasks: tasks.collect(), ..Self::new("STALE_REV", message) }
    }

    /// No board of the sender has the task.
    pub fn not_found(id: &str) -> Self {
        Self::new("TASK_NOT_FOUND", format!("there is no task `{id}`"))
    }

    /// Another group has the task, and the message did not name that group.
    pub fn cross_group(id: &str, group: &str) -> Self {
        let message = format!("task `{id}` belongs to group `{group}`; say so with groupKey to change it");
        Self::new("CROSS_GROUP_DENIED", message)
    }

    /// The storage does not answer.
    pub fn storage(group: &str) -> Self {
        let message = format!("the board of group `{group}` cannot be stored now; try again later");
        Self::new("STORAGE_UNAVAILABLE", message)
    }
}

impl Change {
    /// Whether the change makes a task where there is none.
    pub fn creates(&self) -> bool {
        matches!(&self.kind, Kind::Update(patch) if patch.title.is_some())
    }

    /// The task that it would change although it was made on an older state of it.
    pub fn stale_on<'b>(&self, board: &'b Board) -> Option<&'b Task> {
        let rev = self.rev?;
        board.get(&self.id).filter(|task| task.rev != rev && self.changed(task) != **task)
    }

    /// The task as it is to be.
    fn changed(&self, task: &Task) -> Task {
        let mut changed = task.clone();
        match &self.kind {
            Kind::Update(patch) => patch.apply(&mut changed),
            Kind::Complete => changed.status = Status::Done,
            Kind::Assign(owner) => {
                owner.apply(&mut changed);
                if changed.status == Status::Open {
                    changed.status = Status::Doing;
                }
            }
        }
        changed
    }

    /// Changes the board, whatever the change was made on; false if it was so already.
    ///
    /// # Errors
    /// `TASK_NOT_FOUND`, or `TOO_LARGE` where a new task has no room; then the board is as it was.
    pub fn apply(&self, board: &mut Board, now: u64) -> Result<bool, Refusal> {
        let Some(task) = board.find(&self.id) else {
            return self.create(board, now);
        };
        let mut changed = self.changed(task);
        if changed == *task {
            return Ok(false);
        }
        changed.rev += 1;
        changed.updated_at = now;
        *task = changed;
        Ok(true)
    }

    fn create(&self, board: &mut Board, now: u64) -> Result<bool, Refusal> {
        match &self.kind {
            Kind::Update(patch) if patch.title.is_some() => {
                let mut task = Task { id: self.id.clone(), updated_at: now, rev: 1, ..Task::default() };
                patch.apply(&mut task);
                board.add(task)?;
                Ok(true)
            }
            _ => Err(Refusal::not_found(&self.id)),
        }
    }
}

impl Patch {
    fn apply(&self, task: &mut Task) {
        if let Some(title) = &self.title {
            task.title.clone_from(title);
        }
        if let Some(status) = self.status {
            task.status = status;
        }
        match &self.owner {
            None => {}
            Some(OwnerPatch::Nobody) => (task.owner, task.owner_alias) = (None, None),
            Some(OwnerPatch::Device(owner)) => owner.apply(task),
        }
        for (name, value) in &self.other {
            if value.is_null() {
                task.other.remove(name);
            } else {
                task.other.insert(name.clone(), value.clone());
            }
        }
    }
}

impl Owner {
    /// Makes this device the owner. A name that is known already stays unless a new one is given.
    fn apply(&self, task: &mut Task) {
        if task.owner.as_deref() != Some(self.device.as_str()) {
            task.owner = Some(self.device.clone());
            task.owner_alias.clone_from(&self.alias);
        } else if self.alias.is_some() {
            task.owner_alias.clone_from(&self.alias);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn board() -> Board {
        let stored = r#"{"tasks":[{"id":"a","title":"A","status":"open","x":1,"y":2,"rev":4}]}"#;
        Board::read("g", Some(stored))
    }

    #[test]
    fn m14_unknown_members_are_kept() {
        let mut board = board();
        let other = json!({"y": null, "z": 3}).as_object().cloned().unwrap_or_default();
        let change = Change { id: "a".into(), rev: None, kind: Kind::Update(Patch { other, ..Patch::default() }) };
        assert_eq!(change.apply(&mut board, 9), Ok(true));
        let task = &board.tasks[0];
        assert_eq!(Value::Object(task.other.clone()), json!({"x": 1, "z": 3}));
        assert_eq!((task.rev, task.updated_at), (5, 9));
    }

    #[test]
    fn m14_a_change_may_be_applied_twice() {
        let owner = Owner { device: "d".into(), alias: None };
        for kind in [Kind::Complete, Kind::Assign(owner)] {
            let (mut board, change) = (board(), Change { id: "a".into(), rev: None, kind });
            assert_eq!(change.apply(&mut board, 1), Ok(true));
            assert_eq!(change.apply(&mut board, 2), Ok(false));
        }
    }

    #[test]
    fn m20_a_change_is_stale_on_another_state_unless_it_is_made_already() {
        let title = |title: &str, rev| Change {
            id: "a".into(),
            rev,
            kind: Kind::Update(Patch { title: Some(title.into()), ..Patch::default() }),
        };
        let stale = |change: Change| change.stale_on(&board()).is_some();
        assert!(stale(title("B", Some(3))) && stale(title("B", Some(5))), "older, or of another board");
        assert!(!stale(title("B", Some(4))) && !stale(title("B", None)));
        // The answer to it may have been lost.
        assert!(!stale(title("A", Some(3))));
        let unknown = Change { id: "b".into(), ..title("B", Some(3)) };
        assert!(!stale(unknown), "nobody's change is lost with a task that is not there");
    }

    #[test]
    fn m14_what_is_not_there_is_named() {
        let change = Change { id: "b".into(), rev: None, kind: Kind::Complete };
        assert_eq!(change.apply(&mut board(), 1), Err(Refusal::not_found("b")));
        let empty = Change { id: "b".into(), rev: None, kind: Kind::Update(Patch::default()) };
        assert_eq!(empty.apply(&mut board(), 1), Err(Refusal::not_found("b")));
    }
}
