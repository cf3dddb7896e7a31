//! The device is told to watch a coding session: 帮我盯着写代码, keep an eye on my coding session. Rule: the verb is one of
//! watching over something that goes on (盯, not 看), and what is watched is named.

use super::{ModePhrases, with_determiners};
use crate::path::{Flags, Paths};

const BY: [&str; 20] = [
    "帮我",
    "帮我们",
    "帮忙",
    "帮咱",
    "给我",
    "给我们",
    "你",
    "你来",
    "你帮我",
    "你给我",
    "你帮忙",
    "请",
    "请你",
    "请帮我",
    "麻烦",
    "麻烦你",
    "麻烦帮我",
    "现在",
    "开始",
    "快",
];
const WATCH: [&str; 22] = [
    "盯着",
    "盯着点",
    "盯一下",
    "盯住",
    "盯",
    "看着",
    "看着点",
    "监控",
    "监控一下",
    "监视",
    "监督",
    "留意",
    "留意一下",
    "关注",
    "关注一下",
    "跟踪",
    "跟进",
    "跟踪一下",
    "盯紧",
    "盯一盯",
    "守着",
    "观察",
];
const WHOSE: [&str; 14] = [
    "我",
    "我的",
    "我们的",
    "我这边的",
    "这个",
    "这次",
    "这边的",
    "接下来的",
    "下面的",
    "咱们的",
    "那边的",
    "今天的",
    "一下",
    "一下我的",
];
const SESSION: [&str; 26] = [
    "写代码",
    "编程",
    "编码",
    "写程序",
    "敲代码",
    "码代码",
    "编程会话",
    "代码会话",
    "编码会话",
    "写代码会话",
    "写代码的会话",
    "编程的会话",
    "编程过程",
    "写代码的过程",
    "写代码的进度",
    "编程进度",
    "代码进度",
    "代码那边的进度",
    "代码的进度",
    "代码那边",
    "编程那边",
    "coding",
    "coding会话",
    "coding session",
    "编码过程",
    "编程情况",
];
const ENGLISH: [&str; 28] = [
    "watch",
    "start watching",
    "watch over",
    "start watching over",
    "keep an eye on",
    "keep your eye on",
    "keep watch on",
    "keep watch over",
    "keep tabs on",
    "monitor",
    "start monitoring",
    "observe",
    "start observing",
    "follow",
    "start following",
    "follow along with",
    "supervise",
    "look after",
    "track",
    "start tracking",
    "begin watching",
    "begin monitoring",
    "watch along with",
    "keep watching",
    "keep monitoring",
    "shadow",
    "tail",
    "begin tracking",
];
const ENGLISH_SESSION: [&str; 18] = [
    "coding session",
    "code session",
    "programming session",
    "coding",
    "programming",
    "coding sessions",
    "coding work",
    "code",
    "coding run",
    "session of coding",
    "dev session",
    "development session",
    "hacking session",
    "coding process",
    "coding progress",
    "coding agent",
    "code work",
    "programming work",
];
const TAIL: [&str; 26] = [
    "吧",
    "啊",
    "哈",
    "呗",
    "了",
    "现在开始",
    "从现在开始",
    "now",
    "for me",
    "for us",
    "starting now",
    "from now on",
    "right now",
    "from here on",
    "while i work",
    "while i'm away",
    "today",
    "tonight",
    "this afternoon",
    "this morning",
    "until i say stop",
    "as i go",
    "as we go",
    "while i make dinner",
    "while i get coffee",
    "please",
];

/// Matches all of these forms, if the mode is about code.
pub(super) fn start_command<'t>(paths: &Paths<'t>, named: &ModePhrases) -> Paths<'t> {
    if !named.activities.iter().any(|activity| activity == "写代码") {
        return paths.no_match();
    }
    let whose = |paths: &Paths<'t>| paths.many0(|paths| paths.word(&WHOSE));
    let asked = paths.many0(|paths| paths.word(&BY)).word(&WATCH);
    let chinese = whose(&asked).word(&SESSION).with_flags(Flags::POLITE);
    let english = with_determiners(&paths.word(&ENGLISH)).word(&ENGLISH_SESSION);
    // 我要开始写代码了，你帮我盯着点.
    let coding = paths
        .word(&["我", "我们", "咱们", "我要", "我们要", "我现在要", "我准备", "我这就", "接下来我要", "要"])
        .optional(|paths| paths.word(&["开始", "要开始", "准备"]))
        .word(&named.activities)
        .many0(|paths| paths.word(&["了", "啦", "那", "呢"]));
    let coding = coding.many1(|paths| paths.word(&BY)).word(&WATCH).with_flags(Flags::POLITE);
    chinese.or(&english).or(&coding).many0(|paths| paths.word(&TAIL))
}
