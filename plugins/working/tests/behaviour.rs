//! Requirements M.9, M.10, M.18 and M.19 on the real component. Rule: each test names its requirement and fails without
//! it.

use modehost_testkit::{Effect, EndReason, Failure, Kit, ListenCommand, Output, TestDevice};
use serde_json::{Value, json};

const BOARD: &str = r#"{"rev":1,"tasks":[
    {"id":"a1","title":"写报告","status":"open"},
    {"id":"b2","title":"Write tests","status":"doing","owner":"dev-1"},
    {"id":"c3","title":"写测试","status":"open"}]}"#;

fn working(kit: &Kit) -> TestDevice {
    kit.put_document("workflow/board/default", BOARD);
    let mut device = kit.device("dev-1");
    device.start(Some("working"));
    // The announcement and the start of listening have their own tests.
    device.effects();
    device
}

fn ask(event: &str, id: &str) -> Value {
    json!({"type": "workflow", "event": event, "id": id})
}

#[test]
fn m9_listening_starts_by_hand() {
    let kit = Kit::build("working");
    let mut device = kit.device("dev-1");
    device.start(Some("working"));
    let effects = device.effects();
    assert!(
        matches!(
            effects.as_slice(),
            [Effect::Output(Output::Say { .. }), Effect::Output(Output::Listen(ListenCommand::Start(_)))]
        ),
        "{effects:?}"
    );
}

#[test]
fn m19_it_begins_and_ends_audibly_in_the_person_s_language() {
    let kit = Kit::build("working");
    for (tag, begins, ends) in
        [("zh", "工作模式开始。", "工作模式结束。"), ("en", "Working mode begins.", "Working mode has ended.")]
    {
        let mut device = kit.device("dev-1").language(tag);
        device.start(Some("working"));
        assert_eq!(device.said(), [begins]);
        device.end(EndReason::Requested);
        assert_eq!(device.said(), [ends]);
    }
    let mut device = working(&kit);
    device.end(EndReason::Expired);
    assert_eq!(device.said(), [""; 0].map(str::to_owned), "nobody is there to hear it");
}

#[test]
fn m1_a_command_that_the_end_of_the_mode_overtakes_does_nothing() {
    let kit = Kit::build("working");
    for said in ["做完了", "认领任务", "下一个任务"] {
        for reason in [EndReason::Requested, EndReason::Expired] {
            let mut device = working(&kit);
            device.hold();
            device.hears(said);
            device.end(reason);
            device.said();
            device.settle();
            assert_eq!((device.dispatched(), device.said()), (vec![], vec![]), "{said}");
            // Nor is there a question left that the next words would answer.
            device.start(Some("working"));
            device.effects();
            for answer in ["是", "写报告"] {
                device.hears(answer);
                device.settle();
                assert_eq!(device.effects(), [Effect::Output(Output::Decline)], "{said}");
            }
        }
    }
}

#[test]
fn m10_direct_commands() {
    let kit = Kit::build("working");
    let cases = [
        ("做完了", ask("complete", "b2")),
        ("第一个做完了", ask("complete", "a1")),
        ("完成任务 写报告", ask("complete", "a1")),
        ("mark c3 done", ask("complete", "c3")),
        ("认领最后一个任务", ask("assign", "c3")),
        ("写报告我来做", ask("assign", "a1")),
        ("Refresh", json!({"type": "workflow", "event": "refresh"})),
        ("拉取任务", json!({"type": "workflow", "event": "refresh"})),
    ];
    let mut device = working(&kit);
    for (said, message) in cases {
        device.hears(said);
        assert_eq!(device.dispatched(), [message], "{said}");
        assert_eq!(device.said().len(), 1, "{said}");
    }
}

#[test]
fn m10_everything_else_goes_on() {
    let kit = Kit::build("working");
    let mut device = working(&kit);
    device.effects();
    device.hears("今天天气怎么样");
    assert_eq!(device.effects(), [Effect::Output(Output::Decline)]);
}

#[test]
fn m10_what_is_denied_goes_on_and_changes_nothing() {
    let kit = Kit::build("working");
    let mut device = working(&kit);
    let denied = [
        "别把写报告标记为完成",
        "写报告还没标记完成",
        "写报告还没做完，先别标记完成",
        "写报告不用我来做",
        "我还没完成任务",
        "The report is not mark as done",
    ];
    device.effects();
    for said in denied {
        device.hears(said);
        assert_eq!(device.effects(), [Effect::Output(Output::Decline)], "{said}");
    }
    // Only the board distinguishes the title from the rest.
    device.hears("写报告还没做完，我来做");
    assert_eq!(
        (device.dispatched().len(), device.said()),
        (0, vec!["听起来不是要我改任务，我什么都没动。".to_owned()])
    );
    // With an open question.
    device.hears("认领任务");
    device.effects();
    for said in ["不是写报告", "不", "别标记完成"] {
        device.hears(said);
        assert_eq!(device.effects(), [Effect::Output(Output::Decline)], "{said}");
    }
    device.hears("写测试");
    assert_eq!(device.dispatched(), [ask("assign", "c3")], "the question is still open");
}

#[test]
fn m18_talk_about_tasks_goes_on() {
    let kit = Kit::build("working");
    let mut device = working(&kit);
    device.effects();
    for said in [
        "昨天我做完了就去吃饭",
        "他做完了",
        "等我做完了告诉你",
        "如果第二个做完了就休息",
        "小李把写报告标记为完成了",
        "谁来认领任务",
        "我来做饭",
        "认领第二个任务需要多久",
        "He said mark done.",
        "I'll mark it as done tomorrow",
        "Is task two done?",
    ] {
        device.hears(said);
        assert_eq!(device.effects(), [Effect::Output(Output::Decline)], "{said}");
    }
}

#[test]
fn m18_a_doubt_is_asked_and_not_done() {
    let kit = Kit::build("working");
    let mut device = working(&kit);
    for (answer, done) in [("是的", vec![ask("complete", "a1")]), ("不要", vec![]), ("取消", vec![])] {
        device.hears("可以把写报告标记为完成吗");
        assert_eq!((device.dispatched().len(), device.said()), (0, vec!["要把“写报告”标记为完成吗？".to_owned()]));
        device.hears(answer);
        assert_eq!(device.dispatched(), done, "{answer}");
        assert_eq!(device.said().len(), 1, "{answer}");
    }
    device.hears("昨天的写报告做完了");
    assert_eq!((device.dispatched().len(), device.said()), (0, vec!["要把“写报告”标记为完成吗？".to_owned()]));
    // Other utterances leave the question open.
    device.hears("今天天气怎么样");
    device.hears("yes");
    assert_eq!(device.dispatched(), [ask("complete", "a1")]);
}

#[test]
fn m18_a_title_is_a_title_whatever_words_it_has() {
    let kit = Kit::build("working");
    let mut device = working(&kit);
    let board = r#"{"tasks":[{"id":"a1","title":"上周总结","status":"open"},{"id":"b2","title":"给他们发邮件","status":"open"},
        {"id":"c3","title":"The report","status":"open"}]}"#;
    kit.put_document("workflow/board/default", board);
    for (said, id) in [("上周总结做完了", "a1"), ("给他们发邮件做完了", "b2"), ("The report is done.", "c3")]
    {
        device.hears(said);
        assert_eq!(device.dispatched(), [ask("complete", id)], "{said}");
        device.effects();
    }
    device.hears("今天的饭做完了");
    assert_eq!(
        (device.dispatched().len(), device.said()),
        (0, vec!["听起来不是要我改任务，我什么都没动。".to_owned()])
    );
}

#[test]
fn m18_the_next_task_is_named_and_may_be_taken() {
    let kit = Kit::build("working");
    let mut device = working(&kit);
    device.hears("下一个任务");
    assert_eq!((device.dispatched().len(), device.said()), (0, vec!["下一个是“写报告”，要认领吗？".to_owned()]));
    device.hears("好的");
    assert_eq!(device.dispatched(), [ask("assign", "a1")]);
    device.effects();
    device.hears("Next task, please.");
    device.hears("no");
    assert_eq!((device.dispatched().len(), device.said().len()), (0, 2));
}

#[test]
fn m10_titles_with_negative_words_are_understood() {
    let kit = Kit::build("working");
    let mut device = working(&kit);
    let board = r#"{"tasks":[{"id":"a1","title":"修复不能登录","status":"open"},{"id":"b2","title":"登录","status":"open"},
        {"id":"c3","title":"人脸识别","status":"open"}]}"#;
    kit.put_document("workflow/board/default", board);
    for (said, id) in [
        ("把修复不能登录标记为完成", "a1"),
        ("修复不能登录做完了", "a1"),
        ("把人脸识别标记为完成", "c3"),
        ("没问题，人脸识别做完了", "c3"),
    ] {
        device.hears(said);
        assert_eq!(device.dispatched(), [ask("complete", id)], "{said}");
        device.effects();
    }
}

#[test]
fn m10_words_without_a_letter_are_for_nobody() {
    let kit = Kit::build("working");
    let mut device = working(&kit);
    device.hears("认领任务");
    device.effects();
    for empty in ["", " "] {
        device.hears(empty);
        assert!(device.effects().is_empty(), "neither an answer nor handed on");
    }
    device.hears("第二个");
    assert_eq!(device.dispatched(), [ask("assign", "c3")], "the question is still open");
}

#[test]
fn m10_what_is_not_clear_is_asked_back() {
    let kit = Kit::build("working");
    for (answer, id) in [("第二个", "c3"), ("写报告", "a1"), ("1", "a1")] {
        let mut device = working(&kit);
        device.hears("认领任务");
        assert_eq!(device.said(), ["哪一个？1. 写报告 2. 写测试"]);
        device.hears(answer);
        assert_eq!(device.dispatched(), [ask("assign", id)], "{answer}");
    }
    let mut device = working(&kit);
    device.hears("assign to me");
    assert_eq!(device.said(), ["Which one? 1. 写报告 2. 写测试"]);
    device.hears("cancel");
    assert_eq!((device.dispatched().len(), device.said().len()), (0, 1));
}

#[test]
fn m10_a_question_is_forgotten_in_time() {
    let kit = Kit::build("working");
    let mut device = working(&kit);
    device.hears("认领任务");
    device.advance(30_000);
    device.effects();
    device.hears("第二个");
    assert_eq!(device.effects(), [Effect::Output(Output::Decline)]);
}

#[test]
fn m10_a_board_that_cannot_be_read_is_told() {
    let kit = Kit::build("working");
    let mut device = working(&kit);
    kit.fail_documents(Failure::Unavailable, 1);
    device.hears("mark done");
    assert_eq!(device.said(), ["The task list cannot be read now. Please try again later."]);
}

#[test]
fn h2_a_swap_at_any_event_is_unseen() {
    Kit::build("working").assert_swaps_unseen(None, |kit| {
        let mut device = working(kit);
        device.hears("认领任务");
        device.hears("你好");
        device.hears("第二个");
        device.hears("做完了");
        device.effects()
    });
}
