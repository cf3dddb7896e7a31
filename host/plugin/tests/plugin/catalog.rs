//! Publishing, trials and roll-back, through a real folder. Rule: what serves goes on until
//! something better has proven itself.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fixture::{bytes, next_bytes, runtime};
use modehost_contract::{Catalog, Entry, Fault, Report, Snapshot, StateSamples};
use modehost_ids::{DeviceId, PluginId};
use modehost_plugin::catalog::status::PluginState;
use modehost_plugin::{CatalogError, Config, Ground, PluginCatalog, Track};
use parking_lot::Mutex;
use serde_json::{Map, json};
use tokio::sync::watch;

/// A change must be seen within this time; on a busy machine a compile alone takes seconds.
const DEADLINE: Duration = Duration::from_secs(60);

struct Rig {
    catalog: Arc<PluginCatalog>,
    config: Config,
    changes: watch::Receiver<u64>,
    folder: tempfile::TempDir,
    /// What is kept from one process to the next.
    kept: tempfile::TempDir,
    samples: Arc<Samples>,
}

/// State that sessions are said to have.
#[derive(Default)]
struct Samples(Mutex<Vec<Snapshot>>);

impl StateSamples for Samples {
    fn samples(&self, _: &PluginId, most: usize) -> Vec<Snapshot> {
        self.0.lock().iter().take(most).cloned().collect()
    }
}

impl Rig {
    async fn open(adjust: impl FnOnce(&mut Config)) -> Self {
        let (folder, kept) = (tempfile::tempdir().expect("a folder"), tempfile::tempdir().expect("a folder"));
        install(folder.path(), "fixture.wasm", &bytes(&[]));
        let mut config = Config { dir: folder.path().to_owned(), ..Config::default() };
        adjust(&mut config);
        let samples = Arc::default();
        let catalog = catalog(&config, &kept, &samples).await;
        let changes = catalog.changes();
        Self { catalog, config, changes, folder, kept, samples }
    }

    /// Another process on the same folders.
    async fn restart(&mut self) {
        let kept = std::mem::replace(&mut self.kept, tempfile::tempdir().expect("a folder"));
        // Nobody watches any more, so that only one process works on the folders.
        self.catalog =
            catalog(&Config { dir: kept.path().join("none"), ..Config::default() }, &self.kept, &self.samples).await;
        self.kept = kept;
        self.catalog = catalog(&self.config, &self.kept, &self.samples).await;
        self.changes = self.catalog.changes();
    }

    fn install(&self, name: &str, changes: &[(&str, &str)]) {
        install(self.folder.path(), name, &bytes(changes));
    }

    /// The table's entry for the fixture.
    fn entry(&self) -> Option<Entry> {
        self.catalog.table().plugins.get("fixture").cloned()
    }

    /// Version of the generation that serves all, or all but the candidate's share.
    fn serving(&self) -> String {
        self.entry().map_or_else(|| "none".to_owned(), |entry| entry.active.manifest().version.clone())
    }

    fn roll_back(&self) -> Result<(), CatalogError> {
        tokio::task::block_in_place(|| self.catalog.rollback("fixture", false))
    }

    /// Waits for a change of the table that makes this true.
    async fn until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                self.changes.changed().await.expect("the catalog lives");
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    /// Waits for a row of this state and gives its reason.
    async fn until_row(&self, state: PluginState) -> String {
        let began = Instant::now();
        loop {
            if let Some(row) = self.catalog.list().into_iter().find(|row| row.state == state) {
                return row.reason.unwrap_or_default();
            }
            assert!(began.elapsed() < DEADLINE, "never a row {state:?}: {:?}", self.catalog.list());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// The sessions of so many devices are served by the newest version.
    fn serve(&self, devices: u32) {
        (0..devices).for_each(|device| self.report(device, Report::Served));
    }

    /// The session of a device goes back from the newest version.
    fn fault(&self, device: u32) {
        self.report(device, Report::WentBack(&Fault::Trapped("on purpose".to_owned())));
    }

    fn report(&self, device: u32, report: Report<'_>) {
        let entry = self.entry().expect("serves");
        let newest = entry.candidate.map_or(entry.active, |candidate| candidate.generation);
        let device = DeviceId::from(format!("device-{device}").as_str());
        self.catalog.report(&PluginId::from("fixture"), newest.id(), &device, report);
    }

    /// Waits until the index of what is kept says so.
    async fn is_written_down(&self, words: &str) {
        let began = Instant::now();
        let index = self.kept.path().join("index.json");
        while !std::fs::read_to_string(&index).unwrap_or_default().contains(words) {
            assert!(began.elapsed() < DEADLINE, "never written down: {words}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn settle(&self, windows: u64) {
        self.catalog.settle(Instant::now() + Duration::from_secs(31 * windows));
    }
}

async fn catalog(config: &Config, kept: &tempfile::TempDir, samples: &Arc<Samples>) -> Arc<PluginCatalog> {
    let ground = Ground { releases: Some(kept.path().to_owned()), samples: Some(samples.clone()) };
    PluginCatalog::open(runtime(), config, Map::new(), ground).await.expect("a catalog")
}

/// Puts a file there whole, as installers do.
fn install(folder: &Path, name: &str, bytes: &[u8]) {
    let part = folder.join(format!(".{name}.part"));
    std::fs::write(&part, bytes).expect("writes");
    std::fs::rename(&part, folder.join(name)).expect("renames");
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_file_is_put_there_replaced_and_removed() {
    let mut rig = Rig::open(|_| {}).await;
    assert_eq!(rig.serving(), "1.0.0");
    let table = rig.catalog.table();
    assert_eq!(table.types["fixture"].as_str(), "fixture");
    assert_eq!(&*table.modes["fixture"].1, "fixture");
    drop(table);

    rig.install("fixture.wasm", &[("version", "2.0.0")]);
    rig.until("2.0.0 serves", |rig| rig.serving() == "2.0.0").await;
    let old = rig.entry().and_then(|entry| entry.fallback).expect("the old one is kept");
    assert_eq!(old.manifest().version, "1.0.0");
    rig.settle(1);
    assert!(rig.entry().expect("serves").on_trial, "nobody has called it");
    rig.serve(1);
    rig.settle(1);
    assert!(!rig.entry().expect("serves").on_trial, "it has proven itself");

    rig.install("second.wasm", &[("id", "second"), ("type", "second"), ("mode", "second")]);
    rig.until("a second plugin", |rig| rig.catalog.table().plugins.len() == 2).await;

    std::fs::remove_file(rig.folder.path().join("fixture.wasm")).expect("removes");
    rig.until("the first is gone", |rig| rig.serving() == "none").await;
    assert!(!rig.catalog.table().types.contains_key("fixture"));
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_file_of_another_name_replaces_its_plugin_once_the_old_one_is_gone() {
    let mut rig = Rig::open(|_| {}).await;
    let old = rig.entry().expect("serves").active.id();
    rig.install("other.wasm", &[("version", "2.0.0")]);
    assert!(rig.until_row(PluginState::Refused).await.contains("fixture.wasm"));
    assert_eq!(rig.serving(), "1.0.0");
    std::fs::remove_file(rig.folder.path().join("fixture.wasm")).expect("removes");
    rig.until("2.0.0 serves", |rig| rig.serving() == "2.0.0").await;
    // Had it been removed in between, nothing would be kept of the one before it.
    let kept = rig.entry().and_then(|entry| entry.fallback).expect("the old one is kept");
    assert_eq!(kept.id(), old, "the plugin was never removed");

    // It goes with its new file, also when the version of the old one serves again.
    rig.roll_back().expect("on trial");
    assert_eq!(rig.serving(), "1.0.0");
    std::fs::remove_file(rig.folder.path().join("other.wasm")).expect("removes");
    rig.until("it is gone", |rig| rig.serving() == "none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_candidate_of_another_name_keeps_its_plugin_when_the_old_file_goes() {
    let mut rig = Rig::open(|config| config.canary_percent = 30).await;
    let old = rig.entry().expect("serves").active.id();
    // Both changes are there when the folder is looked at.
    rig.install("other.wasm", &[("version", "2.0.0")]);
    std::fs::remove_file(rig.folder.path().join("fixture.wasm")).expect("removes");
    rig.until("a change", |rig| rig.entry().is_none_or(|entry| entry.candidate.is_some())).await;
    // What else this look has to do is done before the next one.
    let (catalog, config) = (rig.catalog.clone(), rig.config.clone());
    tokio::task::block_in_place(|| catalog.reconfigure(&config, Map::new())).expect("the same settings");
    let entry = rig.entry().expect("still serves");
    assert_eq!(entry.active.id(), old);
    assert_eq!(entry.candidate.expect("on trial").generation.manifest().version, "2.0.0");

    // A second file of it is refused, though the first file of all is gone.
    rig.install("third.wasm", &[("version", "3.0.0")]);
    assert!(rig.until_row(PluginState::Refused).await.contains("other.wasm"));
    rig.serve(1);
    rig.settle(1);
    assert_eq!(rig.serving(), "2.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_newer_track_replaces_an_older_one_and_goes_back() {
    let mut rig = Rig::open(|_| {}).await;
    let tracks = |rig: &Rig, state| {
        let rows = rig.catalog.list().into_iter().filter(move |row| row.state == state);
        rows.map(|row| row.track).collect::<Vec<_>>()
    };
    assert_eq!(tracks(&rig, PluginState::Active), [Some(Track::V0_1)]);
    install(rig.folder.path(), "fixture.wasm", &next_bytes());
    rig.until("2.0.0 serves", |rig| rig.serving() == "2.0.0").await;
    assert_eq!(tracks(&rig, PluginState::Trial), [Some(Track::V0_2)]);
    assert_eq!(tracks(&rig, PluginState::Fallback), [Some(Track::V0_1)]);
    rig.roll_back().expect("on trial");
    assert_eq!(tracks(&rig, PluginState::Active), [Some(Track::V0_1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_bad_file_never_replaces_what_serves() {
    let rig = Rig::open(|_| {}).await;
    let whole = bytes(&[("version", "2.0.0")]);
    let bad: [&[u8]; 3] =
        [&whole[..whole.len() - 1000], b"not wasm", &bytes(&[("version", "3.0.0"), ("fail", "restore")])];
    for spoilt in bad {
        install(rig.folder.path(), "fixture.wasm", spoilt);
        rig.until_row(PluginState::Refused).await;
        assert_eq!(rig.serving(), "1.0.0");
        install(rig.folder.path(), "fixture.wasm", &bytes(&[]));
        let began = Instant::now();
        while rig.catalog.list().iter().any(|row| row.state == PluginState::Refused) {
            assert!(began.elapsed() < DEADLINE, "the good file is not taken back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_generation_that_faults_is_rolled_back_and_stays_away() {
    let mut rig = Rig::open(|_| {}).await;
    rig.install("fixture.wasm", &[("version", "2.0.0")]);
    rig.until("2.0.0 serves", |rig| rig.serving() == "2.0.0").await;
    rig.serve(20);
    rig.fault(1);
    rig.fault(2);
    assert_eq!(rig.serving(), "2.0.0", "two of twenty are not enough");
    rig.settle(1);
    assert!(rig.entry().expect("serves").on_trial, "nothing settles with open faults");
    rig.fault(1);
    assert_eq!(rig.serving(), "1.0.0");
    assert!(rig.until_row(PluginState::RolledBack).await.contains("on purpose"));

    // The same content again is not taken, other content is.
    rig.install("fixture.wasm", &[("version", "2.0.0")]);
    assert!(rig.until_row(PluginState::Refused).await.contains("rolled back"));
    rig.install("fixture.wasm", &[("version", "2.0.1")]);
    rig.until("2.0.1 serves", |rig| rig.serving() == "2.0.1").await;
    rig.roll_back().expect("on trial");
    assert_eq!(rig.serving(), "1.0.0");
    assert!(rig.roll_back().is_err(), "nothing older is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_serves_its_share_and_then_all() {
    let mut rig = Rig::open(|config| config.canary_percent = 30).await;
    rig.install("fixture.wasm", &[("version", "2.0.0")]);
    rig.until("a candidate", |rig| rig.entry().is_some_and(|entry| entry.candidate.is_some())).await;
    let entry = rig.entry().expect("serves");
    let served = |number: u32| {
        let device = DeviceId::from(format!("device-{number}").as_str());
        entry.generation_for(&device).manifest().version == "2.0.0"
    };
    let share = (0..1_000).filter(|number| served(*number)).count();
    assert!((200..400).contains(&share), "{share} of 1000 devices");
    assert_eq!(rig.serving(), "1.0.0");

    rig.serve(1);
    rig.settle(1);
    let entry = rig.entry().expect("serves");
    assert_eq!((entry.active.manifest().version.as_str(), entry.candidate.is_none()), ("2.0.0", true));
    assert_eq!(entry.fallback.expect("kept").manifest().version, "1.0.0");

    rig.install("fixture.wasm", &[("version", "3.0.0")]);
    rig.until("the next candidate", |rig| rig.entry().is_some_and(|entry| entry.candidate.is_some())).await;
    // Of the version before, which is on trial for the others still, nothing is known against it.
    rig.fault(1);
    let entry = rig.entry().expect("serves");
    assert_eq!((entry.active.manifest().version.as_str(), entry.candidate.is_none()), ("2.0.0", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_settings_change_as_a_whole_or_not_at_all() {
    let rig = Rig::open(|_| {}).await;
    let before = rig.entry().expect("serves").active;
    let section = |value: serde_json::Value| Map::from_iter([("fixture".to_owned(), value)]);
    let (catalog, config) = (rig.catalog.clone(), rig.config.clone());
    let bad = section(json!({ "label": 1 }));
    let refused = tokio::task::block_in_place(|| catalog.reconfigure(&config, bad)).expect_err("refused");
    assert!(refused[0].plugin == "fixture" && refused[0].why.contains("/label"), "{refused:?}");
    assert_eq!(rig.entry().expect("serves").active.id(), before.id());

    let good = section(json!({ "label": "new" }));
    tokio::task::block_in_place(|| catalog.reconfigure(&config, good.clone())).expect("taken");
    let after = rig.entry().expect("serves").active;
    assert_ne!(after.id(), before.id());
    assert_eq!(after.code(), before.code());
    assert_eq!(&*after.config(), r#"{"label":"new"}"#);
    tokio::task::block_in_place(|| catalog.reconfigure(&config, good)).expect("the same again");
    assert_eq!(rig.entry().expect("serves").active.id(), after.id(), "nothing has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_grant_a_pin_and_a_conflict_refuse_until_they_are_mended() {
    let mut rig = Rig::open(|config| {
        config.pins.insert("pinned".to_owned(), "0".repeat(64));
    })
    .await;
    rig.install("a.wasm", &[("id", "asking"), ("type", "a"), ("mode", ""), ("grants", "model")]);
    assert!(rig.until_row(PluginState::Refused).await.contains("plugins.grants.asking"));
    let mut config = rig.config.clone();
    config.grants.insert("asking".to_owned(), vec!["model".to_owned()]);
    let catalog = rig.catalog.clone();
    tokio::task::block_in_place(|| catalog.reconfigure(&config, Map::new())).expect("taken");
    rig.until("it serves once granted", |rig| rig.catalog.table().plugins.contains_key("asking")).await;

    rig.install("b.wasm", &[("id", "greedy"), ("type", "a"), ("mode", "")]);
    let why = rig.until_row(PluginState::Refused).await;
    assert!(why.contains("message type `a`") && why.contains("asking"), "{why}");
    std::fs::remove_file(rig.folder.path().join("a.wasm")).expect("removes");
    rig.until("the other follows", |rig| rig.catalog.table().plugins.contains_key("greedy")).await;

    rig.install("c.wasm", &[("id", "pinned"), ("type", "c"), ("mode", "")]);
    assert!(rig.until_row(PluginState::Refused).await.contains("plugins.pins.pinned"));
    assert!(rig.catalog.known().contains(&"pinned".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_what_was_rolled_back_stays_so_over_a_start() {
    let mut rig = Rig::open(|_| {}).await;
    rig.install("fixture.wasm", &[("version", "2.0.0")]);
    rig.until("2.0.0 serves", |rig| rig.serving() == "2.0.0").await;
    rig.fault(1);
    assert_eq!(rig.serving(), "1.0.0", "the only session that ran it went back");
    rig.is_written_down("on purpose").await;
    for _ in 0..2 {
        rig.restart().await;
        assert_eq!(rig.serving(), "1.0.0");
        assert!(rig.until_row(PluginState::RolledBack).await.contains("on purpose"));
    }
    // By a reload it comes again, and by a new file another one.
    tokio::task::block_in_place(|| rig.catalog.reload("fixture", false)).expect("taken");
    assert_eq!(rig.serving(), "2.0.0");
    rig.install("fixture.wasm", &[("version", "3.0.0")]);
    rig.until("3.0.0 serves", |rig| rig.serving() == "3.0.0").await;
    let before = rig.entry().and_then(|entry| entry.fallback).expect("a way back");
    assert_eq!(before.manifest().version, "1.0.0", "nobody has called 2.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_an_operator_goes_back_at_any_time_and_after_a_start() {
    let mut rig = Rig::open(|_| {}).await;
    for version in ["2.0.0", "3.0.0"] {
        rig.install("fixture.wasm", &[("version", version)]);
        rig.until(version, |rig| rig.serving() == version).await;
        rig.serve(1);
        rig.settle(1);
        rig.is_written_down(version).await;
    }
    rig.restart().await;
    assert_eq!(rig.serving(), "3.0.0");
    rig.roll_back().expect("2.0.0 is kept");
    assert_eq!(rig.serving(), "2.0.0");
    rig.roll_back().expect("1.0.0 is kept");
    assert_eq!(rig.serving(), "1.0.0");
    assert!(matches!(rig.roll_back(), Err(CatalogError::NothingBefore(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_file_that_came_while_nobody_looked_is_on_trial_after_the_start() {
    let mut rig = Rig::open(|_| {}).await;
    rig.is_written_down("1.0.0").await;
    let (folder, held) = (rig.folder.path().join("fixture.wasm"), rig.folder.path().join("held"));
    std::fs::write(&held, bytes(&[("version", "2.0.0")])).expect("writes");
    // Whether the process before still sees it makes no difference.
    std::fs::rename(&held, &folder).expect("renames");
    rig.restart().await;
    let entry = rig.entry().expect("serves");
    assert_eq!((entry.active.manifest().version.as_str(), entry.on_trial), ("2.0.0", true));
    assert_eq!(entry.fallback.expect("a way back").manifest().version, "1.0.0");

    // What cannot even be read does not take the plugin away.
    std::fs::write(&folder, "not wasm").expect("writes");
    rig.restart().await;
    assert_eq!(rig.serving(), "1.0.0");
    rig.until_row(PluginState::Refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_version_is_tried_on_the_state_of_sessions_before_it_is_in_force() {
    let mut rig = Rig::open(|_| {}).await;
    let state = |schema, state: &str| Snapshot { schema, state: state.as_bytes().to_vec() };
    let counted = rig.entry().expect("serves").active.open().expect("opens").snapshot().expect("a snapshot");
    // What no version restores says nothing of the new one.
    *rig.samples.0.lock() = vec![state(9, "?")];
    rig.install("fixture.wasm", &[("version", "1.5.0"), ("schema", "2"), ("restores", "2")]);
    rig.until("1.5.0 serves", |rig| rig.serving() == "1.5.0").await;
    rig.roll_back().expect("on trial");
    *rig.samples.0.lock() = vec![state(9, "?"), counted];
    rig.install("fixture.wasm", &[("version", "2.0.0"), ("schema", "2"), ("restores", "2")]);
    let why = rig.until_row(PluginState::Refused).await;
    assert!(why.contains("1.0.0 serves on") && why.contains("plugin reload fixture --discard-state"), "{why}");
    assert_eq!(rig.serving(), "1.0.0");

    tokio::task::block_in_place(|| rig.catalog.reload("fixture", true)).expect("taken");
    let entry = rig.entry().expect("serves");
    assert_eq!(entry.active.manifest().version, "2.0.0");
    assert_eq!(entry.discards_state, Some(entry.active.id()));
    assert!(entry.discarded_before > 0);
    // Back on trial each session knows its state.
    rig.roll_back().expect("on trial");
    assert_eq!(rig.entry().expect("serves").discarded_before, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_late_fault_of_the_only_session_goes_back_too() {
    let mut rig = Rig::open(|_| {}).await;
    rig.install("fixture.wasm", &[("version", "2.0.0")]);
    rig.until("2.0.0 serves", |rig| rig.serving() == "2.0.0").await;
    rig.serve(1);
    rig.settle(1);
    assert!(!rig.entry().expect("serves").on_trial);
    rig.fault(0);
    assert_eq!(rig.serving(), "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_what_the_host_lacks_is_held_against_no_version() {
    let mut rig = Rig::open(|_| {}).await;
    rig.install("fixture.wasm", &[("version", "2.0.0")]);
    rig.until("2.0.0 serves", |rig| rig.serving() == "2.0.0").await;
    let full = Fault::Capacity("full".to_owned());
    (0..10).for_each(|device| rig.report(device, Report::WentBack(&full)));
    (0..10).for_each(|device| rig.report(device, Report::Faulted(&Fault::Trapped("both".to_owned()))));
    assert_eq!(rig.serving(), "2.0.0");
}
