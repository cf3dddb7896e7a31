//! Tests of hiding secrets in a text, with the true settings. Rule: what a reader of the shown text must not learn is named in
//! each of them.

use modehost_config::Source;
use serde_json::json;

use super::*;
use crate::settings::BUILT_IN;

fn load(text: &str) -> Loaded<Settings> {
    let source = Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
    source.load_text("c.yaml", text).unwrap_or_else(|problems| panic!("{problems}"))
}

fn hide(text: &str) -> HiddenText {
    let schema =
        json!({ "properties": { "code": { "type": "string", "writeOnly": true }, "word": { "type": "string" } } });
    HiddenText::of(text, Some(&load(text)), &BTreeMap::from([("pomodoro".to_owned(), schema)])).expect("shown")
}

const FILE: &str = "\
# The console asks for the token: a long text.
server:
  admin_token: hush-hush-1   # kept by Ann
  port: 8000
  # admin_token: old-hush-2
operators: { viewer_token: 'peek-peek-3' }
asr:
  provider: openai
  openai: { base_url: \"https://api.example.org/v1\", model: whisper, api_key: \"sk-444444\" }
llm:
  aliases:
    default:
      base_url: https://llm.example.org/v1
      api_key: sk-555555
hooks:
  board: { url: https://hooks.example.org/services/T0123/B4567/xYz8901 }
pomodoro:
  code: open-sesame
  word: hello
unknown:
  anything: may-be-secret
";

#[test]
fn secrets_are_placeholders_and_come_back_as_they_were_written() {
    let hidden = hide(FILE);
    for secret in [
        "hush-hush-1",
        "old-hush-2",
        "peek-peek-3",
        "sk-444444",
        "sk-555555",
        "xYz8901",
        "open-sesame",
        "may-be-secret",
    ] {
        assert!(!hidden.text.contains(secret), "{secret} is shown:\n{}", hidden.text);
    }
    for shown in [
        "a long text.",
        "# kept by Ann",
        "port: 8000",
        "https://api.example.org/v1",
        "word: hello",
        "# admin_token: <hidden:2>",
    ] {
        assert!(hidden.text.contains(shown), "{shown} is not shown:\n{}", hidden.text);
    }
    assert_eq!(hidden.restore(&hidden.text).expect("restored"), FILE);
    let edited = hidden.text.replace("port: 8000", "port: 9000").replace("word: hello", "word: bye");
    let restored = hidden.restore(&edited).expect("restored");
    assert_eq!(restored, FILE.replace("port: 8000", "port: 9000").replace("word: hello", "word: bye"));
    assert_eq!(differences(&load(FILE), &load(&restored)), ["pomodoro.word", "server.port"]);
}

#[test]
fn a_secret_does_not_come_to_light_where_its_placeholder_is_moved() {
    let hidden = hide(FILE);
    // Beside its own place: a secret that stands somewhere else, too, cannot be hidden.
    let moved = hidden.restore(&hidden.text.replace("word: hello", "word: <hidden:1>")).expect("restored");
    assert!(
        matches!(HiddenText::of(&moved, Some(&load(&moved)), &BTreeMap::new()), Ok(shown) if !hidden.is_shown_in(&shown))
    );
    let alone = hidden.restore("pomodoro: { word: <hidden:1> }\n").expect("restored");
    assert!(hidden.is_shown_in(&hide(&alone)));
    assert!(!hidden.is_shown_in(&hide(FILE)));
}

#[test]
fn a_placeholder_of_nothing_is_refused_and_other_text_is_kept() {
    let hidden = hide("server: { admin_token: hush-hush-1 }\n");
    assert!(
        matches!(hidden.restore("server: { admin_token: <hidden:9> }"), Err(TextError::Unknown(name)) if name == "<hidden:9>")
    );
    assert!(matches!(hidden.restore("a: <hidden:0>"), Err(TextError::Unknown(_))));
    for plain in ["a: <hidden:x>", "a: <hidden:", "a: <hidden:1", ""] {
        assert_eq!(hidden.restore(plain).expect("kept"), plain);
    }
}

#[test]
fn a_text_with_a_secret_that_cannot_be_hidden_is_not_shown() {
    let text = "# never tell hush-hush-1 to anybody\nserver: { admin_token: hush-hush-1 }\n";
    assert!(matches!(HiddenText::of(text, Some(&load(text)), &BTreeMap::new()), Err(TextError::Exposed)));
    assert!(matches!(HiddenText::of("a: [1", None, &BTreeMap::new()), Err(TextError::Syntax(_))));
}

#[test]
fn of_a_text_that_is_not_valid_everything_that_may_be_secret_is_hidden() {
    let text = "server: { admin_tokn: hush-hush-1, prt: 8000, name: something }\n";
    let hidden = HiddenText::of(text, None, &BTreeMap::new()).expect("shown");
    assert!(!hidden.text.contains("hush") && !hidden.text.contains("something"), "{}", hidden.text);
    assert!(hidden.text.contains("admin_tokn"));
}

#[test]
fn block_texts_and_anchors_are_hidden_as_a_whole_or_not_shown() {
    for text in [
        "llm:\n  aliases:\n    default:\n      base_url: https://a.example/v1\n      api_key: |\n        sk-1234567\n",
        "llm:\n  aliases:\n    default: { base_url: https://a.example/v1, api_key: &key sk-1234567 }\n    other: { base_url: https://a.example/v1, api_key: *key }\n",
        "server:\n  admin_token: >-\n    sk-1234567\n",
    ] {
        let source = Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
        let loaded = source.load_text("c.yaml", text).ok();
        if let Ok(hidden) = HiddenText::of(text, loaded.as_ref(), &BTreeMap::new()) {
            assert!(!hidden.text.contains("1234567"), "{}", hidden.text);
            assert_eq!(hidden.restore(&hidden.text).expect("restored"), text);
        }
    }
}
