//! The words that end a meeting. Rule: they are all that was said, but for politeness; whoever speaks
//! of the end of a meeting has not ended this one.

/// What may stand before the words.
const BEFORE: [&str; 9] = ["好的", "好了", "好", "那么", "那", "请", "okay", "ok", "please"];
/// What may stand behind them.
const BEHIND: [&str; 4] = ["吧", "了", "please", "now"];

/// True if the text is one of the phrases.
pub fn is_farewell(text: &str, phrases: &[String]) -> bool {
    let said = plain(text);
    let mut said = said.as_str();
    loop {
        if phrases.iter().any(|phrase| plain(phrase) == said) {
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
fn plain(text: &str) -> String {
    text.chars().filter(|letter| letter.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::is_farewell;
    use crate::config::Config;

    #[test]
    fn a_meeting_ends_by_words_that_are_all_that_was_said() {
        let ends = |text: &str| is_farewell(text, &Config::default().end_phrases);
        for text in ["结束会议", "好的，结束会议吧。", "散会！", "会议结束了", "Okay, end the meeting please."]
        {
            assert!(ends(text), "{text}");
        }
        for text in [
            "",
            "好",
            "上次会议结束得太晚",
            "结束会议之前还有一件事",
            "没有别的问题就散会",
            "We should end the meeting by five",
        ] {
            assert!(!ends(text), "{text}");
        }
        assert!(!is_farewell("结束会议", &[]));
    }
}
