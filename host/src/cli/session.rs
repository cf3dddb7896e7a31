//! `modehost session …`. Rule: what a running server is asked about the devices that talk to it.

use clap::Subcommand;
use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Failure;
use super::client::{ServerArguments, segment};
use crate::terminal::say;

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
    /// Shows one: connection, mode, plugins, what waits, and its last turns without a word of them
    #[command(after_help = "Examples:\n  modehost session show aa:bb:cc:00:11:22")]
    Show {
        #[command(flatten)]
        device: DeviceArguments,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// Closes the connection of a device; its state is kept, and it may come again if its sign-in is good
    #[command(after_help = KICK_HELP)]
    Kick(DeviceArguments),
}

/// One device of a running server.
#[derive(Debug, clap::Args)]
pub struct DeviceArguments {
    /// Device id
    #[arg(value_name = "DEVICE")]
    pub device: String,
    #[command(flatten)]
    pub server: ServerArguments,
}

const KICK_HELP: &str = "\
The connection is closed with 1008. Most devices come back at once: take the token out of `auth` first to keep one
away, which closes its connection by itself.

Examples:
  modehost session kick aa:bb:cc:00:11:22";

/// Runs one of them.
pub fn run(command: SessionCommand) -> Result<(), Failure> {
    match command {
        SessionCommand::List { json, server } => {
            let told = server.server()?.get("/api/v1/sessions")?;
            if json {
                return print(&told);
            }
            for row in told.as_array().into_iter().flatten() {
                let connected = if row["connected"] == true { "connected" } else { "away" };
                let (device, mode) = (text(&row["device"]), mode(&row["mode"]));
                say(format_args!("{device}  {connected}  {mode}  {} live instances", row["live_instances"]));
            }
        }
        SessionCommand::Show { device: DeviceArguments { device, server }, json } => {
            let told = server.server()?.get(&format!("/api/v1/sessions/{}", segment(&device)))?;
            if json {
                return print(&told);
            }
            show(&told);
        }
        SessionCommand::Kick(DeviceArguments { device, server }) => {
            server.server()?.post(&format!("/api/v1/sessions/{}/kick", segment(&device)))?;
            say(format_args!("the connection of {device} is closed"));
        }
    }
    Ok(())
}

fn print(told: &Value) -> Result<(), Failure> {
    say(serde_json::to_string_pretty(told).map_err(Failure::other)?);
    Ok(())
}

fn show(told: &Value) {
    say(format_args!("{}  session {}", text(&told["device"]), text(&told["session"])));
    let connection = &told["connection"];
    let number = match connection.is_null() {
        true => "none since the start".to_owned(),
        false => format!("{} from {}", connection["number"], text(&connection["address"])),
    };
    match told["connected"] == true {
        true => say(format_args!("connection: {number}, open since {}", clock(&connection["since"]))),
        false => say(format_args!("connection: {number}, away since {}", clock(&told["away_since"]))),
    }
    let features = &told["features"];
    if !features.is_null() {
        say(format_args!(
            "device: {} {} Hz, framing {}, mcp {}, faces {}, own messages {}",
            text(&features["codec"]),
            features["sample_rate"],
            text(&features["version"]),
            features["mcp"],
            features["faces"],
            told["knows_extensions"]
        ));
    }
    say(format_args!("mode: {}", mode(&told["mode"])));
    match told["plugins"].as_array() {
        None => say("plugins: the session is too busy to tell"),
        Some(plugins) => {
            for plugin in plugins {
                let live = if plugin["live"] == true { "live" } else { "asleep" };
                say(format_args!(
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
    let waiting = &told["waiting"];
    say(format_args!(
        "waiting: {} from the device, {} frames to it, {} kept in memory, {} in the queue",
        waiting["from_device"], waiting["outbox_frames"], waiting["held"], waiting["queue"]
    ));
    for turn in told["turns"].as_array().into_iter().flatten() {
        let parts = ["recognition_ms", "model_first_ms", "model_ms", "first_sound_ms", "total_ms"];
        let parts = parts.iter().filter(|part| !turn[**part].is_null());
        let parts = parts.map(|part| format!("{} {}", part.trim_end_matches("_ms").replace('_', " "), turn[*part]));
        say(format_args!(
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

/// A text or a number; a dash for none.
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

/// Unix ms as a time.
fn clock(value: &Value) -> String {
    let at = value.as_i64().and_then(|ms| OffsetDateTime::from_unix_timestamp(ms / 1000).ok());
    at.and_then(|at| at.format(&Rfc3339).ok()).unwrap_or_else(|| "-".to_owned())
}
