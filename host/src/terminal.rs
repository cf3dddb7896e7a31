//! Lines for whoever started the server. Rule: a terminal that is gone is not an error; and where the log is one of JSON,
//! so is everything else that is written to standard error, and nothing is written beside it.

use std::io::Write;
use std::path::Path;
use std::sync::OnceLock;

use crate::log::{journal, lines};
use crate::settings::LogFormat;

/// How this process writes; people are written to where nothing has been said.
static FORMAT: OnceLock<LogFormat> = OnceLock::new();

/// The format of lines of the log and beside it; set once, before anything is written.
pub fn set_format(format: LogFormat) {
    let _ = FORMAT.set(format);
}

fn format() -> LogFormat {
    FORMAT.get().copied().unwrap_or_default()
}

/// Writes a line to standard output. Where machines read the log, it becomes a line of that.
pub fn say(line: impl std::fmt::Display) {
    if format() == LogFormat::Json {
        tracing::info!("{}", line.to_string().trim());
        return;
    }
    let mut out = std::io::stdout().lock();
    let _ = writeln!(out, "{line}").and_then(|()| out.flush());
}

/// Writes a line to standard error.
pub fn complain(line: impl std::fmt::Display) {
    let line = lines::without_log(format(), journal::reads_stderr(), &line.to_string());
    let _ = writeln!(std::io::stderr().lock(), "{line}");
}

/// The format that the settings ask for, before they are read: they may have mistakes, which have to be told in that
/// format. `file` is the configuration, if there is one.
pub fn wanted_format(file: Option<&Path>) -> LogFormat {
    let variable = std::env::var("MODEHOST__LOG__FORMAT").ok();
    // What is no file can be read only once.
    let file = file.filter(|file| file.is_file());
    let text = || modehost_follow::read(file?, crate::limits::CONFIG_BYTES).ok();
    let is_json = match variable {
        Some(format) => format.trim() == "json",
        None => text().is_some_and(|text| asks_for_json(&String::from_utf8_lossy(&text))),
    };
    if is_json { LogFormat::Json } else { LogFormat::Text }
}

/// No other setting of this name has such a value.
fn asks_for_json(document: &str) -> bool {
    let unquoted = |text: &str| text.trim().trim_matches(['"', '\'']).to_owned();
    document.split(['\n', ',', '{', '}']).any(|part| {
        let part = part.split(" #").next().unwrap_or_default();
        part.split_once(':').is_some_and(|(name, value)| unquoted(name) == "format" && unquoted(value) == "json")
    })
}

#[cfg(test)]
mod tests {
    use super::asks_for_json;

    #[test]
    fn the_format_is_known_before_the_settings_are_read() {
        for document in [
            "log:\n  format: json\n",
            "log:\n  format: \"json\" # for the collector\nserver: [",
            "log: {level: info, format: json}",
            "{\n  \"log\": {\n    \"format\": \"json\",\n",
        ] {
            assert!(asks_for_json(document), "{document}");
        }
        for document in ["", "log:\n  format: text\n", "log:\n  # format: json\n", "log:\n  formats: json"] {
            assert!(!asks_for_json(document), "{document}");
        }
    }
}
