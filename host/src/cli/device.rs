//! `modehost device …`. Rule: what is given out of a device is for its owner's eyes only, and nothing is removed
//! without a word that says so.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::limits;
use clap::Subcommand;

use super::Failure;
use super::client::{ServerArguments, segment};
use crate::terminal::say;

#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Gives out everything that is kept of a device, as one JSON document
    #[command(after_help = EXPORT_HELP)]
    Export {
        /// Device id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// Folder for the file, which only this user may read [default: standard output]
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Closes the connection of a device and removes everything that is kept of it
    #[command(after_help = FORGET_HELP)]
    Forget {
        /// Device id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// It is meant: nothing of it comes back
        #[arg(long)]
        yes: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
}

const EXPORT_HELP: &str = "\
Session, documents, journals, finished work, messages to it and from it, and what is known about it. What others have
a part in, such as the board of a group, is not the device's.

Examples:
  modehost device export aa:bb:cc:00:11:22 --to /backup/devices
  modehost device export aa:bb:cc:00:11:22 > device.json";

const FORGET_HELP: &str = "\
Files of finished work go, too. Lines of the log, backups and what others have a part in stay, and are named. The
device may come again, as a new one; take it out of `auth` first to keep it away.

Examples:
  modehost device forget aa:bb:cc:00:11:22 --yes";

/// Runs one of them.
pub fn run(command: DeviceCommand) -> Result<(), Failure> {
    match command {
        DeviceCommand::Export { device, to, server } => {
            let path = format!("/api/v1/devices/{}/export", segment(&device));
            let document = server.server()?.fetch(&path, limits::EXPORT_ANSWER_BYTES)?;
            match to {
                None => say(String::from_utf8_lossy(&document)),
                Some(folder) => say(write(&folder, &device, &document)?.display()),
            }
            Ok(())
        }
        DeviceCommand::Forget { device, yes: false, .. } => Err(Failure::Other(format!(
            "this removes everything that is kept of {device}, and nothing brings it back; say --yes if that is meant, \
             and see `modehost device export` before"
        ))),
        DeviceCommand::Forget { device, json, server, .. } => {
            let told = server.server()?.delete(&format!("/api/v1/devices/{}", segment(&device)))?;
            if json {
                say(serde_json::to_string_pretty(&told).map_err(Failure::other)?);
                return Ok(());
            }
            say(format_args!("{device} is forgotten; removed:"));
            for (what, count) in told["removed"].as_object().into_iter().flatten() {
                say(format_args!("  {}: {count}", what.replace('_', " ")));
            }
            say("left:");
            for line in told["left"].as_array().into_iter().flatten().filter_map(|line| line.as_str()) {
                say(format_args!("  {line}"));
            }
            Ok(())
        }
    }
}

/// Writes a new file that only this user may read.
fn write(folder: &Path, device: &str, document: &[u8]) -> Result<PathBuf, Failure> {
    let letter = |letter: char| if letter.is_ascii_alphanumeric() || letter == '-' { letter } else { '_' };
    let name: String = device.chars().map(letter).collect();
    let file = folder.join(format!("{name}.json"));
    let failed = |error: std::io::Error| Failure::Other(format!("cannot write {}: {error}", file.display()));
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).map_err(failed)?;
    open.write_all(document).and_then(|()| open.sync_all()).map_err(failed)?;
    Ok(file)
}
