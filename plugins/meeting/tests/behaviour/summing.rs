//! M.6 to M.8: from the transcript to summary, archive and webhook. Rule: the test decides the outcome of each request.

use modehost_testkit::{Effect, EndReason, Event, Failure, Kit, Part, Query, TestDevice};
use serde_json::{Value, json};

use crate::{ANSWER, WHOLE, finalize, in_meeting, phases, snippet, summaries};

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
    for reason in [Failure::Unavailable, Failure::TimedOut, Failure::Rejected] {
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
fn m6_a_journal_that_cannot_be_read_is_read_again_with_the_next_segment() {
    let kit = Kit::configured("meeting", r#"{"summary_transcript_max_chars":500,"checkpoint_chars":500}"#);
    for reason in [Failure::Unavailable, Failure::Interrupted] {
        let kit = kit.afresh();
        let mut device = in_meeting(&kit);
        device.hold();
        for number in 0..40 {
            device.message(&snippet(&format!("Remark number {number} about the roadmap.")));
        }
        let reading = reads(&mut device);
        assert_eq!(reading.len(), 1, "{reason:?}");
        device.tell(Event::RequestFailed { request: reading[0], reason, message: "no disk".into() });
        let again = reads(&mut device);
        if reason == Failure::Interrupted {
            assert_eq!(again.len(), 1, "nobody knows whether it can be read");
            continue;
        }
        assert_eq!(again.len(), 0, "it would fail again at once, and so for ever");
        device.message(&snippet("And on."));
        assert_eq!(reads(&mut device).len(), 1);
    }
}

/// Request ids of the journal reads since the last call.
fn reads(device: &mut TestDevice) -> Vec<u64> {
    let request = |effect: &Effect| match effect {
        Effect::Query(Query::ReadJournal { request, .. }) => Some(*request),
        _ => None,
    };
    device.effects().iter().filter_map(request).collect()
}

#[test]
fn m7_the_archive_has_the_summary_and_all_words() {
    let kit = Kit::configured("meeting", r#"{"keep":7,"utc_offset_minutes":0}"#);
    kit.answer_model("summary", ANSWER);
    let mut device = in_meeting(&kit);
    device.message(&json!({"type": "meeting", "phase": "snippet", "items": [{"tag": "Ann", "text": "May it is"}]}));
    device.advance(90_000);
    device.end(EndReason::Requested);
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
    device.end(EndReason::Requested);
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
            kit.fail(Part::Hooks, Failure::Rejected, 1);
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
fn a_meeting_in_which_nothing_was_said_is_summed_up_and_not_kept() {
    let kit = Kit::build("meeting");
    let mut device = in_meeting(&kit);
    device.end(EndReason::Requested);
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
    device.end(EndReason::Expired);
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
fn m7_only_its_own_failures_count_against_a_write() {
    // The delivery and the webhook have outcomes of their own while the archive waits.
    let kit = Kit::configured("meeting", r#"{"webhook":"crm"}"#);
    for failures in 1..=6 {
        let kit = kit.afresh();
        kit.answer_model("summary", ANSWER);
        let mut device = in_meeting(&kit);
        device.message(&snippet("We launch in May."));
        kit.fail(Part::Archives, Failure::Unavailable, failures);
        device.message(&finalize());
        assert_eq!((kit.archived().len(), kit.posted().len()), (0, 1));
        // Pauses of 5 s, 15 s, 45 s and so on.
        let pauses = (0..u32::try_from(failures).expect("a few")).map(|tried| 5_000 * 3_u64.pow(tried));
        device.advance(pauses.sum());
        assert_eq!(kit.archived().len(), 1, "after {failures} failures");
    }
}

#[test]
fn m7_the_retry_of_one_meeting_does_not_delay_that_of_another() {
    let kit = Kit::build("meeting");
    let mut device = kit.device("dev-1");
    let mut meet = |failures, after_ms| {
        kit.answer_model("summary", ANSWER);
        device.start(Some("meeting"));
        device.message(&snippet("We launch in May."));
        kit.fail(Part::Archives, Failure::Unavailable, failures);
        device.end(EndReason::Requested);
        device.advance(after_ms);
    };
    // The second one fails just before the retry of the first one.
    meet(1, 4_000);
    meet(1, 1_000);
    assert_eq!(kit.archived().len(), 1, "that of the first meeting");
    device.advance(4_000);
    assert_eq!(kit.archived().len(), 2);
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
fn m5_what_may_have_been_delivered_is_a_copy_at_removal() {
    let kit = Kit::build("meeting");
    kit.answer_model("summary", ANSWER);
    let mut device = in_meeting(&kit);
    device.message(&snippet("We launch in May."));
    device.hold();
    kit.fail(Part::Archives, Failure::Unavailable, 1);
    device.message(&finalize());
    let mut inbox = device.inbox();
    while summaries(&inbox).is_empty() {
        assert!(device.step(), "no summary: {inbox:?}");
        inbox.extend(device.inbox());
    }
    // The archive is tried again while nobody knows yet whether the device has got the summary; then the process dies.
    device.advance(5_000);
    device.restart();
    assert!(device.step(), "the delivery was interrupted");
    device.end(EndReason::Removed);
    inbox.extend(device.inbox());
    let marks: Vec<Value> = summaries(&inbox).into_iter().map(|summary| summary["idempotent"].clone()).collect();
    assert_eq!(marks, [false, true]);
}

#[test]
fn removal_before_the_last_summary_is_read_keeps_what_was_said() {
    // So few events go into one list of effects as they are; more are joined.
    for count in [3, 400] {
        let kit = Kit::build("meeting");
        let mut device = kit.device("dev-1");
        device.hold();
        device.start(Some("meeting"));
        for number in 0..count {
            device.hears(&format!("We launch number {number} in May."));
        }
        let title = json!({"type": "meeting", "phase": "snippet", "title": "Launch",
            "items": [{"tag": "Ann", "text": "That was all."}]});
        device.message(&title);
        device.says_draft("Goodbye");
        device.end(EndReason::Removed);
        let inbox = device.inbox();
        assert_eq!(summaries(&inbox).len(), 1, "{count}: {:?}", phases(&inbox));
        assert_eq!(summaries(&inbox)[0]["title"], "Launch");
        let archived = kit.archived();
        assert_eq!(archived.len(), 1, "{count}");
        for number in 0..count {
            assert!(archived[0].content.contains(&format!("We launch number {number} in May.")), "{count}: {number}");
        }
        for said in ["That was all.", "Goodbye", "Ann"] {
            assert!(archived[0].content.contains(said), "{count}: {said}");
        }
    }
}

#[test]
fn m5_the_last_summary_is_never_replaced_by_an_older_one() {
    let kit = Kit::build("meeting");
    // The document cannot be read when a meeting begins, late on one day and early on the next.
    for (topic, pause_ms) in [("Monday", 16 * 60 * 60 * 1_000), ("Tuesday", 0)] {
        kit.fail_documents(Failure::Unavailable, 1);
        kit.fail_model("summary", Failure::Unavailable);
        let mut device = in_meeting(&kit);
        device.message(&json!({"type": "meeting", "phase": "snippet", "text": "It was said.", "title": topic}));
        device.message(&finalize());
        device.advance(pause_ms);
        assert_eq!(summaries(&device.inbox()).len(), 1);
    }
    let mut device = kit.device("dev-1");
    device.message(&json!({"type": "meeting", "phase": "summary"}));
    assert_eq!(summaries(&device.inbox())[0]["title"], "Tuesday");
    assert_eq!(kit.archived().len(), 2);
}
