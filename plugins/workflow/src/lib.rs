//! Workflow: a shared board of tasks for each group of devices. Rule: the board is a document and
//! nobody's property; every change is made on the newest version or made again.
//!
//! # Layout
//! - [`request`]: a message, read into changes
//! - [`change`]: one change of one task
//! - [`board`] and [`task`]: what is stored and what is shown
//! - [`operation`]: a message on its way through the boards; [`batch`]: those that go along with its write
//! - [`telling`]: boards on their way to devices; [`words`]: what else devices are told
//! - `before`: the state of older versions
//!
//! A message may name the `rev` of the task that it was made on, in the task or, where there is one task only,
//! beside it. If the task is another by now it is answered
//! `{"type":"error","code":"STALE_REV",…,"task":{…}}` with the task as it is (and all of them as `tasks` where
//! several are), and nothing of the message is done.
//!
//! Boards are read when they are needed and not watched, so a change on a busy board wakes no
//! instance of any other device: the host hands a broadcast straight to the connections.

pub mod batch;
mod before;
pub mod board;
pub mod change;
pub mod operation;
pub mod request;
pub mod task;
pub mod telling;
pub mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use modehost_sdk::{Cx, Describe, Failure, Message, Migrated, Mode, Outcome, Reply};
use serde::{Deserialize, Serialize};

use crate::change::Refusal;
use crate::operation::{Operation, Phase, Progress, RETRY, Step, Stored, Wait};
use crate::request::{MESSAGE_BYTES, Request};
use crate::telling::{Errand, Purpose};
use crate::words::{Acknowledgement, RateLimited, Stale};

modehost_sdk::register!(Workflow);

/// Messages of one device that may wait for their turn. What they weigh is bounded beside it, by the state
/// that they wait in.
const QUEUE: usize = 500;
/// What a device with too many of them is told to wait, in ms.
const ROOM_MS: u64 = 1000;
/// Alarm for a snapshot that was asked for too early.
const SNAPSHOT: &str = "snapshot";
/// Alarm for messages that could not all be ended in one event.
const NEXT: &str = "next";
/// Messages that are ended one after the other in one event: each is an answer and a board to be read, and an event
/// may have 64 effects.
const AT_ONCE: usize = 24;
/// Groups of a device that are shown.
const SHOWN_GROUPS: usize = 16;

/// The section `workflow` of the configuration.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Names of owners by device id.
    pub device_alias: BTreeMap<String, String>,
    /// Least ms between two snapshots that nobody asked for.
    pub snapshot_min_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { device_alias: BTreeMap::new(), snapshot_min_ms: 1500 }
    }
}

/// The state of one device's handler. Between messages it is a single time.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// When the last snapshot was asked for, Unix ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown_at: Option<u64>,
    /// Messages in their order; the first is being carried out, so that a device's own changes
    /// never overtake each other.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    operations: VecDeque<Operation>,
}

/// What waits for an outcome.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Next {
    /// The first of the messages.
    Operation(Wait),
    /// Something small that nobody waits for.
    Errand(Errand),
}

impl Mode for Workflow {
    type Config = Config;
    type Next = Next;

    /// 1 kept errands and all request ids in the state.
    const SCHEMA: u32 = 2;
    const OLD_SCHEMAS: &'static [u32] = &[1];

    fn migrate(_schema: u32, state: &str) -> Result<Migrated<Self>, String> {
        before::read(state).map_err(|error| error.to_string())
    }

    fn describe() -> Describe {
        Describe::new()
            .message_type("workflow")
            .on_attachment()
            .on_hello()
            .on_mode_change()
            .config_schema(include_str!("../config.schema.json"))
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Self>, message: Message) -> Outcome {
        let request = Request::read(&message, cx.device(), cx.seed())?;
        let waiting: usize = self.operations.iter().map(|operation| operation.weight).sum();
        if self.operations.len() >= QUEUE || waiting + message.body.len() > MESSAGE_BYTES {
            let message = "too many changes are waiting; send this one again in a moment";
            let ids: Vec<String> = request.changes.into_iter().map(|(_, change)| change.id).collect();
            cx.send(&RateLimited::new(message, ROOM_MS, Acknowledgement::about(request.event, &ids, None)));
            return Ok(());
        }
        let mut operation = Operation {
            event: request.event.to_owned(),
            ids: request.changes.iter().map(|(_, change)| change.id.clone()).collect(),
            group: request.group,
            weight: message.body.len(),
            unplaced: Vec::new(),
            works: Vec::new(),
            phase: Phase::Waiting,
        };
        for (group, change) in request.changes {
            match group {
                Some(group) => operation.place(&group, change),
                None => operation.unplaced.push(change),
            }
        }
        self.operations.push_back(operation);
        if self.operations.len() == 1 {
            self.start_first(cx, AT_ONCE);
        }
        Ok(())
    }

    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, next: Next, reply: Reply) -> Outcome {
        let wait = match next {
            Next::Errand(errand) => {
                errand.on_reply(cx, reply);
                return Ok(());
            }
            Next::Operation(wait) => wait,
        };
        let Some(mut operation) = self.operations.pop_front() else { return Ok(()) };
        let progress = match (wait, reply) {
            (wait, Reply::Document(document)) => operation.on_document(cx, wait, &document, &self.operations),
            (Wait::Board(group), Reply::Conflict(current)) => {
                operation.on_conflict(cx, &group, &current, &self.operations)
            }
            (Wait::Board(group), Reply::Written(_)) => {
                let stored = operation.on_written(&group);
                let progress = operation.progress();
                if let Some(stored) = stored {
                    if stored.is_first {
                        Errand::start(cx, Purpose::Enlist(stored.group.clone()));
                    }
                    self.end_together(cx, operation, progress, stored);
                    return Ok(());
                }
                progress
            }
            (wait, Reply::Failed(failed)) => operation.on_failure(cx, &wait, failed.reason == Failure::Interrupted),
            _ => Progress::Continues,
        };
        self.go_on(cx, operation, progress);
        Ok(())
    }

    fn on_alarm(&mut self, cx: &mut Cx<'_, Self>, name: &str) -> Outcome {
        match name {
            RETRY => {
                if let Some(operation) = self.operations.front_mut() {
                    operation.on_retry(cx);
                }
            }
            SNAPSHOT => self.show_own_boards(cx),
            NEXT => self.start_waiting(cx),
            _ => {}
        }
        Ok(())
    }

    /// A new connection has nothing yet, so a snapshot that comes too early for it is put off.
    fn on_attached(&mut self, cx: &mut Cx<'_, Self>) -> Outcome {
        match self.wait_for_snapshot(cx) {
            0 => self.show_own_boards(cx),
            left => cx.start_alarm(SNAPSHOT, std::time::Duration::from_millis(left)),
        }
        Ok(())
    }

    fn on_hello(&mut self, cx: &mut Cx<'_, Self>, _hello: String) -> Outcome {
        self.show_unless_shown(cx);
        Ok(())
    }

    fn on_mode_changed(&mut self, cx: &mut Cx<'_, Self>, _mode: String) -> Outcome {
        self.show_unless_shown(cx);
        Ok(())
    }
}

fn answer(cx: &mut Cx<'_, Workflow>, operation: &Operation, refusal: Option<&Refusal>) {
    let status = refusal.is_none().then_some("ok");
    let about = Acknowledgement::about(&operation.event, &operation.ids, status);
    match refusal {
        None => cx.send(&about),
        Some(refusal) if refusal.tasks.is_empty() => cx.send_error(&refusal.code, &refusal.message, &about),
        Some(refusal) => cx.send(&Stale::new(refusal, about)),
    }
}

impl Workflow {
    /// Takes up the first message, and those behind it that are done at once, as many as may be.
    fn start_first(&mut self, cx: &mut Cx<'_, Self>, may_end: usize) {
        if may_end == 0 && !self.operations.is_empty() {
            return cx.start_alarm(NEXT, std::time::Duration::from_millis(1));
        }
        if let Some(mut operation) = self.operations.pop_front() {
            let progress = operation.start(cx);
            self.end_if_through(cx, operation, progress, may_end - 1);
        }
    }

    /// Goes on after a pause, unless the first message is being carried out.
    fn start_waiting(&mut self, cx: &mut Cx<'_, Self>) {
        let waits = self.operations.front().is_some_and(|operation| operation.phase == Phase::Waiting);
        if waits {
            self.start_first(cx, AT_ONCE);
        }
    }

    /// Ends the first message if it is through, tells about it and takes up the next.
    fn go_on(&mut self, cx: &mut Cx<'_, Self>, operation: Operation, progress: Progress) {
        self.end_if_through(cx, operation, progress, AT_ONCE);
    }

    fn end_if_through(&mut self, cx: &mut Cx<'_, Self>, operation: Operation, progress: Progress, may_end: usize) {
        let refusal = match progress {
            Progress::Continues => return self.operations.push_front(operation),
            Progress::Finished => None,
            Progress::Failed(refusal) => Some(refusal),
        };
        // One that failed may have boards on their way.
        cx.forget(|next| matches!(next, Next::Operation(_)));
        self.tell(cx, &[(operation, refusal)]);
        self.start_first(cx, may_end);
    }

    /// Ends the first message and those that went along with its write.
    fn end_together(&mut self, cx: &mut Cx<'_, Self>, operation: Operation, progress: Progress, stored: Stored) {
        if stored.along.is_empty() {
            return self.go_on(cx, operation, progress);
        }
        // Its only board is written, so it is through.
        let mut ended = vec![(operation, None)];
        for along in stored.along {
            let Some(mut operation) = self.operations.pop_front() else { break };
            let refusal = operation.end_along(&stored.group, along);
            ended.push((operation, refusal));
        }
        self.tell(cx, &ended);
        // These were many answers for one event.
        self.start_first(cx, 1);
    }

    /// Answers messages that have ended together, each by itself, and tells once what has become of the boards.
    fn tell(&mut self, cx: &mut Cx<'_, Self>, ended: &[(Operation, Option<Refusal>)]) {
        let own = cx.device().groups.first().cloned().unwrap_or_default();
        let (mut changed, mut shown, mut all_own) = (BTreeSet::new(), BTreeSet::new(), false);
        for (operation, refusal) in ended {
            answer(cx, operation, refusal.as_ref());
            let works = operation.works.iter().filter(|work| work.step == Step::Changed);
            changed.extend(works.map(|work| work.group.clone()));
            match (refusal, &operation.group, operation.event.as_str()) {
                (Some(_), ..) => {}
                (None, Some(group), "refresh") => drop(shown.insert(group.clone())),
                (None, None, "refresh") => all_own = true,
                (None, ..) => drop(shown.insert(own.clone())),
            }
        }
        for group in &changed {
            Errand::start(cx, Purpose::Publish(group.clone()));
        }
        if all_own {
            self.show_own_boards(cx);
        }
        // The sender is told with its group where that has changed; whoever asks is told in any case.
        let asked =
            |group: &String| ended.iter().any(|(one, _)| one.event == "refresh" && one.group.as_ref() == Some(group));
        for group in shown {
            let told = changed.contains(&group) || all_own && group == own;
            if !told || asked(&group) {
                Errand::start(cx, Purpose::Show(group));
            }
        }
    }

    fn show_unless_shown(&mut self, cx: &mut Cx<'_, Self>) {
        if self.wait_for_snapshot(cx) == 0 {
            self.show_own_boards(cx);
        }
    }

    /// Ms until the next snapshot may be sent.
    fn wait_for_snapshot(&self, cx: &Cx<'_, Self>) -> u64 {
        let least = cx.config().snapshot_min_ms;
        self.shown_at.map_or(0, |at| (at + least).saturating_sub(cx.now()))
    }

    fn show_own_boards(&mut self, cx: &mut Cx<'_, Self>) {
        self.shown_at = Some(cx.now());
        for group in cx.device().groups.iter().take(SHOWN_GROUPS) {
            // A board that is on its way already is not asked for twice.
            let shows = |next: &Next| matches!(next, Next::Errand(Errand { purpose: Purpose::Show(shown), .. }) if shown == group);
            if !cx.is_waiting(shows) {
                Errand::start(cx, Purpose::Show(group.clone()));
            }
        }
    }
}
