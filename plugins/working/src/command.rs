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

impl Command {
    /// The command in what was said.
    pub fn read(said: &str, extra: &ExtraPhrases) -> Verdict<Self> {
        let language = Language::of(said);
        task::read(said, extra).map(|task::Command { verb, target }| Self { verb, target, language })
    }
}
