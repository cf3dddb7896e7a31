//! The example client through the walk that the README shows. Rule: the scripts are the files that a newcomer runs.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};

use modehost_provider::{Provider, Reply};
use modehost_recogniser::{Kind, Service};
use modehost_tests::server::workspace_root;
use modehost_tests::{Server, Settings, guest, skip, wait};
use serde_json::json;

fn run(server: &Server, device: &str) -> Child {
    run_as(server, device, device)
}

fn run_as(server: &Server, device: &str, script: &str) -> Child {
    run_with(server, device, script, &[])
}

fn run_with(server: &Server, device: &str, script: &str, further: &[&str]) -> Child {
    let script = workspace_root().join(format!("examples/walk/{script}.txt"));
    let url = format!("ws://{}/supie/v1/", server.ws());
    let mut command = Command::new(env!("CARGO_BIN_EXE_client"));
    // Recordings are named relative to the root, where a newcomer runs the client.
    command.current_dir(workspace_root());
    command.args(["--device", device, "--url", &url, "--patience", "20", "--script"]).arg(script).args(further);
    command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the client")
}

fn outcome(mut child: Child) -> (bool, String) {
    let mut text = String::new();
    for pipe in [
        child.stdout.take().map(|pipe| Box::new(pipe) as Box<dyn Read>),
        child.stderr.take().map(|pipe| Box::new(pipe) as _),
    ] {
        pipe.expect("piped").read_to_string(&mut text).expect("text");
    }
    (child.wait().expect("wait").success(), text)
}

#[tokio::test]
async fn two_clients_share_a_board_as_the_readme_says() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut watcher = run(&server, "dev-2");
    let connected = async || server.admin("GET", "/api/v1/sessions", "").await.body.contains("dev-2");
    wait::until("dev-2 is connected", wait::TIMEOUT, connected, |connected| *connected).await;
    let (succeeded, output) = outcome(run(&server, "dev-1"));
    assert!(succeeded, "dev-1 did not get through:\n{output}");
    assert!(output.contains("mode working has begun") && output.contains("[done] 写周报"), "{output}");
    let first = BufReader::new(watcher.stdout.as_mut().expect("piped")).lines().next();
    assert!(first.is_some());
    let (succeeded, output) = outcome(watcher);
    assert!(succeeded, "dev-2 did not get through:\n{output}");
}

#[tokio::test]
async fn a_person_chats_by_setting_two_values() {
    let provider = Provider::start();
    provider.default_reply(Reply::chunks(&["🙂 你好呀！", "今天想聊", "点什么？"]));
    let settings = Settings::new()
        .bundled()
        .set("plugins.grants.conversation", json!(["switch-mode", "model", "tools", "documents:conversation/"]))
        .set("llm.aliases.default.base_url", json!(provider.base_url()))
        .set("llm.aliases.default.model", json!("any"));
    let server = Server::start(settings).await;
    let (succeeded, output) = outcome(run_as(&server, "dev-1", "chat"));
    assert!(
        succeeded && output.contains("server: 你好呀！") && output.contains("server: 今天想聊点什么？"),
        "{output}"
    );
}

#[tokio::test]
async fn a_person_holds_a_meeting_by_typing() {
    let grants = json!(["model", "deliver", "journals:meeting/", "documents:meeting/", "archive:meetings", "hook:*"]);
    let settings =
        Settings::new().bundled().plugin("meeting", guest::bundled("meeting")).set("plugins.grants.meeting", grants);
    let server = Server::start(settings).await;
    let (succeeded, output) = outcome(run_as(&server, "dev-1", "meeting"));
    assert!(succeeded && output.contains("summary: 发布会") && output.contains("周五发布"), "{output}");
    let directory = server.data_dir().join("meetings");
    // The index names existing files only, so it is the last to change.
    let index = async || std::fs::read_to_string(directory.join("index.json")).unwrap_or_default();
    wait::until("the summary is a file", wait::TIMEOUT, index, |index| index.contains("发布会")).await;
    let texts = std::fs::read_dir(&directory).expect("the directory").filter_map(|entry| Some(entry.ok()?.path()));
    let markdown = texts.into_iter().find(|path| path.extension().is_some_and(|extension| extension == "md"));
    let text = std::fs::read_to_string(markdown.expect("a file for people")).expect("its text");
    assert!(text.contains("发布会") && text.contains("小李"), "{text}");
}

#[tokio::test]
async fn m2_a_meeting_begins_and_ends_by_voice() {
    let server = Server::start(Settings::new().bundled().plugin("meeting", guest::bundled("meeting"))).await;
    let (succeeded, output) = outcome(run_as(&server, "dev-1", "voice"));
    assert!(succeeded && output.contains("summary:") && output.contains("mode meeting has ended"), "{output}");
    assert!(output.contains("server: 好的。") && !output.contains("] 结束会议"), "{output}");
}

#[tokio::test]
async fn a_person_pastes_a_failing_build() {
    let settings = Settings::new()
        .bundled()
        .plugin("coding", guest::bundled("coding"))
        .set("plugins.grants.coding", json!(["model"]));
    let server = Server::start(settings).await;
    let (succeeded, output) = outcome(run_as(&server, "dev-1", "build"));
    assert!(succeeded && output.contains("insight") && output.contains("valve.rs:42"), "{output}");
}

/// Length in seconds and root mean square of the audio that a client has written.
fn measure_wav(file: &std::path::Path) -> (f64, f64) {
    let mut reader = hound::WavReader::open(file).expect("a WAV file");
    let rate = f64::from(reader.spec().sample_rate);
    let pcm: Vec<f64> = reader.samples::<i16>().map(|sample| f64::from(sample.expect("a sample"))).collect();
    let power = pcm.iter().map(|sample| sample * sample).sum::<f64>() / pcm.len().max(1) as f64;
    (pcm.len() as f64 / rate, power.sqrt())
}

#[tokio::test]
async fn a_person_says_a_file_and_listens_to_the_answer_with_every_recogniser() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("明天天气怎么样"));
    let voice = json!({ "provider": "openai", "openai": { "base_url": provider.base_url(), "model": "mouth" } });
    let (doubao, funasr) =
        (Service::instant(Kind::Doubao, "明天天气怎么样"), Service::instant(Kind::FunAsr, "明天天气怎么样"));
    for asr in [
        json!({ "provider": "openai", "openai": { "base_url": provider.base_url(), "model": "ears" } }),
        json!({ "provider": "doubao", "doubao": { "url": doubao.url(), "app_key": "app", "access_key": "access" } }),
        json!({ "provider": "funasr", "funasr": { "url": funasr.url() } }),
    ] {
        let server = Server::start(Settings::new().bundled().set("tts", voice.clone()).set("asr", asr.clone())).await;
        let out = server.data_dir().join("answer.wav");
        let out_path = out.display().to_string();
        let (succeeded, output) = outcome(run_with(&server, "dev-1", "speech", &["--out", &out_path]));
        assert!(succeeded, "{asr}:\n{output}");
        assert_eq!(output.matches("heard: 明天天气怎么样").count(), 3, "{asr}:\n{output}");
        assert_eq!(output.matches("of speech are in the file").count(), 3, "{asr}:\n{output}");
        let (seconds, loudness) = measure_wav(&out);
        assert!(seconds > 1.0 && loudness > 1000.0, "{asr}: {seconds} s, {loudness}");
    }
}

#[tokio::test]
async fn a_person_listens_to_the_voice_of_this_machine() {
    if !Command::new("espeak-ng").arg("--version").stdout(Stdio::null()).status().is_ok_and(|status| status.success()) {
        skip::not_installed("espeak-ng");
        return;
    }
    let server = Server::start(Settings::new().bundled().unset("tts")).await;
    let out = server.data_dir().join("answer.wav");
    let out_path = out.display().to_string();
    let (succeeded, output) = outcome(run_with(&server, "dev-1", "typed-speech", &["--out", &out_path]));
    assert!(succeeded, "{output}");
    let (seconds, loudness) = measure_wav(&out);
    assert!(seconds > 0.5 && loudness > 300.0, "{seconds} s, {loudness}");
}
