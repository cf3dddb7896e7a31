//! Log output: standard error and files, each written by its own thread.
//!
//! # Layout
//! - [`mod@file`]: the current log file and its rotation
//! - [`recent`]: the last lines, in memory
//! - [`retention`]: removal of old files
//! - [`lines`]: the format of a line, as text or JSON
//! - [`journal`]: the systemd journal, where it reads standard error
//! - `panics`: panics as log lines
//! - [`shorten`]: long messages keep their head and their tail
//! - `traces`: OpenTelemetry spans
//!
//! Rule: no caller ever waits for a line to be written, and neither a closed terminal nor a full disk stops the
//! process; lines that cannot be written are dropped and counted.

pub mod file;
pub mod journal;
pub mod lines;
mod panics;
pub mod recent;
pub mod retention;
pub mod shorten;
pub mod traces;

use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use tracing_appender::non_blocking::{ErrorCounter, NonBlocking, NonBlockingBuilder, WorkerGuard};
use tracing_log::{AsLog, LogTracer};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::fmt::format::JsonFields;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

use self::file::LogFile;
use self::lines::LineFormatter;
use self::recent::{Recent, RecentLayer};
use self::retention::Limits;
use crate::admin::audit;
use crate::settings::LogSettings;

/// The log of this process. Dropping it writes the queued lines.
#[derive(Debug)]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    limits: Arc<Mutex<Limits>>,
    lost: Vec<ErrorCounter>,
    recent: Arc<Recent>,
    /// None if no file is written.
    reopen: Option<Arc<AtomicBool>>,
    traces: Option<traces::Traces>,
    _writers: Vec<WorkerGuard>,
}

/// A log was started before in this process.
#[derive(Debug, thiserror::Error)]
#[error("the log cannot be started: {0}")]
pub struct LogError(String);

impl Log {
    /// Installs the logger of the process; files are written to `data`/log unless the settings name another directory.
    ///
    /// # Errors
    /// If a logger is installed already.
    pub fn start(settings: &LogSettings, data: &Path) -> Result<Self, LogError> {
        let limits = Arc::new(Mutex::new(Limits::new(settings)));
        let (mut lost, mut writers) = (Vec::new(), Vec::new());
        let mut sink = |name: &str, writer: Box<dyn Write + Send>| {
            let (writer, guard) = NonBlockingBuilder::default().thread_name(name).finish(writer);
            lost.push(writer.error_counter());
            writers.push(guard);
            writer
        };
        let terminal = sink("log", Box::new(IgnoreErrors(io::stderr())));
        let file = settings.directory(data).map(|directory| LogFile::new(directory, limits.clone()));
        let reopen = file.as_ref().map(LogFile::reopen);
        let file = file.map(|file| sink("log-file", Box::new(file)));
        let (traces, no_traces) = traces::Traces::start().map_or_else(|why| (None, Some(why)), |traces| (traces, None));
        let filter = filter(&settings.level, rust_log(), traces.is_some());
        let (filter, handle) = reload::Layer::new(filter);
        let (ansi, journal) = (io::stderr().is_terminal(), journal::reads_stderr());
        let lines = |journal| LineFormatter::new(settings.format, journal, settings.max_message_length);
        let layers = [Some(layer(lines(journal), terminal, ansi)), file.map(|file| layer(lines(false), file, false))];
        let recent = Arc::new(Recent::default());
        let last = Box::new(RecentLayer(recent.clone())) as BoxedLayer;
        let layers: Vec<_> = layers.into_iter().flatten().chain([last]).collect();
        let layers = with_traces(layers, traces.as_ref());
        install(tracing_subscriber::registry().with(filter).with(layers))?;
        panics::log_panics();
        if let Some(why) = no_traces {
            tracing::warn!("{why}");
        }
        Ok(Self { filter: handle, limits, lost, recent, reopen, traces, _writers: writers })
    }

    /// Applies the settings that may change at run time.
    pub fn apply(&self, settings: &LogSettings) {
        // Fails only when the subscriber is gone, and then nothing is logged any more.
        let _ = self.filter.reload(filter(&settings.level, rust_log(), self.has_traces()));
        *self.limits.lock() = Limits::new(settings);
    }

    /// Reopens the log file by its name before the next line, for log rotation by other programs.
    pub fn reopen(&self) {
        if let Some(reopen) = &self.reopen {
            reopen.store(true, Ordering::Relaxed);
        }
    }

    fn has_traces(&self) -> bool {
        self.traces.is_some()
    }

    /// The last lines.
    pub fn recent(&self) -> Arc<Recent> {
        self.recent.clone()
    }

    /// Lines dropped since the start because the queue of a writer was full.
    pub fn lost(&self) -> u64 {
        self.lost.iter().map(|counter| counter.dropped_lines() as u64).sum()
    }
}

type BoxedLayer =
    Box<dyn Layer<tracing_subscriber::layer::Layered<reload::Layer<EnvFilter, Registry>, Registry>> + Send + Sync>;

fn layer(lines: LineFormatter, writer: NonBlocking, ansi: bool) -> BoxedLayer {
    Box::new(fmt::layer().fmt_fields(JsonFields::new()).event_format(lines).with_ansi(ansi).with_writer(writer))
}

/// Libraries that log message contents at `trace` and `debug`. No setting may enable that, so their lines are always
/// ignored.
const IGNORED_LIBRARIES: [&str; 2] = ["tungstenite", "tokio_tungstenite"];

/// Installs the subscriber for our own lines and, through the `log` crate, for those of libraries.
fn install(subscriber: impl tracing::Subscriber + Send + Sync) -> Result<(), LogError> {
    tracing::subscriber::set_global_default(subscriber).map_err(|error| LogError(error.to_string()))?;
    let max_level = tracing::level_filters::LevelFilter::current().as_log();
    let libraries = LogTracer::builder().ignore_all(IGNORED_LIBRARIES).with_max_level(max_level).init();
    libraries.map_err(|error| LogError(error.to_string()))
}

/// Adds the trace layer, and keeps its spans out of the log lines.
fn with_traces(lines: Vec<BoxedLayer>, traces: Option<&traces::Traces>) -> Vec<BoxedLayer> {
    let Some(traces) = traces else { return lines };
    let filtered =
        lines.into_iter().map(|layer| -> BoxedLayer { Box::new(layer.with_filter(traces::exclude_spans())) });
    filtered.chain([Box::new(traces.layer()) as BoxedLayer]).collect()
}

/// Directive that enables audit lines at every level.
const AUDIT: &str = "modehost::audit=info";
/// Directive that enables spans for the collector; the log itself does not show them.
const TRACES: &str = "modehost::trace=trace";

fn rust_log() -> Option<String> {
    std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty())
}

/// Targets that a level unnamed applies to: our own crates, and lines of plugins.
const OWN: [&str; 2] = ["modehost", "plugin"];

/// Libraries are opted in by name: a level unnamed applies to our own lines, and lets libraries log warnings and
/// errors at most. A compiler at `trace` writes gigabytes.
fn expand_levels(directives: &str) -> String {
    let (bare, named): (Vec<&str>, Vec<&str>) =
        directives.split(',').map(str::trim).partition(|part| part.parse::<LevelFilter>().is_ok());
    let mut parts = Vec::new();
    // As in `EnvFilter`, the last level wins.
    if let Some(level) = bare.last().and_then(|level| level.parse::<LevelFilter>().ok()) {
        parts.push(level.min(LevelFilter::WARN).to_string());
        parts.extend(OWN.map(|name| format!("{name}={level}")));
    }
    parts.extend(named.into_iter().map(str::to_owned));
    parts.join(",")
}

/// RUST_LOG takes precedence over the setting. The setting is valid already; an invalid variable is ignored.
fn filter(level: &str, variable: Option<String>, has_traces: bool) -> EnvFilter {
    let from_variable = variable.and_then(|text| expand_levels(&text).parse().ok());
    let filter: EnvFilter = from_variable.unwrap_or_else(|| EnvFilter::new(expand_levels(level)));
    // Audit lines are enabled at every level, unless the setting names their target itself.
    let filter = match AUDIT.parse() {
        Ok(audit) if !filter.to_string().contains(audit::TARGET) => filter.add_directive(audit),
        _ => filter,
    };
    match TRACES.parse() {
        Ok(spans) if has_traces => filter.add_directive(spans),
        _ => filter,
    }
}

/// Reports every line as written: otherwise the appender's thread would report its error on the very stream that has
/// failed.
struct IgnoreErrors(io::Stderr);

impl Write for IgnoreErrors {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _ = self.0.write_all(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let _ = self.0.flush();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{expand_levels, filter};

    #[test]
    fn c14_libraries_are_heard_by_name_only() {
        for (level, expected) in [
            ("trace", "warn,modehost=trace,plugin=trace"),
            ("info", "warn,modehost=info,plugin=info"),
            ("ERROR", "error,modehost=error,plugin=error"),
            ("off", "off,modehost=off,plugin=off"),
            ("modehost_llm=debug, info", "warn,modehost=info,plugin=info,modehost_llm=debug"),
            ("debug,wasmtime=trace", "warn,modehost=debug,plugin=debug,wasmtime=trace"),
            ("modehost_llm=debug", "modehost_llm=debug"),
        ] {
            assert_eq!(expand_levels(level), expected);
        }
    }

    #[test]
    fn c14_orders_of_operators_stay_on_record_whatever_the_level() {
        for (level, variable) in [("warn", None), ("info", Some("warn")), ("info", Some("error,modehost_auth=debug"))] {
            let filter = filter(level, variable.map(str::to_owned), false).to_string();
            assert!(filter.contains("modehost::audit=info"), "{level}, {variable:?}: {filter}");
        }
        let silenced = filter("info", Some("info,modehost::audit=off".to_owned()), false).to_string();
        assert!(!silenced.contains("modehost::audit=info"), "{silenced}");
    }
}
