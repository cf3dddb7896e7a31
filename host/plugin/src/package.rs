//! Metadata of a plugin file, read without running it. Rule: the bytes are untrusted; any error is one sentence.

use serde::Deserialize;
use sha2::{Digest, Sha256};
use wasmparser::{Parser, Payload};

use crate::contract_version::ContractVersion;
use crate::grants::Grant;

/// Name of the custom section that holds the text of the plugin's `plugin.toml`.
pub const SECTION: &str = "modehost:plugin";

/// A plugin file, parsed but not compiled.
#[derive(Clone, Debug)]
pub struct Package {
    /// Lower-case letters, digits and `-`.
    pub id: String,
    /// The version in its `plugin.toml`; for people, nothing is derived from it.
    pub version: String,
    /// One line for people.
    pub description: Option<String>,
    /// Required grants.
    pub grants: Vec<Grant>,
    /// Optional grants.
    pub optional_grants: Vec<Grant>,
    /// Names of the imported interfaces, as in the component.
    pub imports: Vec<String>,
    /// Names of the exported interfaces.
    pub exports: Vec<String>,
    /// SHA-256 of the file in hex.
    pub sha256: String,
    /// Size of the file, in bytes.
    pub size: usize,
}

/// What is wrong with the bytes of a plugin file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PackageError {
    /// No bytes.
    #[error("is empty; it may still be being written")]
    Empty,
    /// The magic number is not that of WebAssembly.
    #[error("is not WebAssembly; a plugin is a component, as `modehost plugin build` makes them")]
    NotWasm,
    /// WebAssembly, but a core module.
    #[error("is a core module, not a component; build it for the target wasm32-wasip2")]
    CoreModule,
    /// A component that ends early, at this byte.
    #[error("ends in the middle, at byte {0}; it may still be being written")]
    Truncated(usize),
    /// A component that violates the format; the parser's message.
    #[error("is not a valid component: {0}")]
    Invalid(String),
    /// A component without the plugin section.
    #[error("has no custom section `{SECTION}`; a plugin carries its plugin.toml there (the SDK's macro does that)")]
    NoSection,
    /// The section is not a valid `plugin.toml`; one sentence, at most a line.
    #[error("has a plugin.toml that cannot be used: {0}")]
    BadSection(String),
}

/// `plugin.toml` as stored in the custom section.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    id: String,
    version: String,
    description: Option<String>,
    #[serde(default)]
    grants: Vec<String>,
    #[serde(default)]
    optional_grants: Vec<String>,
}

impl Package {
    /// The contract version that it was built against; `None` if this server supports none of its exports.
    pub fn contract_version(&self) -> Option<ContractVersion> {
        ContractVersion::of(&self.exports).ok()
    }
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// Reads a plugin file.
///
/// # Errors
/// See [`PackageError`].
pub fn read(bytes: &[u8]) -> Result<Package, PackageError> {
    if bytes.is_empty() {
        return Err(PackageError::Empty);
    }
    if Parser::is_core_wasm(bytes) {
        return Err(PackageError::CoreModule);
    }
    if !Parser::is_component(bytes) {
        let started = bytes.len() < 8 && b"\0asm\x0d\0\x01\0".starts_with(bytes);
        return Err(if started { PackageError::Truncated(bytes.len()) } else { PackageError::NotWasm });
    }
    let parts = scan(bytes)?;
    let section = parts.section.ok_or(PackageError::NoSection)?;
    let text = std::str::from_utf8(section).map_err(|_| PackageError::BadSection("it is not UTF-8".to_owned()))?;
    // Same-length variants of a file are padded with zeros or spaces.
    let text = text.trim_end_matches(['\0', ' ', '\n']);
    let manifest: Manifest = toml::from_str(text).map_err(|error| bad_section(error.message()))?;
    if !is_id(&manifest.id) {
        return Err(bad_section(&format!(
            "the id `{}` is not 1 to 64 lower-case letters, digits and `-`",
            manifest.id
        )));
    }
    let parse = |texts: Vec<String>| -> Result<Vec<Grant>, PackageError> {
        texts.iter().map(|text| Grant::parse(text).map_err(|why| bad_section(&why))).collect()
    };
    Ok(Package {
        id: manifest.id,
        version: manifest.version,
        description: manifest.description,
        grants: parse(manifest.grants)?,
        optional_grants: parse(manifest.optional_grants)?,
        imports: parts.imports,
        exports: parts.exports,
        sha256: sha256(bytes),
        size: bytes.len(),
    })
}

/// The message goes into lists and logs and quotes untrusted text: control characters are replaced, and it is cut.
fn bad_section(why: &str) -> PackageError {
    let line: String = why.chars().map(|char| if char.is_control() { ' ' } else { char }).take(MESSAGE_CHARS).collect();
    let complete = line.chars().count() == why.chars().count();
    PackageError::BadSection(if complete { line } else { format!("{}…", line.trim_end()) })
}

/// Maximum length of a message about a section, in characters.
const MESSAGE_CHARS: usize = 300;

/// True for a valid plugin id.
pub(crate) fn is_id(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The parts of a file that are used.
struct Parts<'a> {
    imports: Vec<String>,
    exports: Vec<String>,
    section: Option<&'a [u8]>,
}

/// Scans the whole file. The custom section may be in a module nested in the component, where the linker of most
/// languages puts it; only imports and exports of the outermost level count.
fn scan(bytes: &[u8]) -> Result<Parts<'_>, PackageError> {
    let mut parts = Parts { imports: Vec::new(), exports: Vec::new(), section: None };
    let mut depth = 0_usize;
    for payload in Parser::new(0).parse_all(bytes) {
        match payload.map_err(|error| parse_error(&error, bytes.len()))? {
            Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
            Payload::End(_) => depth = depth.saturating_sub(1),
            Payload::ComponentImportSection(section) if depth == 0 => {
                for import in section {
                    parts.imports.push(import.map_err(|error| parse_error(&error, bytes.len()))?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) if depth == 0 => {
                for export in section {
                    parts.exports.push(export.map_err(|error| parse_error(&error, bytes.len()))?.name.name.to_owned());
                }
            }
            Payload::CustomSection(section) if section.name() == SECTION => match parts.section {
                Some(first) if first != section.data() => {
                    let why = format!("there are two different sections `{SECTION}`");
                    return Err(PackageError::BadSection(why));
                }
                _ => parts.section = Some(section.data()),
            },
            _ => {}
        }
    }
    Ok(parts)
}

fn parse_error(error: &wasmparser::BinaryReaderError, size: usize) -> PackageError {
    if error.message().contains("unexpected end") || error.offset() >= size {
        return PackageError::Truncated(size);
    }
    PackageError::Invalid(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_without_end_makes_a_sentence_with_one() {
        let long = "x".repeat(100_000);
        let PackageError::BadSection(why) = bad_section(&format!("unknown field `{long}\n`")) else {
            panic!("another")
        };
        assert!(why.chars().count() <= MESSAGE_CHARS + 1 && why.ends_with('…') && !why.contains('\n'), "{why}");
        assert_eq!(bad_section("short"), PackageError::BadSection("short".to_owned()));
    }

    #[test]
    fn what_is_no_component_is_told_apart() {
        assert_eq!(read(b"").expect_err("empty"), PackageError::Empty);
        assert_eq!(read(b"#!/bin/sh\n").expect_err("text"), PackageError::NotWasm);
        assert_eq!(read(b"\0asm\x01\0\0\0").expect_err("module"), PackageError::CoreModule);
        assert_eq!(read(b"\0asm\x0d").expect_err("cut"), PackageError::Truncated(5));
        assert_eq!(read(b"\0asm\x0d\0\x01\0").expect_err("bare"), PackageError::NoSection);
    }
}
