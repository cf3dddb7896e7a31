//! Applies messages, transcripts, starts and ends to the meetings of a session. Rule: a request is rejected before any
//! state has changed.

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

/// Outside of the mode, a snippet that arrives within this time after a summary is rejected as late, in ms.
const LATE_MS: u64 = 30_000;
/// Meetings that may wait for a model; further ones are summarised by rules.
const CLOSING: usize = 3;
/// Reads of the last summary that may be pending for requests.
const READS: usize = 8;
/// `retry_after_ms` of a rejected request for the summary: making one takes some seconds.
const BUSY_MS: u64 = 5_000;

impl Meeting {
    /// Applies an event, or defers it until the last summary has been read.
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

    /// The document of the last summary has been read: processes the deferred events.
    pub(crate) fn open(&mut self, cx: &mut Cx<'_, Self>, document: &Document) {
        let last = Last::read(document.value.as_deref()).filter(|last| last.session == cx.session_id());
        self.last_version = document.version;
        self.over = last.as_ref().map(|last| Over { at: last.at, told: false });
        self.open_with(cx, last.map_or(0, |last| last.number));
    }

    /// The document cannot be read.
    pub(crate) fn open_without_document(&mut self, cx: &mut Cx<'_, Self>, reason: Failure) {
        match reason {
            Failure::Interrupted => opening::read(cx),
            _ => self.open_with(cx, number_without_document(cx.now())),
        }
    }

    fn open_with(&mut self, cx: &mut Cx<'_, Self>, counted: u32) {
        self.counted = Some(counted);
        if let Some(opening) = &mut self.opening {
            opening.end_wait();
        }
        self.work_off_held(cx);
    }

    /// Processes as many deferred events as fit one list of effects; an alarm without delay continues.
    pub(crate) fn work_off_held(&mut self, cx: &mut Cx<'_, Self>) {
        let Some(mut opening) = self.opening.take() else { return };
        let held = opening.take_some();
        for what in held {
            let phase = match &what {
                Held::Request(request) => Some(request.phase.name()),
                _ => None,
            };
            // The message itself was accepted, so the error names its phase.
            if let Err(Fault::Rejected(rejection)) = self.act(cx, what, true) {
                send_error(cx, &rejection.code, &rejection.message, phase);
            }
        }
        if !opening.is_empty() {
            cx.start_alarm(HELD, Duration::ZERO);
            self.opening = Some(opening);
        }
    }

    /// Applies an event. `notify`: appends report their success, since the meeting may end in the same list of effects.
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
                // Output to a device that is gone is delivered at its return, when it is out of date.
                let deaf = std::mem::take(&mut self.in_mode) && is_there;
                if self.current.is_some() {
                    // For a device that is gone, the meeting ends with its last segment and not when its session
                    // expires.
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
                // Outside of the mode the device listens for another mode, so listening goes on.
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
        // Transcripts cannot be rejected one by one, so the error is sent once.
        let over = self.over.get_or_insert(Over { at: cx.now(), told: false });
        if !std::mem::replace(&mut over.told, true) {
            let message = "the meeting is over and takes no more words; end the mode and start it again for the next";
            send_error(cx, "MEETING_FINALIZING", message, None);
        }
    }

    /// Drops the draft of this segment: no final text came of it.
    pub(crate) fn forget_draft(&mut self, segment: u64) {
        if let Some(opening) = &mut self.opening {
            opening.forget_draft(segment);
        }
        if let Some(running) = &mut self.current {
            running.forget_draft(segment);
        }
    }

    /// Begins a meeting: with the mode, or outside of it with the first snippet.
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

    /// Sends the summary of a meeting that has ended, or queues the request until there is one.
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

    /// The last summary has been read for a request, or could not be. `phase` is that of the request; none if the mode
    /// has ended, which needs no error.
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

    /// The plugin is removed: summarises all meetings with what is at hand. Nothing comes after this event, so deferred
    /// events are processed now, without the document that they have been waiting for.
    pub(crate) fn conclude_all(&mut self, cx: &mut Cx<'_, Self>) {
        if let Some(mut opening) = self.opening.take() {
            self.counted.get_or_insert_with(|| number_without_document(cx.now()));
            for what in opening.take_all() {
                // Nobody waits for the answer to a message that is rejected now.
                let _ = self.act(cx, what, false);
            }
        }
        let deaf = std::mem::take(&mut self.in_mode);
        let ending = Ending { ended_at: Some(cx.now()), deaf, hurried: true };
        if let Some(running) = self.current.take() {
            self.closing.push(Closing::begin(cx, running, ending));
        }
        self.closing.iter_mut().for_each(|closing| closing.conclude_now(cx));
    }

    /// Drops the meetings whose last step is done.
    pub(crate) fn settle(&mut self, cx: &mut Cx<'_, Self>) {
        let before = self.closing.len();
        self.closing.retain(|closing| !closing.is_over());
        if self.closing.len() < before && self.current.is_none() {
            // Late snippets are timed from the summary, not from the end of the meeting.
            self.over = Some(Over { at: cx.now(), told: self.over.as_ref().is_some_and(|over| over.told) });
        }
    }
}

/// A number above that of every earlier meeting of the session: the Unix time in seconds.
fn number_without_document(now: u64) -> u32 {
    // Room for further meetings, should a clock be that wrong.
    u32::try_from(now / 1_000).unwrap_or(u32::MAX / 2)
}

impl Phase {
    /// The name in the protocol.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Snippet(_) => "snippet",
            Self::Finalize => "finalize",
            Self::Summary => "summary",
        }
    }
}

/// The `ref` of an error.
#[derive(Serialize)]
struct About<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    phase: Option<&'a str>,
}

/// Sends an error about an earlier message.
fn send_error(cx: &mut Cx<'_, Meeting>, code: &str, message: &str, phase: Option<&str>) {
    cx.send_error(code, message, &About { r#type: "meeting", phase });
}

/// The summary has been asked for too often. It is no rejection, which would undo the event; and the end of the mode,
/// which has no phase, is not answered by an error at all.
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
