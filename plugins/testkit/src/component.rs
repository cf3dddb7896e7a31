//! The component of a plugin, as cargo makes it. Rule: compiled once for each content, read and loaded by
//! the server's own code.

use std::sync::{Arc, OnceLock};

use modehost_guest_build::{guest_wasm, target};
use modehost_plugin::grants::Grant;
use modehost_plugin::package;
use modehost_plugin::{Runtime, RuntimeConfig, WasmGeneration};

/// Instances of all tests of a process; the address space for them is reserved at once.
const INSTANCES: usize = 256;

/// Builds and loads a package with all the grants that it asks for.
pub(crate) fn load(package: &str, config: &str) -> Arc<WasmGeneration> {
    let bytes = guest_wasm(package);
    let granted = grants(&bytes, package);
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

/// All the grants that the component asks for, needed or optional.
fn grants(bytes: &[u8], package: &str) -> Vec<String> {
    let manifest = package::read(bytes).unwrap_or_else(|error| panic!("{package} {error}"));
    manifest.grants.iter().chain(&manifest.optional_grants).map(Grant::to_string).collect()
}

fn runtime() -> &'static Runtime {
    static RUNTIME: OnceLock<Arc<Runtime>> = OnceLock::new();
    RUNTIME.get_or_init(|| {
        // Compiling takes longer than all the tests; the result is good for the next run too.
        let cache = Some(target().join("testkit"));
        // Tests run unoptimised beside a build; only the server's tests look at time limits.
        let call = modehost_limits::CALL_BUDGET * 50;
        let config = RuntimeConfig { live_instances: INSTANCES, cache, call_timeout: call, ..RuntimeConfig::default() };
        Runtime::new(config).unwrap_or_else(|error| panic!("{error}"))
    })
}
