//! Work on tasks begins with their name: 开始处理我的任务, let's begin with the task list. Rule: the person and the device
//! go through the tasks together, now; tasks that somebody is to do are no command.

use super::{ModePhrases, with_determiners};
use crate::path::Paths;

const LEAD: [&str; 21] = [
    "那",
    "那就",
    "现在",
    "就",
    "来",
    "你",
    "你现在",
    "就带我",
    "带我",
    "带着我",
    "陪我",
    "你带我",
    "你陪我",
    "帮我",
    "给我",
    "跟我",
    "和我",
    "一起",
    "请",
    "麻烦",
    "麻烦你",
];
const CHINESE: [&str; 15] = [
    "处理",
    "处理一下",
    "过一下",
    "过一遍",
    "做一下",
    "办",
    "搞定",
    "弄一下",
    "清一下",
    "清理一下",
    "逐条过",
    "一条一条过",
    "一个一个过",
    "挨个过",
    "挨个处理",
];
const AFTER: [&str; 20] = [
    "啊",
    "呗",
    "哈",
    "从第一条开始",
    "从第一个开始",
    "一个一个来",
    "一条一条来",
    "一个个来",
    "你带我一个一个过",
    "你带我一个个过",
    "你带我过",
    "你陪我一个一个过",
    "一个一个过",
    "一条一条过",
    "你一个一个念",
    "你一条一条念",
    "你来念",
    "你念",
    "现在就开始",
    "从头开始",
];
const ENGLISH: [&str; 22] = [
    "begin with",
    "start with",
    "start off with",
    "begin on",
    "get stuck into",
    "tackle",
    "start tackling",
    "deal with",
    "start dealing with",
    "work through",
    "start working through",
    "go through",
    "get through",
    "start going through",
    "get into",
    "knock out",
    "start knocking out",
    "get on to",
    "crack into",
    "dig into",
    "power through",
    "plough through",
];
const TOGETHER: [&str; 18] = [
    "together",
    "now",
    "right now",
    "today",
    "one by one",
    "one at a time",
    "from the top",
    "then",
    "with me",
    "with us",
    "please",
    "first thing",
    "straight away",
    "starting now",
    "starting with the first one",
    "starting with the first",
    "this morning",
    "this afternoon",
];

const BEGUN: [&str; 20] = [
    "开始处理",
    "开始过",
    "开始过一下",
    "开始做",
    "开始办",
    "开始搞定",
    "开始弄",
    "开始清",
    "带我做",
    "陪我做",
    "带我过",
    "带我处理",
    "陪我过",
    "陪我处理",
    "领着我做",
    "带着我做",
    "逐个处理",
    "一个个处理",
    "一个一个处理",
    "现在处理",
];

/// Matches all of these forms, if the mode has a list of tasks.
pub(super) fn start_command<'t>(paths: &Paths<'t>, named: &ModePhrases) -> Paths<'t> {
    if !named.lists.iter().any(|list| list == "任务") {
        return paths.no_match();
    }
    let led = paths.many0(|paths| paths.word(&LEAD));
    let chinese = named.shown(&led.word(&CHINESE)).many0(|paths| paths.word(&AFTER));
    // 处理任务 alone may be what somebody does; 开始处理, or with whose they are, is asked for now.
    let begun = paths.many0(|paths| paths.word(&LEAD)).word(&BEGUN);
    let begun = named.shown(&begun).many0(|paths| paths.word(&AFTER));
    let chinese = chinese.or(&begun);
    let let_us = paths.word(&["let's", "lets", "let us", "time to", "i'm ready to", "ready to"]);
    let english = named.shown(&with_determiners(&let_us.or(&paths.word(&["now", "please"])).word(&ENGLISH)));
    let english = english.many0(|paths| paths.word(&TOGETHER));
    // "I'm ready to work" alone says how somebody feels.
    let ready = paths.word(&["i'm ready to work", "i am ready to work", "ready to work"]);
    let ready = ready.word(&["on my tasks", "on the tasks", "through my tasks", "through the tasks"]);
    let working = ready.many0(|paths| paths.word(&TOGETHER));
    chinese.or(&english).or(&working)
}
