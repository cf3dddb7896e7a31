//! Words that negate a command. Rule: a negated command changes no board. Titles contain such words too (修复不能登录); so
//! only what is left beside the title is checked, and before the board is known, only positions where no title stands.

use crate::wording::normalise;

/// Characters that negate what follows.
const NEGATIONS: [char; 5] = ['别', '不', '没', '未', '勿'];
/// Words with one of these characters that negate nothing. A wrong segmentation (升级|别) only means that the utterance is
/// not passed on to the other modes: beside the title the character is still detected.
const HARMLESS: [&str; 48] = [
    "识别",
    "级别",
    "类别",
    "性别",
    "区别",
    "分别",
    "特别",
    "个别",
    "辨别",
    "鉴别",
    "判别",
    "甄别",
    "差别",
    "派别",
    "国别",
    "别人",
    "别的",
    "别处",
    "别名",
    "别墅",
    "未来",
    "不同",
    "不错",
    "不过",
    "不但",
    "不仅",
    "不断",
    "不久",
    "不锈",
    "不动产",
    "不等式",
    "差不多",
    "不好意思",
    "对不起",
    "没问题",
    "没关系",
    "没错",
    "没事",
    "没收",
    "沉没",
    "淹没",
    "埋没",
    "不客气",
    "不得不",
    "不然",
    "把手",
    "把握",
    "把关",
];
/// Second parts of a negation of two or more characters (不用, 没有); at most one.
const PARTS: [&str; 32] = [
    "有", "用", "要", "必", "能", "会", "想", "是", "该", "应该", "应", "让", "需要", "需", "许", "准", "打算", "可以",
    "可能", "曾", "能够", "必要", "给", "归", "由", "得", "一定", "敢", "肯", "算", "太", "完全",
];
/// Words between the negation and the verb; any number.
const BETWEEN: [&str; 24] = [
    "再", "先", "就", "现在", "马上", "急着", "着急", "来", "去", "把", "被", "给", "让", "都", "也", "我", "你", "您",
    "他", "她", "它", "们", "这个", "那个",
];
/// Words in front of the negation at the beginning of a sentence.
const BEFORE: [&str; 22] = [
    "请", "麻烦", "我", "你", "您", "们", "他", "她", "先", "还", "也", "都", "就", "可", "千万", "暂时", "现在",
    "其实", "但是", "但", "那", "这",
];
/// Beginnings that negate everything after them. Few titles begin like this; those that do are named after 把.
const BEGINNINGS: [&str; 15] = [
    "别",
    "勿",
    "不是",
    "不要",
    "不用",
    "不必",
    "不想",
    "不许",
    "不准",
    "不该",
    "不应",
    "没说",
    "不觉得",
    "不认为",
    "不知道",
];
/// English negations, in addition to those that end with n't.
const WORDS: [&str; 5] = ["not", "no", "never", "dont", "cannot"];
/// English words between a negation and the verb.
const WORDS_BETWEEN: [&str; 16] = [
    "yet", "to", "be", "been", "want", "really", "even", "ever", "you", "i", "we", "have", "it", "need", "please",
    "just",
];
/// English words in front of a negation at the beginning of a sentence.
const WORDS_BEFORE: [&str; 13] =
    ["please", "i", "we", "you", "do", "is", "it", "so", "but", "and", "well", "that", "this"];

/// True if the text beside a command negates it: directly before the verb, or at the beginning of the sentence if the
/// text `leads` to the verb. Other negations are found by [`denies`] once the titles are known, as long as the
/// utterance has not been passed on to another mode by then.
pub fn of_command(rest: &str, leads: bool) -> bool {
    let text = without_harmless(rest);
    let text = text.as_str();
    if ends_negative(text) || text == "不了" {
        return true;
    }
    // 把 stands after the negation and before the title: 别把…, but 把不能…
    leads
        && match text.split_once('把') {
            Some((before, _)) => has_negation(before),
            None => begins_negative(text),
        }
}

/// True if the text contains a negation.
pub fn denies(text: &str) -> bool {
    let text = without_harmless(text);
    has_negation(&text) || words(&text).any(is_negative)
}

/// True if the text is a refusal and nothing else: 不, 还没有, not yet.
pub fn is_refusal(text: &str) -> bool {
    let text = without_harmless(text);
    match text.rfind(NEGATIONS) {
        Some(at) => ends_negative(&text) && strip_all(&text[..at], &BEFORE).is_empty(),
        None => ends_negative(&text) && words(&text).position(is_negative) == Some(0),
    }
}

/// Lower case, trimmed, with a placeholder for each harmless word.
fn without_harmless(text: &str) -> String {
    let mut text = normalise(text).replace('’', "'");
    for word in HARMLESS {
        if text.contains(word) {
            text = text.replace(word, "·");
        }
    }
    text
}

fn has_negation(text: &str) -> bool {
    text.contains(NEGATIONS)
}

fn ends_negative(text: &str) -> bool {
    if let Some(at) = text.rfind(NEGATIONS) {
        let letter = text[at..].chars().next().map_or(0, char::len_utf8);
        let behind = text[at + letter..].trim();
        let is_whole = |rest: &str| strip_all(rest, &BETWEEN).is_empty();
        if is_whole(behind) || PARTS.iter().any(|part| behind.strip_prefix(part).is_some_and(is_whole)) {
            return true;
        }
    }
    let words: Vec<&str> = words(text).collect();
    let last = words.iter().rposition(|word| !WORDS_BETWEEN.contains(word));
    // Only at the end of the text, not in front of a Chinese title.
    text.ends_with(|letter: char| letter.is_ascii_alphanumeric()) && last.is_some_and(|last| is_negative(words[last]))
}

fn begins_negative(text: &str) -> bool {
    let chinese = strip_all(text, &BEFORE);
    if BEGINNINGS.iter().any(|beginning| chinese.starts_with(beginning)) {
        return true;
    }
    text.starts_with(|letter: char| letter.is_ascii_alphanumeric())
        && words(text).find(|word| !WORDS_BEFORE.contains(word)).is_some_and(is_negative)
}

/// Removes these words from the beginning, in any order and number.
fn strip_all<'t>(text: &'t str, words: &[&str]) -> &'t str {
    let mut rest = text.trim_start();
    while let Some(shorter) = words.iter().find_map(|word| rest.strip_prefix(word)) {
        rest = shorter.trim_start();
    }
    rest
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|letter: char| !letter.is_ascii_alphanumeric() && letter != '\'').filter(|word| !word.is_empty())
}

fn is_negative(word: &str) -> bool {
    WORDS.contains(&word) || word.ends_with("n't")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m10_what_is_denied_before_the_verb_is_no_command() {
        let denied = [
            "别把写报告",
            "写报告还没",
            "写报告还没做完，先别",
            "写报告不用",
            "写报告别",
            "我还没",
            "没",
            "不",
            "先别急着",
            "写报告没有被",
            "任务不是我，也不该",
            "不能把写报告",
            "不是写报告",
            "我不觉得写报告",
            "写报告是不是",
            "完成识别，别",
            "I don’t want to ",
            "the report is not yet",
            "do not ",
            "please don't say the report is ",
            "no, ",
        ];
        for rest in denied {
            assert!(of_command(rest, true), "{rest}");
        }
        assert!(of_command("不了", false), "完成不了任务");
    }

    #[test]
    fn m10_titles_with_negative_words_are_titles() {
        let titles = [
            "把修复不能登录",
            "修复不能登录",
            "把登录不了",
            "把支付不可用",
            "把不要用旧接口",
            "不能登录",
            "人脸识别",
            "把用户类别",
            "别名",
            "门没有把手",
            "没问题，写报告",
            "fix login not working",
            "notes",
            "knot",
            "",
        ];
        for rest in titles {
            assert!(!of_command(rest, true), "{rest}");
        }
        // After the verb or inside of a frame no sentence begins.
        for rest in ["不要用旧接口", "no-show fees", "not found page"] {
            assert!(!of_command(rest, false), "{rest}");
        }
    }

    #[test]
    fn m10_what_a_title_leaves_over() {
        for over in ["不是", "我不觉得 做完，", "not the", "that isn't", "还没"] {
            assert!(denies(over), "{over}");
        }
        for over in ["", "把", "这件事", "没问题，", "the other", "note"] {
            assert!(!denies(over), "{over}");
        }
        for refusal in ["不", "不要", "还没有", "no", "not yet", "我不想"] {
            assert!(is_refusal(refusal), "{refusal}");
        }
        for part in ["不能登录", "登录不了", "not found", "写报告", ""] {
            assert!(!is_refusal(part), "{part}");
        }
    }
}
