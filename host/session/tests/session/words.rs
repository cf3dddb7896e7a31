//! What is heard of a device: typed words, drafts and confirmed ones.

use std::time::Duration;

use modehost_session::Config;
use serde_json::{Value, json};

use crate::host::{Device, TestHost};
use crate::mock_mode::mock_mode;
use crate::native::Native;

fn attentive() -> TestHost {
    let host = TestHost::with(Config { default_mode: Some("red".into()), ..Config::default() }, |_| {});
    host.catalog.publish(Native::new("red", 1, mock_mode));
    host
}

/// What the mode was told of words: text, whether confirmed, number of the segment.
async fn told(device: &mut Device) -> (String, bool, u64) {
    let told = device.is_told("transcript").await;
    let text = told["text"].as_str().unwrap().to_owned();
    (text, told["confirmed"] == true, told["segment"].as_u64().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn m3_drafts_and_the_confirmed_text_share_a_number() {
    let host = attentive();
    let mut device = host.device("a");
    device.is_understood("hel", false).await;
    device.is_understood("hello", false).await;
    device.is_understood("Hello.", true).await;
    device.is_understood("And now", true).await;
    assert_eq!(told(&mut device).await, ("hel".into(), false, 1));
    assert_eq!(told(&mut device).await, ("hello".into(), false, 1));
    assert_eq!(told(&mut device).await, ("Hello.".into(), true, 1));
    assert_eq!(told(&mut device).await, ("And now".into(), true, 2));
    // Typed words end what is being said (C.16), and have a number of their own; a draft that came to
    // nothing frees none: whatever was told under it is over.
    device.is_understood("so", false).await;
    assert_eq!(told(&mut device).await, ("so".into(), false, 3));
    device.say(json!({ "type": "listen", "state": "detect", "text": "typed" })).await;
    device.is_understood("so what", true).await;
    device.is_understood("hm", false).await;
    device.is_understood(" ", true).await;
    device.is_understood("yes", true).await;
    assert_eq!(told(&mut device).await, ("typed".into(), true, 4));
    assert_eq!(told(&mut device).await, ("so what".into(), true, 5));
    assert_eq!(told(&mut device).await, ("hm".into(), false, 6));
    assert_eq!(told(&mut device).await, ("yes".into(), true, 7));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caption_is_given_to_confirmed_words_and_live_text_to_all() {
    let host = attentive();
    let mut device = host.device("a");
    device.is_understood("hel", false).await;
    device.is_understood("Hello.", true).await;
    let heard = device.hears_up_to_now().await;
    let of = |kind: &str| -> Vec<&Value> {
        heard.iter().filter(|one| one["type"] == kind).map(|one| &one["text"]).collect()
    };
    assert_eq!(of("stt"), [&json!("Hello.")]);
    assert_eq!(of("audio"), [&json!("hel"), &json!("Hello.")]);
}

#[tokio::test(flavor = "multi_thread")]
async fn words_for_nobody_are_complained_about_once_they_are_confirmed() {
    let host = TestHost::new();
    let mut device = host.device("a");
    device.is_understood("hel", false).await;
    device.is_understood("Hello.", true).await;
    let heard = device.hears_up_to_now().await;
    assert_eq!(heard.iter().filter(|one| one["code"] == "NOT_READY").count(), 1, "{heard:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c4_words_that_were_said_before_a_connection_ended_are_heard() {
    let host = TestHost::with(
        Config { default_mode: Some("red".into()), resume_window: Duration::from_secs(60), ..Config::default() },
        |_| {},
    );
    host.catalog.publish(Native::new("red", 1, mock_mode));
    let mut device = host.device("a");
    device.is_understood("before", true).await;
    device.vanish();
    let mut again = host.device("a");
    again.is_understood("after", true).await;
    let (text, _, segment) = told(&mut again).await;
    // The first may have been told to the connection that went; its number was used all the same.
    assert!(text == "before" && segment == 1 || text == "after" && segment == 2, "{text} {segment}");
}
