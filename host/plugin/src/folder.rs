//! The plugin folder: what has changed in it, and being told of it. Rule: events only wake; what
//! happened is always read from what the folder's name leads to now, so a missed or doubled event does no harm.

use std::collections::HashMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use crate::limits;
use modehost_follow::{FolderWatch, Identity, Stamp};
use tokio::sync::mpsc;

/// The folder as it was seen last.
pub(crate) struct Folder {
    path: PathBuf,
    seen: HashMap<PathBuf, Stamp>,
    /// What the name led to.
    identity: Option<Identity>,
    /// Gone, and not followed so far: they are told again.
    held_back: Vec<PathBuf>,
    /// When it began to lead there, if files have gone with what it led to before.
    replaced: Option<Instant>,
    /// None where the system watches nothing for us.
    events: Option<FolderWatch>,
}

/// What has changed since the last look.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    /// New or rewritten, sorted.
    pub changed: Vec<PathBuf>,
    pub gone: Vec<PathBuf>,
}

/// What a look is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Look {
    /// Somebody says that something has happened, and that it is over.
    Told,
    /// Nobody has said anything: what is being written at this moment is left for the next look.
    Unasked,
}

impl Folder {
    /// The folder, made if it is not there, and watched.
    pub(crate) fn open(path: &Path) -> io::Result<(Self, mpsc::Receiver<()>)> {
        fs::create_dir_all(path)?;
        fs::read_dir(path)?;
        let (wake, woken) = mpsc::channel(1);
        let told = move || {
            // Full means that a look is due anyway.
            let _ = wake.try_send(());
        };
        let events = FolderWatch::start(limits::WATCH_DEBOUNCE, told);
        let events = events.inspect_err(|error| tracing::warn!("plugin folder: {error}")).ok();
        let identity = Identity::of(path);
        let mut folder = Self {
            path: path.to_owned(),
            seen: HashMap::new(),
            held_back: Vec::new(),
            identity,
            replaced: None,
            events,
        };
        // The watch begins before the first look, so that nothing falls between the two.
        folder.watch();
        Ok((folder, woken))
    }

    /// Watches what the name leads to now.
    fn watch(&mut self) {
        if let Some(events) = &mut self.events {
            events.follow([self.path.as_path()]);
        }
    }

    /// Looks at all `.wasm` files. A folder that cannot be read has not changed: a file system
    /// that goes away for a moment must not take the plugins with it. Neither does a folder that was replaced
    /// by an empty one, as long as its files may still be on their way.
    /// What of the rest `waits` says so of is left for a later look, too.
    pub(crate) fn look(&mut self, look: Look, mut waits: impl FnMut(&Path, Stamp) -> bool) -> Changes {
        self.watch();
        let Ok(entries) = fs::read_dir(&self.path) else {
            return Changes::default();
        };
        let identity = Identity::of(&self.path);
        if identity != self.identity {
            tracing::info!(folder = %self.path.display(), "the plugin folder is another one now");
            self.identity = identity;
            self.replaced = Some(Instant::now());
        }
        let arriving = self.replaced.is_some_and(|since| since.elapsed() < limits::FOLDER_SETTLE);
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
                let unfinished = look == Look::Unasked && stamp.is_younger(limits::WATCH_DEBOUNCE, clock);
                let unfinished = unfinished || (before != Some(stamp) && waits(&path, stamp));
                // Of one that is being written or compiled, what was seen before stands for it.
                match (unfinished, before) {
                    (true, None) => {}
                    (true, Some(before)) => drop(now.insert(path, before)),
                    (false, _) => drop(now.insert(path, stamp)),
                }
            }
        }
        let mut gone: Vec<PathBuf> = self.seen.keys().filter(|path| !now.contains_key(*path)).cloned().collect();
        gone.extend(std::mem::take(&mut self.held_back).into_iter().filter(|path| !now.contains_key(path)));
        if arriving {
            self.held_back = gone.iter().filter(|path| !self.seen.contains_key(*path)).cloned().collect();
            let missing = gone.iter().filter_map(|path| Some((path.clone(), *self.seen.get(path)?)));
            now.extend(missing.collect::<Vec<_>>());
        } else {
            self.replaced = None;
        }
        let mut changed: Vec<PathBuf> = now
            .iter()
            .filter(|(path, stamp)| self.seen.get(*path) != Some(stamp))
            .map(|(path, _)| path.clone())
            .collect();
        changed.sort();
        self.seen = now;
        Changes { changed, gone: if arriving { Vec::new() } else { gone } }
    }

    /// Tells the next time once more that these are gone.
    pub(crate) fn hold_back(&mut self, paths: Vec<PathBuf>) {
        self.held_back.extend(paths);
    }

    /// Looks at these files anew next time, whether they have changed or not.
    pub(crate) fn forget(&mut self, paths: impl IntoIterator<Item = PathBuf>) {
        for path in paths {
            self.seen.remove(&path);
        }
    }
}
