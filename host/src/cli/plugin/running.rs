//! Asks a running server on this machine. Rule: one short request, bounded in time and size.

use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};

use modehost_gateway::ServerConfig;
use modehost_limits as limits;
use serde_json::Value;

/// Why there is no list.
pub enum NoAnswer {
    /// Nobody listens.
    NoServer,
    /// Somebody does and says no, or something else; a sentence.
    Refused(String),
}

/// The plugins of the server that these settings start.
pub fn plugins(server: &ServerConfig) -> Result<Vec<Value>, NoAnswer> {
    let host = server.ip.parse().ok().filter(|ip: &IpAddr| !ip.is_unspecified()).unwrap_or(Ipv4Addr::LOCALHOST.into());
    let address = SocketAddr::new(host, server.http_port);
    let answer = ask(address, server.admin_token.as_deref()).map_err(|error| match error.kind() {
        ErrorKind::ConnectionRefused | ErrorKind::TimedOut => NoAnswer::NoServer,
        _ => NoAnswer::Refused(format!("{address} does not answer in order: {error}")),
    })?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_default();
    let body: Value = serde_json::from_str(body).unwrap_or_default();
    match (head.split(' ').nth(1), body) {
        (Some("200"), Value::Array(rows)) => Ok(rows),
        (Some(status), body) => {
            let why = body.get("error").and_then(Value::as_str).unwrap_or("is this a modehost server?").to_owned();
            Err(NoAnswer::Refused(format!("{address} answered {status}: {why}")))
        }
        (None, _) => Err(NoAnswer::Refused(format!("{address} answers, but not with HTTP; see server.http_port"))),
    }
}

/// HTTP/1.0, so that the end of the connection ends the answer.
fn ask(address: SocketAddr, token: Option<&str>) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, limits::ADMIN_REPLY)?;
    stream.set_read_timeout(Some(limits::ADMIN_REPLY))?;
    stream.set_write_timeout(Some(limits::ADMIN_REPLY))?;
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    write!(stream, "GET /api/v1/plugins HTTP/1.0\r\nHost: {address}\r\n{authorization}\r\n")?;
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
    let reason = row.get("reason").and_then(Value::as_str).map(|reason| format!("  ({reason})")).unwrap_or_default();
    format!("{} {}  generation {}  {}{reason}", text("id"), text("version"), text("generation"), text("state"))
}
