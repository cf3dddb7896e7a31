//! The frame by word class. Rule: each class is tested with one plain command.

use super::*;

fn read(utterance: &str) -> Verdict<()> {
    let text = Text::parse(utterance).expect("a text");
    Framed::new(&text, &["Kitchen"]).read(CommandKind::Begin, |paths| paths.word(&["开始会议", "start the meeting"]))
}

#[test]
fn m18_classes_around_a_command() {
    let command = [
        "开始会议",
        "嗯那个开始会议",
        "请开始会议",
        "麻烦你现在开始会议谢谢",
        "小智小智开始会议",
        "开始会议开始会议",
        "能不能帮我开始会议",
        "我们开始会议吧",
        "我要开始会议",
        "kitchen start the meeting",
        "could you start the meeting?",
        "um okay please start the meeting right now",
        "let's start the meeting",
    ];
    for utterance in command {
        assert_eq!(read(utterance), Verdict::Command(()), "{utterance}");
    }
    let doubt = [
        "开始会议了",
        "能不能开始会议",
        "可以开始会议了吗",
        "开始会议？",
        "“开始会议”",
        "我们开始会议",
        "然后开始会议",
        "can we start the meeting",
        "开始会议好吗",
        "要开始会议了",
    ];
    for utterance in doubt {
        assert_eq!(read(utterance), Verdict::Doubt(()), "{utterance}");
    }
    let talk = [
        "明天开始会议",
        "他开始会议",
        "什么时候开始会议",
        "不开始会议",
        "开始会议室",
        "如果开始会议",
        "他说开始会议",
        "为了开始会议",
        "we'll start the meeting",
        "start the meeting tomorrow",
        "did you start the meeting",
        "when we start the meeting",
        "don't start the meeting",
        "我们开始会议了",
    ];
    for utterance in talk {
        assert_eq!(read(utterance), Verdict::Talk, "{utterance}");
    }
}
