//! The section `log`. Rule: accepted values can be used without further checks.

use std::path::{Path, PathBuf};

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// Section `log`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Least level that is logged: `error`, `warn`, `info`, `debug` or `trace`; for single crates such as
    /// `info,modehost_session=debug`. Libraries log warnings and errors only, unless one is named, such as
    /// `info,wasmtime=debug`. The variable RUST_LOG takes precedence. Default `info`. Hot.
    #[garde(custom(is_level))]
    pub level: String,
    /// `text` or `json`: with the latter every line on standard error and in files is one JSON object, and nothing is
    /// written to standard output. If the systemd journal reads standard error, lines begin with their priority in
    /// place of the time. Default `text`. Needs a restart.
    #[garde(skip)]
    pub format: LogFormat,
    /// Directory of the log files, written beside standard error; an empty text for none. Default: `log` in the
    /// directory of `storage.dir`. Needs a restart.
    #[garde(skip)]
    pub dir: Option<PathBuf>,
    /// Longest message, in characters, 100 to 100,000; longer ones keep their head and tail. Default 2000. Needs a
    /// restart.
    #[garde(range(min = 100, max = 100_000))]
    pub max_message_length: usize,
    /// Size at which a new file is started, in MiB, 1 to 1024. Default 10. Hot.
    #[garde(range(min = 1, max = 1024))]
    pub rotate_mb: u64,
    /// Age at which a file is removed, in days, 1 to 3650. Default 30. Hot.
    #[garde(range(min = 1, max = 3650))]
    pub keep_days: u64,
    /// Size of all files together, in MiB, 2 to 1,048,576; the oldest are removed first. Default 1024. Hot.
    #[garde(range(min = 2, max = 1_048_576))]
    pub keep_mb: u64,
}

impl LogSettings {
    /// Directory of the log files; none if no files are written. `data`: the storage directory.
    pub fn directory(&self, data: &Path) -> Option<PathBuf> {
        match &self.dir {
            None => Some(data.join("log")),
            Some(directory) if directory.as_os_str().is_empty() => None,
            Some(directory) => Some(directory.clone()),
        }
    }
}

/// Format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line of text per event.
    #[default]
    Text,
    /// One JSON object per event.
    Json,
}

impl Default for LogSettings {
    fn default() -> Self {
        Self {
            level: "info".to_owned(),
            format: LogFormat::Text,
            dir: None,
            max_message_length: 2000,
            rotate_mb: 10,
            keep_days: 30,
            keep_mb: 1024,
        }
    }
}

/// Valid levels. Checked here because `EnvFilter` would take an unknown word for the name of a target, and nothing else
/// would be logged.
const LEVELS: [&str; 6] = ["off", "error", "warn", "info", "debug", "trace"];

fn is_level(level: &str, _: &()) -> garde::Result {
    let parts = level.split(',').map(str::trim);
    let known = |part: &str| {
        let level = part.rsplit_once('=').map_or(part, |(_, level)| level);
        LEVELS.contains(&level.to_lowercase().as_str())
    };
    if parts.clone().all(known) && level.parse::<EnvFilter>().is_ok() {
        return Ok(());
    }
    Err(garde::Error::new("must be error, warn, info, debug or trace; for single crates `info,modehost_session=debug`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_are_checked() {
        for (level, good) in [
            ("info", true),
            ("INFO", true),
            ("info,modehost_session=debug", true),
            ("loud", false),
            ("x=loud", false),
            ("", false),
        ] {
            assert_eq!(is_level(level, &()).is_ok(), good, "{level}");
        }
    }
}
