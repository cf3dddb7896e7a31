//! Sign-ins per second by method: sequential callers on one thread, each with a valid token.
//!
//! Rule: no request to a provider is measured; caches answer.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, TcpListener};
use std::time::{SystemTime, UNIX_EPOCH};

use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use modehost_auth::{AuthConfig, Claim, SignIn};
use modehost_ids::{ClientId, DeviceId};
use serde_json::{Value, json};

fn main() {
    divan::main();
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}

fn key_file(name: &str) -> String {
    format!("{}/tests/keys/{name}.pem", env!("CARGO_MANIFEST_DIR"))
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(key_file(name)).expect("a key")
}

/// Measures sign-ins with this configuration and token.
fn measure(bencher: divan::Bencher, config: Value, token: Option<&str>) {
    let config: AuthConfig = serde_json::from_value(config).expect("the right form");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let sign_in = SignIn::new(&config);
    let (device, client) = (DeviceId::new("aa:bb:cc:dd:ee:ff"), ClientId::new("client"));
    let claim = Claim { device: &device, client: &client, token, address: IpAddr::V4(Ipv4Addr::LOCALHOST) };
    runtime.block_on(sign_in.check(claim)).expect("accepted");
    bencher.bench_local(|| runtime.block_on(sign_in.check(divan::black_box(claim))).is_ok());
}

#[divan::bench]
fn off(bencher: divan::Bencher) {
    measure(bencher, json!({}), None);
}

#[divan::bench]
fn device_whitelist(bencher: divan::Bencher) {
    let listed: Vec<String> = (0..10_000).map(|number| format!("device-{number}")).collect();
    let mut listed = json!(listed);
    listed.as_array_mut().expect("a list").push(json!("aa:bb:cc:dd:ee:ff"));
    measure(bencher, json!({ "methods": ["device_whitelist"], "device_whitelist": listed }), None);
}

#[divan::bench(args = [1, 1000])]
fn tokens(bencher: divan::Bencher, count: usize) {
    let tokens: Vec<Value> = (0..count).map(|number| json!({ "token": format!("token-{number}") })).collect();
    measure(bencher, json!({ "methods": ["tokens"], "tokens": tokens }), Some("token-0"));
}

#[divan::bench]
fn device_token(bencher: divan::Bencher) {
    let config = json!({ "methods": ["device_token"], "device_token": { "key": "a-key" } });
    let issuer = SignIn::new(&serde_json::from_value(config.clone()).expect("the right form"));
    let token = issuer.token_for(&DeviceId::new("aa:bb:cc:dd:ee:ff"), &ClientId::new("client")).expect("a token");
    measure(bencher, config, Some(&token));
}

#[divan::bench(args = ["HS256", "RS256", "PS256", "ES256", "ES384", "EdDSA"])]
fn jwt(bencher: divan::Bencher, algorithm: &str) {
    let name: Algorithm = algorithm.parse().expect("an algorithm");
    let (key, section) = match algorithm {
        "HS256" => (EncodingKey::from_secret(b"secret"), json!({ "secret": "secret" })),
        "RS256" | "PS256" => {
            let key = EncodingKey::from_rsa_pem(&read("rsa.private")).expect("a key");
            (key, json!({ "public_key_file": key_file("rsa.public") }))
        }
        "ES256" => {
            let key = EncodingKey::from_ec_pem(&read("p256.private")).expect("a key");
            (key, json!({ "public_key_file": key_file("p256.public") }))
        }
        "ES384" => {
            let key = EncodingKey::from_ec_pem(&read("p384.private")).expect("a key");
            (key, json!({ "public_key_file": key_file("p384.public") }))
        }
        _ => {
            let key = EncodingKey::from_ed_pem(&read("ed25519.private")).expect("a key");
            (key, json!({ "public_key_file": key_file("ed25519.public") }))
        }
    };
    let claims = json!({ "exp": now() + 3600, "device_id": "aa:bb:cc:dd:ee:ff", "iss": "us", "aud": "devices" });
    let token = encode(&Header::new(name), &claims, &key).expect("a token");
    let mut section = section;
    section["algorithms"] = json!([algorithm]);
    measure(bencher, json!({ "methods": ["jwt"], "jwt": section }), Some(&token));
}

#[divan::bench]
fn introspection_kept(bencher: divan::Bencher) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    let body = json!({ "active": true, "exp": now() + 3600, "device_id": "aa:bb:cc:dd:ee:ff" }).to_string();
    // Answers the only request and ends.
    let provider = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().expect("a request");
        let _ = stream.read(&mut [0; 8192]);
        let length = body.len();
        let _ = write!(stream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n{body}");
    });
    let section = json!({ "url": format!("http://{address}/") });
    measure(bencher, json!({ "methods": ["introspection"], "introspection": section }), Some("opaque"));
    provider.join().expect("answered");
}
