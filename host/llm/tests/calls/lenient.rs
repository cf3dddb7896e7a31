//! L.8: malformed responses. Rule: whatever the content type and the splits, the caller receives the intended answer; a
//! truncated response is not an answer.

use std::time::Duration;

use modehost_contract::effect::ModelRequest;
use modehost_contract::event::Failure;
use modehost_provider::{Gate, Provider, Reply};
use serde_json::{Value, json};

use crate::setup::{ask, models, question, streamed};

/// The body in pieces of this size, each sent by itself.
fn cut(body: &[u8], bytes: usize, content_type: Option<&str>) -> Reply {
    let pieces = body.chunks(bytes).map(<[u8]>::to_vec);
    Reply::raw_pieces(pieces, content_type).between_chunks(Duration::from_micros(200))
}

/// The answers to a body with every content type, streamed and not, in pieces of several sizes.
async fn read(body: &[u8]) -> Vec<String> {
    let provider = Provider::start();
    let models = models(&provider, json!({ "retries": 0 }));
    let kinds = [Some("text/event-stream"), Some("application/json; charset=utf-8"), Some("text/plain"), None];
    let mut texts = Vec::new();
    for (content_type, bytes) in kinds.into_iter().zip([usize::MAX, 1, 3, 7]) {
        for chunks in [true, false] {
            provider.queue(cut(body, bytes.min(body.len()), content_type));
            let outcome = ask(&models, ModelRequest { chunks, ..question("?") }).await;
            if chunks {
                assert_eq!(outcome.chunks.concat(), outcome.text(), "{}", String::from_utf8_lossy(body));
            }
            texts.push(outcome.text().to_owned());
        }
    }
    texts
}

async fn expect_text(body: impl AsRef<[u8]>, text: &str) {
    let texts = read(body.as_ref()).await;
    assert!(texts.iter().all(|found| found == text), "{}: {texts:?}", String::from_utf8_lossy(body.as_ref()));
}

fn event(delta: &Value, finish: &Value) -> String {
    json!({ "choices": [{ "index": 0, "delta": delta, "finish_reason": finish }] }).to_string()
}

#[tokio::test]
async fn l8_the_body_is_what_it_is_and_not_what_it_is_called() {
    let [one, two] = ["Two and ", "two."].map(|text| event(&json!({ "content": text }), &json!(null)));
    let end = event(&json!({}), &json!("stop"));
    for body in [
        format!("data: {one}\n\ndata: {two}\n\ndata: {end}\n\ndata: [DONE]\n\n"),
        format!("data:{one}\r\n\r\ndata:{two}\r\n\r\ndata:{end}\r\n\r\n"),
        format!("data: {one}\ndata: {two}\ndata: {end}\n"),
        format!(
            "\u{feff}: keep-alive\n\nevent: message\nid: 1\nretry: 3\ndata: {one}\n\n: x\n\ndata: {two}{end}\n\ndata: [DONE]"
        ),
        format!("{one}\n{two}\n{end}\n"),
        format!("{one}{two}{end}"),
        format!("[{one}\n,{two}\n,{end}]"),
        // Whole, where a stream was requested, and the other way round.
        json!({ "choices": [{ "message": { "content": "Two and two." }, "finish_reason": "stop" }] }).to_string(),
        format!(
            "\n\n{:#}\n",
            json!({ "choices": [{ "message": { "content": "Two and two." }, "finish_reason": "stop" }] })
        ),
    ] {
        expect_text(body, "Two and two.").await;
    }
}

#[tokio::test]
async fn l8_a_reason_that_comes_early_or_is_none_ends_nothing() {
    let pieces = ["Two ", "and ", "two."].map(|text| json!({ "content": text }));
    for (first, second, last) in [
        (json!("stop"), json!(null), json!(null)),
        (json!("stop"), json!("stop"), json!("stop")),
        (json!("null"), json!(""), json!("None")),
        (json!(""), json!("null"), json!("stop")),
    ] {
        let events = [event(&pieces[0], &first), event(&pieces[1], &second), event(&pieces[2], &last)];
        let body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
        expect_text(format!("{body}data: [DONE]\n\n"), "Two and two.").await;
        expect_text(body, "Two and two.").await;
    }
    // On the very first delta, which has no text.
    let body = format!(
        "data: {}\n\ndata: {}\n\ndata: [DONE]\n\n",
        event(&json!({ "role": "assistant", "content": "" }), &json!("stop")),
        event(&json!({ "content": "Two." }), &json!(null))
    );
    expect_text(body, "Two.").await;
}

#[tokio::test]
async fn l8_what_comes_late_behind_an_early_end_is_waited_for() {
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    let events = ["Two ", "and ", "two."]
        .map(|text| format!("data: {}\n\n", event(&json!({ "content": text }), &json!("stop"))));
    let gate = Gate::new();
    let waiting = Reply::raw_pieces(events, Some("text/event-stream")).until_open_after(2, &gate);
    provider.default_reply(waiting);
    let later = async {
        provider.wait_requests(1).await;
        // Longer than a service may take to report its usage after a reliable end.
        tokio::time::sleep(Duration::from_millis(2500)).await;
        gate.open();
    };
    let (outcome, ()) = tokio::join!(ask(&models, streamed("?")), later);
    assert_eq!(outcome.text(), "Two and two.");
}

#[tokio::test]
async fn l8_split_characters_are_joined() {
    let raw = |content: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"{content}\"}}}}]}}\n\n");
    // A surrogate pair over two events, and within one.
    expect_text(raw("a\\ud83d") + &raw("\\ude00b") + &raw("\\ud83d\\ude00"), "a😀b😀").await;
    expect_text(raw("a\\ud83d") + &raw("") + &raw("\\ude00b"), "a😀b").await;
    // Halves that never meet.
    expect_text(raw("a\\ud83d") + &raw("b\\ude00c"), "abc").await;
    // The bytes of a character over two events.
    let mut body = raw("你X").into_bytes();
    body.extend(raw("Y吗").into_bytes());
    let hao = "好".as_bytes();
    let body = body.iter().flat_map(|byte| match byte {
        b'X' => hao[..1].to_vec(),
        b'Y' => hao[1..].to_vec(),
        byte => vec![*byte],
    });
    expect_text(body.collect::<Vec<u8>>(), "你好吗").await;
}

#[tokio::test]
async fn l8_an_end_without_its_marks_is_one_and_a_broken_transfer_is_none() {
    let events = format!("data: {}\n\n", event(&json!({ "content": "Two." }), &json!(null)));
    expect_text(&events, "Two.").await;
    expect_text(events.trim_end(), "Two.").await;
    // Something is missing, or an error.
    let provider = Provider::start();
    let models = models(&provider, json!({ "retries": 0 }));
    let half_a_call =
        json!({ "tool_calls": [{ "index": 0, "id": "x", "function": { "name": "a", "arguments": "{\"b\":" } }] });
    for reply in [
        Reply::raw_events(events.clone()).cut_after(1),
        Reply::raw(events.clone()).cut_after(1),
        Reply::raw_events(format!("{events}data: {{\"choices\":[{{\"del")),
        Reply::raw_events(format!("{events}data: upstream error\n\n")),
        Reply::raw_events(format!("{events}data: {}\n\n", json!({ "error": { "message": "x" } }))),
        Reply::raw_events(format!("{events}event: error\ndata: {}\n\n", json!({ "message": "x" }))),
        Reply::raw_events(format!("data: {}\n\n", event(&half_a_call, &json!(null)))),
        Reply::raw_events(": keep-alive\n\n"),
        Reply::raw(""),
    ] {
        for request in [streamed("?"), question("?")] {
            provider.queue(reply.clone());
            let outcome = ask(&models, request).await;
            assert_eq!(outcome.failed().0, Failure::Unavailable, "{reply:?}: {outcome:?}");
        }
    }
}

#[tokio::test]
async fn l8_members_may_be_missing_renamed_or_of_another_type() {
    for answer in [
        json!({ "choices": [{ "message": { "content": null, "text": "Two." } }] }),
        json!({ "choices": [{ "text": "Two.", "finish_reason": "stop" }] }),
        json!({ "choices": [{ "index": 7, "message": { "content": [{ "type": "text", "text": "Two." }] } }] }),
        json!({ "choices": [{ "message": { "content": "" } }, { "index": 1, "message": { "content": "Two." } }] }),
        json!({ "output_text": "Two." }),
        json!({ "choices": [{ "message": { "content": "Two." }, "finish_reason": null }], "error": null, "usage": null }),
    ] {
        expect_text(answer.to_string(), "Two.").await;
    }
    let provider = Provider::start();
    let models = models(&provider, json!({}));
    let usage = json!({ "prompt_tokens": "21", "completion_tokens": "5" });
    provider.default_reply(Reply::raw(
        json!({ "choices": [{ "message": { "content": "Two." } }], "usage": usage }).to_string(),
    ));
    assert_eq!(ask(&models, question("?")).await.done().tokens, (21, 5));
}

#[tokio::test]
async fn l8_messages_that_come_one_after_the_other_are_joined() {
    let whole = |text: &str, done: bool| {
        json!({ "message": { "role": "assistant", "content": text }, "done": done }).to_string()
    };
    expect_text(
        format!("{}\n{}\n{}\n", whole("Two ", false), whole("and two.", false), whole("", true)),
        "Two and two.",
    )
    .await;
    // Each with the whole text so far.
    let all = |text: &str| format!("data: {}\n\n", json!({ "choices": [{ "message": { "content": text } }] }));
    expect_text(all("Two ") + &all("Two and ") + &all("Two and two.") + "data: [DONE]\n\n", "Two and two.").await;
}

#[tokio::test]
async fn l8_an_error_in_place_of_an_answer_is_told_by_its_code_alone() {
    let provider = Provider::start();
    let models = models(&provider, json!({ "retries": 0 }));
    for (error, reason) in [
        (json!({ "error": { "message": "secret plans", "code": "model_overloaded" } }), Failure::Unavailable),
        (json!({ "error": { "message": "secret plans", "code": 429 } }), Failure::TooMany),
        (json!({ "object": "error", "message": "secret plans", "code": 401 }), Failure::Rejected),
        (json!({ "code": "Throttling", "message": "secret plans" }), Failure::Unavailable),
        (json!({ "error": "secret plans" }), Failure::Unavailable),
        (json!({ "base_resp": { "status_code": 1004, "status_msg": "secret plans" } }), Failure::Unavailable),
        (json!({ "detail": "secret plans" }), Failure::Unavailable),
    ] {
        for body in [error.to_string(), format!("data: {error}\n\ndata: [DONE]\n\n")] {
            provider.queue(Reply::raw(body));
            let outcome = ask(&models, question("?")).await;
            let (found, sentence) = outcome.failed();
            assert!(found == reason && !sentence.contains("secret"), "{error}: {outcome:?}");
        }
    }
}
