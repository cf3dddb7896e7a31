//! Conversation: the default mode. Rule: every turn gets an answer that begins soon and ends; with a
//! language model sentence by sentence, without one from rules that say honestly where they end.
//!
//! # Layout, in the order in which a turn walks
//! - [`intent`]: commands that need no model
//! - [`turn`]: a turn, from its words to the end of its answer
//! - [`prompt`]: what the model is told
//! - [`sentences`], [`emotion`]: from chunks to what is spoken and shown
//! - [`tools`]: tools of the device, and the one that begins a mode
//! - [`rules`], [`calendar`], [`wording`]: answers without a model
//! - [`memory`], [`keeping`]: what is remembered, and its document
//! - [`Config`][]: settings; `before`: the state of older versions

mod before;
pub mod calendar;
mod config;
pub mod emotion;
pub mod intent;
pub mod keeping;
pub mod memory;
pub mod prompt;
pub mod rules;
pub mod sentences;
pub mod tools;
pub mod turn;
pub mod wording;

use modehost_sdk::{
    Aborted, Cx, Describe, EndReason, Language, Migrated, Mode, Outcome, Reply, Transcript, VoicePolicy,
};
use phrases::Verdict;
use serde::{Deserialize, Serialize};

pub use crate::config::Config;
use crate::intent::Intent;
use crate::keeping::{Errand, Keeping};
use crate::tools::Listing;
use crate::turn::{Turn, Wanted};

modehost_sdk::register!(Conversation);

/// Alarm: the turn has waited long enough for what it would like to know.
const GATHER: &str = "gather";
/// Alarm: tools take long.
const FILLER: &str = "filler";
/// Alarm: the dialogue is to be saved, now.
const SAVE: &str = "save";

/// The names of this mode.
const NAMES: [&str; 2] = ["chat", "conversation"];

/// One device's conversation.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Conversation {
    /// What is being answered.
    #[serde(skip_serializing_if = "Option::is_none")]
    turn: Option<Turn>,
    /// Moment of the turn whose answer was last given to be spoken, and may not have been heard yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    voiced: Option<u64>,
    memory: Keeping,
    listing: Listing,
    /// The mode that runs over this one.
    #[serde(skip_serializing_if = "Option::is_none")]
    mode: Option<String>,
}

/// What waits for an outcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Next {
    /// The turn, for the model.
    Answer,
    /// The turn, for the call with this index in its last round.
    Call(usize),
    /// The list of the device's tools.
    Tools,
    /// The document of the dialogue.
    Document(Errand),
    /// The oldest turns are being summed up.
    Summary,
}

impl Conversation {
    /// True while a turn is being answered.
    pub fn is_answering(&self) -> bool {
        self.turn.is_some()
    }

    /// What a turn wants of the mode itself.
    pub(crate) fn intent(&self, cx: &Cx<'_, Self>, said: &str) -> Verdict<Intent> {
        Intent::read(said, cx.config(), self.mode.is_some(), cx.device().alias.as_deref())
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
            .on_mode_change()
            .config_schema(include_str!("../config.schema.json"))
    }

    /// A new utterance ends whatever is being said; then it is a command or a turn.
    fn on_transcript(&mut self, cx: &mut Cx<'_, Self>, transcript: Transcript) -> Outcome {
        let text = transcript.text.trim();
        if !transcript.is_final || text.is_empty() {
            return Ok(());
        }
        self.interrupt(cx, false);
        self.voiced = None;
        // The model has often ended long before the voice has: so also where no turn is open.
        cx.silence();
        let language = Language::of(text);
        match self.intent(cx, text) {
            Verdict::Command(Intent::Start(mode)) => cx.switch_mode(mode.as_str()),
            Verdict::Command(Intent::Leave) => {
                // What has ended, the mode says itself.
                cx.say(language.pick("好的。", "All right."));
                cx.leave_mode();
            }
            Verdict::Command(Intent::Part) => {
                cx.say(wording::goodbye(language));
                cx.hang_up();
            }
            Verdict::Command(Intent::Stop) => {}
            Verdict::Command(Intent::Forget) => self.forget(cx, language),
            // The model has tools for what is in doubt; without one it is asked back.
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

    /// The host has silenced the device; but a chunk may have come between that and this.
    fn on_aborted(&mut self, cx: &mut Cx<'_, Self>, aborted: Aborted) -> Outcome {
        self.cut_off(cx, aborted.heard.as_deref());
        Ok(())
    }

    /// Whoever begins another mode does not want to hear the rest of an answer in it.
    fn on_mode_changed(&mut self, cx: &mut Cx<'_, Self>, mode: String) -> Outcome {
        let other = !NAMES.contains(&mode.as_str());
        if other {
            self.interrupt(cx, true);
        }
        self.mode = Some(mode).filter(|_| other);
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
