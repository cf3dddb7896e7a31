//! Status of the server as a whole.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::Shared;
use super::access::Role;
use super::addresses::Addresses;
use super::view::Refusal;
use crate::app::capabilities::missing;
use crate::settings::advice;

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<std::sync::Arc<super::AdminState>> {
    OpenApiRouter::new().routes(routes!(status))
}

/// The server as a whole.
#[derive(Debug, Serialize, ToSchema)]
struct StatusView {
    version: &'static str,
    /// Seconds since this program started.
    uptime_s: u64,
    /// Whether new devices are accepted, as `/readyz` says.
    ready: bool,
    /// One sentence for each component that is not ready.
    not_ready: Vec<String>,
    /// Other notes of `/readyz`, such as a rejected reload.
    notes: Vec<String>,
    /// Risky settings: no sign-in on an open address, guessable secrets.
    warnings: Vec<WarningView>,
    /// What is not configured and users would miss.
    missing: Vec<MissingView>,
    /// Settings whose new values take effect after a restart.
    waiting_for_restart: Vec<String>,
    /// Where devices connect, as seen from where this was asked.
    devices_url: String,
    /// Where devices ask for that address (OTA); what is typed into their set-up.
    ota_url: String,
    /// Whether watches show texts and states (`operators.show_dialogue`).
    shows_dialogue: bool,
    /// What the caller may do: `operator`: everything, `viewer`: look at what is not private.
    role: &'static str,
}

/// Something that is not configured.
#[derive(Debug, Serialize, ToSchema)]
struct MissingView {
    /// `recogniser`, `model` or `voice`.
    code: &'static str,
    /// The setting that changes it.
    setting: &'static str,
    /// What it means for users.
    message: &'static str,
}

/// One warning.
#[derive(Debug, Serialize, ToSchema)]
struct WarningView {
    /// The setting that it concerns.
    setting: String,
    /// What is wrong, and how to fix it.
    message: String,
}

/// Version, readiness and warnings.
#[utoipa::path(
    get, path = "/api/v1/status", security(("admin_token" = [])),
    responses(
        (status = 200, description = "The server", body = StatusView),
        (status = "4XX", description = "Not allowed", body = Refusal),
    )
)]
async fn status(State(admin): Shared, Extension(role): Extension<Role>, headers: HeaderMap) -> impl IntoResponse {
    let readiness = admin.process.readiness.borrow().clone();
    let live = admin.live.current();
    let advice = advice(&live);
    let settings = &live.document;
    let missing = missing(settings, &admin.speech.providers()).into_iter();
    let addresses = Addresses::of(&settings.server, admin.process.ports, &headers);
    Json(StatusView {
        version: env!("CARGO_PKG_VERSION"),
        uptime_s: admin.process.started.elapsed().as_secs(),
        ready: readiness.not_ready.is_empty(),
        not_ready: readiness.not_ready,
        notes: readiness.warnings,
        warnings: advice.into_iter().map(|one| WarningView { setting: one.setting, message: one.message }).collect(),
        missing: missing.map(|one| MissingView { code: one.what, setting: one.setting, message: one.effect }).collect(),
        waiting_for_restart: admin.live.pending_restart(),
        devices_url: addresses.devices,
        ota_url: addresses.ota,
        shows_dialogue: settings.operators.show_dialogue && role.sees_dialogue(),
        role: role.name(),
    })
}
