//! The plugin folder: what has changed in it, and being told of it. Rule: events only wake; what
//! happened is always read from the folder itself, so a missed or doubled event does no harm.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use modehost_limits as limits;
use notify_debouncer_full::notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::sync::mpsc;

/// What tells one content of a file from another without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    size: u64,
}

/// The folder as it was seen last.
#[derive(Debug)]
pub(crate) struct Folder {
    path: PathBuf,
    seen: HashMap<PathBuf, Stamp>,
}

/// What has changed since the last look.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// New or rewritten, sorted.
    pub changed: Vec<PathBuf>,
    pub gone: Vec<PathBuf>,
}

impl Folder {
    /// The folder, made if it is not there.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        fs::create_dir_all(path)?;
        fs::read_dir(path)?;
        Ok(Self { path: path.to_owned(), seen: HashMap::new() })
    }

    /// Looks at all `.wasm` files. A folder that cannot be read has not changed: a file system
    /// that goes away for a moment must not take the plugins with it.
    pub(crate) fn look(&mut self) -> Changes {
        let Ok(entries) = fs::read_dir(&self.path) else {
            return Changes::default();
        };
        let mut now = HashMap::new();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if hidden || path.extension().is_none_or(|extension| extension != "wasm") {
                continue;
            }
            if let Ok(metadata) = fs::metadata(&path)
                && metadata.is_file()
            {
                now.insert(path, Stamp { modified: metadata.modified().ok(), size: metadata.len() });
            }
        }
        let mut changed: Vec<PathBuf> = now
            .iter()
            .filter(|(path, stamp)| self.seen.get(*path) != Some(stamp))
            .map(|(path, _)| path.clone())
            .collect();
        changed.sort();
        let gone = self.seen.keys().filter(|path| !now.contains_key(*path)).cloned().collect();
        self.seen = now;
        Changes { changed, gone }
    }

    /// Looks at these files anew next time, whether they have changed or not.
    pub(crate) fn forget(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        for path in paths {
            self.seen.remove(&path);
        }
    }
}

/// Wakes when something happens in the folder. Dropping it ends the watching.
pub(crate) struct FolderWatch {
    _debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
}

impl FolderWatch {
    /// Watches the folder; each burst of changes puts one word into the channel, which holds one.
    pub(crate) fn start(path: &Path) -> Result<(Self, mpsc::Receiver<()>), notify::Error> {
        let (wake, woken) = mpsc::channel(1);
        let told = move |_: DebounceEventResult| {
            // Full means that a look is due anyway.
            let _ = wake.try_send(());
        };
        let mut debouncer = new_debouncer(limits::WATCH_DEBOUNCE, None, told)?;
        debouncer.watch(path, RecursiveMode::NonRecursive)?;
        Ok((Self { _debouncer: debouncer }, woken))
    }
}
