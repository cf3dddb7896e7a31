//! K.1, K.2 and K.4: an all-clear needs a sign, the last result of a test counts, and commands name the whole test.
//! Rule: each case is a small log with what a person expects of it.

#[path = "drive/native.rs"]
mod native;

use native::{Session, insight_on};
use serde_json::{Value, json};

fn text(insight: &Value, key: &str) -> String {
    insight[key].as_array().expect("a list").iter().filter_map(Value::as_str).collect::<Vec<_>>().join("\n")
}

/// A log, the number of failed tests, and the names of those that are called flaky.
type Case = (&'static str, &'static str, u32, &'static [&'static str]);

#[test]
fn k2_the_last_word_about_a_test_counts() {
    let cases: [Case; 17] = [
        (
            "nextest, passed on the second try",
            "  TRY 1 FAIL [   0.005s] (─/2) valves tests::a\n  TRY 2 PASS [   0.004s] (1/2) valves tests::a\n\
             Summary [   0.020s] 2 tests run: 2 passed (1 flaky), 0 skipped\n",
            0,
            &["tests::a"],
        ),
        (
            "nextest, failed on every try",
            "  TRY 1 FAIL [   0.005s] (─/2) valves tests::a\n  TRY 2 FAIL [   0.004s] (1/2) valves tests::a\n\
             Summary [   0.020s] 2 tests run: 1 passed, 1 failed, 0 skipped\n  TRY 2 FAIL [   0.004s] (1/2) valves tests::a\n",
            1,
            &[],
        ),
        (
            "the same name in another crate",
            "  TRY 1 FAIL [   0.005s] (─/2) valves tests::a\n        PASS [   0.004s] (1/2) pipes tests::a\n",
            1,
            &[],
        ),
        (
            "cargo, the same name in two blocks without their targets",
            "running 1 test\ntest tests::a ... FAILED\n\ntest result: FAILED. 0 passed; 1 failed; 0 ignored\n\n\
             running 1 test\ntest tests::a ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored\n",
            1,
            &[],
        ),
        (
            "cargo, the same target once more",
            "     Running unittests src/lib.rs (target/debug/deps/shop-01ab)\n\nrunning 1 test\ntest tests::a ... FAILED\n\n\
             test result: FAILED. 0 passed; 1 failed; 0 ignored\n\n     Running unittests src/lib.rs (target/debug/deps/shop-01ab)\n\n\
             running 1 test\ntest tests::a ... ok\n\ntest result: ok. 1 passed; 0 failed; 0 ignored\n",
            0,
            &["tests::a"],
        ),
        ("TAP, a TODO", "TAP version 13\nok 1 - a\nnot ok 2 - b # TODO later\n1..2\n# fail 0\n", 0, &[]),
        ("TAP, a skipped one", "TAP version 13\nnot ok 1 - b # SKIP no network\n1..1\n", 0, &[]),
        (
            "TAP, a parent",
            "TAP version 14\n# Subtest: outer\n    not ok 1 - inner\n    1..1\nnot ok 1 - outer\n1..1\n",
            1,
            &[],
        ),
        (
            "TAP, a parent that failed by itself",
            "TAP version 14\n    ok 1 - inner\n    1..1\nok 1 - first\nnot ok 2 - second\n1..2\n",
            1,
            &[],
        ),
        (
            "go, a parent",
            "--- FAIL: TestA (0.00s)\n    --- FAIL: TestA/b (0.00s)\n        a_test.go:9: no\nFAIL\nFAIL\tshop\t0.01s\n",
            2,
            &[],
        ),
        (
            "go, run again and passed",
            "--- FAIL: TestA (0.00s)\n    a_test.go:9: no\nFAIL\nFAIL\tshop\t0.01s\n--- PASS: TestA (0.00s)\nPASS\nok  \tshop\t0.01s\n",
            0,
            &["TestA"],
        ),
        (
            "go, passed in another package",
            "--- FAIL: TestA (0.00s)\n    a_test.go:9: no\nFAIL\nFAIL\tshop/a\t0.01s\n--- PASS: TestA (0.00s)\nPASS\nok  \tshop/b\t0.01s\n",
            1,
            &[],
        ),
        (
            "pytest, run again and passed",
            "tests/test_a.py::test_b RERUN [ 50%]\ntests/test_a.py::test_b PASSED [100%]\n==== 1 passed, 1 rerun in 0.03s ====\n",
            0,
            &["tests/test_a.py::test_b"],
        ),
        (
            "jest, an error of a try that was run again",
            "FAIL src/a.test.js\n  ● cart › adds\n\n    expect(received).toBe(expected)\n\nTests:       3 passed, 3 total\n",
            0,
            &["cart › adds"],
        ),
        (
            "JUnit XML, a flaky one",
            "<testsuite name=\"s\"><testcase classname=\"a.T\" name=\"b\"><flakyFailure message=\"no\"/></testcase></testsuite>\n",
            0,
            &["a.T.b"],
        ),
        (
            "JUnit XML, the same test twice in its suite",
            "<testsuite name=\"s\"><testcase classname=\"a.T\" name=\"b\"><failure/></testcase><testcase classname=\"a.T\" name=\"b\"/></testsuite>\n",
            0,
            &["a.T.b"],
        ),
        (
            "bazel",
            "//shop:cart_test      FLAKY, failed in 1 out of 2 in 0.3s\nExecuted 1 out of 1 test: 1 test passes.\n",
            0,
            &["//shop:cart_test"],
        ),
    ];
    for (what, log, failed, flaky) in cases {
        let insight = insight_on(log);
        assert_eq!(insight["stats"]["testsFailed"], failed, "{what}: {insight:#}");
        let insights = text(&insight, "insights");
        let found: Vec<&str> = insights.lines().filter(|line| line.contains("is flaky")).collect();
        assert_eq!(found.len(), flaky.len(), "{what}: {insights}");
        for name in flaky {
            assert!(found.iter().any(|line| line.contains(&format!("`{name}`"))), "{what}: {insights}");
        }
    }
}

#[test]
fn k1_a_report_that_passed_is_a_sign() {
    let passed = "<testsuites><testsuite name=\"s\" tests=\"1\"><testcase classname=\"a.T\" name=\"b\"/></testsuite></testsuites>\n";
    assert_eq!(insight_on(passed)["actions"][0], "Nothing has to be done.");
    let empty = "<testsuites></testsuites>\n";
    assert_ne!(insight_on(empty)["actions"][0], "Nothing has to be done.");
}

#[test]
fn k4_commands_select_exactly_that_test() {
    for (log, command) in [
        ("FAILED t/test_a.py::test_b[a - b] - assert 1 == 2\n", "pytest 't/test_a.py::test_b[a - b]'"),
        ("FAILED t/test_a.py::test_b[it's] - assert 1\n", r"pytest 't/test_a.py::test_b[it'\''s]'"),
        ("FAILED t/test_a.py::test_b[数量 - 1] - assert 1\n", "pytest 't/test_a.py::test_b[数量 - 1]'"),
        ("--- FAIL: TestA/b_(c)[0] (0.00s)\nFAIL\tshop\t0.1s\n", r"go test -run '^TestA$/^b_\(c\)\[0\]$' shop"),
        ("FAIL src/a.test.js\n  ● cart › adds (two) $5\n", r"npx jest src/a.test.js -t '^cart adds \(two\) \$5$'"),
        (
            "  TRY 1 FAIL [   0.005s] (─/2) valves::api tests::a\n",
            "cargo nextest run -E 'binary_id(=valves::api) & test(=tests::a)'",
        ),
        (
            "     Running tests/api.rs (target/debug/deps/api-01ab)\n\nrunning 1 test\ntest a ... FAILED\n",
            "cargo test --test api a -- --exact",
        ),
    ] {
        let actions = text(&insight_on(log), "actions");
        assert!(actions.lines().any(|line| line.ends_with(command)), "{log}: {actions}");
    }
    // What is not safe for a shell is in no command.
    for log in [
        "FAILED t/test_a.py::test_b[$(id)] - assert 1\n".to_owned(),
        "FAILED t/test_a.py::test_b[x  y] - assert 1\n".to_owned(),
        format!("FAILED t/test_a.py::test_b[{}] - assert 1\n", "x".repeat(300)),
        "FAILED t/test_a.py::test_b[ghp_16C7e42F292c6912E7710c838347Ae178B4a] - assert 1\n".to_owned(),
    ] {
        let actions = text(&insight_on(&log), "actions");
        assert!(!actions.contains("pytest '") && !actions.contains("$("), "{log}: {actions}");
    }
}

/// The final insight on a log whose command ended with this code.
fn final_insight(log: &str, exit_code: &Value) -> Value {
    let mut session = Session::start();
    session.text(log);
    let sent = session.send(&json!({"type": "coding", "event": "stop", "exit_code": exit_code}));
    sent.into_iter().next_back().expect("the final insight")
}

#[test]
fn k1_no_log_without_a_sign_is_an_all_clear() {
    let unknown = "frobnicating the valves\nvalve 7 does not answer\n";
    for (text, code, clear) in [
        (unknown, json!(null), false),
        (unknown, json!(0), true),
        (unknown, json!(3), false),
        ("", json!(0), true),
        ("warning: the valve is old\n", json!(null), false),
        ("Result: FAIL\n", json!(null), false),
        ("4 tests, 1 failure\n", json!(null), false),
        ("4 tests, 0 failures\n", json!(null), true),
        ("All checks passed!\n", json!(null), true),
        ("All checks passed!\n", json!(1), false),
        ("no tests ran in 0.01s\n", json!(null), false),
        ("Everything is fine now.\n", json!(null), false),
        ("Successfully installed shop-1.0\nfrob a\nfrob b\nfrob c\nfrob d has no valve\n", json!(null), false),
        ("Successfully installed shop-1.0\n", json!(null), true),
        ("    Finished `dev` profile in 0.5s\n     Running `target/debug/shop`\nvalve 7 is gone\n", json!(null), false),
        ("removed 3 files, 0 errors\n", json!(null), false),
        ("Build succeeded.\nTest Run Failed.\n", json!(null), false),
    ] {
        let last = final_insight(text, &code);
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
        let last = final_insight("the wheel turns\n", &json!(code));
        assert_eq!(last["stats"]["errorCount"], errors, "{last:#}");
        assert!(last["insights"][0].as_str().is_some_and(|text| text.contains(words)), "{code}: {last:#}");
    }
    let known = final_insight("error[E0308]: mismatched types\n --> src/lib.rs:1:2\n", &json!(101));
    assert_eq!(known["stats"]["errorCount"], 1, "what failed is known: {known:#}");
}
