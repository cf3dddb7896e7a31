//! Partial transcripts, and phrases that end a meeting (M.3, M.4). Rule: a draft counts only as long as no final text
//! replaces it.

use modehost_testkit::{Effect, EndReason, Kit, Output};
use serde_json::json;

use crate::{finalize, in_meeting, summaries};

#[test]
fn drafts_are_replaced_by_what_is_confirmed() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    device.says_draft("we should");
    device.says_draft("we should ship it");
    device.hears("We should ship it on Friday.");
    device.hears("Next.");
    let inbox = device.inbox();
    let shown: Vec<_> = inbox.iter().map(|shown| (shown["seq"].as_u64(), shown["draft"] == true)).collect();
    assert_eq!(shown, [(Some(1), true), (Some(1), true), (Some(1), false), (Some(2), false)]);
    let kept = kit.journal("meeting/session-dev-1");
    assert_eq!(kept.len(), 2);
    assert_eq!((&kept[0]["seq"], &kept[0]["text"]), (&json!(1), &json!("We should ship it on Friday.")));
    device.advance(5_000);
    assert_eq!(device.inbox()[0]["segments"].as_array().map(Vec::len), Some(2));
    // A draft that is open at the end was shown, so it counts.
    device.says_draft("and one more thing");
    device.message(&finalize());
    assert_eq!(kit.journal("meeting/session-dev-1").len(), 3);
    assert!(kit.archived()[0].content.contains("one more thing"));
}

#[test]
fn m3_nothing_stays_of_a_draft_that_nothing_came_of() {
    let kit = Kit::build("meeting");
    // The draft belongs to the meeting, or is deferred until the meeting opens.
    for opened in [true, false] {
        let kit = kit.afresh();
        let mut device = kit.device("dev-1");
        if !opened {
            device.hold();
        }
        device.start(Some("meeting"));
        device.says_draft("嗯");
        device.hears(" ");
        device.settle();
        device.hears("We launch in May.");
        device.says_draft("nothing takes this back");
        device.says_draft("");
        device.hears_segment(7, "");
        device.settle();
        device.message(&finalize());
        device.settle();
        let kept: Vec<_> = kit.journal("meeting/session-dev-1").iter().map(|entry| entry["text"].clone()).collect();
        assert_eq!(kept, ["We launch in May.", "nothing takes this back"], "{opened}");
        // Neither is an error sent, nor anything else.
        device.effects();
        device.says_draft(" ");
        device.hears("");
        assert!(device.effects().is_empty(), "{opened}");
    }
}

#[test]
fn a_meeting_can_be_ended_by_voice() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    device.hears("我们说到散会之前的事");
    device.effects();
    device.says_draft("结束会议");
    assert!(!device.effects().contains(&Effect::Output(Output::Decline)), "it may still change");
    device.hears("好的，结束会议吧。");
    assert!(
        matches!(device.effects().as_slice(), [Effect::Output(Output::Decline)]),
        "the default mode leaves the mode"
    );
    assert_eq!(kit.journal("meeting/session-dev-1").len(), 1);
    device.configure(r#"{"end_phrases": []}"#);
    device.effects();
    device.hears("结束会议");
    assert_eq!(kit.journal("meeting/session-dev-1").len(), 2);
}

#[test]
fn m4_a_farewell_alone_is_no_meeting() {
    let kit = Kit::configured("meeting", r#"{"webhook":"crm"}"#);
    for opened in [true, false] {
        let kit = kit.afresh();
        let mut device = kit.device("dev-1");
        if !opened {
            device.hold();
        }
        device.start(Some("meeting"));
        device.says_draft("散会");
        device.hears("散会");
        assert!(device.effects().contains(&Effect::Output(Output::Decline)), "{opened}");
        device.end(EndReason::Requested);
        device.settle();
        assert_eq!((kit.archived().len(), kit.posted().len(), kit.journal_names().len()), (0, 0, 0), "{opened}");
        assert_eq!(summaries(&device.inbox())[0]["bullets"], json!([]), "{opened}");
    }
}

#[test]
fn m18_talk_about_the_end_is_kept_and_ends_nothing() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    let talk = [
        "明天三点结束会议",
        "他说会议到此结束",
        "会议结束了吗",
        "可以结束会议了吗",
        "散会以后小王留一下",
        "The meeting is over budget.",
        "Can we end the meeting?",
    ];
    device.effects();
    for said in talk {
        device.hears(said);
        assert!(!device.effects().contains(&Effect::Output(Output::Decline)), "{said}");
    }
    assert_eq!(kit.journal("meeting/session-dev-1").len(), talk.len());
    for said in ["今天的会议就到这里，谢谢大家", "嗯，散会吧", "退出", "Okay, the meeting is over, thank you."]
    {
        device.hears(said);
        assert!(matches!(device.effects().as_slice(), [Effect::Output(Output::Decline)]), "{said}");
    }
    assert_eq!(kit.journal("meeting/session-dev-1").len(), talk.len());
}

#[test]
fn m18_phrases_of_ones_own_end_it_and_no_others() {
    let kit = Kit::configured("meeting", r#"{"end_phrases": ["收工"]}"#);
    let mut device = in_meeting(&kit);
    device.effects();
    device.hears("结束会议");
    assert!(!device.effects().contains(&Effect::Output(Output::Decline)));
    device.hears("好的，大家收工吧");
    assert!(matches!(device.effects().as_slice(), [Effect::Output(Output::Decline)]));
}
