//! Reloads a document when its file changes.
//!
//! Rule: the path is followed to its target on each poll: editors rename a new file over the old one, and mounted
//! configurations change by replacing a symbolic link on the way. File events only trigger a poll earlier; a file is
//! read once it is stable, so that a burst of changes causes one reload.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};

use crate::limits;
use modehost_follow::{DirectoryWatch, Stamp};

use crate::live::Live;
use crate::load::Document;

/// The file cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {} for changes: {error}; it is still read anew on SIGHUP", file.display())]
pub struct WatchError {
    file: PathBuf,
    error: std::io::Error,
}

/// Watches the file on its own thread until it is dropped.
#[derive(Debug)]
pub struct Watcher {
    /// Dropping this ends the thread; a running reload is not waited for.
    alive_token: Option<Arc<()>>,
    wake: SyncSender<()>,
}

impl Watcher {
    /// Watches the file that `live` comes from. `None` if there is none.
    ///
    /// # Errors
    /// If the thread cannot be started.
    pub fn start<T: Document + Send + Sync + 'static>(live: &Arc<Live<T>>) -> Result<Option<Self>, WatchError> {
        let Some(file) = live.source().file.clone() else { return Ok(None) };
        // One token is enough: a single poll finds all changes.
        let (wake, wake_up) = sync_channel(1);
        let sender = wake.clone();
        let notify = move || {
            // A full channel means that a poll is due already.
            let _ = sender.try_send(());
        };
        let events = DirectoryWatch::start(limits::FILE_DEBOUNCE, notify);
        let events = events.inspect_err(|error| tracing::warn!("{error}")).ok();
        let alive_token = Arc::new(());
        // No stamp yet, so that the first poll finds changes since the file was read at start.
        let mut file_state = FileState { stamp: None, file: file.clone(), events };
        file_state.watch();
        let (live, alive) = (live.clone(), Arc::downgrade(&alive_token));
        std::thread::Builder::new()
            .stack_size(limits::WORKER_STACK_BYTES)
            .name("config-watch".to_owned())
            .spawn(move || follow(&mut file_state, &live, &wake_up, &alive))
            .map_err(|error| WatchError { file, error })?;
        Ok(Some(Self { alive_token: Some(alive_token), wake }))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.alive_token.take());
        let _ = self.wake.try_send(());
    }
}

fn follow<T: Document>(file_state: &mut FileState, live: &Live<T>, wake_up: &Receiver<()>, alive: &Weak<()>) {
    loop {
        match wake_up.recv_timeout(limits::PATH_POLL) {
            Err(RecvTimeoutError::Disconnected) => return,
            _ if alive.strong_count() == 0 => return,
            _ => {}
        }
        if file_state.has_changed() {
            // `reload` logs the outcome.
            let _ = live.reload();
        }
        file_state.watch();
    }
}

/// The file and the stamp of its last known state.
struct FileState {
    file: PathBuf,
    stamp: Option<Stamp>,
    events: Option<DirectoryWatch>,
}

impl FileState {
    /// Whether the path leads to new contents; waits until they are stable.
    fn has_changed(&mut self) -> bool {
        let mut now = Stamp::of(&self.file);
        if now == self.stamp {
            return false;
        }
        loop {
            std::thread::sleep(limits::FILE_DEBOUNCE);
            let current = Stamp::of(&self.file);
            if current == now {
                break;
            }
            now = current;
        }
        self.stamp = now;
        true
    }

    /// Watches the directory of the path, and that of its target where a link is between them.
    fn watch(&mut self) {
        let Some(events) = &mut self.events else { return };
        let target = self.file.canonicalize().ok();
        let directories = [Some(self.file.as_path()), target.as_deref()].into_iter().flatten().filter_map(directory);
        events.watch_only(directories);
    }
}

fn directory(file: &Path) -> Option<&Path> {
    let directory = file.parent()?;
    Some(if directory.as_os_str().is_empty() { Path::new(".") } else { directory })
}
