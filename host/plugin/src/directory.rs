//! The plugin directory: detects changes in it. Rule: events only wake the scan; what changed is always read from the
//! directory that the path resolves to now, so a missed or duplicate event does no harm.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use crate::limits;
use modehost_follow::{DirectoryWatch, Identity, Stamp};
use tokio::sync::mpsc;

/// The directory as of the last scan.
pub(crate) struct PluginDirectory {
    path: PathBuf,
    seen: HashMap<PathBuf, Stamp>,
    /// Identity of the directory that the path resolved to.
    identity: Option<Identity>,
    /// Removed files whose removal was deferred: they are reported again by the next scan.
    deferred_removals: Vec<PathBuf>,
    /// When the path began to resolve to another directory, while files of the old one may still be missing.
    replaced_at: Option<Instant>,
    /// `None` where the system offers no file watching.
    events: Option<DirectoryWatch>,
}

/// What has changed since the last scan.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// New or rewritten, sorted.
    pub changed: Vec<PathBuf>,
    pub removed: Vec<PathBuf>,
}

/// What triggered a scan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ScanTrigger {
    /// A file event; the debounce time has passed, so files are complete.
    Notified,
    /// The poll interval: files that are still being written are left for the next scan.
    Polled,
}

impl PluginDirectory {
    /// Opens the directory, creating it if it is missing, and begins to watch it.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, mpsc::Receiver<()>)> {
        fs::create_dir_all(path)?;
        fs::read_dir(path)?;
        let (wake, wake_events) = mpsc::channel(1);
        let notify = move || {
            // A full channel means that a scan is due anyway.
            let _ = wake.try_send(());
        };
        let events = DirectoryWatch::start(limits::WATCH_DEBOUNCE, notify);
        let events = events.inspect_err(|error| tracing::warn!("plugin folder: {error}")).ok();
        let identity = Identity::of(path);
        let mut folder = Self {
            path: path.to_owned(),
            seen: HashMap::new(),
            deferred_removals: Vec::new(),
            identity,
            replaced_at: None,
            events,
        };
        // The watch starts before the first scan, so that no change falls between the two.
        folder.watch();
        Ok((folder, wake_events))
    }

    /// Watches the directory that the path resolves to now.
    fn watch(&mut self) {
        if let Some(events) = &mut self.events {
            events.watch_only([self.path.as_path()]);
        }
    }

    /// Scans all `.wasm` files. A directory that cannot be read counts as unchanged: a file system that is gone for a
    /// moment must not take the plugins with it. So does a directory that was replaced by an empty one, for as long as
    /// an installer may still be filling it. Files for which `is_waiting` returns true are left for a later scan as
    /// well.
    pub(crate) fn scan(&mut self, trigger: ScanTrigger, mut is_waiting: impl FnMut(&Path, Stamp) -> bool) -> Changes {
        self.watch();
        let Ok(entries) = fs::read_dir(&self.path) else {
            return Changes::default();
        };
        let identity = Identity::of(&self.path);
        if identity != self.identity {
            tracing::info!(folder = %self.path.display(), "the plugin directory was replaced");
            self.identity = identity;
            self.replaced_at = Some(Instant::now());
        }
        let refilling = self.replaced_at.is_some_and(|since| since.elapsed() < limits::REPLACED_DIRECTORY_GRACE);
        let clock = SystemTime::now();
        let mut now = HashMap::new();
        for path in entries.filter_map(|entry| Some(entry.ok()?.path())) {
            let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
            if hidden || path.extension().is_none_or(|extension| extension != "wasm") {
                continue;
            }
            if let Ok(metadata) = fs::metadata(&path)
                && metadata.is_file()
            {
                let stamp = Stamp::from(&metadata);
                let before = self.seen.get(&path).copied();
                let unfinished = trigger == ScanTrigger::Polled && stamp.changed_within(limits::WATCH_DEBOUNCE, clock);
                let unfinished = unfinished || (before != Some(stamp) && is_waiting(&path, stamp));
                // For a file that is being written or compiled, the last seen state is kept.
                match (unfinished, before) {
                    (true, None) => {}
                    (true, Some(before)) => drop(now.insert(path, before)),
                    (false, _) => drop(now.insert(path, stamp)),
                }
            }
        }
        let mut removed: Vec<PathBuf> = self.seen.keys().filter(|path| !now.contains_key(*path)).cloned().collect();
        removed.extend(std::mem::take(&mut self.deferred_removals).into_iter().filter(|path| !now.contains_key(path)));
        if refilling {
            self.deferred_removals = removed.iter().filter(|path| !self.seen.contains_key(*path)).cloned().collect();
            let missing = removed.iter().filter_map(|path| Some((path.clone(), *self.seen.get(path)?)));
            now.extend(missing.collect::<Vec<_>>());
        } else {
            self.replaced_at = None;
        }
        let mut changed: Vec<PathBuf> = now
            .iter()
            .filter(|(path, stamp)| self.seen.get(*path) != Some(stamp))
            .map(|(path, _)| path.clone())
            .collect();
        changed.sort();
        self.seen = now;
        Changes { changed, removed: if refilling { Vec::new() } else { removed } }
    }

    /// Makes the next scan report these removals again.
    pub(crate) fn defer_removals(&mut self, paths: Vec<PathBuf>) {
        self.deferred_removals.extend(paths);
    }

    /// Makes the next scan report these files as changed, whether they are or not.
    pub(crate) fn invalidate(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        for path in paths {
            self.seen.remove(&path);
        }
    }
}
