//! Where log lines go: standard error, by way of a thread of its own.
//!
//! Rule: no caller ever waits for a line to be written, and a terminal that is gone takes nobody
//! down; what cannot be written is dropped.

use std::io::{self, IsTerminal, Write};

use tracing_appender::non_blocking::{NonBlockingBuilder, WorkerGuard};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry, fmt, reload};

use crate::settings::{LogFormat, LogSettings};

/// The log of this process. Dropping it writes what waits.
#[derive(Debug)]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    _writer: WorkerGuard,
}

/// A log was started before in this process.
#[derive(Debug, thiserror::Error)]
#[error("the log cannot be started: {0}")]
pub struct LogError(#[from] tracing_subscriber::util::TryInitError);

impl Log {
    /// Starts logging for the whole process.
    ///
    /// # Errors
    /// If something else has.
    pub fn start(settings: &LogSettings) -> Result<Self, LogError> {
        let (writer, guard) = NonBlockingBuilder::default().thread_name("log").finish(Forgiving(io::stderr()));
        let (filter, handle) = reload::Layer::new(filter(&settings.level));
        let lines = fmt::layer().with_writer(writer);
        let registry = tracing_subscriber::registry().with(filter);
        match settings.format {
            LogFormat::Text => registry.with(lines.with_ansi(io::stderr().is_terminal())).try_init()?,
            LogFormat::Json => registry.with(lines.json().flatten_event(true)).try_init()?,
        }
        Ok(Self { filter: handle, _writer: guard })
    }

    /// Changes the level from now on.
    pub fn set_level(&self, level: &str) {
        // Fails only when the subscriber is gone, and then nobody listens.
        let _ = self.filter.reload(filter(level));
    }
}

/// RUST_LOG goes before the setting. The setting is valid; a broken variable is as good as none.
fn filter(level: &str) -> EnvFilter {
    let from_variable =
        std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty()).and_then(|text| text.parse().ok());
    from_variable.unwrap_or_else(|| EnvFilter::new(level))
}

/// Takes every line, written or not: the appender's thread would speak up on the very stream that
/// has failed.
struct Forgiving(io::Stderr);

impl Write for Forgiving {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}
