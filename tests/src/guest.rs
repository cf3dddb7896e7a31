//! The components that tests install. Rule: they are what `cargo build` makes of the sources of
//! this tree; only the fixture is varied, by patching the settings that it has for that.

use std::collections::HashMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use modehost_guests::{guest_wasm, variant};

/// A plugin that comes with the server, by its package name. Built once a process.
pub fn bundled(package: &str) -> Vec<u8> {
    static BUILT: OnceLock<Mutex<HashMap<String, Vec<u8>>>> = OnceLock::new();
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    built.entry(package.to_owned()).or_insert_with(|| guest_wasm(package)).clone()
}

/// The guest that misbehaves on request, with some settings changed; those are listed in
/// `tests/guests`. Answers carry its version as `build`, unless that is set.
pub fn fixture(changes: &[(&str, &str)]) -> Vec<u8> {
    let version = changes.iter().find(|(key, _)| *key == "version").map_or("1.0.0", |(_, version)| version);
    let mut all = vec![("build", version)];
    all.extend_from_slice(changes);
    variant(&bundled("modehost-guests"), &all)
}

/// The fixture as of another version, otherwise the same.
pub fn fixture_version(version: &str) -> Vec<u8> {
    fixture(&[("version", version)])
}
