//! `modehost device …`. Rule: an export is readable by this user only, and nothing is removed without `--yes`.

pub mod tools;

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use crate::limits;
use clap::Subcommand;

use super::Failure;
use super::client::{ServerArguments, segment};
use crate::terminal::print_line;

#[derive(Debug, Subcommand)]
pub enum DeviceCommand {
    /// Exports everything stored about a device, as one JSON document
    #[command(after_help = EXPORT_HELP)]
    Export {
        /// Device id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// Directory for the file, which only this user may read [default: standard output]
        #[arg(long, value_name = "FOLDER")]
        to: Option<PathBuf>,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Has a device say something, after what it is speaking
    #[command(after_help = SAY_HELP)]
    Say(TellArguments),
    /// Has a device show a notice
    #[command(after_help = "Examples:\n  modehost device notify aa:bb:cc:00:11:22 'Dinner is ready.'")]
    Notify(TellArguments),
    /// Lists the tools that a connected device offers
    Tools {
        /// Device id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// As JSON, with the schema of the arguments
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Calls a tool of a connected device, and prints its answer
    #[command(after_help = CALL_HELP)]
    Call {
        /// Device id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// The tool, as `device tools` names it
        #[arg(value_name = "TOOL")]
        tool: String,
        /// Its arguments, a JSON object [default: none]
        #[arg(value_name = "JSON", default_value = "{}")]
        arguments: String,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Has a connected device play a sound file of at most a minute: WAV, MP3 or Opus in Ogg
    Play {
        /// Device id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// The sound
        #[arg(value_name = "FILE")]
        file: PathBuf,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Stops what a device is speaking, and what it would speak next
    Stop {
        /// Device id
        #[arg(value_name = "DEVICE")]
        device: String,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Closes the connection of a device and erases everything stored about it
    #[command(after_help = FORGET_HELP)]
    Forget {
        /// Device id
        #[arg(value_name = "DEVICE")]
        device: String,
        /// Confirms the removal, which cannot be undone
        #[arg(long)]
        yes: bool,
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
}

/// What a device is told.
#[derive(Debug, clap::Args)]
pub struct TellArguments {
    /// Device id
    #[arg(value_name = "DEVICE")]
    device: String,
    /// The text, of up to 2,000 characters
    #[arg(value_name = "TEXT")]
    text: String,
    /// How long it waits for a device that is away, in seconds; 0: not at all
    #[arg(long, value_name = "SECONDS", default_value_t = limits::SAY_TTL.as_secs())]
    ttl: u64,
    #[command(flatten)]
    server: ServerArguments,
}

const SAY_HELP: &str = "\
A device that is away gets it as a notice when it connects again, shown and not spoken: stock firmware keeps no \
connection while it sleeps.

Examples:
  modehost device say aa:bb:cc:00:11:22 'Dinner is ready.'
  modehost device say aa:bb:cc:00:11:22 'Only now.' --ttl 0";

const CALL_HELP: &str = "\
Examples:
  modehost device tools aa:bb:cc:00:11:22
  modehost device call aa:bb:cc:00:11:22 self.audio_speaker.set_volume '{\"volume\": 40}'";

const EXPORT_HELP: &str = "\
Session, documents, journals, finished work, messages to it and from it, and what is known about it. What others have \
a part in, such as the board of a group, is not the device's.

Examples:
  modehost device export aa:bb:cc:00:11:22 --to /backup/devices
  modehost device export aa:bb:cc:00:11:22 > device.json";

const FORGET_HELP: &str = "\
Files of finished work go, too. Lines of the log, backups and what others have a part in stay, and are named. The \
device may come again, as a new one; take it out of `auth` first to keep it away.

Examples:
  modehost device forget aa:bb:cc:00:11:22 --yes";

/// Runs a `device` subcommand.
pub fn run(command: DeviceCommand) -> Result<(), Failure> {
    match command {
        DeviceCommand::Export { device, to, server } => {
            let path = format!("/api/v1/devices/{}/export", segment(&device));
            let document = server.server()?.get_bytes(&path, limits::EXPORT_RESPONSE_BYTES)?;
            match to {
                None => print_line(String::from_utf8_lossy(&document)),
                Some(directory) => print_line(write(&directory, &device, &document)?.display()),
            }
            Ok(())
        }
        DeviceCommand::Say(arguments) => tell(arguments, "say"),
        DeviceCommand::Notify(arguments) => tell(arguments, "notify"),
        DeviceCommand::Tools { device, json, server } => tools::list(&device, json, server),
        DeviceCommand::Call { device, tool, arguments, server } => tools::call(&device, &tool, &arguments, server),
        DeviceCommand::Play { device, file, server } => tools::play(&device, &file, server),
        DeviceCommand::Stop { device, server } => {
            server.server()?.post(&format!("/api/v1/devices/{}/stop", segment(&device)))?;
            print_line(format_args!("{device} is silent"));
            Ok(())
        }
        DeviceCommand::Forget { device, yes: false, .. } => Err(Failure::Other(format!(
            "this removes everything that is kept of {device}, and nothing brings it back; say --yes if that is meant, \
             and see `modehost device export` before"
        ))),
        DeviceCommand::Forget { device, json, server, .. } => {
            let response = server.server()?.delete(&format!("/api/v1/devices/{}", segment(&device)))?;
            if json {
                print_line(serde_json::to_string_pretty(&response).map_err(Failure::other)?);
                return Ok(());
            }
            print_line(format_args!("{device} is forgotten; removed:"));
            for (what, count) in response["removed"].as_object().into_iter().flatten() {
                print_line(format_args!("  {}: {count}", what.replace('_', " ")));
            }
            print_line("left:");
            for line in response["left"].as_array().into_iter().flatten().filter_map(|line| line.as_str()) {
                print_line(format_args!("  {line}"));
            }
            Ok(())
        }
    }
}

/// Sends the text to the running server, and says what has become of it.
fn tell(arguments: TellArguments, what: &str) -> Result<(), Failure> {
    let TellArguments { device, text, ttl, server } = arguments;
    let path = format!("/api/v1/devices/{}/{what}", segment(&device));
    let response = server.server()?.post_json(&path, &serde_json::json!({ "text": text, "ttl_s": ttl }))?;
    match response["outcome"].as_str() {
        Some("connected") => print_line(format_args!("{device} gets it now")),
        _ => print_line(format_args!("{device} is away; it is shown when the device connects within {ttl} s")),
    }
    Ok(())
}

/// Writes a new file that only this user may read.
fn write(directory: &Path, device: &str, document: &[u8]) -> Result<PathBuf, Failure> {
    let character =
        |character: char| if character.is_ascii_alphanumeric() || character == '-' { character } else { '_' };
    let name: String = device.chars().map(character).collect();
    let file = directory.join(format!("{name}.json"));
    let failed = |error: std::io::Error| Failure::Other(format!("cannot write {}: {error}", file.display()));
    std::fs::create_dir_all(directory).map_err(failed)?;
    let mut open = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&file).map_err(failed)?;
    open.write_all(document).and_then(|()| open.sync_all()).map_err(failed)?;
    Ok(file)
}
