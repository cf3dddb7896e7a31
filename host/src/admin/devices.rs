//! Stored data of a device: export or erase all of it.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use modehost_ids::DeviceId;
use modehost_storage::StorageError;
use modehost_task::run_blocking;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::sessions::{NO_DEVICE, parse_device};
use super::view::Refusal;
use super::{AdminState, STOPPING, Shared, error_response, storage};
use crate::app::forget::{Error, Outcome, forget};

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(export)).routes(routes!(remove))
}

/// Everything stored about a device, as one document: its last saved session (at most 2 s old), documents, journals
/// with their entries, archived work, queued messages to it and from it, and its device record.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/export", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    responses(
        (status = 200, description = "Everything stored about it", body = ExportView),
        (status = 404, description = "Nothing is stored about it", body = Refusal),
        (status = 409, description = "Too large for one response", body = Refusal),
        (status = "4XX", description = "Not allowed, or no device id", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn export(State(admin): Shared, device: Result<Path<String>, PathRejection>) -> Response {
    let Some(device) = parse_device(device) else { return error_response(StatusCode::BAD_REQUEST, NO_DEVICE) };
    let kept = async {
        let _permit = admin.order_permits.acquire().await.map_err(|_| StorageError::Closed)?;
        let mut kept = admin.storage.export_device(&device).await?;
        kept["waiting_in_file"] = admin.queue.export_device(&device).await?.into();
        Ok::<_, StorageError>(kept)
    };
    let kept = match kept.await {
        Ok(kept) => kept,
        Err(error @ StorageError::Invalid(_)) => return error_response(StatusCode::CONFLICT, error),
        Err(error) => return error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    };
    if kept.as_object().is_none_or(|stores| stores.values().all(|rows| rows.as_array().is_none_or(Vec::is_empty))) {
        return error_response(StatusCode::NOT_FOUND, nothing_stored(&device));
    }
    Json(ExportView { device: device.to_string(), kept }).into_response()
}

/// Everything stored about a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportView {
    device: String,
    /// The rows of each store, as objects. JSON texts are embedded as JSON; bytes as `{"base64": …}`.
    #[schema(value_type = std::collections::BTreeMap<String, Vec<Object>>)]
    kept: Value,
}

/// Outcome of erasing a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForgottenView {
    device: String,
    /// Number of removed rows by kind.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    removed: Value,
    /// What is not removed, one sentence each.
    left: Vec<String>,
}

/// Erases a device: its connection is closed and everything stored about it is removed. It may come back as a new
/// device.
#[utoipa::path(
    delete, path = "/api/v1/devices/{device}", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    responses(
        (status = 200, description = "It is forgotten", body = ForgottenView),
        (status = 404, description = "Nothing was kept of it", body = Refusal),
        (status = "4XX", description = "Not allowed, or no device id", body = Refusal),
        (status = 503, description = "The server is stopping, or the storage does not answer", body = Refusal),
    )
)]
async fn remove(State(admin): Shared, device: Result<Path<String>, PathRejection>) -> Response {
    let Some(device) = parse_device(device) else { return error_response(StatusCode::BAD_REQUEST, NO_DEVICE) };
    let live = admin.live.current();
    let data = live.document.storage.dir.clone();
    let Some((free_bytes, backups)) =
        run_blocking(move || (storage::free_bytes(&data), storage::backup_files(&data))).await
    else {
        return error_response(StatusCode::SERVICE_UNAVAILABLE, STOPPING);
    };
    let (id, state) = (device.clone(), admin.clone());
    let runtime = tokio::runtime::Handle::current();
    // On its own thread and to completion, even if the client disconnects.
    let erasure = admin.clone().run_order(move || {
        runtime.block_on(async { forget(&state.registry, &state.storage, &state.queue, &id, free_bytes).await })
    });
    let outcome = match erasure.await {
        Some(Ok(outcome)) => outcome,
        Some(Err(error @ (Error::Session(_) | Error::Storage(_)))) => {
            return error_response(StatusCode::SERVICE_UNAVAILABLE, error);
        }
        None => return error_response(StatusCode::SERVICE_UNAVAILABLE, STOPPING),
    };
    if outcome.removed.is_nothing() && outcome.removed_from_file == 0 && !outcome.had_session {
        return error_response(StatusCode::NOT_FOUND, nothing_stored(&device));
    }
    let mut removed = serde_json::to_value(outcome.removed).unwrap_or_default();
    removed["waiting_in_file"] = outcome.removed_from_file.into();
    let log = live.document.log.directory(&live.document.storage.dir);
    let left = left(&device, &outcome, log.as_deref(), &backups);
    Json(ForgottenView { device: device.to_string(), removed, left }).into_response()
}

fn nothing_stored(device: &DeviceId) -> String {
    format!("nothing is stored about {device}")
}

/// What is not removed, as sentences.
fn left(device: &DeviceId, outcome: &Outcome, log: Option<&std::path::Path>, backups: &[String]) -> Vec<String> {
    let log = log.map_or("the log".to_owned(), |directory| directory.display().to_string());
    let mut left = vec![
        format!("log lines in {log} that name {device} stay until they expire (log.keep_days)"),
        "backups are as they were".to_owned(),
    ];
    if !outcome.shared_documents.is_empty() {
        let keys = outcome.shared_documents.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
        left.push(format!("shared documents that name it: {keys}"));
    }
    if outcome.unowned_archives > 0 {
        left.push(format!(
            "{} pieces of finished work were kept by an older version, which did not note whose they are; look through \
             them",
            outcome.unowned_archives
        ));
    }
    if !outcome.files_removed {
        left.push(
            "files of archived work are not removed yet; they are removed as soon as their directory is writable"
                .to_owned(),
        );
    }
    if let Some(why) = &outcome.not_compacted {
        left.push(format!("removed data may remain in free pages of the database: {why}"));
    }
    if !backups.is_empty() {
        left.push(format!("backup files are not changed: {}", backups.join(", ")));
    }
    left
}
