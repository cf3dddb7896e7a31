//! Inspection of single plugin files, without a running server.
//!
//! Rule: a file goes through the same checks as in the server; nothing is written.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::limits;
use modehost_config::Section;
use modehost_contract::Generation;
use modehost_plugin::grants::Grant;
use modehost_plugin::package::{self, Package};
use modehost_plugin::{Runtime, RuntimeConfig, RuntimeError, WasmGeneration};
use serde_json::{Value, json};

use crate::settings::Settings;

/// Why a plugin file, or the runtime for it, cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read {}: {error}", path.display())]
    Unreadable {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        error: std::io::Error,
    },
    /// The file is not a plugin.
    #[error("{} {error}", path.display())]
    Refused {
        /// Its path.
        path: PathBuf,
        /// The reason.
        error: package::PackageError,
    },
    /// It cannot be loaded or run.
    #[error("{0}")]
    Load(#[from] modehost_plugin::LoadError),
    /// WebAssembly cannot run on this machine.
    #[error("{0}")]
    Runtime(#[from] RuntimeError),
}

/// A probed plugin.
#[derive(Clone, Debug)]
pub struct Probed {
    /// The id in its manifest.
    pub id: String,
    /// JSON Schema of its section.
    pub config_schema: Value,
    /// All names and aliases of its modes.
    pub modes: Vec<String>,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Required and optional grants that it requests.
    pub requested: Vec<Grant>,
}

/// A file of a directory, with the outcome of its probe.
pub type ProbedFile = (PathBuf, Result<Probed, FileError>);

/// A runtime for a few files: as configured, but small, and without a cache.
///
/// # Errors
/// If the machine does not support one.
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

/// The bytes and the metadata of a file, read without running it.
///
/// # Errors
/// If it cannot be read or is not a plugin.
pub fn read_package(path: &Path) -> Result<(Vec<u8>, Package), FileError> {
    let bytes = read(path)?;
    let package = package::read(&bytes).map_err(|error| FileError::Refused { path: path.to_owned(), error })?;
    Ok((bytes, package))
}

/// Loads and probes a file with the given section and grants. Blocks for up to seconds.
///
/// # Errors
/// Whatever would make the server reject it.
pub fn probe(
    runtime: &Runtime,
    path: &Path,
    section: Option<&Value>,
    granted: &[String],
) -> Result<Arc<WasmGeneration>, FileError> {
    let section = section.map(Value::to_string);
    Ok(runtime.load(&read(path)?, &path.display().to_string(), section.as_deref(), granted)?)
}

/// Loads and probes a component as a server with these settings would: with its section and its grants. `name` stands
/// in errors.
///
/// # Errors
/// Whatever would make the server reject it.
pub fn probe_bytes(
    settings: &Settings,
    sections: &BTreeMap<String, Section>,
    bytes: &[u8],
    name: &str,
) -> Result<Arc<WasmGeneration>, FileError> {
    probe_bytes_with(settings, sections, bytes, name, &[])
}

/// The same, with these grants in addition.
///
/// # Errors
/// Whatever would make the server reject it then.
pub fn probe_bytes_with(
    settings: &Settings,
    sections: &BTreeMap<String, Section>,
    bytes: &[u8],
    name: &str,
    more_grants: &[String],
) -> Result<Arc<WasmGeneration>, FileError> {
    let package = package::read(bytes).map_err(|error| FileError::Refused { path: PathBuf::from(name), error })?;
    let section = sections.get(&package.id).map(|section| section.value.to_string());
    let runtime = small_runtime(settings)?;
    let mut granted = settings.plugins.granted(&package);
    granted.extend_from_slice(more_grants);
    Ok(runtime.load(bytes, name, section.as_deref(), &granted)?)
}

/// Probes every plugin of the configured directory with all requested grants, to learn its schema. A missing directory
/// counts as empty.
///
/// # Errors
/// If no runtime can be created.
pub fn probe_directory(settings: &Settings) -> Result<Vec<ProbedFile>, FileError> {
    let files = components(&settings.plugins.dir);
    if files.is_empty() {
        return Ok(Vec::new());
    }
    let runtime = small_runtime(settings)?;
    let probe_one = |path: &Path| {
        let (_, package) = read_package(path)?;
        let generation = probe(&runtime, path, None, &requested_grants(&package))?;
        let manifest = generation.manifest();
        let config_schema = serde_json::from_str(&manifest.config_schema).unwrap_or(Value::Bool(true));
        let texts = manifest.modes.iter().flat_map(|offer| std::iter::once(&offer.name).chain(&offer.aliases));
        Ok(Probed {
            id: manifest.id.as_str().to_owned(),
            config_schema,
            modes: texts.cloned().collect(),
            requested: package.grants.iter().chain(&package.optional_grants).cloned().collect(),
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

/// The `.wasm` files of a directory, sorted.
pub fn components(directory: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(directory).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|end| end == "wasm")).collect();
    files.sort();
    files
}

/// Where the plugin of this id is in a directory, or belongs.
pub fn file_of(directory: &Path, id: &str) -> PathBuf {
    let files = components(directory);
    let is_own = |file: &&PathBuf| read_package(file).is_ok_and(|(_, package)| package.id == id);
    files.iter().find(is_own).cloned().unwrap_or_else(|| directory.join(format!("{id}.wasm")))
}

/// Every grant that a plugin requests, required or optional.
pub fn requested_grants(package: &Package) -> Vec<String> {
    package.grants.iter().chain(&package.optional_grants).map(ToString::to_string).collect()
}

/// All known facts about a file, as JSON.
pub fn describe(package: &Package, generation: Option<&WasmGeneration>) -> Value {
    let texts = |grants: &[modehost_plugin::grants::Grant]| grants.iter().map(ToString::to_string).collect::<Vec<_>>();
    let manifest = generation.map(|generation| {
        let manifest = generation.manifest();
        let modes: Vec<&str> = manifest.modes.iter().map(|mode| &*mode.name).collect();
        json!({
            "modes": modes,
            "mode_offers": manifest.modes,
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
        "contract": package.contract_version(),
        "grants": texts(&package.grants),
        "optional_grants": texts(&package.optional_grants),
        "imports": package.imports,
        "exports": package.exports,
        "manifest": manifest,
    })
}
