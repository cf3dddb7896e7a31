//! `modehost backup`. Rule: the server need not stop, and what is there is never replaced.

use std::path::PathBuf;

use modehost_storage::backup;

use super::{Failure, Places};
use crate::settings::{self, Origin};
use crate::terminal::say;

#[derive(Debug, clap::Args)]
pub struct BackupArguments {
    /// Folder for the backup; made if it is not there, and refused if it holds one already
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    #[command(flatten)]
    places: Places,
}

/// Copies what is kept, and says where it is.
pub fn run(arguments: BackupArguments) -> Result<(), Failure> {
    let Places { config, data } = arguments.places;
    let source = Origin { file: config, data, preset: Vec::new() }.source();
    let kept = settings::load(&source)?.document.storage.dir;
    let made = backup(&kept, &arguments.folder).map_err(Failure::other)?;
    let mib = made.bytes as f64 / (1024.0 * 1024.0);
    say(format_args!("{} ({mib:.1} MiB)", made.file.display()));
    Ok(())
}
