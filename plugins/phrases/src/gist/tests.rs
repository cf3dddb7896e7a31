//! Orders by their gist. Rule: the order of words changes none, and what tells, denies or names somebody else is none.

use super::*;

fn read(said: &str) -> Vec<Gist> {
    Text::of(said).map_or(Vec::new(), |text| of(&text))
}

#[test]
fn m18_words_of_an_order_stand_in_any_order() {
    for (said, gist) in [
        ("把我的任务一条一条读给我听", Gist::Begin("working")),
        ("任务大声点给我念一遍", Gist::Begin("working")),
        ("帮我把业主会录一下", Gist::Begin("meeting")),
        ("开始提案评审会", Gist::Begin("meeting")),
        ("start the quarterly sales meeting please", Gist::Begin("meeting")),
        ("quickly show me the tasks that are still open", Gist::Begin("working")),
        ("take notes of this meeting for the sales team", Gist::Begin("meeting")),
        ("构建过了没有你给我看一下", Gist::Begin("coding")),
        ("start recording this meeting mate priya's about to present", Gist::Begin("meeting")),
        ("快快快打开会议模式甲方进来了", Gist::Begin("meeting")),
        ("麻烦把会议的录音给停掉", Gist::EndMeeting),
        ("请把工作模式关一下", Gist::Leave),
        ("帮我把这个对话关掉", Gist::Part),
        ("接着读下面那个任务", Gist::Next),
        ("这条我早上就弄好了划掉吧", Gist::Done),
    ] {
        assert_eq!(read(said), [gist], "{said}");
    }
}

#[test]
fn m18_what_tells_or_denies_has_no_gist() {
    for said in [
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
        assert_eq!(read(said), [], "{said}");
    }
}
