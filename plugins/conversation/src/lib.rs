//! Conversation: the default mode. Rule: every turn gets an answer that starts soon and ends; with a language model
//! sentence by sentence, without one from rules that say honestly what they cannot answer.
//!
//! # Layout, in the order in which a turn is processed
//! - [`modes`]: the modes that can be started
//! - [`intent`]: commands that need no model
//! - [`turn`]: a turn, from its transcript to the end of its answer
//! - [`prompt`]: the request to the model
//! - [`sentences`], [`emotion`]: from chunks to speech and face
//! - [`tools`]: tools of the device, and those of this mode
//! - [`rules`], [`calendar`], [`wording`]: answers without a model
//! - [`memory`], [`keeping`]: the dialogue and its document
//! - [`Config`][]: settings; `before`: migrates the state of older schemas

mod before;
pub mod calendar;
mod config;
pub mod emotion;
pub mod intent;
pub mod keeping;
pub mod memory;
pub mod modes;
pub mod prompt;
pub mod rules;
pub mod sentences;
pub mod tools;
pub mod turn;
pub mod wording;

use modehost_sdk::{
    Aborted, Cx, Describe, EndReason, Language, Migrated, Mode, ModeOffer, Outcome, Reply, Transcript, VoicePolicy,
};
use phrases::Verdict;
use serde::{Deserialize, Serialize};

pub use crate::config::Config;
use crate::intent::Intent;
use crate::keeping::{Errand, Keeping};
use crate::modes::{Modes, Offered};
use crate::tools::Listing;
use crate::turn::{Turn, Wanted};

modehost_sdk::register!(Conversation);

/// Alarm: the time to wait for dialogue and tools is over.
const GATHER: &str = "gather";
/// Alarm: the tools are slow.
const FILLER: &str = "filler";
/// Alarm: the dialogue has to be saved.
const SAVE: &str = "save";

const NAMES: [&str; 2] = ["chat", "conversation"];

/// The state of one session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conversation {
    /// The turn that is being answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<Turn>,
    /// Time of the turn whose answer was last passed to speech output and may not have been heard yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    voiced: Option<u64>,
    memory: Keeping,
    listing: Listing,
    /// The mode that runs in front of this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
    /// The modes of this server.
    #[serde(skip_serializing_if = "Offered::is_empty")]
    offered: Offered,
}

/// The tags of requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Next {
    /// The answer of the model to the turn.
    Answer,
    /// The tool call with this index in the last round of the turn.
    Call(usize),
    /// The tool list of the device.
    Tools,
    /// The document of the dialogue.
    Document(Errand),
    /// The summary of the oldest turns.
    Summary,
}

impl Conversation {
    /// True while a turn is being answered.
    pub fn is_answering(&self) -> bool {
        self.turn.is_some()
    }

    /// The command in an utterance.
    pub(crate) fn intent(&self, cx: &Cx<'_, Self>, said: &str) -> Verdict<Intent> {
        Intent::read(said, &self.modes(cx), self.mode.is_some(), cx.device().alias.as_deref())
    }

    /// The modes that can be begun.
    pub(crate) fn modes(&self, cx: &Cx<'_, Self>) -> Modes {
        Modes::of(&self.offered, cx.config())
    }
}

impl Mode for Conversation {
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
            .mode(NAMES[0], &NAMES[1..])
            .voice(VoicePolicy::FirstRefusal)
            .description("Talks with the user, and begins the other modes.")
            .on_mode_change()
            .on_modes()
            .config_schema(include_str!("../config.schema.json"))
    }

    /// A new utterance ends the current speech; then it is executed as a command or answered as a turn.
    fn on_transcript(&mut self, cx: &mut Cx<'_, Self>, transcript: Transcript) -> Outcome {
        let text = transcript.text.trim();
        if !transcript.is_final || text.is_empty() {
            return Ok(());
        }
        self.interrupt(cx, false);
        self.voiced = None;
        // Also without an open turn: the model has often finished long before the speech.
        cx.silence();
        let language = Language::of(text);
        match self.intent(cx, text) {
            Verdict::Command(Intent::Start(mode)) => cx.switch_mode(mode.as_str()),
            Verdict::Command(Intent::Leave) => {
                // The mode itself announces its end.
                cx.say(language.pick("好的。", "All right."));
                cx.leave_mode();
            }
            Verdict::Command(Intent::Part) => {
                cx.say(wording::goodbye(language));
                cx.hang_up();
            }
            Verdict::Command(Intent::Stop) => {}
            Verdict::Command(Intent::Forget) => self.forget(cx, language),
            // The model has tools for a doubtful command; without a model it is asked back.
            Verdict::Doubt(_) | Verdict::Talk => self.begin(cx, text),
        }
        Ok(())
    }

    fn on_reply(&mut self, cx: &mut Cx<'_, Self>, next: Next, reply: Reply) -> Outcome {
        match (next, reply) {
            (Next::Answer, Reply::Chunk(text)) => self.hear(cx, &text),
            (Next::Answer, Reply::Model(done)) => self.answered(cx, done),
            (Next::Answer, Reply::Failed(failed)) => self.unanswered(cx, failed.reason),
            (Next::Call(index), Reply::Tool(done)) => self.tool_answered(cx, index, &done.text, done.failed),
            (Next::Call(index), Reply::Failed(failed)) => self.tool_answered(cx, index, &failed.message, true),
            (Next::Tools, Reply::Tools(list)) => self.take_tools(cx, list.tools),
            (Next::Tools, _) => self.gathered(cx, Wanted::Tools),
            (Next::Document(errand), reply) => {
                match reply {
                    Reply::Document(document) => self.take_document(cx, &document),
                    Reply::Written(done) => self.written(cx, errand, done.version),
                    Reply::Conflict(current) => self.conflicted(cx, errand, &current),
                    Reply::Failed(failed) => self.keeping_failed(cx, errand, failed.reason),
                    _ => {}
                }
                if errand == Errand::Load {
                    self.gathered(cx, Wanted::Memory);
                }
            }
            (Next::Summary, Reply::Model(done)) => self.take_summary(cx, &done.text),
            (Next::Summary, Reply::Failed(failed)) => self.summary_failed(cx, failed.reason),
            _ => {}
        }
        Ok(())
    }

    /// The host has silenced the device, but a chunk may have arrived in between.
    fn on_aborted(&mut self, cx: &mut Cx<'_, Self>, aborted: Aborted) -> Outcome {
        self.cut_off(cx, aborted.heard.as_deref());
        Ok(())
    }

    /// The rest of an answer is not spoken in another mode.
    fn on_mode_changed(&mut self, cx: &mut Cx<'_, Self>, mode: String) -> Outcome {
        let other = !NAMES.contains(&mode.as_str());
        if other {
            self.interrupt(cx, true);
        }
        self.mode = Some(mode).filter(|_| other);
        Ok(())
    }

    /// Modes were added, changed or removed, or this is the first list.
    fn on_modes(&mut self, _: &mut Cx<'_, Self>, modes: Vec<ModeOffer>) -> Outcome {
        self.offered = Offered::of(modes);
        Ok(())
    }

    fn on_alarm(&mut self, cx: &mut Cx<'_, Self>, name: &str) -> Outcome {
        match name {
            GATHER => self.gather_no_more(cx),
            FILLER => self.fill(cx),
            SAVE => self.keep(cx),
            _ => {}
        }
        Ok(())
    }

    fn on_ended(&mut self, cx: &mut Cx<'_, Self>, _reason: EndReason) -> Outcome {
        self.interrupt(cx, true);
        self.keep_for_good(cx);
        Ok(())
    }
}
