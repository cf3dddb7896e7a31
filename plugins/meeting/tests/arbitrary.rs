//! Arbitrary speech and answers of models. Rule: no input makes the mode fail, and every result is within its bounds.

use meeting::answer;
use meeting::extract::{Line, due, person, take_notes};
use meeting::notes::{Notes, add};
use meeting::opening_words::OpeningWords;
use meeting::summary::{BULLETS, Summary};
use proptest::prelude::*;

/// Text with the phrases that the rules look for, in any order and context.
fn text() -> impl Strategy<Value = String> {
    let words = [
        "我们决定",
        "负责",
        "周五前",
        "请",
        "张伟",
        "由测试组",
        "月底",
        "3月",
        "15日",
        "十号",
        "。",
        "，",
        "？",
        "！",
        "…",
        "那",
        "嗯，",
        "we decided to ",
        "Ann",
        "will ",
        "by ",
        "next ",
        "Friday",
        "the ",
        "end of ",
        "march ",
        "15th",
        ". ",
        ", ",
        "?",
        "I'll ",
        "can you ",
        "action item ",
        "Dr. ",
        "3.5",
        "'",
        "\n",
        " ",
        "İ",
        "ß",
        "ﬁ",
        "👩‍👩‍👧",
        "\u{301}",
        "日",
        "号",
    ];
    let piece = prop_oneof![
        5 => prop::sample::select(words.to_vec()).prop_map(str::to_owned),
        1 => any::<String>(),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let keys =
        ["title", "bullets", "summary", "decisions", "actions", "Action Items", "owner", "text", "due", "待办", "x"];
    let leaf = prop_oneof![
        text().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<bool>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null),
    ];
    leaf.prop_recursive(4, 40, 8, move |inner| {
        let key = prop::sample::select(keys.to_vec()).prop_map(str::to_owned);
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..8).prop_map(serde_json::Value::from),
            prop::collection::vec((key, inner), 0..8)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

fn assert_bounded(summary: &Summary) {
    assert!(summary.bullets.len() <= BULLETS && summary.decisions.len() <= 16 && summary.actions.len() <= 24);
    assert!(serde_json::to_string(summary).expect("JSON").len() < 128 * 1024);
}

proptest! {
    #[test]
    fn rules_take_notes_of_anything(texts in prop::collection::vec(text(), 0..30), tagged in any::<bool>()) {
        let tag = tagged.then(|| "Ann".to_owned());
        let line = |text: &String| Line { at: 1, tag: tag.clone(), text: text.clone() };
        let lines: Vec<Line> = texts.iter().map(line).collect();
        let names = ["Ann".to_owned(), "张伟".to_owned(), "İ".to_owned(), String::new()];
        let mut all: Vec<Notes> = Vec::new();
        add(&mut all, take_notes(&lines, &names, 5));
        assert_bounded(&Summary::of_notes(&all));
        let mut title = OpeningWords::default();
        for text in &texts {
            let _ = (due::find(text), person::find(text, Some("Ann"), &names));
            title.consider(text);
        }
        prop_assert!(title.text.chars().count() <= 61);
    }

    #[test]
    fn any_answer_is_read(value in json(), around in any::<(String, String)>()) {
        for answer in [value.to_string(), format!("{}{value}{}", around.0, around.1), around.0.clone()] {
            if let Some(answer) = answer::read(&answer) {
                let summary = Summary::of_answer(answer);
                prop_assert!(!summary.degraded);
                assert_bounded(&summary);
            }
        }
    }
}
