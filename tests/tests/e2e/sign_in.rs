//! C.11: sign-in by every method, and the responses of failed sign-ins. Rule: each rejection is read as a client reads
//! it, and no token appears in the server's output.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use modehost_task::{IoTask, spawn_io};
use modehost_tests::http::{self, Response};
use modehost_tests::{Device, Server, Settings, raw, wait};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

const PATH: &str = "/supie/v1/";
const SECRET: &str = "a secret of thirty-two characters";

/// The HTTP response of a rejected handshake.
async fn rejected_response(server: &Server, headers: &[(&str, &str)]) -> Response {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = raw::send(server.ws(), raw::upgrade(PATH, &lines).as_bytes()).await;
    let (answer, ended) = raw::read_to_end(&mut stream, Duration::from_secs(15)).await;
    assert!(ended, "accepted or left open: {answer}");
    http::parse(&answer).unwrap_or_else(|| panic!("no HTTP: {answer:?}"))
}

/// Asserts that this device and token are rejected with this status and a one-line body that contains `phrase`.
async fn expect_rejection(server: &Server, device: &str, token: Option<&str>, status: u16, phrase: &str) {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Device-Id", device), ("Client-Id", "test")];
    headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
    let answer = rejected_response(server, &headers).await;
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.body.contains(phrase) && answer.body.lines().count() == 1, "{answer:?}");
    assert!(token.is_none_or(|token| token.len() < 8 || !answer.body.contains(token)), "{answer:?}");
}

/// Connects with a token and says hello.
async fn connect_with(server: &Server, device: &str, token: Option<&str>) -> Device {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Device-Id", device), ("Client-Id", "test")];
    headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
    let outcome = Device::try_connect(server, PATH, &headers).await;
    let mut device = outcome.unwrap_or_else(|refusal| panic!("refused: {refusal:?}"));
    device.hello().await;
    device
}

fn with_auth(auth: Value) -> Settings {
    Settings::new().set("auth", auth).set("log.level", json!("debug"))
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn signed(algorithm: Algorithm, key: &EncodingKey, kid: Option<&str>, claims: &Value) -> String {
    let header = Header { kid: kid.map(str::to_owned), ..Header::new(algorithm) };
    encode(&header, claims, key).expect("a token")
}

fn p256() -> EncodingKey {
    EncodingKey::from_ec_pem(include_bytes!("../../../host/auth/tests/keys/p256.private.pem")).expect("a key")
}

fn ed25519() -> EncodingKey {
    EncodingKey::from_ed_pem(include_bytes!("../../../host/auth/tests/keys/ed25519.private.pem")).expect("a key")
}

fn jwks_of(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> Value {
    let mut key = serde_json::to_value(Jwk::from_encoding_key(key, algorithm).expect("a key")).expect("JSON");
    key["kid"] = json!(kid);
    json!({ "keys": [key] })
}

/// A mock identity provider: answers every request with the JSON that was set last; with null it closes unanswered.
struct Provider {
    address: SocketAddr,
    answer: Arc<Mutex<Value>>,
    _task: IoTask<()>,
}

impl Provider {
    async fn start(answer: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let answer = Arc::new(Mutex::new(answer));
        let shared = answer.clone();
        let task = spawn_io(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut request = [0; 8192];
                let _ = stream.read(&mut request).await;
                let body = shared.lock().expect("a value").to_string();
                if body == "null" {
                    continue;
                }
                let length = body.len();
                let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
                let _ = stream.write_all(format!("{head}{body}").as_bytes()).await;
            }
        });
        Self { address, answer, _task: task }
    }

    fn url(&self) -> String {
        format!("http://{}/", self.address)
    }

    fn set_answer(&self, answer: Value) {
        *self.answer.lock().expect("a value") = answer;
    }
}

#[tokio::test]
async fn c11_jwt_with_a_secret() {
    let server = Server::start(with_auth(json!({
        "methods": ["jwt"],
        "jwt": { "secret": SECRET, "issuer": "us", "audience": "devices", "require_device": true },
    })))
    .await;
    let key = EncodingKey::from_secret(SECRET.as_bytes());
    let whole = json!({ "exp": now() + 600, "iss": "us", "aud": "devices", "device_id": "AA:01" });
    let token = |name: &str, value: Value| {
        let mut claims = whole.clone();
        claims[name] = value;
        signed(Algorithm::HS256, &key, None, &claims)
    };
    let good = token("iss", json!("us"));
    let mut owner = connect_with(&server, "aa:01", Some(&good)).await;
    expect_rejection(&server, "aa:01", None, 401, "Authorization: Bearer").await;
    expect_rejection(&server, "aa:02", Some(&good), 403, "another device").await;
    expect_rejection(&server, "aa:01", Some(&token("exp", json!(now() - 61))), 401, "expired").await;
    expect_rejection(&server, "aa:01", Some(&token("nbf", json!(now() + 120))), 401, "not good yet").await;
    expect_rejection(&server, "aa:01", Some(&token("iss", json!("them"))), 401, "issuer").await;
    expect_rejection(&server, "aa:01", Some(&token("aud", json!("others"))), 401, "another service").await;
    expect_rejection(&server, "aa:01", Some(&token("device_id", Value::Null)), 403, "names no device").await;
    let wrong = signed(Algorithm::HS512, &key, None, &whole);
    expect_rejection(&server, "aa:01", Some(&wrong), 401, "not accepted").await;
    let forged = signed(Algorithm::HS256, &EncodingKey::from_secret(b"guess"), None, &whole);
    expect_rejection(&server, "aa:01", Some(&forged), 401, "signature").await;
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).expect("claims"));
    expect_rejection(&server, "aa:01", Some(&unsigned), 401, "not accepted").await;
    expect_rejection(&server, "aa:01", Some("no-token-at-all"), 401, "token").await;
    // C.4: the rejected ones have not disturbed the owner's connection.
    owner.ping().await;
    server.wait_output("sign-in refused: this token belongs to another device").await;
    let output = server.output();
    assert!(output.contains("aa:02") && output.contains("127.0.0.1"), "the log names device and address");
    for secret in [&good, &forged, &unsigned, SECRET, "no-token-at-all"] {
        assert!(!output.contains(secret), "the server wrote a token");
    }
    let metrics = server.admin("GET", "/metrics", "").await.body;
    assert!(metrics.contains(r#"modehost_sign_in_total{method="jwt",outcome="ok"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"modehost_sign_in_total{method="jwt",outcome="expired"} 1"#), "{metrics}");
}

#[tokio::test]
async fn c11_jwt_with_keys_of_a_provider_that_change() {
    let provider = Provider::start(jwks_of(&p256(), Algorithm::ES256, "one")).await;
    let server = Server::start(with_auth(json!({
        "methods": ["jwt"],
        "jwt": { "jwks_url": provider.url(), "jwks_min_refresh_s": 1, "timeout_s": 2 },
        // This device retries until the new key has been fetched.
        "rate_limit": { "failures_per_minute": 100_000, "device_failures_per_minute": 100_000 },
    })))
    .await;
    let claims = json!({ "exp": now() + 600, "device_id": "aa:01" });
    let first = signed(Algorithm::ES256, &p256(), Some("one"), &claims);
    let second = signed(Algorithm::EdDSA, &ed25519(), Some("two"), &claims);
    connect_with(&server, "aa:01", Some(&first)).await;
    expect_rejection(&server, "aa:02", Some(&first), 403, "another device").await;
    expect_rejection(&server, "aa:01", Some(&second), 401, "key").await;
    provider.set_answer(jwks_of(&ed25519(), Algorithm::EdDSA, "two"));
    let connect = async || {
        let bearer = format!("Bearer {second}");
        let headers = [("Device-Id", "aa:01"), ("Authorization", bearer.as_str())];
        Device::try_connect(&server, PATH, &headers).await.is_ok()
    };
    wait::until("the new key is known", Duration::from_secs(15), connect, |entered| *entered).await;
    expect_rejection(&server, "aa:01", Some(&first), 401, "key").await;
    assert!(!server.output().contains(&first) && !server.output().contains(&second));
}

#[tokio::test]
async fn c11_introspection_and_a_provider_that_is_away() {
    let provider = Provider::start(Value::Null).await;
    let server = Server::start(with_auth(json!({
        "methods": ["introspection"],
        "introspection": { "url": provider.url(), "client_id": "us", "client_secret": "hush-hush", "timeout_s": 2 },
    })))
    .await;
    expect_rejection(&server, "aa:01", Some("opaque-token"), 503, "try again later").await;
    server.wait_output("auth.introspection.url: the identity provider cannot be used").await;
    provider.set_answer(json!({ "active": true, "exp": now() + 600, "device_id": "aa:01" }));
    let connect = async || {
        let headers = [("Device-Id", "aa:01"), ("Authorization", "Bearer opaque-token")];
        Device::try_connect(&server, PATH, &headers).await.is_ok()
    };
    wait::until("the provider is asked again", Duration::from_secs(15), connect, |entered| *entered).await;
    expect_rejection(&server, "aa:02", Some("opaque-token"), 403, "another device").await;
    provider.set_answer(json!({ "active": false }));
    expect_rejection(&server, "aa:01", Some("another-token"), 401, "not known").await;
    connect_with(&server, "aa:01", Some("opaque-token")).await;
    let output = server.output();
    assert!(!output.contains("opaque-token") && !output.contains("hush-hush") && !output.contains("another-token"));
}

#[tokio::test]
async fn c11_device_tokens_come_by_ota_and_listed_devices_need_none() {
    let server = Server::start(with_auth(json!({
        "methods": ["device_whitelist", "device_token"],
        "device_whitelist": ["AA:01"],
        "device_token": { "key": "thirty-two-or-more-random-characters" },
        "ota_tokens": true,
    })))
    .await;
    connect_with(&server, "aa:01", None).await;
    expect_rejection(&server, "aa:02", None, 401, "Authorization: Bearer").await;
    let headers = [("Device-Id", "AA:02"), ("Client-Id", "test")];
    let answer = http::request(server.http(), "POST", "/xiaozhi/ota/", &headers, "{}").await.expect("an answer").json();
    let token = answer["websocket"]["token"].as_str().expect("a token").to_owned();
    assert!(token.contains('.'), "{answer}");
    connect_with(&server, "aa:02", Some(&token)).await;
    expect_rejection(&server, "aa:03", Some(&token), 401, "not known").await;
    let client = [("Device-Id", "aa:02"), ("Client-Id", "other"), ("Authorization", &format!("Bearer {token}"))];
    assert_eq!(rejected_response(&server, &client).await.status, 401);
    assert!(!server.output().contains(&token));
}

#[tokio::test]
async fn c11_methods_change_while_the_server_runs() {
    let server = Server::start(with_auth(json!({}))).await;
    let mut early = connect_with(&server, "aa:01", None).await;
    server.configure(&with_auth(json!({ "methods": ["device_whitelist"], "device_whitelist": ["aa:02"] })));
    let status = async || {
        let outcome = Device::try_connect(&server, PATH, &[("Device-Id", "aa:03")]).await;
        outcome.err().map_or(101, |(status, _)| status)
    };
    wait::until("sign-in is on", Duration::from_secs(15), status, |status| *status == 403).await;
    expect_rejection(&server, "aa:01", None, 403, "list").await;
    connect_with(&server, "aa:02", None).await;
    let (code, reason) = early.expect_close().await;
    assert!(
        code == 1008 && reason.contains("revoked"),
        "connections that the new rules reject are closed: {code} {reason}"
    );
    // An invalid document changes nothing.
    server.configure(&with_auth(json!({ "methods": ["jwt"], "jwt": { "algorithms": ["none"] } })));
    server.wait_output("none").await;
    connect_with(&server, "aa:02", None).await;
}

#[tokio::test]
async fn c11_a_key_that_is_taken_out_of_its_file_closes_what_was_opened_with_it() {
    let directory = tempfile::tempdir().expect("a directory");
    let file = directory.path().join("keys.json");
    let keys = |key: &EncodingKey, algorithm| jwks_of(key, algorithm, "k").to_string();
    std::fs::write(&file, keys(&p256(), Algorithm::ES256)).expect("written");
    let auth = json!({ "methods": ["jwt"], "jwt": { "jwks_file": file, "device_claim": "device_id" } });
    let server = Server::start(with_auth(auth)).await;
    let claims = json!({ "device_id": "aa:01", "exp": 4_000_000_000_u64 });
    let token = signed(Algorithm::ES256, &p256(), Some("k"), &claims);
    let mut device = connect_with(&server, "aa:01", Some(&token)).await;
    // The same keys again: nobody is disconnected.
    std::fs::write(&file, format!(" {}", keys(&p256(), Algorithm::ES256))).expect("written");
    device.expect_silence(key_file_reload()).await;
    device.ping().await;
    std::fs::write(&file, keys(&ed25519(), Algorithm::EdDSA)).expect("written");
    let away = async || server.admin("GET", "/api/v1/sessions", "").await.body;
    let gone = |list: &String| list.contains(r#""connected":false"#);
    wait::until("its connection is closed", 3 * key_file_reload(), away, gone).await;
    assert_eq!(device.expect_close().await.0, 1008);
}

/// Key files are polled every 2 s, and read again after 10 s.
fn key_file_reload() -> Duration {
    Duration::from_secs(15)
}

fn rate_limited(more: &[(&str, Value)]) -> Settings {
    let auth = json!({
        "methods": ["tokens"], "tokens": [{ "token": "good-token", "device": "aa:01" }],
        "rate_limit": { "failures_per_minute": 5, "device_failures_per_minute": 3 },
    });
    more.iter().fold(with_auth(auth), |settings, (path, value)| settings.set(path, value.clone()))
}

#[tokio::test]
async fn c11_whoever_fails_too_often_is_not_heard() {
    let server = Server::start(rate_limited(&[])).await;
    for number in 0..5 {
        expect_rejection(&server, &format!("dev-{number}"), Some("bad-token"), 401, "not known").await;
    }
    let answer = rejected_response(&server, &[("Device-Id", "aa:09"), ("Authorization", "Bearer good-token")]).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok()), "{answer:?}");
    assert!(answer.body.contains("too many"), "{answer:?}");
}

#[tokio::test]
async fn c11_behind_a_trusted_proxy_each_caller_counts_by_itself() {
    let server = Server::start(rate_limited(&[("server.trusted_proxies", json!(["127.0.0.1"]))])).await;
    let call = |from: &'static str, device: &'static str, token: &'static str| {
        [("X-Forwarded-For", from), ("Device-Id", device), ("Authorization", token)]
    };
    for _ in 0..4 {
        rejected_response(&server, &call("1.1.1.1, 198.51.100.1", "aa:01", "Bearer bad")).await;
    }
    assert_eq!(
        rejected_response(&server, &call("2.2.2.2, 198.51.100.1", "aa:01", "Bearer good-token")).await.status,
        429
    );
    // The device itself, at another address, is not locked out by that.
    let headers = call("198.51.100.2", "aa:01", "Bearer good-token");
    Device::try_connect(&server, PATH, &headers).await.expect("accepted").hello().await;
    // Nor does a remote client become local by claiming a loopback address.
    let forwarded = [("X-Forwarded-For", "127.0.0.1")];
    let answer = http::request(server.http(), "GET", "/api/v1/sessions", &forwarded, "").await.expect("an answer");
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(server.admin("GET", "/api/v1/sessions", "").await.status, 200);
}

#[tokio::test]
async fn c11_nobody_else_is_believed_on_where_a_request_comes_from() {
    let server = Server::start(rate_limited(&[])).await;
    for number in 0..5 {
        let from = format!("198.51.100.{number}");
        let device = format!("dev-{number}");
        let headers = [("X-Forwarded-For", from.as_str()), ("Device-Id", &device), ("Authorization", "Bearer bad")];
        assert_eq!(rejected_response(&server, &headers).await.status, 401);
    }
    let headers = [("X-Forwarded-For", "203.0.113.7"), ("Device-Id", "aa:01"), ("Authorization", "Bearer good-token")];
    assert_eq!(rejected_response(&server, &headers).await.status, 429);
    let answer = http::request(server.http(), "GET", "/api/v1/sessions", &headers[..1], "").await.expect("an answer");
    assert_eq!(answer.status, 403, "{answer:?}");
}
