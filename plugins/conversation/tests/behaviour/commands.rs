//! M.18 and C.17: commands, doubts and farewells. Rule: talk about a mode goes to the model like any turn, a doubt goes
//! to it with a hint of what may be meant, and only a command is executed at once.

use modehost_testkit::{Effect, Event, Kit, Output, ToolCall};

use super::{chatting, heard, spoken, words};

fn switches(effects: &[Effect]) -> usize {
    effects.iter().filter(|effect| matches!(effect, Effect::Output(Output::SwitchMode(_)))).count()
}

#[test]
fn m18_talk_about_a_mode_is_answered_and_begins_none() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    for said in ["明天开始会议", "我开始工作了", "他说开始会议", "We started the meeting late.", "再见怎么说"]
    {
        kit.answer_model("chat", "Fine.");
        device.hears(said);
        let effects = device.effects();
        assert_eq!((switches(&effects), spoken(&effects).len()), (0, 2), "{said}: {effects:?}");
        assert!(!effects.contains(&Effect::Output(Output::HangUp)), "{said}");
    }
    assert_eq!(kit.asked().len(), 5);
    assert!(kit.asked().iter().all(|asked| !words(asked)[0].contains("may be a wish")), "nothing was in doubt");
}

#[test]
fn m18_a_doubt_is_decided_by_the_model() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    let call = ToolCall { id: "c1".into(), name: "switch_mode".into(), arguments: r#"{"mode":"meeting"}"#.into() };
    kit.answer_model_with_tools("chat", "", &[call]);
    device.hears("可以开始会议了吗");
    let effects = device.effects();
    assert!(effects.contains(&Effect::Output(Output::SwitchMode(Some("meeting".into())))), "{effects:?}");
    assert!(words(&kit.asked()[0])[0].contains("may be a wish to begin the mode \"meeting\" now"));
    kit.answer_model("chat", "Are all there?");
    device.hears("Can we start the meeting?");
    assert_eq!(heard(&mut device), ["#", "Are all there?"], "and it may decide otherwise");
}

#[test]
fn m18_without_a_model_a_doubt_is_asked_back() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    for (said, asked, answer) in [
        (
            "可以开始会议了吗",
            "要现在开始吗？要的话，请说“开始会议”。",
            Some(Effect::Output(Output::SwitchMode(Some("meeting".into())))),
        ),
        (
            "I want to start working",
            "Shall I start it now? If so, say \"start working\".",
            Some(Effect::Output(Output::SwitchMode(Some("working".into())))),
        ),
        ("不用了", "要结束对话吗？要的话，请说“再见”。", Some(Effect::Output(Output::HangUp))),
    ] {
        device.hears(said);
        assert_eq!(heard(&mut device), ["#", asked], "{said}");
        let named = asked.rsplit(['“', '"']).nth(usize::from(asked.ends_with("\"."))).expect("the words to say");
        device.hears(named.trim_end_matches(['。', '”', '.']));
        let effects = device.effects();
        assert!(answer.is_none_or(|answer| effects.contains(&answer)), "{said}: {named}: {effects:?}");
    }
}

#[test]
fn c17_a_farewell_is_answered_and_then_it_hangs_up() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    for (said, answer) in [
        ("再见", "再见。"),
        ("好的，谢谢你，拜拜！", "再见。"),
        ("退出", "再见。"),
        ("OK, bye bye.", "Goodbye."),
        ("exit", "Goodbye."),
    ] {
        device.hears(said);
        let effects = device.effects();
        assert_eq!(spoken(&effects), ["#", answer], "{said}");
        assert_eq!(effects.last(), Some(&Effect::Output(Output::HangUp)), "{said}");
    }
    assert!(kit.asked().is_empty(), "no model was needed");
}

#[test]
fn c17_exit_leaves_the_mode_that_runs() {
    let kit = Kit::build("conversation");
    let mut device = chatting(&kit);
    device.tell(Event::ModeChanged("working".into()));
    device.effects();
    device.hears("退出");
    let effects = device.effects();
    assert!(
        effects.contains(&Effect::Output(Output::SwitchMode(None)))
            && !effects.contains(&Effect::Output(Output::HangUp)),
        "{effects:?}"
    );
    device.tell(Event::ModeChanged("chat".into()));
    device.effects();
    device.hears("退出");
    assert!(device.effects().contains(&Effect::Output(Output::HangUp)));
}
