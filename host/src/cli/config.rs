//! `modehost config …`. Rule: the state of the running server takes precedence over the file, and no secret is shown.

use std::collections::BTreeMap;

use clap::Subcommand;
use serde_json::{Value, json};

use super::Failure;
use super::client::{RequestError, ServerArguments};
use crate::plugin_file;
use crate::settings::shown::shown;
use crate::terminal::{print_error, print_line};

#[derive(Debug, Subcommand)]
pub enum ConfigCommand {
    /// Shows every setting with its value and origin
    #[command(after_help = SHOW_HELP)]
    Show {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
}

const SHOW_HELP: &str = "\
Shows what holds in the running server; where none runs, what the file would make it. Secrets are shown as (set), and \
of an address only where it is. A value that waits for a restart is marked.

Examples:
  modehost config show
  modehost config show | grep -v default
  modehost config show --json --config /etc/modehost/modehost.yaml";

/// Runs a `config` subcommand.
pub fn run(command: ConfigCommand) -> Result<(), Failure> {
    let ConfigCommand::Show { json, server } = command;
    let (loaded, server) = server.open()?;
    let report = match server.get("/api/v1/config") {
        Ok(report) => report,
        Err(RequestError::Failed(why)) => return Err(Failure::Other(why)),
        Err(RequestError::NoServer(address)) => {
            print_error(format_args!(
                "no server answers at {address}; these are the settings that one would start with"
            ));
            let mut schemas = BTreeMap::new();
            // Without a plugin's schema, its whole section is hidden.
            for (_, probed) in plugin_file::probe_directory(&loaded.document).unwrap_or_default() {
                schemas.extend(probed.ok().map(|probed| (probed.id, probed.config_schema)));
            }
            json!({ "settings": shown(&loaded, &[], &schemas), "needs_restart": [] })
        }
    };
    if json {
        print_line(serde_json::to_string_pretty(&report).map_err(Failure::other)?);
        return Ok(());
    }
    for row in report["settings"].as_array().into_iter().flatten() {
        let text = |key: &str| row[key].as_str().unwrap_or_default().to_owned();
        let value = match &row["value"] {
            Value::Null => "none".to_owned(),
            value => value.to_string(),
        };
        let waits = if row["waits_for_restart"] == true { ", and another value waits for a restart" } else { "" };
        print_line(format_args!("{} = {value}  ({}{waits})", text("setting"), text("origin")));
    }
    Ok(())
}
