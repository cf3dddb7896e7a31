//! One instance under attack: state, budgets, isolation. Rule: the real component in the real runtime; a broken guest
//! costs its own instance and no other.

use std::time::{Duration, Instant};

use crate::fixture::{CONTEXT, load, message, run_command, runtime, sent};
use modehost_contract::effect::{Output, Write};
use modehost_contract::{Context, Effect, Event, Fault, Generation};

#[test]
fn handle_counts_and_a_snapshot_carries_the_count_over() {
    let generation = load(&runtime(), &[]).expect("loads");
    let mut first = generation.open().expect("opens");
    for expected in 1..=3 {
        let effects = run_command(&mut *first, "count").expect("counts");
        assert_eq!(sent(&effects)["count"], expected);
    }
    let snapshot = first.snapshot().expect("a snapshot");
    drop(first);
    let mut second = generation.restore(&snapshot).expect("restores");
    assert_eq!(sent(&run_command(&mut *second, "count").expect("counts"))["count"], 4);
}

#[test]
fn instances_share_nothing() {
    let generation = load(&runtime(), &[]).expect("loads");
    let mut one = generation.open().expect("opens");
    let mut other = generation.open().expect("opens");
    run_command(&mut *one, "count").expect("counts");
    assert_eq!(sent(&run_command(&mut *other, "count").expect("counts"))["count"], 1);
}

#[test]
fn h4_a_trap_a_loop_a_hog_and_a_flood_cost_one_instance() {
    let runtime = runtime();
    let generation = load(&runtime, &[]).expect("loads");
    let mut neighbour = generation.open().expect("opens");
    type Expected = fn(&Fault) -> bool;
    let cases: [(&str, Expected); 10] = [
        (r#"{"type":"fixture","do":"trap"}"#, |fault| matches!(fault, Fault::Trapped(_))),
        (r#"{"type":"fixture","do":"loop"}"#, |fault| *fault == Fault::TimedOut(100)),
        (r#"{"type":"fixture","do":"hog"}"#, |fault| *fault == Fault::OutOfMemory),
        (r#"{"type":"fixture","do":"deep"}"#, |fault| matches!(fault, Fault::Trapped(_))),
        (r#"{"type":"fixture","do":"flood","n":65}"#, |fault| matches!(fault, Fault::BadEffects(_))),
        (r#"{"type":"fixture","do":"flood","n":500}"#, |fault| matches!(fault, Fault::BadEffects(_))),
        (r#"{"type":"fixture","do":"big","n":600000}"#, |fault| matches!(fault, Fault::BadEffects(_))),
        (
            r#"{"type":"fixture","do":"heavy","n":5}"#,
            |fault| matches!(fault, Fault::BadEffects(why) if why.contains("bytes for one call")),
        ),
        (r#"{"type":"fixture","do":"sleep","n":1000}"#, |fault| matches!(fault, Fault::Trapped(_))),
        (r#"{"type":"fixture","do":"exit"}"#, |fault| matches!(fault, Fault::Trapped(_))),
    ];
    for (number, (body, expected)) in cases.into_iter().enumerate() {
        let mut broken = generation.open().expect("opens");
        let began = Instant::now();
        let fault = broken.handle(CONTEXT, &message(body)).expect_err(body);
        assert!(expected(&fault), "{body}: {fault:?}");
        assert!(began.elapsed() < Duration::from_secs(5), "{body} took {:?}", began.elapsed());
        // A lost instance stays lost, and the others go on.
        assert!(matches!(run_command(&mut *broken, "count"), Err(Fault::Trapped(_))), "{body}");
        assert!(broken.snapshot().is_err(), "{body}");
        assert_eq!(sent(&run_command(&mut *neighbour, "count").expect("goes on"))["count"], number + 1);
    }
    drop(neighbour);
    assert_eq!(runtime.live_instances(), 0);
}

#[test]
fn a_rejection_and_a_failure_leave_the_instance_alive() {
    let generation = load(&runtime(), &[]).expect("loads");
    let mut instance = generation.open().expect("opens");
    let rejected = run_command(&mut *instance, "reject").expect_err("rejected");
    assert!(matches!(rejected, Fault::Rejected(ref why) if why.code == "FIXTURE_REJECTED"), "{rejected:?}");
    assert!(matches!(run_command(&mut *instance, "fail"), Err(Fault::Failed(_))));
    assert_eq!(sent(&run_command(&mut *instance, "count").expect("lives"))["count"], 1);
}

#[test]
fn effects_that_are_malformed_or_not_granted_are_refused() {
    let generation = load(&runtime(), &[]).expect("loads");
    let cases = [
        (r#"{"type":"fixture","do":"bad-json"}"#, "not a JSON object"),
        (r#"{"type":"fixture","do":"no-type"}"#, "missing field `type`"),
        (r#"{"type":"fixture","do":"ungranted"}"#, "grant `model`"),
        (r#"{"type":"fixture","do":"write","key":"other/1","value":"1"}"#, "grant `documents:other/1`"),
        (r#"{"type":"fixture","do":"read","key":""}"#, "key of 0 bytes"),
        (r#"{"type":"fixture","do":"timer","n":604800001}"#, "7 days"),
        (r#"{"type":"fixture","do":"switch"}"#, "grant `switch-mode`"),
    ];
    for (body, word) in cases {
        let mut instance = generation.open().expect("opens");
        let fault = instance.handle(CONTEXT, &message(body)).expect_err(body);
        assert!(matches!(&fault, Fault::BadEffects(why) if why.contains(word)), "{body}: {fault}");
    }
}

#[test]
fn effects_that_are_granted_get_through() {
    let granted = ["documents:fixture/".to_owned(), "dispatch:*".to_owned()];
    let generation = crate::fixture::load_with(&runtime(), &[], None, &granted).expect("loads");
    let mut instance = generation.open().expect("opens");
    let write = message(r#"{"type":"fixture","do":"write","key":"fixture/1","expected":3,"value":"{\"a\":1}"}"#);
    let effects = instance.handle(CONTEXT, &write).expect("granted");
    assert!(matches!(&effects[0], Effect::Write(Write::WriteDocument { key, expected: 3, .. }) if key == "fixture/1"));
    let broken = message(r#"{"type":"fixture","do":"write","key":"fixture/1","value":"{"}"#);
    assert!(matches!(instance.handle(CONTEXT, &broken), Err(Fault::BadEffects(_))));
    let mut instance = generation.open().expect("opens");
    let dispatch = message(r#"{"type":"fixture","do":"dispatch","value":" {\"type\":\"fixture\"} "}"#);
    let effects = instance.handle(CONTEXT, &dispatch).expect("granted");
    assert_eq!(effects, [Effect::Output(Output::Dispatch(r#"{"type":"fixture"}"#.to_owned()))]);
}

#[test]
fn time_and_chance_come_from_the_event_alone() {
    let generation = load(&runtime(), &[]).expect("loads");
    let observe = |context: Context| {
        let mut instance = generation.open().expect("opens");
        let event: Event = message(r#"{"type":"fixture","do":"world"}"#);
        sent(&instance.handle(context, &event).expect("answers"))
    };
    let first = observe(Context { now: 1_234_567, seed: 9 });
    assert_eq!(first["wall"], 1_234_567);
    assert_eq!(first["env"], 0);
    assert_eq!(first["files"], false);
    assert_eq!(first, observe(Context { now: 1_234_567, seed: 9 }));
    assert_ne!(first["wall"], observe(Context { now: 1_234_568, seed: 9 })["wall"]);
}

#[test]
fn what_a_guest_prints_harms_nobody() {
    let generation = load(&runtime(), &[]).expect("loads");
    let mut instance = generation.open().expect("opens");
    for body in [
        r#"{"type":"fixture","do":"stderr","n":200,"text":"noise"}"#,
        r#"{"type":"fixture","do":"stdout","n":1,"text":"a line"}"#,
    ] {
        instance.handle(CONTEXT, &message(body)).expect("prints");
    }
}
