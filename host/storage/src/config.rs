//! The settings of the storage. Rule: limits reload hot, since they must be raised while the server runs; paths do not.

use std::path::{Path, PathBuf};

use crate::limits;
use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `storage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder of all stored data: the database `modehost.db`, its lock, and a folder of files for each kind of finished
    /// work. Created if missing. A relative path starts at the current directory. Only one server may use a folder at a
    /// time. Default `data`; needs a restart.
    #[garde(custom(not_empty))]
    pub dir: PathBuf,
    /// Largest size of the database in MiB, 1 to 16,777,216, including its write-ahead file and the queue's file. From
    /// 90 % of it on there is a warning; writes beyond it are refused as on a full disk, and `/readyz` says so, until
    /// something is removed or this is raised. A value below the present size keeps the file from growing further.
    /// Default 4096. Hot.
    #[garde(range(min = 1, max = 16_777_216))]
    pub max_mib: u32,
    /// MiB of messages queued for offline devices, over all of them, 1 to 16,777,216. Beyond it a message is refused,
    /// and its sender is told. Default 512. Hot.
    #[garde(range(min = 1, max = 16_777_216))]
    pub queue_mib: u32,
    /// MiB of them that one device may have sent, 1 to 16,777,216; and at most 10,000 messages. Default 32. Hot.
    #[garde(range(min = 1, max = 16_777_216))]
    pub queue_sender_mib: u32,
    /// Finished works of each kind that are kept over all devices, with their files, 0 to 10,000,000; the oldest are
    /// removed, which is logged. The limits that plugins set apply to each device in addition. 0: all. Default 10,000.
    /// Hot.
    #[garde(range(max = 10_000_000))]
    pub archive_keep: u32,
    /// Days after which finished work is removed, with its files, 0 to 36,500. 0: never by age. Default 0. Hot.
    #[garde(range(max = 36_500))]
    pub archive_days: u32,
    /// Days after its last entry, 1 to 3650, at which a journal is removed that belongs to no finished work and that no
    /// session can continue. Default 30; needs a restart.
    #[garde(range(min = 1, max = 3650))]
    pub orphan_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            dir: PathBuf::from("data"),
            max_mib: limits::STORAGE_MIB,
            queue_mib: limits::QUEUE_MIB,
            queue_sender_mib: limits::QUEUE_SENDER_MIB,
            archive_keep: limits::ARCHIVE_KEEP,
            archive_days: 0,
            orphan_days: limits::ORPHAN_DAYS,
        }
    }
}

/// Quotas of the offline queue, in bytes.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct QueueQuotas {
    pub(crate) total: u64,
    pub(crate) per_sender: u64,
}

impl Config {
    pub(crate) fn queue_quotas(&self) -> QueueQuotas {
        let bytes = |mib: u32| u64::from(mib) * 1024 * 1024;
        QueueQuotas { total: bytes(self.queue_mib), per_sender: bytes(self.queue_sender_mib) }
    }
}

fn not_empty(dir: &Path, _context: &()) -> garde::Result {
    if dir.as_os_str().is_empty() {
        return Err(garde::Error::new("must name a folder, such as data"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_folder_or_no_room_is_refused() {
        assert!(Config::default().validate().is_ok());
        assert!(Config { dir: PathBuf::new(), ..Config::default() }.validate().is_err());
        assert!(Config { orphan_days: 0, ..Config::default() }.validate().is_err());
        assert!(Config { max_mib: 0, ..Config::default() }.validate().is_err());
    }
}
