//! Who only looks: the viewer's token, the limit of calls, the last lines of the log, the short history. Rule: a viewer changes
//! nothing and reads nothing that people have said.

use modehost_tests::http::Response;
use modehost_tests::{Device, Server, Settings, http, wait};
use serde_json::{Value, json};

const TOKEN: &str = "hush-hush-hush-hush";
const VIEWER: &str = "peek-peek-peek-peek";

async fn call(server: &Server, token: &str, method: &str, path: &str, body: &str) -> Response {
    let headers = [("Authorization", &*format!("Bearer {token}")), ("Content-Type", "application/json")];
    http::request(server.http(), method, path, &headers, body).await.expect("an answer")
}

fn settings() -> Settings {
    Settings::new()
        .bundled()
        .set("server.admin_token", json!(TOKEN))
        .set("operators", json!({ "viewer_token": VIEWER, "show_dialogue": true }))
}

#[tokio::test]
async fn a_viewer_sees_the_server_and_nothing_that_was_said_and_changes_nothing() {
    let server = Server::start(settings()).await;
    let _device = Device::join(&server, "dev-1").await;
    let document = call(&server, VIEWER, "GET", "/api/v1/openapi.json", "").await.json();
    let mut allowed = Vec::new();
    for (path, item) in document["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            // Streams go on; they are tried below.
            if path.ends_with("watch") || path.ends_with("feed") || path == "/metrics" {
                continue;
            }
            let concrete = path
                .replace("{device}", "dev-1")
                .replace("{id}", "workflow")
                .replace("{kind}", "a")
                .replace("{name}", "a");
            let body = if method == "get" { "" } else { "{}" };
            let status = call(&server, VIEWER, &method.to_uppercase(), &concrete, body).await.status;
            if status == 403 {
                continue;
            }
            assert_eq!(method, "get", "a viewer may {method} {path}");
            allowed.push(path.clone());
        }
    }
    for kept in
        ["/api/v1/archive/{kind}", "/api/v1/documents/value", "/api/v1/devices/{device}/export", "/api/v1/config/file"]
    {
        assert!(!allowed.contains(&kept.to_owned()), "{kept} shows what is kept of people");
    }
    for seen in ["/api/v1/status", "/api/v1/sessions", "/api/v1/logs", "/api/v1/history", "/api/v1/providers"] {
        assert!(allowed.contains(&seen.to_owned()), "{seen} in {allowed:?}");
    }
    assert_eq!(call(&server, VIEWER, "GET", "/api/v1/status", "").await.json()["role"], "viewer");
    assert_eq!(call(&server, TOKEN, "GET", "/api/v1/status", "").await.json()["role"], "operator");
    for (token, status) in [("peek", 401), ("", 401), (VIEWER, 200), (TOKEN, 200)] {
        assert_eq!(call(&server, token, "GET", "/api/v1/status", "").await.status, status, "{token:?}");
    }
    let refused = call(&server, VIEWER, "POST", "/api/v1/config/reload", "").await;
    let sentence = "operators.viewer_token is for looking at the server; this needs server.admin_token";
    assert_eq!((refused.status, refused.json()["error"].as_str()), (403, Some(sentence)));
    assert!(!server.output().contains(VIEWER) && !server.output().contains(TOKEN), "a token in the log");
}

#[tokio::test]
async fn an_address_calls_as_often_as_the_setting_says_and_is_told() {
    let server = Server::start(settings().set("operators.calls_per_minute", json!(60))).await;
    let mut statuses = Vec::new();
    for _ in 0..40 {
        let response = call(&server, TOKEN, "GET", "/api/v1/status", "").await;
        if response.status == 429 {
            assert_eq!(response.header("retry-after"), Some("1"), "{response:?}");
            assert!(response.body.contains("operators.calls_per_minute"), "{response:?}");
        }
        statuses.push(response.status);
    }
    assert!(statuses[..12].iter().all(|status| *status == 200), "a fifth at once: {statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
    let health = http::request(server.http(), "GET", "/healthz", &[], "").await.expect("an answer");
    assert_eq!(health.status, 200, "health is no call of an operator");
}

#[tokio::test]
async fn the_last_lines_of_log_and_audit_follow_each_other_by_number() {
    let server = Server::start(settings()).await;
    let mut device = Device::join(&server, "dev-1").await;
    let first = call(&server, TOKEN, "GET", "/api/v1/logs?limit=500", "").await.json();
    let lines = first["lines"].as_array().expect("lines").clone();
    assert!(lines.iter().any(|line| line.to_string().contains("is ready after") || line["level"] == "info"), "{first}");
    let last = first["last"].as_u64().expect("a number");
    device.types("a secret plan").await;
    device.close().await;
    let probe = async || call(&server, TOKEN, "GET", &format!("/api/v1/logs?after={last}"), "").await.json();
    let has_lines = |page: &Value| page["lines"].as_array().is_some_and(|lines| !lines.is_empty());
    let page = wait::until("new lines", wait::TIMEOUT, probe, has_lines).await;
    assert!(page["lines"].as_array().expect("lines").iter().all(|line| line["seq"].as_u64() > Some(last)), "{page}");
    assert!(!page.to_string().contains("secret plan"), "what people say is in no log: {page}");
    let none = call(&server, TOKEN, "GET", "/api/v1/logs?search=no-such-text", "").await.json();
    assert_eq!(none["lines"], json!([]));
    let graver = call(&server, TOKEN, "GET", "/api/v1/logs?level=error", "").await.json();
    assert!(graver["lines"].as_array().expect("lines").iter().all(|line| line["level"] == "error"), "{graver}");
    assert_eq!(call(&server, TOKEN, "GET", "/api/v1/logs?level=loud", "").await.status, 400);

    call(&server, TOKEN, "POST", "/api/v1/config/reload", "").await;
    let audit = call(&server, TOKEN, "GET", "/api/v1/audit", "").await.json();
    let line = audit["lines"].as_array().expect("lines").last().expect("a line").clone();
    assert_eq!((&line["fields"]["path"], &line["fields"]["outcome"]), (&json!("/api/v1/config/reload"), &json!("ok")));
    assert!(!audit.to_string().contains(TOKEN));
    let history = call(&server, TOKEN, "GET", "/api/v1/history", "").await;
    assert_eq!(history.status, 200, "{history:?}");
}
