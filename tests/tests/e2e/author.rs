//! The tools of an author: the server's binary in a directory of its own. Rule: nothing of the test run reaches what is
//! built there, and crates come from the locked versions, without a network.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use modehost_tests::server::{binary, free_port};
use modehost_tests::{Device, wait};
use serde_json::Value;

/// A build of the SDK's crates on a busy machine.
const BUILD: Duration = Duration::from_secs(400);

/// The binary with these arguments.
pub(crate) fn command(directory: &Path, arguments: &[&str]) -> Command {
    let mut command = program(binary(), directory);
    command.args(arguments);
    command
}

/// Any program in the surroundings of an author.
pub(crate) fn program(program: &Path, directory: &Path) -> Command {
    let mut command = Command::new(program);
    command.current_dir(directory).stdin(Stdio::null());
    // Of the test run itself, which builds another workspace.
    for variable in ["CARGO_TARGET_DIR", "CARGO_MANIFEST_DIR", "RUSTFLAGS", "RUST_LOG"] {
        command.env_remove(variable);
    }
    command.env("CARGO_NET_OFFLINE", "true").env("CARGO_INCREMENTAL", "0");
    command
}

/// Exit code, standard output and standard error.
pub(crate) fn run(directory: &Path, arguments: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command(directory, arguments).output().expect("the binary runs");
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    (status.code().unwrap_or(-1), text(stdout), text(stderr))
}

/// `modehost dev` in a directory; killed when it is dropped.
pub(crate) struct Dev {
    child: Child,
    output: Arc<Mutex<String>>,
    /// Where devices connect.
    pub(crate) devices: SocketAddr,
    /// Ports as settings, for commands that ask this server.
    pub(crate) settings: [(&'static str, String); 3],
}

impl Dev {
    pub(crate) fn start(directory: &Path) -> Self {
        let (port, http_port) = (free_port(), free_port());
        let mut command = command(directory, &["dev"]);
        let settings = [
            ("MODEHOST__SERVER__IP", "127.0.0.1".to_owned()),
            ("MODEHOST__SERVER__PORT", port.to_string()),
            ("MODEHOST__SERVER__HTTP_PORT", http_port.to_string()),
        ];
        command.envs(settings.iter().map(|(name, value)| (name, value)));
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the binary runs");
        let output = Arc::new(Mutex::new(String::new()));
        let pipes: [Box<dyn std::io::Read + Send>; 2] =
            [Box::new(child.stdout.take().expect("piped")), Box::new(child.stderr.take().expect("piped"))];
        for pipe in pipes {
            let output = output.clone();
            std::thread::spawn(move || {
                for line in BufReader::new(pipe).lines().map_while(Result::ok) {
                    *output.lock().expect("not poisoned") += &format!("{line}\n");
                }
            });
        }
        Self { child, output, devices: SocketAddr::from(([127, 0, 0, 1], port)), settings }
    }

    pub(crate) fn output(&self) -> String {
        self.output.lock().expect("not poisoned").clone()
    }

    pub(crate) async fn wait_output(&self, text: &str) {
        self.wait_output_behind(0, text).await;
    }

    /// As [`Dev::wait_output`], in what comes behind so many bytes of [`Dev::output`].
    pub(crate) async fn wait_output_behind(&self, start: usize, text: &str) {
        let probe = || std::future::ready(self.output());
        wait::until(&format!("dev says {text:?}"), BUILD, probe, |output| output[start..].contains(text)).await;
    }
}

impl Drop for Dev {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            eprintln!("--- dev wrote:\n{}\n--- end", self.output());
        }
    }
}

/// The sentence that the device is told next.
pub(crate) async fn told(device: &mut Device) -> String {
    let sentence = |message: &Value| message["type"] == "tts" && message["state"] == "sentence_start";
    device.expect("a sentence", sentence).await["text"].as_str().unwrap_or_default().to_owned()
}
