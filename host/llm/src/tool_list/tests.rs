//! Tests of the notations in which models write calls.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn tool_list() -> ToolList {
    let parameters = json!({
        "type": "object",
        "properties": { "on": { "type": "boolean" }, "room": { "type": "string" }, "level": { "type": "integer" } },
    });
    let tool =
        |name: &str| Tool { name: name.to_owned(), description: String::new(), parameters: parameters.to_string() };
    ToolList::new(&[tool("light"), tool("self_lamp_turn_on"), tool("set-volume")])
}

fn read(text: &str) -> Vec<(String, Value)> {
    let parsed = |call: WrittenCall| (call.name, serde_json::from_str(&call.arguments).expect("an object"));
    tool_list().read_calls(text).into_iter().map(parsed).collect()
}

#[test]
fn one_call_is_read_however_it_is_written() {
    let arguments = json!({ "on": true, "room": "厨房" });
    let inner = arguments.to_string();
    let quoted = Value::from(inner.clone()).to_string();
    for text in [
        format!("\n{{\"name\": \"light\", \"arguments\": {inner}}}\n"),
        format!("{{\"arguments\": {inner}, \"name\": \"light\"}}"),
        format!("{{\"name\": \"light\", \"parameters\": {inner}}}"),
        format!("{{\"name\": \"light\", \"arguments\": {quoted}}}"),
        format!("{{\"type\": \"function\", \"function\": {{\"name\": \"light\", \"arguments\": {inner}}}}}"),
        format!("{{\"type\": \"function\", \"name\": \"light\", \"parameters\": {inner}}}"),
        format!("{{\"function\": \"light\", \"arguments\": {inner}}}"),
        format!("{{\"action\": \"light\", \"action_input\": {inner}}}"),
        format!("{{\"tool_calls\": [{{\"name\": \"light\", \"arguments\": {inner}}}]}}"),
        format!("[{{\"name\": \"light\", \"arguments\": {inner}}}]"),
        format!("{{\"name\": \"light\", {}", &inner[1..]),
        format!("light\n{inner}"),
        format!("light{inner}"),
        format!("light[ARGS]{inner}"),
        format!("light[CALL_ID]a1B2c3D4e[ARGS]{inner}"),
        format!("functions.light:0<|tool_call_argument_begin|>{inner}"),
        format!("<|tool_call_begin|>functions.light:0<|tool_call_argument_begin|>{inner}<|tool_call_end|>"),
        format!("<｜tool▁call▁begin｜>function<｜tool▁sep｜>light\n```json\n{inner}\n```<｜tool▁call▁end｜>"),
        format!("<｜tool▁call▁begin｜>light<｜tool▁sep｜>{inner}<｜tool▁call▁end｜>"),
        format!("functions.light\n <|constrain|>json<|message|>{inner}"),
        format!("<|plugin|>{{\"name\": \"light\", \"parameters\": {inner}}}"),
        format!("```json\n{{\"name\": \"light\", \"arguments\": {inner}}}\n```"),
        format!("<function=light>\n{inner}"),
        format!("<function=light>{inner}</function>"),
        format!("<function name=\"light\">{inner}</function>"),
        "<function=light>\n<parameter=on>\ntrue\n</parameter>\n<parameter=room>\n厨房\n</parameter>\n</function>".into(),
        "<invoke name=\"light\"><parameter name=\"on\">True</parameter><parameter name=\"room\">厨房</parameter></invoke>"
            .into(),
        "<｜DSML｜invoke name=\"light\"><｜DSML｜parameter name=\"on\" string=\"false\">true</｜DSML｜parameter>\
         <｜DSML｜parameter name=\"room\" string=\"true\">厨房</｜DSML｜parameter></｜DSML｜invoke>"
            .into(),
        "light\n<arg_key>on</arg_key>\n<arg_value>true</arg_value>\n<arg_key>room</arg_key>\n<arg_value>厨房</arg_value>\n"
            .into(),
        // Damaged: truncated, single quotes.
        "{\"name\": \"light\", \"arguments\": {\"on\": true, \"room\": \"厨房\"".into(),
        "{'name': 'light', 'arguments': {'on': True, 'room': '厨房'}}".into(),
    ] {
        assert_eq!(read(&text), [("light".to_owned(), arguments.clone())], "{text}");
    }
}

#[test]
fn several_calls_keep_their_order() {
    let expected = [("light".to_owned(), json!({ "on": true })), ("set-volume".to_owned(), json!({ "level": 3 }))];
    for text in [
        r#"[{"name":"light","arguments":{"on":true}},{"name":"set-volume","arguments":{"level":3}}]"#,
        "{\"name\":\"light\",\"arguments\":{\"on\":true}}\n{\"name\":\"set-volume\",\"arguments\":{\"level\":3}}",
        r#"light[ARGS]{"on":true}set-volume[ARGS]{"level":3}"#,
        "<invoke name=\"light\"><parameter name=\"on\">true</parameter></invoke>\n\
         <invoke name=\"set_volume\"><parameter name=\"level\">3</parameter></invoke>",
    ] {
        assert_eq!(read(text), expected, "{text}");
    }
}

#[test]
fn values_have_the_types_of_the_tool() {
    let text = "<function=light><parameter=room>12</parameter><parameter=level>12</parameter>\
                <parameter=other>{\"a\": [1]}</parameter></function>";
    assert_eq!(read(text), [("light".to_owned(), json!({ "room": "12", "level": 12, "other": { "a": [1] } }))]);
}

#[test]
fn names_are_found_again_and_need_no_arguments() {
    for (text, name) in [
        (r#"{"name":"self.lamp.turn_on","arguments":{}}"#, "self_lamp_turn_on"),
        (r#"{"name":"functions.light","arguments":null}"#, "light"),
        (r#"{"name":"Set_Volume"}"#, "set-volume"),
        (r#"{"name":"light","arguments":""}"#, "light"),
        ("<function=light></function>", "light"),
        ("light", "light"),
        // An unknown tool; its caller will report that.
        (r#"{"name":"weather","arguments":{}}"#, "weather"),
    ] {
        assert_eq!(read(text), [(name.to_owned(), json!({}))], "{text}");
    }
}

#[test]
fn what_is_no_call_is_none() {
    for text in [
        "",
        "I would rather not.",
        "{}",
        "[]",
        r#"{"answer": 42}"#,
        r#"{"name": "Anna", "age": 7}"#,
        r#"{"name": "light", "arguments": [1]}"#,
        r#"{"name": "light", "arguments": "on"}"#,
        r#"{"name": "not a name", "arguments": {}}"#,
        "<function=>{}</function>",
        "{{{{",
    ] {
        assert_eq!(read(text), [], "{text}");
    }
}

#[test]
fn long_texts_take_linear_time() {
    for text in ["<", "</", "<function=", "<function=light>", "{", "<arg_key>", "[", "light<", "{\"name\":"] {
        let started = std::time::Instant::now();
        let _ = tool_list().read_calls(&text.repeat(limits::MODEL_CALL_BYTES / text.len()));
        assert!(started.elapsed() < std::time::Duration::from_secs(5), "{text} took {:?}", started.elapsed());
    }
}

proptest! {
    #[test]
    fn any_text_gives_calls_with_objects(text in "([<>/{}\\[\\]\":, \n=`|a1预｜▁]|light|function|invoke|parameter|name|arguments){0,40}") {
        for call in tool_list().read_calls(&text) {
            prop_assert!(serde_json::from_str::<Value>(&call.arguments).is_ok_and(|value| value.is_object()));
            prop_assert!(!call.name.is_empty());
        }
    }
}
