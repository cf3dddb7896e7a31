//! Snapshot and restore at any event are not observable. Rule: proptest generates the scripts; any event may occur at
//! any time.

use modehost_sdk::{Context, Device, Document, Event, Start, Transcript, round_trip};
use proptest::prelude::*;
use working::Working;

const BOARD: &str = r#"{"tasks":[{"id":"a","title":"A","status":"open"},{"id":"b","title":"B","status":"open"}]}"#;

fn started() -> Event {
    let device = Device { id: "dev-1".into(), alias: None, groups: vec!["g".into(), "h".into()] };
    Event::Started(Start { mode: Some("working".into()), device, session_id: "s".into(), language: "zh".into() })
}

fn heard(text: &str) -> Event {
    let source = "typed".to_owned();
    Event::Transcript(Transcript { text: text.into(), is_final: true, start_ms: 0, end_ms: 0, segment: 0, source })
}

fn event() -> impl Strategy<Value = Event> {
    let said = ["认领任务", "做完了", "第二个", "2", "取消", "refresh", "hello", "mark b done"];
    prop_oneof![
        prop::sample::select(said.to_vec()).prop_map(heard),
        (1_u64..8, any::<bool>()).prop_map(|(request, there)| {
            let value = there.then(|| BOARD.to_owned());
            Event::Document(Document { request: Some(request), key: "k".into(), version: 1, value })
        }),
        (0_u64..3).prop_map(Event::Timer),
    ]
}

proptest! {
    #[test]
    fn restore_of_a_snapshot_behaves_like_the_state(events in prop::collection::vec(event(), 0..20)) {
        let script = std::iter::once(started()).chain(events).enumerate();
        let script: Vec<_> = script.map(|(n, event)| (Context { now: n as u64, seed: n as u64 }, event)).collect();
        prop_assert_eq!(round_trip::<Working>("{}", &script), Ok(()));
    }
}
