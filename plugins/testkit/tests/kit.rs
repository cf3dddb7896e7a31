//! The kit with a real component. Rule: what a test does to a device happens to its instance, and a
//! swap stays unseen whatever else happens.

use modehost_testkit::{Failure, Kit, Part, TestDevice};
use serde_json::{Value, json};

fn update(id: &str) -> Value {
    json!({"type": "workflow", "event": "update", "task": {"id": id, "title": id}})
}

fn owner(device: &mut TestDevice) -> Value {
    device.message(&json!({"type": "workflow", "event": "assign", "id": "a", "owner": "dev-2"}));
    device.inbox().last().expect("a board")["tasks"][0]["owner"].clone()
}

#[test]
fn a_restart_interrupts_what_waits_and_the_mode_goes_on() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1");
    device.hold();
    device.message(&update("a"));
    assert!(device.step(), "the board is read");
    device.restart();
    device.settle();
    let (_, board) = kit.document("workflow/board/default");
    assert!(board.is_some_and(|board| board.contains(r#""a""#)), "it tries again and writes");
}

#[test]
fn a_change_of_settings_reaches_the_instance_and_those_after_it() {
    let kit = Kit::build("workflow");
    let script = |kit: &Kit| {
        let mut device = kit.device("dev-1");
        device.message(&update("a"));
        let before = owner(&mut device);
        device.configure(r#"{"device_alias":{"dev-2":"Bob"}}"#);
        let after = owner(&mut device);
        device.restart();
        (before, after, owner(&mut device))
    };
    assert_eq!(script(&kit.afresh()), (json!("dev-2"), json!("Bob|dev-2"), json!("Bob|dev-2")));
    kit.assert_swaps_unseen(None, script);
}

#[test]
fn a_rejection_shows_the_time_to_retry_if_it_names_one() {
    let kit = Kit::build("modehost-guests-next");
    let mut device = kit.device("dev-1");
    let body = json!({"type": "fixture", "do": "reject", "code": "BUSY", "message": "later"});
    device.message(&body);
    device.message(&json!({"type": "fixture", "do": "reject", "code": "BUSY", "message": "later", "retry": 1_500}));
    let error = json!({"type": "error", "code": "BUSY", "message": "later"});
    let mut timed = error.clone();
    timed["retry_after_ms"] = json!(1_500);
    assert_eq!(device.inbox(), [error, timed]);
}

#[test]
fn what_shall_fail_fails_so_often_and_for_this_part_only() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1");
    kit.fail(Part::Hooks, Failure::Rejected, 1);
    kit.fail(Part::Documents, Failure::Unavailable, 1);
    device.message(&update("a"));
    assert_eq!(device.inbox()[0]["code"], "STORAGE_UNAVAILABLE");
    device.message(&update("a"));
    assert_eq!(device.inbox()[0]["status"], "ok");
}
