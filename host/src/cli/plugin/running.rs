//! Plugins of a running server. Rule: what is asked is what the interface for operators has.

use serde_json::Value;

use crate::cli::client::{NoAnswer, Server, segment};

/// The plugins of the server.
pub fn plugins(server: &Server) -> Result<Vec<Value>, NoAnswer> {
    match server.get("/api/v1/plugins")? {
        Value::Array(rows) => Ok(rows),
        _ => Err(NoAnswer::Refused("the list of plugins is none; is this a modehost server?".to_owned())),
    }
}

/// Has the server do something with a plugin: `reload` or `rollback`.
pub fn order(server: &Server, id: &str, what: &str, discard_state: bool) -> Result<(), NoAnswer> {
    let good = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !good || id.is_empty() {
        return Err(NoAnswer::Refused(format!("`{id}` is no id of a plugin; see `modehost plugin list`")));
    }
    let option = if discard_state { "?discard_state=true" } else { "" };
    server.post(&format!("/api/v1/plugins/{}/{what}{option}", segment(id))).map(drop)
}

/// A row as a person reads it.
pub fn line(row: &Value) -> String {
    let text = |key: &str| match row.get(key) {
        Some(Value::String(text)) => text.clone(),
        None | Some(Value::Null) => "-".to_owned(),
        Some(other) => other.to_string(),
    };
    let number = |key: &str| row.get(key).and_then(Value::as_u64).unwrap_or(0);
    let mut line = format!("{} {}  generation {}  {}", text("id"), text("version"), text("generation"), text("state"));
    let (calls, faults, back) = (number("calls"), number("faults"), number("sessions_gone_back"));
    if calls + faults > 0 {
        line += &format!("  {calls} calls, {faults} faults");
    }
    if back > 0 {
        line += &format!(", {back} sessions went back from it");
    }
    if let Some(reason) = row.get("reason").and_then(Value::as_str) {
        line += &format!("\n    {reason}");
    }
    if let Some(fault) = row.get("last_fault").and_then(Value::as_str) {
        line += &format!("\n    last fault: {fault}");
    }
    line
}
