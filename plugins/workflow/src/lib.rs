//! Workflow: a shared task board for each group of devices. Rule: the board is a document that no session owns; every
//! change is applied to the newest version, or applied again.
//!
//! # Layout
//! - [`request`]: parses a message into changes
//! - [`change`]: one change of one task
//! - [`board`] and [`task`]: what is stored and what is sent
//! - [`operation`]: processes a message; [`batch`]: joins queued messages into its write
//! - [`telling`]: sends boards to devices; [`words`]: the other messages to devices
//! - `before`: migrates the state of older schemas
//!
//! A message may name the `rev` that its change was made on, in the task or, if there is only one task, beside it. If
//! the task has another `rev` by now and the change would alter it, nothing of the message is done, and the reply is
//! `{"type":"error","code":"STALE_REV",…,"task":{…}}` with the current task (and all of them as `tasks` if several are
//! stale).
//!
//! Boards are read when they are needed and not watched, so a change on a busy board wakes no instance of another
//! device: the host sends broadcasts directly to the connections.

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

/// Maximum number of queued messages of one device. Their size is bounded too, since they are part of the state.
const QUEUE: usize = 500;
/// `retry_after_ms` of a message that the queue has no room for.
const ROOM_MS: u64 = 1000;
/// Alarm for a snapshot that was requested too early.
const SNAPSHOT: &str = "snapshot";
/// Alarm for queued messages that exceed the effects of one event.
const NEXT: &str = "next";
/// Alarm for groups that could not be listed.
const ENLIST: &str = "enlist";
/// Time until they are listed again.
const ENLIST_PAUSE: std::time::Duration = std::time::Duration::from_secs(60);
/// Groups that are listed at the same time, and those that may wait for it; the limits of requests and of the state.
const ENLISTED: usize = 8;
const UNLISTED: usize = 128;
/// Messages that may end in one event: each needs a reply and a read of a board, and an event may have 64 effects.
const AT_ONCE: usize = 24;
/// Maximum number of a device's groups in a snapshot.
const SHOWN_GROUPS: usize = 16;

/// The section `workflow` of the configuration.
#[derive(Debug, Deserialize)]
#[serde(default)]
pub struct Config {
    /// Names of owners by device id.
    pub device_alias: BTreeMap<String, String>,
    /// Minimum time between two automatic snapshots in ms.
    pub snapshot_min_ms: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self { device_alias: BTreeMap::new(), snapshot_min_ms: 1500 }
    }
}

/// The state of one session. Between messages it is only a time, as long as the storage works.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Workflow {
    /// When the last snapshot was started, Unix ms.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown_at: Option<u64>,
    /// Messages in order of arrival; only the first one is processed, so that the changes of a device keep their order.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    operations: VecDeque<Operation>,
    /// Groups with a board that are not in the list of groups yet.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    unlisted: BTreeSet<String>,
}

/// The tags of requests.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Next {
    /// A request of the first message.
    Operation(Wait),
    /// A request that no message waits for.
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
                if let Some(group) = errand.on_reply(cx, reply) {
                    self.enlist_later(cx, group);
                }
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
            ENLIST => self.enlist(cx),
            _ => {}
        }
        Ok(())
    }

    /// A new connection has no board yet, so a snapshot that comes too early is delayed and not dropped.
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
    /// Starts the first message; continues with later ones while messages end at once, `may_end` at most.
    fn start_first(&mut self, cx: &mut Cx<'_, Self>, may_end: usize) {
        if may_end == 0 && !self.operations.is_empty() {
            return cx.start_alarm(NEXT, std::time::Duration::from_millis(1));
        }
        if let Some(mut operation) = self.operations.pop_front() {
            let progress = operation.start(cx);
            self.end_if_through(cx, operation, progress, may_end - 1);
        }
    }

    /// Continues after a pause, unless the first message is being processed.
    fn start_waiting(&mut self, cx: &mut Cx<'_, Self>) {
        let waits = self.operations.front().is_some_and(|operation| operation.phase == Phase::Waiting);
        if waits {
            self.start_first(cx, AT_ONCE);
        }
    }

    /// Ends the first message if it is done, answers it and starts the next one.
    fn go_on(&mut self, cx: &mut Cx<'_, Self>, operation: Operation, progress: Progress) {
        self.end_if_through(cx, operation, progress, AT_ONCE);
    }

    fn end_if_through(&mut self, cx: &mut Cx<'_, Self>, operation: Operation, progress: Progress, may_end: usize) {
        let refusal = match progress {
            Progress::Continues => return self.operations.push_front(operation),
            Progress::Finished => None,
            Progress::Failed(refusal) => Some(refusal),
        };
        // A failed message may have reads of boards pending.
        cx.forget(|next| matches!(next, Next::Operation(_)));
        self.tell(cx, &[(operation, refusal)]);
        self.start_first(cx, may_end);
    }

    /// Ends the first message together with those that joined its write.
    fn end_together(&mut self, cx: &mut Cx<'_, Self>, operation: Operation, progress: Progress, stored: Stored) {
        if stored.along.is_empty() {
            return self.go_on(cx, operation, progress);
        }
        // Its only board is written, so it is done.
        let mut ended = vec![(operation, None)];
        for along in stored.along {
            let Some(mut operation) = self.operations.pop_front() else { break };
            let refusal = operation.end_along(&stored.group, along);
            ended.push((operation, refusal));
        }
        self.tell(cx, &ended);
        // The replies above have used most of the effects of this event.
        self.start_first(cx, 1);
    }

    /// Answers each of the messages that ended together, and sends each changed board once.
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
        // The sender gets a changed board with its group; a refresh is answered in any case.
        let asked =
            |group: &String| ended.iter().any(|(one, _)| one.event == "refresh" && one.group.as_ref() == Some(group));
        for group in shown {
            let told = changed.contains(&group) || all_own && group == own;
            if !told || asked(&group) {
                Errand::start(cx, Purpose::Show(group));
            }
        }
    }

    /// Lists the group after a pause: without it, a change of its tasks by id alone is not told where they are.
    fn enlist_later(&mut self, cx: &mut Cx<'_, Self>, group: String) {
        if self.unlisted.len() < UNLISTED {
            self.unlisted.insert(group);
        }
        if !cx.is_alarm_running(ENLIST) {
            cx.start_alarm(ENLIST, ENLIST_PAUSE);
        }
    }

    fn enlist(&mut self, cx: &mut Cx<'_, Self>) {
        for _ in 0..ENLISTED {
            let Some(group) = self.unlisted.pop_first() else { return };
            Errand::start(cx, Purpose::Enlist(group));
        }
        if !self.unlisted.is_empty() {
            cx.start_alarm(ENLIST, ENLIST_PAUSE);
        }
    }

    fn show_unless_shown(&mut self, cx: &mut Cx<'_, Self>) {
        if self.wait_for_snapshot(cx) == 0 {
            self.show_own_boards(cx);
        }
    }

    /// Time until the next snapshot may be sent, in ms.
    fn wait_for_snapshot(&self, cx: &Cx<'_, Self>) -> u64 {
        let least = cx.config().snapshot_min_ms;
        self.shown_at.map_or(0, |at| (at + least).saturating_sub(cx.now()))
    }

    fn show_own_boards(&mut self, cx: &mut Cx<'_, Self>) {
        self.shown_at = Some(cx.now());
        for group in cx.device().groups.iter().take(SHOWN_GROUPS) {
            // A board that is already being sent is not requested twice.
            let shows = |next: &Next| matches!(next, Next::Errand(Errand { purpose: Purpose::Show(shown), .. }) if shown == group);
            if !cx.is_waiting(shows) {
                Errand::start(cx, Purpose::Show(group.clone()));
            }
        }
    }
}
