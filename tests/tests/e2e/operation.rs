//! Running a server: metrics, health, the admin API, the service manager, backups (issue "fit for the open"). Rule:
//! what the operators' pages promise is checked from an operator's point of view.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use modehost_tests::server::{binary, workspace_root};
use modehost_tests::{Device, Server, Settings, http, wait};
use rustix::process::Signal;
use serde_json::{Value, json};

/// Longer than two health checks with the storage's busy timeout, on a busy machine.
const HEALTH_CHANGES: Duration = Duration::from_secs(60);

/// The rows of host/METRICS.md: name, kind, and whether the metric is there from the start; also by its older name.
fn documented() -> BTreeMap<String, (String, bool)> {
    let page = std::fs::read_to_string(workspace_root().join("host/METRICS.md")).expect("host/METRICS.md");
    let cells = |line: &str| line.split('|').map(|cell| cell.trim().to_owned()).collect::<Vec<_>>();
    let name = |cell: &str| cell.trim_matches('`').to_owned();
    let (list, older) = page.split_once("\n## Older names").expect("the older names");
    let rows = |text: &str| text.lines().filter(|line| line.starts_with("| `")).map(cells).collect::<Vec<_>>();
    let mut known: BTreeMap<_, _> =
        rows(list).into_iter().map(|row| (name(&row[1]), (row[2].clone(), row[4] == "start"))).collect();
    for row in rows(older) {
        let today = known[&name(&row[1])].clone();
        known.insert(name(&row[2]), today);
    }
    known
}

/// Name to type, of what `/metrics` shows.
fn metric_types(text: &str) -> BTreeMap<String, String> {
    let types = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    types.map(|(name, kind)| (name.to_owned(), kind.to_owned())).collect()
}

/// Label names with their values, over all metrics.
fn labels(text: &str) -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let Some((_, rest)) = line.split_once('{') else { continue };
        for pair in rest.split_once('}').map_or("", |(pairs, _)| pairs).split("\",") {
            let (name, value) = pair.split_once("=\"").unwrap_or((pair, ""));
            found.entry(name.to_owned()).or_default().insert(value.trim_end_matches('"').to_owned());
        }
    }
    found
}

#[tokio::test]
async fn every_figure_is_documented_and_no_label_comes_from_a_device() {
    let server = Server::start(Settings::new().bundled()).await;
    let known = documented();
    let at_start = server.admin("GET", "/metrics", "").await.body;
    let missing: Vec<_> =
        known.iter().filter(|(name, (_, early))| *early && !metric_types(&at_start).contains_key(*name)).collect();
    assert!(missing.is_empty(), "not there from the start: {missing:?}");

    // Some of everything, by a device that tries to get its strings into labels.
    let marks = ["eve-device", "eve-client", "eve-type", "eve-task", "eve-path", "eve-token", "eve-plugin"];
    let headers = [("Device-Id", "eve-device"), ("Client-Id", "eve-client"), ("Authorization", "Bearer eve-token")];
    let mut device = Device::try_connect(&server, "/supie/v1/", &headers).await.expect("served");
    device.hello().await;
    device.send(json!({ "type": "eve-type", "x": 1 })).await;
    device.send_text("{ not json eve-type").await;
    device.send(json!({ "type": "workflow", "event": "update", "task": { "id": "eve-task", "title": "t" } })).await;
    device.start_mode("working").await;
    device.send(json!({ "type": "mcp", "payload": { "jsonrpc": "2.0", "id": 77, "result": "eve-type" } })).await;
    device.settle().await;
    assert!(Device::try_connect(&server, "/eve-path/", &headers).await.is_err());
    server.admin("POST", "/api/v1/plugins/eve-plugin/reload", "").await;
    device.close().await;

    let probe = || async { server.admin("GET", "/metrics", "").await.body };
    let text = wait::until("the call is counted", Duration::from_secs(20), probe, |text| {
        text.contains("modehost_plugin_calls_total") && text.contains("modehost_closes_total")
    })
    .await;
    let metric_types = metric_types(&text);
    for (name, kind) in &metric_types {
        let (documented, _) = known.get(name).unwrap_or_else(|| panic!("{name} is not in host/METRICS.md"));
        assert_eq!(kind, documented, "{name}; a histogram without buckets is a summary");
    }
    for name in [
        "modehost_messages_received_total",
        "modehost_handshakes_refused_total",
        "modehost_plugin_live_instances",
        "modehost_plugin_memory_bytes",
        "modehost_plugin_generations",
        "modehost_admin_calls_total",
        "modehost_storage_commit_seconds",
        "modehost_build_info",
    ] {
        assert!(metric_types.contains_key(name), "{name} is missing");
    }
    let found = marks.iter().filter(|mark| text.contains(**mark)).collect::<Vec<_>>();
    assert!(found.is_empty(), "device-supplied labels in the metrics: {found:?}");
    let allowed: BTreeSet<&str> = BTreeSet::from([
        "kind",
        "reason",
        "code",
        "plugin",
        "outcome",
        "alias",
        "purpose",
        "hook",
        "method",
        "version",
        "le",
        "port",
        "mode",
        "generation",
    ]);
    for (name, values) in labels(&text) {
        assert!(allowed.contains(name.as_str()), "label {name} with {values:?}");
        assert!(values.len() <= 40, "label {name} has {} values", values.len());
    }
    // The process metrics are there and plausible.
    let value = |name: &str| {
        let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).expect(name);
        line.rsplit_once(' ').and_then(|(_, value)| value.parse::<f64>().ok()).expect("a number")
    };
    assert!(value("modehost_process_resident_bytes") > 1e6);
    assert!(value("modehost_process_open_files") > 5.0);
    assert!(value("modehost_process_open_files") < value("modehost_process_open_files_limit"));
    // Under their standard names as well.
    assert!(value("process_resident_memory_bytes") > 1e6);
    assert!(value("process_open_fds") > 5.0 && value("process_open_fds") < value("process_max_fds"));
    assert!(value("process_start_time_seconds") > 1.7e9 && value("process_threads") > 1.0);
    assert!(value("modehost_storage_file_bytes") > 1000.0);
}

#[tokio::test]
async fn readiness_follows_the_storage_without_flapping_and_liveness_does_not() {
    let server = Server::start(Settings::new()).await;
    let database = server.data_dir().join("modehost.db");
    let health = || async {
        let answer = http::request(server.http(), "GET", "/readyz", &[], "").await.expect("an answer");
        (answer.status, answer.body)
    };
    assert_eq!(health().await, (200, "ready\n".to_owned()));

    let other = rusqlite::Connection::open(&database).expect("the database");
    other.execute_batch("PRAGMA busy_timeout = 5000; BEGIN IMMEDIATE").expect("locked");
    let (_, output) = wait::until("not ready", HEALTH_CHANGES, health, |(status, _)| *status == 503).await;
    assert!(output.contains("storage: ") && output.contains("modehost.db locked"), "{output}");
    let alive = http::request(server.http(), "GET", "/healthz", &[], "").await.expect("an answer");
    assert_eq!((alive.status, alive.body.as_str()), (200, "ok\n"));
    // Devices are served all the same.
    Device::join(&server, "dev-1").await.ping().await;

    other.execute_batch("ROLLBACK").expect("free");
    wait::until("ready again", HEALTH_CHANGES, health, |(status, _)| *status == 200).await;
    let changes = server.output().matches("not ready: ").count() + server.output().matches("ready again: ").count();
    assert_eq!(changes, 2, "it flapped");
}

/// Validates a value against a schema of the OpenAPI document.
fn fits(document: &Value, schema: &Value, value: &Value) {
    let mut schema = schema.clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::validator_for(&schema).expect("a schema");
    assert!(!validator.is_valid(&json!("neither a list nor an object")), "the schema accepts anything: {schema}");
    let wrong: Vec<String> = validator.iter_errors(value).map(|error| error.to_string()).collect();
    assert!(wrong.is_empty(), "{wrong:?} in {value}");
}

#[tokio::test]
async fn the_interface_is_what_its_document_says() {
    let server = Server::start(Settings::new().bundled().set("tts", json!({ "provider": "none" }))).await;
    let _device = Device::join(&server, "dev-1").await;
    let document = server.admin("GET", "/api/v1/openapi.json", "").await.json();
    assert!(document["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")), "{}", document["openapi"]);

    let (words, old) = (r#"{"text":"hello"}"#, r#"{"text":"","version":"old"}"#);
    let yaml = "gateway:\n  handshake_timeout_ms: 5000\n";
    let calls = [
        ("GET", "/api/v1/status", "/api/v1/status", "", 200),
        ("GET", "/api/v1/status", "/api/v1/status?node=a", "", 404),
        ("GET", "/api/v1/nodes", "/api/v1/nodes", "", 200),
        ("POST", "/api/v1/nodes/{node}/drain", "/api/v1/nodes/a/drain", "", 404),
        ("DELETE", "/api/v1/nodes/{node}/drain", "/api/v1/nodes/a/drain", "", 404),
        ("GET", "/api/v1/sessions", "/api/v1/sessions", "", 200),
        ("GET", "/api/v1/sessions/{device}", "/api/v1/sessions/dev-1", "", 200),
        ("GET", "/api/v1/sessions/{device}", "/api/v1/sessions/nobody", "", 404),
        ("GET", "/api/v1/devices/{device}/tools", "/api/v1/devices/dev-1/tools", "", 200),
        ("GET", "/api/v1/devices/{device}/tools", "/api/v1/devices/nobody/tools", "", 409),
        ("POST", "/api/v1/devices/{device}/tools/call", "/api/v1/devices/dev-1/tools/call", r#"{"name":"none"}"#, 409),
        ("POST", "/api/v1/devices/{device}/play", "/api/v1/devices/dev-1/play", "noise", 400),
        ("POST", "/api/v1/devices/{device}/stop", "/api/v1/devices/dev-1/stop", "", 200),
        ("POST", "/api/v1/sessions/{device}/kick", "/api/v1/sessions/dev-1/kick", "", 200),
        ("POST", "/api/v1/sessions/{device}/kick", "/api/v1/sessions/nobody/kick", "", 404),
        ("GET", "/api/v1/devices/{device}/export", "/api/v1/devices/dev-1/export", "", 200),
        ("GET", "/api/v1/devices/{device}/export", "/api/v1/devices/nobody/export", "", 404),
        ("POST", "/api/v1/devices/{device}/say", "/api/v1/devices/dev-1/say", r#"{"text":"hello"}"#, 200),
        ("POST", "/api/v1/devices/{device}/say", "/api/v1/devices/dev-1/say", r#"{"text":""}"#, 400),
        ("POST", "/api/v1/devices/{device}/say", "/api/v1/devices/dev-1/say", "hello", 400),
        ("POST", "/api/v1/devices/{device}/notify", "/api/v1/devices/dev-1/notify", r#"{"text":"hello"}"#, 200),
        ("POST", "/api/v1/devices/{device}/notify", "/api/v1/devices/nobody/notify", r#"{"text":"hello"}"#, 409),
        ("DELETE", "/api/v1/devices/{device}", "/api/v1/devices/dev-1", "", 200),
        ("DELETE", "/api/v1/devices/{device}", "/api/v1/devices/%00", "", 400),
        ("GET", "/api/v1/config", "/api/v1/config", "", 200),
        ("GET", "/api/v1/storage", "/api/v1/storage", "", 200),
        ("POST", "/api/v1/storage/compact", "/api/v1/storage/compact", "", 200),
        ("GET", "/api/v1/plugins", "/api/v1/plugins", "", 200),
        ("POST", "/api/v1/plugins/{id}/reload", "/api/v1/plugins/workflow/reload", "", 200),
        ("POST", "/api/v1/plugins/{id}/reload", "/api/v1/plugins/nobody/reload", "", 409),
        ("POST", "/api/v1/plugins/{id}/reload", "/api/v1/plugins/%ff/reload", "", 400),
        ("POST", "/api/v1/plugins/{id}/rollback", "/api/v1/plugins/workflow/rollback", "", 409),
        ("POST", "/api/v1/config/check", "/api/v1/config/check", yaml, 200),
        ("POST", "/api/v1/config/check", "/api/v1/config/check", "gateway: { nonsense: 1 }", 422),
        ("POST", "/api/v1/config/reload", "/api/v1/config/reload", "", 200),
        ("GET", "/api/v1/config/file", "/api/v1/config/file", "", 200),
        ("POST", "/api/v1/config/file/check", "/api/v1/config/file/check", old, 409),
        ("PUT", "/api/v1/config/file", "/api/v1/config/file", old, 409),
        ("PUT", "/api/v1/config/file", "/api/v1/config/file", "hello", 400),
        ("GET", "/api/v1/config/schema", "/api/v1/config/schema", "", 200),
        ("POST", "/api/v1/plugins/check", "/api/v1/plugins/check", "noise", 422),
        ("PUT", "/api/v1/plugins/{id}", "/api/v1/plugins/workflow", "noise", 422),
        ("GET", "/api/v1/providers", "/api/v1/providers", "", 200),
        ("POST", "/api/v1/providers/model/{name}/ask", "/api/v1/providers/model/none/ask", words, 404),
        ("POST", "/api/v1/providers/voice/say", "/api/v1/providers/voice/say", words, 409),
        ("POST", "/api/v1/providers/recogniser/hear", "/api/v1/providers/recogniser/hear", "noise", 409),
        ("GET", "/api/v1/logs", "/api/v1/logs", "", 200),
        ("GET", "/api/v1/logs", "/api/v1/logs?level=loud", "", 400),
        ("GET", "/api/v1/audit", "/api/v1/audit", "", 200),
        ("GET", "/api/v1/history", "/api/v1/history", "", 200),
        ("GET", "/api/v1/archive", "/api/v1/archive", "", 200),
        ("GET", "/api/v1/archive/{kind}", "/api/v1/archive/none", "", 200),
        ("GET", "/api/v1/archive/{kind}/{id}", "/api/v1/archive/none/none", "", 404),
        ("GET", "/api/v1/archive/{kind}/{id}/export", "/api/v1/archive/none/none/export", "", 404),
        ("GET", "/api/v1/documents", "/api/v1/documents", "", 200),
        ("GET", "/api/v1/documents/value", "/api/v1/documents/value?key=none", "", 404),
        ("GET", "/metrics", "/metrics", "", 200),
        // Last: later requests are answered while the program restarts.
        ("POST", "/api/v1/restart", "/api/v1/restart", "", 200),
    ];
    let mut driven = BTreeSet::new();
    for (method, described, path, body, status) in calls {
        let answer = server.admin(method, path, body).await;
        assert_eq!(answer.status, status, "{method} {path}: {answer:?}");
        let operation = &document["paths"][described][method.to_lowercase()];
        let responses = &operation["responses"];
        let response = [status.to_string(), format!("{}XX", status / 100)]
            .into_iter()
            .find_map(|status| responses.get(status))
            .unwrap_or_else(|| panic!("{method} {described} has no response {status}: {responses}"));
        if let Some(schema) = response.pointer("/content/application~1json/schema") {
            fits(&document, schema, &answer.json());
        } else {
            assert_eq!(path, "/metrics", "{described} has no schema for {status}");
        }
        driven.insert((described.to_owned(), method.to_lowercase()));
    }
    // Responses that go on are driven in `watch`.
    for path in ["/api/v1/plugins/{id}/watch", "/api/v1/devices/{device}/watch", "/api/v1/feed"] {
        driven.insert((path.to_owned(), "get".to_owned()));
    }
    // Everything in the document is driven; everything served is in the document, since the routes
    // are made from the same descriptions.
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            assert!(driven.contains(&(path.clone(), method.clone())), "{method} {path} is not tested here");
        }
    }
    let source = std::fs::read_to_string(workspace_root().join("host/src/admin.rs")).expect("the routes");
    let by_hand = source.matches(".route(\"").count();
    assert_eq!(by_hand, 2, "a route beside the document itself and the last resort goes through `routes!`");

    // Of two types of one name, the document would have one.
    let mut named = BTreeSet::new();
    for entry in std::fs::read_dir(workspace_root().join("host/src/admin")).expect("the routes") {
        let text = std::fs::read_to_string(entry.expect("a file").path()).unwrap_or_default();
        for part in text.split("ToSchema)]").skip(1) {
            let name = part.split_whitespace().skip_while(|word| !matches!(*word, "struct" | "enum")).nth(1);
            let name = name.expect("a name").to_owned();
            assert!(named.insert(name.clone()), "two types of the document are called {name}");
        }
    }
    assert!(named.len() > 30, "{named:?}");

    for (method, path, status) in
        [("GET", "/api/v1/nothing", 404), ("PATCH", "/api/v1/sessions", 405), ("POST", "/api/v1/sessions", 405)]
    {
        let answer = server.admin(method, path, "").await;
        assert_eq!(answer.status, status, "{method} {path}");
        assert!(answer.json()["error"].is_string(), "{answer:?}");
    }
}

#[tokio::test]
async fn every_call_that_may_change_something_writes_one_line_without_the_token() {
    let settings = Settings::new()
        .set("server.admin_token", json!("hush-hush"))
        .set("server.trusted_proxies", json!(["127.0.0.1"]))
        .set("log.level", json!("error"));
    let server = Server::start(settings).await;
    let call = async |token: &str, path: &str| {
        let headers = [("Authorization", token), ("X-Forwarded-For", "10.1.2.3")];
        http::request(server.http(), "POST", path, &headers, "").await.expect("an answer").status
    };
    assert_eq!(call("Bearer hush-hush", "/api/v1/config/reload").await, 200);
    assert_eq!(call("Bearer guess-guess", "/api/v1/config/reload").await, 401);
    assert_eq!(call("Bearer hush-hush", "/api/v1/plugins/nobody%0Aforged/reload").await, 409);
    let headers = [("Authorization", "Bearer hush-hush")];
    let read = http::request(server.http(), "GET", "/api/v1/sessions", &headers, "").await.expect("an answer");
    assert_eq!(read.status, 200);
    let lines = || async {
        let output = server.output();
        output.lines().filter(|line| line.contains("modehost::audit")).map(str::to_owned).collect::<Vec<_>>()
    };
    let lines = wait::until("three lines", wait::TIMEOUT, lines, |lines| lines.len() >= 3).await;
    assert_eq!(lines.len(), 3, "{lines:#?}");
    for (line, outcome) in lines.iter().zip(["ok", "refused", "failed"]) {
        assert!(
            line.contains("from=\"10.1.2.3\" forwarded=true") && line.contains("POST") && line.contains("/api/v1/"),
            "{line}"
        );
        assert!(line.contains(&format!("outcome=\"{outcome}\"")), "{line}");
    }
    let output = server.output();
    assert!(!output.contains("hush-hush") && !output.contains("guess-guess"), "a token is in the log");
}

/// A mock service manager that receives notifications.
struct Manager {
    socket: UnixDatagram,
    _home: tempfile::TempDir,
    lines: Vec<String>,
}

impl Manager {
    fn listen(server: &mut Server) -> Self {
        let home = tempfile::tempdir().expect("a directory");
        let path = home.path().join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket");
        socket.set_nonblocking(true).expect("non-blocking");
        server.set_variable("NOTIFY_SOCKET", &path.to_string_lossy());
        Self { socket, _home: home, lines: Vec::new() }
    }

    /// Lines received so far.
    fn received(&mut self) -> Vec<String> {
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]).into_owned();
            self.lines.extend(text.lines().map(str::to_owned));
        }
        self.lines.clone()
    }

    async fn expect(&mut self, notification: &str, times: usize) {
        let count = |lines: &Vec<String>| lines.iter().filter(|line| *line == notification).count();
        let probe = || std::future::ready(self.received());
        wait::until(&format!("{notification} {times} times"), wait::TIMEOUT, probe, |lines| count(lines) >= times)
            .await;
    }
}

#[tokio::test]
async fn the_service_manager_hears_of_ready_life_reload_and_stop() {
    let mut server = Server::prepare(&Settings::new().bundled());
    let mut manager = Manager::listen(&mut server);
    server.set_variable("WATCHDOG_USEC", "600000");
    assert!(manager.received().is_empty());
    server.launch();
    manager.expect("READY=1", 1).await;
    // Ready is reported when devices are served, not before.
    Device::join(&server, "dev-1").await.ping().await;
    manager.expect("WATCHDOG=1", 3).await;
    server.signal(Signal::HUP);
    manager.expect("RELOADING=1", 1).await;
    manager.expect("READY=1", 2).await;
    let lines = manager.received();
    assert!(lines.iter().any(|line| line.starts_with("MONOTONIC_USEC=")), "{lines:?}");
    assert!(!lines.contains(&"STOPPING=1".to_owned()), "{lines:?}");
    assert!(server.terminate().await.success());
    manager.expect("STOPPING=1", 1).await;
}

#[tokio::test]
async fn a_restart_in_place_is_a_reload_to_the_service_manager() {
    let secret = "a-secret-of-the-console";
    let mut server = Server::prepare(&Settings::new().set("server.secret", json!(secret)));
    let mut manager = Manager::listen(&mut server);
    server.set_variable("WATCHDOG_USEC", "600000");
    server.launch();
    manager.expect("READY=1", 1).await;
    let mut console = Device::connect(&server, "console").await;
    console.send(json!({ "type": "server", "action": "restart", "content": { "secret": secret } })).await;
    manager.expect("RELOADING=1", 1).await;
    manager.expect("READY=1", 2).await;
    let beats = manager.received().iter().filter(|line| *line == "WATCHDOG=1").count();
    manager.expect("WATCHDOG=1", beats + 2).await;
    let ordered = |line: &str| line.contains("modehost::audit") && line.contains("order=Restart");
    assert!(server.output().lines().any(ordered), "console commands are audited, too");
    assert!(
        !manager.received().contains(&"STOPPING=1".to_owned()),
        "the manager would stop a unit that reports STOPPING"
    );
    Device::join(&server, "dev-1").await.ping().await;
    assert!(server.terminate().await.success());
    manager.expect("STOPPING=1", 1).await;
}

#[tokio::test]
async fn without_a_service_manager_nobody_is_told_and_nothing_fails() {
    let mut server = Server::prepare(&Settings::new());
    server.set_variable("NOTIFY_SOCKET", "/nowhere/notify");
    server.launch();
    server.ready().await;
    assert!(server.terminate().await.success());
}

/// Runs `modehost backup` as an operator would.
fn run_backup(server: &Server, directory: &Path) -> (bool, String) {
    let mut command = Command::new(binary());
    command.args(["backup".as_ref(), directory.as_os_str(), "--data".as_ref(), server.data_dir().as_os_str()]);
    let output = command.current_dir(directory.parent().expect("a parent")).output().expect("the binary runs");
    let bytes = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&bytes).into_owned())
}

#[tokio::test]
async fn a_backup_of_a_running_server_starts_another_with_everything_acknowledged() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let add = async |device: &mut Device, id: &str| {
        device
            .send(
                json!({ "type": "workflow", "event": "update", "task": { "id": id, "title": format!("title {id}") } }),
            )
            .await;
        device.expect("acknowledged", |answer| answer["status"] == "ok" && answer["event"] == "update").await;
    };
    for count in 0..20 {
        add(&mut device, &format!("t-{count}")).await;
    }
    let home = tempfile::tempdir().expect("a directory");
    let directory = home.path().join("backup");
    let (done, output) = run_backup(&server, &directory);
    assert!(done && output.contains("modehost.db"), "{output}");
    let (again, output) = run_backup(&server, &directory);
    assert!(!again && output.contains("is there already"), "{output}");
    // The server is not affected.
    add(&mut device, "t-later").await;

    // As the page says: copied into an empty data directory, then started.
    let mut restored = Server::prepare(&Settings::new().bundled());
    std::fs::create_dir_all(restored.data_dir()).expect("a directory");
    for file in std::fs::read_dir(&directory).expect("the backup").flatten() {
        std::fs::copy(file.path(), restored.data_dir().join(file.file_name())).expect("copied");
    }
    restored.launch();
    restored.ready().await;
    let mut device = Device::join(&restored, "dev-1").await;
    let tasks = crate::board::tasks(&mut device).await;
    let ids: BTreeSet<&str> = tasks.iter().filter_map(|task| task["id"].as_str()).collect();
    let expected: Vec<String> = (0..20).map(|count| format!("t-{count}")).collect();
    assert_eq!(ids, expected.iter().map(String::as_str).collect());
}
