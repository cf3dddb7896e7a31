//! C.20: names, not handles. Rule: whatever an operator, a log rotation, a package manager or a mounted volume does
//! to a path, the server goes on with what the path leads to, or says that it does not.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use modehost_tests::{Device, Server, Settings, guest, http, wait};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Turns a link, as installers do: the new one is renamed over the old.
fn turn(link: &Path, to: impl AsRef<Path>) {
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
    let folder = server.data_dir().join("log");
    let (current, moved) = (folder.join("modehost.log"), folder.join("modehost.log.1"));
    let look = async || {
        server.admin("POST", "/api/v1/config/reload", "").await;
        text(&current)
    };
    wait::until("the log is written", wait::SOON, &look, |lines| !lines.is_empty()).await;
    // As log rotation does: away with it, then a word.
    fs::rename(&current, &moved).expect("renamed");
    server.signal(Signal::HUP);
    let written = async || text(&current);
    wait::until("a line in the new file", wait::SOON, written, |lines| lines.contains("SIGHUP")).await;
    let size = fs::metadata(&moved).expect("the old one").len();
    // And as people do, without a word: what is logged from then on is found all the same.
    fs::remove_file(&current).expect("removed");
    wait::until("lines in another new file", wait::SOON, look, |lines| lines.contains("modehost::audit")).await;
    assert_eq!(fs::metadata(&moved).expect("the old one").len(), size, "the one that was moved away is left alone");
}

/// Whether a second connection of a device that is connected gets in.
async fn second_gets_in(server: &Server, id: &str) -> bool {
    let mut first = Device::join(server, id).await;
    let second = Device::try_connect(server, "/supie/v1/", &[("Device-Id", id)]).await;
    let Ok(mut second) = second else { return false };
    second.send(json!({ "type": "ping" })).await;
    let answered = second.next_within(wait::SOON).await;
    first.send(json!({ "type": "ping" })).await;
    matches!(answered, Some(modehost_tests::Seen::Json(_)))
}

#[tokio::test]
async fn c20_a_configuration_behind_a_link_above_it_is_taken_up() {
    let settings = Settings::new();
    let mut server = Server::prepare(&settings);
    let home = server.config_file().parent().expect("a folder").to_owned();
    // The file lies in `current`, a link to a version: it is no link itself, and nothing changes beside it.
    let complete = |settings: &Settings| settings.clone().set("plugins.dir", json!(server.plugins_dir())).text();
    let rejecting = settings.clone().set("gateway.duplicate_device", json!("reject"));
    for (version, settings) in [("v1", &settings), ("v2", &rejecting)] {
        let folder = home.join("mount/versions").join(version);
        fs::create_dir_all(&folder).expect("folders");
        fs::write(folder.join("modehost.yaml"), complete(settings)).expect("written");
    }
    let current = home.join("mount/current");
    turn(&current, "versions/v1");
    server.use_config(&current.join("modehost.yaml"));
    server.launch();
    server.ready().await;
    assert!(second_gets_in(&server, "before").await);
    turn(&current, "versions/v2");
    let number = AtomicUsize::new(0);
    let look = async || {
        let number = number.fetch_add(1, Ordering::Relaxed);
        second_gets_in(&server, &format!("probe-{number}")).await
    };
    wait::until("duplicates are rejected", wait::SOON, look, |gets_in| !gets_in).await;
}

async fn build(device: &mut Device) -> String {
    device.send(json!({ "type": "fixture", "do": "count" })).await;
    let answer = device.expect("an answer", |message| message["type"] == "fixture").await;
    answer["build"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test]
async fn c20_plugins_behind_a_link_that_is_turned_are_swapped_under_a_live_device() {
    let mut server = Server::prepare(&Settings::new());
    let folder = server.plugins_dir();
    let home = folder.parent().expect("a folder").to_owned();
    fs::remove_dir(&folder).expect("removed");
    // As in a store: every file has the same size and time.
    for version in ["1.0.0", "2.0.0", "3.0.0"] {
        let release = home.join("store").join(version);
        fs::create_dir_all(&release).expect("folders");
        fs::write(release.join("fixture.wasm"), guest::fixture_version(version)).expect("written");
        let file = fs::File::options().write(true).open(release.join("fixture.wasm")).expect("opens");
        file.set_modified(SystemTime::UNIX_EPOCH).expect("a time");
    }
    turn(&home.join("current"), "store/1.0.0");
    turn(&folder, "current");
    server.launch();
    server.ready().await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(build(&mut device).await, "1.0.0");
    for version in ["2.0.0", "3.0.0"] {
        turn(&home.join("current"), format!("store/{version}"));
        let end = std::time::Instant::now() + Duration::from_secs(60);
        while build(&mut device).await != version {
            assert!(std::time::Instant::now() < end, "{version} never served: {}", server.output());
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// With a receiver that is known and comes later.
fn with_away() -> Settings {
    Settings::new().plugin("peers", guest::bundled("peers")).set("device_alias", json!({ "away": "Away" }))
}

async fn post(sender: &mut Device, id: &str) -> Value {
    sender.send(json!({ "type": "peer", "id": id, "to": "away", "payload": { "text": id } })).await;
    sender.expect("a receipt", |seen| seen["event"] == "receipt" && seen["id"] == id).await
}

#[tokio::test]
async fn c20_a_database_that_was_removed_is_said_and_nothing_acknowledged_is_lost() {
    let mut server = Server::start(with_away()).await;
    let mut sender = Device::join(&server, "sender").await;
    assert_eq!(post(&mut sender, "before").await["queued"], json!(["away"]));
    let file = server.data_dir().join("modehost.db");
    fs::remove_file(&file).expect("removed");
    // Taken by the file that stands in for the database, or refused; not by one that nobody can find.
    let meanwhile = post(&mut sender, "meanwhile").await;
    server.says("modehost.db was moved, removed or replaced").await;
    let ready = async || {
        let answer = http::request(server.http(), "GET", "/readyz", &[], "").await.expect("an answer");
        (answer.status, answer.body)
    };
    let not_ready = |seen: &(u16, String)| seen.0 == 503 && seen.1.contains("modehost.db");
    wait::until("it is not ready", Duration::from_secs(40), ready, not_ready).await;
    let metrics = http::request(server.http(), "GET", "/metrics", &[], "").await.expect("figures").body;
    let counted =
        metrics.lines().find(|line| line.starts_with("modehost_storage_errors_total{reason=\"unavailable\"}"));
    assert!(counted.is_some_and(|line| !line.ends_with(" 0")), "{counted:?}");
    sender.ping().await;
    assert!(!file.exists(), "no other one is begun in its place");

    // What it held was saved beside it, and is put in its place as the log says.
    server.terminate().await;
    let saved = fs::read_dir(server.data_dir()).expect("a folder").flatten().map(|entry| entry.path());
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
    let mut away = Device::join(&server, "away").await;
    let mut got: Vec<String> = Vec::new();
    while got.len() < expected.len() {
        let message = away.expect("a message", |seen| seen["event"] == "message").await;
        got.push(message["id"].as_str().unwrap_or_default().to_owned());
    }
    got.sort();
    assert_eq!(got, expected);
}

/// Lines of the log that name the database.
fn lines(server: &Server) -> usize {
    server.output().lines().filter(|line| line.contains("modehost.db")).count()
}

async fn readiness(server: &Server) -> (u16, String) {
    let answer = http::request(server.http(), "GET", "/readyz", &[], "").await.expect("an answer");
    (answer.status, answer.body)
}

/// Refused again and again, and said a few times in all.
async fn is_refused(server: &Server, sender: &mut Device, word: &str) {
    let not_ready = |seen: &(u16, String)| seen.0 == 503 && seen.1.contains(word);
    wait::until("it is not ready", Duration::from_secs(40), async || readiness(server).await, not_ready).await;
    let before = lines(server);
    // Fewer than wait for one device at the most.
    for number in 0..50 {
        post(sender, &format!("{word}-{number}")).await;
    }
    assert!(before <= 8 && lines(server) <= before + 1, "{before} lines, then {}: {}", lines(server), server.output());
}

#[tokio::test]
async fn c20_a_data_folder_that_comes_back_makes_the_server_ready_again() {
    let mut server = Server::start(with_away()).await;
    let mut sender = Device::join(&server, "sender").await;
    assert_eq!(post(&mut sender, "before").await["queued"], json!(["away"]));
    let (here, elsewhere) = (server.data_dir(), server.data_dir().with_extension("away"));
    fs::rename(&here, &elsewhere).expect("moved");
    is_refused(&server, &mut sender, "moved, removed or replaced").await;
    // The log may have made a new folder in its place.
    let _ = fs::remove_dir_all(&here);
    fs::rename(&elsewhere, &here).expect("moved back");
    let ready = |seen: &(u16, String)| seen.0 == 200;
    wait::until("it is ready again", Duration::from_secs(40), async || readiness(&server).await, ready).await;
    assert_eq!(post(&mut sender, "after").await["queued"], json!(["away"]));
    server.restart().await;
    let mut away = Device::join(&server, "away").await;
    away.expect("the first", |seen| seen["event"] == "message" && seen["id"] == "before").await;
    away.expect("the last", |seen| seen["event"] == "message" && seen["id"] == "after").await;
}

#[tokio::test]
async fn c20_a_backup_that_is_copied_over_the_open_database_is_served_after_a_restart_alone() {
    let mut server = Server::start(with_away()).await;
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
    is_refused(&server, &mut sender, "overwritten with another database").await;
    server.terminate().await;
    assert_eq!(fs::read(&file).expect("a file"), backup, "nobody has written to it");
    // What was taken meanwhile stands in the file that takes over, and comes behind.
    server.launch();
    server.ready().await;
    let mut away = Device::join(&server, "away").await;
    let first = away.expect("a message", |seen| seen["event"] == "message").await;
    assert_eq!(first["id"], "of the backup");
}

#[tokio::test]
async fn a_database_that_is_damaged_under_the_running_server_is_called_damaged() {
    let server = Server::start(with_away()).await;
    let mut sender = Device::join(&server, "sender").await;
    post(&mut sender, "before").await;
    fs::write(server.data_dir().join("modehost.db"), "0123456789").expect("overwritten");
    is_refused(&server, &mut sender, "is damaged").await;
    assert!(readiness(&server).await.1.contains("backup"), "and what to do");
    sender.ping().await;
}
