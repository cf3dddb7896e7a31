//! What operators want to know of a plugin file before they install it. Rule: the bytes are read
//! as in the server; nothing is run unless a runtime is given.

use modehost_contract::Manifest;
use serde::Serialize;

use crate::grants::Grant;
use crate::load::LoadError;
use crate::package;
use crate::runtime::Runtime;
use crate::track::Track;

/// A plugin file, for people and machines.
#[derive(Clone, Debug, Serialize)]
pub struct Inspection {
    /// The plugin's id.
    pub id: String,
    /// Its version, as its `plugin.toml` says it.
    pub version: String,
    /// One line for people.
    pub description: Option<String>,
    /// Of the file.
    pub size_bytes: usize,
    /// Of the file, 64 hexadecimal digits.
    pub sha256: String,
    /// Interfaces that it imports.
    pub imports: Vec<String>,
    /// Interfaces that it exports.
    pub exports: Vec<String>,
    /// The version of the contract that it was built against; none if it is no plugin of this server.
    pub track: Option<Track>,
    /// It does not run without these.
    pub grants: Vec<String>,
    /// It uses these where it has them.
    pub optional_grants: Vec<String>,
    /// What it says of itself when it is run.
    pub manifest: Option<Manifest>,
}

/// Reads a plugin file; with a runtime its own description as well (compiles it; blocks).
///
/// # Errors
/// If it is no plugin, or cannot be run.
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
        track: package.track(),
        id: package.id,
        version: package.version,
        description: package.description,
        sha256: package.sha256,
        imports: package.imports,
        exports: package.exports,
        manifest,
    })
}
