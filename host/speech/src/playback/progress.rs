//! Computes what a person has heard of a turn that is cut, from the frames played until then. Rule: a sentence counts
//! as far as its audio was played, cut between words; where its total length is unknown, it is estimated from its
//! letters, so that too little counts rather than too much.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::join::join;

/// What was heard of the speech of one plugin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlayedText {
    /// The plugin, as passed with the sentences.
    pub plugin: Arc<str>,
    /// The sentences that were heard, the last of them perhaps in part; empty where it was cut before the first.
    pub text: String,
}

/// A sentence of the turn.
#[derive(Debug)]
struct SentSentence {
    plugin: Arc<str>,
    text: Arc<str>,
    /// Frames of it that were sent.
    frames: u32,
    /// All of it was sent.
    complete: bool,
}

/// Sentences sent in a turn, and when they are played.
#[derive(Debug, Default)]
pub(super) struct PlaybackProgress {
    sentences: Vec<SentSentence>,
    /// End of the playback of what was sent.
    until: Option<Instant>,
}

impl PlaybackProgress {
    /// Records the start of a sentence.
    pub(super) fn begin_sentence(&mut self, plugin: Arc<str>, text: Arc<str>) {
        self.sentences.push(SentSentence { plugin, text, frames: 0, complete: false });
    }

    /// Records a frame of the sentence, which is played until `until`.
    pub(super) fn add_frame(&mut self, until: Instant) {
        self.until = Some(until);
        if let Some(sentence) = self.sentences.last_mut() {
            sentence.frames += 1;
        }
    }

    /// Records that the sentence was sent completely.
    pub(super) fn end_sentence(&mut self) {
        if let Some(sentence) = self.sentences.last_mut() {
            sentence.complete = true;
        }
    }

    /// End of the playback of what was sent.
    pub(super) fn played_until(&self) -> Option<Instant> {
        self.until
    }

    /// What was heard of each plugin by `now`, with frames of length `frame`. `queued_plugins` are the plugins of
    /// sentences not begun.
    pub(super) fn played_text(
        &self,
        now: Instant,
        frame: Duration,
        queued_plugins: impl Iterator<Item = Arc<str>>,
    ) -> Vec<PlayedText> {
        let remaining = self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let unplayed = u32::try_from(remaining.as_millis().div_ceil(frame.as_millis().max(1))).unwrap_or(u32::MAX);
        let sent: u32 = self.sentences.iter().map(|sentence| sentence.frames).sum();
        let mut played = sent.saturating_sub(unplayed);
        let mut all: Vec<PlayedText> = Vec::new();
        let mut add = |plugin: &Arc<str>, text: &str| match all.iter_mut().find(|heard| heard.plugin == *plugin) {
            Some(heard) => heard.text = join(&heard.text, text),
            None => all.push(PlayedText { plugin: plugin.clone(), text: text.to_owned() }),
        };
        for sentence in &self.sentences {
            let played_frames = played.min(sentence.frames);
            played -= played_frames;
            if sentence.complete && played_frames == sentence.frames {
                add(&sentence.plugin, &sentence.text);
            } else {
                let length = if sentence.complete {
                    sentence.frames
                } else {
                    sentence.frames.max(estimated_frames(&sentence.text, frame))
                };
                add(&sentence.plugin, played_part(&sentence.text, played_frames, length));
            }
        }
        queued_plugins.for_each(|plugin| add(&plugin, ""));
        all
    }
}

/// Estimated frames of a text: a Chinese character takes a quarter of a second, a letter a sixteenth.
fn estimated_frames(text: &str, frame: Duration) -> u32 {
    let ms: u64 = text.chars().map(|character| if character.is_ascii() { 62 } else { 250 }).sum();
    u32::try_from(u128::from(ms).div_ceil(frame.as_millis().max(1))).unwrap_or(u32::MAX)
}

/// The part of a text that corresponds to `played` of `length` frames, no message that was cut.
fn played_part(text: &str, played: u32, length: u32) -> &str {
    let chars = text.chars().count();
    let end_index = chars * played as usize / (length.max(1) as usize);
    let end = text.char_indices().nth(end_index).map_or(text.len(), |(at, _)| at);
    let cut = &text[..end];
    let goes_on = text[end..].starts_with(|next: char| next.is_ascii_alphanumeric());
    let cut = match cut.rfind(|character: char| !character.is_ascii_alphanumeric()) {
        Some(at) if goes_on => &cut[..at + cut[at..].chars().next().map_or(0, char::len_utf8)],
        None if goes_on => "",
        _ => cut,
    };
    cut.trim_end()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FRAME: Duration = Duration::from_millis(60);

    fn played(sentences: &[(&str, u32, bool)], unplayed: u32) -> String {
        let now = Instant::now();
        let mut progress = PlaybackProgress::default();
        for (text, frames, complete) in sentences {
            progress.begin_sentence("mode".into(), (*text).into());
            (0..*frames).for_each(|_| progress.add_frame(now + FRAME * unplayed));
            if *complete {
                progress.end_sentence();
            }
        }
        progress.played_text(now, FRAME, std::iter::empty()).into_iter().map(|heard| heard.text).collect()
    }

    #[test]
    fn l5_what_was_played_was_heard_to_the_word() {
        assert_eq!(
            played(&[("One two three four.", 20, true), ("And five.", 5, true)], 0),
            "One two three four. And five."
        );
        assert_eq!(played(&[("One two three four.", 20, true), ("And five.", 5, true)], 5), "One two three four.");
        assert_eq!(played(&[("One two three four.", 20, true)], 10), "One two");
        assert_eq!(played(&[("今天天气很好。", 14, true)], 7), "今天天");
        assert_eq!(played(&[("One two three four.", 20, true)], 25), "");
        // About half of it: its total length is unknown.
        assert_eq!(played(&[("今天天气很好，适合出去走走。", 15, false)], 0), "今天天");
        assert_eq!(played(&[], 0), "");
    }

    #[test]
    fn l5_whoever_was_cut_before_the_first_word_has_said_nothing() {
        let progress = PlaybackProgress::default();
        let heard = progress.played_text(Instant::now(), FRAME, ["mode".into()].into_iter());
        assert_eq!(heard, [PlayedText { plugin: "mode".into(), text: String::new() }]);
    }
}
