//! The input of a session: typed text, partial and final transcripts, and faults of the recogniser. Rule: the partials
//! of a segment and its final text share one number, and nothing else ever gets that number.
//!
//! What follows from a transcript (which speech ends, which turn starts) is returned, and done by the actor.

mod continuation;

use std::sync::Arc;
use std::time::Duration;

use modehost_contract::event::Transcript;
use modehost_speech::AsrResult;

use self::continuation::Continuation;
use crate::clock::unix_ms;
use crate::config::Language;

/// Source of typed transcripts.
const TYPED: &str = "typed";

/// The input of a session.
#[derive(Default)]
pub(crate) struct Input {
    /// Number of the newest segment; kept over a restart of the server.
    segments: u64,
    /// The segment of the current partial, until its final text arrives.
    draft: Option<u64>,
    continuation: Continuation,
    /// The device has been told that its audio is not recognised, since there is no recogniser.
    missing_asr_reported: bool,
    /// The device has been told that recognition currently fails.
    asr_failure_reported: bool,
}

/// A result of the recogniser.
pub(crate) struct Recognised {
    /// For the mode.
    pub(crate) transcript: Transcript,
    /// The newest text alone, where the transcript continues earlier text.
    pub(crate) latest: Arc<str>,
    pub(crate) utterance: Utterance,
    /// How long the recognition latency.
    pub(crate) latency: Option<Duration>,
}

/// How a result relates to the open turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Utterance {
    /// A partial: starts no turn.
    Draft,
    /// For a mode that records: a turn that interrupts nothing.
    Recorded,
    /// A new turn, which ends current speech and questions.
    New,
    /// Continues the open turn: no answer has been played yet, and the mode is asked again with the whole text (A.10).
    Continued,
}

impl Input {
    /// The language of the user, if they have said anything.
    pub(crate) fn language(&self) -> Option<Language> {
        self.continuation.language()
    }

    /// Number of the newest segment.
    pub(crate) fn segments(&self) -> u64 {
        self.segments
    }

    /// Continues from the last segment of an earlier process.
    pub(crate) fn resume_at(&mut self, segments: u64) {
        self.segments = segments;
    }

    /// An answer has started, or an irreversible effect has followed: later text is a new turn (A.10).
    pub(crate) fn on_answered(&mut self) {
        self.continuation.on_answered();
    }

    /// The utterance has been continued as often as allowed: the answer is spoken even while the user speaks (A.10).
    pub(crate) fn continuations_exhausted(&self) -> bool {
        self.continuation.continuations_exhausted()
    }

    /// Drops the current partial.
    pub(crate) fn drop_draft(&mut self) {
        self.draft = None;
    }

    /// Typed text as a transcript. A segment that is still being recognised keeps its number.
    pub(crate) fn on_typed(&mut self, text: String) -> Transcript {
        self.continuation.reset_with(&text);
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

    /// A result of the recogniser; none if it is empty, which withdraws a partial. `records`: the running mode records.
    /// `serial`: of the newest request. `is_awaited`: whether an answer is still pending to an utterance that came
    /// after the request with this serial.
    pub(crate) fn on_recognised(
        &mut self,
        words: AsrResult,
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
        let AsrResult { text, is_final, split, start_ms, end_ms, latency, source } = words;
        let mut transcript = Transcript { text, is_final, start_ms, end_ms, segment, source };
        let latest = transcript.text.clone();
        let utterance = match is_final {
            false => Utterance::Draft,
            true if records => {
                self.continuation.reset_with(&latest);
                Utterance::Recorded
            }
            true => {
                if !self.continuation.serial_before().is_some_and(is_awaited) {
                    self.continuation.on_answered();
                }
                let merged = self.continuation.add(&latest, (segment, start_ms), split, serial);
                (transcript.segment, transcript.start_ms) = (merged.segment, merged.start_ms);
                transcript.text = merged.text.into();
                if merged.continues { Utterance::Continued } else { Utterance::New }
            }
        };
        Some(Recognised { transcript, latest, utterance, latency })
    }

    /// Text from before a boundary, for a mode that records; none if it is empty.
    pub(crate) fn on_late_result(&mut self, words: AsrResult) -> Option<Transcript> {
        if words.text.trim().is_empty() {
            return None;
        }
        self.segments += 1;
        let AsrResult { text, is_final, start_ms, end_ms, source, .. } = words;
        Some(Transcript { text, is_final, start_ms, end_ms, segment: self.segments, source })
    }

    /// The recogniser has answered: after non-empty text, its next fault is reported again.
    pub(crate) fn on_asr_works(&mut self, empty: bool) {
        self.asr_failure_reported &= empty;
    }

    /// The recogniser has failed. True if the device is to be told; `is_known`: the cause is not new, so one report is
    /// enough.
    pub(crate) fn on_asr_failed(&mut self, is_known: bool) -> bool {
        !(std::mem::replace(&mut self.asr_failure_reported, true) && is_known)
    }

    /// The device starts listening: a missing recogniser is reported again.
    pub(crate) fn on_listening(&mut self) {
        self.missing_asr_reported = false;
    }

    /// Audio came, and no recogniser is configured. True if the device is to be told.
    pub(crate) fn on_audio_without_asr(&mut self) -> bool {
        !std::mem::replace(&mut self.missing_asr_reported, true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str, is_final: bool) -> AsrResult {
        AsrResult {
            text: text.into(),
            is_final,
            split: false,
            start_ms: 1,
            end_ms: 2,
            latency: None,
            source: "test".into(),
        }
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
        assert_eq!(input.on_late_result(words("late", true)).map(|late| late.segment), Some(5));
        assert_eq!((input.on_late_result(words("", true)).is_none(), input.segments()), (true, 5));
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
        assert!(input.on_asr_failed(true));
        assert!(!input.on_asr_failed(true), "the device knows");
        assert!(input.on_asr_failed(false), "something was tried");
        input.on_asr_works(false);
        assert!(input.on_asr_failed(true));
        assert!(input.on_audio_without_asr() && !input.on_audio_without_asr());
        input.on_listening();
        assert!(input.on_audio_without_asr());
    }
}
