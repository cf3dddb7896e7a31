//! Everyday use of a stock board (A.9 to A.12, C.16 to C.19): its own order of messages, real audio, and a model, a
//! recogniser and a TTS service behind the server. Rule: the device is `StockDevice`, which behaves as firmware does;
//! no test looks into the server.

use std::time::Duration;

use modehost_provider::{Gate, Provider, Reply};
use modehost_tests::sound::{recording, silence};
use modehost_tests::{Seen, Server, Settings, StockDevice};
use serde_json::json;

use crate::asr::with_transcription;

/// After this long without a message, nothing more is expected.
const QUIET_PERIOD: Duration = Duration::from_millis(1500);

/// The server and the mock services that it uses.
struct TestHost {
    model: Provider,
    asr: Provider,
    voice: Provider,
    server: Server,
}

async fn test_host(settings: Settings) -> TestHost {
    let (model, asr, voice) = (Provider::start(), Provider::start(), Provider::start());
    let alias = json!({ "base_url": model.base_url(), "model": "test", "retries": 0 });
    let settings = with_transcription(&asr, settings)
        .set("llm.aliases.default", alias)
        .set("tts", json!({ "provider": "openai", "openai": { "base_url": voice.base_url(), "model": "mouth" } }));
    let server = Server::start(settings).await;
    TestHost { model, asr, voice, server }
}

impl TestHost {
    /// The last user message of each request to the model.
    fn questions(&self) -> Vec<String> {
        self.model.requests().iter().map(|asked| asked.last_message().to_owned()).collect()
    }
}

/// An utterance with enough silence after it for the server to detect its end.
fn utterance() -> Vec<i16> {
    [recording("mark-done"), silence(1600)].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_a_wake_word_with_its_sound_is_no_turn_and_the_question_behind_it_is_one() {
    let test_host = test_host(Settings::new().bundled()).await;
    test_host.asr.default_reply(Reply::text("现在几点了"));
    test_host.model.default_reply(Reply::text("现在是三点。"));
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    // 38 frames of the wake word.
    board.wake_word(&recording("weather")[..38 * 960], "你好小智").await;
    assert_eq!(board.until_quiet(QUIET_PERIOD).await, None);
    assert_eq!(board.captions(), ["你好小智"], "one caption: the wake word's audio causes none");
    assert_eq!((test_host.questions(), board.sentences()), (vec![], vec![]), "no model request");
    board.stream_speech(&utterance()).await;
    board.until_spoken().await;
    assert_eq!(board.captions(), ["你好小智", "现在几点了"]);
    assert_eq!(
        (test_host.questions(), board.sentences()),
        (vec!["现在几点了".to_owned()], vec!["现在是三点。".to_owned()])
    );
    assert_eq!((board.unknown.clone(), board.dropped_frames), (vec![], 0), "C.18 and A.12");
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_a_greeting_is_said_on_waking_where_it_is_set() {
    let test_host = test_host(Settings::new().bundled().set("session.greeting", json!("我在"))).await;
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    board.wake_word(&recording("mark-done"), "你好小智").await;
    board.until_spoken().await;
    assert_eq!((board.captions(), board.sentences()), (vec!["你好小智".to_owned()], vec!["我在".to_owned()]));
    assert!(test_host.questions().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_what_was_half_said_before_hanging_up_is_not_answered_at_the_next_wake() {
    let test_host = test_host(Settings::new().bundled()).await;
    test_host.asr.default_reply(Reply::text("第二个问题"));
    test_host.model.default_reply(Reply::text("第二个回答。"));
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    board.listen("auto").await;
    board.stream_speech(&recording("two-sentences")[..2 * 16_000]).await;
    board.device.close().await;
    test_host.server.wait_disconnected("board").await;
    // While disconnected: the half sentence is neither recognised nor sent to the model.
    tokio::time::sleep(QUIET_PERIOD).await;
    assert_eq!((test_host.asr.requests().len(), test_host.questions()), (0, vec![]), "the half sentence is dropped");
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    board.press().await;
    board.stream_speech(&recording("mark-done")).await;
    board.stream_speech(&silence(300)).await;
    assert_eq!(board.sentences(), [""; 0], "the microphone is not taken from a new question");
    board.release().await;
    board.until_spoken().await;
    assert_eq!(board.captions(), ["第二个问题"]);
    assert_eq!(
        (test_host.questions(), board.sentences()),
        (vec!["第二个问题".to_owned()], vec!["第二个回答。".to_owned()])
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_an_answer_that_was_hung_up_on_does_not_go_on_at_the_next_wake() {
    let test_host = test_host(Settings::new().bundled()).await;
    test_host.asr.default_reply(Reply::text("讲个故事"));
    let story =
        ["从前有一座很高很高的山，", "山里有一座很老很老的庙，", "庙里有一个老和尚在讲故事。", "他讲的是什么呢？"];
    test_host.model.default_reply(Reply::chunks(&story).between_chunks(Duration::from_millis(50)));
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    board.listen("auto").await;
    board.stream_speech(&utterance()).await;
    while board.sentences().is_empty() {
        assert_eq!(board.until_quiet(Duration::from_millis(50)).await, None);
    }
    board.device.close().await;
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    board.listen("auto").await;
    assert_eq!(board.until_quiet(QUIET_PERIOD).await, None);
    assert_eq!((board.sentences(), board.captions()), (vec![], vec![]), "nothing of the old answer");
    // The model's history contains only what was played of the answer, not all that it wrote (L.5).
    test_host.asr.default_reply(Reply::text("刚才说到哪儿了"));
    test_host.model.default_reply(Reply::text("说到山。"));
    board.stream_speech(&utterance()).await;
    board.until_spoken().await;
    let asked = test_host.model.requests().last().expect("asked").body["messages"].to_string();
    assert!(!asked.contains("他讲的是什么呢"), "{asked}");
}

#[tokio::test(flavor = "multi_thread")]
async fn c16_an_abort_while_the_recogniser_works_drops_what_was_said() {
    let test_host = test_host(Settings::new().bundled()).await;
    let gate = Gate::new();
    test_host.asr.queue(Reply::text("不要这句").until_open(&gate));
    test_host.asr.default_reply(Reply::text("要这句"));
    test_host.model.default_reply(Reply::text("好的。"));
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    board.press().await;
    board.stream_speech(&recording("mark-done")).await;
    board.release().await;
    modehost_tests::wait::until(
        "the recogniser has received it",
        Duration::from_secs(10),
        async || test_host.asr.requests().len(),
        |n| *n == 1,
    )
    .await;
    board.abort().await;
    gate.open();
    assert_eq!(board.until_quiet(QUIET_PERIOD).await, None);
    assert_eq!((board.captions(), test_host.questions()), (vec![], vec![]));
    board.press().await;
    board.stream_speech(&recording("mark-done")).await;
    board.release().await;
    board.until_spoken().await;
    assert_eq!(test_host.questions(), ["要这句"], "the aborted utterance is not prepended");
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_silence_that_comes_as_sound_keeps_nobody_awake() {
    let quick = json!({ "idle_s": 3, "buffer_s": 1, "warn_before_s": [2] });
    let test_host = test_host(Settings::new().bundled().set("timeouts", quick)).await;
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    board.listen("auto").await;
    let mut warned = false;
    let end = loop {
        for packet in modehost_tests::sound::opus(&silence(240)) {
            board.device.send_message(tokio_tungstenite::tungstenite::Message::binary(packet)).await;
        }
        match board.until_quiet(Duration::from_millis(240)).await {
            None => {}
            Some(end) => break end,
        }
        warned |= board.device.seen_of_type("system").iter().any(|message| message["event"] == "timeout_warning");
        assert!(board.device.seen().len() < 1000, "it never disconnects");
    };
    assert!(warned && matches!(end, Seen::Closed(1000, _)), "warned: {warned}, {end:?}");
    assert!(test_host.asr.requests().is_empty(), "silence is not sent to the recogniser");
}

#[tokio::test(flavor = "multi_thread")]
async fn c17_a_farewell_is_answered_and_then_the_device_sleeps() {
    for (said_text, in_english) in [("再见", false), ("bye bye", true)] {
        let test_host = test_host(Settings::new().bundled()).await;
        test_host.asr.default_reply(Reply::text(said_text));
        test_host.model.default_reply(Reply::text("模型不该被问。"));
        let mut board = StockDevice::wake_up(&test_host.server, "board").await;
        board.listen("auto").await;
        board.stream_speech(&utterance()).await;
        let end = board.until_quiet(Duration::from_secs(5)).await;
        assert!(
            matches!(end, Some(Seen::Closed(1000, _))),
            "{said_text}: {end:?}; {:#?}",
            board.device.seen_of_type("tts")
        );
        let sentences = board.sentences();
        assert!(sentences.len() == 1 && sentences[0].is_ascii() == in_english, "{sentences:?}");
        assert!(test_host.questions().is_empty());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_a_slow_speaker_is_heard_to_the_end_and_answered_once() {
    let test_host = test_host(Settings::new().bundled()).await;
    test_host.asr.queue(Reply::text("我想问一下"));
    test_host.asr.default_reply(Reply::text("明天的天气"));
    test_host.model.default_reply(Reply::with(|asked| Reply::text(&format!("答{}。", asked.last_message()))));
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    board.listen("auto").await;
    let speech = [recording("mark-done"), silence(900), recording("refresh-tasks"), silence(1800)].concat();
    let withheld = board.stream_speech(&speech).await;
    board.until_spoken().await;
    // The answer may begin in the silence at the end, and not before.
    assert!(withheld * 60 <= 1800, "{withheld} frames of what was said were lost");
    let sentences = board.sentences();
    assert_eq!(sentences.len(), 1, "one answer: {sentences:?}");
    assert_eq!(
        test_host.questions().last().map(String::as_str),
        Some("我想问一下明天的天气"),
        "{:?}",
        test_host.questions()
    );
    assert!(sentences[0].contains("我想问一下") && sentences[0].contains("明天的天气"), "{sentences:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a10_a_held_button_is_one_utterance_however_long_and_with_pauses() {
    let test_host = test_host(Settings::new().bundled()).await;
    test_host.asr.default_reply(Reply::text("一句很长的话"));
    test_host.model.default_reply(Reply::text("好的。"));
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    // Shows the server that this device sends `listen` `stop` when the button is released.
    board.press().await;
    board.stream_speech(&recording("mark-done")).await;
    board.release().await;
    board.until_spoken().await;
    board.press().await;
    let (short, long) = (recording("mark-done"), recording("two-sentences"));
    let speech = [&long[..], &silence(700), &long, &silence(1200), &short, &silence(700), &short].concat();
    assert!(speech.len() > 12 * 16_000);
    assert_eq!(board.stream_speech(&speech).await, 0, "nothing is said while the button is held");
    assert_eq!(test_host.asr.requests().len(), 1, "nothing is recognised while the button is held");
    board.release().await;
    board.until_spoken().await;
    let lengths: Vec<usize> = test_host.asr.requests().iter().map(|asked| asked.file.len() / 32_000).collect();
    assert!(lengths.len() == 2 && lengths[1] >= 10, "one utterance, whole: {lengths:?} s");
    assert_eq!(test_host.questions().len(), 2);
    // What the server has learnt about the device outlives the session and the process.
    board.device.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a9_a_silent_press_is_nothing() {
    let test_host = test_host(Settings::new().bundled()).await;
    test_host.asr.default_reply(Reply::text("谢谢观看"));
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    board.press().await;
    board.stream_speech(&silence(1800)).await;
    board.release().await;
    assert_eq!(board.until_quiet(QUIET_PERIOD).await, None);
    assert_eq!((board.captions(), test_host.questions()), (vec![], vec![]));
    assert!(test_host.asr.requests().is_empty(), "silence is not sent to the recogniser");
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_a_stock_board_is_told_what_it_knows_and_remembered_once_it_knows_more() {
    let mut test_host = test_host(Settings::new().bundled()).await;
    // A task board, which other devices receive at each connect.
    let mut other = modehost_tests::Device::join(&test_host.server, "screen").await;
    let tasks: Vec<_> = (0..50).map(|n| json!({ "id": format!("t{n}"), "title": format!("task {n}") })).collect();
    other.send(json!({ "type": "workflow", "event": "update", "tasks": tasks })).await;
    other.expect_type("workflow").await;
    test_host.asr.default_reply(Reply::text("你好吗"));
    test_host.model.default_reply(Reply::text("😊 我很好。"));
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    board.listen("auto").await;
    board.stream_speech(&utterance()).await;
    board.until_spoken().await;
    assert_eq!(board.until_quiet(QUIET_PERIOD).await, None);
    assert_eq!(board.unknown, [""; 0].map(str::to_owned), "nothing that it does not know");
    assert_eq!(board.device.seen_of_type("llm").len(), 1, "the emotion message comes");
    // It requests the board, if with an invalid event: from now on it receives updates.
    board.device.send(json!({ "type": "workflow", "event": "nonsense" })).await;
    board.device.expect_type("error").await;
    board.device.types("再说一遍").await;
    board.device.expect_type("audio").await;
    test_host.server.restart().await;
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    board.device.types("你好").await;
    board.device.expect_type("audio").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_words_of_another_device_are_shown_on_a_stock_board_at_once_or_on_its_return() {
    let settings = Settings::new().bundled().plugin("peers", modehost_tests::guest::bundled("peers"));
    let server = Server::start(settings).await;
    let mut sender = modehost_tests::Device::join(&server, "screen").await;
    let mut board = StockDevice::wake_up(&server, "board").await;
    let message = |text: &str| json!({ "type": "peer", "id": text, "to": "board", "payload": { "text": text } });
    sender.send(message("吃饭了")).await;
    assert_eq!(board.until_quiet(QUIET_PERIOD).await, None);
    board.device.close().await;
    server.wait_disconnected("board").await;
    sender.send(message("快来")).await;
    sender.expect("a receipt", |message| message["event"] == "receipt" && message["id"] == "快来").await;
    let mut again = StockDevice::wake_up(&server, "board").await;
    assert_eq!(again.until_quiet(QUIET_PERIOD).await, None);
    let shown = |text: &str| vec![("screen".to_owned(), text.to_owned())];
    assert_eq!((board.alerts, again.alerts), (shown("吃饭了"), shown("快来")));
    assert!(board.unknown.is_empty() && again.unknown.is_empty(), "{:?} {:?}", board.unknown, again.unknown);
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_groups_and_all_devices_can_be_told_everything_and_faces_can_be_refused() {
    let settings = Settings::new()
        .bundled()
        .set("groups", json!({ "screens": ["screen"] }))
        .set("gateway.extension_groups", json!(["screens"]));
    let test_host = test_host(settings.clone()).await;
    test_host.model.default_reply(Reply::text("😊 我很好。"));
    let mut received = Vec::new();
    for (id, features) in [("screen", json!({})), ("board", json!({})), ("plain", json!({ "emoji": false }))] {
        let mut device = modehost_tests::Device::connect(&test_host.server, id).await;
        device.hello_with(features).await;
        device.types("你好吗").await;
        device.expect("the end", |message| message["type"] == "tts" && message["state"] == "stop").await;
        received.push((device.seen_of_type("audio").len(), device.seen_of_type("llm").len()));
    }
    assert_eq!(received, [(1, 1), (0, 1), (0, 0)]);
}

#[tokio::test(flavor = "multi_thread")]
async fn c19_a_missing_recogniser_is_shown_once_and_the_log_tells_who_came() {
    let settings = Settings::new().bundled();
    let server = Server::start(settings).await;
    let asked =
        modehost_tests::http::request(server.http(), "GET", "/xiaozhi/ota/", &[("Device-Id", "board")], "").await;
    let asked = asked.expect("an answer");
    assert!(asked.json()["websocket"]["url"].as_str().is_some_and(|url| url.starts_with("ws://")), "{}", asked.body);
    let mut board = StockDevice::wake_up(&server, "board").await;
    for _ in 0..2 {
        board.press().await;
        board.stream_speech(&recording("mark-done")).await;
        board.release().await;
        assert_eq!(board.until_quiet(Duration::from_millis(400)).await, None);
    }
    let [(status, message)] = &board.alerts[..] else { panic!("once: {:?}", board.alerts) };
    assert!(status.contains("听不懂") && message.contains("语音识别"), "{status}: {message}");
    assert!(board.unknown.is_empty(), "{:?}", board.unknown);
    board.device.close().await;
    for line in [
        "model: none;",
        "recogniser: none;",
        "voice: none;",
        "a device has asked for the address (OTA)",
        "a device has connected",
        "user alerted to a fault: no speech recogniser is configured",
        "the connection of a device has ended",
    ] {
        server.wait_output(line).await;
        assert_eq!(server.output().matches(line).count(), 1, "{line}:\n{}", server.output());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn c19_a_failing_recogniser_and_a_failing_voice_are_shown_once_each() {
    let test_host = test_host(Settings::new().bundled().set("session.language", json!("en"))).await;
    test_host.asr.default_reply(Reply::status(401));
    test_host.model.default_reply(Reply::text("Hello."));
    test_host.voice.default_reply(Reply::status(401));
    let mut board = StockDevice::wake_up(&test_host.server, "board").await;
    for _ in 0..3 {
        board.press().await;
        board.stream_speech(&recording("mark-done")).await;
        board.release().await;
        assert_eq!(board.until_quiet(Duration::from_millis(500)).await, None);
    }
    for _ in 0..2 {
        board.device.types("hello there").await;
        board.until_spoken().await;
        assert_eq!(board.until_quiet(Duration::from_millis(500)).await, None);
    }
    let statuses: Vec<&str> = board.alerts.iter().map(|(status, _)| status.as_str()).collect();
    assert_eq!(statuses, ["Not understood", "No voice"], "{:?}", board.alerts);
}

#[tokio::test(flavor = "multi_thread")]
async fn c18_a_page_that_offers_sub_protocols_is_answered_one_and_a_sign_in_is_one_line() {
    let tokens = json!([{ "token": "a-token-of-the-test", "device": "page" }]);
    let settings = Settings::new().set("auth", json!({ "methods": ["tokens"], "tokens": tokens }));
    let server = Server::start(settings).await;
    let headers = "Device-Id: page\r\nClient-Id: test\r\nAuthorization: Bearer a-token-of-the-test\r\n\
        Sec-WebSocket-Protocol: xiaozhi.v1, other\r\n";
    let request = modehost_tests::raw::upgrade("/xiaozhi/v1/", headers);
    let mut stream = modehost_tests::raw::send(server.ws(), request.as_bytes()).await;
    let (head, _) = modehost_tests::raw::read_to_end(&mut stream, Duration::from_millis(500)).await;
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.to_lowercase().contains("sec-websocket-protocol: xiaozhi.v1\r\n"), "{head}");
    server.wait_output("a device has signed in").await;
    assert!(!server.output().contains("a-token-of-the-test"), "{}", server.output());
}
