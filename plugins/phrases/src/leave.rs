//! Commands that end a mode or its recording. Rule: the object or the mode is named; a bare 退出 is matched separately,
//! since it ends whatever runs.

use crate::begin::ModePhrases;
use crate::farewell;
use crate::path::{Flags, Paths};

mod long_forms;

#[rustfmt::skip]
pub(crate) const QUIT: [&str; 85] = [
    "退出", "离开", "结束", "关闭", "关掉", "关", "停止", "终止", "中止", "退", "跳出", "停掉", "停", "结束掉", "关了", "leave", "exit",
    "quit", "end", "close", "stop", "finish", "terminate", "conclude", "turn off", "switch off", "get out of",
    "wrap up", "adjourn", "disable", "deactivate", "finish up", "shut down", "关停", "退掉", "收起", "收起来", "收了",
    "收", "合上", "关上", "散", "散了", "结束一下", "终结", "完结", "停一下", "停下", "quit out of", "get me out of",
    "get us out of", "take us out of", "take me out of", "step out of", "back out of", "log out of",
    "wind up", "wind down", "put away", "cut", "kill", "wrap", "hide", "come out of",
    "go out of", "drop out of",
    "close out", "close off", "close down", "shut off",
    "shut",
    "exit out of", "step away from", "drop out", "pull out of", "get back out of", "bail out of", "end out", "finish off", "pack up", "bring down", "wrap off", "put a stop to", "put an end to", "bring to an end",
];
#[rustfmt::skip]
const UP_TO_HERE: [&str; 35] = [
    "到此结束", "到此为止", "就到这里", "就到这儿", "就到这", "到这里", "到这儿", "先到这里", "先到这儿", "就先到这里", "就开到这里", "开到这里", "就到此为止", "就到此结束", "到这里结束", "就此结束", "就结束", "现在结束", "正式结束",
    "先开到这里", "就先开到这里", "开到这", "就开到这", "先开到这", "就先到这", "就散了", "就散", "就先散了", "先到此", "就到此", "就先开到这", "先到此结束", "到此", "到这就结束", "开到这里结束",
];
#[rustfmt::skip]
const OVER: [&str; 29] = [
    "结束", "关闭", "退出", "停止", "over", "is over", "is adjourned", "adjourned", "is finished", "is closed",
    "is ended", "is now over", "off", "关掉", "停掉", "完毕", "结束掉", "is concluded", "concluded", "dismissed",
    "is over now", "over now", "is now adjourned", "is now closed", "收起来", "关了", "停一下", "停了", "停止了",
];
#[rustfmt::skip]
const THANKS: [&str; 23] = [
    "谢谢", "谢谢你", "谢谢大家", "感谢大家", "大家辛苦了", "辛苦了", "now", "and", "thanks", "thank you", "thank you all",
    "please", "谢谢各位", "感谢各位", "各位辛苦了", "辛苦大家了", "辛苦各位了", "thanks everyone", "thank you everyone",
    "thanks all", "thanks guys", "thanks team", "everyone",
];
/// Introductions of an end that is commanded next.
const LEADS: [&str; 37] = [
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
    "see you all",
    "bye everyone",
    "bye everybody",
    "bye all",
];
#[rustfmt::skip]
const BACK: [&str; 51] = [
    "回到", "返回", "返回到", "回", "切换到", "切换回", "切换成", "切换为", "切回", "切回到", "切到", "退回", "退回到", "进入", "恢复", "恢复到",
    "打开", "back to", "go back to", "return to", "switch to", "switch back to", "go to", "change to", "退到",
    "转回", "转到", "转回到", "换回", "换回到", "回归", "跳回", "get back to", "get me back to", "take me back to",
    "take us back to", "bring me back to", "switch over to", "bring us back to", "switch me back to",
    "let's go back to", "move back to", "change back to", "jump back to", "back into", "go into",
    "put me back in", "put me back into", "put us back in",
    "回去", "回来",
];
#[rustfmt::skip]
const HOME: [&str; 59] = [
    "聊天", "聊天模式", "对话", "对话模式", "闲聊", "闲聊模式", "普通模式", "默认模式", "正常模式", "日常模式", "语音助手", "chat", "the chat",
    "chat mode", "chatting", "conversation", "the conversation", "conversation mode", "normal mode",
    "the normal mode", "default mode", "the default mode", "regular mode", "home", "主界面", "主页", "talk mode",
    "聊天状态", "聊天界面", "对话状态", "首页", "主屏幕", "主菜单", "主模式", "初始模式", "原来的模式", "之前的模式", "平常模式", "平时的模式",
    "the main menu", "main menu", "the home screen", "home screen", "the main screen", "main screen",
    "main mode", "talking", "talking mode", "just talking", "just chatting", "chatting mode", "chat screen",
    "the conversation mode", "the chat mode", "regular chat", "normal chat", "normal conversation", "normal",
    "regular conversation",
];
/// Names of the default mode that are a command when alone.
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
#[rustfmt::skip]
const ENDING: [&str; 13] = [
    "ending", "leaving", "closing", "stopping", "finishing", "turning off", "exiting", "quitting", "wrapping up", "shutting down", "switching off", "getting out of", "finishing up",
];
/// Commands that end whatever runs.
#[rustfmt::skip]
const BARE: [&str; 17] = [
    "退出", "退出来", "退出去", "exit", "quit", "log out", "离开模式", "退出一下", "退出程序", "退了吧", "退了", "退一下", "get me out",
    "take me out", "log off", "exit out",
    "get me out of here",
];

/// Matches all commands that end this mode. `stated`: flags for those that only state that it is over.
pub fn end_command<'t>(paths: &Paths<'t>, named: &ModePhrases, stated: Flags) -> Paths<'t> {
    let over = |paths: &Paths<'t>| paths.word(&OVER).or(&paths.word(&UP_TO_HERE));
    let quit =
        |paths: &Paths<'t>| paths.many1(|paths| paths.word(&QUIT).optional(|paths| paths.word(&["一下", "掉", "下"])));
    let off = long_forms::OFF;
    let ends = ["结束", "退出"];
    let sure = paths.any(&[
        &|paths| {
            let left = quit(paths);
            let there = [
                "there",
                "here",
                "on that note",
                "with that",
                "and write the minutes",
                "and write up the minutes",
                "and write up the notes",
                "and save the minutes",
                "and save the notes",
                "and send out the minutes",
                "and give me the minutes",
                "and give us the minutes",
                "and give me a summary",
                "and give us a summary",
                "and summarise it",
                "and summarize it",
                "and just chat",
                "and just have a chat",
                "and have a chat",
                "and chat",
            ];
            named.noun(&left).or(&named.recording(&left)).word(&there).or(&named.noun(&left))
        },
        &|paths| named.noun(&out_of(paths)).or(&named.activity(&out_of(paths))),
        &|paths| named.noun(paths).optional(|paths| paths.word(&["现在", "正式"])).many1(over).with_flags(stated),
        &|paths| named.noun(&paths.word(&["把", "将"])).word(&off),
        &|paths| named.noun(&paths.word(&["turn", "switch"])).word(&["off"]),
        &|paths| {
            named
                .noun(&paths.word(&[
                    "that brings us to the end of",
                    "this brings us to the end of",
                    "and that brings us to the end of",
                    "that concludes",
                    "i hereby close",
                    "i now close",
                    "i declare closed",
                    "i'm closing",
                    "i'm ending",
                    "so i'm ending",
                    "i'm now ending",
                    "we're ending",
                    "so i'm closing",
                    "we're closing",
                    "this concludes",
                    "that's the end of",
                    "that is the end of",
                    "that's it for",
                    "that's all for",
                    "that's a wrap on",
                    "that's a wrap for",
                ]))
                .with_flags(stated)
        },
        &|paths| {
            let minding = paths.word_with_flags(&["would you mind", "do you mind"], Flags::REQUESTS);
            let ending = minding.word(&ENDING);
            named.noun(&ending).or(&named.recording(&ending)).or(&named.activity(&ending)).or(&ending.word(&THIS_MODE))
        },
        &|paths| long_forms::end_command(paths, named, stated),
        &|paths| {
            let declared =
                paths.word(&["i hereby declare", "i declare", "i now declare", "we declare", "i hereby call"]);
            named
                .noun(&declared)
                .word(&["closed", "over", "adjourned", "ended", "finished", "at an end"])
                .with_flags(stated)
        },
        &|paths| named.activity(&paths.word(&ends)),
        &|paths| {
            // "Finish the notes" is done by the person who writes them.
            let stop = [
                "停止",
                "停",
                "停掉",
                "停一下",
                "结束",
                "关闭",
                "关掉",
                "关了",
                "退出",
                "终止",
                "中止",
                "停了",
                "停下",
                "关",
                "stop",
                "end",
                "turn off",
                "switch off",
                "quit",
                "exit",
                "cut",
                "kill",
                "pause",
                "shut off",
                "shut down",
            ];
            named.recording(&paths.word(&stop).many0(|paths| paths.word(&["一下", "掉", "下"])))
        },
        &|paths| named.recording(paths).many1(over).with_flags(stated),
        &|paths| {
            let object = named
                .recording(&paths.word(&["把", "将"]))
                .optional(|paths| paths.word(&["给", "给我", "也", "都", "先"]));
            object.word(&off).or(&object.word(&["停", "关"]))
        },
        &|paths| {
            let apart = |verbs: &[&str], parts: &[&str]| named.noun(&paths.word(verbs)).word(parts);
            let off = apart(&["turn", "switch", "shut"], &["off", "down"]);
            let stopped = named.recording(&paths.word(&["turn", "switch", "shut"])).word(&["off", "down"]);
            off.or(&stopped)
                .or(&apart(&["wrap", "finish", "close"], &["up", "off", "down", "out"]))
                .or(&apart(&["put"], &["away"]))
        },
        &|paths| paths.word(&["把这个会", "把这场会", "把会", "把今天的会"]).word(&off),
        &|paths| {
            let may =
                named.recording(paths).or(&named.noun(paths)).word(&["可以", "能", "你可以", "现在可以", "就可以"]);
            may.word(&["停了", "关了", "停掉了", "停止了", "关掉了", "退了", "关闭了", "关上了", "收了", "撤了"])
                .with_flags(stated)
        },
        &|paths| named.stop(paths).with_flags(stated),
        &|paths| {
            // A mode that is only shown is closed by one word. In a meeting the word may be about anything else that is
            // on.
            let shut = paths.word(&[
                "关掉",
                "关了",
                "关上",
                "关闭",
                "把它关掉",
                "把它关了",
                "关掉它",
                "我要聊天",
                "我想聊天",
                "聊天吧",
                "咱们聊天吧",
                "咱聊天吧",
                "聊会天吧",
                "咱聊会天",
                "咱们聊会天",
                "聊聊天吧",
                "关一下",
                "关了它",
                "把这个关掉",
                "把这个关了",
            ]);
            if stated == Flags::NONE && named.recordings.is_empty() { shut } else { shut.no_match() }
        },
        &|paths| {
            let ended =
                paths.word(&["停止", "停", "stop", "end", "quit", "exit", "finish", "leave", "wrap up", "finish up"]);
            // With no mode running it is a wish addressed to other people.
            if stated == Flags::NONE { named.activity(&ended) } else { named.activity(&ended).with_flags(Flags::WEAK) }
        },
    ]);
    let weak = paths.any(&[
        &|paths| named.activity(&paths.word(&["别", "不", "完成"])),
        &|paths| named.activity(paths).word(&["结束", "完毕", "完"]),
        &|paths| named.thing(paths).word(&["开完", "is done", "done", "finished", "ended"]),
    ]);
    let asked = may_be(&named.noun(paths)).many1(over);
    sure.or(&weak.with_flags(Flags::WEAK)).or(&asked)
}

/// 可以, between the object and its verb.
pub fn may_be<'t>(paths: &Paths<'t>) -> Paths<'t> {
    paths.word_with_flags(
        &["可以", "能", "能不能", "可不可以", "是不是可以", "要不要", "can", "could"],
        Flags::CAN.and(Flags::ABOUT_OBJECT),
    )
}

/// Matches what is said at the end of an event with several people.
pub fn dismissal<'t>(paths: &Paths<'t>, stated: Flags) -> Paths<'t> {
    let sure = paths.word_with_flags(
        &["散会", "闭会", "会议散会", "收会", "到此结束", "今天到此结束", "就到此结束", "今天就到此结束"],
        Flags::ACTIVITY,
    );
    let today = [
        "今天的会",
        "今天的会议",
        "今天会议",
        "会",
        "今天会",
        "这会",
        "咱这会",
        "咱们这会",
        "咱们会",
        "会议",
        "这场会",
        "咱们这个会",
        "咱这个会",
        "今天这会",
        "例会",
        "这次会议",
        "本次会议",
        "我们的会",
        "今天这个会",
        "这个会",
    ];
    let sure = sure.or(&paths.word(&today).many1(|paths| paths.word(&UP_TO_HERE)).with_flags(stated));
    let here = ["先开到这里", "就开到这里", "今天开到这里", "今天先开到这里", "就先开到这里", "今天就开到这里"];
    let sure = sure.or(&paths.word(&here).with_flags(stated));
    let urged = [
        "咱们散会哈",
        "咱散会",
        "咱们散会",
        "大家散会",
        "其他人散会",
        "各位散会",
        "全体散会",
        "咱散会哈",
        "散了吧",
        "散了散了",
        "大家散了吧",
        "咱散了吧",
        "咱们散了吧",
        "都散了吧",
        "各位散了吧",
        "那散了吧",
    ];
    let sure = sure.or(&paths.word(&urged).with_flags(stated));
    #[rustfmt::skip]
    let wrapped = [
        "let's wrap up", "let's wrap it up", "let's wrap it up there", "let's wrap it up here", "let's wrap this up", "let's wrap this one up", "let's wrap things up", "let's wrap up there", "let's wrap up here", "wrap it up there", "time to wrap up", "time to wrap it up", "that's a wrap", "it's a wrap", "and that's a wrap", "we'll wrap up there", "we'll wrap it up there", "let's call it a day", "let's call it there", "let's call it", "call it a day", "let's call time", "let's call time on this", "let's end there", "let's end it there", "let's end it here", "let's end here", "let's stop there", "let's finish there", "let's finish up", "let's finish up there", "let's finish up here", "let's close it out", "let's close out", "let's close here", "let's close there", "let's adjourn", "let's adjourn there", "let's break up", "let's break there", "let's disband", "we'll leave it there for today", "let's leave it there for today", "let's leave it there today", "let's call it a wrap", "that's our time", "that's time", "that's time everyone", "that's us done", "that's us finished",
        "今天就到这吧", "开到这吧", "就开到这吧", "先开到这吧", "今天先开到这吧", "先开到这", "今天先开到这", "今天就开到这", "今天开到这", "今天开到这吧", "录到这吧", "就录到这吧", "今天就到这里吧", "今天先到这吧", "今天先到这里吧", "就到这吧", "就到这里吧", "先到这吧", "先到这里吧", "咱们就到这吧", "咱们就到这里吧", "咱今天就到这吧", "咱们今天就到这吧", "咱们今天就到这里吧", "我们今天就到这里吧", "今天就这样吧", "那今天就到这吧", "就这样散了吧", "就这么散了吧", "散了散了吧", "咱撤吧", "咱们撤吧", "大家撤吧", "大家可以走了", "大家可以撤了", "大家可以散了", "可以散了", "大家回去吧", "大家都回去吧", "大家忙去吧", "各忙各的吧", "各自忙去吧",
    ];
    let sure = sure.or(&paths.word(&wrapped).with_flags(stated));
    let weak = [
        "休会",
        "开完会",
        "会开完",
        "今天就到这里",
        "今天就到这儿",
        "今天先到这里",
        "散了",
        "meeting done",
        "wrap it up",
        "wrap up",
        "wrap this up",
    ];
    sure.or(&paths.word_with_flags(&weak, Flags::WEAK))
}

/// Matches a switch to an object: pop us back into, switch me over to.
pub fn switch_to<'t>(paths: &Paths<'t>) -> Paths<'t> {
    let verb = paths
        .word(&["switch", "pop", "get", "go", "take", "bring", "put", "move", "hop", "jump", "flip", "swap", "drop"]);
    let by = verb
        .many0(|paths| paths.word(&["us", "me", "it", "this", "over", "back", "right", "straight", "across", "on"]));
    by.word(&["to", "into", "in"])
}

/// Matches an exit from an object: get us back out of.
fn out_of<'t>(paths: &Paths<'t>) -> Paths<'t> {
    let verb = paths.word(&["switch", "pop", "get", "take", "bring", "let", "jump", "hop", "move", "drop"]);
    verb.many0(|paths| paths.word(&["us", "me", "it", "back", "right"])).word(&["out of"])
}

/// Matches a return to the default mode, whatever mode runs.
pub fn to_default_mode<'t>(paths: &Paths<'t>) -> Paths<'t> {
    let of_mode =
        |paths: &Paths<'t>| paths.many1(|paths| paths.word(&QUIT).optional(|paths| paths.word(&["一下", "掉", "下"])));
    paths.any(&[
        &|paths| of_mode(paths).word(&THIS_MODE),
        &|paths| paths.word(&["把", "将"]).word(&THIS_MODE).word(&["关掉", "关了", "关闭", "退出", "结束", "停掉"]),
        &|paths| {
            let back = paths.word(&BACK).or(&switch_to(paths)).optional(|paths| paths.word(&["普通", "正常"]));
            back.word(&HOME).optional(|paths| paths.word(&["那边", "那边去", "那里", "那里去", "去", "里", "里去"]))
        },
        &|paths| paths.word(&HOME_MODES),
        &|paths| paths.word(&BARE),
        &|paths| out_of(paths).word(&THIS_MODE).or(&out_of(paths).word(&["here"])),
    ])
}

/// Matches a bare 退出.
pub fn bare_exit<'t>(paths: &Paths<'t>) -> Paths<'t> {
    paths.word(&BARE).or(&paths.word_with_flags(&["离开", "关闭", "结束", "leave", "end", "完毕"], Flags::WEAK))
}

/// Matches an end as it is said in company: with an introduction and a farewell after it.
pub fn in_company<'t>(paths: &Paths<'t>, grammar: impl Fn(&Paths<'t>) -> Paths<'t>) -> Paths<'t> {
    let between = |paths: &Paths<'t>| {
        paths.many0(|paths| paths.word(&["吧", "啊", "啦", "那", "好", "好的", "那么", "so", "okay", "ok"]))
    };
    let led = paths
        .optional(|paths| between(&paths.many1(|paths| between(&paths.word(&LEADS).or(&farewell::explicit(paths))))));
    let ended = grammar(&led);
    let parted = ended.many0(|paths| paths.word(&["吧", "啊", "啦", "了", "大家", "各位"]).or(&paths.word(&THANKS)));
    ended.or(&parted.many1(farewell::explicit))
}
