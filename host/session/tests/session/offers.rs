//! What modes are told of the modes that there are. Rule: a handler knows the list of its server before each event that
//! it gets, and nobody is woken for it.

use modehost_contract::effect::Output;
use modehost_contract::mode_info::ModeInfo;
use modehost_contract::{Effect, Event, Fault};
use serde_json::{Value, json};

use crate::host::{Device, TestHost};
use crate::native::{HandleFn, NativeMode};

/// Reports what it is told, with the number of its event.
fn reports(number: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    *number += 1;
    let told = match event {
        Event::Modes(modes) => json!(modes.iter().map(|mode| &mode.name).collect::<Vec<_>>()),
        other => json!(other.name()),
    };
    let report = json!({ "type": "red", "number": *number, "told": told });
    Ok(vec![Effect::Output(Output::Send(report.to_string()))])
}

/// As `reports`, but traps on the list.
fn traps_on_modes(number: &mut u64, event: &Event) -> Result<Vec<Effect>, Fault> {
    match event {
        Event::Modes(_) => Err(Fault::Trapped("on purpose".into())),
        other => reports(number, other),
    }
}

fn nothing(_: &mut u64, _: &Event) -> Result<Vec<Effect>, Fault> {
    Ok(vec![])
}

fn subscribed(generation: u64, handle_fn: HandleFn) -> NativeMode {
    let mut native = NativeMode::new("red", generation, handle_fn);
    native.manifest.subscriptions.modes = true;
    native
}

/// What the mode has been told, up to the message that is sent now.
async fn told(device: &mut Device) -> Vec<Value> {
    device.say(json!({ "type": "red" })).await;
    let mut told = Vec::new();
    while told.last() != Some(&json!("message")) {
        told.push(device.expect_message(|message| message["type"] == "red").await["told"].clone());
    }
    told
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_the_modes_are_told_after_the_start_and_again_only_when_they_change() {
    let host = TestHost::new();
    host.catalog.publish(subscribed(1, reports));
    host.catalog.publish(NativeMode::new("blue", 2, nothing));
    let mut device = host.device("a");
    assert_eq!(told(&mut device).await, [json!("started"), json!(["blue", "red"]), json!("message")]);
    assert_eq!(told(&mut device).await, [json!("message")]);

    host.catalog.publish(NativeMode::new("green", 3, nothing));
    assert_eq!(told(&mut device).await, [json!(["blue", "green", "red"]), json!("message")]);
    // Another version with the same mode is no change.
    host.catalog.publish(NativeMode::new("green", 4, nothing));
    assert_eq!(told(&mut device).await, [json!("message")]);

    let mut described = NativeMode::new("green", 5, nothing);
    described.manifest.modes[0] = ModeInfo { description: "Greener.".into(), ..described.manifest.modes[0].clone() };
    host.catalog.publish(described);
    assert_eq!(told(&mut device).await, [json!(["blue", "green", "red"]), json!("message")]);

    host.catalog.remove("blue");
    host.catalog.remove("green");
    assert_eq!(told(&mut device).await, [json!(["red"]), json!("message")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_a_version_that_takes_over_is_told_the_modes_again() {
    let host = TestHost::new();
    host.catalog.publish(NativeMode::new("red", 1, reports));
    let mut device = host.device("a");
    assert_eq!(told(&mut device).await, [json!("started"), json!("message")], "it has not subscribed");
    host.catalog.publish(subscribed(2, reports));
    assert_eq!(told(&mut device).await, [json!("upgraded"), json!(["red"]), json!("message")]);
    host.catalog.publish(subscribed(3, reports));
    assert_eq!(told(&mut device).await, [json!("upgraded"), json!(["red"]), json!("message")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn m2_a_restart_of_the_server_may_have_changed_the_modes() {
    let mut host = TestHost::new();
    host.catalog.publish(subscribed(1, reports));
    host.catalog.publish(NativeMode::new("blue", 2, nothing));
    let mut device = host.device("a");
    assert_eq!(told(&mut device).await.len(), 3);
    host.restart().await;
    host.catalog.publish(subscribed(1, reports));
    let mut device = host.device("a");
    assert_eq!(told(&mut device).await, [json!(["red"]), json!("message")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn h4_a_list_that_traps_costs_no_other_event() {
    let host = TestHost::new();
    host.catalog.publish(subscribed(1, traps_on_modes));
    let mut device = host.device("a");
    assert_eq!(told(&mut device).await, [json!("started"), json!("message")]);
    let faults = host.catalog.count("faulted");
    assert_eq!(told(&mut device).await, [json!("message")]);
    assert_eq!(host.catalog.count("faulted"), faults, "it is not told again");
}
