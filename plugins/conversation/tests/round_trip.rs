//! Snapshot and restore at any event are not observable. Rule: proptest generates the scripts; any event may occur at
//! any time, and none of them fails.

use conversation::Conversation;
use modehost_sdk::{
    Aborted, Context, Device, Document, Effect, EndReason, Event, Failure, ModelChunk, ModelDone, RequestFailed,
    Runner, Snapshot, Start, Tool, ToolCall, ToolDone, ToolList, Transcript, WriteDone, round_trip,
};
use proptest::prelude::*;

fn started() -> Event {
    let device = Device { id: "dev-1".into(), alias: None, groups: vec!["g".into()] };
    Event::Started(Start { mode: Some("chat".into()), device, session_id: "s".into(), language: "zh".into() })
}

fn heard(text: &str) -> Event {
    let source = "typed".to_owned();
    Event::Transcript(Transcript { text: text.into(), is_final: true, start_ms: 0, end_ms: 0, segment: 0, source })
}

fn document(request: u64, value: &str) -> Document {
    Document { request: Some(request), key: "k".into(), version: request, value: Some(value.to_owned()) }
}

fn event() -> impl Strategy<Value = Event> {
    let request = || 1_u64..12;
    let said = ["你好", "tell me", "stop", "忘掉我们的对话", "进入工作模式", "退出工作模式"];
    let chunks = ["🙂 Well. ", "Once upon a time, ", "好的。", "```\nx\n```\n", "1. a\n", ""];
    let kept = [r#"{"turns":[{"at":1,"user":"a","assistant":"b"}]}"#, "{", r#"{"summary":"s","turns":[]}"#];
    let failures = [Failure::Interrupted, Failure::Unavailable, Failure::Rejected, Failure::Denied, Failure::TimedOut];
    let calls = ["t", "switch_mode", "none"];
    prop_oneof![
        4 => prop::sample::select(said.to_vec()).prop_map(heard),
        6 => (request(), prop::sample::select(chunks.to_vec()))
            .prop_map(|(request, text)| Event::ModelChunk(ModelChunk { request, text: text.into() })),
        3 => (request(), prop::option::of(prop::sample::select(calls.to_vec()))).prop_map(|(request, call)| {
            let tool_call = |name: &str| ToolCall { id: "c".into(), name: name.into(), arguments: r#"{"mode":"chat"}"#.into() };
            let tool_calls = call.map(tool_call).into_iter().collect();
            Event::ModelDone(ModelDone { request, text: "Done.".into(), prompt_tokens: 0, completion_tokens: 0, tool_calls })
        }),
        3 => request().prop_map(|request| {
            let tool = Tool { name: "t".into(), description: "d".into(), parameters: "{}".into() };
            Event::Tools(ToolList { request, tools: vec![tool] })
        }),
        2 => (request(), any::<bool>())
            .prop_map(|(request, failed)| Event::ToolDone(ToolDone { request, text: "r".into(), failed })),
        3 => (request(), prop::sample::select(kept.to_vec())).prop_map(|(request, value)| Event::Document(document(request, value))),
        1 => (request(), prop::sample::select(kept.to_vec()))
            .prop_map(|(request, value)| Event::WriteConflict(document(request, value))),
        1 => request().prop_map(|request| Event::WriteDone(WriteDone { request, key: "k".into(), version: 3 })),
        2 => (request(), prop::sample::select(failures.to_vec())).prop_map(|(request, reason)| {
            Event::RequestFailed(RequestFailed { request, reason, message: String::new() })
        }),
        2 => (0_u64..5).prop_map(Event::Timer),
        1 => Just(Event::Aborted(Aborted { reason: String::new(), heard: None })),
        1 => prop::sample::select(vec!["chat", "working"]).prop_map(|mode| Event::ModeChanged(mode.into())),
        1 => Just(Event::Ended(EndReason::Expired)),
    ]
}

proptest! {
    #[test]
    fn restore_of_a_snapshot_behaves_like_the_state(events in prop::collection::vec(event(), 0..40)) {
        let script = std::iter::once(started()).chain(events).enumerate();
        let script: Vec<_> = script.map(|(n, event)| (Context { now: n as u64, seed: n as u64 }, event)).collect();
        prop_assert_eq!(round_trip::<Conversation>(r#"{"memory_turns":2}"#, &script), Ok(()));
    }

    #[test]
    fn whatever_comes_no_speech_is_left_open(events in prop::collection::vec(event(), 0..60)) {
        let mut runner = Runner::<Conversation>::configure(r#"{"memory_turns":2}"#).expect("a configuration");
        let mut speaking = false;
        for (n, event) in std::iter::once(started()).chain(events).enumerate() {
            let effects = runner.handle(Context { now: n as u64, seed: 0 }, event.clone()).expect("no event fails");
            for effect in &effects {
                if let Effect::Say(speech) = effect {
                    speaking = speech.more;
                }
            }
            prop_assert!(!speaking || runner.mode().is_answering(), "left open by {event:?}: {effects:?}");
            prop_assert!(effects.len() <= 20, "{effects:?}");
        }
    }
}

#[test]
fn h2_the_state_of_the_version_before_is_taken_over() {
    let state = br#"{"device":{"id":"dev-1","alias":null,"groups":["g"]},"session":"s","next":7,"state":{}}"#.to_vec();
    let mut runner = Runner::<Conversation>::configure("{}").expect("the default configuration");
    assert!(runner.restore(&Snapshot { schema: 1, state }).is_ok());
    assert_eq!(*runner.mode(), Conversation::default());
}
