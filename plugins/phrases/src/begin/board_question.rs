//! Questions for the contents of the board. Rule: the question is about the speaker's own board, or says to whom it is
//! to be shown; a board in general (what is on the board) is talk.

use crate::path::{Flags, Paths};

#[rustfmt::skip]
const MY: [&str; 17] = [
    "my", "our", "today's", "my own", "我的", "我", "我们的", "咱们的", "咱的", "我今天的", "我这个", "我那个", "我那", "我们", "咱们", "我手上的", "我这",
];
const OWN_OBJECT: [&str; 15] = [
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
const SUBJECTS: [&str; 9] = ["我", "我们", "咱们", "咱", "我这边", "我这里", "我手上", "我手头", "手头"];
const TIMES: [&str; 8] = ["今天", "今日", "现在", "目前", "这会", "都", "还", "到底"];
const BEING: [&str; 21] = [
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
const QUESTIONS: [&str; 22] = [
    "what's on", "what is on", "what we've got on", "what else we have on", "whats on", "what's up on", "what's in", "what is in", "what's left on", "what is left on", "what have i got on", "what have we got on", "what do i have on", "what do we have on", "what've i got on", "what i have on", "what i've got on", "what we have on", "what's there on", "what else is on", "what's still on", "what's in store on", 
];
/// Questions with one meaning only: what are my tasks.
#[rustfmt::skip]
const MY_TASKS: [&str; 20] = [
    "what are my tasks", "what are today's tasks", "what are my to dos", "what are my todos", "what are my open tasks", "what are my pending tasks", "what are my remaining tasks", "what are our tasks", "what tasks do i have", "which tasks do i have", "what tasks have i got", "which tasks have i got", "what tasks are left", "which tasks are left", "what tasks are on my board", "which tasks are on my board", "what my tasks are", "what tasks i have", "which tasks i have", "which tasks are on my list",
];
const BOARD_SUBJECT: [&str; 2] = ["what does", "what"];
#[rustfmt::skip]
const TELL_VERBS: [&str; 54] = [
    "show me", "show us", "tell me", "tell us", "read me", "read out", "read", "read us", "let me see", "let's see", "let me hear", "let's hear", "see", "check", "list", "give me", "remind me", "go over", "run through", "pull up", "bring up", "walk me through",
    "看看", "看一下", "看下", "看哈", "看",  "查一下", "查查", "念念", "念一下", "念", "读一下", "读读", "报一下", "报报", "说说", "说一下", "讲讲", "瞅瞅", "瞧瞧", "告诉我", "列一下", "我看看", "我瞅瞅", "我瞧瞧", "让我看看", "让我瞅瞅", "给我看看", "给我瞅瞅", "给我念念", "给我说说", "给我讲讲", "查看一下",
];

/// Matches a question for the contents of the board; `shown` holds the names of everything that can be shown: boards
/// first.
pub fn start_command<'t>(paths: &Paths<'t>, shown: &[&[String]]) -> Paths<'t> {
    let named = |paths: &Paths<'t>| shown.iter().fold(paths.no_match(), |all, names| all.or(&paths.word(names)));
    let mine = |paths: &Paths<'t>| named(&paths.many1(|paths| paths.word(&MY)));
    let own = |paths: &Paths<'t>| named(&paths.many1(|paths| paths.word(&OWN_OBJECT).or(&paths.word(&MY))));
    let tell = paths.word(&TELL_VERBS).optional(|paths| paths.word(&["一下", "下", "给我"]));
    let maybe_tell = paths.or(&tell);
    let on = mine(&maybe_tell.word(&QUESTIONS)).or(&own(&tell.word(&QUESTIONS)));
    let on = on.or(&if shown[0].is_empty() { paths.no_match() } else { maybe_tell.word(&MY_TASKS) });
    let on = on.or(&if shown[0].is_empty() { paths.no_match() } else { my_list(&maybe_tell) });
    let on = on.or(&own(&tell.word(&["everything on", "all that's on", "everything that's on", "everything in"])));
    let says = mine(&maybe_tell.word(&BOARD_SUBJECT)).or(&own(&tell.word(&BOARD_SUBJECT))).word(&[
        "say",
        "says",
        "look like",
        "show",
    ]);
    let english = on.or(&says);
    let english =
        english.many0(|paths| paths.word(&["today", "for today", "right now", "now", "at the moment", "so far"]));
    let when = |paths: &Paths<'t>| paths.many0(|paths| paths.word(&TIMES));
    // 我今天有哪些任务 and 看看有啥待办 match; 有什么任务 alone is too general.
    let listed = named(&when(&maybe_tell.word(&SUBJECTS).or(&tell)).word(&BEING))
        .optional(|paths| paths.word(&["要做", "要办", "没做"]));
    let read =
        named(&when(&paths.optional(|paths| paths.word(&SUBJECTS)).word(&["今天", "今日", "都", "现在"])).word(&BEING))
            .optional(|paths| paths.word(&["给我", "给大家"]))
            .word(&TELL_VERBS);
    let listed_first =
        named(paths).optional(|paths| paths.word(&ON)).word(&BEING).optional(|paths| paths.word(&["给我", "给大家"]));
    let listed = listed.or(&read).or(&listed_first.word(&TELL_VERBS));
    // 我的看板上有什么, 看看待办里都有哪些任务.
    let on_board = mine(&maybe_tell).or(&own(&tell)).or(&named(&tell)).optional(|paths| paths.word(&ON));
    let on_board_now = when(&on_board).word(&BEING).optional(named);
    english.or(&listed).or(&on_board_now).with_flags(Flags::ASKS_WHAT)
}

/// What is on my plate.
fn my_list<'t>(paths: &Paths<'t>) -> Paths<'t> {
    paths.word(&QUESTIONS).word(&["my", "our"]).word(&["list", "plate", "list of tasks"])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asks(utterance: &str) -> bool {
        let shown = [vec!["看板".to_owned(), "board".to_owned()], vec!["任务".to_owned(), "to do list".to_owned()]];
        !start_command(&Paths::start(utterance), &[&shown[0], &shown[1]]).accepted().is_empty()
    }

    #[test]
    fn m18_what_is_on_ones_own_board() {
        for utterance in [
            "what's on my board",
            "show me what's on the board",
            "what's on my plate today",
            "我今天有哪些任务",
            "看看看板上都有啥",
            "今天有什么任务给我念念",
        ] {
            assert!(asks(utterance), "{utterance}");
        }
        for utterance in [
            "what's on the board",
            "what's on a board",
            "what's on his board",
            "看板上有什么",
            "有什么任务",
            "他有哪些任务",
        ] {
            assert!(!asks(utterance), "{utterance}");
        }
    }
}
