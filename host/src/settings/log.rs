//! The section `log`. Rule: what is accepted here can be used without a further check.

use std::path::{Path, PathBuf};

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// Section `log`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Least level that is logged: `error`, `warn`, `info`, `debug` or `trace`, for single rooms
    /// such as `info,modehost_session=debug`. Libraries write warnings and errors, unless one is named,
    /// such as `info,wasmtime=debug`. The variable RUST_LOG goes before it. Default `info`. Hot.
    #[garde(custom(is_level))]
    pub level: String,
    /// `text` for people or `json` for machines: then every line on standard error and in files is one JSON object, and
    /// nothing is written to standard output. Where the journal of systemd reads standard error, lines begin with their
    /// priority in place of the time. Default `text`. Needs a restart.
    #[garde(skip)]
    pub format: LogFormat,
    /// Folder of the log files, beside standard error; an empty text for none. Default: `log` in
    /// the folder of `storage.dir`. Needs a restart.
    #[garde(skip)]
    pub dir: Option<PathBuf>,
    /// Longest message, in characters, 100 to 100,000; of longer ones head and tail are kept.
    /// Default 2000. Needs a restart.
    #[garde(range(min = 100, max = 100_000))]
    pub max_message_length: usize,
    /// Size at which a new file begins, in MiB, 1 to 1024. Default 10. Hot.
    #[garde(range(min = 1, max = 1024))]
    pub rotate_mb: u64,
    /// Age at which a file goes, in days, 1 to 3650. Default 30. Hot.
    #[garde(range(min = 1, max = 3650))]
    pub keep_days: u64,
    /// Size of all files together, in MiB, 2 to 1,048,576; the oldest go first. Default 1024. Hot.
    #[garde(range(min = 2, max = 1_048_576))]
    pub keep_mb: u64,
}

impl LogSettings {
    /// Where the files lie; none if none are written. `data` is the folder of the storage.
    pub fn folder(&self, data: &Path) -> Option<PathBuf> {
        match &self.dir {
            None => Some(data.join("log")),
            Some(folder) if folder.as_os_str().is_empty() => None,
            Some(folder) => Some(folder.clone()),
        }
    }
}

/// How lines are written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// One line an event, for people.
    #[default]
    Text,
    /// One JSON object an event.
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

/// The levels that a part of the setting may name; a lone word that is none would be taken for the
/// name of a room, and everything else would fall silent.
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
    Err(garde::Error::new("must be error, warn, info, debug or trace, for single rooms `info,modehost_session=debug`"))
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
