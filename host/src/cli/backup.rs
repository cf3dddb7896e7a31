//! `modehost backup`. Rule: works while the server runs, and never overwrites an existing backup.

use std::path::PathBuf;

use modehost_storage::backup;

use super::{Failure, Paths};
use crate::settings::{self, Origin};
use crate::terminal::print_line;

#[derive(Debug, clap::Args)]
pub struct BackupArguments {
    /// Directory for the backup; created if missing, rejected if it contains a backup already
    #[arg(value_name = "FOLDER")]
    folder: PathBuf,
    #[command(flatten)]
    paths: Paths,
}

/// Backs up the database, and prints the path.
pub fn run(arguments: BackupArguments) -> Result<(), Failure> {
    let Paths { config, data } = arguments.paths;
    let source = Origin { file: config, data, preset: Vec::new() }.source();
    let source_directory = settings::load(&source)?.document.storage.dir;
    let written = backup(&source_directory, &arguments.folder).map_err(Failure::other)?;
    let mib = written.bytes as f64 / (1024.0 * 1024.0);
    print_line(format_args!("{} ({mib:.1} MiB)", written.file.display()));
    Ok(())
}
