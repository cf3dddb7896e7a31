//! `modehost storage`. Rule: sizes are reported by the server, which owns the files.

use clap::Subcommand;
use serde_json::Value;

use super::Failure;
use super::client::ServerArguments;
use crate::terminal::print_line;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct StorageArguments {
    #[command(subcommand)]
    command: Option<StorageCommand>,
    #[command(flatten)]
    show: ShowArguments,
}

#[derive(Debug, Subcommand)]
enum StorageCommand {
    /// Frees space: removes expired and orphaned data now, and shrinks the database
    #[command(after_help = COMPACT_HELP)]
    Compact(ShowArguments),
}

#[derive(Debug, clap::Args)]
struct ShowArguments {
    /// As JSON
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    server: ServerArguments,
}

pub const HELP: &str = "\
Files and folders, what each store holds, and the devices that hold most.

Examples:
  modehost storage
  modehost storage --json
  modehost storage compact";

const COMPACT_HELP: &str = "\
Journals of nobody and messages that have expired go now and not with the daily sweep. A database of up to 128 MiB is \
rewritten without what is empty in it, which takes about a second; of a larger one `modehost backup` makes such a copy.

Examples:
  modehost storage compact";

/// Shows disk usage, or frees space.
pub fn run(arguments: StorageArguments) -> Result<(), Failure> {
    match arguments.command {
        None => {
            let response = arguments.show.server.server()?.get("/api/v1/storage")?;
            if arguments.show.json { print(&response) } else { show(&response) }
        }
        Some(StorageCommand::Compact(ShowArguments { json, server })) => {
            let response = server.server()?.post("/api/v1/storage/compact")?;
            if json {
                return print(&response);
            }
            let (before, after) = (mib(&response["bytes_before"]), mib(&response["bytes_after"]));
            print_line(format_args!("database: {before} before, {after} after"));
            print_line(format_args!(
                "orphaned journals: {}, expired messages: {}",
                response["journals"], response["messages"]
            ));
            for line in response["left"].as_array().into_iter().flatten().filter_map(Value::as_str) {
                print_line(line);
            }
            Ok(())
        }
    }
}

fn print(response: &Value) -> Result<(), Failure> {
    print_line(serde_json::to_string_pretty(response).map_err(Failure::other)?);
    Ok(())
}

fn show(response: &Value) -> Result<(), Failure> {
    for file in response["files"].as_array().into_iter().flatten() {
        let text = |key: &str| file[key].as_str().unwrap_or_default();
        print_line(format_args!("{:>12}  {}  {}", mib(&file["bytes"]), text("path"), text("what")));
    }
    print_line(format_args!("{:>12}  free on the disk", mib(&response["disk_free_bytes"])));
    let limits = &response["limits"];
    print_line(format_args!(
        "limits: {} MiB for the database, {} MiB of it for messages that wait, {} MiB for compiled plugins",
        limits["database_mib"], limits["queue_mib"], limits["plugin_cache_mib"]
    ));
    print_line("in the database:");
    for (store, amount) in response["stores"].as_object().into_iter().flatten() {
        match store.as_str() {
            "largest" => {}
            "free_bytes" => print_line(format_args!("{:>12}  empty", mib(amount))),
            _ => print_line(format_args!("{:>12}  {store} ({} rows)", mib(&amount["bytes"]), amount["rows"])),
        }
    }
    print_line("devices that use most:");
    for device in response["stores"]["largest"].as_array().into_iter().flatten() {
        print_line(format_args!("{:>12}  {}", mib(&device[1]), device[0].as_str().unwrap_or_default()));
    }
    Ok(())
}

fn mib(bytes: &Value) -> String {
    let bytes = bytes.as_u64().unwrap_or(0);
    if bytes < 1024 * 1024 {
        format!("{:.1} KiB", bytes as f64 / 1024.0)
    } else {
        format!("{:.1} MiB", bytes as f64 / 1_048_576.0)
    }
}
