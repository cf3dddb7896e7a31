//! What people say, read as a whole. Rule: a command is all that was said, but for politeness; who, when,
//! questions, denials and reports make it talk, and what stays unsure is a doubt and never guessed.
//!
//! # Layout, in the order in which an utterance walks
//! - [`text`]: as recognisers write it, made even: width, case, marks, characters that sound alike
//! - [`path`]: a text is walked by words, on all ways at once, and each way collects marks
//! - [`frame`]: what may stand around a command, and what it makes of it
//! - [`remark`]: what people say beside a command, of themselves and of the hour
//! - [`clause`]: a command among clauses that marks and blanks part; remarks stand before it, and the speaker's own
//!   reasons behind it
//! - [`order`]: a whole order among any remarks, unless [`scope`] finds what takes it back
//! - `gist`: an order by what its words mean, whatever their order
//! - [`begin`], [`leave`], [`farewell`], [`hush`]: the commands themselves
//! - [`wish`]: everything that a person may want of the default mode
//! - [`ending`]: the end of what is being recorded
//! - [`task`], with [`talk`], [`negation`], [`wording`], [`ordinal`]: commands with words of the person's own in them
//!
//! It is plain Rust: modes are compiled with it, and nothing in it knows of the server.

pub mod begin;
pub mod clause;
pub mod ending;
pub mod farewell;
pub mod frame;
mod gist;
pub mod hush;
pub mod leave;
pub mod negation;
pub mod order;
pub mod ordinal;
pub mod path;
pub mod remark;
pub mod scope;
pub mod talk;
pub mod task;
pub mod text;
pub mod wish;
pub mod wording;

/// What an utterance is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict<C> {
    /// Do it.
    Command(C),
    /// It may be meant: ask, by a model or aloud, and do not guess.
    Doubt(C),
    /// Something else.
    Talk,
}

impl<C> Verdict<C> {
    /// What is commanded, without doubt.
    pub fn command(self) -> Option<C> {
        match self {
            Self::Command(command) => Some(command),
            _ => None,
        }
    }

    /// The same of something else.
    pub fn map<D>(self, of: impl FnOnce(C) -> D) -> Verdict<D> {
        match self {
            Self::Command(what) => Verdict::Command(of(what)),
            Self::Doubt(what) => Verdict::Doubt(of(what)),
            Self::Talk => Verdict::Talk,
        }
    }

    /// The surer of the two; the first where both are as sure.
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
