//! Text as it is compared. Rule: nothing here knows commands; it trims, lowers and peels.

/// Punctuation and white space that recognisers and people put around words.
fn is_margin(letter: char) -> bool {
    letter.is_whitespace()
        || (letter.is_ascii_punctuation() && letter != '#')
        || "。，、！？；：“”‘’（）《》…·".contains(letter)
}

/// Words that carry nothing where a task is named; peeled off both ends.
const FILLERS: [&str; 46] = [
    "请", "麻烦", "帮我", "帮忙", "给我", "把", "我的", "我", "这个", "那个", "这项", "那项", "任务", "列表", "已经",
    "都", "了", "吧", "一下", "的", "啊", "呢", "please", "the", "my", "this", "that", "tasks", "task", "list",
    "board", "as", "to", "is", "it", "a", "one", "for me", "i", "have", "has", "number", "called", "named", "up",
    "now",
];

/// Lower case, without what stands around it.
pub fn normalise(text: &str) -> String {
    text.trim_matches(is_margin).to_lowercase()
}

/// True if the text asks and does not order.
pub fn is_question(text: &str) -> bool {
    let text = text.trim_end();
    text.ends_with(['?', '？']) || text.trim_end_matches(is_margin).ends_with('吗')
}

/// The text without the fillers at its ends; empty if it is made of them.
pub fn peel(text: &str) -> &str {
    let mut rest = text.trim_matches(is_margin);
    loop {
        let before = rest.len();
        for filler in FILLERS {
            if let Some(behind) = rest.strip_prefix(filler)
                && (!filler.is_ascii() || starts_apart(behind))
            {
                rest = behind.trim_matches(is_margin);
            }
            if let Some(front) = rest.strip_suffix(filler)
                && (!filler.is_ascii() || ends_apart(front))
            {
                rest = front.trim_matches(is_margin);
            }
        }
        if rest.len() == before {
            return rest;
        }
    }
}

/// True if a word that ended here would be a whole word.
pub fn starts_apart(behind: &str) -> bool {
    !behind.starts_with(|letter: char| letter.is_ascii_alphanumeric())
}

/// True if a word that began behind this would be a whole word.
pub fn ends_apart(front: &str) -> bool {
    !front.ends_with(|letter: char| letter.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fillers_are_peeled_and_words_stay_whole() {
        assert_eq!(peel("请把这个任务"), "");
        assert_eq!(peel("the report"), "report");
        assert_eq!(peel("theatre"), "theatre");
        assert_eq!(peel(" 写报告 任务。"), "写报告");
        assert_eq!(normalise(" Mark Done! "), "mark done");
        assert!(is_question("做完了吗？") && is_question("done?") && !is_question("做完了。"));
    }
}
