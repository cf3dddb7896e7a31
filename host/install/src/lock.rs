//! `plugins.lock`: what was installed from where, beside the files. Rule: sorted and without times, so that it can be
//! kept with other configuration and compared.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::limits;

const HEADER: &str = "\
# Written by `modehost plugin install`: what was installed, and from where. Without arguments the command fetches
# what is missing, and takes exactly the contents that are named here.

";

/// Why a lock file cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{} cannot be used: {why}", path.display())]
pub struct LockError {
    path: PathBuf,
    why: String,
}

/// One installed plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Locked {
    /// The plugin's id; its file is `<id>.wasm` beside the lock file, unless it had another name before.
    pub id: String,
    /// The version that it says it has.
    pub version: String,
    /// An address, or the absolute path of a file.
    pub source: String,
    /// Of the file: 64 hexadecimal digits.
    pub sha256: String,
}

/// The file `plugins.lock` of a plugin directory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lock {
    /// Sorted by id.
    #[serde(default, rename = "plugin")]
    pub plugins: Vec<Locked>,
}

impl Lock {
    /// The path in a plugin directory.
    pub fn path(directory: &Path) -> PathBuf {
        directory.join("plugins.lock")
    }

    /// Reads the lock file of a directory; an absent one is empty.
    ///
    /// # Errors
    /// If it cannot be read, or is not one.
    pub fn read(directory: &Path) -> Result<Self, LockError> {
        let path = Self::path(directory);
        let text = match modehost_follow::read_text(&path, limits::LOCK_BYTES) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(LockError { path, why: error.to_string() }),
        };
        toml::from_str(&text).map_err(|error| LockError { path, why: error.to_string().trim().to_owned() })
    }

    /// Adds a plugin, or replaces what was known of it.
    pub fn set(&mut self, locked: Locked) {
        self.plugins.retain(|known| known.id != locked.id);
        self.plugins.push(locked);
        self.plugins.sort_by(|one, other| one.id.cmp(&other.id));
    }

    /// Forgets a plugin; true if it was known.
    pub fn remove(&mut self, id: &str) -> bool {
        let count = self.plugins.len();
        self.plugins.retain(|known| known.id != id);
        self.plugins.len() != count
    }

    /// Writes the file, atomically.
    ///
    /// # Errors
    /// If the directory cannot be written.
    pub fn write(&self, directory: &Path) -> Result<(), LockError> {
        let path = Self::path(directory);
        let text = toml::to_string(self).map_err(|error| error.to_string());
        let written = text.and_then(|text| {
            crate::write(&path, format!("{HEADER}{text}").as_bytes()).map_err(|error| error.to_string())
        });
        written.map_err(|why| LockError { path, why })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn locked(id: &str, version: &str) -> Locked {
        let (version, source) = (version.to_owned(), format!("https://a.example/{id}.wasm"));
        Locked { id: id.to_owned(), version, source, sha256: "0".repeat(64) }
    }

    #[test]
    fn a_lock_is_sorted_replaced_by_id_and_read_as_it_was_written() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut lock = Lock::read(directory.path()).expect("none is empty");
        for (id, version) in [("b", "1"), ("a", "1"), ("b", "2")] {
            lock.set(locked(id, version));
        }
        lock.write(directory.path()).expect("written");
        assert_eq!(Lock::read(directory.path()).expect("read").plugins, [locked("a", "1"), locked("b", "2")]);
        std::fs::write(Lock::path(directory.path()), "[[plugin]]\nid = 1\n").expect("written");
        let refusal = Lock::read(directory.path()).expect_err("a number").to_string();
        assert!(refusal.contains("plugins.lock cannot be used: TOML parse error at line 2, column 6"), "{refusal}");
    }
}
