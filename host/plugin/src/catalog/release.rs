//! A release: a generation of a plugin and where it comes from. Rule: it does not change; what was rolled back is
//! remembered with the reason, also by a process that never ran it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use modehost_contract::Generation;
use modehost_ids::PluginId;

use crate::generation::WasmGeneration;

/// A generation and where its plugin comes from.
#[derive(Clone)]
pub(crate) struct Release {
    pub generation: Arc<WasmGeneration>,
    /// The file that the plugin has now; the same for all its releases.
    pub file: PathBuf,
    /// Unix ms.
    pub loaded_at: u64,
}

impl Release {
    /// Of a generation that has just been loaded.
    pub(super) fn new(generation: Arc<WasmGeneration>, file: &Path) -> Self {
        Self { generation, file: file.to_owned(), loaded_at: super::unix_ms() }
    }

    /// The plugin.
    pub(super) fn id(&self) -> &PluginId {
        &self.generation.manifest().id
    }

    /// SHA-256 of the component in hex.
    pub(super) fn code(&self) -> &str {
        self.generation.code()
    }

    /// The version that the plugin says it is.
    pub(super) fn version(&self) -> &str {
        &self.generation.manifest().version
    }
}

/// Why a release is rolled back, and when.
#[derive(Clone, Debug)]
pub(crate) struct Cause {
    /// One sentence.
    pub why: String,
    /// Unix ms.
    pub at: u64,
}

impl Cause {
    /// Now.
    pub(super) fn now(why: impl Into<String>) -> Self {
        Self { why: why.into(), at: super::unix_ms() }
    }
}

/// What was rolled back last, and why.
#[derive(Clone)]
pub(crate) struct RolledBack {
    pub id: PluginId,
    pub version: String,
    /// SHA-256 of the component in hex.
    pub code: String,
    pub file: PathBuf,
    pub cause: Cause,
    /// Where it served in this process.
    pub release: Option<Release>,
}

impl RolledBack {
    /// One that served in this process.
    pub(super) fn of(release: Release, cause: Cause) -> Self {
        Self {
            id: release.id().clone(),
            version: release.version().to_owned(),
            code: release.code().to_owned(),
            file: release.file.clone(),
            cause,
            release: Some(release),
        }
    }

    /// Tells the operator.
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
