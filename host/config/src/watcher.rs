//! Reloads a document when its file changes.
//!
//! Rule: the name counts, and what it leads to is looked at: editors rename a new file over the old one, and
//! mounted configurations are changed by turning a link somewhere on the way. Events only make a look sooner;
//! a file is read once it has been left alone, so that a burst of changes is one reload.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Weak};

use crate::limits;
use modehost_follow::{FolderWatch, Stamp};

use crate::live::Live;
use crate::load::Document;

/// The file cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {} for changes: {error}; it is still read anew on SIGHUP", file.display())]
pub struct WatchError {
    file: PathBuf,
    error: std::io::Error,
}

/// Watches as long as it lives, on a thread of its own.
#[derive(Debug)]
pub struct Watcher {
    /// The thread ends when it is gone; a reload that runs is not waited for.
    life: Option<Arc<()>>,
    wake: SyncSender<()>,
}

impl Watcher {
    /// Watches the file that `live` comes from. `None` if it comes from none.
    ///
    /// # Errors
    /// If the system refuses a thread.
    pub fn start<T: Document + Send + Sync + 'static>(live: &Arc<Live<T>>) -> Result<Option<Self>, WatchError> {
        let Some(file) = live.source().file.clone() else { return Ok(None) };
        // One token is enough: whatever has happened, one look finds it.
        let (wake, woken) = sync_channel(1);
        let sender = wake.clone();
        let told = move || {
            // Full means that a look is due anyway.
            let _ = sender.try_send(());
        };
        let events = FolderWatch::start(limits::FILE_SETTLE, told);
        let events = events.inspect_err(|error| tracing::warn!("{error}")).ok();
        let life = Arc::new(());
        // Nothing is known of it: what was written since the start read it is found at the first look.
        let mut followed = Followed { seen: None, file: file.clone(), events };
        followed.watch();
        let (live, alive) = (live.clone(), Arc::downgrade(&life));
        std::thread::Builder::new()
            .stack_size(limits::APART_STACK_BYTES)
            .name("config-watch".to_owned())
            .spawn(move || follow(&mut followed, &live, &woken, &alive))
            .map_err(|error| WatchError { file, error })?;
        Ok(Some(Self { life: Some(life), wake }))
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        drop(self.life.take());
        let _ = self.wake.try_send(());
    }
}

fn follow<T: Document>(followed: &mut Followed, live: &Live<T>, woken: &Receiver<()>, alive: &Weak<()>) {
    loop {
        match woken.recv_timeout(limits::PATH_LOOK) {
            Err(RecvTimeoutError::Disconnected) => return,
            _ if alive.strong_count() == 0 => return,
            _ => {}
        }
        if followed.has_changed() {
            // The outcome is logged by `reload`.
            let _ = live.reload();
        }
        followed.watch();
    }
}

/// The file as it was seen last.
struct Followed {
    file: PathBuf,
    seen: Option<Stamp>,
    events: Option<FolderWatch>,
}

impl Followed {
    /// Whether the name leads to something new, waiting until that is left alone.
    fn has_changed(&mut self) -> bool {
        let mut now = Stamp::of(&self.file);
        if now == self.seen {
            return false;
        }
        loop {
            std::thread::sleep(limits::FILE_SETTLE);
            let later = Stamp::of(&self.file);
            if later == now {
                break;
            }
            now = later;
        }
        self.seen = now;
        true
    }

    /// The folder of the name, and that of the file it leads to where a link is between them.
    fn watch(&mut self) {
        let Some(events) = &mut self.events else { return };
        let target = self.file.canonicalize().ok();
        let folders = [Some(self.file.as_path()), target.as_deref()].into_iter().flatten().filter_map(folder);
        events.follow(folders);
    }
}

fn folder(file: &Path) -> Option<&Path> {
    let folder = file.parent()?;
    Some(if folder.as_os_str().is_empty() { Path::new(".") } else { folder })
}
