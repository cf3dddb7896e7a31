//! Snapshot and restore at any event are not observable. Rule: proptest generates the scripts; any event may occur at
//! any time.

use modehost_sdk::{
    Context, Delivered, Device, EndReason, Event, Failure, Message, ModelDone, RequestFailed, Start, Undelivered,
    round_trip,
};
use peers::Peers;
use proptest::prelude::*;

const BODIES: [&str; 6] = [
    r#"{"type":"peer","id":"a","to":"dev-2","payload":{"text":"x"}}"#,
    r#"{"type":"peer","to":["dev-2","closed"],"payload":{"n":1.50},"relay":{"instruction":"short"}}"#,
    r#"{"type":"peer","id":3,"to":{"group":"g"},"payload":{},"category":"Task","ttl_ms":0}"#,
    r#"{"type":"peer","id":"d","to":"*","payload":{"text":"x"},"relay":{"instruction":"short"}}"#,
    r#"{"type":"peer","id":"e","to":"*","payload":{}}"#,
    r#"{"type":"peer","payload":7}"#,
];
const ANSWERS: [&str; 3] = [r#"{"text":"short"}"#, r#"{"payload":{"a":[1]}}"#, "prose"];
const REASONS: [Failure; 4] = [Failure::Interrupted, Failure::NotJson, Failure::TimedOut, Failure::Unavailable];

fn device() -> Device {
    Device { id: "dev-1".into(), alias: Some("Ann".into()), groups: vec!["g".into(), "h".into()] }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => prop::sample::select(BODIES.to_vec())
            .prop_map(|body| Event::Message(Message { kind: "peer".into(), body: body.into() })),
        2 => (1_u64..20, prop::sample::select(ANSWERS.to_vec())).prop_map(|(request, text)| {
            let text = text.to_owned();
            Event::ModelDone(ModelDone { request, text, prompt_tokens: 1, completion_tokens: 1, tool_calls: Vec::new() })
        }),
        1 => (1_u64..20, prop::sample::select(REASONS.to_vec())).prop_map(|(request, reason)| {
            Event::RequestFailed(RequestFailed { request, reason, message: "no".into() })
        }),
        2 => (1_u64..20).prop_map(|request| {
            let failed = vec![Undelivered { device: "x".into(), reason: "not connected".into() }];
            Event::Delivered(Delivered { request, sent: vec!["dev-2".into()], queued: Vec::new(), failed })
        }),
        1 => (1_u64..20).prop_map(Event::Timer),
        1 => prop::sample::select(vec![EndReason::Expired, EndReason::Removed]).prop_map(Event::Ended),
    ]
}

proptest! {
    #[test]
    fn restore_of_a_snapshot_behaves_like_the_state(events in prop::collection::vec(event(), 0..30)) {
        let section = r#"{"acl":[{"to":["closed","group:g"],"category":"task","allow":false}],"groups":{"g":["m"]}}"#;
        let start = Event::Started(Start { mode: None, device: device(), session_id: "s".into(), language: "zh".into() });
        let script = std::iter::once(start).chain(events).enumerate();
        let script: Vec<_> = script.map(|(n, event)| (Context { now: n as u64 * 900, seed: n as u64 }, event)).collect();
        prop_assert_eq!(round_trip::<Peers>(section, &script), Ok(()));
    }
}
