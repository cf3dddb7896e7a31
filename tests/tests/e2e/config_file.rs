//! The configuration file as operators edit it through the server. Rule: no secret leaves the server, nothing that is not valid
//! is written, and of two operators the second is told.

use std::os::unix::fs::PermissionsExt;

use modehost_tests::http::Response;
use modehost_tests::{Server, Settings, http};
use serde_json::{Value, json};

/// Takes effect at once, and after a restart.
const MORE: &str = "\"gateway\": { \"handshake_timeout_ms\": 7000 }, \"workers\": { \"max_blocking\": 40 }";
const TOKEN: &str = "hush-hush-hush-hush";

async fn call(server: &Server, method: &str, path: &str, body: Value) -> Response {
    let headers = [("Authorization", &*format!("Bearer {TOKEN}")), ("Content-Type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    http::request(server.http(), method, path, &headers, body).await.expect("an answer")
}

async fn opened(server: &Server) -> (String, String) {
    let file = call(server, "GET", "/api/v1/config/file", Value::Null).await;
    assert_eq!(file.status, 200, "{file:?}");
    let file = file.json();
    assert_eq!((&file["writable"], &file["why"]), (&json!(true), &Value::Null), "{file}");
    let text = |name: &str| file[name].as_str().expect("a text").to_owned();
    (text("text"), text("version"))
}

/// The text with these settings in addition, before its last brace: the files of these tests are JSON.
fn with(text: &str, more: &str) -> String {
    let whole = text.trim_end().strip_suffix('}').expect("a map");
    format!("{}, {more} }}", whole.trim_end())
}

fn secret_settings() -> Settings {
    Settings::new()
        .set("server.admin_token", json!(TOKEN))
        .set("operators.viewer_token", json!("peek-peek-peek-peek"))
        .set("llm.aliases.default", json!({ "base_url": "http://127.0.0.1:9/v1", "api_key": "sk-1234567" }))
}

#[tokio::test]
async fn a_file_is_read_without_its_secrets_checked_and_written_with_them() {
    let server = Server::start(secret_settings()).await;
    let before = std::fs::read_to_string(server.config_file()).expect("a file");
    std::fs::set_permissions(server.config_file(), std::fs::Permissions::from_mode(0o640)).expect("set");
    let (text, version) = opened(&server).await;
    for secret in [TOKEN, "peek-peek", "sk-1234567"] {
        assert!(before.contains(secret) && !text.contains(secret), "{text}");
    }
    assert!(text.contains("<hidden:1>") && text.contains("<hidden:3>"), "{text}");

    let edited = with(&text, MORE);
    let body = json!({ "text": edited, "version": version });
    let checked = call(&server, "POST", "/api/v1/config/file/check", body.clone()).await;
    let expected = json!({
        "changed": ["gateway.handshake_timeout_ms", "workers.max_blocking"], "needs_restart": ["workers"]
    });
    assert_eq!((checked.status, checked.json()), (200, expected));
    assert_eq!(std::fs::read_to_string(server.config_file()).expect("a file"), before, "a check writes nothing");

    let written = call(&server, "PUT", "/api/v1/config/file", body).await;
    assert_eq!(written.status, 200, "{written:?}");
    let written = written.json();
    assert_eq!((&written["changed"], &written["needs_restart"]), (&json!(true), &json!(["workers"])));
    let after = std::fs::read_to_string(server.config_file()).expect("a file");
    assert_eq!(after, with(&before, MORE));
    let mode = std::fs::metadata(server.config_file()).expect("a file").permissions().mode();
    assert_eq!(mode & 0o777, 0o640, "the permissions stay");
    let shown = call(&server, "GET", "/api/v1/config", Value::Null).await.json();
    let row = shown["settings"]
        .as_array()
        .expect("settings")
        .iter()
        .find(|row| row["setting"] == "gateway.handshake_timeout_ms");
    assert_eq!(row.expect("the setting")["value"], 7000, "it holds at once");
    assert_eq!(opened(&server).await.1, written["version"].as_str().expect("a version"));
    for secret in [TOKEN, "peek-peek", "sk-1234567"] {
        assert!(!server.output().contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn of_two_operators_the_second_is_told_and_what_is_wrong_is_not_written() {
    let server = Server::start(secret_settings()).await;
    let (text, version) = opened(&server).await;
    let put = |text: String| json!({ "text": text, "version": version });
    let two = [
        put(with(&text, "gateway: { handshake_timeout_ms: 7001 }")),
        put(with(&text, "gateway: { handshake_timeout_ms: 7002 }")),
    ];
    let [one, other] = two;
    // At the same time.
    let (one, other) = tokio::join!(
        call(&server, "PUT", "/api/v1/config/file", one),
        call(&server, "PUT", "/api/v1/config/file", other)
    );
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409], "{one:?} {other:?}");
    let told = if one.status == 409 { one } else { other };
    assert_eq!(told.json()["error"], "somebody has changed the file since you opened it; look at it again");

    let (text, version) = opened(&server).await;
    let before = std::fs::read(server.config_file()).expect("a file");
    for (wrong, why) in [
        (with(&text, "gatway: { handshake_timeout_ms: 7001 }"), "unknown section `gatway`"),
        (with(&text, "storage: [1"), "configuration:"),
        (text.replace("<hidden:1>", "<hidden:99>"), "<hidden:99> stands for nothing in the file"),
        // A secret would come to light in a setting that is shown.
        (with(&text, "groups: { a: [<hidden:1>] }"), "may only stand where secrets stand"),
    ] {
        for (method, path) in [("POST", "/api/v1/config/file/check"), ("PUT", "/api/v1/config/file")] {
            let body = json!({ "text": wrong, "version": version });
            let refused = call(&server, method, path, body).await;
            assert_eq!(refused.status, 422, "{wrong}: {refused:?}");
            assert!(refused.body.contains(why), "{refused:?}");
            assert!(!refused.body.contains(TOKEN), "{refused:?}");
        }
    }
    assert_eq!(std::fs::read(server.config_file()).expect("a file"), before);
    assert_eq!(call(&server, "PUT", "/api/v1/config/file", json!({ "text": "" })).await.status, 400);
    let schema = call(&server, "GET", "/api/v1/config/schema", Value::Null).await.json();
    assert!(schema["properties"]["session"].is_object(), "{schema}");
}
