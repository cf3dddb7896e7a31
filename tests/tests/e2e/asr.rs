//! A.1 to A.7: speech recognition over real sockets, in real Opus, with mock services that speak the recognisers' real
//! protocols. Rule: the transcripts are scripted; the tests check that the audio reaches the recogniser, and the
//! transcript the mode.

use std::time::Duration;

use modehost_provider::{Provider, Reply};
use modehost_recogniser::{Kind, Service, Step, doubao, funasr};
use modehost_tests::sound::{framed, recording, silence};
use modehost_tests::{Device, Server, Settings, guest};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

/// Pause after which the device's endpoint counts as separate from the one before.
pub(crate) const UTTERANCE_GAP: Duration = Duration::from_millis(320);

pub(crate) fn with_transcription(provider: &Provider, settings: Settings) -> Settings {
    settings
        .set("asr.provider", json!("openai"))
        .set("asr.openai", json!({ "base_url": provider.base_url(), "model": "ears" }))
        .set("asr.timeout_s", json!(5))
}

pub(crate) fn with_recogniser(service: &Service, kind: Kind, settings: Settings) -> Settings {
    match kind {
        Kind::Doubao => settings
            .set("asr.provider", json!("doubao"))
            .set("asr.doubao", json!({ "url": service.url(), "app_key": "app", "access_key": "access" })),
        Kind::FunAsr => {
            settings.set("asr.provider", json!("funasr")).set("asr.funasr", json!({ "url": service.url() }))
        }
    }
}

pub(crate) async fn listen(device: &mut Device, state: &str, mode: Option<&str>) {
    let mut message = json!({ "type": "listen", "state": state });
    if let Some(mode) = mode {
        message["mode"] = json!(mode);
    }
    device.send(message).await;
}

pub(crate) async fn caption(device: &mut Device) -> String {
    let caption = device.expect_type("stt").await;
    caption["text"].as_str().unwrap_or_default().to_owned()
}

/// An utterance in a listening mode, as firmware sends it.
pub(crate) async fn utterance(device: &mut Device, mode: &str, version: u8) {
    listen(device, "start", Some(mode)).await;
    device.speaks_framed(version, &recording("weather")).await;
    if mode == "manual" {
        tokio::time::sleep(UTTERANCE_GAP).await;
        listen(device, "stop", None).await;
    } else {
        device.speaks_framed(version, &silence(1000)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_every_framing_and_every_way_of_listening() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("明天天气怎么样"));
    let server = Server::start(with_transcription(&provider, Settings::new().bundled())).await;
    for (version, header) in [(1, true), (2, true), (3, true), (2, false), (3, false)] {
        let id = format!("dev-{version}-{header}");
        let text = version.to_string();
        let headers = [("device-id", &*id), ("protocol-version", &*text)];
        let headers = if header { &headers[..] } else { &headers[..1] };
        let mut device = Device::try_connect(&server, "/xiaozhi/v1/", headers).await.expect("a connection");
        device.send(json!({ "type": "hello", "version": version, "transport": "websocket" })).await;
        device.expect_type("hello").await;
        for mode in ["auto", "manual", "realtime"] {
            utterance(&mut device, mode, version).await;
            assert_eq!(caption(&mut device).await, "明天天气怎么样", "version {version} by header: {header}, {mode}");
            let stop = |message: &Value| message["type"] == "tts" && message["state"] == "stop";
            device.expect("an answer", stop).await;
            tokio::time::sleep(UTTERANCE_GAP).await;
        }
    }
    let lengths: Vec<usize> = provider.requests().iter().map(|asked| asked.file.len()).collect();
    assert_eq!(lengths.len(), 15);
    let speech = recording("weather").len() * 2;
    assert!(lengths.iter().all(|length| (speech..speech + 2 * 16 * 1300).contains(length)), "{lengths:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a7_every_segment_is_shown_live_in_every_mode() {
    let service = Service::start(
        Kind::Doubao,
        vec![
            Step::ReceivePackets(3),
            Step::SendBinary(doubao::result(1, &[("决定周", 0, 500, false)])),
            Step::ReceiveEnd,
            Step::SendBinary(doubao::last_result("决定周五发布。")),
        ],
    );
    let settings = Settings::new().bundled().plugin("meeting", guest::bundled("meeting"));
    let server = Server::start(with_recogniser(&service, Kind::Doubao, settings)).await;
    for mode in [None, Some("meeting"), Some("working")] {
        let mut device = Device::join(&server, &format!("dev-{mode:?}")).await;
        if let Some(mode) = mode {
            device.start_mode(mode).await;
        }
        utterance(&mut device, "auto", 1).await;
        let live = |text: &'static str| {
            move |message: &Value| {
                message["type"] == "audio" && message["event"] == "transcription" && message["text"] == text
            }
        };
        device.expect("a draft", live("决定周")).await;
        let draft = if mode == Some("meeting") {
            let draft = |message: &Value| message["phase"] == "snippet" && message["draft"] == true;
            Some(device.expect("a draft of the meeting", draft).await["seq"].clone())
        } else {
            None
        };
        assert_eq!(caption(&mut device).await, "决定周五发布。", "{mode:?}");
        let segment = device.expect("the text", live("决定周五发布。")).await;
        assert_eq!(segment["session_id"], device.session_id());
        assert!(segment["ts"].is_u64());
        if mode == Some("meeting") {
            let snippet = |message: &Value| message["phase"] == "snippet" && message["text"] == "决定周五发布。";
            let confirmed = device.expect("the meeting's own", snippet).await;
            assert_eq!(Some(&confirmed["seq"]), draft.as_ref(), "it replaces its partial transcript");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a4_the_third_meeting_is_heard_like_the_first() {
    for kind in [Kind::Doubao, Kind::FunAsr] {
        let service = Service::instant(kind, "决定周五发布。");
        let settings = Settings::new().bundled().plugin("meeting", guest::bundled("meeting"));
        let server = Server::start(with_recogniser(&service, kind, settings)).await;
        let mut device = Device::join(&server, "dev-1").await;
        for meeting in 0..3 {
            device.start_mode("meeting").await;
            for _ in 0..2 {
                utterance(&mut device, "manual", 1).await;
                let snippet = |message: &Value| message["phase"] == "snippet" && message["text"] == "决定周五发布。";
                device.expect("a snippet", snippet).await;
                tokio::time::sleep(UTTERANCE_GAP).await;
            }
            device.send(json!({ "type": "meeting", "phase": "finalize" })).await;
            let summary = device.expect("a summary", |message| message["phase"] == "summary").await;
            assert_eq!(summary["idempotent"], false, "{kind:?}, meeting {meeting}");
            device.send(json!({ "type": "mode", "state": "end", "mode": "meeting" })).await;
            device.expect("the end", |message| message["type"] == "mode" && message["state"] == "end").await;
            device.clear_seen();
        }
        service.wait_closed();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_recogniser_that_fails_is_told_and_the_session_lives_on() {
    let service = Service::start(Kind::FunAsr, vec![Step::ReceiveEnd, Step::SendText(funasr::offline("wieder da"))]);
    service.queue_script(vec![Step::Refuse(403)]);
    let server = Server::start(with_recogniser(&service, Kind::FunAsr, Settings::new().bundled())).await;
    let mut device = Device::join(&server, "dev-1").await;
    utterance(&mut device, "manual", 1).await;
    let error = device.expect_error("ASR_UNAVAILABLE").await;
    assert!(error["message"].as_str().is_some_and(|message| message.contains("unauthorized")), "{error}");
    tokio::time::sleep(UTTERANCE_GAP).await;
    utterance(&mut device, "manual", 1).await;
    assert_eq!(caption(&mut device).await, "wieder da");
    server.wait_output("an utterance was not recognised").await;
    assert!(!server.output().contains("wieder da"), "transcripts are not logged");
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_pcm_where_hello_says_so_and_odd_formats_are_told() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("verstanden"));
    let server = Server::start(with_transcription(&provider, Settings::new().bundled())).await;
    let mut device = Device::connect(&server, "dev-1").await;
    let hello = |params: Value| json!({ "type": "hello", "audio_params": params });
    device.send(hello(json!({ "format": "pcm", "sample_rate": 48_000, "channels": 1 }))).await;
    let answer = device.expect_type("hello").await;
    assert_eq!(answer["audio_params"], json!({"format":"pcm","sample_rate":24000,"channels":1,"frame_duration":60}));
    listen(&mut device, "start", Some("manual")).await;
    // 1.2 s, each sample three times.
    let speech = &recording("weather")[..1200 * 16];
    let bytes: Vec<u8> = speech.iter().flat_map(|sample| [sample.to_le_bytes(); 3].concat()).collect();
    for frame in bytes.chunks(2 * 2880) {
        device.send_message(Message::binary(frame.to_vec())).await;
    }
    tokio::time::sleep(UTTERANCE_GAP).await;
    listen(&mut device, "stop", None).await;
    assert_eq!(caption(&mut device).await, "verstanden");
    let length = provider.requests()[0].file.len();
    assert!(length.abs_diff(2 * 16 * 1200) < 2 * 16 * 60, "1.2 s at 16 kHz: {length} bytes");
    for (params, phrase) in [
        (json!({ "format": "mp3" }), "opus, pcm"),
        (json!({ "format": "opus", "sample_rate": 0 }), "sample_rate"),
        (json!({ "format": "pcm", "sample_rate": -1 }), "sample_rate"),
        (json!({ "channels": 99 }), "channels"),
        (json!("loud"), "an object"),
    ] {
        device.send(hello(params)).await;
        device.expect_type("hello").await;
        let error = device.expect_error("SCHEMA_INVALID").await;
        assert!(error["message"].as_str().is_some_and(|message| message.contains(phrase)), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_sound_that_is_none_is_skipped_and_counted() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("trotzdem"));
    let server = Server::start(with_transcription(&provider, Settings::new().bundled())).await;
    let headers = [("device-id", "dev-3"), ("protocol-version", "3")];
    let mut device = Device::try_connect(&server, "/xiaozhi/v1/", &headers).await.expect("a connection");
    // Also before hello: wrong lengths, unknown kinds, empty frames, oversized ones, and invalid Opus.
    let bad = [
        vec![],
        vec![0, 0, 0],
        vec![0, 0, 0xff, 0xff, 1],
        vec![7, 0, 0, 1, 1],
        vec![0, 0, 0, 0],
        framed(3, &[0xff; 5000]),
        framed(3, &[0x03]),
    ];
    for frame in &bad {
        device.send_message(Message::binary(frame.clone())).await;
    }
    device.hello().await;
    listen(&mut device, "start", Some("manual")).await;
    for packet in modehost_tests::sound::opus(&recording("weather")) {
        device.send_message(Message::binary(framed(3, &packet))).await;
        device.send_message(Message::binary(bad[2].clone())).await;
    }
    tokio::time::sleep(UTTERANCE_GAP).await;
    listen(&mut device, "stop", None).await;
    assert_eq!(caption(&mut device).await, "trotzdem");
    let metrics = server.admin("GET", "/metrics", "").await.body;
    for reason in ["too_short", "length", "kind", "too_large", "damaged"] {
        let line = format!("modehost_audio_packets_skipped_total{{reason=\"{reason}\"}}");
        assert!(metrics.contains(&line), "{line} is missing in:\n{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a6_a_flood_of_sound_delays_nobodys_pong() {
    let provider = Provider::start();
    let server = Server::start(with_transcription(&provider, Settings::new().bundled())).await;
    let mut flooding = Device::join(&server, "dev-flood").await;
    listen(&mut flooding, "start", Some("realtime")).await;
    let packets = modehost_tests::sound::opus(&recording("two-sentences"));
    let flood = async {
        for _ in 0..40 {
            for packet in &packets {
                flooding.send_message(Message::binary(packet.clone())).await;
            }
        }
    };
    let mut other = Device::join(&server, "dev-quiet").await;
    let pings = async {
        let mut slowest = Duration::ZERO;
        for _ in 0..50 {
            slowest = slowest.max(other.ping().await);
        }
        slowest
    };
    let ((), slowest) = tokio::join!(flood, pings);
    println!("slowest pong beside a flood of sound: {slowest:?}");
    assert!(slowest < Duration::from_secs(1), "{slowest:?}");
    flooding.ping().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn c3_what_was_said_last_is_heard_though_the_connection_is_gone() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("noch gehört").delayed_by(Duration::from_millis(300)));
    let server = Server::start(with_transcription(&provider, Settings::new().bundled())).await;
    let mut device = Device::join(&server, "dev-1").await;
    listen(&mut device, "start", Some("auto")).await;
    device.speaks(&recording("weather")).await;
    device.settle().await;
    device.vanish();
    server.wait_disconnected("dev-1").await;
    let mut again = Device::join(&server, "dev-1").await;
    assert_eq!(caption(&mut again).await, "noch gehört");
}

#[tokio::test(flavor = "multi_thread")]
async fn c7_sessions_that_heard_something_leave_nothing_behind() {
    let service = Service::start(Kind::Doubao, vec![Step::ReceiveEnd]);
    let settings = with_recogniser(&service, Kind::Doubao, Settings::new().bundled())
        .set("session.resume_window_s", json!(0))
        .set("asr.timeout_s", json!(1));
    let server = Server::start(settings).await;
    for round in 0..4 {
        let mut devices = Vec::new();
        for number in 0..25 {
            let mut device = Device::join(&server, &format!("dev-{round}-{number}")).await;
            listen(&mut device, "start", Some("manual")).await;
            device.speaks(&recording("mark-done")).await;
            devices.push(device);
        }
        service.wait_connections((round + 1) * 25);
        devices.into_iter().for_each(Device::vanish);
    }
    service.wait_closed();
    let sessions = async || server.admin("GET", "/metrics", "").await.body;
    let gone = |metrics: &String| metrics.lines().any(|line| line == "modehost_sessions 0");
    let metrics = modehost_tests::wait::until("no session is left", Duration::from_secs(60), sessions, gone).await;
    assert!(metrics.lines().any(|line| line == "modehost_asr_pipelines 0"), "pipelines are left:\n{metrics}");
    assert!(metrics.lines().any(|line| line == "modehost_ears 0"), "the older name is shown until 0.3:\n{metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn h6_a_recogniser_that_is_configured_later_hears_without_a_reconnect() {
    let provider = Provider::start();
    provider.default_reply(Reply::text("jetzt schon"));
    let without = Settings::new().bundled();
    let server = Server::start(without.clone()).await;
    let mut device = Device::join(&server, "dev-1").await;
    utterance(&mut device, "manual", 1).await;
    device.expect_error("ASR_UNAVAILABLE").await;
    server.configure(&with_transcription(&provider, without));
    // The user repeats the utterance until it is recognised.
    for _ in 0..30 {
        tokio::time::sleep(UTTERANCE_GAP).await;
        utterance(&mut device, "manual", 1).await;
        device.ping().await;
        if !provider.requests().is_empty() {
            break;
        }
    }
    assert_eq!(caption(&mut device).await, "jetzt schon");
}
