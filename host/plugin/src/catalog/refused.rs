//! The files that are not taken. Rule: each is logged once, with the reason, and stays listed until it is taken or
//! gone.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::limits;
use modehost_ids::PluginId;
use parking_lot::Mutex;

use crate::load::LoadError;
use crate::package;

/// All files of the folder that are refused.
#[derive(Default)]
pub(super) struct RefusedFiles(Mutex<BTreeMap<PathBuf, Refused>>);

/// A file that was not taken.
#[derive(Clone, Debug)]
pub(crate) struct Refused {
    pub file: PathBuf,
    /// Empty if the file does not say.
    pub id: String,
    pub version: String,
    pub sha8: String,
    pub reason: String,
    /// Unix ms.
    pub at: u64,
    /// It may be taken a moment later: the host was short of something.
    pub passes: bool,
    /// Its section of the configuration is why.
    pub of_section: bool,
    /// The schema that the section does not fit.
    pub schema: Option<String>,
}

impl Refused {
    /// What is known of a refused file.
    fn new(path: &Path, error: &LoadError) -> Self {
        // One that was too large is not read for its name, either.
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
            passes: error.passes(),
            of_section: error.is_of_section(),
            schema: error.schema().map(str::to_owned),
        }
    }
}

impl RefusedFiles {
    /// A file is refused.
    pub(super) fn refuse(&self, path: &Path, error: &LoadError) {
        let refused = Refused::new(path, error);
        let before = self.change(|files| files.insert(path.to_owned(), refused));
        // What may pass is tried again and again, and said once.
        if !(error.passes() && before.is_some_and(|before| before.reason == error.to_string())) {
            tracing::error!(%error, "a plugin is not taken; what serves goes on");
        }
    }

    /// A file has been taken.
    pub(super) fn take(&self, path: &Path) {
        self.change(|files| files.remove(path));
    }

    /// These files are gone.
    pub(super) fn forget(&self, gone: &[PathBuf]) {
        self.change(|files| files.retain(|path, _| !gone.contains(path)));
    }

    /// How many there are.
    pub(super) fn count(&self) -> usize {
        self.0.lock().len()
    }

    /// All of them, with what is known of each.
    pub(super) fn all(&self) -> Vec<Refused> {
        self.0.lock().values().cloned().collect()
    }

    /// The files of which this is true.
    pub(super) fn paths(&self, of: impl Fn(&Refused) -> bool) -> Vec<PathBuf> {
        self.0.lock().values().filter(|refused| of(refused)).map(|refused| refused.file.clone()).collect()
    }

    /// The files that say they are of this plugin.
    pub(super) fn of(&self, plugin: &PluginId) -> Vec<PathBuf> {
        self.paths(|refused| refused.id == plugin.as_str())
    }

    fn change<T>(&self, change: impl FnOnce(&mut BTreeMap<PathBuf, Refused>) -> T) -> T {
        let mut files = self.0.lock();
        let outcome = change(&mut files);
        metrics::gauge!("modehost_plugins_refused").set(files.len() as f64);
        outcome
    }
}
