//! Logs of the common tools with the insight that a person would expect. Rule: every `<name>.log` has a `<name>.json`;
//! with `UPDATE_GOLDEN` set the files are rewritten, to be reviewed before they are committed.

#[path = "drive/native.rs"]
mod native;

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

fn logs() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let entries = std::fs::read_dir(directory).expect("the folder").map(|entry| entry.expect("an entry").path());
    let mut logs: Vec<PathBuf> =
        entries.filter(|path| path.extension().is_some_and(|ending| ending == "log")).collect();
    logs.sort();
    logs
}

/// The part of an insight that does not depend on time.
fn timeless(insight: &Value) -> Value {
    let keys = ["insights", "risks", "actions", "nextSteps", "stats"];
    keys.into_iter().map(|key| (key.to_owned(), insight[key].clone())).collect::<serde_json::Map<_, _>>().into()
}

#[test]
fn m12_logs_of_the_tools_give_the_expected_insights() {
    let mut differing = Vec::new();
    let logs = logs();
    assert!(logs.len() >= 16, "{}", logs.len());
    for log in logs {
        let found = timeless(&native::insight_on(&std::fs::read_to_string(&log).expect("a log")));
        let file = log.with_extension("json");
        if std::env::var_os("UPDATE_GOLDEN").is_some() {
            std::fs::write(&file, format!("{found:#}\n")).expect("written");
        }
        let expected = std::fs::read_to_string(&file).unwrap_or_default();
        let expected: Value = serde_json::from_str(&expected).unwrap_or_default();
        if expected != found {
            differing.push(format!("{}:\nexpected {expected:#}\nfound {found:#}", log.display()));
        }
    }
    assert!(differing.is_empty(), "{}", differing.join("\n"));
}

#[test]
fn m13_every_list_is_filled_and_short() {
    for log in logs() {
        let insight = native::insight_on(&std::fs::read_to_string(&log).expect("a log"));
        for (key, most) in [("insights", 6), ("risks", 4), ("actions", 6), ("nextSteps", 4)] {
            let list = insight[key].as_array().expect("a list");
            assert!((1..=most).contains(&list.len()), "{}: {key}: {list:?}", log.display());
            assert!(list.iter().all(|text| text.as_str().is_some_and(|text| text.chars().count() <= 241)));
        }
    }
}

#[test]
fn m12_a_clean_log_has_no_errors() {
    let log = "running 2 tests\ntest errors::tests::displays_error_timeout ... ok\ntest net::connection_refused ... ok\n\n\
               test result: ok. 2 passed; 0 failed; 0 ignored\n   Compiling thiserror v1.0.63\n   Compiling error-chain v0.12.4\n\
               ✓ src/errors/ErrorBoundary.test.tsx (3 tests) 12ms\nPASS src/timeout.test.ts\nFound 0 errors. Watching for file changes.\n\
               --- PASS: TestError (0.00s)\n[INFO] Running com.example.FailureHandlerTest\n0 errors, 0 warnings\n\
               tests/test_errors.py ....                                   [100%]\n    Finished `dev` profile in 0.5s\n";
    let insight = native::insight_on(log);
    let stats = json!({"errorCount": 0, "warnCount": 0, "lastStep": null, "buildSuccess": true, "testsFailed": 0});
    assert_eq!(insight["stats"], stats, "{insight:#}");
}
