//! Files of finished work on a real disk. Rule: a case looks at the files as people and scripts do,
//! once the storage says that nothing is due.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_lite::future::block_on;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::*;
use crate::traits::{Archived, Archives, JournalPart};
use crate::{Config, Reply, SqliteStorage};

/// A storage in a folder of its own, with a runtime for the exporter.
struct ArchiveScene {
    storage: Arc<SqliteStorage>,
    runtime: Runtime,
    dir: tempfile::TempDir,
}

impl ArchiveScene {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let storage = SqliteStorage::open(&Config { dir: dir.path().into(), ..Config::default() }).expect("a storage");
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
        Self { storage, runtime: runtime.expect("a runtime"), dir }
    }

    fn start(&self) -> ArchiveExporter {
        let _inside = self.runtime.enter();
        ArchiveExporter::trying_again_after(Duration::from_millis(20), self.storage.clone(), self.dir.path().into())
    }

    /// Waits until the files have followed everything.
    fn settle(&self) {
        self.wait("nothing is due", || get(self.storage.due(None, 1)).is_empty());
    }

    fn wait(&self, what: &str, done: impl Fn() -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !done() {
            assert!(Instant::now() < deadline, "still waiting: {what}");
            std::thread::yield_now();
        }
    }

    fn archive(&self, id: &str, at: u64, content: &str, keep: u32) {
        get(self.storage.archive(entry(id, at, content), keep));
    }

    fn folder(&self) -> std::path::PathBuf {
        self.dir.path().join("work")
    }

    fn json(&self, name: &str) -> Value {
        let text = fs::read(self.folder().join(name)).expect(name);
        serde_json::from_slice(&text).expect("JSON")
    }

    fn write(&self, name: &str, text: &str) {
        fs::create_dir_all(self.folder()).expect("the folder");
        fs::write(self.folder().join(name), text).expect(name);
    }

    /// Ids in the order of the index.
    fn listed(&self) -> Vec<String> {
        let index = self.json("index.json");
        let ids = index["entries"].as_array().expect("a list").iter();
        ids.map(|entry| entry["id"].as_str().unwrap_or("?").to_owned()).collect()
    }

    /// Names of the files, without the index.
    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = fs::read_dir(self.folder())
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

fn entry(id: &str, at: u64, content: &str) -> Archived {
    Archived {
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
    let scene = ArchiveScene::new();
    for n in 1..=600 {
        let said = format!(r#"{{"n":{n},"text":"line {n}\nof two <b>"}}"#);
        get(scene.storage.append("notes/1", n, said.into()));
    }
    let part = JournalPart { journal: "notes/1".into(), member: "lines".into(), line: "{n}. {text}{absent}".into() };
    let text = "# Notes\n\n".into();
    let _exporter = scene.start();
    let content = r#"{"summary":"short","lines":"replaced","ü":[1]}"#;
    get(scene.storage.archive(Archived { text, journal: Some(part), ..entry("one", 7, content) }, 9));
    scene.archive("two", 9, "{}", 9);
    scene.archive("three", 8, "[1, 2]", 9);
    scene.settle();

    let one = scene.json("one.json");
    assert_eq!((&one["summary"], &one["ü"]), (&json!("short"), &json!([1])));
    let lines = one["lines"].as_array().expect("a list");
    assert_eq!(lines.len(), 600);
    assert!((1..).zip(lines).all(|(n, line)| line["n"] == json!(n)));
    let markdown = fs::read_to_string(scene.folder().join("one.md")).expect("Markdown");
    assert!(markdown.starts_with("# Notes\n\n1. line 1 of two \\<b>\n2. line 2"), "{}", &markdown[..80]);
    assert_eq!(markdown.lines().count(), 602);
    assert_eq!(scene.json("two.json"), json!({}));
    assert_eq!(scene.json("three.json"), json!([1, 2]));
    assert_eq!(scene.names(), ["one.json", "one.md", "three.json", "two.json"]);
    assert_eq!(scene.listed(), ["two", "three", "one"]);
    let index = scene.json("index.json");
    let expected = json!({ "id": "one", "title": "about one", "at": 7, "file": "one.json", "text": "one.md" });
    assert_eq!(index["entries"][2], expected);
}

#[test]
fn m7_files_go_with_their_entries() {
    let scene = ArchiveScene::new();
    let _exporter = scene.start();
    for at in 1..=6 {
        scene.archive(&format!("e{at}"), at, "{}", 3);
    }
    scene.settle();
    assert_eq!(scene.listed(), ["e6", "e5", "e4"]);
    assert_eq!(scene.names(), ["e4.json", "e5.json", "e6.json"]);
}

#[test]
fn m7_what_this_version_does_not_know_survives_a_rewrite() {
    let scene = ArchiveScene::new();
    scene.write(
        "index.json",
        r#"{"note":{"by":"hand"},"entries":[
            {"id":"foreign","title":"Foreign","at":5,"file":"foreign.json","stars":3},
            {"id":"ours","title":"old title","at":1,"text":"gone.md","stars":4},"not an entry"]}"#,
    );
    scene.write("foreign.json", r#"{"whose":"theirs"}"#);
    scene.write("ours.json", r#"{"pinned":true,"summary":"old","deep":{"a":[1.50]}}"#);
    let _exporter = scene.start();
    scene.archive("ours", 9, r#"{"summary":"new"}"#, 10);
    scene.settle();
    assert_eq!(scene.json("ours.json"), json!({ "summary": "new", "pinned": true, "deep": { "a": [1.5] } }));
    let index = scene.json("index.json");
    assert_eq!(index["note"], json!({ "by": "hand" }));
    let expected = json!([
        { "id": "ours", "title": "about ours", "at": 9, "file": "ours.json", "stars": 4 },
        { "id": "foreign", "title": "Foreign", "at": 5, "file": "foreign.json", "stars": 3 },
        "not an entry",
    ]);
    assert_eq!(index["entries"], expected);

    // Newer entries push out what somebody else wrote, never what is stored.
    scene.storage.apply(&Config { dir: scene.dir.path().into(), archive_keep: 3, ..Config::default() });
    for (id, at) in [("b", 10), ("c", 11)] {
        scene.archive(id, at, "{}", 3);
    }
    scene.settle();
    assert_eq!(scene.listed(), ["c", "b", "ours"]);
    assert!(!scene.folder().join("foreign.json").exists());
}

#[test]
fn m7_a_torn_index_is_put_aside_and_made_anew() {
    for torn in ["{\"entries\":[{\"id\":\"one\"", "", "[]", "{\"entries\":7}"] {
        let scene = ArchiveScene::new();
        let exporter = scene.start();
        scene.archive("one", 7, r#"{"summary":"short"}"#, 9);
        scene.settle();
        drop(exporter);
        scene.write("index.json", torn);
        scene.write("theirs.json", r#"{"title":"Theirs","at":8,"x":[]}"#);
        scene.write("broken.json", "{");
        scene.write(".unfinished-abc", "half");
        scene.write("..json", "{}");
        let _exporter = scene.start();
        scene.wait("the index is back", || {
            fs::read(scene.folder().join("index.json")).is_ok_and(|text| text != torn.as_bytes())
        });
        scene.settle();
        let listed = scene.listed();
        assert_eq!(listed.len(), 3, "{listed:?}");
        assert_eq!(&listed[1..], ["theirs", "one"], "the file's own time is newest");
        let index = scene.json("index.json");
        assert_eq!(index["entries"][1]["title"], json!("Theirs"));
        assert_eq!(index["entries"][2]["title"], json!("about one"), "the storage knows better than the file");
        let names = scene.names();
        let aside: Vec<_> = names.iter().filter(|name| name.starts_with("index.json.damaged-")).collect();
        assert_eq!(fs::read_to_string(scene.folder().join(aside[0])).expect("the old one"), torn);
        assert!(!names.iter().any(|name| name.starts_with(".unfinished")), "{names:?}");
    }
}

#[test]
fn m7_a_damaged_older_file_is_put_aside() {
    let scene = ArchiveScene::new();
    scene.write("one.json", "{\"torn");
    let _exporter = scene.start();
    scene.archive("one", 7, "{\"a\":1}", 9);
    scene.settle();
    assert_eq!(scene.json("one.json"), json!({ "a": 1 }));
    assert!(scene.names().iter().any(|name| name.starts_with("one.json.damaged-")));
}

#[test]
fn m7_a_folder_that_cannot_be_written_disturbs_nothing_and_is_tried_again() {
    let scene = ArchiveScene::new();
    // Even those who may write anything cannot write here.
    fs::write(scene.dir.path().join("work"), "in the way").expect("a file");
    let _exporter = scene.start();
    scene.archive("one", 7, "{}", 9);
    get(scene.storage.archive(Archived { kind: "other".into(), ..entry("two", 8, "{}") }, 9));
    scene.wait("the other kind is written", || scene.dir.path().join("other/two.json").is_file());
    scene.wait("only the first is due", || get(scene.storage.due(None, 9)).len() == 1);
    fs::remove_file(scene.dir.path().join("work")).expect("out of the way");
    scene.settle();
    assert_eq!(scene.listed(), ["one"]);
}

#[test]
fn an_entry_that_cannot_be_written_does_not_hold_up_the_others() {
    let scene = ArchiveScene::new();
    fs::create_dir_all(scene.folder().join("b.json")).expect("a folder in the way");
    let ids: Vec<String> = (0..100).map(|n| format!("c{n:03}")).collect();
    scene.archive("b", 1, "{}", 0);
    for id in &ids {
        scene.archive(id, 2, "{}", 0);
    }
    let _exporter = scene.start();
    scene.wait("the others are written", || get(scene.storage.due(None, 9)).len() == 1);
    assert_eq!(scene.listed().len(), ids.len());
    fs::remove_dir(scene.folder().join("b.json")).expect("out of the way");
    scene.settle();
    assert_eq!(scene.listed().len(), ids.len() + 1);
}

#[test]
fn what_was_due_before_the_start_is_done_at_the_start_and_lost_files_come_back() {
    let scene = ArchiveScene::new();
    scene.archive("one", 7, "{}", 9);
    scene.archive("one", 8, "{\"a\":1}", 9);
    let exporter = scene.start();
    scene.settle();
    assert_eq!(scene.json("one.json"), json!({ "a": 1 }));
    drop(exporter);
    fs::remove_dir_all(scene.folder()).expect("lost");
    let _exporter = scene.start();
    scene.wait("the file is back", || scene.folder().join("one.json").is_file());
    scene.settle();
    assert_eq!(scene.listed(), ["one"]);
}

#[test]
fn names_stored_by_a_foreign_hand_never_reach_the_disk() {
    let scene = ArchiveScene::new();
    let foreign = rusqlite::Connection::open(scene.dir.path().join("modehost.db")).expect("the file");
    for (kind, id) in [("..", "x"), ("work", "../../x"), ("log", "x"), ("work", "index"), ("a/b", "x")] {
        let row = "INSERT INTO archives (kind, id, title, at, content, text) VALUES (?1, ?2, 't', 1, '{}', 'x')";
        foreign.execute(row, (kind, id)).expect("a row");
        foreign.execute("INSERT INTO exports (kind, id, revision) VALUES (?1, ?2, 1)", (kind, id)).expect("a row");
    }
    drop(foreign);
    scene.archive("good", 7, "{}", 9);
    let _exporter = scene.start();
    scene.settle();
    assert_eq!(scene.listed(), ["good"]);
    assert_eq!(scene.names(), ["good.json"]);
    assert!(!scene.dir.path().join("log").exists() && !scene.dir.path().join("a").exists());
}

#[test]
fn only_whole_files_are_ever_seen() {
    let scene = ArchiveScene::new();
    let _exporter = scene.start();
    let filling: String = "x".repeat(100_000);
    scene.archive("one", 1, &json!({ "n": 0, "filling": filling }).to_string(), 9);
    scene.settle();
    for n in 1..40 {
        scene.archive("one", n, &json!({ "n": n, "filling": filling }).to_string(), 9);
        for _ in 0..5 {
            assert_eq!(scene.json("one.json")["filling"], json!(filling));
            assert_eq!(scene.listed(), ["one"]);
        }
    }
    scene.settle();
    assert_eq!(scene.json("one.json")["n"], json!(39));
}
