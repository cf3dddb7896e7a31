//! Tests of answer shapes.

use serde_json::{Value, json};

use super::*;

fn assemble(packets: &[Value]) -> Result<Answer, Fault> {
    let mut builder = AnswerBuilder::new(None, false);
    for packet in packets {
        let packet = Packet::read(packet.to_string().as_bytes())?;
        assert_eq!(packet.error, None);
        builder.push(packet)?;
    }
    builder.close(true)?;
    builder.complete()
}

fn delta(delta: Value) -> Value {
    json!({ "choices": [{ "delta": delta, "finish_reason": null }] })
}

fn call(index: Value, id: Value, name: Value, arguments: Value) -> Value {
    let function = json!({ "name": name, "arguments": arguments });
    delta(json!({ "tool_calls": [{ "index": index, "id": id, "function": function }] }))
}

fn calls(packets: &[Value]) -> Vec<(String, String, String)> {
    let answer = assemble(packets).expect("an answer");
    answer.tool_calls.into_iter().map(|call| (call.id, call.name, call.arguments)).collect()
}

fn expected(calls: &[(&str, &str, &str)]) -> Vec<(String, String, String)> {
    calls.iter().map(|(id, name, arguments)| ((*id).into(), (*name).into(), (*arguments).into())).collect()
}

#[test]
fn contents_of_all_kinds_are_taken() {
    let answer = assemble(&[
        json!({ "choices": null }),
        delta(json!({ "role": "assistant", "content": null, "reasoning_content": "hm" })),
        delta(json!({ "content": "a" })),
        delta(json!({ "content": [{ "type": "text", "text": "b" }, { "type": "image" }] })),
        json!({ "choices": [], "usage": { "prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9 } }),
    ])
    .expect("an answer");
    assert_eq!((answer.text.as_str(), answer.prompt_tokens, answer.completion_tokens), ("ab", 7, 2));
}

#[test]
fn pieces_of_tool_calls_are_joined_by_index() {
    let streamed = [
        call(json!(0), json!("x"), json!("light"), json!("")),
        call(json!(1), json!("y"), json!("sound"), json!("{\"a\"")),
        call(json!(0), Value::Null, Value::Null, json!("{}")),
        call(json!(1), json!(""), json!("sound"), json!(":1}")),
    ];
    assert_eq!(calls(&streamed), expected(&[("x", "light", "{}"), ("y", "sound", "{\"a\":1}")]));
}

#[test]
fn calls_of_careless_services_are_told_apart() {
    let all_zero = [
        call(json!(0), json!("x"), json!("light"), json!("{}")),
        call(json!(0), json!("y"), json!("sound"), json!("{}")),
    ];
    assert_eq!(calls(&all_zero), expected(&[("x", "light", "{}"), ("y", "sound", "{}")]));
    let no_index = [
        call(Value::Null, json!("x"), json!("light"), json!({ "on": true })),
        call(Value::Null, json!("y"), json!("sound"), Value::Null),
        call(Value::Null, Value::Null, Value::Null, json!("{}")),
    ];
    assert_eq!(calls(&no_index), expected(&[("x", "light", "{\"on\":true}"), ("y", "sound", "{}")]));
}

#[test]
fn pieces_of_a_call_with_ids_or_numbers_of_their_own_stay_together() {
    let same_id_no_index = [
        call(Value::Null, json!("x"), json!("light"), json!("{\"a\"")),
        call(Value::Null, json!("x"), Value::Null, json!(":1}")),
    ];
    assert_eq!(calls(&same_id_no_index), expected(&[("x", "light", "{\"a\":1}")]));
    let new_id_each = [
        call(json!(0), json!("x1"), json!("light"), json!("{\"a\"")),
        call(json!(0), json!("x2"), Value::Null, json!(":1")),
        call(json!(0), json!("x3"), json!(""), json!("}")),
    ];
    assert_eq!(calls(&new_id_each), expected(&[("x1", "light", "{\"a\":1}")]));
    let other_number = [
        call(json!(0), json!("x"), json!("light"), json!("{}")),
        call(json!(0), json!("y"), json!("sound"), json!("")),
        call(json!(1), Value::Null, Value::Null, json!("{\"b\":2}")),
    ];
    assert_eq!(calls(&other_number), expected(&[("x", "light", "{}"), ("y", "sound", "{\"b\":2}")]));
    let no_marks = [
        call(Value::Null, Value::Null, json!("light"), json!("{}")),
        call(Value::Null, Value::Null, json!("sound"), json!("{}")),
    ];
    assert_eq!(calls(&no_marks), expected(&[("", "light", "{}"), ("", "sound", "{}")]));
    // The ids distinguish interleaved calls, whether all are numbered 0 or none is.
    for index in [Value::Null, json!(0)] {
        let in_turns = [
            call(index.clone(), json!("x"), json!("light"), json!("{")),
            call(index.clone(), json!("y"), json!("sound"), json!("{\"a\"")),
            call(index.clone(), json!("x"), json!("light"), json!("}")),
            call(index, json!("y"), Value::Null, json!(":1}")),
        ];
        assert_eq!(calls(&in_turns), expected(&[("x", "light", "{}"), ("y", "sound", "{\"a\":1}")]));
    }
    let new_id_each_no_index = [
        call(Value::Null, json!("x1"), json!("light"), json!("{\"a\"")),
        call(Value::Null, json!("x2"), Value::Null, json!(":1}")),
    ];
    assert_eq!(calls(&new_id_each_no_index), expected(&[("x1", "light", "{\"a\":1}")]));
    let name_behind_the_id = [
        call(Value::Null, json!("x"), Value::Null, Value::Null),
        call(Value::Null, Value::Null, json!("light"), json!("{}")),
    ];
    assert_eq!(calls(&name_behind_the_id), expected(&[("x", "light", "{}")]));
}

#[test]
fn calls_that_share_an_id_or_a_number_are_told_apart_by_their_names() {
    let all_zero_no_id = [
        call(json!(0), json!(""), json!("light"), json!("{}")),
        call(json!(0), json!(""), json!("sound"), json!("{\"a\"")),
        call(json!(0), json!(""), json!("sound"), json!(":1}")),
    ];
    assert_eq!(calls(&all_zero_no_id), expected(&[("", "light", "{}"), ("", "sound", "{\"a\":1}")]));
    let one_id = [
        call(json!(0), json!("x"), json!("light"), json!("{}")),
        call(json!(1), json!("x"), json!("light"), json!("{\"a\"")),
        call(json!(1), json!("x"), Value::Null, json!(":1}")),
        call(json!(1), json!("x"), json!("sound"), json!("{}")),
    ];
    let told_apart = [("x", "light", "{}"), ("x", "light", "{\"a\":1}"), ("x", "sound", "{}")];
    assert_eq!(calls(&one_id), expected(&told_apart));
}

#[test]
fn a_call_without_a_name_is_none() {
    let nameless = [delta(json!({ "content": "a" })), call(json!(0), json!("x"), json!(""), json!("{}"))];
    assert_eq!(calls(&nameless), []);
}

#[test]
fn l1_an_answer_that_is_given_in_pieces_and_whole_is_given_once() {
    let whole = |text: &str| json!({ "choices": [{ "message": { "content": text }, "finish_reason": "stop" }] });
    let behind = [delta(json!({ "content": "a" })), delta(json!({ "content": "b" })), whole("ab")];
    assert_eq!(assemble(&behind).map(|answer| answer.text), Ok("ab".to_owned()));
    let both = |piece: &str, all: &str| json!({ "choices": [{ "delta": { "content": piece }, "message": { "content": all } }] });
    let beside = [both("", ""), both("a", "a"), both("b", "ab"), both("", "ab")];
    assert_eq!(assemble(&beside).map(|answer| answer.text), Ok("ab".to_owned()));
    assert_eq!(assemble(&[both("", "ab")]).map(|answer| answer.text), Ok("ab".to_owned()));
    let nothing = json!({ "role": "assistant", "content": [{ "text": "" }], "reasoning_content": "" });
    let named = json!({ "choices": [{ "delta": nothing, "message": { "content": "ab" } }] });
    assert_eq!(assemble(&[named]).map(|answer| answer.text), Ok("ab".to_owned()));
    let thoughts = [delta(json!({ "content": "<think>hm" })), whole("ab")];
    assert_eq!(assemble(&thoughts).map(|answer| answer.text), Ok("ab".to_owned()));
    let only_reasoning = [delta(json!({ "content": "<think>hm" })), whole("")];
    assert_eq!(assemble(&only_reasoning), Err(Fault::OnlyReasoning));
    let blanks = [delta(json!({ "content": "\n" })), whole("\nab")];
    assert_eq!(assemble(&blanks).map(|answer| answer.text), Ok("\nab".to_owned()));
}

#[test]
fn what_is_no_answer_is_a_fault() {
    let finish = |reason: &str| json!({ "choices": [{ "message": { "content": "" }, "finish_reason": reason }] });
    assert_eq!(assemble(&[finish("stop")]), Err(Fault::Empty));
    assert_eq!(assemble(&[finish("length")]), Err(Fault::OnlyReasoning));
    assert_eq!(assemble(&[finish("content_filter")]), Err(Fault::Filtered));
    assert_eq!(assemble(&[delta(json!({ "content": "<think>hm" }))]), Err(Fault::OnlyReasoning));
    let many: Vec<Value> =
        (0..=limits::MODEL_TOOL_CALLS).map(|index| call(json!(index), Value::Null, json!("a"), json!(""))).collect();
    assert_eq!(assemble(&many), Err(Fault::TooLong));
    let long = delta(json!({ "content": "x".repeat(limits::MODEL_ANSWER_BYTES + 1) }));
    assert_eq!(assemble(&[long]), Err(Fault::TooLong));
}
