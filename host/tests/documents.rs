//! The files under `config/` and the built-in settings. Rule: the distributed files are the built-in ones, and neither
//! falls behind the code.

use std::path::Path;

use modehost::settings::{self, BUILT_IN, Settings};
use modehost_config::{Loaded, Source};
use serde_json::Value;

fn built_in() -> Loaded<Settings> {
    settings::load(&Source { embedded: BUILT_IN, file: None, overrides: Vec::new() })
        .expect("the built-in settings are good")
}

#[test]
fn the_file_that_is_handed_out_says_what_the_code_says() {
    let distributed = serde_json::to_value(&built_in().document).expect("JSON");
    let mut expected = serde_json::to_value(Settings::default()).expect("JSON");
    // The settings that name modes, which code under `host/` must not.
    for pointer in [
        "/plugins/grants",
        "/plugins/share",
        "/session/default_mode",
        "/timeouts/mode_multiplier",
        "/config/older_names",
    ] {
        let named = distributed.pointer(pointer).expect("the file names it").clone();
        assert!(named.is_string() || named.as_object().is_some_and(|names| !names.is_empty()), "{pointer}: {named}");
        *expected.pointer_mut(pointer).expect("the code knows it") = named;
    }
    assert_eq!(distributed, expected);
}

#[test]
fn every_key_of_the_schema_is_in_the_file() {
    let schema: Value = serde_json::from_str(&settings::schema()).expect("JSON");
    let mut missing = Vec::new();
    keys(&schema, &schema, "", &mut |path, key| {
        if !BUILT_IN.1.lines().any(|line| line.trim_start_matches([' ', '#']).starts_with(&format!("{key}:"))) {
            missing.push(path.to_owned());
        }
    });
    assert_eq!(missing, Vec::<String>::new());
}

/// Calls `visit` with the path and name of each key that is not inside a list.
fn keys(root: &Value, schema: &Value, path: &str, visit: &mut dyn FnMut(&str, &str)) {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|text| root.pointer(text.strip_prefix('#')?));
    let target = target.unwrap_or(schema);
    for (key, below) in target.get("properties").and_then(Value::as_object).into_iter().flatten() {
        let path = format!("{path}.{key}");
        visit(&path, key);
        keys(root, below, &path, visit);
    }
}

#[test]
fn the_schema_that_is_handed_out_is_the_one_of_the_code() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../config/schema.json");
    let schema = settings::schema();
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(file, &schema).expect("write");
    }
    let present = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        present == schema,
        "config/schema.json is behind the code; run `modehost check --schema > config/schema.json`"
    );
}

#[test]
fn the_reference_is_the_one_of_the_code_and_of_the_plugins() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut sections = Vec::new();
    for entry in std::fs::read_dir(root.join("plugins")).expect("plugins/").flatten() {
        let directory = entry.path();
        let Ok(text) = std::fs::read_to_string(directory.join("config.schema.json")) else { continue };
        let name = entry.file_name().to_string_lossy().into_owned();
        // The command names a section after its directory, so the two must agree.
        let manifest = std::fs::read_to_string(directory.join("plugin.toml")).expect("a manifest");
        let manifest: toml::Table = manifest.parse().expect("TOML");
        assert_eq!(manifest["id"].as_str(), Some(name.as_str()), "a plugin's folder is named after its id");
        sections.push((name, serde_json::from_str(&text).expect("JSON")));
    }
    sections.sort_by(|(one, _): &(String, Value), (other, _)| one.cmp(other));
    let file = root.join("config/REFERENCE.md");
    let page = settings::reference(&sections);
    if std::env::var_os("UPDATE_SCHEMA").is_some() {
        std::fs::write(&file, &page).expect("write");
    }
    let present = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        present == page,
        "config/REFERENCE.md is behind the code; run `modehost check --reference plugins/*/config.schema.json > \
         config/REFERENCE.md`"
    );
}

#[test]
fn what_the_reference_says_of_restarts_and_defaults_is_so() {
    let in_force = serde_json::to_value(&built_in().document).expect("JSON");
    let page = settings::reference(&[]);
    let mut checked = 0;
    for row in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = row.split(" | ").collect();
        let (setting, default, when, words) = (cells[0].trim_matches(['|', ' ', '`']), cells[2], cells[3], row);
        assert_eq!(
            words.contains("eeds a restart") && !words.contains("other paths need"),
            when == "restart" && !setting.starts_with("server.tls."),
            "{row}"
        );
        if setting.contains(['<', '[']) {
            continue;
        }
        let Some(value) = in_force.pointer(&format!("/{}", setting.replace('.', "/"))).filter(|value| !value.is_null())
        else {
            continue;
        };
        assert_eq!(default.trim_matches('`').replace("\\|", "|"), value.to_string(), "{row}");
        checked += 1;
    }
    assert!(checked > 80, "{checked}");
}

#[test]
fn the_image_holds_every_plugin() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let recipe = std::fs::read_to_string(root.join("examples/operation/Containerfile")).expect("the recipe");
    for entry in std::fs::read_dir(root.join("plugins")).expect("plugins/").flatten() {
        if entry.path().join("plugin.toml").is_file() {
            let manifest = std::fs::read_to_string(entry.path().join("Cargo.toml")).expect("a manifest");
            let manifest: toml::Table = manifest.parse().expect("TOML");
            let package = manifest["package"]["name"].as_str().expect("a name");
            let named = recipe.split_whitespace().collect::<Vec<_>>().windows(2).any(|words| words == ["-p", package]);
            assert!(named, "examples/operation/Containerfile does not build {package}");
        }
    }
}
