//! A.11: audio in another framing or format than announced. Rule: audio that can be decoded is recognised; otherwise
//! the device and the operator are told, once.

use modehost_provider::{Provider, Reply};
use modehost_tests::sound::{framed, opus, played, recording, silence};
use modehost_tests::{Device, Seen, Server, Settings};
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::asr::{UTTERANCE_GAP, caption, listen, with_transcription};

fn is_stop(message: &Value) -> bool {
    message["type"] == "tts" && message["state"] == "stop"
}

/// Asserts that the received audio is the voice's tone in frames of this version: in another framing it decodes to
/// noise, or not at all.
fn assert_spoken(framing: u8, device: &Device, case: &str) {
    let pcm = played(framing, device.seen());
    let crossings = pcm.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    let hertz = crossings as f64 / (pcm.len() as f64 / 24_000.0);
    assert!((hertz - 440.0).abs() < 40.0, "{case}: {hertz} Hz in {} samples", pcm.len());
}

/// A connection with this `protocol-version` header, and a hello.
async fn join(server: &Server, id: &str, header: Option<&str>, hello: Value) -> Device {
    let headers: Vec<(&str, &str)> =
        [("device-id", id)].into_iter().chain(header.map(|version| ("protocol-version", version))).collect();
    let mut device = Device::try_connect(server, "/xiaozhi/v1/", &headers).await.expect("a connection");
    device.send(hello).await;
    device.expect_type("hello").await;
    device
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_without_the_header_a_page_is_heard_and_spoken_to_as_its_frames_are() {
    let (asr, voice) = (Provider::start(), Provider::start());
    asr.default_reply(Reply::text("明天天气怎么样"));
    let settings = with_transcription(&asr, Settings::new().bundled())
        .set("tts", json!({ "provider": "openai", "openai": { "base_url": voice.base_url(), "model": "mouth" } }));
    let server = Server::start(settings).await;
    for hello in [json!(1), json!(2), json!(3), Value::Null] {
        for framing in [1, 2, 3] {
            let id = format!("page-{hello}-{framing}");
            let announced = json!({ "type": "hello", "version": hello, "transport": "websocket" });
            let mut device = join(&server, &id, None, announced).await;
            listen(&mut device, "start", Some("auto")).await;
            device.speaks_framed(framing, &[recording("weather"), silence(1000)].concat()).await;
            assert_eq!(caption(&mut device).await, "明天天气怎么样", "hello {hello}, frames of version {framing}");
            device.expect("an answer", is_stop).await;
            assert_spoken(framing, &device, &format!("hello {hello}, frames of version {framing}"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_before_anything_was_heard_of_a_page_it_is_sent_bare_packets() {
    let voice = Provider::start();
    let settings = Settings::new()
        .bundled()
        .set("tts", json!({ "provider": "openai", "openai": { "base_url": voice.base_url(), "model": "mouth" } }));
    let server = Server::start(settings).await;
    for (header, hello, framing) in [(None, 3, 1), (None, 2, 1), (Some("3"), 1, 3), (Some("2"), 3, 2)] {
        let id = format!("typed-{header:?}-{hello}");
        let mut device = join(&server, &id, header, json!({ "type": "hello", "version": hello })).await;
        device.types("hello there").await;
        device.expect("an answer", is_stop).await;
        assert_spoken(framing, &device, &format!("header {header:?}, hello {hello}"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_sound_of_which_nothing_can_be_read_is_told_once() {
    let asr = Provider::start();
    let server = Server::start(with_transcription(&asr, Settings::new().bundled())).await;
    let speech = opus(&recording("weather"));
    // Bare packets and version 3 frames where version 3 and version 1 were announced; and invalid Opus.
    let none: Vec<Vec<u8>> = (0..57).map(|number| vec![0x5b, 0, number, 7]).collect();
    let wrapped: Vec<Vec<u8>> = speech.iter().map(|packet| framed(3, packet)).collect();
    for (id, header, packets, log) in [
        ("bare", Some("3"), &speech, "cannot be parsed in this protocol version"),
        ("wrapped", Some("1"), &wrapped, "cannot be parsed in this protocol version"),
        ("none", None, &none, "cannot be decoded"),
    ] {
        let mut device = join(&server, id, header, json!({ "type": "hello" })).await;
        listen(&mut device, "start", Some("manual")).await;
        for packet in packets.iter().take(19) {
            device.send_message(Message::binary(packet.clone())).await;
        }
        device.ping().await;
        for packet in packets.iter().skip(19) {
            device.send_message(Message::binary(packet.clone())).await;
        }
        device.expect_error("AUDIO_UNREADABLE").await;
        for packet in packets {
            device.send_message(Message::binary(packet.clone())).await;
        }
        tokio::time::sleep(UTTERANCE_GAP).await;
        listen(&mut device, "stop", None).await;
        device.settle().await;
        let errors = device.seen_of_type("error");
        assert_eq!(errors.len(), 1, "{id}: once: {errors:?}");
        server.wait_output(log).await;
        let lines = server.output().lines().filter(|line| line.contains(log) && line.contains(id)).count();
        assert_eq!(lines, 1, "{id}: one line");
    }
    assert!(asr.requests().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a11_opus_is_heard_though_pcm_was_announced_and_the_other_way_round() {
    let asr = Provider::start();
    asr.default_reply(Reply::text("verstanden"));
    let server = Server::start(with_transcription(&asr, Settings::new().bundled())).await;
    let speech = [silence(600), recording("weather")].concat();
    let pcm: Vec<Vec<u8>> =
        speech.chunks_exact(960).map(|frame| frame.iter().flat_map(|sample| sample.to_le_bytes()).collect()).collect();
    for (format, packets) in [("pcm", opus(&speech)), ("opus", pcm)] {
        let params = json!({ "format": format, "sample_rate": 16_000, "channels": 1, "frame_duration": 60 });
        let mut device = join(&server, format, None, json!({ "type": "hello", "audio_params": params })).await;
        listen(&mut device, "start", Some("manual")).await;
        for packet in packets {
            device.send_message(Message::binary(packet)).await;
        }
        tokio::time::sleep(UTTERANCE_GAP).await;
        listen(&mut device, "stop", None).await;
        assert_eq!(caption(&mut device).await, "verstanden", "{format}");
        let length = asr.requests().last().expect("a request").file.len() / 32;
        assert!(length + 700 > speech.len() / 16, "{format}: {length} of {} ms", speech.len() / 16);
        assert!(!device.seen().iter().any(|seen| matches!(seen, Seen::Json(message) if message["type"] == "error")));
    }
}
