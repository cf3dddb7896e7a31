//! `modehost archive` and `modehost document`: what modes keep. Rule: without a name the names are listed; nothing is changed.

use std::fmt::Write;

use serde_json::Value;

use super::Failure;
use super::client::{ServerArguments, segment};
use crate::limits;
use crate::terminal::print_line;

pub const ARCHIVE_HELP: &str = "\
Without KIND, lists the kinds; without ID, the entries of one, newest first. Reading is a line of the audit.

Examples:
  modehost archive
  modehost archive minutes --search budget
  modehost archive minutes 2026-11-30-a1b2 > minutes.md";

pub const DOCUMENT_HELP: &str = "\
Without KEY, lists the documents with their versions. Reading a value is a line of the audit.

Examples:
  modehost document --prefix group:
  modehost document group:kitchen/list";

#[derive(Debug, clap::Args)]
pub struct ArchiveArguments {
    /// Kind of the work
    #[arg(value_name = "KIND")]
    kind: Option<String>,
    /// Its id, as the list shows it
    #[arg(value_name = "ID", requires = "kind")]
    id: Option<String>,
    /// Only entries with this text in their title, text or journal
    #[arg(long, value_name = "TEXT", default_value = "")]
    search: String,
    /// Only entries of this device
    #[arg(long, value_name = "DEVICE", default_value = "")]
    device: String,
    /// An entry as JSON instead of Markdown
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

#[derive(Debug, clap::Args)]
pub struct DocumentArguments {
    /// Key of a document
    #[arg(value_name = "KEY")]
    key: Option<String>,
    /// Only keys that begin with this
    #[arg(long, value_name = "TEXT", default_value = "")]
    prefix: String,
    /// Only keys that contain this
    #[arg(long, value_name = "TEXT", default_value = "")]
    search: String,
    #[command(flatten)]
    server: ServerArguments,
}

/// Lists or prints finished work.
pub fn archive(arguments: ArchiveArguments) -> Result<(), Failure> {
    let ArchiveArguments { kind, id, search, device, json, server } = arguments;
    let server = server.server()?;
    let Some(kind) = kind else {
        let response = server.get("/api/v1/archive")?;
        let kinds: Vec<&Value> = response["kinds"].as_array().into_iter().flatten().collect();
        if kinds.is_empty() {
            print_line("nothing has been finished yet");
        }
        for kind in kinds {
            print_line(format_args!("{}  {}", kind["kind"].as_str().unwrap_or_default(), kind["entries"]));
        }
        return Ok(());
    };
    let base = format!("/api/v1/archive/{}", segment(&kind));
    if let Some(id) = id {
        let format = if json { "json" } else { "markdown" };
        let path = format!("{base}/{}/export?format={format}", segment(&id));
        let bytes = server.get_bytes(&path, limits::EXPORT_RESPONSE_BYTES)?;
        print_line(String::from_utf8_lossy(&bytes).trim_end());
        return Ok(());
    }
    let mut after = String::new();
    loop {
        let (search, device) = (segment(&search), segment(&device));
        let page =
            server.get(&format!("{base}?limit=200&search={search}&device={device}&after={}", segment(&after)))?;
        for entry in page["entries"].as_array().into_iter().flatten() {
            let text = |key: &str| entry[key].as_str().unwrap_or_default();
            let mut line = format!("{}  {}", text("id"), text("title"));
            if !text("excerpt").is_empty() {
                let _ = write!(line, "  {}", text("excerpt").replace('\n', " "));
            }
            print_line(line);
        }
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return Ok(()),
        }
    }
}

/// Lists or prints documents.
pub fn document(arguments: DocumentArguments) -> Result<(), Failure> {
    let DocumentArguments { key, prefix, search, server } = arguments;
    let server = server.server()?;
    if let Some(key) = key {
        let path = format!("/api/v1/documents/value?key={}", segment(&key));
        let bytes = server.get_bytes(&path, limits::EXPORT_RESPONSE_BYTES)?;
        print_line(String::from_utf8_lossy(&bytes));
        return Ok(());
    }
    let mut after = String::new();
    loop {
        let (prefix, search) = (segment(&prefix), segment(&search));
        let path = format!("/api/v1/documents?limit=500&prefix={prefix}&search={search}&after={}", segment(&after));
        let page = server.get(&path)?;
        for row in page["documents"].as_array().into_iter().flatten() {
            let key = row["key"].as_str().unwrap_or_default();
            print_line(format_args!("{key}  version {}  {} bytes", row["version"], row["bytes"]));
        }
        match page["next"].as_str() {
            Some(next) => after = next.to_owned(),
            None => return Ok(()),
        }
    }
}
