//! What a person has heard of a turn that is cut: from the frames that have been played by then. Rule: a
//! sentence counts as far as its sound was played, cut between words; where nobody knows how long it would
//! have become, its length is reckoned from its letters, so that rather too little than too much counts.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::join::join;

/// What was heard of what somebody has said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heard {
    /// Who has said it, as given with the sentences.
    pub who: Arc<str>,
    /// The sentences that were heard, the last of them perhaps in part; empty where it was cut before the first.
    pub text: String,
}

/// A sentence of the turn.
#[derive(Debug)]
struct Said {
    who: Arc<str>,
    text: Arc<str>,
    /// Frames of it that were sent.
    frames: u32,
    /// All of it was sent.
    whole: bool,
}

/// What was said in a turn, and when it is heard.
#[derive(Debug, Default)]
pub(super) struct Account {
    said: Vec<Said>,
    /// What was sent is heard until then.
    until: Option<Instant>,
}

impl Account {
    /// A sentence begins.
    pub(super) fn begin(&mut self, who: Arc<str>, text: Arc<str>) {
        self.said.push(Said { who, text, frames: 0, whole: false });
    }

    /// A frame of the sentence has been sent, and is heard until `until`.
    pub(super) fn frame(&mut self, until: Instant) {
        self.until = Some(until);
        if let Some(said) = self.said.last_mut() {
            said.frames += 1;
        }
    }

    /// The sentence has been sent.
    pub(super) fn end(&mut self) {
        if let Some(said) = self.said.last_mut() {
            said.whole = true;
        }
    }

    /// What was sent is heard until then.
    pub(super) fn heard_until(&self) -> Option<Instant> {
        self.until
    }

    /// What everybody has been heard to say by `now`, where a frame takes `frame`. `waiting` have sentences that
    /// were not begun.
    pub(super) fn heard(&self, now: Instant, frame: Duration, waiting: impl Iterator<Item = Arc<str>>) -> Vec<Heard> {
        let left = self.until.map_or(Duration::ZERO, |until| until.saturating_duration_since(now));
        let unplayed = u32::try_from(left.as_millis().div_ceil(frame.as_millis().max(1))).unwrap_or(u32::MAX);
        let sent: u32 = self.said.iter().map(|said| said.frames).sum();
        let mut played = sent.saturating_sub(unplayed);
        let mut all: Vec<Heard> = Vec::new();
        let mut add = |who: &Arc<str>, text: &str| match all.iter_mut().find(|heard| heard.who == *who) {
            Some(heard) => heard.text = join(&heard.text, text),
            None => all.push(Heard { who: who.clone(), text: text.to_owned() }),
        };
        for said in &self.said {
            let own = played.min(said.frames);
            played -= own;
            if said.whole && own == said.frames {
                add(&said.who, &said.text);
            } else {
                let length = if said.whole { said.frames } else { said.frames.max(expected(&said.text, frame)) };
                add(&said.who, part(&said.text, own, length));
            }
        }
        waiting.for_each(|who| add(&who, ""));
        all
    }
}

/// Frames that a text takes, roughly: a Chinese character a quarter of a second, a letter a sixteenth.
fn expected(text: &str, frame: Duration) -> u32 {
    let ms: u64 = text.chars().map(|letter| if letter.is_ascii() { 62 } else { 250 }).sum();
    u32::try_from(u128::from(ms).div_ceil(frame.as_millis().max(1))).unwrap_or(u32::MAX)
}

/// So much of a text as `played` of `length` frames are, without a word that was cut.
fn part(text: &str, played: u32, length: u32) -> &str {
    let letters = text.chars().count();
    let most = letters * played as usize / (length.max(1) as usize);
    let end = text.char_indices().nth(most).map_or(text.len(), |(at, _)| at);
    let cut = &text[..end];
    let goes_on = text[end..].starts_with(|next: char| next.is_ascii_alphanumeric());
    let cut = match cut.rfind(|letter: char| !letter.is_ascii_alphanumeric()) {
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

    fn heard(sentences: &[(&str, u32, bool)], unplayed: u32) -> String {
        let now = Instant::now();
        let mut account = Account::default();
        for (text, frames, whole) in sentences {
            account.begin("mode".into(), (*text).into());
            (0..*frames).for_each(|_| account.frame(now + FRAME * unplayed));
            if *whole {
                account.end();
            }
        }
        account.heard(now, FRAME, std::iter::empty()).into_iter().map(|heard| heard.text).collect()
    }

    #[test]
    fn l5_what_was_played_was_heard_to_the_word() {
        assert_eq!(
            heard(&[("One two three four.", 20, true), ("And five.", 5, true)], 0),
            "One two three four. And five."
        );
        assert_eq!(heard(&[("One two three four.", 20, true), ("And five.", 5, true)], 5), "One two three four.");
        assert_eq!(heard(&[("One two three four.", 20, true)], 10), "One two");
        assert_eq!(heard(&[("今天天气很好。", 14, true)], 7), "今天天");
        assert_eq!(heard(&[("One two three four.", 20, true)], 25), "");
        // Half of it, or so: nobody knows how long it would have become.
        assert_eq!(heard(&[("今天天气很好，适合出去走走。", 15, false)], 0), "今天天");
        assert_eq!(heard(&[], 0), "");
    }

    #[test]
    fn l5_whoever_was_cut_before_the_first_word_has_said_nothing() {
        let account = Account::default();
        let heard = account.heard(Instant::now(), FRAME, ["mode".into()].into_iter());
        assert_eq!(heard, [Heard { who: "mode".into(), text: String::new() }]);
    }
}
