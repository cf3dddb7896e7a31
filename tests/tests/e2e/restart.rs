//! C.12: a restart by the operator's console. Rule: clients connect throughout; none is rejected, and everything that
//! was acknowledged is there afterwards.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use modehost_tests::server::binary;
use modehost_tests::{Device, Seen, Server, Settings, guest, http, wait};
use serde_json::json;

use super::server_messages::{SECRET, send_command, with_secret};

fn settings() -> Settings {
    with_secret().plugin("fixture", guest::fixture(&[]))
}

/// How often the server has become ready.
fn starts(server: &Server) -> usize {
    server.output().matches(" is ready after ").count()
}

async fn restart(server: &Server, before: usize) -> Device {
    let (console, answer) = send_command(server, "restart", SECRET).await;
    assert_eq!(answer["status"], "success", "{answer}");
    let probe = async || starts(server);
    wait::until("the server is ready again", Duration::from_secs(60), probe, |starts| *starts > before).await;
    console
}

/// Connects, says hello and leaves, in a loop. Returns the failures, the longest attempt and the number of rounds.
async fn connect_until_stopped(
    server: Arc<Server>,
    name: String,
    stop: Arc<AtomicBool>,
) -> (Vec<String>, Duration, usize) {
    let (mut refusals, mut longest, mut rounds) = (Vec::new(), Duration::ZERO, 0);
    while !stop.load(Ordering::Relaxed) {
        rounds += 1;
        let began = Instant::now();
        let id = format!("{name}-{rounds}");
        match Device::try_connect(&server, "/supie/v1/", &[("Device-Id", &id), ("Client-Id", "t")]).await {
            Err((status, why)) => refusals.push(format!("{status}: {why}")),
            Ok(mut device) => {
                device.send(json!({ "type": "hello" })).await;
                loop {
                    match device.next_within(wait::TIMEOUT).await {
                        Some(Seen::Json(message)) if message["type"] == "hello" => break,
                        // It was accepted, and is disconnected like everyone else.
                        Some(Seen::Closed(1012, _)) => break,
                        Some(Seen::Json(_)) => {}
                        other => {
                            refusals.push(format!("in, and then {other:?}"));
                            break;
                        }
                    }
                }
            }
        }
        longest = longest.max(began.elapsed());
    }
    (refusals, longest, rounds)
}

/// The same on the HTTP port; returns the failures and the number of rounds.
async fn request_until_stopped(server: Arc<Server>, stop: Arc<AtomicBool>) -> (usize, usize) {
    let (mut unanswered, mut rounds) = (0, 0);
    while !stop.load(Ordering::Relaxed) {
        rounds += 1;
        let answer = http::request(server.http(), "GET", "/healthz", &[], "").await;
        unanswered += usize::from(answer.is_none_or(|answer| answer.status != 200));
    }
    (unanswered, rounds)
}

fn sockets(server: &Server) -> usize {
    let directory = format!("/proc/{}/fd", server.pid().as_raw_nonzero());
    let files = std::fs::read_dir(directory).expect("the files of the process").flatten();
    files
        .filter(|file| std::fs::read_link(file.path()).is_ok_and(|link| link.to_string_lossy().starts_with("socket:")))
        .count()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn c12_a_restart_refuses_nobody_and_sessions_go_on() {
    let server = Arc::new(Server::start(settings()).await);
    let pid = server.pid();
    let mut device = Device::join(&server, "dev-1").await;
    let session = device.session_id().to_owned();
    let stop = Arc::new(AtomicBool::new(false));
    let connecting =
        join_all((0..3).map(|number| connect_until_stopped(server.clone(), format!("k{number}"), stop.clone())));
    let requesting = request_until_stopped(server.clone(), stop.clone());
    let restarting = async {
        for round in 1..=3 {
            assert_eq!(device.count().await.0, round, "the state is there");
            let mut console = restart(&server, round as usize).await;
            let (code, reason) = device.expect_close().await;
            assert_eq!((code, reason.as_str()), (1012, "the server restarts; please connect again"));
            assert_eq!(console.expect_close().await.0, 1012, "after its answer");
            device = Device::join(&server, "dev-1").await;
            assert_eq!(device.session_id(), session);
        }
        assert_eq!(device.count().await.0, 4);
        stop.store(true, Ordering::Relaxed);
        device
    };
    let (knocked, (unanswered, rounds), _device) = tokio::join!(connecting, requesting, restarting);
    assert_eq!(unanswered, 0, "of {rounds} requests");
    for (refusals, longest, rounds) in knocked {
        assert!(refusals.is_empty(), "refused in {rounds} rounds: {refusals:?}");
        eprintln!("{rounds} connections through three restarts, the longest took {longest:?}");
    }
    assert_eq!(server.pid(), pid, "the process is the same");
    // Two listeners and the device; no socket of the previous programs is left.
    let probe = async || sockets(&server);
    let fresh = Server::start(settings()).await;
    let _one = Device::join(&fresh, "dev-1").await;
    let usual = sockets(&fresh);
    wait::until("no socket is left over", wait::TIMEOUT, probe, |now| *now <= usual).await;
}

#[tokio::test]
async fn c12_a_kill_in_the_middle_of_a_restart_breaks_nothing() {
    let mut server = Server::start(settings()).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await.0, 1);
    restart(&server, 1).await;
    let mut counted = 1;
    for delay_ms in [0, 5, 20, 60, 120, 250, 500] {
        let (_, answer) = send_command(&server, "restart", SECRET).await;
        assert_eq!(answer["status"], "success");
        // Not a wait for a condition: each kill must hit another moment.
        tokio::time::sleep(Duration::from_millis(delay_ms)).await;
        server.kill9();
        server.launch();
        server.ready().await;
        let mut device = Device::join(&server, "dev-1").await;
        counted += 1;
        assert_eq!(device.count().await.0, counted, "killed after {delay_ms} ms");
        // On disk before the next round: a graceful stop saves.
        drop(device);
        server.restart().await;
    }
}

/// A copy of the server's executable that can be replaced.
struct Copy {
    directory: tempfile::TempDir,
}

impl Copy {
    /// Hard links, since the executable is large and the directory is on the same disk.
    fn new() -> Self {
        let directory = tempfile::tempdir_in(binary().parent().expect("a directory")).expect("a directory");
        std::fs::hard_link(binary(), directory.path().join("modehost")).expect("linked");
        Self { directory }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join("modehost")
    }

    fn replace(&self, make: impl FnOnce(&Path)) {
        let new = self.directory.path().join("new");
        make(&new);
        std::fs::rename(new, self.path()).expect("renamed");
    }
}

#[tokio::test]
async fn c12_a_program_that_was_replaced_is_the_one_that_begins_and_a_broken_one_does_not() {
    let copy = Copy::new();
    let mut server = Server::prepare(&settings());
    server.use_binary(&copy.path());
    server.launch();
    server.ready().await;
    let mut device = Device::join(&server, "dev-1").await;
    copy.replace(|new| std::fs::write(new, b"half a pro").expect("written"));
    let (mut console, answer) = send_command(&server, "restart", SECRET).await;
    assert_eq!(answer["status"], "error", "{answer}");
    assert!(answer["message"].as_str().unwrap_or_default().contains("the server goes on as it is"), "{answer}");
    console.ping().await;
    assert_eq!(device.count().await.0, 1, "the session is not affected");

    // A new file under the old name: the running executable is deleted.
    let whole = std::fs::read(binary()).expect("the program");
    copy.replace(|new| {
        use std::os::unix::fs::PermissionsExt;
        std::fs::write(new, &whole).expect("written");
        std::fs::set_permissions(new, std::fs::Permissions::from_mode(0o755)).expect("executable");
    });
    restart(&server, 1).await;
    let runs = std::fs::read_link(format!("/proc/{}/exe", server.pid().as_raw_nonzero())).expect("a link");
    assert_eq!(runs, copy.path().canonicalize().expect("a path"), "the new file runs");
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await.0, 2);
    assert_eq!(server.terminate().await.code(), Some(0));
}

#[tokio::test]
async fn c12_a_port_that_the_configuration_has_changed_changes_with_the_restart() {
    let settings = settings();
    let server = Server::start(settings.clone()).await;
    let other = modehost_tests::server::free_port();
    // The harness sets ports by environment variables, which override the file; the address comes from the file.
    server.configure(&settings.clone().set("server.ip", json!("127.0.0.2")));
    server.wait_output("needs a restart").await;
    restart(&server, 1).await;
    let at = |ip: [u8; 4], port: u16| tokio::net::TcpStream::connect(std::net::SocketAddr::from((ip, port)));
    at([127, 0, 0, 2], server.ws().port()).await.expect("the new address is served");
    at([127, 0, 0, 1], server.ws().port()).await.expect_err("the old one is closed");
    at([127, 0, 0, 1], other).await.expect_err("connection refused");
}

#[tokio::test]
async fn c12_settings_that_cannot_be_read_keep_the_old_program() {
    let server = Server::start(settings()).await;
    let mut device = Device::join(&server, "dev-1").await;
    server.write_config("server:\n  secret: hush-hush-9\n  portt: 1\n");
    let (mut console, answer) = send_command(&server, "restart", SECRET).await;
    assert_eq!(answer["status"], "error", "{answer}");
    let message = answer["message"].as_str().unwrap_or_default();
    assert!(message.contains("goes on as it is") && message.contains(":3:"), "{message}");
    console.ping().await;
    assert_eq!(device.count().await.0, 1);
    assert_eq!(starts(&server), 1);
}

#[tokio::test]
async fn c12_a_stop_in_the_middle_of_a_restart_stops() {
    let mut server = Server::start(settings()).await;
    // It does not answer the close, so that the server waits a moment for it.
    let device = Device::join(&server, "dev-1").await;
    let (_console, answer) = send_command(&server, "restart", SECRET).await;
    assert_eq!(answer["status"], "success", "{answer}");
    assert_eq!(server.terminate().await.code(), Some(0));
    assert_eq!(starts(&server), 1, "it did not begin again");
    drop(device);
}
