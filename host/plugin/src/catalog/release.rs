//! A release: a generation of a plugin and the file that it came from. Rule: immutable; what was rolled back is
//! recorded with the reason, even in a process that never ran it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use modehost_contract::Generation;
use modehost_ids::PluginId;

use crate::generation::WasmGeneration;

/// A generation and the file of its plugin.
#[derive(Clone)]
pub(crate) struct Release {
    pub generation: Arc<WasmGeneration>,
    /// The current file of the plugin; the same for all its releases.
    pub file: PathBuf,
    /// Unix ms.
    pub loaded_at: u64,
}

impl Release {
    /// A release of a generation that has just been loaded.
    pub(super) fn new(generation: Arc<WasmGeneration>, file: &Path) -> Self {
        Self { generation, file: file.to_owned(), loaded_at: super::unix_ms() }
    }

    /// Id of the plugin.
    pub(super) fn id(&self) -> &PluginId {
        &self.generation.manifest().id
    }

    /// SHA-256 of the component in hex.
    pub(super) fn code(&self) -> &str {
        self.generation.code()
    }

    /// Version from the plugin's manifest.
    pub(super) fn version(&self) -> &str {
        &self.generation.manifest().version
    }
}

/// Why a release is rolled back, and when.
#[derive(Clone, Debug)]
pub(crate) struct RollbackCause {
    /// One sentence.
    pub why: String,
    /// Unix ms.
    pub at: u64,
}

impl RollbackCause {
    /// With the current time.
    pub(super) fn now(why: impl Into<String>) -> Self {
        Self { why: why.into(), at: super::unix_ms() }
    }
}

/// The release that was rolled back last, and why.
#[derive(Clone)]
pub(crate) struct RolledBackRelease {
    pub id: PluginId,
    pub version: String,
    /// SHA-256 of the component in hex.
    pub code: String,
    pub file: PathBuf,
    pub cause: RollbackCause,
    /// `None` if it never ran in this process.
    pub release: Option<Release>,
}

impl RolledBackRelease {
    /// For a release that ran in this process.
    pub(super) fn of(release: Release, cause: RollbackCause) -> Self {
        Self {
            id: release.id().clone(),
            version: release.version().to_owned(),
            code: release.code().to_owned(),
            file: release.file.clone(),
            cause,
            release: Some(release),
        }
    }

    /// Counts and logs the rollback.
    pub(super) fn log(&self) {
        let Self { id, version, code, cause, release, .. } = self;
        metrics::counter!("modehost_plugin_rollbacks_total", "plugin" => id.to_string()).increment(1);
        tracing::error!(
            plugin = %id,
            %version,
            generation = release.as_ref().map(|release| release.generation.id().0),
            sha8 = &code[..code.len().min(8)],
            why = %cause.why,
            "rolled back; the version before it serves all devices again"
        );
    }
}
