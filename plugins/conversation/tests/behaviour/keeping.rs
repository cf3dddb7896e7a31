//! C.7: the dialogue is stored for each device. Rule: it is saved after the answer, loaded when the device returns, and
//! removed on request.

use modehost_testkit::{EndReason, Failure, Kit, Part};
use serde_json::{Value, json};

use super::{chatting, heard, spoken, words};

const KEY: &str = "conversation/memory/dev-1";

fn kept(kit: &Kit) -> Value {
    serde_json::from_str(&kit.document(KEY).1.unwrap_or_else(|| "null".into())).expect("json")
}

fn users(kit: &Kit) -> Vec<String> {
    let turns = kept(kit)["turns"].as_array().cloned().unwrap_or_default();
    turns.iter().map(|turn| turn["user"].as_str().unwrap_or_default().to_owned()).collect()
}

fn turn(at: u64, user: &str) -> Value {
    json!({ "at": at, "user": user, "assistant": "ok" })
}

#[test]
fn c7_the_dialogue_is_there_when_the_device_returns() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    kit.answer_model("chat", "Nice to meet you, Ada.");
    device.hears("My name is Ada");
    assert_eq!(kit.document(KEY).0, 0, "the answer has not waited for the disk");
    device.advance(19);
    assert_eq!(kit.document(KEY).0, 0, "an alarm without delay expires after the least delay of the server");
    device.advance(1);
    assert_eq!(users(&kit), ["My name is Ada"]);

    let mut again = chatting(&kit);
    kit.answer_model("chat", "Ada.");
    again.hears("What is my name?");
    let asked = words(&kit.asked()[1]);
    assert_eq!(asked[1..], ["User: My name is Ada", "Assistant: Nice to meet you, Ada.", "User: What is my name?"]);
    let mut other = kit.device("dev-2");
    other.start(Some("chat"));
    kit.answer_model("chat", "I do not know.");
    other.hears("What is my name?");
    assert_eq!(words(&kit.asked()[2])[1..], ["User: What is my name?"], "other devices know nothing of it");
}

#[test]
fn c7_a_close_saves_what_is_not_saved_yet() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    device.hold();
    kit.answer_model_in_chunks("chat", &["Well. Once upon ", "a time."]);
    device.hears("Tell me a story");
    while spoken(&device.effects()) != ["Well.…"] {
        assert!(device.step(), "the first sentence comes");
    }
    device.end(EndReason::Expired);
    device.settle();
    assert_eq!(kept(&kit)["turns"][0]["assistant"], "Well.");
    assert_eq!(heard(&mut device), ["#"]);
    device.advance(100_000);
    assert!(device.effects().is_empty(), "nothing runs on behind the end");
}

#[test]
fn c7_a_slow_store_does_not_hold_up_the_answer() {
    let kit = Kit::build("conversation");
    kit.put_document(KEY, &json!({ "turns": [turn(1, "My name is Ada")] }).to_string());
    kit.answer_model("chat", "Hello.");
    let mut device = chatting(&kit);
    device.hold();
    device.hears("Hello?");
    // The read of the document is pending; the turn continues without it.
    device.advance(1_500);
    assert_eq!(words(&kit.asked()[0])[1..], ["User: Hello?"]);
    device.settle();
    device.advance(20);
    device.settle();
    assert_eq!(heard(&mut device), ["#", "Hello."]);
    assert_eq!(users(&kit), ["My name is Ada", "Hello?"], "what came late is not lost");
}

#[test]
fn c7_what_another_has_written_is_merged() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    kit.answer_model("chat", "One.");
    device.hears("first");
    kit.put_document(KEY, &json!({ "summary": "likes tea", "turns": [turn(5, "from elsewhere")] }).to_string());
    device.advance(20);
    assert_eq!(users(&kit), ["from elsewhere", "first"]);
    assert_eq!(kept(&kit)["summary"], "likes tea");
}

#[test]
fn c7_damaged_memory_is_no_harm() {
    let kit = Kit::build("conversation");
    for (index, damaged) in
        ["[]", "{\"turns\":7}", "\"x\"", r#"{"turns":[{"at":-1},null],"summary":{}}"#].iter().enumerate()
    {
        let kit = kit.afresh();
        kit.put_document(KEY, damaged);
        kit.answer_model("chat", "Hello.");
        let mut device = chatting(&kit);
        device.hears("Hello?");
        device.advance(20);
        assert_eq!(heard(&mut device), ["#", "Hello."], "{index}");
        assert_eq!(users(&kit), ["Hello?"], "{index}");
    }
}

#[test]
fn c7_memory_is_bounded_and_what_falls_out_is_summed_up() {
    let kit = Kit::configured("conversation", r#"{"memory_turns":3}"#);
    let mut device = chatting(&kit);
    kit.answer_model("memory", "The user counts.");
    for count in 0..20 {
        kit.answer_model("chat", "ok");
        device.hears(&format!("number {count}"));
        device.advance(20);
    }
    let asked = kit.asked();
    let (folds, chats): (Vec<_>, Vec<_>) = asked.iter().partition(|question| question.purpose == "memory");
    assert!(words(folds[0])[1].contains("User: number 0"), "{:?}", words(folds[0]));
    assert!(folds.len() < 12, "not every turn is summed up by itself: {}", folds.len());
    assert!(chats.iter().all(|chat| chat.messages.len() <= 2 + 2 * 3), "the model is told a bounded dialogue");
    assert!(words(chats[19])[0].contains("The user counts."));
    assert!(users(&kit).len() <= 3 && users(&kit).last().is_some_and(|last| last == "number 19"), "{:?}", users(&kit));
    assert_eq!(kept(&kit)["summary"], "The user counts.");
}

#[test]
fn c7_the_dialogue_is_forgotten_when_the_user_says_so() {
    let kit = Kit::build("conversation");
    for (said, done) in [
        ("忘掉我们的对话", "好的，我们说过的话我都忘了。"),
        ("Please forget our conversation.", "All right, I have forgotten what we talked about."),
    ] {
        let kit = kit.afresh();
        let mut device = chatting(&kit);
        kit.answer_model("chat", "ok");
        device.hears("my secret");
        device.advance(20);
        assert_eq!(users(&kit), ["my secret"]);
        device.effects();
        device.hears(said);
        assert_eq!(heard(&mut device), ["#", done]);
        assert_eq!(kit.document(KEY).1, None);
        kit.answer_model("chat", "ok");
        device.hears("what did I say?");
        device.advance(20);
        assert_eq!(words(&kit.asked()[1])[1..], ["User: what did I say?"]);
        assert_eq!(users(&kit), ["what did I say?"]);
    }
    // Without the grant, nothing is stored.
    let without = kit.afresh();
    without.fail(Part::Documents, Failure::Denied, 9);
    let mut device = chatting(&without);
    device.hears("forget our conversation");
    assert!(heard(&mut device)[1].starts_with("All right"));
    // Also as the first utterance of a session; a failure is admitted.
    let kit = kit.afresh();
    kit.put_document(KEY, &json!({ "turns": [turn(1, "old")] }).to_string());
    let mut device = chatting(&kit);
    for fails in [1, 1, 0] {
        kit.fail(Part::Documents, Failure::Unavailable, fails);
        device.hears("forget our conversation");
        let said = heard(&mut device);
        let honest = if fails == 0 { "All right, I have forgotten" } else { "Sorry, the storage is not available" };
        assert!(said[1].starts_with(honest), "{said:?}");
        assert_eq!(kit.document(KEY).1.is_none(), fails == 0);
    }
}

#[test]
fn c7_what_is_forgotten_during_a_save_stays_forgotten() {
    let kit = Kit::build("conversation");
    // The save succeeds, meets a change by another session, fails, or is interrupted by a restart.
    for outcome in ["written", "conflict", "failure", "restart"] {
        let kit = kit.afresh();
        let mut device = chatting(&kit);
        device.hold();
        kit.answer_model("chat", "ok");
        device.hears("my secret");
        device.settle();
        match outcome {
            "conflict" => kit.put_document(KEY, &json!({ "turns": [turn(5, "from elsewhere")] }).to_string()),
            "failure" => kit.fail_documents(Failure::Unavailable, 1),
            _ => {}
        }
        device.advance(20);
        device.effects();
        device.hears("forget our conversation");
        if outcome == "restart" {
            device.restart();
        }
        device.settle();
        device.advance(60_000);
        device.settle();
        assert_eq!(heard(&mut device), ["#", "All right, I have forgotten what we talked about."], "{outcome}");
        assert_eq!(kit.document(KEY), (0, None), "{outcome}");
    }
}

#[test]
fn c7_the_first_save_behind_a_removal_succeeds_at_once() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    kit.answer_model("chat", "ok");
    device.hears("my secret");
    device.advance(20);
    device.hears("forget our conversation");
    device.hold();
    kit.answer_model("chat", "ok");
    device.hears("hello again");
    device.settle();
    device.advance(20);
    assert_eq!(users(&kit), ["hello again"], "without a conflict first");
}

#[test]
fn c7_a_device_without_an_id_of_its_own_leaves_nothing_behind() {
    let kit = Kit::build("conversation");
    let mut device = kit.device("auto-12345678");
    device.start(Some("chat"));
    for said in ["my name is Ada", "what is my name"] {
        kit.answer_model("chat", "ok");
        device.hears(said);
        device.advance(20);
    }
    assert_eq!(words(&kit.asked()[1])[1..], ["User: my name is Ada", "Assistant: ok", "User: what is my name"]);
    device.effects();
    device.hears("forget our conversation");
    assert!(heard(&mut device)[1].starts_with("All right"));
    device.end(EndReason::Expired);
    assert_eq!(kit.document("conversation/memory/auto-12345678").0, 0);
}
