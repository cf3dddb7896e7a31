//! A minimal HTTP client for measurements: one request, and its status. Rule: a new connection for each request.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const TIMEOUT: Duration = Duration::from_secs(30);

/// Sends a request without a body; returns the status code.
///
/// # Errors
/// If there is no HTTP response within 30 s.
pub async fn request(server: SocketAddr, method: &str, path: &str, token: Option<&str>) -> anyhow::Result<u16> {
    let authorization = token.map(|token| format!("Authorization: Bearer {token}\r\n")).unwrap_or_default();
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {server}\r\n{authorization}Content-Length: 0\r\nConnection: close\r\n\r\n"
    );
    let exchange = async {
        let mut stream = TcpStream::connect(server).await?;
        stream.write_all(head.as_bytes()).await?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await?;
        std::io::Result::Ok(answer)
    };
    let answer = timeout(TIMEOUT, exchange).await.context("no answer")??;
    let line = String::from_utf8_lossy(&answer);
    let status = line.split(' ').nth(1).context("no HTTP answer")?;
    status.parse().with_context(|| format!("{status:?} is no HTTP status"))
}
