//! Wakes when something happens in folders. Rule: a watch is on what a name led to when it began; so each
//! look compares that with what the name leads to now, and watches that instead.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};

use crate::Identity;

/// The system watches nothing for us.
#[derive(Debug, thiserror::Error)]
#[error("the system refuses to watch files ({0}); they are looked at now and then instead")]
pub struct WatchError(#[from] notify::Error);

/// Folders that are watched, without what is in folders below them. Dropping it ends the watching.
pub struct FolderWatch {
    debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
    watched: Vec<(PathBuf, Identity)>,
}

impl FolderWatch {
    /// Watches nothing yet. `wake` is called on a thread of its own, once for each burst of changes that
    /// `quiet` has followed.
    ///
    /// # Errors
    /// If the system has no watches left.
    pub fn start(quiet: Duration, wake: impl Fn() + Send + 'static) -> Result<Self, WatchError> {
        // An error of the watch may have swallowed a change, and looking costs little.
        let told = move |result: DebounceEventResult| {
            let nothing = result.is_ok_and(|events| events.iter().all(|event| event.kind.is_access()));
            if !nothing {
                wake();
            }
        };
        Ok(Self { debouncer: new_debouncer(quiet, None, told)?, watched: Vec::new() })
    }

    /// Watches what these names lead to at this moment, and nothing else. What is not there, or may not be
    /// watched, is tried again at the next call. True if one of them leads to another folder than before.
    pub fn follow<'a>(&mut self, folders: impl IntoIterator<Item = &'a Path>) -> bool {
        let wanted: Vec<(PathBuf, Identity)> =
            folders.into_iter().filter_map(|folder| Some((folder.to_owned(), Identity::of(folder)?))).collect();
        let (kept, dropped) = std::mem::take(&mut self.watched).into_iter().partition(|one| wanted.contains(one));
        self.watched = kept;
        let moved = !dropped.is_empty();
        for (folder, _) in dropped {
            // The system has ended it already where the folder was removed.
            let _ = self.debouncer.unwatch(folder);
        }
        for one in wanted {
            if !self.watched.contains(&one) && self.debouncer.watch(&one.0, RecursiveMode::NonRecursive).is_ok() {
                self.watched.push(one);
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::sync::mpsc::{Receiver, sync_channel};

    use super::*;

    const DEADLINE: Duration = Duration::from_secs(20);

    fn watch() -> (FolderWatch, Receiver<()>) {
        let (wake, woken) = sync_channel(1);
        let told = move || {
            let _ = wake.try_send(());
        };
        (FolderWatch::start(Duration::from_millis(20), told).expect("a watch"), woken)
    }

    #[test]
    fn c20_the_watch_moves_on_to_what_the_name_leads_to() {
        let home = tempfile::tempdir().expect("a folder");
        let at = |name: &str| home.path().join(name);
        fs::create_dir(at("one")).expect("a folder");
        fs::create_dir(at("two")).expect("a folder");
        symlink("one", at("link")).expect("a link");
        let (mut watch, woken) = watch();
        let link = at("link");
        assert!(!watch.follow([link.as_path()]));
        fs::write(link.join("a"), "").expect("writes");
        woken.recv_timeout(DEADLINE).expect("told of one");

        fs::remove_file(&link).expect("removed");
        symlink("two", &link).expect("turned");
        while woken.recv_timeout(Duration::from_millis(200)).is_ok() {}
        assert!(watch.follow([link.as_path()]));
        fs::write(at("two").join("b"), "").expect("writes");
        woken.recv_timeout(DEADLINE).expect("told of two");

        // Removed, then made anew under the same name.
        fs::remove_dir_all(at("two")).expect("removed");
        assert!(watch.follow([link.as_path()]));
        fs::create_dir(at("two")).expect("made anew");
        while woken.recv_timeout(Duration::from_millis(200)).is_ok() {}
        watch.follow([link.as_path()]);
        fs::write(at("two").join("c"), "").expect("writes");
        woken.recv_timeout(DEADLINE).expect("told of the new one");
    }
}
