//! Requirements P.1, P.2, P.4 and P.5 on the real component. Rule: each test names its requirement and fails without
//! it.

use modehost_testkit::{EndReason, Event, Failure, Kit, TestDevice};
use serde_json::{Value, json};

const INTERVAL_MS: u64 = 5_000;

fn peer(id: &str, to: Value) -> Value {
    json!({"type": "peer", "id": id, "to": to, "category": "chat", "payload": {"text": id}})
}

fn relayed(id: &str, to: Value) -> Value {
    let mut message = peer(id, to);
    message["relay"] = json!({"instruction": "make it short"});
    message
}

fn receipt(id: &str, delivered: &[&str], queued: &[&str], failed: &[(&str, &str)]) -> Value {
    let failed: Vec<Value> = failed.iter().map(|(to, reason)| json!({"to": to, "reason": reason})).collect();
    json!({"type": "peer", "event": "receipt", "id": id, "delivered": delivered, "queued": queued, "failed": failed})
}

/// Ids of the messages that the device has received since the last call.
fn received(device: &mut TestDevice) -> Vec<Value> {
    let inbox = device.inbox();
    let messages = inbox.into_iter().filter(|message| message["event"] == "message");
    messages.map(|message| message["id"].clone()).collect()
}

const CLOSED: &str = "not allowed by the access rules";

#[test]
fn p1_one_device_gets_the_message_and_the_sender_a_receipt() {
    let kit = Kit::build("peers");
    let (mut one, mut two) = (kit.device("dev-1").alias("Desk"), kit.device("dev-2"));
    let payload = json!({"text": "你好", "n": 0.1});
    one.message(&json!({"type": "peer", "id": 7, "to": " DEV-2 ", "category": " Task ", "payload": payload}));
    let expected = json!({
        "type": "peer", "event": "message", "id": 7, "from": "dev-1", "from_alias": "Desk", "category": "task",
        "payload": payload, "ts": kit.now(), "offline": false,
        // For devices that do not know the type.
        "alert": { "status": "Desk", "message": "你好", "emotion": "neutral" },
    });
    assert_eq!(two.inbox(), [expected]);
    let mut expected = receipt("", &["dev-2"], &[], &[]);
    expected["id"] = json!(7);
    assert_eq!(one.inbox(), [expected]);
}

#[test]
fn p1_several_devices_a_group_and_everyone() {
    let kit = Kit::build("peers");
    let mut one = kit.device("dev-1").group("red");
    let mut others: Vec<_> =
        [("dev-2", "red"), ("dev-3", "red"), ("dev-4", "blue")].map(|(id, group)| kit.device(id).group(group)).into();
    one.message(&peer("a", json!(["dev-2", "dev-4", "dev-2", "away"])));
    one.message(&peer("b", json!({"group": "red"})));
    one.message(&peer("c", json!("*")));
    let got: Vec<_> = others.iter_mut().map(received).collect();
    assert_eq!(got, [vec!["a", "b", "c"], vec!["b", "c"], vec!["a", "c"]]);
    let inbox = one.inbox();
    assert_eq!(inbox[0], receipt("a", &["dev-2", "dev-4"], &["away"], &[]));
    assert_eq!(inbox[1], receipt("b", &["dev-2", "dev-3"], &[], &[]));
    assert_eq!(inbox[2], receipt("c", &["dev-2", "dev-3", "dev-4"], &[], &[]));
}

#[test]
fn p1_nobody_there_is_said() {
    let kit = Kit::build("peers");
    let mut one = kit.device("dev-1");
    one.message(&peer("a", json!({"group": "red"})));
    let mut brief = peer("b", json!("away"));
    brief["ttl_ms"] = json!(0);
    one.message(&brief);
    let inbox = one.inbox();
    assert_eq!(inbox[0], receipt("a", &[], &[], &[("group:red", "there is no other device")]));
    assert_eq!((&inbox[1]["failed"][0]["to"], &inbox[1]["queued"]), (&json!("away"), &json!([])));
}

#[test]
fn p1_access_rules_hold_for_every_way_of_addressing() {
    let section = json!({
        "acl": [{"from": "boss", "allow": true}, {"to": "quiet", "category": "chat", "allow": false}],
        "groups": {"red": ["dev-1", "dev-2", "quiet"]},
    });
    let kit = Kit::configured("peers", &section.to_string());
    let mut one = kit.device("dev-1").group("red");
    let mut boss = kit.device("boss");
    let (mut two, mut quiet) = (kit.device("dev-2").group("red"), kit.device("quiet").group("red"));
    one.message(&peer("a", json!(["dev-2", "quiet"])));
    one.message(&peer("b", json!({"group": "red"})));
    one.message(&peer("c", json!("*")));
    one.message(&peer("d", json!("quiet")));
    assert_eq!(received(&mut two), ["a", "b", "c"]);
    assert_eq!(received(&mut quiet), [] as [Value; 0]);
    let inbox = one.inbox();
    assert_eq!(inbox[0], receipt("a", &["dev-2"], &[], &[("quiet", CLOSED)]));
    assert_eq!(inbox[1], receipt("b", &["dev-2"], &[], &[("quiet", CLOSED)]));
    assert_eq!(inbox[2], receipt("c", &["boss", "dev-2"], &[], &[("quiet", CLOSED)]));
    assert_eq!(inbox[3], receipt("d", &[], &[], &[("quiet", CLOSED)]));
    boss.message(&peer("e", json!("quiet")));
    let mut task = peer("f", json!("quiet"));
    task["category"] = json!("task");
    one.message(&task);
    assert_eq!(received(&mut quiet), ["e", "f"]);
}

#[test]
fn p1_no_model_is_asked_for_what_nobody_may_get() {
    let kit = Kit::configured("peers", r#"{"acl":[{"allow":false}]}"#);
    let mut one = kit.device("dev-1");
    one.message(&relayed("a", json!("dev-2")));
    assert_eq!(one.inbox(), [receipt("a", &[], &[], &[("dev-2", CLOSED)])]);
    assert_eq!(kit.asked().len(), 0);
}

#[test]
fn p1_a_hot_change_of_the_rules_holds_for_the_next_message() {
    let kit = Kit::build("peers");
    let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
    one.message(&peer("a", json!("dev-2")));
    one.configure(r#"{"acl":[{"allow":false}]}"#);
    one.message(&peer("b", json!("dev-2")));
    assert_eq!(received(&mut two), ["a"]);
    assert_eq!(one.inbox()[1], receipt("b", &[], &[], &[("dev-2", CLOSED)]));
}

#[test]
fn p1_a_delivery_that_cannot_be_stored_or_is_cut_off_has_a_receipt() {
    let kit = Kit::build("peers");
    let mut one = kit.device("dev-1");
    one.hold();
    one.message(&peer("a", json!(["x", "y"])));
    let message = "the disk is full".into();
    one.tell(Event::RequestFailed { request: 1, reason: Failure::Unavailable, message });
    assert_eq!(one.inbox(), [receipt("a", &[], &[], &[("x,y", "the disk is full")])]);
    one.settle();
    assert_eq!(one.inbox().len(), 0, "one receipt for one message");
    one.message(&peer("b", json!("x")));
    one.restart();
    one.settle();
    let reason = "the server was restarted; it may have arrived or not";
    assert_eq!(one.inbox(), [receipt("b", &[], &[], &[("x", reason)])]);
}

#[test]
fn p2_broadcasts_keep_their_distance() {
    let kit = Kit::build("peers");
    let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
    one.message(&peer("a", json!("*")));
    one.advance(INTERVAL_MS - 1_200);
    one.inbox();
    one.message(&peer("b", json!("*")));
    let inbox = one.inbox();
    assert_eq!((&inbox[0]["code"], &inbox[0]["retry_after_ms"]), (&json!("RATE_LIMITED"), &json!(1_200)));
    assert_eq!(inbox[0]["ref"], json!({"type": "peer", "id": "b"}));
    // Other devices may send to everyone, and this one may send other messages.
    two.message(&peer("c", json!("*")));
    one.message(&peer("d", json!("dev-2")));
    assert_eq!(received(&mut one), ["c"]);
    // A rejected message does not count: the interval starts with the last accepted one.
    one.advance(1_200);
    one.message(&peer("e", json!("*")));
    assert_eq!(received(&mut two), ["a", "d", "e"]);
}

#[test]
fn p2_the_distance_outlives_instance_and_process() {
    let kit = Kit::build("peers");
    let mut one = kit.device("dev-1");
    kit.device("dev-2");
    one.message(&peer("a", json!("*")));
    one.restart();
    one.inbox();
    one.message(&peer("b", json!("*")));
    assert_eq!(one.inbox()[0]["code"], "RATE_LIMITED");
}

#[test]
fn p4_what_waited_says_so_comes_in_order_and_the_sender_hears_of_it() {
    let kit = Kit::build("peers");
    let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
    two.leave();
    for id in ["a", "b", "c"] {
        one.message(&peer(id, json!("dev-2")));
        assert_eq!(one.inbox(), [receipt(id, &[], &["dev-2"], &[])]);
    }
    two.come_back();
    let inbox = two.inbox();
    let seen: Vec<_> = inbox.iter().map(|message| (&message["id"], &message["offline"])).collect();
    assert_eq!(seen, [(&json!("a"), &json!(true)), (&json!("b"), &json!(true)), (&json!("c"), &json!(true))]);
    assert_eq!(one.inbox(), [json!({"type": "peer", "event": "redelivered", "to": "dev-2", "count": 3})]);
}

#[test]
fn p5_a_model_rewrites_the_message() {
    let kit = Kit::build("peers");
    let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
    kit.answer_model("relay", r#"{"text":"short"}"#);
    let asked_at = kit.now();
    one.message(&relayed("a", json!("dev-2")));
    let inbox = two.inbox();
    assert_eq!((&inbox[0]["payload"], &inbox[0]["relayed"]), (&json!({"text": "short"}), &json!(true)));
    assert_eq!((&inbox[0]["ts"], inbox.len()), (&json!(asked_at), 1));
    assert_eq!(one.inbox(), [receipt("a", &["dev-2"], &[], &[])]);
    let asked = kit.asked();
    assert!(asked[0].json && asked[0].messages[1].content.contains("make it short"));
}

/// The code and the message of the sender's error, and the payload that the receiver gets.
fn fallback(kit: &Kit) -> (Value, Value, Value) {
    let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
    one.message(&relayed("a", json!("dev-2")));
    one.advance(20_000);
    let (sent, got) = (one.inbox(), two.inbox());
    assert_eq!((sent.len(), got.len()), (2, 1), "{sent:?} {got:?}");
    assert_eq!(sent[0]["ref"], json!({"type": "peer", "id": "a"}));
    assert_eq!(sent[1], receipt("a", &["dev-2"], &[], &[]));
    assert!(got[0].get("relayed").is_none());
    (sent[0]["code"].clone(), sent[0]["message"].clone(), got[0]["payload"].clone())
}

#[test]
fn p5_an_answer_that_is_no_json_delivers_the_original() {
    for answer in ["just prose", "{}", r#"{"text":7}"#] {
        let kit = Kit::build("peers");
        kit.answer_model("relay", answer);
        let (code, message, payload) = fallback(&kit);
        assert_eq!((code, payload), (json!("LLM_OUTPUT_NOT_JSON"), json!({"text": "a"})), "{message}");
    }
    let kit = Kit::build("peers");
    kit.fail_model("relay", Failure::NotJson);
    assert_eq!(fallback(&kit).0, "LLM_OUTPUT_NOT_JSON");
}

#[test]
fn p5_no_model_a_failing_or_a_slow_one_deliver_the_original() {
    for reason in [Failure::Unavailable, Failure::TimedOut, Failure::Rejected, Failure::TooMany] {
        let kit = Kit::build("peers");
        kit.fail_model("relay", reason);
        let (code, _, payload) = fallback(&kit);
        assert_eq!((code, payload), (json!("LLM_UNAVAILABLE"), json!({"text": "a"})));
    }
    let kit = Kit::build("peers");
    kit.hold_model("relay");
    let (code, message, _) = fallback(&kit);
    assert_eq!(code, "LLM_UNAVAILABLE");
    assert_eq!(message, "the model did not answer in time; the message was sent as it was");
}

#[test]
fn p5_a_restart_asks_again_and_only_once() {
    let kit = Kit::build("peers");
    let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
    kit.hold_model("relay");
    one.message(&relayed("a", json!("dev-2")));
    one.restart();
    assert_eq!((kit.asked().len(), received(&mut two).len()), (2, 0));
    one.restart();
    assert_eq!((kit.asked().len(), received(&mut two)), (2, vec![json!("a")]));
    assert_eq!(one.inbox()[0]["code"], "LLM_UNAVAILABLE");
}

#[test]
fn p5_rules_and_places_hold_while_the_model_works() {
    let kit = Kit::build("peers");
    let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
    kit.hold_model("relay");
    for id in ["a", "b", "c", "d", "e"] {
        one.message(&relayed(id, json!("dev-2")));
    }
    let refused = one.inbox();
    assert_eq!((refused.len(), &refused[0]["code"]), (1, &json!("RATE_LIMITED")));
    assert_eq!(refused[0]["ref"]["id"], "e");
    // Other messages do not wait for relays, and the rules at the time of delivery apply.
    one.message(&peer("f", json!("dev-2")));
    assert_eq!(received(&mut two), ["f"]);
    one.configure(r#"{"acl":[{"allow":false}]}"#);
    for _ in 0..4 {
        kit.answer_model("relay", r#"{"text":"short"}"#);
    }
    kit.release_model("relay");
    one.settle();
    assert_eq!(received(&mut two).len(), 0);
}

#[test]
fn p5_a_plugin_that_is_removed_sends_what_the_model_has() {
    let kit = Kit::build("peers");
    let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
    kit.hold_model("relay");
    one.message(&relayed("a", json!("dev-2")));
    one.end(EndReason::Removed);
    assert_eq!(received(&mut two), ["a"]);
}

#[test]
fn c10_errors_say_what_is_wrong_and_leave_the_session_unharmed() {
    let kit = Kit::build("peers");
    let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
    one.message(&json!({"type": "peer", "id": "a"}));
    let inbox = one.inbox();
    assert_eq!((&inbox[0]["code"], &inbox[0]["message"]), (&json!("SCHEMA_INVALID"), &json!("missing: to,payload")));
    one.message(&peer("b", json!("dev-2")));
    assert_eq!(received(&mut two), ["b"]);
}

#[test]
fn h2_a_swap_at_any_event_is_not_seen() {
    let kit = Kit::build("peers");
    kit.assert_swaps_unseen(None, |kit| {
        let (mut one, mut two) = (kit.device("dev-1"), kit.device("dev-2"));
        kit.answer_model("relay", r#"{"text":"short"}"#);
        one.message(&peer("a", json!("*")));
        one.message(&relayed("b", json!(["dev-2", "away"])));
        one.message(&peer("c", json!("*")));
        kit.hold_model("relay");
        one.message(&relayed("d", json!("dev-2")));
        two.leave();
        one.message(&peer("e", json!("dev-2")));
        one.advance(30_000);
        one.message(&peer("f", json!("*")));
        two.come_back();
        (one.inbox(), two.inbox())
    });
}
