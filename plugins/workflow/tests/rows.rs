//! The rows M.14 to M.17 against the real component. Rule: each test names its row and would fail
//! without it.

use modehost_testkit::{Event, Failure, Kit, TestDevice};
use serde_json::{Value, json};

fn update(title: &str, id: &str) -> Value {
    json!({"type": "workflow", "event": "update", "task": {"id": id, "title": title}})
}

fn ask(event: &str, id: &str) -> Value {
    json!({"type": "workflow", "event": event, "id": id})
}

/// Titles of the newest board that reached the device.
fn titles(inbox: &[Value]) -> Vec<String> {
    let board = inbox.iter().rev().find(|message| message["tasks"].is_array()).expect("a board");
    let tasks = board["tasks"].as_array().expect("tasks");
    tasks.iter().map(|task| task["title"].as_str().expect("a title").to_owned()).collect()
}

fn code(device: &mut TestDevice) -> String {
    let inbox = device.inbox();
    let error = inbox.iter().find(|message| message["type"] == "error");
    error.map_or_else(|| format!("no error in {inbox:?}"), |error| error["code"].as_str().unwrap_or("").to_owned())
}

#[test]
fn m14_two_devices_share_a_board() {
    let kit = Kit::build("workflow");
    let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
    one.message(&update("A", "a"));
    two.message(&ask("complete", "a"));
    let inbox = one.inbox();
    assert_eq!(inbox[0], json!({"type": "workflow", "status": "ok", "event": "update", "id": "a"}));
    let last = inbox.last().expect("a board");
    assert_eq!((&last["groupKey"], &last["rev"]), (&json!("default"), &json!(2)));
    assert_eq!(last["tasks"][0]["status"], "done");
    assert_eq!(kit.document("workflow/board/default").0, 2);
}

#[test]
fn m14_concurrent_changes_never_lose_one_another() {
    let kit = Kit::build("workflow");
    let mut devices: Vec<_> = (0..12).map(|n| kit.device(&format!("dev-{n}"))).collect();
    for (n, device) in devices.iter_mut().enumerate() {
        device.hold();
        device.message(&update(&format!("T{n}"), &format!("t{n}")));
    }
    // Everybody takes one step at a time, so all writes but one run into a conflict each round.
    for _ in 0..200 {
        for device in &mut devices {
            device.step();
        }
        for device in &mut devices {
            device.advance(20);
        }
    }
    let (_, board) = kit.document("workflow/board/default");
    let board: Value = serde_json::from_str(&board.expect("a board")).expect("JSON");
    assert_eq!(board["tasks"].as_array().map(Vec::len), Some(12));
    for device in &mut devices {
        let acknowledged = device.inbox().iter().filter(|message| message["status"] == "ok").count();
        assert_eq!(acknowledged, 1);
    }
}

#[test]
fn m14_bad_stored_data_costs_the_bad_task_only() {
    let kit = Kit::build("workflow");
    kit.put_document("workflow/board/default", r#"{"tasks":[7,{"id":"a","title":"A"},{"title":"no id"}]}"#);
    let mut device = kit.device("dev-1");
    device.message(&ask("complete", "a"));
    assert_eq!(titles(&device.inbox()), ["A"]);
}

#[test]
fn m14_lost_and_failed_requests() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1");
    kit.fail_documents(Failure::Interrupted, 2);
    device.message(&update("A", "a"));
    assert_eq!(titles(&device.inbox()), ["A"]);
    kit.fail_documents(Failure::Unavailable, 1);
    device.message(&ask("complete", "a"));
    assert_eq!(code(&mut device), "STORAGE_UNAVAILABLE");
    device.message(&ask("complete", "a"));
    assert_eq!(device.inbox()[0]["status"], "ok");
}

#[test]
fn m14_too_many_changes_at_once_are_told_when_to_come_again() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1");
    device.hold();
    for number in 0..32 {
        device.message(&update("A", &format!("a{number}")));
    }
    assert_eq!(device.inbox(), Vec::<Value>::new());
    let tasks = json!([{"id": "b", "title": "B"}, {"id": "c", "title": "C"}]);
    device.message(&json!({"type": "workflow", "event": "update", "tasks": tasks}));
    let expected = json!({
        "type": "error", "code": "RATE_LIMITED", "retry_after_ms": 1_000,
        "message": "too many changes are waiting; send this one again in a moment",
        "ref": {"type": "workflow", "event": "update", "id": "b", "ids": ["b", "c"]},
    });
    assert_eq!(device.inbox(), [expected]);
    device.settle();
    assert_eq!(titles(&device.inbox()).len(), 32, "those that were taken, and no more");
    device.message(&ask("complete", "a0"));
    device.settle();
    assert_eq!(device.inbox()[0]["status"], "ok");
}

#[test]
fn m15_the_group_of_a_change_and_who_is_told() {
    let kit = Kit::build("workflow");
    let mut home = kit.device("dev-1").groups(&["home", "lab"]);
    let mut lab = kit.device("dev-2").group("lab");
    let mut yard = kit.device("dev-3").group("yard");
    home.message(&update("H", "h"));
    assert_eq!((lab.inbox().len(), yard.inbox().len()), (0, 0));
    home.inbox();
    let tasks = json!([{"id": "l", "title": "L"}, {"id": "y", "title": "Y", "groupKey": "yard"}]);
    home.message(&json!({"type": "workflow", "event": "update", "groupKey": "lab", "tasks": tasks}));
    assert_eq!((titles(&lab.inbox()), titles(&yard.inbox())), (vec!["L".to_owned()], vec!["Y".to_owned()]));
    // The sender is told of its own board too, though it has not changed.
    let inbox = home.inbox();
    assert_eq!(inbox[0]["ids"], json!(["l", "y"]));
    assert!(inbox.iter().any(|message| message["groupKey"] == "home"), "{inbox:?}");
    // A task of a further group of the sender is found without being told where it is.
    home.message(&ask("complete", "l"));
    assert_eq!(lab.inbox().last().expect("told")["tasks"][0]["status"], "done");
    home.inbox();
    home.message(&ask("complete", "y"));
    assert_eq!(code(&mut home), "CROSS_GROUP_DENIED");
    home.message(&json!({"type": "workflow", "event": "complete", "id": "y", "groupKey": "yard"}));
    assert_eq!(home.inbox()[0]["status"], "ok");
    home.message(&ask("complete", "nothing"));
    assert_eq!(code(&mut home), "TASK_NOT_FOUND");
}

#[test]
fn m16_snapshots_are_merged() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1");
    let mode = || Event::ModeChanged("any".into());
    device.attach();
    device.tell(Event::Hello("{}".into()));
    device.advance(1499);
    device.tell(mode());
    assert_eq!(device.inbox().len(), 1);
    device.advance(1);
    device.tell(mode());
    assert_eq!(device.inbox().len(), 1);
    // A new connection has nothing yet; it gets its snapshot as soon as one may be sent.
    device.advance(500);
    device.attach();
    assert_eq!(device.inbox().len(), 0);
    device.advance(1000);
    assert_eq!(device.inbox().len(), 1);
}

#[test]
fn m17_owners_show_with_their_names() {
    let kit = Kit::configured("workflow", r#"{"device_alias":{"dev-2":"Bob"}}"#);
    let mut device = kit.device("dev-1").alias("Ann");
    let owner = |device: &mut TestDevice| device.inbox().last().expect("a board")["tasks"][0]["owner"].clone();
    device.message(&update("A", "a"));
    device.message(&ask("assign", "a"));
    assert_eq!(owner(&mut device), "Ann|dev-1");
    device.message(&json!({"type": "workflow", "event": "assign", "id": "a", "owner": "DEV-2"}));
    assert_eq!(owner(&mut device), "Bob|dev-2");
}

#[test]
fn c10_a_bad_message_changes_nothing() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1");
    device.message(&json!({"type": "workflow", "event": "done"}));
    let error = &device.inbox()[0];
    assert_eq!(error["message"], "event must be one of: update, complete, assign, refresh");
    assert_eq!(kit.document("workflow/board/default").0, 0);
}

#[test]
fn h2_a_swap_at_any_event_is_unseen() {
    Kit::build("workflow").assert_swaps_unseen(None, |kit| {
        let mut one = kit.device("dev-1").groups(&["home", "lab"]);
        let mut two = kit.device("dev-2").group("lab");
        one.attach();
        one.hold();
        one.message(&update("A", "a"));
        one.message(&json!({"type": "workflow", "event": "update", "tasks": [{"title": "B"}, {"title": "C", "groupKey": "lab"}]}));
        one.step();
        two.message(&update("D", "d"));
        one.settle();
        one.message(&ask("complete", "d"));
        one.settle();
        (one.inbox(), two.inbox(), one.effects(), two.effects())
    });
}

#[test]
fn an_idle_snapshot_is_small() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1");
    device.message(&update("A", "a"));
    let bytes = device.snapshot().state.len();
    assert!(bytes < 160, "{bytes} bytes");
}
