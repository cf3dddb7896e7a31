//! `modehost logs`: the last lines of the running server's log or audit. Rule: as the server shows them; lines that are kept no
//! longer are told.

use std::fmt::Write;
use std::thread::sleep;

use serde_json::Value;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::Failure;
use super::client::{ServerArguments, segment};
use crate::limits;
use crate::terminal::{print_error, print_line};

pub const HELP: &str = "\
The server keeps the last 2,000 lines in memory; the journal or the log files have more.

Examples:
  modehost logs --level warn
  modehost logs --follow --search aa:bb:cc:00:11:22
  modehost logs --audit";

#[derive(Debug, clap::Args)]
pub struct LogsArguments {
    /// Orders of operators instead of the log
    #[arg(long, conflicts_with_all = ["level", "search"])]
    audit: bool,
    /// Only lines of this level or a graver one: error, warn, info, debug or trace
    #[arg(long, value_name = "LEVEL", value_parser = ["error", "warn", "info", "debug", "trace"])]
    level: Option<String>,
    /// Only lines with this text
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,
    /// Go on with lines that come
    #[arg(long, short)]
    follow: bool,
    #[command(flatten)]
    server: ServerArguments,
}

/// Prints lines.
pub fn run(arguments: LogsArguments) -> Result<(), Failure> {
    let LogsArguments { audit, level, search, follow, server } = arguments;
    let server = server.server()?;
    let base = if audit { "/api/v1/audit" } else { "/api/v1/logs" };
    let mut query = "limit=500".to_owned();
    for (name, value) in [("level", level), ("search", search)] {
        if let Some(value) = value {
            let _ = write!(query, "&{name}={}", segment(&value));
        }
    }
    let mut after: Option<u64> = None;
    loop {
        let position = after.map(|after| format!("&after={after}")).unwrap_or_default();
        let page = server.get(&format!("{base}?{query}{position}"))?;
        if let Some(missed) = page["missed"].as_u64().filter(|missed| *missed > 0) {
            print_error(format_args!("{missed} lines are kept no longer"));
        }
        let lines: Vec<&Value> = page["lines"].as_array().into_iter().flatten().collect();
        for line in &lines {
            print_line(text_of(line));
        }
        after = page["last"].as_u64().or(after);
        if !follow {
            return Ok(());
        }
        if lines.len() < limits::PAGE_ROWS as usize {
            sleep(limits::LOG_POLL);
        }
    }
}

/// A line as a person reads it.
fn text_of(line: &Value) -> String {
    let text = |key: &str| line[key].as_str().unwrap_or_default();
    let at = line["at"].as_u64().unwrap_or_default();
    let moment = OffsetDateTime::from_unix_timestamp_nanos(i128::from(at) * 1_000_000);
    let at = moment.ok().and_then(|moment| moment.format(&Rfc3339).ok()).unwrap_or_default();
    let mut shown = format!("{at} {:5} {}: {}", text("level").to_uppercase(), text("target"), text("message"));
    for (name, value) in line["fields"].as_object().into_iter().flatten() {
        let _ = match value {
            Value::String(value) => write!(shown, " {name}={value}"),
            value => write!(shown, " {name}={value}"),
        };
    }
    shown
}
