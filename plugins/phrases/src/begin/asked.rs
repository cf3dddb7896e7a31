//! What is on a board, asked for. Rule: the speaker's own board is asked about, or one says to whom it is to be shown; a
//! board in general (what is on the board) is talk.

use crate::path::{Marks, Ways};

#[rustfmt::skip]
const MINE: [&str; 17] = [
    "my", "our", "today's", "my own", "我的", "我", "我们的", "咱们的", "咱的", "我今天的", "我这个", "我那个", "我那", "我们", "咱们", "我手上的", "我这",
];
const OWN: [&str; 15] = [
    "the",
    "this",
    "the latest",
    "latest",
    "current",
    "last",
    "task",
    "team",
    "whole",
    "今天的",
    "这个",
    "这",
    "那个",
    "当前的",
    "最新的",
];
const WHO: [&str; 9] = ["我", "我们", "咱们", "咱", "我这边", "我这里", "我手上", "我手头", "手头"];
const WHEN: [&str; 8] = ["今天", "今日", "现在", "目前", "这会", "都", "还", "到底"];
const ARE: [&str; 21] = [
    "有哪些",
    "有什么",
    "有啥",
    "有几个",
    "有几条",
    "还有哪些",
    "还有什么",
    "还有啥",
    "都有哪些",
    "都有什么",
    "都有啥",
    "是哪些",
    "还剩哪些",
    "还剩什么",
    "还剩啥",
    "剩哪些",
    "还差哪些",
    "说啥",
    "说什么",
    "写了啥",
    "写了什么",
];
const ON: [&str; 7] = ["上", "上面", "里", "里面", "中", "里头", "上头"];
#[rustfmt::skip]
const ENGLISH: [&str; 22] = [
    "what's on", "what is on", "what we've got on", "what else we have on", "whats on", "what's up on", "what's in", "what is in", "what's left on", "what is left on", "what have i got on", "what have we got on", "what do i have on", "what do we have on", "what've i got on", "what i have on", "what i've got on", "what we have on", "what's there on", "what else is on", "what's still on", "what's in store on", 
];
/// What are my tasks: nothing else is meant.
#[rustfmt::skip]
const MY_TASKS: [&str; 20] = [
    "what are my tasks", "what are today's tasks", "what are my to dos", "what are my todos", "what are my open tasks", "what are my pending tasks", "what are my remaining tasks", "what are our tasks", "what tasks do i have", "which tasks do i have", "what tasks have i got", "which tasks have i got", "what tasks are left", "which tasks are left", "what tasks are on my board", "which tasks are on my board", "what my tasks are", "what tasks i have", "which tasks i have", "which tasks are on my list",
];
const DOES: [&str; 2] = ["what does", "what"];
#[rustfmt::skip]
const TELL: [&str; 54] = [
    "show me", "show us", "tell me", "tell us", "read me", "read out", "read", "read us", "let me see", "let's see", "let me hear", "let's hear", "see", "check", "list", "give me", "remind me", "go over", "run through", "pull up", "bring up", "walk me through",
    "看看", "看一下", "看下", "看哈", "看",  "查一下", "查查", "念念", "念一下", "念", "读一下", "读读", "报一下", "报报", "说说", "说一下", "讲讲", "瞅瞅", "瞧瞧", "告诉我", "列一下", "我看看", "我瞅瞅", "我瞧瞧", "让我看看", "让我瞅瞅", "给我看看", "给我瞅瞅", "给我念念", "给我说说", "给我讲讲", "查看一下",
];

/// Behind a question for what is on a board; `shown` names all that can be looked at.
pub fn core<'t>(ways: &Ways<'t>, shown: &[&[String]]) -> Ways<'t> {
    let named = |ways: &Ways<'t>| shown.iter().fold(ways.nowhere(), |all, names| all.or(&ways.word(names)));
    let mine = |ways: &Ways<'t>| named(&ways.some(|ways| ways.word(&MINE)));
    let own = |ways: &Ways<'t>| named(&ways.some(|ways| ways.word(&OWN).or(&ways.word(&MINE))));
    let tell = ways.word(&TELL).maybe(|ways| ways.word(&["一下", "下", "给我"]));
    let told = ways.or(&tell);
    let on = mine(&told.word(&ENGLISH)).or(&own(&tell.word(&ENGLISH)));
    let on = on.or(&if shown[0].is_empty() { ways.nowhere() } else { told.word(&MY_TASKS) });
    let on = on.or(&if shown[0].is_empty() { ways.nowhere() } else { list(&told) });
    let on = on.or(&own(&tell.word(&["everything on", "all that's on", "everything that's on", "everything in"])));
    let says = mine(&told.word(&DOES)).or(&own(&tell.word(&DOES))).word(&["say", "says", "look like", "show"]);
    let english = on.or(&says);
    let english =
        english.many(|ways| ways.word(&["today", "for today", "right now", "now", "at the moment", "so far"]));
    let when = |ways: &Ways<'t>| ways.many(|ways| ways.word(&WHEN));
    // 我今天有哪些任务, 看看有啥待办; 有什么任务 alone may be about anything.
    let listed = named(&when(&told.word(&WHO).or(&tell)).word(&ARE)).maybe(|ways| ways.word(&["要做", "要办", "没做"]));
    let read = named(&when(&ways.maybe(|ways| ways.word(&WHO)).word(&["今天", "今日", "都", "现在"])).word(&ARE))
        .maybe(|ways| ways.word(&["给我", "给大家"]))
        .word(&TELL);
    let said = named(ways).maybe(|ways| ways.word(&ON)).word(&ARE).maybe(|ways| ways.word(&["给我", "给大家"]));
    let listed = listed.or(&read).or(&said.word(&TELL));
    // 我的看板上有什么, 看看待办里都有哪些任务.
    let place = mine(&told).or(&own(&tell)).or(&named(&tell)).maybe(|ways| ways.word(&ON));
    let placed = when(&place).word(&ARE).maybe(named);
    english.or(&listed).or(&placed).mark(Marks::WHAT)
}

/// What is on my plate.
fn list<'t>(ways: &Ways<'t>) -> Ways<'t> {
    ways.word(&ENGLISH).word(&["my", "our"]).word(&["list", "plate", "list of tasks"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(said: &str) -> bool {
        let shown = [vec!["看板".to_owned(), "board".to_owned()], vec!["任务".to_owned(), "to do list".to_owned()]];
        !core(&Ways::begin(said), &[&shown[0], &shown[1]]).ends().is_empty()
    }

    #[test]
    fn m18_what_is_on_ones_own_board() {
        for said in [
            "what's on my board",
            "show me what's on the board",
            "what's on my plate today",
            "我今天有哪些任务",
            "看看看板上都有啥",
            "今天有什么任务给我念念",
        ] {
            assert!(asks(said), "{said}");
        }
        for said in [
            "what's on the board",
            "what's on a board",
            "what's on his board",
            "看板上有什么",
            "有什么任务",
            "他有哪些任务",
        ] {
            assert!(!asks(said), "{said}");
        }
    }
}
