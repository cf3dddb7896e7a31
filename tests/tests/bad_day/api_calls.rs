//! Wrong tokens, and random calls of the admin API. Rule: a wrong token is always rejected, and no permitted call
//! harms other clients.

use modehost_tests::{Device, http};

use super::test_host::{ADMIN, PATH, TestHost};

pub async fn wrong_tokens(host: &mut TestHost) {
    for _ in 0..12 {
        let token = host.wrong_token();
        let written = match host.random.u8(0..5) {
            0 => format!("Bearer {token}"),
            1 => format!("bearer  {token}"),
            2 => token.clone(),
            3 => format!("Basic {token}"),
            // The right one with a suffix.
            _ => format!("Bearer {ADMIN}{token}"),
        };
        let headers = [("Authorization", written.as_str())];
        let path =
            ["/api/v1/sessions", "/api/v1/plugins", "/api/v1/openapi.json", "/api/v1/nothing"][host.random.usize(0..4)];
        let answer = http::request(host.server.http(), "GET", path, &headers, "").await.expect("an answer");
        assert_eq!(answer.status, 401, "{path}: {answer:?}");
        assert!(!answer.body.contains(&token), "{answer:?}");
        let id = host.new_device_id();
        let (path, headers) = match host.random.bool() {
            true => (PATH.to_owned(), vec![("Device-Id", id.as_str()), ("Authorization", written.as_str())]),
            false => (format!("{PATH}?device-id={id}&token={token}"), Vec::new()),
        };
        match Device::try_connect(&host.server, &path, &headers).await {
            Err((status, text)) => assert!(status == 401 && !text.contains(&token), "{status}: {text}"),
            Ok(_) => panic!("a wrong token opened the server"),
        }
    }
}

pub async fn random_calls(host: &mut TestHost) {
    const METHODS: [&str; 7] = ["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "BREW"];
    // Restarts are a separate attack, and discarding state is what an operator asks for explicitly.
    const PATHS: [&str; 15] = [
        "/api/v1/sessions",
        "/api/v1/plugins",
        "/api/v1/plugins/fixture/reload",
        "/api/v1/plugins/fixture/rollback",
        "/api/v1/plugins/%00/reload",
        "/api/v1/plugins/..%2f..%2fetc/rollback",
        "/api/v1/plugins/%ff/reload",
        "/api/v1/plugins/fixture/reload?discard_state=perhaps",
        "/api/v1/config/check",
        "/api/v1/config/reload",
        "/api/v1/openapi.json",
        "/api/v1/",
        "/api/v2/sessions",
        "/healthz/../api/v1/sessions",
        "/xiaozhi/ota/activate",
    ];
    for _ in 0..25 {
        let method = METHODS[host.random.usize(0..METHODS.len())];
        let path = PATHS[host.random.usize(0..PATHS.len())];
        let body = match host.random.u8(0..6) {
            0 => String::new(),
            1 => "server: { port: nine }".to_owned(),
            2 => "[".repeat(20_000),
            3 => "&a [*a, *a]".to_owned(),
            4 => (0..200).map(|_| host.random.char('\u{20}'..'\u{2ff}')).collect(),
            _ => "x".repeat(300_000),
        };
        let answer = host.admin(method, path, &body).await;
        assert!((200..500).contains(&answer.status), "{method} {path}: {answer:?}");
        assert!(!answer.body.contains(ADMIN), "{method} {path}: {answer:?}");
    }
    // Undoes the rollbacks.
    host.install_good().await;
}
