//! Tells titles of tasks from sentences. Rule: a closed grammar cannot match commands with the title of a task; so the
//! words beside the verb are checked for who, when, whether and conditions. A title may contain such words too: in the
//! middle they make a doubt, at its ends, where a sentence has them, they make it talk.

/// The kind of the words beside a verb.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TextKind {
    /// A title; nothing speaks against it.
    Title,
    /// A title or a sentence.
    Ambiguous,
    /// A sentence.
    Sentence,
}

/// Beginnings of a sentence: who, when, whether, if, because.
#[rustfmt::skip]
const BEGINNINGS: [&str; 101] = [
    "他", "她", "它", "你", "您", "我们", "咱", "大家", "谁", "别人", "人家", "有人", "没人", "老板说", "老师说", "妈妈说", "自己",
    "如果", "要是", "假如", "假设", "等一", "等我", "等到", "等你", "等他", "等会", "等下", "等一下", "当我", "当他", "只要", "只有", "一旦", "万一", "除非", "因为",
    "所以", "虽然", "但是", "可是", "为了", "关于", "听说", "据说", "说是", "希望", "觉得", "认为", "以为", "记得", "我记得", "我觉得", "我以为",
    "知道", "也许", "可能", "大概", "恐怕", "好像", "似乎", "怎么", "怎样", "如何", "什么", "为什么", "为啥", "哪", "多久", "几时", "几点",
    "何时", "难道", "是不是", "有没有", "到底", "究竟", "能不能", "可不可以", "终于", "总算", "从来", "每天", "每次", "经常", "有时",
    "当时", "那时", "以前", "之前", "后来", "早就", "我早就", "刚才", "刚刚", "我刚", "其实我", "原来", "上次", "那次", "幸好",
];
/// Times. Before a noun they may belong to a title (上周总结).
#[rustfmt::skip]
const TIMES: [&str; 49] = [
    "昨天", "今天", "明天", "后天", "前天", "大前天", "昨晚", "今晚", "明晚", "今早", "明早", "上周", "下周", "这周", "本周", "上个月", "下个月",
    "这个月", "去年", "今年", "明年", "晚上", "早上", "上午", "下午", "中午", "半夜", "凌晨", "周一", "周二", "周三", "周四", "周五", "周六",
    "周日", "周末", "星期", "礼拜", "待会", "一会", "过会", "过一会", "回头", "以后", "之后", "刚", "早", "马上", "上星期",
];
/// Words between a time and the verb that show that a person acted.
const AFTER_TIME: [&str; 16] =
    ["我", "就", "才", "已", "都", "也", "终于", "刚", "把", "又", "再", "总算", "可以", "应该", "会", "要"];
/// Words before 把 that are compatible with a command.
const BEFORE_BA: [&str; 10] = ["", "我", "我要", "我想", "你", "您", "没问题，", "直接", "现在", "你就"];
/// Words directly before a verb that never end a title.
#[rustfmt::skip]
const ENDINGS: [&str; 91] = [
    "快", "快要", "就要", "要", "应该", "可能", "也许", "大概", "好像", "差不多", "几乎", "马上", "马上就", "刚", "刚刚", "终于", "总算", "早就",
    "早", "才", "说", "说是", "想", "打算", "必须", "得", "需要", "能", "会", "可以", "一定", "即将", "就", "将", "将要", "什么时候", "何时", "怎么",
    "谁", "他", "她", "他们", "她们", "我们", "你", "你们", "大家", "一起", "如果", "等", "等我", "昨天", "今天", "明天", "刚才", "上周", "下周",
    "待会", "以后", "晚上", "早上", "上午", "下午", "先", "再", "努力", "正在", "放心", "在", "尽快", "听说", "据说", "以为", "觉得", "希望", "记得", "是不是",
    "有没有", "能不能", "可不可以", "经常", "从来", "每天", "曾经", "通常", "点", "点钟", "终究", "居然", "竟然", "到底",
];
/// Words directly after a verb that are no title.
#[rustfmt::skip]
const BEHIND: [&str; 63] = [
    "再", "就", "才", "度", "率", "以后", "之后", "后", "之前", "前", "的", "没", "吗", "呢", "么", "是", "要", "会", "还", "也", "但", "可", "因为", "所以",
    "需要", "多久", "多少", "怎么", "什么", "谁", "不", "时", "很", "真", "太", "一半", "一部分", "大部分", "百分", "奖励", "情况", "进度", "得",
    "了", "过", "着", "那", "呀", "嘛", "然后", "我就", "我们", "告诉", "跟", "和", "能", "可以", "比", "给", "让", "一个小时", "半天", "大半",
];
/// Chinese words that no title contains, at any position.
const SENTENCE_WORDS: [&str; 27] = [
    "他",
    "她",
    "你",
    "我们",
    "谁",
    "什么",
    "怎么",
    "为什么",
    "如果",
    "要是",
    "因为",
    "所以",
    "但是",
    "昨天",
    "明天",
    "刚才",
    "什么时候",
    "的时候",
    "之后",
    "以后",
    "之前",
    "觉得",
    "告诉",
    "听说",
    "就去",
    "说过",
    "点钟",
];
/// Words that contain one of these characters and denote no person.
const HARMLESS: [&str; 7] = ["其他", "吉他", "你好", "利他", "排他", "其它", "维他"];

/// Beginnings of English sentences.
#[rustfmt::skip]
const ENGLISH_BEGINNINGS: [&str; 84] = [
    "he", "she", "they", "we", "you", "who", "when", "if", "because", "did", "does", "do", "is", "was", "were", "are",
    "what", "how", "why", "where", "which", "should", "would", "could", "can", "will", "shall", "may", "might", "must",
    "tomorrow", "yesterday", "today", "later", "once", "after", "before", "while", "until", "till", "maybe", "perhaps",
    "unless", "said", "says", "i'll", "i'm", "he's", "she's", "they're", "we're", "you're", "it'll", "has", "have",
    "had", "i've", "since", "although", "though", "but", "suppose", "wish", "hope", "think", "i think", "i hope",
    "someone", "somebody", "everyone", "everybody", "nobody", "tonight", "soon", "almost", "nearly", "finally", "about",
    "whenever", "whether", "last", "next", "whose", "then",
];
/// English words that no title contains, at any position.
const ENGLISH_SENTENCE_WORDS: [&str; 30] = [
    "he",
    "she",
    "they",
    "we",
    "you",
    "when",
    "if",
    "because",
    "tomorrow",
    "yesterday",
    "later",
    "who",
    "why",
    "how",
    "said",
    "should",
    "would",
    "could",
    "until",
    "after",
    "before",
    "was",
    "were",
    "did",
    "what",
    "almost",
    "nearly",
    "soon",
    "never",
    "tonight",
];

/// The kind of the words before a verb, or between its two parts.
pub fn before(words: &str) -> TextKind {
    let text = normalised(words);
    if text.is_empty() {
        return TextKind::Title;
    }
    let is_timed = |time: &str| {
        let behind = text.strip_prefix(time)?;
        Some(behind.is_empty() || AFTER_TIME.iter().any(|actor| behind.starts_with(actor)))
    };
    let timed: Vec<bool> = TIMES.iter().filter_map(|time| is_timed(time)).collect();
    // 小王要把…: the words before 把 are the actor.
    let by_others = text.match_indices('把').any(|(at, _)| {
        let actor = text[..at].trim();
        !actor.ends_with(['一', '两', '几']) && !BEFORE_BA.contains(&actor)
    });
    // 我妈说这条: the rest is reported speech.
    let is_said = ["说这", "说那", "说第", "说我"].iter().any(|word| text.contains(word));
    let begins = is_said || BEGINNINGS.iter().any(|word| text.starts_with(word));
    let ends = ENDINGS.iter().any(|word| text.ends_with(word));
    if begins || ends || by_others || timed.contains(&true) || english_sentence(&text) {
        return TextKind::Sentence;
    }
    if !timed.is_empty() || has_sentence_word(&text) {
        return TextKind::Ambiguous;
    }
    TextKind::Title
}

/// The kind of the words after a verb.
pub fn behind(words: &str) -> TextKind {
    let text = normalised(words);
    // 难不难; and 失败了 with similar endings.
    let asks = text
        .chars()
        .zip(text.chars().skip(2))
        .zip(text.chars().skip(1))
        .any(|((one, other), between)| one == other && between == '不');
    let asks = asks || ["什么", "多少", "怎么", "谁", "哪"].iter().any(|word| text.contains(word));
    if asks || text.ends_with(['了', '吗', '呢']) {
        return TextKind::Sentence;
    }
    if BEHIND.iter().any(|word| text.starts_with(word)) || TIMES.iter().any(|word| text == *word) {
        return TextKind::Sentence;
    }
    if english_sentence(&text) {
        return TextKind::Sentence;
    }
    if has_sentence_word(&text) || text.contains(['，', ',', '。']) { TextKind::Ambiguous } else { TextKind::Title }
}

fn has_sentence_word(text: &str) -> bool {
    SENTENCE_WORDS.iter().any(|word| text.contains(word))
        || ENGLISH_SENTENCE_WORDS.iter().any(|word| has_word(text, word))
}

fn english_sentence(text: &str) -> bool {
    let rest = text.strip_prefix("and ").or_else(|| text.strip_prefix("so ")).unwrap_or(text);
    let first = ENGLISH_BEGINNINGS.iter().find(|word| starts_with_word(rest, word));
    // "The last one" is an ordinal.
    first.is_some_and(|word| !(["last", "next"].contains(word) && rest.split(' ').count() <= 2))
}

fn normalised(words: &str) -> String {
    let mut text = words.trim().to_lowercase().replace('’', "'");
    for word in HARMLESS {
        text = text.replace(word, "·");
    }
    text
}

fn starts_with_word(text: &str, word: &str) -> bool {
    text.strip_prefix(word).is_some_and(|rest| !rest.starts_with(|by: char| by.is_ascii_alphanumeric() || by == '\''))
}

fn has_word(text: &str, word: &str) -> bool {
    text.split(|by: char| !by.is_ascii_alphanumeric() && by != '\'').any(|part| part == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m18_titles_and_sentences() {
        for title in ["写报告", "第二个", "the report", "其他任务", "周报", "last", "修复不能登录", "客户拜访", ""]
        {
            assert_eq!(before(title), TextKind::Title, "{title}");
        }
        for either in ["上周总结", "给他们发邮件", "明天的材料", "fix what was broken"] {
            assert_eq!(before(either), TextKind::Ambiguous, "{either}");
        }
        for sentence in
            ["他", "昨天我", "如果写报告", "写报告快", "我们", "写报告什么时候", "he", "when the report is", "did you"]
        {
            assert_eq!(before(sentence), TextKind::Sentence, "{sentence}");
        }
        for sentence in ["再说", "就去吃饭", "一半", "的时候", "later", "when you can"] {
            assert_eq!(behind(sentence), TextKind::Sentence, "{sentence}");
        }
        assert_eq!(behind("写报告"), TextKind::Title);
    }
}
