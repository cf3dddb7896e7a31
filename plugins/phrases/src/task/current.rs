//! The current task and the next one. Rule: only references to a task are matched (this one, the next); commands with a
//! title are read by `pattern`.

use crate::path::{Flags, Paths};

/// Matches a reference to the next task.
pub fn next_task<'t>(paths: &Paths<'t>) -> Paths<'t> {
    let fillers = |paths: &Paths<'t>| {
        paths.many0(|paths| {
            paths.word(&[
                "一下", "下", "the", "my", "me", "us", "me the", "me my", "to", "on to", "with", "out", "再", "给我",
                "就",
            ])
        })
    };
    let next = led_to(&fillers, paths);
    // 下一个任务念一下, 下一个是什么.
    let stated = next.word(&[
        "念来听听",
        "读来听听",
        "说来听听",
        "念出来",
        "读出来",
        "念给我听听",
        "是哪一个",
        "是哪条",
        "是什么任务",
        "是啥任务",
        "是哪个任务",
        "say",
        "then please",
        "read out",
        "念一下",
        "读一下",
        "说一下",
        "看一下",
        "是什么",
        "是啥",
        "是哪个",
        "念给我听",
        "读给我听",
        "呢",
    ]);
    let skipped = paths
        .word(&["跳过", "略过", "先跳过"])
        .word(&DEMONSTRATIVES)
        .optional(|paths| paths.word(&MEASURE_WORDS))
        .optional(|paths| paths.word(&TASK_WORDS));
    let asked = paths.word_with_flags(&ASKED, Flags::ASKS_WHAT);
    // 这条先放放 下一个, skip this one and go to the next: the current task is postponed.
    let postponed = paths.word(&POSTPONED).optional(|paths| {
        paths.word(&["and", "then", "and then", "再", "先", "就", "我们", "咱们", "let's", "just", "吧", "了"])
    });
    let postponed = postponed.word(&ONWARD).or(&led_to(&fillers, &postponed));
    next.or(&stated).or(&paths.word(&ONWARD)).or(&skipped).or(&asked).or(&postponed)
}

/// Matches the verbs that lead to the next task, and the task.
fn led_to<'t>(fillers: &impl Fn(&Paths<'t>) -> Paths<'t>, paths: &Paths<'t>) -> Paths<'t> {
    let led = paths
        .optional(|paths| fillers(&paths.many1(|paths| paths.word(&MOVE_VERBS))))
        .optional(|paths| paths.word(&["the", "my", "the very"]));
    let next = led.word(&NEXT_WORDS).optional(|paths| paths.word(&OF_BOARD));
    let counted = led
        .word(&NEXT_MODIFIERS)
        .optional(|paths| paths.word(&MEASURE_WORDS))
        .optional(|paths| paths.word(&TASK_WORDS))
        .optional(|paths| paths.word(&OF_BOARD));
    next.or(&counted)
}

/// Questions for the next task.
#[rustfmt::skip]
const ASKED: [&str; 60] = [
    "接下来是哪个任务", "接下来是什么任务", "接下来是啥任务", "接下来是哪个", "接下来是哪条", "接下来是什么", "接下来是啥", "接下来什么任务", "接下来哪个任务", "接下来做哪个", "接下来该做哪个", "接下来要做哪个", "接下来还有什么任务", "接下来还有啥", "接下来的任务是什么", "接下来的任务是啥", "后面是哪个任务", "后面是什么任务", "后面是啥", "后面是什么", "后面那个是啥", "后面那个是什么", "后面那条是什么", "后面那条是啥", "后面还有什么任务", "后面还有啥", "后面还有啥任务", "再往下是什么", "再往下是啥", "再往下是哪个", "往下是什么", "往下是啥", "往下是哪个", "往下是哪条", "下面是哪一个", "下面是哪个", "下面是哪个任务", "下面是什么任务", "下面是啥", "下面是哪条", "下面做哪个", "该做哪个了", "该哪个任务了", "该哪个了", "该哪条了", 
 "what's coming up next", "what's coming next", "what's after this", "what's after this one", "what's after that", "what's after that one", "which one's next", "which task is next",
    "what have we got next", "what do we have next", "what have i got next", "what do i have next",
    "接下来呢", "下面呢", "后面呢",
];
/// Phrases that postpone the current task.
#[rustfmt::skip]
const POSTPONED: [&str; 83] = [
    "skip", "skip it", "skip this", "skip this one", "skip that", "skip that one", "skip this task", "pass", "pass on this", "pass on this one", "leave this", "leave this one", "leave it", "leave this for now", "leave it for now", "leave this one for now", "let's leave this one", "let's skip this one", "let's leave this", "park this", "park it", "park this one",
    "跳过", "跳过这个", "跳过这条", "先跳过", "先跳过这个", "这个先跳过", "这条先跳过", "这个跳过", "这条跳过", "先放放", "先放着", "这条先放放", "这个先放放", "这个先放着", "这条先放着", "这个先不管", "这条先不管", "这个先不做", "这个先放一放",
    "这个不急", "这条不急", "这个放一放", "这条放一放",
    "还有啥任务", "还有什么任务", "还有哪些任务",
    "not now", "not today", "not this one", "too hard", "too boring", "too difficult", "too tricky", "this one's too hard", "can't do this one", "can't do this one now", "can't do that one now", "can't do this now", "bored of this one", "stuck on this one", "今天做不了这个", "做不了这个", "这个今天做不了", "这个做不了", "这个太难了", "太难了", "这个没法做", "这个先不弄", "不想做这个", "这个不想做", "这个搞不定", "这条搞不定",
    "没意思", "不想做", "等会做", "这个明天做", "这条明天做", "明天做", "boring", "done with that", "later",
];

#[rustfmt::skip]
const MOVE_VERBS: [&str; 178] = [
    "先看", "先做", "先念", "先说", "先来", "先看看", "先弄", "先讲", "先跳到", "先去", "看看", "看", "看一下", "看下", "查看", "显示", "读", "念", "说", "报", "读一下", "念一下", "说说", "说一下", "播报", "听听", "跳到", "跳", "跳去", "跳过到", "跳转到", "换", "换到", "换成", "到", "去", "去到", "转到", "切到", "切", "切换到", "切换", "过到", "过", "进", "进入", "进行", "进到", "轮到",
    "来", "往下到", "翻到", "前往", "移到", "移动到", "继续", "继续到", "我们看", "来看", "我想看", "我想听", "开始", "做", "上", "直接到", "接着", "接着做", "接着看", "往后到", "告诉我",
    "show me", "show", "show us", "read", "read me", "read out", "tell me", "give me", "go to", "go on to", "go on", "go", "go ahead to", "jump to", "jump", "skip to", "skip ahead to", "skip", "move on to", "move on", "move to", "move along to", "move", "continue to", "continue with", "continue", "proceed to", "proceed with", "proceed", "advance to",
    "switch to", "take me to", "take us to", "bring up", "pull up", "get", "get me", "open", "start", "on to", "onto", "let's do", "let's see", "let's move on to", "let's go to", "let's hear", "hear", "see", "what's", "what is", "whats", "start on", "get started on", "begin", "display", "i'm ready for", "ready for", "next up", "okay",
    "瞅瞅", "瞧瞧", "瞅一眼", "瞧一眼", "看一眼", "念念", "报一下", "报报", "瞅", "瞧",
    "hit me with", "let's have", "let me have", "let me hear", "let me see", "and", "pass me", "hand me", "how about", "what about", "over to", "straight to", "head to", "flip to", "what's up", "and now", "念到", "再念", "再看", "再来", "换个", "该", "接着看看", "接着读", "接着说", "接着讲", "念念看", "讲", "讲讲", "讲一下", "说说看", "看看看", "跳转", "跳到了", "直接看", "直接跳到", "直接念", "麻溜的", "弄",
];
const NEXT_MODIFIERS: [&str; 10] =
    ["下一", "下", "再下一", "下面一", "后一", "后面一", "接下来一", "接下来的", "下一个", "下面的"];
const MEASURE_WORDS: [&str; 8] = ["个", "项", "条", "件", "样", "桩", "号", "份"];
const TASK_WORDS: [&str; 8] = ["任务", "待办", "待办事项", "事项", "事", "活", "活儿", "事情"];
const OF_BOARD: [&str; 6] = ["on the list", "in the list", "on the board", "in line", "on my list", "up"];
#[rustfmt::skip]
const NEXT_WORDS: [&str; 33] = [
    "next", "next one", "next task", "next item", "next thing", "next to do", "next todo", "next job", "next card", "next ticket", "following task", "following one", "one after that", "one after", "next tasks", "next please",
    "one after this", "one after this one", "next up", "next one up", "next one along", "next in line", "next in the list", "next on the list", "next thing to do", "next assignment", "next bit",
    "下面那条", "下面那个", "后面那条", "后面那个", "下边那条", "下边那个",
];
/// Phrases for moving on without an object.
#[rustfmt::skip]
const ONWARD: [&str; 78] = [
    "往下", "往下走", "往后", "往后走", "往下念", "往下读", "继续往下", "继续往下走", "跳过", "跳过这个", "跳过这条", "跳过这项", "跳过它", "跳过这个任务", "跳过当前任务", "这个跳过", "这条跳过", "先跳过这个", "过", "过了", "这个先过", "下一个下一个",
    "move on", "let's move on", "moving on", "skip", "skip it", "skip this", "skip this one", "skip that", "skip that one", "skip this task", "skip the task", "next up", "keep going", "往下一个", "go forward", "onwards",
    "往下翻", "往后翻", "往下翻翻", "接着念", "继续念", "接着往下", "接着往下念", "and the next one", "and next", "and the next",
    "接着来", "换一个", "换一条", "换下一个", "再来一个", "再来一条", "往前走", "往下过", "往后过", "往下看", "往后看", "往后念", "moving right along", "moving swiftly on", "move along", "move ahead", "move it along", "onward", "on we go", "let's move along", "let's keep going", "let's keep moving", "keep moving", "keep it moving", "next next", "carry on to the next", "let's carry on", "下一位任务", "pass this one", "pass on this one",
];

/// Matches the completion of the current task.
pub fn current_done<'t>(paths: &Paths<'t>) -> Paths<'t> {
    let subject = |paths: &Paths<'t>| {
        paths
            .word(&DEMONSTRATIVES)
            .optional(|paths| paths.word(&MEASURE_WORDS))
            .optional(|paths| paths.word(&TASK_WORDS))
    };
    let already = |paths: &Paths<'t>| {
        paths.many0(|paths| paths.word(&["已经", "都", "终于", "我", "我已经", "全", "也", "总算", "给", "算"]))
    };
    let finished = |paths: &Paths<'t>| paths.word(&FINISHED).word_with_flags(&["了"], Flags::COMPLETED);
    // 做完了 alone is read by `pattern`.
    let i = paths.word(&[
        "我",
        "我把",
        "把",
        "我已经把",
        "终于把",
        "我终于把",
        "总算把",
        "我总算把",
        "我刚把",
        "刚",
        "刚刚",
        "我刚刚",
        "我刚",
    ]);
    let stated = finished(&already(&subject(paths))).or(&finished(&already(&subject(&i))));
    let stated = stated
        .or(&subject(&finished(&paths.optional(|paths| paths.word(&["我", "我已经", "终于", "我终于", "总算"])))));
    let ticked = subject(&paths.optional(|paths| paths.word(&["把", "将", "给"])))
        .many0(|paths| paths.word(&["给", "都", "也", "可以", "给我", "帮我", "你", "请", "麻烦"]))
        .word(&TICKED);
    let ticked = ticked.or(&subject(&paths.word(&TICK).many0(|paths| paths.word(&["一下", "掉", "下"])))
        .optional(|paths| paths.word(&["为已完成", "为完成", "成完成", "完成", "已完成"])));
    let this = |paths: &Paths<'t>| paths.optional(|paths| paths.word(&["the"])).word(&THIS);
    let mark = this(&paths.word(&[
        "mark", "set", "flag", "log", "tick", "check", "count", "call", "consider", "put", "get", "move", "tag",
    ]))
    .many0(|paths| paths.word(&["as", "to", "down as", "down", "being"]))
    .word(&DONE);
    let mark = mark.or(&this(&paths.word(&["tick", "check", "cross", "mark", "scratch", "strike"])).word(&OFF));
    let mark = mark.or(&this(&paths.word(&["cross", "scratch", "strike"])).word(&["out"]));
    let mark = mark.or(&this(&paths.word(&[
        "tick off",
        "check off",
        "cross off",
        "mark off",
        "cross out",
        "tick",
        "close",
        "close out",
        "complete",
        "finish",
        "finish off",
        "scratch off",
        "strike off",
        "wrap up",
    ])));
    let is = this(paths).word(&["is", "has been", "s", "was just", "is now", "is all", "is already", "is finally"]).or(
        &paths.word(&[
            "it's",
            "that's",
            "it is",
            "that is",
            "this one's",
            "this ones",
            "that one's",
            "it's all",
            "that's all",
            "it's now",
            "it's already",
        ]),
    );
    let is = is.word(&[
        "done",
        "finished",
        "complete",
        "completed",
        "all done",
        "done now",
        "sorted",
        "out of the way",
        "wrapped up",
        "done and dusted",
        "taken care of",
        "ticked off",
        "in the bag",
        "off my plate",
        "dealt with",
        "all sorted",
        "finally done",
        "done finally",
        "done at last",
        "all finished",
        "a done deal",
        "crossed off",
    ]);
    let have = paths.many0(|paths| {
        paths.word(&[
            "i've", "i have", "i", "i just", "we've", "just", "already", "now", "finally", "ive", "we have", "we",
        ])
    });
    let have = this(&have.word(&[
        "finished",
        "completed",
        "done",
        "finished with",
        "wrapped up",
        "done with",
        "finished off",
        "closed",
        "closed out",
        "got through",
    ]));
    let with = this(&paths.word(&[
        "i'm done with",
        "i am done with",
        "i'm all done with",
        "i'm done and dusted with",
        "we're all done with",
        "i'm finally done with",
        "i'm finally finished with",
        "done with",
        "finished with",
        "that's me done with",
        "that's us done with",
        "we're done with",
        "i'm finished with",
        "i'm through with",
        "all done with",
    ]));
    // That's that one sorted.
    let with = with.or(&this(
        &paths
            .word(&[
                "that's",
                "thats",
                "and that's",
                "so that's",
                "there that's",
                "got",
                "finally got",
                "i got",
                "i've got",
                "i finally got",
                "well that's",
                "have got",
                "we got",
                "we've got",
            ])
            .optional(|paths| paths.word(&["all"])),
    )
    .word(&DONE_ADJECTIVES));
    let able = this(paths).word(&[
        "can be ticked off",
        "can be crossed off",
        "can be checked off",
        "can be closed",
        "can be marked done",
        "can be marked as done",
        "can come off",
        "can come off the list",
        "can go off the list",
    ]);
    let with = with.or(&able);
    let whole = paths.word(&WHOLE);
    let stated = stated.or(&subject(&paths.optional(|paths| paths.word(&["我", "我已经", "终于"])).word(&FINISHED))
        .word_with_flags(&["了"], Flags::COMPLETED));
    let asked = stated.or(&finished(&already(paths))).many0(|paths| {
        paths.word(&[
            "帮我",
            "帮忙",
            "给我",
            "请",
            "麻烦",
            "麻烦你",
            "可以",
            "那",
            "你",
            "把它",
            "把这个",
            "把这条",
            "给它",
            "它",
            "就",
            "啊",
            "吧",
            "哈",
            "了",
            "给",
        ])
    });
    let stated = stated.or(&asked.word(&TICKED).with_flags(Flags::POLITE));
    stated.or(&ticked).or(&mark).or(&is).or(&have).or(&with).or(&whole)
}

#[rustfmt::skip]
const DONE_ADJECTIVES: [&str; 20] = [
    "done", "sorted", "finished", "complete", "completed", "all done", "done now", "done and dusted", "wrapped up", "finished off", "sorted out", "taken care of", "out of the way", "off the list", "off my list", "off my plate", "dealt with", "done finally", "done at last", "in the bag",
];
#[rustfmt::skip]
const DEMONSTRATIVES: [&str; 30] = [
    "这", "这个", "这一", "这件", "这一", "这条", "当前", "当前的", "当前这", "现在这", "现在的", "手头这", "手头的", "手上这", "手上的", "它", "本", "本条", "此", "该", "目前这", "目前的", "眼前这", "刚才那", "刚刚那", "那", "刚才这", "现在做的这", "我的", "正在做的",
];
#[rustfmt::skip]
const FINISHED: [&str; 42] = [
    "做完", "完成", "搞定", "弄完", "弄好", "干完", "办完", "办好", "做好", "处理完", "处理好", "忙完", "解决", "解决掉", "写完", "改完", "搞完", "收尾", "整完", "整好", "结束", "ok", "完事", "完", "妥", "妥当", "干掉", "做掉", "完工", "好",
    "搞好", "办妥", "弄妥", "整利索", "办利索", "弄利索", "搞妥", "交差", "搞掂",
    "处理完毕", "完毕", "解决完",
];
#[rustfmt::skip]
const TICKED: [&str; 80] = [
    "标记完成", "标记为完成", "标记成完成", "标记为已完成", "标记成已完成", "标记已完成", "标为完成", "标为已完成", "标成完成", "标成已完成", "标完成", "标上完成", "标个完成", "设为完成", "设为已完成", "设成完成", "设置为完成", "设置成完成", "改成完成", "改成已完成",
    "改为完成", "改为已完成", "记为完成", "记成完成", "算完成", "打勾", "打个勾", "打钩", "打个钩", "打上勾", "打上钩", "打对勾", "打个对勾", "勾掉", "勾了", "勾上", "勾一下", "勾选", "划掉", "划了", "划去", "划一下", "标记一下完成", "标一下完成", "完成掉", "销掉", "搞定", "完成",
    "标一下", "标了", "标上", "标掉", "标记一下", "标记了", "标记掉", "勾完", "销了", "划一划", "勾一勾", "办掉", "清掉", "标记下", "标下",
    "下掉", "下了", "去掉", "拿掉", "勾一下吧", "打上对勾", "给勾了", "给划了", "给勾掉", "给划掉", "标完", "打个对号", "打对号", "画勾", "画个勾", "勾勾", "划划",
];
const TICK: [&str; 14] = [
    "勾掉",
    "勾选",
    "勾上",
    "划掉",
    "划去",
    "标记完成",
    "完成",
    "勾了",
    "标记",
    "搞定",
    "结束",
    "关掉",
    "标一下",
    "标记一下",
];
#[rustfmt::skip]
const THIS: [&str; 25] = [
    "it", "this", "that", "this one", "that one", "this task", "that task", "task", "current task", "current one", "this item", "that item", "current item", "this thing", "this job", "this to do", "this todo", "one", "this card", "this ticket", "this one here", "that thing", "thing",
    "标一下", "标记一下",
];
#[rustfmt::skip]
const DONE: [&str; 9] = ["done", "complete", "completed", "finished", "as done", "a done", "closed", "as complete", "resolved"];
const OFF: [&str; 4] = ["off", "off the list", "off my list", "off the board"];
#[rustfmt::skip]
const WHOLE: [&str; 93] = [
    "got it done", "got this done", "got that done", "got this one done", "done and dusted", "all finished", "all done here", "done here", "done deal", "task complete", "task completed", "task done", "task finished", "mission accomplished", "标记完成", "标记为完成", "打勾", "打个勾", "打钩", "任务完成", "任务搞定", "job done", "完事了", "终于做完了", "搞完了", "整完了", "忙完了", "终于搞定了", "终于完成了", "总算做完了",
    "完成了done", "搞定了done", "搞定done", "done搞定", "完成done", "做完了done",
    "划掉", "勾掉", "划掉划掉", "勾掉勾掉",
    "搞定嘞", "弄完嘞", "完事嘞", "总算搞定", "总算弄完", "总算弄好了", "总算弄完了", "总算办完了", "总算写完了", "终于弄完了", "终于弄好了", "终于写完了", "终于干完了", "终于办完了", "大功告成", "搞定收工", "齐活", "齐活了", "妥了", "this is done and dusted", "all sorted", "that's it done", "it's in the bag",
    "又搞定一个", "又搞定了一个", "搞定一个", "搞定了一个", "搞定一条", "搞定了一条", "又完成一个", "又完成了一个", "又弄完一个", "又做完一个", "完成一个", "完成一条", "做完一个", "做完一条", "job's done", "that's another one off the list", "that's another one off my list", "that's one off the list", "another one off the list", "one more off the list", "ticked that off", "that's another done", "one down", "one more done", "another one done", "another one bites the dust",
    "there done", "there we go done", "that's the last bit done", "that's the last one done",
];
