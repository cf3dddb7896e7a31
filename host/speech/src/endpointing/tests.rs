//! The complete transition table of endpointing: every state, every source, every input. Rule: a new input needs a row.

use modehost_protocol::ListenMode::{Auto, Manual, Realtime};

use super::EndpointSource::{Device, Vad};
use super::Input::{
    Bounce, Disconnected, RecogniserFailed, Reset, Resolved, SourceExpired, Start, Stop, TooLong, Unvoiced, VoiceBegan,
    VoiceEnded,
};
use super::State::{Finalizing, Idle, Listening as Open};
use super::*;

/// Every input, in the order of the rows below.
const INPUTS: [Input; 14] = [
    Start(Auto),
    Start(Realtime),
    Start(Manual),
    Stop,
    Bounce,
    SourceExpired,
    VoiceBegan,
    VoiceEnded,
    Unvoiced,
    TooLong,
    RecogniserFailed,
    Disconnected,
    Resolved,
    Reset,
];

fn at(state: State, source: EndpointSource, trusted: bool) -> Endpointer {
    let (open, pending) = match state {
        Idle => (false, 0),
        Open => (true, 0),
        Finalizing => (false, 1),
    };
    Endpointer { open, pending, source, trusted, ..Endpointer::default() }
}

#[test]
fn a1_every_transition() {
    type Row = (State, EndpointSource, Step);
    let same = |state, source| (state, source, Step::Nothing);
    let quiet = |state: State, source: EndpointSource| -> [Row; 14] {
        let began = if source == Vad { (Open, Vad, Step::Open) } else { same(state, Device) };
        [
            same(state, Vad),
            same(state, Vad),
            (Open, Device, Step::Open),
            same(state, Device),
            same(state, Vad),
            (state, Vad, Step::Review),
            began,
            same(state, source),
            same(state, source),
            same(state, source),
            same(state, source),
            same(state, source),
            same(Idle, source),
            (Idle, source, Step::Reset),
        ]
    };
    let open = |source: EndpointSource, trusted: bool| -> [Row; 14] {
        let (ended, unvoiced) = match (source, trusted) {
            (Vad, _) => ((Finalizing, Vad, Step::Close), (Idle, Vad, Step::Discard)),
            (Device, true) => (same(Open, Device), same(Open, Device)),
            // Such a device may never send its stop (A.10).
            (Device, false) => ((Finalizing, Vad, Step::Close), same(Open, Device)),
        };
        // As the source, the VAD has applied its onsets and ends already; otherwise they are reviewed.
        let handed = if source == Device { (Open, Vad, Step::Review) } else { same(Open, Vad) };
        [
            handed,
            handed,
            same(Open, Device),
            (Finalizing, Device, Step::Close),
            (Open, Vad, Step::Review),
            (Open, Vad, Step::Review),
            same(Open, source),
            ended,
            unvoiced,
            (Open, source, Step::Split),
            (Idle, Vad, Step::Discard),
            (Finalizing, source, Step::Close),
            same(Open, source),
            (Idle, source, Step::Reset),
        ]
    };
    for (source, trusted) in [(Vad, false), (Vad, true), (Device, false), (Device, true)] {
        let rows = [quiet(Idle, source), quiet(Finalizing, source), open(source, trusted)];
        for (state, rows) in [Idle, Finalizing, Open].into_iter().zip(rows) {
            for (input, expected) in INPUTS.into_iter().zip(rows) {
                let mut endpointer = at(state, source, trusted);
                let step = endpointer.apply(input);
                let found = (endpointer.state(), endpointer.source(), step);
                assert_eq!(found, expected, "{state:?} with source {source:?}, trusted: {trusted}, {input:?}");
            }
        }
    }
}

#[test]
fn a1_utterances_that_are_awaited_are_counted() {
    let mut endpointer = Endpointer::default();
    for _ in 0..2 {
        assert_eq!(endpointer.apply(Start(Manual)), Step::Open);
        assert_eq!(endpointer.apply(Stop), Step::Close);
    }
    assert_eq!(endpointer.apply(Start(Manual)), Step::Open);
    assert_eq!(endpointer.apply(TooLong), Step::Split);
    assert_eq!(endpointer.apply(Stop), Step::Close);
    for left in (0..4).rev() {
        assert_eq!(endpointer.state(), Finalizing, "{left} more");
        endpointer.apply(Resolved);
    }
    assert_eq!(endpointer.state(), Idle);
    endpointer.apply(Resolved);
    assert_eq!(endpointer.state(), Idle, "one too many does no harm");
}

#[tokio::test(start_paused = true)]
async fn a1_bounces_closer_than_300_ms_are_ignored() {
    let ms = Duration::from_millis;
    for (apart, expected) in [(299, Step::Review), (300, Step::Close)] {
        let (mut endpointer, now) = (Endpointer::default(), Instant::now());
        assert_eq!(endpointer.device_endpoint(Some(Manual), now), Step::Open);
        assert_eq!(endpointer.device_endpoint(None, now + ms(apart)), expected, "stop {apart} ms after start");
    }
    for (apart, expected) in [(299, Step::Nothing), (300, Step::Open)] {
        let (mut endpointer, now) = (Endpointer::default(), Instant::now());
        endpointer.device_endpoint(None, now);
        assert_eq!(endpointer.device_endpoint(Some(Manual), now + ms(apart)), expected, "start {apart} ms after stop");
    }
    // A repeated endpoint is no bounce.
    let (mut endpointer, now) = (Endpointer::default(), Instant::now());
    endpointer.device_endpoint(Some(Auto), now);
    assert_eq!(endpointer.device_endpoint(Some(Manual), now + ms(1)), Step::Open);
}

#[tokio::test(start_paused = true)]
async fn a1_what_is_said_after_a_bounce_is_heard_by_voice() {
    let (mut endpointer, now) = (Endpointer::default(), Instant::now());
    endpointer.device_endpoint(Some(Manual), now);
    endpointer.device_endpoint(None, now + Duration::from_secs(2));
    endpointer.device_endpoint(Some(Manual), now + Duration::from_millis(2100));
    assert_eq!((endpointer.state(), endpointer.source()), (Finalizing, Vad));
    assert_eq!(endpointer.apply(VoiceBegan), Step::Open);
    assert_eq!(
        endpointer.device_endpoint(None, now + Duration::from_secs(4)),
        Step::Close,
        "the device is the source again"
    );
    assert_eq!(endpointer.source(), Device);
}

#[tokio::test(start_paused = true)]
async fn a2_the_devices_rule_lapses() {
    let (mut endpointer, now, fallback) = (Endpointer::default(), Instant::now(), Duration::from_millis(5000));
    assert_eq!(endpointer.source_expires_at(fallback, now), None);
    endpointer.device_endpoint(Some(Auto), now);
    assert_eq!(endpointer.source_expires_at(fallback, now), None, "the VAD is the source already");
    endpointer.device_endpoint(Some(Manual), now);
    let talking = now + Duration::from_secs(3);
    assert_eq!(endpointer.source_expires_at(fallback, talking), Some(now + fallback));
    assert_eq!(endpointer.apply(SourceExpired), Step::Review);
    assert_eq!(endpointer.apply(VoiceEnded), Step::Close);
    assert_eq!(endpointer.apply(VoiceBegan), Step::Open, "one utterance after another");
    assert_eq!(endpointer.source_expires_at(fallback, now), None);
    endpointer.device_endpoint(Some(Manual), now + Duration::from_secs(9));
    assert_eq!(endpointer.source(), Device, "until the next endpoint of the device");
}

#[tokio::test(start_paused = true)]
async fn a10_what_a_device_that_sends_stop_holds_open_is_held_open_while_it_sounds() {
    let (mut endpointer, now, fallback) = (Endpointer::default(), Instant::now(), Duration::from_millis(5000));
    endpointer.device_endpoint(Some(Manual), now);
    assert!(!endpointer.is_trusted());
    endpointer.device_endpoint(None, now + Duration::from_secs(2));
    assert!(endpointer.is_trusted());
    endpointer.apply(Resolved);
    let pressed = now + Duration::from_secs(4);
    endpointer.device_endpoint(Some(Manual), pressed);
    assert_eq!(endpointer.apply(VoiceEnded), Step::Nothing, "a pause with the button held");
    let sounding = pressed + Duration::from_secs(20);
    assert_eq!(endpointer.source_expires_at(fallback, sounding), Some(sounding + fallback));
}
