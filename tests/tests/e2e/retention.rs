//! M.7: retention of finished work. Rule: one device never displaces what another has made; removals are logged.

use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::json;

async fn finish_meeting(server: &Server, id: &str, title: &str) {
    let mut device = Device::join(server, id).await;
    device.start_mode("meeting").await;
    let items = json!([{ "tag": "Ann", "text": format!("{title}: 决定周五发布新版本。") }]);
    device.send(json!({ "type": "meeting", "phase": "snippet", "items": items })).await;
    device.expect("a snippet", |message| message["phase"] == "snippet").await;
    device.send(json!({ "type": "meeting", "phase": "finalize", "title": title })).await;
    device.expect("its summary", |message| message["phase"] == "summary" && message["title"] == title).await;
    device.send(json!({ "type": "mode", "state": "end", "mode": "meeting" })).await;
    device.expect("the end", |message| message["type"] == "mode" && message["state"] == "end").await;
    device.close().await;
}

fn titles(server: &Server) -> Vec<String> {
    let index = std::fs::read_to_string(server.data_dir().join("meetings/index.json")).unwrap_or_default();
    let index: serde_json::Value = serde_json::from_str(&index).unwrap_or_default();
    let rows = index["entries"].as_array().cloned().unwrap_or_default();
    let mut titles: Vec<String> = rows.iter().filter_map(|row| row["title"].as_str().map(str::to_owned)).collect();
    titles.sort();
    titles
}

async fn wait_titles(server: &Server, wanted: &[&str]) {
    wait::until("the files follow", wait::TIMEOUT, async || titles(server), |titles| titles == wanted).await;
}

#[tokio::test]
async fn m7_a_busy_device_keeps_others_work_alone_and_removals_are_told() {
    let settings = Settings::new()
        .plugin("meeting", guest::bundled("meeting"))
        .set("meeting.keep", json!(2))
        .set("storage.archive_keep", json!(4));
    let server = Server::start(settings.clone()).await;
    finish_meeting(&server, "quiet", "quiet 1").await;
    for number in 1..=3 {
        finish_meeting(&server, "busy", &format!("busy {number}")).await;
    }
    wait_titles(&server, &["busy 2", "busy 3", "quiet 1"]).await;
    server.wait_output("finished work was removed: its device has newer").await;
    finish_meeting(&server, "third", "third 1").await;
    finish_meeting(&server, "fourth", "fourth 1").await;
    // Four are kept over all devices, and the oldest is removed.
    wait_titles(&server, &["busy 2", "busy 3", "fourth 1", "third 1"]).await;
    server.wait_output("storage.archive_keep are kept over all devices").await;
    assert!(!server.output().contains("周五"), "{}", server.output());
}
