//! The documents of the repository. Rule: what a page refers to exists: files, headings, settings, metrics and scripts;
//! each page keeps its length limit and its prescribed parts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

/// Length limits of pages, in lines.
const LENGTHS: [(&str, usize); 4] =
    [("README.md", 130), ("README.zh.md", 130), ("host/ARCHITECTURE.md", 150), ("plugins/README.md", 200)];

/// The sections of a decision, in order.
const PARTS: [&str; 3] = ["## Context", "## Choice", "## Cost"];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace").to_owned()
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn json(path: &str) -> Value {
    serde_json::from_str(&read(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Every file by its path from the root, without build output.
fn all_files() -> Vec<String> {
    let (mut found, mut open) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(root().join(&directory)).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = directory.join(&name);
            match entry.path().is_dir() {
                true if name == "target" || name == "data" || name == ".git" || name == "node_modules" => {}
                true => open.push(path),
                false => found.push(path.display().to_string()),
            }
        }
    }
    found
}

/// Every Markdown page by its path.
fn pages() -> BTreeMap<String, String> {
    let pages = all_files().into_iter().filter(|path| path.ends_with(".md") && !path.starts_with('.'));
    pages.map(|path| (path.clone(), read(&path))).collect()
}

fn none(faults: Vec<String>, rule: &str) {
    assert!(faults.is_empty(), "{rule}:\n  {}", faults.join("\n  "));
}

/// Lines outside fenced blocks.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.trim_start().starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// Lines of the fenced blocks that are marked with `language`, without comments and empty lines.
fn code(text: &str, language: &str) -> Vec<String> {
    let (mut lines, mut is_open, mut is_wanted) = (Vec::new(), false, false);
    for line in text.lines() {
        if let Some(mark) = line.trim_start().strip_prefix("```") {
            is_wanted = !is_open && mark == language;
            is_open = !is_open;
        } else if is_wanted {
            let command = line.split(" #").next().unwrap_or_default().trim();
            lines.push(command.to_owned());
        }
    }
    lines.retain(|line| !line.is_empty() && !line.starts_with('#'));
    lines
}

/// Targets of links and images.
fn links(text: &str) -> Vec<String> {
    let targets = prose(text).flat_map(|line| line.split("](").skip(1)).filter_map(|rest| rest.split(')').next());
    targets.map(|target| target.split(' ').next().unwrap_or_default().to_owned()).collect()
}

/// Texts between backticks.
fn spans(text: &str) -> impl Iterator<Item = &str> {
    prose(text).flat_map(|line| line.split('`').skip(1).step_by(2))
}

/// The anchors that a renderer generates for the headings.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let anchor = |heading: &str| {
        let characters = heading.chars().filter(|sign| sign.is_alphanumeric() || matches!(sign, ' ' | '-' | '_'));
        characters.collect::<String>().to_lowercase().replace(' ', "-")
    };
    headings.map(anchor).collect()
}

#[test]
fn links_between_documents_resolve() {
    let (pages, mut faults, mut followed) = (pages(), Vec::new(), 0);
    for (path, text) in &pages {
        for target in links(text).iter().filter(|target| !target.contains("://") && !target.starts_with("mailto:")) {
            let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
            let directory = Path::new(path).parent().unwrap_or(Path::new(""));
            let linked = if file.is_empty() { root().join(path) } else { root().join(directory).join(file) };
            followed += 1;
            if !linked.exists() {
                faults.push(format!("{path}: {target} leads nowhere"));
            } else if !anchor.is_empty() {
                let page = std::fs::read_to_string(&linked).unwrap_or_default();
                if !anchors(&page).contains(anchor) {
                    faults.push(format!("{path}: {target} names no heading of that page"));
                }
            }
        }
    }
    none(faults, "links between documents resolve");
    assert!(pages.len() > 20 && followed > 60, "{} pages, {followed} links", pages.len());
}

#[test]
fn pages_keep_their_length() {
    let long = LENGTHS.into_iter().map(|(path, most)| (read(path).lines().count(), path, most));
    let faults = long.filter(|(lines, _, most)| lines > most);
    none(faults.map(|(lines, path, most)| format!("{path}: {lines}, at most {most}")).collect(), "lines of a page");
}

#[test]
fn each_decision_has_its_four_parts() {
    let index = read("host/decisions/README.md");
    let (mut faults, mut numbers) = (Vec::new(), Vec::new());
    for (path, text) in pages() {
        let Some(name) = path.strip_prefix("host/decisions/").filter(|name| *name != "README.md") else { continue };
        let number = name.get(..4).and_then(|number| number.parse::<usize>().ok());
        numbers.extend(number);
        let mut fault = |what: &str| faults.push(format!("{path}: {what}"));
        if number.is_none() || name.as_bytes().get(4) != Some(&b'-') {
            fault("is not called NNNN-title.md");
        }
        if !text.starts_with(&format!("# {}. ", name.get(..4).unwrap_or_default())) {
            fault("does not begin with its number and title");
        }
        let date = text.lines().find_map(|line| line.strip_prefix("Date: ")).unwrap_or_default();
        let is_date = date.len() == 10
            && date.bytes().enumerate().all(|(index, byte)| match index {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            });
        if !is_date {
            fault("has no line `Date: YYYY-MM-DD`");
        }
        let headings: Vec<&str> = prose(&text).filter(|line| line.starts_with("## ")).collect();
        if headings != PARTS {
            fault("does not have the parts Context, Choice, Cost, in this order");
        }
        for part in text.split("\n## ").skip(1) {
            if part.split_once('\n').is_none_or(|(_, body)| body.trim().len() < 40) {
                fault("has a part that says nothing");
            }
        }
        if !index.contains(&format!("]({name})")) {
            fault("is not listed in host/decisions/README.md");
        }
    }
    none(faults, "a decision has a date, its context, the choice and its cost");
    assert_eq!(numbers, (1..=numbers.len()).collect::<Vec<_>>(), "decisions are numbered without gaps");
    assert!(numbers.len() >= 20, "{numbers:?}");
}

#[test]
fn both_readmes_show_the_same_commands() {
    let commands = |page: &str| code(&read(page), "sh");
    assert_eq!(commands("README.md"), commands("README.zh.md"));
    for command in ["cargo run --release -- dev", "cargo test --workspace"] {
        assert!(
            commands("README.md").iter().any(|command_line| command_line == command),
            "{command} is one of the two commands"
        );
    }
    let pictures =
        |page: &str| links(&read(page)).into_iter().filter(|link| link.ends_with(".svg")).collect::<Vec<_>>();
    assert_eq!(pictures("README.md"), pictures("README.zh.md"));
}

/// The scripts run in `tests/tests/walk.rs`; so the commands that a page shows are tested there.
#[test]
fn what_a_newcomer_is_told_to_type_stands_in_the_scripts() {
    let mut scripts = BTreeSet::new();
    for entry in std::fs::read_dir(root().join("examples/walk")).expect("the scripts").flatten() {
        if entry.path().extension().is_some_and(|kind| kind == "txt") {
            let text = std::fs::read_to_string(entry.path()).expect("a script");
            scripts.extend(text.lines().map(str::to_owned));
        }
    }
    for page in ["README.md", "README.zh.md", "examples/walk/README.md"] {
        let typed = code(&read(page), "text");
        let unknown: Vec<_> = typed.iter().filter(|line| !scripts.contains(*line)).collect();
        assert!(unknown.is_empty() && !typed.is_empty(), "{page}: no script of examples/walk has {unknown:?}");
    }
}

/// Whether a schema defines the setting; keys of a map and items of a list may be anything.
fn knows(root: &Value, schema: &Value, path: &[&str]) -> bool {
    let target = schema.get("$ref").and_then(Value::as_str).and_then(|text| root.pointer(text.strip_prefix('#')?));
    let target = target.unwrap_or(schema);
    let Some((first, rest)) = path.split_first() else { return true };
    if let Some(below) = target.get("properties").and_then(|properties| properties.get(first)) {
        return knows(root, below, rest);
    }
    let choices = ["anyOf", "oneOf", "allOf"].into_iter().filter_map(|name| target.get(name)?.as_array()).flatten();
    let further = [target.get("additionalProperties").filter(|below| below.is_object()), target.get("items")];
    choices.into_iter().any(|choice| knows(root, choice, path))
        || target.get("items").is_some_and(|items| knows(root, items, path))
        || further.into_iter().flatten().any(|below| knows(root, below, rest))
}

#[test]
fn settings_and_metrics_that_pages_name_exist() {
    let server = json("config/schema.json");
    let mut schemas = BTreeMap::new();
    for entry in std::fs::read_dir(root().join("plugins")).expect("plugins/").flatten() {
        if entry.path().join("config.schema.json").is_file() {
            let name = entry.file_name().to_string_lossy().into_owned();
            schemas.insert(name.clone(), json(&format!("plugins/{name}/config.schema.json")));
        }
    }
    let metrics = read("host/METRICS.md");
    let is_identifier =
        |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    let (mut faults, mut settings, mut names) = (Vec::new(), 0, 0);
    let checked = [
        "README.md",
        "README.zh.md",
        "SECURITY.md",
        "CONTRIBUTING.md",
        "config/OPERATING.md",
        "plugins/LIMITS.md",
        "plugins/STATE.md",
    ];
    for path in checked.into_iter().chain(["host/protocol/PROTOCOL.md", "examples/walk/README.md"]) {
        for span in spans(&read(path)) {
            let parts: Vec<&str> = span.split('.').collect();
            let is_file = Path::new(span)
                .extension()
                .is_some_and(|kind| ["rs", "md", "json", "db", "txt", "toml"].iter().any(|known| kind == *known));
            if parts.len() > 1 && parts.iter().all(|part| is_identifier(part)) && !is_file {
                let of_server = server["properties"].get(parts[0]).is_some();
                let (schema, rest) = match schemas.get(parts[0]) {
                    Some(schema) if !of_server => (schema, &parts[1..]),
                    _ => (&server, &parts[..]),
                };
                settings += usize::from(of_server || schemas.contains_key(parts[0]));
                if (of_server || schemas.contains_key(parts[0])) && !knows(schema, schema, rest) {
                    faults.push(format!("{path}: no setting {span}"));
                }
            }
            if span.starts_with("modehost_") && is_identifier(span) {
                names += 1;
                if !metrics.contains(&format!("`{span}`")) && !span.starts_with("modehost_sdk") {
                    faults.push(format!("{path}: no metric {span}"));
                }
            }
        }
    }
    none(faults, "what a page names exists in config/schema.json, a plugin's schema or host/METRICS.md");
    assert!(settings > 40 && names > 8, "{settings} settings, {names} metrics");
}

#[test]
fn files_that_pages_name_exist() {
    let (files, mut faults, mut checked) = (all_files(), Vec::new(), 0);
    for page in ["SECURITY.md", "CONTRIBUTING.md", "host/ARCHITECTURE.md", "tests/REQUIREMENTS.md"] {
        for span in spans(&read(page)) {
            let top = span.split('/').next().unwrap_or_default();
            let is_path =
                span.contains('/') && ["host", "plugins", "tests", "config", "examples", ".ci"].contains(&top);
            let is_plain = !span.contains(['*', '<', ' ', '{']);
            if !is_plain || !(is_path || span.ends_with(".rs")) {
                continue;
            }
            checked += 1;
            let named = span.trim_end_matches('/');
            let exists = root().join(named).exists() || files.iter().any(|file| file.ends_with(&format!("/{named}")));
            if !exists {
                faults.push(format!("{page}: there is no {span}"));
            }
        }
    }
    none(faults, "files and folders that a page names exist");
    assert!(checked > 40, "{checked}");
}

#[test]
fn packages_and_tests_of_shown_commands_exist() {
    let (mut packages, mut tests) = (BTreeSet::new(), BTreeSet::new());
    for file in all_files() {
        if file.ends_with("Cargo.toml") {
            let manifest: toml::Table = read(&file).parse().unwrap_or_else(|error| panic!("{file}: {error}"));
            let name = manifest.get("package").and_then(|package| package["name"].as_str());
            packages.extend(name.map(str::to_owned));
            let listed = manifest.get("test").and_then(toml::Value::as_array).into_iter().flatten();
            tests.extend(listed.filter_map(|test| test["name"].as_str()).map(str::to_owned));
        } else if let Some((_, name)) = file.split_once("/tests/").filter(|(_, name)| !name.contains('/')) {
            tests.extend(name.strip_suffix(".rs").map(str::to_owned));
        }
    }
    let (mut faults, mut checked) = (Vec::new(), 0);
    let pages = pages().into_iter().chain([("justfile".to_owned(), read("justfile"))]);
    for (path, text) in pages {
        let command_line = text.lines().filter(|line| line.contains("cargo ") || line.contains("nextest "));
        for parts in command_line.map(|line| line.split([' ', '`', '\'']).collect::<Vec<_>>()) {
            for pair in parts.windows(2) {
                let known = match pair[0] {
                    "-p" => &packages,
                    "--test" => &tests,
                    _ => continue,
                };
                checked += 1;
                if !known.contains(pair[1]) {
                    faults.push(format!("{path}: {} {}", pair[0], pair[1]));
                }
            }
        }
    }
    none(faults, "packages and tests of the commands that pages show exist");
    assert!(checked > 10, "{checked}");
}

#[test]
fn the_code_map_names_every_crate() {
    let page = read("host/ARCHITECTURE.md");
    let mut missing = Vec::new();
    for entry in std::fs::read_dir(root().join("host")).expect("host/").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().join("Cargo.toml").is_file() && !page.contains(&format!("| `{name}` |")) {
            missing.push(name);
        }
    }
    none(missing, "every crate of host/ has a row in the code map of host/ARCHITECTURE.md");
}
