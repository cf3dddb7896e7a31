//! Words that leave a mode, with all the politeness that may stand around them. Rule: what a mode hands on
//! as a wish to leave it is understood as one.
//!
//! The meeting mode takes all words itself and hands on only its farewells; one that is not understood
//! here is answered aloud into a meeting that goes on. Hence the words of politeness, the way they are
//! taken off and the table of the test are those of `plugins/meeting/src/farewell.rs`, word for word; a
//! test compares the two files.

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
    use serde_json::Value;

    use super::{FAREWELLS, NO_FAREWELLS};
    use crate::Config;
    use crate::intent::Intent;

    const HERE: &str = include_str!("farewell.rs");
    const MEETING: &str = include_str!("../../meeting/src/farewell.rs");
    const MEETING_SCHEMA: &str = include_str!("../../meeting/config.schema.json");

    /// The test of the same name in `plugins/meeting/src/farewell.rs` has them end the meeting.
    #[test]
    fn m1_a_meeting_ends_by_words_that_are_all_that_was_said() {
        let of = |text: &str| Intent::of(text, &Config::default());
        for text in FAREWELLS {
            assert_eq!(of(text), Some(Intent::Leave), "{text}");
        }
        for text in NO_FAREWELLS {
            assert_eq!(of(text), None, "{text}");
        }
    }

    #[test]
    fn m1_whatever_ends_a_meeting_leaves_the_mode() {
        let shared = |text: &'static str| {
            let (_, behind) = text.split_once("from here\n").expect("a beginning");
            behind.split_once("// to here.").expect("an end").0
        };
        assert_eq!(shared(HERE), shared(MEETING), "the two files differ");
        let schema: Value = serde_json::from_str(MEETING_SCHEMA).expect("JSON");
        let phrases = schema["properties"]["end_phrases"]["default"].as_array().expect("phrases");
        assert!(!phrases.is_empty());
        for phrase in phrases.iter().filter_map(Value::as_str) {
            for said in
                [phrase.to_owned(), format!("好的，好的，那么，请{phrase}了吧"), format!("okay please, {phrase} now")]
            {
                assert_eq!(Intent::of(&said, &Config::default()), Some(Intent::Leave), "{said}");
            }
        }
    }
}
