//! The end of a mode, and of what it records. Rule: what ends is named, or the mode is; a bare 退出 is told apart,
//! since it ends whatever there is.

use crate::begin::Named;
use crate::farewell;
use crate::path::{Marks, Ways};

const QUIT: [&str; 33] = [
    "退出",
    "离开",
    "结束",
    "关闭",
    "关掉",
    "关",
    "停止",
    "终止",
    "中止",
    "退",
    "跳出",
    "停掉",
    "停",
    "结束掉",
    "关了",
    "leave",
    "exit",
    "quit",
    "end",
    "close",
    "stop",
    "finish",
    "terminate",
    "conclude",
    "turn off",
    "switch off",
    "get out of",
    "wrap up",
    "adjourn",
    "disable",
    "deactivate",
    "finish up",
    "shut down",
];
#[rustfmt::skip]
const UP_TO_HERE: [&str; 19] = [
    "到此结束", "到此为止", "就到这里", "就到这儿", "就到这", "到这里", "到这儿", "先到这里", "先到这儿", "就先到这里", "就开到这里", "开到这里", "就到此为止", "就到此结束", "到这里结束", "就此结束", "就结束", "现在结束", "正式结束",
];
#[rustfmt::skip]
const OVER: [&str; 13] = [
    "结束", "关闭", "退出", "停止", "over", "is over", "is adjourned", "adjourned", "is finished", "is closed", "is ended", "is now over", "off",
];
const THANKS: [&str; 12] = [
    "谢谢",
    "谢谢你",
    "谢谢大家",
    "感谢大家",
    "大家辛苦了",
    "辛苦了",
    "now",
    "and",
    "thanks",
    "thank you",
    "thank you all",
    "please",
];
/// How somebody leads up to the end, who then orders it.
const LEADS: [&str; 33] = [
    "今天就到这里",
    "我们今天就到这里",
    "我们就到这里",
    "我们今天先到这里",
    "今天就到这儿",
    "今天就到这",
    "今天先到这里",
    "今天先到这儿",
    "就到这里",
    "就到这儿",
    "先到这里",
    "先到这儿",
    "先这样",
    "就这样",
    "没别的事了",
    "没什么事了",
    "没其他事了",
    "没有其他事了",
    "没有别的事了",
    "没问题了",
    "时间到了",
    "时间差不多了",
    "差不多了",
    "谢谢大家",
    "感谢大家",
    "大家辛苦了",
    "辛苦大家了",
    "都说完了",
    "that's all",
    "that is all",
    "that's it",
    "we're done",
    "we are done",
];
const BACK: [&str; 24] = [
    "回到",
    "返回",
    "返回到",
    "回",
    "切换到",
    "切换回",
    "切换成",
    "切换为",
    "切回",
    "切回到",
    "切到",
    "退回",
    "退回到",
    "进入",
    "恢复",
    "恢复到",
    "打开",
    "back to",
    "go back to",
    "return to",
    "switch to",
    "switch back to",
    "go to",
    "change to",
];
const HOME: [&str; 27] = [
    "聊天",
    "聊天模式",
    "对话",
    "对话模式",
    "闲聊",
    "闲聊模式",
    "普通模式",
    "默认模式",
    "正常模式",
    "日常模式",
    "语音助手",
    "chat",
    "the chat",
    "chat mode",
    "chatting",
    "conversation",
    "the conversation",
    "conversation mode",
    "normal mode",
    "the normal mode",
    "default mode",
    "the default mode",
    "regular mode",
    "home",
    "主界面",
    "主页",
    "talk mode",
];
/// Home by these names can be asked for alone.
const HOME_MODES: [&str; 8] =
    ["聊天模式", "对话模式", "闲聊模式", "普通模式", "默认模式", "chat mode", "conversation mode", "normal mode"];
const THIS_MODE: [&str; 22] = [
    "模式",
    "当前模式",
    "这个模式",
    "当前的模式",
    "现在的模式",
    "该模式",
    "此模式",
    "mode",
    "the mode",
    "this mode",
    "current mode",
    "the current mode",
    "that mode",
    "目前的模式",
    "目前模式",
    "现在模式",
    "本模式",
    "这模式",
    "那个模式",
    "所有模式",
    "任何模式",
    "特殊模式",
];
/// Said alone they end whatever runs.
const BARE: [&str; 9] = ["退出", "退出来", "退出去", "exit", "quit", "log out", "离开模式", "退出一下", "退出程序"];

/// All ways to order the end of this mode. `stated`: the marks of those that only say that it is over.
pub fn core<'t>(ways: &Ways<'t>, named: &Named, stated: Marks) -> Ways<'t> {
    let over = |ways: &Ways<'t>| ways.word(&OVER).or(&ways.word(&UP_TO_HERE));
    let quit = |ways: &Ways<'t>| ways.some(|ways| ways.word(&QUIT).maybe(|ways| ways.word(&["一下", "掉", "下"])));
    let off =
        ["关掉", "关了", "关闭", "退出", "结束", "停掉", "结束掉", "关上", "停了", "停止", "退了", "停下来", "停一下"];
    let ends = ["结束", "退出"];
    let sure = ways.any(&[
        &|ways| named.noun(&quit(ways)),
        &|ways| named.noun(ways).maybe(|ways| ways.word(&["现在", "正式"])).some(over).mark(stated),
        &|ways| named.noun(&ways.word(&["把", "将"])).word(&off),
        &|ways| named.noun(&ways.word(&["turn", "switch"])).word(&["off"]),
        &|ways| {
            named
                .noun(&ways.word(&["that concludes", "this concludes", "that's the end of", "that is the end of"]))
                .mark(stated)
        },
        &|ways| {
            let minding = ways.marked(&["would you mind", "do you mind"], Marks::REQUESTS);
            named.noun(&minding.word(&["ending", "leaving", "closing", "stopping", "finishing", "turning off"]))
        },
        &|ways| named.activity(&ways.word(&ends)),
    ]);
    let weak = ways.any(&[
        &|ways| {
            named.activity(
                &ways.word(&["停止", "停", "别", "不", "完成", "stop", "end", "quit", "exit", "finish", "leave"]),
            )
        },
        &|ways| named.activity(ways).word(&["结束", "完毕", "完"]),
        &|ways| named.thing(ways).word(&["开完", "is done", "done", "finished", "ended"]),
    ]);
    let asked = may(&named.noun(ways)).some(over);
    sure.or(&weak.mark(Marks::WEAK)).or(&asked)
}

/// 可以, between what ends or begins and its verb.
pub fn may<'t>(ways: &Ways<'t>) -> Ways<'t> {
    ways.marked(&["可以", "能", "能不能", "可不可以", "是不是可以", "要不要", "can", "could"], Marks::CAN)
}

/// What is said at the end of something that many people take part in.
pub fn dismissal<'t>(ways: &Ways<'t>, stated: Marks) -> Ways<'t> {
    let sure = ways.marked(&["散会", "闭会", "会议散会"], Marks::ACTIVITY);
    let today =
        ["今天的会", "今天的会议", "今天会议", "会", "这次会议", "本次会议", "我们的会", "今天这个会", "这个会"];
    let sure = sure.or(&ways.word(&today).some(|ways| ways.word(&UP_TO_HERE)).mark(stated));
    let weak = ["休会", "开完会", "会开完", "今天就到这里", "今天就到这儿", "今天先到这里", "散了", "meeting done"];
    sure.or(&ways.marked(&weak, Marks::WEAK))
}

/// Back to the default mode, whatever mode runs.
pub fn home<'t>(ways: &Ways<'t>) -> Ways<'t> {
    let of_mode = |ways: &Ways<'t>| ways.some(|ways| ways.word(&QUIT).maybe(|ways| ways.word(&["一下", "掉", "下"])));
    ways.any(&[
        &|ways| of_mode(ways).word(&THIS_MODE),
        &|ways| ways.word(&["把", "将"]).word(&THIS_MODE).word(&["关掉", "关了", "关闭", "退出", "结束", "停掉"]),
        &|ways| ways.word(&BACK).maybe(|ways| ways.word(&["普通", "正常"])).word(&HOME),
        &|ways| ways.word(&HOME_MODES),
        &|ways| ways.word(&BARE),
        &|ways| ways.word(&["get out of", "get me out of", "take me out of"]).word(&THIS_MODE),
    ])
}

/// 退出 and nothing else.
pub fn bare<'t>(ways: &Ways<'t>) -> Ways<'t> {
    ways.word(&BARE).or(&ways.marked(&["离开", "关闭", "结束", "leave", "end", "完毕"], Marks::WEAK))
}

/// An end as people say it among others: led up to, and with a farewell behind it.
pub fn sociably<'t>(ways: &Ways<'t>, core: impl Fn(&Ways<'t>) -> Ways<'t>) -> Ways<'t> {
    let between = |ways: &Ways<'t>| {
        ways.many(|ways| ways.word(&["吧", "啊", "啦", "那", "好", "好的", "那么", "so", "okay", "ok"]))
    };
    let led = ways.maybe(|ways| between(&ways.some(|ways| between(&ways.word(&LEADS)))));
    let ended = core(&led);
    let parted = ended.many(|ways| ways.word(&["吧", "啊", "啦", "了", "大家", "各位"]).or(&ways.word(&THANKS)));
    ended.or(&parted.some(farewell::sure))
}
