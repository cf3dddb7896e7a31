//! Asks a running server on this machine. Rule: one short request, bounded in time and size.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use modehost_gateway::ServerConfig;
use modehost_limits as limits;
use serde_json::Value;

/// Why there is no answer.
pub enum NoAnswer {
    /// Nobody listens.
    NoServer,
    /// Somebody does and says no, or something else; a sentence.
    Refused(String),
}

/// The plugins of the server that these settings start.
pub fn plugins(server: &ServerConfig) -> Result<Vec<Value>, NoAnswer> {
    match ask(server, "GET", "/api/v1/plugins")? {
        Value::Array(rows) => Ok(rows),
        _ => Err(NoAnswer::Refused("the list of plugins is none; is this a modehost server?".to_owned())),
    }
}

/// Has the server do something with a plugin: `reload` or `rollback`.
pub fn order(server: &ServerConfig, id: &str, what: &str, discard_state: bool) -> Result<(), NoAnswer> {
    let good = id.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if !good || id.is_empty() {
        return Err(NoAnswer::Refused(format!("`{id}` is no id of a plugin; see `modehost plugin list`")));
    }
    let option = if discard_state { "?discard_state=true" } else { "" };
    ask(server, "POST", &format!("/api/v1/plugins/{id}/{what}{option}")).map(drop)
}

/// One request and its answer, which is JSON.
fn ask(server: &ServerConfig, method: &str, path: &str) -> Result<Value, NoAnswer> {
    let address = address(server);
    let answer = exchange(address, (method, path), server.admin_token.as_ref().map(|token| token.expose())).map_err(
        |error| match error.kind() {
            ErrorKind::ConnectionRefused | ErrorKind::TimedOut => NoAnswer::NoServer,
            _ => NoAnswer::Refused(format!("{address} does not answer in order: {error}")),
        },
    )?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match head.split(' ').nth(1) {
        Some("200") => Ok(body),
        // The server's own sentence says what to do.
        Some("409") if body["error"].is_string() => {
            Err(NoAnswer::Refused(body["error"].as_str().unwrap_or_default().to_owned()))
        }
        Some(status) => {
            let why = body.get("error").and_then(Value::as_str).unwrap_or("is this a modehost server?").to_owned();
            Err(NoAnswer::Refused(format!("{address} answered {status}: {why}")))
        }
        None => Err(NoAnswer::Refused(format!(
            "{address} answers, but not with HTTP; see server.http_port and server.operator_address"
        ))),
    }
}

/// Where operators are served.
pub fn address(server: &ServerConfig) -> SocketAddr {
    let own: Option<SocketAddr> = server.operator_address.as_ref().and_then(|address| address.parse().ok());
    let (ip, port) = match own {
        Some(own) => (Some(own.ip()), own.port()),
        None => (server.ip.parse().ok(), server.http_port),
    };
    let here = ip.filter(|ip: &IpAddr| !ip.is_unspecified()).unwrap_or(Ipv4Addr::LOCALHOST.into());
    SocketAddr::new(here, port)
}

/// HTTP/1.0, so that the end of the connection ends the answer.
fn exchange(address: SocketAddr, (method, path): (&str, &str), token: Option<&str>) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, limits::ADMIN_REPLY)?;
    // A plugin may have to be compiled first.
    let patience = if method == "POST" { limits::ADMIN_WORK } else { limits::ADMIN_REPLY };
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(limits::ADMIN_REPLY))?;
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(stream, "{method} {path} HTTP/1.0\r\nHost: {address}\r\n{authorization}Content-Length: 0\r\n\r\n")?;
    let mut answer = String::new();
    stream.take(limits::ADMIN_REPLY_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
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
