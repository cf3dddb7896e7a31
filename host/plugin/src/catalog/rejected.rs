//! The rejected plugin files. Rule: each is logged once, with the reason, and stays listed until it is accepted or
//! removed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::limits;
use modehost_ids::PluginId;
use parking_lot::Mutex;

use crate::load::LoadError;
use crate::package;

/// All rejected files of the directory.
#[derive(Default)]
pub(super) struct RejectedFiles(Mutex<BTreeMap<PathBuf, RejectedFile>>);

/// A rejected file.
#[derive(Clone, Debug)]
pub(crate) struct RejectedFile {
    pub file: PathBuf,
    /// Empty if it cannot be read from the file.
    pub id: String,
    pub version: String,
    pub sha8: String,
    pub reason: String,
    /// Unix ms.
    pub at: u64,
    /// A retry may succeed: the host lacked a resource.
    pub is_transient: bool,
    /// The plugin's configuration section is the cause.
    pub config_error: bool,
    /// The schema that the section does not fit.
    pub schema: Option<String>,
}

impl RejectedFile {
    /// Reads what can be read of a rejected file.
    fn new(path: &Path, error: &LoadError) -> Self {
        // A file that was too large is not read for its id either.
        let bytes = modehost_follow::read(path, limits::PLUGIN_FILE_BYTES as usize);
        let package = bytes.ok().and_then(|bytes| package::read(&bytes).ok());
        let (id, version, sha256) = package.map_or_else(Default::default, |p| (p.id, p.version, p.sha256));
        Self {
            file: path.to_owned(),
            id,
            version,
            sha8: sha256.chars().take(8).collect(),
            reason: error.to_string(),
            at: super::unix_ms(),
            is_transient: error.is_transient(),
            config_error: error.is_config_error(),
            schema: error.schema().map(str::to_owned),
        }
    }
}

impl RejectedFiles {
    /// Records a rejected file.
    pub(super) fn record(&self, path: &Path, error: &LoadError) {
        let rejected = RejectedFile::new(path, error);
        let before = self.update(|files| files.insert(path.to_owned(), rejected));
        // Transient failures are retried continually, but logged once.
        if !(error.is_transient() && before.is_some_and(|before| before.reason == error.to_string())) {
            tracing::error!(%error, "a plugin is not taken; what serves goes on");
        }
    }

    /// The file was accepted.
    pub(super) fn clear(&self, path: &Path) {
        self.update(|files| files.remove(path));
    }

    /// These files were removed.
    pub(super) fn forget(&self, gone: &[PathBuf]) {
        self.update(|files| files.retain(|path, _| !gone.contains(path)));
    }

    /// Number of rejected files.
    pub(super) fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// All rejected files.
    pub(super) fn all(&self) -> Vec<RejectedFile> {
        self.0.lock().values().cloned().collect()
    }

    /// Paths of the files that match.
    pub(super) fn paths(&self, matches: impl Fn(&RejectedFile) -> bool) -> Vec<PathBuf> {
        self.0.lock().values().filter(|rejected| matches(rejected)).map(|rejected| rejected.file.clone()).collect()
    }

    /// Paths of the files that contain this plugin.
    pub(super) fn of_plugin(&self, plugin: &PluginId) -> Vec<PathBuf> {
        self.paths(|rejected| rejected.id == plugin.as_str())
    }

    fn update<T>(&self, change: impl FnOnce(&mut BTreeMap<PathBuf, RejectedFile>) -> T) -> T {
        let mut files = self.0.lock();
        let outcome = change(&mut files);
        metrics::gauge!("modehost_plugins_refused").set(files.len() as f64);
        outcome
    }
}
