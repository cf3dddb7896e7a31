//! Plugin commands of the admin API. Rule: everything goes through `/api/v1/plugins`.

use serde_json::Value;

use crate::cli::client::{RequestError, Server, segment};

/// The plugins of the server.
pub fn plugins(server: &Server) -> Result<Vec<Value>, RequestError> {
    match server.get("/api/v1/plugins")? {
        Value::Array(rows) => Ok(rows),
        _ => Err(RequestError::Failed("the list of plugins is none; is this a modehost server?".to_owned())),
    }
}

/// Sends a plugin command: `reload` or `rollback`.
pub fn send_command(server: &Server, id: &str, what: &str, discard_state: bool) -> Result<(), RequestError> {
    let good = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !good || id.is_empty() {
        return Err(RequestError::Failed(format!("`{id}` is no id of a plugin; see `modehost plugin list`")));
    }
    let option = if discard_state { "?discard_state=true" } else { "" };
    server.post(&format!("/api/v1/plugins/{}/{what}{option}", segment(id))).map(drop)
}

/// A row of the list as text.
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
        line += &format!(", {back} sessions rolled back from it");
    }
    if let Some(reason) = row.get("reason").and_then(Value::as_str) {
        line += &format!("\n    {reason}");
    }
    if let Some(fault) = row.get("last_fault").and_then(Value::as_str) {
        line += &format!("\n    last fault: {fault}");
    }
    line
}
