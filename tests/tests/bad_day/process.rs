//! Signals, kills and restarts. Rule: SIGHUP ends nothing; everything acknowledged before a kill or a restart is there
//! after it.

use std::time::Duration;

use modehost_tests::wait;
use rustix::process::Signal;
use serde_json::json;

use super::Aftermath;
use super::test_host::{SECRET, TestHost};

pub async fn sighups(host: &mut TestHost) {
    for _ in 0..host.random.usize(20..200) {
        host.server.signal(Signal::HUP);
        if host.random.u8(0..20) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let answer = host.admin("POST", "/api/v1/config/reload", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// SIGKILL while another device is sending.
pub async fn kill(host: &mut TestHost) -> Aftermath {
    let mut busy = host.join("busy").await;
    for number in 0..host.random.u32(0..60) {
        let wish = if number % 2 == 0 { "count" } else { "append" };
        busy.send(json!({ "type": "fixture", "do": wish, "key": "fixture/busy", "value": "1" })).await;
    }
    host.server.kill9();
    host.server.launch();
    if host.random.bool() {
        // Sometimes also before it is ready.
        host.server.kill9();
        host.server.launch();
    }
    host.server.ready().await;
    Aftermath::Killed
}

pub async fn restart(host: &mut TestHost) -> Aftermath {
    let before = host.starts();
    let mut console = host.connect("7f3c0000-0000-4000-8000-000000000001").await;
    console.send(json!({ "type": "server", "action": "restart", "content": { "secret": SECRET } })).await;
    let answer = console.expect_type("server").await;
    assert_eq!(answer["status"], "success", "{answer}");
    for _ in 0..host.random.usize(0..30) {
        host.server.signal(Signal::HUP);
    }
    let probe = || std::future::ready(host.starts());
    wait::until("the server is ready again", Duration::from_secs(60), probe, |starts| *starts > before).await;
    Aftermath::Restarted
}
