//! A response that goes on, line by line. Rule: what a browser or `curl -N` would see; dropping it closes the connection.

use std::net::SocketAddr;

use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::wait::TIMEOUT;

/// An open stream of JSON lines.
pub struct Lines {
    stream: TcpStream,
    /// Bytes that are not decoded yet: chunks with their sizes.
    raw: Vec<u8>,
    /// Decoded text.
    text: Vec<u8>,
    /// The status, and the head of the response.
    pub status: u16,
    pub head: String,
}

impl Lines {
    /// Opens the stream at `path`, and waits for its head.
    ///
    /// # Panics
    /// If there is no response in time.
    pub async fn open(address: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Self {
        let mut stream = TcpStream::connect(address).await.expect("a server");
        let more: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\n{more}\r\n");
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut lines = Self { stream, raw: Vec::new(), text: Vec::new(), status: 0, head: String::new() };
        loop {
            let head = lines.raw.windows(4).position(|end| end == b"\r\n\r\n");
            if let Some(end) = head {
                lines.head = String::from_utf8_lossy(&lines.raw[..end]).into_owned();
                lines.raw.drain(..end + 4);
                lines.status = lines.head.split(' ').nth(1).and_then(|code| code.parse().ok()).expect("a status");
                return lines;
            }
            assert!(lines.read().await, "{path}: the connection ended before the head of the response");
        }
    }

    /// The next line that is not blank; `None` at the end of the response.
    ///
    /// # Panics
    /// If nothing comes in time, or it is not JSON.
    pub async fn next(&mut self) -> Option<Value> {
        loop {
            while let Some(end) = self.text.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.text.drain(..=end).collect();
                if line.trim_ascii().is_empty() {
                    continue;
                }
                return Some(serde_json::from_slice(&line).expect("JSON"));
            }
            if !self.take_chunk() && !self.read().await {
                return None;
            }
        }
    }

    /// The next line that fits.
    ///
    /// # Panics
    /// If the stream ends first.
    pub async fn expect(&mut self, what: &str, wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let line = self.next().await.unwrap_or_else(|| panic!("the stream ended before {what}"));
            if wanted(&line) {
                return line;
            }
        }
    }

    /// Decodes one complete chunk. False if there is none yet.
    fn take_chunk(&mut self) -> bool {
        let Some(end) = self.raw.windows(2).position(|end| end == b"\r\n") else { return false };
        let size = std::str::from_utf8(&self.raw[..end]).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let size = size.expect("the size of a chunk");
        let all = end + 2 + size + 2;
        if self.raw.len() < all {
            return false;
        }
        self.text.extend_from_slice(&self.raw[end + 2..end + 2 + size]);
        self.raw.drain(..all);
        size > 0
    }

    /// False at the end of the connection, or after the last chunk.
    async fn read(&mut self) -> bool {
        if self.raw.starts_with(b"0\r\n") {
            return false;
        }
        let mut piece = [0; 4096];
        let count = timeout(TIMEOUT, self.stream.read(&mut piece)).await.expect("nothing came in time").unwrap_or(0);
        self.raw.extend_from_slice(&piece[..count]);
        count > 0
    }
}
