//! C.11: sign-in by every method, and what those who may not are told. Rule: each refusal is read as
//! a client reads it, and afterwards nothing of a token stands in what the server wrote.

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

/// What a client reads that is not let in.
async fn refused(server: &Server, headers: &[(&str, &str)]) -> Response {
    let lines: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let mut stream = raw::send(server.ws(), raw::upgrade(PATH, &lines).as_bytes()).await;
    let (answer, ended) = raw::read_to_end(&mut stream, Duration::from_secs(15)).await;
    assert!(ended, "let in or left hanging: {answer}");
    http::parse(&answer).unwrap_or_else(|| panic!("no HTTP: {answer:?}"))
}

/// The status for this device and token, with a sentence that holds `word`.
async fn told(server: &Server, device: &str, token: Option<&str>, status: u16, word: &str) {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Device-Id", device), ("Client-Id", "test")];
    headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
    let answer = refused(server, &headers).await;
    assert_eq!(answer.status, status, "{answer:?}");
    assert!(answer.body.contains(word) && answer.body.lines().count() == 1, "{answer:?}");
    assert!(token.is_none_or(|token| token.len() < 8 || !answer.body.contains(token)), "{answer:?}");
}

/// Connects with a token and is answered.
async fn enter(server: &Server, device: &str, token: Option<&str>) -> Device {
    let bearer = token.map(|token| format!("Bearer {token}"));
    let mut headers = vec![("Device-Id", device), ("Client-Id", "test")];
    headers.extend(bearer.as_deref().map(|bearer| ("Authorization", bearer)));
    let outcome = Device::try_connect(server, PATH, &headers).await;
    let mut device = outcome.unwrap_or_else(|refusal| panic!("refused: {refusal:?}"));
    device.hello().await;
    device
}

fn with(auth: Value) -> Settings {
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

fn published(key: &EncodingKey, algorithm: Algorithm, kid: &str) -> Value {
    let mut key = serde_json::to_value(Jwk::from_encoding_key(key, algorithm).expect("a key")).expect("JSON");
    key["kid"] = json!(kid);
    json!({ "keys": [key] })
}

/// An identity provider: answers every request with the JSON that was set last; null: not at all.
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

    fn answers(&self, answer: Value) {
        *self.answer.lock().expect("a value") = answer;
    }
}

#[tokio::test]
async fn c11_jwt_with_a_secret() {
    let server = Server::start(with(json!({
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
    let mut owner = enter(&server, "aa:01", Some(&good)).await;
    told(&server, "aa:01", None, 401, "Authorization: Bearer").await;
    told(&server, "aa:02", Some(&good), 403, "another device").await;
    told(&server, "aa:01", Some(&token("exp", json!(now() - 61))), 401, "expired").await;
    told(&server, "aa:01", Some(&token("nbf", json!(now() + 120))), 401, "not good yet").await;
    told(&server, "aa:01", Some(&token("iss", json!("them"))), 401, "issuer").await;
    told(&server, "aa:01", Some(&token("aud", json!("others"))), 401, "another service").await;
    told(&server, "aa:01", Some(&token("device_id", Value::Null)), 403, "names no device").await;
    let wrong = signed(Algorithm::HS512, &key, None, &whole);
    told(&server, "aa:01", Some(&wrong), 401, "not accepted").await;
    let forged = signed(Algorithm::HS256, &EncodingKey::from_secret(b"guess"), None, &whole);
    told(&server, "aa:01", Some(&forged), 401, "signature").await;
    // {"alg":"none"}
    let unsigned = format!("eyJhbGciOiJub25lIn0.{}.", good.split('.').nth(1).expect("claims"));
    told(&server, "aa:01", Some(&unsigned), 401, "not accepted").await;
    told(&server, "aa:01", Some("no-token-at-all"), 401, "token").await;
    // C.4: nobody has disturbed the one who may.
    owner.ping().await;
    server.says("sign-in refused: this token belongs to another device").await;
    let output = server.output();
    assert!(output.contains("aa:02") && output.contains("127.0.0.1"), "the operator is told who");
    for secret in [&good, &forged, &unsigned, SECRET, "no-token-at-all"] {
        assert!(!output.contains(secret), "the server wrote a token");
    }
    let metrics = server.admin("GET", "/metrics", "").await.body;
    assert!(metrics.contains(r#"modehost_sign_in_total{method="jwt",outcome="ok"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"modehost_sign_in_total{method="jwt",outcome="expired"} 1"#), "{metrics}");
}

#[tokio::test]
async fn c11_jwt_with_keys_of_a_provider_that_change() {
    let provider = Provider::start(published(&p256(), Algorithm::ES256, "one")).await;
    let server = Server::start(with(json!({
        "methods": ["jwt"],
        "jwt": { "jwks_url": provider.url(), "jwks_min_refresh_s": 1, "timeout_s": 2 },
        // This device asks again until the new key is known.
        "rate_limit": { "failures_per_minute": 100_000, "device_failures_per_minute": 100_000 },
    })))
    .await;
    let claims = json!({ "exp": now() + 600, "device_id": "aa:01" });
    let first = signed(Algorithm::ES256, &p256(), Some("one"), &claims);
    let second = signed(Algorithm::EdDSA, &ed25519(), Some("two"), &claims);
    enter(&server, "aa:01", Some(&first)).await;
    told(&server, "aa:02", Some(&first), 403, "another device").await;
    told(&server, "aa:01", Some(&second), 401, "key").await;
    provider.answers(published(&ed25519(), Algorithm::EdDSA, "two"));
    let connect = async || {
        let bearer = format!("Bearer {second}");
        let headers = [("Device-Id", "aa:01"), ("Authorization", bearer.as_str())];
        Device::try_connect(&server, PATH, &headers).await.is_ok()
    };
    wait::until("the new key is known", Duration::from_secs(15), connect, |entered| *entered).await;
    told(&server, "aa:01", Some(&first), 401, "key").await;
    assert!(!server.output().contains(&first) && !server.output().contains(&second));
}

#[tokio::test]
async fn c11_introspection_and_a_provider_that_is_away() {
    let provider = Provider::start(Value::Null).await;
    let server = Server::start(with(json!({
        "methods": ["introspection"],
        "introspection": { "url": provider.url(), "client_id": "us", "client_secret": "hush-hush", "timeout_s": 2 },
    })))
    .await;
    told(&server, "aa:01", Some("opaque-token"), 503, "try again later").await;
    server.says("auth.introspection.url: the identity provider cannot be used").await;
    provider.answers(json!({ "active": true, "exp": now() + 600, "device_id": "aa:01" }));
    let connect = async || {
        let headers = [("Device-Id", "aa:01"), ("Authorization", "Bearer opaque-token")];
        Device::try_connect(&server, PATH, &headers).await.is_ok()
    };
    wait::until("the provider is asked again", Duration::from_secs(15), connect, |entered| *entered).await;
    told(&server, "aa:02", Some("opaque-token"), 403, "another device").await;
    provider.answers(json!({ "active": false }));
    told(&server, "aa:01", Some("another-token"), 401, "not known").await;
    enter(&server, "aa:01", Some("opaque-token")).await;
    let output = server.output();
    assert!(!output.contains("opaque-token") && !output.contains("hush-hush") && !output.contains("another-token"));
}

#[tokio::test]
async fn c11_device_tokens_come_by_ota_and_listed_devices_need_none() {
    let server = Server::start(with(json!({
        "methods": ["device_whitelist", "device_token"],
        "device_whitelist": ["AA:01"],
        "device_token": { "key": "thirty-two-or-more-random-characters" },
        "ota_tokens": true,
    })))
    .await;
    enter(&server, "aa:01", None).await;
    told(&server, "aa:02", None, 401, "Authorization: Bearer").await;
    let headers = [("Device-Id", "AA:02"), ("Client-Id", "test")];
    let answer = http::request(server.http(), "POST", "/xiaozhi/ota/", &headers, "{}").await.expect("an answer").json();
    let token = answer["websocket"]["token"].as_str().expect("a token").to_owned();
    assert!(token.contains('.'), "{answer}");
    enter(&server, "aa:02", Some(&token)).await;
    told(&server, "aa:03", Some(&token), 401, "not known").await;
    let client = [("Device-Id", "aa:02"), ("Client-Id", "other"), ("Authorization", &format!("Bearer {token}"))];
    assert_eq!(refused(&server, &client).await.status, 401);
    assert!(!server.output().contains(&token));
}

#[tokio::test]
async fn c11_methods_change_while_the_server_runs() {
    let server = Server::start(with(json!({}))).await;
    let mut early = enter(&server, "aa:01", None).await;
    server.configure(&with(json!({ "methods": ["device_whitelist"], "device_whitelist": ["aa:02"] })));
    let status = async || {
        let outcome = Device::try_connect(&server, PATH, &[("Device-Id", "aa:03")]).await;
        outcome.err().map_or(101, |(status, _)| status)
    };
    wait::until("sign-in is on", Duration::from_secs(15), status, |status| *status == 403).await;
    told(&server, "aa:01", None, 403, "list").await;
    enter(&server, "aa:02", None).await;
    let (code, reason) = early.expect_close().await;
    assert!(
        code == 1008 && reason.contains("taken back"),
        "who came in before would not be let in now: {code} {reason}"
    );
    // A document that cannot be meant changes nothing.
    server.configure(&with(json!({ "methods": ["jwt"], "jwt": { "algorithms": ["none"] } })));
    server.says("none").await;
    enter(&server, "aa:02", None).await;
}

#[tokio::test]
async fn c11_a_key_that_is_taken_out_of_its_file_closes_what_was_opened_with_it() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("keys.json");
    let keys = |key: &EncodingKey, algorithm| published(key, algorithm, "k").to_string();
    std::fs::write(&file, keys(&p256(), Algorithm::ES256)).expect("written");
    let auth = json!({ "methods": ["jwt"], "jwt": { "jwks_file": file, "device_claim": "device_id" } });
    let server = Server::start(with(auth)).await;
    let claims = json!({ "device_id": "aa:01", "exp": 4_000_000_000_u64 });
    let token = signed(Algorithm::ES256, &p256(), Some("k"), &claims);
    let mut device = enter(&server, "aa:01", Some(&token)).await;
    // The same keys once more: nobody is thrown out.
    std::fs::write(&file, format!(" {}", keys(&p256(), Algorithm::ES256))).expect("written");
    device.silent_for(limits_of_key_files()).await;
    device.ping().await;
    std::fs::write(&file, keys(&ed25519(), Algorithm::EdDSA)).expect("written");
    let away = async || server.admin("GET", "/api/v1/sessions", "").await.body;
    let gone = |list: &String| list.contains(r#""connected":false"#);
    wait::until("its connection is closed", 3 * limits_of_key_files(), away, gone).await;
    assert_eq!(device.expect_close().await.0, 1008);
}

/// Files of keys are looked at every 2 s, and read again after 10 s.
fn limits_of_key_files() -> Duration {
    Duration::from_secs(15)
}

fn guarded(more: &[(&str, Value)]) -> Settings {
    let auth = json!({
        "methods": ["tokens"], "tokens": [{ "token": "good-token", "device": "aa:01" }],
        "rate_limit": { "failures_per_minute": 5, "device_failures_per_minute": 3 },
    });
    more.iter().fold(with(auth), |settings, (path, value)| settings.set(path, value.clone()))
}

#[tokio::test]
async fn c11_whoever_fails_too_often_is_not_heard() {
    let server = Server::start(guarded(&[])).await;
    for number in 0..5 {
        told(&server, &format!("dev-{number}"), Some("bad-token"), 401, "not known").await;
    }
    let answer = refused(&server, &[("Device-Id", "aa:09"), ("Authorization", "Bearer good-token")]).await;
    assert_eq!(answer.status, 429, "{answer:?}");
    assert!(answer.header("retry-after").is_some_and(|seconds| seconds.parse::<u64>().is_ok()), "{answer:?}");
    assert!(answer.body.contains("too many"), "{answer:?}");
}

#[tokio::test]
async fn c11_behind_a_trusted_proxy_each_caller_counts_by_itself() {
    let server = Server::start(guarded(&[("server.trusted_proxies", json!(["127.0.0.1"]))])).await;
    let call = |from: &'static str, device: &'static str, token: &'static str| {
        [("X-Forwarded-For", from), ("Device-Id", device), ("Authorization", token)]
    };
    for _ in 0..4 {
        refused(&server, &call("1.1.1.1, 198.51.100.1", "aa:01", "Bearer bad")).await;
    }
    assert_eq!(refused(&server, &call("2.2.2.2, 198.51.100.1", "aa:01", "Bearer good-token")).await.status, 429);
    // The device itself, elsewhere, is not locked out by that.
    let headers = call("198.51.100.2", "aa:01", "Bearer good-token");
    Device::try_connect(&server, PATH, &headers).await.expect("let in").hello().await;
    // Nor is a stranger on the internet taken for somebody on this machine.
    let forwarded = [("X-Forwarded-For", "127.0.0.1")];
    let answer = http::request(server.http(), "GET", "/api/v1/sessions", &forwarded, "").await.expect("an answer");
    assert_eq!(answer.status, 403, "{answer:?}");
    assert_eq!(server.admin("GET", "/api/v1/sessions", "").await.status, 200);
}

#[tokio::test]
async fn c11_nobody_else_is_believed_on_where_a_request_comes_from() {
    let server = Server::start(guarded(&[])).await;
    for number in 0..5 {
        let from = format!("198.51.100.{number}");
        let device = format!("dev-{number}");
        let headers = [("X-Forwarded-For", from.as_str()), ("Device-Id", &device), ("Authorization", "Bearer bad")];
        assert_eq!(refused(&server, &headers).await.status, 401);
    }
    let headers = [("X-Forwarded-For", "203.0.113.7"), ("Device-Id", "aa:01"), ("Authorization", "Bearer good-token")];
    assert_eq!(refused(&server, &headers).await.status, 429);
    let answer = http::request(server.http(), "GET", "/api/v1/sessions", &headers[..1], "").await.expect("an answer");
    assert_eq!(answer.status, 403, "{answer:?}");
}
