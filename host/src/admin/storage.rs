//! Disk usage and freeing space.

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
use super::{AdminState, STOPPING, Shared, error_response};
use crate::app;

/// The routes of this module.
pub(super) fn routes() -> OpenApiRouter<Arc<AdminState>> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(compact))
}

/// Disk usage.
#[derive(Debug, Serialize, ToSchema)]
pub struct StorageView {
    /// Sizes of files and directories, in bytes.
    files: Vec<FileView>,
    /// Rows and bytes of each store in the database, the devices that use most, and unused bytes in it.
    #[schema(value_type = Object)]
    stores: Value,
    /// Free bytes on the disk.
    disk_free_bytes: u64,
    limits: LimitsView,
}

/// A file, or a directory with everything in it.
#[derive(Debug, Serialize, ToSchema)]
pub struct FileView {
    /// What it contains.
    what: &'static str,
    path: String,
    bytes: u64,
}

/// The configured limits.
#[derive(Debug, Serialize, ToSchema)]
pub struct LimitsView {
    /// `storage.max_mib`
    database_mib: u32,
    /// `storage.queue_mib`
    queue_mib: u32,
    /// `plugins.cache_mib`
    plugin_cache_mib: u64,
}

/// What uses the disk.
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
        Err(error) => return error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    };
    let settings = &live.document;
    let (data, log) = (settings.storage.dir.clone(), settings.log.directory(&settings.storage.dir));
    let plugins = settings.plugins.dir.clone();
    let Some((files, disk_free_bytes)) =
        run_blocking(move || (files(&data, log.as_deref(), &plugins), free_bytes(&data))).await
    else {
        return error_response(StatusCode::SERVICE_UNAVAILABLE, STOPPING);
    };
    let limits = LimitsView {
        database_mib: settings.storage.max_mib,
        queue_mib: settings.storage.queue_mib,
        plugin_cache_mib: settings.plugins.cache_mib,
    };
    Json(StorageView { files, stores, disk_free_bytes, limits }).into_response()
}

/// Outcome of freeing space.
#[derive(Debug, Serialize, ToSchema)]
pub struct CompactedView {
    /// Removed journals without an owner.
    journals: u64,
    /// Removed expired messages.
    messages: u64,
    /// Size of the database before and after, in bytes.
    bytes_before: u64,
    bytes_after: u64,
    /// What was not done, one sentence each.
    left: Vec<String>,
}

/// Frees space: orphaned journals and expired messages are removed now, and unused pages of the database are returned
/// where that takes only a moment.
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
    let Some(free_bytes) = run_blocking(move || free_bytes(&data)).await else {
        return error_response(StatusCode::SERVICE_UNAVAILABLE, STOPPING);
    };
    let made = async {
        let _permit = admin.limiters.orders.acquire().await.map_err(|_| StorageError::Closed)?;
        let mut left = Vec::new();
        let swept = timeout(limits::COMPACT_SWEEP, sweep(&*admin.storage, live.document.storage.orphan_days)).await;
        let journals = match swept {
            Ok(journals) => journals?,
            Err(_) => {
                left.push(
                    "more orphaned journals are left; the daily cleanup removes them, or repeat the command".to_owned(),
                );
                0
            }
        };
        let compacted = admin.storage.compact(free_bytes).await?;
        left.extend(compacted.left);
        let (bytes_before, bytes_after) = (compacted.bytes_before, compacted.bytes_after);
        Ok::<_, StorageError>(CompactedView { journals, messages: compacted.expired, bytes_before, bytes_after, left })
    };
    match made.await {
        Ok(view) => Json(view).into_response(),
        Err(error) => error_response(StatusCode::SERVICE_UNAVAILABLE, error),
    }
}

/// Every file and directory that this server writes.
fn files(data: &Path, log: Option<&Path>, plugins: &Path) -> Vec<FileView> {
    let mut known: Vec<(&'static str, PathBuf)> = vec![
        ("database", data.join("modehost.db")),
        ("write-ahead file", data.join("modehost.db-wal")),
        ("index of the write-ahead file", data.join("modehost.db-shm")),
        ("queue in reserve", data.join("offline_queue.json")),
        ("plugins", plugins.to_owned()),
        ("compiled plugins", app::cache_directory(data)),
        ("releases of plugins", app::releases_directory(data)),
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

/// Greatest depth of directories that is searched: ours are two levels deep.
const DEPTH: usize = 8;

/// Size of a file, or of everything in a directory. Symbolic links are not followed.
fn bytes(path: &Path, depth: usize) -> u64 {
    let Ok(metadata) = std::fs::symlink_metadata(path) else { return 0 };
    match depth.checked_sub(1) {
        Some(depth) if metadata.is_dir() => {
            std::fs::read_dir(path).into_iter().flatten().flatten().map(|entry| bytes(&entry.path(), depth)).sum()
        }
        _ => metadata.len(),
    }
}

/// Bytes available to this process on the disk of a directory.
pub(super) fn free_bytes(directory: &Path) -> u64 {
    rustix::fs::statvfs(directory).map_or(0, |metadata| metadata.f_bavail.saturating_mul(metadata.f_frsize))
}

/// Backups of damaged or replaced files, which only a person may remove.
pub(super) fn backup_files(data: &Path) -> Vec<String> {
    let directories = std::fs::read_dir(data).into_iter().flatten().flatten().map(|entry| entry.path());
    let directories = directories.filter(|path| path.is_dir()).chain([data.to_owned()]);
    let files = directories.flat_map(|directory| std::fs::read_dir(directory).into_iter().flatten().flatten());
    let name = |file: &std::fs::DirEntry| file.file_name().to_string_lossy().into_owned();
    let backups = files.filter(|file| [".saved-", ".damaged-"].iter().any(|mark| name(file).contains(mark)));
    let mut backups: Vec<String> = backups.map(|file| file.path().display().to_string()).collect();
    backups.sort();
    backups
}
