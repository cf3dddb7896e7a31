//! C.20: files that are far larger than they may be. Rule: such a file is refused by name, and the server never
//! holds it in memory, whatever it is for.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use modehost_tests::{Device, Server, Settings, wait};

/// What a file that takes no room on the disk claims to hold.
const HUGE: u64 = 3 << 30;
/// A server of the tests with nothing to do has a tenth of it.
const MOST_KIB: u64 = 1 << 20;

/// Makes a file of nothing but holes, and puts it into its place whole.
fn put_huge(place: &Path) {
    let new = place.with_extension("huge");
    std::fs::create_dir_all(place.parent().expect("a folder")).expect("made");
    File::create(&new).expect("a file").set_len(HUGE).expect("sparse");
    std::fs::rename(&new, place).expect("renamed");
}

/// The most memory that the server has ever held, in KiB.
fn peak(server: &Server) -> u64 {
    let pid = server.pid().as_raw_nonzero();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("the most that it held");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn c20_a_file_that_is_far_too_large_is_refused_without_being_read() {
    let settings = Settings::new();
    let mut server = Server::prepare(&settings);
    put_huge(&server.plugin_file("huge"));
    put_huge(&server.data_dir().join("offline_queue.json"));
    put_huge(&server.data_dir().join("plugin-releases/index.json"));
    server.launch();
    server.ready().await;
    server.says("huge.wasm").await;
    server.says("a damaged queue file is put aside").await;
    server.says("the index of kept plugin releases is damaged").await;
    assert!(peak(&server) < MOST_KIB, "{} KiB", peak(&server));

    // One that comes while the server runs, and a configuration.
    put_huge(&server.plugin_file("later"));
    server.says("later.wasm").await;
    put_huge(&server.config_file());
    let refused = async || server.admin("POST", "/api/v1/config/reload", "").await;
    let seen = wait::until("it is refused", Duration::from_secs(30), refused, |answer| answer.status != 200).await;
    assert!(seen.body.contains("it has more than"), "{}", seen.body);
    Device::join(&server, "dev-1").await.ping().await;
    assert!(peak(&server) < MOST_KIB, "{} KiB", peak(&server));
}
