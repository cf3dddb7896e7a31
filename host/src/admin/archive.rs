//! Finished work that modes have archived: list, search, read, export. Rule: a page of it is bounded, and goes on where
//! the one before ended; who reads an entry, or searches in them, is a line of the audit.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use modehost_ids::DeviceId;
use modehost_storage::traits::{ArchiveEntry, Exports};
use modehost_storage::{ArchiveCursor, ArchiveQuery, ArchiveRow, ReadEntry, StorageError, read_entry};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::view::Refusal;
use super::{AdminState, Shared, error_response};
use crate::limits;

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(kinds)).routes(routes!(list)).routes(routes!(show)).routes(routes!(export))
}

/// What is archived.
#[derive(Debug, Serialize, ToSchema)]
struct KindsView {
    kinds: Vec<ArchiveKindView>,
}

/// A kind of finished work.
#[derive(Debug, Serialize, ToSchema)]
struct ArchiveKindView {
    kind: String,
    entries: u64,
}

/// Kinds of finished work, with how many entries each has.
#[utoipa::path(
    get, path = "/api/v1/archive", security(("admin_token" = [])),
    responses(
        (status = 200, description = "Kinds", body = KindsView),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn kinds(State(admin): Shared) -> Response {
    match admin.storage.archive_kinds().await {
        Ok(kinds) => {
            let view = |kind: modehost_storage::ArchiveKind| ArchiveKindView {
                kind: kind.kind.to_string(),
                entries: kind.entries,
            };
            Json(KindsView { kinds: kinds.into_iter().map(view).collect() }).into_response()
        }
        Err(error) => error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

/// Which entries.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct ListOption {
    /// Only those with this text in their title, text or journal, whatever its case.
    search: String,
    /// Only those of this device.
    device: String,
    /// `next` of the page before.
    after: String,
    /// At most so many, 1 to 500. Default 50.
    #[param(minimum = 1, maximum = 500)]
    limit: u32,
}

impl Default for ListOption {
    fn default() -> Self {
        Self { search: String::new(), device: String::new(), after: String::new(), limit: 50 }
    }
}

/// A page of finished work.
#[derive(Debug, Serialize, ToSchema)]
struct ArchivePageView {
    /// Newest first.
    entries: Vec<ArchiveEntryView>,
    /// Where the next page begins, as `after`; null: there is none. With a search a page may be empty and yet go on.
    next: Option<String>,
    /// How many entries this page has looked at.
    searched: u64,
}

/// Finished work, without its contents.
#[derive(Debug, Serialize, ToSchema)]
struct ArchiveEntryView {
    id: String,
    title: String,
    /// Unix time in ms.
    at: u64,
    device: Option<String>,
    /// What stands around the text that was searched for; null where that is in the title.
    excerpt: Option<String>,
}

impl From<ArchiveRow> for ArchiveEntryView {
    fn from(row: ArchiveRow) -> Self {
        let ArchiveRow { id, title, at, device, excerpt } = row;
        let device = device.map(|device| device.to_string());
        Self { id: id.to_string(), title: title.to_string(), at, device, excerpt }
    }
}

/// Finished work of a kind, newest first.
#[utoipa::path(
    get, path = "/api/v1/archive/{kind}", security(("admin_token" = [])),
    params(("kind" = String, Path, description = "Kind of the work"), ListOption),
    responses(
        (status = 200, description = "A page", body = ArchivePageView),
        (status = "4XX", description = "Not allowed, or no such option", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn list(
    State(admin): Shared,
    kind: Result<Path<String>, PathRejection>,
    option: Result<Query<ListOption>, QueryRejection>,
) -> Response {
    let Ok(Path(kind)) = kind else { return error_response(StatusCode::BAD_REQUEST, NO_NAME) };
    let Ok(Query(option)) = option else { return error_response(StatusCode::BAD_REQUEST, NO_OPTION) };
    if !(1..=limits::PAGE_ROWS).contains(&option.limit) {
        return error_response(StatusCode::BAD_REQUEST, NO_OPTION);
    }
    let device = match option.device.trim() {
        "" => None,
        device => match DeviceId::parse(device) {
            Some(device) => Some(device),
            None => return error_response(StatusCode::BAD_REQUEST, super::sessions::NO_DEVICE),
        },
    };
    let after = match option.after.as_str() {
        "" => None,
        after => match cursor(after) {
            Some(after) => Some(after),
            None => return error_response(StatusCode::BAD_REQUEST, "`after` must be the `next` of a page"),
        },
    };
    let text = Some(option.search).filter(|text| !text.trim().is_empty());
    let query = ArchiveQuery { kind, device, text, after, limit: option.limit as usize };
    match admin.storage.browse_archive(query).await {
        Ok(page) => Json(ArchivePageView {
            entries: page.entries.into_iter().map(ArchiveEntryView::from).collect(),
            next: page.next.map(|next| format!("{}.{}", next.at, next.id)),
            searched: page.searched,
        })
        .into_response(),
        Err(error) => error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

fn cursor(text: &str) -> Option<ArchiveCursor> {
    let (at, id) = text.split_once('.')?;
    Some(ArchiveCursor { at: at.parse().ok()?, id: id.into() })
}

/// Finished work.
#[derive(Debug, Serialize, ToSchema)]
struct WorkView {
    kind: String,
    id: String,
    title: String,
    /// Unix time in ms.
    at: u64,
    device: Option<String>,
    /// As the mode has written it, with its journal.
    #[schema(value_type = Object)]
    content: Box<RawValue>,
    /// Markdown, with the lines of its journal; may be empty.
    text: String,
    /// False: something was left out, since it is long; the export has everything.
    complete: bool,
}

/// One piece of finished work, shortened to 1 MiB of content and of text.
#[utoipa::path(
    get, path = "/api/v1/archive/{kind}/{id}", security(("admin_token" = [])),
    params(("kind" = String, Path, description = "Kind of the work"), ("id" = String, Path, description = "Its id")),
    responses(
        (status = 200, description = "The work", body = WorkView),
        (status = 404, description = "There is no such work", body = Refusal),
        (status = 409, description = "Its content cannot be shown", body = Refusal),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn show(State(admin): Shared, path: Result<Path<(String, String)>, PathRejection>) -> Response {
    let Ok(Path((kind, id))) = path else { return error_response(StatusCode::BAD_REQUEST, NO_NAME) };
    let (entry, read) = match find(&admin, &kind, &id, limits::SHOWN_ENTRY_BYTES).await {
        Ok(found) => found,
        Err(response) => return response,
    };
    let Ok(content) = RawValue::from_string(read.content) else {
        return error_response(StatusCode::CONFLICT, "its content is not JSON");
    };
    let device = entry.device.map(|device| device.to_string());
    let (title, at) = (entry.title.to_string(), entry.at);
    Json(WorkView { kind, id, title, at, device, content, text: read.text, complete: read.complete }).into_response()
}

/// In which form.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct ExportOption {
    /// `json` or `markdown`. Default `json`.
    #[param(inline)]
    format: Format,
}

impl Default for ExportOption {
    fn default() -> Self {
        Self { format: Format::Json }
    }
}

#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
enum Format {
    Json,
    Markdown,
}

/// One piece of finished work as a file.
#[utoipa::path(
    get, path = "/api/v1/archive/{kind}/{id}/export", security(("admin_token" = [])),
    params(
        ("kind" = String, Path, description = "Kind of the work"), ("id" = String, Path, description = "Its id"),
        ExportOption
    ),
    responses(
        (status = 200, description = "The file", content(
            (Object = "application/json"), (String = "text/markdown")
        )),
        (status = 404, description = "There is no such work", body = Refusal),
        (status = 409, description = "Its content is too large for one file", body = Refusal),
        (status = "4XX", description = "Not allowed, or no such option", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn export(
    State(admin): Shared,
    path: Result<Path<(String, String)>, PathRejection>,
    option: Result<Query<ExportOption>, QueryRejection>,
) -> Response {
    let Ok(Path((kind, id))) = path else { return error_response(StatusCode::BAD_REQUEST, NO_NAME) };
    let Ok(Query(option)) = option else { return error_response(StatusCode::BAD_REQUEST, NO_FORMAT) };
    // As many at a time as there may be orders: each holds the whole work in memory.
    let Ok(_permit) = admin.limiters.orders.acquire().await else {
        return error_response(StatusCode::SERVICE_UNAVAILABLE, super::STOPPING);
    };
    match find(&admin, &kind, &id, limits::EXPORTED_ENTRY_BYTES).await {
        Ok((_, read)) if !read.complete => {
            let most = limits::EXPORTED_ENTRY_BYTES >> 20;
            let why = format!("it has more than {most} MiB; `modehost backup` copies everything");
            error_response(StatusCode::CONFLICT, why)
        }
        Ok((_, read)) => match option.format {
            Format::Json => ([(header::CONTENT_TYPE, "application/json")], read.content).into_response(),
            Format::Markdown => ([(header::CONTENT_TYPE, "text/markdown; charset=utf-8")], read.text).into_response(),
        },
        Err(response) => response,
    }
}

/// An entry with its journal, or the response that there is none.
async fn find(admin: &AdminState, kind: &str, id: &str, max: usize) -> Result<(ArchiveEntry, ReadEntry), Response> {
    let found = async {
        let Some((entry, _)) = admin.storage.entry(kind, id).await? else { return Ok(None) };
        let read = read_entry(&*admin.storage, &entry, max).await?;
        Ok::<_, StorageError>(Some((entry, read)))
    };
    match found.await {
        Ok(Some(found)) => Ok(found),
        Ok(None) => Err(error_response(StatusCode::NOT_FOUND, format!("nothing of the kind {kind} has the id {id}"))),
        Err(error @ StorageError::Invalid(_)) => Err(error_response(StatusCode::CONFLICT, error)),
        Err(error) => Err(error_response(StatusCode::SERVICE_UNAVAILABLE, error)),
    }
}

const NO_NAME: &str = "the kind or the id is not valid UTF-8";
const NO_OPTION: &str = "`limit` must be 1 to 500; `search`, `device` and `after` are texts";
const NO_FORMAT: &str = "`format` must be json or markdown";
