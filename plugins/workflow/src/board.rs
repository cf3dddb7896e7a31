//! The tasks of a group. Rule: stored tasks are checked one by one when they are loaded; a bad task never costs the
//! board.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;
use serde_json::Value;

use crate::change::Refusal;
use crate::task::{ShownTask, Status, Task};

/// Maximum number of tasks; beyond it the oldest done task is dropped.
pub const TASKS: usize = 500;
/// Maximum size of a stored board in bytes: the limit of a document, less a margin for the host.
const BOARD_BYTES: usize = 250 * 1024;

/// The board of one group.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Board {
    pub tasks: Vec<Task>,
}

/// A board as sent to devices.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ShownBoard<'a> {
    r#type: &'static str,
    event: &'static str,
    group_key: &'a str,
    rev: u64,
    tasks: Vec<ShownTask<'a>>,
}

/// Key of the document with the board of a group.
pub fn board_key(group: &str) -> String {
    format!("workflow/board/{group}")
}

impl Board {
    /// Parses a stored board; none is an empty one. Dropped and repaired tasks are logged in one line.
    pub fn read(group: &str, stored: Option<&str>) -> Self {
        let Some(stored) = stored else {
            return Self::default();
        };
        let Ok(Value::Object(mut members)) = serde_json::from_str(stored) else {
            eprintln!("the stored board of group `{group}` is no JSON object; starting with an empty one");
            return Self::default();
        };
        let Some(Value::Array(values)) = members.remove("tasks") else {
            eprintln!("the stored board of group `{group}` has no tasks; starting with an empty one");
            return Self::default();
        };
        let (mut dropped, mut repaired) = (0, 0);
        let mut seen = HashSet::with_capacity(values.len());
        let mut tasks = Vec::with_capacity(values.len());
        for value in values {
            match Task::read(value) {
                Some((task, was_repaired)) if seen.insert(task.id.clone()) => {
                    repaired += usize::from(was_repaired);
                    tasks.push(task);
                }
                _ => dropped += 1,
            }
        }
        if dropped + repaired > 0 {
            eprintln!("the stored board of group `{group}`: {dropped} bad tasks dropped, {repaired} put right");
        }
        Self { tasks }
    }

    /// The board as JSON, to be stored in place of the version that it was made from. Done tasks go, oldest first,
    /// where it would be too large.
    ///
    /// # Errors
    /// If it is too large and nothing on it is done.
    pub fn write(&mut self, made_from: u64) -> Result<String, Refusal> {
        #[derive(Serialize)]
        struct Stored<'a> {
            /// More than the version it was made from, for those who read it in the file. What devices are shown is the
            /// version of the document, which may be larger.
            rev: u64,
            tasks: &'a [Task],
        }
        let rev = made_from + 1;
        // Plain maps and text: this cannot fail, and an empty text would be refused as JSON.
        let write = |tasks: &[Task]| serde_json::to_string(&Stored { rev, tasks }).unwrap_or_default();
        let text = write(&self.tasks);
        if text.len() <= BOARD_BYTES {
            return Ok(text);
        }
        // Measures each task once: serialising the board again for each dropped task would exceed the time budget of a
        // call.
        if self.drop_done_bytes(text.len() - BOARD_BYTES) {
            Ok(write(&self.tasks))
        } else {
            Err(Refusal::too_large("the board is full: its tasks take more than 250 KiB and none is done"))
        }
    }

    /// Drops done tasks, oldest first, until the board is shorter by `excess` bytes; false if there are not enough.
    fn drop_done_bytes(&mut self, excess: usize) -> bool {
        let done = self.tasks.iter().enumerate().filter(|(_, task)| task.status == Status::Done);
        let mut done: Vec<(u64, usize)> = done.map(|(index, task)| (task.updated_at, index)).collect();
        done.sort_unstable();
        let (mut left, mut dropped) = (excess, HashSet::new());
        for (_, index) in done {
            if left == 0 {
                break;
            }
            let length = serde_json::to_string(&self.tasks[index]).map_or(0, |text| text.len());
            // Its comma goes too. If all tasks go, the last one has no comma, but it is longer than what is left by
            // then.
            left = left.saturating_sub(length + 1);
            dropped.insert(index);
        }
        let mut index = 0;
        self.tasks.retain(|_| {
            index += 1;
            !dropped.contains(&(index - 1))
        });
        left == 0
    }

    /// The board as sent to devices.
    pub fn show<'a>(&'a self, group: &'a str, rev: u64, names: &BTreeMap<String, String>) -> ShownBoard<'a> {
        let tasks = self.tasks.iter().map(|task| task.show(group, names)).collect();
        ShownBoard { r#type: "workflow", event: "update", group_key: group, rev, tasks }
    }

    /// The task with this id.
    pub fn find(&mut self, id: &str) -> Option<&mut Task> {
        self.tasks.iter_mut().find(|task| task.id == id)
    }

    /// As [`find`](Self::find), without changing the task.
    pub fn get(&self, id: &str) -> Option<&Task> {
        self.tasks.iter().find(|task| task.id == id)
    }

    /// True if a task has this id.
    pub fn has(&self, id: &str) -> bool {
        self.get(id).is_some()
    }

    /// Appends a task.
    ///
    /// # Errors
    /// If the board is full and has no done task.
    pub fn add(&mut self, task: Task) -> Result<(), Refusal> {
        if self.tasks.len() >= TASKS && !self.drop_oldest_done() {
            return Err(Refusal::too_large("the board is full: 500 tasks, and none of them is done"));
        }
        self.tasks.push(task);
        Ok(())
    }

    fn drop_oldest_done(&mut self) -> bool {
        let done = self.tasks.iter().enumerate().filter(|(_, task)| task.status == Status::Done);
        match done.min_by_key(|(_, task)| task.updated_at).map(|(index, _)| index) {
            Some(index) => {
                self.tasks.remove(index);
                true
            }
            None => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn m14_stored_boards_are_checked_on_load() {
        for bad in ["", "[]", "{}", "{\"tasks\":7}", "\u{0}"] {
            assert_eq!(Board::read("g", Some(bad)), Board::default(), "{bad:?}");
        }
        let stored = r#"{"rev":3,"tasks":[7,{"id":"a","title":"A","status":"done"},{"id":"a"},{"id":"b","status":9}]}"#;
        let board = Board::read("g", Some(stored));
        let ids: Vec<_> = board.tasks.iter().map(|task| (task.id.as_str(), task.status)).collect();
        assert_eq!(ids, [("a", Status::Done), ("b", Status::Open)]);
    }

    #[test]
    fn a_full_board_drops_the_oldest_done_task() {
        let task = |id: usize, status| Task { id: id.to_string(), status, updated_at: id as u64, ..Task::default() };
        let mut board = Board { tasks: (0..TASKS).map(|id| task(id, Status::Open)).collect() };
        assert!(board.add(task(900, Status::Open)).is_err());
        board.tasks[7].status = Status::Done;
        board.tasks[5].status = Status::Done;
        board.add(task(900, Status::Open)).expect("room");
        assert_eq!(board.tasks.len(), TASKS);
        assert!(!board.has("5") && board.has("7") && board.has("900"));
    }

    #[test]
    fn a_board_that_is_too_large_is_refused_or_cut() {
        let wide = |id: &str, status| Task { id: id.into(), title: "x".repeat(130_000), status, ..Task::default() };
        let mut board = Board { tasks: vec![wide("a", Status::Open), wide("b", Status::Open)] };
        assert!(board.write(1).is_err());
        board.tasks[0].status = Status::Done;
        assert!(board.write(1).expect("fits").len() < BOARD_BYTES);
        assert!(!board.has("a"));
    }

    /// As [`Board::write`], in the simplest way: drops one task, then serialises again.
    fn written_plainly(board: &mut Board, rev: u64) -> Option<String> {
        loop {
            let text = json!({"rev": rev, "tasks": board.tasks}).to_string();
            if text.len() <= BOARD_BYTES {
                return Some(text);
            }
            if !board.drop_oldest_done() {
                return None;
            }
        }
    }

    fn task() -> impl Strategy<Value = Task> {
        let status = prop::sample::select(vec![Status::Open, Status::Done, Status::Done]);
        let title = prop_oneof![0..200_usize, 10_000..40_000_usize];
        (status, 0..8_u64, title, any::<bool>()).prop_map(|(status, updated_at, title, wide)| {
            let title = if wide { "任" } else { "\"" }.repeat(title / 2);
            let other = json!({"due": updated_at}).as_object().cloned().unwrap_or_default();
            Task { id: format!("t{updated_at}"), title, status, updated_at, other, ..Task::default() }
        })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        #[test]
        fn a_board_that_is_too_large_loses_no_more_than_it_must(tasks in prop::collection::vec(task(), 0..30)) {
            let (mut quick, mut plain) = (Board { tasks: tasks.clone() }, Board { tasks });
            let text = quick.write(12).ok();
            let expected = written_plainly(&mut plain, 13);
            prop_assert_eq!(&quick, &plain);
            let read = |text: &String| serde_json::from_str::<Value>(text).expect("JSON");
            prop_assert_eq!(text.as_ref().map(read), expected.as_ref().map(read));
            prop_assert_eq!(text.map(|text| text.len()), expected.map(|text| text.len()));
        }
    }

    #[test]
    fn a_board_that_is_too_large_by_one_byte_loses_one_task_more() {
        let filled = |bytes: usize| {
            let task = |id: &str, status| Task { id: id.into(), title: "x".repeat(99), status, ..Task::default() };
            let mut board =
                Board { tasks: vec![task("a", Status::Done), task("b", Status::Done), task("c", Status::Open)] };
            let short = board.write(1).map_or(0, |text| text.len());
            board.tasks[2].title += &"x".repeat(bytes - short);
            board
        };
        let one = serde_json::to_string(&filled(1_000).tasks[0]).map_or(0, |text| text.len()) + ",".len();
        for (bytes, left) in [(0, 3), (1, 2), (one, 2), (one + 1, 1), (2 * one, 1)] {
            let mut board = filled(BOARD_BYTES + bytes);
            assert!(board.write(1).is_ok_and(|text| text.len() <= BOARD_BYTES), "{bytes}");
            assert_eq!(board.tasks.len(), left, "{bytes}");
        }
        assert!(filled(BOARD_BYTES + 2 * one + 1).write(1).is_err());
    }
}
