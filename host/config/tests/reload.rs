//! Replacing the document while it is in use, with a real file. Rule: a document is applied as a whole or not at all.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use garde::Validate;
use modehost_config::{Live, Source, Watcher};
use schemars::JsonSchema;
use serde::Deserialize;

#[derive(Debug, Default, Deserialize, Validate, JsonSchema)]
#[serde(default, deny_unknown_fields)]
struct Sample {
    #[garde(skip)]
    port: u16,
    #[garde(skip)]
    level: String,
    #[garde(skip)]
    names: BTreeMap<String, String>,
}

fn open(file: &Path) -> Arc<Live<Sample>> {
    let embedded = ("built-in", "port: 1\nlevel: info\n");
    let source = Source { embedded, file: Some(file.to_owned()), overrides: Vec::new() };
    let first = source.load().expect("a valid document");
    Live::new(
        source,
        first,
        &["/port"],
        Box::new(|loaded| {
            let unknown = loaded.unknown_sections(&["known"]);
            if unknown.is_empty() { Ok(()) } else { Err(unknown) }
        }),
    )
}

/// As editors save: a new file, renamed over the old one.
fn save(file: &Path, text: &str) {
    let new = file.with_extension("new");
    std::fs::write(&new, text).expect("write");
    std::fs::rename(&new, file).expect("rename");
}

#[test]
fn h6_a_bad_document_changes_nothing_and_a_good_one_everything_that_can_change() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("c.yaml");
    save(&file, "port: 5\nlevel: info\n");
    let live = open(&file);
    let mut updates = live.subscribe();

    save(&file, "port: 5\nlevel: debug\nnames: wrong\n");
    let diagnostics = live.reload().expect_err("refused").to_string();
    assert!(diagnostics.contains("c.yaml:3:8: names"), "{diagnostics}");
    save(&file, "level: debug\nnobody: {}\n");
    let diagnostics = live.reload().expect_err("refused by the caller's part").to_string();
    assert!(diagnostics.contains("unknown section `nobody`"), "{diagnostics}");
    assert_eq!((live.current().document.level.as_str(), updates.has_changed().ok()), ("info", Some(false)));

    save(&file, "port: 6\nlevel: debug\nknown: { x: 1 }\n");
    let reloaded = live.reload().expect("good");
    assert_eq!((reloaded.changed, reloaded.needs_restart), (true, vec!["port".to_owned()]));
    let current = updates.borrow_and_update().clone();
    assert_eq!((current.document.port, current.document.level.as_str()), (5, "debug"));
    assert_eq!(current.sections["known"].value, serde_json::json!({"x": 1}));

    assert!(!live.reload().expect("good").changed, "the same text again changes nothing");
}

#[test]
fn h6_a_saved_file_is_taken_up_and_one_taken_away_is_not() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("c.yaml");
    save(&file, "level: info\n");
    let live = open(&file);
    let _watcher = Watcher::start(&live).expect("watch").expect("there is a file");
    let until = |wanted: &str| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while live.current().document.level != wanted {
            assert!(Instant::now() < deadline, "{wanted} was never applied");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    save(&file, "level: debug\n");
    until("debug");
    std::fs::remove_file(&file).expect("remove");
    save(&file, "level: warn\n");
    until("warn");
}

#[test]
fn h6_what_a_linked_file_leads_to_is_taken_up() {
    use std::os::unix::fs::symlink;
    let until = |live: &Live<Sample>, wanted: &str| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while live.current().document.level != wanted {
            assert!(Instant::now() < deadline, "{wanted} was never applied");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    // As configurations are mounted: the path leads through a symbolic link that is replaced.
    let directory = tempfile::tempdir().expect("a directory");
    let at = |name: &str| directory.path().join(name);
    for (version, level) in [("one", "info"), ("two", "debug")] {
        std::fs::create_dir(at(version)).expect("a directory");
        std::fs::write(at(version).join("c.yaml"), format!("level: {level}\n")).expect("written");
    }
    symlink("one", at("..data")).expect("a link");
    symlink("..data/c.yaml", at("c.yaml")).expect("a link");
    let live = open(&at("c.yaml"));
    let watcher = Watcher::start(&live).expect("watch").expect("there is a file");
    symlink("two", at("..new")).expect("a link");
    std::fs::rename(at("..new"), at("..data")).expect("turned");
    until(&live, "debug");
    drop(watcher);
    // The target of a link is edited in place.
    let other_directory = tempfile::tempdir().expect("a directory");
    let file = other_directory.path().join("real.yaml");
    save(&file, "level: info\n");
    symlink(&file, at("linked.yaml")).expect("a link");
    let live = open(&at("linked.yaml"));
    let _watcher = Watcher::start(&live).expect("watch").expect("there is a file");
    save(&file, "level: warn\n");
    until(&live, "warn");
}

#[test]
fn c20_the_name_is_followed_when_any_link_on_its_way_is_turned_or_its_folder_made_anew() {
    use std::os::unix::fs::symlink;
    let until = |live: &Live<Sample>, wanted: &str| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while live.current().document.level != wanted {
            assert!(Instant::now() < deadline, "{wanted} was never applied");
            std::thread::sleep(Duration::from_millis(10));
        }
    };
    let root = tempfile::tempdir().expect("a directory");
    let at = |name: &str| root.path().join(name);
    let replace_link = |link: &str, to: &str| {
        symlink(to, at("new-link")).expect("a link");
        std::fs::rename(at("new-link"), at(link)).expect("turned");
    };
    // Two nested links above the file: outer/inner/deep/c.yaml.
    for (release, directory, level) in [("r1", "v1", "info"), ("r1", "v2", "debug"), ("r2", "v1", "warn")] {
        let deep = at(release).join(directory).join("deep");
        std::fs::create_dir_all(&deep).expect("directories");
        std::fs::write(deep.join("c.yaml"), format!("level: {level}\n")).expect("written");
    }
    for release in ["r1", "r2"] {
        symlink("v1", at(release).join("inner")).expect("a link");
    }
    replace_link("outer", "r1");
    let live = open(&at("outer/inner/deep/c.yaml"));
    let _watcher = Watcher::start(&live).expect("watch").expect("there is a file");
    until(&live, "info");
    replace_link("r1/inner", "v2");
    until(&live, "debug");
    replace_link("outer", "r2");
    until(&live, "warn");
    // The current target is written in place.
    std::fs::write(at("r2/v1/deep/c.yaml"), "level: two\n").expect("written");
    until(&live, "two");
    // The directory is removed and recreated.
    std::fs::remove_dir_all(at("r2/v1/deep")).expect("removed");
    std::fs::create_dir(at("r2/v1/deep")).expect("recreated");
    save(&at("r2/v1/deep/c.yaml"), "level: new\n");
    until(&live, "new");
    save(&at("r2/v1/deep/c.yaml"), "level: more\n");
    until(&live, "more");
}

#[test]
fn c20_another_text_of_the_same_size_and_time_is_taken_up() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("c.yaml");
    let write = |level: &str| {
        let new = directory.path().join("elsewhere");
        std::fs::write(&new, format!("level: {level}\n")).expect("written");
        let time = std::fs::File::options().write(true).open(&new).expect("opens");
        time.set_modified(std::time::SystemTime::UNIX_EPOCH).expect("a time");
        std::fs::rename(&new, &file).expect("renamed");
    };
    write("one");
    let live = open(&file);
    let _watcher = Watcher::start(&live).expect("watch").expect("there is a file");
    write("two");
    let deadline = Instant::now() + Duration::from_secs(20);
    while live.current().document.level != "two" {
        assert!(Instant::now() < deadline, "it was never applied");
        std::thread::sleep(Duration::from_millis(10));
    }
}
