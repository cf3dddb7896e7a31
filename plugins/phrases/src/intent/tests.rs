//! Intents by word senses. Rule: the word order does not matter, and reports, denials and other people have no intent.

use super::*;

fn read(utterance: &str) -> Vec<Intent> {
    Text::parse(utterance).map_or(Vec::new(), |text| of(&text))
}

#[test]
fn m18_words_of_an_order_stand_in_any_order() {
    for (utterance, intent) in [
        ("把我的任务一条一条读给我听", Intent::StartMode("working")),
        ("任务大声点给我念一遍", Intent::StartMode("working")),
        ("帮我把业主会录一下", Intent::StartMode("meeting")),
        ("开始提案评审会", Intent::StartMode("meeting")),
        ("start the quarterly sales meeting please", Intent::StartMode("meeting")),
        ("quickly show me the tasks that are still open", Intent::StartMode("working")),
        ("take notes of this meeting for the sales team", Intent::StartMode("meeting")),
        ("构建过了没有你给我看一下", Intent::StartMode("coding")),
        ("start recording this meeting mate priya's about to present", Intent::StartMode("meeting")),
        ("快快快打开会议模式甲方进来了", Intent::StartMode("meeting")),
        ("麻烦把会议的录音给停掉", Intent::EndMeeting),
        ("请把工作模式关一下", Intent::LeaveMode),
        ("帮我把这个对话关掉", Intent::Farewell),
        ("接着读下面那个任务", Intent::NextTask),
        ("这条我早上就弄好了划掉吧", Intent::TaskDone),
    ] {
        assert_eq!(read(utterance), [intent], "{utterance}");
    }
}

#[test]
fn m18_what_tells_or_denies_has_no_gist() {
    for utterance in [
        "他把会议录下来了",
        "别把看板打开",
        "我打开了看板",
        "看板打开了",
        "会议停了",
        "开始的会议",
        "the end of the meeting",
        "start of the meeting",
        "the meeting will start",
        "开始音乐会",
        "明天把任务念给我听",
        "start the wrong meeting",
        "stop recording for a minute",
        "her task list",
        "show him the tasks",
        "看看任务怎么分",
    ] {
        assert_eq!(read(utterance), [], "{utterance}");
    }
}
