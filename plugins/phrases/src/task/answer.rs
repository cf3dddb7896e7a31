//! Answers to a question about a task. Rule: a text with anything beyond the answer is not an answer.

use crate::frame::{CommandKind, Framed};
use crate::ordinal::Ordinal;
use crate::text::Text;
use crate::wording::{normalise, strip_fillers};

const CANCEL: [&str; 24] = [
    "取消",
    "算了",
    "不用了",
    "都不是",
    "取消吧",
    "先不了",
    "不选了",
    "放弃",
    "都不要",
    "不要了",
    "没有",
    "都不对",
    "cancel",
    "never mind",
    "nevermind",
    "none",
    "stop",
    "none of them",
    "none of these",
    "forget it",
    "cancel it",
    "cancel that",
    "neither",
    "no thanks",
];
const YES: [&str; 31] = [
    "是",
    "是的",
    "对",
    "对的",
    "没错",
    "好",
    "好的",
    "可以",
    "行",
    "嗯",
    "要",
    "确认",
    "确定",
    "是啊",
    "对啊",
    "就它",
    "就是它",
    "就这个",
    "就是这个",
    "yes",
    "yeah",
    "yep",
    "yes please",
    "sure",
    "ok",
    "okay",
    "right",
    "correct",
    "confirm",
    "do it",
    "please do",
];
const NO: [&str; 15] = [
    "不",
    "不是",
    "不要",
    "不用",
    "不对",
    "不行",
    "不可以",
    "否",
    "别",
    "no",
    "nope",
    "no don't",
    "not that",
    "not this one",
    "wrong",
];

/// True for a cancellation.
pub fn is_cancel(utterance: &str) -> bool {
    let answer = normalise(utterance);
    CANCEL.contains(&strip_fillers(&answer)) || CANCEL.contains(&answer.as_str()) || is_whole(utterance, &CANCEL)
}

/// True for a plain yes.
pub fn is_yes(utterance: &str) -> bool {
    is_whole(utterance, &YES)
}

/// True for a plain no.
pub fn is_no(utterance: &str) -> bool {
    is_whole(utterance, &NO)
}

/// The chosen option, without the word for choosing it.
pub fn chosen_option(utterance: &str) -> String {
    const CHOOSING: [&str; 13] = [
        "我选择",
        "我选",
        "选择",
        "就选",
        "选",
        "我要",
        "就要",
        "i choose",
        "i'll take",
        "i pick",
        "choose",
        "pick",
        "select",
    ];
    let answer = normalise(utterance);
    let behind = CHOOSING.iter().find_map(|word| {
        let rest = answer.strip_prefix(word)?;
        (!word.is_ascii() || rest.starts_with(' ')).then(|| rest.trim().to_owned())
    });
    behind.filter(|rest| Ordinal::parse(strip_fillers(rest), true).is_some()).unwrap_or(answer)
}

fn is_whole(utterance: &str, words: &[&str]) -> bool {
    Text::parse(utterance).is_some_and(|text| {
        !text.is_question
            && Framed::new(&text, &[]).read(CommandKind::End, |paths| paths.word(words)).command().is_some()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn m18_answers_are_nothing_but_answers() {
        for yes in ["是的。", "对", "嗯，好的", "Yes, please.", "ok", "yeah sure"] {
            assert!(is_yes(yes) && !is_no(yes) && !is_cancel(yes), "{yes}");
        }
        for no in ["不是", "不要", "No.", "nope"] {
            assert!(is_no(no) && !is_yes(no), "{no}");
        }
        for cancel in ["取消", "算了吧", "never mind", "那算了"] {
            assert!(is_cancel(cancel), "{cancel}");
        }
        for (utterance, what) in
            [("选第二个。", "第二个"), ("I pick the last one", "the last one"), ("选题策划", "选题策划")]
        {
            assert_eq!(chosen_option(utterance), what);
        }
        for other in ["是写报告", "好像不对", "可以吗", "yes but later", "取消明天的会议"] {
            assert!(!is_yes(other) && !is_no(other) && !is_cancel(other), "{other}");
        }
    }
}
