//! Plugins that operators send to a running server. Rule: what a plugin is and lacks is told before anything changes, and what
//! is refused leaves no file.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use minisign::KeyPair;
use modehost_tests::{Device, Server, Settings, guest};
use serde_json::{Value, json};

const WASM: (&str, &str) = ("Content-Type", "application/wasm");

#[tokio::test]
async fn a_plugin_is_checked_then_installed_and_a_newer_one_replaces_it_under_a_device() {
    let server = Server::start(Settings::new()).await;
    let one = guest::fixture(&[]);
    let found = server.send_file("POST", "/api/v1/plugins/check", &[WASM], &one).await;
    assert_eq!(found.status, 200, "{found:?}");
    let found = found.json();
    assert_eq!(
        (&found["id"], &found["version"], &found["replaces"]),
        (&json!("fixture"), &json!("1.0.0"), &Value::Null)
    );
    assert_eq!((&found["missing_grants"], &found["signature"]), (&json!([]), &Value::Null), "{found}");
    let file = server.plugins_dir().join("fixture.wasm");
    assert!(!file.exists(), "a check writes nothing");
    let installed = server.send_file("PUT", "/api/v1/plugins/fixture", &[WASM], &one).await;
    assert_eq!((installed.status, &installed.json()["outcome"]), (200, &json!("installed")));
    assert_eq!(std::fs::read(&file).expect("a file"), one);
    server.wait_output("in force plugin=fixture").await;
    let mut device = Device::join(&server, "dev-1").await;
    assert_eq!(device.count().await.0, 1);

    let directory = tempfile::tempdir().expect("a folder");
    let path = directory.path().join("new.wasm");
    std::fs::write(&path, guest::fixture_version("2.0.0")).expect("written");
    let (code, out, err) = server.run(&["plugin", "upload", &path.display().to_string()]).await;
    assert!(code == 0 && out.contains("fixture 2.0.0") && out.contains("serves now: 1.0.0"), "{out}{err}");
    server.wait_output("version=2.0.0").await;
    assert_eq!(device.count().await.0, 2, "its state is carried over");
}

#[tokio::test]
async fn what_is_refused_leaves_no_file_and_says_why() {
    let settings = Settings::new().set("plugins.grants.working", json!([]));
    let server = Server::start(settings).await;
    let working = guest::bundled("working");
    let found = server.send_file("POST", "/api/v1/plugins/check", &[WASM], &working).await.json();
    assert_eq!(found["missing_grants"], json!(["dispatch:workflow", "documents:workflow/"]), "{found}");
    for (path, bytes, why) in [
        ("/api/v1/plugins/working", working.as_slice(), "asks for the grants `dispatch:workflow`"),
        ("/api/v1/plugins/other", working.as_slice(), "this is the plugin working, not other"),
        ("/api/v1/plugins/working", b"noise", "this file is not WebAssembly"),
        ("/api/v1/plugins/working", &working[..working.len() / 2], "this file "),
        ("/api/v1/plugins/..%2F..%2Fevil", working.as_slice(), "this is the plugin working"),
    ] {
        let refused = server.send_file("PUT", path, &[WASM], bytes).await;
        assert_eq!(refused.status, 422, "{refused:?}");
        assert!(refused.body.contains(why), "{refused:?}");
    }
    let files = std::fs::read_dir(server.plugins_dir()).expect("a folder").count();
    assert_eq!(files, 0);
}

#[tokio::test]
async fn where_keys_are_configured_the_signature_comes_along() {
    let (mine, other) = (
        KeyPair::generate_unencrypted_keypair().expect("keys"),
        KeyPair::generate_unencrypted_keypair().expect("keys"),
    );
    let server = Server::start(Settings::new().set("plugins.signing_keys", json!([mine.pk.to_base64()]))).await;
    let bytes = guest::fixture(&[]);
    let sign = |keys: &KeyPair| {
        let signature = minisign::sign(Some(&keys.pk), &keys.sk, &*bytes, None, None).expect("signed");
        STANDARD.encode(signature.to_string())
    };
    for (signature, status, why) in [
        (None, 422, "it is not signed, which plugins.signing_keys asks for"),
        (Some(sign(&other)), 422, "is no signature of this file by a key of plugins.signing_keys"),
        (Some("%%%".to_owned()), 400, "must be the .minisig file in base64"),
        (Some(sign(&mine)), 200, "\"signature\":\"valid\""),
    ] {
        let mut headers = vec![WASM];
        headers.extend(signature.as_deref().map(|text| ("modehost-signature", text)));
        let found = server.send_file("POST", "/api/v1/plugins/check", &headers, &bytes).await;
        assert!(found.status == status && found.body.contains(why), "{found:?}");
        if status == 200 {
            assert_eq!(server.send_file("PUT", "/api/v1/plugins/fixture", &headers, &bytes).await.status, 200);
        } else {
            assert_eq!(server.send_file("PUT", "/api/v1/plugins/fixture", &headers, &bytes).await.status, status);
            assert!(!server.plugins_dir().join("fixture.wasm").exists());
        }
    }
}
