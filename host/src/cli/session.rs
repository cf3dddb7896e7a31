//! `modehost session …`. Rule: lists, shows and disconnects sessions of a running server.

use clap::Subcommand;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Failure;
use super::client::{ServerArguments, segment};
use crate::terminal::print_line;

#[derive(Debug, Subcommand)]
pub enum SessionCommand {
    /// Lists the sessions in memory
    #[command(after_help = "Examples:\n  modehost session list\n  modehost session list --json")]
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
        #[command(flatten)]
        server: ServerArguments,
    },
    /// Shows one: connection, mode, plugins, queue lengths, and its last turns without their text
    #[command(after_help = "Examples:\n  modehost session show aa:bb:cc:00:11:22")]
    Show {
        #[command(flatten)]
        device: DeviceArguments,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Closes the connection of a device; its state is kept, and it may reconnect if its sign-in is valid
    #[command(after_help = KICK_HELP)]
    Kick(DeviceArguments),
}

/// A device of a running server.
#[derive(Debug, clap::Args)]
pub struct DeviceArguments {
    /// Device id
    #[arg(value_name = "DEVICE")]
    pub device: String,
    #[command(flatten)]
    pub server: ServerArguments,
}

const KICK_HELP: &str = "\
The connection is closed with 1008. Most devices come back at once: take the token out of `auth` first to keep one \
away, which closes its connection by itself.

Examples:
  modehost session kick aa:bb:cc:00:11:22";

/// Runs a `session` subcommand.
pub fn run(command: SessionCommand) -> Result<(), Failure> {
    match command {
        SessionCommand::List { json, server } => {
            let response = server.server()?.get("/api/v1/sessions")?;
            if json {
                return print(&response);
            }
            for row in response.as_array().into_iter().flatten() {
                let connected = if row["connected"] == true { "connected" } else { "away" };
                let (device, mode) = (text(&row["device"]), mode(&row["mode"]));
                print_line(format_args!("{device}  {connected}  {mode}  {} live instances", row["live_instances"]));
            }
        }
        SessionCommand::Show { device: DeviceArguments { device, server }, json } => {
            let response = server.server()?.get(&format!("/api/v1/sessions/{}", segment(&device)))?;
            if json {
                return print(&response);
            }
            show(&response);
        }
        SessionCommand::Kick(DeviceArguments { device, server }) => {
            server.server()?.post(&format!("/api/v1/sessions/{}/kick", segment(&device)))?;
            print_line(format_args!("the connection of {device} is closed"));
        }
    }
    Ok(())
}

fn print(response: &Value) -> Result<(), Failure> {
    print_line(serde_json::to_string_pretty(response).map_err(Failure::other)?);
    Ok(())
}

fn show(response: &Value) {
    print_line(format_args!("{}  session {}", text(&response["device"]), text(&response["session"])));
    let connection = &response["connection"];
    let number = match connection.is_null() {
        true => "none since the start".to_owned(),
        false => format!("{} from {}", connection["number"], text(&connection["address"])),
    };
    match response["connected"] == true {
        true => print_line(format_args!("connection: {number}, open since {}", clock(&connection["since"]))),
        false => print_line(format_args!("connection: {number}, away since {}", clock(&response["away_since"]))),
    }
    let features = &response["features"];
    if !features.is_null() {
        print_line(format_args!(
            "device: {} {} Hz, framing {}, mcp {}, faces {}, own messages {}",
            text(&features["codec"]),
            features["sample_rate"],
            text(&features["version"]),
            features["mcp"],
            features["faces"],
            response["knows_extensions"]
        ));
    }
    print_line(format_args!("mode: {}", mode(&response["mode"])));
    match response["plugins"].as_array() {
        None => print_line("plugins: the session is too busy to tell"),
        Some(plugins) => {
            for plugin in plugins {
                let live = if plugin["live"] == true { "live" } else { "asleep" };
                print_line(format_args!(
                    "plugin: {} {} generation {}, contract {}, {live}, {} requests, {} timers",
                    text(&plugin["plugin"]),
                    text(&plugin["version"]),
                    plugin["generation"],
                    text(&plugin["contract"]),
                    plugin["requests"],
                    plugin["timers"]
                ));
            }
        }
    }
    let waiting = &response["waiting"];
    print_line(format_args!(
        "waiting: {} from the device, {} frames to it, {} kept in memory, {} in the queue",
        waiting["from_device"], waiting["outbox_frames"], waiting["held"], waiting["queue"]
    ));
    for turn in response["turns"].as_array().into_iter().flatten() {
        let parts = ["recognition_ms", "model_first_ms", "model_ms", "first_sound_ms", "total_ms"];
        let parts = parts.iter().filter(|part| !turn[**part].is_null());
        let parts = parts.map(|part| format!("{} {}", part.trim_end_matches("_ms").replace('_', " "), turn[*part]));
        print_line(format_args!(
            "turn {} at {}: {}, {} generation {}, {} ms, {}{}",
            turn["turn"],
            clock(&turn["at"]),
            text(&turn["kind"]),
            text(&turn["plugin"]),
            text(&turn["generation"]),
            parts.collect::<Vec<_>>().join(", "),
            text(&turn["outcome"]),
            turn["why"].as_str().map(|why| format!(" ({why})")).unwrap_or_default()
        ));
    }
}

/// A text or a number; a dash for null.
fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

fn mode(value: &Value) -> String {
    value.as_str().unwrap_or("default mode").to_owned()
}

/// Unix ms as RFC 3339.
fn clock(value: &Value) -> String {
    let at = value.as_i64().and_then(|ms| OffsetDateTime::from_unix_timestamp(ms / 1000).ok());
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "-".to_owned())
}
