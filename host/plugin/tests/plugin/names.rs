//! C.20: the plugin folder is a name. Rule: what the name leads to at this moment is what is served, whatever
//! was removed, made anew or turned on the way, and files that look the same from outside are read.

use std::fs::{self, File};
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use modehost_contract::Catalog;
use modehost_plugin::limits;
use modehost_plugin::{Config, Ground, PluginCatalog};
use serde_json::Map;
use tokio::sync::watch;

use crate::fixture::{bytes, runtime};

/// A change must be seen within this time; on a busy machine a compile alone takes seconds.
const DEADLINE: Duration = Duration::from_secs(60);

struct Served {
    catalog: Arc<PluginCatalog>,
    changes: watch::Receiver<u64>,
}

impl Served {
    async fn open(dir: &Path) -> Self {
        let config = Config { dir: dir.to_owned(), ..Config::default() };
        let catalog = PluginCatalog::open(runtime(), &config, Map::new(), Ground::default()).await.expect("a catalog");
        Self { changes: catalog.changes(), catalog }
    }

    fn version(&self) -> String {
        let table = self.catalog.table();
        let entry = table.plugins.get("fixture");
        entry.map_or_else(|| "none".to_owned(), |entry| entry.active.manifest().version.clone())
    }

    async fn until(&mut self, version: &str) {
        let waiting = async {
            while self.version() != version {
                self.changes.changed().await.expect("the catalog lives");
            }
        };
        let came = tokio::time::timeout(DEADLINE, waiting).await;
        assert!(came.is_ok(), "{version} never served, but {}", self.version());
    }
}

fn put(folder: &Path, version: &str) {
    let part = folder.join(".part");
    fs::write(&part, bytes(&[("version", version)])).expect("writes");
    fs::rename(part, folder.join("fixture.wasm")).expect("renames");
}

fn turn(link: &Path, to: &str) {
    let new = link.with_extension("new");
    symlink(to, &new).expect("a link");
    fs::rename(new, link).expect("turned");
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_a_folder_that_is_removed_and_made_anew_is_followed() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("plugins");
    fs::create_dir(&folder).expect("a folder");
    put(&folder, "1.0.0");
    let mut served = Served::open(&folder).await;
    assert_eq!(served.version(), "1.0.0");
    let first = *served.changes.borrow_and_update();

    // Nobody loses a mode because an installer begins by removing what is there.
    fs::remove_dir_all(&folder).expect("removed");
    fs::create_dir(&folder).expect("made anew");
    tokio::time::sleep(limits::PATH_LOOK + limits::WATCH_DEBOUNCE * 2).await;
    assert_eq!((served.version(), *served.changes.borrow()), ("1.0.0".to_owned(), first));
    put(&folder, "2.0.0");
    served.until("2.0.0").await;
    // And the new folder is watched as the old one was.
    put(&folder, "3.0.0");
    served.until("3.0.0").await;
    fs::remove_file(folder.join("fixture.wasm")).expect("removed");
    served.until("none").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_a_folder_that_stays_empty_takes_its_plugins_with_it() {
    let home = tempfile::tempdir().expect("a folder");
    let folder = home.path().join("plugins");
    fs::create_dir(&folder).expect("a folder");
    put(&folder, "1.0.0");
    let mut served = Served::open(&folder).await;
    fs::rename(&folder, home.path().join("away")).expect("moved away");
    fs::create_dir(&folder).expect("another");
    served.until("none").await;
    // Moved back, by way of the first name.
    fs::remove_dir(&folder).expect("removed");
    fs::rename(home.path().join("away"), &folder).expect("moved back");
    served.until("1.0.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_a_link_on_the_way_to_the_folder_is_turned() {
    let home = tempfile::tempdir().expect("a folder");
    for (release, version) in [("r1", "1.0.0"), ("r2", "2.0.0"), ("r3", "3.0.0")] {
        let folder = home.path().join(release).join("share/plugins");
        fs::create_dir_all(&folder).expect("folders");
        put(&folder, version);
    }
    // Above the folder, and the folder itself.
    let (current, plugins) = (home.path().join("current"), home.path().join("plugins"));
    turn(&current, "r1");
    turn(&plugins, "current/share/plugins");
    let mut served = Served::open(&plugins).await;
    assert_eq!(served.version(), "1.0.0");
    turn(&current, "r2");
    served.until("2.0.0").await;
    turn(&plugins, "r3/share/plugins");
    served.until("3.0.0").await;
    put(&home.path().join("r3/share/plugins"), "4.0.0");
    served.until("4.0.0").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c20_a_plugin_of_the_same_size_and_time_is_another() {
    let home = tempfile::tempdir().expect("a folder");
    // As in a store whose files all have the same time, reached by links for each file.
    let (folder, store) = (home.path().join("plugins"), home.path().join("store"));
    fs::create_dir(&folder).expect("a folder");
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        let entry = store.join(version);
        fs::create_dir_all(&entry).expect("a folder");
        put(&entry, version);
        let file = File::options().write(true).open(entry.join("fixture.wasm")).expect("opens");
        file.set_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(1)).expect("a time");
    }
    turn(&folder.join("fixture.wasm"), "../store/1.0.0/fixture.wasm");
    let mut served = Served::open(&folder).await;
    assert_eq!(served.version(), "1.0.0");
    turn(&folder.join("fixture.wasm"), "../store/2.0.0/fixture.wasm");
    served.until("2.0.0").await;
    // What the link leads to is replaced, where nothing in the folder itself changes.
    fs::rename(store.join("3.0.0/fixture.wasm"), store.join("2.0.0/fixture.wasm")).expect("renamed");
    served.until("3.0.0").await;
}
