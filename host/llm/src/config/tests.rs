//! Tests of the section. Rule: sections are written as a person writes them.

use super::*;

fn read(value: Value) -> Config {
    serde_json::from_value(value).expect("a section")
}

fn faults(value: Value) -> String {
    read(value).validate().expect_err("refused").to_string()
}

#[test]
fn two_values_are_enough() {
    let config = read(serde_json::json!({
        "aliases": { "default": { "base_url": "http://127.0.0.1:1/v1", "model": "small" } }
    }));
    config.validate().expect("valid");
    assert_eq!(config.aliases["default"].address(), "http://127.0.0.1:1/v1");
}

#[test]
fn the_older_name_of_the_address_is_taken_but_not_both() {
    let config = read(serde_json::json!({ "aliases": { "default": { "url": "http://127.0.0.1:1/v1/" } } }));
    config.validate().expect("valid");
    assert_eq!(config.aliases["default"].address(), "http://127.0.0.1:1/v1");

    let both = serde_json::json!({ "aliases": { "a": { "url": "http://h/v1", "base_url": "http://h/v1" } } });
    assert!(faults(both).contains("aliases.a.base_url: stands beside its older name"));
    let none = serde_json::json!({ "aliases": { "a": { "model": "small" } } });
    assert!(faults(none).contains("aliases.a.base_url: has no `base_url`"));
}

#[test]
fn a_purpose_is_a_name_or_a_map() {
    let config = read(serde_json::json!({
        "aliases": { "default": { "base_url": "http://h/v1" }, "big": { "base_url": "http://h/v1" } },
        "purposes": { "summary": "big", "talk": { "temperature": 0.5 } },
    }));
    config.validate().expect("valid");
    assert_eq!(config.purposes["summary"].alias(), "big");
    assert_eq!(
        (config.purposes["talk"].alias(), config.purposes["talk"].overrides.temperature),
        ("default", Some(0.5))
    );
}

#[test]
fn faults_name_their_place() {
    let report = faults(serde_json::json!({
        "aliases": { "default": { "base_url": "http://h/v1/models", "temperature": 3.0, "extra": { "messages": [] } } },
        "purposes": { "summary": "big", "talk": { "max_tokens": 0 } },
    }));
    for expected in [
        "aliases.default.base_url: must end before /models",
        "aliases.default.temperature",
        "aliases.default.extra: holds `messages`",
        "purposes.summary: names an alias that is not in",
        "purposes.talk.max_tokens",
    ] {
        assert!(report.contains(expected), "{expected} is missing in:\n{report}");
    }
}

#[test]
fn unknown_keys_are_refused() {
    for wrong in [
        serde_json::json!({ "alias": {} }),
        serde_json::json!({ "aliases": { "default": { "key": "x" } } }),
        serde_json::json!({ "purposes": { "summary": { "api_key": "x" } } }),
    ] {
        assert!(serde_json::from_value::<Config>(wrong.clone()).is_err(), "{wrong}");
    }
}

#[test]
fn a_key_is_not_shown() {
    let config = read(serde_json::json!({ "aliases": { "a": { "base_url": "http://h/v1", "api_key": "hush" } } }));
    config.validate().expect("valid");
    assert!(!format!("{config:?}").contains("hush"));
    assert!(!serde_json::to_string(&config).expect("JSON").contains("hush"));
    let wrong = serde_json::json!({ "aliases": { "a": { "base_url": "http://h/v1", "api_key": "Bearer-hush" } } });
    assert!(!faults(wrong).contains("hush"));
}
