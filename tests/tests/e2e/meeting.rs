//! M.3 to M.8: a meeting from the first snippet to the archive, with a scripted provider. Rule: what the device
//! receives, the archive files and the provider's requests are checked together.

use std::path::PathBuf;
use std::time::Duration;

use modehost_provider::{Gate, Provider, RecordedRequest, Reply};
use modehost_tests::{Device, Seen, Server, Settings, guest, wait};
use serde_json::{Value, json};

const ANSWER: &str = r#"{"title":"Launch","bullets":["The launch moves to May"],"decisions":["Launch in May"],
    "actions":[{"text":"Tell the customers","owner":"Ann","due":"Friday"}]}"#;
const WHOLE: [&str; 6] = ["finalize", "prepare", "llm_start", "llm_done", "done", "summary"];

/// Meetings without a model, with the shortest push interval allowed.
pub(crate) fn without_model() -> Settings {
    let grants = ["model", "journals:meeting/", "documents:meeting/", "archive:meetings", "deliver"];
    Settings::new()
        .bundled()
        .plugin("meeting", guest::bundled("meeting"))
        .set("plugins.grants.meeting", json!(grants))
        .set("meeting.transcript_push_interval_ms", json!(3_000))
}

/// As above, with its own model for each purpose.
pub(crate) fn with(provider: &Provider) -> Settings {
    let model = json!({ "base_url": provider.base_url(), "model": "other", "retries": 0, "timeout_s": 30 });
    without_model()
        .set("llm.aliases.default", model)
        .set("llm.purposes.summary", json!({ "alias": "default", "model": "summary" }))
        .set("llm.purposes.checkpoint", json!({ "alias": "default", "model": "checkpoint" }))
}

pub(crate) fn snippet(text: &str) -> Value {
    json!({ "type": "meeting", "phase": "snippet", "text": text })
}

pub(crate) fn finalize() -> Value {
    json!({ "type": "meeting", "phase": "finalize" })
}

/// The same component with another hash, as a rebuild produces.
pub(crate) fn rebuilt(wasm: &[u8], mark: u8) -> Vec<u8> {
    // A custom section: id, size, length of the name, name, contents.
    [wasm, &[0, 7, 5, b'b', b'u', b'i', b'l', b'd', mark]].concat()
}

async fn send_snippet(device: &mut Device, text: &str) -> Value {
    device.send(snippet(text)).await;
    device.expect("the snippet", |message| message["phase"] == "snippet" && message["text"] == text).await
}

async fn summary(device: &mut Device) -> Value {
    device.expect("the summary", |message| message["phase"] == "summary").await
}

async fn meeting(server: &Server, id: &str) -> Device {
    let mut device = Device::join(server, id).await;
    device.start_mode("meeting").await;
    device
}

/// Steps or phases of the meeting messages that the device has received.
fn phases(device: &Device) -> Vec<String> {
    let step = |message: &&Value| message["step"].as_str().or(message["phase"].as_str()).unwrap_or_default().to_owned();
    device.seen_of_type("meeting").iter().map(step).collect()
}

pub(crate) fn file(server: &Server, id: &str) -> PathBuf {
    server.data_dir().join("meetings").join(format!("{id}.json"))
}

pub(crate) fn read(path: &PathBuf) -> Option<Value> {
    let text = std::fs::read(path).ok()?;
    Some(serde_json::from_slice(&text).unwrap_or_else(|error| panic!("{} is torn: {error}", path.display())))
}

/// Waits for the archive file of a finished meeting.
pub(crate) async fn archived(server: &Server, id: &str) -> Value {
    let path = file(server, id);
    let probe = || std::future::ready(read(&path));
    let found = wait::until("the file of the meeting", wait::TIMEOUT, probe, Option::is_some).await;
    found.expect("the file")
}

fn texts(record: &Value) -> Vec<&str> {
    record["transcript"].as_array().expect("a transcript").iter().filter_map(|line| line["text"].as_str()).collect()
}

fn purposes(asked: &[RecordedRequest]) -> Vec<(&str, u64)> {
    asked.iter().map(|asked| (asked.model.as_str(), asked.body["max_tokens"].as_u64().unwrap_or(0))).collect()
}

#[tokio::test]
async fn m3_segments_are_shown_pushed_and_survive_a_kill() {
    let mut server = Server::start(without_model()).await;
    let mut device = meeting(&server, "dev-1").await;
    let id = device.session_id().to_owned();
    device.types("大家好，我们开始今天的评审。").await;
    device.expect("live text", |message| message["event"] == "transcription").await;
    let shown = device.expect("a snippet", |message| message["phase"] == "snippet").await;
    assert_eq!((&shown["seq"], &shown["text"]), (&json!(1), &json!("大家好，我们开始今天的评审。")));
    assert!(shown["ts"].as_u64().is_some_and(|ts| ts > 1_600_000_000_000), "{shown}");
    let items = json!([{ "tag": "Ann", "text": "One." }, { "tag": "Bob", "text": "Two." }]);
    device.send(json!({ "type": "meeting", "phase": "snippet", "items": items })).await;
    let pushed = device.expect("a push", |message| message["phase"] == "transcript").await;
    let segments = pushed["segments"].as_array().expect("segments");
    assert_eq!(segments.len(), 3, "{pushed}");
    assert_eq!(
        (&segments[2]["seq"], &segments[2]["tag"], &segments[2]["text"]),
        (&json!(3), &json!("Bob"), &json!("Two."))
    );
    // Without input nothing is sent.
    device.expect_silence(Duration::from_millis(3_500)).await;

    send_snippet(&mut device, "Shown just before the kill.").await;
    server.kill9();
    server.launch();
    server.ready().await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.session_id(), id);
    // What had not been pushed is pushed now; sequence numbers continue.
    let pushed = device.expect("a push", |message| message["phase"] == "transcript").await;
    assert_eq!(pushed["segments"][0]["text"], "Shown just before the kill.");
    assert_eq!(send_snippet(&mut device, "After it.").await["seq"], 5);
    device.send(finalize()).await;
    summary(&mut device).await;
    let record = archived(&server, &id).await;
    let all = ["大家好，我们开始今天的评审。", "One.", "Two.", "Shown just before the kill.", "After it."];
    assert_eq!(texts(&record), all);
}

#[tokio::test]
async fn m3_a_device_that_sends_everything_at_once_loses_nothing() {
    let server = Server::start(without_model()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let id = device.session_id().to_owned();
    device.send(json!({ "type": "mode", "state": "start", "mode": "meeting" })).await;
    let all: Vec<String> = (0..120).map(|number| format!("Sentence {number} of many.")).collect();
    for text in &all {
        device.send(snippet(text)).await;
    }
    device.send(finalize()).await;
    summary(&mut device).await;
    assert!(device.seen_of_type("error").is_empty(), "{:?}", device.seen_of_type("error"));
    assert_eq!(texts(&archived(&server, &id).await), all);
}

#[tokio::test]
async fn m3_a_changed_interval_holds_from_the_next_push() {
    let settings = without_model();
    let server = Server::start(settings.clone().set("meeting.transcript_push_interval_ms", json!(15_000))).await;
    let mut device = meeting(&server, "dev-1").await;
    send_snippet(&mut device, "before").await;
    server.configure(&settings.set("meeting.transcript_push_interval_ms", json!(1)));
    server.wait_output("configuration").await;
    // The pending push keeps its time; after it the new interval applies, and at least 3 s.
    let started = std::time::Instant::now();
    loop {
        match device.next_within(Duration::from_secs(20)).await {
            Some(Seen::Json(message)) if message["phase"] == "transcript" => break,
            Some(_) => {}
            None => panic!("no push within 20 s"),
        }
    }
    assert!(started.elapsed() > Duration::from_secs(6), "the pending interval changed: {:?}", started.elapsed());
    send_snippet(&mut device, "after").await;
    let started = std::time::Instant::now();
    device.expect("a push", |message| message["phase"] == "transcript").await;
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
}

#[tokio::test]
async fn m4_m5_finalize_is_immediate_silent_and_happens_once() {
    let (provider, gate) = (Provider::start(), Gate::new());
    provider.default_reply(Reply::text(ANSWER).until_open(&gate));
    let server = Server::start(with(&provider)).await;
    let mut device = meeting(&server, "dev-1").await;
    send_snippet(&mut device, "We launch in May.").await;
    device.send(json!({ "type": "meeting", "phase": "finalize", "title": "May" })).await;
    device.expect("a model request", |message| message["step"] == "llm_start").await;
    assert_eq!(phases(&device)[1..], WHOLE[..3]);
    provider.wait_requests(1).await;

    device.send(snippet("Too late.")).await;
    let refused = device.expect_error("MEETING_FINALIZING").await;
    assert_eq!(refused["ref"], json!({ "type": "meeting", "phase": "snippet" }));
    // Longer than a push would have taken.
    device.expect_silence(Duration::from_millis(3_500)).await;
    device.send(finalize()).await;
    device.send(json!({ "type": "meeting", "phase": "summary" })).await;
    device.ping().await;
    gate.open();
    let first = summary(&mut device).await;
    assert_eq!(phases(&device)[1..], WHOLE);
    let expected = json!({
        "type": "meeting", "phase": "summary", "session_id": device.session_id(), "meeting_id": device.session_id(),
        "title": "May", "duration": first["duration"], "bullets": ["The launch moves to May"],
        "decisions": ["Launch in May"],
        "actions": [{ "text": "Tell the customers", "owner": "Ann", "due": "Friday" }],
        "idempotent": false, "degraded": false,
    });
    assert_eq!(first, expected);
    assert!(first["duration"].as_u64().is_some_and(|seconds| seconds < 60));
    let copy = |message: &Value| {
        let mut copy = first.clone();
        copy["idempotent"] = json!(true);
        assert_eq!(message, &copy);
    };
    copy(&summary(&mut device).await);
    copy(&summary(&mut device).await);
    // Later, by the end of the mode, and on another connection.
    device.send(finalize()).await;
    copy(&summary(&mut device).await);
    device.send(json!({ "type": "mode", "state": "end", "mode": "meeting" })).await;
    copy(&summary(&mut device).await);
    device.close().await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(finalize()).await;
    copy(&summary(&mut device).await);
    assert_eq!(provider.requests().len(), 1);
}

#[tokio::test]
async fn m4_the_end_of_the_mode_is_the_same_path_and_the_next_meeting_another() {
    let provider = Provider::start();
    provider.default_reply(Reply::text(ANSWER));
    let server = Server::start(with(&provider)).await;
    let mut device = meeting(&server, "dev-1").await;
    let id = device.session_id().to_owned();
    for number in 1..=3 {
        let seen = phases(&device).len();
        device.types(&format!("Meeting number {number}.")).await;
        device.expect("a snippet", |message| message["phase"] == "snippet" && message["seq"] == 1).await;
        device.send(json!({ "type": "mode", "state": "end", "mode": "meeting" })).await;
        device.expect("the mode has ended", |message| message["type"] == "mode" && message["status"] == "ok").await;
        let made = summary(&mut device).await;
        assert_eq!(made["idempotent"], json!(false));
        let expected = if number == 1 { id.clone() } else { format!("{id}-{number}") };
        assert_eq!(made["meeting_id"], json!(expected));
        assert_eq!(phases(&device)[seen + 1..], WHOLE);
        assert_eq!(texts(&archived(&server, &expected).await), [format!("Meeting number {number}.")]);
        device.start_mode("meeting").await;
    }
}

#[tokio::test]
async fn m5_a_hot_swap_in_mid_summary_is_unseen() {
    let (provider, gate) = (Provider::start(), Gate::new());
    provider.default_reply(Reply::text(ANSWER).until_open(&gate));
    let server = Server::start(with(&provider)).await;
    let mut device = meeting(&server, "dev-1").await;
    send_snippet(&mut device, "We launch in May.").await;
    device.send(finalize()).await;
    provider.wait_requests(1).await;
    let before = server.plugin("meeting").await;
    server.install("meeting", &rebuilt(&guest::bundled("meeting"), 1));
    let probe = async || server.plugin("meeting").await;
    wait::until("the new build serves", Duration::from_secs(20), probe, |now| now["sha8"] != before["sha8"]).await;
    device.ping().await;
    gate.open();
    assert_eq!(summary(&mut device).await["idempotent"], json!(false));
    assert_eq!(phases(&device)[1..], WHOLE);
    assert_eq!(provider.requests().len(), 1, "the answer went to the new instance");
}

#[tokio::test]
async fn m5_a_reconnect_in_mid_summary_gets_it() {
    let (provider, gate) = (Provider::start(), Gate::new());
    provider.default_reply(Reply::text(ANSWER).until_open(&gate));
    let server = Server::start(with(&provider)).await;
    let mut device = meeting(&server, "dev-1").await;
    send_snippet(&mut device, "We launch in May.").await;
    device.send(finalize()).await;
    provider.wait_requests(1).await;
    device.vanish();
    let mut device = Device::join(&server, "dev-1").await;
    gate.open();
    assert_eq!(summary(&mut device).await["idempotent"], json!(false));
    device.expect_silence(Duration::from_millis(300)).await;
}

#[tokio::test]
async fn hard_case_4_after_a_kill_the_meeting_completes_without_its_device() {
    let (provider, gate) = (Provider::start(), Gate::new());
    provider.queue(Reply::text(ANSWER).until_open(&gate));
    provider.default_reply(Reply::text(ANSWER));
    let mut server = Server::start(with(&provider)).await;
    let mut device = meeting(&server, "dev-1").await;
    let id = device.session_id().to_owned();
    send_snippet(&mut device, "We launch in May.").await;
    device.send(finalize()).await;
    provider.wait_requests(1).await;
    device.expect("a model request", |message| message["step"] == "llm_start").await;
    server.kill9();
    server.launch();
    server.ready().await;
    // No device is connected.
    let record = archived(&server, &id).await;
    assert_eq!((&record["title"], &record["bullets"]), (&json!("Launch"), &json!(["The launch moves to May"])));
    assert_eq!(texts(&record), ["We launch in May."]);
    assert_eq!(provider.requests().len(), 2);
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(summary(&mut device).await["idempotent"], json!(false));
    device.send(finalize()).await;
    assert_eq!(summary(&mut device).await["idempotent"], json!(true));
}

#[tokio::test]
async fn hard_case_5_a_device_that_vanishes_finds_the_summary_on_its_return() {
    let provider = Provider::start();
    provider.default_reply(Reply::text(ANSWER));
    let server = Server::start(with(&provider).set("session.resume_window_s", json!(1))).await;
    let mut device = meeting(&server, "dev-1").await;
    let id = device.session_id().to_owned();
    send_snippet(&mut device, "We launch in May.").await;
    device.vanish();
    assert_eq!(texts(&archived(&server, &id).await), ["We launch in May."]);
    let listed = async || server.admin("GET", "/api/v1/sessions", "").await.body.contains("dev-1");
    wait::until("the session is over", wait::TIMEOUT, listed, |listed| !listed).await;
    let mut device = Device::join(&server, "dev-1").await;
    let late = summary(&mut device).await;
    assert_eq!((&late["idempotent"], &late["meeting_id"]), (&json!(false), &json!(id)));
    device.send(finalize()).await;
    assert_eq!(summary(&mut device).await["idempotent"], json!(true));
}

#[tokio::test]
async fn m6_a_long_meeting_is_summed_up_from_its_whole_length() {
    let provider = Provider::start();
    let notes = r#"{"bullets":["The early part was about the budget of 42 thousand"],"decisions":[],"actions":[]}"#;
    provider.default_reply_for("checkpoint", Reply::text(notes));
    provider.default_reply_for("summary", Reply::text(&format!("Here you are: ```json\n{ANSWER}\n``` Enjoy!")));
    let server = Server::start(with(&provider)).await;
    let mut device = meeting(&server, "dev-1").await;
    for number in 0..150 {
        send_snippet(&mut device, &format!("Sentence number {number} of a long meeting about the plans for the year."))
            .await;
    }
    device.send(finalize()).await;
    let made = summary(&mut device).await;
    assert_eq!((&made["title"], &made["degraded"]), (&json!("Launch"), &json!(false)), "prose around JSON is ignored");
    let asked = provider.requests();
    let all = purposes(&asked);
    let (last, checkpoints) = all.split_last().expect("questions");
    assert_eq!(*last, ("summary", 800));
    assert!(!checkpoints.is_empty() && checkpoints.iter().all(|ask| *ask == ("checkpoint", 400)), "{all:?}");
    let question = asked.last().expect("a question").last_message();
    assert!(question.contains("budget of 42 thousand"), "{question}");
    let excerpt = question.split("<transcript>").nth(1).expect("the transcript in the prompt");
    assert!(excerpt.contains("number 149 ") && !excerpt.contains("number 50 "), "{excerpt}");
    let text: usize = excerpt.lines().map(|line| line.chars().count()).sum();
    assert!(text <= 4_000 + 100, "{text} characters");
    // The model's answer is logged as two lengths and a hash.
    server.wait_output("summary raw=").await;
    let output = server.output();
    let line = output.lines().find(|line| line.contains("summary raw=")).expect("the line").to_owned();
    assert!(line.contains(" json=") && line.contains(" sha8="), "{line}");
    assert!(!output.contains("42 thousand") && !output.contains("Sentence number"), "the dialogue was logged");
}

#[tokio::test]
async fn m6_l4_a_provider_that_fails_still_gives_a_summary() {
    let provider = Provider::start();
    let server = Server::start(with(&provider)).await;
    let truncated = &ANSWER[..ANSWER.len() / 2];
    let faults = [
        (Reply::text("I would rather not."), true),
        (Reply::raw("not even HTTP JSON"), false),
        (Reply::status(401), false),
        (Reply::status(500), false),
        (Reply::text(ANSWER).cut_after(0), false),
    ];
    for (number, (reply, is_rubbish)) in faults.into_iter().enumerate() {
        provider.queue(reply);
        let mut device = meeting(&server, &format!("dev-{number}")).await;
        send_snippet(&mut device, "We decided to launch in May.").await;
        send_snippet(&mut device, "Ann will tell the customers by Friday.").await;
        device.send(finalize()).await;
        let made = summary(&mut device).await;
        assert_eq!((&made["degraded"], &made["idempotent"]), (&json!(true), &json!(false)), "{number}: {made}");
        assert_eq!(made["decisions"], json!(["We decided to launch in May"]), "{number}");
        assert_eq!(made["actions"][0]["owner"], json!("Ann"), "{number}");
        assert_eq!(made["bullets"].as_array().map(Vec::is_empty), Some(is_rubbish), "{number}: {made}");
        archived(&server, device.session_id()).await;
    }
    // A truncated answer is repaired, or else a valid summary is made without it.
    provider.queue(Reply::text(truncated));
    let mut device = meeting(&server, "dev-cut").await;
    send_snippet(&mut device, "We decided to launch in May.").await;
    device.send(finalize()).await;
    let made = summary(&mut device).await;
    assert!(made["bullets"].is_array() && made["title"].is_string(), "{made}");
    let output = server.output();
    assert!(!output.contains("launch in May") && !output.contains("rather not"), "the dialogue was logged");
}

#[tokio::test]
async fn l4_without_a_model_the_summary_is_made_by_rules() {
    let server = Server::start(without_model()).await;
    let mut device = meeting(&server, "dev-1").await;
    let id = device.session_id().to_owned();
    for (tag, text) in [
        ("李雷", "大家好，我们开始今天的发布评审。"),
        ("韩梅", "配网失败率上个月是百分之三，主要是路由器的问题。"),
        ("李雷", "那我们决定首发版本里加上蓝牙配网。"),
        ("李雷", "韩梅负责整理配网的测试集，周五前发给大家。"),
    ] {
        device.send(json!({ "type": "meeting", "phase": "snippet", "items": [{ "tag": tag, "text": text }] })).await;
    }
    device.send(finalize()).await;
    let made = summary(&mut device).await;
    assert_eq!((&made["degraded"], &made["title"]), (&json!(true), &json!("我们开始今天的发布评审")));
    assert_eq!(made["decisions"], json!(["我们决定首发版本里加上蓝牙配网"]));
    let action = json!([{ "text": "韩梅负责整理配网的测试集，周五前发给大家", "owner": "韩梅", "due": "周五前" }]);
    assert_eq!(made["actions"], action);
    let record = archived(&server, &id).await;
    assert_eq!((&record["transcript"][1]["tag"], &record["segments"]), (&json!("韩梅"), &json!(4)));
    // The Markdown file follows the JSON file.
    let markdown = file(&server, &id).with_extension("md");
    let read = async || std::fs::read_to_string(&markdown).unwrap_or_default();
    let text = wait::until("Markdown", wait::TIMEOUT, read, |text| !text.is_empty()).await;
    for line in ["# 我们开始今天的发布评审", "## 决定", "- [ ] 韩梅负责整理配网的测试集", "韩梅 配网失败率"]
    {
        assert!(text.contains(line), "{line} is missing in:\n{text}");
    }
}

#[tokio::test]
async fn c10_bad_input_is_told_and_harms_nothing() {
    let server = Server::start(without_model()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.send(finalize()).await;
    let missing = device.expect_error("NOT_READY").await;
    assert_eq!(missing["message"], "there is no meeting: start the mode meeting or send a snippet first");
    assert_eq!(missing["ref"], json!({ "type": "meeting", "phase": "finalize" }));
    device.start_mode("meeting").await;
    send_snippet(&mut device, "first").await;
    for (message, sentence) in [
        (json!({ "type": "meeting" }), "missing: phase"),
        (json!({ "type": "meeting", "phase": "begin" }), "phase must be one of: snippet, finalize, summary"),
        (json!({ "type": "meeting", "event": "begin" }), "event must be one of: snippet, finalize, summary"),
        (json!({ "type": "meeting", "phase": "snippet" }), "missing: text"),
        (json!({ "type": "meeting", "phase": "snippet", "text": ["a"] }), "text must be a string"),
        (json!({ "type": "meeting", "phase": "snippet", "items": {} }), "items must be array of {tag,text}"),
        (
            json!({ "type": "meeting", "phase": "snippet", "items": [{ "tag": "a" }] }),
            "items must be array of {tag,text}: missing one of tag/text",
        ),
        (
            json!({ "type": "meeting", "phase": "snippet", "items": [{ "tag": 7, "text": "x" }] }),
            "items must be array of {tag,text}: tag must be a string",
        ),
    ] {
        device.send(message.clone()).await;
        let error = device.expect_error("SCHEMA_INVALID").await;
        assert_eq!(error["message"], sentence, "{message}");
    }
    device.send(snippet(&"long ".repeat(5_000))).await;
    device.expect_error("TOO_LARGE").await;
    assert_eq!(send_snippet(&mut device, "second").await["seq"], 2);
}
