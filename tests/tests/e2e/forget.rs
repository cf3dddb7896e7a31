//! Everything stored about a device: exported, and deleted for good. Rule: deleted data is searched for in the bytes of
//! every file of the data directory, and a device that comes back is a new one.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use modehost_tests::{Device, Server, Settings, guest, wait};
use serde_json::{Value, json};

/// Occurs in no other text.
const DEVICE: &str = "fe:ed:fa:ce:00:01";
const FRIEND: &str = "friend-1";

fn settings() -> Settings {
    Settings::new()
        .plugin("meeting", guest::bundled("meeting"))
        .plugin("peers", guest::bundled("peers"))
        .set(
            "plugins.grants.meeting",
            json!(["model", "journals:meeting/", "documents:meeting/", "archive:meetings", "deliver"]),
        )
        .set("plugins.grants.peers", json!(["model", "deliver"]))
}

/// Every file of the data directory, except the log, that contains the bytes of `text`.
fn files_containing(directory: &Path, text: &str) -> Vec<PathBuf> {
    let mut files_containing = Vec::new();
    let mut open = vec![directory.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in std::fs::read_dir(&directory).expect("a directory").flatten() {
            let path = entry.path();
            if path.is_dir() {
                if entry.file_name() != "log" {
                    open.push(path);
                }
                continue;
            }
            let Ok(bytes) = std::fs::read(&path) else { continue };
            if bytes.windows(text.len()).any(|window| window == text.as_bytes()) {
                files_containing.push(path);
            }
        }
    }
    files_containing
}

async fn say(device: &mut Device, text: &str) {
    let items = json!([{ "tag": "Ann", "text": text }]);
    device.send(json!({ "type": "meeting", "phase": "snippet", "items": items })).await;
    device.expect("a snippet", |message| message["phase"] == "snippet").await;
}

/// A finished meeting; its device is still connected.
async fn finish_meeting(server: &Server, id: &str, text: &str) -> Device {
    let mut device = Device::join(server, id).await;
    device.start_mode("meeting").await;
    say(&mut device, text).await;
    device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
    device.expect("the summary", |message| message["phase"] == "summary").await;
    device
}

fn meetings(server: &Server) -> usize {
    let directory = server.data_dir().join("meetings");
    let names = std::fs::read_dir(directory).into_iter().flatten().flatten().map(|entry| entry.file_name());
    names.filter(|name| !name.to_string_lossy().starts_with('.') && name != "index.json").count()
}

#[tokio::test]
async fn what_is_kept_is_given_out_and_what_is_forgotten_is_nowhere() {
    let server = Server::start(settings()).await;
    // A device whose data must all stay.
    let friend = finish_meeting(&server, FRIEND, "what the friend said").await;
    friend.close().await;
    server.wait_disconnected(FRIEND).await;

    let mut device = finish_meeting(&server, DEVICE, "the first word of fe:ed:fa:ce:00:01").await;
    device
        .send(json!({ "type": "peer", "id": "p1", "to": [FRIEND], "category": "chat", "payload": { "text": "hi" } }))
        .await;
    let receipt = device.expect("the receipt", |seen| seen["event"] == "receipt").await;
    assert_eq!(receipt["queued"], json!([FRIEND]), "{receipt}");
    let probe = async || meetings(&server);
    wait::until("both are files", wait::TIMEOUT, probe, |files| *files >= 4).await;
    wait::until(
        "it is on the disk",
        wait::TIMEOUT,
        async || files_containing(&server.data_dir(), DEVICE),
        |files| !files.is_empty(),
    )
    .await;

    let directory = server.data_dir().parent().expect("a directory").join("exported");
    let to = directory.display().to_string();
    let (code, stdout, stderr) = server.run(&["device", "export", DEVICE, "--to", &to]).await;
    assert_eq!(code, 0, "{stderr}");
    let file = PathBuf::from(stdout.trim());
    assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    let text = std::fs::read_to_string(&file).expect("a file");
    let exported: Value = serde_json::from_str(&text).expect("JSON");
    assert!(text.contains("the first word"), "{text}");
    assert!(!text.contains("what the friend said"), "{text}");
    assert_eq!(
        (&exported["device"], exported["kept"]["sent"].as_array().map(Vec::len)),
        (&json!(DEVICE), Some(1)),
        "{text}"
    );
    let audit =
        server.output().lines().filter(|line| line.contains("modehost::audit") && line.contains("/export")).count();
    assert_eq!(audit, 1, "exports are audited");
    let (code, _, stderr) = server.run(&["device", "export", DEVICE, "--to", &to]).await;
    assert!(code == 1 && stderr.contains("cannot write"), "an existing export is not overwritten: {stderr}");

    let (code, _, stderr) = server.run(&["device", "forget", DEVICE]).await;
    assert!(code == 1 && stderr.contains("--yes"), "{stderr}");
    device.ping().await;
    let (code, stdout, stderr) = server.run(&["device", "forget", DEVICE, "--yes", "--json"]).await;
    assert_eq!(code, 0, "{stdout}{stderr}");
    let stdout: Value = serde_json::from_str(&stdout).expect("JSON");
    for store in ["sessions", "journals", "journal_entries", "archives", "sent", "facts"] {
        assert!(stdout["removed"][store].as_u64() > Some(0), "{store}: {stdout}");
    }
    let left = stdout["left"].to_string();
    assert!(left.contains("log") && left.contains("backups") && !left.contains("free pages"), "{left}");
    assert_eq!(device.expect_close().await.0, 1008);
    assert_eq!(files_containing(&server.data_dir(), DEVICE), Vec::<PathBuf>::new());
    assert_eq!(meetings(&server), 2, "the friend's meetings remain");

    // It cannot be forgotten twice, and comes back as a new device.
    let (code, _, stderr) = server.run(&["device", "forget", DEVICE, "--yes"]).await;
    assert!(code == 1 && stderr.contains("nothing is stored about"), "{stderr}");
    let before = device.session_id().to_owned();
    let mut device = Device::join(&server, DEVICE).await;
    assert_ne!(device.session_id(), before);
    device.ping().await;
    let mut friend = Device::join(&server, FRIEND).await;
    friend.ping().await;
    assert!(friend.seen().iter().all(|seen| !format!("{seen:?}").contains("\"hi\"")), "{:?}", friend.seen());
    let (_, stdout, _) = server.run(&["device", "export", FRIEND]).await;
    assert!(stdout.contains("what the friend said"), "{stdout}");
}

#[tokio::test]
async fn a_device_that_talks_all_the_while_is_forgotten_and_is_a_new_one() {
    let server = Server::start(Settings::new().plugin("fixture", guest::fixture(&[]))).await;
    let mut device = Device::connect(&server, DEVICE).await;
    device.hello().await;
    for _ in 0..5 {
        device.count().await;
    }
    let talking = async {
        // As fast as it can, reconnecting at once when it is disconnected.
        let mut closed = 0;
        while closed < 3 {
            match Device::try_connect(&server, "/supie/v1/", &[("Device-Id", DEVICE)]).await {
                Ok(mut device) => {
                    for _ in 0..50 {
                        device.send(json!({ "type": "fixture", "do": "count" })).await;
                    }
                    let _ = device.next_within(wait::TIMEOUT).await;
                    closed += 1;
                }
                Err(_) => closed += 1,
            }
        }
    };
    let forget = ["device", "forget", DEVICE, "--yes"];
    let ((), (code, stdout, stderr)) = tokio::join!(talking, server.run(&forget));
    assert_eq!(code, 0, "{stdout}{stderr}");
    // Not connected: nothing of the count before may be written back.
    let sure = server.run(&forget).await;
    assert!(sure.0 == 0 || sure.2.contains("nothing is stored"), "{sure:?}");
    let mut device = Device::connect(&server, DEVICE).await;
    device.hello().await;
    assert_eq!(device.count().await.0, 1, "the count started again at 1");
}

#[tokio::test]
async fn a_kill_between_the_database_and_the_files_is_made_good_at_the_next_start() {
    let mut server = Server::start(settings()).await;
    drop(finish_meeting(&server, DEVICE, "a word").await);
    wait::until("both are files", wait::TIMEOUT, async || meetings(&server), |files| *files >= 2).await;
    server.terminate().await;
    // The state that a kill right after the transaction leaves behind.
    let message = |to: &str, from: &str| json!({ "device_id": to, "payload": "{}", "queued_at": 1, "ttl_ms": 4_000_000_000_000_u64, "sender": from, "notice": "{}" });
    let messages = [message(DEVICE, FRIEND), message(FRIEND, DEVICE), message(FRIEND, "somebody")];
    let file = server.data_dir().join("offline_queue.json");
    std::fs::write(&file, json!({ "version": 1, "messages": messages }).to_string()).expect("written");
    let database = rusqlite::Connection::open(server.data_dir().join("modehost.db")).expect("the database");
    let half = format!(
        "INSERT INTO forgetting VALUES ('{DEVICE}'); INSERT OR REPLACE INTO exports SELECT kind, id, 7 FROM archives;
         DELETE FROM archives; DELETE FROM sessions; DELETE FROM journals; DELETE FROM journal_entries; DELETE FROM documents;
         DELETE FROM devices WHERE device = '{DEVICE}';"
    );
    database.execute_batch(&half).expect("half");
    drop(database);
    server.launch();
    server.ready().await;
    server.wait_output("erasure of a device has been completed").await;
    wait::until("the files go", wait::TIMEOUT, async || meetings(&server), |files| *files == 0).await;
    let count = |condition: &str| {
        let database = rusqlite::Connection::open(server.data_dir().join("modehost.db")).expect("the database");
        database
            .query_row(&format!("SELECT count(*) FROM {condition}"), (), |row| row.get::<_, i64>(0))
            .expect("a count")
    };
    let probe = async || (count("offline_queue"), file.exists());
    wait::until("the fallback queue is drained", wait::TIMEOUT, probe, |(rows, file)| *rows == 1 && !file).await;
    assert_eq!(count("forgetting"), 0);
    assert_eq!(count(&format!("offline_origins WHERE sender = '{DEVICE}'")), 0);
}
