//! The words that end a meeting. Rule: they are all that was said, but for politeness; whoever speaks
//! of the end of a meeting has not ended this one.
//!
//! What is taken for a farewell here is kept from the meeting and handed on, so the default mode has to
//! understand it, or the meeting goes on and is talked into. Hence the words of politeness, the way they
//! are taken off and the table of the test are those of `plugins/conversation/src/farewell.rs`, word for
//! word; a test there compares the two files.

// The same in both crates, from here
/// What may stand before the words.
const BEFORE: [&str; 9] = ["好的", "好了", "好", "那么", "那", "请", "okay", "ok", "please"];
/// What may stand behind them.
const BEHIND: [&str; 4] = ["吧", "了", "please", "now"];

/// True if the text is one of the phrases.
pub fn is_farewell<P: AsRef<str>>(text: &str, phrases: &[P]) -> bool {
    let said = letters(text);
    let mut said = said.as_str();
    loop {
        if phrases.iter().any(|phrase| letters(phrase.as_ref()) == said) {
            return true;
        }
        let shorter = BEFORE.iter().find_map(|word| said.strip_prefix(word));
        match shorter.or_else(|| BEHIND.iter().find_map(|word| said.strip_suffix(word))) {
            Some(shorter) => said = shorter,
            None => return false,
        }
    }
}

/// Letters only, in lower case.
fn letters(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
const FAREWELLS: [&str; 13] = [
    "结束会议",
    "散会！",
    "会议结束了",
    "好的，结束会议吧。",
    "好的，那散会吧",
    "好的，那么散会吧",
    "好了，那结束会议吧",
    "好的，那会议结束了",
    "好了好了，散会吧",
    "请退出会议",
    "Okay, end the meeting please.",
    "Okay, okay, end the meeting now please",
    "OK, finish the meeting.",
];
#[cfg(test)]
const NO_FAREWELLS: [&str; 7] = [
    "",
    "好",
    "好的，那吧",
    "上次会议结束得太晚",
    "结束会议之前还有一件事",
    "没有别的问题就散会",
    "We should end the meeting by five",
];
// to here.

#[cfg(test)]
mod tests {
    use super::{FAREWELLS, NO_FAREWELLS, is_farewell};
    use crate::config::Config;

    /// The test of the same name in `plugins/conversation/src/farewell.rs` has them leave the mode.
    #[test]
    fn m1_a_meeting_ends_by_words_that_are_all_that_was_said() {
        let ends = |text: &str| is_farewell(text, &Config::default().end_phrases);
        for text in FAREWELLS {
            assert!(ends(text), "{text}");
        }
        for text in NO_FAREWELLS {
            assert!(!ends(text), "{text}");
        }
        assert!(!is_farewell::<&str>("结束会议", &[]));
    }
}
