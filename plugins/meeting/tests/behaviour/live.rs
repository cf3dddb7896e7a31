//! M.3 to M.5 and the input of a running meeting. Rule: the tests check what a device receives, in order.

use modehost_testkit::{Effect, EndReason, Kit, ListenCommand, Output, TestDevice, Write};
use serde_json::{Value, json};

use crate::{ANSWER, WHOLE, finalize, in_meeting, phases, snippet, summaries};

#[test]
fn m3_segments_are_kept_before_they_are_shown() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    device.effects();
    device.hears("大家好，我们开始");
    let effects = device.effects();
    let place = |wanted: fn(&Effect) -> bool| effects.iter().position(wanted);
    let kept = place(|effect| matches!(effect, Effect::Write(Write::AppendJournal { .. }))).expect("an append");
    assert!(kept < place(|effect| matches!(effect, Effect::Output(Output::Send(_)))).expect("a snippet"));

    let items = json!([{"tag": "Ann", "text": "Hello"}, {"tag": "Bob", "text": "Hi"}]);
    device.message(&json!({"type": "meeting", "phase": "snippet", "items": items}));
    let inbox = device.inbox();
    assert_eq!(phases(&inbox), ["snippet", "snippet", "snippet"]);
    let shown: Vec<_> = inbox.iter().map(|shown| (&shown["seq"], &shown["text"], &shown["tag"])).collect();
    assert_eq!(shown[0], (&json!(1), &json!("大家好，我们开始"), &Value::Null));
    assert_eq!(shown[2], (&json!(3), &json!("Hi"), &json!("Bob")));
    assert!(inbox[1]["ts"].as_u64().is_some_and(|ts| ts == kit.now()));
    let journal = kit.journal("meeting/session-dev-1");
    let kept: Vec<_> = journal.iter().map(|entry| (&entry["seq"], &entry["text"])).collect();
    assert_eq!(kept[1], (&json!(2), &json!("Hello")));
    assert_eq!(journal.len(), 3);
}

#[test]
fn m3_segments_are_pushed_together() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    device.message(&snippet("one"));
    device.message(&snippet("two"));
    device.inbox();
    device.advance(4_999);
    assert_eq!(device.inbox(), Vec::<Value>::new());
    device.advance(1);
    let inbox = device.inbox();
    assert_eq!(phases(&inbox), ["transcript"]);
    let pushed: Vec<_> = inbox[0]["segments"].as_array().expect("segments").iter().map(|s| s["text"].clone()).collect();
    assert_eq!(pushed, ["one", "two"]);
    // While nothing is said, no timer runs.
    device.effects();
    device.advance(3_600_000);
    assert_eq!((device.effects().len(), device.inbox().len()), (0, 0));
    // The next push keeps the grid of the last one: it comes at the next whole interval.
    device.advance(1_000);
    device.message(&snippet("three"));
    device.inbox();
    device.advance(3_999);
    assert_eq!(device.inbox().len(), 0);
    device.advance(1);
    assert_eq!(phases(&device.inbox()), ["transcript"]);
}

#[test]
fn m3_a_changed_interval_holds_from_the_next_push() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    let pushes_after = |device: &mut TestDevice| {
        device.message(&snippet("said"));
        device.inbox();
        let mut waited = 0;
        while device.inbox().is_empty() {
            device.advance(500);
            waited += 500;
        }
        waited
    };
    device.message(&snippet("under way"));
    device.advance(1_000);
    device.configure(r#"{"transcript_push_interval_ms":10000}"#);
    device.inbox();
    device.advance(4_000);
    assert_eq!(phases(&device.inbox()), ["transcript"]);
    assert_eq!(pushes_after(&mut device), 10_000);
    device.configure(r#"{"transcript_push_interval_ms":1}"#);
    assert_eq!(pushes_after(&mut device), 3_000);
    device.configure(r#"{"transcript_push_interval_ms":60000}"#);
    assert_eq!(pushes_after(&mut device), 15_000);
}

#[test]
fn m4_finalize_is_answered_at_once_and_silences_the_meeting() {
    for by_mode_end in [false, true] {
        let kit = Kit::build("meeting");
        kit.hold_model("summary");
        let mut device = in_meeting(&kit);
        device.message(&snippet("We launch in May."));
        device.inbox();
        if by_mode_end {
            device.end(EndReason::Requested)
        } else {
            device.message(&finalize())
        }
        assert_eq!(phases(&device.inbox()), ["finalize", "prepare", "llm_start"], "{by_mode_end}");
        device.advance(20_000);
        assert_eq!(device.inbox(), Vec::<Value>::new());
        device.message(&snippet("too late"));
        assert_eq!(phases(&device.inbox()), ["MEETING_FINALIZING"]);
        kit.answer_model("summary", ANSWER);
        kit.release_model("summary");
        device.settle();
        let inbox = device.inbox();
        assert_eq!(phases(&inbox), ["llm_done", "done", "summary"]);
        assert_eq!(inbox[0]["elapsed_ms"], 20_000);
        let expected = json!({
            "type": "meeting", "phase": "summary", "session_id": "session-dev-1", "meeting_id": "session-dev-1",
            "title": "Launch", "duration": 0, "bullets": ["The launch moves to May"], "decisions": ["Launch in May"],
            "actions": [{"text": "Tell the customers", "owner": "Ann", "due": "Friday"}],
            "idempotent": false, "degraded": false,
        });
        assert_eq!(inbox[2], expected);
        assert!(kit.journal("meeting/session-dev-1").iter().all(|entry| entry["text"] != "too late"));
    }
}

#[test]
fn m5_finalize_runs_once_however_many_ask() {
    let kit = Kit::build("meeting");
    kit.hold_model("summary");
    let mut device = in_meeting(&kit);
    device.message(&snippet("We launch in May."));
    for _ in 0..3 {
        device.message(&finalize());
    }
    device.message(&json!({"type": "meeting", "phase": "summary"}));
    device.end(EndReason::Requested);
    kit.answer_model("summary", ANSWER);
    kit.release_model("summary");
    device.settle();
    let inbox = device.inbox();
    let all = phases(&inbox);
    assert_eq!(all[1..7], WHOLE);
    assert_eq!(all[7..], ["copy"; 4], "one for each who asked meanwhile");
    device.message(&finalize());
    let later = device.inbox();
    assert_eq!(phases(&later), ["copy"]);
    let strip = |message: &Value| {
        let mut message = message.clone();
        message.as_object_mut().expect("an object").remove("idempotent");
        message
    };
    let all = [summaries(&inbox), later].concat();
    assert!(all.iter().all(|message| strip(message) == strip(&all[0])));
    assert_eq!((kit.asked().len(), kit.archived().len()), (1, 1));
}

#[test]
fn m5_who_asks_too_often_is_told_when_to_ask_again() {
    let kit = Kit::build("meeting");
    kit.hold_model("summary");
    let mut device = in_meeting(&kit);
    device.message(&snippet("We launch in May."));
    device.message(&finalize());
    for _ in 0..24 {
        device.message(&finalize());
    }
    device.inbox();
    device.message(&json!({"type": "meeting", "phase": "summary"}));
    let message = "the summary has been asked for often enough; it is on its way";
    let expected = json!({
        "type": "error", "code": "RATE_LIMITED", "message": message, "retry_after_ms": 5_000,
        "ref": {"type": "meeting", "phase": "summary"},
    });
    assert_eq!(device.inbox(), [expected]);
    // The end of the mode also requests the summary but is not rejected: the next meeting starts with the mode.
    device.end(EndReason::Requested);
    assert_eq!(device.inbox(), Vec::<Value>::new());
    device.start(Some("meeting"));
    device.message(&snippet("The next one."));
    assert_eq!(phases(&device.inbox()), ["snippet"]);
}

#[test]
fn m5_a_new_handler_knows_the_summary() {
    let kit = Kit::build("meeting");
    kit.answer_model("summary", ANSWER);
    let mut device = in_meeting(&kit);
    device.message(&snippet("We launch in May."));
    device.end(EndReason::Expired);
    assert_eq!(phases(&device.inbox())[1..], WHOLE);
    // Another instance of the same session.
    let mut device = kit.device("dev-1");
    device.message(&finalize());
    device.message(&json!({"type": "meeting", "event": "summary"}));
    let inbox = device.inbox();
    assert_eq!(phases(&inbox), ["copy", "copy"]);
    assert_eq!(inbox[0]["title"], "Launch");
    // A snippet right after the summary is late, for any instance.
    device.message(&snippet("late"));
    assert_eq!(phases(&device.inbox()), ["MEETING_FINALIZING"]);
}

#[test]
fn finalize_without_a_meeting_says_what_is_missing() {
    let kit = Kit::build("meeting");
    let mut device = kit.device("dev-1");
    device.message(&finalize());
    device.message(&json!({"type": "meeting", "phase": "summary"}));
    let inbox = device.inbox();
    assert_eq!(phases(&inbox), ["NOT_READY", "NOT_READY"]);
    assert_eq!(inbox[0]["message"], "there is no meeting: start the mode meeting or send a snippet first");
    assert_eq!(inbox[0]["ref"], json!({"type": "meeting", "phase": "finalize"}));
}

#[test]
fn bad_input_leaves_the_meeting_unharmed() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    device.message(&snippet("first"));
    device.inbox();
    let bad = [
        json!({"type": "meeting"}),
        json!({"type": "meeting", "phase": "begin"}),
        json!({"type": "meeting", "phase": "snippet"}),
        json!({"type": "meeting", "phase": "snippet", "items": [{"tag": "a"}]}),
        json!({"type": "meeting", "phase": "snippet", "items": [{"tag": 7, "text": "x"}]}),
        json!({"type": "meeting", "phase": "finalize", "title": 7}),
    ];
    for message in &bad {
        let before = device.snapshot().state;
        device.message(message);
        assert_eq!(phases(&device.inbox()), ["SCHEMA_INVALID"], "{message}");
        assert_eq!(device.snapshot().state, before);
    }
    device.message(&snippet("second"));
    assert_eq!(device.inbox()[0]["seq"], 2);
}

#[test]
fn meetings_of_a_session_are_numbered() {
    let kit = Kit::build("meeting");
    for _ in 0..2 {
        let mut device = in_meeting(&kit);
        device.message(&snippet("one"));
        device.end(EndReason::Switched);
        device.start(Some("meeting"));
        device.message(&snippet("two"));
        device.message(&finalize());
        device.end(EndReason::Requested);
    }
    let ids: Vec<_> = kit.archived().into_iter().map(|entry| entry.id).collect();
    assert_eq!(ids, ["session-dev-1", "session-dev-1-2", "session-dev-1-3", "session-dev-1-4"]);
}

#[test]
fn a_new_meeting_can_begin_while_the_last_is_summed_up() {
    let kit = Kit::build("meeting");
    kit.hold_model("summary");
    let mut device = in_meeting(&kit);
    device.message(&snippet("one"));
    device.end(EndReason::Requested);
    device.start(Some("meeting"));
    device.message(&snippet("two"));
    device.inbox();
    kit.answer_model("summary", ANSWER);
    kit.release_model("summary");
    device.settle();
    let inbox = device.inbox();
    assert_eq!(phases(&inbox), ["llm_done", "done", "summary"]);
    assert_eq!(inbox[2]["meeting_id"], "session-dev-1");
    device.message(&snippet("three"));
    device.message(&finalize());
    let inbox = device.inbox();
    assert_eq!(phases(&inbox)[1..], WHOLE);
    assert_eq!(inbox[6]["meeting_id"], "session-dev-1-2");
    let last: Value = serde_json::from_str(&kit.document("meeting/last/dev-1").1.expect("a document")).expect("JSON");
    assert_eq!(last["number"], 2);
}

#[test]
fn m3_whatever_comes_while_the_meeting_opens_is_kept_in_order() {
    let kit = Kit::build("meeting");
    let mut device = kit.device("dev-1");
    device.hold();
    device.start(Some("meeting"));
    for number in 1..=100 {
        device.message(&snippet(&format!("Snippet {number}")));
    }
    device.message(&finalize());
    device.settle();
    for _ in 0..10 {
        device.advance(20);
        device.settle();
    }
    let said: Vec<_> = kit.journal("meeting/session-dev-1").iter().map(|entry| entry["text"].clone()).collect();
    let all: Vec<_> = (1..=100).map(|number| json!(format!("Snippet {number}"))).collect();
    assert_eq!(said, all);
    let inbox = device.inbox();
    assert_eq!(phases(&inbox)[100..], WHOLE);
    assert_eq!(kit.archived().len(), 1);
}

/// The effects that end a meeting: phases and steps of messages, and `deaf` for the end of listening.
fn ends(effects: &[Effect]) -> Vec<String> {
    let word = |effect: &Effect| match effect {
        Effect::Output(Output::Send(body)) => {
            let message: Value = serde_json::from_str(body).expect("JSON");
            Some(message["step"].as_str().or(message["phase"].as_str())?.to_owned())
        }
        Effect::Output(Output::Listen(ListenCommand::Stop)) => Some("deaf".to_owned()),
        Effect::Output(Output::Listen(ListenCommand::Start(_))) => Some("listening".to_owned()),
        _ => None,
    };
    effects.iter().filter_map(word).collect()
}

#[test]
fn a4_the_end_of_a_meeting_ends_the_listening() {
    let kit = Kit::build("meeting");
    for reason in [None, Some(EndReason::Requested), Some(EndReason::Switched), Some(EndReason::Removed)] {
        let kit = kit.afresh();
        let mut device = in_meeting(&kit);
        // The second and third meeting of a session end like the first.
        for round in 0..3 {
            device.hears("We launch in May.");
            device.effects();
            match reason {
                None => device.message(&finalize()),
                Some(reason) => device.end(reason),
            }
            let effects = device.effects();
            assert_eq!(ends(&effects)[..3], ["finalize", "deaf", "prepare"], "{reason:?}, {round}");
            // Later requests and ends do not stop listening again: it may have been started for something else.
            device.message(&finalize());
            if reason.is_none() {
                device.end(EndReason::Requested);
            }
            assert!(!ends(&device.effects()).contains(&"deaf".to_owned()), "{reason:?}, {round}");
            if reason == Some(EndReason::Removed) {
                break;
            }
            device.start(Some("meeting"));
        }
    }
}

#[test]
fn a4_a_meeting_that_heard_nothing_by_itself_stops_nobody_from_listening() {
    let kit = Kit::build("meeting");
    // Outside of the mode: the device talks to the default mode.
    let mut device = kit.device("dev-1");
    device.start(None);
    device.message(&snippet("We launch in May."));
    device.message(&finalize());
    let effects = ends(&device.effects());
    assert!(effects.contains(&"finalize".to_owned()) && !effects.contains(&"deaf".to_owned()), "{effects:?}");
    // The device is gone: the command would reach it at its return, when it may be listening for something else.
    let kit = kit.afresh();
    let mut device = in_meeting(&kit);
    device.message(&snippet("We launch in May."));
    device.leave();
    device.end(EndReason::Expired);
    let effects = ends(&device.effects());
    assert!(effects.contains(&"finalize".to_owned()) && !effects.contains(&"deaf".to_owned()), "{effects:?}");
}
