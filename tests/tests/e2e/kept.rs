//! What modes keep, as operators list, search and read it: finished work and documents. Rule: pages are complete and go on, what
//! is read is a line of the audit, and the command line shows the same.

use modehost_tests::{Device, Server, Settings, guest};
use serde_json::{Value, json};

/// A server with meetings and no model, so that they are summarised at once.
fn settings() -> Settings {
    let grants = ["model", "journals:meeting/", "documents:meeting/", "archive:meetings", "deliver"];
    Settings::new().plugin("meeting", guest::bundled("meeting")).set("plugins.grants.meeting", json!(grants))
}

/// A meeting with these sentences; its id.
async fn finish_meeting(server: &Server, id: &str, sentences: &[&str]) -> String {
    let mut device = Device::join(server, id).await;
    device.start_mode("meeting").await;
    let items: Vec<Value> = sentences.iter().map(|text| json!({ "tag": "Ann", "text": text })).collect();
    device.send(json!({ "type": "meeting", "phase": "snippet", "items": items })).await;
    for _ in sentences {
        device.expect("a snippet", |message| message["phase"] == "snippet").await;
    }
    device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
    device.expect("the summary", |message| message["phase"] == "summary").await;
    device.session_id().to_owned()
}

async fn get(server: &Server, path: &str) -> Value {
    let response = server.admin("GET", path, "").await;
    assert_eq!(response.status, 200, "{path}: {response:?}");
    response.json()
}

#[tokio::test]
async fn finished_work_is_listed_searched_read_and_exported() {
    let server = Server::start(settings()).await;
    assert_eq!(get(&server, "/api/v1/archive").await, json!({ "kinds": [] }));
    let first = finish_meeting(&server, "dev-1", &["The budget is small.", "We paint the <b>door</b>."]).await;
    let second = finish_meeting(&server, "dev-2", &["Nobody has painted."]).await;
    assert_eq!(get(&server, "/api/v1/archive").await, json!({ "kinds": [{ "kind": "meetings", "entries": 2 }] }));

    let page = get(&server, "/api/v1/archive/meetings?limit=1").await;
    assert_eq!((&page["entries"][0]["id"], page["entries"].as_array().map(Vec::len)), (&json!(second), Some(1)));
    let next = page["next"].as_str().expect("a next page").to_owned();
    let page = get(&server, &format!("/api/v1/archive/meetings?limit=1&after={next}")).await;
    assert_eq!((&page["entries"][0]["id"], &page["next"]), (&json!(first), &Value::Null));

    // In the journal, whatever the case.
    let found = get(&server, "/api/v1/archive/meetings?search=DOOR").await;
    assert_eq!((&found["entries"][0]["id"], &found["searched"]), (&json!(first), &json!(2)));
    assert!(found["entries"][0]["excerpt"].as_str().is_some_and(|text| text.contains("We paint the")), "{found}");
    assert_eq!(get(&server, "/api/v1/archive/meetings?search=nothing").await["entries"], json!([]));
    assert_eq!(get(&server, "/api/v1/archive/meetings?device=dev-2").await["entries"][0]["id"], json!(second));
    for bad in ["limit=0", "limit=501", "after=x", "device=%00"] {
        assert_eq!(server.admin("GET", &format!("/api/v1/archive/meetings?{bad}"), "").await.status, 400, "{bad}");
    }

    let work = get(&server, &format!("/api/v1/archive/meetings/{first}")).await;
    assert_eq!((&work["device"], &work["complete"]), (&json!("dev-1"), &json!(true)));
    assert!(
        work["content"]["transcript"][1]["text"].as_str().is_some_and(|text| text.contains("<b>door</b>")),
        "{work}"
    );
    assert!(work["text"].as_str().is_some_and(|text| text.contains("The budget is small.")), "{work}");
    let export = server.admin("GET", &format!("/api/v1/archive/meetings/{first}/export?format=markdown"), "").await;
    assert!(export.header("content-type").is_some_and(|kind| kind.starts_with("text/markdown")), "{export:?}");
    assert!(export.body.contains("The budget is small."), "{export:?}");
    let file = server.data_dir().join(format!("meetings/{first}.json"));
    let export = server.admin("GET", &format!("/api/v1/archive/meetings/{first}/export"), "").await;
    let written: Value = serde_json::from_slice(&std::fs::read(file).expect("a file")).expect("JSON");
    assert_eq!(export.json()["transcript"], written["transcript"], "an export is what the files hold");
    assert_eq!(server.admin("GET", "/api/v1/archive/meetings/nothing", "").await.status, 404);

    for (arguments, shown) in [
        (&["archive"][..], "meetings  2"),
        (&["archive", "meetings", "--search", "door"], "We paint the"),
        (&["archive", "meetings", &first], "We paint the"),
    ] {
        let (code, out, err) = server.run(arguments).await;
        assert!(code == 0 && out.contains(shown), "{arguments:?}: {out}{err}");
    }
    let read = format!("method=GET path=\"/api/v1/archive/meetings/{first}\" outcome=\"ok\"");
    assert!(server.output().contains(&read), "who reads is in the audit: {}", server.output());
    assert!(!server.output().contains("budget"), "no word of it is in the log");
}

#[tokio::test]
async fn documents_are_listed_by_their_keys_and_read_with_every_digit() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let task = json!({ "id": "t-1", "title": "paint the door" });
    device.send(json!({ "type": "workflow", "event": "update", "task": task })).await;
    device
        .expect("the board", |message| message["type"] == "workflow" && message.to_string().contains("paint the door"))
        .await;
    let list = get(&server, "/api/v1/documents?search=workflow").await;
    let row = list["documents"]
        .as_array()
        .expect("documents")
        .iter()
        .find(|row| row["key"].as_str().is_some_and(|key| key.starts_with("workflow/")));
    let row = row.unwrap_or_else(|| panic!("no board in {list}")).clone();
    let key = row["key"].as_str().expect("a key").to_owned();
    assert!(row["version"].as_u64() >= Some(1) && row["bytes"].as_u64() > Some(10), "{row}");
    let value = get(&server, &format!("/api/v1/documents/value?key={key}")).await;
    assert_eq!((&value["key"], &value["version"]), (&json!(key), &row["version"]));
    assert!(value["value"].to_string().contains("paint the door"), "{value}");
    assert_eq!(get(&server, "/api/v1/documents?prefix=none").await, json!({ "documents": [], "next": null }));
    let mut keys = Vec::new();
    let mut after = String::new();
    loop {
        let page = get(&server, &format!("/api/v1/documents?limit=1&after={after}")).await;
        keys.extend(page["documents"].as_array().expect("documents").iter().map(|row| row["key"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        after = next.to_owned();
    }
    assert!(keys.is_sorted() && keys.contains(&format!("\"{key}\"")), "{keys:?}");
    assert_eq!(server.admin("GET", "/api/v1/documents/value?key=none", "").await.status, 404);
    assert_eq!(server.admin("GET", "/api/v1/documents?limit=x", "").await.status, 400);
    let (code, out, _) = server.run(&["document", "--search", "workflow"]).await;
    assert!(code == 0 && out.contains(&key), "{out}");
    let (code, out, _) = server.run(&["document", &key]).await;
    assert!(code == 0 && out.contains("paint the door"), "{out}");
}
