//! Reloads a document when its file changes.
//!
//! Rule: the folder is watched and not the file, because editors write a new file and rename it
//! over the old one; a burst of changes is one reload. Where the file is a link, what it leads to counts, by
//! whatever links on the way (mounted configurations are changed by turning one of them).

use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use modehost_limits as limits;
use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};

use crate::live::Live;
use crate::load::Document;

/// The file cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {} for changes: {error}; it is still read anew on SIGHUP", folder.display())]
pub struct WatchError {
    folder: PathBuf,
    error: notify::Error,
}

/// Watches as long as it lives, on a thread of its own.
#[derive(Debug)]
pub struct Watcher {
    /// Held for its drop, which ends the watch.
    _debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
}

impl Watcher {
    /// Watches the file that `live` comes from. `None` if it comes from none.
    ///
    /// # Errors
    /// If the system refuses the watch: no such folder, or no watches left.
    pub fn start<T: Document + Send + Sync + 'static>(live: &Arc<Live<T>>) -> Result<Option<Self>, WatchError> {
        let Some(file) = live.source().file.clone() else { return Ok(None) };
        let folder = match file.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder.to_owned(),
            _ => PathBuf::from("."),
        };
        let refused = |error| WatchError { folder: folder.clone(), error };
        let live = live.clone();
        let linked = is_link(&file).then(|| file.canonicalize().ok()?.parent().map(Path::to_owned)).flatten();
        let mut seen = stamp(&file);
        let on_change = move |result: DebounceEventResult| {
            // An error of the watch may have swallowed a change, and looking costs little.
            let touched = match result {
                Ok(events) => events
                    .iter()
                    .any(|event| !event.kind.is_access() && event.paths.iter().any(|path| is_same(path, &file))),
                Err(_) => true,
            };
            let found = stamp(&file);
            let touched = touched || is_link(&file) && found != seen;
            seen = found;
            if touched {
                // The outcome is logged by `reload`.
                let _ = live.reload();
            }
        };
        let mut debouncer = new_debouncer(limits::FILE_SETTLE, None, on_change).map_err(refused)?;
        debouncer.watch(&folder, RecursiveMode::NonRecursive).map_err(refused)?;
        if let Some(target) = linked.filter(|target| *target != folder) {
            // Where only the link itself is turned, its own folder is enough.
            let _ = debouncer.watch(&target, RecursiveMode::NonRecursive);
        }
        Ok(Some(Self { _debouncer: debouncer }))
    }
}

fn is_link(file: &Path) -> bool {
    file.symlink_metadata().is_ok_and(|about| about.is_symlink())
}

/// What tells that a link leads to something else, or that this has changed.
fn stamp(file: &Path) -> Option<(PathBuf, Option<SystemTime>, u64)> {
    let about: Metadata = file.metadata().ok()?;
    Some((file.canonicalize().ok()?, about.modified().ok(), about.len()))
}

/// True if both name the same file of the watched folder.
fn is_same(changed: &Path, file: &Path) -> bool {
    changed.file_name() == file.file_name()
}
