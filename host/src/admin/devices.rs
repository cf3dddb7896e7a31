//! Stored data of a device: export or erase all of it.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use modehost_ids::DeviceId;
use modehost_storage::StorageError;
use modehost_task::run_blocking;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::access::Role;
use super::nodes::gather;
use super::sessions::{NO_DEVICE, parse_device};
use super::view::Refusal;
use super::{AdminState, STOPPING, Shared, error_response, storage};
use crate::app::forget::{Error, Outcome, OwnFiles, forget, forget_files};
use crate::limits;
use crate::segment::segment;

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
        let _permit = admin.limiters.orders.acquire().await.map_err(|_| StorageError::Closed)?;
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

/// What of a device is erased.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct Extent {
    /// Only what the answering node keeps outside the database; nodes of a cluster ask each other for it.
    files_only: bool,
}

/// Erases a device: its connection is closed and everything stored about it is removed. It may come back as a new
/// device.
#[utoipa::path(
    delete, path = "/api/v1/devices/{device}", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device"), Extent),
    responses(
        (status = 200, description = "It is forgotten", body = ForgottenView),
        (status = 404, description = "Nothing was kept of it", body = Refusal),
        (status = "4XX", description = "Not allowed, or no device id", body = Refusal),
        (status = 503, description = "The server is stopping, or the storage does not answer", body = Refusal),
    )
)]
async fn remove(
    State(admin): Shared,
    Extension(role): Extension<Role>,
    device: Result<Path<String>, PathRejection>,
    extent: Result<Query<Extent>, QueryRejection>,
) -> Response {
    let Some(device) = parse_device(device) else { return error_response(StatusCode::BAD_REQUEST, NO_DEVICE) };
    let Ok(Query(Extent { files_only })) = extent else {
        return error_response(StatusCode::BAD_REQUEST, "files_only must be true or false");
    };
    if files_only {
        return remove_files(&admin, &device).await;
    }
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
    let others = remove_on_other_nodes(&admin, role, &device).await;
    let from_files = outcome.removed_from_file + others.removed_from_files;
    if outcome.removed.is_nothing() && from_files == 0 && !outcome.had_session {
        return error_response(StatusCode::NOT_FOUND, nothing_stored(&device));
    }
    let mut removed = serde_json::to_value(outcome.removed).unwrap_or_default();
    removed["waiting_in_file"] = from_files.into();
    let log = live.document.log.directory(&live.document.storage.dir);
    let mut left = left(&device, &outcome, log.as_deref(), &backups);
    left.extend(others.left);
    Json(ForgottenView { device: device.to_string(), removed, left }).into_response()
}

/// Removes what this node keeps outside the database.
async fn remove_files(admin: &AdminState, device: &DeviceId) -> Response {
    match forget_files(&admin.storage, &admin.queue, device).await {
        Ok(OwnFiles { removed, all_removed }) => {
            let left = if all_removed { Vec::new() } else { vec![FILES_LEFT.to_owned()] };
            let removed = serde_json::json!({ "waiting_in_file": removed });
            Json(ForgottenView { device: device.to_string(), removed, left }).into_response()
        }
        Err(error) => error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

/// What was removed on the other nodes, outside the database that all have.
#[derive(Default)]
struct OnOtherNodes {
    removed_from_files: u64,
    left: Vec<String>,
}

async fn remove_on_other_nodes(admin: &AdminState, role: Role, device: &DeviceId) -> OnOtherNodes {
    let mut removed = OnOtherNodes::default();
    let Some(nodes) = &admin.nodes else { return removed };
    let target = format!("/api/v1/devices/{}?files_only=true", segment(device.as_str()));
    let patience = limits::FORGET_FILES + limits::NODE_ANSWER;
    for answer in gather::all(&nodes.cluster, patience, || gather::call(role, "DELETE", &target)).await {
        let node = answer.node.name();
        match answer.value {
            Some(value) => {
                removed.removed_from_files += value["removed"]["waiting_in_file"].as_u64().unwrap_or_default();
                let left = value["left"].as_array().into_iter().flatten().filter_map(Value::as_str);
                removed.left.extend(left.map(|left| format!("node {node}: {left}")));
            }
            None => removed.left.push(format!(
                "node {node} does not answer: files that it keeps of its own (messages that it could not store, finished \
                 work) may still name the device; ask again when it answers"
            )),
        }
    }
    removed.left.extend(nodes.cluster.members().gone.iter().map(|(node, _)| {
        format!("node {} is gone: ask again when it is back, for files that it keeps of its own", node.name())
    }));
    removed
}

fn nothing_stored(device: &DeviceId) -> String {
    format!("nothing is stored about {device}")
}

const FILES_LEFT: &str =
    "files of archived work are not removed yet; they are removed as soon as their directory is writable";

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
        left.push(FILES_LEFT.to_owned());
    }
    if let Some(why) = &outcome.not_compacted {
        left.push(format!("removed data may remain in free pages of the database: {why}"));
    }
    if !backups.is_empty() {
        left.push(format!("backup files are not changed: {}", backups.join(", ")));
    }
    left
}
