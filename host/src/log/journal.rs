//! Lines for the systemd journal. Rule: its format is used only if the journal itself reads standard error, which
//! `JOURNAL_STREAM` states by device and inode; a pipe in between is not the journal.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

use tracing::Level;

/// Whether the journal reads this process's standard error.
pub fn reads_stderr() -> bool {
    let Ok(named) = std::env::var("JOURNAL_STREAM") else { return false };
    let file = std::io::stderr().as_fd().try_clone_to_owned().map(File::from);
    file.and_then(|file| file.metadata()).is_ok_and(|stream| is_named(&named, stream.dev(), stream.ino()))
}

/// Compares with `device:inode`, in decimal.
fn is_named(named: &str, device: u64, inode: u64) -> bool {
    named.split_once(':').is_some_and(|(one, other)| one.parse() == Ok(device) && other.parse() == Ok(inode))
}

/// Each line of a text with its syslog priority as prefix.
pub fn prefix(level: Level, text: &str) -> String {
    let priority = match level {
        Level::ERROR => 3,
        Level::WARN => 4,
        Level::INFO => 6,
        Level::DEBUG | Level::TRACE => 7,
    };
    let lines: Vec<String> = text.lines().map(|line| format!("<{priority}>{line}")).collect();
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::is_named;

    #[test]
    fn a_stream_is_named_by_both_numbers() {
        assert!(is_named("8:12345", 8, 12345));
        for named in ["8:1", "9:12345", "8", "", "8:12345:", "0x8:12345", "12345:8"] {
            assert!(!is_named(named, 8, 12345), "{named}");
        }
    }
}
