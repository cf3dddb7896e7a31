//! Turn records: numbers, kinds, the plugin that served each, and outcomes.
//!
//! Rule: one record for each turn, in the order of the turns.

use std::sync::Arc;

use modehost_ids::{GenerationId, PluginId};
use modehost_session::{Config, TurnKind, TurnOutcome, TurnRecord};
use serde_json::json;

use crate::host::{Device, TestHost};
use crate::mock_mode::mock_mode;
use crate::native::NativeMode;
use crate::scripted::Script;

fn model_host() -> (TestHost, Script) {
    let script = Script::default();
    let models = Arc::new(script.clone());
    let config = Config { default_mode: Some("red".into()), ..Config::default() };
    let host = TestHost::with(config, |services| services.models = Some(models));
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    (host, script)
}

/// The turns of the device, once there are so many.
async fn turns(host: &TestHost, count: usize) -> Vec<TurnRecord> {
    let look = async {
        loop {
            let turns = host.registry.turns(&"a".into()).expect("a session");
            if turns.len() >= count {
                return turns;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), look).await.expect("the turns")
}

async fn type_text(device: &mut Device, text: &str) {
    device.say(json!({ "type": "listen", "state": "detect", "text": text })).await;
}

fn instructions(instructions: serde_json::Value) -> String {
    json!({ "do": instructions }).to_string()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_turn_says_who_served_it_and_what_it_came_to() {
    let (host, script) = model_host();
    let mut device = host.device("a");
    device.say_hello(false).await;
    // Answered through a model, which sends a chunk first.
    device.transcribe(&instructions(json!([{ "ask": "why", "chunks": true, "spoken": true }])), true).await;
    script.wait_asked(1).await;
    script.send_chunk(0, "so").await;
    script.send_answer(0, &instructions(json!([{ "say": "So." }]))).await;
    let first = turns(&host, 1).await.remove(0);
    assert_eq!((first.turn.0, first.kind, first.outcome), (1, TurnKind::Utterance, TurnOutcome::Answered));
    assert_eq!((first.plugin.as_ref().map(PluginId::as_str), first.generation), (Some("red"), Some(GenerationId(1))));
    assert!(first.model_first_ms.is_some() && first.model_ms >= first.model_first_ms, "{first:?}");
    assert!(first.model_ms <= Some(first.total_ms) && first.first_sound_ms.is_none(), "{first:?}");

    // Interrupted by the user, while the model is still being asked.
    type_text(&mut device, &instructions(json!([{ "ask": "why", "spoken": true }]))).await;
    script.wait_asked(2).await;
    device.say(json!({ "type": "abort", "reason": "enough" })).await;
    let second = turns(&host, 2).await.remove(1);
    assert_eq!((second.turn.0, second.kind, second.outcome), (2, TurnKind::Typed, TurnOutcome::Interrupted));
    assert_eq!(second.why.as_deref(), Some("enough"));

    // The mode fails on it.
    type_text(&mut device, &instructions(json!([{ "trap": true }]))).await;
    let third = turns(&host, 3).await.remove(2);
    assert_eq!((third.turn.0, third.outcome, third.why.as_deref()), (3, TurnOutcome::Failed, Some("mode trap")));

    // A message is a turn only if its mode asks a model or speaks; others take no number.
    device.instruct("red", json!([{ "note": 1 }])).await;
    device.instruct("red", json!([{ "ask": "why" }])).await;
    script.wait_asked(3).await;
    script.send_answer(2, "nothing to say").await;
    let fourth = turns(&host, 4).await.remove(3);
    assert_eq!((fourth.turn.0, fourth.kind), (4, TurnKind::Message));
    let sessions: Vec<_> = [&first, &second, &third, &fourth].map(|turn| turn.session.clone()).into();
    assert!(sessions.iter().all(|session| *session == sessions[0]), "{sessions:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn words_that_go_on_are_the_same_turn() {
    let (host, script) = model_host();
    let device = host.device("a");
    device.transcribe(&instructions(json!([{ "ask": "why", "spoken": true }])), true).await;
    script.wait_asked(1).await;
    // No answer has been played: the mode is asked again, with the whole text (A.10).
    device.transcribe("and how", true).await;
    script.wait_dropped(0).await;
    let turns = turns(&host, 1).await;
    assert_eq!((turns.len(), turns[0].turn.0), (1, 1), "{turns:?}");
    assert_ne!(turns[0].outcome, TurnOutcome::Interrupted, "{turns:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_last_turns_are_kept_and_numbers_go_on_after_a_restart() {
    let (mut host, _script) = model_host();
    let mut device = host.device("a");
    device.say_hello(false).await;
    for _ in 0..modehost_session::limits::RECENT_TURNS + 2 {
        type_text(&mut device, "hm").await;
    }
    device.received_so_far().await;
    let kept = turns(&host, modehost_session::limits::RECENT_TURNS).await;
    let numbers: Vec<u64> = kept.iter().map(|turn| turn.turn.0).collect();
    let last = modehost_session::limits::RECENT_TURNS as u64 + 2;
    assert_eq!(numbers, (3..=last).collect::<Vec<_>>(), "the oldest went");
    let session = kept[0].session.clone();
    drop(device);
    host.restart().await;
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    let mut device = host.device("a");
    type_text(&mut device, "hm").await;
    let turn = turns(&host, 1).await.remove(0);
    assert_eq!((turn.turn.0, turn.session), (last + 1, session), "a number stands for one turn of a session");
}
