//! C.20: paths that are renamed, replaced or removed. Rule: whatever an operator, log rotation, a package manager or a
//! mounted volume does to a path, the server follows the path, or reports that it cannot.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use modehost_tests::{Device, Server, Settings, guest, http, wait};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Repoints a symbolic link atomically, as installers do: the new link is renamed over the old one.
fn repoint(link: &Path, to: impl AsRef<Path>) {
    let new = link.with_extension("new-link");
    symlink(to, &new).expect("a link");
    fs::rename(new, link).expect("turned");
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn c20_log_files_are_found_under_their_name_after_a_rotation() {
    let server = Server::start(Settings::new()).await;
    let directory = server.data_dir().join("log");
    let (current, moved) = (directory.join("modehost.log"), directory.join("modehost.log.1"));
    let probe = async || {
        server.admin("POST", "/api/v1/config/reload", "").await;
        text(&current)
    };
    wait::until("the log is written", wait::TIMEOUT, &probe, |lines| !lines.is_empty()).await;
    // As log rotation does: a rename, then a signal.
    fs::rename(&current, &moved).expect("renamed");
    server.signal(Signal::HUP);
    let written = async || text(&current);
    wait::until("a line in the new file", wait::TIMEOUT, written, |lines| lines.contains("SIGHUP")).await;
    let size = fs::metadata(&moved).expect("the old one").len();
    // And as people do, without a signal: later lines still reach a file of that name.
    fs::remove_file(&current).expect("removed");
    wait::until("lines in another new file", wait::TIMEOUT, probe, |lines| lines.contains("modehost::audit")).await;
    assert_eq!(fs::metadata(&moved).expect("the old one").len(), size, "the rotated file is not written to");
}

/// Whether a second connection of a connected device is accepted.
async fn second_connection_accepted(server: &Server, id: &str) -> bool {
    let mut first = Device::join(server, id).await;
    let second = Device::try_connect(server, "/supie/v1/", &[("Device-Id", id)]).await;
    let Ok(mut second) = second else { return false };
    second.send(json!({ "type": "ping" })).await;
    let answered = second.next_within(wait::TIMEOUT).await;
    first.send(json!({ "type": "ping" })).await;
    matches!(answered, Some(modehost_tests::Seen::Json(_)))
}

#[tokio::test]
async fn c20_a_configuration_behind_a_link_above_it_is_taken_up() {
    let settings = Settings::new();
    let mut server = Server::prepare(&settings);
    let home = server.config_file().parent().expect("a directory").to_owned();
    // `current` is a link to a version's directory: the file itself is no link, and its directory does not change.
    let complete = |settings: &Settings| settings.clone().set("plugins.dir", json!(server.plugins_dir())).text();
    let rejecting = settings.clone().set("gateway.duplicate_device", json!("reject"));
    for (version, settings) in [("v1", &settings), ("v2", &rejecting)] {
        let directory = home.join("mount/versions").join(version);
        fs::create_dir_all(&directory).expect("directories");
        fs::write(directory.join("modehost.yaml"), complete(settings)).expect("written");
    }
    let current = home.join("mount/current");
    repoint(&current, "versions/v1");
    server.use_config(&current.join("modehost.yaml"));
    server.launch();
    server.ready().await;
    assert!(second_connection_accepted(&server, "before").await);
    repoint(&current, "versions/v2");
    let number = AtomicUsize::new(0);
    let probe = async || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        second_connection_accepted(&server, &format!("probe-{number}")).await
    };
    wait::until("duplicates are rejected", wait::TIMEOUT, probe, |gets_in| !gets_in).await;
}

async fn build(device: &mut Device) -> String {
    device.send(json!({ "type": "fixture", "do": "count" })).await;
    let answer = device.expect("an answer", |message| message["type"] == "fixture").await;
    answer["build"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn c20_plugins_behind_a_link_that_is_turned_are_swapped_under_a_live_device() {
    let mut server = Server::prepare(&Settings::new());
    let directory = server.plugins_dir();
    let home = directory.parent().expect("a directory").to_owned();
    fs::remove_dir(&directory).expect("removed");
    // As in a content store: every file has the same size and modification time.
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        let release = home.join("store").join(version);
        fs::create_dir_all(&release).expect("directories");
        fs::write(release.join("fixture.wasm"), guest::fixture_version(version)).expect("written");
        let file = fs::File::options().write(true).open(release.join("fixture.wasm")).expect("opens");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
    }
    repoint(&home.join("current"), "store/1.0.0");
    repoint(&directory, "current");
    server.launch();
    server.ready().await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(build(&mut device).await, "1.0.0");
    for version in ["2.0.0", "3.0.0"] {
        repoint(&home.join("current"), format!("store/{version}"));
        let end = std::time::Instant::now() + Duration::from_secs(60);
        while build(&mut device).await != version {
            assert!(std::time::Instant::now() < end, "{version} never served: {}", server.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// With a receiver that is known and connects later.
fn with_absent_receiver() -> Settings {
    Settings::new().plugin("peers", guest::bundled("peers")).set("device_alias", json!({ "away": "Away" }))
}

async fn post(sender: &mut Device, id: &str) -> Value {
    sender.send(json!({ "type": "peer", "id": id, "to": "away", "payload": { "text": id } })).await;
    sender.expect("a receipt", |seen| seen["event"] == "receipt" && seen["id"] == id).await
}

#[tokio::test]
async fn c20_a_database_that_was_removed_is_said_and_nothing_acknowledged_is_lost() {
    let mut server = Server::start(with_absent_receiver()).await;
    let mut sender = Device::join(&server, "sender").await;
    assert_eq!(post(&mut sender, "before").await["queued"], json!(["away"]));
    let file = server.data_dir().join("modehost.db");
    fs::remove_file(&file).expect("removed");
    // Accepted by the fallback queue file, or rejected; not by a file that has no name any more.
    let meanwhile = post(&mut sender, "meanwhile").await;
    server.wait_output("modehost.db was moved, removed or replaced").await;
    let ready = async || {
        let answer = http::request(server.http(), "GET", "/readyz", &[], "").await.expect("an answer");
        (answer.status, answer.body)
    };
    let not_ready = |seen: &(u16, String)| seen.0 == 503 && seen.1.contains("modehost.db");
    wait::until("it is not ready", Duration::from_secs(40), ready, not_ready).await;
    let metrics = http::request(server.http(), "GET", "/metrics", &[], "").await.expect("metrics").body;
    let counted =
        metrics.lines().find(|line| line.starts_with("modehost_storage_errors_total{reason=\"unavailable\"}"));
    assert!(counted.is_some_and(|line| !line.ends_with(" 0")), "{counted:?}");
    sender.ping().await;
    assert!(!file.exists(), "no new database is created in its place");

    // The deleted database was saved to another file, which is renamed into place as the log says.
    server.terminate().await;
    let saved = fs::read_dir(server.data_dir()).expect("a directory").flatten().map(|entry| entry.path());
    let saved: Vec<_> = saved.filter(|path| path.to_string_lossy().contains("modehost.db.saved-")).collect();
    assert_eq!(saved.len(), 1, "{saved:?}");
    assert!(server.output().contains(&saved[0].file_name().expect("a name").to_string_lossy().into_owned()));
    fs::rename(&saved[0], &file).expect("renamed");
    server.launch();
    server.ready().await;
    let mut expected = vec!["before"];
    if meanwhile["queued"] == json!(["away"]) {
        expected.push("meanwhile");
    }
    let mut receiver = Device::join(&server, "away").await;
    let mut received: Vec<String> = Vec::new();
    while received.len() < expected.len() {
        let message = receiver.expect("a message", |seen| seen["event"] == "message").await;
        received.push(message["id"].as_str().unwrap_or_default().to_owned());
    }
    received.sort();
    assert_eq!(received, expected);
}

/// Number of log lines that name the database.
fn database_lines(server: &Server) -> usize {
    server.output().lines().filter(|line| line.contains("modehost.db")).count()
}

async fn readiness(server: &Server) -> (u16, String) {
    let answer = http::request(server.http(), "GET", "/readyz", &[], "").await.expect("an answer");
    (answer.status, answer.body)
}

/// Messages are rejected every time, and the log says so only a few times.
async fn assert_rejected(server: &Server, sender: &mut Device, phrase: &str) {
    let not_ready = |seen: &(u16, String)| seen.0 == 503 && seen.1.contains(phrase);
    wait::until("it is not ready", Duration::from_secs(40), async || readiness(server).await, not_ready).await;
    let before = database_lines(server);
    // Fewer than the queue limit of one device.
    for number in 0..50 {
        post(sender, &format!("{phrase}-{number}")).await;
    }
    assert!(
        before <= 8 && database_lines(server) <= before + 1,
        "{before} lines, then {}: {}",
        database_lines(server),
        server.output()
    );
}

#[tokio::test]
async fn c20_a_data_folder_that_comes_back_makes_the_server_ready_again() {
    let mut server = Server::start(with_absent_receiver()).await;
    let mut sender = Device::join(&server, "sender").await;
    assert_eq!(post(&mut sender, "before").await["queued"], json!(["away"]));
    let (original, moved_to) = (server.data_dir(), server.data_dir().with_extension("away"));
    fs::rename(&original, &moved_to).expect("moved");
    assert_rejected(&server, &mut sender, "moved, removed or replaced").await;
    // The log may have created a new directory in its place.
    let _ = fs::remove_dir_all(&original);
    fs::rename(&moved_to, &original).expect("moved back");
    let ready = |seen: &(u16, String)| seen.0 == 200;
    wait::until("it is ready again", Duration::from_secs(40), async || readiness(&server).await, ready).await;
    assert_eq!(post(&mut sender, "after").await["queued"], json!(["away"]));
    server.restart().await;
    let mut receiver = Device::join(&server, "away").await;
    receiver.expect("the first", |seen| seen["event"] == "message" && seen["id"] == "before").await;
    receiver.expect("the last", |seen| seen["event"] == "message" && seen["id"] == "after").await;
}

#[tokio::test]
async fn c20_a_backup_that_is_copied_over_the_open_database_is_served_after_a_restart_alone() {
    let mut server = Server::start(with_absent_receiver()).await;
    let mut sender = Device::join(&server, "sender").await;
    post(&mut sender, "of the backup").await;
    server.terminate().await;
    let file = server.data_dir().join("modehost.db");
    let backup = fs::read(&file).expect("a backup");
    server.launch();
    server.ready().await;
    let mut sender = Device::join(&server, "sender").await;
    post(&mut sender, "later").await;
    // As `cp` does.
    fs::write(&file, &backup).expect("overwritten");
    assert_rejected(&server, &mut sender, "overwritten with another database").await;
    server.terminate().await;
    assert_eq!(fs::read(&file).expect("a file"), backup, "the file is unchanged");
    // Messages accepted meanwhile are in the fallback queue file, and are delivered after it.
    server.launch();
    server.ready().await;
    let mut receiver = Device::join(&server, "away").await;
    let first = receiver.expect("a message", |seen| seen["event"] == "message").await;
    assert_eq!(first["id"], "of the backup");
}

#[tokio::test]
async fn a_database_that_is_damaged_under_the_running_server_is_called_damaged() {
    let server = Server::start(with_absent_receiver()).await;
    let mut sender = Device::join(&server, "sender").await;
    post(&mut sender, "before").await;
    fs::write(server.data_dir().join("modehost.db"), "0123456789").expect("overwritten");
    assert_rejected(&server, &mut sender, "is damaged").await;
    assert!(readiness(&server).await.1.contains("backup"), "and what to do");
    sender.ping().await;
}
