//! Configuration routes: show what is in force, check a candidate, reload.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::StringRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use modehost_config::Diagnostics;
use modehost_contract::Catalog;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::view::{BadConfiguration, Done, Refusal, ReloadedView};
use super::{AdminState, Shared, error_response, order_response};
use crate::app::diagnostics;
use crate::app::sections::Owners;
use crate::settings::Settings;
use crate::settings::shown::{Shown, shown};

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    let checking = OpenApiRouter::new().routes(routes!(check_config)).routes(routes!(reload_config));
    checking.routes(routes!(show_config))
}

/// The settings in force.
#[derive(Debug, Serialize, ToSchema)]
pub struct ConfigView {
    /// The configuration file; null for built-in settings.
    file: Option<String>,
    /// Every setting, by its name.
    settings: Vec<Shown>,
    /// Settings whose new values take effect after a restart.
    needs_restart: Vec<String>,
}

/// The settings in force, each with its origin. Secrets are hidden.
#[utoipa::path(
    get, path = "/api/v1/config", security(("admin_token" = [])),
    responses(
        (status = 200, description = "The settings that hold", body = ConfigView),
        (status = "4XX", description = "Not allowed", body = Refusal),
    )
)]
async fn show_config(State(admin): Shared) -> impl IntoResponse {
    let schemas = Owners::loaded(&admin.catalog.table()).schemas;
    let needs_restart = admin.live.pending_restart();
    let settings = shown(&admin.live.current(), &needs_restart, &schemas);
    let file = admin.live.source().file.as_ref().map(|file| file.display().to_string());
    Json(ConfigView { file, settings, needs_restart })
}

/// Checks the YAML body as if it were the configuration file; changes nothing.
#[utoipa::path(
    post, path = "/api/v1/config/check", security(("admin_token" = [])),
    request_body(content = String, content_type = "application/yaml"),
    responses(
        (status = 200, description = "It is valid", body = Done),
        (status = 422, description = "It is not", body = BadConfiguration),
        (status = "4XX", description = "Not allowed, or no text", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn check_config(State(admin): Shared, text: Result<String, StringRejection>) -> Response {
    let text = match text {
        Ok(text) => text,
        Err(rejected) => return error_response(rejected.status(), rejected.body_text()),
    };
    let outcome = admin.clone().run_order(move || {
        let loaded = admin.live.source().load_text::<Settings>("configuration", &text)?;
        let diagnostics = diagnostics::of(&loaded, &admin.catalog);
        if diagnostics.is_empty() { Ok(()) } else { Err(Diagnostics::sorted(diagnostics)) }
    });
    match outcome.await {
        Some(Ok(())) => Json(Done::OK).into_response(),
        Some(Err(diagnostics)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Json(BadConfiguration::from(&diagnostics))).into_response()
        }
        None => order_response(None),
    }
}

/// Reloads the configuration file; it is applied as a whole or not at all.
#[utoipa::path(
    post, path = "/api/v1/config/reload", security(("admin_token" = [])),
    responses(
        (status = 200, description = "It holds", body = ReloadedView),
        (status = 422, description = "It is not valid; the old one stays", body = BadConfiguration),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "The server is stopping", body = Refusal),
    )
)]
async fn reload_config(State(admin): Shared) -> Response {
    match admin.clone().run_order(move || admin.live.refresh()).await {
        Some(Ok(reloaded)) => Json(ReloadedView::from(reloaded)).into_response(),
        Some(Err(diagnostics)) => {
            (StatusCode::UNPROCESSABLE_ENTITY, Json(BadConfiguration::from(&diagnostics))).into_response()
        }
        None => order_response(None),
    }
}
