//! Every command within every class of words. Rule: words for who, when, whether and why, denials, quotes and reports
//! turn any command into talk, and politeness changes none.

#[path = "reading/modes.rs"]
mod modes;

use phrases::Verdict;

/// Commands of each mode; the words of a class can be added before and after each.
const CHINESE: [(&str, &str, &str); 31] = [
    ("conversation", "打开看板", "working"),
    ("conversation", "看看任务列表", "working"),
    ("conversation", "把待办清单调出来", "working"),
    ("conversation", "看看构建日志", "coding"),
    ("conversation", "开始录音", "meeting"),
    ("meeting", "停止录音", "end"),
    ("meeting", "把会议关掉", "end"),
    ("working", "跳到下一个任务", "next"),
    ("working", "把这条划掉", "done"),
    ("conversation", "开始会议", "meeting"),
    ("conversation", "开始开会", "meeting"),
    ("conversation", "进入会议模式", "meeting"),
    ("conversation", "打开会议模式", "meeting"),
    ("conversation", "切换到会议", "meeting"),
    ("conversation", "开始工作", "working"),
    ("conversation", "进入工作模式", "working"),
    ("conversation", "开始编程", "coding"),
    ("conversation", "切到编程模式", "coding"),
    ("conversation", "进入工作流模式", "workflow"),
    ("conversation", "打开对讲模式", "peers"),
    ("conversation", "退出工作模式", "leave"),
    ("conversation", "退出当前模式", "leave"),
    ("conversation", "结束会议", "leave"),
    ("meeting", "结束会议", "end"),
    ("meeting", "散会", "end"),
    ("meeting", "退出会议", "end"),
    ("working", "认领任务", "assign"),
    ("working", "认领第二个任务", "assign"),
    ("working", "完成任务", "done"),
    ("working", "把第二个标记为完成", "done"),
    ("working", "刷新列表", "refresh"),
];

const ENGLISH: [(&str, &str, &str); 25] = [
    ("conversation", "open the task board", "working"),
    ("conversation", "show me my tasks", "working"),
    ("conversation", "put the board up", "working"),
    ("conversation", "start recording", "meeting"),
    ("meeting", "stop recording", "end"),
    ("meeting", "wrap up the meeting", "end"),
    ("working", "go to the next task", "next"),
    ("working", "tick this one off", "done"),
    ("conversation", "start the meeting", "meeting"),
    ("conversation", "switch to meeting mode", "meeting"),
    ("conversation", "begin a meeting", "meeting"),
    ("conversation", "start working", "working"),
    ("conversation", "enter working mode", "working"),
    ("conversation", "start coding", "coding"),
    ("conversation", "go to coding mode", "coding"),
    ("conversation", "exit working mode", "leave"),
    ("conversation", "leave this mode", "leave"),
    ("conversation", "end the meeting", "leave"),
    ("meeting", "end the meeting", "end"),
    ("meeting", "finish this meeting", "end"),
    ("working", "mark task 2 as done", "done"),
    ("working", "mark the report done", "done"),
    ("working", "assign the last one to me", "assign"),
    ("working", "claim the first task", "assign"),
    ("working", "refresh the list", "refresh"),
];

#[rustfmt::skip]
const TALK_BEFORE: [(&str, &[&str]); 10] = [
    ("when", &["明天", "下午三点", "待会儿", "昨天", "刚才", "每天九点", "下周", "等一会儿", "晚上", "周五"]),
    ("who", &["他", "她们", "小王要", "老板让我们", "谁来", "他们准备", "有人", "我们昨天", "我同事"]),
    ("question", &["什么时候", "为什么", "怎么", "谁说要", "几点", "难道要", "你知道怎么", "如何"]),
    ("denial", &["不要", "别", "先别", "不用", "我不想", "还没", "没有", "不能", "千万不要", "没必要"]),
    ("condition", &["如果", "要是", "等他来了再", "人到齐了就", "只要没问题就", "除非", "当我", "万一要"]),
    ("report", &["他说", "听说", "据说要", "老师说", "我记得", "他刚刚说要", "她告诉我", "说是"]),
    ("purpose", &["为了", "因为要", "关于", "至于", "由于", "对于"]),
    ("thought", &["我觉得该", "我以为要", "也许", "可能要", "应该", "我在想要不要", "希望", "打算"]),
    ("habit", &["每次", "经常", "从来不", "有时候", "总是", "一直"]),
    ("past", &["我早已", "他已经", "刚刚", "终于", "曾经", "我们早就"]),
];
#[rustfmt::skip]
const TALK_BEHIND: [(&str, &[&str]); 6] = [
    ("question", &["是什么意思", "怎么说", "有什么用", "了没有", "需要多久", "会怎么样", "难不难", "用英语怎么讲"]),
    ("when", &["的时候", "之前", "以后", "之后再说", "那天", "的那一刻"]),
    ("compound", &["的流程", "的按钮", "的文档", "室", "这句话", "这个词", "的通知", "的邮件"]),
    ("report", &["是他说的", "真累", "太早了", "很重要", "花了很久", "失败了", "是必须的"]),
    ("sequence", &["然后吃饭", "再吃饭", "就去吃饭", "但是不急", "因为人齐了"]),
    ("others", &["给他看", "他没听见", "我忘了", "不行", "没反应"]),
];
#[rustfmt::skip]
const ENGLISH_BEFORE: [(&str, &[&str]); 9] = [
    ("who", &["he will", "they", "she wants to", "my boss will", "we'll", "i'll", "nobody can", "tom and i"]),
    ("when", &["tomorrow we", "at three we", "yesterday i had to", "later today", "every day i", "next week we"]),
    ("question", &["when do we", "how do i", "why did you", "did you", "who will", "should we", "do i have to", "what if i"]),
    ("denial", &["don't", "do not", "never", "please don't", "i don't want to", "you must not", "we can't", "not yet to"]),
    ("condition", &["if you", "when you", "unless you", "once they", "as soon as we", "in case they"]),
    ("report", &["he said", "she told me to", "they asked us to", "i heard they", "it says", "he said we should"]),
    ("purpose", &["in order to", "to", "because we", "instead of", "about how to"]),
    ("thought", &["i think we should", "maybe we", "i hope they", "i was about to", "i guess we"]),
    ("past", &["we had to", "i already did", "i used to", "it was time to"]),
];
#[rustfmt::skip]
const ENGLISH_BEHIND: [(&str, &[&str]); 5] = [
    ("when", &["tomorrow", "at three", "later", "in ten minutes", "next week", "when he comes", "every day", "soon"]),
    ("question", &["means what", "or not", "how long does it take", "is what i asked"]),
    ("compound", &["button", "projector", "command", "is a phrase", "procedure"]),
    ("condition", &["if he comes", "unless it rains", "before lunch", "after lunch", "because we are late"]),
    ("report", &["he said", "was hard", "took an hour", "failed", "is what she wanted"]),
];
#[rustfmt::skip]
const POLITE: [(&str, &str); 14] = [
    ("", "吧"), ("请", ""), ("麻烦你", ""), ("帮我", "谢谢"), ("嗯", ""), ("呃那个", ""), ("好的", "吧"), ("现在", ""),
    ("好的那么请", "吧"), ("小智", ""), ("能帮我", "吗"), ("可以帮我", "吗？"), ("那就", "吧"), ("请你现在", "谢谢"),
];
#[rustfmt::skip]
const ENGLISH_POLITE: [(&str, &str); 13] = [
    ("please ", ""), ("", " please"), ("could you ", ""), ("can you please ", " now"), ("um ", ""), ("okay ", " thanks"),
    ("hey ", ""), ("", " now"), ("would you ", "?"), ("will you please ", ""), ("so ", " please"), ("uh okay ", ""),
    ("please ", " thank you"),
];

/// Remarks that do not change a command, by the kind of the command.
const REMARKS: [(&str, &str); 8] = [
    ("人到齐了 ", "吧"),
    ("好了 大家都准备好了 ", ""),
    ("行了别闲聊了 ", ""),
    ("不好意思久等了 ", "谢谢"),
    ("各位早上好 ", "吧"),
    ("咖啡都倒好了 ", ""),
    ("everyone's here ", ""),
    ("okay we're all set ", " please"),
];
const LAST_REMARKS: [(&str, &str); 8] = [
    ("大家辛苦了 ", ""),
    ("今天就到这里 ", "吧"),
    ("没别的事了 ", ""),
    ("都说完了 ", "谢谢大家"),
    ("菜都上齐了 ", ""),
    ("that's it for today ", ""),
    ("okay we're done here ", " please"),
    ("alright thanks everyone ", ""),
];

fn starts(utterance: &str, mode: &str) -> Option<String> {
    modes::read(mode, utterance).command()
}

#[test]
fn m18_no_class_that_makes_talk_lets_a_command_through() {
    let mut through = Vec::new();
    let mut count = 0;
    for (mode, command, _) in CHINESE {
        for (class, words) in TALK_BEFORE {
            through.extend(words.iter().map(|word| (class, mode, format!("{word}{command}"))));
        }
        for (class, words) in TALK_BEHIND {
            through.extend(words.iter().map(|word| (class, mode, format!("{command}{word}"))));
        }
    }
    for (mode, command, _) in ENGLISH {
        for (class, words) in ENGLISH_BEFORE {
            through.extend(words.iter().map(|word| (class, mode, format!("{word} {command}"))));
        }
        for (class, words) in ENGLISH_BEHIND {
            through.extend(words.iter().map(|word| (class, mode, format!("{command} {word}"))));
        }
    }
    count += through.len();
    through.retain(|(_, mode, utterance)| starts(utterance, mode).is_some());
    assert!(count > 3000, "{count}");
    let shown: Vec<String> =
        through.iter().map(|(class, mode, utterance)| format!("{class}: {mode}: {utterance}")).collect();
    assert!(through.is_empty(), "{} of {count}:\n{}", shown.len(), shown.join("\n"));
}

#[test]
fn m18_politeness_and_hesitation_change_no_command() {
    let mut missed = Vec::new();
    for (mode, command, what) in CHINESE {
        for (before, behind) in POLITE {
            missed.push((mode, format!("{before}{command}{behind}"), what));
        }
        missed.push((mode, format!("{command}{command}"), what));
    }
    for (mode, command, what) in ENGLISH {
        for (before, behind) in ENGLISH_POLITE {
            missed.push((mode, format!("{before}{command}{behind}"), what));
        }
    }
    let count = missed.len();
    missed.retain(|(mode, utterance, what)| modes::read(mode, utterance) != Verdict::Command((*what).to_owned()));
    let shown: Vec<String> = missed
        .iter()
        .map(|(mode, utterance, _)| format!("{mode}: {utterance}: {:?}", modes::read(mode, utterance)))
        .collect();
    assert!(missed.is_empty(), "{} of {count}:\n{}", shown.len(), shown.join("\n"));
}

#[test]
fn m18_remarks_beside_a_command_change_none() {
    let mut missed = Vec::new();
    for (mode, command, what) in CHINESE.iter().chain(&ENGLISH) {
        if *mode == "conversation" && *what == "leave" {
            continue;
        }
        let remarks = match *mode == "conversation" || *what == "next" {
            true => &REMARKS,
            false => &LAST_REMARKS,
        };
        let same = |by: &str| by.is_ascii() == command.is_ascii();
        missed.extend(
            remarks
                .iter()
                .filter(|(before, _)| same(before))
                .map(|(before, behind)| (*mode, format!("{before}{command}{behind}"), *what)),
        );
    }
    let is_named = |mode: &str, what: &str| mode == "working" && ["assign", "done", "refresh"].contains(&what);
    // A command that names a task may take everything before it as the title.
    missed.retain(|(mode, utterance, what)| {
        !is_named(mode, what) && modes::read(mode, utterance) != Verdict::Command((*what).to_owned())
    });
    let shown: Vec<String> = missed
        .iter()
        .map(|(mode, utterance, _)| format!("{mode}: {utterance}: {:?}", modes::read(mode, utterance)))
        .collect();
    assert!(missed.is_empty(), "{}:\n{}", shown.len(), shown.join("\n"));
}
