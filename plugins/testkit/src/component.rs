//! The component of a plugin. Rule: it is compiled once for each content, read and loaded by the server's own code,
//! and gets every grant that it requests.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use modehost_plugin::grants::Grant;
use modehost_plugin::package;
use modehost_plugin::{Runtime, RuntimeConfig, WasmGeneration};
use serde::Deserialize;

/// Limit of instances of all tests of a process; their address space is reserved up front.
const INSTANCES: usize = 256;

/// Factor of the call timeout: tests run unoptimised and beside a build. Only the server's own tests check timeouts.
const CALL_BUDGETS: u32 = 50;

/// Limit of a plugin file in bytes; the server's own.
const FILE_BYTES: usize = modehost_limits::PLUGIN_FILE_BYTES as usize;

/// Builds and loads a package of the workspace under test, as `modehost plugin build` does.
///
/// # Panics
/// If it does not build, or is rejected.
pub(crate) fn build(package: &str, config: &str) -> Arc<WasmGeneration> {
    load(&built(package), package, config).unwrap_or_else(|refusal| panic!("{package} is refused: {refusal}"))
}

/// The component of a package, built once per process. Cargo's own lock covers concurrent processes.
fn built(package: &str) -> Vec<u8> {
    static BUILT: OnceLock<Mutex<HashMap<String, Vec<u8>>>> = OnceLock::new();
    // A panic below leaves the map unchanged, so a poisoned lock can be used.
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = built.get(package) {
        return bytes.clone();
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--profile", "plugin", "--target", "wasm32-wasip2", "-p", package]);
    command.arg("--message-format=json-render-diagnostics");
    if let Some(directory) = std::env::var_os("CARGO_MANIFEST_DIR") {
        command.current_dir(directory);
    }
    let output = command.output().unwrap_or_else(|error| panic!("cargo cannot be run: {error}"));
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{package} does not build for wasm32-wasip2:\n{stderr}");
    let file = String::from_utf8_lossy(&output.stdout).lines().rev().find_map(|line| component_file(line, package));
    let file = file.unwrap_or_else(|| panic!("{package} builds no component; its crate-type must contain cdylib"));
    let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{} cannot be read: {error}", file.display()));
    built.insert(package.to_owned(), bytes.clone());
    bytes
}

/// The component file of a package, if this line of cargo's output names it.
fn component_file(line: &str, package: &str) -> Option<PathBuf> {
    #[derive(Deserialize)]
    struct Line {
        target: Target,
        filenames: Vec<PathBuf>,
    }
    #[derive(Deserialize)]
    struct Target {
        name: String,
    }
    let line: Line = serde_json::from_str(line).ok()?;
    let is_own = line.target.name == package || line.target.name == package.replace('-', "_");
    line.filenames.into_iter().find(|file| is_own && file.extension().is_some_and(|end| end == "wasm"))
}

/// Loads a component with all grants that it requests, required or optional. The error is the server's reason to
/// reject it.
pub(crate) fn load(bytes: &[u8], name: &str, config: &str) -> Result<Arc<WasmGeneration>, String> {
    let manifest = package::read(bytes).map_err(|error| format!("{name} {error}"))?;
    let requested: Vec<String> =
        manifest.grants.iter().chain(&manifest.optional_grants).map(Grant::to_string).collect();
    runtime()?.load(bytes, name, Some(config), &requested).map_err(|error| error.to_string())
}

/// Loads a component from a file.
pub(crate) fn load_file(path: &Path, config: &str) -> Result<Arc<WasmGeneration>, String> {
    let name = path.display().to_string();
    let bytes = modehost_follow::read(path, FILE_BYTES).map_err(|error| format!("cannot read {name}: {error}"))?;
    load(&bytes, &name, config)
}

/// Loads the same plugin with another section of the configuration.
pub(crate) fn reload(generation: &WasmGeneration, config: &str) -> Result<Arc<WasmGeneration>, String> {
    let (id, granted) = (&generation.package().id, generation.grants().to_texts());
    runtime()?.reload(generation, id, Some(config), &granted).map_err(|error| error.to_string())
}

fn runtime() -> Result<&'static Runtime, String> {
    static RUNTIME: OnceLock<Result<Arc<Runtime>, String>> = OnceLock::new();
    let runtime = RUNTIME.get_or_init(|| {
        // A compiled component in cargo's target directory is reused by the next run; compiling takes longer than all
        // the tests.
        let program = std::env::current_exe().ok();
        let mut folders = program.iter().flat_map(|program| program.ancestors());
        let cache = folders.find(|folder| folder.join("CACHEDIR.TAG").is_file()).map(|target| target.join("testkit"));
        let call_timeout = modehost_limits::CALL_BUDGET * CALL_BUDGETS;
        let config = RuntimeConfig { live_instances: INSTANCES, cache, call_timeout, ..RuntimeConfig::default() };
        Runtime::new(config).map_err(|error| error.to_string())
    });
    runtime.as_deref().map_err(Clone::clone)
}
