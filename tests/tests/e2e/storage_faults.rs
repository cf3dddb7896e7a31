//! Faults below the server: a full disk, a damaged database, a data directory that is moved away. Rule: the server says
//! what it cannot do and where, keeps everything else working, and has lost nothing that it acknowledged when the fault
//! is over.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use modehost_tests::guest::bundled;
use modehost_tests::{Device, Server, Settings, skip};
use serde_json::{Value, json};

fn settings() -> Settings {
    // A device that connects later.
    Settings::new().plugin("peers", bundled("peers")).set("device_alias", json!({ "away": "Away" }))
}

async fn post(sender: &mut Device, id: &str, bytes: usize) -> Value {
    let payload = json!({ "text": "x".repeat(bytes) });
    sender.send(json!({ "type": "peer", "id": id, "to": "away", "payload": payload })).await;
    sender.expect(&format!("the receipt of {id}"), |seen| seen["event"] == "receipt" && seen["id"] == id).await
}

/// Ids of the messages queued for the device, as it receives them, up to the last one.
async fn collect(server: &Server, last: &str) -> Vec<String> {
    let mut device = Device::join(server, "away").await;
    let mut ids: Vec<String> = Vec::new();
    while ids.last().is_none_or(|id| id != last) {
        let message = device.expect("a message", |seen| seen["event"] == "message").await;
        ids.push(message["id"].as_str().unwrap_or_default().to_owned());
    }
    ids
}

/// A small mounted file system; unmounted on drop.
pub struct Disk(PathBuf);

impl Disk {
    /// `None` if this user may not mount one.
    pub fn mount(at: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir_all(at).expect("a directory");
        let options = format!("size={size},mode=0777");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &options, "tmpfs"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then(|| Self(at.to_owned()))
    }

    /// Remounts with another option, such as `ro`.
    pub fn remount(&self, option: &str) {
        let options = format!("remount,{option}");
        let output = Command::new("mount").args(["-o", &options]).arg(&self.0).output().expect("mount");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).output();
    }
}

#[tokio::test]
async fn p3_a_full_disk_is_told_to_the_sender_and_nothing_acknowledged_is_lost() {
    let mut server = Server::prepare(&settings());
    let Some(_disk) = Disk::mount(&server.data_dir(), "6m") else {
        skip::not_permitted("a small disk cannot be mounted by this user");
        return;
    };
    server.launch();
    server.ready().await;
    let mut sender = Device::join(&server, "sender").await;
    let ballast = server.data_dir().join("ballast");
    let mut acknowledged = Vec::new();
    for number in 0..5 {
        let id = format!("kept-{number}");
        assert_eq!(post(&mut sender, &id, 2000).await["queued"], json!(["away"]));
        acknowledged.push(id);
    }
    // Another program fills the disk to its last byte.
    let mut chunk = 1 << 20;
    let mut ballast_bytes = Vec::new();
    while chunk > 0 {
        ballast_bytes.extend(vec![0_u8; chunk]);
        if std::fs::write(&ballast, &ballast_bytes).is_err() {
            ballast_bytes.truncate(
                std::fs::metadata(&ballast).map_or(0, |file| file.len() as usize).min(ballast_bytes.len() - chunk),
            );
            chunk /= 4;
        }
    }
    let mut refused = false;
    for number in 0..60 {
        let id = format!("full-{number}");
        let receipt = post(&mut sender, &id, 30_000).await;
        if receipt["queued"] == json!(["away"]) {
            acknowledged.push(id);
            continue;
        }
        let reason = receipt["failed"][0]["reason"].as_str().unwrap_or_default().to_owned();
        assert!(reason.contains("full") || reason.contains("room"), "{receipt}");
        refused = true;
        break;
    }
    assert!(refused, "the disk was never full");
    assert!(!server.output().is_empty());
    // Everything that needs no disk keeps working.
    let mut other = Device::join(&server, "other").await;
    other.ping().await;
    std::fs::remove_file(&ballast).expect("room again");
    // The fallback queue file is drained within a few seconds.
    let end = std::time::Instant::now() + Duration::from_secs(30);
    for attempt in 0.. {
        let id = format!("after-{attempt}");
        if post(&mut sender, &id, 2000).await["queued"] == json!(["away"]) {
            acknowledged.push(id);
            break;
        }
        assert!(std::time::Instant::now() < end, "messages are rejected although there is space");
    }
    let last = acknowledged.last().cloned().unwrap_or_default();
    assert_eq!(collect(&server, &last).await, acknowledged);
}

#[tokio::test]
async fn a_damaged_database_stops_the_start_with_a_line_that_says_what_to_do() {
    let mut server = Server::start(settings()).await;
    let mut sender = Device::join(&server, "sender").await;
    for number in 0..50 {
        post(&mut sender, &format!("kept-{number}"), 2000).await;
    }
    assert!(server.terminate().await.success());
    let file = server.data_dir().join("modehost.db");
    let whole = std::fs::read(&file).expect("the database");
    let mut damaged = whole.clone();
    let middle = damaged.len() / 2;
    damaged[middle..middle + 8192].fill(0x5A);
    for bytes in [&damaged[..], &b"this is no database, and never was one. "[..].repeat(300)] {
        std::fs::write(&file, bytes).expect("the damage");
        server.launch();
        assert!(!server.wait_exit(Duration::from_secs(30)).await.success());
        server.clear_exited();
        let output = server.output();
        for phrase in ["modehost.db", "damaged", "backup"] {
            assert!(output.contains(phrase), "no {phrase:?} in the output: {output}");
        }
        assert_eq!(std::fs::read(&file).expect("the file"), bytes, "left as it was");
    }
    // With the backup in its place all data is there again.
    std::fs::write(&file, whole).expect("the backup");
    server.launch();
    server.ready().await;
    let expected: Vec<String> = (0..50).map(|number| format!("kept-{number}")).collect();
    assert_eq!(collect(&server, "kept-49").await, expected);
}

#[tokio::test]
async fn a_data_folder_that_is_moved_away_and_back_loses_nothing() {
    let mut server = Server::start(settings()).await;
    let mut sender = Device::join(&server, "sender").await;
    post(&mut sender, "before", 100).await;
    let (original, moved_to) = (server.data_dir(), server.data_dir().with_extension("away"));
    std::fs::rename(&original, &moved_to).expect("moved");
    let receipt = post(&mut sender, "meanwhile", 100).await;
    sender.ping().await;
    std::fs::rename(&moved_to, &original)
        .or_else(|_| {
            // The server has created a new directory in its place.
            std::fs::remove_dir_all(&original).and_then(|()| std::fs::rename(&moved_to, &original))
        })
        .expect("moved back");
    server.restart().await;
    let mut expected = vec!["before".to_owned()];
    if receipt["queued"] == json!(["away"]) {
        expected.push("meanwhile".to_owned());
    }
    let last = expected.last().cloned().unwrap_or_default();
    assert_eq!(collect(&server, &last).await, expected);
}
