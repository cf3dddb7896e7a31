//! The log of one plugin: what its guests write to stdout and stderr. Rule: a guest can neither flood the log (lines
//! per second are limited) nor break its lines.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::limits;
use bytes::Bytes;
use parking_lot::Mutex;
use wasmtime_wasi::async_trait;
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// Shared by all instances of one plugin file.
pub(crate) struct PluginLog {
    plugin: String,
    window: Mutex<RateWindow>,
}

/// Rate-limit window of one second.
struct RateWindow {
    began: Instant,
    lines: u32,
    dropped: u64,
}

impl PluginLog {
    pub(crate) fn new(plugin: impl Into<String>) -> Arc<Self> {
        let window = RateWindow { began: Instant::now(), lines: 0, dropped: 0 };
        Arc::new(Self { plugin: plugin.into(), window: Mutex::new(window) })
    }

    /// Id of the plugin.
    pub(crate) fn plugin(&self) -> &str {
        &self.plugin
    }

    /// Writes one line, or counts it as dropped if the limit of this second is reached.
    pub(crate) fn write_line(&self, text: &str) {
        let dropped = {
            let mut window = self.window.lock();
            let mut dropped_before = 0;
            if window.began.elapsed() >= Duration::from_secs(1) {
                dropped_before = std::mem::take(&mut window.dropped);
                window.began = Instant::now();
                window.lines = 0;
            }
            if window.lines >= limits::PLUGIN_LOG_LINES_PER_SECOND {
                window.dropped += 1;
                return;
            }
            window.lines += 1;
            dropped_before
        };
        if dropped > 0 {
            tracing::warn!(target: "plugin", plugin = %self.plugin, lines.dropped = dropped, "the plugin wrote too much");
        }
        let line = sanitize(text);
        tracing::info!(target: "plugin", plugin = %self.plugin, "{line}");
    }
}

/// One line of limited length, without control characters.
fn sanitize(text: &str) -> String {
    let end = text.floor_char_boundary(limits::PLUGIN_LOG_LINE_BYTES);
    text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The last stderr lines of one guest, for the message of a trap. Empty for most guests, which never write.
#[derive(Clone, Default)]
pub(crate) struct StderrTail(Arc<Mutex<VecDeque<String>>>);

impl StderrTail {
    fn add(&self, line: String) {
        let mut lines = self.0.lock();
        if lines.len() == limits::STDERR_TAIL_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Takes the message of what was written since the last call.
    pub(crate) fn take(&self) -> Option<String> {
        let lines = std::mem::take(&mut *self.0.lock());
        trap_message(lines.iter().map(String::as_str))
    }
}

/// The failure message within a guest's stderr. A Rust panic is `thread … panicked at <place>:`, the message on the
/// following lines, and a note on backtraces; for other languages it is the last line that is not empty.
fn trap_message<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    let has_text = |line: &&str| !line.is_empty() && !line.starts_with("note: ");
    let mut lines = lines.map(str::trim);
    let last = lines.clone().filter(has_text).last()?;
    let sentence = match lines.find_map(|line| line.split_once("panicked at ")) {
        Some((_, place)) => {
            let message_lines: Vec<&str> = lines.take_while(has_text).collect();
            format!("panicked at {place} {}", message_lines.join(" "))
        }
        None => last.to_owned(),
    };
    let sentence = sentence.trim_end_matches([' ', ':']);
    Some(sentence.chars().take(limits::TRAP_MESSAGE_CHARS).collect())
}

/// stdout or stderr of one guest.
#[derive(Clone)]
pub(crate) struct LogOutput {
    log: Arc<PluginLog>,
    /// `Some` for stderr only.
    stderr_tail: Option<StderrTail>,
    /// The line that has not ended yet.
    partial_line: Arc<Mutex<Vec<u8>>>,
}

impl LogOutput {
    pub(crate) fn new(log: Arc<PluginLog>, stderr_tail: Option<StderrTail>) -> Self {
        Self { log, stderr_tail, partial_line: Arc::default() }
    }

    fn write_line(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        self.log.write_line(&text);
        if let Some(stderr_tail) = &self.stderr_tail {
            stderr_tail.add(sanitize(&text));
        }
    }
}

impl IsTerminal for LogOutput {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for LogOutput {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        // Only WASI 0.3 uses this method.
        Box::new(tokio::io::sink())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl OutputStream for LogOutput {
    fn write(&mut self, bytes: Bytes) -> StreamResult<()> {
        let mut partial_line = self.partial_line.lock();
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            // Lines are cut here already, so that the buffer is bounded.
            let remaining = limits::PLUGIN_LOG_LINE_BYTES.saturating_sub(partial_line.len());
            let text = part.strip_suffix(b"\n").unwrap_or(part);
            partial_line.extend_from_slice(&text[..text.len().min(remaining)]);
            if part.ends_with(b"\n") {
                let line = std::mem::take(&mut *partial_line);
                self.write_line(&line);
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

#[cfg(test)]
mod tests {
    use super::trap_message;

    #[test]
    fn a_panic_is_its_place_and_its_own_sentence() {
        let message = |text: &str| trap_message(text.lines());
        let rust = "\nthread '<unnamed>' (1) panicked at src/lib.rs:42:9:\nindex out of bounds: the len is 2\n\
                    note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        assert_eq!(message(rust).as_deref(), Some("panicked at src/lib.rs:42:9: index out of bounds: the len is 2"));
        assert_eq!(message("thread 'x' panicked at a.rs:1:2:\n").as_deref(), Some("panicked at a.rs:1:2"));
        assert_eq!(
            message("one\nTypeError: x is not a function\n\n").as_deref(),
            Some("TypeError: x is not a function")
        );
        assert_eq!(message(""), None);
        assert_eq!(message(&"x".repeat(9_000)).map(|message| message.len()), Some(crate::limits::TRAP_MESSAGE_CHARS));
    }
}
