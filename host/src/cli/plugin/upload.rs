//! `modehost plugin upload`: a file to the running server, as the console sends it. Rule: what it is and what it lacks is told
//! before anything changes.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use modehost_install::limits::SIGNATURE_BYTES;
use serde_json::Value;

use super::super::Failure;
use super::super::client::{Body, ServerArguments, segment};
use crate::plugin_file;
use crate::terminal::print_line;

pub const HELP: &str = "\
The server checks the file as `plugin install` does, writes it into its plugin folder and loads it; the trial of \
the new version begins. FILE.minisig is sent along if it is there.

Examples:
  modehost plugin upload pomodoro.wasm
  modehost plugin upload pomodoro.wasm --check";

#[derive(Debug, clap::Args)]
pub struct UploadArguments {
    /// A component
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// Only say what it is
    #[arg(long)]
    check: bool,
    #[command(flatten)]
    server: ServerArguments,
}

/// Checks a file on the running server, and installs it there.
pub fn run(arguments: UploadArguments) -> Result<(), Failure> {
    let UploadArguments { file, check, server } = arguments;
    let bytes = plugin_file::read(&file).map_err(Failure::other)?;
    let signature = signature_of(&file)?;
    let body = || Body { kind: "application/wasm", bytes: bytes.clone(), signature: signature.clone() };
    let server = server.server()?;
    let found = server.send_file("POST", "/api/v1/plugins/check", body())?;
    let text = |key: &str| found[key].as_str().unwrap_or("-");
    let list = |key: &str| {
        let texts: Vec<&str> = found[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if texts.is_empty() { "none".to_owned() } else { texts.join(", ") }
    };
    print_line(format_args!("{} {}, contract {}", text("id"), text("version"), text("contract")));
    print_line(format_args!("  modes: {}", list("modes")));
    print_line(format_args!("  grants: {}", list("grants")));
    print_line(format_args!("  serves now: {}", found["replaces"].as_str().unwrap_or("none")));
    if let Some(note) = found["note"].as_str() {
        print_line(format_args!("  {note}"));
    }
    if found["missing_grants"].as_array().is_some_and(|missing| !missing.is_empty()) {
        let (id, missing) = (text("id"), list("missing_grants"));
        return Err(Failure::Other(format!("it lacks the grants {missing}; add them to plugins.grants.{id}")));
    }
    if check {
        return Ok(());
    }
    let path = format!("/api/v1/plugins/{}", segment(text("id")));
    let installed = server.send_file("PUT", &path, body())?;
    print_line(format_args!("installed as {}", installed["file"].as_str().unwrap_or_default()));
    Ok(())
}

/// The signature beside a file, in base64; none if there is none.
fn signature_of(file: &Path) -> Result<Option<String>, Failure> {
    let mut path = file.as_os_str().to_owned();
    path.push(".minisig");
    match modehost_follow::read(Path::new(&path), SIGNATURE_BYTES) {
        Ok(text) => Ok(Some(STANDARD.encode(text))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(Failure::Other(format!("cannot read {}: {error}", path.display()))),
    }
}
