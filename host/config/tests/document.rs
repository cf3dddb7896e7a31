//! Every kind of mistake in a document, at its exact location; layers; sections of plugins. Rule: a diagnostic names
//! line, column and setting.

use std::collections::BTreeMap;

use garde::Validate;
use modehost_config::environment;
use modehost_config::{Diagnostics, Loaded, Location, Reference, Source, render_reference};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;

#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    #[garde(dive)]
    server: Server,
    /// Devices of each group.
    #[garde(skip)]
    groups: BTreeMap<String, Vec<String>>,
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Server {
    /// Port. Default 8004. Needs a restart.
    #[garde(skip)]
    port: u16,
    #[garde(length(min = 1))]
    host: String,
    #[garde(skip)]
    secret: Option<String>,
    #[garde(dive)]
    users: Vec<User>,
    #[garde(skip)]
    duplicate: Duplicate,
    #[garde(range(min = 1, max = 100))]
    share: u8,
}

impl Default for Server {
    fn default() -> Self {
        let duplicate = Duplicate::Takeover;
        Self { port: 8004, host: "::".into(), secret: None, users: Vec::new(), duplicate, share: 1 }
    }
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
struct User {
    #[garde(length(min = 2))]
    name: String,
    #[garde(skip)]
    #[serde(default)]
    #[expect(dead_code, reason = "only its type matters")]
    age: u8,
}

#[derive(Debug, Deserialize, JsonSchema, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Duplicate {
    Takeover,
    Reject,
}

const BUILT_IN: (&str, &str) = ("built-in", "server:\n  port: 8004\ngroups:\n  home: [a]\n");

fn load_with(text: &str, variables: &[(&str, &str)]) -> Result<Loaded<Sample>, Diagnostics> {
    let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let overrides = environment::collect("T", variables);
    Source { embedded: BUILT_IN, file: None, overrides }.load_text("c.yaml", text)
}

/// The single diagnostic of a text: line, column, setting, message.
fn diagnostic(text: &str) -> (u64, u64, String, String) {
    let diagnostics = load_with(text, &[]).expect_err("a diagnostic").0;
    assert_eq!(diagnostics.len(), 1, "{diagnostics:?}");
    let Location::Text { name, line, column } = &diagnostics[0].location else { panic!("no place: {diagnostics:?}") };
    assert_eq!(name, "c.yaml");
    (*line, *column, diagnostics[0].setting.clone(), diagnostics[0].message.clone())
}

fn at(line: u64, column: u64, setting: &str, message: &str) -> (u64, u64, String, String) {
    (line, column, setting.to_owned(), message.to_owned())
}

#[test]
fn a_wrong_type_points_at_the_value() {
    let expected = "expected a whole number from 0 to 65535, found a text";
    assert_eq!(diagnostic("server:\n  host: x\n  port: abc\n"), at(3, 9, "server.port", expected));
    let expected = "expected a whole number from 0 to 65535, found one that is too large or too small";
    assert_eq!(diagnostic("server: { port: 70000 }\n"), at(1, 17, "server.port", expected));
    let expected = "expected a list, such as [a, b], found a text";
    assert_eq!(diagnostic("groups:\n  home: a\n"), at(2, 9, "groups.home", expected));
    let (line, column, setting, message) = diagnostic("server: 5\n");
    assert_eq!((line, column, setting.as_str()), (1, 9, "server"));
    assert!(message.starts_with("expected keys and values"), "{message}");
}

#[test]
fn an_unknown_key_points_at_the_key_and_names_the_nearest() {
    let (line, column, setting, message) = diagnostic("server:\n  prot: 5\n");
    assert_eq!((line, column, setting.as_str()), (2, 3, "server.prot"));
    assert!(message.starts_with("unknown key; did you mean `port`? keys here are: "), "{message}");
    let (line, column, setting, _) = diagnostic("server:\n  users:\n    - name: ab\n      agee: 3\n");
    assert_eq!((line, column, setting.as_str()), (4, 7, "server.users[0].agee"));
}

#[test]
fn a_missing_key_points_at_its_section() {
    assert_eq!(diagnostic("server:\n  users:\n    - age: 3\n"), at(3, 7, "server.users[0]", "missing field `name`"));
}

#[test]
fn a_broken_rule_points_at_the_value() {
    let (line, column, setting, _) = diagnostic("server:\n  users:\n    - name: ab\n    - { name: x }\n");
    assert_eq!((line, column, setting.as_str()), (4, 15, "server.users[1].name"));
    let (line, column, setting, message) = diagnostic("server:\n  share: 0\n");
    assert_eq!((line, column, setting.as_str(), message.as_str()), (2, 10, "server.share", "lower than 1"));
}

#[test]
fn a_wrong_word_lists_the_words() {
    let (line, column, _, message) = diagnostic("server:\n  duplicate: takover\n");
    assert_eq!((line, column), (2, 14));
    assert!(message.contains("expected `takeover` or `reject`"), "{message}");
}

#[test]
fn a_key_given_twice_and_bad_syntax_point_at_their_line() {
    let (line, column, _, message) = diagnostic("server:\n  port: 1\n  port: 2\n");
    assert_eq!((line, column), (3, 3), "{message}");
    assert!(message.contains("port"), "{message}");
    let (line, ..) = diagnostic("server:\n  port: [1\ngroups: {}\n");
    assert!(line >= 2, "{line}");
}

#[test]
fn several_mistakes_are_told_at_once_in_the_order_of_the_lines() {
    let text = "server:\n  port: abc\n  hots: x\n  share: many\ngroups: 5\n";
    let diagnostics = load_with(text, &[]).expect_err("diagnostics").0;
    let lines: Vec<_> = diagnostics
        .iter()
        .map(|diagnostic| match diagnostic.location {
            Location::Text { line, .. } => line,
            _ => 0,
        })
        .collect();
    assert_eq!(lines, [2, 3, 4, 5], "{diagnostics:?}");
}

#[test]
fn the_line_is_shown_with_a_mark_and_without_secrets() {
    let diagnostics = load_with("server:\n  port: abc\n", &[]).expect_err("a diagnostic");
    assert!(diagnostics.to_string().contains("  2 |   port: …\n    |         ^"), "{diagnostics}");
    let diagnostics = load_with("server:\n  secret: [hunter2]\n", &[]).expect_err("a diagnostic");
    assert!(!diagnostics.to_string().contains("hunter2"), "{diagnostics}");
}

#[test]
fn plain_numbers_are_texts_where_a_text_is_due() {
    let loaded =
        load_with("server:\n  host: 0012\n  secret: 0x1F\ngroups:\n  5: [001122, yes]\n", &[("T__SERVER__HOST", "7")]);
    let document = loaded.expect("valid").document;
    assert_eq!((document.server.host.as_str(), document.server.secret.as_deref()), ("7", Some("0x1F")));
    assert_eq!(document.groups["5"], ["001122", "yes"]);
}

#[test]
fn a_section_with_nothing_in_it_is_as_good_as_absent() {
    let document = load_with("server:\n  # port: 1\ngroups:\n", &[]).expect("valid").document;
    assert_eq!(document.server.port, 8004);
}

#[test]
fn the_file_lies_over_the_built_in_and_the_environment_over_both() {
    let document = load_with("server: { port: 1, share: 5 }\ngroups: { work: [b] }\n", &[("T__SERVER__PORT", "2")]);
    let document = document.expect("valid").document;
    assert_eq!((document.server.port, document.server.share), (2, 5));
    assert_eq!(document.groups.keys().collect::<Vec<_>>(), ["home", "work"]);
    let set =
        [("T__GROUPS", r#"{"x":["y"]}"#), ("T__SERVER__USERS", r#"[{"name":"ab"}]"#), ("T__GROUPS__HOME", r#"["z"]"#)];
    let document = load_with("", &set).expect("valid").document;
    assert_eq!(document.server.users[0].name, "ab");
    assert_eq!(document.groups["home"], ["z"]);
    assert_eq!(document.groups.len(), 2);
}

#[test]
fn a_variable_that_is_no_setting_is_refused_by_name() {
    for (name, value, expected) in [
        ("T__SERVER__PROT", "5", "did you mean `port`?"),
        ("T__SERVER__PORT", "abc", "expected a whole number"),
        ("T__SERVER__PORT__X", "5", "no setting has this name"),
        ("T__SERVER__USERS", "x", "expected a list"),
        ("T____PORT", "5", "no setting has this name"),
    ] {
        let diagnostics = load_with("", &[(name, value)]).expect_err(name).to_string();
        assert!(diagnostics.starts_with(&format!("environment variable {name}: ")), "{diagnostics}");
        assert!(diagnostics.contains(expected), "{diagnostics}");
    }
}

#[test]
fn sections_of_others_are_kept_and_their_mistakes_found() {
    let text = "server: {}\nalpha:\n  keep: 5\n  list:\n    - { a: 1 }\nbetta: { x: 1 }\n";
    let loaded = load_with(text, &[("T__ALPHA__KEEP", "6")]).expect("valid");
    assert_eq!(loaded.sections["alpha"].value, json!({"keep": 6, "list": [{"a": 1}]}));
    let unknown = loaded.unknown_sections(&["alpha", "beta"]);
    assert_eq!(unknown.len(), 1);
    let shown = unknown[0].to_string();
    let start = "c.yaml:6:1: unknown section `betta`; did you mean `beta`? sections are: alpha, beta, groups, server";
    assert!(shown.starts_with(start), "{shown}");
    let inner = loaded.diagnostic_for_value("/alpha/list/0/a", "is not a text");
    assert_eq!(inner.location, Location::Text { name: "c.yaml".into(), line: 5, column: 12 });
    let absent = loaded.diagnostic_for_value("/alpha/list/0/missing/deeper", "is missing");
    assert_eq!(absent.location, Location::Text { name: "c.yaml".into(), line: 5, column: 7 });
    let variable = loaded.diagnostic_for_value("/alpha/keep", "is too much");
    assert_eq!(variable.location, Location::Variable("T__ALPHA__KEEP".into()));
}

#[test]
fn the_reference_shows_every_setting_with_words_default_and_when() {
    let plugin = json!({ "properties": { "keep": {
        "type": ["integer", "null"], "minimum": 1, "description": "How | many.", "default": 5,
    } } });
    let sections = [("alpha".to_owned(), plugin)];
    let options = Reference { cold: &["/server/port"], sections: &sections };
    let page = render_reference(&schemars::schema_for!(Sample).to_value(), &options);
    let contains = |line: &str| assert!(page.contains(line), "{line}\n--- not in\n{page}");
    contains(
        "| `server.port` | whole number, 0 to 65535 | `8004` | restart | any | Port. Default 8004. Needs a restart. |",
    );
    contains("| `server.duplicate` | `takeover`, `reject` |");
    contains("| `server.share` | whole number, 1 to 100 |");
    contains("| `groups` | map to: list of: text | `{}` | hot | any | Devices of each group. |");
    contains("| `server.users[].name` | text |");
    contains("| `alpha.keep` | whole number, 1 or more | `5` | hot | any | How \\| many. |");
}

/// The shortest time of several runs: other programs share the machine.
fn quickest(work: impl Fn()) -> std::time::Duration {
    let once = |_| {
        let began = std::time::Instant::now();
        work();
        began.elapsed()
    };
    (0..9).map(once).min().unwrap_or_default()
}

#[test]
fn four_times_as_large_a_document_takes_about_four_times_as_long() {
    let one_group = |count: usize| {
        let devices = (0..count).map(|number| format!("    - \"device-{number}\"\n")).collect::<String>();
        format!("groups:\n  all:\n{devices}")
    };
    let own_groups = |count: usize| {
        let groups = (0..count).map(|number| format!("  g{number}: [\"device-{number}\"]\n")).collect::<String>();
        format!("groups:\n{groups}")
    };
    for (case, make) in [("in one group", &one_group as &dyn Fn(usize) -> String), ("in their own", &own_groups)] {
        let time = |count: usize| {
            let text = make(count);
            let source = Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
            quickest(|| drop(source.load_text::<Sample>("c.yaml", &text).expect("a good document")))
        };
        let (few, many) = (time(2_500), time(10_000));
        // Quadratic would be sixteen times.
        assert!(many < few * 8, "{case}: {few:?}, then {many:?}");
    }
}
