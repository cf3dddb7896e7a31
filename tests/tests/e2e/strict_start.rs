//! H.6: a start validates as strictly as a reload, and says what is wrong. Rule: readiness is never reported by a
//! server that answers nobody, and a rejected reload is shown where operators look.

use std::os::unix::net::UnixDatagram;
use std::time::Duration;

use modehost_tests::{Server, Settings, guest, http, wait};
use serde_json::json;

const START_TIMEOUT: Duration = Duration::from_secs(30);

fn with_fixture() -> Settings {
    Settings::new().plugin("fixture", guest::fixture(&[]))
}

async fn readiness(server: &Server) -> (u16, String) {
    let answer = http::request(server.http(), "GET", "/readyz", &[], "").await;
    answer.map_or((0, String::new()), |answer| (answer.status, answer.body))
}

async fn until_status(server: &Server, status: u16) -> String {
    let probe = async || readiness(server).await;
    wait::until(&format!("readyz says {status}"), START_TIMEOUT, probe, |(now, _)| *now == status).await.1
}

/// Asserts that the start exits with 64 and that the output contains these phrases.
async fn assert_start_rejected(settings: Settings, phrases: &[&str]) {
    let mut server = Server::prepare(&settings);
    server.launch();
    assert_eq!(server.wait_exit(START_TIMEOUT).await.code(), Some(64));
    for phrase in phrases {
        server.wait_output(phrase).await;
    }
    assert!(!server.output().contains("ready after"), "{}", server.output());
}

#[tokio::test]
async fn h6_a_section_that_does_not_fit_its_plugin_ends_the_start() {
    assert_start_rejected(with_fixture().set("fixture.label", json!(7)), &["modehost.yaml:", "fixture.label"]).await;
    assert_start_rejected(
        with_fixture().set("fixture.lable", json!("x")),
        &["fixture.lable: unknown key; did you mean `label`?"],
    )
    .await;
}

#[tokio::test]
async fn h6_a_section_that_its_plugin_refuses_itself_ends_the_start() {
    let refusing = Settings::new().plugin("fixture", guest::fixture(&[("fail", "configure!")]));
    assert_start_rejected(
        refusing.set("fixture.label", json!("x")),
        &["modehost.yaml:", "fixture: ", "does not like its configuration"],
    )
    .await;
}

#[tokio::test]
async fn h6_a_default_mode_that_no_plugin_has_ends_the_start() {
    let settings = Settings::new().bundled().set("session.default_mode", json!("chatt"));
    assert_start_rejected(settings, &["session.default_mode: no plugin has this mode; did you mean `chat`?"]).await;
}

#[tokio::test]
async fn h6_a_lenient_start_serves_and_is_not_ready_until_it_is_mended() {
    let good = with_fixture().set("plugins.strict_start", json!(false)).set("session.default_mode", json!("fixture"));
    let mut server = Server::prepare(&good.clone().set("fixture.label", json!(7)));
    server.launch();
    let output = until_status(&server, 503).await;
    assert!(output.contains("no device is answered") && output.contains("fixture.label"), "{output}");
    server.configure(&good);
    until_status(&server, 200).await;
}

#[tokio::test]
async fn h6_an_empty_folder_is_not_ready_until_a_plugin_is_in_it() {
    let settings = Settings::new().unset("session.default_mode");
    let mut server = Server::prepare(&settings);
    server.launch();
    let output = until_status(&server, 503).await;
    assert!(output.contains("plugins.dir"), "{output}");
    server.wait_output("and is not ready: plugins: there is none").await;
    server.install("conversation", &guest::bundled("conversation"));
    until_status(&server, 200).await;
    std::fs::remove_file(server.plugin_file("conversation")).expect("removed");
    until_status(&server, 503).await;
}

#[tokio::test]
async fn h6_a_reload_does_not_take_a_default_mode_that_no_plugin_has() {
    let settings = Settings::new().bundled();
    let server = Server::start(settings.clone()).await;
    let wrong = settings.clone().set("session.default_mode", json!("chatt"));
    let checked = server.admin("POST", "/api/v1/config/check", &wrong.text()).await;
    assert!(checked.status == 422 && !checked.body.contains("chatt"), "{checked:?}");
    assert!(checked.body.contains("did you mean `chat`?"), "{checked:?}");
    server.configure(&wrong);
    server.wait_output("configuration not reloaded").await;
    // The note follows the line of the log.
    let noted = |(status, text): &(u16, String)| *status == 200 && text.contains("configuration: refused at 20");
    let (_, output) =
        wait::until("the refusal is noted", wait::TIMEOUT, async || readiness(&server).await, noted).await;
    assert!(output.contains("(session.default_mode)"), "{output}");
    server.configure(&settings.set("server.admin_token", json!("changeme")));
    server.wait_output("server.admin_token: can be guessed").await;
    let probe = async || readiness(&server).await.1;
    wait::until("the rejected reload is cleared", wait::TIMEOUT, probe, |text| text == "ready\n").await;
}

#[tokio::test]
async fn the_service_manager_shows_why_a_reload_was_refused() {
    let directory = tempfile::tempdir().expect("a directory");
    let path = directory.path().join("notify");
    let socket = UnixDatagram::bind(&path).expect("a socket");
    socket.set_read_timeout(Some(Duration::from_secs(30))).expect("a time limit");
    let settings = with_fixture();
    let mut server = Server::prepare(&settings);
    server.set_variable("NOTIFY_SOCKET", &path.to_string_lossy());
    server.launch();
    server.ready().await;
    let next = |wanted: &str| loop {
        let mut buffer = [0; 4096];
        let length = socket.recv(&mut buffer).expect("a notification in time");
        let phrase = String::from_utf8_lossy(&buffer[..length]).into_owned();
        if phrase.contains(wanted) {
            return phrase;
        }
    };
    assert!(next("READY=1").contains("STATUS=serving"));
    server.configure(&settings.set("fixture.label", json!(7)));
    server.signal(rustix::process::Signal::HUP);
    // Both the watcher and the signal reload the file; the last status after the reload is what is shown.
    let phrase = next("READY=1");
    assert!(
        phrase.contains("STATUS=serving; configuration: refused at 20") && phrase.contains("(fixture.label)"),
        "{phrase}"
    );
}

#[tokio::test]
async fn what_no_further_try_mends_has_exit_codes_of_its_own() {
    let mut server = Server::start(with_fixture()).await;
    server.terminate().await;
    let file = server.data_dir().join("modehost.db");
    let database = rusqlite::Connection::open(&file).expect("the database");
    database.pragma_update(None, "user_version", 9999).expect("written");
    drop(database);
    server.launch();
    assert_eq!(server.wait_exit(START_TIMEOUT).await.code(), Some(65));
    server.wait_output("newer server").await;
    server.clear_exited();
    std::fs::write(&file, b"no database at all, but long enough to be looked at").expect("written");
    server.launch();
    assert_eq!(server.wait_exit(START_TIMEOUT).await.code(), Some(65));
    server.wait_output("damaged").await;
    server.clear_exited();
    std::fs::remove_file(&file).expect("removed");
    for one in ["-wal", "-shm"] {
        let _ = std::fs::remove_file(format!("{}{one}", file.display()));
    }
    // Two servers on one data directory: the other one may exit, so a retry makes sense.
    server.launch();
    server.ready().await;
    let second = Server::prepare(&with_fixture());
    let output = second.command(&["serve", "--data", &server.data_dir().to_string_lossy()]).await;
    assert!(output.contains("in use by another server"), "{output}");
}

#[tokio::test]
async fn auth_that_is_written_down_and_not_switched_on_is_refused() {
    let tokens = json!([{ "token": "d1c7f2a09b3e4c5d6e7f" }]);
    let settings = with_fixture().set("auth.tokens", tokens);
    assert_start_rejected(settings, &["auth.methods: is empty while `auth.tokens` is there", "methods: [tokens]"])
        .await;
}

/// Runs `check` on a file with this text; returns its exit code, and standard output followed by standard error.
async fn check(directory: &std::path::Path, text: &str, options: &[&str]) -> (Option<i32>, String) {
    let file = directory.join("checked.yaml");
    std::fs::write(&file, text).expect("written");
    let mut command = std::process::Command::new(modehost_tests::server::binary());
    command.arg("check").arg(&file).args(options).current_dir(directory).stdin(std::process::Stdio::null());
    let output = modehost_task::run_blocking(move || command.output()).await.expect("not stopped").expect("it runs");
    let written = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    (output.status.code(), written)
}

#[tokio::test]
async fn check_finds_what_a_start_would_refuse_and_what_nobody_can_mean() {
    let directory = tempfile::tempdir().expect("a directory");
    let plugins = directory.path().join("plugins");
    std::fs::create_dir(&plugins).expect("a directory");
    let local = "server: { ip: 127.0.0.1 }\n";
    let options = ["--plugins", plugins.to_str().expect("text")];

    let (code, output) = check(directory.path(), local, &options).await;
    assert!(code == Some(64) && output.contains("no plugin is in"), "{output}");
    std::fs::write(plugins.join("fixture.wasm"), guest::fixture(&[])).expect("written");
    std::fs::write(plugins.join("conversation.wasm"), guest::bundled("conversation")).expect("written");
    let (code, output) = check(directory.path(), local, &options).await;
    assert!(code == Some(0) && output.contains("plugins looked at: 2 in ") && output.ends_with("ok\n"), "{output}");

    for (text, position) in [
        (
            "session: { default_mode: chatt }\n",
            "checked.yaml:2:26: session.default_mode: no plugin has this mode; did you",
        ),
        ("fixture: { label: 7 }\n", "checked.yaml:2:19: fixture.label: "),
        (
            "auth: { tokens: [{ token: 5f0a9be47c31d2687f0e }] }\n",
            "auth.methods: is empty while `auth.tokens` is there",
        ),
        ("server: { ip: 127.0.0.1, port: 8003 }\n", "server.port and server.http_port are both 8003"),
        ("server: { ip: 203.0.113.9 }\n", "server.ip: this machine has no address 203.0.113.9"),
        (
            "server: { ip: 127.0.0.1, http_ip: 203.0.113.9 }\n",
            "server.http_ip: this machine has no address 203.0.113.9",
        ),
        ("server: { ip: 127.0.0.1, operator_address: '127.0.0.1:8004' }\n", "server.operator_address are both 8004"),
    ] {
        let text = if text.starts_with("server") { format!("# one\n{text}") } else { format!("{local}{text}") };
        let (code, output) = check(directory.path(), &text, &options).await;
        assert!(code == Some(64) && output.contains(position), "{text}: {output}");
    }
    for (text, warning) in [
        ("server: { ip: 0.0.0.0 }\n", "warning: auth.methods: OPEN: no sign-in is configured"),
        ("server: { ip: 127.0.0.1, admin_token: hunter2 }\n", "server.admin_token: can be guessed"),
        ("plugins: { grants: { nobody: [model] } }\n", "plugins.grants.nobody: no plugin of the folder has this id"),
        ("plugins: { grants: { conversation: [\"hook:x\"] } }\n", "the plugin does not ask for this"),
        ("plugins: { grants: { conversation: [\"hook:x\"] } }\n", "there is no such webhook under `hooks`"),
        (
            "hooks: { crm: { url: \"https://a.example/\" } }\nplugins: { grants: { meeting: [] } }\n",
            "hooks.crm: no plugin may post there",
        ),
        (
            "plugins: { pins: { nobody: \"0000000000000000000000000000000000000000000000000000000000000000\" } }\n",
            "plugins.pins.nobody: no plugin",
        ),
        (
            "plugins: { pins: { fixture: \"0000000000000000000000000000000000000000000000000000000000000000\" } }\n",
            "another content, which a start does not take",
        ),
    ] {
        let text = if text.starts_with("server") { text.to_owned() } else { format!("{local}{text}") };
        let (code, output) = check(directory.path(), &text, &options).await;
        assert!(code == Some(0) && output.contains(warning) && !output.contains("hunter2"), "{text}: {output}");
    }
    let (code, output) = check(directory.path(), local, &[]).await;
    assert!(code == Some(0) && output.contains("plugins not looked at: there is no folder data/plugins"), "{output}");
}
