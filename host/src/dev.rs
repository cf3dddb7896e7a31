//! `modehost dev`: builds plugins from source, and rebuilds and swaps them while devices stay connected.
//!
//! Rule: the server is the same as in `serve`; this module only keeps the files of its plugin directory up to date. A
//! failed build changes nothing.

pub mod build;
mod watch;
pub mod workspace;

use std::path::{Path, PathBuf};
use std::time::Instant;

pub use self::build::{BuildError, Builder, Built};
pub use self::watch::{DevWatch, WatchError};
pub use self::workspace::{PluginSource, Workspace, WorkspaceError};

use crate::terminal::{print_error, print_line};

/// Default data directory of `dev`: below cargo's target directory, which git ignores and which persists between runs.
pub const DATA: &str = "target/modehost-dev";

/// Builds `plugins`, installs each component into `directory` as soon as it is built, and prints the outcome.
/// `on_installed` is called with the id of each.
pub fn build_and_install(
    builder: &Builder,
    plugins: &[PluginSource],
    directory: &Path,
    mut on_installed: impl FnMut(&str),
) {
    let started = Instant::now();
    let names: Vec<&str> = plugins.iter().map(|plugin| plugin.id.as_str()).collect();
    print_line(format_args!("building {}", names.join(", ")));
    let (_, error) = builder.build_each(plugins, |built| {
        match build::install(built, directory) {
            Ok(true) => print_line(format_args!("built {} in {:.1} s", built.id, started.elapsed().as_secs_f32())),
            Ok(false) => print_line(format_args!("{} is unchanged", built.id)),
            Err(error) => print_error(error),
        }
        on_installed(&built.id);
    });
    if let Some(error) = error
        && !builder.is_stopped()
    {
        print_error(format_args!("{error}\nwhat ran before keeps running; save a file to try again"));
    }
}

/// Removes files of plugins that no longer have a source from the plugin directory of `dev`, so that a removed plugin
/// does not come back with the next start.
pub fn remove_stale(plugins: &[PluginSource], directory: &Path) {
    let Ok(files) = std::fs::read_dir(directory) else { return };
    let files = files.filter_map(|entry| Some(entry.ok()?.path()));
    let is_component = |file: &PathBuf| file.extension().is_some_and(|end| end == "wasm");
    let has_source =
        |file: &PathBuf| plugins.iter().any(|plugin| file.file_stem().is_some_and(|stem| *stem == *plugin.id));
    for file in files.filter(|file| is_component(file) && !has_source(file)) {
        print_line(format_args!("{} has no source any more and is removed", file.display()));
        let _ = std::fs::remove_file(file);
    }
}
