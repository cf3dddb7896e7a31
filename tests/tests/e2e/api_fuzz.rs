//! The operators' API against its own document: calls that fit it and calls that do not, made by schemathesis. Rule: no
//! call is a server error, and every response is one that the document has.

use std::process::{Command, Stdio};

use modehost_tests::{Device, Server, Settings, skip};
use serde_json::json;

const TOKEN: &str = "hush-hush-hush-hush";

/// What is looked at in each response. Which ids and texts are refused, no schema can say.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,response_headers_conformance,\
                      response_schema_conformance,unsupported_method,ignored_auth";

#[tokio::test(flavor = "multi_thread")]
async fn every_response_is_one_that_the_document_has() {
    let version = Command::new("schemathesis").arg("--version").stdout(Stdio::null()).stderr(Stdio::null()).status();
    if !version.is_ok_and(|status| status.success()) {
        return skip::not_installed("schemathesis");
    }
    let settings = Settings::new().bundled().set("server.admin_token", json!(TOKEN));
    let settings = settings.set("operators.calls_per_minute", json!(1_000_000));
    let server = Server::start(settings).await;
    let mut device = Device::join(&server, "0").await;
    device.ping().await;
    let bearer = format!("Bearer {TOKEN}");
    let headers = [("Authorization", bearer.as_str())];
    let document = modehost_tests::http::request(server.http(), "GET", "/api/v1/openapi.json", &headers, "").await;
    let home = tempfile::tempdir().expect("a folder");
    std::fs::write(home.path().join("openapi.json"), document.expect("a document").body).expect("written");
    let mut command = Command::new("schemathesis");
    command
        .args(["run", "openapi.json", "--url", &format!("http://{}", server.http())])
        .args(["-H", &format!("Authorization: {bearer}"), "--checks", CHECKS])
        // Streams go on, and a restart ends the run; both have tests of their own.
        .args(["--exclude-path-regex", "(watch|feed|restart)$"])
        // Not the stateful phase: from the paths in lines of the audit, it infers links that it then calls invalid.
        .args(["--phases", "examples,coverage,fuzzing"])
        // The same calls each time: what fails here fails again on the same commit.
        .args(["--seed", "1", "--max-examples", "100", "--request-timeout", "30", "--no-color"])
        .current_dir(home.path())
        .stdin(Stdio::null());
    let output = modehost_task::run_blocking(move || command.output()).await.expect("not stopped").expect("a run");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}");
    let tested = text.lines().find_map(|line| line.trim().strip_prefix("Tested: ")?.trim().parse::<usize>().ok());
    assert!(tested.is_some_and(|tested| tested >= 37), "{text}");
    assert!(!server.output().contains("panicked"), "{}", server.output());
}
