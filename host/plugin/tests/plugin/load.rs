//! Every reason to reject a file. Rule: the error names the file and what to do, before any session could use it.

use std::os::unix::fs::MetadataExt;

use crate::fixture::{bytes, load, load_with, runtime};
use modehost_contract::Generation;
use modehost_plugin::{LoadError, Runtime, RuntimeConfig};
use wasm_encoder::{
    Component, ComponentImportSection, ComponentTypeRef, ComponentTypeSection, CustomSection, InstanceType,
};

/// A component without code, with a plugin.toml and optionally an import.
fn empty_component(import: Option<&str>) -> Vec<u8> {
    let mut component = Component::new();
    if let Some(name) = import {
        let mut types = ComponentTypeSection::new();
        types.instance(&InstanceType::new());
        component.section(&types);
        let mut imports = ComponentImportSection::new();
        imports.import(name, ComponentTypeRef::Instance(0));
        component.section(&imports);
    }
    let toml = b"id = \"fixture\"\nversion = \"1.0.0\"\n";
    component.section(&CustomSection { name: "modehost:plugin".into(), data: toml.as_slice().into() });
    component.finish()
}

fn rejection(bytes: &[u8]) -> String {
    match runtime().load(bytes, "fixture.wasm", None, &[]) {
        Ok(_) => panic!("it was taken"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn h3_what_is_no_plugin_is_refused() {
    let whole = bytes(&[]);
    let cases: [(&[u8], &str); 7] = [
        (b"", "is empty"),
        (b"hello", "is not WebAssembly"),
        (b"\0asm\x01\0\0\0", "is a core module"),
        (&whole[..whole.len() / 2], "ends in the middle"),
        (&whole[..40], "ends in the middle"),
        (&empty_component(None), "handler"),
        (&empty_component(Some("wasi:http/outgoing-handler@0.2.0")), "imports wasi:http/outgoing-handler@0.2.0"),
    ];
    for (bytes, word) in cases {
        let why = rejection(bytes);
        assert!(why.contains(word) && why.contains("fixture.wasm"), "{word}: {why}");
    }
}

#[test]
fn h1_a_grant_that_is_not_configured_refuses_with_the_line_to_add() {
    let runtime = runtime();
    let requested = [("grants", "hook:crm,documents:fixture/")];
    let error = load(&runtime, &requested).err().expect("refused").to_string();
    assert!(error.contains("hook:crm") && error.contains("plugins.grants.fixture"), "{error}");
    let granted = ["hook:*".to_owned(), "documents:*".to_owned(), "model".to_owned()];
    let generation = load_with(&runtime, &requested, None, &granted).expect("granted");
    // Never more than was requested.
    assert_eq!(generation.grants().to_texts(), ["documents:fixture/", "hook:crm"]);
}

#[test]
fn h3_a_plugin_that_lies_or_fails_its_trial_is_refused() {
    let runtime = runtime();
    let cases: [(&[(&str, &str)], &str); 13] = [
        (&[("package-id", "other")], "id"),
        (&[("package-version", "2.0.0")], "version"),
        (&[("type", "hello")], "belongs to the server"),
        (&[("version", "one")], "semantic version"),
        (&[("fail", "describe")], "trial at describe"),
        (&[("fail", "configure")], "trial at configure"),
        (&[("fail", "configure!")], "does not like its configuration"),
        (&[("fail", "started!")], "does not start"),
        (&[("fail", "snapshot")], "trial at snapshot"),
        (&[("fail", "restore")], "trial at restore"),
        (&[("fail", "restore!")], "does not restore"),
        (&[("schema", "2")], "schema 2"),
        (&[("grants", "money")], "`money` is not a grant"),
    ];
    for (changes, word) in cases {
        let error = load(&runtime, changes).err().unwrap_or_else(|| panic!("{changes:?} was taken")).to_string();
        assert!(error.contains(word), "{changes:?}: {error}");
    }
    assert_eq!(runtime.live_instances(), 0);
}

#[test]
fn h6_a_section_that_does_not_fit_is_refused_with_its_path() {
    let runtime = runtime();
    let error = load_with(&runtime, &[], Some(r#"{"label":5}"#), &[]).err().expect("refused").to_string();
    assert!(error.contains("`fixture`") && error.contains("/label"), "{error}");
    let generation = load_with(&runtime, &[], Some(r#"{"label":"a"}"#), &[]).expect("fits");
    let mut instance = generation.open().expect("opens");
    let effects = crate::fixture::run_command(&mut *instance, "count").expect("counts");
    assert_eq!(crate::fixture::sent(&effects)["label"], "a");
}

#[test]
fn compiled_plugins_on_disk_are_bounded_and_the_least_used_go() {
    let directory = tempfile::tempdir().expect("a folder");
    let cache = directory.path().join("cache");
    let start = |cache_bytes| {
        let config =
            RuntimeConfig { live_instances: 10, cache: Some(cache.clone()), cache_bytes, ..RuntimeConfig::default() };
        Runtime::new(config).expect("a runtime")
    };
    let cached_files = || {
        let entries = std::fs::read_dir(&cache).expect("the cache").map(|entry| entry.expect("an entry").path());
        let mut names: Vec<_> = entries.filter(|path| path.extension().is_some_and(|end| end == "cwasm")).collect();
        names.sort();
        names
    };
    load(&start(1 << 30), &[("version", "1.0.0")]).expect("compiles");
    let first = cached_files().pop().expect("one file");
    load(&start(1 << 30), &[("version", "2.0.0")]).expect("compiles");
    let second = cached_files().into_iter().find(|path| *path != first).expect("another");
    // The first is used again, so that the second is the least recently used.
    load(&start(1 << 30), &[("version", "1.0.0")]).expect("taken from the cache");
    let size = std::fs::metadata(&first).expect("the file").len();
    load(&start(size * 5 / 2), &[("version", "3.0.0")]).expect("compiles");
    let left = cached_files();
    assert!(left.len() == 2 && left.contains(&first) && !left.contains(&second), "{left:?}");
}

#[test]
fn compiled_plugins_are_kept_and_damaged_ones_are_compiled_anew() {
    let directory = tempfile::tempdir().expect("a folder");
    let cache = directory.path().join("cache");
    let start = || -> std::sync::Arc<Runtime> {
        let config = RuntimeConfig { live_instances: 10, cache: Some(cache.clone()), ..RuntimeConfig::default() };
        Runtime::new(config).expect("a runtime")
    };
    let files = |end: &str| -> Vec<std::path::PathBuf> {
        let entries = std::fs::read_dir(&cache).expect("the cache").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.extension().is_some_and(|extension| extension == end)).collect()
    };
    load(&start(), &[]).expect("compiles");
    let compiled = files("cwasm").pop().expect("one file");
    let file = || std::fs::metadata(&compiled).expect("the file").ino();
    let signature = || std::fs::read(files("sum").pop().expect("a sum")).expect("the sum");
    let written = file();

    load(&start(), &[]).expect("taken from the cache");
    assert_eq!(written, file(), "a file that fits is not written again");

    let mut damaged = std::fs::read(&compiled).expect("reads");
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xFF;
    std::fs::write(&compiled, &damaged).expect("writes");
    load(&start(), &[]).expect("compiles anew");
    assert_ne!(std::fs::read(&compiled).expect("reads"), damaged);

    // Another installation has another key and does not run code that it has not compiled itself.
    let key = cache.with_extension("key");
    let own = std::fs::read(&key).expect("the key");
    std::fs::remove_file(&key).expect("removed");
    let signed = signature();
    load(&start(), &[]).expect("compiles anew");
    assert_ne!(signed, signature(), "what another key has signed is not taken");
    assert_ne!(own, std::fs::read(&key).expect("a new key"));

    std::fs::remove_file(files("sum").pop().expect("a sum")).expect("removes");
    load(&start(), &[]).expect("compiles without a sum");
    assert_eq!(files("sum").len(), 1);
}

#[test]
fn a_folder_of_compiled_plugins_that_others_can_write_to_is_refused() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(directory.path(), std::fs::Permissions::from_mode(0o777)).expect("permissions");
    let config =
        RuntimeConfig { live_instances: 1, cache: Some(directory.path().to_owned()), ..RuntimeConfig::default() };
    let error = Runtime::new(config).err().expect("refused").to_string();
    assert!(error.contains("0700"), "{error}");
}

#[test]
fn inspect_tells_what_a_file_may_do_without_running_it() {
    let broken = bytes(&[("fail", "describe"), ("grants", "model")]);
    let inspected = modehost_plugin::inspect(&broken, "fixture.wasm", None).expect("readable");
    assert_eq!((inspected.id.as_str(), inspected.version.as_str()), ("fixture", "1.0.0"));
    assert_eq!(inspected.grants, ["model"]);
    assert!(inspected.imports.iter().all(|import| !import.contains("sockets")), "{:?}", inspected.imports);
    assert!(inspected.exports.iter().any(|export| export == "modehost:mode/handler@0.1.0"), "{:?}", inspected.exports);
    let error = modehost_plugin::inspect(&broken, "fixture.wasm", Some(&runtime())).err();
    assert!(matches!(error, Some(LoadError::Probe { .. })), "{error:?}");
}

#[test]
fn c20_a_cache_that_was_removed_is_made_anew_and_one_that_others_write_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let home = tempfile::tempdir().expect("a folder");
    let cache = home.path().join("cache");
    let config = RuntimeConfig { live_instances: 10, cache: Some(cache.clone()), ..RuntimeConfig::default() };
    let runtime = Runtime::new(config).expect("a runtime");
    let files = || std::fs::read_dir(&cache).map_or(0, Iterator::count);
    std::fs::remove_dir_all(&cache).expect("removed");
    load(&runtime, &[]).expect("compiled");
    assert_eq!(files(), 2, "the component and its checksum");
    assert_eq!(std::fs::metadata(&cache).expect("a folder").permissions().mode() & 0o777, 0o700);
    std::fs::remove_dir_all(&cache).expect("removed");
    std::fs::create_dir(&cache).expect("made by another");
    std::fs::set_permissions(&cache, std::fs::Permissions::from_mode(0o777)).expect("open to all");
    load(&runtime, &[("version", "2.0.0")]).expect("compiled");
    assert_eq!(files(), 0, "nothing is read from it or written to it");
}
