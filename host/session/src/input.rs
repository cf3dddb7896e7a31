//! What the person says: words that were typed, drafts and final words of a recogniser, and its faults. Rule: the drafts of
//! a segment and its final text share one number, and nothing else ever gets that number.
//!
//! What follows from words (which speech ends, which turn begins) is returned, and carried out by the actor.

mod person;

use std::sync::Arc;
use std::time::Duration;

use modehost_contract::event::Transcript;
use modehost_speech::Words;

use self::person::Person;
use crate::clock::unix_ms;
use crate::config::Language;

/// Source of transcripts that were typed.
const TYPED: &str = "typed";

/// The input of a session.
#[derive(Default)]
pub(crate) struct Input {
    /// Number of the newest segment; kept over a restart of the server.
    segments: u64,
    /// The segment that a recogniser has given a draft of, and not yet its final text.
    draft: Option<u64>,
    person: Person,
    /// The device knows that nobody hears its sound.
    told_unheard: bool,
    /// The device knows that its utterances are not recognised at the moment.
    told_failing: bool,
}

/// Words that a recogniser has given.
pub(crate) struct Recognised {
    /// For the mode.
    pub(crate) transcript: Transcript,
    /// These words alone, where the transcript goes on from words before.
    pub(crate) heard: Arc<str>,
    pub(crate) utterance: Utterance,
    /// How long they took to be recognised.
    pub(crate) took: Option<Duration>,
}

/// What words are to the turn that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Utterance {
    /// Not final: no turn begins.
    Draft,
    /// For a mode that keeps what is said: a turn, and nothing that is being said ends.
    Recorded,
    /// A new turn, which ends what is being said and asked.
    New,
    /// More of the turn that is open: nothing of an answer has been heard, and it is asked anew with all of it (A.10).
    Continued,
}

impl Input {
    /// In which language to speak to the person, if they have spoken.
    pub(crate) fn language(&self) -> Option<Language> {
        self.person.language()
    }

    /// Number of the newest segment.
    pub(crate) fn segments(&self) -> u64 {
        self.segments
    }

    /// Goes on from the segment that an earlier process left off at.
    pub(crate) fn resume_at(&mut self, segments: u64) {
        self.segments = segments;
    }

    /// An answer has begun, or what was said has been acted on: words that come are a new turn (A.10).
    pub(crate) fn on_answered(&mut self) {
        self.person.on_answered();
    }

    /// What was said has gone on as often as the answer waits for: it comes whoever speaks (A.10).
    pub(crate) fn has_gone_on(&self) -> bool {
        self.person.has_gone_on()
    }

    /// What was drafted is over.
    pub(crate) fn drop_draft(&mut self) {
        self.draft = None;
    }

    /// Words that were typed. A segment that is still being recognised keeps its number.
    pub(crate) fn on_typed(&mut self, text: String) -> Transcript {
        self.person.notes(&text);
        let now = unix_ms();
        self.segments += 1;
        Transcript {
            text: text.into(),
            is_final: true,
            start_ms: now,
            end_ms: now,
            segment: self.segments,
            source: TYPED.into(),
        }
    }

    /// Words of a recogniser; none where they are empty, which takes a draft back. `records`: the mode keeps what is
    /// said. `serial`: of the newest request. `is_awaited`: whether an answer to what was said behind a request with
    /// this serial is still to come.
    pub(crate) fn on_recognised(
        &mut self,
        words: Words,
        records: bool,
        serial: u64,
        is_awaited: impl FnOnce(u64) -> bool,
    ) -> Option<Recognised> {
        if words.text.trim().is_empty() {
            if words.is_final {
                self.draft = None;
            }
            return None;
        }
        let segment = self.draft.unwrap_or(self.segments + 1);
        self.segments = self.segments.max(segment);
        self.draft = (!words.is_final).then_some(segment);
        let Words { text, is_final, cut, start_ms, end_ms, took, source } = words;
        let mut transcript = Transcript { text, is_final, start_ms, end_ms, segment, source };
        let heard = transcript.text.clone();
        let utterance = match is_final {
            false => Utterance::Draft,
            true if records => {
                self.person.notes(&heard);
                Utterance::Recorded
            }
            true => {
                if !self.person.asked_behind().is_some_and(is_awaited) {
                    self.person.on_answered();
                }
                let said = self.person.says(&heard, (segment, start_ms), cut, serial);
                (transcript.segment, transcript.start_ms) = (said.segment, said.start_ms);
                transcript.text = said.text.into();
                if said.goes_on { Utterance::Continued } else { Utterance::New }
            }
        };
        Some(Recognised { transcript, heard, utterance, took })
    }

    /// Words that were said before a boundary, for a mode that keeps what is said; none where they are empty.
    pub(crate) fn on_recorded_late(&mut self, words: Words) -> Option<Transcript> {
        if words.text.trim().is_empty() {
            return None;
        }
        self.segments += 1;
        let Words { text, is_final, start_ms, end_ms, source, .. } = words;
        Some(Transcript { text, is_final, start_ms, end_ms, segment: self.segments, source })
    }

    /// The recogniser works: with words that are not empty, its next fault is told again.
    pub(crate) fn on_recogniser_works(&mut self, empty: bool) {
        self.told_failing &= empty;
    }

    /// The recogniser has failed. True if the device is to be told; `is_known`: where it has been told already, nothing
    /// is new.
    pub(crate) fn on_recogniser_failed(&mut self, is_known: bool) -> bool {
        !(std::mem::replace(&mut self.told_failing, true) && is_known)
    }

    /// The device begins to listen: that nobody hears its sound is told again.
    pub(crate) fn on_listening(&mut self) {
        self.told_unheard = false;
    }

    /// Sound came, and no recogniser is configured. True if the device is to be told.
    pub(crate) fn on_unheard_sound(&mut self) -> bool {
        !std::mem::replace(&mut self.told_unheard, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, is_final: bool) -> Words {
        Words { text: text.into(), is_final, cut: false, start_ms: 1, end_ms: 2, took: None, source: "test".into() }
    }

    fn recognised(input: &mut Input, text: &str, is_final: bool, awaited: bool) -> Option<(u64, Utterance)> {
        let found = input.on_recognised(words(text, is_final), false, 0, |_| awaited)?;
        Some((found.transcript.segment, found.utterance))
    }

    #[test]
    fn m3_a_draft_and_its_final_text_share_a_number_that_nothing_else_gets() {
        let mut input = Input::default();
        assert_eq!(recognised(&mut input, "hel", false, false), Some((1, Utterance::Draft)));
        assert_eq!(input.on_typed("typed".into()).segment, 2);
        assert_eq!(recognised(&mut input, "hello", true, false), Some((1, Utterance::New)));
        assert_eq!(recognised(&mut input, "hm", false, false), Some((3, Utterance::Draft)));
        assert_eq!(recognised(&mut input, " ", true, false), None, "a draft is taken back");
        assert_eq!(recognised(&mut input, "yes", true, false), Some((4, Utterance::New)));
        assert_eq!(input.on_recorded_late(words("late", true)).map(|late| late.segment), Some(5));
        assert_eq!((input.on_recorded_late(words("", true)).is_none(), input.segments()), (true, 5));
    }

    #[test]
    fn a10_words_go_on_from_what_is_not_answered_and_not_acted_on() {
        let mut input = Input::default();
        recognised(&mut input, "turn on", true, true);
        assert_eq!(recognised(&mut input, "the light", true, true), Some((1, Utterance::Continued)));
        assert_eq!(
            recognised(&mut input, "please", true, false),
            Some((3, Utterance::New)),
            "nobody works on an answer"
        );
        input.on_answered();
        assert_eq!(recognised(&mut input, "and", true, true), Some((4, Utterance::New)));
    }

    #[test]
    fn a_fault_of_the_recogniser_is_told_again_only_where_something_is_new() {
        let mut input = Input::default();
        assert!(input.on_recogniser_failed(true));
        assert!(!input.on_recogniser_failed(true), "the device knows");
        assert!(input.on_recogniser_failed(false), "something was tried");
        input.on_recogniser_works(false);
        assert!(input.on_recogniser_failed(true));
        assert!(input.on_unheard_sound() && !input.on_unheard_sound());
        input.on_listening();
        assert!(input.on_unheard_sound());
    }
}
