//! The interval between broadcasts if the clock is set (P.2). Rule: a wait never starts at a time in the future.

use modehost_sdk::{Context, Device, Effect, Event, Message, Runner, Start};
use peers::Peers;

/// The first message to the device after a broadcast at this time.
fn broadcast(runner: &mut Runner<Peers>, now: u64) -> Option<String> {
    let body = r#"{"type":"peer","id":"a","to":"*","payload":{}}"#.to_owned();
    let event = Event::Message(Message { kind: "peer".into(), body });
    let effects = runner.handle(Context { now, seed: 1 }, event).expect("taken");
    effects.into_iter().find_map(|effect| match effect {
        Effect::Send(body) => Some(body),
        _ => None,
    })
}

#[test]
fn p2_a_clock_that_was_set_back_keeps_nobody_waiting() {
    let mut runner = Runner::<Peers>::configure("{}").expect("configured");
    let device = Device { id: "dev-1".into(), alias: None, groups: vec!["default".into()] };
    let start = Event::Started(Start { mode: None, device, session_id: "s".into(), language: "zh".into() });
    runner.handle(Context { now: 0, seed: 0 }, start).expect("started");
    let (right, wrong) = (1_000_000_u64, 90_000_000_000_u64);
    assert_eq!(broadcast(&mut runner, wrong), None);
    assert_eq!(broadcast(&mut runner, right), None, "not 90 million seconds");
    // From then on the interval follows the new clock.
    let told = broadcast(&mut runner, right + 4_000).expect("too early");
    assert!(told.contains(r#""retry_after_ms":1000"#), "{told}");
    assert_eq!(broadcast(&mut runner, right + 5_000), None);
}
