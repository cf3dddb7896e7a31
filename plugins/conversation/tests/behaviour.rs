//! The default mode on the real component. Rule: each test names its requirement and fails without it; every speech
//! output is ended.

#[path = "behaviour/answers.rs"]
mod answers;
#[path = "behaviour/commands.rs"]
mod commands;
#[path = "behaviour/keeping.rs"]
mod keeping;
#[path = "behaviour/modes.rs"]
mod modes;
#[path = "behaviour/tools.rs"]
mod tools;

use modehost_sdk::{Mode, ModeOffer};
use modehost_testkit::{Effect, Failure, Kit, ModeInfo, Output, TestDevice};
use serde_json::Value;

/// The modes that come with the server, as they offer themselves.
fn bundled() -> Vec<ModeInfo> {
    let described = [coding::Coding::describe(), meeting::Meeting::describe(), working::Working::describe()];
    let offers = described.iter().flat_map(|described| described.modes().to_vec());
    let offers = offers.map(|ModeOffer { name, aliases, description, phrases }| ModeInfo {
        name,
        aliases,
        description,
        phrases,
    });
    offers.collect()
}

/// A device in the default mode, of a server with the modes that come with it.
fn chatting(kit: &Kit) -> TestDevice {
    kit.offer_modes(&bundled());
    let mut device = kit.device("dev-1");
    device.start(Some("chat"));
    device.effects();
    device
}

/// The speech output: `…` marks a sentence after which the answer continues, `|` an answer that ends without text, `#`
/// a silence command.
///
/// # Panics
/// If an answer is left open.
fn heard(device: &mut TestDevice) -> Vec<String> {
    let said = spoken(&device.effects());
    assert!(said.last().is_none_or(|last| !last.ends_with('…')), "the answer is left open: {said:?}");
    said
}

fn spoken(effects: &[Effect]) -> Vec<String> {
    let speech = effects.iter().filter_map(|effect| match effect {
        Effect::Output(Output::Say { text, interrupt: true, .. }) if text.is_empty() => Some("#".to_owned()),
        Effect::Output(Output::Say { text, more: false, .. }) if text.is_empty() => Some("|".to_owned()),
        Effect::Output(Output::Say { text, more, .. }) => Some(format!("{text}{}", if *more { "…" } else { "" })),
        _ => None,
    });
    speech.collect()
}

/// The messages of a request to the model: roles and contents.
fn words(question: &modehost_testkit::ModelRequest) -> Vec<String> {
    question.messages.iter().map(|message| format!("{:?}: {}", message.role, message.content)).collect()
}

fn errors(device: &mut TestDevice) -> Vec<String> {
    let code = |message: &Value| message["code"].as_str().map(str::to_owned);
    device.inbox().iter().filter_map(code).collect()
}

#[test]
fn l4_turns_are_answered_without_a_model() {
    let kit = Kit::configured("conversation", r#"{"utc_offset_minutes":0}"#);
    let mut device = chatting(&kit);
    device.hears("what day is it");
    assert_eq!(heard(&mut device), ["#", "Today is Thursday, 2025-10-09."]);
    assert_eq!(errors(&mut device), Vec::<String>::new(), "a rule knows the answer");
    device.hears("写一首诗");
    let said = heard(&mut device);
    assert!(said[1].starts_with("我现在没有可用的语言模型"), "{said:?}");
    assert!(said[1].contains("工作模式"), "it says what it can do: {said:?}");
    let told = device.inbox();
    assert_eq!((&told[0]["code"], &told[0]["degraded"]), (&"LLM_UNAVAILABLE".into(), &true.into()), "{told:?}");
    assert_eq!(told.len(), 1);
    device.advance(10_000);
    assert_eq!(kit.document("conversation/memory/dev-1").0, 0, "there is nothing to remember");
}

#[test]
fn m2_a_mode_is_begun_and_left_by_voice() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    for (said, mode) in
        [("进入工作模式", Some("working")), ("Start a meeting, please.", Some("meeting")), ("退出工作模式", None)]
    {
        device.hears(said);
        let switch =
            device.effects().into_iter().find(|effect| matches!(effect, Effect::Output(Output::SwitchMode(_))));
        assert_eq!(switch, Some(Effect::Output(Output::SwitchMode(mode.map(str::to_owned)))), "{said}");
    }
    assert!(kit.asked().is_empty(), "no model was needed");
}

#[test]
fn m2_drafts_are_no_turns() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    device.says_draft("what time");
    assert!(device.effects().is_empty());
}

#[test]
fn m2_words_without_a_letter_are_no_turn_and_interrupt_nothing() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    kit.hold_model("chat");
    device.hears("How are you?");
    device.effects();
    for empty in ["", " "] {
        device.hears(empty);
        assert!(device.effects().is_empty());
    }
    kit.answer_model("chat", "Fine.");
    kit.release_model("chat");
    device.settle();
    assert_eq!(heard(&mut device), ["Fine."]);
}

#[test]
fn l4_storage_that_fails_costs_the_memory_and_nothing_else() {
    let kit = Kit::build("conversation");
    kit.fail_documents(Failure::Unavailable, 50);
    kit.answer_model("chat", "Fine.");
    let mut device = chatting(&kit);
    device.hears("How are you?");
    assert_eq!(heard(&mut device), ["#", "Fine."]);
    device.advance(60_000);
    kit.answer_model("chat", "Still fine.");
    device.hears("And now?");
    assert_eq!(heard(&mut device), ["#", "Still fine."]);
    assert!(words(&kit.asked()[1]).contains(&"Assistant: Fine.".to_owned()), "it remembers for the session");
}
