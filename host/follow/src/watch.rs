//! Watches directories for events. Rule: a watch is on what a path resolved to when it started; so each check compares
//! that with what the path resolves to now, and watches that instead.

use std::path::{Path, PathBuf};
use std::time::Duration;

use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};

use crate::Identity;

/// The system offers no file watches.
#[derive(Debug, thiserror::Error)]
#[error("file watches are unavailable ({0}); files are polled instead")]
pub struct WatchError(#[from] notify::Error);

/// Watched directories, not recursive. Dropping it ends the watches.
pub struct DirectoryWatch {
    debouncer: Debouncer<RecommendedWatcher, RecommendedCache>,
    watched: Vec<(PathBuf, Identity)>,
}

impl DirectoryWatch {
    /// Watches nothing yet. `wake` is called on a thread of its own, once for each burst of changes after `quiet` has
    /// passed.
    ///
    /// # Errors
    /// If the system has no watches left.
    pub fn start(quiet: Duration, wake: impl Fn() + Send + 'static) -> Result<Self, WatchError> {
        // An error may have hidden a change, and a check costs little.
        let on_events = move |result: DebounceEventResult| {
            let nothing = result.is_ok_and(|events| events.iter().all(|event| event.kind.is_access()));
            if !nothing {
                wake();
            }
        };
        Ok(Self { debouncer: new_debouncer(quiet, None, on_events)?, watched: Vec::new() })
    }

    /// Watches what these paths resolve to at this moment, and nothing else. A path that does not exist, or cannot be
    /// watched, is retried at the next call. True if one of them resolves to another directory than before.
    pub fn watch_only<'a>(&mut self, directories: impl IntoIterator<Item = &'a Path>) -> bool {
        let wanted: Vec<(PathBuf, Identity)> = directories
            .into_iter()
            .filter_map(|directory| Some((directory.to_owned(), Identity::of(directory)?)))
            .collect();
        let (unchanged, dropped) = std::mem::take(&mut self.watched).into_iter().partition(|one| wanted.contains(one));
        self.watched = unchanged;
        let moved = !dropped.is_empty();
        for (directory, _) in dropped {
            // The system has ended the watch already if the directory was deleted.
            let _ = self.debouncer.unwatch(directory);
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

    fn watch() -> (DirectoryWatch, Receiver<()>) {
        let (wake, woken) = sync_channel(1);
        let on_events = move || {
            let _ = wake.try_send(());
        };
        (DirectoryWatch::start(Duration::from_millis(20), on_events).expect("a watch"), woken)
    }

    #[test]
    fn c20_the_watch_moves_on_to_what_the_name_leads_to() {
        let home = tempfile::tempdir().expect("a directory");
        let at = |name: &str| home.path().join(name);
        fs::create_dir(at("one")).expect("a directory");
        fs::create_dir(at("two")).expect("a directory");
        symlink("one", at("link")).expect("a link");
        let (mut watch, woken) = watch();
        let link = at("link");
        assert!(!watch.watch_only([link.as_path()]));
        fs::write(link.join("a"), "").expect("writes");
        woken.recv_timeout(DEADLINE).expect("an event in one");

        fs::remove_file(&link).expect("removed");
        symlink("two", &link).expect("relinked");
        while woken.recv_timeout(Duration::from_millis(200)).is_ok() {}
        assert!(watch.watch_only([link.as_path()]));
        fs::write(at("two").join("b"), "").expect("writes");
        woken.recv_timeout(DEADLINE).expect("an event in two");

        // Deleted, then recreated under the same name.
        fs::remove_dir_all(at("two")).expect("removed");
        assert!(watch.watch_only([link.as_path()]));
        fs::create_dir(at("two")).expect("recreated");
        while woken.recv_timeout(Duration::from_millis(200)).is_ok() {}
        watch.watch_only([link.as_path()]);
        fs::write(at("two").join("c"), "").expect("writes");
        woken.recv_timeout(DEADLINE).expect("an event in the new one");
    }
}
