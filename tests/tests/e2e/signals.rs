//! Signals at any moment. Rule: from the start of the program, through an in-place restart and to the end, SIGHUP
//! reloads the configuration and SIGTERM stops; neither is ever lost, and none kills the process.

use std::time::{Duration, Instant};

use modehost_tests::{Device, Server, Settings, guest, wait};
use rustix::process::{Signal, kill_process};

use super::server_messages::{SECRET, send_command, with_secret};

/// Whether the process blocks SIGHUP, so that the signal stays pending for it.
fn blocks_sighup(server: &Server) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid().as_raw_nonzero())).unwrap_or_default();
    let blocked = status.lines().find_map(|line| line.strip_prefix("SigBlk:")).unwrap_or_default();
    u64::from_str_radix(blocked.trim(), 16).is_ok_and(|mask| mask & 1 != 0)
}

/// Starts the process and waits until it blocks signals, which is long before it is ready.
async fn launch_until_signals_blocked(server: &mut Server) {
    server.launch();
    let end = Instant::now() + wait::TIMEOUT;
    while !blocks_sighup(server) {
        assert!(Instant::now() < end, "signals are not blocked");
        std::thread::yield_now();
    }
    assert!(!server.output().contains("is ready"), "signals were blocked too late");
}

#[tokio::test]
async fn a_hang_up_in_the_first_moments_of_a_start_is_kept() {
    let mut server = Server::prepare(&Settings::new().plugin("fixture", guest::fixture(&[])));
    launch_until_signals_blocked(&mut server).await;
    for _ in 0..20 {
        server.signal(Signal::HUP);
    }
    server.ready().await;
    server.wait_output("SIGHUP").await;
    Device::join(&server, "dev-1").await.count().await;
}

#[tokio::test]
async fn a_request_to_stop_in_the_first_moments_of_a_start_stops_in_order() {
    let mut server = Server::prepare(&Settings::new().plugin("fixture", guest::fixture(&[])));
    launch_until_signals_blocked(&mut server).await;
    server.signal(Signal::TERM);
    let status = server.wait_exit(wait::TIMEOUT).await;
    assert!(status.success(), "{status}");
}

#[tokio::test]
async fn hang_ups_all_through_a_restart_in_place_kill_nobody() {
    let server = Server::start(with_secret().plugin("fixture", guest::fixture(&[]))).await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await.0, 1);
    let starts = || server.output().matches(" is ready after ").count();
    for round in 2..=4 {
        let (_console, answer) = send_command(&server, "restart", SECRET).await;
        assert_eq!(answer["status"], "success", "{answer}");
        let end = Instant::now() + Duration::from_secs(60);
        while starts() < round {
            kill_process(server.pid(), Signal::HUP).expect("the process is there");
            assert!(Instant::now() < end, "no start: {}", server.output());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await.0, 2, "the session continues");
}

#[tokio::test]
async fn a_request_to_stop_at_any_moment_of_a_restart_stops() {
    for pause in [0, 5, 20, 60, 150] {
        let mut server = Server::start(with_secret()).await;
        let (_console, answer) = send_command(&server, "restart", SECRET).await;
        assert_eq!(answer["status"], "success", "{answer}");
        tokio::time::sleep(Duration::from_millis(pause)).await;
        server.signal(Signal::TERM);
        let status = server.wait_exit(Duration::from_secs(30)).await;
        assert!(status.success(), "after {pause} ms: {status}");
    }
}
