//! `modehost plugin new`: a plugin that builds, passes its own test and is served by `dev`. Rule: nothing that exists is
//! changed; what is written needs no file outside its folder but published crates.

use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use toml::{Table, Value};

use super::super::Failure;
use crate::dev::Workspace;
use crate::settings::Settings;
use crate::terminal::print_line;

pub const HELP: &str = "\
Inside a workspace with plugins the new one stands beside them, under plugins/. Elsewhere, or with \
--outside, NAME becomes a folder of its own: a workspace with the plugin, the SDK of this server, and \
nothing that needs the source of the server.

Examples:
  modehost plugin new pomodoro
  modehost plugin test pomodoro      builds it and plays tests/hello.script
  modehost dev                       serves it, and swaps it when you save";

#[derive(Debug, clap::Args)]
pub struct NewArguments {
    /// Name of the plugin and of its mode: lower-case letters, digits and `-`
    #[arg(value_name = "NAME")]
    name: String,
    /// A folder of its own, also inside a workspace
    #[arg(long)]
    outside: bool,
}

/// Files of a plugin, with `@NAME@` and `@TYPE@` in them.
const PLUGIN: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("../../../../plugins/sdk/template/plugin/Cargo.toml.in")),
    ("plugin.toml", include_str!("../../../../plugins/sdk/template/plugin/plugin.toml")),
    ("src/lib.rs", include_str!("../../../../plugins/sdk/template/plugin/src/lib.rs")),
    ("tests/hello.script", include_str!("../../../../plugins/sdk/template/plugin/tests/hello.script")),
];

const README: &str = include_str!("../../../../plugins/sdk/template/workspace/README.md");
const GITIGNORE: &str = include_str!("../../../../plugins/sdk/template/workspace/gitignore");

static SDK: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../plugins/sdk/src");
static WIT: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/../wit/0.2");
const SDK_MANIFEST: &str = include_str!("../../../../plugins/sdk/Cargo.toml");
/// The workspace of the server: versions of crates, and the profile that plugins are built with.
const SERVER_MANIFEST: &str = include_str!("../../../../Cargo.toml");
const CARGO_CONFIG: &str = include_str!("../../../../.cargo/config.toml");
const LOCK: &str = include_str!("../../../../Cargo.lock");

/// Names that a crate cannot have beside those that it needs.
const TAKEN: [&str; 12] = [
    "alloc",
    "core",
    "modehost",
    "modehost-sdk",
    "phrases",
    "proc-macro",
    "schemars",
    "sdk",
    "serde",
    "serde-json",
    "std",
    "test",
];

/// Writes the plugin.
pub fn run(arguments: &NewArguments) -> Result<(), Failure> {
    let name = &arguments.name;
    check_name(name)?;
    let here = std::env::current_dir().map_err(Failure::other)?;
    let workspace = if arguments.outside { None } else { Workspace::find(&here).ok() };
    let (root, is_new) = match &workspace {
        Some(workspace) => (workspace.root.clone(), false),
        None => (here.join(name), true),
    };
    if is_new {
        create(&root)?;
        write_workspace(&root)?;
    } else {
        has_sdk(&root)?;
    }
    let plugin = root.join("plugins").join(name);
    create(&plugin)?;
    let type_name = type_name(name);
    for (file, text) in PLUGIN {
        write(&plugin.join(file), &text.replace("@NAME@", name).replace("@TYPE@", &type_name))?;
    }
    let shown = plugin.strip_prefix(&here).unwrap_or(&plugin).display();
    print_line(format_args!("{shown} is there. Next:"));
    if is_new {
        print_line(format_args!("  cd {name}"));
    }
    print_line(format_args!("  modehost plugin test {name}   builds it and plays {}", "tests/hello.script"));
    print_line("  modehost dev                  serves it, and swaps it when you save");
    Ok(())
}

fn check_name(name: &str) -> Result<(), Failure> {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    let is_name = name.len() <= 64
        && name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(fits)
        && !name.ends_with('-');
    if !is_name {
        let message = format!(
            "`{name}` cannot be the name of a plugin: 1 to 64 lower-case letters, digits and `-`, a letter first; \
             such as `pomodoro`"
        );
        return Err(Failure::Other(message));
    }
    let sections = serde_json::to_value(Settings::default()).map_err(Failure::other)?;
    if sections.get(name).is_some() {
        let message = format!("`{name}` is a section of the server's own configuration; choose another name");
        return Err(Failure::Other(message));
    }
    // Strict and reserved keywords of Rust cannot be the name of a crate; the compiler knows them.
    if TAKEN.contains(&name) || KEYWORDS.contains(&name) {
        return Err(Failure::Other(format!("a crate cannot have the name `{name}`; choose another name")));
    }
    Ok(())
}

/// Words of Rust (The Rust Reference, "Keywords"), edition 2024, in lower case.
const KEYWORDS: [&str; 51] = [
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn", "else",
    "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match", "mod",
    "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super", "trait", "true",
    "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while", "yield",
];

/// `morning-call` becomes `MorningCall`.
fn type_name(name: &str) -> String {
    let words = name.split('-').filter(|word| !word.is_empty());
    words.map(|word| word[..1].to_uppercase() + &word[1..]).collect()
}

/// A workspace of one's own: manifest, build settings, locked versions and the SDK.
fn write_workspace(root: &Path) -> Result<(), Failure> {
    let server: Table = SERVER_MANIFEST.parse().map_err(Failure::other)?;
    let manifest = workspace_manifest(&server);
    write(&root.join("Cargo.toml"), &manifest.to_string())?;
    write(&root.join("Cargo.lock"), LOCK)?;
    write(&root.join(".cargo/config.toml"), &plugin_target(CARGO_CONFIG).map_err(Failure::other)?)?;
    write(&root.join(".gitignore"), GITIGNORE)?;
    write(&root.join("README.md"), &README.replace("@VERSION@", env!("CARGO_PKG_VERSION")))?;
    let sdk = root.join("sdk");
    let manifest = resolved(SDK_MANIFEST, &server).map_err(Failure::other)?;
    write(&sdk.join("Cargo.toml"), &manifest)?;
    write_files(&SDK, &sdk.join("src"))?;
    write_files(&WIT, &sdk.join("wit"))
}

fn workspace_manifest(server: &Table) -> Table {
    let text = |text: &str| Value::String(text.to_owned());
    let table = |members: Vec<(&str, Value)>| {
        Value::Table(members.into_iter().map(|(key, value)| (key.to_owned(), value)).collect())
    };
    let shared = |name: &str| server["workspace"]["dependencies"][name].clone();
    let dependencies = table(vec![
        ("modehost-sdk", table(vec![("path", text("sdk"))])),
        ("serde", shared("serde")),
        ("serde_json", shared("serde_json")),
    ]);
    let workspace = table(vec![
        ("resolver", text("3")),
        ("members", Value::Array(vec![text("plugins/*"), text("sdk")])),
        ("dependencies", dependencies),
    ]);
    let profile = table(vec![("plugin", server["profile"]["plugin"].clone())]);
    Table::from_iter([("workspace".to_owned(), workspace), ("profile".to_owned(), profile)])
}

/// The part of cargo's configuration that is about plugins.
fn plugin_target(text: &str) -> Result<String, toml::de::Error> {
    let mut config: Table = text.parse()?;
    config.retain(|key, _| key == "target");
    Ok(config.to_string())
}

/// A manifest of the server's workspace, with what it inherits written out, and without what only its own tests need.
fn resolved(text: &str, server: &Table) -> Result<String, toml::de::Error> {
    let mut manifest: Table = text.parse()?;
    manifest.remove("dev-dependencies");
    manifest.remove("lints");
    let inherits = |value: &Value| value.get("workspace").and_then(Value::as_bool) == Some(true);
    for (section, source) in [("package", "package"), ("dependencies", "dependencies")] {
        let Some(Value::Table(members)) = manifest.get_mut(section) else { continue };
        for (name, value) in members.iter_mut().filter(|(_, value)| inherits(value)) {
            let mut whole = server["workspace"][source][name.as_str()].clone();
            if section == "dependencies" {
                whole = with_own(whole, value);
            }
            *value = whole;
        }
    }
    Ok(manifest.to_string())
}

/// A dependency of the workspace with what its user adds: features, `optional`.
fn with_own(shared: Value, own: &Value) -> Value {
    let mut whole = match shared {
        Value::Table(table) => table,
        version => Table::from_iter([("version".to_owned(), version)]),
    };
    let own = own.as_table().into_iter().flatten().filter(|(key, _)| *key != "workspace");
    for (key, value) in own {
        match (whole.get_mut(key), value) {
            (Some(Value::Array(have)), Value::Array(more)) => have.extend(more.iter().cloned()),
            _ => drop(whole.insert(key.clone(), value.clone())),
        }
    }
    Value::Table(whole)
}

fn write_files(directory: &Dir<'_>, target: &Path) -> Result<(), Failure> {
    for file in directory.files() {
        write_bytes(&target.join(file.path()), file.contents())?;
    }
    directory.dirs().try_for_each(|inner| write_files(inner, target))
}

/// Makes a directory that must not exist yet.
fn create(directory: &Path) -> Result<(), Failure> {
    if let Some(parent) = directory.parent() {
        std::fs::create_dir_all(parent).map_err(|error| cannot_write(parent, &error))?;
    }
    match std::fs::create_dir(directory) {
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Err(Failure::Other(format!(
            "{} exists already; choose another name, or remove it first",
            directory.display()
        ))),
        made => made.map_err(|error| cannot_write(directory, &error)),
    }
}

fn write(file: &Path, text: &str) -> Result<(), Failure> {
    write_bytes(file, text.as_bytes())
}

fn write_bytes(file: &Path, bytes: &[u8]) -> Result<(), Failure> {
    let parent: PathBuf = file.parent().unwrap_or(file).to_owned();
    let written = std::fs::create_dir_all(parent).and_then(|()| std::fs::write(file, bytes));
    written.map_err(|error| cannot_write(file, &error))
}

fn cannot_write(path: &Path, error: &std::io::Error) -> Failure {
    Failure::Other(format!("cannot write {}: {error}", path.display()))
}

/// A root that plugins of the template can be built in.
fn has_sdk(root: &Path) -> Result<(), Failure> {
    let file = root.join("Cargo.toml");
    let text = modehost_follow::read_text(&file, crate::limits::CONFIG_BYTES)
        .map_err(|error| Failure::Other(format!("cannot read {}: {error}", file.display())))?;
    let manifest: Table = text.parse().map_err(|error| Failure::Other(format!("{}: {error}", file.display())))?;
    let dependency = |name| manifest.get("workspace").and_then(|root| root.get("dependencies")?.get(name));
    if dependency("modehost-sdk").is_some() && dependency("serde").is_some() {
        return Ok(());
    }
    Err(Failure::Other(format!(
        "{} names no modehost-sdk and serde under [workspace.dependencies], which a new plugin needs; add them, or use \
         --outside",
        file.display()
    )))
}
#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_crates_plugins_and_sections_at_once() {
        for good in ["pomodoro", "a", "morning-call", "x2"] {
            assert!(check_name(good).is_ok(), "{good}");
        }
        for (bad, why) in [
            ("", "cannot be the name"),
            ("Pomodoro", "cannot be the name"),
            ("2x", "cannot be the name"),
            ("x-", "cannot be the name"),
            ("../x", "cannot be the name"),
            ("match", "a crate cannot"),
            ("serde", "a crate cannot"),
            ("session", "section of the server's own"),
            ("plugins", "section of the server's own"),
        ] {
            let refusal = check_name(bad).expect_err(bad).to_string();
            assert!(refusal.contains(why), "{bad}: {refusal}");
        }
        assert_eq!(type_name("morning-call2"), "MorningCall2");
    }
}
