//! Archive files on a real disk. Rule: a case looks at the files as people and scripts do, once the storage reports
//! that nothing is due.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::*;
use crate::traits::{ArchiveEntry, Archives, JournalPart};
use crate::{Config, Reply, SqliteStorage};

/// A storage in its own directory, with a runtime for the exporter.
struct TestArchive {
    storage: Arc<SqliteStorage>,
    runtime: Runtime,
    dir: tempfile::TempDir,
}

impl TestArchive {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let storage = SqliteStorage::open(&Config { dir: dir.path().into(), ..Config::default() }).expect("a storage");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { storage, runtime: runtime.expect("a runtime"), dir }
    }

    fn start(&self) -> ArchiveExporter {
        let _inside = self.runtime.enter();
        ArchiveExporter::start_with_retry(Duration::from_millis(20), self.storage.clone(), self.dir.path().into())
    }

    /// Waits until the exporter has processed everything that is due.
    fn wait_until_exported(&self) {
        self.wait("nothing is due", || get(self.storage.due(None, 1)).is_empty());
    }

    fn wait(&self, what: &str, done: impl Fn() -> bool) {
        // A hundred entries are some hundred syncs of a disk that others may be writing to. Asking without a pause
        // would take the processor and the storage from what is waited for.
        let deadline = Instant::now() + Duration::from_secs(60);
        while !done() {
            assert!(Instant::now() < deadline, "still waiting: {what}");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    fn archive(&self, id: &str, at: u64, content: &str, keep: u32) {
        get(self.storage.archive(entry(id, at, content), keep));
    }

    fn directory(&self) -> std::path::PathBuf {
        self.dir.path().join("work")
    }

    fn json(&self, name: &str) -> Value {
        let text = fs::read(self.directory().join(name)).expect(name);
        serde_json::from_slice(&text).expect("JSON")
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.directory()).expect("the folder");
        fs::write(self.directory().join(name), text).expect(name);
    }

    /// Ids in the order of the index.
    fn listed(&self) -> Vec<String> {
        let index = self.json("index.json");
        let ids = index["entries"].as_array().expect("a list").iter();
        ids.map(|entry| entry["id"].as_str().unwrap_or("?").to_owned()).collect()
    }

    /// Names of the files, without the index.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.directory())
            .expect("the folder")
            .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
            .filter(|name| name != "index.json")
            .collect();
        names.sort();
        names
    }
}

fn get<T: Unpin>(reply: Reply<T>) -> T {
    block_on(reply).expect("an answer")
}

fn entry(id: &str, at: u64, content: &str) -> ArchiveEntry {
    ArchiveEntry {
        kind: "work".into(),
        id: id.into(),
        title: format!("about {id}").into(),
        at,
        content: content.into(),
        text: "".into(),
        journal: None,
        device: None,
    }
}

#[test]
fn m7_an_entry_becomes_files_with_its_journal_and_an_index() {
    let archive = TestArchive::new();
    for n in 1..=600 {
        let entry_text = format!(r#"{{"n":{n},"text":"line {n}\nof two <b>"}}"#);
        get(archive.storage.append("notes/1", n, entry_text.into()));
    }
    let part = JournalPart { journal: "notes/1".into(), member: "lines".into(), line: "{n}. {text}{absent}".into() };
    let text = "# Notes\n\n".into();
    let _exporter = archive.start();
    let content = r#"{"summary":"short","lines":"replaced","ü":[1]}"#;
    get(archive.storage.archive(ArchiveEntry { text, journal: Some(part), ..entry("one", 7, content) }, 9));
    archive.archive("two", 9, "{}", 9);
    archive.archive("three", 8, "[1, 2]", 9);
    archive.wait_until_exported();

    let one = archive.json("one.json");
    assert_eq!((&one["summary"], &one["ü"]), (&json!("short"), &json!([1])));
    let lines = one["lines"].as_array().expect("a list");
    assert_eq!(lines.len(), 600);
    assert!((1..).zip(lines).all(|(n, line)| line["n"] == json!(n)));
    let markdown = fs::read_to_string(archive.directory().join("one.md")).expect("Markdown");
    assert!(markdown.starts_with("# Notes\n\n1. line 1 of two \\<b>\n2. line 2"), "{}", &markdown[..80]);
    assert_eq!(markdown.lines().count(), 602);
    assert_eq!(archive.json("two.json"), json!({}));
    assert_eq!(archive.json("three.json"), json!([1, 2]));
    assert_eq!(archive.names(), ["one.json", "one.md", "three.json", "two.json"]);
    assert_eq!(archive.listed(), ["two", "three", "one"]);
    let index = archive.json("index.json");
    let expected = json!({ "id": "one", "title": "about one", "at": 7, "file": "one.json", "text": "one.md" });
    assert_eq!(index["entries"][2], expected);
}

#[test]
fn m7_files_go_with_their_entries() {
    let archive = TestArchive::new();
    let _exporter = archive.start();
    for at in 1..=6 {
        archive.archive(&format!("e{at}"), at, "{}", 3);
    }
    archive.wait_until_exported();
    assert_eq!(archive.listed(), ["e6", "e5", "e4"]);
    assert_eq!(archive.names(), ["e4.json", "e5.json", "e6.json"]);
}

#[test]
fn m7_what_this_version_does_not_know_survives_a_rewrite() {
    let archive = TestArchive::new();
    archive.write(
        "index.json",
        r#"{"note":{"by":"hand"},"entries":[
            {"id":"foreign","title":"Foreign","at":5,"file":"foreign.json","stars":3},
            {"id":"ours","title":"old title","at":1,"text":"gone.md","stars":4},"not an entry"]}"#,
    );
    archive.write("foreign.json", r#"{"whose":"theirs"}"#);
    archive.write("ours.json", r#"{"pinned":true,"summary":"old","deep":{"a":[1.50]}}"#);
    let _exporter = archive.start();
    archive.archive("ours", 9, r#"{"summary":"new"}"#, 10);
    archive.wait_until_exported();
    assert_eq!(archive.json("ours.json"), json!({ "summary": "new", "pinned": true, "deep": { "a": [1.5] } }));
    let index = archive.json("index.json");
    assert_eq!(index["note"], json!({ "by": "hand" }));
    let expected = json!([
        { "id": "ours", "title": "about ours", "at": 9, "file": "ours.json", "stars": 4 },
        { "id": "foreign", "title": "Foreign", "at": 5, "file": "foreign.json", "stars": 3 },
        "not an entry",
    ]);
    assert_eq!(index["entries"], expected);

    // Newer entries push out entries of foreign files, never stored ones.
    archive.storage.apply(&Config { dir: archive.dir.path().into(), archive_keep: 3, ..Config::default() });
    for (id, at) in [("b", 10), ("c", 11)] {
        archive.archive(id, at, "{}", 3);
    }
    archive.wait_until_exported();
    assert_eq!(archive.listed(), ["c", "b", "ours"]);
    assert!(!archive.directory().join("foreign.json").exists());
}

#[test]
fn m7_a_torn_index_is_put_aside_and_made_anew() {
    for torn in ["{\"entries\":[{\"id\":\"one\"", "", "[]", "{\"entries\":7}"] {
        let archive = TestArchive::new();
        let exporter = archive.start();
        archive.archive("one", 7, r#"{"summary":"short"}"#, 9);
        archive.wait_until_exported();
        drop(exporter);
        archive.write("index.json", torn);
        archive.write("theirs.json", r#"{"title":"Theirs","at":8,"x":[]}"#);
        archive.write("broken.json", "{");
        archive.write(".unfinished-abc", "half");
        archive.write("..json", "{}");
        let _exporter = archive.start();
        archive.wait("the index is back", || {
            fs::read(archive.directory().join("index.json")).is_ok_and(|text| text != torn.as_bytes())
        });
        archive.wait_until_exported();
        let listed = archive.listed();
        assert_eq!(listed.len(), 3, "{listed:?}");
        assert_eq!(&listed[1..], ["theirs", "one"], "the file's own time is newest");
        let index = archive.json("index.json");
        assert_eq!(index["entries"][1]["title"], json!("Theirs"));
        assert_eq!(index["entries"][2]["title"], json!("about one"), "the storage knows better than the file");
        let names = archive.names();
        let aside: Vec<_> = names.iter().filter(|name| name.starts_with("index.json.damaged-")).collect();
        assert_eq!(fs::read_to_string(archive.directory().join(aside[0])).expect("the old one"), torn);
        assert!(!names.iter().any(|name| name.starts_with(".unfinished")), "{names:?}");
    }
}

#[test]
fn m7_a_damaged_older_file_is_put_aside() {
    let archive = TestArchive::new();
    archive.write("one.json", "{\"torn");
    let _exporter = archive.start();
    archive.archive("one", 7, "{\"a\":1}", 9);
    archive.wait_until_exported();
    assert_eq!(archive.json("one.json"), json!({ "a": 1 }));
    assert!(archive.names().iter().any(|name| name.starts_with("one.json.damaged-")));
}

#[test]
fn m7_a_folder_that_cannot_be_written_disturbs_nothing_and_is_tried_again() {
    let archive = TestArchive::new();
    // Fails even for a user with all permissions.
    fs::write(archive.dir.path().join("work"), "in the way").expect("a file");
    let _exporter = archive.start();
    archive.archive("one", 7, "{}", 9);
    get(archive.storage.archive(ArchiveEntry { kind: "other".into(), ..entry("two", 8, "{}") }, 9));
    archive.wait("the other kind is written", || archive.dir.path().join("other/two.json").is_file());
    archive.wait("only the first is due", || get(archive.storage.due(None, 9)).len() == 1);
    fs::remove_file(archive.dir.path().join("work")).expect("out of the way");
    archive.wait_until_exported();
    assert_eq!(archive.listed(), ["one"]);
}

#[test]
fn an_entry_that_cannot_be_written_does_not_hold_up_the_others() {
    let archive = TestArchive::new();
    fs::create_dir_all(archive.directory().join("b.json")).expect("a folder in the way");
    let ids: Vec<String> = (0..100).map(|n| format!("c{n:03}")).collect();
    archive.archive("b", 1, "{}", 0);
    for id in &ids {
        archive.archive(id, 2, "{}", 0);
    }
    let _exporter = archive.start();
    archive.wait("the others are written", || get(archive.storage.due(None, 9)).len() == 1);
    assert_eq!(archive.listed().len(), ids.len());
    fs::remove_dir(archive.directory().join("b.json")).expect("out of the way");
    archive.wait_until_exported();
    assert_eq!(archive.listed().len(), ids.len() + 1);
}

#[test]
fn what_was_due_before_the_start_is_done_at_the_start_and_lost_files_come_back() {
    let archive = TestArchive::new();
    archive.archive("one", 7, "{}", 9);
    archive.archive("one", 8, "{\"a\":1}", 9);
    let exporter = archive.start();
    archive.wait_until_exported();
    assert_eq!(archive.json("one.json"), json!({ "a": 1 }));
    drop(exporter);
    fs::remove_dir_all(archive.directory()).expect("lost");
    let _exporter = archive.start();
    archive.wait("the file is back", || archive.directory().join("one.json").is_file());
    archive.wait_until_exported();
    assert_eq!(archive.listed(), ["one"]);
}

#[test]
fn names_stored_by_a_foreign_hand_never_reach_the_disk() {
    let archive = TestArchive::new();
    let foreign = rusqlite::Connection::open(archive.dir.path().join("modehost.db")).expect("the file");
    for (kind, id) in [("..", "x"), ("work", "../../x"), ("log", "x"), ("work", "index"), ("a/b", "x")] {
        let row = "INSERT INTO archives (kind, id, title, at, content, text) VALUES (?1, ?2, 't', 1, '{}', 'x')";
        foreign.execute(row, (kind, id)).expect("a row");
        foreign.execute("INSERT INTO exports (kind, id, revision) VALUES (?1, ?2, 1)", (kind, id)).expect("a row");
    }
    drop(foreign);
    archive.archive("good", 7, "{}", 9);
    let _exporter = archive.start();
    archive.wait_until_exported();
    assert_eq!(archive.listed(), ["good"]);
    assert_eq!(archive.names(), ["good.json"]);
    assert!(!archive.dir.path().join("log").exists() && !archive.dir.path().join("a").exists());
}

#[test]
fn only_whole_files_are_ever_seen() {
    let archive = TestArchive::new();
    let _exporter = archive.start();
    let filling: String = "x".repeat(100_000);
    archive.archive("one", 1, &json!({ "n": 0, "filling": filling }).to_string(), 9);
    archive.wait_until_exported();
    for n in 1..40 {
        archive.archive("one", n, &json!({ "n": n, "filling": filling }).to_string(), 9);
        for _ in 0..5 {
            assert_eq!(archive.json("one.json")["filling"], json!(filling));
            assert_eq!(archive.listed(), ["one"]);
        }
    }
    archive.wait_until_exported();
    assert_eq!(archive.json("one.json")["n"], json!(39));
}
