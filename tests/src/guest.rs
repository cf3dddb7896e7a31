//! The components that tests install. Rule: they are built by `cargo build` from the sources of this tree; only the
//! fixture is varied, by patching its embedded settings.

use modehost_guest_build::guest_wasm;
use modehost_guests::variant;

/// A bundled plugin, by its package name. Built once per process.
pub fn bundled(package: &str) -> Vec<u8> {
    guest_wasm(package)
}

/// The fixture: a guest that misbehaves on request, with some settings changed (listed in `tests/guests`). Its answers
/// carry its version as `build`, unless that is set.
pub fn fixture(changes: &[(&str, &str)]) -> Vec<u8> {
    let version = changes.iter().find(|(key, _)| *key == "version").map_or("1.0.0", |(_, version)| version);
    let mut all = vec![("build", version)];
    all.extend_from_slice(changes);
    variant(&bundled("modehost-guests"), &all)
}

/// The fixture with another version number, otherwise the same.
pub fn fixture_version(version: &str) -> Vec<u8> {
    fixture(&[("version", version)])
}

/// The plugin with an additional unused module of 400,000 functions, which takes minutes to compile.
/// The component is valid.
pub fn slow_to_compile(component: &[u8]) -> Vec<u8> {
    const FUNCTIONS: u64 = 400_000;
    let section = |id: u8, content: Vec<u8>| [vec![id], leb(content.len() as u64), content].concat();
    // One type, i32 to i32; each function returns its parameter.
    let types = section(1, vec![1, 0x60, 1, 0x7F, 1, 0x7F]);
    let functions = section(3, [leb(FUNCTIONS), vec![0; FUNCTIONS as usize]].concat());
    let body = [4, 0, 0x20, 0, 0x0B].repeat(FUNCTIONS as usize);
    let code = section(10, [leb(FUNCTIONS), body].concat());
    let module = [b"\0asm\x01\0\0\0".to_vec(), types, functions, code].concat();
    [component.to_vec(), section(1, module)].concat()
}

/// An unsigned number in LEB128.
fn leb(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    loop {
        let byte = (number & 0x7F) as u8;
        number >>= 7;
        out.push(if number == 0 { byte } else { byte | 0x80 });
        if number == 0 {
            return out;
        }
    }
}
