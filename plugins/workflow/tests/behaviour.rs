//! Requirements M.14 to M.17 and M.20 on the real component. Rule: each test names its requirement and fails without
//! it.

use modehost_testkit::{Event, Failure, Kit, TestDevice};
use serde_json::{Value, json};

fn update(title: &str, id: &str) -> Value {
    json!({"type": "workflow", "event": "update", "task": {"id": id, "title": title}})
}

fn ask(event: &str, id: &str) -> Value {
    json!({"type": "workflow", "event": event, "id": id})
}

/// Titles of the last board that the device received.
fn titles(inbox: &[Value]) -> Vec<String> {
    let board = inbox.iter().rev().find(|message| message["tasks"].is_array()).expect("a board");
    let tasks = board["tasks"].as_array().expect("tasks");
    tasks.iter().map(|task| task["title"].as_str().expect("a title").to_owned()).collect()
}

/// The messages that the device receives after sending one.
fn after(device: &mut TestDevice, message: &Value) -> Vec<Value> {
    device.message(message);
    device.inbox()
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
    let (version, _) = kit.document("workflow/board/default");
    assert_eq!((&last["groupKey"], &last["rev"]), (&json!("default"), &json!(version)));
    assert_eq!(last["tasks"][0]["status"], "done");
    assert_eq!(kit.writes("workflow/board/default"), 2);
}

#[test]
fn m14_concurrent_changes_never_lose_one_another() {
    let kit = Kit::build("workflow");
    let mut devices: Vec<_> = (0..12).map(|n| kit.device(&format!("dev-{n}"))).collect();
    for (n, device) in devices.iter_mut().enumerate() {
        device.hold();
        device.message(&update(&format!("T{n}"), &format!("t{n}")));
    }
    // All devices advance one step at a time, so in each round all writes but one conflict.
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
fn m15_a_group_that_could_not_be_listed_is_listed_later() {
    let kit = Kit::build("workflow");
    // The list of groups cannot be read, or cannot be written.
    for steps in [1, 2] {
        let kit = kit.afresh();
        let mut device = kit.device("dev-1");
        device.hold();
        device.message(&update("A", "a"));
        for _ in 0..steps {
            assert!(device.step());
        }
        kit.fail_documents(Failure::Unavailable, 1);
        device.settle();
        assert_eq!(kit.document("workflow/groups").1, None, "{steps}");
        // The storage is away for some more minutes.
        kit.fail_documents(Failure::Unavailable, 3);
        for _ in 0..10 {
            device.advance(60_000);
            device.settle();
        }
        assert_eq!(kit.document("workflow/groups").1.as_deref(), Some(r#"{"groups":["default"]}"#), "{steps}");
        let state = String::from_utf8(device.snapshot().state).expect("text");
        assert!(!state.contains("alarms") && !state.contains("unlisted"), "nothing of it is left: {state}");
    }
}

/// The replies, without boards.
fn answers(inbox: &[Value]) -> Vec<Value> {
    inbox.iter().filter(|message| !message["tasks"].is_array() || message["type"] == "error").cloned().collect()
}

#[test]
fn m14_fifty_changes_at_once_go_into_few_writes_and_each_is_answered() {
    let kit = Kit::build("workflow");
    let (mut device, mut other) = (kit.device("dev-1"), kit.device("dev-2"));
    device.hold();
    for number in 0..50 {
        device.message(&update("A", &format!("a{number}")));
    }
    device.settle();
    let inbox = device.inbox();
    let ids: Vec<String> = answers(&inbox)
        .iter()
        .map(|answer| match answer["status"].as_str() {
            Some("ok") => answer["id"].as_str().unwrap_or_default().to_owned(),
            _ => answer.to_string(),
        })
        .collect();
    assert_eq!(ids, (0..50).map(|number| format!("a{number}")).collect::<Vec<_>>());
    assert_eq!(titles(&inbox).len(), 50);
    let writes = kit.writes("workflow/board/default");
    assert!(writes <= 3, "{writes} writes");
    // The group is told of each write once.
    assert_eq!(other.inbox().len(), writes);
}

#[test]
fn m14_changes_that_wait_are_judged_one_by_one_and_in_their_order() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1");
    device.message(&update("first", "a"));
    device.inbox();
    device.hold();
    let messages = [
        update("second", "a"),
        json!({"type": "workflow", "event": "update", "task": {"id": "a", "title": "stale", "rev": 1}}),
        json!({"type": "workflow", "event": "update", "tasks": [{"id": "b", "title": "B"}, {"id": "a", "title": "no", "rev": 1}]}),
        update("third", "a"),
        json!({"type": "workflow", "event": "complete", "id": "a", "rev": 3}),
        json!({"type": "workflow", "event": "refresh"}),
        ask("complete", "nowhere"),
        json!({"type": "workflow", "event": "update", "tasks": [{"id": "c", "title": "C"}, {"id": "d", "title": "D"}]}),
    ];
    for message in &messages {
        device.message(message);
    }
    device.settle();
    let inbox = device.inbox();
    let words: Vec<String> = answers(&inbox)
        .iter()
        .map(|answer| answer["status"].as_str().or(answer["code"].as_str()).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(words, ["ok", "STALE_REV", "STALE_REV", "ok", "ok", "ok", "TASK_NOT_FOUND", "ok"], "{inbox:?}");
    assert_eq!(titles(&inbox), ["third", "C", "D"], "nothing of a message that was refused is there");
    let task = &inbox.iter().rev().find(|message| message["event"] == "update" && message["tasks"].is_array());
    let task = &task.expect("a board")["tasks"][0];
    assert_eq!((&task["status"], &task["rev"]), (&json!("done"), &json!(4)));
    // One before the task that is looked for everywhere, and one behind it.
    assert_eq!(kit.writes("workflow/board/default"), 3);
}

#[test]
fn m14_what_goes_along_is_made_again_on_the_board_of_others() {
    let kit = Kit::build("workflow");
    let mut devices: Vec<_> = (0..4).map(|n| kit.device(&format!("dev-{n}"))).collect();
    for (n, device) in devices.iter_mut().enumerate() {
        device.hold();
        for number in 0..20 {
            device.message(&update("T", &format!("t{n}-{number}")));
        }
    }
    for _ in 0..200 {
        for device in &mut devices {
            device.step();
        }
        for device in &mut devices {
            device.advance(20);
        }
    }
    let (writes, (_, board)) = (kit.writes("workflow/board/default"), kit.document("workflow/board/default"));
    let board: Value = serde_json::from_str(&board.expect("a board")).expect("JSON");
    assert_eq!(board["tasks"].as_array().map(Vec::len), Some(80));
    assert!(writes <= 12, "{writes} writes");
    for device in &mut devices {
        let inbox = device.inbox();
        assert_eq!(inbox.iter().filter(|message| message["status"] == "ok").count(), 20, "{inbox:?}");
    }
}

#[test]
fn m14_a_board_without_room_for_all_takes_those_that_fit() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1");
    let big = |id: &str, bytes: usize| json!({"type": "workflow", "event": "update", "task": {"id": id, "title": id, "note": "x".repeat(bytes)}});
    device.message(&big("base", 120_000));
    device.message(&big("more", 100_000));
    device.inbox();
    device.hold();
    for id in ["a", "b", "c"] {
        device.message(&big(id, 20_000));
    }
    device.settle();
    let inbox = device.inbox();
    let words: Vec<&str> =
        inbox.iter().filter_map(|message| message["status"].as_str().or(message["code"].as_str())).collect();
    assert_eq!(words, ["ok", "TOO_LARGE", "TOO_LARGE"], "{words:?}");
    assert_eq!(titles(&inbox), ["base", "more", "a"]);
}

#[test]
fn m14_however_many_wait_no_event_does_more_than_it_may() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1").groups(&["a", "b", "c", "d"]);
    device.hold();
    // After a rejected message and after a written one: messages that end at once, and messages for other groups.
    for first in [ask("complete", "nowhere"), update("A", "a")] {
        device.message(&first);
        for number in 0..120 {
            device.message(&json!({"type": "workflow", "event": "refresh"}));
            device.message(&json!({"type": "workflow", "event": "refresh", "groupKey": format!("other-{number}")}));
        }
    }
    device.settle();
    for _ in 0..40 {
        device.advance(20);
        device.settle();
    }
    let inbox = device.inbox();
    let answers = answers(&inbox);
    assert_eq!(answers.iter().filter(|answer| answer["status"] == "ok").count(), 481, "{:?}", answers.last());
    assert_eq!(answers.len(), 482);
}

#[test]
fn m14_more_than_the_state_holds_is_told_when_to_come_again() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1");
    device.hold();
    let note = "x".repeat(8_000);
    for number in 0..15 {
        let task = json!({"id": format!("a{number}"), "title": "A", "note": note});
        device.message(&json!({"type": "workflow", "event": "update", "task": task}));
    }
    assert_eq!(device.inbox(), Vec::<Value>::new());
    let tasks = json!([{"id": "b", "title": "B", "note": note}, {"id": "c", "title": "C"}]);
    device.message(&json!({"type": "workflow", "event": "update", "tasks": tasks, "more": note}));
    let expected = json!({
        "type": "error", "code": "RATE_LIMITED", "retry_after_ms": 1_000,
        "message": "too many changes are waiting; send this one again in a moment",
        "ref": {"type": "workflow", "event": "update", "id": "b", "ids": ["b", "c"]},
    });
    assert_eq!(device.inbox(), [expected]);
    device.settle();
    assert_eq!(titles(&device.inbox()).len(), 15, "those that were taken, and no more");
    device.message(&ask("complete", "a0"));
    device.settle();
    assert_eq!(device.inbox()[0]["status"], "ok");
}

#[test]
fn m20_a_stale_task_changes_nothing_and_is_answered_with_the_task_as_it_is() {
    let kit = Kit::configured("workflow", r#"{"device_alias":{"dev-2":"Bob"}}"#);
    let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
    one.message(&update("A", "a"));
    let shown = one.inbox().last().expect("a board")["tasks"][0].clone();
    assert_eq!(shown["rev"], 1);
    // The other device takes the task and renames it.
    two.message(&ask("assign", "a"));
    two.message(&update("A, renamed", "a"));
    one.inbox();
    // The whole task as it was sent before, with one member changed.
    let mut old = shown.clone();
    old["priority"] = json!("high");
    one.message(&json!({"type": "workflow", "event": "update", "task": old}));
    let inbox = one.inbox();
    let error = &inbox[0];
    assert_eq!((&error["type"], &error["code"]), (&json!("error"), &json!("STALE_REV")), "{inbox:?}");
    assert_eq!(error["ref"], json!({"type": "workflow", "event": "update", "id": "a"}));
    let task = &error["task"];
    assert_eq!((&task["title"], &task["owner"], &task["rev"]), (&json!("A, renamed"), &json!("Bob|dev-2"), &json!(3)));
    assert_eq!(task["groupKey"], "default");
    assert!(error["tasks"].is_null());
    for event in ["complete", "assign"] {
        one.message(&json!({"type": "workflow", "event": event, "id": "a", "rev": 2}));
        assert_eq!(code(&mut one), "STALE_REV", "{event}");
    }
    assert_eq!(titles(&after(&mut one, &json!({"type": "workflow", "event": "refresh"}))), ["A, renamed"]);

    // Based on the current task it is applied; a repetition is accepted too, since the reply may have been lost.
    let mut current = task.clone();
    current["priority"] = json!("high");
    for _ in 0..2 {
        one.message(&json!({"type": "workflow", "event": "update", "task": current}));
        assert_eq!(one.inbox()[0]["status"], "ok");
    }
    let (_, board) = kit.document("workflow/board/default");
    let board: Value = serde_json::from_str(&board.expect("a board")).expect("JSON");
    assert_eq!(board["tasks"][0]["rev"], 4);
    assert_eq!((&board["tasks"][0]["priority"], &board["tasks"][0]["owner"]), (&json!("high"), &json!("dev-2")));

    // Without a `rev`, only the given members change.
    two.message(&json!({"type": "workflow", "event": "update", "task": {"id": "a", "due": "today"}}));
    let (_, board) = kit.document("workflow/board/default");
    let board: Value = serde_json::from_str(&board.expect("a board")).expect("JSON");
    let task = &board["tasks"][0];
    assert_eq!(
        (&task["title"], &task["priority"], &task["due"]),
        (&json!("A, renamed"), &json!("high"), &json!("today"))
    );
}

#[test]
fn m20_a_message_with_several_tasks_is_refused_as_a_whole() {
    let kit = Kit::build("workflow");
    let mut device = kit.device("dev-1");
    for id in ["a", "b", "c"] {
        device.message(&update(id, id));
    }
    device.message(&ask("complete", "a"));
    device.message(&ask("complete", "b"));
    device.inbox();
    let task = |id: &str| json!({"id": id, "title": "new", "rev": 1});
    device
        .message(&json!({"type": "workflow", "event": "update", "rev": 5, "tasks": [task("c"), task("a"), task("b")]}));
    let inbox = device.inbox();
    assert_eq!(inbox[0]["code"], "STALE_REV", "{inbox:?}");
    let ids: Vec<&Value> = inbox[0]["tasks"].as_array().expect("tasks").iter().map(|task| &task["id"]).collect();
    assert_eq!((ids, &inbox[0]["task"]["id"]), (vec![&json!("a"), &json!("b")], &json!("a")));
    assert_eq!(titles(&after(&mut device, &json!({"type": "workflow", "event": "refresh"}))), ["a", "b", "c"]);
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
    // The sender also gets its own board, although it has not changed.
    let inbox = home.inbox();
    assert_eq!(inbox[0]["ids"], json!(["l", "y"]));
    assert!(inbox.iter().any(|message| message["groupKey"] == "home"), "{inbox:?}");
    // A task of another group of the sender is found without `groupKey`.
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
    // A new connection has no board yet; it gets its snapshot as soon as one may be sent.
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
