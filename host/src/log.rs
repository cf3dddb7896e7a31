//! Where log lines go: standard error and files, each by way of a thread of its own.
//!
//! # Layout
//! - [`mod@file`]: the file that is written, and when a new one begins
//! - [`retention`]: which old files go
//! - [`lines`]: one line, for people or as JSON
//! - [`journal`]: the journal of the system, where it reads standard error
//! - `panics`: panics as lines
//! - [`shorten`]: long messages keep their head and their tail
//! - `traces`: spans for a collector, with the feature `otel`
//!
//! Rule: no caller ever waits for a line to be written, and neither a terminal that is gone nor a
//! disk that is full takes anybody down; what cannot be written is dropped and counted.

pub mod file;
pub mod journal;
pub mod lines;
mod panics;
pub mod retention;
pub mod shorten;
#[cfg(feature = "otel")]
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

use self::file::{Limits, LogFile};
use self::lines::Lines;
use crate::admin::audit;
use crate::settings::LogSettings;

/// The log of this process. Dropping it writes what waits.
#[derive(Debug)]
pub struct Log {
    filter: reload::Handle<EnvFilter, Registry>,
    limits: Arc<Mutex<Limits>>,
    lost: Vec<ErrorCounter>,
    /// None where no file is written.
    reopen: Option<Arc<AtomicBool>>,
    #[cfg(feature = "otel")]
    traces: Option<traces::Traces>,
    _writers: Vec<WorkerGuard>,
}

/// A log was started before in this process.
#[derive(Debug, thiserror::Error)]
#[error("the log cannot be started: {0}")]
pub struct LogError(String);

impl Log {
    /// Starts logging for the whole process; files lie in `data`/log unless the settings say
    /// otherwise.
    ///
    /// # Errors
    /// If something else has.
    pub fn start(settings: &LogSettings, data: &Path) -> Result<Self, LogError> {
        let limits = Arc::new(Mutex::new(Limits::new(settings)));
        let (mut lost, mut writers) = (Vec::new(), Vec::new());
        let mut sink = |name: &str, writer: Box<dyn Write + Send>| {
            let (writer, guard) = NonBlockingBuilder::default().thread_name(name).finish(writer);
            lost.push(writer.error_counter());
            writers.push(guard);
            writer
        };
        let terminal = sink("log", Box::new(Forgiving(io::stderr())));
        let file = settings.folder(data).map(|folder| LogFile::new(folder, limits.clone()));
        let reopen = file.as_ref().map(LogFile::reopen);
        let file = file.map(|file| sink("log-file", Box::new(file)));
        #[cfg(feature = "otel")]
        let (traces, no_traces) = traces::Traces::start().map_or_else(|why| (None, Some(why)), |traces| (traces, None));
        #[cfg(feature = "otel")]
        let filter = filter(&settings.level, rust_log(), traces.is_some());
        #[cfg(not(feature = "otel"))]
        let filter = filter(&settings.level, rust_log(), false);
        let (filter, handle) = reload::Layer::new(filter);
        let (ansi, journal) = (io::stderr().is_terminal(), journal::reads_stderr());
        let lines = |journal| Lines::new(settings.format, journal, settings.max_message_length);
        let layers = [Some(layer(lines(journal), terminal, ansi)), file.map(|file| layer(lines(false), file, false))];
        let layers: Vec<_> = layers.into_iter().flatten().collect();
        #[cfg(feature = "otel")]
        let layers = with_traces(layers, traces.as_ref());
        install(tracing_subscriber::registry().with(filter).with(layers))?;
        panics::log_panics();
        #[cfg(feature = "otel")]
        if let Some(why) = no_traces {
            tracing::warn!("{why}");
        }
        Ok(Self {
            filter: handle,
            limits,
            lost,
            reopen,
            #[cfg(feature = "otel")]
            traces,
            _writers: writers,
        })
    }

    /// Takes over what may change while the server runs.
    pub fn apply(&self, settings: &LogSettings) {
        // Fails only when the subscriber is gone, and then nobody listens.
        let _ = self.filter.reload(filter(&settings.level, rust_log(), self.has_traces()));
        *self.limits.lock() = Limits::new(settings);
    }

    /// The next line goes to the file that its name leads to then: whoever moves log files away says so.
    pub fn reopen(&self) {
        if let Some(reopen) = &self.reopen {
            reopen.store(true, Ordering::Relaxed);
        }
    }

    #[cfg(feature = "otel")]
    fn has_traces(&self) -> bool {
        self.traces.is_some()
    }

    #[cfg(not(feature = "otel"))]
    fn has_traces(&self) -> bool {
        false
    }

    /// Lines that came faster than they could be written, since the start.
    pub fn lost(&self) -> u64 {
        self.lost.iter().map(|counter| counter.dropped_lines() as u64).sum()
    }
}

type Way =
    Box<dyn Layer<tracing_subscriber::layer::Layered<reload::Layer<EnvFilter, Registry>, Registry>> + Send + Sync>;

fn layer(lines: Lines, writer: NonBlocking, ansi: bool) -> Way {
    Box::new(fmt::layer().fmt_fields(JsonFields::new()).event_format(lines).with_ansi(ansi).with_writer(writer))
}

/// Libraries that write down what passes through them: whole messages, at `trace` and `debug`. No
/// setting may bring that into the log, so nobody listens to them.
const TALKATIVE: [&str; 2] = ["tungstenite", "tokio_tungstenite"];

/// Makes it the log of the process, of our own lines and of those that libraries write.
fn install(subscriber: impl tracing::Subscriber + Send + Sync) -> Result<(), LogError> {
    tracing::subscriber::set_global_default(subscriber).map_err(|error| LogError(error.to_string()))?;
    let most = tracing::level_filters::LevelFilter::current().as_log();
    let libraries = LogTracer::builder().ignore_all(TALKATIVE).with_max_level(most).init();
    libraries.map_err(|error| LogError(error.to_string()))
}

/// The same lines as without a collector, and the spans for it beside them.
#[cfg(feature = "otel")]
fn with_traces(lines: Vec<Way>, traces: Option<&traces::Traces>) -> Vec<Way> {
    let Some(traces) = traces else { return lines };
    let apart = lines.into_iter().map(|layer| -> Way { Box::new(layer.with_filter(traces::others())) });
    apart.chain([Box::new(traces.layer()) as Way]).collect()
}

/// What is logged of operators at any level.
const AUDIT: &str = "modehost::audit=info";
/// Spans for a collector; the log itself does not show them.
const TRACES: &str = "modehost::trace=trace";

fn rust_log() -> Option<String> {
    std::env::var("RUST_LOG").ok().filter(|text| !text.is_empty())
}

/// Whose lines a level without a name is for: our own rooms, and what plugins write.
const OWN: [&str; 2] = ["modehost", "plugin"];

/// Libraries are opted in by name: a level that names nobody is for our own lines, and gives them warnings and
/// errors at the most. A compiler at `trace` writes gigabytes.
fn own_lines(directives: &str) -> String {
    let (bare, named): (Vec<&str>, Vec<&str>) =
        directives.split(',').map(str::trim).partition(|part| part.parse::<LevelFilter>().is_ok());
    let mut parts = Vec::new();
    // As before, the last one counts.
    if let Some(level) = bare.last().and_then(|level| level.parse::<LevelFilter>().ok()) {
        parts.push(level.min(LevelFilter::WARN).to_string());
        parts.extend(OWN.map(|name| format!("{name}={level}")));
    }
    parts.extend(named.into_iter().map(str::to_owned));
    parts.join(",")
}

/// RUST_LOG goes before the setting. The setting is valid; a broken variable is as good as none.
fn filter(level: &str, variable: Option<String>, has_traces: bool) -> EnvFilter {
    let from_variable = variable.and_then(|text| own_lines(&text).parse().ok());
    let filter: EnvFilter = from_variable.unwrap_or_else(|| EnvFilter::new(own_lines(level)));
    // Who has moved what stays on record at any level, unless the setting itself speaks of it.
    let filter = match AUDIT.parse() {
        Ok(audit) if !filter.to_string().contains(audit::TARGET) => filter.add_directive(audit),
        _ => filter,
    };
    match TRACES.parse() {
        Ok(spans) if has_traces => filter.add_directive(spans),
        _ => filter,
    }
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

#[cfg(test)]
mod tests {
    use super::{filter, own_lines};

    #[test]
    fn c14_libraries_are_heard_by_name_only() {
        for (level, heard) in [
            ("trace", "warn,modehost=trace,plugin=trace"),
            ("info", "warn,modehost=info,plugin=info"),
            ("ERROR", "error,modehost=error,plugin=error"),
            ("off", "off,modehost=off,plugin=off"),
            ("modehost_llm=debug, info", "warn,modehost=info,plugin=info,modehost_llm=debug"),
            ("debug,wasmtime=trace", "warn,modehost=debug,plugin=debug,wasmtime=trace"),
            ("modehost_llm=debug", "modehost_llm=debug"),
        ] {
            assert_eq!(own_lines(level), heard);
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
