//! M.7: finished work as files. Rule: the files are read as people and scripts find them: while the server runs, after
//! a kill, and after other programs have edited them.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};

/// A server with meetings and no model, so that they are summarised at once.
fn settings(keep: u32) -> Settings {
    let grants = ["model", "journals:meeting/", "documents:meeting/", "archive:meetings", "deliver"];
    Settings::new()
        .plugin("meeting", guest::bundled("meeting"))
        .set("plugins.grants.meeting", json!(grants))
        .set("meeting.keep", json!(keep))
}

fn archive_dir(server: &Server) -> PathBuf {
    server.data_dir().join("meetings")
}

/// A meeting on its own device, up to but without the request to end it; returns its sentences.
async fn start_meeting(server: &Server, id: &str) -> (Device, Vec<String>) {
    let mut device = Device::join(server, id).await;
    device.start_mode("meeting").await;
    let sentences: Vec<String> = (1..=5).map(|n| format!("{id} says sentence {n} <of> five.")).collect();
    let items: Vec<Value> = sentences.iter().map(|text| json!({ "tag": "Ann", "text": text })).collect();
    device.send(json!({ "type": "meeting", "phase": "snippet", "items": items })).await;
    for _ in &sentences {
        device.expect("a snippet", |message| message["phase"] == "snippet").await;
    }
    (device, sentences)
}

/// A whole meeting; its id and its sentences.
async fn finish_meeting(server: &Server, id: &str) -> (String, Vec<String>) {
    let (mut device, sentences) = start_meeting(server, id).await;
    device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
    device.expect("the summary", |message| message["phase"] == "summary").await;
    (device.session_id().to_owned(), sentences)
}

fn read(path: &Path) -> Option<Value> {
    let text = std::fs::read(path).ok()?;
    Some(serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{} is torn: {error}", path.display())))
}

/// Ids in the order of the index.
fn index_ids(archive_dir: &Path) -> Vec<String> {
    let Some(index) = read(&archive_dir.join("index.json")) else { return Vec::new() };
    let entries = index["entries"].as_array().expect("entries").iter();
    entries.map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect()
}

async fn wait_index(server: &Server, what: &str, wanted: impl Fn(&HashSet<String>) -> bool) {
    let archive_dir = archive_dir(server);
    let probe = || std::future::ready(index_ids(&archive_dir).into_iter().collect::<HashSet<_>>());
    wait::until(what, wait::TIMEOUT, probe, wanted).await;
}

/// Asserts that the files of a meeting contain all its sentences.
fn assert_whole(archive_dir: &Path, id: &str, sentences: &[String]) {
    let record = read(&archive_dir.join(format!("{id}.json"))).unwrap_or_else(|| panic!("no file of {id}"));
    let archived: Vec<&str> = record["transcript"]
        .as_array()
        .expect("a transcript")
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    assert_eq!(archived, sentences, "{id}");
    let text = std::fs::read_to_string(archive_dir.join(format!("{id}.md"))).expect("Markdown");
    for sentences in sentences {
        let escaped = sentences.replace('<', "\\<");
        assert!(text.lines().any(|line| line.contains(&escaped)), "{escaped:?} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn m7_the_latest_meetings_stay_as_files_and_older_ones_go() {
    let server = Server::start(settings(0).set("storage.archive_keep", json!(3))).await;
    let mut meetings = Vec::new();
    for n in 0..5 {
        meetings.push(finish_meeting(&server, &format!("dev-{n}")).await);
    }
    let latest: HashSet<String> = meetings[2..].iter().map(|(id, _)| id.clone()).collect();
    wait_index(&server, "the latest three", |ids| *ids == latest).await;
    let newest_first: Vec<String> = meetings[2..].iter().rev().map(|(id, _)| id.clone()).collect();
    assert_eq!(index_ids(&archive_dir(&server)), newest_first);
    for (id, sentences) in &meetings[2..] {
        assert_whole(&archive_dir(&server), id, sentences);
    }
    // The index drops them before their files are removed.
    let gone = || {
        let names = std::fs::read_dir(archive_dir(&server)).expect("the directory").flatten();
        std::future::ready(names.map(|name| name.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>())
    };
    let names = wait::until("the files are gone", wait::TIMEOUT, gone, |names| names.len() == 1 + 2 * 3).await;
    assert!(names.iter().all(|name| !name.contains(&meetings[0].0)), "{names:?}");
    let metrics = server.admin("GET", "/metrics", "").await.body;
    assert!(metrics.contains("modehost_archive_exports_total{outcome=\"ok\"}"), "{metrics}");
    assert!(metrics.contains("modehost_archive_exports_total{outcome=\"fail\"} 0"), "{metrics}");
}

#[tokio::test]
async fn m7_what_people_are_called_and_say_is_text_in_the_files() {
    let server = Server::start(settings(3)).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.start_mode("meeting").await;
    let name = "Ann\u{202E}[x](http://evil.example)<b>";
    let sentences = [
        "We decided to pay [this invoice](http://evil.example/a) \\<img src=x> today.",
        "Bob will send ![it](http://tracker.example/p.png) \u{2066}to `all` by Friday.",
        "# 1. **That** is &#8238; all.",
    ];
    let items: Vec<Value> = sentences.iter().map(|text| json!({ "tag": name, "text": text })).collect();
    device.send(json!({ "type": "meeting", "phase": "snippet", "items": items })).await;
    for _ in &sentences {
        device.expect("a snippet", |message| message["phase"] == "snippet").await;
    }
    device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
    device.expect("the summary", |message| message["phase"] == "summary").await;
    let id = device.session_id().to_owned();
    wait_index(&server, "the meeting", |ids| ids.contains(&id)).await;
    let text = std::fs::read_to_string(archive_dir(&server).join(format!("{id}.md"))).expect("Markdown");
    for phrase in ["invoice", "tracker.example", "That", "Ann", "\\\\\\<img"] {
        assert!(text.contains(phrase), "{phrase} is missing in:\n{text}");
    }
    for begins in ["](", "![", " [x]", " <b>", " `all`", " **That", " &#8238", "\u{202E}", "\u{2066}"] {
        assert!(!text.contains(begins), "{begins:?} in:\n{text}");
    }
}

#[tokio::test]
async fn m7_what_strangers_wrote_survives_and_a_torn_index_is_put_aside() {
    let mut server = Server::prepare(&settings(100));
    let archive_dir = archive_dir(&server);
    std::fs::create_dir_all(&archive_dir).expect("the directory");
    let index = json!({ "team": "blue", "entries": [
        { "id": "older", "title": "Older", "at": 1000, "file": "older.json", "stars": 5 },
    ] });
    std::fs::write(archive_dir.join("index.json"), index.to_string()).expect("an index");
    std::fs::write(archive_dir.join("older.json"), r#"{"title":"Older","at":1000,"theirs":true}"#).expect("a file");
    server.launch();
    server.ready().await;
    let (id, sentences) = finish_meeting(&server, "dev-1").await;
    wait_index(&server, "the meeting", |ids| ids.contains(&id)).await;
    assert_whole(&archive_dir, &id, &sentences);
    let index = read(&archive_dir.join("index.json")).expect("the index");
    assert_eq!(index["team"], json!("blue"));
    assert_eq!(index["entries"][1]["stars"], json!(5), "{index}");
    assert_eq!(read(&archive_dir.join("older.json")).expect("their file")["theirs"], json!(true));

    // Another program's write was cut off.
    server.terminate().await;
    std::fs::write(archive_dir.join("index.json"), "{\"entries\": [{\"id\": \"ol").expect("a torn index");
    server.launch();
    server.ready().await;
    server.wait_output("put aside").await;
    let probe = || std::future::ready(read_gently(&archive_dir.join("index.json")));
    let index = wait::until("the index is back", wait::TIMEOUT, probe, |index| {
        index["entries"].as_array().is_some_and(|entries| entries.len() == 2)
    })
    .await;
    let titles: BTreeMap<String, String> = index["entries"]
        .as_array()
        .expect("entries")
        .iter()
        .map(|entry| {
            (entry["id"].as_str().unwrap_or_default().into(), entry["title"].as_str().unwrap_or_default().into())
        })
        .collect();
    assert_eq!(titles["older"], "Older");
    assert!(titles.contains_key(&id), "{titles:?}");
    let aside = std::fs::read_dir(&archive_dir).expect("the directory").flatten();
    let aside = aside.filter(|entry| entry.file_name().to_string_lossy().starts_with("index.json.damaged-"));
    assert_eq!(aside.count(), 1, "the damaged index is kept under another name");
}

/// Null if it cannot be read yet.
fn read_gently(path: &Path) -> Value {
    std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

#[tokio::test]
async fn m7_a_kill_leaves_no_torn_file_and_the_files_follow() {
    // Meetings whose devices do not come back end soon.
    let mut server = Server::start(settings(100).set("session.resume_window_s", json!(1))).await;
    let archive_dir = archive_dir(&server);
    let mut meetings_so_far = Vec::new();
    for round in 0..4 {
        // One that is acknowledged, one that is just being ended.
        meetings_so_far.push(finish_meeting(&server, &format!("told-{round}")).await);
        let (mut device, sentences) = start_meeting(&server, &format!("cut-{round}")).await;
        device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
        for _ in 0..round {
            device.next().await;
        }
        let cut = (device.session_id().to_owned(), sentences);
        server.kill9();
        drop(device);
        for entry in std::fs::read_dir(&archive_dir).into_iter().flatten().flatten() {
            // Panics if one is truncated.
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".json") && !name.starts_with('.') {
                let _ = read(&entry.path());
            }
        }
        server.launch();
        server.ready().await;
        // The interrupted one is ended without its device.
        meetings_so_far.push(cut);
        let ids: HashSet<String> = meetings_so_far.iter().map(|(id, _)| id.clone()).collect();
        wait_index(&server, "every meeting", |index_ids| index_ids.is_superset(&ids)).await;
        for (id, sentences) in &meetings_so_far {
            assert_whole(&archive_dir, id, sentences);
        }
    }
    let left = std::fs::read_dir(&archive_dir).expect("the directory").flatten();
    let left: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn m7_a_folder_that_cannot_be_written_is_told_once_and_disturbs_nothing() {
    let mut server = Server::prepare(&settings(100));
    std::fs::create_dir_all(server.data_dir()).expect("the data directory");
    // Not even root can write files below it.
    std::fs::write(archive_dir(&server), "in the way").expect("a file");
    server.launch();
    server.ready().await;
    let (first, first_sentences) = finish_meeting(&server, "dev-1").await;
    server.wait_output("finished work is stored, but not as files").await;
    let (second, second_sentences) = finish_meeting(&server, "dev-2").await;
    let failures = async || server.admin("GET", "/metrics", "").await.body;
    let counted = |metrics: &String| {
        let line = metrics.lines().find(|line| line.starts_with("modehost_archive_exports_total{outcome=\"fail\"}"));
        line.is_some_and(|line| !line.ends_with(" 0"))
    };
    wait::until("failures are counted", wait::TIMEOUT, failures, counted).await;
    assert_eq!(server.output().matches("but not as files").count(), 1);

    std::fs::remove_file(archive_dir(&server)).expect("removed");
    let (third, third_sentences) = finish_meeting(&server, "dev-3").await;
    wait_index(&server, "all three", |ids| [&first, &second, &third].iter().all(|id| ids.contains(*id))).await;
    for (id, sentences) in [(first, first_sentences), (second, second_sentences), (third, third_sentences)] {
        assert_whole(&archive_dir(&server), &id, &sentences);
    }
    server.wait_output("written as files again").await;
}
