//! Transcripts of a device: typed text, partial and final results.
//!
//! Rule: a partial and its final text share a segment number, and nothing else gets it.

use std::time::Duration;

use modehost_session::Config;
use serde_json::{Value, json};

use crate::host::{Device, TestHost};
use crate::mock_mode::mock_mode;
use crate::native::NativeMode;

fn asr_host() -> TestHost {
    let host = TestHost::with(Config { default_mode: Some("red".into()), ..Config::default() }, |_| {});
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    host
}

/// The next transcript of the mode: text, whether final, number of the segment.
async fn expect_transcript(device: &mut Device) -> (String, bool, u64) {
    let reported = device.expect_event("transcript").await;
    let text = reported["text"].as_str().unwrap().to_owned();
    (text, reported["confirmed"] == true, reported["segment"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn m3_drafts_and_the_confirmed_text_share_a_number() {
    let host = asr_host();
    let mut device = host.device("a");
    device.transcribe("hel", false).await;
    device.transcribe("hello", false).await;
    device.transcribe("Hello.", true).await;
    device.transcribe("And now", true).await;
    assert_eq!(expect_transcript(&mut device).await, ("hel".into(), false, 1));
    assert_eq!(expect_transcript(&mut device).await, ("hello".into(), false, 1));
    assert_eq!(expect_transcript(&mut device).await, ("Hello.".into(), true, 1));
    assert_eq!(expect_transcript(&mut device).await, ("And now".into(), true, 2));
    // Typed text ends current speech (C.16), and has a number of its own; a partial that comes to nothing releases
    // none: its number has been used.
    device.transcribe("so", false).await;
    assert_eq!(expect_transcript(&mut device).await, ("so".into(), false, 3));
    device.say(json!({ "type": "listen", "state": "detect", "text": "typed" })).await;
    device.transcribe("so what", true).await;
    device.transcribe("hm", false).await;
    device.transcribe(" ", true).await;
    device.transcribe("yes", true).await;
    assert_eq!(expect_transcript(&mut device).await, ("typed".into(), true, 4));
    assert_eq!(expect_transcript(&mut device).await, ("so what".into(), true, 5));
    assert_eq!(expect_transcript(&mut device).await, ("hm".into(), false, 6));
    assert_eq!(expect_transcript(&mut device).await, ("yes".into(), true, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caption_is_given_to_confirmed_words_and_live_text_to_all() {
    let host = asr_host();
    let mut device = host.device("a");
    device.transcribe("hel", false).await;
    device.transcribe("Hello.", true).await;
    let received = device.received_so_far().await;
    let of = |kind: &str| -> Vec<&Value> {
        received.iter().filter(|one| one["type"] == kind).map(|one| &one["text"]).collect()
    };
    assert_eq!(of("stt"), [&json!("Hello.")]);
    assert_eq!(of("audio"), [&json!("hel"), &json!("Hello.")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_for_nobody_are_complained_about_once_they_are_confirmed() {
    let host = TestHost::new();
    let mut device = host.device("a");
    device.transcribe("hel", false).await;
    device.transcribe("Hello.", true).await;
    let received = device.received_so_far().await;
    assert_eq!(received.iter().filter(|one| one["code"] == "NOT_READY").count(), 1, "{received:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_words_that_were_said_before_a_connection_ended_are_heard() {
    let host = TestHost::with(
        Config { default_mode: Some("red".into()), resume_window: Duration::from_secs(60), ..Config::default() },
        |_| {},
    );
    host.catalog.publish(NativeMode::new("red", 1, mock_mode));
    let mut device = host.device("a");
    device.transcribe("before", true).await;
    device.lose_connection();
    let mut again = host.device("a");
    again.transcribe("after", true).await;
    let (text, _, segment) = expect_transcript(&mut again).await;
    // The first may have been sent to the connection that was lost; its number was used nevertheless.
    assert!(text == "before" && segment == 1 || text == "after" && segment == 2, "{text} {segment}");
}
