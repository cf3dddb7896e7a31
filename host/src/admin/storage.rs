//! What takes the crate on the disk, and making room.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::limits;
use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use modehost_storage::{StorageError, sweep};
use modehost_task::run_blocking;
use serde::Serialize;
use serde_json::Value;
use tokio::time::timeout;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::view::Refusal;
use super::{AdminState, STOPPING, Shared, refuse};
use crate::app;

/// The routes of this part.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(compact))
}

/// What takes the crate.
#[derive(Debug, Serialize, ToSchema)]
pub struct StorageView {
    /// Bytes of files and folders.
    files: Vec<FileView>,
    /// Rows and bytes of each store in the database, the devices that hold most, and what is free in it.
    #[schema(value_type = Object)]
    stores: Value,
    /// Bytes that are free on the disk.
    disk_free_bytes: u64,
    limits: LimitsView,
}

/// A file or folder with everything in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileView {
    /// What it is.
    what: &'static str,
    path: String,
    bytes: u64,
}

/// What bounds it, from the configuration.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsView {
    /// `storage.max_mib`
    database_mib: u32,
    /// `storage.queue_mib`
    queue_mib: u32,
    /// `plugins.cache_mib`
    plugin_cache_mib: u64,
}

/// What takes the crate on the disk.
#[utoipa::path(
    get, path = "/api/v1/storage", security(("admin_token" = [])),
    responses(
        (status = 200, description = "What takes the room", body = StorageView),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn show(State(admin): Shared) -> Response {
    let live = admin.live.current();
    let stores = match admin.storage.usage().await {
        Ok(usage) => serde_json::to_value(usage).unwrap_or_default(),
        Err(error) => return refuse(StatusCode::SERVICE_UNAVAILABLE, error),
    };
    let settings = &live.document;
    let (data, log) = (settings.storage.dir.clone(), settings.log.folder(&settings.storage.dir));
    let plugins = settings.plugins.dir.clone();
    let Some((files, disk_free_bytes)) =
        run_blocking(move || (files(&data, log.as_deref(), &plugins), free(&data))).await
    else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, STOPPING);
    };
    let limits = LimitsView {
        database_mib: settings.storage.max_mib,
        queue_mib: settings.storage.queue_mib,
        plugin_cache_mib: settings.plugins.cache_mib,
    };
    Json(StorageView { files, stores, disk_free_bytes, limits }).into_response()
}

/// What making room has come to.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompactedView {
    /// Journals of nobody that are gone.
    journals: u64,
    /// Messages that had expired and are gone.
    messages: u64,
    /// Bytes of the database before and after.
    bytes_before: u64,
    bytes_after: u64,
    /// What was not done, each in a sentence.
    left: Vec<String>,
}

/// Makes room: journals of nobody and messages that have expired go now, and the database gives back what is empty in
/// it, where that takes a moment only.
#[utoipa::path(
    post, path = "/api/v1/storage/compact", security(("admin_token" = [])),
    responses(
        (status = 200, description = "What it has come to", body = CompactedView),
        (status = "4XX", description = "Not allowed", body = Refusal),
        (status = 503, description = "The storage does not answer", body = Refusal),
    )
)]
async fn compact(State(admin): Shared) -> Response {
    let live = admin.live.current();
    let data = live.document.storage.dir.clone();
    let Some(free) = run_blocking(move || free(&data)).await else {
        return refuse(StatusCode::SERVICE_UNAVAILABLE, STOPPING);
    };
    let made = async {
        let _place = admin.places.acquire().await.map_err(|_| StorageError::Closed)?;
        let mut left = Vec::new();
        let swept = timeout(limits::COMPACT_SWEEP, sweep(&*admin.storage, live.document.storage.orphan_days)).await;
        let journals = match swept {
            Ok(journals) => journals?,
            Err(_) => {
                left.push("there are more journals of nobody; they go with the daily sweep, or ask again".to_owned());
                0
            }
        };
        let compacted = admin.storage.compact(free).await?;
        left.extend(compacted.left);
        let (bytes_before, bytes_after) = (compacted.bytes_before, compacted.bytes_after);
        Ok::<_, StorageError>(CompactedView { journals, messages: compacted.expired, bytes_before, bytes_after, left })
    };
    match made.await {
        Ok(view) => Json(view).into_response(),
        Err(error) => refuse(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

/// Everything that this server writes.
fn files(data: &Path, log: Option<&Path>, plugins: &Path) -> Vec<FileView> {
    let mut known: Vec<(&'static str, PathBuf)> = vec![
        ("database", data.join("modehost.db")),
        ("write-ahead file", data.join("modehost.db-wal")),
        ("index of the write-ahead file", data.join("modehost.db-shm")),
        ("queue in reserve", data.join("offline_queue.json")),
        ("plugins", plugins.to_owned()),
        ("compiled plugins", app::cache_folder(data)),
        ("releases of plugins", app::releases_folder(data)),
    ];
    known.extend(log.map(|log| ("log", log.to_owned())));
    let others = std::fs::read_dir(data).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut others: Vec<PathBuf> = others.filter(|path| known.iter().all(|(_, known)| known != path)).collect();
    others.sort();
    for path in others {
        let what = match path.is_dir() {
            true if path.join("index.json").is_file() => "finished work",
            true => "folder",
            false => "file",
        };
        known.push((what, path));
    }
    let view = |(what, path): (&'static str, PathBuf)| {
        let bytes = bytes(&path, DEPTH);
        FileView { what, path: path.display().to_string(), bytes }
    };
    known.into_iter().map(view).filter(|file| file.bytes > 0).collect()
}

/// Folders in folders that are looked into: ours have two.
const DEPTH: usize = 8;

/// Of a file, or of all that is in a folder. Links are not followed.
fn bytes(path: &Path, depth: usize) -> u64 {
    let Ok(about) = std::fs::symlink_metadata(path) else { return 0 };
    match depth.checked_sub(1) {
        Some(depth) if about.is_dir() => {
            std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| bytes(&entry.path(), depth)).sum()
        }
        _ => about.len(),
    }
}

/// Bytes that are free for us on the disk of a folder.
pub(super) fn free(folder: &Path) -> u64 {
    rustix::fs::statvfs(folder).map_or(0, |about| about.f_bavail.saturating_mul(about.f_frsize))
}

/// Copies of what was damaged or lost, which nobody but a person may remove.
pub(super) fn put_aside(data: &Path) -> Vec<String> {
    let folders = std::fs::read_dir(data).into_iter().flatten().flatten().map(|entry| entry.path());
    let folders = folders.filter(|path| path.is_dir()).chain([data.to_owned()]);
    let files = folders.flat_map(|folder| std::fs::read_dir(folder).into_iter().flatten().flatten());
    let name = |file: &std::fs::DirEntry| file.file_name().to_string_lossy().into_owned();
    let aside = files.filter(|file| [".saved-", ".damaged-"].iter().any(|mark| name(file).contains(mark)));
    let mut aside: Vec<String> = aside.map(|file| file.path().display().to_string()).collect();
    aside.sort();
    aside
}
