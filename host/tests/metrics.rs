//! `host/METRICS.md`. Rule: the metrics that the code updates, that it describes and that the page lists are the same;
//! one that is missing anywhere fails here with its name.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use modehost::metric_names::{OLDER, UNTIL};
use serde_json::json;

/// A row of the page.
#[derive(Clone, Debug, Default)]
struct Metric {
    kind: &'static str,
    unit: &'static str,
    description: String,
    /// When it first exists: at the start, or with the settings; none: at its first use.
    from: Option<&'static str>,
}

/// A recorder that collects descriptions and registrations; the flag is set once settings are applied.
#[derive(Clone, Debug, Default)]
struct Descriptions(Arc<Mutex<BTreeMap<String, Metric>>>, Arc<AtomicBool>);

impl Descriptions {
    fn describe(&self, kind: &'static str, name: KeyName, unit: Option<Unit>, description: SharedString) {
        let unit = unit.map_or("", |unit| unit.as_str());
        let metric = Metric { kind, unit, description: description.into_owned(), from: None };
        let before = self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(name.as_str().to_owned(), metric);
        assert!(before.is_none(), "{} is described twice", name.as_str());
    }

    fn register(&self, key: &Key) {
        if let Some(metric) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(key.name()) {
            let by_settings = self.1.load(Ordering::Relaxed);
            metric.from.get_or_insert(if by_settings { "settings" } else { "start" });
        }
    }
}

impl Recorder for Descriptions {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe("counter", key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe("gauge", key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        self.describe("histogram", key, unit, description);
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

fn described() -> BTreeMap<String, Metric> {
    let descriptions = Descriptions::default();
    metrics::with_local_recorder(&descriptions, || {
        modehost::metrics::describe();
        descriptions.1.store(true, Ordering::Relaxed);
        register_configured();
    });
    descriptions.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
}

/// Registers the metrics of settings and plugins.
fn register_configured() {
    let alias = json!({ "base_url": "http://127.0.0.1:1/v1" });
    let models = json!({ "aliases": { "default": alias.clone() }, "purposes": { "purpose": "default" } });
    modehost_llm::LanguageModels::new(&serde_json::from_value(models).expect("a section"));
    let hooks = json!({ "done": { "url": "http://127.0.0.1:1/" } });
    modehost_hooks::WebHooks::new(&serde_json::from_value(hooks).expect("a section"));
    let service = json!({ "provider": "openai", "openai": { "base_url": "http://127.0.0.1:1/v1", "model": "m" } });
    let asr = serde_json::from_value(service.clone()).expect("a section");
    let tts = serde_json::from_value(service).expect("a section");
    modehost_speech::Providers::new(&asr, &tts, &Default::default(), None);
    modehost_plugin::register_metrics("plugin");
}

fn host() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn the_list_for_people_is_the_one_of_the_code() {
    let mut page = String::from(HEAD);
    for (name, Metric { kind, unit, description, from }) in described() {
        let when = from.unwrap_or("first use");
        writeln!(page, "| `{name}` | {kind} | {unit} | {when} | {description} |").expect("a text");
    }
    writeln!(page, "\n## Older names\n\nShown as well until version {UNTIL}, with the same values.\n").expect("a text");
    writeln!(page, "| name | before |\n|---|---|").expect("a text");
    for (today, older) in OLDER {
        writeln!(page, "| `{today}` | `{older}` |").expect("a text");
    }
    let file = host().join("METRICS.md");
    if std::env::var_os("UPDATE_METRICS").is_some() {
        std::fs::write(&file, &page).expect("write");
    }
    let present = std::fs::read_to_string(file).unwrap_or_default();
    assert!(
        present == page,
        "host/METRICS.md is behind the code; run UPDATE_METRICS=1 cargo test -p modehost --test metrics"
    );
}

const HEAD: &str = "\
# Metrics

What `/metrics` shows on the HTTP port, as Prometheus text. Made from the descriptions in the code; do not
edit. Labels stand in `code`; their values come from closed sets or from the operator's own settings,
never from a device. `start`: it is there from the start on, at zero and with every value of its labels, so that its
first event is a rise like any other. `settings`: the same, from when the settings or the plugin that its labels name
are applied or loaded. Not so are remedies called `without_…`, purposes that modes ask for and nobody has
configured, and what is there only with a setting, as its row says.

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
    assert!(missing.is_empty(), "describe these in metrics.rs of their crate: {missing:?}");
    // The process metrics are updated by the crate metrics-process.
    let unused: Vec<_> = described.difference(&counted).filter(|name| !name.starts_with("process_")).collect();
    assert!(unused.is_empty(), "nothing counts these: {unused:?}");
}

#[test]
fn every_older_name_has_one_of_today() {
    let described = described();
    for (today, older) in OLDER {
        assert!(described.contains_key(today) && !described.contains_key(older), "{older}, today {today}");
    }
}

#[test]
fn names_end_with_their_unit() {
    for (name, metric) in described() {
        let base = name.strip_suffix("_total").unwrap_or(&name);
        assert_eq!(metric.kind == "counter", base != name, "{name}: counters and only they end with _total");
        match metric.unit {
            "seconds" => assert!(base.ends_with("_seconds"), "{name}"),
            "bytes" => assert!(base.ends_with("_bytes"), "{name}"),
            _ => assert!(!base.ends_with("_seconds") && !base.ends_with("_bytes"), "{name}"),
        }
        assert!(metric.description.ends_with('.'), "{name}: {}", metric.description);
    }
}

/// Every source file of the server, without tests and benchmarks.
fn sources(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(directory).expect("a folder").flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() && !["tests", "benches", "target", "node_modules"].contains(&name.as_str()) {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") && name != "tests.rs" {
            found.push(path);
        }
    }
    found
}
