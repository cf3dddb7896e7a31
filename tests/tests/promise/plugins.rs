//! The property that is checked for any bytes as messages to the bundled plugins; used by the corpus test and by the
//! fuzz target `plugins`. Rule: each message is accepted or rejected, and the state after it survives a swap.
//!
//! The first byte selects the plugin; then each line is the body of a message, or a letter and a number
//! for an outcome: `n` and `d` documents, `w` and `c` writes, `r` done, `f` failed, else a timer.

use modehost_sdk::{
    Context, Device, Document, Event, Failure, Message, Mode, RequestDone, RequestFailed, Start, WriteDone, round_trip,
};

/// The event that a line encodes.
fn event(kind: &str, line: &[u8]) -> Event {
    let text = std::str::from_utf8(line).unwrap_or_default();
    // The host passes JSON objects only.
    if text.starts_with('{') && serde_json::from_str::<serde_json::Value>(text).is_ok() {
        return Event::Message(Message { kind: kind.into(), body: text.into() });
    }
    let request = text.get(1..).and_then(|number| number.trim().parse().ok()).unwrap_or(1);
    let document = |version, value| Document { request: Some(request), key: "k".into(), version, value };
    match text.chars().next() {
        Some('n') => Event::Document(document(0, None)),
        Some('d') => Event::Document(document(3, text.split_once(' ').map(|(_, value)| value.to_owned()))),
        Some('w') => Event::WriteDone(WriteDone { request, key: "k".into(), version: 2 }),
        Some('c') => Event::WriteConflict(document(4, Some("{}".into()))),
        Some('r') => Event::RequestDone(RequestDone { request, value: 1 }),
        Some('f') => Event::RequestFailed(RequestFailed { request, reason: Failure::TimedOut, message: String::new() }),
        _ => Event::Timer(request % 4),
    }
}

fn play<M: Mode>(kind: &str, mode: Option<&str>, bytes: &[u8]) {
    let device = Device { id: "dev-1".into(), alias: None, groups: vec!["g".into()] };
    let start =
        Event::Started(Start { mode: mode.map(str::to_owned), device, session_id: "s".into(), language: "zh".into() });
    let events = bytes.split(|byte| *byte == b'\n').take(24).map(|line| event(kind, line));
    let script = std::iter::once(start).chain(events).enumerate();
    let script: Vec<_> = script.map(|(n, event)| (Context { now: n as u64 * 700, seed: n as u64 }, event)).collect();
    assert_eq!(round_trip::<M>("{}", &script), Ok(()));
}

/// # Panics
/// If the property does not hold.
pub fn keeps(bytes: &[u8]) {
    let Some((first, rest)) = bytes.split_first() else { return };
    match first % 4 {
        0 => play::<meeting::Meeting>("meeting", Some("meeting"), rest),
        1 => play::<coding::Coding>("coding", Some("coding"), rest),
        2 => play::<workflow::Workflow>("workflow", None, rest),
        _ => play::<peers::Peers>("peer", None, rest),
    }
}
