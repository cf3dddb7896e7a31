//! The last lines of the log and of the audit. Rule: as the log shows them, without what was said; asked for in pages
//! that follow each other by number, so that who looks costs nothing in between.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::view::Refusal;
use super::{AdminState, Shared, error_response};
use crate::limits;
use crate::log::recent::{Page, RecentLine};

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(logs)).routes(routes!(audit))
}

/// Which lines.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct LineOption {
    /// Only lines after this number: `last` of the page before. Without it the newest lines.
    #[param(nullable = false)]
    after: Option<u64>,
    /// Only lines of this level or a graver one.
    #[param(nullable = false, inline)]
    level: Option<Level>,
    /// Only lines with this text in message, module or fields, whatever its case.
    search: String,
    /// At most so many, 1 to 500. Default 500.
    #[param(minimum = 1, maximum = 500)]
    limit: u32,
}

impl Default for LineOption {
    fn default() -> Self {
        Self { after: None, level: None, search: String::new(), limit: limits::PAGE_ROWS }
    }
}

/// From the gravest on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Level {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

/// Lines of a log.
#[derive(Debug, Serialize, ToSchema)]
struct PageView {
    /// Oldest first.
    lines: Vec<LineView>,
    /// Number of the newest line that was looked at, for `after`. It begins again at 0 when the server starts.
    last: u64,
    /// Lines after `after` that are kept no longer.
    missed: u64,
}

/// A line.
#[derive(Debug, Serialize, ToSchema)]
struct LineView {
    /// Increases by one with each line.
    seq: u64,
    /// Unix time in ms.
    at: u64,
    /// `error`, `warn`, `info`, `debug` or `trace`.
    level: &'static str,
    /// The module that wrote it.
    target: String,
    message: String,
    fields: Map<String, Value>,
}

impl From<Page> for PageView {
    fn from(page: Page) -> Self {
        let Page { lines, last, missed } = page;
        let view = |line: Arc<RecentLine>| {
            let RecentLine { seq, at, level, target, message, fields } = Arc::unwrap_or_clone(line);
            LineView { seq, at, level, target, message, fields }
        };
        Self { lines: lines.into_iter().map(view).collect(), last, missed }
    }
}

/// The last lines of the log: the newest 2,000 are kept, of the levels that `log.level` lets through.
#[utoipa::path(
    get, path = "/api/v1/logs", security(("admin_token" = [])), params(LineOption),
    responses(
        (status = 200, description = "Lines", body = PageView),
        (status = "4XX", description = "Not allowed, or no such option", body = Refusal),
    )
)]
async fn logs(State(admin): Shared, option: Result<Query<LineOption>, QueryRejection>) -> Response {
    let Some(option) = checked(option) else { return error_response(StatusCode::BAD_REQUEST, NO_OPTION) };
    let (level, search) = (option.level.unwrap_or(Level::Trace), option.search.to_lowercase());
    let fits = |line: &RecentLine| grade(line.level) <= level && contains(line, &search);
    let page = admin.figures.recent.log(option.after, option.limit as usize, fits);
    Json(PageView::from(page)).into_response()
}

/// Which lines of the audit.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct AuditOption {
    /// Only lines after this number: `last` of the page before. Without it the newest lines.
    #[param(nullable = false)]
    after: Option<u64>,
    /// At most so many, 1 to 500. Default 500.
    #[param(minimum = 1, maximum = 500)]
    limit: u32,
}

impl Default for AuditOption {
    fn default() -> Self {
        Self { after: None, limit: limits::PAGE_ROWS }
    }
}

/// The last lines of the audit since the start: who has changed something, watched or read what people said. The log
/// files have all of them.
#[utoipa::path(
    get, path = "/api/v1/audit", security(("admin_token" = [])), params(AuditOption),
    responses(
        (status = 200, description = "Lines", body = PageView),
        (status = "4XX", description = "Not allowed, or no such option", body = Refusal),
    )
)]
async fn audit(State(admin): Shared, option: Result<Query<AuditOption>, QueryRejection>) -> Response {
    match option {
        Ok(Query(AuditOption { after, limit })) if (1..=limits::PAGE_ROWS).contains(&limit) => {
            Json(PageView::from(admin.figures.recent.audit(after, limit as usize))).into_response()
        }
        _ => error_response(StatusCode::BAD_REQUEST, NO_OPTION),
    }
}

fn checked(option: Result<Query<LineOption>, QueryRejection>) -> Option<LineOption> {
    let Ok(Query(option)) = option else { return None };
    (1..=limits::PAGE_ROWS).contains(&option.limit).then_some(option)
}

fn grade(level: &str) -> Level {
    match level {
        "error" => Level::Error,
        "warn" => Level::Warn,
        "info" => Level::Info,
        "debug" => Level::Debug,
        _ => Level::Trace,
    }
}

/// Whether a line has a text, in lower case, in it; every line has the empty one.
fn contains(line: &RecentLine, text: &str) -> bool {
    let has = |part: &str| part.to_lowercase().contains(text);
    has(&line.message)
        || has(&line.target)
        || line.fields.iter().any(|(name, value)| has(name) || has(value.as_str().unwrap_or(&value.to_string())))
}

const NO_OPTION: &str = "`after` must be a number, `level` error, warn, info, debug or trace, `limit` 1 to 500";
