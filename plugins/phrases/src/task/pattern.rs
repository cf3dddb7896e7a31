//! The phrases of board commands. Rule: each phrase defines which target may stand beside it; phrases that are ordinary
//! speech as well accept only a number, or make a doubt.

use super::{ExtraPhrases, Verb};
use crate::ordinal::Ordinal;
use crate::path::Paths;
use crate::wording::{ends_at_boundary, normalise, starts_at_boundary, strip_fillers};

/// The targets that a phrase accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TargetRule {
    /// A title or a number.
    AnyTitle,
    /// A number; a title makes a doubt.
    DoubtfulTitle,
    /// A number or nothing.
    NumberOrNothing,
    /// A number, or a word for a task.
    NumberOrTaskWord,
}

use TargetRule::{AnyTitle, DoubtfulTitle, NumberOrNothing, NumberOrTaskWord};
use Verb::{Assign, Complete, Refresh};

/// Phrases after the target.
#[rustfmt::skip]
const ENDS: [(Verb, TargetRule, &str); 76] = [
    (Complete, AnyTitle, "做完了"), (Complete, AnyTitle, "完成了"), (Complete, AnyTitle, "搞定了"), (Complete, AnyTitle, "标记完成"),
    (Complete, AnyTitle, "标记为完成"), (Complete, AnyTitle, "标记成完成"), (Complete, AnyTitle, "标记为已完成"), (Complete, AnyTitle, "标记成已完成"),
    (Complete, AnyTitle, "标记已完成"), (Complete, AnyTitle, "标为完成"), (Complete, AnyTitle, "标为已完成"), (Complete, AnyTitle, "标成完成"),
    (Complete, AnyTitle, "设为完成"), (Complete, AnyTitle, "设为已完成"), (Complete, AnyTitle, "设置为完成"), (Complete, AnyTitle, "设置为已完成"),
    (Complete, AnyTitle, "改成完成"), (Complete, AnyTitle, "改为已完成"), (Complete, AnyTitle, "改成已完成"), (Complete, AnyTitle, "任务完成"),
    (Complete, AnyTitle, "打勾"), (Complete, AnyTitle, "打个勾"), (Complete, NumberOrTaskWord, "勾掉"), (Complete, NumberOrNothing, "完成任务"),
    (Complete, DoubtfulTitle, "写完了"), (Complete, DoubtfulTitle, "做好了"), (Complete, DoubtfulTitle, "弄好了"), (Complete, DoubtfulTitle, "弄完了"),
    (Complete, DoubtfulTitle, "干完了"), (Complete, DoubtfulTitle, "办完了"), (Complete, DoubtfulTitle, "处理完了"), (Complete, DoubtfulTitle, "处理好了"),
    (Complete, DoubtfulTitle, "改完了"), (Complete, DoubtfulTitle, "写好了"), (Complete, NumberOrNothing, "完成任务了"), (Complete, NumberOrNothing, "完成"), (Complete, NumberOrNothing, "搞定"),
    (Complete, NumberOrNothing, "做完"), (Complete, AnyTitle, "已完成"), (Complete, NumberOrNothing, "结束了"),
    (Complete, AnyTitle, "mark as done"), (Complete, AnyTitle, "mark done"), (Complete, AnyTitle, "mark as complete"),
    (Complete, AnyTitle, "mark as completed"), (Complete, AnyTitle, "mark complete"), (Complete, NumberOrNothing, "done"),
    (Complete, NumberOrNothing, "all done"), (Complete, NumberOrNothing, "finished"), (Complete, NumberOrNothing, "complete"),
    (Complete, NumberOrNothing, "completed"), (Complete, DoubtfulTitle, "is done"), (Complete, DoubtfulTitle, "is finished"),
    (Complete, DoubtfulTitle, "is complete"), (Complete, DoubtfulTitle, "is completed"), (Complete, NumberOrNothing, "i'm done"),
    (Complete, NumberOrNothing, "i am done"), (Complete, NumberOrNothing, "it's done"), (Complete, NumberOrNothing, "that's done"),
    (Assign, NumberOrNothing, "认领任务"), (Assign, NumberOrNothing, "领取任务"), (Assign, AnyTitle, "我来做"), (Assign, AnyTitle, "我来认领"),
    (Assign, AnyTitle, "我来负责"), (Assign, AnyTitle, "我来处理"), (Assign, AnyTitle, "我来领"), (Assign, AnyTitle, "我认领"),
    (Assign, AnyTitle, "分配给我"), (Assign, AnyTitle, "指派给我"), (Assign, AnyTitle, "分给我"), (Assign, AnyTitle, "派给我"),
    (Assign, AnyTitle, "交给我"), (Assign, NumberOrTaskWord, "归我"), (Assign, NumberOrNothing, "我来"), (Assign, NumberOrTaskWord, "给我"),
    (Assign, AnyTitle, "assign to me"), (Refresh, AnyTitle, "refresh"),
];
/// Phrases before the target.
#[rustfmt::skip]
const STARTS: [(Verb, TargetRule, &str); 85] = [
    (Assign, DoubtfulTitle, "认领任务"), (Assign, DoubtfulTitle, "领取任务"), (Assign, AnyTitle, "认领"), (Assign, NumberOrTaskWord, "领取"), (Assign, NumberOrNothing, "领任务"),
    (Assign, NumberOrNothing, "我来做"), (Assign, AnyTitle, "我来认领"), (Assign, AnyTitle, "我认领"), (Assign, AnyTitle, "我要认领"), (Assign, AnyTitle, "我想认领"),
    (Assign, NumberOrTaskWord, "接"), (Assign, NumberOrTaskWord, "接下"), (Assign, NumberOrTaskWord, "领"), (Assign, NumberOrTaskWord, "我领"), (Assign, NumberOrTaskWord, "我做"),
    (Assign, NumberOrTaskWord, "我要做"), (Assign, NumberOrTaskWord, "我要"), (Assign, NumberOrNothing, "接任务"), (Assign, AnyTitle, "我来负责"), (Assign, NumberOrTaskWord, "我接"),
    (Assign, AnyTitle, "分配给我"),
    (Assign, AnyTitle, "assign to me"), (Assign, AnyTitle, "assign me"), (Assign, NumberOrTaskWord, "claim"), (Assign, AnyTitle, "claim the"), (Assign, NumberOrTaskWord, "take"),
    (Assign, NumberOrTaskWord, "i'll take"), (Assign, NumberOrTaskWord, "i will take"), (Assign, NumberOrTaskWord, "take on"), (Assign, NumberOrTaskWord, "grab"),
    (Assign, NumberOrTaskWord, "pick up"), (Assign, NumberOrTaskWord, "give me"), (Assign, NumberOrTaskWord, "i'll do"), (Assign, NumberOrTaskWord, "i will do"),
    (Assign, NumberOrTaskWord, "let me do"), (Assign, NumberOrTaskWord, "let me take"), (Assign, NumberOrTaskWord, "i take"), (Assign, NumberOrTaskWord, "i want to take"),
    (Assign, NumberOrTaskWord, "i want"),
    (Complete, DoubtfulTitle, "完成任务"), (Complete, AnyTitle, "标记完成"), (Complete, AnyTitle, "标记为完成"), (Complete, DoubtfulTitle, "做完了"),
    (Complete, DoubtfulTitle, "完成了"), (Complete, NumberOrNothing, "我完成了"), (Complete, NumberOrNothing, "我完成任务了"), (Assign, NumberOrNothing, "i'll take it"), (Assign, NumberOrNothing, "i'll do it"), (Assign, NumberOrNothing, "i will do it"), (Assign, NumberOrNothing, "i will take it"), (Complete, NumberOrNothing, "我做完"), (Complete, NumberOrNothing, "刚做完"), (Complete, NumberOrNothing, "我刚做完"), (Complete, NumberOrNothing, "i've done"), (Complete, NumberOrNothing, "i have done"), (Assign, NumberOrTaskWord, "我来完成"), (Assign, NumberOrTaskWord, "给我分配"), (Assign, NumberOrTaskWord, "分配"), (Complete, DoubtfulTitle, "搞定了"), (Complete, DoubtfulTitle, "完成"), (Complete, NumberOrNothing, "做完"),
    (Complete, NumberOrNothing, "搞定"), (Complete, NumberOrTaskWord, "勾掉"), (Complete, NumberOrTaskWord, "结束"), (Complete, AnyTitle, "mark as done"),
    (Complete, AnyTitle, "mark done"), (Complete, NumberOrNothing, "complete"), (Complete, DoubtfulTitle, "complete the"), (Complete, NumberOrTaskWord, "finish"), (Complete, NumberOrTaskWord, "close"),
    (Complete, NumberOrTaskWord, "check off"), (Complete, NumberOrTaskWord, "tick off"), (Complete, NumberOrTaskWord, "cross off"), (Complete, NumberOrTaskWord, "mark off"),
    (Complete, DoubtfulTitle, "i'm done with"), (Complete, DoubtfulTitle, "i am done with"), (Complete, DoubtfulTitle, "done with"),
    (Complete, DoubtfulTitle, "finished with"), (Complete, NumberOrNothing, "i finished"), (Complete, NumberOrNothing, "i've finished"),
    (Complete, NumberOrNothing, "i have finished"), (Complete, NumberOrNothing, "i completed"), (Complete, NumberOrNothing, "finished"),
    (Complete, NumberOrNothing, "i've completed"), (Refresh, AnyTitle, "refresh"),
];
/// Phrases around the target.
#[rustfmt::skip]
const FRAMES: [(Verb, TargetRule, &str, &str); 46] = [
    (Assign, AnyTitle, "认领", "任务"), (Assign, AnyTitle, "领取", "任务"), (Assign, AnyTitle, "assign", "to me"), (Assign, DoubtfulTitle, "give", "to me"),
    (Assign, AnyTitle, "assign me", "task"), (Assign, NumberOrNothing, "give me", "task"), (Assign, NumberOrNothing, "take", "task"),
    (Complete, AnyTitle, "完成", "任务"), (Complete, NumberOrNothing, "完成", "任务了"), (Complete, NumberOrNothing, "我完成", "任务"), (Complete, NumberOrNothing, "我完成", "任务了"), (Complete, NumberOrNothing, "我已经完成", "任务"), (Complete, NumberOrNothing, "我已经完成", "任务了"), (Complete, NumberOrNothing, "已经完成", "任务了"), (Complete, AnyTitle, "标记", "完成"), (Complete, AnyTitle, "标记", "为完成"), (Complete, AnyTitle, "标记", "为已完成"),
    (Complete, AnyTitle, "标记任务", "完成"), (Complete, AnyTitle, "标记任务", "为完成"), (Complete, AnyTitle, "把", "完成"), (Complete, AnyTitle, "把", "完成掉"),
    (Complete, AnyTitle, "把", "标完成"), (Complete, DoubtfulTitle, "把", "做完"), (Assign, AnyTitle, "把", "交给我"), (Assign, AnyTitle, "把", "给我"), (Complete, DoubtfulTitle, "把", "搞定"),
    (Complete, AnyTitle, "mark", "as done"), (Complete, AnyTitle, "mark", "done"), (Complete, AnyTitle, "mark", "as complete"),
    (Complete, AnyTitle, "mark", "as completed"), (Complete, AnyTitle, "mark", "complete"), (Complete, AnyTitle, "mark", "completed"),
    (Complete, AnyTitle, "mark", "as finished"), (Complete, AnyTitle, "mark", "finished"), (Complete, AnyTitle, "set", "to done"),
    (Complete, AnyTitle, "set", "as done"), (Complete, DoubtfulTitle, "check", "off"), (Complete, DoubtfulTitle, "tick", "off"),
    (Complete, DoubtfulTitle, "cross", "off"), (Complete, DoubtfulTitle, "mark", "off"),
    (Refresh, AnyTitle, "刷新", "列表"), (Refresh, AnyTitle, "刷新", "任务"), (Refresh, AnyTitle, "拉取", "任务"), (Refresh, AnyTitle, "拉取", "列表"),
    (Refresh, AnyTitle, "更新", "任务列表"), (Refresh, AnyTitle, "拉取", "看板"),
];

/// A matched phrase, and the rest of the text.
pub struct Found<'t> {
    pub verb: Verb,
    pub target_rule: TargetRule,
    pub rest: &'t str,
    /// True if the rest stands before the phrase, at the beginning of the sentence.
    pub leads: bool,
}

/// The longest phrase of the text whose rest is an accepted target.
pub fn find_phrase<'t>(text: &'t str, extra: &ExtraPhrases) -> Option<Found<'t>> {
    let added = [(Assign, &extra.assign), (Complete, &extra.complete), (Refresh, &extra.refresh)];
    for (verb, phrases) in added {
        for phrase in phrases.iter().map(|phrase| normalise(phrase)).filter(|phrase| !phrase.is_empty()) {
            let (behind, before) = (behind(text, &phrase), before(text, &phrase));
            let leads = behind.is_none();
            if let Some(rest) = behind.or(before) {
                return Some(Found { verb, target_rule: AnyTitle, rest, leads });
            }
        }
    }
    let mut best: Option<(usize, Found<'t>)> = None;
    let mut offer = |length: usize, found: Found<'t>| {
        let is_accepted = match found.target_rule {
            AnyTitle | DoubtfulTitle => true,
            NumberOrNothing => is_number(found.rest) || is_explicit_title(found.rest),
            NumberOrTaskWord => is_number(found.rest) && (!strip_fillers(found.rest).is_empty() || is_task(found.rest)),
        };
        if is_accepted && best.as_ref().is_none_or(|(other, _)| length > *other) {
            best = Some((length, found));
        }
    };
    for (verb, target_rule, head, tail) in FRAMES {
        let between = behind(text, head).and_then(|rest| before(rest, tail));
        // "check off" is a phrase of its own.
        if let Some(rest) = between.filter(|rest| target_rule != DoubtfulTitle || !strip_fillers(rest).is_empty()) {
            offer(head.len() + tail.len(), Found { verb, target_rule, rest, leads: false });
        }
    }
    for (verb, target_rule, phrase) in ENDS {
        if let Some(rest) = before(text, phrase) {
            offer(phrase.len(), Found { verb, target_rule, rest, leads: true });
        }
    }
    for (verb, target_rule, phrase) in STARTS {
        if let Some(rest) = behind(text, phrase) {
            offer(phrase.len(), Found { verb, target_rule, rest, leads: false });
        }
    }
    best.map(|(_, found)| found)
}

/// True if the rest is explicitly a title: 完成任务：写报告.
pub fn is_explicit_title(rest: &str) -> bool {
    rest.starts_with([':', '：', ' ']) && !rest.is_ascii()
}

/// The task, a task, 一个任务.
fn is_task(rest: &str) -> bool {
    let is_board = ["board", "list", "板", "列表", "清单"].iter().any(|word| rest.contains(word));
    !is_board && ["任务", "task"].iter().any(|word| rest.contains(word))
}

/// True for a position in the list, and for an empty text.
fn is_number(rest: &str) -> bool {
    let bare = strip_fillers(rest);
    bare.is_empty() || Ordinal::parse(bare, false).is_some() || numbered(rest).is_some()
}

/// The number of a task that is referred to by it (任务二, task two).
pub fn numbered(rest: &str) -> Option<usize> {
    if Ordinal::parse(strip_fillers(rest), false).is_some() {
        return None;
    }
    let is_called = ["任务", "task", "number", "号"].iter().any(|word| rest.contains(word));
    match Ordinal::parse(strip_fillers(rest), is_called)? {
        Ordinal::FromFirst(number) => Some(number),
        Ordinal::FromLast(_) => None,
    }
}

fn behind<'t>(text: &'t str, phrase: &str) -> Option<&'t str> {
    text.strip_prefix(phrase).filter(|rest| !phrase.is_ascii() || starts_at_boundary(rest))
}

fn before<'t>(text: &'t str, phrase: &str) -> Option<&'t str> {
    text.strip_suffix(phrase).filter(|rest| !phrase.is_ascii() || ends_at_boundary(rest))
}

/// Matches a command to reload the list.
pub fn refresh<'t>(paths: &Paths<'t>) -> Paths<'t> {
    let some = |paths: &Paths<'t>| {
        paths.many0(|paths| paths.word(&["一下", "下", "我的", "一遍", "最新的", "最新", "the", "my", "our", "this"]))
    };
    let verb = some(&paths.many1(|paths| {
        paths.word(&[
            "刷新",
            "拉取",
            "更新",
            "重新加载",
            "重新拉取",
            "同步",
            "refresh",
            "reload",
            "update",
            "sync",
            "fetch",
        ])
    }));
    let list = [
        "任务列表",
        "任务",
        "列表",
        "任务清单",
        "清单",
        "看板",
        "任务看板",
        "任务板",
        "任务的列表",
        "task list",
        "tasks",
        "list",
        "board",
        "task board",
        "todo list",
        "to do list",
        "tasks list",
    ];
    let named = verb.word(&list);
    let object_first =
        some(&paths.optional(|paths| paths.word(&["把"]))).word(&list).word(&["刷新", "更新", "刷新一下", "更新一下"]);
    named.or(&some(&paths.many1(|paths| paths.word(&["刷新", "refresh"])))).or(&object_first)
}
