//! Replies as bytes. Rule: complete responses and streams have OpenAI's format.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::reply::{Content, Reply};
use crate::{RecordedRequest, sound};

/// A body, in chunks as the reply counts them.
pub(crate) struct Rendered {
    pub content_type: Option<String>,
    pub pieces: Vec<Bytes>,
    /// Repeated after the chunks.
    pub repeated: Option<Bytes>,
    /// End of a stream; not counted as a chunk.
    pub end: Option<Bytes>,
}

const JSON: &str = "application/json";
const EVENTS: &str = "text/event-stream";

/// Neither UTF-8 nor JSON nor an event.
const GARBAGE: &[u8] = b"\xff\xfe{{{\x00data\xc3(:]\n\n\x80\x81 <html> 502 \n\n";

pub(crate) fn render(reply: &Reply, asked: &RecordedRequest) -> Rendered {
    if let Some(rendered) = sound::render(&reply.content, asked) {
        return rendered;
    }
    match &reply.content {
        Content::Error => complete(&error(reply.status, asked.last_message())),
        Content::Raw(pieces, content_type) => {
            Rendered { content_type: content_type.clone(), pieces: pieces.clone(), repeated: None, end: None }
        }
        Content::Garbled if asked.is_streamed() => {
            let pieces = vec![Bytes::from_static(GARBAGE)];
            Rendered { content_type: Some(EVENTS.to_owned()), pieces, repeated: None, end: None }
        }
        Content::Garbled => Rendered {
            content_type: Some(JSON.to_owned()),
            pieces: vec![Bytes::from_static(GARBAGE)],
            repeated: None,
            end: None,
        },
        // Resolved before rendering.
        Content::With(_) => complete(&error(500, "")),
        _ if asked.is_streamed() => stream(reply, asked),
        Content::Pieces(pieces) => complete(&answer(reply, asked, json!(pieces.concat()), None)),
        Content::Endless(piece) => complete(&answer(reply, asked, json!(piece.repeat(1000)), None)),
        Content::ToolCalls(calls) => {
            let calls = calls.iter().enumerate().map(|(index, (name, arguments))| {
                let function = json!({ "name": name, "arguments": arguments });
                json!({ "id": format!("call_{index}"), "type": "function", "function": function })
            });
            let calls: Vec<Value> = calls.collect();
            complete(&answer(reply, asked, Value::Null, Some(calls)))
        }
    }
}

/// The error for an unknown path, as the real service words it.
pub(crate) fn not_found(method: &str, path: &str) -> Value {
    let message = format!("Invalid URL ({method} {path})");
    json!({ "error": { "message": message, "type": "invalid_request_error", "param": null, "code": null } })
}

/// An error as JSON; the message repeats `repeated`.
pub(crate) fn error(status: u16, repeated: &str) -> Value {
    let (kind, code) = match status {
        401 => ("invalid_request_error", "invalid_api_key"),
        403 => ("invalid_request_error", "unsupported_country_region_territory"),
        404 => ("invalid_request_error", "model_not_found"),
        429 => ("requests", "rate_limit_exceeded"),
        400..=499 => ("invalid_request_error", "invalid_value"),
        _ => ("server_error", "internal_error"),
    };
    let message = format!("The request could not be served (status {status}): {repeated}");
    json!({ "error": { "message": message, "type": kind, "param": null, "code": code } })
}

fn complete(value: &Value) -> Rendered {
    let body = Bytes::from(value.to_string());
    Rendered { content_type: Some(JSON.to_owned()), pieces: vec![body], repeated: None, end: None }
}

fn answer(reply: &Reply, asked: &RecordedRequest, content: Value, tool_calls: Option<Vec<Value>>) -> Value {
    let mut message = json!({ "role": "assistant", "content": content });
    if let Some(reasoning) = &reply.reasoning {
        message["reasoning_content"] = json!(reasoning);
    }
    let reason = if tool_calls.is_some() { "tool_calls" } else { "stop" };
    if let Some(calls) = tool_calls {
        message["tool_calls"] = Value::Array(calls);
    }
    let mut body = json!({
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_790_000_000,
        "model": asked.model,
        "choices": [{ "index": 0, "message": message, "finish_reason": reason }],
    });
    if let Some(usage) = reply.usage {
        body["usage"] = tokens(usage);
    }
    body
}

fn tokens((prompt, answer): (u32, u32)) -> Value {
    json!({ "prompt_tokens": prompt, "completion_tokens": answer, "total_tokens": prompt + answer })
}

fn stream(reply: &Reply, asked: &RecordedRequest) -> Rendered {
    let event = |choices: Value, usage: Option<Value>| {
        let mut body = json!({
            "id": "chatcmpl-1",
            "object": "chat.completion.chunk",
            "created": 1_790_000_000,
            "model": asked.model,
            "choices": choices,
        });
        if let Some(usage) = usage {
            body["usage"] = usage;
        }
        format!("data: {body}\n\n")
    };
    let delta = |delta: Value| event(json!([{ "index": 0, "delta": delta, "finish_reason": null }]), None);

    let mut pieces = Vec::new();
    if let Some(reasoning) = &reply.reasoning {
        pieces.push(delta(json!({ "role": "assistant", "reasoning_content": reasoning })));
    }
    let mut repeated = None;
    let mut reason = "stop";
    match &reply.content {
        Content::Pieces(texts) => pieces.extend(texts.iter().map(|text| delta(json!({ "content": text })))),
        Content::Endless(text) => repeated = Some(Bytes::from(delta(json!({ "content": text })))),
        Content::ToolCalls(calls) => {
            reason = "tool_calls";
            pieces.extend(tool_deltas(calls).into_iter().map(|calls| delta(json!({ "tool_calls": calls }))));
        }
        _ => {}
    }
    let mut end = event(json!([{ "index": 0, "delta": {}, "finish_reason": reason }]), None);
    let usage = reply.usage.filter(|_| asked.body["stream_options"]["include_usage"] == true);
    if let Some(usage) = usage {
        end += &event(json!([]), Some(tokens(usage)));
    }
    end += "data: [DONE]\n\n";
    Rendered {
        content_type: Some(EVENTS.to_owned()),
        pieces: pieces.into_iter().map(Bytes::from).collect(),
        repeated,
        end: Some(Bytes::from(end)),
    }
}

/// First the names of all calls, then the first half of all arguments, then the second.
fn tool_deltas(calls: &[(String, String)]) -> Vec<Value> {
    let mut deltas = Vec::new();
    for (index, (name, _)) in calls.iter().enumerate() {
        let function = json!({ "name": name, "arguments": "" });
        let call = json!({ "index": index, "id": format!("call_{index}"), "type": "function", "function": function });
        deltas.push(json!([call]));
    }
    let mut halves = (Vec::new(), Vec::new());
    for (index, (_, arguments)) in calls.iter().enumerate() {
        let middle = (0..=arguments.len() / 2).rev().find(|at| arguments.is_char_boundary(*at)).unwrap_or(0);
        let (first, second) = arguments.split_at(middle);
        halves.0.push(json!([{ "index": index, "function": { "arguments": first } }]));
        halves.1.push(json!([{ "index": index, "function": { "arguments": second } }]));
    }
    deltas.append(&mut halves.0);
    deltas.append(&mut halves.1);
    deltas
}
