//! License data of the distribution: `examples/operation/LICENSES.md`, a bill of materials and the license texts. Rule:
//! all three are generated from cargo's dependency graph; each test run compares the list with it.
//!
//! `UPDATE_LICENSES=1 cargo test -p modehost --test dependencies` writes the list, and for a release
//! `target/modehost.cdx.json` (CycloneDX) and `target/THIRD-PARTY.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

/// Not distributed: only tests of plugins use it.
const TEST_KIT: &str = "modehost-testkit";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn text<'a>(value: &'a Value, key: &str) -> &'a str {
    value[key].as_str().unwrap_or_default()
}

/// The output of a cargo command about the committed tree, for Linux.
fn cargo(arguments: &[&str]) -> String {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo).args(arguments).args(["--locked", "--offline"]).current_dir(root()).output();
    let output = output.expect("cargo");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

/// Third-party packages of the server and the plugins, built without features, by name and version.
fn packages() -> BTreeMap<(String, String), Value> {
    let all = cargo(&["metadata", "--format-version=1", "--filter-platform", "x86_64-unknown-linux-gnu"]);
    let all: Value = serde_json::from_str(&all).expect("JSON");
    let all = all["packages"].as_array().cloned().unwrap_or_default();
    let plugins = root().join("plugins");
    let is_distributed = |package: &&Value| {
        let own = package["source"].is_null();
        let name = text(package, "name");
        own && (name == "modehost"
            || Path::new(text(package, "manifest_path")).starts_with(&plugins) && name != TEST_KIT)
    };
    // Dev and build dependencies are not distributed. `metadata` also lists optional packages that no feature enables.
    let mut arguments = vec!["tree", "--edges=normal", "--prefix=none", "--format={p}"];
    arguments.extend(["--target=x86_64-unknown-linux-gnu"]);
    let distributed: Vec<&str> = all.iter().filter(is_distributed).map(|package| text(package, "name")).collect();
    arguments.extend(distributed.iter().flat_map(|name| ["-p", *name]));
    let tree = cargo(&arguments);
    let used: BTreeSet<(&str, &str)> = tree
        .lines()
        .filter_map(|line| line.split_once(" v"))
        .map(|(name, rest)| (name, rest.split(' ').next().unwrap_or_default()))
        .collect();
    let key = |package: &Value| (text(package, "name").to_owned(), text(package, "version").to_owned());
    let is_used = |package: &Value| used.contains(&(text(package, "name"), text(package, "version")));
    let others = all.into_iter().filter(|package| !package["source"].is_null() && is_used(package));
    others.map(|package| (key(&package), package)).collect()
}

fn list(packages: &BTreeMap<(String, String), Value>) -> String {
    let mut page = String::from(
        "# What is handed out is made of\n\n\
         The packages in `modehost` and in the plugins that come with it, built without the feature `whisper`, \
         for Linux. Beside them: Rust's standard library (MIT OR Apache-2.0) and, within `libsqlite3-sys`, SQLite \
         (public domain). Kept by a test; how to make it anew, with a bill of materials and the texts, stands in \
         [`README.md`](README.md).\n\n| package | version | licence |\n|---|---|---|\n",
    );
    for ((name, version), package) in packages {
        let _ = writeln!(page, "| {name} | {version} | {} |", text(package, "license"));
    }
    page
}

/// A CycloneDX 1.5 document.
fn bill_of_materials(packages: &BTreeMap<(String, String), Value>) -> Value {
    let components = packages.iter().map(|((name, version), package)| {
        let purl = format!("pkg:cargo/{name}@{version}");
        json!({
            "type": "library", "bom-ref": purl, "name": name, "version": version, "purl": purl, "scope": "required",
            "licenses": [{ "expression": text(package, "license").replace('/', " OR ") }],
        })
    });
    let own = json!({ "type": "application", "name": "modehost", "version": env!("CARGO_PKG_VERSION") });
    json!({
        "bomFormat": "CycloneDX", "specVersion": "1.5", "version": 1, "metadata": { "component": own },
        "components": components.collect::<Vec<_>>(),
    })
}

/// Each license text once, under the packages that it belongs to.
fn license_texts(packages: &BTreeMap<(String, String), Value>) -> String {
    let mut by_text: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for ((name, version), package) in packages {
        let directory = Path::new(text(package, "manifest_path")).parent().expect("a folder");
        for entry in std::fs::read_dir(directory).expect("its source").flatten() {
            let file = entry.file_name().to_string_lossy().to_uppercase();
            if ["LICEN", "COPYING", "NOTICE", "UNLICENSE"].iter().any(|start| file.starts_with(start))
                && let Ok(text) = std::fs::read_to_string(entry.path())
            {
                by_text.entry(text.trim().to_owned()).or_default().insert(format!("{name} {version}"));
            }
        }
    }
    let mut page = String::new();
    for (text, names) in by_text {
        let names = names.into_iter().collect::<Vec<_>>().join(", ");
        let _ = write!(page, "{names}\n\n{text}\n\n{}\n\n", "=".repeat(80));
    }
    // What the console's page is built with is no crate.
    page + &std::fs::read_to_string(root().join("host/console/NOTICE")).expect("the notice of the console")
}

#[test]
fn the_list_of_licences_is_that_of_the_tree() {
    let packages = packages();
    for name in ["wasmtime", "rusqlite", "serde_json", "wit-bindgen"] {
        assert!(packages.keys().any(|(known, _)| known == name), "{name} is not found by the walk");
    }
    for name in ["proptest", "rcgen", "cc"] {
        assert!(!packages.keys().any(|(known, _)| known == name), "{name} is in no program");
    }
    let unlicensed: Vec<_> = packages.iter().filter(|(_, package)| text(package, "license").is_empty()).collect();
    assert!(unlicensed.is_empty(), "no licence is said: {unlicensed:?}");
    let file = root().join("examples/operation/LICENSES.md");
    if std::env::var_os("UPDATE_LICENSES").is_some() {
        std::fs::write(&file, list(&packages)).expect("written");
        let target = root().join("target");
        std::fs::write(target.join("modehost.cdx.json"), format!("{:#}\n", bill_of_materials(&packages)))
            .expect("written");
        std::fs::write(target.join("THIRD-PARTY.txt"), license_texts(&packages)).expect("written");
    }
    let present = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(present == list(&packages), "LICENSES.md is not what is built: UPDATE_LICENSES=1 makes it anew");
}
