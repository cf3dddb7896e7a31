//! The log of one plugin: what its guests write to stdout and stderr. Rule: a guest can neither
//! fill the log (lines a second are bounded) nor break its lines.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use modehost_limits as limits;
use parking_lot::Mutex;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Shared by all instances of one plugin file.
pub(crate) struct PluginLog {
    plugin: String,
    window: Mutex<Window>,
}

/// Lines of the running second.
struct Window {
    began: Instant,
    lines: u32,
    dropped: u64,
}

impl PluginLog {
    pub(crate) fn new(plugin: impl Into<String>) -> Arc<Self> {
        let window = Window { began: Instant::now(), lines: 0, dropped: 0 };
        Arc::new(Self { plugin: plugin.into(), window: Mutex::new(window) })
    }

    /// Whose log it is.
    pub(crate) fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Writes one line, or counts it if the second is full.
    pub(crate) fn line(&self, text: &str) {
        let dropped = {
            let mut window = self.window.lock();
            let mut told = 0;
            if window.began.elapsed() >= Duration::from_secs(1) {
                told = std::mem::take(&mut window.dropped);
                window.began = Instant::now();
                window.lines = 0;
            }
            if window.lines >= limits::PLUGIN_LOG_LINES {
                window.dropped += 1;
                return;
            }
            window.lines += 1;
            told
        };
        if dropped > 0 {
            tracing::warn!(target: "plugin", plugin = %self.plugin, lines.dropped = dropped, "the plugin wrote too much");
        }
        let mut end = text.len().min(limits::PLUGIN_LOG_LINE_BYTES);
        while !text.is_char_boundary(end) {
            end -= 1;
        }
        let shown: String = text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        tracing::info!(target: "plugin", plugin = %self.plugin, "{shown}");
    }
}

/// One output of one guest.
#[derive(Clone)]
pub(crate) struct LogOutput {
    log: Arc<PluginLog>,
    /// The line that has not ended yet.
    open: Arc<Mutex<Vec<u8>>>,
}

impl LogOutput {
    pub(crate) fn new(log: Arc<PluginLog>) -> Self {
        Self { log, open: Arc::default() }
    }
}

impl IsTerminal for LogOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogOutput {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only a later track of the system interface asks for this one.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for LogOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut open = self.open.lock();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            // What goes beyond a line's length is cut here already, so the buffer is bounded.
            let room = limits::PLUGIN_LOG_LINE_BYTES.saturating_sub(open.len());
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            open.extend_from_slice(&text[..text.len().min(room)]);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut *open);
                self.log.line(&String::from_utf8_lossy(&line));
            }
        }
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 * 1024)
    }
}

#[async_trait]
impl Pollable for LogOutput {
    async fn ready(&mut self) {}
}
