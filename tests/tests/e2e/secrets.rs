//! C.14: output of a running server about settings and addresses. Rule: keys, positions and types are shown, values
//! never; the output of `modehost check` is covered by the tests of the command line.

use modehost_tests::{Server, Settings, guest, http};
use serde_json::json;

#[tokio::test]
async fn c14_a_mistaken_change_is_told_without_any_value() {
    let server = Server::start(Settings::new()).await;
    for (text, phrase) in [
        ("server:\n  admin_tokn: hunter2\n", "server.admin_tokn"),
        ("server:\n  timezone_offset_min: hunter2\n", "server.timezone_offset_min"),
        ("hooks:\n  a: { url: \"https://me:hunter2@a.example/\" }\n", "hooks.a.url"),
        (
            "llm:\n  aliases:\n    a: { base_url: \"https://a.example/hunter2?key=hunter2\" }\n",
            "llm.aliases.a.base_url",
        ),
    ] {
        let answer = server.admin("POST", "/api/v1/config/check", text).await;
        assert!(answer.body.contains(phrase) && !answer.body.contains("hunter2"), "{text}: {}", answer.body);
        server.write_config(text);
        server.wait_output(phrase).await;
        assert!(!server.output().contains("hunter2"), "{text}: {}", server.output());
    }
}

#[tokio::test]
async fn c14_of_the_address_that_devices_are_told_the_log_has_the_place() {
    let settings = Settings::new().set("server.public_url", json!("wss://voice.example:8443/hunter2/"));
    let server = Server::start(settings).await;
    let headers = [("Device-Id", "aa:bb"), ("Client-Id", "c")];
    let answer = http::request(server.http(), "POST", "/xiaozhi/ota/", &headers, "{}").await.expect("an answer");
    assert_eq!(answer.json()["websocket"]["url"], "wss://voice.example:8443/hunter2/");
    server.wait_output("a device has asked for the address").await;
    assert!(server.output().contains("wss://voice.example:8443"), "{}", server.output());
    assert!(!server.output().contains("hunter2"), "{}", server.output());
}

#[tokio::test]
async fn c14_a_section_that_a_new_plugin_does_not_take_is_told_without_its_values() {
    // The section cannot be validated before its plugin is there.
    let server = Server::start(Settings::new().set("peers", json!({ "offline": { "ttl_ms": "hunter2" } }))).await;
    server.install("peers", &guest::bundled("peers"));
    server.wait_output("at /offline/ttl_ms: it is not of type").await;
    let listed = server.admin("GET", "/api/v1/plugins", "").await.body;
    for output in [server.output(), listed] {
        assert!(!output.contains("hunter2"), "{output}");
    }
}
