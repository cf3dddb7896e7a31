//! What is kept of a device: given out whole, or removed whole.

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

use super::sessions::{NO_DEVICE, device_of};
use super::view::Refusal;
use super::{AdminState, STOPPING, Shared, refuse, storage};
use crate::app::forget::{Error, Outcome, forget};

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(export)).routes(routes!(remove))
}

/// Everything that is kept of a device, as one document: its session as it was saved last (at most 2 s ago), documents,
/// journals with their entries, finished work, messages to it and from it, and what is known about it.
#[utoipa::path(
    get, path = "/api/v1/devices/{device}/export", security(("admin_token" = [])),
    params(("device" = String, Path, description = "Id of the device")),
    responses(
        (status = 200, description = "Everything that is kept of it", body = ExportView),
        (status = 404, description = "Nothing is kept of it", body = Refusal),
        (status = 409, description = "It is too much for one answer", body = Refusal),
        (status = "4XX", description = "Not allowed, or no device id", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn export(State(admin): Shared, device: Result<Path<String>, PathRejection>) -> Response {
    let Some(device) = device_of(device) else { return refuse(StatusCode::BAD_REQUEST, NO_DEVICE) };
    let kept = async {
        let _place = admin.places.acquire().await.map_err(|_| StorageError::Closed)?;
        let mut kept = admin.storage.of_device(&device).await?;
        kept["waiting_in_file"] = admin.queue.concerning(&device).await?.into();
        Ok::<_, StorageError>(kept)
    };
    let kept = match kept.await {
        Ok(kept) => kept,
        Err(error @ StorageError::Invalid(_)) => return refuse(StatusCode::CONFLICT, error),
        Err(error) => return refuse(StatusCode::SERVICE_UNAVAILABLE, error),
    };
    if kept.as_object().is_none_or(|stores| stores.values().all(|rows| rows.as_array().is_none_or(Vec::is_empty))) {
        return refuse(StatusCode::NOT_FOUND, unknown(&device));
    }
    Json(ExportView { device: device.to_string(), kept }).into_response()
}

/// Everything that is kept of a device.
#[derive(Debug, Serialize, ToSchema)]
pub struct ExportView {
    device: String,
    /// The rows of each store, as objects. Texts that are JSON stand in them as they are; bytes as `{"base64": …}`.
    #[schema(value_type = std::collections::BTreeMap<String, Vec<Object>>)]
    kept: Value,
}

/// What forgetting a device has come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct ForgottenView {
    device: String,
    /// How many of each were removed.
    #[schema(value_type = std::collections::BTreeMap<String, u64>)]
    removed: Value,
    /// What is left, each in a sentence.
    left: Vec<String>,
}

/// Forgets a device: its connection closes, and everything that is kept of it goes. It may come again as a new one.
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
    let Some(device) = device_of(device) else { return refuse(StatusCode::BAD_REQUEST, NO_DEVICE) };
    let live = admin.live.current();
    let data = live.document.storage.dir.clone();
    let Some((free, aside)) = run_blocking(move || (storage::free(&data), storage::put_aside(&data))).await else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, STOPPING);
    };
    let (id, order) = (device.clone(), admin.clone());
    let runtime = tokio::runtime::Handle::current();
    // On a thread of its own and to its end, also if whoever asked has gone.
    let forgetting = admin.clone().work(move || {
        runtime.block_on(async { forget(&order.registry, &order.storage, &order.queue, &id, free).await })
    });
    let outcome = match forgetting.await {
        Some(Ok(outcome)) => outcome,
        Some(Err(error @ (Error::Session(_) | Error::Storage(_)))) => {
            return refuse(StatusCode::SERVICE_UNAVAILABLE, error);
        }
        None => return refuse(StatusCode::SERVICE_UNAVAILABLE, STOPPING),
    };
    if outcome.gone.is_nothing() && outcome.in_file == 0 && !outcome.had_session {
        return refuse(StatusCode::NOT_FOUND, unknown(&device));
    }
    let mut removed = serde_json::to_value(outcome.gone).unwrap_or_default();
    removed["waiting_in_file"] = outcome.in_file.into();
    let log = live.document.log.folder(&live.document.storage.dir);
    let left = left(&device, &outcome, log.as_deref(), &aside);
    Json(ForgottenView { device: device.to_string(), removed, left }).into_response()
}

fn unknown(device: &DeviceId) -> String {
    format!("nothing is kept of {device}")
}

/// What is not removed, in sentences.
fn left(device: &DeviceId, outcome: &Outcome, log: Option<&std::path::Path>, aside: &[String]) -> Vec<String> {
    let log = log.map_or("the log".to_owned(), |folder| folder.display().to_string());
    let mut left = vec![
        format!("lines in {log} name {device} until they are old enough to go (log.keep_days)"),
        "backups are as they were".to_owned(),
    ];
    if !outcome.shared.is_empty() {
        let keys = outcome.shared.iter().map(AsRef::as_ref).collect::<Vec<_>>().join(", ");
        left.push(format!("documents that others have a part in name it: {keys}"));
    }
    if outcome.nobodys > 0 {
        left.push(format!(
            "{} pieces of finished work were kept by an older version, which did not note whose they are; look through \
             them",
            outcome.nobodys
        ));
    }
    if !outcome.files_followed {
        left.push(
            "files of finished work have not followed yet; they go as soon as their folder can be written".to_owned(),
        );
    }
    if let Some(why) = &outcome.traces {
        left.push(format!(
            "what was removed is overwritten, but older copies may stand in free room of the database: {why}"
        ));
    }
    if !aside.is_empty() {
        left.push(format!("files that were put aside are as they were: {}", aside.join(", ")));
    }
    left
}
