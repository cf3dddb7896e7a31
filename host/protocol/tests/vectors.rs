//! `host/protocol/vectors.json`, which the simulator of the console is checked against as well. Rule: every vector is read, and
//! what is written is the same byte for byte, or the same JSON.

use std::time::Duration;

use modehost_protocol::framing::{Framing, Payload};
use modehost_protocol::{Codec, DeviceMessage, reply};
use serde_json::{Value, json};

fn vectors(name: &str) -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../vectors.json")).expect("JSON");
    all[name].as_array().unwrap_or_else(|| panic!("no {name}")).clone()
}

fn bytes(hex: &str) -> Vec<u8> {
    let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).expect("hex");
    (0..hex.len()).step_by(2).map(byte).collect()
}

#[test]
fn frames_are_read_and_written_byte_for_byte() {
    let all = vectors("frames");
    assert!(all.len() > 12);
    for vector in all {
        let framing = Framing::of_version(vector["framing"].as_u64().expect("a version")).expect("a framing");
        let frame = bytes(vector["hex"].as_str().expect("hex"));
        match framing.parse(&frame) {
            Ok(Payload::Audio(packet)) => {
                assert_eq!(packet, bytes(vector["audio"].as_str().expect("audio")), "{vector}");
                let timestamp = vector["timestamp_ms"].as_u64().expect("a timestamp") as u32;
                assert_eq!(framing.frame(packet.to_vec(), timestamp), frame, "{vector}");
            }
            Ok(Payload::Text(text)) => assert_eq!(text, vector["text"].as_str().expect("a text").as_bytes()),
            Err(error) => assert_eq!(error.label(), vector["error"], "{vector}"),
        }
    }
}

#[test]
fn messages_of_a_device_mean_what_is_written() {
    let all = vectors("from_device");
    assert!(all.len() > 10);
    for vector in all {
        let (message, meaning) = (&vector["message"], &vector["meaning"]);
        let mut sent = message.clone();
        if let Some(session) = vector["session"].as_str() {
            sent["session_id"] = json!(session);
        }
        let kind = message["type"].as_str().expect("a type");
        let parsed =
            DeviceMessage::parse(kind, &sent.to_string()).unwrap_or_else(|error| panic!("{vector}: {error:?}"));
        let found = match parsed {
            DeviceMessage::Hello(hello) => {
                let codec = match hello.audio.codec {
                    Codec::Opus => "opus",
                    Codec::Pcm => "pcm",
                };
                json!({ "hello": {
                    "codec": codec, "sample_rate": hello.audio.sample_rate, "version": hello.version,
                    "mcp": hello.mcp, "extensions": hello.extensions, "emotions": hello.emotions,
                } })
            }
            DeviceMessage::Listen(listen) => {
                let state = format!("{:?}", listen.state).to_lowercase();
                let mode = listen.mode.map(|mode| format!("{mode:?}").to_lowercase());
                json!({ "listen": { "state": state, "mode": mode, "text": listen.text } })
            }
            DeviceMessage::Abort { reason } => json!({ "abort": reason }),
            DeviceMessage::Mode { start, mode } => {
                json!({ "mode": { "state": if start { "start" } else { "end" }, "mode": mode } })
            }
            DeviceMessage::Mcp { payload } => {
                json!({ "mcp": serde_json::from_str::<Value>(&payload).expect("JSON") })
            }
            other => panic!("{vector}: {other:?}"),
        };
        assert_eq!(found, *meaning, "{vector}");
    }
}

#[test]
fn messages_of_the_server_are_the_ones_that_are_written() {
    let all = vectors("from_server");
    assert!(all.len() > 12);
    for vector in all {
        let arguments = vector["arguments"].as_array().expect("arguments");
        let text = |at: usize| arguments[at].as_str().expect("a text");
        let number = |at: usize| arguments[at].as_u64().expect("a number");
        let sent = match vector["reply"].as_str().expect("a name") {
            "hello" => reply::hello(text(0), (text(1), number(2) as u32, number(3) as u32)),
            "stt" => reply::stt(text(0), text(1)),
            "transcription" => reply::transcription(text(0), number(1), text(2)),
            "tts" => reply::tts(text(0), arguments[1].as_str(), text(2)),
            "alert" => reply::alert(text(0), text(1), text(2)),
            "system" => reply::system(text(0)),
            "timeout_warning" => reply::timeout_warning(Duration::from_millis(number(0))),
            "mode_ok" => reply::mode_ok(text(0), text(1), text(2)),
            "mode_unknown" => {
                let modes: Vec<&str> =
                    arguments[3].as_array().expect("modes").iter().filter_map(Value::as_str).collect();
                reply::mode_unknown(text(0), text(1), text(2), &modes)
            }
            "listen" => reply::listen(text(0), arguments[1].as_str(), text(2)),
            "mcp" => reply::mcp(&arguments[0], text(1)),
            other => panic!("no reply {other}"),
        };
        assert_eq!(serde_json::from_str::<Value>(&sent).expect("JSON"), vector["message"], "{vector}");
    }
}
