//! The section `workers`. Rule: an unusable number is replaced by the default, with a warning, and never stops a start.

use crate::limits;
use modehost_config::Loaded;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Settings;
use super::document::from_older_name;

/// Section `workers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerSettings {
    /// Threads for blocking work, such as compiling plugins. Below 1 means the default, with a warning. Default 2.
    /// Needs a restart.
    pub max_blocking: i64,
    /// Threads that run sessions and their modes. 0: one per core, and one more, so that a mode that uses up its whole
    /// budget does not delay all others. Default 0. Needs a restart.
    pub mode_threads: u16,
}

impl Default for WorkerSettings {
    fn default() -> Self {
        Self { max_blocking: limits::MAX_BLOCKING as i64, mode_threads: 0 }
    }
}

impl WorkerSettings {
    /// The number of mode threads.
    pub fn mode_threads(&self) -> usize {
        match self.mode_threads {
            0 => std::thread::available_parallelism().map_or(1, usize::from) + limits::SPARE_MODE_THREADS,
            set => usize::from(set),
        }
    }

    /// The number of blocking threads, and a warning if it differs from the setting.
    pub fn threads(&self) -> (usize, Option<String>) {
        validate("workers.max_blocking", self.max_blocking)
    }
}

/// The number of blocking threads of a whole configuration, which may set it under an older name; and a warning if it
/// differs from the setting.
pub fn blocking_threads(loaded: &Loaded<Settings>) -> (usize, Option<String>) {
    match from_older_name(loaded, "workers.max_blocking") {
        Some((name, value)) => validate(name, value.as_i64().unwrap_or_default()),
        None => loaded.document.workers.threads(),
    }
}

fn validate(name: &str, set: i64) -> (usize, Option<String>) {
    match usize::try_from(set) {
        Ok(threads) if threads >= 1 => (threads, None),
        _ => {
            let default = limits::MAX_BLOCKING;
            (default, Some(format!("{name} is {set} and must be at least 1; {default} is used")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::BUILT_IN;

    #[test]
    fn c15_below_one_is_the_default_with_a_warning() {
        for set in [0, -1, i64::MIN] {
            let (threads, warning) = WorkerSettings { max_blocking: set, ..WorkerSettings::default() }.threads();
            assert_eq!(threads, 2);
            assert!(warning.is_some());
        }
        assert_eq!(WorkerSettings { max_blocking: 5, ..WorkerSettings::default() }.threads(), (5, None));
    }

    #[test]
    fn c15_an_older_name_counts_where_the_setting_itself_is_not_set() {
        let threads = |text: &str| {
            let source = modehost_config::Source { embedded: BUILT_IN, file: None, overrides: Vec::new() };
            blocking_threads(&source.load_text::<Settings>("c.yaml", text).expect("a document"))
        };
        let older = "config: { older_names: { old.workers: workers.max_blocking } }\n";
        assert_eq!(threads(older).0, 2);
        assert_eq!(threads(&format!("{older}old: {{ workers: 5 }}\n")), (5, None));
        assert_eq!(threads(&format!("{older}old: {{ workers: 5 }}\nworkers: {{ max_blocking: 7 }}\n")), (7, None));
        let (default, warning) = threads(&format!("{older}old: {{ workers: 0 }}\n"));
        assert_eq!((default, warning.is_some_and(|text| text.starts_with("old.workers is 0"))), (2, true));
    }
}
