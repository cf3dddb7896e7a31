//! K.3: the prefix of each line makes no difference, whoever wrote it. Rule: the golden logs, each with the prefixes of
//! many runners, give the same insight as without.

#[path = "drive/native.rs"]
mod native;

use std::path::Path;

use native::{Session, insight_on};
use serde_json::{Value, json};

/// Logs that consist of plain lines only: an XML report has no lines, and a log with prefixes of its own is not plain.
const LOGS: [&str; 22] = [
    "cargo.log",
    "chinese.log",
    "docker.log",
    "gcc.log",
    "gotest.log",
    "gradle.log",
    "jest.log",
    "javac.log",
    "maven.log",
    "mocha.log",
    "nextest.log",
    "node-test.log",
    "npm.log",
    "pytest.log",
    "pytest-import.log",
    "ruff-mypy.log",
    "rustc.log",
    "tap.log",
    "unittest.log",
    "vitest.log",
    "webpack.log",
    "npm-refused.log",
];

fn log(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read_to_string(file).expect("a log")
}

/// The insight without the number of lines.
fn content(insight: &Value) -> Value {
    let keys = ["insights", "risks", "actions", "nextSteps", "stats"];
    keys.into_iter().map(|key| insight[key].clone()).collect()
}

fn with_prefix(log: &str, prefix: impl Fn(usize) -> String) -> String {
    log.lines().enumerate().map(|(at, line)| format!("{}{line}\n", prefix(at))).collect()
}

#[test]
fn k3_a_prefix_makes_no_difference() {
    type Prefix = (&'static str, fn(usize) -> String);
    let prefixes: [Prefix; 16] = [
        ("gh", |n| format!("build\tRun make\t2026-11-30T09:00:{:02}.1234567Z ", n % 60)),
        ("gh, several steps", |n| format!("build (ubuntu, 20)\tStep {}\t2026-11-30T09:00:00.1Z ", n / 9)),
        ("compose", |_| "valve-1  | ".into()),
        ("jenkins", |n| format!("[2026-11-30T09:00:{:02}.123Z] ", n % 60)),
        ("jenkins, parallel", |n| format!("[unit tests] [2026-11-30T09:00:{:02}.123Z] ", n % 60)),
        ("azure", |n| format!("2026-11-30T09:00:{:02}.1234567Z ", n % 60)),
        ("gitlab", |n| format!("2026-11-30T09:00:{:02}.123456Z {:02}O ", n % 60, n % 2)),
        ("buildkite", |n| format!("\u{1b}_bk;t=176449320{:04}\u{7}", n)),
        ("buildkit", |n| format!("#12 {}.{:03} ", n / 10, n)),
        ("stage", |_| "[stage-1] ".into()),
        ("stern", |n| format!("shop-7f{} app ", n % 2).replace(' ', "/") + "| "),
        ("kubectl --prefix", |_| "[pod/shop-7f9c/app] ".into()),
        ("turbo", |_| "web:build: ".into()),
        ("pnpm", |_| "packages/api test: ".into()),
        ("journal", |n| format!("Nov 30 09:00:{:02} web-1 shop[12]: ", n % 60)),
        ("clock, in colours", |n| format!("\u{1b}[90m[09:00:{:02}]\u{1b}[0m ", n % 60)),
    ];
    let mut differing = Vec::new();
    for name in LOGS {
        let log = log(name);
        let expected = content(&insight_on(&log));
        for (who, prefix) in prefixes {
            let found = content(&insight_on(&with_prefix(&log, prefix)));
            if found != expected {
                differing.push(format!("{name} behind {who}:\nexpected {expected:#}\nfound {found:#}"));
            }
        }
    }
    assert!(differing.is_empty(), "{}\n{} differ", differing.join("\n"), differing.len());
}

#[test]
fn k3_wrapped_lines_are_unwrapped() {
    let mut differing = Vec::new();
    for name in LOGS {
        let log = log(name);
        let expected = content(&insight_on(&log));
        let line = |line: &str| json!({"log": format!("{line}\n"), "stream": "stderr", "time": "2026-11-30T09:00:00Z"});
        let wrapped: String = log.lines().map(|text| format!("{}\n", line(text))).collect();
        let found = content(&insight_on(&wrapped));
        if found != expected {
            differing.push(format!("{name}:\nexpected {expected:#}\nfound {found:#}"));
        }
    }
    assert!(differing.is_empty(), "{}\n{} differ", differing.join("\n"), differing.len());
}

#[test]
fn k3_what_was_written_over_does_not_count() {
    let bar = |to: usize| (0..to).map(|n| format!("Receiving objects: {n}% ({n}/422)\r")).collect::<String>();
    for (text, errors) in [
        (format!("{}error: RPC failed; curl 18 transfer closed\n", bar(400)), 1),
        (format!("{}done\nsrc/a.c:1:2: error: no\n", bar(400)), 1),
        ("src/a.c:1:2: error: no\rall is well again, at last\n".to_owned(), 0),
        ("src/a.c:1:2: error: no\r\n".to_owned(), 1),
        // Dots without any line end, and then the last message of the program.
        (format!("{} src/a.c:1:2: error: no\n", ".".repeat(9_000)), 1),
    ] {
        let insight = insight_on(&text);
        assert_eq!(insight["stats"]["errorCount"], errors, "{insight:#}");
    }
}

#[test]
fn k3_a_first_line_is_told_at_once() {
    let mut session = Session::start();
    let sent = session.text("valve-1  | src/valve.c:42:7: error: `pressure` undeclared\n");
    assert_eq!(sent[0]["stats"]["errorCount"], 1, "{sent:?}");
    assert!(sent[0]["insights"][0].as_str().is_some_and(|text| text.contains("src/valve.c:42")), "{sent:?}");
}
