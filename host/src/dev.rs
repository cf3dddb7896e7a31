//! `modehost dev`: plugins from source, rebuilt and swapped while devices stay connected.
//!
//! Rule: the server is the same as in `serve`; this only keeps files in its plugin folder fresh.
//! A build that fails changes nothing.

pub mod build;
mod watch;
pub mod workspace;

use std::path::{Path, PathBuf};
use std::time::Instant;

pub use self::build::{BuildError, Builder, Built};
pub use self::watch::{DevWatch, WatchError};
pub use self::workspace::{PluginSource, Workspace, WorkspaceError};

use crate::terminal::{complain, say};

/// Where `dev` keeps its data unless told otherwise: in the build folder, which git ignores and
/// which a checkout keeps between runs.
pub const DATA: &str = "target/modehost-dev";

/// Builds `plugins` and puts what was built into `folder`; what happened is told.
pub fn refresh(builder: &Builder, plugins: &[PluginSource], folder: &Path) {
    let started = Instant::now();
    let names: Vec<&str> = plugins.iter().map(|plugin| plugin.id.as_str()).collect();
    say(format_args!("building {}", names.join(", ")));
    let (built, error) = builder.build(plugins);
    for built in &built {
        match build::place(built, folder) {
            Ok(true) => say(format_args!("built {} in {:.1} s", built.id, started.elapsed().as_secs_f32())),
            Ok(false) => say(format_args!("{} is unchanged", built.id)),
            Err(error) => complain(error),
        }
    }
    if let Some(error) = error
        && !builder.is_stopped()
    {
        complain(format_args!("{error}\nwhat ran before keeps running; save a file to try again"));
    }
}

/// Takes files of plugins that no longer have a source out of the folder of `dev`, so that a
/// removed plugin does not come back with the next start.
pub fn sweep(plugins: &[PluginSource], folder: &Path) {
    let Ok(files) = std::fs::read_dir(folder) else { return };
    let files = files.filter_map(|entry| Some(entry.ok()?.path()));
    let is_component = |file: &PathBuf| file.extension().is_some_and(|end| end == "wasm");
    let has_source =
        |file: &PathBuf| plugins.iter().any(|plugin| file.file_stem().is_some_and(|stem| *stem == *plugin.id));
    for file in files.filter(|file| is_component(file) && !has_source(file)) {
        say(format_args!("{} has no source any more and is removed", file.display()));
        let _ = std::fs::remove_file(file);
    }
}
