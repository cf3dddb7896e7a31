//! CLI commands and admin API calls on a running server. Rule: the effect of each command is observed at a device or
//! on the disk; over TLS the token is sent to the server itself only.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use modehost_tests::{Device, Server, Settings, guest, http, wait};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

/// A self-signed certificate with its key, and both as files. Its name is never used as an address.
fn issue(directory: &Path) -> (CertificateDer<'static>, PrivateKeyDer<'static>, Value) {
    let made = rcgen::generate_simple_self_signed(["nobody.invalid".to_owned()]).expect("a certificate");
    std::fs::write(directory.join("chain.pem"), made.cert.pem()).expect("written");
    std::fs::write(directory.join("key.pem"), made.signing_key.serialize_pem()).expect("written");
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(made.signing_key.serialize_der()));
    let files = json!({ "certificate": directory.join("chain.pem"), "key": directory.join("key.pem") });
    (made.cert.der().clone(), key, files)
}

fn fixture() -> Settings {
    Settings::new().plugin("fixture", guest::fixture(&[]))
}

#[tokio::test]
async fn health_is_asked_where_the_configuration_says() {
    let mut server = Server::prepare(&Settings::new());
    let (code, _, stderr) = server.run(&["health"]).await;
    assert!(code == 1 && stderr.contains("no server answers at 127.0.0.1:"), "{code}: {stderr}");
    server.launch();
    server.ready().await;
    assert_eq!(server.run(&["health"]).await, (0, "ok\n".to_owned(), String::new()));
    assert_eq!(server.run(&["health", "--ready"]).await, (0, "ready\n".to_owned(), String::new()));
    // The file is being edited: the server is healthy all the same, and a container must not be stopped for it.
    server.write_config("server: [half\n");
    let (code, stdout, _) = server.run(&["health"]).await;
    assert_eq!((code, stdout.as_str()), (0, "ok\n"));
    // A port that is assigned by the system.
    let (code, _, stderr) = server.run_at(0, &["health"]).await;
    assert!(code == 1 && stderr.contains("is 0"), "{stderr}");
}

#[tokio::test]
async fn health_over_tls_needs_neither_name_nor_date_and_asks_the_port_of_devices() {
    let directory = tempfile::tempdir().expect("a directory");
    let (.., files) = issue(directory.path());
    let mut server =
        Server::prepare(&Settings::new().set("server.tls", files).set("server.operator_address", json!("127.0.0.1:0")));
    server.launch();
    server.wait_output("is ready after").await;
    assert_eq!(server.run(&["health"]).await, (0, "ok\n".to_owned(), String::new()));
    let (code, _, stderr) = server.run(&["plugin", "list"]).await;
    assert!(code == 1 && stderr.contains("is 0"), "the CLI uses the operator address: {stderr}");
}

#[tokio::test]
async fn over_tls_the_token_goes_to_the_server_and_to_nobody_else() {
    let directory = tempfile::tempdir().expect("a directory");
    let (.., files) = issue(directory.path());
    let settings = fixture().set("server.tls", files).set("server.admin_token", json!("hush-hush"));
    let mut server = Server::prepare(&settings);
    server.launch();
    server.wait_output("is ready after").await;
    let (code, list, stderr) = server.run(&["plugin", "list"]).await;
    assert!(code == 0 && list.contains("fixture"), "{list}{stderr}");
    let (code, list, stderr) = server.run(&["plugin", "reload", "fixture"]).await;
    assert!(code == 0 && list.contains("fixture"), "{list}{stderr}");
    let (code, _, stderr) = server.run(&["session", "kick", "nobody"]).await;
    assert!(code == 1 && stderr.contains("there is no session of nobody"), "{stderr}");
    for (arguments, expected) in [
        (&["config", "show"][..], "server.admin_token = \"(set)\"  ("),
        (&["storage"], "modehost.db"),
        (&["storage", "compact"], "database: "),
    ] {
        let (code, stdout, stderr) = server.run(arguments).await;
        assert!(code == 0 && stdout.contains(expected) && !stdout.contains("hush"), "{arguments:?}: {stdout}{stderr}");
    }
    for arguments in [&["device", "export", "nobody"][..], &["device", "forget", "nobody", "--yes"]] {
        let (code, _, stderr) = server.run(arguments).await;
        assert!(code == 1 && stderr.contains("nothing is stored about nobody"), "{stderr}");
    }

    // An impostor on that port, with a certificate of the same name.
    let other = tempfile::tempdir().expect("a directory");
    let (chain, key, _) = issue(other.path());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let config = config.expect("versions").with_no_client_auth().with_single_cert(vec![chain], key).expect("a pair");
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let port = listener.local_addr().expect("an address").port();
    let impostor = async {
        let (stream, _) = listener.accept().await.expect("a caller");
        let mut stdout = String::new();
        if let Ok(mut stream) = acceptor.accept(stream).await {
            let _ = stream.read_to_string(&mut stdout).await;
        }
        stdout
    };
    let arguments = ["plugin", "list"];
    let (stdout, (code, list, stderr)) = tokio::join!(impostor, server.run_at(port, &arguments));
    assert_eq!(stdout, "", "the impostor received data");
    assert!(code == 1 && list.is_empty() && stderr.contains("sent no token"), "{stderr}");
    // One with the server's certificate, which is public, has no key for it: here it speaks no TLS at all.
    let plain = async {
        let (mut stream, _) = listener.accept().await.expect("a caller");
        let mut stdout = vec![0; 4096];
        let length = stream.read(&mut stdout).await.expect("read");
        String::from_utf8_lossy(&stdout[..length]).into_owned()
    };
    let (stdout, (code, ..)) = tokio::join!(plain, server.run_at(port, &arguments));
    assert!(code == 1 && !stdout.contains("hush") && !stdout.contains("Bearer"), "{stdout}");
    assert!(!server.output().contains("hush-hush"));
}

#[tokio::test]
async fn a_kicked_device_is_told_1008_and_comes_back_to_where_it_was() {
    let server = Server::start(fixture()).await;
    let mut device = Device::connect(&server, "aa:bb:cc:00:00:01").await;
    device.hello().await;
    device.fixture("count").await;
    let (before, _) = device.count().await;
    let (code, stdout, stderr) = server.run(&["session", "kick", "AA:BB:CC:00:00:01"]).await;
    assert!(code == 0 && stdout.contains("closed"), "{stdout}{stderr}");
    let (close, reason) = device.expect_close().await;
    assert!(close == 1008 && reason.contains("operator"), "{close} {reason}");
    server.wait_disconnected("aa:bb:cc:00:00:01").await;
    let again = server.admin("POST", "/api/v1/sessions/aa%3Abb%3Acc%3A00%3A00%3A01/kick", "").await;
    assert_eq!(again.status, 409, "{again:?}");
    server.wait_output("modehost::audit").await;
    let mut device = Device::connect(&server, "aa:bb:cc:00:00:01").await;
    device.hello().await;
    let (after, _) = device.count().await;
    assert_eq!(after, before + 1, "its state was kept");
}

#[tokio::test]
async fn odd_ids_of_devices_are_answered_in_a_sentence() {
    let server = Server::start(Settings::new()).await;
    let long = "x".repeat(10_000);
    let ids = ["%00", "%0d%0aX:y", "a%2Fb", "..%2F..", "%ff", "%E2%80%AE", "", "%20", &long, "nobody", "a/b"];
    for id in ids {
        for (method, path) in [
            ("POST", format!("/api/v1/sessions/{id}/kick")),
            ("GET", format!("/api/v1/sessions/{id}")),
            ("GET", format!("/api/v1/devices/{id}/export")),
            ("DELETE", format!("/api/v1/devices/{id}")),
        ] {
            let Some(answer) = http::request(server.http(), method, &path, &[], "").await else {
                panic!("{method} {id}: no answer");
            };
            assert!((400..500).contains(&answer.status), "{method} {path}: {answer:?}");
            let stdout = answer.json()["error"].as_str().unwrap_or_default().to_owned();
            assert!(!stdout.is_empty(), "{method} {path}: {answer:?}");
        }
        if !id.contains('%') {
            let forget = ["device", "forget", id, "--yes"];
            for arguments in [&["session", "kick", id][..], &["device", "export", id], &forget] {
                let (code, _, stderr) = server.run(arguments).await;
                assert!(code == 1 && stderr.starts_with("modehost: ") && stderr.len() < 500, "{arguments:?}: {stderr}");
            }
        }
    }
    assert_eq!(server.admin("GET", "/readyz", "").await.status, 200);
}

#[tokio::test]
async fn without_the_token_nothing_is_done() {
    let server = Server::start(Settings::new().set("server.admin_token", json!("hush-hush"))).await;
    let mut device = Device::connect(&server, "d").await;
    device.hello().await;
    for (method, path) in [
        ("GET", "/api/v1/sessions/d"),
        ("POST", "/api/v1/sessions/d/kick"),
        ("GET", "/api/v1/devices/d/export"),
        ("DELETE", "/api/v1/devices/d"),
        ("GET", "/api/v1/config"),
        ("GET", "/api/v1/storage"),
        ("POST", "/api/v1/storage/compact"),
    ] {
        assert_eq!(server.admin(method, path, "").await.status, 401, "{method} {path}");
    }
    device.ping().await;
    let (code, ..) = server.run(&["session", "kick", "d"]).await;
    assert_eq!((code, device.expect_close().await.0), (0, 1008));
}

#[tokio::test]
async fn c11_a_token_that_is_taken_back_closes_the_connection_that_was_opened_with_it() {
    let settings =
        |tokens: Value, methods: Value| Settings::new().set("auth.methods", methods).set("auth.tokens", tokens);
    let both = json!([{ "token": "one", "device": "d1" }, { "token": "two" }]);
    let server = Server::start(settings(both, json!(["tokens"]))).await;
    let join = async |id: &str, token: &str| {
        let bearer = format!("Bearer {token}");
        let headers = [("Device-Id", id), ("Authorization", bearer.as_str())];
        Device::try_connect(&server, "/supie/v1/", &headers).await.expect("served")
    };
    let (mut first, mut second, mut query) = (join("d1", "one").await, join("d2", "two").await, {
        Device::try_connect(&server, "/supie/v1/?token=two", &[("Device-Id", "d3")]).await.expect("served")
    });
    for device in [&mut first, &mut second, &mut query] {
        device.hello().await;
    }
    // Token `one` is removed and query tokens are disabled: connections that used them are closed.
    server.configure(&settings(json!([{ "token": "two" }]), json!(["tokens"])).set("auth.query_tokens", json!(false)));
    for device in [&mut first, &mut query] {
        let (code, reason) = device.expect_close().await;
        assert!(code == 1008 && reason.contains("revoked"), "{code} {reason}");
    }
    second.ping().await;
    server.wait_output("the sign-in of an open connection was revoked").await;
    assert!(!server.output().contains("\"one\""));
    // Sign-in is switched off: everyone may stay. Then only a list counts.
    server.configure(&settings(json!([{ "token": "two" }]), json!([])));
    second.ping().await;
    let whitelist = settings(json!([]), json!(["device_whitelist"])).set("auth.device_whitelist", json!(["d9"]));
    server.configure(&whitelist);
    assert_eq!(second.expect_close().await.0, 1008);
    let waits = wait::until(
        "it is away",
        Duration::from_secs(15),
        || server.admin("GET", "/api/v1/sessions", ""),
        |list| !list.body.contains(r#""connected":true"#),
    );
    waits.await;
}

#[tokio::test]
async fn config_shows_what_holds_and_where_it_was_said_and_no_secret() {
    let settings = fixture().set("server.admin_token", json!("hush-hush")).set(
        "llm.aliases.default",
        json!({ "base_url": "https://a.example/hush-hush", "api_key": "hush-hush", "model": "m" }),
    );
    let mut server = Server::prepare(&settings);
    server.set_variable("MODEHOST__GATEWAY__PING_INTERVAL_S", "33");
    // From the file, without a server.
    let (code, stdout, stderr) = server.run(&["config", "show"]).await;
    assert!(code == 0 && stderr.contains("no server answers"), "{stderr}");
    assert!(stdout.contains("server.admin_token = \"(set)\""), "{stdout}");
    server.launch();
    server.ready().await;
    // The running configuration differs from the file by now.
    server.configure(&settings.clone().set("storage.orphan_days", json!(9)).set("log.level", json!("warn")));
    let row = async |setting: &str| {
        let (code, stdout, stderr) = server.run(&["config", "show", "--json"]).await;
        assert!(code == 0 && !stdout.contains("hush-hush"), "{stderr}");
        let all: Value = serde_json::from_str(&stdout).expect("JSON");
        all["settings"].as_array().and_then(|rows| rows.iter().find(|row| row["setting"] == setting)).cloned()
    };
    let probe = async || row("log.level").await.expect("a row")["value"].clone();
    wait::until("the file is read", wait::TIMEOUT, probe, |level| level == "warn").await;
    let is_from_file = |row: &Value| row["origin"].as_str().is_some_and(|origin| origin.contains("modehost.yaml:"));
    assert!(is_from_file(&row("log.level").await.expect("a row")));
    let days = row("storage.orphan_days").await.expect("a row");
    assert_eq!((&days["value"], &days["waits_for_restart"]), (&json!(30), &json!(true)), "{days}");
    let port = row("server.http_port").await.expect("a row");
    assert_eq!(port["origin"], "environment MODEHOST__SERVER__HTTP_PORT");
    let ping = row("gateway.ping_interval_s").await.expect("a row");
    assert_eq!(
        (&ping["value"], &ping["origin"]),
        (&json!(33), &json!("environment MODEHOST__GATEWAY__PING_INTERVAL_S"))
    );
    assert_eq!(row("storage.dir").await.expect("a row")["origin"], "option --data");
    assert_eq!(row("server.timezone_offset_min").await.expect("a row")["origin"], "default");
    assert_eq!(row("llm.aliases.default.base_url").await.expect("a row")["value"], "https://a.example/…");
    assert_eq!(server.admin("GET", "/api/v1/config", "").await.status, 401);
}

#[tokio::test]
async fn storage_says_what_takes_the_room_and_gives_it_back() {
    let mut server = Server::start(fixture()).await;
    server.terminate().await;
    let database = rusqlite::Connection::open(server.data_dir().join("modehost.db")).expect("the database");
    let fill = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 400)
        INSERT INTO documents SELECT 'large/' || i, 1, hex(zeroblob(10000)) FROM n; DELETE FROM documents;
        INSERT INTO offline_queue (device_id, payload, queued_at, ttl_ms) VALUES ('d', '{}', 1, 1);";
    database.execute_batch(fill).expect("filled");
    drop(database);
    server.launch();
    server.ready().await;
    let (code, stdout, stderr) = server.run(&["storage", "--json"]).await;
    let stdout: Value = serde_json::from_str(&stdout).unwrap_or_else(|_| panic!("{code}: {stdout}{stderr}"));
    let empty = stdout["stores"]["free_bytes"].as_u64().expect("a number");
    assert!(empty > 7_000_000, "{stdout}");
    let files = stdout["files"].as_array().expect("files");
    assert!(files.iter().any(|file| file["what"] == "database" && file["bytes"].as_u64() > Some(empty)), "{stdout}");
    assert_eq!(stdout["limits"]["database_mib"], 4096);
    // While devices are connected.
    let mut device = Device::connect(&server, "dev-1").await;
    device.hello().await;
    let (code, stdout, stderr) = server.run(&["storage", "compact", "--json"]).await;
    assert_eq!(code, 0, "{stderr}");
    let stdout: Value = serde_json::from_str(&stdout).expect("JSON");
    assert_eq!((&stdout["messages"], &stdout["left"]), (&json!(1), &json!([])), "{stdout}");
    assert!(stdout["bytes_after"].as_u64() < Some(1_000_000), "{stdout}");
    device.count().await;
    let (code, stdout, _) = server.run(&["storage"]).await;
    assert!(code == 0 && stdout.contains("documents (0 rows)"), "{stdout}");
    assert_eq!(server.admin("GET", "/readyz", "").await.status, 200);
    server.restart().await;
}

#[tokio::test]
async fn a_session_is_shown_with_everything_but_what_was_said() {
    let server = Server::start(fixture().set("session.default_mode", json!("fixture"))).await;
    let headers = [("Device-Id", "dev-1"), ("Client-Id", "client-1"), ("Protocol-Version", "1")];
    let mut device = Device::try_connect(&server, "/supie/v1/", &headers).await.expect("served");
    device.hello().await;
    device.count().await;
    device.types("a word that nobody may see").await;
    device.expect_type("fixture").await;
    let show = ["session", "show", "DEV-1", "--json"];
    let probe = async || {
        let (code, stdout, stderr) = server.run(&show).await;
        assert_eq!(code, 0, "{stderr}");
        serde_json::from_str::<Value>(&stdout).expect("JSON")
    };
    let stdout = wait::until("the turn is over", wait::TIMEOUT, probe, |stdout| !stdout["turns"][0].is_null()).await;
    assert_eq!((&stdout["connected"], &stdout["away_since"]), (&json!(true), &Value::Null), "{stdout}");
    assert_eq!(stdout["session"], device.session_id(), "{stdout}");
    let connection = &stdout["connection"];
    assert_eq!((&connection["address"], &connection["client"]), (&json!("127.0.0.1"), &json!("client-1")), "{stdout}");
    assert_eq!(
        (&connection["protocol_version"], &stdout["features"]["codec"]),
        (&json!(1), &json!("opus")),
        "{stdout}"
    );
    let plugin = &stdout["plugins"][0];
    assert_eq!((&plugin["plugin"], &plugin["live"]), (&json!("fixture"), &json!(true)), "{stdout}");
    assert!(plugin["generation"].is_u64() && plugin["contract"].is_string(), "{stdout}");
    assert_eq!(
        (&stdout["turns"][0]["kind"], &stdout["turns"][0]["plugin"]),
        (&json!("typed"), &json!("fixture")),
        "{stdout}"
    );
    assert!(!stdout.to_string().contains("nobody may see"), "{stdout}");
    let (_, stdout, _) = server.run(&["session", "list"]).await;
    assert!(stdout.contains("dev-1  connected"), "{stdout}");

    device.vanish();
    server.wait_disconnected("dev-1").await;
    let stdout = probe().await;
    assert!(stdout["connected"] == json!(false) && stdout["away_since"].as_u64() > Some(1_600_000_000_000), "{stdout}");
    let (code, stdout, _) = server.run(&["session", "show", "dev-1"]).await;
    assert!(code == 0 && stdout.contains("away since 20") && stdout.contains("turn 1 at"), "{stdout}");
    let (code, _, stderr) = server.run(&["session", "show", "dev-2"]).await;
    assert!(code == 1 && stderr.contains("no session of dev-2"), "{stderr}");
}

#[tokio::test]
async fn a_server_that_stops_does_nothing_more_for_operators_and_says_so() {
    let server = Server::start(Settings::new()).await;
    // It reads nothing, so the server waits a moment for its close, and answers the admin API meanwhile.
    let mut device = Device::connect(&server, "dev-1").await;
    device.hello().await;
    server.signal(rustix::process::Signal::TERM);
    server.wait_output("closing all connections").await;
    for (method, path) in [("POST", "/api/v1/sessions/dev-1/kick"), ("DELETE", "/api/v1/devices/dev-1")] {
        let answer = server.admin(method, path, "").await;
        assert_eq!(answer.status, 503, "{path}: {answer:?}");
        assert!(answer.body.contains("stopping"), "{answer:?}");
    }
    let (code, _, stderr) = server.run(&["health", "--ready"]).await;
    assert!(code == 1 && stderr.contains("it is stopping"), "{stderr}");
    assert_eq!(device.expect_close().await.0, 1001);
}
