//! The releases that are kept for the next start. Rule: a component is kept under its hash before
//! anybody depends on it, the index is replaced whole, and what no line of the index names is removed;
//! a folder that cannot be written costs the way back over a restart and nothing else.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::limits;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const INDEX: &str = "index.json";

/// A release that was good: it has proven itself, or it was the first of its plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptRelease {
    pub version: String,
    /// Of the component, in hex; it is kept under this name.
    pub sha256: String,
}

/// A release that was rolled back, in the words of the list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptRollback {
    pub version: String,
    pub sha256: String,
    pub why: String,
    /// Unix ms.
    pub at: u64,
}

/// What is known of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KeptPlugin {
    /// Name of its file in the plugin folder.
    pub file: String,
    /// The newest first.
    pub good: Vec<KeptRelease>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<KeptRollback>,
    /// Stored state that is older than this Unix ms was discarded; 0: none was.
    pub discarded_before: u64,
}

impl KeptPlugin {
    /// A release is good: it comes first, and the oldest beyond the bound go.
    pub(crate) fn add_good(&mut self, version: &str, sha256: &str) {
        self.good.retain(|release| release.sha256 != sha256);
        self.good.insert(0, KeptRelease { version: version.to_owned(), sha256: sha256.to_owned() });
        self.good.truncate(limits::KEPT_RELEASES);
    }
}

/// The index, and the folder with the components.
pub(crate) struct ReleaseStore {
    folder: PathBuf,
    index: BTreeMap<String, KeptPlugin>,
    /// The index on disk is older.
    unsaved: bool,
}

impl ReleaseStore {
    /// Opens the folder, making it if need be. An index that cannot be read is begun anew and said.
    pub(crate) fn open(folder: &Path) -> io::Result<Self> {
        fs::create_dir_all(folder)?;
        let index = match modehost_follow::read(&folder.join(INDEX), limits::RELEASE_INDEX_BYTES) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::error!(folder = %folder.display(), %error, "the index of kept plugin releases is damaged and is begun anew");
                BTreeMap::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                tracing::error!(folder = %folder.display(), %error, "the index of kept plugin releases is damaged and is begun anew");
                BTreeMap::new()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { folder: folder.to_owned(), index, unsaved: false })
    }

    /// What is known of a plugin.
    pub(crate) fn of(&self, id: &str) -> KeptPlugin {
        self.index.get(id).cloned().unwrap_or_default()
    }

    /// Changes what is known of a plugin; [`Self::save`] writes it.
    pub(crate) fn change(&mut self, id: &str, change: impl FnOnce(&mut KeptPlugin)) {
        let before = self.of(id);
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            self.index.insert(id.to_owned(), after);
            self.unsaved = true;
        }
    }

    /// The plugin whose file has this name.
    pub(crate) fn of_file(&self, name: &str) -> Option<String> {
        self.index.iter().find(|(_, plugin)| plugin.file == name).map(|(id, _)| id.clone())
    }

    /// Forgets a plugin.
    pub(crate) fn forget(&mut self, id: &str) {
        self.unsaved |= self.index.remove(id).is_some();
    }

    /// Forgets all plugins but these.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        let before = self.index.len();
        self.index.retain(|id, _| keep(id));
        self.unsaved |= self.index.len() != before;
    }

    /// Keeps the bytes of a component. Nothing happens where it is kept already.
    pub(crate) fn keep(&self, sha256: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(sha256);
        if fs::metadata(&path).is_ok_and(|kept| kept.len() == bytes.len() as u64) {
            return Ok(());
        }
        self.write(&path, bytes)
    }

    /// The bytes of a kept component; an error if they are not there any more or have changed.
    pub(crate) fn read(&self, sha256: &str) -> io::Result<Vec<u8>> {
        let bytes = modehost_follow::read(&self.path(sha256), limits::PLUGIN_FILE_BYTES as usize)?;
        if hex::encode(Sha256::digest(&bytes)) != sha256 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the kept component is damaged"));
        }
        Ok(bytes)
    }

    /// Writes the index, if it has changed, and removes the components that nothing names: neither the
    /// index nor `in_use`.
    pub(crate) fn save(&mut self, in_use: &[String]) -> io::Result<()> {
        if !self.unsaved {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&self.index).map_err(io::Error::other)?;
        self.write(&self.folder.join(INDEX), &text)?;
        self.unsaved = false;
        let named = |name: &str| {
            in_use.iter().any(|sha256| sha256 == name)
                || self.index.values().flat_map(|plugin| &plugin.good).any(|release| release.sha256 == name)
        };
        for path in fs::read_dir(&self.folder)?.filter_map(|entry| Some(entry.ok()?.path())) {
            let is_component = path.extension().is_some_and(|end| end == "wasm");
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            if is_component && !named(&name) {
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.folder.join(format!("{sha256}.wasm"))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // It may have been removed; what is above it is not made anew.
        match fs::create_dir(&self.folder) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.folder)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|error| error.error)?;
        fs::File::open(&self.folder)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_outlives_the_process_and_what_nobody_names_goes() {
        let folder = tempfile::tempdir().expect("a folder");
        let sum = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
        let mut store = ReleaseStore::open(folder.path()).expect("opens");
        for number in 0..=limits::KEPT_RELEASES as u8 {
            let bytes = [number; 3];
            store.keep(&sum(&bytes), &bytes).expect("kept");
            store.change("red", |plugin| plugin.add_good(&format!("{number}.0.0"), &sum(&bytes)));
        }
        let newest = sum(&[limits::KEPT_RELEASES as u8; 3]);
        store.save(&[]).expect("saved");

        let mut again = ReleaseStore::open(folder.path()).expect("opens");
        assert_eq!(again.of("red").good.len(), limits::KEPT_RELEASES);
        assert_eq!(again.of("red").good[0].sha256, newest);
        assert!(again.read(&newest).is_ok());
        assert!(again.read(&sum(&[0; 3])).is_err(), "the oldest has gone");

        std::fs::write(folder.path().join(format!("{newest}.wasm")), "damaged").expect("writes");
        assert_eq!(again.read(&newest).expect_err("damaged").kind(), io::ErrorKind::InvalidData);
        again.forget("red");
        again.save(std::slice::from_ref(&newest)).expect("saved");
        let left = std::fs::read_dir(folder.path()).expect("a folder").count();
        assert_eq!(left, 2, "the index, and what is in use");
    }

    #[test]
    fn c20_a_folder_that_was_removed_is_made_anew() {
        let home = tempfile::tempdir().expect("a folder");
        let folder = home.path().join("releases");
        let store = ReleaseStore::open(&folder).expect("opens");
        let sum = hex::encode(Sha256::digest(b"one"));
        store.keep(&sum, b"one").expect("kept");
        fs::remove_dir_all(&folder).expect("removed");
        store.keep(&sum, b"one").expect("kept again");
        assert_eq!(store.read(&sum).expect("there"), b"one");
    }

    #[test]
    fn a_damaged_index_is_begun_anew() {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join(INDEX), "{").expect("writes");
        assert_eq!(ReleaseStore::open(folder.path()).expect("opens").of("red"), KeptPlugin::default());
    }
}
