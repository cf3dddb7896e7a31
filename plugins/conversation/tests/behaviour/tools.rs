//! PROTOCOL 1.9: tools of the device, and those of this mode. Rule: the calls of the model are checked, and faults are
//! reported to the model.

use modehost_testkit::{Call, Effect, Failure, Kit, Local, Output, Query, TestDevice, Tool, ToolCall};
use serde_json::json;

use super::{bundled, chatting, heard, spoken, words};

fn tool(name: &str) -> Tool {
    Tool { name: name.into(), description: format!("the {name}"), parameters: r#"{"type":"object"}"#.into() }
}

fn call(id: &str, name: &str, arguments: &str) -> ToolCall {
    ToolCall { id: id.into(), name: name.into(), arguments: arguments.into() }
}

fn with_lamp(kit: &Kit) -> TestDevice {
    kit.offer_modes(&bundled());
    let mut device = kit.device("dev-1").tools(&[tool("self_lamp_turn_on"), tool("self_volume")]);
    device.start(Some("chat"));
    device.effects();
    device
}

#[test]
fn tools_are_listed_offered_and_called() {
    let kit = Kit::build("conversation");
    let mut device = with_lamp(&kit);
    let calls = [call("c1", "self_lamp_turn_on", r#"{"bright":80}"#), call("c2", "self_volume", "")];
    kit.answer_model_with_tools("chat", "", &calls);
    kit.answer_tool("self_lamp_turn_on", "true");
    kit.fail_tool("self_volume", "no loudspeaker");
    kit.answer_model("chat", "灯开了。");
    device.hears("开灯");
    assert_eq!(heard(&mut device), ["#", "灯开了。…", "|"]);
    let offered: Vec<String> = kit.asked()[0].tools.iter().map(|tool| tool.name.clone()).collect();
    assert_eq!(offered, ["self_lamp_turn_on", "self_volume", "end_conversation", "switch_mode"]);
    let called = kit.called();
    assert_eq!(called[0], ("self_lamp_turn_on".to_owned(), json!({"bright": 80})));
    assert_eq!(called[1], ("self_volume".to_owned(), json!({})));
    let second = &kit.asked()[1].messages;
    assert_eq!(second[2].tool_calls, calls);
    assert_eq!(words(&kit.asked()[1])[3..], ["Tool: true", "Tool: the tool failed: no loudspeaker"]);
    assert_eq!(second[3].tool_call_id.as_deref(), Some("c1"));
}

#[test]
fn c17_the_model_may_end_the_conversation() {
    for (said, expected) in [("", vec!["#", "Goodbye."]), ("Sleep well. ", vec!["#", "Sleep well.…", "|"])] {
        let kit = Kit::build("conversation");
        let mut device = with_lamp(&kit);
        kit.answer_model_with_tools("chat", said, &[call("c1", "end_conversation", "{}")]);
        device.hears("That will be all for today I think");
        let effects = device.effects();
        assert_eq!(spoken(&effects), expected);
        let place = |wanted: fn(&Effect) -> bool| effects.iter().rposition(wanted).expect("wanted");
        let last = place(|effect| matches!(effect, Effect::Output(Output::Say { .. })));
        assert!(last < place(|effect| matches!(effect, Effect::Output(Output::HangUp))), "it is said first");
        assert_eq!(kit.called(), [], "no tool of the device");
    }
}

#[test]
fn what_is_wrong_with_a_call_is_told_to_the_model() {
    let kit = Kit::build("conversation");
    let mut device = with_lamp(&kit);
    let mut calls = vec![
        call("c1", "rm_rf", "{}"),
        call("c2", "self_volume", "{broken"),
        call("c3", "self_volume", "[1]"),
        call("c4", "switch_mode", r#"{"mode":"dancing"}"#),
    ];
    calls.extend((5..12).map(|id| call(&format!("c{id}"), "nothing", "{}")));
    kit.answer_model_with_tools("chat", "", &calls);
    kit.answer_model("chat", "Sorry.");
    device.hears("do it");
    assert_eq!(heard(&mut device), ["#", "Sorry."]);
    assert!(kit.called().is_empty());
    let answers = words(&kit.asked()[1]);
    for (index, found) in
        ["no tool of this name", "not JSON", "must be a JSON object", "no such mode"].iter().enumerate()
    {
        assert!(answers[3 + index].contains(found), "{}", answers[3 + index]);
    }
    assert!(answers[13].contains("at most 8"), "{}", answers[13]);
}

#[test]
fn rounds_of_tools_have_an_end() {
    let kit = Kit::configured("conversation", r#"{"tool_rounds":2}"#);
    let mut device = with_lamp(&kit);
    for round in 0..3 {
        kit.answer_model_with_tools("chat", "", &[call(&format!("c{round}"), "self_volume", "{}")]);
        kit.answer_tool("self_volume", "50");
    }
    device.hears("and again");
    assert_eq!(heard(&mut device), ["#", "Sorry, I have no answer to that."]);
    assert_eq!(kit.called().len(), 2);
    assert!(kit.asked()[2].tools.is_empty(), "the last question offers none");
}

#[test]
fn l5_what_the_mode_says_itself_is_history_too() {
    let kit = Kit::configured("conversation", r#"{"tool_rounds":1}"#);
    let cases = [
        (vec![("end_conversation", "{}")], "Goodbye."),
        (vec![("switch_mode", r#"{"mode":"meeting"}"#)], "All right."),
        (vec![("self_volume", "{}"), ("self_volume", "{}")], "Sorry, I have no answer to that."),
        (vec![], "Sorry, I have no answer to that."),
    ];
    for (calls, said) in cases {
        let kit = kit.afresh();
        let mut device = with_lamp(&kit);
        for (name, arguments) in &calls {
            kit.answer_model_with_tools("chat", "", &[call("c1", name, arguments)]);
            kit.answer_tool("self_volume", "50");
        }
        if calls.is_empty() {
            kit.answer_model("chat", "");
        }
        device.hears("That will be all for today I think");
        assert_eq!(heard(&mut device), ["#", said]);
        kit.answer_model("chat", "Yes.");
        device.hears("Are you there");
        let asked = words(kit.asked().last().expect("a question"));
        let expected =
            ["User: That will be all for today I think", &format!("Assistant: {said}"), "User: Are you there"];
        assert_eq!(asked[1..], expected, "{calls:?}");
    }
}

#[test]
fn a_slow_tool_is_bridged_and_words_before_a_call_are_said() {
    let kit = Kit::build("conversation");
    let mut device = with_lamp(&kit);
    device.hold();
    kit.answer_model_with_tools("chat", "", &[call("c1", "self_volume", "{}")]);
    kit.answer_tool("self_volume", "50");
    kit.answer_model("chat", "It is fifty.");
    device.hears("how loud are you");
    while kit.called().is_empty() {
        assert!(device.step(), "the tool is called");
    }
    device.effects();
    device.advance(3_000);
    assert_eq!(spoken(&device.effects()), ["One moment, I am on it.…"]);
    device.settle();
    assert_eq!(heard(&mut device), ["It is fifty."]);
    kit.answer_model_with_tools("chat", "Let me look.", &[call("c1", "self_volume", "{}")]);
    kit.answer_tool("self_volume", "50");
    kit.answer_model("chat", "Fifty.");
    device.hears("are you sure");
    device.settle();
    assert_eq!(heard(&mut device), ["#", "Let me look.…", "Fifty."]);
}

#[test]
fn a_new_utterance_while_tools_run_ends_them() {
    let kit = Kit::build("conversation");
    let mut device = with_lamp(&kit);
    device.hold();
    kit.answer_model_with_tools("chat", "", &[call("c1", "self_volume", "{}")]);
    device.hears("how loud are you");
    while kit.called().is_empty() {
        assert!(device.step(), "the tool is called");
    }
    let asked = device.effects().into_iter().find_map(|effect| match effect {
        Effect::Call(Call::CallTool { request, .. }) => Some(request),
        _ => None,
    });
    kit.answer_model("chat", "Hello.");
    device.hears("hello");
    device.settle();
    let effects = device.effects();
    assert!(
        effects.iter().any(|effect| matches!(effect, Effect::Local(Local::Cancel(request)) if Some(*request) == asked))
    );
    assert_eq!(spoken(&effects), ["#", "Hello."]);
}

#[test]
fn m2_the_model_can_begin_a_mode() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    for (arguments, mode) in [(r#"{"mode":"meeting"}"#, Some("meeting")), (r#"{"mode":"chat"}"#, None)] {
        kit.answer_model_with_tools("chat", "", &[call("c1", "switch_mode", arguments)]);
        device.hears("我们差不多可以进入那个了");
        let effects = device.effects();
        assert_eq!(spoken(&effects), ["#", "好的。"]);
        let place = |wanted: &dyn Fn(&Effect) -> bool| effects.iter().position(wanted);
        let switch = place(&|effect| *effect == Effect::Output(Output::SwitchMode(mode.map(str::to_owned))));
        let said = place(&|effect| matches!(effect, Effect::Output(Output::Say { text, .. }) if !text.is_empty()));
        assert!(said.is_some() && switch > said, "{effects:?}");
    }
}

/// The server detects and remembers what a model does not accept, such as tools.
#[test]
fn l6_a_question_that_is_refused_is_not_asked_again_without_tools() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    kit.fail_model("chat", Failure::Rejected);
    device.hears("hello");
    assert_eq!(heard(&mut device).len(), 2, "the person is told once");
    kit.answer_model("chat", "Hello again.");
    device.hears("hello");
    assert_eq!(heard(&mut device), ["#", "Hello again."]);
    let offered: Vec<bool> = kit.asked().iter().map(|question| !question.tools.is_empty()).collect();
    assert_eq!(offered, [true, true]);
}

#[test]
fn h2_a_swap_in_the_middle_of_a_tool_round_is_unseen() {
    Kit::build("conversation").assert_swaps_unseen(None, |kit| {
        let mut device = with_lamp(kit);
        device.hold();
        kit.answer_model_with_tools(
            "chat",
            "Let me look. ",
            &[call("c1", "self_volume", "{}"), call("c2", "self_lamp_turn_on", "{}")],
        );
        kit.answer_tool("self_volume", "50");
        kit.answer_tool("self_lamp_turn_on", "on");
        kit.answer_model_in_chunks("chat", &["It is", " fifty. And", " the lamp is on."]);
        device.hears("how loud are you");
        device.advance(3_000);
        device.settle();
        device.advance(20);
        device.settle();
        (device.effects(), kit.called(), kit.document("conversation/memory/dev-1"))
    });
}

#[test]
fn a_device_that_is_slow_to_list_its_tools_is_waited_for_once() {
    let kit = Kit::build("conversation");
    kit.answer_model("chat", "One.");
    kit.answer_model("chat", "Two.");
    let mut device = with_lamp(&kit);
    device.hold();
    device.hears("first");
    // Dialogue and list are pending; after the time to wait, the turn asks without them.
    device.advance(1_400);
    assert!(kit.asked().is_empty());
    device.advance(100);
    assert_eq!(kit.asked()[0].tools.len(), 2, "only the tools of our own");
    device.settle();
    device.effects();
    device.hears("second");
    device.settle();
    assert_eq!(kit.asked()[1].tools.len(), 4);
    let lists =
        device.effects().into_iter().filter(|effect| matches!(effect, Effect::Query(Query::ListTools(_)))).count();
    assert_eq!(lists, 1);
}

#[test]
fn what_tools_answer_is_bounded() {
    let kit = Kit::configured("conversation", r#"{"tool_rounds":16}"#);
    let mut device = with_lamp(&kit);
    for round in 0..16 {
        let calls: Vec<ToolCall> =
            (0..40).map(|id| call(&format!("c{round}-{id}"), "self_volume", &" ".repeat(4000))).collect();
        kit.answer_model_with_tools("chat", &"so ".repeat(5000), &calls);
        (0..8).for_each(|_| kit.answer_tool("self_volume", &"响".repeat(5000)));
    }
    kit.answer_model("chat", "Done.");
    device.hold();
    device.hears("go on");
    while device.step() {
        assert!(device.snapshot().state.len() < 200 * 1024, "{}", device.snapshot().state.len());
    }
    let said = heard(&mut device);
    assert!(said.last().is_some_and(|last| last == "|"), "the answer has its own bound");
}
