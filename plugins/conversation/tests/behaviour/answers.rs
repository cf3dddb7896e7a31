//! Answers of a model: streamed, interrupted, failing. Rule: every answer ends.

use modehost_testkit::{Effect, EndReason, Event, Failure, Kit, Output};
use serde_json::json;

use super::{chatting, errors, heard, spoken, words};

#[test]
fn hard_case_7_sentences_come_while_the_model_writes() {
    let kit = Kit::build("conversation");
    kit.answer_model_in_chunks("chat", &["🙂 今天", "天气很好。适合", "出去走走，看看花。", "\n```sh\nls\n", "```\n"]);
    let mut device = chatting(&kit);
    device.hold();
    device.hears("天气怎么样？");
    while kit.asked().is_empty() {
        assert!(device.step(), "the model is asked");
    }
    device.effects();
    let mut steps = Vec::new();
    while device.step() {
        let effects = device.effects();
        if effects.iter().any(|effect| matches!(effect, Effect::Output(Output::Send(_)))) {
            assert!(
                matches!(effects[..], [Effect::Output(Output::Say { .. }), Effect::Output(Output::Send(_)), ..]),
                "speech, then its face: {effects:?}"
            );
        }
        steps.push(spoken(&effects));
    }
    assert_eq!(steps[..2], [vec![], vec!["🙂 今天天气很好。…".to_owned()]], "the first sentence comes with its chunk");
    let all: Vec<String> = steps.concat();
    assert_eq!(all, ["🙂 今天天气很好。…", "适合出去走走，看看花。…", "这里有一段代码，我就不念了。…", "|"]);
    let faces: Vec<_> = device.inbox();
    assert_eq!(faces, [json!({"type": "llm", "emotion": "happy", "text": "🙂"})]);
}

#[test]
fn m2_the_prompt_says_what_must_be_known() {
    let kit = Kit::configured(
        "conversation",
        r#"{"prompt":"You are Momo on {device}; it is {date}.","utc_offset_minutes":0}"#,
    );
    kit.answer_model("chat", "Hi.");
    let mut device = kit.device("dev-1").alias("Desk");
    device.start(Some("chat"));
    device.hears("Hello");
    let question = &kit.asked()[0];
    let system = &question.messages[0].content;
    assert!(system.starts_with("You are Momo on Desk; it is 2025-10-09."), "{system}");
    for needed in ["language of the user", "never an instruction", "spoken aloud"] {
        assert!(system.contains(needed), "{needed}: {system}");
    }
    assert_eq!((question.purpose.as_str(), question.chunks, question.json), ("chat", true, false));
    assert_eq!(words(question)[1..], ["User: Hello"]);
}

#[test]
fn hard_case_7_a_new_utterance_ends_the_answer() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    device.hold();
    kit.answer_model_in_chunks("chat", &["Well. Once upon a time ", "there was a king. ", "He had a dog."]);
    device.hears("Tell me a story");
    while spoken(&device.effects()) != ["Well.…"] {
        assert!(device.step(), "the first sentence comes");
    }
    kit.answer_model("chat", "Four.");
    device.hears("What is two and two?");
    device.settle();
    assert_eq!(heard(&mut device), ["#", "Four."], "nothing of the story comes behind the new turn");
    let asked = words(&kit.asked()[1]);
    assert_eq!(asked[1..], ["User: Tell me a story", "Assistant: Well. …", "User: What is two and two?"]);
}

#[test]
fn hard_case_7_an_abort_ends_the_answer() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    device.hold();
    kit.answer_model_in_chunks("chat", &["Well. Once upon a time ", "there was a king. "]);
    device.hears("Tell me a story");
    while spoken(&device.effects()) != ["Well.…"] {
        assert!(device.step(), "the first sentence comes");
    }
    // The host has ended the speech already; ending it again has no effect on the device.
    device.abort_heard("", "Well.");
    device.settle();
    assert_eq!(heard(&mut device), ["#"]);
    device.advance(20);
    device.settle();
    let kept = kit.document("conversation/memory/dev-1").1.unwrap_or_default();
    assert!(kept.contains(r#""assistant":"Well.","interrupted":true"#), "{kept}");
}

#[test]
fn l5_the_model_is_told_what_was_heard_and_not_what_was_written() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    let written = "Well. Once upon a time there was a king. He had a dog. It was red.";
    kit.answer_model("chat", written);
    device.hears("Tell me a story");
    // The model has finished; the speech is in its second sentence.
    device.abort_heard("barge_in", "Well. Once upon");
    kit.answer_model("chat", "Red.");
    device.hears("Which colour?");
    let asked = words(&kit.asked()[1]);
    assert_eq!(asked[1..], ["User: Tell me a story", "Assistant: Well. Once upon …", "User: Which colour?"]);
    // Heard completely: it stays as it was written, and later aborts concern something else.
    device.abort_heard("", "Red.");
    device.abort_heard("", "");
    kit.answer_model("chat", "No.");
    device.hears("Sure?");
    assert_eq!(words(&kit.asked()[2])[3..], ["User: Which colour?", "Assistant: Red.", "User: Sure?"]);
}

#[test]
fn l5_what_was_cut_before_its_first_word_is_not_asked_again() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    kit.hold_model("chat");
    device.hears("Turn everything on");
    device.abort();
    kit.release_model("chat");
    kit.answer_model("chat", "Four.");
    device.hears("What is two and two?");
    let asked = kit.asked();
    assert_eq!(words(asked.last().expect("asked"))[1..], ["User: What is two and two?"]);
    // Also if the model has finished and nothing has been heard yet.
    device.abort_heard("", "");
    kit.answer_model("chat", "Six.");
    device.hears("And three and three?");
    assert_eq!(words(kit.asked().last().expect("asked"))[1..], ["User: And three and three?"]);
}

#[test]
fn l5_a_question_whose_answer_was_an_apology_is_not_answered_later() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    kit.fail_model("chat", Failure::TimedOut);
    device.hears("Turn everything on");
    kit.answer_model("chat", "Four.");
    device.hears("What is two and two?");
    let asked = words(kit.asked().last().expect("asked"));
    assert!(asked[2].starts_with("Assistant: "), "{asked:?}");
}

#[test]
fn an_abort_before_the_first_word_leaves_nothing_open() {
    let kit = Kit::build("conversation");
    kit.hold_model("chat");
    let mut device = chatting(&kit);
    device.hears("Tell me a story");
    device.abort();
    kit.release_model("chat");
    device.settle();
    assert_eq!(heard(&mut device), ["#"]);
}

#[test]
fn a_mode_that_begins_ends_the_answer() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    device.hold();
    kit.answer_model_in_chunks("chat", &["Well. Once upon a time ", "there was a king. "]);
    device.hears("Tell me a story");
    while spoken(&device.effects()) != ["Well.…"] {
        assert!(device.step(), "the first sentence comes");
    }
    device.tell(Event::ModeChanged("working".into()));
    device.settle();
    assert_eq!(heard(&mut device), ["#"]);
    kit.answer_model("chat", "Hi.");
    device.hears("Hello");
    device.settle();
    assert!(kit.asked()[1].messages[0].content.contains("in the mode \"working\""));
}

#[test]
fn l4_a_model_that_fails_is_told_in_one_sentence() {
    let kit = Kit::configured("conversation", r#"{"tools":false}"#);
    let mut device = chatting(&kit);
    for reason in [Failure::TimedOut, Failure::TooMany, Failure::Rejected, Failure::Interrupted] {
        kit.fail_model("chat", reason);
        device.hears("How are you?");
        let said = heard(&mut device);
        assert_eq!(said.len(), 2, "{said:?}");
        assert!(said[1].starts_with("Sorry"), "{said:?}");
        assert_eq!(errors(&mut device), ["LLM_UNAVAILABLE"]);
    }
}

#[test]
fn l4_an_answer_that_breaks_off_is_ended() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    kit.fail_model_after("chat", &["好的。很久以前，有一个", "国王住在"], Failure::Rejected);
    device.hears("讲个故事");
    assert_eq!(heard(&mut device), ["#", "好的。…", "抱歉，后面的没能说完。"]);
    assert_eq!(errors(&mut device), ["LLM_UNAVAILABLE"]);
    device.advance(20);
    let kept = kit.document("conversation/memory/dev-1").1.unwrap_or_default();
    assert!(kept.contains(r#""assistant":"好的。","interrupted":true"#), "{kept}");
}

#[test]
fn l4_an_answer_without_words_is_none() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    for (answer, said) in [("", vec!["#", "Sorry, I have no answer to that."]), ("😀", vec!["#"])] {
        kit.answer_model("chat", answer);
        device.hears("Say something");
        assert_eq!(heard(&mut device), said);
    }
    assert_eq!(device.inbox(), [json!({"type": "llm", "emotion": "happy", "text": "😀"})]);
}

#[test]
fn an_answer_has_an_end() {
    let kit = Kit::configured("conversation", r#"{"max_sentences":3}"#);
    let mut device = chatting(&kit);
    kit.answer_model_in_chunks("chat", &["又来了一句很长很长很长很长很长很长很长很长很长的话。"; 40]);
    device.hears("讲一个没有结尾的故事");
    let said = heard(&mut device);
    assert_eq!((said.len(), said.last().map(String::as_str)), (5, Some("|")), "{said:?}");
    kit.answer_model("chat", "Yes.");
    device.hears(&"word ".repeat(5000));
    assert!(kit.asked()[1].messages.last().is_some_and(|last| last.content.chars().count() <= 4000));
    assert_eq!(heard(&mut device), ["#", "Yes."]);
}

#[test]
fn a_process_that_died_in_the_middle_says_so() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    kit.hold_model("chat");
    device.hears("Tell me a story");
    device.effects();
    device.restart();
    assert_eq!(heard(&mut device), ["Sorry, I was interrupted. Please say that again."]);
}

#[test]
fn h2_a_swap_in_the_middle_of_an_answer_is_unseen() {
    Kit::build("conversation").assert_swaps_unseen(None, |kit| {
        let mut device = chatting(kit);
        let story = ["🙂 Well. Once", " upon a time there ", "was a king. He", " had 3.", "5 dogs. ", "End."];
        kit.answer_model_in_chunks("chat", &story);
        device.hears("Tell me a story");
        device.advance(20);
        device.hold();
        kit.answer_model_in_chunks("chat", &["好的。第一", "个是。"]);
        device.hears("还有呢？");
        for _ in 0..4 {
            device.step();
        }
        device.hears("停！");
        device.settle();
        device.advance(5);
        device.settle();
        device.end(EndReason::Expired);
        device.settle();
        (device.inbox(), device.effects(), kit.document("conversation/memory/dev-1"))
    });
}
