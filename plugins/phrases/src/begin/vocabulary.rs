//! Verbs that start something, and the names of the well-known modes. Rule: a vocabulary is used only if its mode is
//! configured; an unlisted word starts nothing.

use super::ModePhrases;

/// The vocabulary of one mode; the fields correspond to those of [`ModePhrases`].
pub struct Vocabulary {
    pub mode: &'static str,
    pub modes: &'static [&'static str],
    pub things: &'static [&'static str],
    /// Objects that are shown and closed again.
    pub boards: &'static [&'static str],
    /// Objects that are only shown.
    pub lists: &'static [&'static str],
    /// Recordings: they are started and stopped, and cannot be opened.
    pub recordings: &'static [&'static str],
    /// 录, record: verbs in front of a thing.
    pub recording_verbs: &'static [&'static str],
    pub activities: &'static [&'static str],
    pub activity_phrases: &'static [&'static str],
    /// Complete phrases that start the mode.
    pub whole_phrases: &'static [&'static str],
    /// Complete phrases that end the mode.
    pub end_phrases: &'static [&'static str],
}

impl Vocabulary {
    pub(super) fn has_any(&self, named: &ModePhrases) -> bool {
        let has = |list: &[&str], words: &[String]| words.iter().any(|word| list.contains(&word.as_str()));
        has(self.modes, &named.modes)
            || has(self.things, &named.things)
            || has(self.activities, &named.activities)
            || has(self.activity_phrases, &named.whole_phrases)
            || has(self.activity_phrases, &named.activity_phrases)
    }
}

/// An empty vocabulary, for `..NONE`.
const EMPTY: Vocabulary = Vocabulary {
    mode: "",
    modes: &[],
    things: &[],
    boards: &[],
    lists: &[],
    recordings: &[],
    recording_verbs: &[],
    activities: &[],
    activity_phrases: &[],
    whole_phrases: &[],
    end_phrases: &[],
};

#[rustfmt::skip]
pub const VOCABULARIES: [Vocabulary; 5] = [
    Vocabulary {
        mode: "meeting",
        modes: &["meeting模式", "会议mode", "开会mode", "meeting记录模式", 
            "会议模式", "开会模式", "会议记录模式", "会议纪要模式", "meeting mode", "conference mode", "meetings mode", "meetingmode",
            "meeting recording mode",
            "会议记录功能", "会议功能", "会议录音功能", "会议纪要功能", "录音模式",
        ],
        things: &["咱的会", "咱这会", "咱们这个会", "这个会议", "meeting记录", 
            "会议", "会议记录", "会议录音", "会议录制", "例会", "周会", "晨会", "早会", "站会", "组会", "视频会议", "线上会议", "小会", "短会", "碰头会", "讨论会", "评审会",
            "复盘会", "项目会", "部门会", "这个会", "这场会", "那个会", "那场会", "这次会", "本次会", "这会", "今天的会", "今天这个会", "今天这场会", "我们的会", "咱们的会", "个会",
            "一个会", "场会", "一场会", "meeting", "meeting recording", "conference", "stand up", "standup", "standup meeting", "stand up meeting", "team meeting",
            "meeting session", "meeting recorder", "meeting we're having", "meeting we are having", "meeting we're about to have", "meeting we're in",
            "meeting that we're having", "meeting we're starting", "discussion we're having", "meeting we're about to start",
            "staff meeting", "board meeting", "toolbox meeting", "committee meeting", "project meeting", "safety meeting", "morning meeting", "club meeting",
            "planning meeting", "budget meeting", "department meeting", "kickoff meeting", "kick off meeting", "parents meeting", "parents' meeting", "family meeting",
            "review meeting", "design meeting", "client meeting", "sales meeting", "council meeting", "general meeting", "annual meeting", "parish meeting",
            "governors meeting", "governors' meeting", "handover meeting", "ward meeting", "department's meeting", "status meeting", "sprint meeting", "sprint planning",
            "sprint review", "retrospective", "design review", "case meeting", "partners meeting", "partners' meeting", "founders meeting", "founders' meeting",
            "班组会", "交班会", "年级会", "年级组的会", "教研会", "教研组的会", "家长会", "班会", "业委会的会", "家庭会议", "家庭会", "董事会", "科室会", "科室的会", "股东会",
            "碰头会", "动员会", "总结会", "业务会", "培训会", "评审会", "研讨会", "讨论会", "座谈会", "居委会的会", "委员会的会", "理事会", "启动会", "需求评审会", "计划会",
            "回顾会", "技术评审会", "选题会", "策划会", "案情讨论会", "合伙人会议", "全体会议", "全体会", "村民会", "党员会", "厨房例会", "班前会", "晨间会",
            "接下来的会", "接下来的会议", "接下来这个会", "接下来的讨论", "接下来的内容", "下面的会议", "下面的讨论", "今天的讨论", "这次讨论", "这场讨论", "咱们的讨论", "我们的讨论", "今天的会议", "我们今天的会", "咱们今天的会",
            "这次的会", "本次的会", "今天的这个会", "我们这次的会", "咱们这次的会",
        ],
        recordings: &[
            "录音", "录制", "记录", "纪要", "会议记录", "会议纪要", "记录会议", "录会议", "会议笔记", "recording", "the recording", "recording the meeting", "recording this meeting",
            "recording this", "recording us", "recording our meeting", "recording a meeting", "recording meeting", "the minutes", "minutes", "meeting minutes", "the meeting minutes", "taking minutes", "recording minutes", "recording the minutes", "taking the minutes",
            "taking notes", "taking meeting notes", "meeting notes", "the meeting notes", "note taking", "transcribing", "transcribing the meeting", "the transcription", "transcription",
            "会议的录音", "会议的记录", "会议录音", "会议录制", "录像", "录音功能", "录音笔", "the minutes of the meeting", "the meeting recording", "our meeting notes", "the note taking", "notes", "the notes", "recorder", "the recorder", "voice recorder", "the voice recorder", "tape recorder",
        ],
        recording_verbs: &["记录", "录制", "录", "记", "录下", "记下", "录一下", "记录一下", "录音", "record", "transcribe", "take minutes of", "take the minutes of", "take notes of", "take notes for", "take minutes for"],
        activities: &["开会", "记录会议", "录制会议"],
        activity_phrases: &["开会", "开个会", "开一个会", "开个小会", "开一下会", "开下会", "来开会", "来开个会", "记录会议", "录制会议", "开始会", "碰个头", "开个碰头会",
            "碰个会", "过个会", "开一个小会", "开个短会", "开个例会", "开周会", "开晨会", "开例会",
        ],
        whole_phrases: &["记录会议纪要", "开始记录会议纪要", "记会议纪要", "做会议纪要", "记录一下会议纪要", "开始记会议纪要", "开始录", "开录", "录起来", "录上", "开始记录会议", "起会", "开起会来", "把会开起来", "开始录起来", "开始开会", "开始开个会", "开始录制会议", "开始录会议", "take minutes", "take the minutes", "take meeting minutes", "take meeting notes", "get the meeting rolling", "call the meeting to order", "hit record", "let's do the meeting", "press record", "let's have a meeting", "let's hold a meeting", "let's hold the meeting", "let's have the meeting", "let's have our meeting", "录会", "开始录会",
            "let's kick off", "let's kick things off", "kick things off", "let's kick this off", "let's kick this thing off", "let's get this meeting on the road", "let's get the meeting on the road", "let's get the minutes down", "get the minutes down", "start minuting", "start the tape", "get the tape rolling", "let's roll tape", "roll tape", "你来做记录", "你来做一下记录", "你做一下记录", "你做记录", "你来记录", "你来记录一下", "你记录", "你记录一下", "你来记", "你帮忙记一下", "你帮忙记录", "你帮忙记录一下", "你帮忙录一下", "你帮忙录音", "你负责记录", "你来录音", "你来录", "录吧", "开始录吧", "记录起来", "把记录打开", "开始做记录", "开始做会议记录", "开始做纪要", "开始记录吧",
            "开始吧记录一下", "开始吧录一下", "开始记录一下", "开始吧记录",
            "录个音", "给会议录个音", "给会议录音", "给这场会做个记录", "给这个会做个记录", "给会议做个记录", "给这场会录个音", "给这个会录音", "给这场会录音", "给会议做记录", "给会议记录一下", "做下记录", "做个记录", "let's have the minutes taken", "have the minutes taken",
            "listen in and take notes", "sit in and take notes", "have this meeting recorded", "have this recorded", "have the meeting recorded", "get this meeting recorded", "get this recorded", "get this on record", "get this on tape", "get the meeting on tape",
            "hit the record button", "press the record button", "let the meeting begin", "this meeting is now in session", "the meeting is now in session", "this meeting is called to order", "the meeting will come to order",
        ],
        end_phrases: &["不录了", "别录了", "会开完了", "你不用再记了", "你不用记了", "你不用录了", "你不用再录了", "你别录了", "你别记了", "你可以不录了", "你可以不记了", "你可以停了", "不用再记了", "不用再记录了", "不用记录了", "不用接着录了", "不用继续录了", "不用继续记了", "记录到此为止", "记录就到此为止", "记录就到这里", "记录到这里", "录音就到这里", "录音到这里", "录音就到此为止", "就记到这里", "先记到这里", "记到这里", "记到这", "会开完了关了吧", "会开完了你关了吧", "会开完了停了吧", "会开完了停止记录", "会开完了不用记了", "会开完了不用再记了", "会开完了你不用再记了", "end it now", "end it here", "end it there", "stop it here", "stop it there", "you can end it now", "you can stop it now", "you can end it", "you can stop recording", "you can stop recording now", "you can stop taking notes", "you can stop the notes", "you can stop the recording now", "stop taking notes", "stop taking minutes", "stop the minutes", "stop the notes", "no need to record anymore", "no need to record any more", "no more notes", "no more recording", "you don't need to record anymore", "close the minutes now", "end it now the meeting's finished", "end it now the meeting's over", "that's the meeting done", "call it a meeting", "close out the meeting", "meeting's over", "the meeting's over", "end of meeting", "adjourn", "let's adjourn", "不用录了", "finish recording", "finish the recording", "close the recording", "the recording is over",
            "let's end on that", "会不开了", "不开会了", "录音到此为止",
            "meeting's adjourned", "the meeting's adjourned", "meeting's finished", "the meeting's finished", "meeting's closed", "that's the meeting over", "that's the meeting finished", "that's this meeting done", "that's our meeting done", "and that concludes the meeting", "and that concludes our meeting", "and that's the end of the meeting", "that's the end of the meeting", "meeting dismissed",
            "停别录了", "不用再录了", "不要再录了", "别再录了", "可以不录了", "就录到这里", "先录到这里", "录到这里", "录到这",
            "停录", "不记了", "别记了", "不用记了", "可以不记了", "停止记录了", "录完了停",
            "and with that we close the meeting", "and with that we close this meeting", "and with that we close our meeting", "and with that i close the meeting", "and with that i close this meeting", "and with that i close our meeting", "and with that we'll close the meeting", "and with that we'll close this meeting", "and with that we'll close our meeting", "and with that i'll close the meeting", "and with that i'll close this meeting", "and with that i'll close our meeting", "and with that we end the meeting", "and with that we end this meeting", "and with that we end our meeting", "and with that we conclude the meeting", "and with that we conclude this meeting", "and with that we conclude our meeting", "and with that i'm closing the meeting", "and with that i'm closing this meeting", "and with that i'm closing our meeting", "and with that we're closing the meeting", "and with that we're closing this meeting", "and with that we're closing our meeting", "and with that we can close the meeting", "and with that we can close this meeting", "and with that we can close our meeting", "with that we close the meeting", "with that we close this meeting", "with that we close our meeting", "with that i close the meeting", "with that i close this meeting", "with that i close our meeting", "with that we'll close the meeting", "with that we'll close this meeting", "with that we'll close our meeting", "with that i'll close the meeting", "with that i'll close this meeting", "with that i'll close our meeting", "with that we end the meeting", "with that we end this meeting", "with that we end our meeting", "with that we conclude the meeting", "with that we conclude this meeting", "with that we conclude our meeting", "with that i'm closing the meeting", "with that i'm closing this meeting", "with that i'm closing our meeting", "with that we're closing the meeting", "with that we're closing this meeting", "with that we're closing our meeting", "with that we can close the meeting", "with that we can close this meeting", "with that we can close our meeting", "close the minutes", "stop minuting", "stop the tape", "i declare the meeting closed", "i hereby close the meeting", "i declare this meeting closed", "i hereby declare the meeting closed", "let's bring this meeting to a close", "let's bring the meeting to a close", "bring the meeting to a close",
        ],
        ..EMPTY
    },
    Vocabulary {
        mode: "working",
        modes: &["working模式", "work模式", "工作mode", "干活mode", "工作模式", "办公模式", "上班模式", "干活模式", "做事模式", "working mode", "work mode", "workmode", "workingmode",
            "任务功能", "办公状态",
        ],
        boards: &["todo板子", "todo板", "todo看板", "to do板子", "to do板", "to do看板", "kanban板", "kanban看板", "task板", "task看板", "task板子", "任务板子", "待办板子", "板子", "看板子", "工作板子", "任务白板", "任务board", "待办board", 
            "看板", "任务看板", "工作看板", "待办看板", "任务板", "任务面板", "工作板", "待办板", "工作面板", "任务墙", "board", "task board", "tasks board", "taskboard", "to do board", "todo board", "kanban board",
            "kanban", "work board", "working board",
        ],
        lists: &["todo列表", "todo清单", "to do列表", "to do清单", "todolist", "task列表", "task清单", "任务list", "待办list", "活", "我的活", 
            "任务", "任务列表", "任务清单", "任务表", "任务单", "待办", "待办列表", "待办清单", "待办事项", "待办事项列表", "待办事项清单", "待办任务", "待办的事", "待办的事项", "工作列表",
            "工作清单", "活儿", "要做的事", "tasks", "task list", "tasks list", "tasklist", "list of tasks", "to do list", "todo list", "to dos", "todos", "to do", "todo", "work list", "to do items",
            "todo items", "task lists", "to do tasks",
            "任务们", "工作任务", "今日任务", "今日待办",
            "任务进度", "待办进度", "任务情况", "任务状态",
        ],
        activities: &["工作", "干活", "干活儿", "办公", "上班", "工作状态", "做事", "做任务", "干活了", "处理任务", "working", "work", "doing work", "doing some work", "my work", "our work", "our work day", "the work", "the work day", "the workday", "my workday", "our workday", "my work day", "work session", "my work session", "a work session"],
        activity_phrases: &["开工干活", "干活走起", "get cracking", "crack on", 
            "开工", "上工", "开干", "干活", "干活去", "干起来", "get to work", "get down to work", "get working", "get back to work", "back to work", "get some work done", "do some work", "crack on with work", "crack on with the work",
            "crack on with the tasks", "get cracking on the tasks", "get cracking on work", "get stuff done", "get things done", "get on with work", "get on with the work", "go to work on the tasks", "tackle the tasks", "tackle my tasks",
            "work on the tasks", "work on my tasks", "work on our tasks", "do the tasks", "let's work",
            "开干吧", "开整", "干起活来", "get to it", "let's get to it", "let's get stuck in",
            "干活干活", "work time", "it's work time", "time to work", "time for work", "time to get to work",
        ],
        end_phrases: &["收工回家", "收工走人", "下班回家", "下班走人", "收工吃饭", 
            "收工", "停工", "下班", "收工下班", "今天收工", "不干了", "不干活了", "不工作了", "工作结束", "今天就干到这里", "就干到这里", "今天的工作就到这里", "call it a day", "call it quits", "knock off", "knock off for the day", "clock off", "clock out", "finish work", "quit work",
            "stop work", "finish up work", "wrap up work", "wrap up the work", "wrap up the day", "end work", "end the work", "done working", "i'm done working", "we're done working", "done with work", "i'm done with work",
            "今天不干了", "今天就不干了", "不干啦", "收工回家了", "收摊", "收摊了", "打烊", "打烊了", "收工大吉", "歇工", "knocking off", "i'm knocking off", "let's knock off", "let's call it a day", "let's call it quits", "clocking off", "i'm clocking off", "clocking out", "that's me done for the day", "that's me done for today", "i'm done for the day", "done for the day", "i'm off the clock",
            "enough work", "enough work for today", "that's enough work", "that's enough work for today", "no more work today", "no more work for today",
            "就干到这", "今天就干到这", "今天先干到这", "先干到这", "先干到这里", "今天先干到这里", "今天活就干到这",
            "打卡下班", "下班打卡", "no more work", "收工打卡",
        ],
        ..EMPTY
    },
    Vocabulary {
        mode: "coding",
        modes: &["coding模式", "code模式", "coding insight模式", "coding insights模式", "code insight模式", "编程mode", "代码mode", "insight模式", "代码insight模式", "coding洞察模式", 
            "编程模式", "代码模式", "编码模式", "写代码模式", "代码洞察模式", "编程洞察模式", "代码洞察", "编程洞察", "开发模式", "程序员模式", "coding mode", "code mode", "programming mode", "coding insight", "coding insights",
            "coding insight mode", "coding insights mode", "code insight", "code insights", "code insight mode", "code insights mode", "codingmode", "developer mode", "dev mode",
            "编程功能", "代码洞察功能",
        ],
        lists: &["build日志", "build log日志", "编译log", "构建log", "错误log", "build的日志", "build结果", "build报错", 
            "构建日志", "编译日志", "构建的日志", "编译的日志", "构建结果", "编译结果", "构建错误", "编译错误", "构建报错", "编译报错", "报错", "报错信息", "报错日志", "错误日志", "build log", "build logs", "build output", "build errors",
            "build error", "compile errors", "compiler errors", "compile log", "compiler output", "compilation log", "compilation errors", "error log", "error logs",
            "编译输出", "构建输出", "流水线日志", "构建的报错", "编译的报错", "ci日志", "ci log", "ci logs", "pipeline log", "pipeline logs", "compile output", "compilation output", "build failure", "build report",
            "日志", "log", "logs", "构建为啥失败", "构建为啥报错", "构建为啥挂", "构建为啥红", "构建为啥出错", "构建为啥没过", "构建为啥失败了", "构建为啥报错了", "构建为啥挂了", "构建为啥红了", "构建为啥又挂了", "构建为啥又失败了", "构建为什么失败", "构建为什么报错", "构建为什么挂", "构建为什么红", "构建为什么出错", "构建为什么没过", "构建为什么失败了", "构建为什么报错了", "构建为什么挂了", "构建为什么红了", "构建为什么又挂了", "构建为什么又失败了", "构建怎么失败", "构建怎么报错", "构建怎么挂", "构建怎么红", "构建怎么出错", "构建怎么没过", "构建怎么失败了", "构建怎么报错了", "构建怎么挂了", "构建怎么红了", "构建怎么又挂了", "构建怎么又失败了", "构建咋失败", "构建咋报错", "构建咋挂", "构建咋红", "构建咋出错", "构建咋没过", "构建咋失败了", "构建咋报错了", "构建咋挂了", "构建咋红了", "构建咋又挂了", "构建咋又失败了", "编译为啥失败", "编译为啥报错", "编译为啥挂", "编译为啥红", "编译为啥出错", "编译为啥没过", "编译为啥失败了", "编译为啥报错了", "编译为啥挂了", "编译为啥红了", "编译为啥又挂了", "编译为啥又失败了", "编译为什么失败", "编译为什么报错", "编译为什么挂", "编译为什么红", "编译为什么出错", "编译为什么没过", "编译为什么失败了", "编译为什么报错了", "编译为什么挂了", "编译为什么红了", "编译为什么又挂了", "编译为什么又失败了", "编译怎么失败", "编译怎么报错", "编译怎么挂", "编译怎么红", "编译怎么出错", "编译怎么没过", "编译怎么失败了", "编译怎么报错了", "编译怎么挂了", "编译怎么红了", "编译怎么又挂了", "编译怎么又失败了", "编译咋失败", "编译咋报错", "编译咋挂", "编译咋红", "编译咋出错", "编译咋没过", "编译咋失败了", "编译咋报错了", "编译咋挂了", "编译咋红了", "编译咋又挂了", "编译咋又失败了", "流水线为啥失败", "流水线为啥报错", "流水线为啥挂", "流水线为啥红", "流水线为啥出错", "流水线为啥没过", "流水线为啥失败了", "流水线为啥报错了", "流水线为啥挂了", "流水线为啥红了", "流水线为啥又挂了", "流水线为啥又失败了", "流水线为什么失败", "流水线为什么报错", "流水线为什么挂", "流水线为什么红", "流水线为什么出错", "流水线为什么没过", "流水线为什么失败了", "流水线为什么报错了", "流水线为什么挂了", "流水线为什么红了", "流水线为什么又挂了", "流水线为什么又失败了", "流水线怎么失败", "流水线怎么报错", "流水线怎么挂", "流水线怎么红", "流水线怎么出错", "流水线怎么没过", "流水线怎么失败了", "流水线怎么报错了", "流水线怎么挂了", "流水线怎么红了", "流水线怎么又挂了", "流水线怎么又失败了", "流水线咋失败", "流水线咋报错", "流水线咋挂", "流水线咋红", "流水线咋出错", "流水线咋没过", "流水线咋失败了", "流水线咋报错了", "流水线咋挂了", "流水线咋红了", "流水线咋又挂了", "流水线咋又失败了",
            "build状态", "构建状态", "编译状态", "构建情况", "build情况", "built log", "built logs", "build status", "build results", "build result", "failed build", "build failures", "broken build", "ci output", "ci results", "ci status", "ci errors", "ci的日志", "ci结果", "编译日志文件", "构建日志文件", "编译的输出", "构建输出日志", "构建失败的日志", "构建失败原因", "编译失败原因", "失败原因", "失败日志", "最后几行日志", "stack trace", "stacktrace", "errors", "the errors", "error messages", "compile problems", "build problems",
        ],
        activities: &["编程", "写代码", "编码", "敲代码", "码代码", "写程序", "coding", "programming", "writing code"],
        activity_phrases: &["get coding", "get to coding", "get back to coding", "do some coding", "write some code", "crack on with coding", "crack on with the code", "写点代码", "敲点代码", "来写代码", "一起写代码", "let's code", "let's write some code", "let's program"],
        ..EMPTY
    },
    Vocabulary {
        mode: "workflow",
        modes: &["工作流模式", "流程模式", "看板模式", "任务模式", "任务看板模式", "workflow mode", "work flow mode", "board mode", "task mode", "tasks mode"],
        things: &["工作流", "workflow", "work flow"],
        ..EMPTY
    },
    Vocabulary {
        mode: "peers",
        modes: &[
            "对讲模式", "对讲机模式", "传话模式", "消息模式", "留言模式", "互联模式", "peers mode", "peer mode", "intercom mode", "message mode",
            "messaging mode", "walkie talkie mode",
        ],
        things: &["对讲", "对讲机", "intercom", "walkie talkie"],
        activities: &["对讲", "传话"],
        ..EMPTY
    },
];

/// Verbs that show an object.
#[rustfmt::skip]
pub const SHOW_VERBS: [&str; 358] = [
    "看", "看看", "看一看", "看一下", "看下", "查看", "查看一下", "显示", "显示一下", "展示", "展示一下", "列出", "列一下", "列出来", "念", "念念", "念一下", "念一念", "念给我听", "读", "读读", "读一下", "读一读", "说说", "说一下", "讲讲", "讲一下", "过一下", "过一遍", "过过",
    "调出", "调出来", "调一下", "拿出", "拿出来", "弄出来", "翻出来", "播报", "播报一下", "汇报一下", "报一下", "来看看", "来看一下", "去看看", "点开", "打开看看", "打开",
    "show", "show me", "show us", "read", "read me", "read out", "read us", "read aloud", "read through", "list", "bring up", "pull up", "put up", "put on", "call up", "display", "view", "check", 
    "let me see", "let's see", "look at", "take a look at", "have a look at", "let me look at", "go over", "go through", "run through", "walk me through", "open", "open up", "get up", "get", "get me", "get out", "give me", "bring out", "tell me",
    "让我看看", "让我看一下", "让我看下", "我看看", "我看下", "gimme",
    "查", "查查", "查一下", "bring me", "bring us", "read to me",
    "瞅瞅", "瞧瞧", "瞅一下", "瞧一下", "瞅一眼", "瞧一眼", "看一眼", "瞄一眼", "瞅", "瞧", "报报", "报", "报一报", "打开来", "have a peek at", "peek at", "have a quick look at", "take a quick look at", "take a peek at", "look over", "让我瞅瞅", "让我瞧瞧", "我瞅瞅", "我瞧瞧", "read off", "read back", "read me back", "read out loud",
    "bring me up", "pull me up", "put me up", "bring us up",
    "run me through", "run us through", "talk me through", "talk us through", "take me through", "take us through", "walk us through", "walk through", "fill me in on", "give us", "give me a rundown of", "give me a rundown on", "give me the rundown on", "give me the rundown of", "give us a rundown of", "give us the rundown on", "give me a run down of", "give me an overview of", "give me a summary of", "give me a list of", "catch me up on", "let me hear", "let me have", "let us see", "let us have", "let's have", "let's hear", "let's look at", "let's have a look at", "let's take a look at", "let me have a look at", "let me take a look at", "let me get", "can i see", "could i see", "may i see", "can we see", "could we see", "can i have", "could i have", "can i get", "could i get", "can i have a look at", "could i have a look at", "can i look at", "can i hear", "can we have", "can we get", "could we have", "have a look over", "have a gander at", "take a gander at", "cast an eye over", "browse", "print", "print out", "recite", "rattle off", "reel off", "dig out", "dig up", "fetch", "fetch me", "find", "find me", "flash up", "throw up", "pop up", "pop open", "fire up", "load up", "let me check", "let's check", "let's go over", "let's go through", "let's run through", "go get", "grab", "grab me", "hand me", "show up", "put on screen", "read over", "read back to me", "scroll through", "look through", "look up", "look into", "你看", "你看看", "你看一下", "你看下", "你看一眼", "你去看", "你去看看", "你去看一下", "你去看下", "你查", "你查查", "你查一下", "你去查", "你去查一下", "你去查查", "你瞧瞧", "你瞅瞅", "你念", "你念念", "你念一下", "你读", "你读一下", "你报一下", "你打开", "你把", "瞧一瞧", "瞅一瞅", "瞄一下", "瞄瞄", "瞟一眼", "扫一眼", "扫一下", "翻一下", "翻翻", "翻看", "浏览", "浏览一下", "捋一捋", "捋一下", "捋捋", "理一理", "过过目", "对一下", "对一对", "核对一下", "检查", "检查一下", "朗读", "朗读一下", "念一遍", "读一遍", "报一遍", "说一遍", "讲一遍", "看一遍", "念出来", "读出来", "报出来", "拉出", "拉出来", "拉一下", "调取", "调来", "找出", "找出来", "找一下", "亮出", "亮出来", "亮一下", "亮", "晒一下", "摆出来", "放出来", "弄出", "投出来", "投上", "投一下", "呈现", "呈现一下", "弹出", "给我看", "给我看看", "给我看一下", "给我听听", "我想看", "我想看看", "我想看一下", "我要看", "我要看看", "我要看一下", "让我看", "让我听听", "我来看看", "咱看看", "咱们看看", "咱们看一下", "咱们过一下", "咱们过一遍", "大家看看", "来一份", "来份", "说说看", "讲讲看", "介绍一下", "总结一下", "汇总一下", "盘一下", "盘一盘", "盘盘",
    "i want to see", "i'd like to see", "i would like to see", "i need to see", "i wanna see", "i want to look at", "we need to see", "we want to see", "we'd like to see", "i'd love to see", "i want to hear", "i'd like to hear", "i need to hear", "我瞅一眼", "我瞧一眼", "我看一眼", "我翻翻", "说一说", "讲一讲", "听听", "听一下",
    "load", "list out", "读取", "获取", "提取", "show me all", "pull out",
    "remind me of", "remind us of", "念叨", "念叨念叨", "念叨一下",
];
pub const CREATE_VERBS: [&str; 11] = ["起", "开", "建", "组", "搞", "整", "弄", "来", "拉", "新建", "发起"];
pub const MEASURE_WORDS: [&str; 10] =
    ["个", "一个", "场", "一场", "个小", "一个小", "个短", "个临时", "一个临时", "一个短"];
/// Verbs in front of the notes of a meeting.
pub const NOTE_VERBS: [&str; 14] = [
    "做",
    "记",
    "做一下",
    "记一下",
    "做个",
    "记个",
    "做下",
    "记下",
    "take",
    "take the",
    "take down",
    "keep",
    "write",
    "do",
];
/// Verbs with a separate particle; the object stands between the two.
pub const SEPARABLE_VERBS: [&str; 15] = [
    "get", "bring", "pull", "put", "call", "throw", "turn", "switch", "kick", "fire", "start", "open", "pop", "stick",
    "chuck",
];
pub const VERB_PARTICLES: [&str; 27] = [
    "up",
    "on",
    "out",
    "off",
    "going",
    "started",
    "open",
    "rolling",
    "running",
    "underway",
    "back up",
    "on screen",
    "over here",
    "on the screen",
    "on the display",
    "on the big screen",
    "on the tv",
    "on the road",
    "under way",
    "up and running",
    "up on the screen",
    "up on screen",
    "onto the screen",
    "to the screen",
    "up here",
    "up for me",
    "up for us",
];
/// Gerunds after "would you mind".
#[rustfmt::skip]
pub const OPENING_GERUNDS: [&str; 31] = [
    "starting", "starting up", "beginning", "opening", "opening up", "launching", "kicking off", "firing up", "entering", "switching to", "switching over to", "switching us to", "switching me to", "turning on", "going into", "going to", "setting up",
    "activating", "creating", "pulling up", "bringing up", "putting up", "showing", "showing me", "reading", "reading me", "reading out", "getting", "getting into", "initiating", "commencing",
];

/// Verbs that start any kind of object.
#[rustfmt::skip]
pub const START_VERBS: [&str; 49] = [
    "开始", "正式开始", "开始进行", "开始召开", "启动", "开启", "开始进入", "start", "begin", "start up", "launch", "initiate",
    "kick off", "fire up", "commence", "start with", "开始一下", "正式启动", "启动一下", "get going with", "get started on",
    "get on with", "crack on with", "get cracking with", "get cracking on", "dive into", "jump right into",
    "set up", "spin up", "boot up", "open up", "now start", "现在开始", "马上开始", "立刻开始", "着手", "展开", "kick start",
    "start on", "get going on", "get started with", "get working on", "work on", "work through", "tackle",
    "开始弄", "crack on with the", "crack open", "fire off",
];

/// Verbs that enter things and modes.
#[rustfmt::skip]
pub const ENTER_VERBS: [&str; 87] = [
    "打开", "进入", "进", "进到", "切换到", "切换成", "切换为", "切换至", "切换去", "切换", "切到", "切成", "切入", "切", "转到", "转换到", "转换成",
    "转入", "转为", "转成", "换到", "换成", "换为", "跳到", "跳转到", "调到", "调成", "回到", "切回", "切回到", "切换回", "恢复", "激活", "启用",
    "召开", "发起", "开", "来个", "来一个", "来一场", "开一场", "开个", "开一个", "开一下", "open", "open up", "activate", "enable",
    "turn on", "switch on", "enter", "switch to", "switch me to", "switch us to", "switch it to",
    "switch over to", "switch back to", "新建", "新建一个", "创建", "创建一个", "建个", "建一个", "建", "起个", "起一个", "弄个", "弄一个",
    "搞个", "搞一个", "整个", "整一个", "拉起", "拉个", "组个", "来场", "来次", "切去", "转去", "进入到", "打开一下",
    "启用一下", "切换一下", "create", "set up a",
    "起", "组",
];

/// Verbs for modes only: one also "goes to" a meeting without any device.
#[rustfmt::skip]
pub const ENTER_MODE_VERBS: [&str; 85] = [
    "使用", "用", "变成", "改成", "改为", "设置成", "设置为", "设成", "设为", "返回", "回", "上", "go to", "go into", "go in",
    "go back to", "back to", "return to", "switch into", "switch", "change to", "change into", "move to",
    "move into", "jump to", "jump into", "get into", "get in", "put me in", "put us in", "put yourself in",
    "put it in", "put me into", "put the device in", "set", "take me to", "take me into", "get me into",
    "bring me to", "move me to", "use", "bring up", "load", "run", "去", "到", "走", "换", "换个", "调", "put me on",
    "put us into", "put yourself into", "flip to", "flip over to", "go over to", "hop into", "hop to",
    "head to", "get us into", "take us to", "take us into", "bring us to", "bring us into", "get back to",
    "get back into", "let me in", "let's do", "来", "搞", "整", "弄",
    "搞起", "整起", "走起",
    "转", "转换", "跳", "跳进", "enter into", "move us to", "move us into", "shift to", "shift into", "shift us into",
];

/// Verbs for activities.
#[rustfmt::skip]
pub const ACTIVITY_VERBS: [&str; 40] = [
    "开始", "正式开始", "开始进入", "进入", "进入到", "切换到", "切到", "转到", "切换成", "转入", "投入", "start", "begin", "commence",
    "switch to", "switch over to", "start to", "begin to", "get started with", "开始去", "着手", "继续", "get started",
    "get going", "get on with", "get back to", "go back to", "crack on with", "crack on", "get down to",
    "get to", "resume", "kick off", "kick off with", "get started on", "get cracking on", "get cracking with",
    "dive into",
    "get", "let's get",
];

/// Words between a verb and its object.
#[rustfmt::skip]
pub const DETERMINERS: [&str; 135] = [
    "一个", "一场", "一次", "个", "场", "一个新的", "一个新", "新", "新的", "这个", "这场", "那个", "那场", "这次", "这次的", "本次", "该", "今天的",
    "今日的", "今天这个", "我们的", "我们今天的", "咱们的", "咱们今天的", "我的", "你的", "当前", "当前的", "现在的", "我们", "咱们", "今天", "the", "a",
    "an", "this", "our", "my", "your", "new", "today's", "todays", "current", "that", "another", "我今天的", "今日",
    "我", "我这边的", "我所有的", "所有的", "所有", "全部", "全部的", "我那个", "我这个", "额", "啊", "就是", "一个临时", "临时", "临时的", "快速",
    "一个快速的", "all", "all my", "all the", "all of my", "some", "quick", "a quick", "me the", "me my", "us the",
    "us our", "us", "me", "team", "team's",
    "weekly", "daily", "monthly", "regular", "our weekly", "our daily", "每周的", "每日",
    "我那", "我那些", "我这些", "那些", "这些", "我手上的", "我手头的", "咱那", "咱那个", "咱", "咱这", "手头的", "手上的", "最新的", "最新", "最近的", "今天的所有", "我全部的", "我剩下的", "剩下的", "我还没做的", "没做完的", "还没做完的", "我们那个", "我们这个", "我们组的", "我们团队的", "咱们组的", "接下来的", "the latest", "latest", "recent", "the recent", "my own", "the whole", "whole", "entire", "the entire", "remaining", "the rest of my", "the rest of the", "my remaining", "all our", "all of our", "all of the", "everyone's", "the team's", "our team's",
];
