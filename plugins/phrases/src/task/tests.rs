//! Board commands, and utterances that only resemble one. Rule: a title may contain any words, a sentence makes talk.

use super::*;

fn read(utterance: &str) -> Option<(Verb, String)> {
    let command = super::read(utterance, &ExtraPhrases::default()).command()?;
    Some((command.verb, strip_fillers(&command.target).to_owned()))
}

/// The phrases that the requirement names, and similar ones.
const PHRASES: [(Verb, &str); 14] = [
    (Verb::Assign, "认领任务"),
    (Verb::Assign, "领取任务"),
    (Verb::Assign, "我来做"),
    (Verb::Assign, "assign to me"),
    (Verb::Complete, "完成任务"),
    (Verb::Complete, "标记完成"),
    (Verb::Complete, "标记为完成"),
    (Verb::Complete, "做完了"),
    (Verb::Complete, "mark as done"),
    (Verb::Complete, "mark done"),
    (Verb::Refresh, "刷新列表"),
    (Verb::Refresh, "刷新任务"),
    (Verb::Refresh, "拉取任务"),
    (Verb::Refresh, "refresh"),
];

#[test]
fn m10_every_phrase_is_a_command() {
    for (verb, phrase) in PHRASES {
        for utterance in [phrase.to_owned(), format!(" {phrase}。"), phrase.to_uppercase()] {
            assert_eq!(read(&utterance), Some((verb, String::new())), "{utterance}");
        }
    }
}

#[test]
fn m10_the_rest_names_the_task() {
    let cases = [
        ("第二个任务做完了", Verb::Complete, "第二个"),
        ("我做完了", Verb::Complete, ""),
        ("完成第二个任务", Verb::Complete, "第二个"),
        ("完成第2个", Verb::Complete, "第2个"),
        ("完成任务：写报告", Verb::Complete, "写报告"),
        ("写报告做完了", Verb::Complete, "写报告"),
        ("把写报告标记完成", Verb::Complete, "写报告"),
        ("Mark the report done.", Verb::Complete, "report"),
        ("mark task 2 as done", Verb::Complete, "2"),
        ("assign the last one to me", Verb::Assign, "last"),
        ("assign to me the report", Verb::Assign, "report"),
        ("认领最后一个任务", Verb::Assign, "最后一个"),
        ("写报告我来做", Verb::Assign, "写报告"),
        ("please refresh the list", Verb::Refresh, ""),
        ("刷新一下任务列表", Verb::Refresh, ""),
    ];
    for (utterance, verb, target) in cases {
        assert_eq!(read(utterance), Some((verb, target.to_owned())), "{utterance}");
    }
}

#[test]
fn m10_ordinary_speech_is_no_command() {
    let cases = [
        "今天天气怎么样",
        "做完了吗？",
        "作业做完了吗",
        "我已经认领任务了",
        "昨天我做完了就去吃饭",
        "完成这个需要多久",
        "how do I refresh my skin",
        "refreshing drinks",
        "the benchmark done",
        "",
        "。",
    ];
    for utterance in cases {
        assert_eq!(read(utterance), None, "{utterance}");
    }
}

#[test]
fn m10_what_is_denied_is_no_command() {
    let cases = [
        "别把写报告标记为完成",
        "写报告还没标记完成",
        "写报告还没做完，先别标记完成",
        "写报告不用我来做",
        "我还没完成任务",
        "请不要认领任务",
        "完成不了任务",
        "做完了没有",
        "标记写报告没完成",
        "Don't mark as done",
        "do not assign to me",
        "the report is not yet mark as done",
        "mark the report not done",
        "No, mark done",
    ];
    for utterance in cases {
        assert_eq!(read(utterance), None, "{utterance}");
    }
    let named = [
        ("把修复不能登录标记为完成", "修复不能登录"),
        ("修复不能登录做完了", "修复不能登录"),
        ("完成任务：不要用旧接口", "不要用旧接口"),
        ("人脸识别做完了", "人脸识别"),
        ("没问题，写报告我来做", "没问题，写报告"),
        ("mark fix login not working done", "fix login not working"),
    ];
    for (utterance, target) in named {
        assert_eq!(read(utterance).map(|(_, target)| target).as_deref(), Some(target), "{utterance}");
    }
}

#[test]
fn m10_operators_add_phrases() {
    let extra = ExtraPhrases { complete: vec!["搞定".to_owned()], ..ExtraPhrases::default() };
    let command = super::read("写报告搞定", &extra).command().expect("a command");
    assert_eq!((command.verb, command.target.as_str()), (Verb::Complete, "写报告"));
}
