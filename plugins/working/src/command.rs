//! A command with the language it was given in. Rule: which words are one is read by the crate `phrases`.

use modehost_sdk::Language;
use phrases::Verdict;
use phrases::task::{self, ExtraPhrases, Verb};
use serde::{Deserialize, Serialize};

/// A command with the words that name its task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub verb: Verb,
    /// Lower-cased; empty where no task is named.
    pub target: String,
    pub language: Language,
}

/// Whether a command is asked about before it is carried out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Doubt {
    #[default]
    None,
    /// Only where its words are more or less than the title of a task.
    Title,
    /// It may have been a question.
    Form,
}

impl Doubt {
    /// True where there is none.
    pub fn is_none(&self) -> bool {
        *self == Self::None
    }
}

impl Command {
    /// The command in what was said, and how sure it is; none if it is something else.
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
