//! M.18, C.17: an utterance that is a command as a whole is executed; talk that mentions one is not. Rule: everything
//! is driven by the device's own messages, typed or recognised.

use modehost_tests::{Device, Server, Settings, guest};
use serde_json::json;

async fn server() -> Server {
    let grants = json!(["model", "deliver", "journals:meeting/", "documents:meeting/", "archive:meetings", "hook:*"]);
    let settings =
        Settings::new().bundled().plugin("meeting", guest::bundled("meeting")).set("plugins.grants.meeting", grants);
    Server::start(settings).await
}

#[tokio::test]
async fn m18_talk_begins_and_ends_no_mode() {
    let server = server().await;
    let mut device = Device::join(&server, "dev-1").await;
    for text in ["明天开始会议", "我开始工作了", "他说开始会议", "We start the meeting at nine."] {
        device.types(text).await;
        // Without a model every turn is answered by rules.
        device.expect("an answer", |message| message["type"] == "tts" && message["state"] == "stop").await;
    }
    assert!(device.seen_of_type("mode").is_empty(), "{:?}", device.seen());
    device.types("嗯，请开始会议吧").await;
    device.expect("the meeting", |message| message["type"] == "mode" && message["mode"] == "meeting").await;
    for text in ["明天三点结束会议", "会议结束了吗"] {
        device.types(text).await;
        device
            .expect("it is stored", |message| message["type"] == "meeting" && message.to_string().contains(text))
            .await;
    }
    device.types("好的，今天的会议就到这里，谢谢大家").await;
    device.expect("the end", |message| message["type"] == "mode" && message["state"] == "end").await;
}

#[tokio::test]
async fn c17_a_farewell_is_answered_and_the_connection_closes() {
    let server = server().await;
    for text in ["再见", "退出", "ok bye bye"] {
        let mut device = Device::join(&server, "dev-1").await;
        device.types(text).await;
        device.expect("an answer", |message| message["type"] == "tts" && message["state"] == "sentence_start").await;
        assert_eq!(device.expect_close().await.0, 1000, "{text}");
    }
}

#[tokio::test]
async fn c17_exit_leaves_a_mode_that_a_message_began() {
    let server = server().await;
    let mut device = Device::join(&server, "dev-1").await;
    for mode in ["meeting", "working"] {
        device.start_mode(mode).await;
        device.types("退出").await;
        device.expect("the end", |message| message["type"] == "mode" && message["state"] == "end").await;
    }
    device.ping().await;
}
