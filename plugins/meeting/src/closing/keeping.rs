//! The steps after a summary: archive and document, then delivery, then the webhook. Rule: only one copy is marked as
//! the first, and no failure here reverts a step.
//!
//! The archive and the document are written in one list of effects, before anybody gets the summary. The summary is
//! *delivered*, not sent, so that a disconnected device gets it at its return. If an interruption leaves open whether
//! the device got it, it is delivered again as a copy.

use std::time::Duration;

use modehost_sdk::{ArchiveEntry, Audience, Cx, Document, Failure, JournalPart};
use serde::{Deserialize, Serialize};

use crate::account::Account;
use crate::closing::{Closing, Step};
use crate::last::{self, Last};
use crate::minutes::{LINE, When, write_minutes};
use crate::summary::Summary;
use crate::{Meeting, Next, RETRY};

/// Retries of writes that the storage failed.
const TRIES: u32 = 6;
/// First delay of a retry in seconds; each further delay is three times as long.
const PAUSE_S: u64 = 5;

/// State of a step.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Errand {
    /// Not started, or to be repeated.
    #[default]
    Due,
    Open,
    /// Finished or given up.
    Done,
}

/// The steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    Archive,
    Document,
    Delivery,
    Hook,
}

/// The states of all steps.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keeping {
    archive: Errand,
    document: Errand,
    delivery: Errand,
    hook: Errand,
    /// An earlier delivery was interrupted, so the device may have the summary.
    may_have_it: bool,
    /// The delivery failed: the summary is sent to the connected device instead.
    send_instead: bool,
    /// A write was interrupted and is repeated without a delay.
    at_once: bool,
    /// Failures of the archive.
    tries: u32,
    /// Failures of the document.
    #[serde(default)]
    document_tries: u32,
    /// A write has failed, and the alarm for its retry has not been started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pause_s: Option<u64>,
}

/// Content of the archive and the webhook besides the transcript.
#[derive(Serialize)]
struct Record<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<&'static str>,
    id: &'a str,
    session_id: &'a str,
    device: &'a str,
    /// Unix ms.
    started: u64,
    ended: u64,
    #[serde(flatten)]
    summary: &'a Summary,
    /// Number of segments in the transcript.
    segments: u64,
}

impl Keeping {
    pub(super) fn is_over(&self) -> bool {
        [self.archive, self.document, self.delivery, self.hook].iter().all(|errand| *errand == Errand::Done)
    }

    pub(super) fn is_told(&self) -> bool {
        self.delivery != Errand::Due
    }

    pub(super) fn on_done(&mut self, part: Part) {
        *self.errand(part) = Errand::Done;
    }

    pub(super) fn on_failure(&mut self, part: Part, reason: Failure) {
        let (is_delivery, is_write) = (part == Part::Delivery, matches!(part, Part::Archive | Part::Document));
        let interrupted = reason == Failure::Interrupted;
        // The host has already retried the webhook; only the storage may recover later.
        let for_good = matches!(reason, Failure::Denied | Failure::Unsupported | Failure::Rejected);
        let mut again = interrupted || (is_write && !for_good);
        if again && !interrupted {
            let tries = if part == Part::Archive { &mut self.tries } else { &mut self.document_tries };
            again = *tries < TRIES;
            if again {
                let pause = PAUSE_S * 3_u64.pow(*tries);
                *tries += 1;
                self.pause_s = Some(self.pause_s.map_or(pause, |other| other.min(pause)));
            }
        }
        *self.errand(part) = if again { Errand::Due } else { Errand::Done };
        self.send_instead |= is_delivery && !interrupted;
        self.may_have_it |= is_delivery && interrupted;
        self.at_once |= is_write && interrupted;
        if !interrupted {
            let what = match part {
                Part::Hook => "webhook",
                Part::Delivery => "delivery",
                Part::Archive | Part::Document => "storage",
            };
            log_failure(what, reason);
        }
    }

    fn errand(&mut self, part: Part) -> &mut Errand {
        match part {
            Part::Archive => &mut self.archive,
            Part::Document => &mut self.document,
            Part::Delivery => &mut self.delivery,
            Part::Hook => &mut self.hook,
        }
    }

    fn waits_for_storage(&self) -> bool {
        [self.archive, self.document].contains(&Errand::Open)
    }

    /// In a state of a version that counted a failure when it started the alarm, one that it had not counted yet: the
    /// pause before its retry.
    fn uncounted_pause(&mut self) -> Option<u64> {
        if self.tries > 0 || self.document_tries > 0 || !self.has_unwritten() {
            return None;
        }
        self.tries = u32::from(self.archive == Errand::Due);
        self.document_tries = u32::from(self.document == Errand::Due);
        Some(PAUSE_S)
    }

    fn has_unwritten(&self) -> bool {
        [self.archive, self.document].contains(&Errand::Due)
    }
}

impl Closing {
    /// Starts to store the summary.
    pub(super) fn keep(&self, cx: &mut Cx<'_, Meeting>) -> Keeping {
        let mut keeping = Keeping::default();
        self.store(cx, &mut keeping, None);
        keeping
    }

    /// Applies an outcome and starts the steps that are possible now.
    pub(super) fn keep_on(&mut self, cx: &mut Cx<'_, Meeting>, apply: impl FnOnce(&mut Keeping)) {
        let Step::Keeping(keeping) = &mut self.step else { return };
        apply(keeping);
        let mut keeping = keeping.clone();
        self.go_on(cx, &mut keeping);
        self.step = Step::Keeping(keeping);
    }

    /// The document has another version than expected.
    pub fn on_conflict(&mut self, cx: &mut Cx<'_, Meeting>, current: &Document) {
        let Step::Keeping(keeping) = &self.step else { return };
        let mut keeping = keeping.clone();
        let newest = Last::read(current.value.as_deref());
        // It was written before an interruption, or by a later meeting.
        let Account { session, number, .. } = &self.account;
        if newest.is_some_and(|last| last.covers(session, *number, self.finalized_at)) {
            keeping.document = Errand::Done;
        } else {
            keeping.document = Errand::Due;
            self.store(cx, &mut keeping, Some(current.version));
        }
        self.go_on(cx, &mut keeping);
        self.step = Step::Keeping(keeping);
    }

    /// The retry alarm has fired.
    pub fn retry(&mut self, cx: &mut Cx<'_, Meeting>) {
        if let Step::Keeping(keeping) = &self.step {
            let mut keeping = keeping.clone();
            self.store(cx, &mut keeping, None);
            self.step = Step::Keeping(keeping);
        }
    }

    /// The plugin is being removed and gets no more outcomes: does everything that fits one list of effects.
    pub fn conclude_now(&mut self, cx: &mut Cx<'_, Meeting>) {
        if self.told().is_some() {
            return;
        }
        if self.summary.is_none() {
            let summary = Summary::of_notes(&self.account.notes);
            self.conclude(cx, summary);
        }
        let may_have_it = matches!(&self.step, Step::Keeping(keeping) if keeping.may_have_it);
        if let Some(message) = self.message(may_have_it) {
            cx.send(&message);
        }
    }

    /// Delivers the summary and posts the webhook once the writes have succeeded or failed.
    fn go_on(&mut self, cx: &mut Cx<'_, Meeting>, keeping: &mut Keeping) {
        if std::mem::take(&mut keeping.at_once) {
            self.store(cx, keeping, None);
        }
        if keeping.waits_for_storage() {
            return;
        }
        let pause = keeping.pause_s.take().or_else(|| keeping.uncounted_pause());
        if let Some(pause) = pause.filter(|_| keeping.has_unwritten()) {
            // An alarm of its own: that of another meeting must not be set anew.
            cx.start_alarm(format!("{RETRY} {}", self.account.number), Duration::from_secs(pause));
        }
        if std::mem::take(&mut keeping.send_instead) {
            cx.send(&self.message(keeping.may_have_it));
        }
        if keeping.delivery == Errand::Due
            && let Some(message) = self.message(keeping.may_have_it)
        {
            let device = cx.device().id.clone();
            let ttl = cx.config().summary_ttl();
            cx.deliver(Audience::Devices(vec![device]), &message, ttl).then(self.part(Part::Delivery));
            keeping.delivery = Errand::Open;
            // After the delivery: within a list, messages are sent after deliveries.
            let copy = self.message(true);
            for _ in 0..std::mem::take(&mut self.repeats) {
                cx.send(&copy);
            }
        }
        if keeping.hook == Errand::Due {
            keeping.hook = if self.post(cx) { Errand::Open } else { Errand::Done };
        }
    }

    /// Starts the writes that are due. `version`: the current version of the document, if it is known better than at
    /// the start of the meeting.
    fn store(&self, cx: &mut Cx<'_, Meeting>, keeping: &mut Keeping, version: Option<u64>) {
        let Some(summary) = &self.summary else { return };
        if keeping.archive == Errand::Due {
            // A meeting without segments is not archived.
            keeping.archive = if self.account.segments == 0 {
                Errand::Done
            } else {
                self.archive(cx, summary);
                Errand::Open
            };
        }
        if keeping.document == Errand::Due
            && let Some(message) = self.message(true)
        {
            let (session, number) = (self.account.session.clone(), self.account.number);
            let last = Last { session, number, at: cx.now(), finalized: self.finalized_at, message };
            // A version that is out of date is answered with a conflict, which has the current one.
            let version = version.unwrap_or(self.account.last_version);
            cx.write_document(last::key(&cx.device().id), version, &last).then(self.part(Part::Document));
            keeping.document = Errand::Open;
        }
    }

    fn part(&self, part: Part) -> Next {
        Next::Keep(self.account.number, part)
    }

    fn archive(&self, cx: &mut Cx<'_, Meeting>, summary: &Summary) {
        let language = self.account.language(cx.config().language);
        let when = When { started: self.account.started, utc_offset_minutes: cx.config().utc_offset_minutes };
        let content = serde_json::to_string(&self.record(cx, summary, None)).unwrap_or_else(|_| "{}".to_owned());
        cx.archive(ArchiveEntry {
            request: 0,
            kind: "meetings".to_owned(),
            id: self.account.archive_id(),
            title: summary.title.clone(),
            content,
            text: write_minutes(summary, &when, language, true),
            journal: Some(self.transcript()),
            keep: cx.config().keep,
        })
        .then(self.part(Part::Archive));
    }

    /// Posts the webhook; false if none is configured or the meeting has no segments.
    fn post(&self, cx: &mut Cx<'_, Meeting>) -> bool {
        let Some(hook) = cx.config().webhook.as_deref() else { return false };
        let Some(summary) = self.summary.as_ref().filter(|_| self.account.segments > 0) else { return false };
        let record = self.record(cx, summary, Some("meeting.finalized"));
        let transcript = JournalPart { line: String::new(), ..self.transcript() };
        cx.post_hook(hook, "Meeting", &record, Some(transcript)).then(self.part(Part::Hook));
        true
    }

    fn transcript(&self) -> JournalPart {
        JournalPart { journal: self.account.journal(), member: "transcript".to_owned(), line: LINE.to_owned() }
    }

    fn record<'a>(&'a self, cx: &Cx<'a, Meeting>, summary: &'a Summary, event: Option<&'static str>) -> Record<'a> {
        Record {
            event,
            id: &self.account.id,
            session_id: &self.account.session,
            device: &cx.device().id,
            started: self.account.started,
            ended: self.ended_at,
            summary,
            segments: self.account.segments,
        }
    }
}

#[allow(clippy::print_stderr, reason = "the log of a plugin is its stderr")]
fn log_failure(what: &str, reason: Failure) {
    eprintln!("a finished meeting: {what} failed ({reason:?}); the rest goes on");
}
