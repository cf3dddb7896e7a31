//! The rows M.3 to M.8 and what belongs to them, against the real component. Rule: each test names
//! its row and would fail without it.

use modehost_testkit::{Effect, EndReason, Failure, Kit, Part, TestDevice};
use serde_json::{Value, json};

const ANSWER: &str = r#"{"title":"Launch","bullets":["The launch moves to May"],"decisions":["Launch in May"],
    "actions":[{"text":"Tell the customers","owner":"Ann","due":"Friday"}]}"#;

fn in_meeting(kit: &Kit) -> TestDevice {
    let mut device = kit.device("dev-1");
    device.start(Some("meeting"));
    device
}

fn finalize() -> Value {
    json!({"type": "meeting", "phase": "finalize"})
}

fn snippet(text: &str) -> Value {
    json!({"type": "meeting", "phase": "snippet", "text": text})
}

/// Phases and steps in the order in which the device saw them.
fn phases(inbox: &[Value]) -> Vec<String> {
    let word = |message: &Value| {
        let kind = message["type"].as_str().unwrap_or_default();
        match (kind, message["phase"].as_str(), message["step"].as_str()) {
            (_, Some("progress"), Some(step)) => step.to_owned(),
            (_, Some("summary"), _) if message["idempotent"] == true => "copy".to_owned(),
            (_, Some(phase), _) => phase.to_owned(),
            _ => message["code"].as_str().unwrap_or(kind).to_owned(),
        }
    };
    inbox.iter().map(word).collect()
}

fn summaries(inbox: &[Value]) -> Vec<Value> {
    inbox.iter().filter(|message| message["phase"] == "summary").cloned().collect()
}

const WHOLE: [&str; 6] = ["finalize", "prepare", "llm_start", "llm_done", "done", "summary"];

#[test]
fn m3_segments_are_kept_before_they_are_shown() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    device.effects();
    device.hears("大家好，我们开始");
    let effects = device.effects();
    let place = |wanted: fn(&Effect) -> bool| effects.iter().position(wanted);
    let kept = place(|effect| matches!(effect, Effect::AppendJournal { .. })).expect("an append");
    assert!(kept < place(|effect| matches!(effect, Effect::Send(_))).expect("a snippet"));

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
    // Nothing is said, so nothing wakes it: no timer runs at all.
    device.effects();
    device.advance(3_600_000);
    assert_eq!((device.effects().len(), device.inbox().len()), (0, 0));
    // The next push stands on the same clock as if it had gone on: at the next whole interval.
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
    // What is still a draft when the meeting ends was shown, so it is part of it.
    device.says_draft("and one more thing");
    device.message(&finalize());
    assert_eq!(kit.journal("meeting/session-dev-1").len(), 3);
    assert!(kit.archived()[0].content.contains("one more thing"));
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
            device.end(EndReason::Asked)
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
    device.end(EndReason::Asked);
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
fn m5_a_new_handler_knows_the_summary() {
    let kit = Kit::build("meeting");
    kit.answer_model("summary", ANSWER);
    let mut device = in_meeting(&kit);
    device.message(&snippet("We launch in May."));
    device.end(EndReason::Gone);
    assert_eq!(phases(&device.inbox())[1..], WHOLE);
    // Another session, another instance; the device is the same.
    let mut device = kit.device("dev-1");
    device.message(&finalize());
    device.message(&json!({"type": "meeting", "event": "summary"}));
    let inbox = device.inbox();
    assert_eq!(phases(&inbox), ["copy", "copy"]);
    assert_eq!(inbox[0]["title"], "Launch");
    // A snippet right behind the summary is late, whoever takes it.
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
fn m6_rubbish_gives_a_valid_summary_without_bullets() {
    for rubbish in ["no idea what you mean", "{\"bullets\": [\"cut", "{\"weather\":\"fine\"}"] {
        let kit = Kit::build("meeting");
        kit.answer_model("summary", rubbish);
        let mut device = in_meeting(&kit);
        device.message(&snippet("The billing service loses payments under load."));
        device.message(&finalize());
        let summary = summaries(&device.inbox()).remove(0);
        assert_eq!((&summary["bullets"], &summary["degraded"]), (&json!([]), &json!(true)), "{rubbish}");
        assert_eq!(summary["title"], "The billing service loses payments under load");
        assert_eq!(kit.archived().len(), 1);
    }
}

#[test]
fn m6_what_the_models_are_asked() {
    let kit = Kit::configured("meeting", r#"{"summary_transcript_max_chars":500,"checkpoint_chars":600}"#);
    kit.answer_model("checkpoint", r#"{"bullets":["The early topic was the budget"],"decisions":[],"actions":[]}"#);
    kit.answer_model("summary", ANSWER);
    let mut device = in_meeting(&kit);
    for number in 0..40 {
        device.message(&snippet(&format!("Remark number {number} about the roadmap.")));
    }
    assert_eq!(kit.asked().len(), 1, "one checkpoint while the meeting runs");
    device.message(&json!({"type": "meeting", "phase": "finalize", "title": "Roadmap"}));
    let asked = kit.asked();
    let purposes: Vec<_> = asked.iter().map(|ask| (ask.purpose.as_str(), ask.max_tokens, ask.json)).collect();
    assert_eq!(purposes, [("checkpoint", 400, true), ("checkpoint", 400, true), ("summary", 800, true)][..].to_vec());
    let question = &asked[2].messages[1].content;
    assert!(question.contains("The early topic was the budget") && question.contains("Title: Roadmap"), "{question}");
    let words = question.split("<transcript>").nth(1).expect("the transcript");
    assert!(words.contains("number 39") && !words.contains("number 9 "), "{words}");
    assert!(words.chars().count() <= 500 + 40, "{}", words.chars().count());
    assert_eq!(summaries(&device.inbox())[0]["title"], "Roadmap");
}

#[test]
fn m6_l4_without_a_model_the_summary_is_made_by_rules() {
    let kit = Kit::build("meeting");
    for reason in [Failure::Unavailable, Failure::TimedOut, Failure::Refused] {
        let kit = kit.afresh();
        kit.fail_model("summary", reason);
        let mut device = in_meeting(&kit);
        let said = [
            ("Ann", "The billing service loses payments under load."),
            ("Bob", "Payments need a queue, we lost 200 payments last week."),
            ("Ann", "We decided to add a queue in front of the billing service."),
            ("Ann", "Bob will write the design by Friday."),
        ];
        for (tag, text) in said {
            device.message(&json!({"type": "meeting", "phase": "snippet", "items": [{"tag": tag, "text": text}]}));
        }
        device.message(&finalize());
        let summary = summaries(&device.inbox()).remove(0);
        assert_eq!(summary["degraded"], true);
        assert_eq!(summary["decisions"], json!(["We decided to add a queue in front of the billing service"]));
        let action = json!([{"text": "Bob will write the design by Friday", "owner": "Bob", "due": "by Friday"}]);
        assert_eq!(summary["actions"], action);
        assert!(summary["bullets"].as_array().is_some_and(|bullets| !bullets.is_empty()), "{summary}");
    }
}

#[test]
fn m7_the_archive_has_the_summary_and_all_words() {
    let kit = Kit::configured("meeting", r#"{"keep":7,"utc_offset_minutes":0}"#);
    kit.answer_model("summary", ANSWER);
    let mut device = in_meeting(&kit);
    device.message(&json!({"type": "meeting", "phase": "snippet", "items": [{"tag": "Ann", "text": "May it is"}]}));
    device.advance(90_000);
    device.end(EndReason::Asked);
    let archived = kit.archived();
    let [entry] = archived.as_slice() else { panic!("{archived:?}") };
    assert_eq!((entry.kind.as_str(), entry.id.as_str(), entry.keep), ("meetings", "session-dev-1", 7));
    let content: Value = serde_json::from_str(&entry.content).expect("JSON");
    assert_eq!(
        (&content["title"], &content["duration"], &content["device"]),
        (&json!("Launch"), &json!(90), &json!("dev-1"))
    );
    assert_eq!(content["transcript"].as_array().map(Vec::len), Some(1), "{content}");
    assert_eq!(
        content["ended"].as_u64().zip(content["started"].as_u64()).map(|(end, start)| end - start),
        Some(90_000)
    );
    assert!(entry.text.contains("- [ ] Tell the customers — Ann (Friday)"), "{}", entry.text);
    assert!(entry.text.contains("- 08:53:20 Ann May it is"), "{}", entry.text);
}

#[test]
fn m7_nothing_of_a_finished_meeting_stays_in_memory() {
    let kit = Kit::build("meeting");
    kit.answer_model("summary", ANSWER);
    let mut device = in_meeting(&kit);
    let empty = device.snapshot().state.len();
    device.message(&snippet(&"words ".repeat(500)));
    device.end(EndReason::Asked);
    let left = device.snapshot().state.len();
    assert!(left < empty, "{left} bytes are left of {empty}: {}", String::from_utf8_lossy(&device.snapshot().state));
}

#[test]
fn m8_the_webhook_comes_last_and_touches_nothing() {
    let kit = Kit::configured("meeting", r#"{"webhook":"crm"}"#);
    for failing in [false, true] {
        let kit = kit.afresh();
        kit.answer_model("summary", ANSWER);
        if failing {
            kit.fail(Part::Hooks, Failure::Refused, 1);
        }
        let mut device = in_meeting(&kit);
        device.message(&snippet("We launch in May."));
        device.message(&finalize());
        assert_eq!(phases(&device.inbox())[1..], WHOLE);
        assert_eq!(kit.archived().len(), 1);
        let posted = kit.posted();
        if failing {
            assert_eq!(posted.len(), 0);
            continue;
        }
        assert_eq!((posted[0].hook.as_str(), posted[0].sender.as_str()), ("crm", "Meeting"));
        let body: Value = serde_json::from_str(&posted[0].body).expect("JSON");
        assert_eq!((&body["event"], &body["title"]), (&json!("meeting.finalized"), &json!("Launch")));
        assert_eq!(body["transcript"][0]["text"], "We launch in May.");
    }
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
        device.end(EndReason::Asked);
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
    device.end(EndReason::Asked);
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
fn a_meeting_in_which_nothing_was_said_is_summed_up_and_not_kept() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    device.end(EndReason::Asked);
    let inbox = device.inbox();
    assert_eq!(phases(&inbox), WHOLE);
    assert_eq!(
        (&inbox[5]["title"], &inbox[5]["bullets"], &inbox[5]["degraded"]),
        (&json!("会议"), &json!([]), &json!(false))
    );
    assert_eq!((kit.archived().len(), kit.asked().len(), kit.journal_names().len()), (0, 0, 0));
}

#[test]
fn a_device_that_is_away_finds_the_summary_on_its_return() {
    let kit = Kit::build("meeting");
    kit.answer_model("summary", ANSWER);
    let mut device = in_meeting(&kit);
    device.message(&snippet("We launch in May."));
    device.inbox();
    device.leave();
    device.end(EndReason::Gone);
    assert!(summaries(&device.inbox()).is_empty());
    device.come_back();
    let got = summaries(&device.inbox());
    assert_eq!((got.len(), &got[0]["idempotent"]), (1, &json!(false)));
}

#[test]
fn a_full_storage_delays_the_archive_and_not_the_summary() {
    let kit = Kit::build("meeting");
    kit.answer_model("summary", ANSWER);
    let mut device = in_meeting(&kit);
    device.message(&snippet("We launch in May."));
    kit.fail(Part::Archives, Failure::Unavailable, 2);
    device.message(&finalize());
    assert_eq!(summaries(&device.inbox()).len(), 1);
    assert_eq!(kit.archived().len(), 0);
    device.advance(60_000);
    assert_eq!(kit.archived().len(), 1);
    assert!(summaries(&device.inbox()).is_empty());
}

#[test]
fn removal_by_the_operator_keeps_what_was_said() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    device.message(&snippet("We launch in May."));
    device.hold();
    device.end(EndReason::Removed);
    let inbox = device.inbox();
    assert_eq!(phases(&inbox)[1..], WHOLE);
    assert_eq!(inbox[6]["degraded"], true);
    assert!(kit.archived()[0].content.contains("We launch in May."));
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
        device.advance(0);
        device.settle();
    }
    let said: Vec<_> = kit.journal("meeting/session-dev-1").iter().map(|entry| entry["text"].clone()).collect();
    let all: Vec<_> = (1..=100).map(|number| json!(format!("Snippet {number}"))).collect();
    assert_eq!(said, all);
    let inbox = device.inbox();
    assert_eq!(phases(&inbox)[100..], WHOLE);
    assert_eq!(kit.archived().len(), 1);
}
