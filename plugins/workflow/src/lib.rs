//! Workflow: a shared board of tasks for each group of devices. Rule: the board is a document and
//! nobody's property; every change is made on the newest version or made again.
//!
//! # Layout
//! - [`request`]: a message, read into changes
//! - [`change`]: one change of one task
//! - [`board`] and [`task`]: what is stored and what is shown
//! - [`operation`]: a message on its way through the boards; [`batch`]: those that go along with its write
//! - [`telling`]: boards on their way to devices; [`words`]: what else devices are told
//!
//! A message may name the `rev` of the task that it was made on, in the task or, where there is one task only,
//! beside it. If the task is another by now it is answered
//! `{"type":"error","code":"STALE_REV",…,"task":{…}}` with the task as it is (and all of them as `tasks` where
//! several are), and nothing of the message is done.
//!
//! Boards are read when they are needed and not watched, so a change on a busy board wakes no
//! instance of any other device: the host hands a broadcast straight to the connections.

pub mod batch;
pub mod board;
pub mod change;
pub mod operation;
pub mod request;
pub mod task;
pub mod telling;
pub mod words;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use modehost_sdk::{
    Cx, Describe, Document, Failure, Message, Mode, Outcome, RequestFailed, RequestId, TimerId, WriteDone,
};
use serde::{Deserialize, Serialize};

use crate::change::Refusal;
use crate::operation::{Operation, Phase, Progress, RETRY_TIMER, Step, Stored};
use crate::request::{MESSAGE_BYTES, Request};
use crate::telling::{Errand, Purpose};
use crate::words::{RateLimited, Reply, Stale};

modehost_sdk::register!(Workflow);

/// Messages of one device that may wait for their turn. What they weigh is bounded beside it, by the state
/// that they wait in.
const QUEUE: usize = 500;
/// What a device with too many of them is told to wait, in ms.
const ROOM_MS: u64 = 1000;
/// Timer for a snapshot that was asked for too early.
const SNAPSHOT_TIMER: TimerId = 2;
/// Timer for messages that could not all be ended in one event.
const NEXT_TIMER: TimerId = 3;
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
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    errands: Vec<Errand>,
}

impl Mode for Workflow {
    type Config = Config;

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
            cx.send(&RateLimited::new(message, ROOM_MS, Reply::about(request.event, &ids, None)));
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

    fn on_document(&mut self, cx: &mut Cx<'_, Self>, document: Document) -> Outcome {
        let Some(request) = document.request else {
            return Ok(());
        };
        if let Some(errand) = self.take_errand(request) {
            self.keep_if(errand, |errand| errand.take_document(cx, &document));
        } else if let Some(mut operation) = self.take_first_awaiting(request) {
            let progress = operation.take_document(cx, request, &document, &self.operations);
            self.go_on(cx, operation, progress);
        }
        Ok(())
    }

    fn on_write_done(&mut self, cx: &mut Cx<'_, Self>, done: WriteDone) -> Outcome {
        // The only errand that writes is done with it.
        if self.take_errand(done.request).is_some() {
            return Ok(());
        }
        if let Some(mut operation) = self.take_first_awaiting(done.request) {
            let stored = operation.take_written(done.request);
            let progress = operation.progress();
            if let Some(stored) = stored {
                if stored.is_first {
                    self.errands.push(Errand::start(cx, Purpose::Enlist(stored.group.clone())));
                }
                self.end_together(cx, operation, progress, stored);
            } else {
                self.go_on(cx, operation, progress);
            }
        }
        Ok(())
    }

    fn on_write_conflict(&mut self, cx: &mut Cx<'_, Self>, current: Document) -> Outcome {
        let Some(request) = current.request else {
            return Ok(());
        };
        if let Some(errand) = self.take_errand(request) {
            self.keep_if(errand, |errand| errand.take_document(cx, &current));
        } else if let Some(mut operation) = self.take_first_awaiting(request) {
            let progress = operation.take_conflict(cx, request, &current, &self.operations);
            self.go_on(cx, operation, progress);
        }
        Ok(())
    }

    fn on_request_failed(&mut self, cx: &mut Cx<'_, Self>, failed: RequestFailed) -> Outcome {
        let may_retry = matches!(failed.reason, Failure::Interrupted);
        if let Some(errand) = self.take_errand(failed.request) {
            self.keep_if(errand, |errand| errand.take_failure(cx, may_retry));
        } else if let Some(mut operation) = self.take_first_awaiting(failed.request) {
            let progress = operation.take_failure(cx, failed.request, may_retry);
            self.go_on(cx, operation, progress);
        }
        Ok(())
    }

    fn on_timer(&mut self, cx: &mut Cx<'_, Self>, id: TimerId) -> Outcome {
        match id {
            RETRY_TIMER => {
                if let Some(operation) = self.operations.front_mut() {
                    operation.take_retry(cx);
                }
            }
            SNAPSHOT_TIMER => self.show_own_boards(cx),
            NEXT_TIMER => self.start_waiting(cx),
            _ => {}
        }
        Ok(())
    }

    /// A new connection has nothing yet, so a snapshot that comes too early for it is put off.
    fn on_attached(&mut self, cx: &mut Cx<'_, Self>) -> Outcome {
        match self.wait_for_snapshot(cx) {
            0 => self.show_own_boards(cx),
            left => cx.start_timer(SNAPSHOT_TIMER, std::time::Duration::from_millis(left)),
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
    let about = Reply::about(&operation.event, &operation.ids, status);
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
            return cx.start_timer(NEXT_TIMER, std::time::Duration::from_millis(1));
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

    /// Takes the first message out if it waits for this; [`Self::go_on`] puts it back.
    fn take_first_awaiting(&mut self, request: RequestId) -> Option<Operation> {
        let awaits = self.operations.front().is_some_and(|operation| operation.awaits(request));
        if awaits { self.operations.pop_front() } else { None }
    }

    fn take_errand(&mut self, request: RequestId) -> Option<Errand> {
        let index = self.errands.iter().position(|errand| errand.request == request)?;
        Some(self.errands.remove(index))
    }

    fn keep_if(&mut self, mut errand: Errand, goes_on: impl FnOnce(&mut Errand) -> bool) {
        if goes_on(&mut errand) {
            self.errands.push(errand);
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
            self.errands.push(Errand::start(cx, Purpose::Publish(group.clone())));
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
                self.errands.push(Errand::start(cx, Purpose::Show(group)));
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
            let on_its_way = |errand: &Errand| matches!(&errand.purpose, Purpose::Show(shown) if shown == group);
            if !self.errands.iter().any(on_its_way) {
                self.errands.push(Errand::start(cx, Purpose::Show(group.clone())));
            }
        }
    }
}
