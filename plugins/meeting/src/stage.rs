//! What messages, words and the ends of roles do to the meetings of a session. Rule: what is refused
//! is refused before anything has changed.

use std::time::Duration;

use modehost_sdk::{Cx, Document, Failure, Fault, Outcome, Reply, reject};
use serde::Serialize;

use crate::account::Account;
use crate::closing::{Closing, Ending, REPEATS};
use crate::last::{self, Last};
use crate::opening::{self, Held};
use crate::request::{Phase, Request};
use crate::running::{Heard, Running};
use crate::{HELD, Meeting, Next, Over};

/// Outside of the mode, a snippet that comes so soon after a summary still belongs to that meeting,
/// in ms.
const LATE_MS: u64 = 30_000;
/// Meetings that may wait for a model; one more is summed up by rules.
const CLOSING: usize = 3;
/// Summaries that may be read at the same time for those who ask again.
const READS: usize = 8;
/// What somebody who has asked too often is told to wait, in ms: a summary takes some seconds.
const BUSY_MS: u64 = 5_000;

impl Meeting {
    /// Takes it now, or holds it until the handler knows where it stands.
    pub(crate) fn take(&mut self, cx: &mut Cx<'_, Self>, what: Held) -> Outcome {
        match &mut self.opening {
            Some(opening) => opening.hold(cx, what),
            None => {
                let outcome = self.act(cx, what, false);
                self.settle(cx);
                outcome
            }
        }
    }

    /// The document of the last summary is there: what has waited goes on.
    pub(crate) fn open(&mut self, cx: &mut Cx<'_, Self>, document: &Document) {
        let last = Last::read(document.value.as_deref()).filter(|last| last.session == cx.session_id());
        self.last_version = document.version;
        self.over = last.as_ref().map(|last| Over { at: last.at, told: false });
        self.open_with(cx, last.map_or(0, |last| last.number));
    }

    /// It cannot be read.
    pub(crate) fn open_without_document(&mut self, cx: &mut Cx<'_, Self>, reason: Failure) {
        match reason {
            Failure::Interrupted => opening::read(cx),
            // A number that no earlier meeting of the session has: the seconds of the day.
            _ => self.open_with(cx, u32::try_from(cx.now() / 1_000 % 86_400).unwrap_or(0) + 1_000),
        }
    }

    fn open_with(&mut self, cx: &mut Cx<'_, Self>, counted: u32) {
        self.counted = Some(counted);
        if let Some(opening) = &mut self.opening {
            opening.end_wait();
        }
        self.work_off_held(cx);
    }

    /// Does as much of what has waited as fits one list; the rest follows at once.
    pub(crate) fn work_off_held(&mut self, cx: &mut Cx<'_, Self>) {
        let Some(mut opening) = self.opening.take() else { return };
        let held = opening.take_some();
        for what in held {
            let phase = match &what {
                Held::Request(request) => Some(request.phase.name()),
                _ => None,
            };
            // The message is long gone, so its error says which one it was.
            if let Err(Fault::Rejected(rejection)) = self.act(cx, what, true) {
                send_error(cx, &rejection.code, &rejection.message, phase);
            }
        }
        if !opening.is_empty() {
            cx.start_alarm(HELD, Duration::ZERO);
            self.opening = Some(opening);
        }
    }

    /// `notify` has appends told when they can be read: the meeting may end in this same list.
    fn act(&mut self, cx: &mut Cx<'_, Self>, what: Held, notify: bool) -> Outcome {
        match what {
            Held::Start => {
                self.in_mode = true;
                if self.current.is_none() {
                    self.begin(cx);
                }
                Ok(())
            }
            Held::Request(request) => self.act_on_request(cx, request, notify),
            Held::Heard(heard) => {
                self.hear(cx, &heard, notify);
                Ok(())
            }
            Held::End(is_there) => {
                // What is told to a device that is gone waits for its return, and is out of date by then.
                let deaf = std::mem::take(&mut self.in_mode) && is_there;
                if self.current.is_some() {
                    // A device that is gone has left with its last words, not when it was given up.
                    let ended_at = is_there.then(|| cx.now());
                    self.finalize(cx, ended_at, deaf);
                } else if is_there {
                    self.repeat(cx, None);
                }
                Ok(())
            }
        }
    }

    fn act_on_request(&mut self, cx: &mut Cx<'_, Self>, request: Request, notify: bool) -> Outcome {
        let Request { phase, title } = request;
        if let Phase::Snippet(_) = &phase
            && self.current.is_none()
        {
            self.refuse_late(cx.now())?;
            self.begin(cx);
        }
        if let Some(running) = &mut self.current
            && title.is_some()
        {
            running.account.title = title;
        }
        match phase {
            Phase::Snippet(items) => {
                if let Some(running) = &mut self.current {
                    running.take_items(cx, items, notify);
                }
                Ok(())
            }
            Phase::Finalize if self.current.is_some() => {
                // Outside of the mode, what is heard is not for the meeting.
                let (now, deaf) = (cx.now(), self.in_mode);
                self.finalize(cx, Some(now), deaf);
                Ok(())
            }
            Phase::Finalize | Phase::Summary => {
                self.repeat(cx, Some(phase.name()));
                Ok(())
            }
        }
    }

    fn hear(&mut self, cx: &mut Cx<'_, Self>, heard: &Heard, notify: bool) {
        if let Some(running) = &mut self.current {
            running.take_transcript(cx, heard, notify);
            return;
        }
        // Words cannot be refused one by one; it is said once.
        let over = self.over.get_or_insert(Over { at: cx.now(), told: false });
        if !std::mem::replace(&mut over.told, true) {
            let message = "the meeting is over and takes no more words; end the mode and start it again for the next";
            send_error(cx, "MEETING_FINALIZING", message, None);
        }
    }

    /// Nothing came of the draft of this segment, wherever it is.
    pub(crate) fn forget_draft(&mut self, segment: u64) {
        if let Some(opening) = &mut self.opening {
            opening.forget_draft(segment);
        }
        if let Some(running) = &mut self.current {
            running.forget_draft(segment);
        }
    }

    /// In the mode a meeting begins with the mode; outside of it with its first snippet.
    fn begin(&mut self, cx: &mut Cx<'_, Self>) {
        let number = self.counted.unwrap_or(0) + 1;
        self.counted = Some(number);
        self.over = None;
        self.current = Some(Running::begin(Account::begin(cx.session_id(), number, self.last_version, cx.now())));
    }

    fn refuse_late(&self, now: u64) -> Result<(), Fault> {
        let code = "MEETING_FINALIZING";
        if !self.closing.is_empty() {
            return Err(reject(code, "the meeting is being summed up and takes no more snippets"));
        }
        let is_late = self.over.as_ref().is_some_and(|over| self.in_mode || now < over.at.saturating_add(LATE_MS));
        if is_late {
            return Err(reject(code, "the meeting is over; end the mode and start it again for the next one"));
        }
        Ok(())
    }

    fn finalize(&mut self, cx: &mut Cx<'_, Self>, ended_at: Option<u64>, deaf: bool) {
        let Some(running) = self.current.take() else { return };
        let ending = Ending { ended_at, deaf, hurried: self.closing.len() >= CLOSING };
        let mut closing = Closing::begin(cx, running, ending);
        closing.advance(cx);
        self.closing.push(closing);
        self.over = Some(Over { at: cx.now(), told: false });
    }

    /// Somebody wants the summary of a meeting that is over, or will be.
    fn repeat(&mut self, cx: &mut Cx<'_, Self>, phase: Option<&str>) {
        if let Some(closing) = self.closing.last_mut() {
            match closing.told() {
                Some(message) => cx.send(&message),
                None if closing.repeats >= REPEATS => send_busy(cx, phase),
                None => closing.repeats += 1,
            }
        } else if cx.waiting().filter(|next| matches!(next, Next::Repeat(_))).count() >= READS {
            send_busy(cx, phase);
        } else {
            cx.read_document(last::key(&cx.device().id)).then(Next::Repeat(phase.map(str::to_owned)));
        }
    }

    /// The last summary has been read for somebody, or cannot be. `phase` is that of the message that has asked; none
    /// where the mode has ended, which wants no error.
    pub(crate) fn answer_repeat(&mut self, cx: &mut Cx<'_, Self>, phase: Option<String>, reply: &Reply) {
        match reply {
            Reply::Document(document) => match (Last::read(document.value.as_deref()), phase) {
                (Some(last), _) => cx.send(&last.message),
                (None, Some(phase)) => {
                    let message = "there is no meeting: start the mode meeting or send a snippet first";
                    send_error(cx, "NOT_READY", message, Some(&phase));
                }
                (None, None) => {}
            },
            Reply::Failed(failed) if failed.reason == Failure::Interrupted => {
                cx.read_document(last::key(&cx.device().id)).then(Next::Repeat(phase));
            }
            _ => {
                if let Some(phase) = &phase {
                    let message = "the summary cannot be read now; ask again later";
                    send_error(cx, "STORAGE_UNAVAILABLE", message, Some(phase));
                }
            }
        }
    }

    /// The plugin is removed: meetings are summed up with what is at hand.
    pub(crate) fn conclude_all(&mut self, cx: &mut Cx<'_, Self>) {
        let deaf = std::mem::take(&mut self.in_mode);
        let ending = Ending { ended_at: Some(cx.now()), deaf, hurried: true };
        if let Some(running) = self.current.take() {
            self.closing.push(Closing::begin(cx, running, ending));
        }
        self.closing.iter_mut().for_each(|closing| closing.conclude_now(cx));
    }

    /// Lets go of meetings that nothing is left to do for.
    pub(crate) fn settle(&mut self, cx: &mut Cx<'_, Self>) {
        let before = self.closing.len();
        self.closing.retain(|closing| !closing.is_over());
        if self.closing.len() < before && self.current.is_none() {
            // Late is counted from the summary, not from the end of the meeting.
            self.over = Some(Over { at: cx.now(), told: self.over.as_ref().is_some_and(|over| over.told) });
        }
    }
}

impl Phase {
    /// As devices call it.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Snippet(_) => "snippet",
            Self::Finalize => "finalize",
            Self::Summary => "summary",
        }
    }
}

/// What an error is about.
#[derive(Serialize)]
struct About<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a str>,
}

/// Tells of a fault of something asked for earlier.
fn send_error(cx: &mut Cx<'_, Meeting>, code: &str, message: &str, phase: Option<&str>) {
    cx.send_error(code, message, &About { r#type: "meeting", phase });
}

/// The summary has been asked for too often. A refusal cannot say how long to wait; and the end of the
/// mode, which has no phase, must not be refused at all: it would be undone.
fn send_busy(cx: &mut Cx<'_, Meeting>, phase: Option<&str>) {
    #[derive(Serialize)]
    struct Busy<'a> {
        r#type: &'static str,
        code: &'static str,
        message: &'static str,
        retry_after_ms: u64,
        r#ref: About<'a>,
    }
    if phase.is_some() {
        let message = "the summary has been asked for often enough; it is on its way";
        let about = About { r#type: "meeting", phase };
        cx.send(&Busy { r#type: "error", code: "RATE_LIMITED", message, retry_after_ms: BUSY_MS, r#ref: about });
    }
}
