//! `modehost node …`. Rule: any node of the cluster may be asked about any other.

use std::thread::sleep;

use clap::Subcommand;
use modehost_storage::SqliteStorage;
use serde_json::Value;

use super::client::{ServerArguments, segment};
use super::{Failure, Paths};
use crate::app::plugin_sync::agreed;
use crate::limits;
use crate::settings::{self, Origin};
use crate::terminal::{print_error, print_line};

#[derive(Debug, Subcommand)]
pub enum NodeCommand {
    /// Lists the nodes of the cluster
    #[command(after_help = LIST_HELP)]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Hands all sessions of a node over to the others, so that it can be stopped
    #[command(after_help = DRAIN_HELP)]
    Drain(DrainArguments),
    /// Makes the data of a stopped node, or a backup of it, that of a server of its own
    #[command(after_help = DETACH_HELP)]
    Detach(Paths),
}

#[derive(Debug, clap::Args)]
pub struct DrainArguments {
    /// Name of the node, as in cluster.node
    #[arg(value_name = "NAME")]
    name: String,
    /// Sessions handed over a second
    #[arg(long, value_name = "COUNT", default_value_t = limits::EVACUATED_PER_SECOND,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(limits::EVACUATED_PER_SECOND_MAX)))]
    per_second: u32,
    /// The node takes devices again
    #[arg(long, conflicts_with = "per_second")]
    cancel: bool,
    #[command(flatten)]
    server: ServerArguments,
}

const LIST_HELP: &str = "\
A node that is gone is listed until it comes back, or until the node that is asked begins again.

Examples:
  modehost node list
  modehost node list --json";

const DRAIN_HELP: &str = "\
The node takes no devices from then on, and /readyz says so. Its sessions are saved and their connections closed \
with 4001, at a bounded rate; devices that connect again are served by the other nodes, and unfinished work goes on \
there. Returns when all are handed over; interrupting it changes nothing. Then stop or upgrade the node: it serves \
again after its start.

Examples:
  modehost node drain a
  modehost node drain a --per-second 100
  modehost node drain a --cancel";

const DETACH_HELP: &str = "\
For a server that is to be alone again, and for a cluster whose log was lost: begin with the newest data. Detach it, \
start that node first (it makes a new log and begins it with the data), then the others with empty data folders. The \
server must not run. Files of plugins stay where they are.

Examples:
  modehost node detach --config /etc/modehost/modehost.yaml
  modehost node detach --data /restored";

/// Runs a `node` subcommand.
pub fn run(command: NodeCommand) -> Result<(), Failure> {
    match command {
        NodeCommand::List { json, server } => {
            let rows = server.server()?.get("/api/v1/nodes")?;
            if json {
                print_line(serde_json::to_string_pretty(&rows).map_err(Failure::other)?);
                return Ok(());
            }
            for row in rows.as_array().into_iter().flatten() {
                print_line(line(row));
            }
            Ok(())
        }
        NodeCommand::Drain(arguments) => drain(arguments),
        NodeCommand::Detach(paths) => detach(paths),
    }
}

fn detach(Paths { config, data }: Paths) -> Result<(), Failure> {
    let source = Origin { file: config, data, preset: Vec::new() }.source();
    let config = settings::load(&source)?.document.storage;
    let dir = config.dir.display().to_string();
    if !config.dir.join("modehost.db").is_file() {
        return Err(Failure::Other(format!("there is no database in {dir}")));
    }
    let storage = SqliteStorage::open(&config).map_err(Failure::other)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::other)?;
    let log = runtime.block_on(async { storage.detach().await }).map_err(Failure::other)?;
    storage.shutdown();
    agreed::forget(&config.dir).map_err(Failure::other)?;
    match log {
        Some(log) => {
            print_line(format_args!("{dir} follows the log {log} no more: it is the data of a server of its own"))
        }
        None => print_line(format_args!("{dir} followed no log")),
    }
    Ok(())
}

fn drain(DrainArguments { name, per_second, cancel, server }: DrainArguments) -> Result<(), Failure> {
    let server = server.server()?;
    let path = format!("/api/v1/nodes/{}/drain", segment(&name));
    if cancel {
        server.delete(&path)?;
        print_line(format_args!("node {name} takes devices again"));
        return Ok(());
    }
    server.post(&format!("{path}?per_second={per_second}"))?;
    let mut told = None;
    loop {
        let rows = server.get("/api/v1/nodes")?;
        let row = rows.as_array().into_iter().flatten().find(|row| row["node"] == name.as_str());
        let (stage, left) = row
            .map_or(("gone", None), |row| (row["stage"].as_str().unwrap_or_default(), row["own"]["sessions"].as_u64()));
        match stage {
            "draining" => {}
            "drained" => {
                print_line(format_args!("node {name} has no session any more: it may be stopped"));
                return Ok(());
            }
            "gone" => return Err(Failure::Other(format!("node {name} is gone; the others take its sessions over"))),
            "silent" => return Err(Failure::Other(format!("node {name} does not answer; see `modehost node list`"))),
            _ => return Err(Failure::Other(format!("node {name} takes devices again: somebody has ended this"))),
        }
        if let Some(left) = left.filter(|left| told != Some(*left)) {
            print_error(format_args!("{left} sessions left"));
            told = Some(left);
        }
        sleep(limits::DRAIN_POLL);
    }
}

/// A node as a person reads it.
fn line(row: &Value) -> String {
    let Some(name) = row["node"].as_str() else {
        return format!("this server is alone (cluster.nats is not set); {}", figures(&row["own"]));
    };
    let asked = if row["asked"] == true { ", this one" } else { "" };
    let stage = row["stage"].as_str().unwrap_or_default();
    match row["own"].is_null() {
        true => format!("{name}  {stage}{asked}"),
        false => format!("{name}  {stage}{asked}  {}", figures(&row["own"])),
    }
}

fn figures(own: &Value) -> String {
    let mut text = format!(
        "{} devices connected, {} sessions, version {}, up for {} s",
        own["connected"],
        own["sessions"],
        own["version"].as_str().unwrap_or_default(),
        own["uptime_s"]
    );
    if let Some(applied) = own["applied"].as_u64() {
        text += &format!(", log up to {applied}");
    }
    for why in own["not_ready"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        text += &format!("\n    not ready: {why}");
    }
    text
}
