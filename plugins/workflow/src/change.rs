//! Changes of tasks. Rule: a change is applied to the current board, and applying it twice does no harm, so it is
//! repeated after a conflict or a lost reply. A change made on a given `rev` is rejected if the task has another one,
//! unless it would change nothing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::board::Board;
use crate::task::{Status, Task};

/// One change of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub id: String,
    /// The `rev` of the task that the change was made on; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rev: Option<u64>,
    pub kind: Kind,
}

/// The operation on the task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Kind {
    Update(Patch),
    Complete,
    Assign(Owner),
}

/// Members to be set.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Patch {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<Status>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<OwnerPatch>,
    /// Members unknown to this plugin; null removes one.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub other: Map<String, Value>,
}

/// The owner to be set.
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

/// Why a change is rejected.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub code: String,
    pub message: String,
    /// The current tasks, if the message was made on other states of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tasks: Vec<Value>,
}

impl Refusal {
    fn new(code: &str, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), message: message.into(), tasks: Vec::new() }
    }

    /// The board is full.
    pub fn too_large(message: &str) -> Self {
        Self::new("TOO_LARGE", message)
    }

    /// The tasks have been changed since. `stale` is not empty; the message names the first one.
    pub fn stale(stale: &[&Task], group: &str, names: &BTreeMap<String, String>) -> Self {
        let first = stale.first().map_or(("", 0), |task| (task.id.as_str(), task.rev));
        let message =
            format!("task `{}` has been changed meanwhile, its rev is {} now; look at it again", first.0, first.1);
        // Cannot fail: only maps and text.
        let tasks = stale.iter().map(|task| serde_json::to_value(task.show(group, names)).unwrap_or_default());
        Self { tasks: tasks.collect(), ..Self::new("STALE_REV", message) }
    }

    /// None of the boards that were searched has the task.
    pub fn not_found(id: &str) -> Self {
        Self::new("TASK_NOT_FOUND", format!("there is no task `{id}`"))
    }

    /// The task is on the board of another group, which the message did not name.
    pub fn cross_group(id: &str, group: &str) -> Self {
        let message = format!("task `{id}` belongs to group `{group}`; say so with groupKey to change it");
        Self::new("CROSS_GROUP_DENIED", message)
    }

    /// The storage is not available.
    pub fn storage(group: &str) -> Self {
        let message = format!("the board of group `{group}` cannot be stored now; try again later");
        Self::new("STORAGE_UNAVAILABLE", message)
    }
}

impl Change {
    /// True if the change creates its task if there is none.
    pub fn creates(&self) -> bool {
        matches!(&self.kind, Kind::Update(patch) if patch.title.is_some())
    }

    /// The task, if the change was made on another state of it and would change it.
    pub fn stale_on<'b>(&self, board: &'b Board) -> Option<&'b Task> {
        let rev = self.rev?;
        board.get(&self.id).filter(|task| task.rev != rev && self.changed(task) != **task)
    }

    /// The task after the change.
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

    /// Applies the change whatever `rev` it was made on; false if nothing changes.
    ///
    /// # Errors
    /// `TASK_NOT_FOUND`, or `TOO_LARGE` if there is no room for a new task; the board is unchanged then.
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
    /// Sets this device as the owner. If it is the owner already, its alias only changes if a new one is given.
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
        // The reply to the first attempt may have been lost.
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
