//! The console at `/`. Rule: its files are for whoever reaches the port, since they tell nothing; what it shows it asks
//! of `/api/v1`, under the same access control as everybody.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::addresses::Addresses;
use super::{AdminState, Shared};

/// The routes of this module. They are no part of the operators' API, so its document does not list them.
pub(super) fn routes() -> Router<Arc<AdminState>> {
    Router::new().route("/", get(index)).route("/assets/{*file}", get(asset))
}

async fn index(admin: Shared, headers: HeaderMap) -> Response {
    respond(&admin, modehost_console::INDEX, &headers)
}

async fn asset(admin: Shared, Path(file): Path<String>, headers: HeaderMap) -> Response {
    respond(&admin, &format!("assets/{file}"), &headers)
}

fn respond(State(admin): &Shared, file: &str, headers: &HeaderMap) -> Response {
    let live = admin.live.current();
    if !live.document.operators.console {
        return (StatusCode::NOT_FOUND, "the console is switched off (operators.console)\n").into_response();
    }
    let addresses = Addresses::of(&live.document.server, admin.process.ports, headers);
    modehost_console::respond(file, headers, addresses.devices_origin())
}
