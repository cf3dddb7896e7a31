//! Processes one message: finds its tasks, changes the board of each group by compare-and-set, then sends the boards.
//! Rule: no board is in the state, only the version that a write was based on; whatever a swap or a crash interrupts is
//! read and done again.

use modehost_sdk::{Cx, Document};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

use crate::batch::{Along, take_along};
use crate::board::{Board, board_key};
use crate::change::{Change, Refusal};
use crate::task::Task;
use crate::{Next, Workflow};

/// The document with the list of groups that have a board.
pub const GROUPS_KEY: &str = "workflow/groups";
/// Alarm for a retry after conflicts.
pub const RETRY: &str = "retry";
/// Conflicts that are retried at once; later retries have a random delay, since many devices that change one board
/// would conflict for ever.
const HASTY_TRIES: u32 = 3;
/// Retries before the device is told that its change could not be stored.
const TRIES: u32 = 60;
/// Other groups that are searched to distinguish `CROSS_GROUP_DENIED` from `TASK_NOT_FOUND`.
const SEARCHED_GROUPS: usize = 64;

/// A message that is queued or being processed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    pub event: String,
    /// Ids of its tasks, for the reply.
    pub ids: Vec<String>,
    /// The group that a refresh names.
    pub group: Option<String>,
    /// Size of the message in bytes, for the bound of the queue.
    pub weight: usize,
    /// Changes whose board has not been found yet.
    pub unplaced: Vec<Change>,
    pub works: Vec<Work>,
    pub phase: Phase,
}

/// The part of a message that concerns one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    pub group: String,
    pub changes: Vec<Change>,
    pub tries: u32,
    pub step: Step,
}

/// The phase of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    Waiting,
    /// Searches the boards of its tasks.
    Placing,
    /// Several groups: applies the changes to all boards before the first one is written.
    Checking,
    Changing,
}

/// The pending request of the current operation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wait {
    /// Searches the sender's own boards; `next` is the index of its group after this one.
    Find { group: String, next: usize },
    /// Reads the list of groups.
    List,
    /// Searches the boards of other groups.
    Search { group: String, rest: Vec<String> },
    /// Reads or writes the board of this group.
    Board(String),
}

/// The state of the part of one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    Idle,
    Reading,
    Writing {
        creates: bool,
        /// Results of the queued messages that joined the write, from the front.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        along: Vec<Along>,
    },
    /// Until the alarm [`RETRY`] fires.
    Pausing,
    Unchanged,
    Changed,
    Failed(Refusal),
}

/// A write that is on disk.
pub struct Stored {
    pub group: String,
    /// The group had no board before.
    pub is_first: bool,
    /// Results of the queued messages that joined it, from the front.
    pub along: Vec<Along>,
}

/// Whether an operation continues.
pub enum Progress {
    Continues,
    Finished,
    Failed(Refusal),
}

impl Operation {
    /// Starts the first step.
    pub fn start(&mut self, cx: &mut Cx<'_, Workflow>) -> Progress {
        if self.unplaced.is_empty() {
            return self.begin_work(cx);
        }
        self.find_in(cx, 0);
        Progress::Continues
    }

    /// A document that was read.
    pub fn on_document(
        &mut self,
        cx: &mut Cx<'_, Workflow>,
        wait: Wait,
        document: &Document,
        waiting: &VecDeque<Self>,
    ) -> Progress {
        match wait {
            Wait::Find { group, next } => self.found(cx, &group, next, document, waiting),
            Wait::List => {
                let own = &cx.device().groups;
                let mut rest = read_groups(document.value.as_deref());
                rest.retain(|group| !own.contains(group));
                rest.truncate(SEARCHED_GROUPS);
                self.search(cx, rest)
            }
            Wait::Search { group, rest } => {
                let board = Board::read(&group, document.value.as_deref());
                match self.unplaced.iter().find(|change| board.has(&change.id)) {
                    Some(change) => Progress::Failed(Refusal::cross_group(&change.id, &group)),
                    None => self.search(cx, rest),
                }
            }
            Wait::Board(group) => match self.work_of(&group) {
                Some(index) => self.apply(cx, index, document, waiting),
                None => Progress::Continues,
            },
        }
    }

    /// A write of this group is on disk; none if this message has no such write.
    pub fn on_written(&mut self, group: &str) -> Option<Stored> {
        let index = self.work_of(group)?;
        let work = &mut self.works[index];
        let Step::Writing { creates, along } = std::mem::replace(&mut work.step, Step::Changed) else {
            return None;
        };
        Some(Stored { group: work.group.clone(), is_first: creates, along })
    }

    /// A write was based on an old version: applies the changes to the current board.
    pub fn on_conflict(
        &mut self,
        cx: &mut Cx<'_, Workflow>,
        group: &str,
        current: &Document,
        waiting: &VecDeque<Self>,
    ) -> Progress {
        let Some(index) = self.work_of(group) else {
            return Progress::Continues;
        };
        let work = &mut self.works[index];
        work.tries += 1;
        if work.tries > TRIES {
            work.step = Step::Failed(Refusal::storage(&work.group));
        } else if work.tries > HASTY_TRIES {
            work.step = Step::Pausing;
            let most = u64::from(work.tries.min(20)) * 10;
            cx.start_alarm(RETRY, Duration::from_millis(5 + cx.seed() % most));
        } else {
            return self.apply(cx, index, current, waiting);
        }
        self.progress()
    }

    /// A request has failed. It is repeated if its outcome is unknown (`may_retry`).
    pub fn on_failure(&mut self, cx: &mut Cx<'_, Workflow>, wait: &Wait, may_retry: bool) -> Progress {
        let index = match wait {
            Wait::Board(group) => self.work_of(group),
            Wait::Find { .. } | Wait::List | Wait::Search { .. } => None,
        };
        let Some(index) = index else {
            // Nothing has been changed yet, so the search starts again or ends.
            let group = cx.device().groups.first().cloned().unwrap_or_default();
            if !may_retry {
                return Progress::Failed(Refusal::storage(&group));
            }
            return self.start(cx);
        };
        let work = &mut self.works[index];
        work.tries += 1;
        if may_retry && work.tries <= TRIES {
            work.read(cx);
        } else {
            work.step = Step::Failed(Refusal::storage(&work.group));
        }
        self.progress()
    }

    /// The delay after conflicts is over.
    pub fn on_retry(&mut self, cx: &mut Cx<'_, Workflow>) {
        for work in self.works.iter_mut().filter(|work| work.step == Step::Pausing) {
            work.read(cx);
        }
    }

    /// Whether all groups are done.
    pub fn progress(&mut self) -> Progress {
        let settled = |work: &Work| matches!(work.step, Step::Unchanged | Step::Changed | Step::Failed(_));
        if !self.works.iter().all(settled) {
            return Progress::Continues;
        }
        let failure = self.works.iter().find_map(|work| match &work.step {
            Step::Failed(refusal) => Some(refusal.clone()),
            _ => None,
        });
        failure.map_or(Progress::Finished, Progress::Failed)
    }

    /// Adds a change to the part of this group.
    pub fn place(&mut self, group: &str, change: Change) {
        match self.works.iter_mut().find(|work| work.group == group) {
            Some(work) => work.changes.push(change),
            None => {
                let group = group.to_owned();
                self.works.push(Work { group, changes: vec![change], tries: 0, step: Step::Idle });
            }
        }
    }

    fn work_of(&self, group: &str) -> Option<usize> {
        self.works.iter().position(|work| work.group == group)
    }

    /// Reads the board of the device's group at `index`; false if there is none.
    fn find_in(&mut self, cx: &mut Cx<'_, Workflow>, index: usize) -> bool {
        let Some(group) = cx.device().groups.get(index) else {
            return false;
        };
        self.phase = Phase::Placing;
        let wait = Wait::Find { group: group.clone(), next: index + 1 };
        cx.read_document(board_key(group)).then(Next::Operation(wait));
        true
    }

    fn found(
        &mut self,
        cx: &mut Cx<'_, Workflow>,
        group: &str,
        next: usize,
        document: &Document,
        waiting: &VecDeque<Self>,
    ) -> Progress {
        let board = Board::read(group, document.value.as_deref());
        let (here, elsewhere) =
            std::mem::take(&mut self.unplaced).into_iter().partition(|change| board.has(&change.id));
        self.unplaced = elsewhere;
        let here: Vec<Change> = here;
        for change in here {
            self.place(group, change);
        }
        if !self.unplaced.is_empty() && self.find_in(cx, next) {
            return Progress::Continues;
        }
        let home = cx.device().groups.first().cloned().unwrap_or_default();
        let (new, missing) = std::mem::take(&mut self.unplaced).into_iter().partition(Change::creates);
        self.unplaced = missing;
        let new: Vec<Change> = new;
        for change in new {
            self.place(&home, change);
        }
        if !self.unplaced.is_empty() {
            cx.read_document(GROUPS_KEY).then(Next::Operation(Wait::List));
            return Progress::Continues;
        }
        if self.works.len() == 1 && self.works[0].group == group {
            // This board is the one to be changed, so it is not read again.
            self.phase = Phase::Changing;
            return self.apply(cx, 0, document, waiting);
        }
        self.begin_work(cx)
    }

    fn search(&mut self, cx: &mut Cx<'_, Workflow>, mut rest: Vec<String>) -> Progress {
        if rest.is_empty() {
            let id = self.unplaced.first().map_or("", |change| change.id.as_str());
            return Progress::Failed(Refusal::not_found(id));
        }
        let group = rest.remove(0);
        cx.read_document(board_key(&group)).then(Next::Operation(Wait::Search { group, rest }));
        Progress::Continues
    }

    fn begin_work(&mut self, cx: &mut Cx<'_, Workflow>) -> Progress {
        self.phase = if self.works.len() > 1 { Phase::Checking } else { Phase::Changing };
        self.read_all(cx);
        self.progress()
    }

    fn read_all(&mut self, cx: &mut Cx<'_, Workflow>) {
        for work in &mut self.works {
            work.read(cx);
        }
    }

    /// Applies the changes of one group to the board in `document` and writes it, together with the queued messages
    /// that can join.
    fn apply(
        &mut self,
        cx: &mut Cx<'_, Workflow>,
        index: usize,
        document: &Document,
        waiting: &VecDeque<Self>,
    ) -> Progress {
        let checking = self.phase == Phase::Checking;
        // A message with several boards is answered after all of them, and no later message may be answered before it.
        let alone = self.works.len() > 1;
        let work = &mut self.works[index];
        let mut board = Board::read(&work.group, document.value.as_deref());
        let mut changed = false;
        let mut along = Vec::new();
        let applied = apply_all(&work.changes, &mut board, &work.group, cx);
        let text = applied.and_then(|differs| {
            changed = differs;
            if alone || !changed {
                return board.write(document.version);
            }
            let mut together = board.clone();
            along = take_along(&mut together, &work.group, waiting, cx);
            // Where there is no room for all of them, this one goes alone.
            together.write(document.version).or_else(|_| {
                along.clear();
                board.write(document.version)
            })
        });
        match text {
            // While checking, no board has been written, so the whole message ends here.
            Err(refusal) if checking => return Progress::Failed(refusal),
            Err(refusal) => work.step = Step::Failed(refusal),
            Ok(_) if checking => work.step = Step::Idle,
            Ok(text) if changed => {
                let wait = Next::Operation(Wait::Board(work.group.clone()));
                cx.write_document_json(board_key(&work.group), document.version, text).then(wait);
                work.step = Step::Writing { creates: document.version == 0, along };
            }
            Ok(_) => work.step = Step::Unchanged,
        }
        if checking && self.works.iter().all(|work| work.step == Step::Idle) {
            self.phase = Phase::Changing;
            self.read_all(cx);
        }
        self.progress()
    }
}

impl Work {
    fn read(&mut self, cx: &mut Cx<'_, Workflow>) {
        self.step = Step::Reading;
        cx.read_document(board_key(&self.group)).then(Next::Operation(Wait::Board(self.group.clone())));
    }
}

/// Applies the changes of one message to a board; false if nothing changes.
///
/// # Errors
/// The first change that is rejected; the board may be partially changed then.
pub fn apply_all(changes: &[Change], board: &mut Board, group: &str, cx: &Cx<'_, Workflow>) -> Result<bool, Refusal> {
    // Checked before the first change: several changes of one message may be based on the same state of a task.
    let stale: Vec<&Task> = changes.iter().filter_map(|change| change.stale_on(board)).collect();
    if !stale.is_empty() {
        return Err(Refusal::stale(&stale, group, &cx.config().device_alias));
    }
    let mut changed = false;
    for change in changes {
        changed |= change.apply(board, cx.now())?;
    }
    Ok(changed)
}

/// Parses the list of groups.
pub fn read_groups(stored: Option<&str>) -> Vec<String> {
    #[derive(Deserialize)]
    struct Stored {
        groups: Vec<String>,
    }
    let stored = stored.and_then(|text| serde_json::from_str::<Stored>(text).ok());
    stored.map_or_else(Vec::new, |stored| stored.groups)
}
