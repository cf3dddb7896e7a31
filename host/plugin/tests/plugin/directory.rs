//! C.20: the plugin directory is a path that is resolved each time. Rule: what the path leads to now is served,
//! whatever was removed, recreated or relinked on the way, and files with equal size and time are read.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use modehost_contract::Catalog;
use modehost_plugin::limits;
use modehost_plugin::{CatalogBackends, Config, PluginCatalog};
use serde_json::Map;
use tokio::sync::watch;

use crate::fixture::{bytes, runtime};

/// A change must be visible within this time; on a busy machine a compilation alone takes seconds.
const DEADLINE: Duration = Duration::from_secs(60);

struct TestCatalog {
    catalog: Arc<PluginCatalog>,
    changes: watch::Receiver<u64>,
}

impl TestCatalog {
    async fn open(dir: &Path) -> Self {
        let config = Config { dir: dir.to_owned(), ..Config::default() };
        let catalog =
            PluginCatalog::open(runtime(), &config, Map::new(), CatalogBackends::default()).await.expect("a catalog");
        Self { changes: catalog.changes(), catalog }
    }

    fn version(&self) -> String {
        let table = self.catalog.table();
        let entry = table.plugins.get("fixture");
        entry.map_or_else(|| "none".to_owned(), |entry| entry.active.manifest().version.clone())
    }

    async fn wait_until(&mut self, version: &str) {
        let waiting = async {
            while self.version() != version {
                self.changes.changed().await.expect("the catalog lives");
            }
        };
        let outcome = tokio::time::timeout(DEADLINE, waiting).await;
        assert!(outcome.is_ok(), "{version} never served, but {}", self.version());
    }
}

fn install(directory: &Path, version: &str) {
    let part = directory.join(".part");
    fs::write(&part, bytes(&[("version", version)])).expect("writes");
    fs::rename(part, directory.join("fixture.wasm")).expect("renames");
}

fn relink(link: &Path, to: &str) {
    let new = link.with_extension("new");
    symlink(to, &new).expect("a link");
    fs::rename(new, link).expect("turned");
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_a_folder_that_is_removed_and_made_anew_is_followed() {
    let home = tempfile::tempdir().expect("a folder");
    let directory = home.path().join("plugins");
    fs::create_dir(&directory).expect("a folder");
    install(&directory, "1.0.0");
    let mut host = TestCatalog::open(&directory).await;
    assert_eq!(host.version(), "1.0.0");
    let first = *host.changes.borrow_and_update();

    // No mode is lost because an installer begins by removing what is there.
    fs::remove_dir_all(&directory).expect("removed");
    fs::create_dir(&directory).expect("made anew");
    tokio::time::sleep(limits::PATH_POLL + limits::WATCH_DEBOUNCE * 2).await;
    assert_eq!((host.version(), *host.changes.borrow()), ("1.0.0".to_owned(), first));
    install(&directory, "2.0.0");
    host.wait_until("2.0.0").await;
    // The new directory is watched like the old one.
    install(&directory, "3.0.0");
    host.wait_until("3.0.0").await;
    fs::remove_file(directory.join("fixture.wasm")).expect("removed");
    host.wait_until("none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_a_folder_that_stays_empty_takes_its_plugins_with_it() {
    let home = tempfile::tempdir().expect("a folder");
    let directory = home.path().join("plugins");
    fs::create_dir(&directory).expect("a folder");
    install(&directory, "1.0.0");
    let mut host = TestCatalog::open(&directory).await;
    fs::rename(&directory, home.path().join("away")).expect("moved away");
    fs::create_dir(&directory).expect("another");
    host.wait_until("none").await;
    // Moved back, after the path was removed.
    fs::remove_dir(&directory).expect("removed");
    fs::rename(home.path().join("away"), &directory).expect("moved back");
    host.wait_until("1.0.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_a_link_on_the_way_to_the_folder_is_turned() {
    let home = tempfile::tempdir().expect("a folder");
    for (release, version) in [("r1", "1.0.0"), ("r2", "2.0.0"), ("r3", "3.0.0")] {
        let directory = home.path().join(release).join("share/plugins");
        fs::create_dir_all(&directory).expect("folders");
        install(&directory, version);
    }
    // A link above the directory, and the directory itself.
    let (current, plugins) = (home.path().join("current"), home.path().join("plugins"));
    relink(&current, "r1");
    relink(&plugins, "current/share/plugins");
    let mut host = TestCatalog::open(&plugins).await;
    assert_eq!(host.version(), "1.0.0");
    relink(&current, "r2");
    host.wait_until("2.0.0").await;
    relink(&plugins, "r3/share/plugins");
    host.wait_until("3.0.0").await;
    install(&home.path().join("r3/share/plugins"), "4.0.0");
    host.wait_until("4.0.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_a_plugin_of_the_same_size_and_time_is_another() {
    let home = tempfile::tempdir().expect("a folder");
    // As in a content store where all files have the same time, each reached by a link.
    let (directory, store) = (home.path().join("plugins"), home.path().join("store"));
    fs::create_dir(&directory).expect("a folder");
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        let entry = store.join(version);
        fs::create_dir_all(&entry).expect("a folder");
        install(&entry, version);
        let file = File::options().write(true).open(entry.join("fixture.wasm")).expect("opens");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).expect("a time");
    }
    relink(&directory.join("fixture.wasm"), "../store/1.0.0/fixture.wasm");
    let mut host = TestCatalog::open(&directory).await;
    assert_eq!(host.version(), "1.0.0");
    relink(&directory.join("fixture.wasm"), "../store/2.0.0/fixture.wasm");
    host.wait_until("2.0.0").await;
    // The link's target is replaced, while nothing in the directory itself changes.
    fs::rename(store.join("3.0.0/fixture.wasm"), store.join("2.0.0/fixture.wasm")).expect("renamed");
    host.wait_until("3.0.0").await;
}
