//! The audit log of the admin API. Rule: every call that may change something, that shows what people said or what is kept of it, or
//! that watches a device or plugin, writes one line, even if it was denied: origin, method, path and outcome; never a token or a body.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::Response;
use metrics::counter;

use super::{AdminState, access};

/// Log target of the audit lines; enabled at every log level.
pub const TARGET: &str = "modehost::audit";

/// Longest path in a line, in characters; ours are shorter, so only probes are cut.
const PATH_CHARS: usize = 200;

/// Middleware: counts every call, and writes an audit line for one that may change something.
pub async fn record(State(admin): State<Arc<AdminState>>, request: Request, next: Next) -> Response {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let line = (!is_read || shows_words(request.uri().path())).then(|| AuditLine::of(&request, &admin));
    let response = next.run(request).await;
    let outcome = match response.status() {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => "refused",
        status if status.is_success() => "ok",
        _ => "failed",
    };
    counter!("modehost_admin_calls_total", "outcome" => outcome).increment(1);
    if let Some(line) = line {
        line.write(outcome, response.status());
    }
    response
}

/// Whether a call shows what people said, or what modes keep of it.
fn shows_words(path: &str) -> bool {
    let watches = ["/export", "/watch", "/documents/value"].iter().any(|end| path.ends_with(end));
    watches || path.strip_prefix("/api/v1/archive/").is_some_and(|kind| !kind.is_empty())
}

struct AuditLine {
    /// The nearest address that is not a trusted proxy.
    from: String,
    /// Whether forwarding headers were present, from a trusted proxy or not.
    forwarded: bool,
    method: Method,
    path: String,
}

impl AuditLine {
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
