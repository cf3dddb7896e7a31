//! The section `workers`. Rule: a number that cannot work is replaced by the default, with a
//! warning, and never stops a start.

use modehost_limits as limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `workers`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WorkerSettings {
    /// Threads for work that blocks, such as compiling plugins. Below 1 counts as the default, with
    /// a warning. Default 2. Needs a restart.
    pub max_blocking: i64,
    /// Threads that sessions and the modes in them run on. 0: one for each core, and one more, so
    /// that a mode that uses up its whole budget does not hold up all others. Default 0. Needs a
    /// restart.
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

    /// The number of threads, and a warning if it is not the one that was set.
    pub fn threads(&self) -> (usize, Option<String>) {
        match usize::try_from(self.max_blocking) {
            Ok(threads) if threads >= 1 => (threads, None),
            _ => {
                let (set, default) = (self.max_blocking, limits::MAX_BLOCKING);
                (default, Some(format!("workers.max_blocking is {set} and must be at least 1; {default} is used")))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::WorkerSettings;

    #[test]
    fn c15_below_one_is_the_default_with_a_warning() {
        for set in [0, -1, i64::MIN] {
            let (threads, warning) = WorkerSettings { max_blocking: set, ..WorkerSettings::default() }.threads();
            assert_eq!(threads, 2);
            assert!(warning.is_some());
        }
        assert_eq!(WorkerSettings { max_blocking: 5, ..WorkerSettings::default() }.threads(), (5, None));
    }
}
