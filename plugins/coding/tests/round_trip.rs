//! The property that a swap depends on, natively. Rule: proptest generates the scripts; any event may arrive at any
//! time.

use coding::Coding;
use modehost_sdk::{Context, Device, EndReason, Event, Failure, Message, ModelDone, RequestFailed, Start, round_trip};
use proptest::prelude::*;

const BODIES: [&str; 12] = [
    r#"{"type":"coding","event":"start"}"#,
    r#"{"type":"coding","event":"stop"}"#,
    r#"{"type":"coding","event":"clear"}"#,
    r#"{"type":"coding","event":"phase","name":"tests"}"#,
    r#"{"type":"coding","event":"step","name":"build","status":"failed"}"#,
    r#"{"type":"coding","event":"log","text":"error[E0308]: mismatched types\n"}"#,
    r#"{"type":"coding","event":"log","text":" --> src/lib.rs:12:5\nrunning 3 tests\ntest a::b ... FAIL"}"#,
    r#"{"type":"coding","event":"log","text":"ED\r\n● suite › test\n\n  TypeError: x\n    at y (src/z.js:3:4)\n"}"#,
    r#"{"type":"coding","event":"log","lines":["=== RUN   TestA","    a_test.go:3: bad","--- FAIL: TestA (0.0s)"]}"#,
    r#"{"type":"coding","event":"log","text":"<testsuite><testcase name=\"a"}"#,
    r#"{"type":"coding","event":"log","text":"b\"><error message=\"x\"/></testcase></testsuite>\n"}"#,
    r#"{"type":"coding","event":"log","text":"Traceback (most recent call last):\n  File \"a.py\", line 3, in f\nKeyError: 'x'","level":"error"}"#,
];

const ANSWERS: [&str; 3] = [r#"{"insights":["A cause"],"actions":["Do it"]}"#, "{}", "garbage"];

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        6 => prop::sample::select(BODIES.to_vec())
            .prop_map(|body| Event::Message(Message { kind: "coding".into(), body: body.into() })),
        1 => (1_u64..6, prop::sample::select(ANSWERS.to_vec())).prop_map(|(request, text)| {
            let text = text.to_owned();
            Event::ModelDone(ModelDone { request, text, prompt_tokens: 0, completion_tokens: 0, tool_calls: Vec::new() })
        }),
        1 => (1_u64..6, prop::sample::select(vec![Failure::Interrupted, Failure::Unavailable, Failure::NotJson]))
            .prop_map(|(request, reason)| Event::RequestFailed(RequestFailed { request, reason, message: String::new() })),
        1 => (0_u64..5).prop_map(Event::Timer),
        1 => Just(Event::Ended(EndReason::Requested)),
    ]
}

proptest! {
    #[test]
    fn restore_of_a_snapshot_behaves_like_the_state(events in prop::collection::vec(event(), 0..40)) {
        let device = Device { id: "dev-1".into(), alias: None, groups: vec!["g".into()] };
        let start = Event::Started(Start { mode: Some("coding".into()), device, session_id: "s".into(), language: "zh".into() });
        let script = std::iter::once(start).chain(events).enumerate();
        let script: Vec<_> = script.map(|(n, event)| (Context { now: n as u64 * 170, seed: n as u64 }, event)).collect();
        prop_assert_eq!(round_trip::<Coding>("{}", &script), Ok(()));
    }
}
