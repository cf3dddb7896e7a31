//! Documents of modes, such as boards that many devices share: list and read. Rule: pages are bounded; who reads a value
//! is a line of the audit. Nothing is written here: a document belongs to the modes that know what it means.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use modehost_storage::DocumentRow;
use modehost_storage::traits::Documents;
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
    OpenApiRouter::new().routes(routes!(list)).routes(routes!(show))
}

/// Which documents.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(default)]
struct ListOption {
    /// Only those whose key begins with this.
    prefix: String,
    /// Only those whose key contains this.
    search: String,
    /// `next` of the page before.
    after: String,
    /// At most so many, 1 to 500. Default 100.
    #[param(minimum = 1, maximum = 500)]
    limit: u32,
}

impl Default for ListOption {
    fn default() -> Self {
        Self { prefix: String::new(), search: String::new(), after: String::new(), limit: 100 }
    }
}

/// A page of documents.
#[derive(Debug, Serialize, ToSchema)]
struct DocumentPageView {
    /// By their keys.
    documents: Vec<DocumentView>,
    /// Where the next page begins, as `after`; null: there is none.
    next: Option<String>,
}

/// A document without its value.
#[derive(Debug, Serialize, ToSchema)]
struct DocumentView {
    key: String,
    /// Grows with each change.
    version: u64,
    /// Length of its value.
    bytes: u64,
}

/// Documents of modes by their keys.
#[utoipa::path(
    get, path = "/api/v1/documents", security(("admin_token" = [])), params(ListOption),
    responses(
        (status = 200, description = "A page", body = DocumentPageView),
        (status = "4XX", description = "Not allowed, or no such option", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn list(State(admin): Shared, option: Result<Query<ListOption>, QueryRejection>) -> Response {
    let Ok(Query(option)) = option else { return error_response(StatusCode::BAD_REQUEST, NO_OPTION) };
    if !(1..=limits::PAGE_ROWS).contains(&option.limit) {
        return error_response(StatusCode::BAD_REQUEST, NO_OPTION);
    }
    let ListOption { prefix, search, after, limit } = option;
    // One more than asked for, to know whether there is a next page.
    match admin.storage.list_documents(&prefix, &search, &after, limit + 1).await {
        Ok(mut rows) => {
            let is_more = rows.len() > limit as usize;
            rows.truncate(limit as usize);
            let next = rows.last().filter(|_| is_more).map(|row| row.key.to_string());
            let view = |DocumentRow { key, version, bytes }| DocumentView { key: key.to_string(), version, bytes };
            Json(DocumentPageView { documents: rows.into_iter().map(view).collect(), next }).into_response()
        }
        Err(error) => error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

/// Which document.
#[derive(Debug, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct KeyOption {
    /// Its key.
    key: String,
}

/// A document.
#[derive(Debug, Serialize, ToSchema)]
struct ValueView {
    key: String,
    version: u64,
    /// As the mode has written it.
    #[schema(value_type = Object)]
    value: Box<RawValue>,
}

/// One document with its value.
#[utoipa::path(
    get, path = "/api/v1/documents/value", security(("admin_token" = [])), params(KeyOption),
    responses(
        (status = 200, description = "The document", body = ValueView),
        (status = 404, description = "There is no such document", body = Refusal),
        (status = "4XX", description = "Not allowed, or no key", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn show(State(admin): Shared, option: Result<Query<KeyOption>, QueryRejection>) -> Response {
    let Ok(Query(KeyOption { key })) = option else {
        return error_response(StatusCode::BAD_REQUEST, "name the document as `key`");
    };
    let document = match Documents::read(&*admin.storage, &key).await {
        Ok(document) => document,
        Err(error) => return error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    };
    match document.value.map(|value| RawValue::from_string(value.to_string())) {
        Some(Ok(value)) => Json(ValueView { key, version: document.version, value }).into_response(),
        Some(Err(_)) => error_response(StatusCode::CONFLICT, "its value is not JSON"),
        None => error_response(StatusCode::NOT_FOUND, format!("there is no document {key}")),
    }
}

const NO_OPTION: &str = "`limit` must be 1 to 500; `prefix`, `search` and `after` are texts";
