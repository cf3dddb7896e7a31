//! Snapshot and restore at any event are not observable. Rule: proptest generates the scripts; any event may occur at
//! any time.

use modehost_sdk::{Context, Device, Document, Event, Failure, Message, RequestFailed, Start, WriteDone, round_trip};
use proptest::prelude::*;
use workflow::Workflow;

const BOARD: &str = r#"{"tasks":[{"id":"a","title":"A","status":"open","x":1}]}"#;
const BODIES: [&str; 5] = [
    r#"{"type":"workflow","event":"update","task":{"title":"New"}}"#,
    r#"{"type":"workflow","event":"update","tasks":[{"id":"a","due":"x"},{"id":"b","title":"B","groupKey":"z"}]}"#,
    r#"{"type":"workflow","event":"complete","id":"a"}"#,
    r#"{"type":"workflow","event":"assign","id":"q","owner":"Ann|dev-2"}"#,
    r#"{"type":"workflow","event":"refresh"}"#,
];

fn device() -> Device {
    Device { id: "dev-1".into(), alias: Some("Ann".into()), groups: vec!["g".into(), "h".into()] }
}

fn document(request: u64, there: bool) -> Document {
    let value = there.then(|| BOARD.to_owned());
    Document { request: Some(request), key: "k".into(), version: u64::from(there), value }
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        prop::sample::select(BODIES.to_vec())
            .prop_map(|body| Event::Message(Message { kind: "workflow".into(), body: body.into() })),
        (1_u64..20, any::<bool>()).prop_map(|(request, there)| Event::Document(document(request, there))),
        (1_u64..20).prop_map(|request| Event::WriteConflict(document(request, true))),
        (1_u64..20).prop_map(|request| Event::WriteDone(WriteDone { request, key: "k".into(), version: 2 })),
        (1_u64..20).prop_map(|request| {
            let reason = Failure::Interrupted;
            Event::RequestFailed(RequestFailed { request, reason, message: String::new() })
        }),
        Just(Event::Attached(device())),
        (0_u64..4).prop_map(Event::Timer),
    ]
}

proptest! {
    #[test]
    fn restore_of_a_snapshot_behaves_like_the_state(events in prop::collection::vec(event(), 0..30)) {
        let start = Event::Started(Start { mode: None, device: device(), session_id: "s".into(), language: "zh".into() });
        let script = std::iter::once(start).chain(events).enumerate();
        let script: Vec<_> = script.map(|(n, event)| (Context { now: n as u64 * 400, seed: n as u64 }, event)).collect();
        prop_assert_eq!(round_trip::<Workflow>("{}", &script), Ok(()));
    }
}
