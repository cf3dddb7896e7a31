//! The person at the device: what they are saying, and in which language. Rule: an utterance that goes on
//! before anything was answered is one with what came before; after two such repeats, or once it is as long
//! as may be, the answer comes whoever goes on (A.10).

use modehost_speech::join;

use crate::config::Language;

/// Repeats after which the answer comes.
const REPEATS: u8 = 2;

/// What was said last, and not answered yet.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Open {
    segment: u64,
    text: String,
    start_ms: u64,
    /// Requests that were opened since have a higher number: they are about it.
    serial: u64,
}

/// What is known of the person.
#[derive(Debug, Default)]
pub(crate) struct Person {
    /// None once an answer has begun, something has been done about it, or a boundary has come.
    open: Option<Open>,
    /// How often what was said has gone on.
    repeats: u8,
    /// Of the words that were heard last.
    language: Option<Language>,
}

/// Words of the person that make one turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Said {
    pub segment: u64,
    pub text: String,
    pub start_ms: u64,
    /// They take the place of what was said before.
    pub goes_on: bool,
}

impl Person {
    /// In which language to speak to them, if they have spoken.
    pub(crate) fn language(&self) -> Option<Language> {
        self.language
    }

    /// What was said has gone on as often as the answer waits for.
    pub(crate) fn has_gone_on(&self) -> bool {
        self.repeats >= REPEATS
    }

    /// The number of the last request before what was said last, if it is not answered.
    pub(crate) fn asked_behind(&self) -> Option<u64> {
        self.open.as_ref().map(|open| open.serial)
    }

    /// Words that were heard, as a new segment; or as more of what was said and is not answered yet. `cut`:
    /// they were cut since they were as long as may be. `serial`: of the last request by now.
    pub(crate) fn says(&mut self, text: &str, (segment, start_ms): (u64, u64), cut: bool, serial: u64) -> Said {
        self.language = Language::of(text).or(self.language);
        let before = self.open.take().filter(|_| self.repeats < REPEATS);
        let said = match before {
            Some(before) => {
                self.repeats += 1;
                let text = join(&before.text, text);
                Said { segment: before.segment, text, start_ms: before.start_ms, goes_on: true }
            }
            None => {
                self.repeats = 0;
                Said { segment, text: text.to_owned(), start_ms, goes_on: false }
            }
        };
        if cut {
            self.repeats = REPEATS;
        }
        let (text, start_ms) = (said.text.clone(), said.start_ms);
        self.open = Some(Open { segment: said.segment, text, start_ms, serial });
        said
    }

    /// The answer has begun, or what was said has been acted on: what follows is a new turn.
    pub(crate) fn on_answered(&mut self) {
        self.open = None;
        self.repeats = 0;
    }

    /// Something was typed, or a mode that records has it: nothing goes on from it.
    pub(crate) fn notes(&mut self, text: &str) {
        self.language = Language::of(text).or(self.language);
        self.on_answered();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a10_what_goes_on_is_one_utterance_twice_and_then_no_more() {
        let mut person = Person::default();
        let text = |said: Said| (said.segment, said.text, said.goes_on);
        assert_eq!(text(person.says("把灯", (1, 10), false, 0)), (1, "把灯".into(), false));
        assert_eq!(text(person.says("打开", (2, 20), false, 0)), (1, "把灯打开".into(), true));
        assert!(!person.has_gone_on());
        let said = person.says("please now", (3, 30), false, 0);
        assert_eq!((said.start_ms, person.has_gone_on()), (10, true));
        assert_eq!(text(person.says("更多", (4, 40), false, 0)), (4, "更多".into(), false), "a television");
    }

    #[test]
    fn a10_what_was_answered_or_acted_on_is_not_taken_up_again() {
        let mut person = Person::default();
        person.says("one", (1, 1), false, 0);
        person.on_answered();
        assert!(!person.says("two", (2, 2), false, 0).goes_on);
        person.notes("typed");
        assert!(!person.says("three", (3, 3), false, 0).goes_on);
        assert_eq!(person.language(), Some(Language::English));
        assert_eq!(person.says("42", (4, 4), false, 0).text, "three 42");
        assert_eq!(person.language(), Some(Language::English));
    }

    #[test]
    fn a10_the_longest_utterance_is_answered_whoever_goes_on() {
        let mut person = Person::default();
        person.says("one", (1, 1), true, 0);
        assert!(person.has_gone_on());
    }
}
