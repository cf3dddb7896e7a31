//! M.7: finished work as files. Rule: the files are looked at as people and scripts find them, while
//! the server runs, after a kill and after strangers have been at them.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};

/// A server with meetings and no model, so that they are summed up at once.
fn settings(keep: u32) -> Settings {
    let grants = ["model", "journals:meeting/", "documents:meeting/", "archive:meetings", "deliver"];
    Settings::new()
        .plugin("meeting", guest::bundled("meeting"))
        .set("plugins.grants.meeting", json!(grants))
        .set("meeting.keep", json!(keep))
}

fn folder(server: &Server) -> PathBuf {
    server.data_dir().join("meetings")
}

/// A meeting on a device of its own, up to the request to end it: what was said.
async fn talk(server: &Server, id: &str) -> (Device, Vec<String>) {
    let mut device = Device::join(server, id).await;
    device.start_mode("meeting").await;
    let said: Vec<String> = (1..=5).map(|n| format!("{id} says sentence {n} <of> five.")).collect();
    let items: Vec<Value> = said.iter().map(|text| json!({ "tag": "Ann", "text": text })).collect();
    device.send(json!({ "type": "meeting", "phase": "snippet", "items": items })).await;
    for _ in &said {
        device.expect("a snippet", |message| message["phase"] == "snippet").await;
    }
    (device, said)
}

/// A whole meeting; its id and what was said.
async fn meet(server: &Server, id: &str) -> (String, Vec<String>) {
    let (mut device, said) = talk(server, id).await;
    device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
    device.expect("the summary", |message| message["phase"] == "summary").await;
    (device.session_id().to_owned(), said)
}

fn read(path: &Path) -> Option<Value> {
    let text = std::fs::read(path).ok()?;
    Some(serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{} is torn: {error}", path.display())))
}

/// Ids in the order of the index; every file that it names is there.
fn listed(folder: &Path) -> Vec<String> {
    let Some(index) = read(&folder.join("index.json")) else { return Vec::new() };
    let entries = index["entries"].as_array().expect("entries").iter();
    entries.map(|entry| entry["id"].as_str().expect("an id").to_owned()).collect()
}

async fn wait_listed(server: &Server, what: &str, wanted: impl Fn(&HashSet<String>) -> bool) {
    let folder = folder(server);
    let look = || std::future::ready(listed(&folder).into_iter().collect::<HashSet<_>>());
    wait::until(what, wait::SOON, look, wanted).await;
}

/// Fails unless the files of a meeting hold all that was said.
fn assert_whole(folder: &Path, id: &str, said: &[String]) {
    let record = read(&folder.join(format!("{id}.json"))).unwrap_or_else(|| panic!("no file of {id}"));
    let kept: Vec<&str> = record["transcript"]
        .as_array()
        .expect("a transcript")
        .iter()
        .filter_map(|line| line["text"].as_str())
        .collect();
    assert_eq!(kept, said, "{id}");
    let text = std::fs::read_to_string(folder.join(format!("{id}.md"))).expect("Markdown");
    for said in said {
        let shown = said.replace('<', "\\<");
        assert!(text.lines().any(|line| line.contains(&shown)), "{shown:?} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn m7_the_latest_meetings_stay_as_files_and_older_ones_go() {
    let server = Server::start(settings(0).set("storage.archive_keep", json!(3))).await;
    let mut meetings = Vec::new();
    for n in 0..5 {
        meetings.push(meet(&server, &format!("dev-{n}")).await);
    }
    let latest: HashSet<String> = meetings[2..].iter().map(|(id, _)| id.clone()).collect();
    wait_listed(&server, "the latest three", |ids| *ids == latest).await;
    let newest_first: Vec<String> = meetings[2..].iter().rev().map(|(id, _)| id.clone()).collect();
    assert_eq!(listed(&folder(&server)), newest_first);
    for (id, said) in &meetings[2..] {
        assert_whole(&folder(&server), id, said);
    }
    // The index names them no more before they go.
    let gone = || {
        let names = std::fs::read_dir(folder(&server)).expect("the folder").flatten();
        std::future::ready(names.map(|name| name.file_name().to_string_lossy().into_owned()).collect::<Vec<_>>())
    };
    let names = wait::until("the files are gone", wait::SOON, gone, |names| names.len() == 1 + 2 * 3).await;
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
    let said = [
        "We decided to pay [this invoice](http://evil.example/a) \\<img src=x> today.",
        "Bob will send ![it](http://tracker.example/p.png) \u{2066}to `all` by Friday.",
        "# 1. **That** is &#8238; all.",
    ];
    let items: Vec<Value> = said.iter().map(|text| json!({ "tag": name, "text": text })).collect();
    device.send(json!({ "type": "meeting", "phase": "snippet", "items": items })).await;
    for _ in &said {
        device.expect("a snippet", |message| message["phase"] == "snippet").await;
    }
    device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
    device.expect("the summary", |message| message["phase"] == "summary").await;
    let id = device.session_id().to_owned();
    wait_listed(&server, "the meeting", |ids| ids.contains(&id)).await;
    let text = std::fs::read_to_string(folder(&server).join(format!("{id}.md"))).expect("Markdown");
    for word in ["invoice", "tracker.example", "That", "Ann", "\\\\\\<img"] {
        assert!(text.contains(word), "{word} is missing in:\n{text}");
    }
    for begins in ["](", "![", " [x]", " <b>", " `all`", " **That", " &#8238", "\u{202E}", "\u{2066}"] {
        assert!(!text.contains(begins), "{begins:?} in:\n{text}");
    }
}

#[tokio::test]
async fn m7_what_strangers_wrote_survives_and_a_torn_index_is_put_aside() {
    let mut server = Server::prepare(&settings(100));
    let folder = folder(&server);
    std::fs::create_dir_all(&folder).expect("the folder");
    let index = json!({ "team": "blue", "entries": [
        { "id": "older", "title": "Older", "at": 1000, "file": "older.json", "stars": 5 },
    ] });
    std::fs::write(folder.join("index.json"), index.to_string()).expect("an index");
    std::fs::write(folder.join("older.json"), r#"{"title":"Older","at":1000,"theirs":true}"#).expect("a file");
    server.launch();
    server.ready().await;
    let (id, said) = meet(&server, "dev-1").await;
    wait_listed(&server, "the meeting", |ids| ids.contains(&id)).await;
    assert_whole(&folder, &id, &said);
    let index = read(&folder.join("index.json")).expect("the index");
    assert_eq!(index["team"], json!("blue"));
    assert_eq!(index["entries"][1]["stars"], json!(5), "{index}");
    assert_eq!(read(&folder.join("older.json")).expect("their file")["theirs"], json!(true));

    // A stranger's editor was cut off.
    server.terminate().await;
    std::fs::write(folder.join("index.json"), "{\"entries\": [{\"id\": \"ol").expect("a torn index");
    server.launch();
    server.ready().await;
    server.says("put aside").await;
    let look = || std::future::ready(read_gently(&folder.join("index.json")));
    let index = wait::until("the index is back", wait::SOON, look, |index| {
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
    let aside = std::fs::read_dir(&folder).expect("the folder").flatten();
    let aside = aside.filter(|entry| entry.file_name().to_string_lossy().starts_with("index.json.damaged-"));
    assert_eq!(aside.count(), 1, "what was there is kept for a person to look at");
}

/// Null where it cannot be read yet.
fn read_gently(path: &Path) -> Value {
    std::fs::read(path).ok().and_then(|text| serde_json::from_slice(&text).ok()).unwrap_or_default()
}

#[tokio::test]
async fn m7_a_kill_leaves_no_torn_file_and_the_files_follow() {
    // Meetings whose devices do not come back end soon.
    let mut server = Server::start(settings(100).set("session.resume_window_s", json!(1))).await;
    let folder = folder(&server);
    let mut told = Vec::new();
    for round in 0..4 {
        // One that is told, one that is just being ended.
        told.push(meet(&server, &format!("told-{round}")).await);
        let (mut device, said) = talk(&server, &format!("cut-{round}")).await;
        device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
        for _ in 0..round {
            device.next().await;
        }
        let cut = (device.session_id().to_owned(), said);
        server.kill9();
        drop(device);
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            // Panics if one is torn.
            let name = entry.file_name().to_string_lossy().into_owned();
            if name.ends_with(".json") && !name.starts_with('.') {
                let _ = read(&entry.path());
            }
        }
        server.launch();
        server.ready().await;
        // The one that was cut off is ended without its device.
        told.push(cut);
        let ids: HashSet<String> = told.iter().map(|(id, _)| id.clone()).collect();
        wait_listed(&server, "every meeting", |listed| listed.is_superset(&ids)).await;
        for (id, said) in &told {
            assert_whole(&folder, id, said);
        }
    }
    let left = std::fs::read_dir(&folder).expect("the folder").flatten();
    let left: Vec<_> = left.filter(|entry| entry.file_name().to_string_lossy().starts_with('.')).collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn m7_a_folder_that_cannot_be_written_is_told_once_and_disturbs_nothing() {
    let mut server = Server::prepare(&settings(100));
    std::fs::create_dir_all(server.data_dir()).expect("the data folder");
    // Not even those who may write anything can write files in there.
    std::fs::write(folder(&server), "in the way").expect("a file");
    server.launch();
    server.ready().await;
    let (first, first_said) = meet(&server, "dev-1").await;
    server.says("finished work is stored, but not as files").await;
    let (second, second_said) = meet(&server, "dev-2").await;
    let failures = async || server.admin("GET", "/metrics", "").await.body;
    let counted = |metrics: &String| {
        let line = metrics.lines().find(|line| line.starts_with("modehost_archive_exports_total{outcome=\"fail\"}"));
        line.is_some_and(|line| !line.ends_with(" 0"))
    };
    wait::until("failures are counted", wait::SOON, failures, counted).await;
    assert_eq!(server.output().matches("but not as files").count(), 1);

    std::fs::remove_file(folder(&server)).expect("out of the way");
    let (third, third_said) = meet(&server, "dev-3").await;
    wait_listed(&server, "all three", |ids| [&first, &second, &third].iter().all(|id| ids.contains(*id))).await;
    for (id, said) in [(first, first_said), (second, second_said), (third, third_said)] {
        assert_whole(&folder(&server), &id, &said);
    }
    server.says("written as files again").await;
}
