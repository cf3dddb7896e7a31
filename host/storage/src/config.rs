//! The settings of the storage. Rule: read once at start; none of them reloads hot.

use std::path::{Path, PathBuf};

use garde::Validate;
use modehost_limits as limits;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Section `storage`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Folder for everything that is kept: the database `modehost.db`, its lock, and a
    /// folder of files for each kind of finished work. Made if it is
    /// not there. A relative path starts at the current directory. Only one server may use a
    /// folder at a time. Default `data`; needs a restart.
    #[garde(custom(not_empty))]
    pub dir: PathBuf,
    /// Largest size of the database in MiB. Writes beyond it are refused until something has been
    /// removed, so that a full disk takes nothing else down. Default: no limit; needs a restart.
    #[garde(range(min = 1))]
    pub max_mib: Option<u32>,
    /// Days after its last entry, 1 to 3650, at which a journal is removed that belongs to no
    /// finished work and that no session can go on with. Default 30; needs a restart.
    #[garde(range(min = 1, max = 3650))]
    pub orphan_days: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self { dir: PathBuf::from("data"), max_mib: None, orphan_days: limits::ORPHAN_DAYS }
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
        assert!(Config { max_mib: Some(0), ..Config::default() }.validate().is_err());
    }
}
