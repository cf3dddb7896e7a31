//! The shape of the tree. Rule: what the design says is absent is looked for in every file, so
//! that it stays absent; a failure names the file and what to do about it.
//!
//! The shape of types and files is in `structure/shape.rs`, words in `structure/words.rs`.

#[path = "structure/shape.rs"]
mod shape;
#[path = "structure/words.rs"]
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// What each crate of the server may depend on among its siblings. The table is the design: a new
/// line here is a decision, to be written into host/decisions/ and the code map of host/ARCHITECTURE.md as well.
const MAY_USE: [(&str, &[&str]); 22] = [
    ("modehost-ids", &[]),
    ("modehost-limits", &[]),
    ("modehost-task", &["limits"]),
    ("modehost-breaker", &["limits"]),
    ("modehost-follow", &[]),
    ("modehost-protocol", &["ids", "limits"]),
    ("modehost-contract", &["ids", "limits"]),
    ("modehost-outbox", &["ids", "limits"]),
    ("modehost-storage", &["ids", "limits", "task", "outbox", "follow"]),
    ("modehost-cluster", &["ids", "limits", "task", "storage"]),
    ("modehost-plugin", &["ids", "limits", "task", "protocol", "contract", "follow"]),
    ("modehost-speech", &["ids", "limits", "task", "protocol", "outbox", "breaker"]),
    ("modehost-mcp", &["ids", "limits", "contract"]),
    ("modehost-session", &["ids", "limits", "task", "protocol", "contract", "outbox", "storage", "speech", "mcp"]),
    ("modehost-llm", &["ids", "limits", "task", "contract", "breaker"]),
    ("modehost-hooks", &["ids", "limits", "task", "contract"]),
    ("modehost-auth", &["ids", "limits", "task"]),
    ("modehost-gateway", &["ids", "limits", "task", "follow", "protocol", "outbox", "session", "auth"]),
    ("modehost-config", &["ids", "limits", "task", "follow"]),
    ("modehost-install", &["limits", "follow"]),
    ("modehost-console", &[]),
    (
        "modehost",
        &[
            "ids", "limits", "task", "protocol", "contract", "outbox", "storage", "plugin", "session", "gateway",
            "config", "llm", "hooks", "speech", "breaker", "follow", "testkit", "install", "console", "auth",
            "cluster",
        ],
    ),
];

/// Libraries that only these rooms may name.
const ROOMS: [(&str, &[&str]); 6] = [
    ("wasmtime", &["host/plugin"]),
    ("wasmparser", &["host/plugin"]),
    ("rusqlite", &["host/storage"]),
    ("async_nats", &["host/cluster"]),
    ("tungstenite", &["host/gateway", "host/speech"]),
    // Calls to others: those who make them know about time limits, retries and secrets.
    ("reqwest", &["host/llm", "host/hooks", "host/auth", "host/config", "host/speech", "host/install"]),
];

/// Modes, also where no folder is named after them.
const MODES: [&str; 6] = ["chat", "meeting", "coding", "coding-insight", "working", "conversation"];

/// Plugins that are no modes: they handle messages that the protocol has a word for.
const HANDLERS: [&str; 1] = ["peers"];

/// What model providers call their interface, and say of it; no mode is meant.
const FOREIGN_WORDS: [&str; 3] = ["chat/completions", "chat completions", "conversation roles"];

const BANNED_NAMES: [&str; 8] = ["mod", "utils", "util", "common", "helpers", "helper", "manager", "types"];

const LINES: usize = 500;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

/// Every file below a folder, without what is built.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            match path.is_dir() {
                true if name == "target" || name == "data" || name == "node_modules" || name.starts_with('.') => {}
                true => open.push(path),
                false => found.push(path),
            }
        }
    }
    found.sort();
    found
}

fn rust_files(folder: &str) -> Vec<PathBuf> {
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    files(&root().join(folder)).into_iter().filter(is_rust).collect()
}

fn all_rust_files() -> Vec<PathBuf> {
    ["host", "plugins", "tests", "examples"].into_iter().flat_map(rust_files).collect()
}

fn shown(path: &Path) -> String {
    path.strip_prefix(root()).unwrap_or(path).display().to_string()
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", shown(path)))
}

/// The text without line comments; enough for looking for names in code.
fn code(text: &str) -> String {
    text.lines().map(|line| line.split("//").next().unwrap_or_default()).collect::<Vec<_>>().join("\n")
}

fn is_name(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// Whether `word` stands in `text` by itself, not as a part of a longer name.
fn names(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| {
        let before = text[..at].chars().next_back().is_some_and(is_name);
        let after = text[at + word.len()..].chars().next().is_some_and(is_name);
        !before && !after
    })
}

fn none(faults: Vec<String>, law: &str) {
    assert!(faults.is_empty(), "{law}:\n  {}", faults.join("\n  "));
}

fn dependencies(manifest: &Path) -> (String, BTreeSet<String>) {
    let table: toml::Table = read(manifest).parse().unwrap_or_else(|error| panic!("{}: {error}", shown(manifest)));
    let name = table["package"]["name"].as_str().expect("a name").to_owned();
    let list = table.get("dependencies").and_then(toml::Value::as_table);
    (name, list.into_iter().flat_map(|list| list.keys().cloned()).collect())
}

fn host_manifests() -> Vec<PathBuf> {
    files(&root().join("host")).into_iter().filter(|path| path.ends_with("Cargo.toml")).collect()
}

#[test]
fn dependencies_point_one_way() {
    let table: BTreeMap<_, _> = MAY_USE.into_iter().collect();
    let mut faults = Vec::new();
    for manifest in host_manifests() {
        let (name, used) = dependencies(&manifest);
        let Some(allowed) = table.get(name.as_str()) else {
            faults.push(format!("{name} has no line in the table MAY_USE of {}", file!()));
            continue;
        };
        for dependency in used {
            let Some(sibling) = dependency.strip_prefix("modehost-") else { continue };
            if !allowed.contains(&sibling) {
                faults.push(format!("{name} uses {dependency}"));
            }
        }
    }
    none(faults, "a crate of host/ may only use what stands below it (the table MAY_USE)");
}

#[test]
fn plugins_know_nothing_of_the_server() {
    let mut faults = Vec::new();
    for manifest in files(&root().join("plugins")).into_iter().filter(|path| path.ends_with("Cargo.toml")) {
        let (name, used) = dependencies(&manifest);
        let allowed = |dependency: &str| {
            dependency == "modehost-sdk" || name == "modehost-testkit" || !dependency.starts_with("modehost")
        };
        faults.extend(used.iter().filter(|used| !allowed(used)).map(|used| format!("{name} uses {used}")));
    }
    none(faults, "a plugin uses the SDK; only the test kit uses the server's crates");
}

#[test]
fn libraries_stay_in_their_rooms() {
    let mut faults = Vec::new();
    for (library, rooms) in ROOMS {
        let outside = |path: &Path| !rooms.iter().any(|room| path.starts_with(root().join(room)));
        for manifest in host_manifests() {
            let (_, used) = dependencies(&manifest);
            if outside(&manifest) && used.iter().any(|used| used.contains(library)) {
                faults.push(format!("{} depends on {library}", shown(&manifest)));
            }
        }
        for file in rust_files("host") {
            let in_source = shown(&file).contains("src/") && outside(&file);
            let text = code(&read(&file));
            if in_source && (text.contains(&format!("{library}::")) || text.contains(&format!("{library}_wasi"))) {
                faults.push(format!("{} names {library}", shown(&file)));
            }
        }
    }
    none(faults, "a library is named only in the rooms that the table ROOMS gives it");
}

#[test]
fn the_host_knows_no_mode_by_name() {
    let mut words: BTreeSet<String> = MODES.iter().map(|mode| (*mode).to_owned()).collect();
    for entry in std::fs::read_dir(root().join("plugins")).expect("plugins/").flatten() {
        let manifest = entry.path().join("plugin.toml");
        if !manifest.is_file() {
            continue;
        }
        words.insert(entry.file_name().to_string_lossy().into_owned());
        let table: toml::Table = read(&manifest).parse().unwrap_or_else(|error| panic!("{manifest:?}: {error}"));
        words.extend(table.get("id").and_then(toml::Value::as_str).map(str::to_owned));
    }
    words.retain(|word| !HANDLERS.contains(&word.as_str()));
    let mut faults = Vec::new();
    let looked_at = |path: &PathBuf| {
        let kind = path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        ["rs", "toml", "sql", "yaml", "json"].contains(&kind)
    };
    for file in files(&root().join("host")).into_iter().filter(looked_at) {
        for (index, line) in read(&file).lines().enumerate() {
            let line = FOREIGN_WORDS.iter().fold(line.to_lowercase(), |line, word| line.replace(word, ""));
            for word in words.iter().filter(|word| names(&line, word)) {
                faults.push(format!("{}:{}: {word}", shown(&file), index + 1));
            }
        }
    }
    // In the console's source these are English words as well: there a name is a text that is nothing else.
    let is_script = |path: &PathBuf| path.extension().is_some_and(|kind| kind == "ts" || kind == "tsx");
    for file in files(&root().join("host/console/ui/src")).into_iter().filter(is_script) {
        for (index, line) in read(&file).lines().enumerate() {
            let is_named =
                |word: &&String| ['\'', '"', '`'].iter().any(|mark| line.contains(&format!("{mark}{word}{mark}")));
            for word in words.iter().filter(is_named) {
                faults.push(format!("{}:{}: {word}", shown(&file), index + 1));
            }
        }
    }
    none(faults, "no mode is named under host/, in code, tests or comments; say what is meant in other words");
}

#[test]
fn every_file_says_what_it_is() {
    let silent = |path: &&PathBuf| !read(path).starts_with("//!");
    let faults = all_rust_files().iter().filter(silent).map(|path| shown(path)).collect();
    none(faults, "every .rs file opens with `//!`: what it is, then the rule it keeps");
}

#[test]
fn no_file_is_too_long() {
    let long = all_rust_files().into_iter().map(|path| (read(&path).lines().count(), path));
    let faults = long.filter(|(lines, _)| *lines > LINES).map(|(lines, path)| format!("{}: {lines}", shown(&path)));
    none(faults.collect(), "at most 500 lines a file; split it by what its parts know");
}

#[test]
fn no_file_is_a_drawer() {
    let mut faults = Vec::new();
    for path in all_rust_files() {
        let relative = shown(&path);
        let parts = relative.trim_end_matches(".rs").split('/');
        if parts.into_iter().any(|part| BANNED_NAMES.contains(&part)) {
            faults.push(relative);
        }
    }
    none(
        faults,
        "no file or folder is named after nothing (utils, common, helpers, manager, types) and none is mod.rs",
    );
}

#[test]
fn tasks_begin_in_one_file() {
    let mut faults = Vec::new();
    for file in rust_files("host").into_iter().filter(|file| shown(file).contains("src/")) {
        let text = code(&read(&file));
        let spawns = ["tokio::spawn", "task::spawn", "spawn_blocking(", "unbounded_channel"];
        let found = spawns.iter().filter(|spawn| text.contains(*spawn));
        if !file.starts_with(root().join("host/task")) {
            faults.extend(found.map(|spawn| format!("{}: {spawn}", shown(&file))));
        }
    }
    none(faults, "tasks have owners (modehost_task), and every queue has a depth");
}

#[test]
fn the_top_level_is_as_designed() {
    const FOLDERS: [&str; 6] = ["host", "plugins", "wit", "config", "tests", "examples"];
    // The last are there for people and tools that look for them.
    const FILES: [&str; 14] = [
        "Cargo.toml",
        "Cargo.lock",
        "LICENSE",
        "README.md",
        "rust-toolchain.toml",
        "clippy.toml",
        "rustfmt.toml",
        "deny.toml",
        "README.zh.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "SECURITY.md",
        "NOTICE",
        "justfile",
    ];
    // Built and written things, which git ignores.
    const IGNORED: [&str; 2] = ["target", "data"];
    let mut faults = Vec::new();
    for entry in std::fs::read_dir(root()).expect("the workspace").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let known = name.starts_with('.') || IGNORED.contains(&name.as_str());
        let list: &[&str] = if entry.path().is_dir() { &FOLDERS } else { &FILES };
        if !known && !list.contains(&name.as_str()) {
            faults.push(name);
        }
    }
    none(faults, "the top level holds only what the design names");
}

/// Tracks of the contract that were released, and the folder under `wit/` and the copy of each.
const FROZEN: [(&str, &str); 2] = [("0.1", "modehost-mode-0.1.0"), ("0.2", "modehost-mode-0.2.0")];

/// The track that may still change, if there is one: it gets its line in `FROZEN` and its copy before components are
/// built against it by others.
const OPEN: Option<&str> = None;

#[test]
fn a_released_contract_is_frozen() {
    for (track, copy) in FROZEN {
        let (frozen, wit) = (root().join("tests/frozen").join(copy), root().join("wit").join(track));
        let (released, current) = (wit_files(&frozen), wit_files(&wit));
        assert!(!released.is_empty(), "{} is missing; it is the copy that guards wit/{track}", shown(&frozen));
        for (name, text) in &released {
            assert!(
                current.get(name) == Some(text),
                "wit/{track}/{name} differs from {}. Components are built against the released text: a new case or \
                 field breaks them. Use `extension`, or open a new track.",
                shown(&frozen.join(name)),
            );
        }
        let new: Vec<_> = current.keys().filter(|name| !released.contains_key(*name)).collect();
        assert!(new.is_empty(), "wit/{track} has files that the released package has not: {new:?}");
    }
}

#[test]
fn every_track_is_released_or_the_open_one() {
    let names = |folder: &str| -> BTreeSet<String> {
        let entries = std::fs::read_dir(root().join(folder)).expect(folder).flatten();
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
    };
    let tracks = FROZEN.iter().map(|(track, _)| *track).chain(OPEN).map(str::to_owned).collect();
    assert_eq!(names("wit"), tracks, "wit/ holds one folder a track; see FROZEN and OPEN in {}", file!());
    let copies = FROZEN.iter().map(|(_, copy)| (*copy).to_owned()).collect();
    assert_eq!(names("tests/frozen"), copies, "tests/frozen holds one copy a released track");
    for track in FROZEN.iter().map(|(track, _)| *track).chain(OPEN) {
        for (name, text) in wit_files(&root().join("wit").join(track)) {
            let package = format!("package modehost:mode@{track}.0;");
            assert!(text.contains(&package), "wit/{track}/{name} does not say `{package}`");
        }
    }
}

/// Names and texts of a package.
fn wit_files(folder: &Path) -> BTreeMap<String, String> {
    let list = files(folder).into_iter().filter(|path| path.extension().is_some_and(|kind| kind == "wit"));
    list.map(|path| (path.strip_prefix(folder).unwrap_or(&path).display().to_string(), read(&path))).collect()
}

#[test]
fn public_items_of_the_server_and_of_the_sdk_are_described() {
    let mut faults = Vec::new();
    let sdk = root().join("plugins/sdk/Cargo.toml");
    for manifest in host_manifests().into_iter().chain([sdk]) {
        let folder = manifest.parent().expect("a folder");
        let is_warned = read(&folder.join("src/lib.rs")).contains("\n#![warn(missing_docs)]\n");
        if !is_warned {
            faults.push(format!("{} does not say `#![warn(missing_docs)]`", shown(folder)));
        }
    }
    none(faults, "a public item says what it is, with its unit and its range; .ci/run denies the warning");
}

#[test]
fn every_fuzz_target_asks_a_promise_that_a_test_asks_too() {
    let targets = files(&root().join("tests/fuzz/targets"));
    assert!(targets.len() >= 4, "tests/fuzz/targets has {} files", targets.len());
    let mut faults = Vec::new();
    for target in targets {
        let text = read(&target);
        let promise = text.lines().find_map(|line| line.strip_prefix("#[path = \"")?.strip_suffix("\"]"));
        let Some(promise) = promise.map(|promise| target.parent().expect("a folder").join(promise)) else {
            faults.push(format!("{} takes its promise from no test", shown(&target)));
            continue;
        };
        // The test beside the folder of promises takes the same file.
        let path = format!("#[path = \"promise/{}\"]", promise.file_name().unwrap_or_default().to_string_lossy());
        let tests = promise.ancestors().nth(2).expect("a folder of tests");
        let asks = |file: &PathBuf| {
            let is_test = file.parent() == Some(tests) && file.extension().is_some_and(|extension| extension == "rs");
            is_test && read(file).contains(&path) && read(file).contains("Corpus::open")
        };
        if !promise.is_file() || !files(tests).iter().any(asks) {
            faults.push(format!("{} has no test beside {}", shown(&target), shown(&promise)));
        }
    }
    none(
        faults,
        "stable Rust has no libFuzzer: kept inputs and mutations of them are asked with every run of the tests",
    );
}
