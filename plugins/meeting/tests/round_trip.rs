//! Snapshot and restore at any event are not observable. Rule: proptest generates the scripts; any event may occur at
//! any time, including outcomes of requests that were never made.

use meeting::Meeting;
use modehost_sdk::{
    Context, Device, Document, EndReason, Event, Failure, JournalEntry, JournalPage, Message, ModelDone, RequestDone,
    RequestFailed, Start, Transcript, WriteDone, round_trip,
};
use proptest::prelude::*;

const CONFIG: &str = r#"{"summary_transcript_max_chars":500,"checkpoint_chars":500,"webhook":"crm"}"#;

fn started(mode: bool) -> Event {
    let device = Device { id: "dev-1".into(), alias: None, groups: vec!["g".into()] };
    Event::Started(Start {
        mode: mode.then(|| "meeting".into()),
        device,
        session_id: "s".into(),
        language: "zh".into(),
    })
}

fn heard(text: &str, confirmed: bool, segment: u64) -> Event {
    let (text, source) = (text.to_owned(), "typed".to_owned());
    Event::Transcript(Transcript { text, is_final: confirmed, start_ms: 5, end_ms: 9, segment, source })
}

fn entry(sequence: u64) -> JournalEntry {
    let text = "We decided to go on. Ann will write the plan by Friday. ".repeat(3);
    let value = format!(r#"{{"seq":{sequence},"text":"{text}","ts":{sequence},"tag":"Ann","time":"08:00:00"}}"#);
    JournalEntry { sequence, at: sequence, value }
}

fn event() -> impl Strategy<Value = Event> {
    let bodies = [
        r#"{"type":"meeting","phase":"snippet","text":"hello there everybody"}"#,
        r#"{"type":"meeting","phase":"snippet","items":[{"tag":"Ann","text":"我们决定下周发布"}],"title":"T"}"#,
        r#"{"type":"meeting","phase":"finalize"}"#,
        r#"{"type":"meeting","phase":"summary"}"#,
        r#"{"type":"meeting","phase":"nonsense"}"#,
    ];
    let answers = [r#"{"title":"T","bullets":["b"],"decisions":["d"],"actions":["Ann: go"]}"#, "rubbish", "{}"];
    let reasons = [
        Failure::Interrupted,
        Failure::Unavailable,
        Failure::TimedOut,
        Failure::NotJson,
        Failure::Denied,
        Failure::Rejected,
    ];
    let ends = [EndReason::Requested, EndReason::Switched, EndReason::Expired, EndReason::Removed];
    let long = "words ".repeat(100);
    prop_oneof![
        8 => prop::sample::select(bodies.to_vec())
            .prop_map(|body| Event::Message(Message { kind: "meeting".into(), body: body.into() })),
        3 => (any::<bool>(), 1_u64..4).prop_map(move |(confirmed, segment)| heard(&long, confirmed, segment)),
        1 => any::<bool>().prop_map(started),
        1 => prop::sample::select(ends.to_vec()).prop_map(Event::Ended),
        2 => (1_u64..3).prop_map(Event::Timer),
        6 => (1_u64..24, prop::sample::select(answers.to_vec())).prop_map(|(request, text)| {
            let (text, tool_calls) = (text.to_owned(), Vec::new());
            Event::ModelDone(ModelDone { request, text, prompt_tokens: 0, completion_tokens: 0, tool_calls })
        }),
        6 => (1_u64..24, prop::sample::select(reasons.to_vec())).prop_map(|(request, reason)| {
            Event::RequestFailed(RequestFailed { request, reason, message: String::new() })
        }),
        6 => (1_u64..24, 0_u64..5, any::<bool>()).prop_map(|(request, count, complete)| {
            let entries = (1..=count).map(entry).collect();
            Event::JournalPage(JournalPage { request, journal: "meeting/s".into(), entries, complete })
        }),
        6 => (1_u64..24).prop_map(|request| Event::RequestDone(RequestDone { request, value: 0 })),
        4 => (1_u64..24).prop_map(|request| Event::WriteDone(WriteDone { request, key: "k".into(), version: 3 })),
        4 => (1_u64..24, any::<bool>(), any::<bool>()).prop_map(|(request, there, conflict)| {
            let value = there.then(|| r#"{"session":"s","number":1,"at":0,"message":{}}"#.to_owned());
            let document = Document { request: Some(request), key: "k".into(), version: 2, value };
            if conflict { Event::WriteConflict(document) } else { Event::Document(document) }
        }),
    ]
}

proptest! {
    #[test]
    fn restore_of_a_snapshot_behaves_like_the_state(mode in any::<bool>(), events in prop::collection::vec(event(), 0..60)) {
        let script = std::iter::once(started(mode)).chain(events).enumerate();
        let script: Vec<_> =
            script.map(|(n, event)| (Context { now: 40_000 * n as u64, seed: n as u64 }, event)).collect();
        prop_assert_eq!(round_trip::<Meeting>(CONFIG, &script), Ok(()));
    }
}
