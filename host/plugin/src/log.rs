//! The log of one plugin: what its guests write to stdout and stderr. Rule: a guest can neither
//! fill the log (lines a second are bounded) nor break its lines.

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
        let shown = plain(text);
        tracing::info!(target: "plugin", plugin = %self.plugin, "{shown}");
    }
}

/// One line of a bounded length, without anything that moves a terminal.
fn plain(text: &str) -> String {
    let end = text.floor_char_boundary(limits::PLUGIN_LOG_LINE_BYTES);
    text[..end].chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// The last lines that one guest has written to stderr: what it says before it traps. Empty for the many
/// that never write.
#[derive(Clone, Default)]
pub(crate) struct LastWords(Arc<Mutex<VecDeque<String>>>);

impl LastWords {
    fn add(&self, line: String) {
        let mut lines = self.0.lock();
        if lines.len() == limits::LAST_WORDS_LINES {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// Takes what was written since the last time.
    pub(crate) fn take(&self) -> Option<String> {
        let lines = std::mem::take(&mut *self.0.lock());
        last_words(lines.iter().map(String::as_str))
    }
}

/// What a guest says of its own end. A panic of Rust is `thread … panicked at <place>:`, its sentence in the
/// lines behind, and a note on backtraces; of others it is the last line that says anything.
fn last_words<'a>(lines: impl Iterator<Item = &'a str> + Clone) -> Option<String> {
    let said = |line: &&str| !line.is_empty() && !line.starts_with("note: ");
    let mut lines = lines.map(str::trim);
    let last = lines.clone().filter(said).last()?;
    let sentence = match lines.find_map(|line| line.split_once("panicked at ")) {
        Some((_, place)) => {
            let words: Vec<&str> = lines.take_while(said).collect();
            format!("panicked at {place} {}", words.join(" "))
        }
        None => last.to_owned(),
    };
    let sentence = sentence.trim_end_matches([' ', ':']);
    Some(sentence.chars().take(limits::LAST_WORDS_CHARS).collect())
}

/// One output of one guest.
#[derive(Clone)]
pub(crate) struct LogOutput {
    log: Arc<PluginLog>,
    /// Kept for stderr only.
    last_words: Option<LastWords>,
    /// The line that has not ended yet.
    open: Arc<Mutex<Vec<u8>>>,
}

impl LogOutput {
    pub(crate) fn new(log: Arc<PluginLog>, last_words: Option<LastWords>) -> Self {
        Self { log, last_words, open: Arc::default() }
    }

    fn line(&self, line: &[u8]) {
        let text = String::from_utf8_lossy(line);
        self.log.line(&text);
        if let Some(last_words) = &self.last_words {
            last_words.add(plain(&text));
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
                self.line(&line);
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
    use super::last_words;

    #[test]
    fn a_panic_is_its_place_and_its_own_sentence() {
        let said = |text: &str| last_words(text.lines());
        let rust = "\nthread '<unnamed>' (1) panicked at src/lib.rs:42:9:\nindex out of bounds: the len is 2\n\
                    note: run with `RUST_BACKTRACE=1` environment variable to display a backtrace\n";
        assert_eq!(said(rust).as_deref(), Some("panicked at src/lib.rs:42:9: index out of bounds: the len is 2"));
        assert_eq!(said("thread 'x' panicked at a.rs:1:2:\n").as_deref(), Some("panicked at a.rs:1:2"));
        assert_eq!(said("one\nTypeError: x is not a function\n\n").as_deref(), Some("TypeError: x is not a function"));
        assert_eq!(said(""), None);
        assert_eq!(said(&"x".repeat(9_000)).map(|said| said.len()), Some(crate::limits::LAST_WORDS_CHARS));
    }
}
