//! The component of a plugin, as cargo makes it. Rule: built once a process, compiled once for
//! each content, loaded by the server's own code.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use modehost_plugin::{Runtime, RuntimeConfig, WasmGeneration};

/// Instances of all tests of a process; the address space for them is reserved at once.
const INSTANCES: usize = 256;

/// Builds and loads a package with all the grants that it asks for.
pub(crate) fn load(package: &str, config: &str) -> Arc<WasmGeneration> {
    let bytes = build(package);
    let granted = grants(package);
    match runtime().load(&bytes, package, Some(config), &granted) {
        Ok(generation) => generation,
        Err(error) => panic!("{package} is refused: {error}"),
    }
}

/// The same plugin with another section of the configuration.
pub(crate) fn reload(generation: &WasmGeneration, config: &str) -> Arc<WasmGeneration> {
    let package = generation.package();
    match runtime().reload(generation, &package.id, Some(config), &generation.grants().to_texts()) {
        Ok(generation) => generation,
        Err(error) => panic!("{} is refused: {error}", package.id),
    }
}

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| workspace().join("target"), PathBuf::from)
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Arc<Runtime>> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        // Compiling takes longer than all the tests; the result is good for the next run too.
        let cache = Some(target().join("testkit"));
        // Tests run unoptimised beside a build; only the server's tests look at time limits.
        let call = modehost_limits::CALL * 50;
        let config = RuntimeConfig { live_instances: INSTANCES, cache, call, ..RuntimeConfig::default() };
        Runtime::new(config).unwrap_or_else(|error| panic!("{error}"))
    })
}

fn build(package: &str) -> Arc<Vec<u8>> {
    type Built = Mutex<HashMap<String, Arc<Vec<u8>>>>;
    static BUILT: OnceLock<Built> = OnceLock::new();
    let mut built = BUILT.get_or_init(Mutex::default).lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(bytes) = built.get(package) {
        return bytes.clone();
    }
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let arguments = ["build", "--quiet", "--profile", "plugin", "--target", "wasm32-wasip2", "-p", package];
    let status = Command::new(cargo).args(arguments).current_dir(workspace()).status();
    assert!(status.as_ref().is_ok_and(std::process::ExitStatus::success), "{package} does not build: {status:?}");
    let file = target().join("wasm32-wasip2/plugin").join(format!("{}.wasm", package.replace('-', "_")));
    let bytes = std::fs::read(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    built.entry(package.to_owned()).or_insert(Arc::new(bytes)).clone()
}

/// Everything in the quotes of the `grants` lines of its plugin.toml.
fn grants(package: &str) -> Vec<String> {
    let file = workspace().join("plugins").join(package).join("plugin.toml");
    let text = std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let lists = text.split("grants").skip(1).filter_map(|rest| rest.split(']').next());
    lists.flat_map(|list| list.split('"').skip(1).step_by(2)).map(str::to_owned).collect()
}
