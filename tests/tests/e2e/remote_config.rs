//! C.12: what remote configuration may set. Rule: programs, paths and the operators' credentials are read from the
//! file only; so is sign-in, unless the file delegates it.

use std::time::Duration;

use modehost_tests::{Device, Server, Settings};
use rustix::process::Signal;
use serde_json::{Value, json};

use super::server_messages::{Remote, RemoteBehaviour, is_success, timezone_offset, update_config};

#[tokio::test]
async fn c12_what_stays_in_the_file_is_refused_by_name_and_nothing_changes() {
    let remote = Remote::start(RemoteBehaviour::Document("server: { timezone_offset_min: 60 }\n".to_owned())).await;
    let server = Server::start(remote.settings()).await;
    assert_eq!(timezone_offset(&server).await, 60);
    for (text, setting) in [
        ("plugins: { dir: /elsewhere }", "plugins.dir"),
        ("plugins: { pins: { a: none } }", "plugins.pins.a"),
        ("tts: { espeak: { program: /bin/sh } }", "tts.espeak.program"),
        ("asr: { local: { model_path: /dev/zero } }", "asr.local.model_path"),
        ("storage: { dir: /elsewhere }", "storage.dir"),
        ("log: { dir: /elsewhere }", "log.dir"),
        ("server: { admin_token: mine }", "server.admin_token"),
        ("server: { secret: mine }", "server.secret"),
        ("server: { trusted_proxies: [0.0.0.0/0] }", "server.trusted_proxies"),
        ("server: { tls: { certificate: /dev/zero, key: /dev/zero } }", "server.tls.certificate"),
        ("auth: { jwt: { jwks_file: /elsewhere } }", "auth.jwt.jwks_file"),
        // Removing a section sets everything in it.
        ("server: ~", "server"),
        ("auth: ~", "auth"),
    ] {
        remote.set_document(&format!("{text}\n"));
        let answer = update_config(&server).await;
        let message = answer["message"].as_str().unwrap_or_default();
        let named = message.contains(&format!(" {setting}: this may stand in the file only"));
        assert!(!is_success(&answer) && named, "{text}: {message}");
        assert_eq!(timezone_offset(&server).await, 60, "{text}");
    }
    remote.set_document(
        "llm: { aliases: { default: { base_url: http://127.0.0.1:1/v1 } } }\nserver: { timezone_offset_min: 90 }\n",
    );
    let answer = update_config(&server).await;
    assert!(is_success(&answer), "{answer}");
    assert_eq!(timezone_offset(&server).await, 90);
}

/// Restricts the server to one token.
const SIGN_IN: &str =
    "server: { timezone_offset_min: 70 }\nauth: { methods: [tokens], tokens: [{ token: abcdefgh }] }\n";

async fn accepts_without_token(server: &Server) -> bool {
    Device::try_connect(server, "/supie/v1/", &[("Device-Id", "dev-1"), ("Client-Id", "c")]).await.is_ok()
}

#[tokio::test]
async fn c12_who_may_connect_is_anothers_to_say_only_where_the_file_says_so() {
    const WARNING: &str = "set config.remote.sign_in to true";
    let remote = Remote::start(RemoteBehaviour::Document(SIGN_IN.to_owned())).await;
    // Unset: accepted with a warning in versions before 0.3.
    let server = Server::start(remote.settings()).await;
    assert_eq!(timezone_offset(&server).await, 70);
    assert!(!accepts_without_token(&server).await);
    server.wait_output(WARNING).await;
    drop(server);

    let with = |sign_in: Value| remote.settings().set("config.remote.sign_in", sign_in);
    let server = Server::start(with(json!(true))).await;
    assert!(!accepts_without_token(&server).await);
    assert!(!server.output().contains(WARNING));
    remote.set_document("server: { timezone_offset_min: 80 }\nauth: { methods: [] }\n");
    server.configure(&with(json!(false)));
    // The active remote configuration is checked again, and a fetched one as well.
    server.signal(Signal::HUP);
    server
        .wait_output(
            "auth.methods: what says who may connect (section `auth`) may come from the remote configuration only if",
        )
        .await;
    let answer = server.admin("POST", "/api/v1/config/reload", "").await;
    assert!(answer.status == 422 && answer.body.contains("config.remote.sign_in: true"), "{}", answer.body);
    assert!(!accepts_without_token(&server).await, "nothing has changed");
    assert_eq!(timezone_offset(&server).await, 70);
}

#[tokio::test]
async fn c12_nothing_is_fetched_over_an_open_way() {
    for (url, why) in [
        ("http://192.0.2.1/modehost.yaml", "must begin with `https://` unless it is on this machine"),
        ("https://me:hunter2@192.0.2.1/", "must not hold a user or password"),
    ] {
        let settings = Settings::new().set("config.remote", json!({ "url": url }));
        let mut server = Server::prepare(&settings);
        server.launch();
        let status = server.wait_exit(Duration::from_secs(20)).await;
        assert_eq!(status.code(), Some(64), "{}", server.output());
        server.wait_output(why).await;
        assert!(!server.output().contains("hunter2"), "{}", server.output());
    }
}

#[tokio::test]
async fn c12_a_start_with_what_stays_in_the_file_is_none() {
    let remote = Remote::start(RemoteBehaviour::Document("plugins: { dir: /elsewhere }\n".to_owned())).await;
    let mut server = Server::prepare(&remote.settings());
    server.launch();
    let status = server.wait_exit(Duration::from_secs(20)).await;
    assert_eq!(status.code(), Some(64), "{}", server.output());
    server.wait_output("plugins.dir: this may stand in the file only").await;
}
