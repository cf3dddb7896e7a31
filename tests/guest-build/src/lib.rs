//! Builds the components that tests run; nothing else does. Rule: each is built once per process, and cargo's own lock
//! serialises parallel test processes.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, OnceLock, PoisonError};

/// The component of a package of this workspace, such as `modehost-guests`; built if necessary, with the profile and
/// for the target of released plugins.
///
/// # Panics
/// If it cannot be built; the message contains cargo's output.
pub fn guest_wasm(package: &str) -> Vec<u8> {
    static BUILT: OnceLock<Mutex<HashMap<String, Vec<u8>>>> = OnceLock::new();
    let built = BUILT.get_or_init(Mutex::default);
    // One build at a time in this process; a panic here leaves the map unchanged.
    let mut built = built.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = built.get(package) {
        return bytes.clone();
    }
    let bytes = build(package);
    built.insert(package.to_owned(), bytes.clone());
    bytes
}

fn build(package: &str) -> Vec<u8> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .current_dir(workspace())
        .args(["build", "--quiet", "--profile", "plugin", "--target", "wasm32-wasip2", "-p", package])
        .output()
        .expect("cargo runs");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{package} does not build for wasm32-wasip2:\n{stderr}");
    let file = target().join("wasm32-wasip2/plugin").join(package.replace('-', "_") + ".wasm");
    std::fs::read(&file).unwrap_or_else(|error| panic!("{} cannot be read: {error}", file.display()))
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Cargo's target directory: `CARGO_TARGET_DIR`, or `target` in the workspace.
pub fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}
