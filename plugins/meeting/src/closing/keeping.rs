//! What becomes of a summary: it is archived and left to be asked for, then told, then posted.
//! Rule: only one copy says that it is the first, and nothing that fails here takes anything back.
//!
//! The archive and the document are written in one list, before anybody sees the summary. It is
//! *delivered*, not sent, so that a device that is away finds it on its return. Where a kill leaves
//! open whether the device has got it, it is delivered again as a copy.

use std::time::Duration;

use modehost_sdk::{ArchiveEntry, Audience, Cx, Document, Failure, JournalPart};
use serde::{Deserialize, Serialize};

use crate::closing::{Closing, Step};
use crate::last::{self, Last};
use crate::minutes::{LINE, When, write_minutes};
use crate::summary::Summary;
use crate::{Meeting, Next, RETRY};

/// Tries of a write that the storage refuses.
const TRIES: u32 = 6;
/// First pause between them, in s; each is three times the one before.
const PAUSE_S: u64 = 5;

/// One thing to do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
enum Errand {
    /// Not yet, or again.
    #[default]
    Due,
    Open,
    /// Or given up.
    Done,
}

/// The things that there are to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    Archive,
    Document,
    Delivery,
    Hook,
}

/// What is left to do.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Keeping {
    archive: Errand,
    document: Errand,
    delivery: Errand,
    hook: Errand,
    /// The device may have got it already.
    may_have_it: bool,
    /// It could not be delivered, and is sent to whoever is there.
    send_instead: bool,
    /// A write was interrupted and is done again without a pause.
    at_once: bool,
    tries: u32,
}

/// What the archive and the webhook hold beside the transcript.
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
    /// How many there are in the transcript.
    segments: u64,
}

impl Keeping {
    pub(super) fn is_over(&self) -> bool {
        [self.archive, self.document, self.delivery, self.hook].iter().all(|errand| *errand == Errand::Done)
    }

    pub(super) fn is_told(&self) -> bool {
        self.delivery != Errand::Due
    }

    /// Something is done.
    pub(super) fn on_done(&mut self, part: Part) {
        *self.errand(part) = Errand::Done;
    }

    /// Something has failed.
    pub(super) fn on_failure(&mut self, part: Part, reason: Failure) {
        let (is_delivery, is_write) = (part == Part::Delivery, matches!(part, Part::Archive | Part::Document));
        let interrupted = reason == Failure::Interrupted;
        // The host has used up what retries a webhook has; only the storage may come back later.
        let for_good = matches!(reason, Failure::Denied | Failure::Unsupported | Failure::Rejected);
        let again = interrupted || (is_write && !for_good);
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

    fn has_unwritten(&self) -> bool {
        [self.archive, self.document].contains(&Errand::Due)
    }
}

impl Closing {
    /// Begins to store the summary.
    pub(super) fn keep(&self, cx: &mut Cx<'_, Meeting>) -> Keeping {
        let mut keeping = Keeping::default();
        self.store(cx, &mut keeping, None);
        keeping
    }

    /// Applies an outcome to the last steps and goes on with them.
    pub(super) fn keep_on(&mut self, cx: &mut Cx<'_, Meeting>, apply: impl FnOnce(&mut Keeping)) {
        let Step::Keeping(keeping) = &mut self.step else { return };
        apply(keeping);
        let mut keeping = keeping.clone();
        self.go_on(cx, &mut keeping);
        self.step = Step::Keeping(keeping);
    }

    /// The document has another version than was thought.
    pub fn on_conflict(&mut self, cx: &mut Cx<'_, Meeting>, current: &Document) {
        let Step::Keeping(keeping) = &self.step else { return };
        let mut keeping = keeping.clone();
        let newest = Last::read(current.value.as_deref());
        // Written before an interruption, or a later meeting was faster.
        if newest.is_some_and(|last| last.covers(&self.account.session, self.account.number)) {
            keeping.document = Errand::Done;
        } else {
            keeping.document = Errand::Due;
            self.store(cx, &mut keeping, Some(current.version));
        }
        self.go_on(cx, &mut keeping);
        self.step = Step::Keeping(keeping);
    }

    /// The retry timer has run out.
    pub fn retry(&mut self, cx: &mut Cx<'_, Meeting>) {
        if let Step::Keeping(keeping) = &self.step {
            let mut keeping = keeping.clone();
            self.store(cx, &mut keeping, None);
            self.step = Step::Keeping(keeping);
        }
    }

    /// The plugin is being removed, and no outcome will come any more: everything that can be done
    /// in one list is.
    pub fn conclude_now(&mut self, cx: &mut Cx<'_, Meeting>) {
        if self.told().is_some() {
            return;
        }
        if self.summary.is_none() {
            let summary = Summary::of_notes(&self.account.notes);
            self.conclude(cx, summary);
        }
        if let Some(message) = self.message(false) {
            cx.send(&message);
        }
    }

    /// Tells the device and posts the webhook once the summary is stored, or cannot be for now.
    fn go_on(&mut self, cx: &mut Cx<'_, Meeting>, keeping: &mut Keeping) {
        if std::mem::take(&mut keeping.at_once) {
            self.store(cx, keeping, None);
        }
        if keeping.waits_for_storage() {
            return;
        }
        if keeping.has_unwritten() {
            if keeping.tries < TRIES {
                let pause = PAUSE_S * 3_u64.pow(keeping.tries);
                keeping.tries += 1;
                cx.start_alarm(RETRY, Duration::from_secs(pause));
            } else {
                [keeping.archive, keeping.document] = [Errand::Done; 2];
            }
        }
        if std::mem::take(&mut keeping.send_instead) {
            cx.send(&self.message(false));
        }
        if keeping.delivery == Errand::Due
            && let Some(message) = self.message(keeping.may_have_it)
        {
            let device = cx.device().id.clone();
            let ttl = cx.config().summary_ttl();
            cx.deliver(Audience::Devices(vec![device]), &message, ttl).then(self.part(Part::Delivery));
            keeping.delivery = Errand::Open;
            // Behind the delivery: what is sent in a list comes after what is delivered in it.
            let copy = self.message(true);
            for _ in 0..std::mem::take(&mut self.repeats) {
                cx.send(&copy);
            }
        }
        if keeping.hook == Errand::Due {
            keeping.hook = if self.post(cx) { Errand::Open } else { Errand::Done };
        }
    }

    /// Archives and writes the document, as far as they are due. `version` is that of the document
    /// as it is now, where it is known better than when the meeting began.
    fn store(&self, cx: &mut Cx<'_, Meeting>, keeping: &mut Keeping, version: Option<u64>) {
        let Some(summary) = &self.summary else { return };
        if keeping.archive == Errand::Due {
            // A meeting in which nothing was said is nothing to be found again.
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
            let last = Last { session, number, at: cx.now(), message };
            // A version that is no longer right is answered by the one that is.
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

    /// Posts the webhook; false where there is none, or nothing to tell.
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
