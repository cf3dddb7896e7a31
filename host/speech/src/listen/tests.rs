//! The table of listening, whole: every state, every ruler, every input.

use modehost_protocol::ListenMode::{Auto, Manual, Realtime};

use super::Input::{
    Bounce, Broken, Gone, Lapse, Reset, Settled, Start, Stop, TooLong, Unvoiced, VoiceBegan, VoiceEnded,
};
use super::Ruler::{Device, Voice};
use super::State::{Finalizing, Idle, Listening as Open};
use super::*;

/// Every input, in the order of the rows below.
const INPUTS: [Input; 14] = [
    Start(Auto),
    Start(Realtime),
    Start(Manual),
    Stop,
    Bounce,
    Lapse,
    VoiceBegan,
    VoiceEnded,
    Unvoiced,
    TooLong,
    Broken,
    Gone,
    Settled,
    Reset,
];

fn at(state: State, ruler: Ruler, trusted: bool) -> Listening {
    let (open, settling) = match state {
        Idle => (false, 0),
        Open => (true, 0),
        Finalizing => (false, 1),
    };
    Listening { open, settling, ruler, trusted, ..Listening::default() }
}

#[test]
fn a1_every_transition() {
    type Row = (State, Ruler, Step);
    let same = |state, ruler| (state, ruler, Step::Nothing);
    let quiet = |state: State, ruler: Ruler| -> [Row; 14] {
        let began = if ruler == Voice { (Open, Voice, Step::Open) } else { same(state, Device) };
        [
            same(state, Voice),
            same(state, Voice),
            (Open, Device, Step::Open),
            same(state, Device),
            same(state, Voice),
            (state, Voice, Step::Review),
            began,
            same(state, ruler),
            same(state, ruler),
            same(state, ruler),
            same(state, ruler),
            same(state, ruler),
            same(Idle, ruler),
            (Idle, ruler, Step::Forget),
        ]
    };
    let open = |ruler: Ruler, trusted: bool| -> [Row; 14] {
        let (ended, unvoiced) = match (ruler, trusted) {
            (Voice, _) => ((Finalizing, Voice, Step::Close), (Idle, Voice, Step::Discard)),
            (Device, true) => (same(Open, Device), same(Open, Device)),
            // Nobody knows whether its stop will come (A.10).
            (Device, false) => ((Finalizing, Voice, Step::Close), same(Open, Device)),
        };
        // Voice has told its boundaries already, where it did not rule.
        let handed = if ruler == Device { (Open, Voice, Step::Review) } else { same(Open, Voice) };
        [
            handed,
            handed,
            same(Open, Device),
            (Finalizing, Device, Step::Close),
            (Open, Voice, Step::Review),
            (Open, Voice, Step::Review),
            same(Open, ruler),
            ended,
            unvoiced,
            (Open, ruler, Step::Cut),
            (Idle, Voice, Step::Discard),
            (Finalizing, ruler, Step::Close),
            same(Open, ruler),
            (Idle, ruler, Step::Forget),
        ]
    };
    for (ruler, trusted) in [(Voice, false), (Voice, true), (Device, false), (Device, true)] {
        let rows = [quiet(Idle, ruler), quiet(Finalizing, ruler), open(ruler, trusted)];
        for (state, rows) in [Idle, Finalizing, Open].into_iter().zip(rows) {
            for (input, expected) in INPUTS.into_iter().zip(rows) {
                let mut listening = at(state, ruler, trusted);
                let step = listening.apply(input);
                let found = (listening.state(), listening.ruler(), step);
                assert_eq!(found, expected, "{state:?} ruled by {ruler:?}, trusted: {trusted}, {input:?}");
            }
        }
    }
}

#[test]
fn a1_utterances_that_are_awaited_are_counted() {
    let mut listening = Listening::default();
    for _ in 0..2 {
        assert_eq!(listening.apply(Start(Manual)), Step::Open);
        assert_eq!(listening.apply(Stop), Step::Close);
    }
    assert_eq!(listening.apply(Start(Manual)), Step::Open);
    assert_eq!(listening.apply(TooLong), Step::Cut);
    assert_eq!(listening.apply(Stop), Step::Close);
    for left in (0..4).rev() {
        assert_eq!(listening.state(), Finalizing, "{left} more");
        listening.apply(Settled);
    }
    assert_eq!(listening.state(), Idle);
    listening.apply(Settled);
    assert_eq!(listening.state(), Idle, "one too many does no harm");
}

#[tokio::test(start_paused = true)]
async fn a1_bounces_closer_than_300_ms_are_ignored() {
    let ms = Duration::from_millis;
    for (apart, expected) in [(299, Step::Review), (300, Step::Close)] {
        let (mut listening, now) = (Listening::default(), Instant::now());
        assert_eq!(listening.boundary(Some(Manual), now), Step::Open);
        assert_eq!(listening.boundary(None, now + ms(apart)), expected, "stop {apart} ms after start");
    }
    for (apart, expected) in [(299, Step::Nothing), (300, Step::Open)] {
        let (mut listening, now) = (Listening::default(), Instant::now());
        listening.boundary(None, now);
        assert_eq!(listening.boundary(Some(Manual), now + ms(apart)), expected, "start {apart} ms after stop");
    }
    // A boundary that is only repeated is none that bounces.
    let (mut listening, now) = (Listening::default(), Instant::now());
    listening.boundary(Some(Auto), now);
    assert_eq!(listening.boundary(Some(Manual), now + ms(1)), Step::Open);
}

#[tokio::test(start_paused = true)]
async fn a1_what_is_said_after_a_bounce_is_heard_by_voice() {
    let (mut listening, now) = (Listening::default(), Instant::now());
    listening.boundary(Some(Manual), now);
    listening.boundary(None, now + Duration::from_secs(2));
    listening.boundary(Some(Manual), now + Duration::from_millis(2100));
    assert_eq!((listening.state(), listening.ruler()), (Finalizing, Voice));
    assert_eq!(listening.apply(VoiceBegan), Step::Open);
    assert_eq!(listening.boundary(None, now + Duration::from_secs(4)), Step::Close, "a clear boundary rules again");
    assert_eq!(listening.ruler(), Device);
}

#[tokio::test(start_paused = true)]
async fn a2_the_devices_rule_lapses() {
    let (mut listening, now, fallback) = (Listening::default(), Instant::now(), Duration::from_millis(5000));
    assert_eq!(listening.lapses_at(fallback, now), None);
    listening.boundary(Some(Auto), now);
    assert_eq!(listening.lapses_at(fallback, now), None, "voice rules anyway");
    listening.boundary(Some(Manual), now);
    let talking = now + Duration::from_secs(3);
    assert_eq!(listening.lapses_at(fallback, talking), Some(now + fallback));
    assert_eq!(listening.apply(Lapse), Step::Review);
    assert_eq!(listening.apply(VoiceEnded), Step::Close);
    assert_eq!(listening.apply(VoiceBegan), Step::Open, "one utterance after another");
    assert_eq!(listening.lapses_at(fallback, now), None);
    listening.boundary(Some(Manual), now + Duration::from_secs(9));
    assert_eq!(listening.ruler(), Device, "until the device sets a boundary again");
}

#[tokio::test(start_paused = true)]
async fn a10_what_a_device_that_sends_stop_holds_open_is_held_open_while_it_sounds() {
    let (mut listening, now, fallback) = (Listening::default(), Instant::now(), Duration::from_millis(5000));
    listening.boundary(Some(Manual), now);
    assert!(!listening.is_trusted());
    listening.boundary(None, now + Duration::from_secs(2));
    assert!(listening.is_trusted());
    listening.apply(Settled);
    let pressed = now + Duration::from_secs(4);
    listening.boundary(Some(Manual), pressed);
    assert_eq!(listening.apply(VoiceEnded), Step::Nothing, "whoever thinks holds the button");
    let sounding = pressed + Duration::from_secs(20);
    assert_eq!(listening.lapses_at(fallback, sounding), Some(sounding + fallback));
}
