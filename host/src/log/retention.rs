//! Removal of old log files. Rule: only files named by us are ever removed, the current one never, and a file that
//! cannot be removed is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::settings::LogSettings;

/// Size and age limits from the settings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Size in bytes at which a new file is started.
    pub rotate: u64,
    /// Age at which an old file is removed.
    pub keep: Duration,
    /// Size of all files together, in bytes.
    pub total: u64,
}

impl Limits {
    /// From the section `log`.
    pub fn new(settings: &LogSettings) -> Self {
        const MIB: u64 = 1024 * 1024;
        const DAY: u64 = 24 * 60 * 60;
        Self {
            rotate: settings.rotate_mb.saturating_mul(MIB),
            keep: Duration::from_secs(settings.keep_days.saturating_mul(DAY)),
            total: settings.keep_mb.saturating_mul(MIB),
        }
    }
}

/// Removes files that are too old, then the oldest until all fit into the total.
pub fn sweep(directory: &Path, limits: &Limits, now: SystemTime) {
    let mut old = rotated_files(directory);
    // The names contain the time, so that a copied directory keeps its order.
    old.sort();
    let mut sized: Vec<(PathBuf, u64)> = Vec::new();
    for path in old {
        let Ok(metadata) = path.metadata() else { continue };
        let age = metadata.modified().ok().and_then(|at| now.duration_since(at).ok()).unwrap_or_default();
        if age > limits.keep {
            let _ = fs::remove_file(&path);
        } else {
            sized.push((path, metadata.len()));
        }
    }
    // Includes the full size of the current file.
    let mut total: u64 = limits.rotate.saturating_add(sized.iter().map(|(_, size)| size).sum());
    for (path, size) in sized {
        if total <= limits.total {
            break;
        }
        let _ = fs::remove_file(&path);
        total -= size;
    }
}

/// The rotated files.
fn rotated_files(directory: &Path) -> Vec<PathBuf> {
    let files = fs::read_dir(directory).into_iter().flatten().flatten();
    files.filter(|file| is_ours(&file.file_name().to_string_lossy())).map(|file| file.path()).collect()
}

/// Matches `modehost-20260101T000000Z.log`, or with a number before the extension.
fn is_ours(name: &str) -> bool {
    let Some(middle) = name.strip_prefix("modehost-").and_then(|name| name.strip_suffix(".log")) else { return false };
    let digits = |text: &str, count: usize| text.len() == count && text.bytes().all(|byte| byte.is_ascii_digit());
    let (time, number) = middle.split_once('-').map_or((middle, None), |(time, number)| (time, Some(number)));
    let time = time.strip_suffix('Z').and_then(|time| time.split_once('T'));
    time.is_some_and(|(day, time)| digits(day, 8) && digits(time, 6))
        && number.is_none_or(|number| digits(number, number.len().max(1)))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn c14_old_files_go_and_strangers_stay() {
        let directory = tempfile::tempdir().expect("a folder");
        let names = ["modehost-20260101T000000Z.log", "modehost-20260201T000000Z.log", "modehost.log", "mine.log"];
        let foreign = ["modehost-2.log", "modehost-2nd-floor.log", "modehost-20260101T000000Z-x.log"];
        for name in names.into_iter().chain(foreign) {
            fs::write(directory.path().join(name), "x".repeat(10)).expect("written");
        }
        let remaining = || {
            let files = fs::read_dir(directory.path()).expect("a folder").flatten();
            let mut names: Vec<_> = files.map(|file| file.file_name().to_string_lossy().into_owned()).collect();
            names.retain(|name| !foreign.contains(&name.as_str()));
            names.sort();
            names
        };
        let limits = Limits { rotate: 10, keep: Duration::from_secs(60), total: 20 };
        sweep(directory.path(), &limits, SystemTime::now());
        assert_eq!(remaining(), ["mine.log", "modehost-20260201T000000Z.log", "modehost.log"]);
        sweep(directory.path(), &limits, SystemTime::now() + Duration::from_secs(61));
        assert_eq!(remaining(), ["mine.log", "modehost.log"]);
        for name in foreign {
            assert!(directory.path().join(name).exists(), "{name}");
        }
        assert!(is_ours("modehost-20260101T000000Z-2.log") && !is_ours("modehost-20260101T000000Z-.log"));
    }
}
