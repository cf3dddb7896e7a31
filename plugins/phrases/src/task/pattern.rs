//! The phrases that order something of a board. Rule: a phrase says by itself how much of a title it bears beside it;
//! those that are ordinary speech as well bear a number only, or make a doubt.

use super::{ExtraPhrases, Verb};
use crate::ordinal::Place;
use crate::path::Ways;
use crate::wording::{ends_apart, normalise, peel, starts_apart};

/// What may stand where a task is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Surety {
    /// A title.
    Clear,
    /// A number; a title makes a doubt.
    Loose,
    /// A number or nothing.
    Number,
    /// A number, or a word for a task.
    Counted,
}

use Surety::{Clear, Counted, Loose, Number};
use Verb::{Assign, Complete, Refresh};

/// The task stands before these.
#[rustfmt::skip]
const ENDS: [(Verb, Surety, &str); 76] = [
    (Complete, Clear, "做完了"), (Complete, Clear, "完成了"), (Complete, Clear, "搞定了"), (Complete, Clear, "标记完成"),
    (Complete, Clear, "标记为完成"), (Complete, Clear, "标记成完成"), (Complete, Clear, "标记为已完成"), (Complete, Clear, "标记成已完成"),
    (Complete, Clear, "标记已完成"), (Complete, Clear, "标为完成"), (Complete, Clear, "标为已完成"), (Complete, Clear, "标成完成"),
    (Complete, Clear, "设为完成"), (Complete, Clear, "设为已完成"), (Complete, Clear, "设置为完成"), (Complete, Clear, "设置为已完成"),
    (Complete, Clear, "改成完成"), (Complete, Clear, "改为已完成"), (Complete, Clear, "改成已完成"), (Complete, Clear, "任务完成"),
    (Complete, Clear, "打勾"), (Complete, Clear, "打个勾"), (Complete, Counted, "勾掉"), (Complete, Number, "完成任务"),
    (Complete, Loose, "写完了"), (Complete, Loose, "做好了"), (Complete, Loose, "弄好了"), (Complete, Loose, "弄完了"),
    (Complete, Loose, "干完了"), (Complete, Loose, "办完了"), (Complete, Loose, "处理完了"), (Complete, Loose, "处理好了"),
    (Complete, Loose, "改完了"), (Complete, Loose, "写好了"), (Complete, Number, "完成任务了"), (Complete, Number, "完成"), (Complete, Number, "搞定"),
    (Complete, Number, "做完"), (Complete, Clear, "已完成"), (Complete, Number, "结束了"),
    (Complete, Clear, "mark as done"), (Complete, Clear, "mark done"), (Complete, Clear, "mark as complete"),
    (Complete, Clear, "mark as completed"), (Complete, Clear, "mark complete"), (Complete, Number, "done"),
    (Complete, Number, "all done"), (Complete, Number, "finished"), (Complete, Number, "complete"),
    (Complete, Number, "completed"), (Complete, Loose, "is done"), (Complete, Loose, "is finished"),
    (Complete, Loose, "is complete"), (Complete, Loose, "is completed"), (Complete, Number, "i'm done"),
    (Complete, Number, "i am done"), (Complete, Number, "it's done"), (Complete, Number, "that's done"),
    (Assign, Number, "认领任务"), (Assign, Number, "领取任务"), (Assign, Clear, "我来做"), (Assign, Clear, "我来认领"),
    (Assign, Clear, "我来负责"), (Assign, Clear, "我来处理"), (Assign, Clear, "我来领"), (Assign, Clear, "我认领"),
    (Assign, Clear, "分配给我"), (Assign, Clear, "指派给我"), (Assign, Clear, "分给我"), (Assign, Clear, "派给我"),
    (Assign, Clear, "交给我"), (Assign, Counted, "归我"), (Assign, Number, "我来"), (Assign, Counted, "给我"),
    (Assign, Clear, "assign to me"), (Refresh, Clear, "refresh"),
];
/// The task stands behind these.
#[rustfmt::skip]
const STARTS: [(Verb, Surety, &str); 85] = [
    (Assign, Loose, "认领任务"), (Assign, Loose, "领取任务"), (Assign, Clear, "认领"), (Assign, Counted, "领取"), (Assign, Number, "领任务"),
    (Assign, Number, "我来做"), (Assign, Clear, "我来认领"), (Assign, Clear, "我认领"), (Assign, Clear, "我要认领"), (Assign, Clear, "我想认领"),
    (Assign, Counted, "接"), (Assign, Counted, "接下"), (Assign, Counted, "领"), (Assign, Counted, "我领"), (Assign, Counted, "我做"),
    (Assign, Counted, "我要做"), (Assign, Counted, "我要"), (Assign, Number, "接任务"), (Assign, Clear, "我来负责"), (Assign, Counted, "我接"),
    (Assign, Clear, "分配给我"),
    (Assign, Clear, "assign to me"), (Assign, Clear, "assign me"), (Assign, Counted, "claim"), (Assign, Clear, "claim the"), (Assign, Counted, "take"),
    (Assign, Counted, "i'll take"), (Assign, Counted, "i will take"), (Assign, Counted, "take on"), (Assign, Counted, "grab"),
    (Assign, Counted, "pick up"), (Assign, Counted, "give me"), (Assign, Counted, "i'll do"), (Assign, Counted, "i will do"),
    (Assign, Counted, "let me do"), (Assign, Counted, "let me take"), (Assign, Counted, "i take"), (Assign, Counted, "i want to take"),
    (Assign, Counted, "i want"),
    (Complete, Loose, "完成任务"), (Complete, Clear, "标记完成"), (Complete, Clear, "标记为完成"), (Complete, Loose, "做完了"),
    (Complete, Loose, "完成了"), (Complete, Number, "我完成了"), (Complete, Number, "我完成任务了"), (Assign, Number, "i'll take it"), (Assign, Number, "i'll do it"), (Assign, Number, "i will do it"), (Assign, Number, "i will take it"), (Complete, Number, "我做完"), (Complete, Number, "刚做完"), (Complete, Number, "我刚做完"), (Complete, Number, "i've done"), (Complete, Number, "i have done"), (Assign, Counted, "我来完成"), (Assign, Counted, "给我分配"), (Assign, Counted, "分配"), (Complete, Loose, "搞定了"), (Complete, Loose, "完成"), (Complete, Number, "做完"),
    (Complete, Number, "搞定"), (Complete, Counted, "勾掉"), (Complete, Counted, "结束"), (Complete, Clear, "mark as done"),
    (Complete, Clear, "mark done"), (Complete, Number, "complete"), (Complete, Loose, "complete the"), (Complete, Counted, "finish"), (Complete, Counted, "close"),
    (Complete, Counted, "check off"), (Complete, Counted, "tick off"), (Complete, Counted, "cross off"), (Complete, Counted, "mark off"),
    (Complete, Loose, "i'm done with"), (Complete, Loose, "i am done with"), (Complete, Loose, "done with"),
    (Complete, Loose, "finished with"), (Complete, Number, "i finished"), (Complete, Number, "i've finished"),
    (Complete, Number, "i have finished"), (Complete, Number, "i completed"), (Complete, Number, "finished"),
    (Complete, Number, "i've completed"), (Refresh, Clear, "refresh"),
];
/// The task stands between these.
#[rustfmt::skip]
const FRAMES: [(Verb, Surety, &str, &str); 46] = [
    (Assign, Clear, "认领", "任务"), (Assign, Clear, "领取", "任务"), (Assign, Clear, "assign", "to me"), (Assign, Loose, "give", "to me"),
    (Assign, Clear, "assign me", "task"), (Assign, Number, "give me", "task"), (Assign, Number, "take", "task"),
    (Complete, Clear, "完成", "任务"), (Complete, Number, "完成", "任务了"), (Complete, Number, "我完成", "任务"), (Complete, Number, "我完成", "任务了"), (Complete, Number, "我已经完成", "任务"), (Complete, Number, "我已经完成", "任务了"), (Complete, Number, "已经完成", "任务了"), (Complete, Clear, "标记", "完成"), (Complete, Clear, "标记", "为完成"), (Complete, Clear, "标记", "为已完成"),
    (Complete, Clear, "标记任务", "完成"), (Complete, Clear, "标记任务", "为完成"), (Complete, Clear, "把", "完成"), (Complete, Clear, "把", "完成掉"),
    (Complete, Clear, "把", "标完成"), (Complete, Loose, "把", "做完"), (Assign, Clear, "把", "交给我"), (Assign, Clear, "把", "给我"), (Complete, Loose, "把", "搞定"),
    (Complete, Clear, "mark", "as done"), (Complete, Clear, "mark", "done"), (Complete, Clear, "mark", "as complete"),
    (Complete, Clear, "mark", "as completed"), (Complete, Clear, "mark", "complete"), (Complete, Clear, "mark", "completed"),
    (Complete, Clear, "mark", "as finished"), (Complete, Clear, "mark", "finished"), (Complete, Clear, "set", "to done"),
    (Complete, Clear, "set", "as done"), (Complete, Loose, "check", "off"), (Complete, Loose, "tick", "off"),
    (Complete, Loose, "cross", "off"), (Complete, Loose, "mark", "off"),
    (Refresh, Clear, "刷新", "列表"), (Refresh, Clear, "刷新", "任务"), (Refresh, Clear, "拉取", "任务"), (Refresh, Clear, "拉取", "列表"),
    (Refresh, Clear, "更新", "任务列表"), (Refresh, Clear, "拉取", "看板"),
];

/// A phrase, and what is left of the text beside it.
pub struct Found<'t> {
    pub verb: Verb,
    pub surety: Surety,
    pub rest: &'t str,
    /// The rest stands before the phrase, so that the sentence begins with it.
    pub leads: bool,
}

/// The longest phrase that stands in the text with a rest that it bears.
pub fn find<'t>(text: &'t str, extra: &ExtraPhrases) -> Option<Found<'t>> {
    let added = [(Assign, &extra.assign), (Complete, &extra.complete), (Refresh, &extra.refresh)];
    for (verb, phrases) in added {
        for phrase in phrases.iter().map(|phrase| normalise(phrase)).filter(|phrase| !phrase.is_empty()) {
            let (behind, before) = (behind(text, &phrase), before(text, &phrase));
            let leads = behind.is_none();
            if let Some(rest) = behind.or(before) {
                return Some(Found { verb, surety: Clear, rest, leads });
            }
        }
    }
    let mut best: Option<(usize, Found<'t>)> = None;
    let mut offer = |length: usize, found: Found<'t>| {
        let bears = match found.surety {
            Clear | Loose => true,
            Number => is_number(found.rest) || is_titled(found.rest),
            Counted => is_number(found.rest) && (!peel(found.rest).is_empty() || is_task(found.rest)),
        };
        if bears && best.as_ref().is_none_or(|(other, _)| length > *other) {
            best = Some((length, found));
        }
    };
    for (verb, surety, head, tail) in FRAMES {
        let between = behind(text, head).and_then(|rest| before(rest, tail));
        // "check off" is a phrase of its own.
        if let Some(rest) = between.filter(|rest| surety != Loose || !peel(rest).is_empty()) {
            offer(head.len() + tail.len(), Found { verb, surety, rest, leads: false });
        }
    }
    for (verb, surety, phrase) in ENDS {
        if let Some(rest) = before(text, phrase) {
            offer(phrase.len(), Found { verb, surety, rest, leads: true });
        }
    }
    for (verb, surety, phrase) in STARTS {
        if let Some(rest) = behind(text, phrase) {
            offer(phrase.len(), Found { verb, surety, rest, leads: false });
        }
    }
    best.map(|(_, found)| found)
}

/// 完成任务：写报告 says itself what is the title.
pub fn is_titled(rest: &str) -> bool {
    rest.starts_with([':', '：', ' ']) && !rest.is_ascii()
}

/// The task, a task, 一个任务.
fn is_task(rest: &str) -> bool {
    let is_board = ["board", "list", "板", "列表", "清单"].iter().any(|word| rest.contains(word));
    !is_board && ["任务", "task"].iter().any(|word| rest.contains(word))
}

/// True for a place in the list, and for nothing.
fn is_number(rest: &str) -> bool {
    let bare = peel(rest);
    bare.is_empty() || Place::read(bare, false).is_some() || numbered(rest).is_some()
}

/// The number of a task that is called by it (任务二, task two).
pub fn numbered(rest: &str) -> Option<usize> {
    if Place::read(peel(rest), false).is_some() {
        return None;
    }
    let is_called = ["任务", "task", "number", "号"].iter().any(|word| rest.contains(word));
    match Place::read(peel(rest), is_called)? {
        Place::FromFirst(number) => Some(number),
        Place::FromLast(_) => None,
    }
}

fn behind<'t>(text: &'t str, phrase: &str) -> Option<&'t str> {
    text.strip_prefix(phrase).filter(|rest| !phrase.is_ascii() || starts_apart(rest))
}

fn before<'t>(text: &'t str, phrase: &str) -> Option<&'t str> {
    text.strip_suffix(phrase).filter(|rest| !phrase.is_ascii() || ends_apart(rest))
}

/// The list anew.
pub fn refresh<'t>(ways: &Ways<'t>) -> Ways<'t> {
    let some = |ways: &Ways<'t>| {
        ways.many(|ways| ways.word(&["一下", "下", "我的", "一遍", "最新的", "最新", "the", "my", "our", "this"]))
    };
    let verb = some(&ways.some(|ways| {
        ways.word(&[
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
        some(&ways.maybe(|ways| ways.word(&["把"]))).word(&list).word(&["刷新", "更新", "刷新一下", "更新一下"]);
    named.or(&some(&ways.some(|ways| ways.word(&["刷新", "refresh"])))).or(&object_first)
}
