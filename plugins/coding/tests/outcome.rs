//! K.1: how it ended, as the log and the sender say. Rule: that nothing has to be done is said only where
//! somebody has said that all went well.

#[path = "drive/native.rs"]
mod native;

use native::Session;
use serde_json::{Value, json};

/// The final insight on a log whose command ended with this code.
fn ended(log: &str, exit_code: &Value) -> Value {
    let mut session = Session::start();
    session.text(log);
    let sent = session.send(&json!({"type": "coding", "event": "stop", "exit_code": exit_code}));
    sent.into_iter().next_back().expect("the final insight")
}

#[test]
fn k1_no_log_without_a_sign_is_an_all_clear() {
    let strange = "frobnicating the valves\nvalve 7 does not answer\n";
    for (text, code, clear) in [
        (strange, json!(null), false),
        (strange, json!(0), true),
        (strange, json!(3), false),
        ("", json!(0), true),
        ("warning: the valve is old\n", json!(null), false),
        ("Result: FAIL\n", json!(null), false),
        ("4 tests, 1 failure\n", json!(null), false),
        ("4 tests, 0 failures\n", json!(null), true),
        ("All checks passed!\n", json!(null), true),
        ("All checks passed!\n", json!(1), false),
        ("no tests ran in 0.01s\n", json!(null), false),
        ("Everything is fine now.\n", json!(null), false),
        ("removed 3 files, 0 errors\n", json!(null), false),
        ("Build succeeded.\nTest Run Failed.\n", json!(null), false),
    ] {
        let last = ended(text, &code);
        assert_eq!(last["actions"] == json!(["Nothing has to be done."]), clear, "{text} {code}: {last:#}");
    }
}

#[test]
fn k1_an_exit_code_is_read_like_a_shell_does() {
    for (code, errors, words) in [
        (1, 1, "A step failed (exit 1)"),
        (137, 1, "ran out of memory"),
        (139, 1, "crashed"),
        (124, 1, "longer than its time limit"),
        (-9, 1, "ran out of memory"),
        (0, 0, "It ended well"),
    ] {
        let last = ended("the wheel turns\n", &json!(code));
        assert_eq!(last["stats"]["errorCount"], errors, "{last:#}");
        assert!(last["insights"][0].as_str().is_some_and(|text| text.contains(words)), "{code}: {last:#}");
    }
    let known = ended("error[E0308]: mismatched types\n --> src/lib.rs:1:2\n", &json!(101));
    assert_eq!(known["stats"]["errorCount"], 1, "what failed is known: {known:#}");
}
