//! Publishing, trials and rollback, through a real directory. Rule: the active release stays until a better one has
//! passed its trial.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::fixture::{bytes, next_bytes, runtime};
use modehost_contract::{Catalog, CatalogEntry, Fault, GenerationReport, Snapshot, StateSamples};
use modehost_ids::{DeviceId, PluginId};
use modehost_plugin::catalog::status::PluginState;
use modehost_plugin::{CatalogBackends, CatalogError, Config, ContractVersion, PluginCatalog};
use parking_lot::Mutex;
use serde_json::{Map, json};
use tokio::sync::watch;

/// A change must be visible within this time; on a busy machine a compilation alone takes seconds.
const DEADLINE: Duration = Duration::from_secs(60);

struct TestCatalog {
    catalog: Arc<PluginCatalog>,
    config: Config,
    changes: watch::Receiver<u64>,
    folder: tempfile::TempDir,
    /// The release store, which outlives a restart.
    kept: tempfile::TempDir,
    samples: Arc<Samples>,
}

/// Snapshots that the sessions are said to have.
#[derive(Default)]
struct Samples(Mutex<Vec<Snapshot>>);

impl StateSamples for Samples {
    fn samples(&self, _: &PluginId, most: usize) -> Vec<Snapshot> {
        self.0.lock().iter().take(most).cloned().collect()
    }
}

impl TestCatalog {
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

    /// Simulates a new process on the same directories.
    async fn restart(&mut self) {
        let kept = std::mem::replace(&mut self.kept, tempfile::tempdir().expect("a folder"));
        // The old catalog stops watching first, so that only one works on the directories.
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
    fn entry(&self) -> Option<CatalogEntry> {
        self.catalog.table().plugins.get("fixture").cloned()
    }

    /// Version of the generation that is active for all devices, or for all but the candidate's share.
    fn serving(&self) -> String {
        self.entry().map_or_else(|| "none".to_owned(), |entry| entry.active.manifest().version.clone())
    }

    fn roll_back(&self) -> Result<(), CatalogError> {
        tokio::task::block_in_place(|| self.catalog.rollback("fixture", false))
    }

    /// Waits for a change of the table after which this is true.
    async fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&Self) -> bool) {
        let waiting = async {
            while !holds(self) {
                self.changes.changed().await.expect("the catalog lives");
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| panic!("never: {what}"));
    }

    /// Waits for a row in this state and returns its reason.
    async fn wait_for_row(&self, state: PluginState) -> String {
        let began = Instant::now();
        loop {
            if let Some(row) = self.catalog.list().into_iter().find(|row| row.state == state) {
                return row.reason.unwrap_or_default();
            }
            assert!(began.elapsed() < DEADLINE, "never a row {state:?}: {:?}", self.catalog.list());
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Reports that sessions of this many devices were served by the newest version.
    fn report_served(&self, devices: u32) {
        (0..devices).for_each(|device| self.report(device, GenerationReport::Served));
    }

    /// Reports that the session of a device was rolled back from the newest version.
    fn report_rollback(&self, device: u32) {
        self.report(device, GenerationReport::RolledBack(&Fault::Trapped("on purpose".to_owned())));
    }

    fn report(&self, device: u32, report: GenerationReport<'_>) {
        let entry = self.entry().expect("serves");
        let newest = entry.candidate.map_or(entry.active, |candidate| candidate.generation);
        let device = DeviceId::from(format!("device-{device}").as_str());
        self.catalog.report(&PluginId::from("fixture"), newest.id(), &device, report);
    }

    /// Waits until the index of the release store contains this.
    async fn wait_for_index(&self, words: &str) {
        let began = Instant::now();
        let index = self.kept.path().join("index.json");
        while !std::fs::read_to_string(&index).unwrap_or_default().contains(words) {
            assert!(began.elapsed() < DEADLINE, "never written down: {words}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    fn end_due_trials(&self, windows: u64) {
        self.catalog.end_due_trials(Instant::now() + Duration::from_secs(31 * windows));
    }
}

async fn catalog(config: &Config, kept: &tempfile::TempDir, samples: &Arc<Samples>) -> Arc<PluginCatalog> {
    let ground = CatalogBackends { releases: Some(kept.path().to_owned()), samples: Some(samples.clone()) };
    PluginCatalog::open(runtime(), config, Map::new(), ground).await.expect("a catalog")
}

/// Puts a file in place atomically, as installers do.
fn install(folder: &Path, name: &str, bytes: &[u8]) {
    let part = folder.join(format!(".{name}.part"));
    std::fs::write(&part, bytes).expect("writes");
    std::fs::rename(&part, folder.join(name)).expect("renames");
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_file_is_put_there_replaced_and_removed() {
    let mut host = TestCatalog::open(|_| {}).await;
    assert_eq!(host.serving(), "1.0.0");
    let table = host.catalog.table();
    assert_eq!(table.types["fixture"].as_str(), "fixture");
    assert_eq!(&*table.modes["fixture"].1, "fixture");
    drop(table);

    host.install("fixture.wasm", &[("version", "2.0.0")]);
    host.wait_until("2.0.0 serves", |host| host.serving() == "2.0.0").await;
    let old = host.entry().and_then(|entry| entry.fallback).expect("the old one is kept");
    assert_eq!(old.manifest().version, "1.0.0");
    host.end_due_trials(1);
    assert!(host.entry().expect("serves").on_trial, "nobody has called it");
    host.report_served(1);
    host.end_due_trials(1);
    assert!(!host.entry().expect("serves").on_trial, "it has proven itself");

    host.install("second.wasm", &[("id", "second"), ("type", "second"), ("mode", "second")]);
    host.wait_until("a second plugin", |host| host.catalog.table().plugins.len() == 2).await;

    std::fs::remove_file(host.folder.path().join("fixture.wasm")).expect("removes");
    host.wait_until("the first is gone", |host| host.serving() == "none").await;
    assert!(!host.catalog.table().types.contains_key("fixture"));
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_file_of_another_name_replaces_its_plugin_once_the_old_one_is_gone() {
    let mut host = TestCatalog::open(|_| {}).await;
    let old = host.entry().expect("serves").active.id();
    host.install("other.wasm", &[("version", "2.0.0")]);
    assert!(host.wait_for_row(PluginState::Refused).await.contains("fixture.wasm"));
    assert_eq!(host.serving(), "1.0.0");
    std::fs::remove_file(host.folder.path().join("fixture.wasm")).expect("removes");
    host.wait_until("2.0.0 serves", |host| host.serving() == "2.0.0").await;
    // Had the plugin been removed in between, there would be no fallback.
    let kept = host.entry().and_then(|entry| entry.fallback).expect("the old one is kept");
    assert_eq!(kept.id(), old, "the plugin was never removed");

    // The plugin now belongs to its new file, even after a rollback to the version of the old one.
    host.roll_back().expect("on trial");
    assert_eq!(host.serving(), "1.0.0");
    std::fs::remove_file(host.folder.path().join("other.wasm")).expect("removes");
    host.wait_until("it is gone", |host| host.serving() == "none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_candidate_of_another_name_keeps_its_plugin_when_the_old_file_goes() {
    let mut host = TestCatalog::open(|config| config.canary_percent = 30).await;
    let old = host.entry().expect("serves").active.id();
    // One scan sees both changes.
    host.install("other.wasm", &[("version", "2.0.0")]);
    std::fs::remove_file(host.folder.path().join("fixture.wasm")).expect("removes");
    host.wait_until("a change", |host| host.entry().is_none_or(|entry| entry.candidate.is_some())).await;
    // Reconfiguring takes the directory lock, so that the scan has ended afterwards.
    let (catalog, config) = (host.catalog.clone(), host.config.clone());
    tokio::task::block_in_place(|| catalog.reconfigure(&config, Map::new())).expect("the same settings");
    let entry = host.entry().expect("still serves");
    assert_eq!(entry.active.id(), old);
    assert_eq!(entry.candidate.expect("on trial").generation.manifest().version, "2.0.0");

    // A second file of the plugin is rejected, even though its first file is gone.
    host.install("third.wasm", &[("version", "3.0.0")]);
    assert!(host.wait_for_row(PluginState::Refused).await.contains("other.wasm"));
    host.report_served(1);
    host.end_due_trials(1);
    assert_eq!(host.serving(), "2.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn h2_a_newer_track_replaces_an_older_one_and_goes_back() {
    let mut host = TestCatalog::open(|_| {}).await;
    let contract_versions = |host: &TestCatalog, state| {
        let rows = host.catalog.list().into_iter().filter(move |row| row.state == state);
        rows.map(|row| row.track).collect::<Vec<_>>()
    };
    assert_eq!(contract_versions(&host, PluginState::Active), [Some(ContractVersion::V0_1)]);
    install(host.folder.path(), "fixture.wasm", &next_bytes());
    host.wait_until("2.0.0 serves", |host| host.serving() == "2.0.0").await;
    assert_eq!(contract_versions(&host, PluginState::Trial), [Some(ContractVersion::V0_2)]);
    assert_eq!(contract_versions(&host, PluginState::Fallback), [Some(ContractVersion::V0_1)]);
    host.roll_back().expect("on trial");
    assert_eq!(contract_versions(&host, PluginState::Active), [Some(ContractVersion::V0_1)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_bad_file_never_replaces_what_serves() {
    let host = TestCatalog::open(|_| {}).await;
    let whole = bytes(&[("version", "2.0.0")]);
    let invalid_files: [&[u8]; 3] =
        [&whole[..whole.len() - 1000], b"not wasm", &bytes(&[("version", "3.0.0"), ("fail", "restore")])];
    for invalid in invalid_files {
        install(host.folder.path(), "fixture.wasm", invalid);
        host.wait_for_row(PluginState::Refused).await;
        assert_eq!(host.serving(), "1.0.0");
        install(host.folder.path(), "fixture.wasm", &bytes(&[]));
        let began = Instant::now();
        while host.catalog.list().iter().any(|row| row.state == PluginState::Refused) {
            assert!(began.elapsed() < DEADLINE, "the good file is not taken back");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_generation_that_faults_is_rolled_back_and_stays_away() {
    let mut host = TestCatalog::open(|_| {}).await;
    host.install("fixture.wasm", &[("version", "2.0.0")]);
    host.wait_until("2.0.0 serves", |host| host.serving() == "2.0.0").await;
    host.report_served(20);
    host.report_rollback(1);
    host.report_rollback(2);
    assert_eq!(host.serving(), "2.0.0", "two of twenty are not enough");
    host.end_due_trials(1);
    assert!(host.entry().expect("serves").on_trial, "nothing settles with open faults");
    host.report_rollback(1);
    assert_eq!(host.serving(), "1.0.0");
    assert!(host.wait_for_row(PluginState::RolledBack).await.contains("on purpose"));

    // The same content is rejected again, other content is accepted.
    host.install("fixture.wasm", &[("version", "2.0.0")]);
    assert!(host.wait_for_row(PluginState::Refused).await.contains("rolled back"));
    host.install("fixture.wasm", &[("version", "2.0.1")]);
    host.wait_until("2.0.1 serves", |host| host.serving() == "2.0.1").await;
    host.roll_back().expect("on trial");
    assert_eq!(host.serving(), "1.0.0");
    assert!(host.roll_back().is_err(), "nothing older is kept");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_canary_serves_its_share_and_then_all() {
    let mut host = TestCatalog::open(|config| config.canary_percent = 30).await;
    host.install("fixture.wasm", &[("version", "2.0.0")]);
    host.wait_until("a candidate", |host| host.entry().is_some_and(|entry| entry.candidate.is_some())).await;
    let entry = host.entry().expect("serves");
    let served = |number: u32| {
        let device = DeviceId::from(format!("device-{number}").as_str());
        entry.generation_for(&device).manifest().version == "2.0.0"
    };
    let share = (0..1_000).filter(|number| served(*number)).count();
    assert!((200..400).contains(&share), "{share} of 1000 devices");
    assert_eq!(host.serving(), "1.0.0");

    host.report_served(1);
    host.end_due_trials(1);
    let entry = host.entry().expect("serves");
    assert_eq!((entry.active.manifest().version.as_str(), entry.candidate.is_none()), ("2.0.0", true));
    assert_eq!(entry.fallback.expect("kept").manifest().version, "1.0.0");

    host.install("fixture.wasm", &[("version", "3.0.0")]);
    host.wait_until("the next candidate", |host| host.entry().is_some_and(|entry| entry.candidate.is_some())).await;
    // The version before, which is still on trial for the other devices, has no fault on record.
    host.report_rollback(1);
    let entry = host.entry().expect("serves");
    assert_eq!((entry.active.manifest().version.as_str(), entry.candidate.is_none()), ("2.0.0", true));
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_settings_change_as_a_whole_or_not_at_all() {
    let host = TestCatalog::open(|_| {}).await;
    let before = host.entry().expect("serves").active;
    let section = |value: serde_json::Value| Map::from_iter([("fixture".to_owned(), value)]);
    let (catalog, config) = (host.catalog.clone(), host.config.clone());
    let bad = section(json!({ "label": 1 }));
    let refused = tokio::task::block_in_place(|| catalog.reconfigure(&config, bad)).expect_err("refused");
    assert!(refused[0].plugin == "fixture" && refused[0].why.contains("/label"), "{refused:?}");
    assert_eq!(host.entry().expect("serves").active.id(), before.id());

    let good = section(json!({ "label": "new" }));
    tokio::task::block_in_place(|| catalog.reconfigure(&config, good.clone())).expect("taken");
    let after = host.entry().expect("serves").active;
    assert_ne!(after.id(), before.id());
    assert_eq!(after.code(), before.code());
    assert_eq!(&*after.config(), r#"{"label":"new"}"#);
    tokio::task::block_in_place(|| catalog.reconfigure(&config, good)).expect("the same again");
    assert_eq!(host.entry().expect("serves").active.id(), after.id(), "nothing has changed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_missing_grant_a_pin_and_a_conflict_refuse_until_they_are_mended() {
    let mut host = TestCatalog::open(|config| {
        config.pins.insert("pinned".to_owned(), "0".repeat(64));
    })
    .await;
    host.install("a.wasm", &[("id", "asking"), ("type", "a"), ("mode", ""), ("grants", "model")]);
    assert!(host.wait_for_row(PluginState::Refused).await.contains("plugins.grants.asking"));
    let mut config = host.config.clone();
    config.grants.insert("asking".to_owned(), vec!["model".to_owned()]);
    let catalog = host.catalog.clone();
    tokio::task::block_in_place(|| catalog.reconfigure(&config, Map::new())).expect("taken");
    host.wait_until("it serves once granted", |host| host.catalog.table().plugins.contains_key("asking")).await;

    host.install("b.wasm", &[("id", "greedy"), ("type", "a"), ("mode", "")]);
    let why = host.wait_for_row(PluginState::Refused).await;
    assert!(why.contains("message type `a`") && why.contains("asking"), "{why}");
    std::fs::remove_file(host.folder.path().join("a.wasm")).expect("removes");
    host.wait_until("the other follows", |host| host.catalog.table().plugins.contains_key("greedy")).await;

    host.install("c.wasm", &[("id", "pinned"), ("type", "c"), ("mode", "")]);
    assert!(host.wait_for_row(PluginState::Refused).await.contains("plugins.pins.pinned"));
    assert!(host.catalog.known().contains(&"pinned".to_owned()));
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_what_was_rolled_back_stays_so_over_a_start() {
    let mut host = TestCatalog::open(|_| {}).await;
    host.install("fixture.wasm", &[("version", "2.0.0")]);
    host.wait_until("2.0.0 serves", |host| host.serving() == "2.0.0").await;
    host.report_rollback(1);
    assert_eq!(host.serving(), "1.0.0", "the only session that ran it went back");
    host.wait_for_index("on purpose").await;
    for _ in 0..2 {
        host.restart().await;
        assert_eq!(host.serving(), "1.0.0");
        assert!(host.wait_for_row(PluginState::RolledBack).await.contains("on purpose"));
    }
    // A reload activates it again, and a new file another version.
    tokio::task::block_in_place(|| host.catalog.reload("fixture", false)).expect("taken");
    assert_eq!(host.serving(), "2.0.0");
    host.install("fixture.wasm", &[("version", "3.0.0")]);
    host.wait_until("3.0.0 serves", |host| host.serving() == "3.0.0").await;
    let before = host.entry().and_then(|entry| entry.fallback).expect("a way back");
    assert_eq!(before.manifest().version, "1.0.0", "nobody has called 2.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_an_operator_goes_back_at_any_time_and_after_a_start() {
    let mut host = TestCatalog::open(|_| {}).await;
    for version in ["2.0.0", "3.0.0"] {
        host.install("fixture.wasm", &[("version", version)]);
        host.wait_until(version, |host| host.serving() == version).await;
        host.report_served(1);
        host.end_due_trials(1);
        host.wait_for_index(version).await;
    }
    host.restart().await;
    assert_eq!(host.serving(), "3.0.0");
    host.roll_back().expect("2.0.0 is kept");
    assert_eq!(host.serving(), "2.0.0");
    host.roll_back().expect("1.0.0 is kept");
    assert_eq!(host.serving(), "1.0.0");
    assert!(matches!(host.roll_back(), Err(CatalogError::NoPreviousVersion(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_file_that_came_while_nobody_looked_is_on_trial_after_the_start() {
    let mut host = TestCatalog::open(|_| {}).await;
    host.wait_for_index("1.0.0").await;
    let (folder, staged) = (host.folder.path().join("fixture.wasm"), host.folder.path().join("held"));
    std::fs::write(&staged, bytes(&[("version", "2.0.0")])).expect("writes");
    // It makes no difference whether the previous process still sees it.
    std::fs::rename(&staged, &folder).expect("renames");
    host.restart().await;
    let entry = host.entry().expect("serves");
    assert_eq!((entry.active.manifest().version.as_str(), entry.on_trial), ("2.0.0", true));
    assert_eq!(entry.fallback.expect("a way back").manifest().version, "1.0.0");

    // An unreadable file does not remove the plugin.
    std::fs::write(&folder, "not wasm").expect("writes");
    host.restart().await;
    assert_eq!(host.serving(), "1.0.0");
    host.wait_for_row(PluginState::Refused).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_version_is_tried_on_the_state_of_sessions_before_it_is_in_force() {
    let mut host = TestCatalog::open(|_| {}).await;
    let state = |schema, state: &str| Snapshot { schema, state: state.as_bytes().to_vec() };
    let snapshot = host.entry().expect("serves").active.open().expect("opens").snapshot().expect("a snapshot");
    // A snapshot that no version restores says nothing about the new one.
    *host.samples.0.lock() = vec![state(9, "?")];
    host.install("fixture.wasm", &[("version", "1.5.0"), ("schema", "2"), ("restores", "2")]);
    host.wait_until("1.5.0 serves", |host| host.serving() == "1.5.0").await;
    host.roll_back().expect("on trial");
    *host.samples.0.lock() = vec![state(9, "?"), snapshot];
    host.install("fixture.wasm", &[("version", "2.0.0"), ("schema", "2"), ("restores", "2")]);
    let why = host.wait_for_row(PluginState::Refused).await;
    assert!(why.contains("1.0.0 serves on") && why.contains("plugin reload fixture --discard-state"), "{why}");
    assert_eq!(host.serving(), "1.0.0");

    tokio::task::block_in_place(|| host.catalog.reload("fixture", true)).expect("taken");
    let entry = host.entry().expect("serves");
    assert_eq!(entry.active.manifest().version, "2.0.0");
    assert_eq!(entry.discards_state, Some(entry.active.id()));
    assert!(entry.discarded_before > 0);
    // After a rollback during the trial each session still has its state.
    host.roll_back().expect("on trial");
    assert_eq!(host.entry().expect("serves").discarded_before, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_a_late_fault_of_the_only_session_goes_back_too() {
    let mut host = TestCatalog::open(|_| {}).await;
    host.install("fixture.wasm", &[("version", "2.0.0")]);
    host.wait_until("2.0.0 serves", |host| host.serving() == "2.0.0").await;
    host.report_served(1);
    host.end_due_trials(1);
    assert!(!host.entry().expect("serves").on_trial);
    host.report_rollback(0);
    assert_eq!(host.serving(), "1.0.0");
}

#[tokio::test(flavor = "multi_thread")]
async fn h3_what_the_host_lacks_is_held_against_no_version() {
    let mut host = TestCatalog::open(|_| {}).await;
    host.install("fixture.wasm", &[("version", "2.0.0")]);
    host.wait_until("2.0.0 serves", |host| host.serving() == "2.0.0").await;
    let full = Fault::Capacity("full".to_owned());
    (0..10).for_each(|device| host.report(device, GenerationReport::RolledBack(&full)));
    (0..10).for_each(|device| host.report(device, GenerationReport::Faulted(&Fault::Trapped("both".to_owned()))));
    assert_eq!(host.serving(), "2.0.0");
}
