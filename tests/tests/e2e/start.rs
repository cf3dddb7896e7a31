//! C.1, C.2, C.13: start, identity, sign-in, addresses. Rule: every rejection is checked by its text or status.

use std::net::TcpListener;
use std::time::{Duration, Instant};

use modehost_tests::{Device, Server, Settings, http, raw};
use serde_json::{Value, json};

/// A port that is in use ends the start at once, with one line that names the port and the key to change.
async fn taken_port_is_named(port_of: impl Fn(&Server) -> std::net::SocketAddr, key: &str) {
    let mut server = Server::prepare(&Settings::new());
    let address = port_of(&server);
    let _holder = TcpListener::bind(address).expect("the port was free");
    let start = Instant::now();
    server.launch();
    let status = server.wait_exit(Duration::from_secs(10)).await;
    // Takes about a second; the rest is slack for a machine that builds at the same time.
    assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    assert!(!status.success());
    server.wait_output(&address.port().to_string()).await;
    server.wait_output("127.0.0.1").await;
    server.wait_output(key).await;
}

#[tokio::test]
async fn c1_a_taken_device_port_is_named() {
    taken_port_is_named(Server::ws, "server.port").await;
}

#[tokio::test]
async fn c1_a_taken_http_port_is_named() {
    taken_port_is_named(Server::http, "server.http_port").await;
}

#[tokio::test]
async fn c1_a_bad_host_is_named() {
    let mut server = Server::prepare(&Settings::new().set("server.ip", json!("203.0.113.7")));
    server.launch();
    let status = server.wait_exit(Duration::from_secs(10)).await;
    assert!(!status.success());
    server.wait_output("203.0.113.7").await;
}

#[tokio::test]
async fn c2_every_source_of_the_id_finds_the_same_session() {
    let server = Server::start(Settings::new()).await;
    let mut first = Device::join(&server, "dev-1").await;
    let session = first.session_id().to_owned();
    first.ping().await;
    first.close().await;
    let ways: [(&str, &[(&str, &str)]); 7] = [
        ("/supie/v1/", &[("device-id", " DEV-1 ")]),
        ("/supie/v1/", &[("Device-Id", "\"Dev-1\"")]),
        ("/supie/v1/?device-id=dev-1", &[]),
        ("/supie/v1/?device_id=DEV-1&client_id=x", &[]),
        ("/supie/v1/?device-id=%22dev-1%22", &[]),
        ("/xiaozhi/v1/?device-id=other", &[("Device-Id", "dev-1")]),
        ("/supie/v1?device-id=dev-1", &[("Device-Id", "\"\"")]),
    ];
    for (path, headers) in ways {
        let mut device = Device::try_connect(&server, path, headers).await.expect("served");
        device.hello().await;
        assert_eq!(device.session_id(), session, "{path} {headers:?}");
        device.close().await;
    }
}

#[tokio::test]
async fn c2_no_id_gets_one_of_its_own_and_a_bad_one_is_refused() {
    let server = Server::start(Settings::new()).await;
    let mut one = Device::try_connect(&server, "/supie/v1/", &[]).await.expect("served");
    let mut two = Device::try_connect(&server, "/supie/v1/", &[("Device-Id", "  ")]).await.expect("served");
    one.hello().await;
    two.hello().await;
    assert_ne!(one.session_id(), two.session_id());
    server.wait_output("auto-").await;

    let long = "x".repeat(500);
    let refused = Device::try_connect(&server, "/supie/v1/", &[("Device-Id", &long)]).await;
    assert_eq!(refused.err().map(|(status, _)| status), Some(400));
}

#[tokio::test]
async fn c2_bare_http_gets_a_short_plain_answer_at_once() {
    let server = Server::start(Settings::new()).await;
    let start = Instant::now();
    let answer = http::request(server.ws(), "GET", "/", &[], "").await.expect("an answer");
    assert!(start.elapsed() < Duration::from_secs(5));
    assert_eq!(answer.status, 200);
    assert!(answer.body.contains("WebSocket") && answer.body.len() < 300, "{answer:?}");
}

#[tokio::test]
async fn c2_an_unknown_path_is_told_the_right_ones() {
    let server = Server::start(Settings::new()).await;
    let (status, _) = Device::try_connect(&server, "/nowhere/", &[]).await.err().expect("refused");
    assert_eq!(status, 404);
    let mut stream = raw::send(server.ws(), raw::upgrade("/nowhere/", "").as_bytes()).await;
    let (answer, _) = raw::read_to_end(&mut stream, Duration::from_secs(3)).await;
    assert!(answer.contains("/supie/v1/"), "{answer}");
}

#[tokio::test]
async fn c2_firefox_upgrades_and_other_versions_are_refused() {
    let server = Server::start(Settings::new()).await;
    let firefox =
        raw::upgrade("/supie/v1/?device-id=f", "").replace("Connection: Upgrade", "Connection: keep-alive, Upgrade");
    let mut stream = raw::send(server.ws(), firefox.as_bytes()).await;
    let (answer, _) = raw::read_to_end(&mut stream, Duration::from_millis(500)).await;
    assert!(answer.starts_with("HTTP/1.1 101"), "{answer}");

    let old = raw::upgrade("/supie/v1/", "").replace("Version: 13", "Version: 8");
    let mut stream = raw::send(server.ws(), old.as_bytes()).await;
    let (answer, _) = raw::read_to_end(&mut stream, Duration::from_secs(3)).await;
    assert!(answer.starts_with("HTTP/1.1 4"), "{answer}");
}

#[tokio::test]
async fn c13_hello_carries_every_field_and_may_come_again() {
    let server = Server::start(Settings::new()).await;
    let mut device = Device::connect(&server, "dev-1").await;
    let answer = device.hello().await;
    assert_eq!(answer["transport"], "websocket", "{answer}");
    assert_eq!(answer["version"], 1, "{answer}");
    assert!(answer["session_id"].as_str().is_some_and(|id| !id.is_empty()), "{answer}");
    let audio = json!({ "format": "opus", "sample_rate": 24000, "channels": 1, "frame_duration": 60 });
    assert_eq!(answer["audio_params"], audio);

    device.send(json!({ "type": "hello" })).await;
    assert_eq!(device.expect_type("hello").await, answer);
    device.send(json!({ "type": "hello", "audioParams": { "sampleRate": 16000 } })).await;
    assert_eq!(device.expect_type("hello").await, answer);
}

#[tokio::test]
async fn c13_ota_hands_out_the_address_that_is_served() {
    let server = Server::start(Settings::new()).await;
    let body =
        json!({ "application": { "name": "fw", "version": "1.2.3" }, "minimum_free_heap_size": "12" }).to_string();
    for path in ["/xiaozhi/ota/", "/xiaozhi/ota", "/supie/ota/", "/supie/ota"] {
        let headers = [("Device-Id", "aa:bb"), ("Content-Type", "application/json")];
        let answer = http::request(server.http(), "POST", path, &headers, &body).await.expect("an answer");
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        let document = answer.json();
        let url = format!("ws://127.0.0.1:{}/supie/v1/", server.ws().port());
        assert_eq!(document["websocket"]["url"], url.as_str(), "{path}");
        assert_eq!(document["websocket"]["token"], "", "{path}");
        assert_eq!(document["firmware"], json!({ "version": "1.2.3", "url": "" }), "{path}");
        assert!(document["server_time"]["timestamp"].as_u64().is_some_and(|ms| ms > 1_600_000_000_000), "{path}");
        assert_eq!(document["server_time"]["timezone_offset"], 480, "{path}");
        assert_eq!(document.get("mqtt"), None);
        assert_eq!(document.get("activation"), None);
    }
    // Devices are really served at that address.
    Device::try_connect(&server, "/supie/v1/", &[("Device-Id", "aa:bb")]).await.expect("served").hello().await;

    let page = http::request(server.http(), "GET", "/xiaozhi/ota/", &[], "").await.expect("an answer");
    assert!(page.body.starts_with("OTA接口运行正常，向设备发送的websocket地址是：ws://127.0.0.1:"), "{page:?}");
    let named = [("Host", "voice.example:8003")];
    let answer = http::request(server.http(), "POST", "/xiaozhi/ota/", &named, "not json").await.expect("an answer");
    let url = format!("ws://voice.example:{}/supie/v1/", server.ws().port());
    assert_eq!(answer.json()["websocket"]["url"], url.as_str());
    let asked = [("Origin", "null"), ("Access-Control-Request-Headers", "device-id, client-id")];
    let preflight = http::request(server.http(), "OPTIONS", "/xiaozhi/ota/", &asked, "").await.expect("an answer");
    assert!(preflight.status < 300, "{preflight:?}");
    let allowed = preflight.header("access-control-allow-headers").unwrap_or_default().to_lowercase();
    assert!(allowed == "*" || allowed.contains("device-id"), "{preflight:?}");
}

#[tokio::test]
async fn c13_a_public_url_is_handed_out_as_it_is() {
    let settings = Settings::new().set("server.public_url", json!("wss://voice.example/supie/v1/"));
    let server = Server::start(settings).await;
    let answer = http::request(server.http(), "POST", "/xiaozhi/ota/", &[], "{}").await.expect("an answer");
    assert_eq!(answer.json()["websocket"]["url"], "wss://voice.example/supie/v1/");
}

#[tokio::test]
async fn c11_a_token_opens_its_own_device_and_no_other() {
    let tokens = json!([{ "token": "open-one", "device": "dev-1" }, { "token": "open-all" }]);
    let settings = Settings::new().set("auth.methods", json!(["tokens"])).set("auth.tokens", tokens);
    let server = Server::start(settings).await;
    let try_with = async |id: &str, token: &str| {
        let headers = [("Device-Id", id), ("Authorization", token)];
        Device::try_connect(&server, "/supie/v1/", &headers).await
    };
    let mut owner = try_with("dev-1", "Bearer open-one").await.expect("served");
    owner.hello().await;
    for token in ["", "Bearer", "Bearer wrong", "Bearer "] {
        assert_eq!(try_with("dev-1", token).await.err().map(|(status, _)| status), Some(401), "{token:?}");
    }
    let foreign = try_with("dev-2", "Bearer open-one").await.err().map(|(status, _)| status);
    assert!(matches!(foreign, Some(401 | 403)), "{foreign:?}");
    try_with("dev-2", "Bearer open-all").await.expect("served").hello().await;
    // C.4: failed sign-ins have not affected the owner's connection.
    owner.ping().await;
    assert!(owner.seen_of_type("system").is_empty(), "{:?}", owner.seen());
    let output = server.output();
    assert!(!output.contains("open-one") && !output.contains("open-all"), "a token is in the log");
}

#[tokio::test]
async fn a_clean_stop_exits_with_0_and_tells_the_devices() {
    let mut server = Server::start(Settings::new()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let status = server.terminate().await;
    assert_eq!(status.code(), Some(0));
    let (code, reason) = device.expect_close().await;
    assert!(matches!(code, 1001 | 1012) && !reason.is_empty(), "{code} {reason}");
}

#[tokio::test]
async fn a_bad_configuration_exits_with_64() {
    let mut server = Server::prepare(&Settings::new());
    server.write_config("gateway:\n  handshake_timeout_ms: many\n");
    server.launch();
    assert_eq!(server.wait_exit(Duration::from_secs(10)).await.code(), Some(64));
    server.wait_output("2").await;
    server.wait_output("handshake_timeout_ms").await;
}

#[tokio::test]
async fn operators_see_sessions_plugins_and_metrics() {
    let server = Server::start(Settings::new().bundled()).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.ping().await;
    let sessions = server.admin("GET", "/api/v1/sessions", "").await;
    assert!(sessions.status == 200 && sessions.body.contains("dev-1"), "{sessions:?}");
    assert_ne!(server.plugin("workflow").await, Value::Null);
    let metrics = server.admin("GET", "/metrics", "").await;
    assert!(metrics.body.contains("modehost_connections"), "{metrics:?}");
    assert_eq!(server.admin("GET", "/healthz", "").await.status, 200);
}

#[tokio::test]
async fn c15_the_older_name_of_the_helpers_counts_and_nonsense_is_the_default() {
    let older = |workers: i64| Settings::new().set("meeting.threadpool_max_workers", json!(workers));
    let server = Server::start(older(0)).await;
    server.wait_output("meeting.threadpool_max_workers is 0 and must be at least 1; 2 is used").await;
    drop(server);
    // The key itself takes precedence over its older name.
    let server = Server::start(older(0).set("workers.max_blocking", json!(-3))).await;
    server.wait_output("workers.max_blocking is -3 and must be at least 1; 2 is used").await;
    assert!(!server.output().contains("threadpool_max_workers"), "{}", server.output());
    drop(server);
    let server = Server::start(older(1)).await;
    assert!(!server.output().contains("must be at least 1"), "{}", server.output());
    // One blocking thread is enough for everything.
    let reloaded = server.admin("POST", "/api/v1/config/reload", "").await;
    assert_eq!(reloaded.status, 200, "{reloaded:?}");
}
