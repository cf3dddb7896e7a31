//! Longer spoken forms of end commands: the object first (工作模式给我关掉), leaving it (从会议模式退出来), being through with it and
//! having it closed. Rule: the object is always named.

use super::THIS_MODE;
use crate::begin::ModePhrases;
use crate::path::{Flags, Paths};

/// Verbs that turn a mode off.
pub const OFF: [&str; 18] = [
    "关掉",
    "关了",
    "关闭",
    "退出",
    "结束",
    "停掉",
    "结束掉",
    "关上",
    "停了",
    "停止",
    "退了",
    "停下来",
    "停一下",
    "收起来",
    "收了",
    "收起",
    "合上",
    "收掉",
];

/// Matches all of these forms. `stated`: flags for those that only state that it is over.
pub fn end_command<'t>(paths: &Paths<'t>, named: &ModePhrases, stated: Flags) -> Paths<'t> {
    paths.any(&[
        &|paths| {
            let may = named.noun(paths).or(&named.recording(paths)).word(&["可以", "能", "也可以", "都可以"]).word(&[
                "结束了",
                "停止了",
                "停了",
            ]);
            may.many0(|paths| paths.word(&["你", "就", "那", "给", "给我"]))
                .word(&["关了", "停了", "关掉", "停掉", "关", "停", "退了", "退出", "结束"])
                .with_flags(stated)
        },
        &|paths| {
            // I'm through with the board, close it.
            let done = paths.word(&[
                "i'm through with",
                "i'm done with",
                "i'm finished with",
                "done with",
                "finished with",
                "through with",
                "we're done with",
                "we're finished with",
                "we're through with",
            ]);
            let shut = [
                "close it",
                "shut it",
                "put it away",
                "turn it off",
                "exit it",
                "leave it",
                "close it down",
                "shut it down",
                "get me out",
            ];
            named
                .noun(&done)
                .many0(|paths| paths.word(&["so", "now", "please", "can you", "you can", "just", "for today"]))
                .word(&shut)
        },
        &|paths| {
            // 工作模式给我关掉, 录音给停了.
            let named_first = named.noun(paths).or(&named.recording(paths)).or(&paths.word(&THIS_MODE));
            let to_device = named_first.many1(|paths| {
                paths.word(&[
                    "给我",
                    "给",
                    "帮我",
                    "帮忙",
                    "你",
                    "请",
                    "麻烦",
                    "现在",
                    "赶紧",
                    "就",
                    "也",
                    "都",
                    "给咱",
                    "你给我",
                ])
            });
            to_device.word(&OFF)
        },
        &|paths| {
            // 从会议模式退出来.
            let from = paths.word(&["从", "从这个", "从当前", "从那个", "把我从"]);
            let there = named.noun(&from).or(&from.word(&THIS_MODE)).or(&named.activity(&from).word(&["状态"]));
            there.optional(|paths| paths.word(&["里", "里面", "中", "当中"])).word(&[
                "退出来",
                "退出",
                "退出去",
                "出来",
                "出去",
                "退回来",
                "退回去",
                "退",
                "离开",
                "切出来",
                "切回来",
                "切出去",
                "跳出来",
                "回来",
                "切走",
                "弄出来",
                "撤出来",
            ])
        },
    ])
}
