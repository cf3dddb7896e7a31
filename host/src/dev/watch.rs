//! Watches the sources of plugins and rebuilds what changed.
//!
//! Rule: one build at a time, on a thread of its own; changes during a build are one more build
//! after it. Dropping the watch stops a build that runs.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use crate::limits;
use notify::{RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use parking_lot::Mutex;

use super::build::Builder;
use super::refresh;
use super::workspace::Workspace;
use crate::terminal::complain;

/// The sources cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {} for changes: {error}; restart `modehost dev` after an edit", folder.display())]
pub struct WatchError {
    folder: PathBuf,
    error: notify::Error,
}

/// Watches and rebuilds as long as it lives.
pub struct DevWatch {
    /// Dropped first: without it no change is told any more, and the thread ends.
    watcher: Option<Debouncer<RecommendedWatcher, RecommendedCache>>,
    builder: Builder,
    thread: Option<JoinHandle<()>>,
}

/// What changed since the last build.
#[derive(Default)]
struct Changes {
    /// Folder names under `plugins/`.
    plugins: BTreeSet<String>,
    /// The SDK or the contract: everything is built anew.
    all: bool,
}

impl DevWatch {
    /// Starts watching; components go to `folder`.
    ///
    /// # Errors
    /// If the system refuses the watch.
    pub fn start(workspace: Workspace, builder: Builder, folder: PathBuf) -> Result<Self, WatchError> {
        let changes = Arc::new(Mutex::new(Changes::default()));
        // One token is enough: the thread takes all changes at once.
        let (wake, woken) = sync_channel::<()>(1);
        let stopping = builder.clone();
        let note = note_changes(workspace.root.clone(), changes.clone(), wake);
        let refused = |error| WatchError { folder: workspace.root.clone(), error };
        let mut watcher = new_debouncer(limits::FILE_SETTLE, None, note).map_err(refused)?;
        watcher.watch(workspace.plugins_folder(), RecursiveMode::Recursive).map_err(refused)?;
        let contract = workspace.root.join("wit");
        if contract.is_dir() {
            watcher.watch(&contract, RecursiveMode::Recursive).map_err(refused)?;
        }
        let thread = std::thread::Builder::new()
            .name("dev-build".to_owned())
            .spawn(move || rebuild(&workspace, &builder, &folder, &changes, &woken))
            .map_err(|error| WatchError { folder: PathBuf::from("plugins"), error: notify::Error::io(error) })?;
        Ok(Self { watcher: Some(watcher), builder: stopping, thread: Some(thread) })
    }
}

impl Drop for DevWatch {
    fn drop(&mut self) {
        drop(self.watcher.take());
        self.builder.stop();
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Notes what changed and wakes the builder.
fn note_changes(
    root: PathBuf,
    changes: Arc<Mutex<Changes>>,
    wake: SyncSender<()>,
) -> impl FnMut(DebounceEventResult) + Send + 'static {
    move |result: DebounceEventResult| {
        let Ok(events) = result else { return };
        let mut changes = changes.lock();
        let touched = events.iter().filter(|event| !event.kind.is_access()).flat_map(|event| &event.paths);
        let mut any = false;
        for path in touched {
            match concerns(&root, path) {
                Some(Concern::All) => changes.all = true,
                Some(Concern::Plugin(folder)) => drop(changes.plugins.insert(folder)),
                None => continue,
            }
            any = true;
        }
        drop(changes);
        if any && let Err(TrySendError::Disconnected(())) = wake.try_send(()) {
            complain("the builder is gone; restart `modehost dev`");
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Concern {
    All,
    Plugin(String),
}

/// Whose source a changed file is: `plugins/<folder>/{src/…, Cargo.toml, plugin.toml, config.schema.json}`
/// or `wit/…`.
fn concerns(root: &Path, path: &Path) -> Option<Concern> {
    let name = path.file_name()?.to_str()?;
    let is_scratch = name.starts_with('.') || name.starts_with('#') || name.ends_with('~') || name.ends_with(".swp");
    let steps: Vec<&str> = path
        .strip_prefix(root)
        .ok()?
        .components()
        .filter_map(|step| match step {
            Component::Normal(step) => step.to_str(),
            _ => None,
        })
        .collect();
    match steps.as_slice() {
        _ if is_scratch => None,
        ["wit", ..] => Some(Concern::All),
        ["plugins", folder, "src", ..] | ["plugins", folder, "Cargo.toml" | "plugin.toml" | "config.schema.json"] => {
            match *folder {
                // A crate that is no plugin is a part of others.
                folder if !root.join("plugins").join(folder).join("plugin.toml").is_file() => Some(Concern::All),
                folder => Some(Concern::Plugin(folder.to_owned())),
            }
        }
        _ => None,
    }
}

/// Builds what changed until the watch is dropped.
fn rebuild(workspace: &Workspace, builder: &Builder, folder: &Path, changes: &Mutex<Changes>, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        let changes = std::mem::take(&mut *changes.lock());
        let mut plugins = match workspace.plugins() {
            Ok(plugins) => plugins,
            Err(error) => {
                complain(error);
                continue;
            }
        };
        let changed = |folder: &Path| {
            folder.file_name().and_then(|name| name.to_str()).is_some_and(|name| changes.plugins.contains(name))
        };
        plugins.retain(|plugin| changes.all || changed(&plugin.folder));
        if !plugins.is_empty() {
            refresh(builder, &plugins, folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sources_concern_a_build() {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path();
        std::fs::create_dir_all(root.join("plugins/alpha")).expect("a folder");
        std::fs::write(root.join("plugins/alpha/plugin.toml"), "").expect("a manifest");
        let plugin = |name: &str| Some(Concern::Plugin(name.to_owned()));
        for (path, expected) in [
            ("plugins/alpha/src/lib.rs", plugin("alpha")),
            ("plugins/alpha/src/deep/x.rs", plugin("alpha")),
            ("plugins/alpha/plugin.toml", plugin("alpha")),
            ("plugins/sdk/src/lib.rs", Some(Concern::All)),
            ("plugins/shared/src/lib.rs", Some(Concern::All)),
            ("plugins/alpha/config.schema.json", plugin("alpha")),
            ("wit/0.2/types.wit", Some(Concern::All)),
            ("plugins/alpha/src/.lib.rs.swp", None),
            ("plugins/alpha/tests/x.rs", None),
            ("plugins/README.md", None),
            ("/elsewhere/plugins/alpha/src/lib.rs", None),
        ] {
            assert_eq!(concerns(root, &root.join(path)), expected, "{path}");
        }
    }
}
