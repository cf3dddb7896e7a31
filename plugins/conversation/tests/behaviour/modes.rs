//! Modes that this one has never heard of. Rule: what a plugin offers can be begun by voice and by the model, from the
//! next utterance on, and no longer once it is gone.

use modehost_testkit::{Effect, Event, Kit, ModeInfo, Output, ToolCall};
use serde_json::Value;

use super::{bundled, chatting, heard, spoken};

fn offer(name: &str, description: &str, phrases: &[&str]) -> ModeInfo {
    let phrases = phrases.iter().map(|&phrase| phrase.to_owned()).collect();
    ModeInfo { name: name.to_owned(), description: description.to_owned(), phrases, ..ModeInfo::default() }
}

fn pomodoro() -> ModeInfo {
    offer("pomodoro", "Counts stretches of work and breaks.", &["开始番茄钟", "start a pomodoro"])
}

/// The mode that an utterance begins.
fn begun(effects: &[Effect]) -> Option<String> {
    effects.iter().find_map(|effect| match effect {
        Effect::Output(Output::SwitchMode(mode)) => mode.clone(),
        _ => None,
    })
}

/// The tool that begins a mode, as the last question offered it: its modes and its description.
fn switch_tool(kit: &Kit) -> (Vec<String>, String) {
    let asked = kit.asked();
    let tool = asked.last().and_then(|asked| asked.tools.iter().find(|tool| tool.name == "switch_mode"));
    let tool = tool.expect("the tool");
    let parameters: Value = serde_json::from_str(&tool.parameters).expect("JSON");
    let modes = parameters["properties"]["mode"]["enum"].as_array().expect("modes");
    (modes.iter().map(|mode| mode.as_str().unwrap_or_default().to_owned()).collect(), tool.description.clone())
}

#[test]
fn m2_an_offered_mode_begins_by_voice_and_by_the_model() {
    let kit = Kit::build("conversation");
    kit.offer_modes(&[pomodoro(), offer("night-light", "", &[])]);
    let mut device = kit.device("dev-1");
    device.start(Some("chat"));
    for (said, mode) in [
        ("开始番茄钟", "pomodoro"),
        ("Please start a pomodoro.", "pomodoro"),
        ("Start the night light mode.", "night-light"),
        ("进入night light模式", "night-light"),
    ] {
        device.hears(said);
        assert_eq!(begun(&device.effects()).as_deref(), Some(mode), "{said}");
    }
    assert!(kit.asked().is_empty(), "no model was needed");
    let call = ToolCall { id: "c1".into(), name: "switch_mode".into(), arguments: r#"{"mode":"pomodoro"}"#.into() };
    kit.answer_model_with_tools("chat", "", &[call]);
    device.hears("I want to get something done for half an hour");
    assert_eq!(begun(&device.effects()).as_deref(), Some("pomodoro"));
    let (modes, description) = switch_tool(&kit);
    assert_eq!(modes, ["night-light", "pomodoro", "chat"]);
    assert!(description.contains("pomodoro: Counts stretches of work and breaks."), "{description}");
    assert!(description.contains("pomodoro: 开始番茄钟, start a pomodoro"), "{description}");
}

#[test]
fn m2_modes_come_and_go_between_two_utterances() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    kit.answer_model("chat", "Which one?");
    device.hears("开始番茄钟");
    assert_eq!(begun(&device.effects()), None, "nobody offers it");
    let (modes, _) = switch_tool(&kit);
    assert_eq!(modes, ["coding", "meeting", "working", "chat"]);

    kit.offer_modes(&[bundled(), vec![pomodoro()]].concat());
    device.hears("开始番茄钟");
    assert_eq!(begun(&device.effects()).as_deref(), Some("pomodoro"));

    kit.offer_modes(&bundled());
    kit.answer_model("chat", "Which one?");
    device.hears("开始番茄钟");
    let effects = device.effects();
    assert_eq!((begun(&effects), spoken(&effects)), (None, vec!["#".to_owned(), "Which one?".to_owned()]));
}

#[test]
fn m2_the_settings_say_by_which_words_a_mode_begins() {
    let kit = Kit::configured("conversation", r#"{"modes":{"pomodoro":["tomato time"],"meeting":[]}}"#);
    let mut device = chatting(&kit);
    kit.offer_modes(&[bundled(), vec![pomodoro()]].concat());
    device.hears("tomato time");
    assert_eq!(begun(&device.effects()).as_deref(), Some("pomodoro"));
    for said in ["start a pomodoro", "开始番茄钟", "meeting mode"] {
        kit.answer_model("chat", "Well.");
        device.hears(said);
        assert_eq!(begun(&device.effects()), None, "{said}");
    }
    assert!(switch_tool(&kit).0.contains(&"meeting".to_owned()), "the model begins it");
    device.hears("start working");
    assert_eq!(begun(&device.effects()).as_deref(), Some("working"), "what is not named starts as it offers itself");
}

#[test]
fn m2_a_server_without_other_modes_offers_none() {
    let kit = Kit::build("conversation");
    let mut device = kit.device("dev-1");
    device.start(Some("chat"));
    kit.answer_model("chat", "Fine.");
    device.hears("start a meeting");
    assert_eq!(heard(&mut device), ["#", "Fine."]);
    assert!(kit.asked()[0].tools.iter().all(|tool| tool.name != "switch_mode"));
}

#[test]
fn h2_the_modes_are_known_after_a_swap_and_a_restart() {
    Kit::build("conversation").assert_swaps_unseen(None, |kit| {
        kit.offer_modes(&[pomodoro()]);
        let mut device = kit.device("dev-1");
        device.start(Some("chat"));
        device.hears("你好");
        kit.offer_modes(&[pomodoro(), offer("night-light", "", &["晚安灯"])]);
        device.tell(Event::ModeChanged("chat".into()));
        device.restart();
        device.hears("晚安灯");
        let begun = begun(&device.effects());
        assert_eq!(begun.as_deref(), Some("night-light"));
        begun
    });
}
