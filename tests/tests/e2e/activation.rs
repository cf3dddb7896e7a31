//! Socket activation: a service manager listens and passes its sockets to the server. Rule: the server serves on them
//! and opens none of its own, and they survive an in-place restart.

use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::time::Duration;

use modehost_tests::server::binary;
use modehost_tests::{Device, Server, http, skip, wait};
use serde_json::json;

use super::server_messages::{SECRET, send_command, with_secret};

/// What systemd does: binds the sockets, and executes the server with them as descriptors 3 and up. A server that
/// bound the ports itself would find them in use.
const MANAGER: &str = r#"#!/usr/bin/env python3
import os, socket, sys
for number, name in ((3, "PORT"), (4, "HTTP_PORT")):
    port = socket.socket()
    port.bind(("127.0.0.1", int(os.environ["MODEHOST__SERVER__" + name])))
    port.listen()
    kept = os.dup(port.fileno())
    port.close()
    os.dup2(kept, number, inheritable=True)
os.environ.update(LISTEN_FDS="2", LISTEN_PID=str(os.getpid()))
os.execv(os.environ["SERVER"], [os.environ["SERVER"], *sys.argv[1:]])
"#;

#[tokio::test(flavor = "multi_thread")]
async fn c12_a_server_serves_on_the_sockets_of_its_service_manager_and_hands_them_on() {
    if Command::new("python3").arg("--version").output().is_err() {
        return skip::not_installed("python3");
    }
    let directory = tempfile::tempdir().expect("a directory");
    let manager = directory.path().join("manager");
    std::fs::write(&manager, MANAGER).expect("written");
    std::fs::set_permissions(&manager, std::fs::Permissions::from_mode(0o755)).expect("executable");
    let mut server = Server::prepare(&with_secret().set("server.ip", json!("127.0.0.1")));
    server.set_variable("SERVER", &binary().to_string_lossy());
    server.use_binary(&manager);
    server.launch();
    server.ready().await;
    drop(Device::connect(&server, "activated").await);

    let starts = || server.output().matches(" is ready after ").count();
    let (_console, answer) = send_command(&server, "restart", SECRET).await;
    assert_eq!(answer["status"], "success", "{answer}");
    wait::until("it is ready again", Duration::from_secs(60), async || starts(), |starts| *starts > 1).await;
    drop(Device::connect(&server, "handed-on").await);
    let health = http::request(server.http(), "GET", "/healthz", &[], "").await;
    assert!(health.is_some_and(|answer| answer.status == 200));
}
