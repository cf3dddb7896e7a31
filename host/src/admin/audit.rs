//! Who has moved what, or taken it along. Rule: every call that may change something, or gives out what is kept of a
//! device, writes one line, also if it was refused: from where, what, and what became of it; never a token or a body.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use metrics::counter;

use super::{AdminState, access};

/// What the lines are logged under; always on, whatever the level.
pub const TARGET: &str = "modehost::audit";

/// Longest path in a line; ours are shorter unless somebody plays.
const PATH_CHARS: usize = 200;

/// Counts every call, and writes the line of one that may change something.
pub async fn record(State(admin): State<Arc<AdminState>>, request: Request, next: Next) -> Response {
    let reads = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let takes = request.uri().path().ends_with("/export");
    let line = (!reads || takes).then(|| Line::of(&request, &admin));
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
    /// The nearest address that is no trusted proxy.
    from: String,
    /// Whether the call says that it came through a proxy, trusted or not.
    forwarded: bool,
    method: Method,
    path: String,
}

impl Line {
    fn of(request: &Request, admin: &AdminState) -> Self {
        let caller = access::caller(request, &admin.live.current().document.server);
        Self {
            from: caller.map_or_else(|| "unknown".to_owned(), |caller| caller.address.to_string()),
            forwarded: caller.is_some_and(|caller| caller.forwarded),
            method: request.method().clone(),
            path: request.uri().path().chars().take(PATH_CHARS).collect(),
        }
    }

    fn write(self, outcome: &str, status: StatusCode) {
        let Self { from, forwarded, method, path } = self;
        let status = status.as_u16();
        tracing::info!(target: "modehost::audit", from, forwarded, %method, path, outcome, status, "operator");
    }
}
