//! Clauses that are complete commands by themselves. Rule: such a clause names its object or is a phrase without
//! another use; what is a command only when nothing else is said (开始吧, done, stop) is not strong.

use crate::text::is_chinese;

/// Objects of commands, and verbs with no other use here.
#[rustfmt::skip]
const CHINESE: &[&str] = &[
    "会议", "开会", "散会", "把会", "这会", "个会", "场会", "的会", "会可以", "会就", "会先", "会到这", "会开", "例会", "周会", "晨会", "站会", "录音", "录制", "录像", "记录", "纪要", "录上", "录下", "录起", "录一下", "录着", "你录", "开录", "录个", "录段", "录会", "开始录", "别录", "停录", "录到这", "不用录", "不用再录", "记一下", "记下", "记上", "不用记", "不用再记", "别记",
    "看板", "任务", "待办", "板子", "清单", "日志", "模式", "build", "ci", "构建", "编译", "报错", "流水线", "编程", "代码", "工作", "干活", "开工", "收工", "下班",
    "下一个", "下一条", "下一项", "勾", "划掉", "打钩", "标", "认领", "刷新",
];
#[rustfmt::skip]
const FAREWELLS: &[&str] = &[
    "拜拜", "再见", "再会", "晚安", "拜了", "88", "回见", "回聊", "回头聊", "回头见", "明天见", "改天聊", "下次聊", "下次见", "不聊了", "先聊到这", "就聊到这", "挂了", "不唠了", "明儿见", "拜啦", "白白", "再聊", "再唠", "下次说", "改天说", "安安", "告辞", "古德拜",
];
const LEAVE_PHRASES: &[&str] = &["退出来", "退出去", "退出吧", "退出模式", "回到聊天", "聊天模式", "聊会天", "回聊天"];
#[rustfmt::skip]
const ENGLISH: &[&str] = &[
    "exit", "hang", "meeting", "meetings", "recording", "record", "minutes", "notes", "transcribing", "transcribe", "stand-up", "standup", "adjourn", "adjourned", "tape",
    "mode", "board", "task", "tasks", "todo", "todos", "to-do", "to-dos", "list", "kanban", "log", "logs", "build", "ci", "compile", "compiler", "errors", "coding", "code", "working", "work", "chat", "wrap", "off",
    "next", "bye", "goodbye", "goodnight", "night", "later", "see", "farewell", "ciao", "tick", "mark", "cross", "claim", "assign", "refresh", "taskboard", "session", "conference", "pipeline", "programming", "tomorrow", "cheerio", "adios", "ttyl", "ta", "toodles", "adieu", "sayonara", "ya", "laters", "toodle",
];
/// Too weak when alone.
#[rustfmt::skip]
const WEAK_ALONE: &[&str] = &[
    "next", "task", "work", "later", "night", "tomorrow", "code", "off", "notes", "meeting", "tasks", "board", "build", "i'm off", "working", "coding", "recording", "done with work", "i'm done with work", "work time", "task done", "task complete", "job done", "the build", "the board", "i'm off work",
    "下一个", "下一条", "下一项", "下一个吧", "下一条吧", "任务完成", "完成任务", "工作", "干活", "开会", "下班", "收工", "下班了", "工作结束", "任务完成了", "记录", "录音", "任务", "构建",
];

/// True if the clause is a command whatever stands beside it.
pub fn is_strong(clause: &str) -> bool {
    let bare = clause.trim_matches(|letter: char| !letter.is_alphanumeric());
    if WEAK_ALONE.contains(&bare) || is_name(bare) {
        return false;
    }
    if bare.contains(is_chinese) || bare.chars().all(|letter| letter.is_ascii_digit()) {
        let has = |words: &[&str]| words.iter().any(|word| bare.contains(word));
        // 录音笔停了 is a report.
        if bare.starts_with("录音") && bare.ends_with('了') {
            return false;
        }
        return has(CHINESE) || has(FAREWELLS) || has(LEAVE_PHRASES);
    }
    ["end it", "stop it here", "stop it there"].iter().any(|word| bare.contains(word))
        || bare
            .split(|by: char| !by.is_ascii_alphanumeric() && by != '\'' && by != '-')
            .any(|word| ENGLISH.contains(&word))
}

/// True for the bare name of a mode without a verb.
pub fn is_name(bare: &str) -> bool {
    let is_mode = bare.ends_with("模式") || bare.ends_with(" mode") || bare.ends_with("功能");
    let has_verb = ["开", "进", "切", "换", "转", "退", "关", "到", "回", "启", "停", "结束", "离", "走", "来", "给"]
        .iter()
        .any(|verb| bare.contains(verb));
    is_mode && !has_verb && (bare.contains(is_chinese) || bare.split(' ').count() <= 2)
}
