//! Inspection of a plugin file before it is installed. Rule: the file is read as the server reads it; nothing is run
//! unless a runtime is passed.

use modehost_contract::Manifest;
use serde::Serialize;

use crate::contract_version::ContractVersion;
use crate::grants::Grant;
use crate::load::LoadError;
use crate::package;
use crate::runtime::Runtime;

/// Description of a plugin file, for people and tools.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The plugin's id.
    pub id: String,
    /// The version in its `plugin.toml`.
    pub version: String,
    /// One line for people.
    pub description: Option<String>,
    /// Size of the file.
    pub size_bytes: usize,
    /// SHA-256 of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Interfaces that it imports.
    pub imports: Vec<String>,
    /// Interfaces that it exports.
    pub exports: Vec<String>,
    /// The contract version that it was built against; `None` if this server supports none of its exports.
    pub track: Option<ContractVersion>,
    /// Required grants.
    pub grants: Vec<String>,
    /// Optional grants.
    pub optional_grants: Vec<String>,
    /// The result of `describe()`; only with a runtime.
    pub manifest: Option<Manifest>,
}

/// Reads a plugin file; with a runtime its own description as well (compiles it; blocks).
///
/// # Errors
/// If the file is not a plugin, or cannot be run.
pub fn inspect(bytes: &[u8], file: &str, runtime: Option<&Runtime>) -> Result<Inspection, LoadError> {
    let package = package::read(bytes).map_err(|error| LoadError::Package { file: file.to_owned(), error })?;
    let manifest = match runtime {
        Some(runtime) => Some((*runtime.prepare(bytes, file)?.1).clone()),
        None => None,
    };
    let texts = |grants: &[Grant]| grants.iter().map(Grant::to_string).collect();
    Ok(Inspection {
        size_bytes: package.size,
        grants: texts(&package.grants),
        optional_grants: texts(&package.optional_grants),
        track: package.contract_version(),
        id: package.id,
        version: package.version,
        description: package.description,
        sha256: package.sha256,
        imports: package.imports,
        exports: package.exports,
        manifest,
    })
}
