//! Responses that go on: one JSON object a line (NDJSON), as things happen. Rule: a stream ends by itself, with a line
//! that says why, before its connection would be cut, and at once when the server stops; a reader that is away is
//! noticed by the blank lines in between.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch::Receiver;
use tokio::time::{Instant, sleep, sleep_until};

use crate::limits;

/// What a stream shows next.
pub(super) trait Lines: Send + 'static {
    /// Waits for the next lines; `None` ends the stream. Must be cancel safe.
    fn next(&mut self) -> impl Future<Output = Option<Vec<u8>>> + Send;
}

/// One line.
pub(super) fn line(value: &impl Serialize) -> Vec<u8> {
    // Serialising our own types cannot fail.
    let mut text = serde_json::to_vec(value).unwrap_or_default();
    text.push(b'\n');
    text
}

struct Open<L> {
    lines: L,
    until: Instant,
    stop: Receiver<bool>,
}

/// The response that shows these lines until they end, the server stops, or the stream has lasted long enough.
pub(super) fn respond<L: Lines>(lines: L, stop: Receiver<bool>) -> Response {
    let open = Open { lines, until: Instant::now() + limits::STREAM_LIFETIME, stop };
    let lines = stream::unfold(Some(open), async |open| {
        let mut open = open?;
        let (bytes, goes_on) = tokio::select! {
            biased;
            _ = open.stop.wait_for(|stops| *stops) => (end("the server is stopping"), false),
            () = sleep_until(open.until) => (end("ask again"), false),
            next = open.lines.next() => (next?, true),
            () = sleep(BLANK_LINE) => (b"\n".to_vec(), true),
        };
        Some((Ok::<_, Infallible>(Bytes::from(bytes)), goes_on.then_some(open)))
    });
    let headers = [(CONTENT_TYPE, "application/x-ndjson"), (CACHE_CONTROL, "no-store")];
    (headers, Body::from_stream(lines)).into_response()
}

/// Interval of blank lines while nothing happens.
const BLANK_LINE: Duration = limits::STREAM_BLANK_LINE;

fn end(why: &str) -> Vec<u8> {
    line(&json!({"type": "end", "why": why}))
}
