//! One message on its way through the boards: find its tasks, change each group's board by
//! compare-and-set, then tell. Rule: no board stays in the state, only the version that a write
//! was made from does; what a swap or a crash interrupts is read and done again.

use modehost_sdk::{Cx, Document};
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::time::Duration;

use crate::batch::{Along, take_along};
use crate::board::{Board, board_key};
use crate::change::{Change, Refusal};
use crate::task::Task;
use crate::{Next, Workflow};

/// The document that lists the groups that have a board.
pub const GROUPS_KEY: &str = "workflow/groups";
/// Alarm for another try after conflicts.
pub const RETRY: &str = "retry";
/// Conflicts in a row that are answered at once; then the tries are spread out in time, since
/// many devices changing one board would else outdo each other for ever.
const HASTY_TRIES: u32 = 3;
/// Tries until the device is told that its change could not be stored.
const TRIES: u32 = 60;
/// Groups of others that are searched to tell `CROSS_GROUP_DENIED` from `TASK_NOT_FOUND`.
const SEARCHED_GROUPS: usize = 64;

/// A message that is being carried out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Operation {
    pub event: String,
    /// Ids of its tasks, for the acknowledgement.
    pub ids: Vec<String>,
    /// The group that a refresh names.
    pub group: Option<String>,
    /// Bytes of the message, for the bound on what waits.
    pub weight: usize,
    /// Changes whose board is not known yet.
    pub unplaced: Vec<Change>,
    pub works: Vec<Work>,
    pub phase: Phase,
}

/// The part of a message that belongs to one group.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Work {
    pub group: String,
    pub changes: Vec<Change>,
    pub tries: u32,
    pub step: Step,
}

/// How far an operation is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Phase {
    Waiting,
    /// Looks for the boards of its tasks.
    Placing,
    /// Several groups: tries the changes on all boards before the first is written.
    Checking,
    Changing,
}

/// What the operation under way waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Wait {
    /// Looks for tasks on the sender's own boards; `next` of its groups comes after this one.
    Find { group: String, next: usize },
    /// Reads which groups there are.
    List,
    /// Looks for tasks on the boards of others.
    Search { group: String, rest: Vec<String> },
    /// The board of this group is read or written.
    Board(String),
}

/// How far the part of one group is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Step {
    Idle,
    Reading,
    Writing {
        creates: bool,
        /// What the write does for the messages behind this one, from the front.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        along: Vec<Along>,
    },
    /// Until the alarm [`RETRY`].
    Pausing,
    Unchanged,
    Changed,
    Failed(Refusal),
}

/// A write that is on disk.
pub struct Stored {
    pub group: String,
    /// The group has its first board now.
    pub is_first: bool,
    /// What it did for the messages behind its own, from the front.
    pub along: Vec<Along>,
}

/// Whether an operation goes on.
pub enum Progress {
    Continues,
    Finished,
    Failed(Refusal),
}

impl Operation {
    /// The first step.
    pub fn start(&mut self, cx: &mut Cx<'_, Workflow>) -> Progress {
        if self.unplaced.is_empty() {
            return self.begin_work(cx);
        }
        self.find_in(cx, 0);
        Progress::Continues
    }

    /// A document that was read, or that a write ran into.
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

    /// A write of this group is on disk: none if it was not of this message.
    pub fn on_written(&mut self, group: &str) -> Option<Stored> {
        let index = self.work_of(group)?;
        let work = &mut self.works[index];
        let Step::Writing { creates, along } = std::mem::replace(&mut work.step, Step::Changed) else {
            return None;
        };
        Some(Stored { group: work.group.clone(), is_first: creates, along })
    }

    /// A write named an old version; the change is made on the newer board.
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

    /// A request has failed. What may have been lost on the way is tried again.
    pub fn on_failure(&mut self, cx: &mut Cx<'_, Workflow>, wait: &Wait, may_retry: bool) -> Progress {
        let index = match wait {
            Wait::Board(group) => self.work_of(group),
            Wait::Find { .. } | Wait::List | Wait::Search { .. } => None,
        };
        let Some(index) = index else {
            // Nothing has been changed yet, so the search begins anew or is given up.
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

    /// The pause after conflicts is over.
    pub fn on_retry(&mut self, cx: &mut Cx<'_, Workflow>) {
        for work in self.works.iter_mut().filter(|work| work.step == Step::Pausing) {
            work.read(cx);
        }
    }

    /// Whether all groups are through.
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

    /// Reads the board of the device's group number `index`, where it has so many.
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
            // The board at hand is the one to be changed, so it is not read again.
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

    /// Makes the changes of one group on the board in `document`, and writes it; messages that wait behind this
    /// one go along where they can.
    fn apply(
        &mut self,
        cx: &mut Cx<'_, Workflow>,
        index: usize,
        document: &Document,
        waiting: &VecDeque<Self>,
    ) -> Progress {
        let checking = self.phase == Phase::Checking;
        // One that changes several boards is told at its end, and others are not to be told before it.
        let alone = self.works.len() > 1;
        let work = &mut self.works[index];
        let mut board = Board::read(&work.group, document.value.as_deref());
        let mut changed = false;
        let mut along = Vec::new();
        let applied = apply_all(&work.changes, &mut board, &work.group, cx);
        let text = applied.and_then(|differs| {
            changed = differs;
            if alone || !changed {
                return board.write(document.version + 1);
            }
            let mut together = board.clone();
            along = take_along(&mut together, &work.group, waiting, cx);
            // Where there is no room for all of them, this one goes alone.
            together.write(document.version + 1).or_else(|_| {
                along.clear();
                board.write(document.version + 1)
            })
        });
        match text {
            // While checking nothing is written anywhere, so the whole message ends here.
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
    /// Reads the board that is to be changed.
    fn read(&mut self, cx: &mut Cx<'_, Workflow>) {
        self.step = Step::Reading;
        cx.read_document(board_key(&self.group)).then(Next::Operation(Wait::Board(self.group.clone())));
    }
}

/// Makes the changes of one message on a board; false if all was so already.
///
/// # Errors
/// The first that cannot be; the board may be changed in part then.
pub fn apply_all(changes: &[Change], board: &mut Board, group: &str, cx: &Cx<'_, Workflow>) -> Result<bool, Refusal> {
    // Before the first is made: the changes of one message may be made on one state of a task.
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

/// The groups in the stored list.
pub fn read_groups(stored: Option<&str>) -> Vec<String> {
    #[derive(Deserialize)]
    struct Stored {
        groups: Vec<String>,
    }
    let stored = stored.and_then(|text| serde_json::from_str::<Stored>(text).ok());
    stored.map_or_else(Vec::new, |stored| stored.groups)
}
