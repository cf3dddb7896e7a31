//! Extracts the JSON object from a model's answer. Rule: first as it is, then between the outermost braces, then
//! repaired; the result is one object that any parser accepts, nested no deeper than guests allow, or none.

use crate::limits;
use serde_json::Value;

use crate::repair::repair_object;

/// The object, as text. `None` if there is none.
pub(crate) fn extract_object(answer: &str) -> Option<String> {
    let answer = answer.trim();
    if is_object(answer) {
        return Some(answer.to_owned());
    }
    let start = answer.find('{')?;
    let outermost = answer.rfind('}').filter(|end| *end > start).map(|end| &answer[start..=end]);
    if let Some(object) = outermost.filter(|text| is_object(text)) {
        return Some(object.to_owned());
    }
    let repaired = Value::Object(repair_object(answer)?);
    fits(&repaired).then(|| repaired.to_string())
}

fn is_object(text: &str) -> bool {
    text.starts_with('{') && serde_json::from_str::<Value>(text).is_ok_and(|value| fits(&value))
}

/// Whether it is an object within the depth that guests allow.
fn fits(value: &Value) -> bool {
    fn depth(value: &Value) -> usize {
        match value {
            Value::Object(map) => 1 + map.values().map(depth).max().unwrap_or(0),
            Value::Array(list) => 1 + list.iter().map(depth).max().unwrap_or(0),
            _ => 0,
        }
    }
    value.is_object() && depth(value) <= limits::JSON_DEPTH
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn value(answer: &str) -> Option<Value> {
        extract_object(answer).map(|text| serde_json::from_str(&text).expect("what comes out is JSON"))
    }

    #[test]
    fn objects_are_found_as_they_are_and_in_prose() {
        let object = serde_json::json!({ "a": 1, "b": ["x}", "{y"] });
        for answer in [
            r#"{"a":1,"b":["x}","{y"]}"#.to_owned(),
            format!("\n  {object}\n"),
            format!("Here you are:\n```json\n{object}\n```\nI hope that helps."),
            format!("好的,结果如下:{object}。请查收"),
            format!("{object} Note: {{braces}} follow."),
            format!("{object}\n{object}"),
        ] {
            assert_eq!(value(&answer).as_ref(), Some(&object), "{answer}");
        }
    }

    #[test]
    fn small_damage_is_mended() {
        for (damaged, meant) in [
            (r#"{"a": 1, "b": [1, 2,],}"#, r#"{"a":1,"b":[1,2]}"#),
            (r#"{'a': 'x', b: true}"#, r#"{"a":"x","b":true}"#),
            (r#"{"a": True, "b": None}"#, r#"{"a":true,"b":null}"#),
            ("{\"a\": \"one\ntwo\"}", r#"{"a":"one\ntwo"}"#),
            (
                r#"Sure: {"a": 1, // why not
                "b": 2} done"#,
                r#"{"a":1,"b":2}"#,
            ),
        ] {
            let meant: Value = serde_json::from_str(meant).expect("JSON");
            assert_eq!(value(damaged), Some(meant), "{damaged}");
        }
    }

    #[test]
    fn a_cut_off_object_keeps_what_it_had() {
        let cut = r#"{"title": "Budget", "bullets": [{"text": "one"}, {"text": "tw"#;
        let repaired = value(cut).expect("mended");
        assert_eq!((&repaired["title"], &repaired["bullets"][0]["text"]), (&"Budget".into(), &"one".into()));
    }

    #[test]
    fn what_is_no_object_is_nothing() {
        for answer in ["", "no", "[1, 2]", "42", "\"{\"", "}{", "null", "I cannot {sorry}."] {
            assert_eq!(extract_object(answer), None, "{answer}");
        }
    }

    #[test]
    fn deep_nesting_is_refused_and_costs_no_stack() {
        let deep = |levels: usize| format!("{}1{}", r#"{"a":"#.repeat(levels), "}".repeat(levels));
        assert!(extract_object(&deep(limits::JSON_DEPTH)).is_some());
        assert!(extract_object(&deep(limits::JSON_DEPTH + 1)).is_none());
        assert!(extract_object(&"{".repeat(200_000)).is_none());
        // A repair library never returned from this one.
        let _ = extract_object("{-\",\":*#: \"\"[''[ }\"/");
        assert!(extract_object(&r#"{"]":["#.repeat(50_000)).is_none());
    }

    /// Objects as models write them: texts in several scripts, quotes, braces.
    fn objects() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            any::<bool>().prop_map(Value::from),
            any::<i32>().prop_map(Value::from),
            "[a-z {}\"\\\\,:\\[\\]预算🙂\n]{0,12}".prop_map(Value::from),
            Just(Value::Null),
        ];
        let tree = leaf.prop_recursive(3, 24, 4, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
                prop::collection::btree_map("[a-z预]{1,6}", inner, 0..4)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        });
        prop::collection::btree_map("[a-z]{1,6}", tree, 0..5).prop_map(|map| Value::Object(map.into_iter().collect()))
    }

    proptest! {
        #[test]
        fn any_object_survives_prose_around_it(object in objects(), before in "[^{}]{0,20}", after in "[^{}]{0,20}") {
            prop_assert_eq!(value(&format!("{before}{object}{after}")), Some(object));
        }

        #[test]
        fn any_text_gives_an_object_or_nothing(text in "[\\PC\n]{0,80}") {
            let _ = value(&text);
        }

        #[test]
        fn any_brackets_and_quotes_give_an_object_or_nothing(text in "[{}\\[\\]\",:'`/*#\\\\a1预 -]{0,60}") {
            let _ = value(&text);
        }

        #[test]
        fn a_prefix_of_an_object_gives_an_object_or_nothing(object in objects(), share in 0.0..1.0_f64) {
            let text = object.to_string();
            let at = (text.len() as f64 * share) as usize;
            let end = (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
            let _ = value(&text[..end]);
        }

        #[test]
        fn what_is_whole_is_read_as_it_is(object in objects(), after in "[^\"{]{0,20}") {
            let object = object.as_object().expect("an object");
            for text in [Value::from(object.clone()).to_string(), format!("{:#}", Value::from(object.clone()))] {
                let repaired = repair_object(&format!("{text}{after}"));
                prop_assert_eq!(repaired.as_ref(), Some(object).filter(|object| !object.is_empty()));
            }
        }
    }
}
