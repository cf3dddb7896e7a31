//! Meeting: records a meeting, shows it to the device and summarises it. Rule: the transcript is in the journal, the
//! summary is made once, and every step can be repeated from what is on disk.
//!
//! # Layout
//! - [`request`]: parses a device message
//! - [`opening`]: defers events while the last summary of the device is loaded
//! - [`stage`]: applies events to the meetings of a session
//! - [`running`] and [`segment`]: a meeting in progress
//! - [`account`]: what is known of a meeting besides its transcript; takes notes while it runs
//! - [`closing`]: from the end of a meeting to its summary, archive and webhook
//! - [`last`]: the stored summary, sent again on request
//! - [`prompt`] and [`answer`]: requests to the model, and its answers
//! - [`extract`], [`notes`], [`likeness`]: notes by rules
//! - [`summary`], [`minutes`] and [`spoken`]: the summary for devices, as a file and aloud; [`opening_words`]: a title
//! - `before`: migrates the state of older schemas
//! - [`calendar`], [`config`]; the phrases that end a meeting are matched by the crate `phrases`
//!
//! A meeting begins with the mode, or outside of the mode with the first snippet, and ends with the request to end it;
//! if the device does not return, it ends with its last segment. A meeting that has ended takes no more segments. The
//! next one begins with the next start of the mode, or outside of the mode with a snippet that comes after the time for
//! late ones.
//!
//! The state holds no transcript: the journal is read when notes or a summary are due. So a segment costs the same in
//! the sixth hour as in the first minute.

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

/// Alarm: the segments since the last push are due.
pub(crate) const PUSH: &str = "push";
/// Alarm: writes that failed are due again, of the meeting whose number follows; states of older versions have none.
pub(crate) const RETRY: &str = "retry";
/// Alarm: more of the deferred events are due.
pub(crate) const HELD: &str = "held";

/// The state of one session: its meetings.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Meeting {
    /// The session is in the mode; otherwise it only handles messages.
    #[serde(default)]
    in_mode: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    opening: Option<Opening>,
    /// Number of the last meeting of this session; none until the document of the last summary has been read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    counted: Option<u32>,
    /// Last known version of that document.
    #[serde(default)]
    last_version: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    current: Option<Running>,
    /// Meetings that are being summarised, in order; usually one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    closing: Vec<Closing>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    over: Option<Over>,
}

/// The tags of requests. Meetings are identified by their numbers in the session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Next {
    /// The document of the last summary, read at the start.
    Opening,
    /// The last summary was requested by a message with this phase; none if the mode has ended.
    Repeat(Option<String>),
    /// A segment that is appended to the journal.
    Append { meeting: u32, seq: u64 },
    /// Notes of a section of the transcript: the section, then the model's answer.
    Notes(u32),
    /// The end of the transcript, then the model's summary.
    Summary(u32),
    /// A step that follows the summary.
    Keep(u32, Part),
}

/// The last meeting has ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Over {
    /// Unix ms.
    at: u64,
    /// The device has been told that no more is taken.
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
            .description("Records a meeting, shows what is said, and sums it up with decisions and actions at its end.")
            .phrases(&["开始会议", "会议模式", "进入会议模式", "start a meeting", "start the meeting", "meeting mode"])
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
        // A doubt counts as speech of the meeting: asking back would interrupt it.
        let ends = confirmed && ends_meeting(&text, &cx.config().end_phrases) == Verdict::Command(());
        if ends {
            // The default mode leaves the running mode, which ends the meeting; a device without buttons has no other
            // way to end it.
            cx.decline();
        }
        if ends || text.trim().is_empty() {
            // The draft was a farewell or nothing, so it is no part of the meeting.
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
            _ => {
                if let Some(number) = name.strip_prefix(RETRY) {
                    let number: Option<u32> = number.trim_start().parse().ok();
                    let retried = |closing: &&mut Closing| number.is_none_or(|number| closing.account.number == number);
                    self.closing.iter_mut().filter(retried).for_each(|closing| closing.retry(cx));
                }
            }
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

    /// A segment has been appended to the journal, or could not be.
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

    /// The outcome of a request for notes, while the meeting runs or after it.
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
            // If the journal cannot be read, the next segment tries again.
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
