//! C.20: files far above their size limit. Rule: such a file is rejected by name, and the server never holds it in
//! memory, whatever it is for.

use std::fs::File;
use std::path::Path;
use std::time::Duration;

use modehost_tests::{Device, Server, Settings, wait};

/// Size of the sparse files, which take no space on the disk.
const HUGE: u64 = 3 << 30;
/// Limit of the server's memory; an idle test server takes a tenth of it.
const MAX_KIB: u64 = 1 << 20;

/// Creates a sparse file and renames it into place.
fn install_huge(path: &Path) {
    let new = path.with_extension("huge");
    std::fs::create_dir_all(path.parent().expect("a directory")).expect("made");
    File::create(&new).expect("a file").set_len(HUGE).expect("sparse");
    std::fs::rename(&new, path).expect("renamed");
}

/// Peak resident memory of the server, in KiB.
fn peak_kib(server: &Server) -> u64 {
    let pid = server.pid().as_raw_nonzero();
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("the process");
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("VmHWM");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

#[tokio::test]
async fn c20_a_file_that_is_far_too_large_is_refused_without_being_read() {
    let settings = Settings::new();
    let mut server = Server::prepare(&settings);
    install_huge(&server.plugin_file("huge"));
    install_huge(&server.data_dir().join("offline_queue.json"));
    install_huge(&server.data_dir().join("plugin-releases/index.json"));
    server.launch();
    server.ready().await;
    server.wait_output("huge.wasm").await;
    server.wait_output("a damaged queue file is put aside").await;
    server.wait_output("the index of stored plugin releases is damaged").await;
    assert!(peak_kib(&server) < MAX_KIB, "{} KiB", peak_kib(&server));

    // A file that appears while the server runs, and a configuration.
    install_huge(&server.plugin_file("later"));
    server.wait_output("later.wasm").await;
    install_huge(&server.config_file());
    let refused = async || server.admin("POST", "/api/v1/config/reload", "").await;
    let seen = wait::until("it is refused", Duration::from_secs(30), refused, |answer| answer.status != 200).await;
    assert!(seen.body.contains("it has more than"), "{}", seen.body);
    Device::join(&server, "dev-1").await.ping().await;
    assert!(peak_kib(&server) < MAX_KIB, "{} KiB", peak_kib(&server));
}
