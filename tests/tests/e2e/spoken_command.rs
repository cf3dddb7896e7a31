//! A real recogniser in the loop: PocketSphinx with a small grammar, behind OpenAI's interface. A spoken command
//! reaches the working mode and refreshes the board. Rule: nothing is scripted between the audio and the board; where
//! the package is not installed the test is skipped and says so, except on a machine that must check everything
//! (`CI`).

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use modehost_tests::sound::{recording, silence};
use modehost_tests::{Device, Server, Settings, server, skip};
use serde_json::json;

/// The recogniser's process; killed with the test.
struct Recogniser(Child, u16);

impl Recogniser {
    fn start() -> Option<Self> {
        let known = Command::new("python3").args(["-c", "import pocketsphinx"]).stderr(Stdio::null()).status();
        if !known.is_ok_and(|status| status.success()) {
            skip::not_installed("python3 with the package pocketsphinx");
            return None;
        }
        let script = server::workspace_root().join("tests/pocketsphinx/serve.py");
        let mut child = Command::new("python3")
            .arg(script)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the recogniser");
        let mut line = String::new();
        let output = child.stdout.take().expect("its output");
        BufReader::new(output).read_line(&mut line).expect("its port");
        let port = line.trim().parse().expect("a port");
        Some(Self(child, port))
    }
}

impl Drop for Recogniser {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn m10_a_spoken_command_refreshes_the_board() {
    let Some(recogniser) = Recogniser::start() else { return };
    let base_url = format!("http://127.0.0.1:{}/v1", recogniser.1);
    let settings = Settings::new()
        .bundled()
        .set("asr.provider", json!("openai"))
        .set("asr.openai", json!({ "base_url": base_url, "model": "commands" }));
    let server = Server::start(settings).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(json!({ "type": "workflow", "event": "update", "task": { "title": "Write the report" } })).await;
    device.expect("the task", |message| message["type"] == "workflow" && message["status"] == "ok").await;
    device.start_mode("working").await;
    for (mode, pace) in [("manual", false), ("auto", false), ("realtime", true)] {
        device.clear_seen();
        device.send(json!({ "type": "listen", "state": "start", "mode": mode })).await;
        let sound = [silence(300), recording("refresh-tasks"), silence(1000)].concat();
        if pace {
            device.speaks_in_real_time(&sound).await
        } else {
            device.speaks(&sound).await
        }
        if mode == "manual" {
            tokio::time::sleep(Duration::from_millis(320)).await;
            device.send(json!({ "type": "listen", "state": "stop" })).await;
        }
        device.expect("the words", |message| message["type"] == "stt" && message["text"] == "refresh tasks").await;
        let board = |message: &serde_json::Value| {
            message["type"] == "workflow" && message["tasks"][0]["title"] == "Write the report"
        };
        device.expect("the board", board).await;
        tokio::time::sleep(Duration::from_millis(320)).await;
    }
}
