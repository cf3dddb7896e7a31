//! C.10: malformed input for every plugin: messages of each type that are nearly valid, by the thousand.
//! Rule: each is accepted or rejected with a code and a sentence, no component ever faults, and the device is still
//! served.

use std::collections::{BTreeMap, BTreeSet};

use modehost_tests::{Device, Seen, Server, Settings, guest, wait};
use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;
use serde_json::{Value, json};

/// Messages that one device sends before it reads the answers.
const BATCH: usize = 50;
const BATCHES: usize = 60;

/// Every message type that is handled, except the heartbeat, and one that is not.
const KINDS: [&str; 14] = [
    "hello", "listen", "abort", "mode", "server", "mcp", "iot", "goodbye", "workflow", "coding", "meeting", "peer",
    "audio", "nonsense",
];

/// Strings that have a meaning somewhere.
const WORDS: [&str; 32] = [
    "start",
    "stop",
    "detect",
    "end",
    "auto",
    "manual",
    "meeting",
    "working",
    "chat",
    "coding",
    "update",
    "complete",
    "assign",
    "refresh",
    "clear",
    "phase",
    "log",
    "step",
    "snippet",
    "finalize",
    "summary",
    "restart",
    "update_config",
    "*",
    "dev-2",
    "failed",
    "做完了",
    "结束会议",
    "开始会议",
    "",
    " ",
    "\u{202e}x",
];

/// Members that are read somewhere, each with values that are valid somewhere.
const MEMBERS: [(&str, &[&str]); 28] = [
    ("state", &[r#""start""#, r#""end""#, r#""detect""#, r#""stop""#]),
    ("mode", &[r#""meeting""#, r#""working""#, r#""chat""#, r#""coding""#, r#""auto""#]),
    ("event", &[r#""update""#, r#""complete""#, r#""assign""#, r#""refresh""#, r#""log""#, r#""step""#, r#""start""#]),
    ("phase", &[r#""snippet""#, r#""finalize""#, r#""summary""#]),
    ("text", &[r#""做完了""#, r#""error[E0308]: mismatched types""#, r#""--- FAIL: TestA (0.0s)""#, r#""hi""#]),
    ("lines", &[r#"["FAILED tests/a.py::b","x"]"#, "[]", r#"["<testsuite><testcase"]"#]),
    ("action", &[r#""restart""#, r#""update_config""#]),
    ("content", &[r#"{"secret":"x"}"#, r#"{"secret":""}"#]),
    ("id", &[r#""a""#, "7", r#""task-1""#]),
    ("to", &[r#""dev-2""#, r#"["dev-2","noisy"]"#, r#"{"group":"default"}"#, r#""*""#]),
    ("payload", &[r#"{"text":"x"}"#, r#"{"jsonrpc":"2.0","id":1,"result":{"tools":[{}]}}"#, "{}"]),
    ("relay", &[r#"{"instruction":"short"}"#, "{}"]),
    ("category", &[r#""Task""#]),
    ("ttl_ms", &["0", "1e3", "86400000", "-1"]),
    ("task", &[r#"{"title":"New"}"#, r#"{"id":"a","title":"A","groupKey":"z"}"#, r#"{"id":"a"}"#]),
    ("tasks", &[r#"[{"id":"a","title":"A"},{"id":"a"}]"#, "[]", r#"[{"title":7}]"#]),
    ("title", &[r#""A title""#]),
    ("owner", &[r#""Ann|dev-2""#, r#""dev-2""#]),
    ("groupKey", &[r#""default""#, r#""z""#]),
    ("items", &[r#"[{"tag":"Ann","text":"Hello"}]"#, "[]", r#"[{"tag":"a"}]"#]),
    ("tag", &[r#""Ann""#]),
    ("name", &[r#""build""#, r#""tests""#]),
    ("status", &[r#""failed""#, r#""ok""#]),
    ("level", &[r#""error""#]),
    ("reason", &[r#""wake_word_detected""#]),
    ("features", &[r#"{"mcp":true}"#, "{}"]),
    ("audio_params", &[r#"{"format":"opus","sample_rate":16000,"channels":1,"frame_duration":60}"#]),
    ("version", &["1", "3"]),
];

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        6 => prop::sample::select(WORDS.to_vec()).prop_map(Value::from),
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => "\\PC{0,40}".prop_map(Value::from),
        1 => (0_usize..9_000).prop_map(|length| Value::from("x".repeat(length))),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        let name = prop::sample::select(MEMBERS.to_vec()).prop_map(|(name, _)| name.to_owned());
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::btree_map(name, inner, 0..5).prop_map(|members| json!(members)),
        ]
    })
}

/// A member with a value that is mostly valid.
fn member() -> impl Strategy<Value = (String, Value)> {
    prop::sample::select(MEMBERS.to_vec()).prop_flat_map(|(name, valid)| {
        let valid = prop::sample::select(valid.to_vec()).prop_map(|text| serde_json::from_str(text).expect("JSON"));
        prop_oneof![5 => valid, 1 => value()].prop_map(move |value| (name.to_owned(), value))
    })
}

/// Valid messages as a starting point.
const VALID: [&str; 17] = [
    r#"{"type":"mode","state":"start","mode":"meeting"}"#,
    r#"{"type":"mode","state":"end","mode":"meeting"}"#,
    r#"{"type":"mode","state":"start","mode":"coding"}"#,
    r#"{"type":"listen","state":"detect","text":"we decided to ship on Friday"}"#,
    r#"{"type":"meeting","phase":"snippet","text":"Ann will write it by Monday"}"#,
    r#"{"type":"meeting","phase":"snippet","items":[{"tag":"Ann","text":"Hello"}]}"#,
    r#"{"type":"meeting","phase":"finalize","title":"Sync"}"#,
    r#"{"type":"meeting","phase":"summary"}"#,
    r#"{"type":"coding","event":"log","text":"error[E0308]: mismatched types\n --> a.rs:1:2\n"}"#,
    r#"{"type":"coding","event":"step","name":"build","status":"failed"}"#,
    r#"{"type":"coding","event":"stop"}"#,
    r#"{"type":"workflow","event":"update","task":{"id":"a","title":"A"}}"#,
    r#"{"type":"workflow","event":"complete","id":"a"}"#,
    r#"{"type":"workflow","event":"assign","id":"a","owner":"Ann"}"#,
    r#"{"type":"peer","id":"p","to":"dev-2","payload":{"text":"x"}}"#,
    r#"{"type":"peer","id":"q","to":["dev-2"],"payload":{"text":"x"},"relay":{"instruction":"short"}}"#,
    r#"{"type":"mcp","payload":{"jsonrpc":"2.0","id":1,"result":{"tools":[]}}}"#,
];

/// Valid, or of any type; with some members added, replaced or removed, and sometimes truncated.
fn message() -> impl Strategy<Value = String> {
    let kind = prop_oneof![12 => prop::sample::select(KINDS.to_vec()).prop_map(Value::from), 1 => value()];
    let any_kind = kind.prop_map(|kind| json!({ "type": kind }));
    let valid = prop::sample::select(VALID.to_vec()).prop_map(|text| serde_json::from_str(text).expect("JSON"));
    let base = prop_oneof![
        3 => (valid, prop::collection::vec(member(), 0..3)),
        2 => (any_kind, prop::collection::vec(member(), 0..9)),
    ];
    let cut = prop::option::weighted(0.05, any::<prop::sample::Index>());
    (base, prop::option::weighted(0.2, any::<prop::sample::Index>()), cut).prop_map(|((base, members), out, cut)| {
        let mut message: Value = base;
        message.as_object_mut().expect("an object").extend(members);
        if let (Some(out), Some(members)) = (out, message.as_object_mut()) {
            let name = members.keys().nth(out.index(members.len())).cloned().unwrap_or_default();
            members.remove(&name);
        }
        let mut text = message.to_string();
        if let Some(cut) = cut {
            let boundaries: Vec<usize> = text.char_indices().map(|(index, _)| index).collect();
            text.truncate(boundaries[cut.index(boundaries.len())]);
        }
        text
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c10_messages_of_every_type_that_are_nearly_right_harm_nobody() {
    let settings = ["meeting", "coding", "peers"]
        .into_iter()
        .fold(Settings::new().bundled(), |all, name| all.plugin(name, guest::bundled(name)));
    let server = Server::start(settings.set("server.secret", json!("hush-hush-of-the-console"))).await;
    let mut runner = TestRunner::deterministic();
    let cases = message();
    let (mut codes, mut kinds) = (BTreeMap::<String, usize>::new(), BTreeSet::new());
    let mut device = Device::join(&server, "noisy").await;
    for batch in 0..BATCHES {
        let texts: Vec<String> = (0..BATCH).map(|_| cases.new_tree(&mut runner).expect("a case").current()).collect();
        for text in &texts {
            device.send_text(text).await;
        }
        // The session answers in order: this answer comes after all others.
        let last = format!("barrier-{batch}");
        device.send(json!({ "type": last })).await;
        loop {
            match device.next_within(wait::TIMEOUT).await {
                Some(Seen::Json(message)) if message["ref"]["type"] == last => break,
                Some(Seen::Json(_) | Seen::Binary(_)) => {}
                other => panic!("the connection ended: {other:?}, after {texts:#?}"),
            }
        }
        for seen in device.seen() {
            let Seen::Json(message) = seen else { continue };
            kinds.insert(message["type"].as_str().unwrap_or_default().to_owned());
            if message["type"] == "error" || message["status"] == "error" {
                let code = message["code"].as_str().unwrap_or_default().to_owned();
                let sentence = message["message"].as_str().or(message["content"]["message"].as_str());
                assert!(!code.is_empty(), "an error without a code: {message}");
                assert!(sentence.is_some_and(|sentence| sentence.len() > 3), "an error without a sentence: {message}");
                *codes.entry(code).or_default() += 1;
            }
        }
        device.clear_seen();
    }
    let expected: BTreeSet<String> =
        ["mode", "meeting", "coding", "workflow", "peer", "error"].iter().map(|&kind| kind.to_owned()).collect();
    eprintln!("{} messages; errors: {codes:?}; kinds that came back: {kinds:?}", BATCH * BATCHES);
    assert!(codes.len() >= 8 && kinds.is_superset(&expected), "too little coverage: {codes:?} {kinds:?}");
    let metrics = server.admin("GET", "/metrics", "").await.body;
    let is_fault = |line: &&str| {
        line.starts_with("modehost_plugin_faults_total") && !line.contains("\"rejected\"") && !line.ends_with(" 0")
    };
    let faults: Vec<&str> = metrics.lines().filter(is_fault).collect();
    assert!(faults.is_empty(), "components failed: {faults:#?}\n{}", server.output());
    // Other devices are not affected, and this one is still served.
    let mut other = Device::join(&server, "other").await;
    other.start_mode("working").await;
    let mut device = Device::join(&server, "noisy").await;
    device.send(json!({ "type": "workflow", "event": "refresh" })).await;
    device.expect("the board", |message| message["type"] == "workflow").await;
    assert!(!server.output().contains("panicked"), "{}", server.output());
}
