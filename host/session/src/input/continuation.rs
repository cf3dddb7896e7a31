//! Continuation of the user's utterances, and their language. Rule: text that follows before anything was answered is
//! joined with the text before; after two continuations, or at the maximum length, the answer is given even while the
//! user speaks (A.10).

use modehost_speech::join;

use crate::config::Language;

/// Continuations after which the answer is given.
const MAX_CONTINUATIONS: u8 = 2;

/// The last utterance, while it is unanswered.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    segment: u64,
    text: String,
    start_ms: u64,
    /// Requests with a higher serial were opened after it, and so concern it.
    serial: u64,
}

/// The utterance state of the user.
#[derive(Debug, Default)]
pub(crate) struct Continuation {
    /// None once an answer has started, an irreversible effect has followed, or a boundary has come.
    open: Option<Open>,
    /// How often the utterance has been continued.
    continuations: u8,
    /// Of the last transcript.
    language: Option<Language>,
}

/// Text that forms one turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MergedText {
    pub segment: u64,
    pub text: String,
    pub start_ms: u64,
    /// It replaces the transcript before.
    pub continues: bool,
}

impl Continuation {
    /// The language of the user, if they have said anything.
    pub(crate) fn language(&self) -> Option<Language> {
        self.language
    }

    /// The utterance has been continued as often as allowed.
    pub(crate) fn continuations_exhausted(&self) -> bool {
        self.continuations >= MAX_CONTINUATIONS
    }

    /// The serial of the last request before the open utterance, if it is unanswered.
    pub(crate) fn serial_before(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.serial)
    }

    /// Adds recognised text, as a new segment or as a continuation of the open utterance. `cut`: it was cut at the
    /// maximum length. `serial`: of the last request so far.
    pub(crate) fn add(&mut self, text: &str, (segment, start_ms): (u64, u64), cut: bool, serial: u64) -> MergedText {
        self.language = Language::of(text).or(self.language);
        let before = self.open.take().filter(|_| self.continuations < MAX_CONTINUATIONS);
        let merged = match before {
            Some(before) => {
                self.continuations += 1;
                let text = join(&before.text, text);
                MergedText { segment: before.segment, text, start_ms: before.start_ms, continues: true }
            }
            None => {
                self.continuations = 0;
                MergedText { segment, text: text.to_owned(), start_ms, continues: false }
            }
        };
        if cut {
            self.continuations = MAX_CONTINUATIONS;
        }
        let (text, start_ms) = (merged.text.clone(), merged.start_ms);
        self.open = Some(Open { segment: merged.segment, text, start_ms, serial });
        merged
    }

    /// The answer has started, or an irreversible effect has followed: later text is a new turn.
    pub(crate) fn on_answered(&mut self) {
        self.open = None;
        self.continuations = 0;
    }

    /// Typed text, or text for a mode that records: nothing continues it.
    pub(crate) fn reset_with(&mut self, text: &str) {
        self.language = Language::of(text).or(self.language);
        self.on_answered();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a10_what_goes_on_is_one_utterance_twice_and_then_no_more() {
        let mut continuation = Continuation::default();
        let text = |merged: MergedText| (merged.segment, merged.text, merged.continues);
        assert_eq!(text(continuation.add("把灯", (1, 10), false, 0)), (1, "把灯".into(), false));
        assert_eq!(text(continuation.add("打开", (2, 20), false, 0)), (1, "把灯打开".into(), true));
        assert!(!continuation.continuations_exhausted());
        let merged = continuation.add("please now", (3, 30), false, 0);
        assert_eq!((merged.start_ms, continuation.continuations_exhausted()), (10, true));
        assert_eq!(text(continuation.add("更多", (4, 40), false, 0)), (4, "更多".into(), false), "a television");
    }

    #[test]
    fn a10_what_was_answered_or_acted_on_is_not_taken_up_again() {
        let mut continuation = Continuation::default();
        continuation.add("one", (1, 1), false, 0);
        continuation.on_answered();
        assert!(!continuation.add("two", (2, 2), false, 0).continues);
        continuation.reset_with("typed");
        assert!(!continuation.add("three", (3, 3), false, 0).continues);
        assert_eq!(continuation.language(), Some(Language::English));
        assert_eq!(continuation.add("42", (4, 4), false, 0).text, "three 42");
        assert_eq!(continuation.language(), Some(Language::English));
    }

    #[test]
    fn a10_the_longest_utterance_is_answered_whoever_goes_on() {
        let mut continuation = Continuation::default();
        continuation.add("one", (1, 1), true, 0);
        assert!(continuation.continuations_exhausted());
    }
}
