//! Signals, kills and restarts. Rule: a hang-up ends nothing; what was acknowledged before a kill or a restart is
//! there after it.

use std::time::Duration;

use modehost_tests::wait;
use rustix::process::Signal;
use serde_json::json;

use super::Aftermath;
use super::scene::{SECRET, Scene};

pub async fn hang_ups(scene: &mut Scene) {
    for _ in 0..scene.dice.usize(20..200) {
        scene.server.signal(Signal::HUP);
        if scene.dice.u8(0..20) == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let answer = scene.operator("POST", "/api/v1/config/reload", "").await;
    assert_eq!(answer.status, 200, "{answer:?}");
}

/// In the middle of what somebody else does.
pub async fn kill(scene: &mut Scene) -> Aftermath {
    let mut busy = scene.join("busy").await;
    for number in 0..scene.dice.u32(0..60) {
        let wish = if number % 2 == 0 { "count" } else { "append" };
        busy.send(json!({ "type": "fixture", "do": wish, "key": "fixture/busy", "value": "1" })).await;
    }
    scene.server.kill9();
    scene.server.launch();
    if scene.dice.bool() {
        // Before it is ready, too.
        scene.server.kill9();
        scene.server.launch();
    }
    scene.server.ready().await;
    Aftermath::Killed
}

pub async fn restart(scene: &mut Scene) -> Aftermath {
    let before = scene.starts();
    let mut console = scene.connect("7f3c0000-0000-4000-8000-000000000001").await;
    console.send(json!({ "type": "server", "action": "restart", "content": { "secret": SECRET } })).await;
    let answer = console.expect_type("server").await;
    assert_eq!(answer["status"], "success", "{answer}");
    for _ in 0..scene.dice.usize(0..30) {
        scene.server.signal(Signal::HUP);
    }
    let look = || std::future::ready(scene.starts());
    wait::until("the server is ready again", Duration::from_secs(60), look, |starts| *starts > before).await;
    Aftermath::Restarted
}
