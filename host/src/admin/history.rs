//! The short history of a few figures, for charts. Rule: what was measured, and null where nothing was.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::IntoResponse;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::view::Refusal;
use super::{AdminState, Shared};
use crate::app::history::{FIGURES, INTERVAL, Unit};

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(history))
}

/// Figures of the last hour.
#[derive(Debug, Serialize, ToSchema)]
struct HistoryView {
    /// Seconds between two values.
    interval_s: u64,
    /// Unix time of the last value in ms; 0: there is none yet.
    until: u64,
    series: Vec<SeriesView>,
}

/// One figure.
#[derive(Debug, Serialize, ToSchema)]
struct SeriesView {
    name: &'static str,
    /// `count`, `ms`, `bytes`, or `share` of one core.
    unit: &'static str,
    /// Oldest first; null where there was nothing to measure.
    values: Vec<Option<f64>>,
}

/// Figures of the last hour, one value every ten seconds; `turns` and `warnings` count what came in between.
#[utoipa::path(
    get, path = "/api/v1/history", security(("admin_token" = [])),
    responses(
        (status = 200, description = "Figures", body = HistoryView),
        (status = "4XX", description = "Not allowed", body = Refusal),
    )
)]
async fn history(State(admin): Shared) -> impl IntoResponse {
    let (samples, until) = admin.figures.history.samples();
    let series = FIGURES.iter().enumerate().map(|(at, (name, unit))| SeriesView {
        name,
        unit: match unit {
            Unit::Count => "count",
            Unit::Milliseconds => "ms",
            Unit::Bytes => "bytes",
            Unit::Share => "share",
        },
        values: samples.iter().map(|sample| sample[at]).collect(),
    });
    Json(HistoryView { interval_s: INTERVAL.as_secs(), until, series: series.collect() })
}
