//! A command with its language. Rule: which phrases are commands is decided by the crate `phrases`.

use modehost_sdk::Language;
use phrases::Verdict;
use phrases::task::{self, ExtraPhrases, Verb};
use serde::{Deserialize, Serialize};

/// A command with the text that names its task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub verb: Verb,
    /// In lower case; empty if no task is named.
    pub target: String,
    pub language: Language,
}

/// Whether a command has to be confirmed before it is executed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Doubt {
    #[default]
    None,
    /// Only if the text, without fillers, is not exactly the title of a task.
    Title,
    /// The utterance may have been a question.
    Form,
}

impl Doubt {
    /// True if there is no doubt.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl Command {
    /// The command in an utterance, with its doubt; none for anything else.
    pub fn read(said: &str, extra: &ExtraPhrases) -> Option<(Self, Doubt)> {
        let (command, doubt) = match task::read(said, extra) {
            Verdict::Command(command) => (command, Doubt::None),
            Verdict::Doubt(command) if command.is_question => (command, Doubt::Form),
            Verdict::Doubt(command) => (command, Doubt::Title),
            Verdict::Talk => return None,
        };
        let task::Command { verb, target, .. } = command;
        Some((Self { verb, target, language: Language::of(said) }, doubt))
    }
}
