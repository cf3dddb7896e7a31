//! Comparison forms of a text. Rule: nothing here knows any command; it trims, lower-cases and strips.

/// Punctuation and white space around words.
fn is_margin(letter: char) -> bool {
    letter.is_whitespace()
        || (letter.is_ascii_punctuation() && letter != '#')
        || "。，、！？；：“”‘’（）《》…·".contains(letter)
}

/// Fillers without meaning in the name of a task; stripped from both ends.
const FILLERS: [&str; 47] = [
    "请", "麻烦", "帮我", "帮忙", "给我", "把", "我的", "我", "它", "这个", "那个", "这项", "那项", "任务", "列表",
    "已经", "都", "了", "吧", "一下", "的", "啊", "呢", "please", "the", "my", "this", "that", "tasks", "task", "list",
    "board", "as", "to", "is", "it", "a", "one", "for me", "i", "have", "has", "number", "called", "named", "up",
    "now",
];

/// Lower case, without surrounding punctuation and white space.
pub fn normalise(text: &str) -> String {
    text.trim_matches(is_margin).to_lowercase()
}

/// An utterance without the words that wrap a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stripped {
    pub text: String,
    /// 请, 帮我, please, could you: addressed to the device.
    pub is_polite: bool,
    /// 可以, 能不能, 好吗: a question, or the form of one.
    pub asks_permission: bool,
}

/// Fillers and politeness before a command.
#[rustfmt::skip]
const BEFORE: [&str; 53] = [
    "嗯", "呃", "额", "啊", "哦", "那个", "那么", "那就", "好的", "好了", "行了", "小智同学", "小智", "现在", "谢谢", "um", "uh", "er", "hmm",
    "okay", "ok", "hey", "hi", "so", "alright", "all right", "yes", "yeah", "great", "now", "just", "xiaozhi", "hello", "good", "thanks",
    "right", "那", "好", "yep", "yup", "phew", "boom", "yay", "woohoo", "hooray", "aye", "得嘞", "好嘞", "耶", "哈哈", "哎呀", "行", "ok了",
];
const POLITE: [&str; 17] = [
    "请帮我",
    "请你",
    "请",
    "麻烦你",
    "麻烦您",
    "麻烦",
    "帮我",
    "帮忙",
    "劳驾",
    "please",
    "could you",
    "can you",
    "would you",
    "will you",
    "go ahead and",
    "i want you to",
    "kindly",
];
const MAY: [&str; 12] = [
    "能不能",
    "可不可以",
    "你能不能",
    "你可以",
    "你能",
    "可以",
    "能否",
    "能帮我",
    "要不要",
    "can we",
    "could we",
    "shall we",
];
/// Words after a command.
const BEHIND: [&str; 22] = [
    "谢谢你",
    "谢谢",
    "多谢",
    "一下",
    "呀",
    "啊",
    "哦",
    "嗯",
    "呗",
    "哈",
    "please",
    "thanks",
    "thank you",
    "right now",
    "now",
    "for me",
    "okay",
    "ok",
    "um",
    "uh",
    "啦",
    "拜托",
];
const ASKING: [&str; 5] = ["好吗", "可以吗", "行吗", "好不好", "行不行"];

/// Strips politeness, and reports what kind it was.
pub fn strip_politeness(utterance: &str) -> Stripped {
    let mut text = utterance.trim_matches(|by: char| is_margin(by) && !['?', '？'].contains(&by)).to_lowercase();
    if let Some(rest) = text.strip_prefix('将') {
        text = format!("把{rest}");
    }
    let (mut is_polite, mut asks_permission) = (false, false);
    let mut rest = text.as_str();
    loop {
        let len = rest.len();
        for (words, polite, asks) in [(&BEFORE[..], false, false), (&MAY[..], false, true), (&POLITE[..], true, false)]
        {
            for word in words {
                // 好友 does not begin with the filler 好.
                let is_letter = word.chars().count() == 1 && !["请", "嗯", "呃"].contains(word);
                if let Some(behind) = rest.strip_prefix(word)
                    && (if word.is_ascii() {
                        starts_at_boundary(behind)
                    } else {
                        !is_letter || behind.starts_with(is_margin)
                    })
                {
                    rest = behind.trim_start_matches(is_margin);
                    (is_polite, asks_permission) = (is_polite || polite || *word == "能帮我", asks_permission || asks);
                }
            }
        }
        for (words, asks) in [(&BEHIND[..], false), (&ASKING[..], true)] {
            for word in words {
                let bare = rest.trim_end_matches(['?', '？']);
                let ended = if asks { bare } else { rest };
                if let Some(front) = ended.strip_suffix(word)
                    && (!word.is_ascii() || ends_at_boundary(front))
                {
                    rest = front.trim_end_matches(is_margin);
                    asks_permission |= asks;
                }
            }
        }
        if let Some(front) = rest.strip_suffix('吧') {
            // 做完了吧 is a question.
            asks_permission |= front.ends_with('了');
            rest = front;
        }
        if rest.len() == len {
            return Stripped { text: rest.to_owned(), is_polite, asks_permission };
        }
    }
}

/// True if the text is a question.
pub fn is_question(text: &str) -> bool {
    let text = text.trim_end();
    text.ends_with(['?', '？']) || text.trim_end_matches(is_margin).ends_with('吗')
}

/// The text without fillers at its ends; empty if it consists of fillers.
pub fn strip_fillers(text: &str) -> &str {
    let mut rest = text.trim_matches(is_margin);
    loop {
        let before = rest.len();
        for filler in FILLERS {
            if let Some(behind) = rest.strip_prefix(filler)
                && (!filler.is_ascii() || starts_at_boundary(behind))
            {
                rest = behind.trim_matches(is_margin);
            }
            if let Some(front) = rest.strip_suffix(filler)
                && (!filler.is_ascii() || ends_at_boundary(front))
            {
                rest = front.trim_matches(is_margin);
            }
        }
        if rest.len() == before {
            return rest;
        }
    }
}

/// True if a word that ends before this text ends at a word boundary.
pub fn starts_at_boundary(behind: &str) -> bool {
    !behind.starts_with(|letter: char| letter.is_ascii_alphanumeric())
}

/// True if a word that begins after this text begins at a word boundary.
pub fn ends_at_boundary(front: &str) -> bool {
    !front.ends_with(|letter: char| letter.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fillers_are_peeled_and_words_stay_whole() {
        assert_eq!(strip_fillers("请把这个任务"), "");
        assert_eq!(strip_fillers("the report"), "report");
        assert_eq!(strip_fillers("theatre"), "theatre");
        assert_eq!(strip_fillers(" 写报告 任务。"), "写报告");
        assert_eq!(normalise(" Mark Done! "), "mark done");
        assert!(is_question("做完了吗？") && is_question("done?") && !is_question("做完了。"));
    }
}
