//! Ways to order an end that longer speech has: what ends stands first (工作模式给我关掉), one comes out of it
//! (从会议模式退出来), or is through with it and has it shut. Rule: what ends is always named.

use super::THIS_MODE;
use crate::begin::Named;
use crate::path::{Marks, Ways};

/// What is done to a mode that is to be off.
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

/// All of these; with these marks where it is only said to be over.
pub fn core<'t>(ways: &Ways<'t>, named: &Named, stated: Marks) -> Ways<'t> {
    ways.any(&[
        &|ways| {
            let may = named.noun(ways).or(&named.recording(ways)).word(&["可以", "能", "也可以", "都可以"]).word(&[
                "结束了",
                "停止了",
                "停了",
            ]);
            may.many(|ways| ways.word(&["你", "就", "那", "给", "给我"]))
                .word(&["关了", "停了", "关掉", "停掉", "关", "停", "退了", "退出", "结束"])
                .mark(stated)
        },
        &|ways| {
            // I'm through with the board, close it.
            let done = ways.word(&[
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
                .many(|ways| ways.word(&["so", "now", "please", "can you", "you can", "just", "for today"]))
                .word(&shut)
        },
        &|ways| {
            // 工作模式给我关掉, 录音给停了.
            let named_first = named.noun(ways).or(&named.recording(ways)).or(&ways.word(&THIS_MODE));
            let to_device = named_first.some(|ways| {
                ways.word(&[
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
        &|ways| {
            // 从会议模式退出来.
            let from = ways.word(&["从", "从这个", "从当前", "从那个", "把我从"]);
            let there = named.noun(&from).or(&from.word(&THIS_MODE)).or(&named.activity(&from).word(&["状态"]));
            there.maybe(|ways| ways.word(&["里", "里面", "中", "当中"])).word(&[
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
