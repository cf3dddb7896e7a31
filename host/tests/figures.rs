//! `host/METRICS.md`. Rule: what the code counts, what it describes and what is written for people
//! are the same; a figure that one of them lacks fails here with its name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};

/// One row.
#[derive(Clone, Debug, Default)]
struct Figure {
    kind: &'static str,
    unit: &'static str,
    words: String,
    /// It is there from the start, and has no labels.
    at_once: bool,
}

/// Writes down what is described.
#[derive(Clone, Debug, Default)]
struct Notes(Arc<Mutex<BTreeMap<String, Figure>>>);

impl Notes {
    fn describe(&self, kind: &'static str, name: KeyName, unit: Option<Unit>, words: SharedString) {
        let unit = unit.map_or("", |unit| unit.as_str());
        let figure = Figure { kind, unit, words: words.into_owned(), at_once: false };
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.as_str().to_owned(), figure);
        assert!(before.is_none(), "{} is described twice", name.as_str());
    }

    fn register(&self, key: &Key) {
        if let Some(figure) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(key.name()) {
            figure.at_once = key.labels().len() == 0;
        }
    }
}

impl Recorder for Notes {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, words: SharedString) {
        self.describe("counter", key, unit, words);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, words: SharedString) {
        self.describe("gauge", key, unit, words);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, words: SharedString) {
        self.describe("histogram", key, unit, words);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        self.register(key);
        Counter::noop()
    }

    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        self.register(key);
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        self.register(key);
        Histogram::noop()
    }
}

fn described() -> BTreeMap<String, Figure> {
    let notes = Notes::default();
    metrics::with_local_recorder(&notes, modehost::figures::describe);
    notes.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

fn host() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_list_for_people_is_the_one_of_the_code() {
    let mut page = String::from(HEAD);
    for (name, Figure { kind, unit, words, at_once }) in described() {
        let when = if at_once { "start" } else { "first use" };
        writeln!(page, "| `{name}` | {kind} | {unit} | {when} | {words} |").expect("a text");
    }
    let file = host().join("METRICS.md");
    if std::env::var_os("UPDATE_METRICS").is_some() {
        std::fs::write(&file, &page).expect("write");
    }
    let present = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        present == page,
        "host/METRICS.md is behind the code; run UPDATE_METRICS=1 cargo test -p modehost --test figures"
    );
}

const HEAD: &str = "\
# Figures

What `/metrics` shows on the HTTP port, as Prometheus text. Made from the descriptions in the code; do not
edit. Labels stand in `code`; their values come from closed sets or from the operator's own settings,
never from a device. A figure is there from the start, or from its first use on.

| name | kind | unit | from | |
|---|---|---|---|---|
";

#[test]
fn what_is_counted_is_described_and_the_other_way_round() {
    let described: BTreeSet<String> = described().into_keys().collect();
    let mut counted = BTreeSet::new();
    for file in sources(host()) {
        let text = std::fs::read_to_string(&file).expect("a source");
        for macro_name in ["counter!(", "gauge!(", "histogram!("] {
            for (at, _) in text.match_indices(macro_name) {
                let describes = text[..at].ends_with("describe_");
                let name = text[at + macro_name.len()..].trim_start().strip_prefix('"');
                let name = name.and_then(|rest| rest.split('"').next()).filter(|name| !name.is_empty());
                if let (false, Some(name)) = (describes, name) {
                    assert!(name.starts_with("modehost_"), "{}: `{name}` must begin with modehost_", file.display());
                    counted.insert(name.to_owned());
                }
            }
        }
    }
    let missing: Vec<_> = counted.difference(&described).collect();
    assert!(missing.is_empty(), "describe these in figures.rs of their room: {missing:?}");
    let idle: Vec<_> = described.difference(&counted).collect();
    assert!(idle.is_empty(), "nothing counts these: {idle:?}");
}

#[test]
fn names_end_with_their_unit() {
    for (name, figure) in described() {
        let base = name.strip_suffix("_total").unwrap_or(&name);
        assert_eq!(figure.kind == "counter", base != name, "{name}: counters and only they end with _total");
        match figure.unit {
            "seconds" => assert!(base.ends_with("_seconds"), "{name}"),
            "bytes" => assert!(base.ends_with("_bytes"), "{name}"),
            _ => assert!(!base.ends_with("_seconds") && !base.ends_with("_bytes"), "{name}"),
        }
        assert!(figure.words.ends_with('.'), "{name}: {}", figure.words);
    }
}

/// Every source file of the server, without tests and benchmarks.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "benches", "target"].contains(&name.as_str()) {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
            found.push(path);
        }
    }
    found
}
