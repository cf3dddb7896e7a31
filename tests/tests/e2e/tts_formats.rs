//! A.8: TTS services that send other audio formats than requested, over real sockets. Rule: what the device plays has
//! the pitch and the length that the service meant.

use modehost_provider::{Provider, Reply};
use modehost_tests::server::workspace_root;
use modehost_tests::sound::played;
use modehost_tests::{Device, Seen, Server, Settings};
use serde_json::{Value, json};

fn is_stop(message: &Value) -> bool {
    message["type"] == "tts" && message["state"] == "stop"
}

fn with_voice(voice: &Provider) -> Settings {
    let service = json!({ "base_url": voice.base_url(), "model": "mouth" });
    Settings::new().bundled().set("tts", json!({ "provider": "openai", "timeout_s": 5, "openai": service }))
}

/// A second of 440 Hz as a WAV file: format tag, channels, rate, bits, and the length in its header.
fn wav(tag: u16, channels: u16, rate: u32, bits: u16, length: Option<u32>) -> Vec<u8> {
    let mut sound = Vec::new();
    for at in 0..rate {
        let value = (f64::from(at) / f64::from(rate) * 440.0 * std::f64::consts::TAU).sin() * 0.4;
        let one = match (tag, bits) {
            (1, 8) => vec![(value * 127.0 + 128.0) as u8],
            (1, 16) => ((value * 32_767.0) as i16).to_le_bytes().to_vec(),
            (1, 24) => ((value * 8_388_607.0) as i32).to_le_bytes()[..3].to_vec(),
            (1, _) => ((value * 2_147_483_647.0) as i32).to_le_bytes().to_vec(),
            _ => (value as f32).to_le_bytes().to_vec(),
        };
        sound.extend(one.repeat(channels.into()));
    }
    let block = channels * bits / 8;
    let mut file = b"RIFF\xff\xff\xff\xffWAVELIST\x1a\0\0\0INFOISFT\x0e\0\0\0Lavf58.76.100\0fmt \x10\0\0\0".to_vec();
    file.extend([tag, channels].iter().flat_map(|short| short.to_le_bytes()));
    file.extend([rate, rate * u32::from(block)].iter().flat_map(|long| long.to_le_bytes()));
    file.extend([block, bits].iter().flat_map(|short| short.to_le_bytes()));
    file.extend(b"data");
    file.extend(length.unwrap_or(sound.len() as u32).to_le_bytes());
    file.extend(sound);
    file
}

/// What is played of an answer with this TTS reply: its length in ms and its pitch.
async fn playback_of(server: &Server, voice: &Provider, id: &str, reply: Reply) -> (usize, f64) {
    voice.default_reply(reply);
    let mut device = Device::join(server, id).await;
    device.types("hello there").await;
    device.expect("the end", is_stop).await;
    assert!(
        device.seen_of_type("error").iter().all(|error| error["code"] != "TTS_UNAVAILABLE"),
        "{:#?}",
        device.seen()
    );
    let pcm = played(1, device.seen());
    let crossings = pcm.windows(2).filter(|pair| pair[0] < 0 && pair[1] >= 0).count();
    let sentences =
        device.seen().iter().filter(|seen| matches!(seen, Seen::Json(message) if message["state"] == "sentence_end"));
    (pcm.len() / 24 / sentences.count().max(1), crossings as f64 / (pcm.len() as f64 / 24_000.0))
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_wav_of_every_kind_is_heard_at_its_pitch_though_pcm_was_asked_for() {
    let voice = Provider::start();
    let server = Server::start(with_voice(&voice)).await;
    for (label, tag, channels, rate, bits, length) in [
        ("audio/wav", 1, 1, 8_000, 8, None),
        ("audio/wav", 1, 2, 16_000, 16, None),
        ("audio/pcm", 1, 1, 22_050, 16, Some(u32::MAX)),
        ("application/octet-stream", 1, 2, 44_100, 24, Some(0)),
        ("audio/x-wav", 3, 1, 48_000, 32, None),
        ("audio/mpeg", 1, 1, 32_000, 32, Some(u32::MAX)),
    ] {
        let file = wav(tag, channels, rate, bits, length);
        let id = format!("dev-{rate}");
        let (ms, hertz) = playback_of(&server, &voice, &id, Reply::raw_as(label, file)).await;
        assert!((960..=1140).contains(&ms), "{rate} Hz, {bits} bit: {ms} ms");
        // Less than 440: the last frame is padded with silence.
        assert!((380.0..=450.0).contains(&hertz), "{rate} Hz, {bits} bit: {hertz} Hz");
    }
    assert!(voice.requests().iter().all(|asked| asked.body["response_format"] == "pcm"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_samples_with_parameters_and_compressed_sound_are_heard() {
    let voice = Provider::start();
    let server = Server::start(with_voice(&voice)).await;
    let samples: Vec<u8> = wav(1, 2, 16_000, 16, None)[78..].to_vec();
    assert_eq!(samples.len(), 64_000);
    let reply = Reply::raw_as("audio/pcm;rate=16000;channels=2", samples);
    let (ms, hertz) = playback_of(&server, &voice, "dev-pcm", reply).await;
    assert!((960..=1140).contains(&ms) && (380.0..=450.0).contains(&hertz), "{ms} ms, {hertz} Hz");
    let mp3 = std::fs::read(workspace_root().join("tests/recordings/mark-done.mp3")).expect("a recording");
    let (ms, _) = playback_of(&server, &voice, "dev-mp3", Reply::raw_as("audio/mpeg", mp3)).await;
    assert!((800..=1100).contains(&ms), "{ms} ms");
}

#[tokio::test(flavor = "multi_thread")]
async fn a8_sound_that_cannot_be_played_is_told_with_what_to_set() {
    let voice = Provider::start();
    voice.default_reply(Reply::raw_as("audio/flac", [&b"fLaC"[..], &[0; 500]].concat()));
    let server = Server::start(with_voice(&voice)).await;
    let mut device = Device::join(&server, "dev-1").await;
    device.types("hello there").await;
    device.expect("a failure", |message| message["code"] == "TTS_UNAVAILABLE").await;
    device.expect("the end", is_stop).await;
    server.wait_output("audio/flac").await;
    server.wait_output("response_format").await;
    assert!(!device.seen().iter().any(|seen| matches!(seen, Seen::Binary(_))), "no noise");
}
