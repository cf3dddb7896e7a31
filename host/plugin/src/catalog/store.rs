//! On-disk store of the kept releases. Rule: a component is stored under its hash before anything depends on it; the
//! index is replaced atomically; components that the index does not name are removed. If the directory cannot be
//! written, only rollbacks across a restart are lost.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::limits;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

const INDEX: &str = "index.json";

/// A release that was good: it passed its trial, or it was the first of its plugin.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptRelease {
    pub version: String,
    /// SHA-256 of the component in hex, which is also the name of its file.
    pub sha256: String,
}

/// A release that was rolled back, as listed to operators.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct KeptRollback {
    pub version: String,
    pub sha256: String,
    pub why: String,
    /// Unix ms.
    pub at: u64,
}

/// The record of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct KeptPlugin {
    /// Name of its file in the plugin directory.
    pub file: String,
    /// Newest first.
    pub good: Vec<KeptRelease>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rolled_back: Option<KeptRollback>,
    /// Unix ms: stored state older than this was discarded; 0 if none was.
    pub discarded_before: u64,
}

impl KeptPlugin {
    /// Puts a good release first and drops the oldest beyond the limit.
    pub(crate) fn add_good(&mut self, version: &str, sha256: &str) {
        self.good.retain(|release| release.sha256 != sha256);
        self.good.insert(0, KeptRelease { version: version.to_owned(), sha256: sha256.to_owned() });
        self.good.truncate(limits::KEPT_RELEASES);
    }
}

/// The index, and the directory of components.
pub(crate) struct ReleaseStore {
    directory: PathBuf,
    index: BTreeMap<String, KeptPlugin>,
    /// The index on disk is out of date.
    unsaved: bool,
}

impl ReleaseStore {
    /// Opens the directory, creating it if it is missing. A damaged index is logged and replaced by an empty one.
    pub(crate) fn open(directory: &Path) -> io::Result<Self> {
        fs::create_dir_all(directory)?;
        let index = match modehost_follow::read(&directory.join(INDEX), limits::RELEASE_INDEX_BYTES) {
            Ok(text) => serde_json::from_slice(&text).unwrap_or_else(|error| {
                tracing::error!(folder = %directory.display(), %error, "the index of stored plugin releases is damaged and is replaced by an empty one");
                BTreeMap::new()
            }),
            Err(error) if error.kind() == io::ErrorKind::FileTooLarge => {
                tracing::error!(folder = %directory.display(), %error, "the index of stored plugin releases is damaged and is replaced by an empty one");
                BTreeMap::new()
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => BTreeMap::new(),
            Err(error) => return Err(error),
        };
        Ok(Self { directory: directory.to_owned(), index, unsaved: false })
    }

    /// The record of a plugin.
    pub(crate) fn record(&self, id: &str) -> KeptPlugin {
        self.index.get(id).cloned().unwrap_or_default()
    }

    /// Changes the record of a plugin in memory; [`Self::save`] persists it.
    pub(crate) fn update(&mut self, id: &str, change: impl FnOnce(&mut KeptPlugin)) {
        let before = self.record(id);
        let mut after = before.clone();
        change(&mut after);
        if after != before {
            self.index.insert(id.to_owned(), after);
            self.unsaved = true;
        }
    }

    /// The plugin whose file has this name.
    pub(crate) fn id_of_file(&self, name: &str) -> Option<String> {
        self.index.iter().find(|(_, plugin)| plugin.file == name).map(|(id, _)| id.clone())
    }

    /// Deletes the record of a plugin.
    pub(crate) fn forget(&mut self, id: &str) {
        self.unsaved |= self.index.remove(id).is_some();
    }

    /// Deletes the records of all plugins but these.
    pub(crate) fn retain(&mut self, keep: impl Fn(&str) -> bool) {
        let before = self.index.len();
        self.index.retain(|id, _| keep(id));
        self.unsaved |= self.index.len() != before;
    }

    /// Stores the bytes of a component, unless they are stored already.
    pub(crate) fn store_component(&self, sha256: &str, bytes: &[u8]) -> io::Result<()> {
        let path = self.path(sha256);
        if fs::metadata(&path).is_ok_and(|kept| kept.len() == bytes.len() as u64) {
            return Ok(());
        }
        self.write(&path, bytes)
    }

    /// The bytes of a stored component. An error if they are missing or damaged.
    pub(crate) fn read_component(&self, sha256: &str) -> io::Result<Vec<u8>> {
        let bytes = modehost_follow::read(&self.path(sha256), limits::PLUGIN_FILE_BYTES as usize)?;
        if hex::encode(Sha256::digest(&bytes)) != sha256 {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the kept component is damaged"));
        }
        Ok(bytes)
    }

    /// Writes the index, if it has changed, and removes the components that neither the index nor `in_use` names.
    pub(crate) fn save(&mut self, in_use: &[String]) -> io::Result<()> {
        if !self.unsaved {
            return Ok(());
        }
        let text = serde_json::to_vec_pretty(&self.index).map_err(io::Error::other)?;
        self.write(&self.directory.join(INDEX), &text)?;
        self.unsaved = false;
        let is_named = |name: &str| {
            in_use.iter().any(|sha256| sha256 == name)
                || self.index.values().flat_map(|plugin| &plugin.good).any(|release| release.sha256 == name)
        };
        for path in fs::read_dir(&self.directory)?.filter_map(|entry| Some(entry.ok()?.path())) {
            let is_component = path.extension().is_some_and(|end| end == "wasm");
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            if is_component && !is_named(&name) {
                let _ = fs::remove_file(&path);
            }
        }
        Ok(())
    }

    fn path(&self, sha256: &str) -> PathBuf {
        self.directory.join(format!("{sha256}.wasm"))
    }

    fn write(&self, path: &Path, bytes: &[u8]) -> io::Result<()> {
        // Recreates the directory if it was removed, but not its parents.
        match fs::create_dir(&self.directory) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
            _ => {}
        }
        let mut file = tempfile::NamedTempFile::new_in(&self.directory)?;
        file.write_all(bytes)?;
        file.as_file().sync_data()?;
        file.persist(path).map_err(|error| error.error)?;
        fs::File::open(&self.directory)?.sync_all()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_outlives_the_process_and_what_nobody_names_goes() {
        let directory = tempfile::tempdir().expect("a folder");
        let sum = |bytes: &[u8]| hex::encode(Sha256::digest(bytes));
        let mut store = ReleaseStore::open(directory.path()).expect("opens");
        for number in 0..=limits::KEPT_RELEASES as u8 {
            let bytes = [number; 3];
            store.store_component(&sum(&bytes), &bytes).expect("kept");
            store.update("red", |plugin| plugin.add_good(&format!("{number}.0.0"), &sum(&bytes)));
        }
        let newest = sum(&[limits::KEPT_RELEASES as u8; 3]);
        store.save(&[]).expect("saved");

        let mut again = ReleaseStore::open(directory.path()).expect("opens");
        assert_eq!(again.record("red").good.len(), limits::KEPT_RELEASES);
        assert_eq!(again.record("red").good[0].sha256, newest);
        assert!(again.read_component(&newest).is_ok());
        assert!(again.read_component(&sum(&[0; 3])).is_err(), "the oldest has gone");

        std::fs::write(directory.path().join(format!("{newest}.wasm")), "damaged").expect("writes");
        assert_eq!(again.read_component(&newest).expect_err("damaged").kind(), io::ErrorKind::InvalidData);
        again.forget("red");
        again.save(std::slice::from_ref(&newest)).expect("saved");
        let left = std::fs::read_dir(directory.path()).expect("a folder").count();
        assert_eq!(left, 2, "the index, and what is in use");
    }

    #[test]
    fn c20_a_folder_that_was_removed_is_made_anew() {
        let home = tempfile::tempdir().expect("a folder");
        let directory = home.path().join("releases");
        let store = ReleaseStore::open(&directory).expect("opens");
        let sum = hex::encode(Sha256::digest(b"one"));
        store.store_component(&sum, b"one").expect("kept");
        fs::remove_dir_all(&directory).expect("removed");
        store.store_component(&sum, b"one").expect("kept again");
        assert_eq!(store.read_component(&sum).expect("there"), b"one");
    }

    #[test]
    fn a_damaged_index_is_begun_anew() {
        let directory = tempfile::tempdir().expect("a folder");
        std::fs::write(directory.path().join(INDEX), "{").expect("writes");
        assert_eq!(ReleaseStore::open(directory.path()).expect("opens").record("red"), KeptPlugin::default());
    }
}
