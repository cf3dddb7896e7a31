//! Panics as log lines. Rule: one line each, in the format of all others, on every sink.

use std::backtrace::{Backtrace, BacktraceStatus};

/// Installs a panic hook that logs.
pub fn log_panics() {
    std::panic::set_hook(Box::new(|panic| {
        let thread = std::thread::current();
        let thread = thread.name().unwrap_or("unnamed");
        let location = panic.location().map(ToString::to_string).unwrap_or_default();
        let message = panic.payload_as_str().unwrap_or("no message");
        let trace = Backtrace::capture();
        // Enabled by RUST_BACKTRACE, as always.
        let trace = (trace.status() == BacktraceStatus::Captured).then(|| trace.to_string());
        tracing::error!(thread, backtrace = trace, "panicked at {location}: {message}");
    }));
}
