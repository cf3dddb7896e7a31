//! OTA requests of firmware, desktop clients, browsers and people. Rule: whatever is sent, the response
//! contains the address that is served.

use modehost_auth::{AuthMethod, StaticToken};
use modehost_gateway::{AuthConfig, ServerConfig};
use serde_json::Value;

use crate::test_host::{Sections, TestHost, body, request, test_host};

async fn post(host: &TestHost, path: &str, headers: &str, text: &str) -> Value {
    let answer = request(host.http, "POST", path, headers, text).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.contains("access-control-allow-origin: *"), "{answer}");
    serde_json::from_str(body(&answer)).expect("JSON")
}

#[tokio::test]
async fn c13_ota_hands_out_exactly_the_address_that_is_served() {
    let host = test_host().await;
    let served = format!("ws://127.0.0.1:{}/supie/v1/", host.devices.port());
    for path in
        ["/xiaozhi/ota", "/xiaozhi/ota/", "/supie/ota", "/supie/ota/", "/xiaozhi/ota/activate", "/supie/ota/activate/"]
    {
        let text = r#"{"version":2,"minimum_free_heap_size":"1","application":{"name":"x","version":"2.4.2"}}"#;
        let answer = post(&host, path, "Device-Id: aa:01\r\n", text).await;
        assert_eq!(answer["websocket"]["url"], served, "{path}");
        assert_eq!(answer["websocket"]["token"], "");
        assert_eq!(answer["firmware"], serde_json::json!({"version": "2.4.2", "url": ""}));
        assert_eq!(answer["server_time"]["timezone_offset"], 480);
        assert!(answer["server_time"]["timestamp"].as_u64().is_some_and(|ms| ms > 1_700_000_000_000));
        let keys: Vec<_> = answer.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(keys, ["firmware", "server_time", "websocket"], "neither mqtt nor activation");
    }
    // The returned address accepts a connection.
    host.connect("device-id=aa:01").await;
}

#[tokio::test]
async fn c13_ota_answers_whatever_is_sent() {
    let host = test_host().await;
    let deep = "[".repeat(60_000);
    let long = "x".repeat(70_000);
    for text in
        ["", "{", "null", "[]", r#"{"application":7}"#, r#"{"application":{"version":7}}"#, "\u{0}", &deep, &long]
    {
        let answer = post(&host, "/xiaozhi/ota/", "", text).await;
        assert_eq!(answer["firmware"]["version"], "0.0.0");
    }
}

#[tokio::test]
async fn c13_a_public_address_comes_first() {
    let server = ServerConfig { public_url: Some("wss://voice.example".into()), ..ServerConfig::default() };
    let host = TestHost::start(Sections { server, ..Sections::default() }).await;
    assert_eq!(post(&host, "/supie/ota/", "", "{}").await["websocket"]["url"], "wss://voice.example/supie/v1/");
}

#[tokio::test]
async fn c13_people_see_the_address_and_pages_may_ask() {
    let host = test_host().await;
    let answer = request(host.http, "GET", "/xiaozhi/ota/", "", "").await;
    let url = format!("ws://127.0.0.1:{}/supie/v1/", host.devices.port());
    assert!(answer.starts_with("HTTP/1.1 200") && answer.contains("text/plain"), "{answer}");
    assert_eq!(body(&answer), format!("OTA接口运行正常，向设备发送的websocket地址是：{url}"));
    let ask = "Origin: null\r\nAccess-Control-Request-Method: POST\r\nAccess-Control-Request-Headers: device-id,client-id\r\n";
    let answer = request(host.http, "OPTIONS", "/xiaozhi/ota/", ask, "").await.to_lowercase();
    assert!(answer.starts_with("http/1.1 204"), "{answer}");
    for part in ["allow-origin: *", "post", "device-id", "client-id"] {
        assert!(answer.contains(part), "{part}: {answer}");
    }
}

#[tokio::test]
async fn ota_hands_a_device_its_own_token_and_no_other() {
    let token =
        |token: &str, device: Option<&str>| StaticToken { token: token.into(), device: device.map(str::to_owned) };
    let auth = AuthConfig {
        methods: vec![AuthMethod::Tokens],
        tokens: vec![token("open", None), token("only-a", Some("aa:01"))],
        ota_tokens: true,
        ..AuthConfig::default()
    };
    let host = TestHost::start(Sections { auth: auth.clone(), ..Sections::default() }).await;
    let token_of = async |host: &TestHost, headers: &str| {
        post(host, "/xiaozhi/ota/", headers, "{}").await["websocket"]["token"].clone()
    };
    assert_eq!(token_of(&host, "Device-Id: AA:01\r\n").await, "only-a");
    assert_eq!(token_of(&host, "Device-Id: aa:02\r\n").await, "");
    assert_eq!(token_of(&host, "").await, "");
    let auth = AuthConfig { ota_tokens: false, ..auth };
    let host = TestHost::start(Sections { auth, ..Sections::default() }).await;
    assert_eq!(token_of(&host, "Device-Id: aa:01\r\n").await, "");
}
