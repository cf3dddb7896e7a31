//! Meeting: what is said is kept, shown and summed up. Rule: the words are in the journal, the
//! summary is made once, and every step can be done again from what is on disk.
//!
//! # Layout
//! - [`request`]: a device message, read
//! - [`opening`]: what was before this handler
//! - [`running`] and [`segment`]: people are in the meeting
//! - [`account`]: what is known of a meeting besides its words; notes while it runs
//! - [`closing`]: from the end of the meeting to its summary, archive and webhook
//! - [`last`]: the summary that is there to be asked for again
//! - [`prompt`] and [`answer`]: what a model is asked, and what it makes of it
//! - [`extract`], [`notes`], [`likeness`]: notes by rules
//! - [`summary`], [`minutes`] and [`spoken`]: what devices and people get; [`opening_words`]: a title
//! - [`calendar`], [`config`]; the words that end it are read by the crate `phrases`
//!
//! A meeting lasts from the start of the mode (outside of it from its first snippet) to the request
//! to end it; where the device was given up, to the last thing said. After its end it takes nothing
//! more, and the next one begins with the next start of the mode; outside of the mode with a snippet
//! that comes later than the late ones.
//!
//! The state holds no transcript: the journal is read when notes or a summary are due. So a
//! snippet costs the same in the sixth hour as in the first minute.

pub mod account;
pub mod answer;
pub mod calendar;
pub mod closing;
pub mod config;
pub mod extract;
pub mod last;
pub mod likeness;
pub mod minutes;
pub mod notes;
pub mod opening;
pub mod opening_words;
pub mod prompt;
pub mod request;
pub mod running;
pub mod segment;
pub mod spoken;
pub mod stage;
pub mod summary;

use modehost_sdk::{
    Cx, Delivered, Describe, Document, EndReason, JournalPage, Language, Message, Mode, ModelDone, Outcome,
    RequestDone, RequestFailed, RequestId, Start, TimerId, Transcript, VoicePolicy, WriteDone,
};
use phrases::Verdict;
use phrases::ending::of_meeting;
use serde::{Deserialize, Serialize};

use crate::closing::Closing;
use crate::config::Config;
use crate::opening::{Held, Opening};
use crate::request::Request;
use crate::running::{Heard, Running};

modehost_sdk::register!(Meeting);

/// Segments since the last push are due.
pub(crate) const PUSH_TIMER: TimerId = 1;
/// Writes that the storage has refused are due again.
pub(crate) const RETRY_TIMER: TimerId = 2;

/// More of what waited for the opening is due.
pub(crate) const HELD_TIMER: TimerId = 3;

/// The state of one device's meetings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Meeting {
    /// The session is in the mode, and not only a handler of messages.
    #[serde(default)]
    in_mode: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opening: Option<Opening>,
    /// Meetings of this session so far; none until the document of the last one has been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted: Option<u32>,
    /// Version of that document, as far as known.
    #[serde(default)]
    last_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<Running>,
    /// Meetings that are being summed up, in order; mostly one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    closing: Vec<Closing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    over: Option<Over>,
    /// The last summary is being read for these.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    repeats: Vec<Repeat>,
}

/// The last meeting is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Over {
    /// Unix ms.
    at: u64,
    /// The device knows that nothing more is taken.
    told: bool,
}

/// Somebody has asked for the last summary.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Repeat {
    request: RequestId,
    /// The phase of the message that has asked; none where the mode has ended, which wants no
    /// error.
    phase: Option<String>,
}

impl Mode for Meeting {
    type Config = Config;

    fn describe() -> Describe {
        Describe::new()
            .mode("meeting", &[])
            .message_type("meeting")
            .voice(VoicePolicy::Exclusive)
            .config_schema(include_str!("../config.schema.json"))
    }

    fn on_started(&mut self, cx: &mut Cx<'_, Self>, start: Start) -> Outcome {
        if self.counted.is_none() && self.opening.is_none() {
            self.opening = Some(Opening::begin(cx));
        }
        if start.mode.is_some() {
            cx.say(spoken::begins(Language::tagged(&start.language)));
            return self.take(cx, Held::Start);
        }
        Ok(())
    }

    fn on_message(&mut self, cx: &mut Cx<'_, Self>, message: Message) -> Outcome {
        self.take(cx, Held::Request(Request::read(&message)?))
    }

    fn on_transcript(&mut self, cx: &mut Cx<'_, Self>, transcript: Transcript) -> Outcome {
        let Transcript { text, is_final: confirmed, start_ms, segment, .. } = transcript;
        // A doubt is kept as words of the meeting: asking back would talk into it.
        let ends = confirmed && of_meeting(&text, &cx.config().end_phrases) == Verdict::Command(());
        if ends {
            // The default mode leaves the mode that runs, and so ends the meeting like anyone else;
            // a device without buttons has no other way out.
            cx.decline();
        }
        if ends || text.trim().is_empty() {
            // What was shown of it meanwhile is no part of the meeting: it was a farewell, or nothing.
            if confirmed {
                self.forget_draft(segment);
            }
            return Ok(());
        }
        self.take(cx, Held::Heard(Heard { text, confirmed, start_ms, segment }))
    }

    fn on_timer(&mut self, cx: &mut Cx<'_, Self>, id: TimerId) -> Outcome {
        match id {
            PUSH_TIMER => {
                if let Some(running) = &mut self.current {
                    running.push(cx);
                }
            }
            HELD_TIMER if self.counted.is_some() => self.work_off_held(cx),
            RETRY_TIMER => self.closing.iter_mut().for_each(|closing| closing.retry(cx)),
            _ => {}
        }
        self.settle(cx);
        Ok(())
    }

    fn on_model_done(&mut self, cx: &mut Cx<'_, Self>, done: ModelDone) -> Outcome {
        match self.running_that_awaits(done.request) {
            Some(running) => {
                running.account.take_answer(&done.text);
                running.take_notes_if_due(cx);
            }
            None => drop(self.closing.iter_mut().any(|closing| closing.take_answer(cx, done.request, &done.text))),
        }
        self.settle(cx);
        Ok(())
    }

    fn on_request_failed(&mut self, cx: &mut Cx<'_, Self>, failed: RequestFailed) -> Outcome {
        let RequestFailed { request, reason, .. } = failed;
        if self.opening.as_ref().is_some_and(|opening| opening.awaits(Some(request))) {
            self.open_without_document(cx, reason);
        } else if let Some(running) = self.running_that_awaits(request) {
            // Where the journal cannot be read, the next segment tries again.
            if running.account.take_failure(cx, reason) {
                running.take_notes_if_due(cx);
            }
        } else if self.take_failed_repeat(cx, request, reason) {
        } else if !self.closing.iter_mut().any(|closing| closing.take_failure(cx, request, reason))
            && let Some(running) = &mut self.current
        {
            running.take_failed_append(request, reason);
        }
        self.settle(cx);
        Ok(())
    }

    fn on_document(&mut self, cx: &mut Cx<'_, Self>, document: Document) -> Outcome {
        if self.opening.as_ref().is_some_and(|opening| opening.awaits(document.request)) {
            self.open(cx, &document);
        } else {
            self.answer_repeat(cx, &document);
        }
        self.settle(cx);
        Ok(())
    }

    fn on_write_done(&mut self, cx: &mut Cx<'_, Self>, done: WriteDone) -> Outcome {
        self.last_version = self.last_version.max(done.version);
        let _ = self.closing.iter_mut().any(|closing| closing.take_done(cx, done.request));
        self.settle(cx);
        Ok(())
    }

    fn on_write_conflict(&mut self, cx: &mut Cx<'_, Self>, current: Document) -> Outcome {
        self.last_version = self.last_version.max(current.version);
        let _ = self.closing.iter_mut().any(|closing| closing.take_conflict(cx, &current));
        self.settle(cx);
        Ok(())
    }

    fn on_journal_page(&mut self, cx: &mut Cx<'_, Self>, page: JournalPage) -> Outcome {
        match self.running_that_awaits(page.request) {
            Some(running) => running.account.take_page(cx, &page),
            None => drop(self.closing.iter_mut().any(|closing| closing.take_page(cx, &page))),
        }
        self.settle(cx);
        Ok(())
    }

    fn on_request_done(&mut self, cx: &mut Cx<'_, Self>, done: RequestDone) -> Outcome {
        match &mut self.current {
            Some(running) if running.account.unsettled == Some(done.request) => running.account.unsettled = None,
            _ => drop(self.closing.iter_mut().any(|closing| closing.take_done(cx, done.request))),
        }
        self.settle(cx);
        Ok(())
    }

    fn on_delivered(&mut self, cx: &mut Cx<'_, Self>, delivered: Delivered) -> Outcome {
        let _ = self.closing.iter_mut().any(|closing| closing.take_done(cx, delivered.request));
        self.settle(cx);
        Ok(())
    }

    fn on_ended(&mut self, cx: &mut Cx<'_, Self>, reason: EndReason) -> Outcome {
        if reason == EndReason::Removed {
            self.conclude_all(cx);
            return Ok(());
        }
        let is_there = matches!(reason, EndReason::Requested | EndReason::Switched);
        self.take(cx, Held::End(is_there))
    }
}
