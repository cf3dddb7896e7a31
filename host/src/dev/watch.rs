//! Watches the sources of plugins and rebuilds what changed.
//!
//! Rule: one build at a time, on a thread of its own; changes during a build are collected into one more build.
//! Dropping the watcher kills a running build.

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
use super::workspace::Workspace;
use super::{build_and_install, remove_stale};
use crate::terminal::print_error;

/// The sources cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch {} for changes: {error}; restart `modehost dev` after an edit", directory.display())]
pub struct WatchError {
    directory: PathBuf,
    error: notify::Error,
}

/// Watches and rebuilds until dropped.
pub struct DevWatch {
    /// Dropped first: it holds the sender of the wake-up channel, without which the thread ends.
    watcher: Option<Debouncer<RecommendedWatcher, RecommendedCache>>,
    builder: Builder,
    thread: Option<JoinHandle<()>>,
}

/// Changes since the last build.
#[derive(Default)]
struct Changes {
    /// Directories of plugins.
    plugins: BTreeSet<PathBuf>,
    /// The SDK or the contract has changed: all plugins are rebuilt.
    all: bool,
}

impl DevWatch {
    /// Starts the first build of all plugins, and then watches; components are installed into `directory`. Returns once
    /// the build has ended, or the plugin `first` is there and those that still build take longer: without it nothing
    /// that is said would be answered.
    ///
    /// # Errors
    /// If the system denies the watch; nothing is built then.
    pub fn start(
        workspace: Workspace,
        builder: Builder,
        directory: PathBuf,
        first: Option<&str>,
    ) -> Result<Self, WatchError> {
        let changes = Arc::new(Mutex::new(Changes::default()));
        // A capacity of 1 is enough: the thread takes all collected changes at once.
        let (wake, woken) = sync_channel::<()>(1);
        let stopping = builder.clone();
        let on_events = collect_changes(workspace.root.clone(), changes.clone(), wake);
        let watch_error = |error| WatchError { directory: workspace.root.clone(), error };
        let mut watcher = new_debouncer(limits::FILE_DEBOUNCE, None, on_events).map_err(watch_error)?;
        // The files of a plugin that is the root itself, and directories that are new there.
        watcher.watch(&workspace.root, RecursiveMode::NonRecursive).map_err(watch_error)?;
        for sources in workspace.source_directories().unwrap_or_default() {
            watcher.watch(&sources, RecursiveMode::Recursive).map_err(watch_error)?;
        }
        let (installed, on_installed) = sync_channel::<String>(limits::DEV_PLUGINS);
        let thread = std::thread::Builder::new()
            .name("dev-build".to_owned())
            .spawn(move || {
                match workspace.plugins() {
                    Ok(plugins) => {
                        remove_stale(&plugins, &directory);
                        build_and_install(&builder, &plugins, &directory, |id| {
                            // Whoever waits has gone once the first have come.
                            let _ = installed.try_send(id.to_owned());
                        });
                    }
                    Err(error) => print_error(error),
                }
                drop(installed);
                rebuild(&workspace, &builder, &directory, &changes, &woken);
            })
            .map_err(|error| WatchError { directory: PathBuf::from("plugins"), error: notify::Error::io(error) })?;
        // An error is the end of the build. What is up to date comes at once; what compiles does not keep the others.
        if on_installed.iter().any(|id| Some(id.as_str()) == first) {
            while on_installed.recv_timeout(limits::DEV_FIRST_PLUGINS).is_ok() {}
        }
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

/// Returns the watcher's callback: it collects changes and wakes the builder.
fn collect_changes(
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
            match affected(&root, path) {
                Some(Affected::All) => changes.all = true,
                Some(Affected::Plugin(directory)) => drop(changes.plugins.insert(directory)),
                None => continue,
            }
            any = true;
        }
        drop(changes);
        if any && let Err(TrySendError::Disconnected(())) = wake.try_send(()) {
            print_error("the builder is gone; restart `modehost dev`");
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Affected {
    All,
    Plugin(PathBuf),
}

/// Which plugins a changed file belongs to: `{src/…, Cargo.toml, plugin.toml, config.schema.json}` of the nearest package
/// above it, or all for `wit/…` and for a package that is no plugin.
fn affected(root: &Path, path: &Path) -> Option<Affected> {
    let name = path.file_name()?.to_str()?;
    let is_scratch = name.starts_with('.') || name.starts_with('#') || name.ends_with('~') || name.ends_with(".swp");
    let within = path.strip_prefix(root).ok()?;
    let is_output = |step: Component<'_>| matches!(step.as_os_str().to_str(), Some("target" | "node_modules"));
    if is_scratch || within.components().any(is_output) {
        return None;
    }
    if within.starts_with("wit") {
        return Some(Affected::All);
    }
    // A new directory: files that were written before it was watched have no events of their own.
    if path.join("plugin.toml").is_file() {
        return Some(Affected::Plugin(path.to_owned()));
    }
    let package = path.ancestors().skip(1).find(|one| one.join("Cargo.toml").is_file() || *one == root)?;
    let file = path.strip_prefix(package).ok()?;
    let is_source = file.starts_with("src") || matches!(name, "Cargo.toml" | "plugin.toml" | "config.schema.json");
    let is_plugin = package.join("plugin.toml").is_file();
    match (is_source, is_plugin) {
        (true, true) => Some(Affected::Plugin(package.to_owned())),
        // What plugins may depend on. The root itself is a package of its own only where it is a plugin.
        (true, false) if package != root => Some(Affected::All),
        _ => None,
    }
}

/// Rebuilds what changed until the watcher is dropped.
fn rebuild(workspace: &Workspace, builder: &Builder, directory: &Path, changes: &Mutex<Changes>, woken: &Receiver<()>) {
    while woken.recv().is_ok() {
        let changes = std::mem::take(&mut *changes.lock());
        let mut plugins = match workspace.plugins() {
            Ok(plugins) => plugins,
            Err(error) => {
                print_error(error);
                continue;
            }
        };
        plugins.retain(|plugin| changes.all || changes.plugins.contains(&plugin.directory));
        if !plugins.is_empty() {
            build_and_install(builder, &plugins, directory, |_| {});
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(root: &Path, files: &[&str]) {
        for file in files {
            let file = root.join(file);
            std::fs::create_dir_all(file.parent().expect("a folder")).expect("a folder");
            std::fs::write(file, "").expect("written");
        }
    }

    fn check(files: &[&str], cases: &[(&str, Option<Affected>)]) {
        let directory = tempfile::tempdir().expect("a folder");
        let root = directory.path();
        write(root, files);
        for (path, expected) in cases {
            let within = |affected: Affected| match affected {
                Affected::Plugin(path) => Affected::Plugin(path.strip_prefix(root).expect("within").to_owned()),
                Affected::All => Affected::All,
            };
            assert_eq!(affected(root, &root.join(path)).map(within), *expected, "{path}");
        }
    }

    fn plugin(path: &str) -> Option<Affected> {
        Some(Affected::Plugin(path.into()))
    }

    #[test]
    fn only_sources_concern_a_build() {
        let files = ["Cargo.toml", "plugins/alpha/plugin.toml", "plugins/alpha/Cargo.toml", "plugins/sdk/Cargo.toml"];
        check(
            &files,
            &[
                ("plugins/alpha/src/lib.rs", plugin("plugins/alpha")),
                ("plugins/alpha/src/deep/x.rs", plugin("plugins/alpha")),
                ("plugins/alpha/plugin.toml", plugin("plugins/alpha")),
                ("plugins/alpha", plugin("plugins/alpha")),
                ("plugins/sdk/src/lib.rs", Some(Affected::All)),
                ("plugins/alpha/config.schema.json", plugin("plugins/alpha")),
                ("wit/0.2/types.wit", Some(Affected::All)),
                ("plugins/alpha/src/.lib.rs.swp", None),
                ("plugins/alpha/tests/x.rs", None),
                ("plugins/alpha/target/debug/x.d", None),
                ("plugins/README.md", None),
                ("/elsewhere/plugins/alpha/src/lib.rs", None),
            ],
        );
    }

    #[test]
    fn a_workspace_without_a_folder_plugins_is_watched_as_well() {
        check(
            &["Cargo.toml", "alpha/plugin.toml", "alpha/Cargo.toml", "shared/Cargo.toml"],
            &[
                ("alpha/src/lib.rs", plugin("alpha")),
                ("shared/src/lib.rs", Some(Affected::All)),
                ("target/plugin/x.wasm", None),
                ("README.md", None),
                ("Cargo.toml", None),
            ],
        );
        check(
            &["Cargo.toml", "plugin.toml"],
            &[("src/lib.rs", plugin("")), ("plugin.toml", plugin("")), ("tests/a.script", None)],
        );
    }
}
