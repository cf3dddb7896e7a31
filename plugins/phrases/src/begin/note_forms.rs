//! A meeting begins, and the device is told to take its notes: 开会了，帮我记一下. Rule: both are said, the beginning and the
//! order; either of them alone may be talk.

use super::{ModePhrases, with_determiners};
use crate::path::{Flags, Paths};

const BEGINS: [&str; 19] = [
    "我们这边要开会",
    "我们要开会",
    "我们这就开会",
    "我们这边开会",
    "我们现在要开会",
    "开会了",
    "开会啦",
    "要开会了",
    "我们要开会了",
    "我们开会了",
    "咱们开会了",
    "会议开始了",
    "会议现在开始",
    "会开始了",
    "现在开会",
    "现在开始开会",
    "我们这边开会了",
    "我们现在开会",
    "咱开会了",
];
const STARTED: [&str; 12] = [
    "开始了",
    "现在开始",
    "开始",
    "开起来",
    "开始了啊",
    "要开始了",
    "马上开始",
    "这就开始",
    "正式开始",
    "现在正式开始",
    "开始啦",
    "开了",
];
const BY: [&str; 5] = ["你", "你来", "你就", "你现在就", "你负责"];
/// 帮我记吗 is a request; 你记吗 is a question.
const ASKED_BY: [&str; 13] = [
    "你给",
    "你给我",
    "你给我们",
    "你帮我",
    "你帮忙",
    "帮我",
    "帮我们",
    "帮忙",
    "给我",
    "给我们",
    "麻烦你",
    "请你",
    "请",
];
const NOTE: [&str; 26] = [
    "记一下",
    "记着",
    "记着点",
    "记录一下",
    "录一下",
    "录着",
    "记",
    "录",
    "写纪要",
    "做纪要",
    "写会议纪要",
    "做会议纪要",
    "记录",
    "做记录",
    "做个记录",
    "给记着点",
    "给记着",
    "开始记",
    "开始录",
    "开始记录",
    "做一下记录",
    "记一记",
    "记下来",
    "录下来",
    "写一下纪要",
    "做一下纪要",
];
const TAIL: [&str; 5] = ["啊", "哈", "呗", "一下", "哦"];
const ENGLISH_NOTE: [&str; 10] = [
    "start taking the minutes",
    "start taking minutes",
    "start taking notes",
    "take the minutes",
    "take minutes",
    "take notes",
    "start the minutes",
    "start recording",
    "start the recording",
    "please take notes",
];

/// Matches all of these forms, if the mode records.
pub(super) fn start_command<'t>(paths: &Paths<'t>, named: &ModePhrases) -> Paths<'t> {
    if named.recordings.is_empty() {
        return paths.no_match();
    }
    let between = |paths: &Paths<'t>| paths.many0(|paths| paths.word(&["来", "啊", "了", "那", "好", "吧"]));
    let lead = paths.many0(|paths| paths.word(&["先不聊了", "不聊了", "好好好", "好了", "好", "来", "行"]));
    let begun = lead.word(&BEGINS).or(&named.noun(&between(&lead)).word(&STARTED));
    let held = lead.many0(|paths| paths.word(&["现在", "咱们", "我们", "这就", "马上"]));
    let held = named.noun(&held.word(&["开个", "开一个", "开", "召开", "来个", "来开个"]));
    let begun = begun.or(&held);
    let noted = between(&begun)
        .many1(|paths| paths.word(&BY).or(&paths.word_with_flags(&ASKED_BY, Flags::POLITE)))
        .word(&NOTE)
        .many0(|paths| paths.word(&TAIL));
    let english = named.noun(&with_determiners(paths)).word(&ENGLISH_NOTE);
    noted.or(&english)
}
