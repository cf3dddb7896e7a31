//! TTS services that answer in another audio format than requested. Rule: the service is a bare socket, so that the
//! test controls each byte of its response and how it is split.

use std::time::Duration;

use futures_util::StreamExt;
use modehost_speech::config::{TtsConfig, TtsProvider};
use modehost_speech::tts::speaker;
use modehost_speech::{Fault, FaultKind};
use serde_json::json;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// The audio from a service with this content type and body, and the number of requests.
async fn speak(kind: Option<&str>, body: &[u8], chunk: usize) -> (Vec<i16>, Option<Fault>, usize) {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let base_url = format!("http://{}/v1", listener.local_addr().expect("an address"));
    let openai = json!({ "base_url": base_url, "model": "mouth", "voice": "nova" });
    let openai = Some(serde_json::from_value(openai).expect("settings"));
    let config = TtsConfig { provider: TtsProvider::Auto, openai, timeout_s: 2, ..TtsConfig::default() };
    let mut sound = speaker(&config).expect("a speaker").speak("hello");
    let mut asked = 0;
    let serve = async {
        loop {
            let (socket, _) = listener.accept().await.expect("a connection");
            asked += 1;
            answer(socket, kind, body, chunk).await;
        }
    };
    let collect = async {
        let mut pcm = Vec::new();
        loop {
            match sound.next().await {
                Some(Ok(chunk)) => pcm.extend(chunk),
                Some(Err(fault)) => return (pcm, Some(fault)),
                None => return (pcm, None),
            }
        }
    };
    let (pcm, fault) = tokio::select! {
        collected = tokio::time::timeout(Duration::from_secs(20), collect) => collected.expect("an end"),
        () = serve => unreachable!("it serves for ever"),
    };
    (pcm, fault, asked)
}

/// Reads a request and answers it. A client that disconnects early is no failure here.
async fn answer(socket: TcpStream, kind: Option<&str>, body: &[u8], chunk: usize) {
    let mut socket = BufReader::new(socket);
    let (mut line, mut length) = (String::new(), 0);
    while socket.read_line(&mut line).await.is_ok_and(|count| count > 2) {
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().expect("a length");
        }
        line.clear();
    }
    socket.read_exact(&mut vec![0; length]).await.expect("a body");
    let kind = kind.map_or(String::new(), |kind| format!("Content-Type: {kind}\r\n"));
    let head = format!("HTTP/1.1 200 OK\r\n{kind}Content-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    for bytes in [head.as_bytes()].into_iter().chain(body.chunks(chunk)) {
        if socket.write_all(bytes).await.is_err() || socket.flush().await.is_err() {
            return;
        }
        // So that the chunks arrive separately.
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn words() -> Vec<i16> {
    (0..500).map(|at| (at * 37 % 20_000) as i16 - 9_000).collect()
}

fn bytes(pcm: &[i16]) -> Vec<u8> {
    pcm.iter().flat_map(|sample| sample.to_le_bytes()).collect()
}

fn wav(channels: u16, sample_rate: u32) -> Vec<u8> {
    let spec = hound::WavSpec { channels, sample_rate, bits_per_sample: 16, sample_format: hound::SampleFormat::Int };
    let mut file = std::io::Cursor::new(Vec::new());
    let mut writer = hound::WavWriter::new(&mut file, spec).expect("a file");
    words().iter().for_each(|sample| writer.write_sample(*sample).expect("a sample"));
    writer.finalize().expect("a file");
    file.into_inner()
}

#[tokio::test]
async fn a8_openai_sound_that_nobody_decodes_is_refused_with_what_to_set() {
    for kind in ["audio/mpeg", "audio/ogg; codecs=opus", "audio/aac", "audio/flac", "audio/basic", "video/mp4"] {
        let (pcm, fault, asked) = speak(Some(kind), &bytes(&words()), 100).await;
        let fault = fault.expect(kind);
        assert_eq!((pcm.len(), fault.kind, asked), (0, FaultKind::Malformed, 1), "{kind}: no noise, and no retry");
        let name = kind.split(';').next().expect("a kind");
        assert!(fault.message.contains(name) && fault.message.contains("response_format"), "{}", fault.message);
    }
}

#[tokio::test]
async fn a8_openai_samples_are_played_whatever_they_are_called() {
    for kind in [None, Some("audio/pcm;rate=24000"), Some("Audio/L16"), Some("application/octet-stream")] {
        let (pcm, fault, _) = speak(kind, &bytes(&words()), 333).await;
        assert_eq!((pcm, fault), (words(), None), "{kind:?}");
    }
}

#[tokio::test]
async fn a8_openai_the_header_of_a_wav_file_is_not_played() {
    // Like the output of a program that does not know the length in advance and adds its name.
    let mut streamed = wav(1, 24_000);
    streamed.splice(40..44, [0xff; 4]);
    streamed.splice(36..36, b"LIST\x1a\0\0\0INFOISFT\x0e\0\0\0Lavf58.76.100\0".iter().copied());
    for file in [wav(1, 24_000), streamed] {
        for (kind, chunk) in
            [(Some("audio/wav"), 2000), (Some("audio/pcm"), 2000), (None, 7), (Some("audio/x-wav"), 45)]
        {
            let (pcm, fault, _) = speak(kind, &file, chunk).await;
            assert_eq!((pcm, fault), (words(), None), "{kind:?} in pieces of {chunk}");
        }
    }
}

#[tokio::test]
async fn a8_openai_a_wav_file_of_another_kind_is_played_at_its_pitch() {
    // Stereo is mixed to half as many samples.
    for (file, samples) in [(wav(2, 24_000), 250), (wav(1, 12_000), 1000), (wav(1, 48_000), 250), (wav(1, 8_000), 1500)]
    {
        for kind in [Some("audio/wav"), Some("audio/pcm"), Some("application/json"), None] {
            let (pcm, fault, asked) = speak(kind, &file, 100).await;
            assert_eq!((pcm.len(), fault, asked), (samples, None, 1), "{kind:?}");
        }
    }
}

#[tokio::test]
async fn a8_openai_compressed_sound_is_played() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/recordings/mark-done.mp3");
    let file = std::fs::read(path).expect("a recording");
    for kind in [Some("audio/mpeg"), Some("audio/pcm"), None] {
        let (pcm, fault, asked) = speak(kind, &file, 700).await;
        assert!(
            (19_000..24_000).contains(&pcm.len()) && fault.is_none() && asked == 1,
            "{kind:?}: {} {fault:?}",
            pcm.len()
        );
    }
}

#[tokio::test]
async fn a8_openai_an_answer_without_sound_is_told_after_one_more_try() {
    for body in [&b""[..], &wav(1, 24_000)[..44]] {
        let (pcm, fault, asked) = speak(Some("audio/pcm"), body, 10).await;
        assert_eq!((pcm.len(), fault.map(|fault| fault.kind), asked), (0, Some(FaultKind::Malformed), 2));
    }
    let (_, fault, asked) = speak(Some("audio/pcm"), b"{\"error\":{\"message\":\"no such voice\"}}", 100).await;
    assert_eq!((fault.map(|fault| fault.message), asked), (Some("openai sent text in place of sound".to_owned()), 1));
}
