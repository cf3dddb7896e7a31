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
//! - `before`: the state of older versions
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
mod before;
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
    Cx, Describe, EndReason, Language, Message, Migrated, Mode, Outcome, Reply, Start, Transcript, VoicePolicy,
};
use phrases::Verdict;
use phrases::ending::ends_meeting;
use serde::{Deserialize, Serialize};

use crate::closing::Closing;
use crate::closing::keeping::Part;
use crate::config::Config;
use crate::opening::{Held, Opening};
use crate::request::Request;
use crate::running::{Heard, Running};

modehost_sdk::register!(Meeting);

/// Alarm: segments since the last push are due.
pub(crate) const PUSH: &str = "push";
/// Alarm: writes that the storage has refused are due again.
pub(crate) const RETRY: &str = "retry";
/// Alarm: more of what waited for the opening is due.
pub(crate) const HELD: &str = "held";

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
}

/// What waits for an outcome. Meetings are told apart by their numbers in the session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Next {
    /// The document that tells what was before this handler.
    Opening,
    /// Somebody has asked for the last summary, with a message of this phase.
    Repeat(Option<String>),
    /// A segment on its way into the journal.
    Append { meeting: u32, seq: u64 },
    /// Notes of a stretch.
    Notes(u32),
    /// The end of a transcript, then its summary.
    Summary(u32),
    /// What is done with a summary.
    Keep(u32, Part),
}

/// The last meeting is over.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Over {
    /// Unix ms.
    at: u64,
    /// The device knows that nothing more is taken.
    told: bool,
}

impl Mode for Meeting {
    type Config = Config;
    type Next = Next;

    /// 1 kept request ids in the state.
    const SCHEMA: u32 = 2;
    const OLD_SCHEMAS: &'static [u32] = &[1];

    fn migrate(_schema: u32, state: &str) -> Result<Migrated<Self>, String> {
        before::read(state).map_err(|error| error.to_string())
    }

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
        let ends = confirmed && ends_meeting(&text, &cx.config().end_phrases) == Verdict::Command(());
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

    fn on_alarm(&mut self, cx: &mut Cx<'_, Self>, name: &str) -> Outcome {
        match name {
            PUSH => {
                if let Some(running) = &mut self.current {
                    running.push(cx);
                }
            }
            HELD if self.counted.is_some() => self.work_off_held(cx),
            RETRY => self.closing.iter_mut().for_each(|closing| closing.retry(cx)),
            _ => {}
        }
        self.settle(cx);
        Ok(())
    }

    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, next: Next, reply: Reply) -> Outcome {
        match next {
            Next::Opening => match reply {
                Reply::Document(document) => self.open(cx, &document),
                Reply::Failed(failed) => self.open_without_document(cx, failed.reason),
                _ => {}
            },
            Next::Repeat(phase) => self.answer_repeat(cx, phase, &reply),
            Next::Append { meeting, seq } => self.on_append(cx, meeting, seq, &reply),
            Next::Notes(meeting) => self.on_notes(cx, meeting, &reply),
            Next::Summary(meeting) => {
                if let Some(closing) = self.closing_number(meeting) {
                    closing.on_summary(cx, &reply);
                }
            }
            Next::Keep(meeting, part) => {
                match &reply {
                    Reply::Written(done) => self.last_version = self.last_version.max(done.version),
                    Reply::Conflict(current) => self.last_version = self.last_version.max(current.version),
                    _ => {}
                }
                if let Some(closing) = self.closing_number(meeting) {
                    closing.on_kept(cx, part, &reply);
                }
            }
        }
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

impl Meeting {
    fn closing_number(&mut self, number: u32) -> Option<&mut Closing> {
        self.closing.iter_mut().find(|closing| closing.account.number == number)
    }

    /// A segment is in the journal, or is not.
    fn on_append(&mut self, cx: &mut Cx<'_, Self>, meeting: u32, seq: u64, reply: &Reply) {
        match (&mut self.current, reply) {
            (Some(running), Reply::Failed(failed)) if running.account.number == meeting => {
                running.on_append_failed(seq, failed.reason);
            }
            (Some(running), _) if running.account.number == meeting => drop(running.account.on_appended(seq)),
            _ => {
                if let Some(closing) = self.closing_number(meeting) {
                    closing.on_appended(cx, seq);
                }
            }
        }
    }

    /// What notes of a stretch are made of has come, while the meeting runs or after it.
    fn on_notes(&mut self, cx: &mut Cx<'_, Self>, meeting: u32, reply: &Reply) {
        let Some(running) = self.current.as_mut().filter(|running| running.account.number == meeting) else {
            if let Some(closing) = self.closing_number(meeting) {
                closing.on_notes(cx, reply);
            }
            return;
        };
        match reply {
            Reply::Page(page) => running.account.take_page(cx, page),
            Reply::Model(done) => {
                running.account.take_answer(&done.text);
                running.take_notes_if_due(cx);
            }
            // Where the journal cannot be read, the next segment tries again.
            Reply::Failed(failed) => {
                let may_go_on = running.account.take_failure(cx, failed.reason);
                if may_go_on {
                    running.take_notes_if_due(cx);
                }
            }
            _ => {}
        }
    }
}
