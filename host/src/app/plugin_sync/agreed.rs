//! What this node and its cluster had when they last had the same, in a file. Rule: without the file, or with one that
//! cannot be read, nothing was agreed on, and the cluster is followed.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use modehost_task::run_blocking;

use super::decide::Agreed;

/// Name of the file in the data directory.
const FILE: &str = "cluster-plugins.json";

/// Forgets everything that was agreed on. Blocks.
///
/// # Errors
/// If the file cannot be removed.
pub fn forget(data: &Path) -> std::io::Result<()> {
    match fs::remove_file(data.join(FILE)) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Agreements by plugin.
pub struct Agreements {
    file: PathBuf,
    by_plugin: BTreeMap<String, Agreed>,
}

impl Agreements {
    /// Those of the data directory. Blocks.
    pub fn read(data: &Path) -> Self {
        let file = data.join(FILE);
        let text = fs::read(&file).ok();
        let by_plugin = text.and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default();
        Self { file, by_plugin }
    }

    /// That on one plugin.
    pub fn of(&self, plugin: &str) -> Option<&Agreed> {
        self.by_plugin.get(plugin)
    }

    /// Notes an agreement. A failure is logged: at the next start the cluster is followed where this node would have known
    /// better.
    pub async fn note(&mut self, plugin: &str, agreed: Agreed) {
        if self.by_plugin.get(plugin) == Some(&agreed) {
            return;
        }
        self.by_plugin.insert(plugin.to_owned(), agreed);
        // Serialising our own types cannot fail.
        let (file, text) = (self.file.clone(), serde_json::to_vec_pretty(&self.by_plugin).unwrap_or_default());
        let written = run_blocking(move || modehost_install::write(&file, &text)).await;
        if let Some(Err(error)) = written {
            tracing::warn!(%error, file = %self.file.display(), "cannot be written");
        }
    }
}
