//! Who has moved what. Rule: every call that may change something writes one line, also if it was
//! refused: from where, what, and what became of it; never a token or a body.

use std::net::SocketAddr;

use axum::extract::{ConnectInfo, Request};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use metrics::counter;

/// What the lines are logged under; always on, whatever the level.
pub const TARGET: &str = "modehost::audit";

/// Longest path in a line; ours are shorter unless somebody plays.
const PATH_CHARS: usize = 200;

/// Counts every call, and writes the line of one that may change something.
pub async fn record(request: Request, next: Next) -> Response {
    let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let line = changes.then(|| Line::of(&request));
    let answer = next.run(request).await;
    let outcome = match answer.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "refused",
        status if status.is_success() => "ok",
        _ => "failed",
    };
    counter!("modehost_admin_calls_total", "outcome" => outcome).increment(1);
    if let Some(line) = line {
        line.write(outcome, answer.status());
    }
    answer
}

struct Line {
    from: String,
    /// Set where a proxy says for whom it calls.
    forwarded: bool,
    method: Method,
    path: String,
}

impl Line {
    fn of(request: &Request) -> Self {
        let from = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|info| info.0.ip().to_canonical());
        let path = request.uri().path();
        let headers = request.headers();
        Self {
            from: from.map_or_else(|| "unknown".to_owned(), |from| from.to_string()),
            forwarded: headers.contains_key("forwarded") || headers.contains_key("x-forwarded-for"),
            method: request.method().clone(),
            path: path.chars().take(PATH_CHARS).collect(),
        }
    }

    fn write(self, outcome: &str, status: StatusCode) {
        let Self { from, forwarded, method, path } = self;
        let status = status.as_u16();
        tracing::info!(target: "modehost::audit", from, forwarded, %method, path, outcome, status, "operator");
    }
}
