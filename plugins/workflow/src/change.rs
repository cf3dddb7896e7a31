//! What a message wants changed. Rule: a change is applied to whatever the board is at that
//! moment, and applying it twice does no harm, so a conflict or a lost answer is repeated freely.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::board::Board;
use crate::task::{Status, Task};

/// One change of one task.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Change {
    pub id: String,
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
}

impl Refusal {
    /// The board has no room.
    pub fn too_large(message: &str) -> Self {
        Self { code: "TOO_LARGE".to_owned(), message: message.to_owned() }
    }

    /// No board of the sender has the task.
    pub fn not_found(id: &str) -> Self {
        Self { code: "TASK_NOT_FOUND".to_owned(), message: format!("there is no task `{id}`") }
    }

    /// Another group has the task, and the message did not name that group.
    pub fn cross_group(id: &str, group: &str) -> Self {
        let message = format!("task `{id}` belongs to group `{group}`; say so with groupKey to change it");
        Self { code: "CROSS_GROUP_DENIED".to_owned(), message }
    }

    /// The storage does not answer.
    pub fn storage(group: &str) -> Self {
        let message = format!("the board of group `{group}` cannot be stored now; try again later");
        Self { code: "STORAGE_UNAVAILABLE".to_owned(), message }
    }
}

impl Change {
    /// Whether the change makes a task where there is none.
    pub fn creates(&self) -> bool {
        matches!(&self.kind, Kind::Update(patch) if patch.title.is_some())
    }

    /// Changes the board; false if it was so already.
    ///
    /// # Errors
    /// `TASK_NOT_FOUND`, or `TOO_LARGE` where a new task has no room.
    pub fn apply(&self, board: &mut Board, now: u64) -> Result<bool, Refusal> {
        let Some(task) = board.find(&self.id) else {
            return self.create(board, now);
        };
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
        let change = Change { id: "a".into(), kind: Kind::Update(Patch { other, ..Patch::default() }) };
        assert_eq!(change.apply(&mut board, 9), Ok(true));
        let task = &board.tasks[0];
        assert_eq!(Value::Object(task.other.clone()), json!({"x": 1, "z": 3}));
        assert_eq!((task.rev, task.updated_at), (5, 9));
    }

    #[test]
    fn m14_a_change_may_be_applied_twice() {
        let owner = Owner { device: "d".into(), alias: None };
        for kind in [Kind::Complete, Kind::Assign(owner)] {
            let (mut board, change) = (board(), Change { id: "a".into(), kind });
            assert_eq!(change.apply(&mut board, 1), Ok(true));
            assert_eq!(change.apply(&mut board, 2), Ok(false));
        }
    }

    #[test]
    fn m14_what_is_not_there_is_named() {
        let change = Change { id: "b".into(), kind: Kind::Complete };
        assert_eq!(change.apply(&mut board(), 1), Err(Refusal::not_found("b")));
        let empty = Change { id: "b".into(), kind: Kind::Update(Patch::default()) };
        assert_eq!(empty.apply(&mut board(), 1), Err(Refusal::not_found("b")));
    }
}
