//! Recognition of spoken commands in English and Chinese. Rule: an utterance is a command only if the command and
//! listed politeness are all of it; clauses that say who, when or whether, denials and reports make it talk, and an
//! uncertain case is reported as a doubt, never guessed.
//!
//! # Layout, in the order in which an utterance is processed
//! - [`text`]: normalises the transcript: width, case, punctuation, words that recognisers confuse
//! - [`path`]: matches a text word by word along all segmentations at once; each path collects flags
//! - [`frame`]: the words that may surround a command, and how they change the verdict
//! - [`remark`]: listed remarks beside a command: who is there, what is ready, how late it is
//! - [`clause`]: a command next to other clauses, split at punctuation and blanks: remarks before it, the speaker's own
//!   reasons after it
//! - [`embedded`]: a complete command among any remarks, unless [`scope`] finds a clause that cancels or restricts it
//! - `intent`: a command by the senses of its words, whatever their order
//! - [`begin`], [`leave`], [`farewell`], [`silence`]: the grammars of the commands
//! - [`mode_command`]: all commands of the default mode
//! - [`ending`]: the command that ends a running recording
//! - [`task`], with [`talk`], [`negation`], [`wording`], [`ordinal`]: commands that contain the speaker's own words
//!
//! Plain Rust that knows nothing of the server: the modes are compiled with it.

pub mod begin;
pub mod clause;
pub mod embedded;
pub mod ending;
pub mod farewell;
pub mod frame;
mod intent;
pub mod leave;
pub mod mode_command;
pub mod negation;
pub mod ordinal;
pub mod path;
pub mod remark;
pub mod scope;
pub mod silence;
pub mod talk;
pub mod task;
pub mod text;
pub mod wording;

/// How an utterance was classified.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<C> {
    /// A command: execute it.
    Command(C),
    /// Possibly a command: confirm it with a model or by asking aloud.
    Doubt(C),
    /// Anything else.
    Talk,
}

impl<C> Verdict<C> {
    /// The command, if it is certain.
    pub fn command(self) -> Option<C> {
        match self {
            Self::Command(command) => Some(command),
            _ => None,
        }
    }

    /// Maps the command.
    pub fn map<D>(self, of: impl FnOnce(C) -> D) -> Verdict<D> {
        match self {
            Self::Command(what) => Verdict::Command(of(what)),
            Self::Doubt(what) => Verdict::Doubt(of(what)),
            Self::Talk => Verdict::Talk,
        }
    }

    /// The more certain of the two verdicts; the first one if they are equally certain.
    #[must_use]
    pub fn or(self, other: impl FnOnce() -> Self) -> Self {
        match self {
            Self::Command(_) => self,
            Self::Doubt(_) => match other() {
                Self::Command(command) => Self::Command(command),
                _ => self,
            },
            Self::Talk => other(),
        }
    }
}
