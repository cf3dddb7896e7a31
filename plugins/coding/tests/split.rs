//! The insight does not depend on how a log is split into messages. Rule: proptest cuts the golden logs, and JUnit and
//! TAP reports, at any offset.

#[path = "drive/native.rs"]
mod native;

use std::path::Path;

use native::{Session, insight_on};
use proptest::prelude::*;
use serde_json::{Value, json};

fn log(name: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    std::fs::read_to_string(file).expect("a log")
}

/// The final insight on a log that arrives in chunks which end at these fractions of its length.
fn in_pieces(log: &str, cuts: &[f64]) -> Value {
    let mut ends: Vec<usize> =
        cuts.iter().map(|cut| log.floor_char_boundary((cut * log.len() as f64) as usize)).collect();
    ends.extend([0, log.len()]);
    ends.sort_unstable();
    let mut session = Session::start();
    for part in ends.windows(2) {
        session.text(&log[part[0]..part[1]]);
    }
    session.stop()
}

/// The names of all golden logs.
fn names() -> Vec<String> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = std::fs::read_dir(directory).expect("the folder").map(|entry| entry.expect("an entry").file_name());
    let mut names: Vec<String> = entries.map(|name| name.into_string().expect("a name")).collect();
    names.retain(|name| name.ends_with(".log"));
    names.sort();
    names
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn m12_a_log_cut_anywhere_gives_the_same_insight(
        name in prop::sample::select(names()),
        cuts in prop::collection::vec(0.0..1.0_f64, 1..40),
        carriage_returns in any::<bool>(),
    ) {
        let log = log(&name);
        let log = if carriage_returns { log.replace("\r\n", "\n").replace('\n', "\r\n") } else { log };
        prop_assert_eq!(in_pieces(&log, &cuts), insight_on(&log));
    }
}

#[test]
fn m12_a_log_in_single_characters_gives_the_same_insight() {
    for name in ["junit.log", "tap.log", "rustc.log", "chinese.log", "npm.log", "vitest.log"] {
        let log = log(name);
        let mut session = Session::start();
        for (at, letter) in log.char_indices() {
            session.text(&log[at..at + letter.len_utf8()]);
        }
        assert_eq!(session.stop(), insight_on(&log), "{name}");
    }
}

#[test]
fn m12_a_report_whose_head_is_written_over_is_none_wherever_it_was_cut() {
    for log in [
        "<?xml version=\"1.0\"?>\r<testsuite name=\"cart\" tests=\"1\"><testcase name=\"adds\"/></testsuite>\n",
        "\r<testsuite name=\"cart\">\n</testsuite>\n",
        "<!-- \r --><testsuite name=\"cart\"></testsuite>\n",
        "<testsuite\r name=\"cart\" tests=\"1\"><testcase name=\"adds\"><failure/></testcase></testsuite>\n",
    ] {
        let mut session = Session::start();
        for (at, letter) in log.char_indices() {
            session.text(&log[at..at + letter.len_utf8()]);
        }
        assert_eq!(session.stop(), insight_on(log), "{log:?}");
        let at = log.find('\r').expect("one") + 1;
        let mut session = Session::start();
        session.text(&log[..at]);
        session.text(&log[at..]);
        assert_eq!(session.stop(), insight_on(log), "{log:?}");
    }
}

#[test]
fn m12_lines_and_text_are_the_same() {
    for name in names() {
        let log = log(&name);
        let mut session = Session::start();
        let lines: Vec<&str> = log.lines().collect();
        session.send(&json!({"type": "coding", "event": "log", "lines": lines}));
        assert_eq!(session.stop(), insight_on(&log), "{name}");
    }
}

#[test]
fn m12_lines_of_any_length_are_cut_in_the_same_place() {
    let long = format!("error: {}界{}\nsrc/a.c:1:2: error: boom\n", "x".repeat(4088), "y".repeat(9000));
    let whole = insight_on(&long);
    assert_eq!(whole["stats"]["errorCount"], 2);
    for cut in [1, 4000, 4094, 4095, 4098, 4099, 9000] {
        let cut = long.floor_char_boundary(cut) as f64 / long.len() as f64;
        assert_eq!(in_pieces(&long, &[cut]), whole);
    }
}
