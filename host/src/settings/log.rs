//! The section `log`. Rule: what is accepted here can be used without a further check.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tracing_subscriber::EnvFilter;

/// Section `log`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LogSettings {
    /// Least level that is logged: `error`, `warn`, `info`, `debug` or `trace`, for single rooms
    /// such as `info,modehost_session=debug`. The variable RUST_LOG goes before it. Default `info`.
    /// Hot.
    #[garde(custom(is_level))]
    pub level: String,
    /// `text` for people or `json` for machines, on standard error. Default `text`. Needs a restart.
    #[garde(skip)]
    pub format: LogFormat,
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
        Self { level: "info".to_owned(), format: LogFormat::Text }
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
