//! `host/protocol/PROTOCOL.md`. Rule: its tables of types, codes and limits match the code exactly.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use modehost_limits as limits;
use modehost_protocol::message::is_heartbeat;
use modehost_protocol::{DeviceMessage, HostKind, reply};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The rows of the table below a heading: the names in backticks of the first cell, and the second cell.
fn table(heading: &str) -> BTreeMap<String, String> {
    let page = read("host/protocol/PROTOCOL.md");
    let (_, below) = page.split_once(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
    let part = below.split("\n#").next().unwrap_or_default();
    let mut rows = BTreeMap::new();
    for line in part.lines().filter(|line| line.starts_with("| `")) {
        let mut cells = line.trim_matches('|').split(" | ").map(str::trim);
        let (first, second) = (cells.next().unwrap_or_default(), cells.next().unwrap_or_default());
        for name in first.split('`').skip(1).step_by(2) {
            assert!(
                rows.insert(name.to_owned(), second.trim_matches('`').to_owned()).is_none(),
                "{heading}: {name} twice"
            );
        }
    }
    assert!(!rows.is_empty(), "{heading} has no table");
    rows
}

fn names(heading: &str) -> BTreeSet<String> {
    table(heading).into_keys().collect()
}

/// Texts between quotation marks in the lines that `wanted` selects.
fn quoted(text: &str, wanted: impl Fn(&str) -> bool) -> BTreeSet<String> {
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default()).filter(|line| wanted(line));
    lines.flat_map(|line| line.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}

fn is_code(text: &str) -> bool {
    text.len() > 3 && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
}

#[test]
fn the_types_that_the_server_takes_itself() {
    let documented = names("### Types that the server handles itself");
    for kind in &documented {
        let own = is_heartbeat(kind) || !matches!(DeviceMessage::parse(kind, "{}"), Ok(DeviceMessage::Other { .. }));
        assert!(own, "{kind} is passed on to plugins");
    }
    let known: BTreeSet<String> = HostKind::ALL.into_iter().map(|kind| kind.word().to_owned()).collect();
    assert_eq!(documented, known);
}

#[test]
fn the_types_of_the_ecosystem_that_go_to_every_device() {
    let documented = names("### Types that every device is sent");
    for kind in &documented {
        assert!(reply::is_ecosystem(kind), "{kind}");
    }
    let source = read("host/protocol/src/reply.rs");
    let (_, list) = source.split_once("const ECOSYSTEM").expect("the list");
    let known = quoted(list.split("];").next().expect("the end of the list"), |_| true);
    assert_eq!(documented, known);
}

#[test]
fn the_error_codes_of_the_server() {
    let known = quoted(&read("host/protocol/src/reply.rs"), |line| line.contains("=> \""));
    let known: BTreeSet<String> = known.into_iter().filter(|text| is_code(text)).collect();
    assert!(known.len() > 10, "the codes are no longer read from reply.rs: {known:?}");
    assert_eq!(names("### Codes of the server"), known);
}

#[test]
fn the_error_codes_of_the_modes() {
    let mut source = String::new();
    let mut open = vec![root().join("plugins")];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(directory).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "tests" && name != "testkit") {
                open.push(path);
            } else if path.extension().is_some_and(|kind| kind == "rs") {
                source += &std::fs::read_to_string(path).expect("a file");
            }
        }
    }
    let host = names("### Codes of the server");
    let documented = names("### Codes of the modes");
    for code in &documented {
        assert!(source.contains(&format!("\"{code}\"")), "no mode answers {code}");
    }
    let rejected = quoted(&source, |line| line.contains("reject(\"") || line.contains("send_error(cx, \""));
    let unknown: Vec<_> =
        rejected.iter().filter(|text| is_code(text) && !documented.contains(*text) && !host.contains(*text)).collect();
    assert!(unknown.is_empty(), "PROTOCOL.md does not know {unknown:?}");
}

#[test]
fn the_close_codes() {
    let source = read("host/outbox/src/lib.rs");
    let constants =
        source.lines().map(str::trim).filter_map(|line| line.strip_prefix("pub const ")?.split_once(": u16 = "));
    let known: BTreeSet<String> = constants.map(|(_, code)| code.trim_end_matches(';').to_owned()).collect();
    assert!(known.contains("1000") && known.len() > 8, "the codes are no longer read from the outbox: {known:?}");
    assert_eq!(names("## Close codes"), known);
}

#[test]
fn the_limits() {
    let seconds = |time: std::time::Duration| format!("{} s", time.as_secs_f64());
    let bytes = |bytes: usize| match bytes {
        bytes if bytes.is_multiple_of(1024 * 1024) => format!("{} MiB", bytes / 1024 / 1024),
        bytes if bytes.is_multiple_of(1024) => format!("{} KiB", bytes / 1024),
        bytes => format!("{bytes} bytes"),
    };
    let expected = [
        ("message", bytes(limits::MESSAGE_BYTES)),
        ("json depth", limits::JSON_DEPTH.to_string()),
        ("request head", bytes(limits::REQUEST_HEAD_BYTES)),
        ("handshake", seconds(limits::HANDSHAKE_TIMEOUT)),
        ("device token", bytes(limits::TOKEN_BYTES)),
        ("outbox frames", limits::OUTBOX_FRAMES.to_string()),
        ("outbox bytes", bytes(limits::OUTBOX_BYTES)),
        ("write", seconds(limits::WRITE_TIMEOUT)),
        ("unread messages", limits::PENDING_MESSAGES.to_string()),
        ("unread bytes", bytes(limits::PENDING_BYTES)),
        ("takeover", seconds(limits::TAKEOVER_LINGER)),
        ("silent channel", seconds(limits::KEEPALIVE)),
        ("idle", seconds(limits::IDLE_TIMEOUT)),
        ("idle buffer", seconds(limits::IDLE_BUFFER)),
        ("resume window", seconds(limits::RESUME_WINDOW)),
        ("buffered messages", limits::RESUME_MESSAGES.to_string()),
        ("queued messages", limits::QUEUE_PER_DEVICE.to_string()),
        ("ota body", bytes(limits::OTA_BODY_BYTES)),
    ];
    let expected: BTreeMap<String, String> = expected.map(|(name, value)| (name.to_owned(), value)).into();
    assert_eq!(table("## Limits"), expected);
}

/// The JSON blocks of the page.
fn examples() -> Vec<serde_json::Value> {
    let page = read("host/protocol/PROTOCOL.md");
    let blocks = page.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks.map(|block| serde_json::from_str(block).unwrap_or_else(|error| panic!("{error}: {block}"))).collect()
}

#[test]
fn the_examples_are_what_is_said() {
    let examples = examples();
    let mut hellos = examples.iter().filter(|example| example["type"] == "hello");
    let device = hellos.next().expect("the device's hello");
    let Ok(DeviceMessage::Hello(hello)) = DeviceMessage::parse("hello", &device.to_string()) else {
        panic!("{device} is no hello")
    };
    assert!(hello.mcp && hello.extensions && hello.emotions && hello.audio_error.is_none(), "{hello:?}");
    let server = hellos.next().expect("the server's hello");
    let params = &server["audio_params"];
    let number = |name: &str| params[name].as_u64().and_then(|value| u32::try_from(value).ok()).expect("a number");
    let expected = (params["format"].as_str().expect("a format"), number("sample_rate"), number("frame_duration"));
    let answer: serde_json::Value =
        serde_json::from_str(&reply::hello(server["session_id"].as_str().expect("an id"), expected)).expect("JSON");
    assert_eq!(answer, *server);
    assert!(examples.len() > 3, "{}", examples.len());
}
