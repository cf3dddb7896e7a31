//! Longer spoken forms of start commands: the object first (工作模式给我切过去), a question for a state (what's the state of the
//! build), taking notes by 你. Rule: each form is a complete command and names its object.

use super::{ModePhrases, with_adverbials, with_determiners};
use crate::path::{Flags, Paths};

#[rustfmt::skip]
const OVER: &[&str] = &[
    "切过去", "切过来", "切进去", "切上", "切一下", "切换过去", "切换过来", "换过去", "换过来", "转过去", "转过来", "调过去", "调过来", "打开", "打开来", "开开", "开一下", "开上", "开起来", "启动", "启动起来", "进去", "弄上", "搞上", "整上", "走起", "搞起来", "整起来", "弄起来", "安排上", "安排一下",
];
/// After the name of a mode: coding mode on, coding mode on please.
const ON: &[&str] = &["on", "activate", "start", "go", "engage", "up"];
const BRINGING: &[&str] = &[
    "拿来",
    "拿过来",
    "拿出来",
    "调来",
    "调出来",
    "调出",
    "念来",
    "念出来",
    "念",
    "读",
    "读来",
    "报来",
    "报",
    "打开",
    "拉出来",
    "翻出来",
    "放出来",
    "列出来",
    "找出来",
    "弄出来",
    "给",
    "展开",
    "显示出来",
];
const SEEING: &[&str] = &[
    "看看",
    "瞧瞧",
    "瞅瞅",
    "听听",
    "看一下",
    "看一眼",
    "瞄一眼",
    "过一下",
    "过一遍",
    "看下",
    "听一下",
    "过过目",
    "过目",
    "瞅一眼",
    "瞧一眼",
    "看",
    "听",
    "对一下",
    "对对",
];
const BUILD: &[&str] = &[
    "the build",
    "our build",
    "my build",
    "this build",
    "the ci",
    "ci",
    "the pipeline",
    "our pipeline",
    "the latest build",
    "the last build",
];
const CHINESE_BUILD: &[&str] = &[
    "构建",
    "编译",
    "流水线",
    "昨晚的构建",
    "今天的构建",
    "刚刚的构建",
    "昨天的构建",
    "最新构建",
    "最近构建",
    "这次构建",
    "这个构建",
    "最新的构建",
    "我的构建",
    "我们的构建",
    "咱们的构建",
    "刚才的构建",
    "刚才那个构建",
    "刚才那次构建",
    "这次编译",
    "刚才那个编译",
    "刚才的编译",
    "上次构建",
    "最近的构建",
    "最近一次构建",
    "最新一次构建",
    "那个构建",
    "build",
    "ci",
];
const LOOK: &[&str] = &[
    "check",
    "check on",
    "check up on",
    "look at",
    "look into",
    "have a look at",
    "take a look at",
    "go check",
    "see",
    "inspect",
];
const CHINESE_LOOK: &[&str] = &[
    "看看",
    "看一下",
    "看下",
    "看一眼",
    "查一下",
    "查查",
    "查看",
    "检查一下",
    "检查",
    "瞅瞅",
    "瞧瞧",
    "瞧一下",
    "瞅一眼",
    "看",
    "查",
    "念一下",
    "读一下",
    "报一下",
    "说一下",
    "说说",
    "告诉我",
];
const STATE: &[&str] = &[
    "什么状态",
    "是什么状态",
    "啥状态",
    "是啥状态",
    "什么情况",
    "是什么情况",
    "啥情况",
    "是啥情况",
    "怎么样",
    "怎么样了",
    "咋样",
    "咋样了",
    "状态",
    "情况",
    "结果",
    "过没过",
    "有没有挂",
    "有没有过",
    "有没有报错",
    "有没有问题",
    "挂没挂",
    "有没有失败",
    "有没有错",
    "过没过去",
    "过了吗",
    "成没成",
    "通过没",
    "通过了没",
    "结果怎么样",
    "结果如何",
    "过了没",
    "过了没有",
    "挂了没",
    "挂了没有",
    "成功了没",
    "成功了没有",
    "成了没",
    "成了没有",
    "是绿的还是红的",
    "绿的还是红的",
    "是绿是红",
    "红的还是绿的",
    "到哪了",
    "到哪一步了",
    "报了什么错",
    "报了啥错",
    "报的啥错",
    "报的什么错",
    "报什么错",
    "报啥错",
    "出了什么错",
    "出了啥错",
    "错在哪",
    "错在哪了",
    "哪里错了",
    "哪儿错了",
    "的状态",
    "的结果",
    "的情况",
];
const WHY: &[&str] = &["为什么失败", "为什么挂了", "为啥挂了", "为什么失败了", "怎么挂了", "咋挂了", "为啥失败"];
const NOW: &[&str] = &["现在", "目前", "当前", "到底", "这会", "今天", "又", "是"];
/// Predicates of taking notes, with the device as the subject.
const NOTES: &[&str] = &[
    "记录",
    "记录一下",
    "记录下来",
    "记录上",
    "录音",
    "录个音",
    "录上",
    "录下来",
    "录一下",
    "录起来",
    "录着",
    "记着",
    "记录着",
    "全程录音",
    "全程记录",
    "全程录着",
    "做记录",
    "做个记录",
    "做会议记录",
    "做个会议记录",
    "做会议纪要",
    "做个会议纪要",
    "做纪要",
    "记会议纪要",
    "写会议纪要",
    "记个会议纪要",
    "把会议录下来",
    "把会议记下来",
    "把会议内容记下来",
    "把会议记录下来",
    "把会议内容记录下来",
    "把会议内容录下来",
    "把内容记下来",
    "把讨论记下来",
    "把讨论内容记下来",
    "把大家说的记下来",
    "把大家说的都记下来",
    "把大家的发言记下来",
    "把发言记下来",
    "把我们说的记下来",
    "把我们说的都记下来",
    "把咱们说的记下来",
    "把接下来的内容记下来",
    "把过程记下来",
    "把会录下来",
    "把会记下来",
    "开始记录",
    "开始录音",
    "开始记",
    "开始录",
];
const WHO_NOTES: &[&str] = &[
    "你",
    "你来",
    "你负责",
    "你就",
    "你开始",
    "你现在",
    "你把它",
    "你赶紧",
    "你快",
    "你快点",
    "你先",
    "你全程",
    "你也",
    "你这边",
    "由你",
    "那你",
    "那你来",
];
/// 帮我记录吗 is a request; 你记录吗 is a question.
const ASKED_NOTES: &[&str] = &[
    "你给",
    "你给我",
    "你给我们",
    "你给咱",
    "你给咱们",
    "你帮我",
    "你帮我们",
    "你帮咱",
    "你帮忙",
    "你帮着",
    "你现在给",
    "你现在帮我",
    "麻烦你",
    "给我",
    "给我们",
    "给咱",
    "给咱们",
    "帮我",
    "帮我们",
    "帮咱",
    "帮咱们",
    "帮忙",
    "请",
    "请帮我",
    "请帮我们",
    "请你",
    "麻烦",
    "麻烦帮我",
    "那你给",
];

/// Matches all of these forms.
pub fn start_command<'t>(paths: &Paths<'t>, named: &ModePhrases) -> Paths<'t> {
    let to_device = |paths: &Paths<'t>| {
        with_adverbials(paths).many0(|paths| paths.word(&["你", "请", "麻烦", "现在", "快", "赶紧", "就", "一下"]))
    };
    let switched = to_device(&named.mode(&paths.optional(|paths| paths.word(&["把", "将", "那个", "那"])))).word(OVER);
    let on = named.mode(paths).word(ON);
    let notes = match named.recordings.is_empty() {
        true => paths.no_match(),
        false => {
            let who = paths.word(WHO_NOTES).or(&paths.word_with_flags(ASKED_NOTES, Flags::POLITE));
            let by = who.many0(|paths| paths.word(&["现在", "就", "也", "都", "开始", "把", "给", "从现在开始"]));
            let noted = by.or(&paths.word(&["从现在开始", "现在开始", "从现在起"])).word(NOTES);
            let together = who
                .word(&["记一下", "记下", "记上", "记"])
                .many0(|paths| paths.word(&["吧", "啊", "哈", "了"]))
                .word(&["开始", "开始吧", "开会", "开会吧", "咱们开始", "咱们开会", "会议开始"]);
            let english =
                paths.word(&["take", "start taking", "keep", "jot down", "write down", "do", "get", "begin taking"]);
            let english = english
                .many0(|paths| paths.word(&["the", "some", "our", "meeting", "down", "detailed", "good", "full"]))
                .word(&["notes", "minutes"])
                .many0(|paths| {
                    paths.word(&[
                        "for this meeting",
                        "for the meeting",
                        "of this meeting",
                        "of the meeting",
                        "in this meeting",
                        "for our meeting",
                        "of our meeting",
                        "on this meeting",
                        "during this meeting",
                        "during the meeting",
                        "of this",
                        "for this",
                        "for this one",
                        "for the team",
                        "for this call",
                        "for us",
                        "for me",
                        "starting now",
                        "from now on",
                        "from here on",
                        "from now",
                        "this time",
                        "of what we say",
                        "of everything",
                    ])
                });
            noted.or(&together).or(&english)
        }
    };
    let asked = paths
        .word(&["can we", "could we", "shall we", "may we", "can i", "could i"])
        .optional(|paths| paths.word(&["please", "just", "now"]));
    let asked = asked.word(&[
        "get into",
        "go into",
        "switch to",
        "switch into",
        "be in",
        "have",
        "get",
        "go to",
        "move to",
        "change to",
        "turn on",
        "enter",
        "jump into",
        "do",
    ]);
    let asked = named.mode(&asked).with_flags(Flags::REQUESTS);
    // 任务列表拿来我瞧瞧.
    let brought = with_adverbials(&named.shown(&paths.optional(|paths| paths.word(&["把", "将"])))).word(BRINGING);
    let brought = brought
        .many0(|paths| paths.word(&["我", "给我", "让我", "来", "咱们", "大家", "给大家", "给我们"]))
        .word(SEEING);
    let switched = switched.or(&asked).or(&brought);
    let state = match named.lists.iter().any(|list| list == "构建日志") {
        true => build(paths),
        false => paths.no_match(),
    };
    switched.or(&on).or(&notes).or(&state)
}

/// Matches a question for the state of the build.
fn build<'t>(paths: &Paths<'t>) -> Paths<'t> {
    let now = |paths: &Paths<'t>| paths.many0(|paths| paths.word(NOW));
    let looked =
        with_determiners(&paths.word(CHINESE_LOOK).many0(|paths| paths.word(&["那个", "一下", "下", "我", "给我"])));
    let of_build = |paths: &Paths<'t>| now(&now(paths).word(CHINESE_BUILD)).word(STATE);
    let why = now(&now(&looked).word(CHINESE_BUILD)).word(WHY);
    let chinese = of_build(paths).or(&why).or(&of_build(&looked)).or(&looked.word(&[
        "昨晚的构建",
        "今天的构建",
        "最新的构建",
        "最近的构建",
        "这次构建",
        "我的构建",
        "构建",
        "构建状态",
        "构建情况",
        "编译状态",
        "编译情况",
        "流水线",
        "build",
        "ci",
    ]));
    let look = paths.word(LOOK).or(&paths.word(&["show me", "tell me", "give me", "read me"]));
    let status = paths
        .optional(|paths| {
            paths.word(&["what's", "what is", "whats", "show me", "tell me", "give me", "read me", "check"])
        })
        .word(&["the state of", "the status of", "the current state of", "the current status of"])
        .word(BUILD);
    let named = look.word(&[
        "the build status",
        "the status of the build",
        "the build's status",
        "build status",
        "our build status",
        "the ci status",
    ]);
    let asked = paths.word(&["what's", "what is", "whats"]).word(&[
        "the build status",
        "our build status",
        "the build's status",
        "the ci status",
        "wrong with the build",
        "up with the build",
        "happening with the build",
        "going on with the build",
        "broken in the build",
    ]);
    let how = paths
        .word(&["how's", "how is", "hows"])
        .word(BUILD)
        .optional(|paths| paths.word(&["looking", "doing", "going", "getting on", "coming along"]));
    let is = paths.word(&["is", "has"]).word(BUILD).word(&[
        "green",
        "passing",
        "red",
        "ok",
        "okay",
        "broken",
        "done",
        "green yet",
        "failing",
        "passed",
        "finished",
        "gone red",
        "failed",
        "still broken",
        "still red",
    ]);
    let did =
        paths.word(&["did"]).word(BUILD).word(&["pass", "fail", "go through", "finish", "break", "work", "succeed"]);
    let checked = paths.word(LOOK).word(BUILD);
    let broke = paths
        .word(&["tell me why", "show me why", "tell me what broke", "see why", "show me what broke"])
        .optional(|paths| {
            paths.word(BUILD).word(&[
                "failed",
                "broke",
                "is failing",
                "is red",
                "is broken",
                "fell over",
                "is down",
                "went red",
            ])
        });
    let english = status.or(&named).or(&asked).or(&how).or(&is).or(&did).or(&checked).or(&broke);
    english
        .many0(|paths| paths.word(&["right now", "now", "at the moment", "today", "currently", "for me"]))
        .or(&chinese)
        .with_flags(Flags::ASKS_WHAT)
}
