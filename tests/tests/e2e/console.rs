//! The page for operators. Rule: its files are open and tell nothing; what it shows is for the operator, and for no page
//! of somebody else; in a real browser a newcomer gets from the address to an answer.

use std::path::Path;
use std::process::{Command, Stdio};

use modehost_provider::{Provider, Reply};
use modehost_tests::http::{self, Response};
use modehost_tests::server::workspace_root;
use modehost_tests::sound::{recording, silence, wav};
use modehost_tests::{Device, Server, Settings, guest, skip};
use serde_json::{Value, json};

use crate::asr::with_transcription;

async fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Response {
    http::request(server.http(), "GET", path, headers, "").await.expect("an answer")
}

#[tokio::test]
async fn the_page_is_there_and_may_load_only_what_is_ours() {
    let server = Server::start(Settings::new()).await;
    let page = get(&server, "/", &[]).await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")), "{page:?}");
    let policy = page.header("content-security-policy").expect("a policy");
    let sockets = format!("connect-src 'self' ws://127.0.0.1:{};", server.ws().port());
    assert!(policy.starts_with("default-src 'none'") && policy.contains(&sockets), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert!(!page.body.contains("style=") && !page.body.contains("http://"), "{}", page.body);
    let script = page.body.split("src=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a script");
    let script = get(&server, script, &[]).await;
    assert_eq!((script.status, script.header("content-type")), (200, Some("text/javascript; charset=utf-8")));
    assert!(script.header("cache-control").is_some_and(|cache| cache.contains("immutable")), "{:?}", script.headers);
    let tag = page.header("etag").expect("a tag").to_owned();
    assert_eq!(get(&server, "/", &[("If-None-Match", &tag)]).await.status, 304);
    for nothing in ["/assets/../index.html", "/assets/nothing.js", "/assets/%2e%2e/index.html", "/index.html.gz"] {
        assert_eq!(get(&server, nothing, &[]).await.status, 404, "{nothing}");
    }
    // The start says where it is.
    server.wait_output(&format!("console    http://127.0.0.1:{}/", server.http().port())).await;
}

#[tokio::test]
async fn without_a_token_of_all_pages_only_the_consoles_own_is_answered() {
    let server = Server::start(Settings::new().set("operators.host_names", json!(["box.lan"]))).await;
    let port = server.http().port();
    let own = format!("http://127.0.0.1:{port}");
    let named = format!("box.lan:{port}");
    let (named_origin, other_port) = (format!("http://{named}"), "http://127.0.0.1:1");
    let status = async |headers: &[(&str, &str)]| get(&server, "/api/v1/status", headers).await.status;
    assert_eq!(status(&[("Origin", &own), ("Sec-Fetch-Site", "same-origin")]).await, 200);
    assert_eq!(status(&[("Host", &named), ("Origin", &named_origin)]).await, 200);
    assert_eq!(status(&[("Origin", "http://evil.example"), ("Sec-Fetch-Site", "cross-site")]).await, 403);
    assert_eq!(status(&[("Origin", other_port), ("Sec-Fetch-Site", "same-site")]).await, 403);
    assert_eq!(status(&[("Sec-Fetch-Site", "cross-site")]).await, 403);
    assert_eq!(status(&[("Host", "evil.example"), ("Origin", "http://evil.example")]).await, 403);
    let refused = get(&server, "/api/v1/status", &[("Host", "evil.example")]).await.json();
    assert!(refused["error"].as_str().is_some_and(|why| why.contains("operators.host_names")), "{refused}");
}

#[tokio::test]
async fn the_console_can_be_switched_off_while_the_server_runs() {
    let settings = Settings::new();
    let server = Server::start(settings.clone()).await;
    assert_eq!(get(&server, "/", &[]).await.status, 200);
    server.configure(&settings.set("operators.console", json!(false)));
    server.command(&["config", "show"]).await;
    let off = async || get(&server, "/", &[]).await.status;
    modehost_tests::wait::until("it is off", modehost_tests::wait::TIMEOUT, off, |status| *status == 404).await;
    assert_eq!(get(&server, "/api/v1/status", &[]).await.status, 200);
}

#[tokio::test]
async fn the_status_says_what_is_missing_and_where_devices_connect() {
    let server = Server::start(Settings::new().set("tts.provider", json!("none"))).await;
    let status = get(&server, "/api/v1/status", &[]).await.json();
    let missing: Vec<&str> =
        status["missing"].as_array().expect("a list").iter().filter_map(|one| one["code"].as_str()).collect();
    assert_eq!(missing, ["recogniser", "model", "voice"], "{status}");
    assert!(status["missing"].as_array().expect("a list").iter().all(|one| one["setting"].is_string()), "{status}");
    let devices = format!("ws://127.0.0.1:{}/supie/v1/", server.ws().port());
    let ota = format!("http://127.0.0.1:{}/xiaozhi/ota/", server.http().port());
    assert_eq!((&status["devices_url"], &status["ota_url"]), (&json!(devices), &json!(ota)));
}

#[tokio::test]
async fn ports_that_the_system_chose_are_the_ones_that_are_told() {
    let mut server = Server::prepare(&Settings::new());
    server.set_variable("MODEHOST__SERVER__PORT", "0");
    server.launch();
    server.ready().await;
    let status = get(&server, "/api/v1/status", &[]).await.json();
    let devices = status["devices_url"].as_str().expect("an address").to_owned();
    assert!(!devices.contains(":0/"), "{devices}");
    let origin = devices.trim_end_matches("/supie/v1/");
    let page = get(&server, "/", &[]).await;
    let policy = page.header("content-security-policy").expect("a policy");
    assert!(policy.contains(&format!("connect-src 'self' {origin};")), "{policy} {devices}");
}

/// The same, where answers are to be heard.
fn browser_and_voice() -> Option<std::path::PathBuf> {
    let version = Command::new("espeak-ng").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        skip::not_installed("espeak-ng");
        return None;
    }
    browser_tools()
}

/// Where `npm ci` has put what drives the browser.
fn browser_tools() -> Option<std::path::PathBuf> {
    let folder = workspace_root().join("tests/console");
    let runs = |program: &str| {
        let version = Command::new(program).arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
        version.is_ok_and(|status| status.success())
    };
    for program in ["node", "chromium"] {
        if !runs(program) {
            skip::not_installed(program);
            return None;
        }
    }
    if !folder.join("node_modules/playwright-core").is_dir() {
        skip::not_installed("playwright-core (`npm ci` in tests/console)");
        return None;
    }
    Some(folder)
}

/// Runs a scene of `tests/console` in a browser against the server; returns what it reports.
async fn scene(server: &Server, name: &str, folder: &Path, variables: &[(&str, &str)]) -> Value {
    let mut command = Command::new("node");
    command
        .arg(format!("{name}.mjs"))
        .env("CONSOLE", format!("http://127.0.0.1:{}/", server.http().port()))
        .envs(variables.iter().copied())
        .current_dir(folder)
        .stdin(Stdio::null());
    let output = modehost_task::run_blocking(move || command.output()).await.expect("not stopped").expect("node");
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{name}: {out}{err}");
    serde_json::from_str(out.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{name}: {out}{err}"))
}

/// With a mode that archives its work.
fn with_meetings() -> Settings {
    let grants = ["model", "journals:meeting/", "documents:meeting/", "archive:meetings", "deliver"];
    Settings::new().bundled().plugin("meeting", guest::bundled("meeting")).set("plugins.grants.meeting", json!(grants))
}

/// Work that is archived: a meeting without a model, which is summed up at once.
async fn finish_meeting(device: &mut Device) {
    device.start_mode("meeting").await;
    let items =
        json!([{ "tag": "Ann", "text": "We paint the <b>door</b>." }, { "tag": "Bo", "text": "The budget is small." }]);
    device.send(json!({ "type": "meeting", "phase": "snippet", "items": items })).await;
    device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
    device.expect("the summary", |message| message["phase"] == "summary").await;
}

#[tokio::test]
async fn a_newcomer_gets_from_the_address_to_an_answer() {
    let Some(folder) = browser_tools() else { return };
    let server = Server::start(Settings::new().bundled()).await;
    let report = scene(&server, "newcomer", &folder, &[]).await;
    assert_eq!((&report["answered"], &report["faults"]), (&json!(true), &json!([])), "{report:#}");
    // The server has seen a device like any other.
    let sessions = get(&server, "/api/v1/sessions", &[]).await.json();
    assert_eq!(sessions.as_array().map(Vec::len), Some(1), "{sessions}");
    let log = server.output();
    assert!(!log.contains(" ERROR ") && !log.contains(" WARN "), "{log}");
}

#[tokio::test]
async fn every_page_is_whole_in_both_languages_and_themes() {
    let Some(folder) = browser_tools() else { return };
    let server = Server::start(with_meetings()).await;
    let mut device = Device::join(&server, "dev-1").await;
    finish_meeting(&mut device).await;
    let report = scene(&server, "pages", &folder, &[]).await;
    assert!(report["seen"].as_u64().is_some_and(|seen| seen >= 50), "{report}");
    assert_eq!(report["faults"], json!([]), "{report:#}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spoken_turn_from_the_microphone_to_sound() {
    let Some(folder) = browser_and_voice() else { return };
    let provider = Provider::start();
    provider.default_reply(Reply::text("what can you do"));
    let settings = Settings::new().bundled().unset("tts.provider");
    let server = Server::start(with_transcription(&provider, settings)).await;
    let recording = workspace_root().join("tests/recordings/weather.wav");
    let recording = recording.display().to_string();
    let variables =
        [("RECORDING", recording.as_str()), ("HEARD", "what can you do"), ("ANSWERED", "I can tell the time")];
    let report = scene(&server, "speech", &folder, &variables).await;
    assert_eq!(report["faults"], json!([]), "{report:#}");
    assert!(report["loudest"].as_f64().is_some_and(|loudest| loudest > 0.01), "{report}");
    // What the recogniser was given is speech in the length of the recording, not noise of a broken encoder.
    let lengths: Vec<usize> = provider.requests().iter().map(|asked| asked.file.len()).collect();
    assert!(lengths.first().is_some_and(|length| *length > 16_000), "{lengths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_can_push_to_talk_and_talk_over_an_answer() {
    let Some(folder) = browser_and_voice() else { return };
    let provider = Provider::start();
    provider.default_reply(Reply::text("what can you do"));
    let settings = Settings::new().bundled().unset("tts.provider");
    let server = Server::start(with_transcription(&provider, settings)).await;
    // Somebody who says the same again and again, with pauses in which the server finds the end.
    let pcm = [recording("weather"), silence(3_500)].concat();
    let directory = tempfile::tempdir().expect("a folder");
    let recording = directory.path().join("again.wav");
    std::fs::write(&recording, wav(&pcm, 16_000)).expect("written");
    let recording = recording.display().to_string();
    let variables =
        [("RECORDING", recording.as_str()), ("HEARD", "what can you do"), ("ANSWERED", "I can tell the time")];
    let report = scene(&server, "listening", &folder, &variables).await;
    assert_eq!(report["faults"], json!([]), "{report:#}");
    assert!(report["held"].as_u64() >= Some(35), "{report}");
    assert!(report["outcomes"].as_array().is_some_and(|all| all.contains(&json!("interrupted"))), "{report}");
}

#[tokio::test]
async fn a_swap_is_seen_while_the_simulator_goes_on_talking() {
    let Some(folder) = browser_tools() else { return };
    let settings = Settings::new().bundled().plugin("fixture", guest::fixture_version("1.0.0"));
    let server = Server::start(settings).await;
    let swap = async {
        // The device of the page has had its first turn.
        server.wait_output("a turn has ended").await;
        server.install("fixture", &guest::fixture_version("2.0.0"));
    };
    let (report, ()) = tokio::join!(scene(&server, "swap", &folder, &[]), swap);
    assert_eq!((&report["sockets"], &report["faults"]), (&json!(1), &json!([])), "{report:#}");
}

#[tokio::test]
async fn the_token_is_asked_for_kept_in_memory_and_asked_for_again_once_it_is_withdrawn() {
    let Some(folder) = browser_tools() else { return };
    const TOKEN: &str = "a-token-that-is-long-enough";
    let server = Server::start(Settings::new().bundled().set("server.admin_token", json!(TOKEN))).await;
    let config = server.config_file().display().to_string();
    let report = scene(&server, "signin", &folder, &[("TOKEN", TOKEN), ("CONFIG", &config)]).await;
    assert_eq!(report["faults"], json!([]), "{report:#}");
    assert!(!server.output().contains(TOKEN), "the token is in the log");
}

#[tokio::test]
async fn a_restart_under_an_open_page_is_seen_and_survived() {
    let Some(folder) = browser_tools() else { return };
    let server = Server::start(Settings::new().bundled()).await;
    let report = scene(&server, "restart", &folder, &[]).await;
    assert_eq!(report["faults"], json!([]), "{report:#}");
    assert_eq!(
        (&report["restarted"], &report["same"], &report["loads"]),
        (&json!(200), &json!(true), &json!(1)),
        "{report}"
    );
}

#[tokio::test]
async fn what_modes_keep_is_found_read_saved_and_seen_to_change() {
    let Some(folder) = browser_tools() else { return };
    let server = Server::start(with_meetings()).await;
    let mut device = Device::join(&server, "dev-1").await;
    finish_meeting(&mut device).await;
    let task = |title: &str| json!({ "type": "workflow", "event": "update", "task": { "id": title, "title": title } });
    device.send(task("paint the door")).await;
    device.expect("the board", |message| message["tasks"].to_string().contains("paint the door")).await;
    let documents = get(&server, "/api/v1/documents?search=board", &[]).await.json();
    let key = documents["documents"][0]["key"].as_str().expect("a board").to_owned();
    let change = async {
        // One stage of the scene after the other: together they may take longer than a test waits for a line.
        for path in ["/api/v1/archive/meetings\"", "/export\"", "/api/v1/documents/value\""] {
            server.wait_output(&format!("{path} outcome=\"ok\"")).await;
        }
        device.send(task("buy the paint")).await;
    };
    let variables = [("KEY", key.as_str())];
    let (report, ()) = tokio::join!(scene(&server, "records", &folder, &variables), change);
    assert_eq!((&report["before"], &report["after"]), (&json!(1), &json!(2)), "{report:#}");
    assert_eq!(report["faults"], json!([]), "{report:#}");
}

#[tokio::test]
async fn who_only_looks_is_offered_nothing_that_is_refused() {
    let Some(folder) = browser_tools() else { return };
    const TOKEN: &str = "a-token-for-looking-on";
    let settings = Settings::new()
        .bundled()
        .set("server.admin_token", json!("a-token-that-is-long-enough"))
        .set("operators.viewer_token", json!(TOKEN));
    let server = Server::start(settings).await;
    let _device = Device::join(&server, "dev-1").await;
    let report = scene(&server, "viewer", &folder, &[("TOKEN", TOKEN), ("DEVICE", "dev-1")]).await;
    assert_eq!(report["faults"], json!([]), "{report:#}");
    // What changes nothing: looking closer, copying, going on.
    let acts = [
        "Reload",
        "Roll back",
        "Say",
        "Notify",
        "Play",
        "Stop",
        "Call",
        "Forget",
        "Close",
        "Restart",
        "Free space",
        "Ask",
        "Install",
        "Apply",
    ];
    let offered: Vec<&str> = report["offered"].as_array().expect("buttons").iter().filter_map(Value::as_str).collect();
    let wrong: Vec<&&str> = offered.iter().filter(|button| acts.iter().any(|act| button.contains(act))).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[tokio::test]
async fn of_two_operators_in_two_windows_the_second_is_told() {
    let Some(folder) = browser_tools() else { return };
    const SECRET: &str = "sk-nobody-may-see-this";
    let alias = json!({ "base_url": "http://127.0.0.1:9/v1", "api_key": SECRET });
    let server = Server::start(Settings::new().bundled().set("llm.aliases.default", alias)).await;
    let config = server.config_file().display().to_string();
    let report = scene(&server, "editor", &folder, &[("CONFIG", &config), ("SECRET", SECRET)]).await;
    assert_eq!(report["faults"], json!([]), "{report:#}");
    assert_eq!((&report["kept"], &report["told"]), (&json!(true), &json!(true)), "{report:#}");
}

#[tokio::test]
async fn a_feed_that_is_dead_is_said_and_the_pages_go_on() {
    let Some(folder) = browser_tools() else { return };
    let server = Server::start(Settings::new().bundled()).await;
    let report = scene(&server, "deadfeed", &folder, &[]).await;
    assert_eq!(report["faults"], json!([]), "{report:#}");
    assert!(report["whileDead"].as_u64() >= Some(1), "{report}");
}
