//! One plugin file as operators look at it, without a running server.
//!
//! Rule: a file goes through the same checks as in the server; nothing is written.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::limits;
use modehost_contract::Generation;
use modehost_plugin::grants::Grant;
use modehost_plugin::package::{self, Package};
use modehost_plugin::{Runtime, RuntimeConfig, RuntimeError, WasmGeneration};
use serde_json::{Value, json};

use crate::settings::Settings;

/// What is wrong with a file, or with the folder that it should be in.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// The system's answer.
        error: std::io::Error,
    },
    /// The file is no plugin.
    #[error("{} {error}", path.display())]
    Refused {
        /// Which.
        path: PathBuf,
        /// Why not.
        error: package::PackageError,
    },
    /// It cannot be loaded or run.
    #[error("{0}")]
    Load(#[from] modehost_plugin::LoadError),
    /// WebAssembly cannot be run on this machine.
    #[error("{0}")]
    Runtime(#[from] RuntimeError),
}

/// A plugin that has been probed.
#[derive(Clone, Debug)]
pub struct Probed {
    /// The plugin's id, as it says itself.
    pub id: String,
    /// JSON Schema of its section.
    pub config_schema: Value,
    /// All words that name one of its modes.
    pub modes: Vec<String>,
    /// Of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// What it asks for, must it have it or not.
    pub asks: Vec<Grant>,
}

/// A file of a folder, with what came of its probe.
pub type ProbedFile = (PathBuf, Result<Probed, FileError>);

/// A runtime for a look at a few files: as configured, but small, and without a cache.
///
/// # Errors
/// If the machine does not allow one.
pub fn small_runtime(settings: &Settings) -> Result<Arc<Runtime>, RuntimeError> {
    Runtime::new(RuntimeConfig { live_instances: limits::PROBE_INSTANCES, ..settings.plugins.runtime(None, None) })
}

/// Reads a file.
///
/// # Errors
/// If it cannot be read.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    modehost_follow::read(path, limits::PLUGIN_FILE_BYTES as usize)
        .map_err(|error| FileError::Unreadable { path: path.to_owned(), error })
}

/// What a file says of itself without being run.
///
/// # Errors
/// If it cannot be read or is no plugin.
pub fn look(path: &Path) -> Result<(Vec<u8>, Package), FileError> {
    let bytes = read(path)?;
    let package = package::read(&bytes).map_err(|error| FileError::Refused { path: path.to_owned(), error })?;
    Ok((bytes, package))
}

/// Prepares and probes a file with the given section and grants. Blocks for up to seconds.
///
/// # Errors
/// Whatever would keep the server from taking it.
pub fn probe(
    runtime: &Runtime,
    path: &Path,
    section: Option<&Value>,
    granted: &[String],
) -> Result<Arc<WasmGeneration>, FileError> {
    let section = section.map(Value::to_string);
    Ok(runtime.load(&read(path)?, &path.display().to_string(), section.as_deref(), granted)?)
}

/// Probes every plugin of the configured folder, with everything granted that it asks for, to
/// learn its schema. A folder that is not there holds none.
///
/// # Errors
/// If there can be no runtime.
pub fn probe_folder(settings: &Settings) -> Result<Vec<ProbedFile>, FileError> {
    let files = components(&settings.plugins.dir);
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let runtime = small_runtime(settings)?;
    let probe_one = |path: &Path| {
        let (_, package) = look(path)?;
        let generation = probe(&runtime, path, None, &asked(&package))?;
        let manifest = generation.manifest();
        let config_schema = serde_json::from_str(&manifest.config_schema).unwrap_or(Value::Bool(true));
        let words = manifest.modes.iter().flat_map(|offer| std::iter::once(&offer.name).chain(&offer.aliases));
        Ok(Probed {
            id: manifest.id.as_str().to_owned(),
            config_schema,
            modes: words.cloned().collect(),
            asks: package.grants.iter().chain(&package.optional_grants).cloned().collect(),
            sha256: package.sha256,
        })
    };
    Ok(files
        .into_iter()
        .map(|path| {
            let probed = probe_one(&path);
            (path, probed)
        })
        .collect())
}

/// The `.wasm` files of a folder, sorted.
pub fn components(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "wasm")).collect();
    files.sort();
    files
}

/// Every grant that a plugin asks for, must it have it or not.
pub fn asked(package: &Package) -> Vec<String> {
    package.grants.iter().chain(&package.optional_grants).map(ToString::to_string).collect()
}

/// All that is known of a file, for machines.
pub fn describe(package: &Package, generation: Option<&WasmGeneration>) -> Value {
    let words = |grants: &[modehost_plugin::grants::Grant]| grants.iter().map(ToString::to_string).collect::<Vec<_>>();
    let manifest = generation.map(|generation| {
        let manifest = generation.manifest();
        let modes: Vec<&str> = manifest.modes.iter().map(|mode| &*mode.name).collect();
        json!({
            "modes": modes,
            "message_types": manifest.message_types,
            "snapshot_schemas": manifest.snapshot_schemas,
            "config_schema": serde_json::from_str::<Value>(&manifest.config_schema).unwrap_or_default(),
        })
    });
    json!({
        "id": package.id,
        "version": package.version,
        "description": package.description,
        "size_bytes": package.size,
        "sha256": package.sha256,
        "contract": package.track(),
        "grants": words(&package.grants),
        "optional_grants": words(&package.optional_grants),
        "imports": package.imports,
        "exports": package.exports,
        "manifest": manifest,
    })
}
