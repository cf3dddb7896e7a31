//! Output on the terminal. Rule: a closed terminal is not an error; and with a JSON log everything else on standard
//! error is JSON as well, and nothing is written to standard output.

use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use crate::log::{journal, lines};
use crate::settings::LogFormat;

/// Output format of this process; text until it is set.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// Sets the format of log lines and other output; once, before anything is written.
pub fn set_format(format: LogFormat) {
    let _ = FORMAT.set(format);
}

fn format() -> LogFormat {
    FORMAT.get().copied().unwrap_or_default()
}

/// Writes a line to standard output; with a JSON log it becomes a log line.
pub fn print_line(line: impl std::fmt::Display) {
    if format() == LogFormat::Json {
        tracing::info!("{}", line.to_string().trim());
        return;
    }
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Writes a line to standard error.
pub fn print_error(line: impl std::fmt::Display) {
    let line = lines::format_without_logger(format(), journal::reads_stderr(), &line.to_string());
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The log format that the settings ask for, before they are parsed: errors in them have to be reported in that format.
/// `file` is the configuration, if there is one.
pub fn configured_format(file: Option<&Path>) -> LogFormat {
    let variable = std::env::var("MODEHOST__LOG__FORMAT").ok();
    // A pipe or device could be read only once.
    let file = file.filter(|file| file.is_file());
    let text = || modehost_follow::read(file?, crate::limits::CONFIG_BYTES).ok();
    let is_json = match variable {
        Some(format) => format.trim() == "json",
        None => text().is_some_and(|text| requests_json(&String::from_utf8_lossy(&text))),
    };
    if is_json { LogFormat::Json } else { LogFormat::Text }
}

/// No other setting named `format` has this value.
fn requests_json(document: &str) -> bool {
    let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    document.split(['\n', ',', '{', '}']).any(|part| {
        let part = part.split(" #").next().unwrap_or_default();
        part.split_once(':').is_some_and(|(name, value)| unquoted(name) == "format" && unquoted(value) == "json")
    })
}

#[cfg(test)]
mod tests {
    use super::requests_json;

    #[test]
    fn the_format_is_known_before_the_settings_are_read() {
        for document in [
            "log:\n  format: json\n",
            "log:\n  format: \"json\" # for the collector\nserver: [",
            "log: {level: info, format: json}",
            "{\n  \"log\": {\n    \"format\": \"json\",\n",
        ] {
            assert!(requests_json(document), "{document}");
        }
        for document in ["", "log:\n  format: text\n", "log:\n  # format: json\n", "log:\n  formats: json"] {
            assert!(!requests_json(document), "{document}");
        }
    }
}
