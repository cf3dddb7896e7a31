//! The section `timeouts`. Rule: modes appear only as names in a map that the operator writes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use crate::limits;
use garde::Validate;
use modehost_config::path;
use modehost_session::IdleConfig;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `timeouts`: when an inactive connection is closed. Speech, messages and heartbeats count as activity; silent
/// audio, WebSocket pings, MCP responses and a `listen` `start` that the device sends by itself do not, since they need
/// no person. No turn is cut off while it is being answered, and in a recording mode a connection is closed only if
/// nothing at all arrives.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TimeoutSettings {
    /// How long a device may be inactive, in s, 0 to 604,800; 0: for ever. Default 600. Hot.
    #[garde(range(max = 604_800))]
    pub idle_s: u64,
    /// Added to that time in every mode, in s, 0 to 86,400. Default 60. Hot.
    #[garde(range(max = 86_400))]
    pub buffer_s: u64,
    /// How long before the close the device is warned, in s, 1 to 86,400, up to eight times. Default 15 and 10. Hot.
    #[garde(length(max = 8), inner(range(min = 1, max = 86_400)))]
    pub warn_before_s: Vec<u64>,
    /// Factor of `idle_s` while a device is in a mode, by the mode's name, 0 to 1000; 0: never closed in it. Default:
    /// recording modes are not closed. Hot.
    #[garde(custom(are_multipliers))]
    pub mode_multiplier: BTreeMap<String, u32>,
}

impl Default for TimeoutSettings {
    fn default() -> Self {
        Self {
            idle_s: limits::IDLE_TIMEOUT.as_secs(),
            buffer_s: limits::IDLE_BUFFER.as_secs(),
            warn_before_s: limits::IDLE_WARNINGS.map(|before| before.as_secs()).to_vec(),
            mode_multiplier: BTreeMap::new(),
        }
    }
}

fn are_multipliers(multipliers: &BTreeMap<String, u32>, _: &()) -> garde::Result {
    match multipliers.iter().find(|(_, times)| **times > 1000) {
        Some((mode, _)) => Err(garde::Error::new(format!("{} must be 0 to 1000", path::shown(mode)))),
        None => Ok(()),
    }
}

/// The idle configuration of sessions.
pub(super) fn idle(settings: &TimeoutSettings) -> IdleConfig {
    let mut warn_before: Vec<Duration> = settings.warn_before_s.iter().copied().map(Duration::from_secs).collect();
    warn_before.sort_unstable_by(|one, other| other.cmp(one));
    warn_before.dedup();
    let multiplier = |(mode, times): (&String, &u32)| (Arc::from(mode.trim().to_lowercase()), *times);
    IdleConfig {
        idle: Duration::from_secs(settings.idle_s),
        buffer: Duration::from_secs(settings.buffer_s),
        warn_before,
        multiplier: settings.mode_multiplier.iter().map(multiplier).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c6_warnings_are_put_in_order_and_names_of_modes_into_their_form() {
        let settings = TimeoutSettings {
            warn_before_s: vec![5, 20, 5],
            mode_multiplier: BTreeMap::from([(" Dictation ".to_owned(), 3)]),
            ..TimeoutSettings::default()
        };
        let idle = idle(&settings);
        assert_eq!(idle.warn_before, [Duration::from_secs(20), Duration::from_secs(5)]);
        assert_eq!(idle.multiplier.get("dictation"), Some(&3));
    }
}
