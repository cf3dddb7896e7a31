//! Which words are a command. Rule: a phrase counts at the beginning or the end of what was said,
//! never in the middle of a sentence; what is left of it names the task, and denies nothing.

use modehost_sdk::Language;
use serde::{Deserialize, Serialize};

use crate::negation;
use crate::ordinal::Place;
use crate::wording::{ends_apart, is_question, normalise, peel, starts_apart};

/// What is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Verb {
    Assign,
    Complete,
    Refresh,
}

/// A command with the words that name its task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub verb: Verb,
    /// Lower-cased; empty where no task is named.
    pub target: String,
    pub language: Language,
}

/// Phrases that the operator adds.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct ExtraPhrases {
    pub assign: Vec<String>,
    pub complete: Vec<String>,
    pub refresh: Vec<String>,
}

/// Phrases as a whole.
const PHRASES: [(Verb, &str); 14] = [
    (Verb::Assign, "认领任务"),
    (Verb::Assign, "领取任务"),
    (Verb::Assign, "我来做"),
    (Verb::Assign, "assign to me"),
    (Verb::Complete, "完成任务"),
    (Verb::Complete, "标记完成"),
    (Verb::Complete, "标记为完成"),
    (Verb::Complete, "做完了"),
    (Verb::Complete, "mark as done"),
    (Verb::Complete, "mark done"),
    (Verb::Refresh, "刷新列表"),
    (Verb::Refresh, "刷新任务"),
    (Verb::Refresh, "拉取任务"),
    (Verb::Refresh, "refresh"),
];

/// Phrases with the task in between.
const FRAMES: [(Verb, &str, &str); 11] = [
    (Verb::Assign, "认领", "任务"),
    (Verb::Assign, "领取", "任务"),
    (Verb::Assign, "assign", "to me"),
    (Verb::Complete, "完成", "任务"),
    (Verb::Complete, "标记", "完成"),
    (Verb::Complete, "mark", "as done"),
    (Verb::Complete, "mark", "done"),
    (Verb::Refresh, "刷新", "列表"),
    (Verb::Refresh, "刷新", "任务"),
    (Verb::Refresh, "拉取", "任务"),
    (Verb::Refresh, "拉取", "列表"),
];

/// Beginnings that only count before an ordinal (完成第二个): before anything else they are
/// ordinary speech.
const BEGINNINGS: [(Verb, &str); 3] = [(Verb::Assign, "认领"), (Verb::Assign, "领取"), (Verb::Complete, "完成")];

/// Longest words for a task, in characters; more is a sentence and no command.
const TARGET_CHARS: usize = 80;

impl Command {
    /// The command in what was said; none if it is something else.
    pub fn read(said: &str, extra: &ExtraPhrases) -> Option<Self> {
        if is_question(said) {
            return None;
        }
        let text = normalise(said);
        let language = Language::of(said);
        // Politeness around the phrase would hide that it stands at the end.
        let (verb, rest) = find(&text, extra).or_else(|| find(peel(&text), extra))?;
        // 别把写报告标记为完成: the phrase is there and the opposite is meant.
        if negation::of_command(rest.text, rest.leads) {
            return None;
        }
        let command = Self { verb, target: normalise(rest.text), language };
        let is_named = !peel(&command.target).is_empty();
        let is_command = match verb {
            // A refresh has no task, so further words make it something else.
            Verb::Refresh => !is_named,
            _ => command.target.chars().count() <= TARGET_CHARS,
        };
        is_command.then_some(command)
    }
}

/// What is left of the text beside the phrase.
struct Rest<'t> {
    text: &'t str,
    /// It stands before the phrase, so that the sentence begins with it.
    leads: bool,
}

impl<'t> Rest<'t> {
    fn behind(text: &'t str) -> Self {
        Self { text, leads: false }
    }
}

/// The verb, and what is left of the text.
fn find<'t>(text: &'t str, extra: &ExtraPhrases) -> Option<(Verb, Rest<'t>)> {
    let added = [(Verb::Assign, &extra.assign), (Verb::Complete, &extra.complete), (Verb::Refresh, &extra.refresh)];
    for (verb, phrases) in added {
        for phrase in phrases {
            if let Some(rest) = rest_of(text, &normalise(phrase)) {
                return Some((verb, rest));
            }
        }
    }
    for (verb, phrase) in PHRASES {
        if let Some(rest) = rest_of(text, phrase) {
            return Some((verb, rest));
        }
    }
    for (verb, head, tail) in FRAMES {
        let between = text.strip_prefix(head).and_then(|rest| rest.strip_suffix(tail));
        if let Some(rest) = between
            && (!head.is_ascii() || (starts_apart(rest) && ends_apart(rest)))
        {
            return Some((verb, Rest::behind(rest)));
        }
    }
    for (verb, head) in BEGINNINGS {
        if let Some(rest) = text.strip_prefix(head)
            && Place::read(peel(rest), false).is_some()
        {
            return Some((verb, Rest::behind(rest)));
        }
    }
    None
}

/// What is left of the text if the phrase stands at its beginning or end.
fn rest_of<'t>(text: &'t str, phrase: &str) -> Option<Rest<'t>> {
    if phrase.is_empty() {
        return None;
    }
    if let Some(rest) = text.strip_prefix(phrase)
        && (!phrase.is_ascii() || starts_apart(rest))
    {
        return Some(Rest::behind(rest));
    }
    let rest = text.strip_suffix(phrase).filter(|rest| !phrase.is_ascii() || ends_apart(rest))?;
    Some(Rest { text: rest, leads: true })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(said: &str) -> Option<(Verb, String)> {
        let command = Command::read(said, &ExtraPhrases::default())?;
        Some((command.verb, peel(&command.target).to_owned()))
    }

    #[test]
    fn m10_every_phrase_is_a_command() {
        for (verb, phrase) in PHRASES {
            for said in [phrase.to_owned(), format!(" {phrase}。"), phrase.to_uppercase()] {
                assert_eq!(read(&said), Some((verb, String::new())), "{said}");
            }
        }
    }

    #[test]
    fn m10_the_rest_names_the_task() {
        let cases = [
            ("第二个任务做完了", Verb::Complete, "第二个"),
            ("我做完了", Verb::Complete, ""),
            ("完成第二个任务", Verb::Complete, "第二个"),
            ("完成第2个", Verb::Complete, "第2个"),
            ("完成任务：写报告", Verb::Complete, "写报告"),
            ("写报告做完了", Verb::Complete, "写报告"),
            ("把写报告标记完成", Verb::Complete, "写报告"),
            ("Mark the report done.", Verb::Complete, "report"),
            ("mark task 2 as done", Verb::Complete, "2"),
            ("assign the last one to me", Verb::Assign, "last"),
            ("assign to me the report", Verb::Assign, "report"),
            ("认领最后一个任务", Verb::Assign, "最后一个"),
            ("写报告我来做", Verb::Assign, "写报告"),
            ("please refresh the list", Verb::Refresh, ""),
            ("刷新一下任务列表", Verb::Refresh, ""),
        ];
        for (said, verb, target) in cases {
            assert_eq!(read(said), Some((verb, target.to_owned())), "{said}");
        }
    }

    #[test]
    fn m10_ordinary_speech_is_no_command() {
        let cases = [
            "今天天气怎么样",
            "做完了吗？",
            "作业做完了吗",
            "昨天我做完了就去吃饭",
            "完成这个需要多久",
            "how do I refresh my skin",
            "refreshing drinks",
            "the benchmark done",
            "",
            "。",
        ];
        for said in cases {
            assert_eq!(read(said), None, "{said}");
        }
    }

    #[test]
    fn m10_what_is_denied_is_no_command() {
        let cases = [
            "别把写报告标记为完成",
            "写报告还没标记完成",
            "写报告还没做完，先别标记完成",
            "写报告不用我来做",
            "我还没完成任务",
            "请不要认领任务",
            "完成不了任务",
            "做完了没有",
            "标记写报告没完成",
            "Don't mark as done",
            "do not assign to me",
            "the report is not yet mark as done",
            "mark the report not done",
            "No, mark done",
        ];
        for said in cases {
            assert_eq!(read(said), None, "{said}");
        }
        let named = [
            ("把修复不能登录标记为完成", "修复不能登录"),
            ("修复不能登录做完了", "修复不能登录"),
            ("完成任务：不要用旧接口", "不要用旧接口"),
            ("人脸识别做完了", "人脸识别"),
            ("没问题，写报告我来做", "没问题，写报告"),
            ("mark fix login not working done", "fix login not working"),
        ];
        for (said, target) in named {
            assert_eq!(read(said).map(|(_, target)| target).as_deref(), Some(target), "{said}");
        }
    }

    #[test]
    fn m10_operators_add_phrases() {
        let extra = ExtraPhrases { complete: vec!["搞定".to_owned()], ..ExtraPhrases::default() };
        let command = Command::read("写报告搞定", &extra).expect("a command");
        assert_eq!((command.verb, command.target.as_str()), (Verb::Complete, "写报告"));
    }
}
